//! Messages through the MPI that this crate was built with (feature `mpi`).
//!
//! It does what `distarray_mpi.h` does for C: one private duplicate for each
//! communicator of the program, errors that come back, long messages as derived
//! types, no call before `MPI_Init` or after `MPI_Finalize`.
#![allow(unsafe_code)] // calls MPI

mod call;
mod duplicate;
mod request;
mod span;

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use mpi::ffi::{self, MPI_Comm, MPI_Datatype, MPI_Op, MPI_Request};
use mpi::raw::AsRaw;

use self::call::{alive, int, max_count, mpi_call};
use self::span::{Span, byte};
use super::{Arrived, Comm, Op, Request, Transport, Values, lengths, to_usize};
use crate::{Error, ErrorKind, Result};

/// For all-to-all of any lengths, which is made of point-to-point messages;
/// `new_tag` stays below.
const OWN_TAG: c_int = 32_767;

impl Comm {
    /// The communicator of the MPI that this crate was built with. Collective the
    /// first time, local when `comm` was used before.
    ///
    /// It stays valid until the program frees `comm` or calls `MPI_Finalize`: after
    /// that it returns errors. Unless MPI was initialised with `MPI_THREAD_MULTIPLE`,
    /// it is used on the thread that made it.
    ///
    /// # Errors
    /// `Comm` outside `MPI_Init` ... `MPI_Finalize`, for an inter-communicator, or
    /// when MPI has no communicator left.
    pub fn from_mpi(comm: &impl AsRaw<Raw = MPI_Comm>) -> Result<Self> {
        let duplicate = duplicate::of(comm.as_raw())?;
        let transport = Mpi { freed: duplicate.freed, ..Mpi::new(duplicate.comm, false)? };
        Ok(Self::from_transport(Box::new(transport)))
    }
}

/// A communicator that is ours: the cached duplicate, or one made of it.
struct Mpi {
    comm: MPI_Comm,
    rank: usize,
    size: usize,
    /// Whether `free` gives it back; the cached duplicate goes with its parent.
    owned: bool,
    /// Whether the program freed the communicator, and the cached duplicate with it.
    freed: Arc<AtomicBool>,
    /// The only thread that may call MPI; any may under `MPI_THREAD_MULTIPLE`.
    thread: Option<ThreadId>,
}

// SAFETY: `comm()` lets no other thread call MPI unless MPI allows it.
unsafe impl Send for Mpi {}
// SAFETY: as above.
unsafe impl Sync for Mpi {}

impl Mpi {
    fn new(comm: MPI_Comm, owned: bool) -> Result<Self> {
        let (mut rank, mut size, mut level) = (0, 0, 0);
        mpi_call!(MPI_Comm_rank(comm, &raw mut rank))?;
        mpi_call!(MPI_Comm_size(comm, &raw mut size))?;
        mpi_call!(MPI_Query_thread(&raw mut level))?;
        // SAFETY: a constant of MPI.
        let multiple = level >= unsafe { ffi::RSMPI_THREAD_MULTIPLE };
        Ok(Self {
            comm,
            rank: to_usize(rank.into()),
            size: to_usize(size.into()),
            owned,
            freed: Arc::default(),
            thread: (!multiple).then(|| thread::current().id()),
        })
    }

    /// The communicator, once MPI may be called.
    fn comm(&self) -> Result<MPI_Comm> {
        if self.thread.is_some_and(|thread| thread != thread::current().id()) {
            let detail = "initialise MPI with MPI_THREAD_MULTIPLE to use a communicator on a second thread";
            return Err(Error::new(ErrorKind::Comm, detail));
        }
        alive()?;
        if self.freed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Comm, "the program freed the MPI communicator of this one"));
        }
        Ok(self.comm)
    }

    fn reduce<T: Copy>(&self, values: &mut [T], datatype: MPI_Datatype, op: MPI_Op) -> Result<()> {
        let comm = self.comm()?;
        // MPI_IN_PLACE is not among the constants that the binding has.
        let mine = values.to_vec();
        for (values, mine) in values.chunks_mut(max_count()).zip(mine.chunks(max_count())) {
            let (from, to) = (mine.as_ptr().cast(), values.as_mut_ptr().cast());
            mpi_call!(MPI_Allreduce(from, to, int(mine.len())?, datatype, op, comm))?;
        }
        Ok(())
    }

    /// Makes one request with a function that takes the length as a span.
    fn request(
        &self,
        len: usize,
        make: impl FnOnce(&Span, MPI_Comm, *mut MPI_Request) -> Result<()>,
    ) -> Result<Request> {
        let comm = self.comm()?;
        let span = Span::new(len)?;
        let mut handle = request::none();
        let made = make(&span, comm, &raw mut handle);
        span.free(made)?;
        // SAFETY: MPI's own handle.
        Ok(unsafe { Request::from_bits(request::bits_of(handle)) })
    }
}

