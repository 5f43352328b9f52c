//! Files that hold an array together, and their elements on the way to where they are held.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::dnpy::Member;
use super::file::Stamp;
use super::{dnpy, file, npy};
use crate::array::{Layout, Order};
use crate::distribution::{Claim, faults};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Dim, DimData, Dist, Reading};

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

    pub(super) fn elements(&self) -> &npy::Header {
        &self.elements
    }

    /// What the manifest of its set says of it.
    pub(super) fn as_member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// The elements of a part of the same array, packed in C order.
    pub(super) fn elements_of(&self, part: &DimData) -> Result<npy::Header> {
        let (shape, asked) = (self.dim_data.global_shape(), part.global_shape());
        if shape != asked {
            let why = format!("the array is {shape:?}, but {asked:?} is asked for");
            return Err(Error::new(ErrorKind::Shape, why).in_field("size"));
        }
        self.elements.reshaped(&part.held_shape())
    }

    /// Refuses a file that was replaced or written since its header was read.
    pub(super) fn is_still(&self) -> Result<()> {
        if Stamp::of(&self.path)? == self.stamp {
            return Ok(());
        }
        let why = "the file was changed while it was read; try again when nobody writes it";
        Err(Error::new(ErrorKind::Busy, why).in_file(&self.path))
    }
}

/// An array held whole.
pub(super) fn whole(shape: &[i64]) -> Result<DimData> {
    DimData::new(shape.iter().map(|&size| Dim::whole(size)).collect::<Result<Vec<_>>>()?)
}

/// Proves that files hold every element of one array together.
pub(super) fn check_together(from: &[Piece]) -> Result<()> {
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

/// Puts together what a stretch of a part holds; padding too, with zeros outside the array.
pub(super) fn collect(
    from: &[Piece],
    part: &DimData,
    stretch: &[Range<i64>],
    layout: &Layout,
    bytes: &mut [u8],
) -> Result<()> {
    // The lowest rank comes last, so that its elements stay.
    from.iter().rev().try_for_each(|piece| {
        piece.copy(part, stretch, layout, bytes).map_err(|error| error.in_file(&piece.path))
    })
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
pub(super) fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
