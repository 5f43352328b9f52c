//! One axis, read from C and written for C.
#![allow(unsafe_code)] // follows the pointer to a foreign index list

use std::ptr;

use super::abi::*;
use super::error::inputs;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Blocks, Dim, Dist, Regular};

/// Reads an axis; `extent` is the buffer's, for an axis held whole.
///
/// # Errors
/// Unknown or misplaced flags, fields of another kind, a broken structural rule.
///
/// # Safety
/// `indices` points at `n_indices` integers of the flagged width, or is null or
/// misaligned.
#[inline]
pub(super) unsafe fn read_dim(raw: &distarray_dim, extent: i64) -> Result<Dim> {
    if raw.dist_type == DISTARRAY_DIST_UNSTRUCTURED {
        // SAFETY: the caller's promise.
        unsafe { read_listed(raw) }
    } else {
        read_regular(raw, extent).map(Regular::into_dim)
    }
}

/// [`read_dim`] for an axis that is not unstructured.
#[inline(always)]
pub(super) fn read_regular(raw: &distarray_dim, extent: i64) -> Result<Regular> {
    check_fields(raw)?;
    let (mut size, mut proc_grid_size) = (raw.size, raw.proc_grid_size);
    let blocks = match raw.dist_type {
        DISTARRAY_DIST_UNDISTRIBUTED => {
            check_whole(raw, extent)?;
            (size, proc_grid_size) = (extent, 1);
            Blocks::One { start: 0, stop: extent, padding: [0, 0], periodic: false, edge_outside: false }
        }
        DISTARRAY_DIST_BLOCK => Blocks::One {
            start: raw.start,
            stop: raw.stop,
            padding: raw.padding,
            periodic: raw.flags & DISTARRAY_DIM_PERIODIC != 0,
            edge_outside: raw.flags & DISTARRAY_DIM_EDGE_OUTSIDE != 0,
        },
        _ => {
            let block_size = if raw.block_size == 0 { 1 } else { raw.block_size };
            let first_block = if raw.first_block == 0 { block_size } else { raw.first_block };
            Blocks::Cyclic { start: raw.start, block_size, first_block }
        }
    };
    let component = raw.flags & DISTARRAY_DIM_COMPONENT != 0;
    Regular { size, proc_grid_size, proc_grid_rank: raw.proc_grid_rank, blocks, component }.checked()
}

/// [`read_dim`] for an unstructured axis.
///
/// # Safety
/// As for [`read_dim`].
pub(super) unsafe fn read_listed(raw: &distarray_dim) -> Result<Dim> {
    check_fields(raw)?;
    let dist = Dist::Unstructured {
        // SAFETY: the caller's promise.
        indices: unsafe { read_indices(raw) }?.into(),
        num_owned: raw.n_owned,
        one_to_one: raw.flags & DISTARRAY_DIM_ONE_TO_ONE != 0,
    };
    let dim = Dim::new(raw.size, raw.proc_grid_size, raw.proc_grid_rank, dist)?;
    Ok(dim.component_if(raw.flags & DISTARRAY_DIM_COMPONENT != 0))
}

/// Refuses flags and fields that the kind of the axis does not have.
#[inline(always)]
fn check_fields(raw: &distarray_dim) -> Result<()> {
    let unknown = raw.flags & !DISTARRAY_DIM_KNOWN_1_0;
    if unknown != 0 {
        return Err(flag(format!("flag {unknown:#x} of the axis is not known here"), "flags", "A12"));
    }
    if raw.reserved[0] | raw.reserved[1] | raw.reserved[2] != 0 {
        return Err(flag("reserved words must be zero", "reserved", "A13"));
    }
    let padding = raw.padding[0] | raw.padding[1];
    let blocks = raw.block_size | raw.first_block;
    let list = raw.n_indices | raw.n_owned;
    // The flags of each kind, and the bits of all fields that are not its own.
    let (allowed, foreign) = match raw.dist_type {
        DISTARRAY_DIST_UNDISTRIBUTED => (0, raw.start | raw.stop | padding | blocks | list),
        DISTARRAY_DIST_BLOCK => (DISTARRAY_DIM_PERIODIC | DISTARRAY_DIM_EDGE_OUTSIDE, blocks | list),
        DISTARRAY_DIST_CYCLIC => (0, raw.stop | padding | list),
        DISTARRAY_DIST_UNSTRUCTURED => {
            (DISTARRAY_DIM_ONE_TO_ONE | DISTARRAY_DIM_INDICES_I32, raw.start | raw.stop | padding | blocks)
        }
        other => {
            return Err(Error::new(ErrorKind::Range, "dist_type must be 0 or the letter b, c or u")
                .in_field("dist_type")
                .expected_found(DISTARRAY_DIST_BLOCK.into(), other.into())
                .by_rule("A14"));
        }
    };
    if raw.flags & !(allowed | DISTARRAY_DIM_COMPONENT) != 0 {
        return Err(flag("a flag that belongs to another dist_type", "flags", "A12"));
    }
    if foreign != 0 {
        return Err(flag("fields of another dist_type must be zero", "dist_type", "A13"));
    }
    Ok(())
}

