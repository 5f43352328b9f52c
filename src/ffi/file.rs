//! `.dnpy` files through C.
#![allow(unsafe_code)] // reads paths and writes through pointers that C passes

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::array::new_handle;
use super::distribution::distarray_distribution;
use super::error::{check, distarray_error, guard, output};
use super::handle::handle;
use super::lend::distarray_array;
use crate::comm::{Comm, distarray_comm};
use crate::error::Result;
use crate::io::dnpy;

/// Reads one process's part from a .dnpy file into memory of the library's own.
/// Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_read_dnpy(
    path: *const c_char,
    array: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for both pointers.
        unsafe {
            let path = self::path(path, "path")?;
            output(array, "array", || Ok(new_handle(dnpy::read(path)?)))
        }
    })
}

/// Writes the array, padding included, to a .dnpy file. A failure leaves an
/// existing file as it was. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_write_dnpy(
    array: Option<&distarray_array>,
    path: *const c_char,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let array = handle(array, "array")?;
        // SAFETY: the C caller's promise.
        dnpy::write(unsafe { self::path(path, "path") }?, array.array())
    })
}

/// Reads this rank's part from the set of files prefix_0.dnpy, prefix_1.dnpy, ... Where there
/// is a prefix.manifest, files of one save are read, or none. Collective over comm: when one
/// rank fails, all return its status and its report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_read_dnpy_set(
    prefix: *const c_char,
    comm: *const distarray_comm,
    array: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for all pointers and the table.
        unsafe {
            let comm = Comm::from_table(comm)?;
            let mine = check(array, "array").and_then(|()| path(prefix, "prefix"));
            let read = dnpy::read_rank(comm.agree(mine)?, &comm)?;
            output(array, "array", || Ok(new_handle(read)))
        }
    })
}

/// Reads this rank's part of the set of files prefix_0.dnpy, prefix_1.dnpy, ... as the
/// distribution deals the array out, whatever number of ranks saved it in whatever
/// distribution; padding is filled too. All files must be within reach of every rank.
/// Collective: when one rank fails, all return its status and its report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_read_dnpy_set(
    distribution: Option<&distarray_distribution>,
    prefix: *const c_char,
    array: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let distribution = handle(distribution, "distribution")?.get();
        // SAFETY: the C caller's promise.
        let mine = check(array, "array").and_then(|()| unsafe { path(prefix, "prefix") });
        let read = dnpy::read_onto(distribution.comm().agree(mine)?, distribution)?;
        // SAFETY: the C caller's promise.
        unsafe { output(array, "array", || Ok(new_handle(read))) }
    })
}

/// Writes this rank's part to the set of files prefix_0.dnpy, prefix_1.dnpy, ... and the
/// set's prefix.manifest. The set is replaced as a whole, whatever interrupts the call.
/// Collective over comm: when one rank fails, all return its status and its report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_array_write_dnpy_set(
    array: Option<&distarray_array>,
    prefix: *const c_char,
    comm: *const distarray_comm,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for the table.
        let comm = unsafe { Comm::from_table(comm) }?;
        let mine = || {
            // SAFETY: the C caller's promise.
            Ok((handle(array, "array")?, unsafe { path(prefix, "prefix") }?))
        };
        let (array, prefix) = comm.agree(mine())?;
        dnpy::write_rank(prefix, array.array(), &comm)
    })
}

/// # Safety
/// A text that is not null ends with a NUL.
unsafe fn path<'a>(text: *const c_char, name: &'static str) -> Result<&'a Path> {
    check(text, name)?;
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    Ok(Path::new(OsStr::from_bytes(text.to_bytes())))
}
