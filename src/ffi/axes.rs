//! New distributions from axes, and arrays of them in the caller's memory.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use std::ffi::c_void;
use std::ptr::null;

use super::abi::{
    DISTARRAY_DIM_COMPONENT, DISTARRAY_DIM_EDGE_OUTSIDE, DISTARRAY_DIM_PERIODIC, DISTARRAY_DIST_BLOCK,
    DISTARRAY_DIST_CYCLIC, DISTARRAY_DIST_UNDISTRIBUTED, DISTARRAY_DIST_UNSTRUCTURED, distarray_export,
};
use super::array::new_handle;
use super::distribution::distarray_distribution;
use super::error::{check, check_reserved, distarray_error, guard, input, inputs, output, outside};
use super::handle::{give, handle};
use super::lend::distarray_array;
use crate::array::{Access, AnyArray, Buffer, DType, Layout, Order, Owner, RawBuffer};
use crate::comm::{Comm, distarray_comm};
use crate::distribution::{Axis, Distribution, Grid};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::GridOrder;

/// How one axis is to be dealt out. All zero but size: an axis that every process holds
/// whole.
#[repr(C)]
#[allow(non_camel_case_types)] // the C name
pub struct distarray_axis {
    /// DISTARRAY_DIST_*: undistributed, blocks, blocks dealt round robin, or a list.
    pub dist_type: u32,
    /// DISTARRAY_DIM_PERIODIC, DISTARRAY_DIM_EDGE_OUTSIDE, DISTARRAY_DIM_COMPONENT.
    pub flags: u32,
    /// Global extent.
    pub size: i64,
    /// Extent of the process grid along the axis; 0 lets it be chosen.
    pub proc_grid_size: i64,
    /// Length of the blocks; 0 is blocks as even as they can be, or plain cyclic.
    pub block_size: i64,
    /// proc_grid_size + 1 bounds of blocks, or NULL: coordinate i owns the indices from
    /// bound i on, up to bound i + 1.
    pub bounds: *const i64,
    /// The coordinate that owns the first block of a cyclic axis.
    pub first_process: i64,
    /// Widths of the halo before and after a block.
    pub halo: [i64; 2],
    /// The n_indices indices that this rank holds of a list, the n_owned first owned.
    pub indices: *const i64,
    /// Number of indices held.
    pub n_indices: i64,
    /// Number of indices owned.
    pub n_owned: i64,
    /// Zero.
    pub reserved: [u64; 4],
}

/// The process grid that an array is dealt out over. All zero: the one with the smallest
/// surfaces, its ranks numbered row-major.
#[repr(C)]
#[allow(non_camel_case_types)] // the C name
pub struct distarray_grid {
    /// An extent for each axis, or NULL: those with the smallest surfaces.
    pub extents: *const i64,
    /// 0 or 1: row-major, as MPI_Cart_create numbers; 2: column-major.
    pub order: i64,
    /// Equal copies of the array, each on its share of the ranks; 0 is one.
    pub replicas: i64,
    /// Instead of an order the rank at each place of the grid, row-major, one replica
    /// after the other: as many as the communicator has; or NULL.
    pub ranks: *const i64,
    /// Zero.
    pub reserved: [u64; 4],
}

/// Deals an array of ndim axes out over all ranks. grid NULL chooses the process grid
/// with the smallest surfaces; else it has ndim extents. grid_order is 0 or 1 for
/// row-major, as MPI_Cart_create numbers, 2 for column-major. Collective over comm, which
/// must outlive the distribution; all ranks ask for the same, but for lists of indices.
///
/// Axes that the ranks cannot hold, or that make no process grid, are refused on all
/// ranks alike. distarray_distribution_new_on_grid keeps replicas, too, and numbers the
/// ranks in any order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_new(
    comm: *const distarray_comm,
    ndim: i32,
    axes: *const distarray_axis,
    grid: *const i64,
    grid_order: i32,
    distribution: *mut *mut distarray_distribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let order = grid_order.into();
        let grid = distarray_grid { extents: grid, order, replicas: 0, ranks: null(), reserved: [0; 4] };
        // SAFETY: the C caller's promise.
        unsafe { deal(comm, ndim, axes, &grid, distribution) }
    })
}

