//! Shape and byte strides, and the bytes they reach.

use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// The order in which elements follow each other in packed memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Row-major: the last axis runs fastest.
    C,
    /// Column-major: the first axis runs fastest.
    Fortran,
}

/// Extents and byte strides of a buffer; every offset it reaches fits `isize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Extents, then strides, in one allocation.
    numbers: Box<[i64]>,
    itemsize: usize,
    /// First and one past the last byte reached, relative to element (0, ..., 0).
    reach: (isize, isize),
}

impl Layout {
    /// Packed elements of `itemsize` bytes.
    ///
    /// # Errors
    /// A negative extent, elements without bytes, or more bytes than this machine
    /// can address.
    pub fn packed(shape: &[i64], itemsize: usize, order: Order) -> Result<Self> {
        let mut strides = vec![0; shape.len()];
        let mut stride = i64::try_from(itemsize).map_err(|_| overflow("itemsize"))?;
        let mut set = |axis: usize| -> Result<()> {
            strides[axis] = stride;
            // An empty axis leaves the others well strided.
            stride = stride.checked_mul(shape[axis].max(1)).ok_or_else(|| overflow("shape").on_axis(axis))?;
            Ok(())
        };
        match order {
            Order::C => (0..shape.len()).rev().try_for_each(&mut set)?,
            Order::Fortran => (0..shape.len()).try_for_each(&mut set)?,
        }
        Self::strided(shape, &strides, itemsize)
    }

    /// Elements of `itemsize` bytes at any byte strides, negative and zero included.
    ///
    /// # Errors
    /// A negative extent, elements without bytes, strides of another number of
    /// axes, or an offset that this machine cannot address.
    #[inline(always)]
    pub fn strided(shape: &[i64], strides: &[i64], itemsize: usize) -> Result<Self> {
        Strided::new(shape, strides, itemsize).map(Strided::to_layout)
    }

    /// Number of axes.
    #[must_use]
    #[inline]
    pub fn ndim(&self) -> usize {
        self.numbers.len() / 2
    }

    /// Extent of each axis.
    #[must_use]
    #[inline]
    pub fn shape(&self) -> &[i64] {
        &self.numbers[..self.ndim()]
    }

    /// Bytes between neighbouring elements of each axis.
    #[must_use]
    #[inline]
    pub fn strides(&self) -> &[i64] {
        &self.numbers[self.ndim()..]
    }

    /// Bytes of one element.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        // The constructor proved that the product times the item size fits.
        self.shape().iter().map(|&n| usize::try_from(n).unwrap_or(0)).product()
    }

    /// Whether there is no element.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.shape().contains(&0)
    }

    /// First and one past the last byte reached, relative to element (0, ..., 0).
    #[must_use]
    pub fn reach(&self) -> (isize, isize) {
        self.reach
    }

    /// Whether the elements lie packed in this order; axes of extent 1 have any stride.
    #[must_use]
    pub fn is_packed(&self, order: Order) -> bool {
        let mut expected = as_i64(self.itemsize);
        let mut fits = |axis: usize| {
            let (extent, stride) = (self.shape()[axis], self.strides()[axis]);
            let here = extent <= 1 || stride == expected;
            expected = expected.saturating_mul(extent);
            here
        };
        self.is_empty()
            || match order {
                Order::C => (0..self.ndim()).rev().all(&mut fits),
                Order::Fortran => (0..self.ndim()).all(&mut fits),
            }
    }

    /// Whether no two elements share memory, as far as nested strides can show.
    ///
    /// Sorted by size, each stride must step over all that the smaller ones
    /// reach. Interleaved strides that fail this may still be disjoint: they
    /// count as shared, so they are never written through.
    #[must_use]
    pub fn is_disjoint(&self) -> bool {
        self.view().is_disjoint()
    }

    /// The same where it lies.
    #[inline]
    pub(crate) fn view(&self) -> Strided<'_> {
        Strided { shape: self.shape(), strides: self.strides(), itemsize: self.itemsize, reach: self.reach }
    }

    /// Byte offset of an element, `None` outside the shape.
    #[must_use]
    pub fn offset(&self, index: &[i64]) -> Option<isize> {
        let inside =
            index.len() == self.ndim() && index.iter().zip(self.shape()).all(|(i, n)| (0..*n).contains(i));
        let offset: i64 = inside.then(|| index.iter().zip(self.strides()).map(|(i, s)| i * s).sum())?;
        isize::try_from(offset).ok()
    }

    /// The layout of a box within, and the offset of its first element.
    ///
    /// Ranges beyond the shape are cut to it.
    #[must_use]
    pub fn part(&self, ranges: impl Iterator<Item = std::ops::Range<i64>>) -> (Self, isize) {
        let mut part = self.clone();
        let ndim = self.ndim();
        let mut offset = 0_i64;
        for (axis, range) in ranges.take(ndim).enumerate() {
            let start = range.start.clamp(0, self.shape()[axis]);
            let extent = range.end.clamp(start, self.shape()[axis]) - start;
            part.numbers[axis] = extent;
            offset += if extent > 0 { start * self.strides()[axis] } else { 0 };
        }
        if part.is_empty() {
            part.reach = (0, 0);
            return (part, 0);
        }
        let (shape, strides) = part.numbers.split_at(ndim);
        // Every span lies inside this layout's, which fits.
        if let Ok(checked) = Self::strided(shape, strides, self.itemsize) {
            part = checked;
        }
        (part, isize::try_from(offset).unwrap_or(0))
    }

    /// Calls `visit` with the byte offset and length of each contiguous stretch,
    /// elements in row-major order.
    pub fn for_each_stretch(&self, mut visit: impl FnMut(isize, usize)) {
        if self.is_empty() {
            return;
        }
        // Trailing axes that are packed form one stretch.
        let mut inner = self.ndim();
        let mut stretch = self.itemsize;
        while inner > 0 {
            let (extent, stride) = (self.shape()[inner - 1], self.strides()[inner - 1]);
            if extent != 1 && usize::try_from(stride) != Ok(stretch) {
                break;
            }
            stretch *= usize::try_from(extent).unwrap_or(0);
            inner -= 1;
        }
        let (shape, strides) = (&self.shape()[..inner], &self.strides()[..inner]);
        let mut index = vec![0; inner];
        let mut offset = 0_i64;
        loop {
            visit(isize::try_from(offset).unwrap_or(0), stretch);
            let mut axis = inner;
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    offset += strides[axis];
                    break;
                }
                offset -= (shape[axis] - 1) * strides[axis];
                index[axis] = 0;
            }
        }
    }
}

