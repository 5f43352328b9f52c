//! An array from files to files: one that holds it whole, or one for each rank of
//! any distribution.
//!
//! The array itself may be larger than memory: what is written goes through one
//! stretch of a few megabytes at a time.

mod copy;
mod stretches;
mod window;

use std::io::Write;
use std::path::{Path, PathBuf};

use self::stretches::Stretches;
use super::atomic::{AtomicFile, Staged};
use super::dnpy::{Member, Save};
use super::file::Stamp;
use super::{dnpy, npy};
use crate::array::{Layout, Order};
use crate::distribution::{Claim, faults};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Dim, DimData, Reading};

/// A file of elements, and which of the global array they are.
#[derive(Clone, Debug)]
pub struct Piece {
    path: PathBuf,
    elements: npy::Header,
    dim_data: DimData,
    /// What its set's manifest says of it.
    member: Option<Member>,
    /// The file that `elements` was read from.
    stamp: Stamp,
}

impl Piece {
    /// A `.npy` file, which holds an array whole. Local.
    ///
    /// # Errors
    /// As for [`npy::read_header`].
    pub fn whole(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let stamp = Stamp::of(&path)?;
        let elements = npy::read_header(&path)?;
        let dim_data = whole(elements.shape())?;
        Ok(Self { path, elements, dim_data, member: None, stamp })
    }

    /// A `.dnpy` file, which holds one part. Local.
    ///
    /// # Errors
    /// As for [`dnpy::read_header`].
    pub fn part(path: impl Into<PathBuf>) -> Result<Self> {
        Self::read(path.into(), None)
    }

    /// A file of a set that has a manifest: compared with it before it is a source. Local.
    ///
    /// # Errors
    /// As for [`part`](Self::part).
    pub fn member(member: Member) -> Result<Self> {
        Self::read(member.path().to_owned(), Some(member))
    }

    fn read(path: PathBuf, member: Option<Member>) -> Result<Self> {
        let stamp = Stamp::of(&path)?;
        let dnpy::Header { dim_data, elements, .. } = dnpy::read_header(&path, Reading::Protocol)?;
        Ok(Self { path, elements, dim_data, member, stamp })
    }

    /// How the elements fit into the global array.
    #[must_use]
    pub fn dim_data(&self) -> &DimData {
        &self.dim_data
    }

    /// Refuses a file that was replaced or written since its header was read.
    fn is_still(&self) -> Result<()> {
        if Stamp::of(&self.path)? == self.stamp {
            return Ok(());
        }
        let why = "the file was changed while it was read; try again when nobody writes it";
        Err(Error::new(ErrorKind::Busy, why).in_file(&self.path))
    }
}

/// Where an array is written to.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// One `.npy` file.
    Whole(&'a Path),
    /// A set of `.dnpy` files with its [`Manifest`](dnpy::Manifest).
    Set {
        /// What the names begin with.
        prefix: &'a Path,
        /// The part of each rank.
        parts: &'a [DimData],
    },
}

/// How far a long work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes that were read for comparison, or written.
    pub done: u64,
    /// All bytes that will be.
    pub total: u64,
}