/// distarray_distribution_new with all that can be said of the process grid; grid NULL is
/// all zero. Collective over comm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_new_on_grid(
    comm: *const distarray_comm,
    ndim: i32,
    axes: *const distarray_axis,
    grid: *const distarray_grid,
    distribution: *mut *mut distarray_distribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise.
        unsafe { deal(comm, ndim, axes, grid, distribution) }
    })
}

/// Deals an array out.
///
/// # Safety
/// Table, axes and grid are as the headers say, and the handle can be written.
unsafe fn deal(
    comm: *const distarray_comm,
    ndim: i32,
    axes: *const distarray_axis,
    grid: *const distarray_grid,
    distribution: *mut *mut distarray_distribution,
) -> Result<()> {
    let mine = |comm: &Comm| {
        check(distribution, "distribution")?;
        // SAFETY: the caller's promise.
        let records = unsafe { inputs(axes, ndim.into(), "axes") }?;
        let axis = |(number, record): (usize, &distarray_axis)| {
            // SAFETY: the caller's promise.
            unsafe { read_axis(record) }.map_err(|e| e.on_axis(number))
        };
        let axes = records.iter().enumerate().map(axis).collect::<Result<Vec<_>>>()?;
        // SAFETY: the caller's promise.
        Ok((axes, unsafe { read_grid(grid, ndim, comm.size()) }?))
    };
    // SAFETY: the table keeps its contract; that is the caller's promise.
    let (comm, (axes, grid)) = unsafe { Comm::kept(comm, mine) }?;
    let made = Distribution::on_grid(&comm, axes, grid)?;
    // SAFETY: checked, and the caller's to be written.
    unsafe { give(distribution, distarray_distribution::new(made)) };
    Ok(())
}

/// Shows this rank's part as a loan of it would: axes, shape, place on the process grid.
/// Element type, data, strides and release are still to be set: then it is a loan of the
/// caller's own memory. What it points to lives as long as the distribution. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_describe(
    distribution: Option<&distarray_distribution>,
    description: *mut distarray_export,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let part = handle(distribution, "distribution")?;
        // SAFETY: the C caller's promise.
        unsafe { output(description, "description", || Ok(part.describe())) }
    })
}

/// Makes an array of this rank's part in memory of the caller's, which must outlive it:
/// data is the first element, padding included; code and bits are the element type's.
/// strides has a distance in bytes for each axis; NULL is packed, row-major. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_wrap(
    distribution: Option<&distarray_distribution>,
    code: u8,
    bits: u8,
    data: *mut c_void,
    strides: *const i64,
    array: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let dim_data = handle(distribution, "distribution")?.get().dim_data();
        let wrap = || {
            let dtype = DType { code, bits, lanes: 1 };
            let itemsize = dtype.own_itemsize()?;
            let shape = dim_data.held_shape();
            let layout = match strides.is_null() {
                true => Layout::packed(&shape, itemsize, Order::C)?,
                false => {
                    let ndim = as_i64(shape.len());
                    // SAFETY: the C caller's promise.
                    Layout::strided(&shape, unsafe { inputs(strides, ndim, "strides") }?, itemsize)?
                }
            };
            let (data, access) = (data.cast(), Access::Write);
            let raw = RawBuffer { data, dtype, layout, access, allocation: None, format: None };
            // SAFETY: the memory outlives the array; that is the C caller's promise.
            let buffer = unsafe { Buffer::from_raw(raw, <dyn Owner>::keep(())) }?;
            Ok(new_handle(AnyArray::new(dim_data.clone(), buffer)?))
        };
        // SAFETY: the C caller's promise.
        unsafe { output(array, "array", wrap) }
    })
}