/// Extents and byte strides where they lie, with the rules of a [`Layout`] checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strided<'a> {
    shape: &'a [i64],
    strides: &'a [i64],
    itemsize: usize,
    reach: (isize, isize),
}

impl<'a> Strided<'a> {
    /// Elements of `itemsize` bytes at any byte strides.
    ///
    /// # Errors
    /// As for [`Layout::strided`].
    #[inline(always)] // every import comes through here
    pub(crate) fn new(shape: &'a [i64], strides: &'a [i64], itemsize: usize) -> Result<Self> {
        if shape.len() != strides.len() {
            return Err(Error::new(ErrorKind::Shape, "strides need one entry per axis").in_field("strides"));
        }
        let size = i64::try_from(itemsize).map_err(|_| overflow("itemsize"))?;
        if size == 0 {
            return Err(Error::new(ErrorKind::DType, "an element has at least one byte")
                .in_field("itemsize")
                .expected_found(1, 0));
        }
        let mut empty = false;
        let mut bytes = size;
        let (mut low, mut high) = (0_i64, size);
        for (axis, (&extent, &stride)) in shape.iter().zip(strides).enumerate() {
            if extent < 0 {
                return Err(Error::new(ErrorKind::Shape, "an extent must not be negative")
                    .on_axis(axis)
                    .in_field("shape")
                    .expected_found(0, extent));
            }
            empty |= extent == 0;
            let extent = extent.max(1);
            bytes = bytes.checked_mul(extent).ok_or_else(|| overflow("shape").on_axis(axis))?;
            let span = (extent - 1).checked_mul(stride);
            let end = if stride < 0 { &mut low } else { &mut high };
            *end = span.and_then(|s| end.checked_add(s)).ok_or_else(|| overflow("strides").on_axis(axis))?;
        }
        isize::try_from(bytes).map_err(|_| overflow("shape"))?;
        let reach = match (empty, isize::try_from(low), isize::try_from(high)) {
            (true, ..) => (0, 0),
            (false, Ok(low), Ok(high)) => (low, high),
            _ => return Err(overflow("strides")),
        };
        high.checked_sub(low).ok_or_else(|| overflow("strides"))?;
        Ok(Self { shape, strides, itemsize, reach })
    }

    /// A copy that keeps its own numbers.
    #[inline(always)]
    pub(crate) fn to_layout(self) -> Layout {
        let mut numbers = Vec::with_capacity(2 * self.shape.len());
        numbers.extend_from_slice(self.shape);
        numbers.extend_from_slice(self.strides);
        Layout { numbers: numbers.into(), itemsize: self.itemsize, reach: self.reach }
    }

