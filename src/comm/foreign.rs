//! A communicator that is another library's table of functions.
//!
//! [`distarray_comm`] mirrors the struct of `distarray_comm.h` field by field. The
//! caller's MPI, whichever it is, arrives through it.
#![allow(unsafe_code)] // calls functions that C gave us
#![allow(non_camel_case_types)] // the Rust item has the C name

use std::ffi::{CStr, c_void};
use std::mem::offset_of;
use std::ptr::NonNull;

use super::{
    Arrived, Comm, Op, Request, Transport, Values, distarray_comm_attribute, lengths, to_i64, to_usize,
};
use crate::{Error, ErrorKind, Result};

/// The version of the table that this library speaks.
pub const DISTARRAY_COMM_VERSION: u32 = 1;

/// A communicator as a table of functions; `distarray_comm.h` documents each.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)] // the header is the one place
pub struct distarray_comm {
    pub struct_size: u32,
    pub version: u32,
    pub rank: i64,
    pub size: i64,
    pub context: *mut c_void,
    pub error_string: Option<unsafe extern "C" fn(*mut c_void, i32, *mut u8, i64)>,
    pub barrier: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    pub allreduce: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, i64, i32, i32) -> i32>,
    pub bcast: Option<unsafe extern "C" fn(*mut c_void, i64, *mut c_void, i64) -> i32>,
    pub allgather: Option<unsafe extern "C" fn(*mut c_void, *const c_void, i64, *mut c_void) -> i32>,
    pub allgatherv: Option<unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void, *const i64) -> i32>,
    pub alltoall: Option<unsafe extern "C" fn(*mut c_void, *const c_void, i64, *mut c_void) -> i32>,
    pub alltoallv:
        Option<unsafe extern "C" fn(*mut c_void, *const c_void, *const i64, *mut c_void, *const i64) -> i32>,
    pub new_tag: Option<unsafe extern "C" fn(*mut c_void, *mut i32) -> i32>,
    pub dup: Option<unsafe extern "C" fn(*mut c_void, *mut distarray_comm) -> i32>,
    pub split: Option<unsafe extern "C" fn(*mut c_void, i32, i32, *mut distarray_comm) -> i32>,
    pub free: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    pub isend: Option<SendFn>,
    pub irecv: Option<ReceiveFn>,
    pub send_init: Option<SendFn>,
    pub recv_init: Option<ReceiveFn>,
    pub start: Option<unsafe extern "C" fn(*mut c_void, i64, *mut u64) -> i32>,
    pub wait: Option<unsafe extern "C" fn(*mut c_void, *mut u64, *mut i64) -> i32>,
    pub test: Option<unsafe extern "C" fn(*mut c_void, *mut u64, *mut i32, *mut i64) -> i32>,
    pub waitany: Option<unsafe extern "C" fn(*mut c_void, i64, *mut u64, *mut i64, *mut i64) -> i32>,
    pub request_free: Option<unsafe extern "C" fn(*mut c_void, *mut u64) -> i32>,
    pub attribute: Option<unsafe extern "C" fn(*mut c_void, *mut *mut distarray_comm_attribute) -> i32>,
}

type SendFn = unsafe extern "C" fn(*mut c_void, *const c_void, i64, i64, i32, *mut u64) -> i32;
type ReceiveFn = unsafe extern "C" fn(*mut c_void, *mut c_void, i64, i64, i32, *mut u64) -> i32;

/// Calls a function of the table and turns its status into a `Result`.
macro_rules! call {
    ($self:ident.$function:ident($($argument:expr),*)) => {{
        let function = $self.table.$function.ok_or_else(|| missing(stringify!($function)))?;
        // SAFETY: whoever made the table promised that its functions keep the
        // contract of distarray_comm.h; the arguments are as it demands.
        let status = unsafe { function($self.table.context, $($argument),*) };
        $self.check(stringify!($function), status)
    }};
}