/// The process grid, as C asks for it.
///
/// # Safety
/// As for [`inputs`], for the record, the extents and the ranks.
unsafe fn read_grid(asked: *const distarray_grid, ndim: i32, ranks: usize) -> Result<Grid> {
    if asked.is_null() {
        return Ok(Grid::compact());
    }
    // SAFETY: the caller's promise.
    let asked = unsafe { input(asked, "grid") }?;
    check_reserved(&asked.reserved)?;
    let grid = match asked.extents.is_null() {
        true => Grid::compact(),
        // SAFETY: the caller's promise.
        false => Grid::exact(unsafe { inputs(asked.extents, ndim.into(), "grid") }?),
    };
    let order = match (asked.order, asked.ranks.is_null()) {
        (0 | 1, true) => GridOrder::RowMajor,
        (2, true) => GridOrder::ColumnMajor,
        (0, false) => {
            let count = as_i64(ranks);
            // SAFETY: the caller's promise.
            GridOrder::Ranks(unsafe { inputs(asked.ranks, count, "ranks") }?.into())
        }
        (1 | 2, false) => {
            let text = "the grid has a table of ranks or an order, not both";
            return Err(Error::new(ErrorKind::Flag, text).in_field("ranks"));
        }
        (other, _) => return Err(outside("grid_order", 2, other)),
    };
    Ok(grid.order(order).replicas(if asked.replicas == 0 { 1 } else { asked.replicas }))
}

/// One axis, as C asks for it.
///
/// # Safety
/// As for [`inputs`], for the bounds and the indices.
unsafe fn read_axis(asked: &distarray_axis) -> Result<Axis> {
    check_reserved(&asked.reserved)?;
    let known = DISTARRAY_DIM_PERIODIC | DISTARRAY_DIM_EDGE_OUTSIDE | DISTARRAY_DIM_COMPONENT;
    if asked.flags & !known != 0 {
        return Err(outside("flags", known.into(), asked.flags.into()));
    }
    let size = asked.size;
    let axis = match asked.dist_type {
        DISTARRAY_DIST_UNDISTRIBUTED => Axis::whole(size),
        DISTARRAY_DIST_BLOCK if !asked.bounds.is_null() => {
            let count = asked.proc_grid_size.saturating_add(1);
            // SAFETY: the caller's promise.
            let bounds = unsafe { inputs(asked.bounds, count, "bounds") }?;
            if bounds.last() != Some(&size) {
                let last = bounds.last().copied().unwrap_or(0);
                return Err(Error::new(ErrorKind::Range, "the last bound is the size of the axis")
                    .in_field("bounds")
                    .expected_found(size, last));
            }
            Axis::bounds(bounds)
        }
        DISTARRAY_DIST_BLOCK if asked.block_size != 0 => Axis::blocks_of(size, asked.block_size),
        DISTARRAY_DIST_BLOCK => Axis::block(size),
        DISTARRAY_DIST_CYCLIC => {
            let block_size = if asked.block_size == 0 { 1 } else { asked.block_size };
            Axis::cyclic(size, block_size).first_process(asked.first_process)
        }
        DISTARRAY_DIST_UNSTRUCTURED => {
            // SAFETY: the caller's promise.
            let indices = unsafe { inputs(asked.indices, asked.n_indices, "indices") }?;
            Axis::unstructured(size, indices).owning(asked.n_owned)
        }
        other => return Err(outside("dist_type", DISTARRAY_DIST_UNSTRUCTURED.into(), other.into())),
    };
    let set = |flag: u32| asked.flags & flag != 0;
    let axis = if asked.proc_grid_size != 0 { axis.on(asked.proc_grid_size) } else { axis };
    let axis = if asked.halo == [0, 0] { axis } else { axis.halo_sides(asked.halo[0], asked.halo[1]) };
    let axis = if set(DISTARRAY_DIM_EDGE_OUTSIDE) { axis.edge_outside() } else { axis };
    let axis = if set(DISTARRAY_DIM_PERIODIC) { axis.periodic() } else { axis };
    Ok(if set(DISTARRAY_DIM_COMPONENT) { axis.component() } else { axis })
}