    #[inline]
    pub(crate) fn shape(self) -> &'a [i64] {
        self.shape
    }

    #[inline]
    pub(crate) fn strides(self) -> &'a [i64] {
        self.strides
    }

    #[inline]
    pub(crate) fn itemsize(self) -> usize {
        self.itemsize
    }

    #[inline]
    pub(crate) fn reach(self) -> (isize, isize) {
        self.reach
    }

    /// Whether there is no element: each reaches a byte at least.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.reach == (0, 0)
    }

    /// Whether no two elements share memory: [`Layout::is_disjoint`].
    #[inline(always)]
    pub(crate) fn is_disjoint(self) -> bool {
        self.is_empty() || self.is_nested() || self.overlap().is_none()
    }

    /// The first axis, by the size of its stride and then from the last one on, that does
    /// not step over all that those before it reach; and how far they do.
    pub(crate) fn overlap(self) -> Option<(usize, u64)> {
        let mut reached = self.itemsize as u64;
        let mut next = (0, 0);
        loop {
            // Without a sorted copy: ndim is small.
            let axes = self.shape.iter().zip(self.strides).rev().enumerate();
            let (place, extent) = axes
                .filter(|(_, (extent, _))| **extent > 1)
                .map(|(place, (extent, stride))| ((stride.unsigned_abs(), place), extent.unsigned_abs()))
                .filter(|&(place, _)| place >= next)
                .min()?;
            let (stride, from_last) = place;
            if stride < reached {
                return Some((self.shape.len() - 1 - from_last, reached));
            }
            reached = reached.saturating_add(stride.saturating_mul(extent - 1));
            next = (stride, from_last + 1);
        }
    }

    /// Whether each axis steps over all that the later ones reach: the usual case.
    #[inline(always)]
    fn is_nested(self) -> bool {
        let mut reached = self.itemsize as u64;
        for (&extent, &stride) in self.shape.iter().zip(self.strides).rev() {
            let stride = stride.unsigned_abs();
            if extent > 1 {
                if stride < reached {
                    return false;
                }
                reached = reached.saturating_add(stride.saturating_mul(extent.unsigned_abs() - 1));
            }
        }
        true
    }
}

fn overflow(field: &'static str) -> Error {
    Error::new(ErrorKind::Bounds, "the elements reach further than this machine can address").in_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(layout: &Layout) -> Vec<isize> {
        let mut found = Vec::new();
        layout.for_each_stretch(|offset, bytes| {
            let step = isize::try_from(layout.itemsize).unwrap();
            found.extend((0..bytes / layout.itemsize).map(|i| offset + isize::try_from(i).unwrap() * step));
        });
        found
    }

    #[test]
    fn stretches_visit_every_element_in_row_major_order() {
        for (shape, strides) in [
            (vec![3, 4], vec![32, 8]),
            (vec![3, 4], vec![8, 24]),
            (vec![3, 4], vec![48, -8]),
            (vec![2, 1, 3], vec![100, 7, 8]),
            (vec![2, 0, 3], vec![8, 8, 8]),
            (vec![], vec![]),
        ] {
            let layout = Layout::strided(&shape, &strides, 8).unwrap();
            let mut expected = vec![0_i64];
            for (&n, &s) in shape.iter().zip(&strides) {
                expected = expected.iter().flat_map(|o| (0..n).map(move |i| o + i * s)).collect();
            }
            let found: Vec<i64> = offsets(&layout).into_iter().map(|o| o as i64).collect();
            assert_eq!(found, expected, "{shape:?} {strides:?}");
            let low = expected.iter().min().copied().unwrap_or(0);
            let high = expected.iter().max().map_or(0, |o| o + 8);
            assert_eq!((layout.reach.0 as i64, layout.reach.1 as i64), (low, high));
            let mut sorted = expected.clone();
            sorted.sort_unstable();
            assert_eq!(layout.is_disjoint(), sorted.windows(2).all(|w| w[1] - w[0] >= 8), "{shape:?}");
        }
    }

    #[test]
    fn overlapping_and_overflowing_strides_are_seen() {
        assert!(!Layout::strided(&[4], &[0], 8).unwrap().is_disjoint());
        assert!(!Layout::strided(&[4, 4], &[8, 8], 8).unwrap().is_disjoint());
        assert!(!Layout::strided(&[4], &[4], 8).unwrap().is_disjoint());
        for (shape, stride) in [(i64::MAX, 8), (3, i64::MAX), (3, i64::MIN), (i64::MAX, 0)] {
            assert!(Layout::strided(&[shape], &[stride], 8).is_err());
        }
        assert!(Layout::packed(&[1 << 40, 1 << 40], 8, Order::C).is_err());
    }
}
