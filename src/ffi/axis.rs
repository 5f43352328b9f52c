//! Index maps of one axis, on the plain record: for any producer and consumer,
//! without a handle.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use super::abi::distarray_dim;
use super::dim::read_dim;
use super::error::{check, check_if, distarray_error, guard, input};
use super::export::{Level, level_of};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, Run};

/// count stretches of len consecutive indices, the first at start, each stride
/// after the one before.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)] // the C name
pub struct distarray_run {
    /// First index of the first stretch.
    pub start: i64,
    /// Consecutive indices in each stretch.
    pub len: i64,
    /// Distance between the starts of neighbouring stretches.
    pub stride: i64,
    /// Number of stretches.
    pub count: i64,
}

impl From<Run> for distarray_run {
    fn from(run: Run) -> Self {
        Self { start: run.start, len: run.len, stride: run.stride, count: run.count }
    }
}

/// Reads an axis on its own: one held whole must state its size.
unsafe fn axis(dim: *const distarray_dim) -> Result<Dim> {
    // SAFETY: the C caller's promise, for the record and its index list.
    unsafe {
        let raw = input(dim, "dim")?;
        read_dim(raw, raw.size)
    }
}

/// Checks an axis against extent, the local buffer's length along it. level 0:
/// the rules for each field; 1: all rules that one process can check. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_dim_check(
    dim: *const distarray_dim,
    extent: i64,
    level: i32,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise.
        let dim = unsafe { read_dim(input(dim, "dim")?, extent) }?;
        if level_of(level)? == Level::Strict { dim.check_strict(extent) } else { Ok(()) }
    })
}

/// Gives the number of elements held, padding included, and the local positions
/// start to stop - 1 of those owned. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_dim_owned(
    dim: *const distarray_dim,
    held: *mut i64,
    start: *mut i64,
    stop: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for all pointers.
        unsafe {
            let dim = axis(dim)?;
            let owned = dim.owned_local();
            check(held, "held")?;
            check(start, "start")?;
            check(stop, "stop")?;
            held.write(dim.len());
            start.write(owned.start);
            stop.write(owned.end);
        }
        Ok(())
    })
}

/// Gives the global index of each of n local positions. Local; O(1) each.
///
/// A position outside the part is an error; nothing is written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_dim_local_to_global(
    dim: *const distarray_dim,
    n: i64,
    local: *const i64,
    global: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for all pointers.
        unsafe {
            let dim = axis(dim)?;
            let (n, len) = (count(n)?, dim.len());
            check_if(n > 0, local, "local")?;
            // All are checked before the first is written.
            if let Some(wrong) = (0..n).map(|i| local.add(i).read()).find(|i| !(0..len).contains(i)) {
                return Err(Error::new(ErrorKind::Range, "no element stands at this position")
                    .in_field("local")
                    .expected_found(len - 1, wrong));
            }
            map(n, (local, "local"), (global, "global"), |i| dim.global_of(i).unwrap_or(-1))
        }
    })
}

/// Gives the local position of each of n global indices, -1 where it is not held.
/// Local; O(1) each, for an unstructured axis O(log n_indices), after
/// the list was sorted once per call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_dim_global_to_local(
    dim: *const distarray_dim,
    n: i64,
    global: *const i64,
    local: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for all pointers.
        unsafe {
            let dim = axis(dim)?;
            map(count(n)?, (global, "global"), (local, "local"), |g| dim.local_of(g).unwrap_or(-1))
        }
    })
}

/// Gives the global indices owned, as runs in local order; n_runs tells how many
/// there are. Local.
///
/// A block has one run, a cyclic axis at most three. Where capacity is too small
/// the call fails and the error's expected says what is needed; nothing is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_dim_owned_runs(
    dim: *const distarray_dim,
    capacity: i64,
    runs: *mut distarray_run,
    n_runs: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: the C caller's promise, for all pointers.
        unsafe {
            let found = axis(dim)?.owned_runs();
            write_runs(found.as_slice(), capacity, runs, n_runs)
        }
    })
}

/// Writes runs into an array of the caller's.
///
/// # Safety
/// `runs` can be written `capacity` times, `n_runs` once.
pub(super) unsafe fn write_runs(
    found: &[Run],
    capacity: i64,
    runs: *mut distarray_run,
    n_runs: *mut i64,
) -> Result<()> {
    let needed = as_i64(found.len());
    if needed > capacity {
        return Err(Error::new(ErrorKind::Bounds, "more runs than the array has room for")
            .in_field("capacity")
            .expected_found(needed, capacity));
    }
    check(n_runs, "n_runs")?;
    check_if(needed > 0, runs, "runs")?;
    // SAFETY: the caller's promise.
    unsafe {
        for (i, &run) in found.iter().enumerate() {
            runs.add(i).write(run.into());
        }
        n_runs.write(needed);
    }
    Ok(())
}

/// Writes one result for each of `n` numbers; both arrays may be the same one.
///
/// # Safety
/// The arrays can be read and written `n` times.
pub(super) unsafe fn map(
    n: usize,
    (from, from_name): (*const i64, &'static str),
    (target, target_name): (*mut i64, &'static str),
    of: impl Fn(i64) -> i64,
) -> Result<()> {
    check_if(n > 0, from, from_name)?;
    check_if(n > 0, target, target_name)?;
    for i in 0..n {
        // SAFETY: the caller's promise. No slices: the arrays may overlap.
        unsafe { target.add(i).write(of(from.add(i).read())) }
    }
    Ok(())
}

/// A count that C gave.
pub(super) fn count(n: i64) -> Result<usize> {
    usize::try_from(n).map_err(|_| {
        Error::new(ErrorKind::Range, "a count must not be negative").in_field("n").expected_found(0, n)
    })
}
