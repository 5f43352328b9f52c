//! The parts of a struct that obeys every rule.

use std::alloc::{Layout, alloc_zeroed};
use std::ffi::CString;
use std::ptr::null_mut;

use distarray::ffi::abi::*;

use crate::input::Input;
use crate::lender::MOST;

/// An axis that obeys its rules, and the extent of the buffer along it.
pub fn axis(input: &mut Input) -> (distarray_dim, i64) {
    let (procs, kind) = (1 + input.below(4), input.below(4));
    let rank = input.below(procs);
    let mut dim = distarray_dim { proc_grid_size: procs, proc_grid_rank: rank, ..distarray_dim::INIT };
    let extent = match kind {
        0 => {
            let extent = input.below(6);
            let stated = input.below(2);
            dim = distarray_dim { size: stated * extent, proc_grid_size: stated, ..distarray_dim::INIT };
            extent
        }
        1 => {
            dim.dist_type = DISTARRAY_DIST_BLOCK;
            dim.padding = [input.below(3), input.below(3)];
            let extent = input.below(6) + dim.padding[0] + dim.padding[1];
            let outside = input.below(2);
            dim.flags = (input.below(2) as u32 * DISTARRAY_DIM_PERIODIC)
                | (outside as u32 * DISTARRAY_DIM_EDGE_OUTSIDE);
            let skipped = if rank == 0 { 0 } else { input.below(8) };
            let after = if rank == procs - 1 { 0 } else { input.below(8) };
            dim.start = skipped - outside * dim.padding[0];
            dim.stop = dim.start + extent;
            dim.size = (dim.stop - outside * dim.padding[1] + after).max(0);
            extent
        }
        2 => {
            dim.dist_type = DISTARRAY_DIST_CYCLIC;
            let block = 1 + input.below(4);
            let missing = input.below(block);
            let turn = input.below(procs);
            dim.size = input.below(12);
            dim.start = if turn == 0 { 0 } else { turn * block - missing };
            dim.block_size = if block == 1 { input.below(2) } else { block };
            dim.first_block = if missing == 0 { 0 } else { block - missing };
            (0..dim.size).filter(|g| (g + missing) / block % procs == turn).count() as i64
        }
        _ => {
            dim.dist_type = DISTARRAY_DIST_UNSTRUCTURED;
            let extent = input.below(8);
            dim.n_indices = extent;
            dim.n_owned = extent - input.below(3).min(extent);
            dim.size = extent + input.below(8);
            dim.flags = (input.below(2) as u32 * DISTARRAY_DIM_ONE_TO_ONE)
                | (input.below(2) as u32 * DISTARRAY_DIM_INDICES_I32);
            extent
        }
    };
    if input.below(8) == 7 {
        dim.flags |= DISTARRAY_DIM_COMPONENT;
    }
    (dim, extent)
}

pub fn dtype(loan: &mut distarray_export, input: &mut Input) {
    const KINDS: [(u8, u8); 18] = [
        (2, 64),
        (2, 32),
        (2, 16),
        (0, 8),
        (0, 16),
        (0, 32),
        (0, 64),
        (1, 8),
        (1, 16),
        (1, 32),
        (1, 64),
        (4, 16),
        (5, 64),
        (5, 128),
        (6, 8),
        (7, 8),
        (14, 8),
        (3, 0),
    ];
    (loan.dtype_code, loan.dtype_bits) = KINDS[input.below(18) as usize];
    loan.itemsize = i64::from(loan.dtype_bits / 8);
    if loan.dtype_code == DISTARRAY_DTYPE_OPAQUE {
        loan.itemsize = 1 + input.below(20);
    }
}

/// Packed in either order, with gaps, or any number of whole elements; some axes
/// run backwards. Opaque elements may begin anywhere.
pub fn strides(shape: &[i64], loan: &distarray_export, input: &mut Input) -> Vec<i64> {
    let itemsize = loan.itemsize;
    let unit = if loan.dtype_code == DISTARRAY_DTYPE_OPAQUE { 1 } else { itemsize };
    let mut strides = vec![0; shape.len()];
    let (kind, gap) = (input.below(4), input.below(3) * itemsize);
    let mut step = itemsize + if kind == 2 { gap } else { 0 };
    for i in 0..shape.len() {
        let axis = if kind == 1 { i } else { shape.len() - 1 - i };
        strides[axis] = match kind {
            3 => input.small().saturating_mul(unit),
            _ if input.below(4) == 3 => -step,
            _ => step,
        };
        step = step.saturating_mul(shape[axis].max(1));
    }
    strides
}

