//! The C form of a part's description, made once for all its loans.

use std::ffi::CString;
use std::ptr;

use super::abi::*;
use super::dim::write_dim;
use crate::array::{DType, Layout};
use crate::number::as_i64;
use crate::protocol::{Dim, DimData, GridOrder};

/// The axes, the format and the feature words of a part.
pub(super) struct Record {
    dims: Box<[distarray_dim]>,
    format: Option<CString>,
    /// `DISTARRAY_R_*`: what a reader must understand.
    pub read: u32,
    /// `DISTARRAY_W_*`: what a writer must understand.
    pub write: u32,
}

impl Record {
    /// `format` is that of the elements, where they have one.
    pub(super) fn new(dim_data: &DimData, format: Option<&str>) -> Self {
        let mut read = match dim_data.grid().order() {
            GridOrder::RowMajor => 0,
            GridOrder::ColumnMajor => DISTARRAY_R_GRID_COLMAJOR,
            GridOrder::Ranks(_) => DISTARRAY_R_GRID_MAP,
        };
        if dim_data.dims().iter().any(Dim::has_ghosts) {
            read |= DISTARRAY_R_GHOSTS;
        }
        let write = if dim_data.grid().replicas() > 1 { DISTARRAY_W_REPLICATED } else { 0 };
        let dims = dim_data.dims().iter().map(write_dim).collect();
        // A format with a NUL inside is none that C could read.
        let format = format.and_then(|text| CString::new(text).ok());
        Self { dims, format, read, write }
    }

    /// An export without memory and not yet live. It points into the record and
    /// all arguments; `dim_data` is the one that the record was made from.
    #[inline(always)] // so that the struct is written once, where it is to lie
    pub(super) fn export(&self, dtype: DType, layout: &Layout, dim_data: &DimData) -> distarray_export {
        distarray_export {
            dtype_code: dtype.code,
            dtype_bits: dtype.bits,
            dtype_lanes: dtype.lanes,
            itemsize: as_i64(layout.itemsize()),
            strides: pointer(layout.strides()),
            format: self.format.as_ref().map_or(ptr::null(), |text| text.as_ptr()),
            ..self.describe(layout.shape(), dim_data)
        }
    }

    /// The same without elements: a part of this shape, and where it belongs.
    #[inline(always)]
    pub(super) fn describe(&self, shape: &[i64], dim_data: &DimData) -> distarray_export {
        distarray_export {
            flags_read: self.read,
            flags_write: self.write,
            // Every layout has few axes.
            ndim: i32::try_from(shape.len()).unwrap_or(i32::MAX),
            shape: pointer(shape),
            dims: pointer(&self.dims),
            process_rank: dim_data.process_rank(),
            process_count: dim_data.process_count(),
            grid_ranks: match dim_data.grid().order() {
                GridOrder::Ranks(table) => table.as_ptr(),
                _ => ptr::null(),
            },
            ..distarray_export::INIT
        }
    }
}

fn pointer<T>(some: &[T]) -> *const T {
    if some.is_empty() { ptr::null() } else { some.as_ptr() }
}