impl Comm {
    /// A communicator of its own over that of a C table, which is copied. Local.
    ///
    /// # Errors
    /// `Null`, `Align`, `Version`, `Range` or `Comm` when the table is not one: NULL,
    /// misaligned, of another version, too small, with a rank outside its size, or
    /// with a function missing.
    ///
    /// # Safety
    /// `table` is NULL or points to a `distarray_comm` whose functions keep the
    /// contract of `distarray_comm.h` as long as this communicator and what is made
    /// of it are used, on whichever threads they are used.
    pub unsafe fn from_table(table: *const distarray_comm) -> Result<Self> {
        // SAFETY: the caller's promise.
        let table = unsafe { copy(table) }?;
        Ok(Self::from_transport(Box::new(Foreign::new(table)?)))
    }
}

/// Copies a table after its size and version were found right. What a smaller one does
/// not have is none.
///
/// # Safety
/// As [`Comm::from_table`].
pub(super) unsafe fn copy(table: *const distarray_comm) -> Result<distarray_comm> {
    if table.is_null() {
        return Err(Error::new(ErrorKind::Null, "a communicator is needed").in_field("comm"));
    }
    if !table.is_aligned() {
        return Err(Error::new(ErrorKind::Align, "not the address of a struct").in_field("comm"));
    }
    // SAFETY: not NULL, aligned; every table begins with these two words.
    let (struct_size, version) = unsafe { ((*table).struct_size, (*table).version) };
    if (struct_size, version) == (0, 0) {
        let detail = "the table is empty: distarray_comm_from_mpi returned an error, or was not called";
        return Err(Error::new(ErrorKind::Comm, detail).in_field("comm"));
    }
    let expected = |kind, field, detail, expected, found| {
        Err(Error::new(kind, detail).in_field(field).expected_found(expected, i64::from(found)))
    };
    if version != DISTARRAY_COMM_VERSION {
        let detail = "this library speaks another version of the table: use its own headers";
        return expected(ErrorKind::Version, "version", detail, DISTARRAY_COMM_VERSION.into(), version);
    }
    let (least, whole) = (offset_of!(distarray_comm, attribute), size_of::<distarray_comm>());
    let held = usize::try_from(struct_size).unwrap_or(usize::MAX);
    if held < least {
        let detail = "the table is smaller than its version says";
        return expected(ErrorKind::Version, "struct_size", detail, to_i64(least), struct_size);
    }
    let mut copied = distarray_comm::empty();
    let bytes = if held < whole { least } else { whole };
    // SAFETY: it is as large as we read, and of bytes any number makes the same fields.
    unsafe { table.cast::<u8>().copy_to_nonoverlapping((&raw mut copied).cast(), bytes) }
    Ok(copied)
}

/// A checked table.
pub(super) struct Foreign {
    table: distarray_comm,
    rank: usize,
    size: usize,
}

// SAFETY: `Comm::from_table` makes the caller answer for the threads that use it.
unsafe impl Send for Foreign {}
// SAFETY: as above.
unsafe impl Sync for Foreign {}

impl Foreign {
    pub(super) fn new(table: distarray_comm) -> Result<Self> {
        let outside = |field, detail, expected, found| {
            Err(Error::new(ErrorKind::Range, detail).in_field(field).expected_found(expected, found))
        };
        if table.size < 1 {
            return outside("size", "a communicator has at least one rank", 1, table.size);
        }
        if !(0..table.size).contains(&table.rank) {
            return outside("rank", "the rank must be below the size", table.size - 1, table.rank);
        }
        if let Some(name) = table.first_missing() {
            return Err(missing(name));
        }
        let (Ok(rank), Ok(size)) = (usize::try_from(table.rank), usize::try_from(table.size)) else {
            return outside("size", "more ranks than this process can count", 1, table.size);
        };
        Ok(Self { table, rank, size })
    }

