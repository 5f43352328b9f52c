//! The border: every exported function is one call of [`guard`].
#![allow(unsafe_code)] // writes through pointers that C passes

use std::ffi::c_char;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result};

/// Why a call was refused, and where. The caller owns it; every function takes
/// NULL instead. A call that succeeds leaves code 0 and empty texts in it.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)] // the C name
pub struct distarray_error {
    /// The status that the function returned: DISTARRAY_OK or DISTARRAY_E_*.
    pub code: i32,
    /// 1 where expected and found mean something, else 0.
    pub has_values: i32,
    /// The rank at fault, -1 for none.
    pub rank: i64,
    /// The rank it disagrees with, -1 for none.
    pub other_rank: i64,
    /// The axis at fault, -1 for none.
    pub axis: i64,
    /// What the rule asks for.
    pub expected: i64,
    /// What was there.
    pub found: i64,
    /// The field at fault, in the protocol's own word.
    pub field: [c_char; 32],
    /// The number of the broken rule.
    pub rule: [c_char; 16],
    /// A sentence for a person, with all of the above. UTF-8, NUL-terminated.
    pub message: [c_char; 416],
}

const _: () = assert!(size_of::<distarray_error>() == 512);

impl distarray_error {
    const NONE: Self = Self {
        code: 0,
        has_values: 0,
        rank: -1,
        other_rank: -1,
        axis: -1,
        expected: 0,
        found: 0,
        field: [0; 32],
        rule: [0; 16],
        message: [0; 416],
    };

    fn new(error: &Error) -> Self {
        let mut report = Self::NONE;
        report.code = error.kind().code();
        report.rank = error.rank().unwrap_or(-1);
        report.other_rank = error.other_rank().unwrap_or(-1);
        report.axis = error.axis().and_then(|axis| i64::try_from(axis).ok()).unwrap_or(-1);
        if let (Some(expected), Some(found)) = (error.expected(), error.found()) {
            (report.has_values, report.expected, report.found) = (1, expected, found);
        }
        copy_text(error.field().unwrap_or(""), &mut report.field);
        copy_text(error.rule().unwrap_or(""), &mut report.rule);
        copy_text(&error.to_string(), &mut report.message);
        report
    }
}

/// Copies as many whole characters as fit before a NUL.
fn copy_text(text: &str, target: &mut [c_char]) {
    let mut end = text.len().min(target.len() - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (slot, byte) in target.iter_mut().zip(text[..end].bytes()) {
        *slot = c_char::from_ne_bytes([byte]);
    }
}

/// Runs the body of an exported function: turns errors and panics into a status
/// and a report, so that nothing unwinds into C.
#[inline(always)]
pub(super) fn guard(error: *mut distarray_error, body: impl FnOnce() -> Result<()>) -> i32 {
    if !error.is_aligned() {
        return ErrorKind::Align.code();
    }
    // SAFETY: null, or aligned and the caller's to be written.
    unsafe { clear(error) };
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return 0,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Error::new(ErrorKind::Panic, format!("a bug in this library, please report it: {text}"))
        }
    };
    if !error.is_null() {
        // SAFETY: not null, aligned, and the caller's to be written.
        unsafe { error.write(distarray_error::new(&failure)) }
    }
    failure.kind().code()
}

/// Empties a report; its texts end at their first byte, so the rest may stay.
///
/// # Safety
/// `error` is null, or aligned and writable.
#[inline]
unsafe fn clear(error: *mut distarray_error) {
    if error.is_null() {
        return;
    }
    // SAFETY: the caller's promise; no reference is made to memory that C may
    // not have initialised.
    unsafe {
        (&raw mut (*error).code).write(0);
        (&raw mut (*error).has_values).write(0);
        (&raw mut (*error).rank).write(-1);
        (&raw mut (*error).other_rank).write(-1);
        (&raw mut (*error).axis).write(-1);
        (&raw mut (*error).expected).write(0);
        (&raw mut (*error).found).write(0);
        (&raw mut (*error).field).cast::<c_char>().write(0);
        (&raw mut (*error).rule).cast::<c_char>().write(0);
        (&raw mut (*error).message).cast::<c_char>().write(0);
    }
}

