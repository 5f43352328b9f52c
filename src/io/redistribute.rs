//! An array from files to files: one that holds it whole, or one for each rank of
//! any distribution.
//!
//! The array itself may be larger than memory: what is written goes through one
//! stretch of a few megabytes at a time.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::atomic::{AtomicFile, Staged};
use super::dnpy::{Member, Save};
use super::file::Stamp;
use super::{dnpy, file, npy};
use crate::array::{Layout, Order};
use crate::distribution::{Claim, faults};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Dim, DimData, Dist, Reading};

/// Bytes of a target file that are put together in memory.
const STRETCH: usize = 1 << 23;

/// Bytes of a source file that are read at once where fewer are needed.
const WINDOW: usize = 1 << 16;

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

/// Boxes that follow each other in a packed array of C order, of bounded size.
struct Stretches {
    shape: Vec<i64>,
    /// The axis that is cut, and into how long pieces; axes before it have one index.
    cut: usize,
    step: i64,
    next: Option<Vec<i64>>,
}

impl Stretches {
    fn new(layout: &Layout) -> Self {
        let shape = layout.shape().to_vec();
        let limit = i64::try_from(STRETCH / layout.itemsize()).unwrap_or(1).max(1);
        let (mut cut, mut step) = (0, 1);
        let mut inner = 1_i64;
        for (axis, &extent) in shape.iter().enumerate().rev() {
            (cut, step) = (axis, (limit / inner).clamp(1, extent.max(1)));
            inner = inner.saturating_mul(extent.max(1));
            if inner > limit {
                break;
            }
        }
        let next = (!layout.is_empty()).then(|| vec![0; shape.len()]);
        Self { shape, cut, step, next }
    }
}

impl Iterator for Stretches {
    type Item = Vec<Range<i64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let range = |(axis, (&at, &extent)): (usize, (&i64, &i64))| match axis.cmp(&self.cut) {
            std::cmp::Ordering::Less => at..at + 1,
            std::cmp::Ordering::Equal => at..(at + self.step).min(extent),
            std::cmp::Ordering::Greater => 0..extent,
        };
        let stretch: Vec<_> = start.iter().zip(&self.shape).enumerate().map(range).collect();
        let mut next = start;
        for axis in
            (0..=self.cut.min(next.len().saturating_sub(1))).rev().filter(|&axis| axis < stretch.len())
        {
            next[axis] = stretch[axis].end;
            if next[axis] < self.shape[axis] {
                self.next = Some(next);
                break;
            }
            next[axis] = 0;
        }
        Some(stretch)
    }
}

/// Consecutive positions in a source that go to consecutive ones of a target.
#[derive(Clone, Copy)]
struct Match {
    source: i64,
    target: i64,
    len: i64,
}

/// Where, along one axis, what `source` owns lies in positions `range` of `target`;
/// counted from its start.
fn matches(source: &Dim, target: &Dim, range: Range<i64>) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    let mut add = |source, target| match found.last_mut() {
        Some(last) if last.source + last.len == source && last.target + last.len == target => last.len += 1,
        _ => found.push(Match { source, target, len: 1 }),
    };
    let owned = source.owned_local();
    let (images, start) = match target.dist() {
        Dist::Block { periodic, edge_outside, start, .. } => (*periodic && *edge_outside, Some(*start)),
        _ => (false, None),
    };
    if !images && source.owned_len() < range.end - range.start {
        for local in owned {
            let target = source.global_of(local).and_then(|global| target.local_of(global));
            if let Some(target) = target.filter(|target| range.contains(target)) {
                add(local, target - range.start);
            }
        }
        return found;
    }
    let mut near = range.clone();
    if let (Some(start), false, 'b') = (start, images, source.dist().letter()) {
        let block = source.owned_block();
        near = near.start.max(block.start - start)..near.end.min(block.end - start);
    }
    for position in near {
        let global = target.global_of(position).and_then(|global| target.inside(global));
        let local = global.and_then(|global| source.local_of(global));
        if let Some(local) = local.filter(|local| owned.contains(local)) {
            add(local, position - range.start);
        }
    }
    found
}

impl Piece {
    /// Copies what this piece owns of one stretch of a target.
    fn copy(
        &self,
        target: &DimData,
        stretch: &[Range<i64>],
        layout: &Layout,
        bytes: &mut [u8],
    ) -> Result<()> {
        let dims = self.dim_data.dims().iter().zip(target.dims()).zip(stretch);
        let mut axes = Vec::with_capacity(stretch.len());
        for ((source, target), range) in dims {
            let found = matches(source, target, range.clone());
            if found.is_empty() {
                return Ok(());
            }
            axes.push(found);
        }
        // The file's own order, its fastest axis last.
        let mut order: Vec<usize> = (0..axes.len()).collect();
        if self.elements.order() == Order::Fortran {
            order.reverse();
        }
        let (file, _) = file::open(&self.path)?;
        let mut copy = Copy {
            window: Window { file, bytes: Vec::new(), start: 0 },
            axes: &axes,
            order: &order,
            source: self.elements.layout(),
            target: layout,
            bytes,
        };
        copy.walk(0, self.elements.offset(), 0)
    }
}

/// Elements on their way from a file into a packed stretch.
struct Copy<'a> {
    window: Window,
    axes: &'a [Vec<Match>],
    order: &'a [usize],
    source: &'a Layout,
    target: &'a Layout,
    bytes: &'a mut [u8],
}

impl Copy<'_> {
    fn walk(&mut self, depth: usize, from: u64, to: usize) -> Result<()> {
        let itemsize = self.source.itemsize();
        let Some(&axis) = self.order.get(depth) else {
            return self.window.read(from, &mut self.bytes[to..to + itemsize]);
        };
        let (apart, apart_here) =
            (self.source.strides()[axis].unsigned_abs(), index(self.target.strides()[axis]));
        let together = depth + 1 == self.order.len() && apart_here == itemsize;
        for &Match { source, target, len } in &self.axes[axis] {
            let (from, to) = (from + source.unsigned_abs() * apart, to + index(target) * apart_here);
            if together {
                self.window.read(from, &mut self.bytes[to..to + index(len) * itemsize])?;
                continue;
            }
            for step in 0..len {
                self.walk(depth + 1, from + step.unsigned_abs() * apart, to + index(step) * apart_here)?;
            }
        }
        Ok(())
    }
}

/// A file, read a window at a time where little is asked for.
struct Window {
    file: File,
    bytes: Vec<u8>,
    start: u64,
}

impl Window {
    fn read(&mut self, offset: u64, target: &mut [u8]) -> Result<()> {
        if target.len() >= WINDOW {
            return Ok(self.file.read_exact_at(target, offset)?);
        }
        let inside = |window: &Self| {
            let skip = usize::try_from(offset.checked_sub(window.start)?).ok()?;
            window.bytes.get(skip..)?.get(..target.len()).map(|_| skip)
        };
        let skip = match inside(self) {
            Some(skip) => skip,
            None => {
                self.fill(offset)?;
                0
            }
        };
        let there = self
            .bytes
            .get(skip..skip + target.len())
            .ok_or_else(|| Error::new(ErrorKind::Io, "the file became shorter while it was read"))?;
        target.copy_from_slice(there);
        Ok(())
    }

    /// Reads from `offset` on, as much as there is for the window.
    fn fill(&mut self, offset: u64) -> Result<()> {
        self.bytes.resize(WINDOW, 0);
        self.start = offset;
        let mut filled = 0;
        while filled < WINDOW {
            match self.file.read_at(&mut self.bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}

/// A number that was checked to be a position in memory.
fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