    /// Where a value is kept that goes with the communicator; none where the table has no
    /// such place. Local.
    pub(super) fn attribute(&self) -> Result<Option<NonNull<distarray_comm_attribute>>> {
        if self.table.attribute.is_none() {
            return Ok(None);
        }
        let mut place = std::ptr::null_mut();
        call!(self.attribute(&raw mut place))?;
        let place = NonNull::new(place).filter(|place| place.is_aligned());
        place.map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Null, "the communicator's table gives the address of no struct")
                .in_field("attribute")
        })
    }

    fn check(&self, function: &'static str, status: i32) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        let mut text = [0_u8; 512];
        if let Some(explain) = self.table.error_string {
            // SAFETY: as for every function of the table; it writes at most what it is told.
            unsafe { explain(self.table.context, status, text.as_mut_ptr(), to_i64(text.len())) }
        }
        let text = CStr::from_bytes_until_nul(&text).map(CStr::to_string_lossy).unwrap_or_default();
        let text = if text.is_empty() { "it says no more".into() } else { text };
        Err(Error::new(ErrorKind::Comm, format!("{function} fails with status {status}: {text}"))
            .on_rank(self.table.rank))
    }
}

impl distarray_comm {
    /// A table without anything, for a function to fill.
    fn empty() -> Self {
        // SAFETY: zero is a value of every field: integers, a pointer, `Option<fn>`.
        unsafe { std::mem::zeroed() }
    }

    /// The first function that is NULL.
    fn first_missing(&self) -> Option<&'static str> {
        macro_rules! first_missing {
            ($($name:ident),*) => {
                [$((stringify!($name), self.$name.is_none())),*]
            };
        }
        let functions = first_missing!(
            error_string,
            barrier,
            allreduce,
            bcast,
            allgather,
            allgatherv,
            alltoall,
            alltoallv,
            new_tag,
            dup,
            split,
            free,
            isend,
            irecv,
            send_init,
            recv_init,
            start,
            wait,
            test,
            waitany,
            request_free
        );
        functions.into_iter().find(|(_, missing)| *missing).map(|(name, _)| name)
    }
}

/// The address of bytes for C; NULL when there are none, because the address of an
/// empty slice may be 1, which is `MPI_IN_PLACE` in Open MPI.
fn address(bytes: &[u8]) -> *const c_void {
    if bytes.is_empty() { std::ptr::null() } else { bytes.as_ptr().cast() }
}

fn address_mut(bytes: &mut [u8]) -> *mut c_void {
    if bytes.is_empty() { std::ptr::null_mut() } else { bytes.as_mut_ptr().cast() }
}

fn missing(function: &'static str) -> Error {
    Error::new(ErrorKind::Null, "a function of the communicator's table is NULL").in_field(function)
}

// SAFETY: the contract of distarray_comm.h, which `Comm::from_table` demands, says it.
unsafe impl Transport for Foreign {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn barrier(&self) -> Result<()> {
        call!(self.barrier())
    }

    fn all_reduce(&self, values: Values<'_>, op: Op) -> Result<()> {
        let count = to_i64(values.len());
        let (data, kind): (*mut c_void, i32) = match values {
            Values::U64(values) => (values.as_mut_ptr().cast(), 1),
            Values::I64(values) => (values.as_mut_ptr().cast(), 2),
            Values::F64(values) => (values.as_mut_ptr().cast(), 3),
        };
        let op = match op {
            Op::Sum => 1,
            Op::Min => 2,
            Op::Max => 3,
        };
        call!(self.allreduce(data, count, kind, op))
    }

    fn broadcast(&self, root: usize, data: &mut [u8]) -> Result<()> {
        lengths::root(root, self.size)?;
        call!(self.bcast(to_i64(root), address_mut(data), to_i64(data.len())))
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        lengths::equal_parts(mine, all, self.size)?;
        let (data, bytes) = (address(mine), to_i64(mine.len()));
        call!(self.allgather(data, bytes, address_mut(all)))
    }

    fn all_gather_v(&self, mine: &[u8], all: &mut [u8], lengths: &[i64]) -> Result<()> {
        lengths::parts_with_mine(mine, all, lengths, self.size, self.rank)?;
        let all = address_mut(all);
        call!(self.allgatherv(address(mine), all, lengths.as_ptr()))
    }

    fn all_to_all(&self, send: &[u8], receive: &mut [u8]) -> Result<()> {
        lengths::equal_shares(send, receive, self.size)?;
        let each = to_i64(send.len() / self.size);
        call!(self.alltoall(address(send), each, address_mut(receive)))
    }