/// Reads through a pointer that C passed.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a live `T`, which
/// nobody writes during the call.
#[inline]
pub(super) unsafe fn input<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T> {
    check(pointer, name)?;
    // SAFETY: checked as far as can be; the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Reads `count` values through a pointer that C passed; NULL is allowed for none.
///
/// # Safety
/// As for [`input`], for all `count` values.
#[inline]
pub(super) unsafe fn inputs<'a, T>(pointer: *const T, count: i64, name: &'static str) -> Result<&'a [T]> {
    let outside = || {
        Error::new(ErrorKind::Range, "a count outside what memory can hold")
            .in_field(name)
            .expected_found(0, count)
    };
    let count = usize::try_from(count).map_err(|_| outside())?;
    if count == 0 {
        return Ok(&[]);
    }
    count.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or_else(outside)?;
    check(pointer, name)?;
    // SAFETY: as for `input`; the length fits an address.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Writes a result through a pointer that C passed.
///
/// # Safety
/// A pointer that is neither null nor misaligned may be written.
#[inline(always)]
pub(super) unsafe fn output<T>(
    pointer: *mut T,
    name: &'static str,
    value: impl FnOnce() -> Result<T>,
) -> Result<()> {
    check(pointer, name)?;
    let value = value()?;
    // SAFETY: checked as far as can be; the rest is the caller's promise.
    unsafe { pointer.write(value) };
    Ok(())
}

/// Refuses null and misaligned pointers.
#[inline(always)]
pub(super) fn check<T>(pointer: *const T, name: &'static str) -> Result<()> {
    if !pointer.is_null() && pointer.is_aligned() {
        return Ok(());
    }
    Err(unusable(pointer.is_null(), align_of::<T>(), name))
}

#[cold]
fn unusable(null: bool, alignment: usize, name: &'static str) -> Error {
    if null {
        return Error::new(ErrorKind::Null, format!("{name} must not be NULL")).in_field(name);
    }
    let text = format!("{name} must lie at a multiple of {alignment} bytes");
    Error::new(ErrorKind::Align, text).in_field(name)
}

/// Refuses null and misaligned pointers that will be used; others may be anything.
pub(super) fn check_if<T>(used: bool, pointer: *const T, name: &'static str) -> Result<()> {
    if used { check(pointer, name) } else { Ok(()) }
}

/// The error of a number that a later version may know.
pub(super) fn outside(field: &'static str, most: i64, found: i64) -> Error {
    Error::new(ErrorKind::Range, "a number that no version 1.0 has")
        .in_field(field)
        .expected_found(most, found)
}

/// Refuses words of which a later version may make something.
pub(super) fn check_reserved(words: &[u64]) -> Result<()> {
    if words.iter().all(|&word| word == 0) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Flag, "reserved words must be zero").in_field("reserved"))
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        let mut error = distarray_error::NONE;
        assert_eq!(guard(&mut error, || panic!("impossible {}", 7)), 99);
        // SAFETY: `copy_text` leaves room for the NUL.
        let message = unsafe { CStr::from_ptr(error.message.as_ptr()) };
        assert!(message.to_str().unwrap().ends_with("impossible 7"));
        assert_eq!(guard(&mut error, || Ok(())), 0);
        assert_eq!((error.code, error.message[0], error.axis), (0, 0, -1));
    }

    #[test]
    fn long_texts_end_at_a_whole_character() {
        let mut error = distarray_error::NONE;
        let long = "é".repeat(500);
        guard(&mut error, || Err(Error::new(ErrorKind::Io, long)));
        // SAFETY: `copy_text` leaves room for the NUL.
        let message = unsafe { CStr::from_ptr(error.message.as_ptr()) };
        assert_eq!(message.to_str().unwrap(), "é".repeat(207));
    }

    #[test]
    fn a_misaligned_report_is_refused() {
        let mut reports = [distarray_error::NONE; 2];
        let odd = reports.as_mut_ptr().cast::<u8>().wrapping_add(1).cast();
        assert_eq!(guard(odd, || Ok(())), ErrorKind::Align.code());
        assert_eq!(guard(std::ptr::null_mut(), || Ok(())), 0);
    }
}