/// The empty dictionary; a size and a grid of one may be stated.
#[inline(always)]
fn check_whole(raw: &distarray_dim, extent: i64) -> Result<()> {
    if raw.proc_grid_size > 1 || raw.proc_grid_size < 0 || raw.proc_grid_rank != 0 {
        return Err(Error::new(ErrorKind::Grid, "an axis held whole has a process grid of one")
            .in_field("proc_grid_size")
            .expected_found(1, raw.proc_grid_size)
            .by_rule("A15"));
    }
    if raw.size != 0 && raw.size != extent {
        return Err(Error::new(ErrorKind::Shape, "an axis held whole has its size in shape")
            .in_field("size")
            .expected_found(extent, raw.size)
            .by_rule("A15"));
    }
    Ok(())
}

/// Copies the index list: the protocol keeps 64-bit ones.
///
/// # Safety
/// As for [`read_dim`].
unsafe fn read_indices(raw: &distarray_dim) -> Result<Vec<i64>> {
    let rule = |error: Error| error.by_rule("A16");
    let mut list = Vec::new();
    let mut reserve = |count: usize| {
        list.try_reserve_exact(count).map_err(|_| {
            Error::new(ErrorKind::NoMemory, "no memory for a copy of the indices").in_field("indices")
        })
    };
    if raw.flags & DISTARRAY_DIM_INDICES_I32 == 0 {
        // SAFETY: the caller's promise.
        let indices = unsafe { inputs(raw.indices.cast::<i64>(), raw.n_indices, "indices") }.map_err(rule)?;
        reserve(indices.len())?;
        list.extend_from_slice(indices);
    } else {
        // SAFETY: the caller's promise.
        let indices = unsafe { inputs(raw.indices.cast::<i32>(), raw.n_indices, "indices") }.map_err(rule)?;
        reserve(indices.len())?;
        list.extend(indices.iter().map(|&i| i64::from(i)));
    }
    Ok(list)
}

/// Writes an axis. The index list is the axis's own: it must outlive the record.
pub(super) fn write_dim(dim: &Dim) -> distarray_dim {
    let mut raw = distarray_dim {
        size: dim.size(),
        proc_grid_size: dim.proc_grid_size(),
        proc_grid_rank: dim.proc_grid_rank(),
        flags: if dim.is_component() { DISTARRAY_DIM_COMPONENT } else { 0 },
        ..distarray_dim::INIT
    };
    let mut set = |flag: u32, on: bool| raw.flags |= if on { flag } else { 0 };
    match dim.dist() {
        Dist::Block { start, stop, padding, periodic, edge_outside } => {
            set(DISTARRAY_DIM_PERIODIC, *periodic);
            set(DISTARRAY_DIM_EDGE_OUTSIDE, *edge_outside);
            raw.dist_type = DISTARRAY_DIST_BLOCK;
            (raw.start, raw.stop, raw.padding) = (*start, *stop, *padding);
        }
        Dist::Cyclic { start, block_size, first_block } => {
            raw.dist_type = DISTARRAY_DIST_CYCLIC;
            (raw.start, raw.block_size) = (*start, *block_size);
            raw.first_block = if first_block == block_size { 0 } else { *first_block };
        }
        Dist::Unstructured { indices, num_owned, one_to_one } => {
            set(DISTARRAY_DIM_ONE_TO_ONE, *one_to_one);
            raw.dist_type = DISTARRAY_DIST_UNSTRUCTURED;
            raw.indices = if indices.is_empty() { ptr::null() } else { indices.as_ptr().cast() };
            // `Dim` holds at most i64::MAX indices.
            raw.n_indices = dim.len();
            raw.n_owned = *num_owned;
        }
    }
    raw
}

fn flag(detail: impl Into<std::borrow::Cow<'static, str>>, field: &'static str, rule: &'static str) -> Error {
    Error::new(ErrorKind::Flag, detail).in_field(field).by_rule(rule)
}
