//! A message layer that watches another: it counts calls, and fails when told to.
#![allow(dead_code)] // each test binary uses its own part
#![allow(unsafe_code)] // passes memory on under the promises it got

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use distarray::comm::{Arrived, Comm, Op, Request, Transport, Values};
use distarray::{Error, ErrorKind, Result};

/// What was seen, and what is to happen.
#[derive(Default)]
pub struct Log {
    pub splits: AtomicUsize,
    /// Starts of messages, and waits for any message, until one fails, counted from 1; 0
    /// for none.
    pub fail_start: AtomicI64,
    pub fail_wait: AtomicI64,
}

/// The error when it is time for one.
fn due(countdown: &AtomicI64) -> Result<()> {
    match countdown.fetch_sub(1, Ordering::Relaxed) {
        1 => Err(Error::new(ErrorKind::Comm, "the cable is cut")),
        _ => Ok(()),
    }
}

/// A communicator of the same ranks, watched.
pub fn watched(comm: &Comm) -> (Comm, Arc<Log>) {
    watched_on(comm, 0)
}

/// The same, on which ranks share memory with those of the same `node` alone.
pub fn watched_on(comm: &Comm, node: i32) -> (Comm, Arc<Log>) {
    let log = Arc::new(Log::default());
    let watched = Watched { inner: comm.clone(), node, log: Arc::clone(&log) };
    (Comm::from_transport(Box::new(watched)), log)
}

struct Watched {
    inner: Comm,
    node: i32,
    log: Arc<Log>,
}

impl Watched {
    fn inner(&self) -> &dyn Transport {
        self.inner.transport().unwrap()
    }
}

// SAFETY: the other layer keeps the contract.
unsafe impl Transport for Watched {
    fn rank(&self) -> usize {
        self.inner.rank()
    }
    fn size(&self) -> usize {
        self.inner.size()
    }
    fn check(&self, rank: usize) -> Result<()> {
        self.inner().check(rank)
    }
    fn progress(&self) -> Result<()> {
        self.inner().progress()
    }
    fn barrier(&self) -> Result<()> {
        self.inner().barrier()
    }
    fn all_reduce(&self, values: Values<'_>, op: Op) -> Result<()> {
        self.inner().all_reduce(values, op)
    }
    fn broadcast(&self, root: usize, data: &mut [u8]) -> Result<()> {
        self.inner().broadcast(root, data)
    }
    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        self.inner().all_gather(mine, all)
    }
    fn all_gather_v(&self, mine: &[u8], all: &mut [u8], lengths: &[i64]) -> Result<()> {
        self.inner().all_gather_v(mine, all, lengths)
    }
    fn all_to_all(&self, send: &[u8], receive: &mut [u8]) -> Result<()> {
        self.inner().all_to_all(send, receive)
    }
    fn all_to_all_v(
        &self,
        send: &[u8],
        send_lengths: &[i64],
        receive: &mut [u8],
        receive_lengths: &[i64],
    ) -> Result<()> {
        self.inner().all_to_all_v(send, send_lengths, receive, receive_lengths)
    }
    fn new_tag(&self) -> Result<i32> {
        self.inner().new_tag()
    }
    fn duplicate(&self) -> Result<Box<dyn Transport>> {
        self.inner().duplicate()
    }
    fn split(&self, color: Option<i32>, key: i32) -> Result<Option<Box<dyn Transport>>> {
        self.log.splits.fetch_add(1, Ordering::Relaxed);
        self.inner().split(color.map(|color| color ^ self.node), key)
    }
    unsafe fn free(&self) -> Result<()> {
        Ok(())
    }
    unsafe fn send(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        // SAFETY: the caller's promise, as for all below.
        unsafe { self.inner().send(data, len, to, tag) }
    }
    unsafe fn receive(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        // SAFETY: as above.
        unsafe { self.inner().receive(data, len, from, tag) }
    }
    unsafe fn send_init(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        // SAFETY: as above.
        unsafe { self.inner().send_init(data, len, to, tag) }
    }
    unsafe fn receive_init(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        // SAFETY: as above.
        unsafe { self.inner().receive_init(data, len, from, tag) }
    }
    unsafe fn start(&self, requests: &mut [Request]) -> Result<()> {
        due(&self.log.fail_start)?;
        // SAFETY: as above.
        unsafe { self.inner().start(requests) }
    }
    fn wait(&self, request: &mut Request) -> Result<usize> {
        self.inner().wait(request)
    }
    fn test(&self, request: &mut Request) -> Result<Option<usize>> {
        self.inner().test(request)
    }
    fn wait_any(&self, requests: &mut [Request]) -> Result<Option<Arrived>> {
        due(&self.log.fail_wait)?;
        self.inner().wait_any(requests)
    }
    fn free_request(&self, request: Request) -> Result<()> {
        self.inner().free_request(request)
    }
}
