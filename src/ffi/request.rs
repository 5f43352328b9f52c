//! Answering what a consumer asks for.
#![allow(unsafe_code)] // reads a struct that C passes

use std::sync::Arc;

use super::abi::*;
use super::error::input;
use super::export::access;
use super::lend::{Granted, Loan, distarray_array};
use crate::array::{Access, Order};
use crate::error::{Error, ErrorKind, Result};

// DISTARRAY_LAYOUT_* of the header.
pub(super) const LAYOUT_C: u32 = 1;
pub(super) const LAYOUT_FORTRAN: u32 = 2;
pub(super) const LAYOUT_STRIDED: u32 = 4;
pub(super) const LAYOUT_C_LINES: u32 = 8;
pub(super) const LAYOUT_FORTRAN_LINES: u32 = 16;

const COPY_NEVER: u32 = 1;
const COPY_ALWAYS: u32 = 2;

/// NULL or zeroed: reading, no optional bit understood, any layout.
const PLAIN: distarray_request = distarray_request {
    struct_size: 0,
    max_abi_major: 0,
    max_abi_minor: 0,
    access: 0,
    known_flags_read: 0,
    known_flags_write: 0,
    layouts: 0,
    dist_types: 0,
    copy: 0,
    device_type: 0,
    device_id: 0,
    min_alignment: 0,
    stream: std::ptr::null_mut(),
    reserved: [0; 9],
};

/// Reads a request; NULL is a plain one.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a request.
#[inline]
pub(super) unsafe fn read_request<'a>(request: *const distarray_request) -> Result<&'a distarray_request> {
    if request.is_null() {
        return Ok(&PLAIN);
    }
    // SAFETY: the caller's promise.
    let request = unsafe { input(request, "request") }?;
    let range = |field: &'static str, most: u32, found: u32| {
        if found <= most {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Range, "a number that no version 1.0 request has")
            .in_field(field)
            .expected_found(most.into(), found.into())
            .by_rule("L10"))
    };
    if request.struct_size != 0 && request.struct_size < 128 {
        return Err(Error::new(ErrorKind::Version, "the struct is too short")
            .in_field("struct_size")
            .expected_found(128, request.struct_size.into())
            .by_rule("L10"));
    }
    range("access", DISTARRAY_ACCESS_DESCRIBE, request.access)?;
    range("layouts", LAYOUT_C | LAYOUT_FORTRAN | LAYOUT_STRIDED, request.layouts)?;
    range("dist_types", 7, request.dist_types)?;
    range("copy", COPY_ALWAYS, request.copy)?;
    if request.min_alignment != 0 && !request.min_alignment.is_power_of_two() {
        let text = "an alignment is a power of two";
        return Err(Error::new(ErrorKind::Range, text).in_field("min_alignment").by_rule("L10"));
    }
    if request.reserved != [0; 9] {
        let text = "reserved words must be zero";
        return Err(Error::new(ErrorKind::Flag, text).in_field("reserved").by_rule("L10"));
    }
    Ok(request)
}

/// Lends what the request asks for, or says why not.
///
/// # Errors
/// `Unacceptable` where no loan of this array would do, `WouldCopy` where only a
/// copy would and the request forbids it, `Busy`, `Access`.
#[inline]
pub(super) fn answer(lent: &Arc<distarray_array>, request: &distarray_request) -> Result<Granted> {
    let needed = lent.record().read & !request.known_flags_read;
    if needed != 0 {
        let text = format!(
            "the array needs must-understand bit {needed:#x}; who understands it says so in known_flags_read"
        );
        return Err(unacceptable(text, "known_flags_read"));
    }
    if request.dist_types != 0 {
        for (axis, dim) in lent.array().dim_data().dims().iter().enumerate() {
            let bit = match dim.dist().letter() {
                'b' => 1,
                'c' => 2,
                _ => 4,
            };
            if request.dist_types & bit == 0 {
                let text = format!("the axis is of kind '{}'", dim.dist().letter());
                return Err(unacceptable(text, "dist_types").on_axis(axis));
            }
        }
    }
    if ![0, DISTARRAY_DEVICE_CPU].contains(&request.device_type) {
        return Err(unacceptable("the array is in host memory".into(), "device_type"));
    }
    if request.access == DISTARRAY_ACCESS_DESCRIBE {
        return lent.grant(Loan::Description);
    }
    let access = access(request.access)?;
    if request.copy != COPY_ALWAYS && suits(lent, request) {
        return lent.grant(Loan::Data(access));
    }
    if request.copy == COPY_NEVER {
        return Err(Error::new(ErrorKind::WouldCopy, "the layout or alignment asked for needs a copy")
            .in_field("layouts")
            .by_rule("L10"));
    }
    if access != Access::Read {
        return Err(unacceptable(
            "a copy would not show what is written to it; ask to read".into(),
            "access",
        ));
    }
    if request.layouts != 0 && request.layouts & (LAYOUT_C | LAYOUT_STRIDED) == 0 {
        return Err(unacceptable("copies are made in C order".into(), "layouts"));
    }
    let copy = lent.packed_copy()?;
    if !suits(&copy, request) {
        return Err(unacceptable("copies are aligned to 64 bytes".into(), "min_alignment"));
    }
    copy.grant(Loan::Data(access))
}

/// Whether the memory itself has a layout and an alignment that the request takes.
#[inline]
fn suits(lent: &distarray_array, request: &distarray_request) -> bool {
    let buffer = lent.array().buffer();
    let layout = buffer.layout();
    let fits = request.layouts == 0
        || request.layouts & LAYOUT_STRIDED != 0
        || request.layouts & LAYOUT_C != 0 && layout.is_packed(Order::C)
        || request.layouts & LAYOUT_FORTRAN != 0 && layout.is_packed(Order::Fortran);
    let alignment = usize::try_from(request.min_alignment.max(1)).unwrap_or(usize::MAX);
    fits && buffer.data().addr().is_multiple_of(alignment)
}

fn unacceptable(detail: String, field: &'static str) -> Error {
    Error::new(ErrorKind::Unacceptable, detail).in_field(field).by_rule("L10")
}