/// The address of bytes; NULL when there are none, because the address of an empty
/// slice may be 1, which is `MPI_IN_PLACE` in Open MPI.
fn address(bytes: &[u8]) -> *const c_void {
    if bytes.is_empty() { std::ptr::null() } else { bytes.as_ptr().cast() }
}

fn address_mut(bytes: &mut [u8]) -> *mut c_void {
    if bytes.is_empty() { std::ptr::null_mut() } else { bytes.as_mut_ptr().cast() }
}

/// Where each part starts.
fn places(lengths: &[i64]) -> Vec<usize> {
    let starts = lengths.iter().scan(0_usize, |next, &length| {
        let start = *next;
        *next = start.saturating_add(to_usize(length));
        Some(start)
    });
    starts.collect()
}

// SAFETY: MPI keeps the contract: it uses a message's memory between its start and
// its reported end, and writes at most the stated lengths.
unsafe impl Transport for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn barrier(&self) -> Result<()> {
        let comm = self.comm()?;
        mpi_call!(MPI_Barrier(comm))
    }

    fn all_reduce(&self, values: Values<'_>, op: Op) -> Result<()> {
        // SAFETY: constants of MPI.
        let (unsigned, signed, double, mpi_op) = unsafe {
            let mpi_op = match op {
                Op::Sum => ffi::RSMPI_SUM,
                Op::Min => ffi::RSMPI_MIN,
                Op::Max => ffi::RSMPI_MAX,
            };
            (ffi::RSMPI_UINT64_T, ffi::RSMPI_INT64_T, ffi::RSMPI_DOUBLE, mpi_op)
        };
        match values {
            Values::U64(values) if op == Op::Sum => self.reduce(values, unsigned, mpi_op),
            Values::U64(values) => {
                // MPICH 4.0 compares every unsigned type as signed, Open MPI 4.1 unsigned
                // long: flipping the sign bit maps one order to the other.
                let flip = |values: &mut [u64]| values.iter_mut().for_each(|v| *v ^= 1 << 63);
                flip(values);
                let reduced = self.reduce(values, signed, mpi_op);
                flip(values);
                reduced
            }
            Values::I64(values) => self.reduce(values, signed, mpi_op),
            Values::F64(values) => self.reduce(values, double, mpi_op),
        }
    }

    fn broadcast(&self, root: usize, data: &mut [u8]) -> Result<()> {
        lengths::root(root, self.size)?;
        let (comm, root) = (self.comm()?, int(root)?);
        let span = Span::new(data.len())?;
        let (count, datatype) = (span.count, span.datatype);
        span.free(mpi_call!(MPI_Bcast(address_mut(data), count, datatype, root, comm)))
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        lengths::equal_parts(mine, all, self.size)?;
        let comm = self.comm()?;
        let span = Span::new(mine.len())?;
        let (n, t) = (span.count, span.datatype);
        span.free(mpi_call!(MPI_Allgather(address(mine), n, t, address_mut(all), n, t, comm)))
    }

    /// `MPI_Allgatherv` where its int places suffice, else one broadcast from each
    /// rank; the lengths are the same on all ranks, so all choose alike.
    fn all_gather_v(&self, mine: &[u8], all: &mut [u8], lengths: &[i64]) -> Result<()> {
        lengths::parts_with_mine(mine, all, lengths, self.size, self.rank)?;
        let places = places(lengths);
        if all.len() <= max_count() {
            let comm = self.comm()?;
            let counts = lengths.iter().map(|&length| int(to_usize(length)));
            let counts = counts.collect::<Result<Vec<_>>>()?;
            let places = places.into_iter().map(int).collect::<Result<Vec<_>>>()?;
            return mpi_call!(MPI_Allgatherv(
                address(mine),
                int(mine.len())?,
                byte(),
                address_mut(all),
                counts.as_ptr(),
                places.as_ptr(),
                byte(),
                comm,
            ));
        }
        for (root, (start, &length)) in places.into_iter().zip(lengths).enumerate() {
            let part = &mut all[start..start + to_usize(length)];
            if root == self.rank {
                part.copy_from_slice(mine);
            }
            self.broadcast(root, part)?;
        }
        Ok(())
    }

    fn all_to_all(&self, send: &[u8], receive: &mut [u8]) -> Result<()> {
        lengths::equal_shares(send, receive, self.size)?;
        let comm = self.comm()?;
        let span = Span::new(send.len() / self.size)?;
        let (n, t) = (span.count, span.datatype);
        span.free(mpi_call!(MPI_Alltoall(address(send), n, t, address_mut(receive), n, t, comm)))
    }

    /// The pairwise exchange: in step k every rank sends to rank + k and receives from
    /// rank - k. Pairs without bytes exchange no message.
    fn all_to_all_v(
        &self,
        send: &[u8],
        send_lengths: &[i64],
        receive: &mut [u8],
        receive_lengths: &[i64],
    ) -> Result<()> {
        lengths::parts(send, send_lengths, self.size)?;
        lengths::parts(receive, receive_lengths, self.size)?;
        let comm = self.comm()?;
        let (send_places, receive_places) = (places(send_lengths), places(receive_lengths));
        // SAFETY: a constant of MPI.
        let nobody = unsafe { ffi::RSMPI_PROC_NULL };
        for step in 0..self.size {
            let to = (self.rank + step) % self.size;
            let from = (self.rank + self.size - step) % self.size;
            let (out_len, in_len) = (to_usize(send_lengths[to]), to_usize(receive_lengths[from]));
            let out = &send[send_places[to]..][..out_len];
            let into = &mut receive[receive_places[from]..][..in_len];
            if step == 0 {
                into.copy_from_slice(out);
                continue;
            }
            let (out_span, in_span) = (Span::new(out_len)?, Span::new(in_len)?);
            let peer = |rank, len| if len == 0 { Ok(nobody) } else { int(rank) };
            let exchanged = mpi_call!(MPI_Sendrecv(
                address(out),
                out_span.count,
                out_span.datatype,
                peer(to, out_len)?,
                OWN_TAG,
                address_mut(into),
                in_span.count,
                in_span.datatype,
                peer(from, in_len)?,
                OWN_TAG,
                comm,
                ffi::RSMPI_STATUS_IGNORE,
            ));
            out_span.free(in_span.free(exchanged))?;
        }
        Ok(())
    }

    fn new_tag(&self) -> Result<i32> {
        duplicate::new_tag(self.comm()?)
    }

    fn duplicate(&self) -> Result<Box<dyn Transport>> {
        let comm = self.comm()?;
        let mut twin = comm;
        mpi_call!(MPI_Comm_dup(comm, &raw mut twin))?;
        Ok(Box::new(Self::new(twin, true)?))
    }

    fn split(&self, color: Option<i32>, key: i32) -> Result<Option<Box<dyn Transport>>> {
        let comm = self.comm()?;
        // SAFETY: constants of MPI.
        let (undefined, nobody) = unsafe { (ffi::RSMPI_UNDEFINED, ffi::RSMPI_COMM_NULL) };
        let mut part = nobody;
        mpi_call!(MPI_Comm_split(comm, color.unwrap_or(undefined), key, &raw mut part))?;
        if part == nobody {
            return Ok(None);
        }
        Ok(Some(Box::new(Self::new(part, true)?)))
    }

    unsafe fn free(&self) -> Result<()> {
        let mut comm = self.comm()?;
        if !self.owned {
            return Ok(());
        }
        mpi_call!(MPI_Comm_free(&raw mut comm))
    }

    unsafe fn send(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        let to = int(to)?;
        self.request(len, |span, comm, handle| {
            mpi_call!(MPI_Isend(data.cast(), span.count, span.datatype, to, tag, comm, handle))
        })
    }

    unsafe fn receive(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let from = int(from)?;
        self.request(len, |span, comm, handle| {
            mpi_call!(MPI_Irecv(data.cast(), span.count, span.datatype, from, tag, comm, handle))
        })
    }

    unsafe fn send_init(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        let to = int(to)?;
        self.request(len, |span, comm, handle| {
            mpi_call!(MPI_Send_init(data.cast(), span.count, span.datatype, to, tag, comm, handle))
        })
    }

    unsafe fn receive_init(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let from = int(from)?;
        self.request(len, |span, comm, handle| {
            mpi_call!(MPI_Recv_init(data.cast(), span.count, span.datatype, from, tag, comm, handle))
        })
    }

    unsafe fn start(&self, requests: &mut [Request]) -> Result<()> {
        self.comm()?;
        requests.iter_mut().try_for_each(request::start)
    }

    fn wait(&self, request: &mut Request) -> Result<usize> {
        self.comm()?;
        request::wait(request)
    }

    fn test(&self, request: &mut Request) -> Result<Option<usize>> {
        self.comm()?;
        request::test(request)
    }

    fn wait_any(&self, requests: &mut [Request]) -> Result<Option<Arrived>> {
        self.comm()?;
        request::wait_any(requests)
    }

    fn free_request(&self, request: Request) -> Result<()> {
        self.comm()?;
        request::free(&request)
    }
}
