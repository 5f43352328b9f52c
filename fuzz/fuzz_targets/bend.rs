//! Breaking the fields of a struct, one by one.

use std::ptr::{null, null_mut};

use distarray::ffi::abi::*;

use crate::input::Input;

/// What is done to a pointer.
#[derive(Clone, Copy, Default)]
pub enum Pointer {
    #[default]
    Real,
    Null,
    Misaligned,
}

impl Pointer {
    fn any(input: &mut Input) -> Self {
        if input.below(2) == 0 { Self::Null } else { Self::Misaligned }
    }

    pub fn apply<T>(self, real: *const T) -> *const T {
        match self {
            Self::Real => real,
            Self::Null => null(),
            Self::Misaligned => real.wrapping_byte_add(1),
        }
    }
}

#[derive(Default)]
pub struct Bent {
    pub shape: Pointer,
    pub strides: Pointer,
    pub dims: Pointer,
    pub indices: Pointer,
    pub grid_ranks: Pointer,
}

type Arrays<'a> = (&'a mut Vec<i64>, &'a mut Vec<i64>, &'a mut Vec<distarray_dim>);

/// Breaks one field, perhaps.
pub fn bend(loan: &mut distarray_export, bent: &mut Bent, (shape, strides, dims): Arrays, input: &mut Input) {
    let (field, value) = (input.below(36), input.any());
    let at = input.below(shape.len().max(1) as i64) as usize;
    match field {
        0 => loan.magic ^= value as u32,
        1 => loan.struct_size = value as u32,
        2 => loan.abi_major = value as u32,
        3 => loan.abi_minor = value as u32,
        4 => loan.release = None,
        5 => loan.flags_read ^= value as u32,
        6 => loan.flags_write ^= value as u32,
        7 => loan.flags_info ^= value as u64,
        8 => loan.consumer_flags = value as u64,
        9 => loan.data = loan.data.wrapping_byte_offset(value as isize),
        10 => loan.data = null_mut(),
        11 => loan.byte_offset = value as u64,
        12 => loan.alloc_base = loan.alloc_base.wrapping_byte_offset(value as isize),
        13 => loan.alloc_bytes = loan.alloc_bytes.wrapping_add(value as u64),
        14 => loan.device_type = value as i32,
        15 => (loan.device_id, loan.sync_event) = (value as i32, loan.data),
        16 => loan.dtype_code = value as u8,
        17 => loan.dtype_bits = value as u8,
        18 => loan.dtype_lanes = value as u16,
        19 => loan.ndim = value as i32,
        20 => loan.itemsize = value,
        21 => bent.shape = Pointer::any(input),
        22 => bent.strides = Pointer::any(input),
        23 => bent.dims = Pointer::any(input),
        24 => bent.indices = Pointer::any(input),
        25 => bent.grid_ranks = Pointer::any(input),
        26 => loan.process_rank = value,
        27 => loan.process_count = value,
        28 => loan.reserved[at % 4] = value as u64,
        29 => shape.iter_mut().skip(at).take(1).for_each(|n| *n = value),
        30 => strides.iter_mut().skip(at).take(1).for_each(|n| *n = value),
        _ => dims.iter_mut().skip(at).take(1).for_each(|dim| bend_axis(dim, value, input)),
    }
}

fn bend_axis(dim: &mut distarray_dim, value: i64, input: &mut Input) {
    match input.below(14) {
        0 => dim.dist_type = [0, b'b', b'c', b'u', value as u8][input.below(5) as usize].into(),
        1 => dim.flags ^= value as u32,
        2 => dim.size = value,
        3 => dim.proc_grid_size = value,
        4 => dim.proc_grid_rank = value,
        5 => dim.start = value,
        6 => dim.stop = value,
        7 => dim.padding[0] = value,
        8 => dim.padding[1] = value,
        9 => dim.block_size = value,
        10 => dim.n_indices = value,
        11 => dim.n_owned = value,
        12 => dim.first_block = value,
        _ => dim.reserved[input.below(3) as usize] = value as u64,
    }
}
