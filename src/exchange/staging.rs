//! Packed memory beside an array that does not lie packed, for plans that count a part's
//! own elements in row-major order.
#![allow(unsafe_code)] // copies elements of arrays by their addresses

use super::copy::{self, Loop};
use super::memory::Memory;
use crate::array::{AnyArray, Buffer, Layout, Order};
use crate::error::Result;
use crate::protocol::{Dim, DimData};

/// The packed elements of one side's array: its own memory, or a copy that is kept.
#[derive(Default)]
pub(super) struct Staging(Option<AnyArray>);

impl Staging {
    /// Where the elements that an array owns lie packed: in itself, or in memory that is
    /// made for it. Local.
    ///
    /// # Errors
    /// `NoMemory`.
    pub(super) fn memory(&mut self, array: &AnyArray) -> Result<Memory> {
        if lies_packed(array) {
            self.0 = None;
            return Ok(Memory::flat(array));
        }
        let layout = array.buffer().layout();
        let elements: i64 = array.dim_data().dims().iter().map(Dim::owned_len).product();
        let suits = |kept: &AnyArray| {
            let same = kept.buffer().layout();
            same.itemsize() == layout.itemsize() && same.shape() == [elements]
        };
        let kept = match self.0.take().filter(suits) {
            Some(kept) => kept,
            None => {
                let packed = Layout::packed(&[elements], layout.itemsize(), Order::C)?;
                let buffer = Buffer::zeroed(array.dtype(), packed, 0, None, 1)?;
                AnyArray::new(DimData::new([Dim::whole(elements)?])?, buffer)?
            }
        };
        Ok(Memory::flat(self.0.insert(kept)))
    }

    /// The copy, where there is one.
    pub(super) fn copy(&self) -> Option<&AnyArray> {
        self.0.as_ref()
    }

    /// Brings the array's elements into the copy.
    ///
    /// # Safety
    /// Nobody writes the array meanwhile; it is the one that memory was asked for.
    pub(super) unsafe fn fill(&self, array: &AnyArray) {
        // SAFETY: the caller's promise.
        unsafe { self.walk(array, Direction::Fill) }
    }

    /// Brings the copy's elements into the array.
    ///
    /// # Safety
    /// Nobody else reads or writes the array meanwhile; it is the one that memory was
    /// asked for.
    pub(super) unsafe fn empty(&self, array: &AnyArray) {
        // SAFETY: the caller's promise.
        unsafe { self.walk(array, Direction::Empty) }
    }

    /// Copies between the copy and what the array owns.
    ///
    /// # Safety
    /// As for [`fill`](Self::fill) and [`empty`](Self::empty).
    unsafe fn walk(&self, array: &AnyArray, way: Direction) {
        let Some(kept) = &self.0.as_ref().filter(|kept| !kept.buffer().layout().is_empty()) else { return };
        let (owned, offset) = array.owned_layout();
        let own = array.buffer().data().wrapping_offset(offset);
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0); // the layouts proved that offsets fit
        let mut packed = owned.itemsize().cast_signed();
        let mut loops = Vec::with_capacity(owned.ndim());
        for (&n, &stride) in owned.shape().iter().zip(owned.strides()).rev() {
            let (to, from) = way.of(packed, narrow(stride));
            loops.push(Loop { n: usize::try_from(n).unwrap_or(0), to, from });
            packed *= narrow(n);
        }
        let run = copy::shorten(&mut loops, owned.itemsize());
        let (to, from) = way.of(kept.buffer().data(), own);
        // SAFETY: the copy is as large as what the array owns, which the loops walk.
        unsafe { copy::copy(to, from, &loops, run, false) };
    }
}

/// Which way elements go.
#[derive(Clone, Copy)]
enum Direction {
    Fill,
    Empty,
}

impl Direction {
    /// What is written, and what is read.
    fn of<T>(self, kept: T, own: T) -> (T, T) {
        match self {
            Self::Fill => (kept, own),
            Self::Empty => (own, kept),
        }
    }
}

/// Whether the elements that an array owns lie one after the other in row-major order.
fn lies_packed(array: &AnyArray) -> bool {
    let bare = array.dim_data().dims().iter().all(|dim| dim.owned_len() == dim.len());
    bare && array.buffer().layout().is_packed(Order::C)
}
