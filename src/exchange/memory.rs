//! The memory of arrays as exchanges see it: addresses and distances.
#![allow(unsafe_code)] // addresses go from thread to thread

use super::combine::Combine;
use super::message::Message;
use crate::array::AnyArray;

/// One array as the mover sees it: where its first owned element lies, and how far
/// apart the others are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) base: *mut u8,
    pub(super) strides: Vec<isize>,
    pub(super) itemsize: usize,
}

// SAFETY: an address and numbers; who follows it promises that it is valid.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// The memory of an array; `axes[i]` is its axis that counts as axis `i`.
    pub(super) fn of(array: &AnyArray, axes: impl Iterator<Item = usize>) -> Self {
        let layout = array.buffer().layout();
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0); // the layout proved that offsets fit
        let strides = axes.map(|axis| narrow(layout.strides()[axis])).collect();
        Self { base: first_owned(array), strides, itemsize: layout.itemsize() }
    }

    /// The memory of a packed array as one axis.
    pub(super) fn flat(array: &AnyArray) -> Self {
        let itemsize = array.buffer().layout().itemsize();
        Self { base: array.buffer().data(), strides: vec![itemsize.cast_signed()], itemsize }
    }

    pub(super) fn new(base: *mut u8, strides: Vec<isize>, itemsize: usize) -> Self {
        Self { base, strides, itemsize }
    }

    /// Whether it is the memory of an array, as [`of`](Self::of) sees it. Allocates nothing.
    pub(super) fn is_of(&self, array: &AnyArray, mut axes: impl Iterator<Item = usize>) -> bool {
        let layout = array.buffer().layout();
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0);
        self.base == first_owned(array)
            && self.itemsize == layout.itemsize()
            && self.strides.iter().all(|&stride| {
                axes.next().is_some_and(|axis| layout.strides().get(axis).map(|&s| narrow(s)) == Some(stride))
            })
    }

    pub(super) fn itemsize(&self) -> usize {
        self.itemsize
    }

    pub(super) fn stride(&self, axis: usize) -> isize {
        self.strides[axis]
    }

    /// Whether the last axis is not the one that runs fastest here.
    pub(super) fn prefers_fortran(&self) -> bool {
        let steps = || self.strides.iter().map(|stride| stride.unsigned_abs());
        self.strides.len() > 1 && steps().next() < steps().next_back()
    }
}

/// Address of the first element that an array owns; of its first element if none.
fn first_owned(array: &AnyArray) -> *mut u8 {
    let layout = array.buffer().layout();
    let data = array.buffer().data();
    if layout.is_empty() {
        return data;
    }
    let dims = array.dim_data().dims().iter().zip(layout.strides());
    dims.fold(data, |at, (dim, &stride)| {
        let offset = dim.owned_local().start.wrapping_mul(stride);
        at.wrapping_offset(isize::try_from(offset).unwrap_or(0)) // the layout proved that offsets fit
    })
}

/// One array's part in an exchange: where elements come from and where they go.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) from: Memory,
    pub(super) to: Memory,
    pub(super) combine: Combine,
    /// The shared memory that the source lies in; 0 for none.
    pub(super) shared: u64,
}

impl Field {
    /// The longest stretch of a message along an axis, in bytes: what both ranks know.
    pub(super) fn longest_run(&self, message: &Message<'_>, axis: usize) -> usize {
        let pieces = message.axes.get(axis).map_or(&[][..], |part| part.pieces);
        let longest = pieces.iter().map(|piece| piece.len).max().unwrap_or(i64::MAX);
        usize::try_from(longest).unwrap_or(usize::MAX).saturating_mul(self.from.itemsize)
    }
}
