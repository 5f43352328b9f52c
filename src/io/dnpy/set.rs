//! Sets of `.dnpy` files: one per rank, `<prefix>_<rank>.dnpy`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::atomic::{Staged, commit_all, sync_names};
use super::super::sum::Sum;
use super::manifest::{Manifest, Member, Save, lock};
use super::{fill, read, read_member};
use crate::array::AnyArray;
use crate::comm::{Comm, Peer};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::DimData;

/// Reads this rank's file `<prefix>_<rank>.dnpy` of a set. Collective.
///
/// Of a set with a [`Manifest`] the files of one save are read, all of them, whatever
/// was interrupted; without one the files are taken as they are. Rank 0 alone reads the
/// manifest, so that each rank's file may be on a disk of its node.
///
/// # Errors
/// As for [`read`](super::read), and `Grid` where a file belongs to another rank or to a
/// set of another size, `Invariant` where one is not of the save that the manifest
/// names; the same error on every rank.
pub fn read_rank(prefix: impl AsRef<Path>, comm: &Comm) -> Result<AnyArray> {
    let (prefix, rank) = (prefix.as_ref(), comm.rank());
    let member = member(prefix, comm)?;
    let read_mine = || {
        let path = member.as_ref().map_or_else(|| rank_path(prefix, rank), |member| member.path().to_owned());
        let array = match &member {
            Some(member) => read_member(member)?,
            None => read(&path)?,
        };
        check_rank(array.dim_data(), comm).map_err(|error| error.in_file(&path))?;
        Ok(array)
    };
    comm.agree(read_mine())
}

/// Writes this rank's file `<prefix>_<rank>.dnpy` of a set, and with rank 0 its
/// [`Manifest`], `<prefix>.manifest`. Collective.
///
/// What was there before is replaced as a whole: whenever the job or the machine stops,
/// [`read_rank`] reads the old files or the new ones, never some of each. A failure
/// leaves the old ones, but for one while finished files are put in place: then the new
/// ones are read.
///
/// # Errors
/// As for [`write`](super::write), and `Grid` where the array belongs to another rank or
/// number of ranks, `Busy` where another job is saving the set, as far as the file system
/// of rank 0 knows; the same error on every rank.
pub fn write_rank(prefix: impl AsRef<Path>, array: impl AsRef<AnyArray>, comm: &Comm) -> Result<()> {
    let (prefix, array) = (prefix.as_ref(), array.as_ref());
    let _lock = comm.agree((comm.rank() == 0).then(|| lock(prefix)).transpose())?;
    let mut name = Save::new().to_bytes().to_vec();
    comm.broadcast(0, &mut name)?;
    let save = Save::from_bytes(name.try_into().unwrap_or_default());
    let stage = || {
        check_rank(array.dim_data(), comm)?;
        let path = rank_path(prefix, comm.rank());
        let staged = fill(|| save.create(prefix, comm.rank()), &path, array)?;
        sync_names([&staged])?;
        Ok(staged)
    };
    let staged = comm.agree(stage())?;
    let sums = gather(comm, staged.sum())?;
    let manifest = comm.agree((comm.rank() == 0).then(|| save.manifest(prefix, &sums)).transpose())?;
    // From here on this is the set, or may be: whatever fails, nothing of it is removed.
    let staged = staged.kept();
    comm.agree(manifest.map_or(Ok(()), Staged::commit))?;
    comm.agree(commit_all([staged]))?;
    if comm.rank() == 0 {
        save.remove_others(prefix);
    }
    Ok(())
}

/// This rank's file of a set, as the manifest says that rank 0 finds; none where it finds
/// no manifest. Collective.
fn member(prefix: &Path, comm: &Comm) -> Result<Option<Member>> {
    let read = || {
        let Some(manifest) = Manifest::open(prefix)? else { return Ok(None) };
        if manifest.ranks() != comm.size() {
            return Err(Error::new(
                ErrorKind::Grid,
                "the set was saved by another number of ranks; read it as a distribution of these",
            )
            .in_field("proc_grid_size")
            .expected_found(as_i64(manifest.ranks()), as_i64(comm.size()))
            .in_file(&manifest.path()));
        }
        Ok(Some((manifest.id(), manifest.sums().collect::<Result<Vec<_>>>()?)))
    };
    let found = comm.agree(if comm.rank() == 0 { read() } else { Ok(None) })?;
    let (save, sums) = found.map_or((None, Vec::new()), |(save, sums)| (Some(save), sums));
    let mut save = save.map_or_else(Vec::new, |save| save.to_bytes().to_vec());
    comm.broadcast(0, &mut save)?;
    let Ok(save) = save.try_into().map(Save::from_bytes) else { return Ok(None) };
    let sum = scatter(comm, &sums)?;
    Ok(Some(Member::of(prefix, save, comm.rank(), sum)))
}