/// Writes an array that lies in files, rank by rank, to other files. Local.
///
/// Elements are copied byte by byte, of any type. Padding and ghosts are filled by
/// their owners' elements, with zeros outside the array. An index of several owners
/// comes from the lowest rank. Files of a set with a manifest are compared with it first.
/// The target is replaced as a whole, a set as by [`write_rank`](dnpy::write_rank).
///
/// `watch` is called every few megabytes; its error ends the work, and nothing is left.
///
/// # Errors
/// The rule that the sources break together, other element types or sizes, an
/// element that no source owns; `Invariant` where a source is not of the save that its
/// manifest names, `Busy` where one was changed meanwhile or another job is saving the
/// target, `Io` where a file cannot be
/// read or written.
pub fn redistribute(
    from: &[Piece],
    to: Target<'_>,
    watch: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<()> {
    check_sources(from)?;
    let total = from.iter().filter_map(|piece| piece.member.as_ref()).map(Member::bytes);
    let mut progress = Progress { done: 0, total: total.fold(bytes(from, to), u64::saturating_add) };
    let advance = &mut |bytes: u64| {
        progress.done = progress.done.saturating_add(bytes);
        watch(progress)
    };
    from.iter().filter_map(|piece| piece.member.as_ref()).try_for_each(|member| member.verify(advance))?;
    match to {
        Target::Whole(path) => {
            let staged = stage(from, path, None, || AtomicFile::create(path), advance)?;
            from.iter().try_for_each(Piece::is_still)?;
            staged.commit()
        }
        Target::Set { prefix, parts } => {
            let _lock = dnpy::lock(prefix)?;
            let save = Save::new();
            let stage = |(rank, part)| {
                let path = dnpy::rank_path(prefix, rank);
                stage(from, &path, Some(part), || save.create(prefix, rank), advance)
            };
            let staged = parts.iter().enumerate().map(stage).collect::<Result<Vec<Staged>>>()?;
            from.iter().try_for_each(Piece::is_still)?;
            dnpy::commit(prefix, save, staged)
        }
    }
}

/// The elements of the target, in bytes.
fn bytes(from: &[Piece], to: Target<'_>) -> u64 {
    let elements = |shape: &[i64]| shape.iter().map(|n| n.unsigned_abs()).fold(1, u64::saturating_mul);
    let all = match to {
        Target::Whole(_) => elements(&from[0].dim_data.global_shape()),
        Target::Set { parts, .. } => {
            parts.iter().map(|part| elements(&part.held_shape())).fold(0, u64::saturating_add)
        }
    };
    all.saturating_mul(from[0].elements.layout().itemsize() as u64)
}

fn whole(shape: &[i64]) -> Result<DimData> {
    DimData::new(shape.iter().map(|&size| Dim::whole(size)).collect::<Result<Vec<_>>>()?)
}

/// Proves that the sources hold every element of one array.
fn check_sources(from: &[Piece]) -> Result<()> {
    let Some(first) = from.first() else {
        return Err(Error::new(ErrorKind::Grid, "there is no file to read from"));
    };
    if let Some(odd) = from.iter().find(|piece| piece.elements.descr() != first.elements.descr()) {
        let why = format!(
            "the element type is {}, that of {} is {}",
            odd.elements.descr(),
            first.path.display(),
            first.elements.descr()
        );
        return Err(Error::new(ErrorKind::DType, why).in_field("descr").in_file(&odd.path));
    }
    let claims: Vec<Claim<'_>> = from.iter().map(|piece| Claim::of(&piece.dim_data)).collect();
    if let Some(error) = faults(&claims).into_iter().next() {
        return Err(error);
    }
    let dims = first.dim_data.dims();
    (0..dims.len()).filter(|&axis| dims[axis].dist().letter() == 'u').try_for_each(|axis| covered(from, axis))
}

/// Refuses an unstructured axis of which nobody owns some index.
fn covered(from: &[Piece], axis: usize) -> Result<()> {
    // At most as many as indices were read: their owned numbers sum up to the size.
    let size = from[0].dim_data.dims()[axis].size();
    let mut owned = vec![false; index(size)];
    for piece in from {
        for global in piece.dim_data.dims()[axis].owned_runs().indices() {
            if let Some(owned) = usize::try_from(global).ok().and_then(|global| owned.get_mut(global)) {
                *owned = true;
            }
        }
    }
    let Some(missing) = owned.iter().position(|owned| !owned) else { return Ok(()) };
    let why = format!("no rank owns index {missing}, so the array cannot be written whole");
    Err(Error::new(ErrorKind::Partition, why).on_axis(axis).in_field("indices"))
}

/// Writes one file beside its place.
fn stage(
    from: &[Piece],
    path: &Path,
    part: Option<&DimData>,
    create: impl FnOnce() -> Result<AtomicFile>,
    advance: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Staged> {
    let first = &from[0];
    let here = |error: Error| error.in_file(path);
    let shape = first.dim_data.global_shape();
    let (mut header, dim_data) = match part {
        Some(part) => (dnpy::dictionary(part).map_err(here)?, part.clone()),
        None => (Vec::new(), whole(&shape)?),
    };
    if dim_data.global_shape() != shape {
        let why = format!("the array is {shape:?}, but {:?} is to be written", dim_data.global_shape());
        return Err(here(Error::new(ErrorKind::Shape, why).in_field("size")));
    }
    let elements = first.elements.reshaped(&dim_data.held_shape()).map_err(here)?;
    header.extend(elements.to_bytes().map_err(here)?);
    let mut target = create()?;
    target.writer().write_all(&header).map_err(|error| here(error.into()))?;
    let mut bytes = Vec::new();
    for stretch in Stretches::new(elements.layout()) {
        let extents: Vec<i64> = stretch.iter().map(|range| range.end - range.start).collect();
        let layout = Layout::packed(&extents, elements.layout().itemsize(), Order::C)?;
        bytes.clear();
        bytes.resize(layout.len() * layout.itemsize(), 0);
        // The lowest rank comes last, so that its elements stay.
        for piece in from.iter().rev() {
            piece
                .copy(&dim_data, &stretch, &layout, &mut bytes)
                .map_err(|error| error.in_file(&piece.path))?;
        }
        target.writer().write_all(&bytes).map_err(|error| here(error.into()))?;
        advance(bytes.len() as u64)?;
    }
    target.sync()
}

/// A number that was checked to be a position in memory.
fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
