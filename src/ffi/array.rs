//! `distarray_array`: a part of a distributed array, as C holds it.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::abi::*;
use super::error::{check, distarray_error, guard, output};
use super::export::{access, import_export};
use super::handle::{Object, handle};
use super::lend::distarray_array;
use super::request::{answer, read_request};
use super::watch;
use crate::array::AnyArray;
use crate::error::{Error, ErrorKind};

/// The handle for C, which holds one count.
#[inline]
pub(super) fn into_handle(array: Arc<distarray_array>) -> *mut distarray_array {
    let handle = Arc::into_raw(array).cast_mut();
    if watch::on() {
        watch::handle_made(handle);
    }
    handle
}

/// A handle on an array of the library's own.
pub(super) fn new_handle(array: AnyArray) -> *mut distarray_array {
    into_handle(distarray_array::new(array))
}

/// Takes a loan over: checks every rule that one process can check, then moves it
/// into a new array and leaves a husk. No element is copied. The array gives the
/// memory back when it and all loans of it are gone. Local.
///
/// access is DISTARRAY_ACCESS_READ, _READ_WRITE or _EXCLUSIVE. On error the loan
/// is untouched and still the caller's to release.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_import(
    loan: *mut distarray_export,
    access: u32,
    array: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let access = self::access(access)?;
        let take = || {
            // SAFETY: the struct is as the ABI says; that is the C caller's promise.
            unsafe { import_export(loan, access) }.map(into_handle)
        };
        // SAFETY: the C caller's promise.
        unsafe { output(array, "array", take) }
    })
}

/// Lends the array again. The memory lives until the array and all its loans are
/// gone; what borrowers wrote is passed on to the first lender. request NULL asks
/// for reading. Local.
///
/// No element is copied unless the request needs and allows it; the loan says so
/// then (DISTARRAY_I_COPIED).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_export(
    array: *const distarray_array,
    request: *const distarray_request,
    loan: *mut distarray_export,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: every handle is one count of an `Arc`; the C caller's promise, for
        // all pointers.
        unsafe {
            check(array, "array")?;
            handle(array.as_ref(), "array")?;
            // The handle's count stays the handle's.
            let array = ManuallyDrop::new(Arc::from_raw(array));
            let request = read_request(request)?;
            check(loan, "loan")?;
            loan.write(answer(&array, request)?.into_raw());
            if watch::on() {
                watch::lent(&*loan);
            }
        }
        Ok(())
    })
}

/// Shows the array: address, type, shape, strides, axes, without lending it. The
/// view is valid while the array lives; releasing it does nothing. Local.
///
/// Whoever writes through it says so with distarray_array_mark_modified.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_view(
    array: Option<&distarray_array>,
    view: *mut distarray_export,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let lent = handle(array, "array")?;
        let show = || {
            let mut raw = lent.describe();
            raw.flags_read |= DISTARRAY_R_CALL_SCOPED;
            raw.release = Some(release_view);
            Ok(raw)
        };
        // SAFETY: the C caller's promise.
        unsafe { output(view, "view", show) }
    })
}

/// A view owns nothing.
unsafe extern "C" fn release_view(view: *mut distarray_export) {
    // SAFETY: the ABI passes the export that holds this callback.
    if let Some(view) = unsafe { view.as_mut() } {
        view.release = None;
    }
}

/// Says what was written through a view: DISTARRAY_C_*. The first lender hears of
/// it, later loans carry a new epoch. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_mark_modified(
    array: Option<&distarray_array>,
    consumer_flags: u64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let known = DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID;
        if consumer_flags & !known != 0 {
            return Err(Error::new(ErrorKind::Flag, "flags other than DISTARRAY_C_*")
                .in_field("consumer_flags")
                .by_rule("L8"));
        }
        let lent = handle(array, "array")?;
        let written = consumer_flags & (DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED);
        if written != 0 && lent.record().write & DISTARRAY_W_READ_ONLY != 0 {
            let text = "the array can be read, not written";
            return Err(Error::new(ErrorKind::Access, text).in_field("flags_write").by_rule("L6"));
        }
        lent.note(consumer_flags);
        Ok(())
    })
}

/// Sets same to 1 if both arrays are the same elements in the same memory: one
/// address, type, shape and strides; else to 0. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_same_memory(
    array: Option<&distarray_array>,
    other: Option<&distarray_array>,
    same: *mut i32,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let one = handle(array, "array")?.array().buffer();
        let two = handle(other, "other")?.array().buffer();
        let equal = one.data() == two.data() && one.dtype() == two.dtype() && one.layout() == two.layout();
        // SAFETY: the C caller's promise.
        unsafe { output(same, "same", || Ok(equal.into())) }
    })
}

/// Frees the array; NULL is allowed. Its memory is given back when the last loan
/// of it is released. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_free(array: *mut distarray_array) {
    guard(std::ptr::null_mut(), || {
        // SAFETY: NULL or a handle, which is one count of an `Arc`, taken back here; that it
        // was not freed while it was lent on is the C caller's promise.
        unsafe {
            let known = !array.is_null() && (!watch::on() || watch::handle_freed(array));
            if known && (*array).is_whole() {
                drop(Arc::from_raw(array));
            }
        }
        Ok(())
    });
}
