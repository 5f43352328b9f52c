//! Handles: the library's objects, as C holds them.
//!
//! C's compilers tell a handle of one kind from that of another, but not one that was
//! freed, and Fortran's `c_ptr` is the same for all. So each object carries a [`Mark`] of
//! its kind, which goes with it: a wrong handle is refused instead of followed.
#![allow(unsafe_code)] // writes through pointers that C passes, and clears marks

use std::marker::PhantomData;
use std::mem;
use std::ptr;

use super::error::guard;
use super::watch;
use crate::error::{Error, ErrorKind, Result};

/// An object behind a handle.
pub(super) trait Object: Sized {
    /// Its name in C.
    const NAME: &'static str;

    fn mark(&self) -> &Mark<Self>;

    /// Whether this is one, and was not freed.
    fn is_whole(&self) -> bool {
        self.mark().number == number_of(Self::NAME)
    }
}

/// Makes an [`Object`] of a type whose field `mark` is its [`Mark`].
macro_rules! object {
    ($name:ident) => {
        impl $crate::ffi::handle::Object for $name {
            const NAME: &'static str = stringify!($name);

            fn mark(&self) -> &$crate::ffi::handle::Mark<Self> {
                &self.mark
            }
        }
    };
}
pub(super) use object;

/// What an object is, in its own memory; something else once it is freed.
pub(super) struct Mark<T> {
    number: u64,
    kind: PhantomData<fn() -> T>,
}

impl<T: Object> Mark<T> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { number: number_of(T::NAME), kind: PhantomData }
    }
}

impl<T> Drop for Mark<T> {
    fn drop(&mut self) {
        // SAFETY: our own field. Volatile: nobody reads it but through a handle that is held
        // too long, so the compiler would leave it out.
        unsafe { ptr::write_volatile(&raw mut self.number, 0) }
    }
}

/// A number that memory has by chance only: a hash of the name (FNV-1a).
const fn number_of(name: &str) -> u64 {
    let (bytes, mut hash, mut i) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

/// The object behind a handle.
#[inline]
pub(super) fn handle<'a, T: Object>(handle: Option<&'a T>, name: &'static str) -> Result<&'a T> {
    match handle {
        Some(object) if object.is_whole() => Ok(object),
        other => Err(unusable::<T>(other.is_none(), name)),
    }
}

/// The object behind a handle, to be changed.
#[inline]
pub(super) fn mutable<'a, T: Object>(handle: Option<&'a mut T>, name: &'static str) -> Result<&'a mut T> {
    match handle {
        Some(object) if object.is_whole() => Ok(object),
        other => Err(unusable::<T>(other.is_none(), name)),
    }
}

#[cold]
fn unusable<T: Object>(null: bool, name: &'static str) -> Error {
    let error = match null {
        true => {
            let text = format!("{name} must not be NULL; if an earlier call failed, its message says why");
            Error::new(ErrorKind::Null, text)
        }
        false => {
            let text = format!("this is no {}: it was freed, or is the handle of something else", T::NAME);
            Error::new(ErrorKind::Released, text)
        }
    };
    error.in_field(name)
}

/// Gives C a new handle.
///
/// # Safety
/// `place` was checked and may be written.
pub(super) unsafe fn give<T: Object>(place: *mut *mut T, made: T) {
    // SAFETY: the caller's promise.
    unsafe { place.write(Box::into_raw(Box::new(made))) }
}

/// Frees an object; NULL, and what is none, is left alone.
pub(super) fn free<T: Object>(handle: Option<Box<T>>) {
    guard(ptr::null_mut(), || {
        let Some(object) = handle else { return Ok(()) };
        if object.is_whole() {
            drop(object);
        } else {
            mem::forget(object);
            if watch::on() {
                watch::freed_in_vain(T::NAME);
            }
        }
        Ok(())
    });
}