/// Numbers the processes; a table of ranks where the grid has one.
pub fn grid(loan: &mut distarray_export, dims: &[distarray_dim], input: &mut Input) -> Option<Vec<i64>> {
    let replicas = 1 + (input.below(8) - 5).max(0);
    let replica = input.below(replicas);
    let order = input.below(3);
    let mut axes: Vec<_> = dims.iter().map(|d| (d.proc_grid_size.max(1), d.proc_grid_rank)).collect();
    if order == 1 {
        axes.reverse();
    }
    let step = |(n, rank): (i64, i64), &(procs, at): &(i64, i64)| {
        (n.saturating_mul(procs), rank.saturating_mul(procs).saturating_add(at))
    };
    let (places, at) = axes.iter().fold((1, 0), step);
    loan.process_count = places.saturating_mul(replicas);
    loan.process_rank = (replica.saturating_mul(places)).saturating_add(at);
    if replicas > 1 {
        loan.flags_write |= DISTARRAY_W_REPLICATED;
    }
    if order == 1 {
        loan.flags_read |= DISTARRAY_R_GRID_COLMAJOR;
    }
    if order < 2 || loan.process_count > MOST {
        return None;
    }
    loan.flags_read |= DISTARRAY_R_GRID_MAP;
    let (count, shift) = (loan.process_count, input.below(4));
    let ranks: Vec<i64> = (0..count).map(|i| (i + shift) % count).collect();
    loan.process_rank = ranks[loan.process_rank as usize];
    Some(ranks)
}

/// Backs the elements where they are few enough; else the claim is left open.
pub fn memory(
    loan: &mut distarray_export,
    shape: &[i64],
    strides: &[i64],
    input: &mut Input,
) -> (*mut u8, Layout) {
    let span = |sign: i64| -> i128 {
        let reach = |(&n, &s): (&i64, &i64)| i128::from(n - 1) * i128::from(s);
        let spans = shape.iter().zip(strides).filter(|(_, s)| s.signum() == sign).map(reach);
        if shape.contains(&0) { 0 } else { spans.sum() }
    };
    let (low, high) = (span(-1), span(1) + i128::from(loan.itemsize));
    // Any stride may lead down to an address below the natural alignment.
    let before = 16 * i128::from(input.below(2)) + low.rem_euclid(16);
    let after = i128::from(input.below(2));
    let backed = high - low <= 1 << 14;
    let bytes = if backed { before + high - low + after } else { 64 };
    let layout = Layout::from_size_align(bytes as usize, 16).unwrap();
    let base = unsafe { alloc_zeroed(layout) };
    let data = base.wrapping_offset(if backed { (before - low) as isize } else { 0 });
    loan.data = if shape.contains(&0) && input.below(2) == 1 { null_mut() } else { data.cast() };
    if backed && input.below(2) == 1 {
        (loan.alloc_base, loan.alloc_bytes) = (base.cast(), layout.size() as u64);
    }
    (base, layout)
}

pub fn flags(loan: &mut distarray_export, dims: &[distarray_dim], input: &mut Input) {
    if input.below(4) == 3 || dims.iter().any(|d| d.n_owned < d.n_indices) {
        loan.flags_read |= DISTARRAY_R_GHOSTS;
    }
    match input.below(16) {
        15 => loan.flags_read |= DISTARRAY_R_CALL_SCOPED,
        14 => (loan.flags_read, loan.data) = (loan.flags_read | DISTARRAY_R_NO_DATA, null_mut()),
        13 => loan.flags_write |= DISTARRAY_W_READ_ONLY,
        12 => loan.flags_write |= DISTARRAY_W_ALIASED,
        _ => {}
    }
    loan.flags_info = input.below(32) as u64;
    (loan.uid, loan.epoch) = ([input.any() as u64, input.small() as u64], input.any() as u64);
}

pub fn format(input: &mut Input) -> Option<CString> {
    match input.below(64) {
        63 => CString::new(vec![b'x'; 1 << 17]).ok(),
        kind @ 56..63 => CString::new(vec![1 + input.small().unsigned_abs() as u8; kind as usize - 56]).ok(),
        _ => None,
    }
}
