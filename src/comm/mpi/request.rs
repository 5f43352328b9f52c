//! The life of a message: started, waited for, forgotten.
//!
//! A request keeps the bits of MPI's handle; 0 stands for `MPI_REQUEST_NULL`.

use mpi::ffi::{self, MPI_Request, MPI_Status};

use super::super::{Arrived, Request, to_usize};
use super::call::{from_bits, int, mpi_call, to_bits};
use super::span::byte;
use crate::Result;

/// How many handles are shown to MPI at once; more are asked for in turn.
const BATCH: usize = 64;

/// The handle of no message.
pub(super) fn none() -> MPI_Request {
    // SAFETY: a constant of MPI.
    unsafe { ffi::RSMPI_REQUEST_NULL }
}

/// A handle as a transport's request keeps it.
pub(super) fn bits_of(handle: MPI_Request) -> u64 {
    if handle == none() { 0 } else { to_bits(handle) }
}

fn handle_of(request: &Request) -> MPI_Request {
    match request.bits() {
        0 => none(),
        // SAFETY: requests of this transport hold the bits of a handle.
        bits => unsafe { from_bits(bits) },
    }
}

fn no_status() -> MPI_Status {
    // SAFETY: plain integers, which MPI overwrites.
    unsafe { std::mem::zeroed() }
}

/// The length of a received message; a send's status holds none.
fn received(status: &MPI_Status) -> Result<usize> {
    let mut bytes = 0;
    mpi_call!(MPI_Get_elements_x(status, byte(), &raw mut bytes))?;
    Ok(to_usize(bytes))
}

fn set(request: &mut Request, handle: MPI_Request) {
    // SAFETY: MPI's own handle.
    *request = unsafe { Request::from_bits(bits_of(handle)) };
}

pub(super) fn start(request: &mut Request) -> Result<()> {
    let mut handle = handle_of(request);
    mpi_call!(MPI_Start(&raw mut handle))?;
    set(request, handle);
    Ok(())
}

pub(super) fn wait(request: &mut Request) -> Result<usize> {
    let (mut handle, mut status) = (handle_of(request), no_status());
    let ended = mpi_call!(MPI_Wait(&raw mut handle, &raw mut status));
    set(request, handle); // a failed message has ended too
    ended.and_then(|()| received(&status))
}

pub(super) fn test(request: &mut Request) -> Result<Option<usize>> {
    let (mut handle, mut status, mut done) = (handle_of(request), no_status(), 0);
    let tested = mpi_call!(MPI_Test(&raw mut handle, &raw mut done, &raw mut status));
    set(request, handle);
    tested?;
    if done == 0 { Ok(None) } else { received(&status).map(Some) }
}

/// MPI wants its handles side by side: a batch of them is copied to the stack, and
/// with more than one batch, the batches are asked in turn.
pub(super) fn wait_any(requests: &mut [Request]) -> Result<Option<Arrived>> {
    let several = requests.len() > BATCH;
    loop {
        let mut active = false;
        for (number, batch) in requests.chunks_mut(BATCH).enumerate() {
            let mut handles = [none(); BATCH];
            for (handle, request) in handles.iter_mut().zip(&*batch) {
                *handle = handle_of(request);
            }
            let (count, start) = (int(batch.len())?, handles.as_mut_ptr());
            let (mut which, mut ended, mut status) = (-1, 1, no_status());
            let asked = if several {
                let (which, ended) = (&raw mut which, &raw mut ended);
                mpi_call!(MPI_Testany(count, start, which, ended, &raw mut status))
            } else {
                mpi_call!(MPI_Waitany(count, start, &raw mut which, &raw mut status))
            };
            for (handle, request) in handles.iter().zip(&mut *batch) {
                set(request, *handle);
            }
            asked?;
            active |= ended == 0;
            if let (Ok(which), true) = (usize::try_from(which), ended != 0) {
                return Ok(Some(Arrived { index: number * BATCH + which, bytes: received(&status)? }));
            }
        }
        if !active {
            return Ok(None); // `which` was MPI_UNDEFINED, which is negative
        }
    }
}

pub(super) fn free(request: &Request) -> Result<()> {
    let mut handle = handle_of(request);
    if handle == none() {
        return Ok(());
    }
    mpi_call!(MPI_Request_free(&raw mut handle))
}
