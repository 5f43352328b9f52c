//! An array from files to files: one that holds it whole, or one for each rank of
//! any distribution.
//!
//! The array itself may be larger than memory: what is written goes through one
//! stretch of a few megabytes at a time.

mod stretches;

use std::io::Write;
use std::path::Path;

use self::stretches::Stretches;
use super::atomic::{AtomicFile, Staged};
use super::dnpy;
use super::dnpy::{Member, Save};
use super::piece::{Piece, check_together, collect, whole};
use crate::array::{Layout, Order};
use crate::error::{Error, Result};
use crate::protocol::DimData;

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
    check_together(from)?;
    let total = from.iter().filter_map(Piece::as_member).map(Member::bytes);
    let mut progress = Progress { done: 0, total: total.fold(bytes(from, to), u64::saturating_add) };
    let advance = &mut |bytes: u64| {
        progress.done = progress.done.saturating_add(bytes);
        watch(progress)
    };
    from.iter().filter_map(Piece::as_member).try_for_each(|member| member.verify(advance))?;
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
        Target::Whole(_) => elements(&from[0].dim_data().global_shape()),
        Target::Set { parts, .. } => {
            parts.iter().map(|part| elements(&part.held_shape())).fold(0, u64::saturating_add)
        }
    };
    all.saturating_mul(from[0].elements().layout().itemsize() as u64)
}

/// Writes one file beside its place.
fn stage(
    from: &[Piece],
    path: &Path,
    part: Option<&DimData>,
    create: impl FnOnce() -> Result<AtomicFile>,
    advance: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Staged> {
    let here = |error: Error| error.in_file(path);
    let (mut header, dim_data) = match part {
        Some(part) => (dnpy::dictionary(part).map_err(here)?, part.clone()),
        None => (Vec::new(), whole(&from[0].dim_data().global_shape())?),
    };
    let elements = from[0].elements_of(&dim_data).map_err(here)?;
    header.extend(elements.to_bytes().map_err(here)?);
    let mut target = create()?;
    target.writer().write_all(&header).map_err(|error| here(error.into()))?;
    let mut bytes = Vec::new();
    for stretch in Stretches::new(elements.layout()) {
        let extents: Vec<i64> = stretch.iter().map(|range| range.end - range.start).collect();
        let layout = Layout::packed(&extents, elements.layout().itemsize(), Order::C)?;
        bytes.clear();
        bytes.resize(layout.len() * layout.itemsize(), 0);
        collect(from, &dim_data, &stretch, &layout, &mut bytes)?;
        target.writer().write_all(&bytes).map_err(|error| here(error.into()))?;
        advance(bytes.len() as u64)?;
    }
    target.sync()
}
