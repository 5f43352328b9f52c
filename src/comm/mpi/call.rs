//! What every MPI call needs: that MPI runs, a checked code, handles as bits.

use std::ffi::c_int;
use std::mem::size_of;
use std::sync::OnceLock;

use mpi::ffi;

use crate::{Error, ErrorKind, Result};

/// Calls a function of MPI and turns its code into a `Result` that names it.
macro_rules! mpi_call {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the MPI standard's contract of the function; the caller has found MPI
        // alive and passes handles of its own and memory of the stated length.
        $crate::comm::mpi::call::check(stringify!($function), unsafe {
            mpi::ffi::$function($($argument),*)
        })
    };
}
pub(super) use mpi_call;

/// The error of an MPI function that returned `code`.
pub(super) fn check(function: &'static str, code: c_int) -> Result<()> {
    // MPI_SUCCESS is 0 in every MPI.
    if code == 0 {
        return Ok(());
    }
    let mut text = [0_u8; ffi::MPI_MAX_ERROR_STRING as usize + 1];
    let mut length = 0;
    // SAFETY: the text has room for MPI_MAX_ERROR_STRING bytes.
    let known = unsafe { ffi::MPI_Error_string(code, text.as_mut_ptr().cast(), &raw mut length) };
    let text = match usize::try_from(length) {
        Ok(length) if known == 0 => String::from_utf8_lossy(&text[..length.min(text.len())]),
        _ => "MPI says no more".into(),
    };
    Err(Error::new(ErrorKind::Comm, format!("{function} fails: {text}")))
}

/// Nothing between `MPI_Init` and `MPI_Finalize`; outside, any other call would end
/// the process, whatever the error handler.
pub(super) fn alive() -> Result<()> {
    let mut flag = 0;
    mpi_call!(MPI_Initialized(&raw mut flag))?;
    if flag == 0 {
        return Err(Error::new(ErrorKind::Comm, "MPI_Init has not been called"));
    }
    mpi_call!(MPI_Finalized(&raw mut flag))?;
    if flag != 0 {
        return Err(Error::new(ErrorKind::Comm, "MPI_Finalize has been called"));
    }
    Ok(())
}

/// A rank, count or color for MPI.
pub(super) fn int(number: usize) -> Result<c_int> {
    c_int::try_from(number).map_err(|_| Error::new(ErrorKind::Range, "a number exceeds what MPI can count"))
}

/// The largest count passed to MPI; longer messages become one derived type. The
/// environment can lower it, so that tests take that path with small messages.
pub(super) fn max_count() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let lowered = std::env::var("DISTARRAY_MPI_MAX_COUNT").ok();
        let largest = usize::try_from(c_int::MAX).unwrap_or(usize::MAX);
        let lowered = lowered.and_then(|text| text.parse::<usize>().ok());
        lowered.filter(|limit| (1..largest).contains(limit)).unwrap_or(largest)
    })
}

/// The bits of a handle, which is an int or a pointer.
pub(super) fn to_bits<H: Copy>(handle: H) -> u64 {
    const { assert!(size_of::<H>() <= size_of::<u64>()) }
    let mut bits = 0_u64;
    // SAFETY: a handle is plain data no longer than the bits.
    unsafe {
        std::ptr::copy_nonoverlapping(
            (&raw const handle).cast::<u8>(),
            (&raw mut bits).cast::<u8>(),
            size_of::<H>(),
        );
    }
    bits
}

/// The handle with these bits.
///
/// # Safety
/// The bits came from [`to_bits`] of the same type.
pub(super) unsafe fn from_bits<H: Copy>(bits: u64) -> H {
    const { assert!(size_of::<H>() <= size_of::<u64>()) }
    // SAFETY: the caller's promise.
    unsafe { (&raw const bits).cast::<H>().read_unaligned() }
}