    fn all_to_all_v(
        &self,
        send: &[u8],
        send_lengths: &[i64],
        receive: &mut [u8],
        receive_lengths: &[i64],
    ) -> Result<()> {
        lengths::parts(send, send_lengths, self.size)?;
        lengths::parts(receive, receive_lengths, self.size)?;
        let (out, into) = (address(send), address_mut(receive));
        call!(self.alltoallv(out, send_lengths.as_ptr(), into, receive_lengths.as_ptr()))
    }

    fn new_tag(&self) -> Result<i32> {
        let mut tag = 0;
        call!(self.new_tag(&raw mut tag))?;
        Ok(tag)
    }

    fn duplicate(&self) -> Result<Box<dyn Transport>> {
        let mut table = distarray_comm::empty();
        call!(self.dup(&raw mut table))?;
        Ok(Box::new(Foreign::new(table)?))
    }

    fn split(&self, color: Option<i32>, key: i32) -> Result<Option<Box<dyn Transport>>> {
        let mut table = distarray_comm::empty();
        call!(self.split(color.unwrap_or(-1), key, &raw mut table))?;
        if color.is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(Foreign::new(table)?)))
    }

    unsafe fn free(&self) -> Result<()> {
        call!(self.free())
    }

    unsafe fn send(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        let mut bits = 0;
        call!(self.isend(data.cast(), to_i64(len), to_i64(to), tag, &raw mut bits))?;
        // SAFETY: the table's own handle.
        Ok(unsafe { Request::from_bits(bits) })
    }

    unsafe fn receive(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let mut bits = 0;
        call!(self.irecv(data.cast(), to_i64(len), to_i64(from), tag, &raw mut bits))?;
        // SAFETY: the table's own handle.
        Ok(unsafe { Request::from_bits(bits) })
    }

    unsafe fn send_init(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        let mut bits = 0;
        call!(self.send_init(data.cast(), to_i64(len), to_i64(to), tag, &raw mut bits))?;
        // SAFETY: the table's own handle.
        Ok(unsafe { Request::from_bits(bits) })
    }

    unsafe fn receive_init(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let mut bits = 0;
        call!(self.recv_init(data.cast(), to_i64(len), to_i64(from), tag, &raw mut bits))?;
        // SAFETY: the table's own handle.
        Ok(unsafe { Request::from_bits(bits) })
    }

    unsafe fn start(&self, requests: &mut [Request]) -> Result<()> {
        // `Request` is transparent: a slice of them is an array of handles in C.
        call!(self.start(to_i64(requests.len()), requests.as_mut_ptr().cast()))
    }

    fn wait(&self, request: &mut Request) -> Result<usize> {
        let mut bytes = 0;
        call!(self.wait((&raw mut *request).cast(), &raw mut bytes))?;
        Ok(to_usize(bytes))
    }

    fn test(&self, request: &mut Request) -> Result<Option<usize>> {
        let (mut done, mut bytes) = (0, 0);
        call!(self.test((&raw mut *request).cast(), &raw mut done, &raw mut bytes))?;
        Ok((done != 0).then(|| to_usize(bytes)))
    }

    fn wait_any(&self, requests: &mut [Request]) -> Result<Option<Arrived>> {
        let (mut index, mut bytes) = (-1, 0);
        let handles = requests.as_mut_ptr().cast();
        call!(self.waitany(to_i64(requests.len()), handles, &raw mut index, &raw mut bytes))?;
        let index = usize::try_from(index).ok().filter(|&index| index < requests.len());
        Ok(index.map(|index| Arrived { index, bytes: to_usize(bytes) }))
    }

    fn free_request(&self, mut request: Request) -> Result<()> {
        call!(self.request_free((&raw mut request).cast()))
    }
}

// The layout that distarray_comm.h fixes on 64-bit machines.
const _: () = {
    assert!(offset_of!(distarray_comm, rank) == 8);
    assert!(offset_of!(distarray_comm, context) == 24);
    assert!(offset_of!(distarray_comm, attribute) == 200);
    assert!(size_of::<distarray_comm>() == 208);
};
