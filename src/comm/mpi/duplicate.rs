//! The one private duplicate of a communicator, kept as an attribute of it.
//!
//! Tags, wildcard receives and the error handler of the program's communicator stay
//! undisturbed, objects made from one communicator share one duplicate, and freeing
//! the communicator frees it.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mpi::ffi::{self, MPI_Comm};

use super::super::transport::MAX_TAG;
use super::call::{alive, mpi_call};
use crate::{Error, ErrorKind, Result};

/// A duplicate, and whether it went with its communicator.
#[derive(Clone)]
pub(super) struct Duplicate {
    pub comm: MPI_Comm,
    pub freed: Arc<AtomicBool>,
}

/// The keys of our attributes.
#[derive(Clone, Copy)]
struct Keys {
    duplicate: c_int,
    next_tag: c_int,
}

fn keys() -> Result<Keys> {
    static KEYS: Mutex<Option<Keys>> = Mutex::new(None);
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(keys) = *keys {
        return Ok(keys);
    }
    let (mut duplicate, mut next_tag) = (0, 0);
    let extra = ptr::null_mut();
    mpi_call!(MPI_Comm_create_keyval(Some(no_copy), Some(free), &raw mut duplicate, extra))?;
    mpi_call!(MPI_Comm_create_keyval(Some(no_copy), Some(keep), &raw mut next_tag, extra))?;
    Ok(*keys.insert(Keys { duplicate, next_tag }))
}

/// The duplicate of `comm`: found, or made and kept. Collective when it is made.
pub(super) fn of(comm: MPI_Comm) -> Result<Duplicate> {
    alive()?;
    // SAFETY: a constant of MPI.
    if comm == unsafe { ffi::RSMPI_COMM_NULL } {
        return Err(Error::new(ErrorKind::Comm, "the communicator is MPI_COMM_NULL"));
    }
    let mut inter = 0;
    mpi_call!(MPI_Comm_test_inter(comm, &raw mut inter))?;
    if inter != 0 {
        return Err(Error::new(ErrorKind::Comm, "an inter-communicator joins two groups: use one"));
    }
    // A failing duplication must come back as an error: the program's handler steps
    // aside for this one call.
    // SAFETY: a constant of MPI.
    let errors_return = unsafe { ffi::RSMPI_ERRORS_RETURN };
    let mut handler = errors_return;
    mpi_call!(MPI_Comm_get_errhandler(comm, &raw mut handler))?;
    mpi_call!(MPI_Comm_set_errhandler(comm, errors_return))?;
    let duplicate = find_or_make(comm);
    mpi_call!(MPI_Comm_set_errhandler(comm, handler))?;
    mpi_call!(MPI_Errhandler_free(&raw mut handler))?;
    let duplicate = duplicate?;
    mpi_call!(MPI_Comm_set_errhandler(duplicate.comm, errors_return))?;
    Ok(duplicate)
}

fn find_or_make(comm: MPI_Comm) -> Result<Duplicate> {
    let key = keys()?.duplicate;
    if let Some(value) = attribute(comm, key)? {
        // SAFETY: the value was made from a box, below; `free` drops it later.
        return Ok(unsafe { &*value.cast::<Duplicate>() }.clone());
    }
    let mut twin = comm;
    mpi_call!(MPI_Comm_dup(comm, &raw mut twin))?;
    let duplicate = Duplicate { comm: twin, freed: Arc::default() };
    let value = Box::into_raw(Box::new(duplicate.clone()));
    mpi_call!(MPI_Comm_set_attr(comm, key, value.cast())).inspect_err(|_| {
        // SAFETY: MPI did not take the box.
        drop(unsafe { Box::from_raw(value) });
    })?;
    Ok(duplicate)
}

/// The next tag of a duplicate. The count lives with it, so that every object made
/// from one communicator draws from the same.
pub(super) fn new_tag(comm: MPI_Comm) -> Result<i32> {
    let key = keys()?.next_tag;
    let next = attribute(comm, key)?.map_or(0, |value| value.addr() as u64);
    mpi_call!(MPI_Comm_set_attr(comm, key, value((next + 1) % u64::from(MAX_TAG + 1))))?;
    Ok(i32::try_from(next).unwrap_or(0))
}

fn attribute(comm: MPI_Comm, key: c_int) -> Result<Option<*mut c_void>> {
    let (mut value, mut found) = (ptr::null_mut::<c_void>(), 0);
    mpi_call!(MPI_Comm_get_attr(comm, key, (&raw mut value).cast(), &raw mut found))?;
    Ok((found != 0).then_some(value))
}

/// A number as MPI keeps it: it never follows the pointer.
fn value(bits: u64) -> *mut c_void {
    ptr::without_provenance_mut(usize::try_from(bits).unwrap_or(0))
}

/// A duplicate of the program's communicator gets its own when it is used.
unsafe extern "C" fn no_copy(
    _: MPI_Comm,
    _: c_int,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    flag: *mut c_int,
) -> c_int {
    // SAFETY: MPI passes the address of an int.
    unsafe { flag.write(0) };
    0
}

/// Called by MPI when the program frees its communicator.
unsafe extern "C" fn free(_: MPI_Comm, _: c_int, value: *mut c_void, _: *mut c_void) -> c_int {
    // SAFETY: the value was made from a box, which MPI gives back once.
    let mut duplicate = unsafe { Box::from_raw(value.cast::<Duplicate>()) };
    duplicate.freed.store(true, Ordering::Release);
    // SAFETY: the duplicate is ours and alive.
    unsafe { ffi::MPI_Comm_free(&raw mut duplicate.comm) }
}

unsafe extern "C" fn keep(_: MPI_Comm, _: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    0
}
