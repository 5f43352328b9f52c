//! A set read as any distribution of its array, not the one that it was saved in.

use std::path::Path;

use super::super::piece::{Piece, check_together, collect};
use super::manifest::Manifest;
use super::set::rank_path;
use crate::array::AnyArray;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// Reads this rank's part of a set that any number of ranks saved, as `distribution` deals
/// the array out. Padding is filled too, with zeros outside the array. Collective.
///
/// Each rank reads the headers of all files, and of their elements those that it holds;
/// the files must be within reach of all. Those of a set with a [`Manifest`] are compared
/// with it, each by one rank.
///
/// # Errors
/// As for [`redistribute`](crate::io::redistribute()), and `Shape` for an array of other
/// extents, `Busy` where the set is replaced meanwhile; the same error on every rank.
pub fn read_onto(prefix: impl AsRef<Path>, distribution: &Distribution) -> Result<AnyArray> {
    let (prefix, comm) = (prefix.as_ref(), distribution.comm());
    let (pieces, save) = comm.agree(pieces(prefix))?;
    let mut first = save.clone();
    comm.broadcast(0, &mut first)?;
    let of_one_save = || {
        let why = "the set is being replaced; read it again when it is complete";
        if first == save { Ok(()) } else { Err(Error::new(ErrorKind::Busy, why).in_file(prefix)) }
    };
    let compare = || {
        let mut mine = pieces.iter().skip(comm.rank()).step_by(comm.size()).filter_map(Piece::as_member);
        mine.try_for_each(|member| member.verify(&mut |_| Ok(())))
    };
    comm.agree(of_one_save().and_then(|()| compare()))?;
    comm.agree(part(&pieces, distribution.dim_data()))
}

/// The part that an array's files make.
fn part(pieces: &[Piece], dim_data: &DimData) -> Result<AnyArray> {
    let elements = pieces[0].elements_of(dim_data)?;
    let layout = elements.layout();
    let all: Vec<_> = layout.shape().iter().map(|&extent| 0..extent).collect();
    let buffer = elements.fill(|bytes| collect(pieces, dim_data, &all, layout, bytes))?;
    pieces.iter().try_for_each(Piece::is_still)?;
    AnyArray::new(dim_data.clone(), buffer)
}

/// The files of a set, of one array, and the name of the save that made them.
fn pieces(prefix: &Path) -> Result<(Vec<Piece>, Vec<u8>)> {
    let (pieces, save) = match Manifest::open(prefix)? {
        Some(manifest) => {
            let pieces = manifest.members().map(|member| Piece::member(member?)).collect::<Result<_>>()?;
            (pieces, manifest.save())
        }
        None => (without_manifest(prefix)?, String::new()),
    };
    check_together(&pieces)?;
    Ok((pieces, save.into_bytes()))
}

/// The files of a set that something else wrote: as many as the first one says.
fn without_manifest(prefix: &Path) -> Result<Vec<Piece>> {
    let first = Piece::part(rank_path(prefix, 0))?;
    let ranks = usize::try_from(first.dim_data().process_count()).unwrap_or(usize::MAX);
    let others = (1..ranks).map(|rank| Piece::part(rank_path(prefix, rank)));
    std::iter::once(Ok(first)).chain(others).collect()
}
