//! The auditor's C functions.

use std::ffi::{c_char, c_void};

use distarray::Result;
use distarray::comm::{Comm, distarray_comm};
use distarray::ffi::Export;
use distarray::ffi::abi::distarray_export;

use crate::Audit;

/// Takes both loans over; on error they have gone back.
///
/// # Safety
/// The pointers are valid; `message` has `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn audit_new(
    comm: *const distarray_comm,
    temperature: *mut distarray_export,
    load: *mut distarray_export,
    coupling: f64,
    out: *mut *mut Audit,
    message: *mut c_char,
    capacity: usize,
) -> i32 {
    let make = || {
        // SAFETY: the caller's pointers are valid; what is taken leaves a husk.
        let (temperature, load) = unsafe { (take(temperature), take(load)) };
        // SAFETY: the table and the loans are the caller's promise.
        unsafe { Audit::new(Comm::from_table(comm)?, temperature, load, coupling) }
    };
    // SAFETY: the caller's pointers are valid.
    unsafe { finish(make(), message, capacity, |audit| out.write(Box::into_raw(Box::new(audit)))) }
}

/// Where the auditor reads.
#[unsafe(no_mangle)]
pub extern "C" fn audit_addresses(audit: &Audit, temperature: &mut *const c_void, load: &mut *const c_void) {
    *temperature = audit.temperature.view().as_ptr().cast();
    *load = audit.load.view().as_ptr().cast();
}

/// Computes the relative residual and the mean temperature.
///
/// # Safety
/// `message` has `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn audit_run(
    audit: &Audit,
    residual: &mut f64,
    mean: &mut f64,
    message: *mut c_char,
    capacity: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { finish(audit.run(), message, capacity, |found| [*residual, *mean] = found) }
}

/// Gives the loans back; NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn audit_free(audit: Option<Box<Audit>>) {
    drop(audit);
}

/// Moves a loan out of C's struct.
///
/// # Safety
/// A valid pointer to a struct that C filled.
unsafe fn take(loan: *mut distarray_export) -> Export {
    // SAFETY: the caller's promise; the husk that stays behind is not live.
    unsafe {
        let taken = Export::from_raw(loan.read());
        (*loan).release = None;
        taken
    }
}

/// Hands a result to C, or its error as a status and a message.
///
/// # Safety
/// `message` has `capacity` bytes.
unsafe fn finish<T>(
    result: Result<T>,
    message: *mut c_char,
    capacity: usize,
    deliver: impl FnOnce(T),
) -> i32 {
    match result {
        Ok(value) => {
            deliver(value);
            0
        }
        Err(error) => {
            let text = error.to_string();
            let length = text.len().min(capacity.saturating_sub(1));
            if capacity > 0 {
                // SAFETY: `length` bytes and the NUL fit.
                unsafe {
                    message.cast::<u8>().copy_from(text.as_ptr(), length);
                    message.add(length).write(0);
                }
            }
            error.kind().code()
        }
    }
}
