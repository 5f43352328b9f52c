//! Handles: how C holds what the library makes.
#![allow(unsafe_code)] // writes through pointers that C passes

use super::error::{guard, missing};
use crate::error::Result;

/// What a handle refers to.
pub(super) fn handle<'a, T>(handle: Option<&'a T>, name: &'static str) -> Result<&'a T> {
    handle.ok_or_else(|| missing(name))
}

/// What a handle refers to, to be changed.
pub(super) fn mutable<'a, T>(handle: Option<&'a mut T>, name: &'static str) -> Result<&'a mut T> {
    handle.ok_or_else(|| missing(name))
}

/// Gives C a new handle.
///
/// # Safety
/// `place` was checked and may be written.
pub(super) unsafe fn give<T>(place: *mut *mut T, made: T) {
    // SAFETY: the caller's promise.
    unsafe { place.write(Box::into_raw(Box::new(made))) }
}

/// Ends a handle; NULL is none.
pub(super) fn free<T>(handle: Option<Box<T>>) {
    guard(std::ptr::null_mut(), || {
        drop(handle);
        Ok(())
    });
}
