//! A lender made of arbitrary bytes: a struct that obeys every rule, or one with a
//! few fields bent.
//!
//! What no reader can check is kept as the ABI says: pointers are real, null or
//! misaligned, and each array is a heap block of its stated length, to the byte,
//! so that a sanitizer sees any access beyond it.

use std::alloc::{Layout, dealloc};
use std::any::Any;
use std::cell::Cell;

use distarray::ffi::abi::*;

use crate::bend::{Bent, bend};
use crate::input::Input;
use crate::lawful::{axis, dtype, flags, format, grid, memory, strides};

/// A count that no memory can hold may be claimed; any other one up to this is kept.
pub const MOST: i64 = 1024;

pub struct Lender {
    loan: distarray_export,
    pub shape: Box<[i64]>,
    pub strides: Box<[i64]>,
    pub dims: Box<[distarray_dim]>,
    /// Nothing was bent: every rule is obeyed.
    pub lawful: bool,
    memory: (*mut u8, Layout),
    told: Box<Told>,
    _kept: Vec<Box<dyn Any>>,
}

/// What the release callback hears.
#[derive(Default)]
struct Told {
    releases: Cell<u32>,
    consumer_flags: Cell<u64>,
}

unsafe extern "C" fn give_back(loan: *mut distarray_export) {
    let loan = unsafe { &mut *loan };
    loan.release = None;
    let told = unsafe { &*loan.private_data.cast::<Told>() };
    told.releases.set(told.releases.get() + 1);
    told.consumer_flags.set(loan.consumer_flags);
}

impl Drop for Lender {
    fn drop(&mut self) {
        unsafe { dealloc(self.memory.0, self.memory.1) }
    }
}

impl Lender {
    pub fn new(input: &mut Input) -> Self {
        let mut loan = distarray_export { release: Some(give_back), ..distarray_export::INIT };
        let ndim = [1, 2, 3, 0, 4, 1, 2, 6][input.below(8) as usize];
        loan.ndim = ndim;
        // Few axes of more than one element, so that the extents' product stays small.
        let some = |i| if i < 4 { axis(input) } else { (distarray_dim::INIT, 1) };
        let (mut dims, mut shape): (Vec<_>, Vec<_>) = (0..ndim).map(some).unzip();
        dtype(&mut loan, input);
        let mut strides = strides(&shape, loan.itemsize, input);
        let mut ranks = grid(&mut loan, &dims, input);
        let memory = memory(&mut loan, &shape, &strides, input);
        flags(&mut loan, &dims, input);

        let spoils = [0, 0, 0, 1, 1, 2, 3, 8][input.below(8) as usize];
        let mut bent = Bent::default();
        for _ in 0..spoils {
            bend(&mut loan, &mut bent, (&mut shape, &mut strides, &mut dims), input);
        }

        // Now that it is known what is claimed, the arrays get exactly that length.
        let axes = usize::try_from(loan.ndim).unwrap_or(0).min(64);
        shape.resize(axes, 1);
        strides.resize(axes, 0);
        dims.resize(axes, distarray_dim::INIT);
        let mut kept: Vec<Box<dyn Any>> = Vec::new();
        let (first, step) = (input.small(), 1 + input.below(3));
        for dim in &mut dims {
            if dim.dist_type == DISTARRAY_DIST_UNSTRUCTURED || dim.n_indices != 0 {
                dim.n_indices = held_or_impossible(dim.n_indices);
                let list = (0..dim.n_indices.min(MOST)).map(|i| first + step * if i < 2 { 1 - i } else { i });
                let real = if dim.flags & DISTARRAY_DIM_INDICES_I32 != 0 {
                    keep(&mut kept, list.map(|i| i as i32).collect())
                } else {
                    keep(&mut kept, list.collect::<Vec<i64>>())
                };
                dim.indices = bent.indices.apply(real);
            }
        }
        if let Some(ranks) = &mut ranks {
            loan.process_count = held_or_impossible(loan.process_count);
            ranks.resize(usize::try_from(loan.process_count.min(MOST)).unwrap_or(0), 0);
            loan.grid_ranks = bent.grid_ranks.apply(keep(&mut kept, ranks.clone()).cast());
        }
        let (shape, strides, dims) =
            (shape.into_boxed_slice(), strides.into_boxed_slice(), dims.into_boxed_slice());
        loan.shape = bent.shape.apply(shape.as_ptr());
        loan.strides = bent.strides.apply(strides.as_ptr());
        loan.dims = bent.dims.apply(dims.as_ptr());
        let mut lawful = spoils == 0;
        if let Some(text) = format(input) {
            lawful &= text.to_bytes().is_ascii() && text.to_bytes().len() < 1 << 16;
            loan.format = text.as_ptr();
            kept.push(Box::new(text));
        }
        let told = Box::<Told>::default();
        loan.private_data = (&raw const *told).cast_mut().cast();
        Self { loan, shape, strides, dims, lawful, memory, told, _kept: kept }
    }

    pub fn loan(&self) -> distarray_export {
        self.loan
    }

    pub fn releases(&self) -> u32 {
        self.told.releases.get()
    }

    /// The consumer's word, as the release found it.
    pub fn told(&self) -> u64 {
        self.told.consumer_flags.get()
    }

    /// Byte offset of every element, in row-major order; `None` where they are many.
    pub fn offsets(&self) -> Option<Vec<i128>> {
        if self.shape.contains(&0) {
            return Some(vec![]);
        }
        let count = self.shape.iter().try_fold(1_i64, |n, &extent| n.checked_mul(extent))?;
        if !(0..=512).contains(&count) {
            return None;
        }
        let mut offsets = vec![0_i128];
        for (&extent, &stride) in self.shape.iter().zip(&self.strides) {
            let steps = move |at: i128| (0..extent).map(move |i| at + i128::from(i) * i128::from(stride));
            offsets = offsets.into_iter().flat_map(steps).collect();
        }
        Some(offsets)
    }

    /// Whether all elements lie in the allocation stated by the struct.
    pub fn inside_stated(&self, offsets: &[i128]) -> bool {
        let (base, bytes) = (self.loan.alloc_base.addr(), self.loan.alloc_bytes);
        base == 0 || bytes == 0 || self.inside(offsets, (base as i128, i128::from(bytes)))
    }

    /// Whether all elements lie in memory that is really there.
    pub fn inside_real(&self, offsets: &[i128]) -> bool {
        self.inside(offsets, (self.memory.0.addr() as i128, self.memory.1.size() as i128))
    }

    fn inside(&self, offsets: &[i128], (base, bytes): (i128, i128)) -> bool {
        let first = self.loan.data.addr() as i128 - base;
        let size = i128::from(self.loan.itemsize);
        offsets.iter().all(|at| first + at >= 0 && first + at + size <= bytes)
    }
}

fn keep<T: 'static>(kept: &mut Vec<Box<dyn Any>>, list: Vec<T>) -> *const std::ffi::c_void {
    let list = list.into_boxed_slice();
    let address = list.as_ptr().cast();
    kept.push(Box::new(list));
    address
}

fn held_or_impossible(claimed: i64) -> i64 {
    if claimed >= 1 << 60 { claimed } else { claimed.min(MOST) }
}