/// To each rank its sum, from rank 0, which has them all. Collective.
fn scatter(comm: &Comm, sums: &[Sum]) -> Result<Sum> {
    let from = [Peer { rank: 0, bytes: Sum::BYTES }];
    let mut messages = comm.agree(comm.messages(&everyone(sums.len()), &from))?;
    messages.start_receives()?;
    for (rank, sum) in sums.iter().enumerate() {
        messages.send_buffer(rank)?.copy_from_slice(&sum.to_bytes());
        messages.start_send(rank)?;
    }
    messages.finish()?;
    let sum = Sum::from_bytes(messages.received(0)?);
    messages.free()?;
    Ok(sum)
}

/// The sums of all ranks on rank 0, in their order. Collective.
fn gather(comm: &Comm, mine: Sum) -> Result<Vec<Sum>> {
    let ranks = if comm.rank() == 0 { comm.size() } else { 0 };
    let to = [Peer { rank: 0, bytes: Sum::BYTES }];
    let mut messages = comm.agree(comm.messages(&to, &everyone(ranks)))?;
    messages.start_receives()?;
    messages.send_buffer(0)?.copy_from_slice(&mine.to_bytes());
    messages.start_send(0)?;
    messages.finish()?;
    let sums = (0..ranks).map(|rank| Ok(Sum::from_bytes(messages.received(rank)?))).collect();
    messages.free()?;
    sums
}

/// So many ranks, and a sum for each.
fn everyone(ranks: usize) -> Vec<Peer> {
    (0..ranks).map(|rank| Peer { rank, bytes: Sum::BYTES }).collect()
}

/// The file of one rank of a set: `<prefix>_<rank>.dnpy`. Local.
#[must_use]
pub fn rank_path(prefix: &Path, rank: usize) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(format!("_{rank}.dnpy"));
    path.into()
}

/// The set that a file belongs to by its name, and its rank there; `None` for any
/// other name. Local.
///
/// ```
/// use distarray::io::dnpy::{rank_of_path, rank_path};
/// use std::path::Path;
///
/// let prefix = Path::new("out/u");
/// assert_eq!(rank_of_path(&rank_path(prefix, 12)), Some((prefix.into(), 12)));
/// assert_eq!(rank_of_path(Path::new("out/u_012.dnpy")), None);
/// ```
#[must_use]
pub fn rank_of_path(path: &Path) -> Option<(PathBuf, usize)> {
    // Names are bytes, of which rank and ending alone are known to be text.
    let name = path.file_name()?.as_bytes().strip_suffix(b".dnpy")?;
    let at = name.iter().rposition(|&byte| byte == b'_')?;
    let rank = str::from_utf8(&name[at + 1..]).ok()?.parse().ok()?;
    let prefix = path.with_file_name(OsStr::from_bytes(&name[..at]));
    (rank_path(&prefix, rank).file_name() == path.file_name()).then_some((prefix, rank))
}

/// Checks that the coordinates are those of this rank in a grid of all ranks.
fn check_rank(dim_data: &DimData, comm: &Comm) -> Result<()> {
    let (ranks, rank) = (as_i64(comm.size()), as_i64(comm.rank()));
    if dim_data.process_count() != ranks {
        return Err(Error::new(ErrorKind::Grid, "the process grid needs as many ranks as there are parts")
            .in_field("proc_grid_size")
            .expected_found(dim_data.process_count(), ranks));
    }
    if dim_data.process_rank() != rank {
        return Err(Error::new(ErrorKind::Grid, "the part belongs to another rank")
            .in_field("proc_grid_rank")
            .expected_found(rank, dim_data.process_rank()));
    }
    Ok(())
}
