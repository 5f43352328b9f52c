//! What this library is.
#![allow(unsafe_code)] // reads a string that C passes

use std::ffi::{CStr, c_char};

use super::abi::{DISTARRAY_ABI_MAJOR, DISTARRAY_ABI_MINOR};
use super::error::{distarray_error, guard, input, output};

/// What can be asked for with distarray_has_feature.
const FEATURES: [&str; 8] =
    ["block", "cyclic", "unstructured", "json", "dnpy", "halo", "redistribution", "shared_memory"];

/// The library's version, major.minor.patch. Local; never freed.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The ABI of the structs that the library speaks: 65536 * major + minor. Local.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_abi_version() -> u32 {
    DISTARRAY_ABI_MAJOR << 16 | DISTARRAY_ABI_MINOR
}

/// Sets has to 1 if this build has a feature, else to 0: "block", "cyclic",
/// "unstructured", "json", "dnpy", "halo", "redistribution", "shared_memory". Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_has_feature(
    name: *const c_char,
    has: *mut i32,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: NUL-terminated text; that is the C caller's promise.
        let known = unsafe {
            input(name, "name")?;
            CStr::from_ptr(name)
        };
        let known = known.to_str().is_ok_and(|name| FEATURES.contains(&name));
        // SAFETY: the C caller's promise.
        unsafe { output(has, "has", || Ok(known.into())) }
    })
}
