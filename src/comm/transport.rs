//! What a message layer must do: the one trait behind every communicator.
//!
//! Everything is bytes and 64-bit lengths, and every function fits a column of
//! the C table in `distarray_comm.h`, so an MPI, threads of one process and a
//! foreign library are interchangeable.

#![allow(unsafe_code)] // a contract about memory that safe code relies on

use std::sync::atomic::AtomicBool;

use crate::Result;

/// The largest tag of [`Transport::new_tag`]; MPI promises 32767, which stays
/// free for a message layer's own use.
pub(super) const MAX_TAG: u32 = 32_766;
/// The tag that no object of a communicator has.
pub(super) const OWN_TAG: i32 = 32_767;

/// How values of all ranks become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The sum; integers wrap.
    Sum,
    /// The smallest; unspecified where a value is NaN.
    Min,
    /// The largest; unspecified where a value is NaN.
    Max,
}

/// The values of one all-reduce, with their type.
pub enum Values<'a> {
    /// Unsigned integers.
    U64(&'a mut [u64]),
    /// Signed integers.
    I64(&'a mut [i64]),
    /// Floating-point numbers.
    F64(&'a mut [f64]),
}

impl Values<'_> {
    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Values::U64(values) => values.len(),
            Values::I64(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    /// Whether there is nothing to reduce.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The handle of one message under way or prepared.
///
/// It cannot be copied: an ended message is not waited for twice.
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Request(u64);

impl Request {
    /// The handle with these bits.
    ///
    /// # Safety
    /// The bits are 0, or a transport's own: the handle is given back only to it.
    #[must_use]
    pub unsafe fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits; 0 when there is no message.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.0
    }
}

/// A received message: which of several, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Position among the requests that were waited for.
    pub index: usize,
    /// Length in bytes; meaningless for a send.
    pub bytes: usize,
}

/// A communicator's message layer, in bytes.
///
/// "Collective" functions are called by all ranks in the same order, with lengths
/// that agree between the ranks: [`Comm`](super::Comm) sees to it.
///
/// # Safety
/// Safe code relies on it: memory of a message is touched only between its
/// start and its reported end, slices are not read or written beyond their length
/// whatever a caller passes, and `rank() < size()` never change.
pub unsafe trait Transport: Send + Sync {
    /// This process's number. Local.
    fn rank(&self) -> usize;
    /// The number of processes. Local.
    fn size(&self) -> usize;

    /// Whether another rank can still go on, as far as is known: for who waits for it
    /// without a message. Local.
    fn check(&self, _rank: usize) -> Result<()> {
        Ok(())
    }

    /// Goes on with what is under way, for who waits without a message: another rank may
    /// wait for a message of ours. Local.
    fn progress(&self) -> Result<()> {
        static NOTHING: AtomicBool = AtomicBool::new(false);
        let nowhere = NOTHING.as_ptr().cast::<u8>();
        // SAFETY: no byte of the message is read or written, and both ends have ended.
        unsafe {
            // An MPI that is asked for what has ended looks no further: it is asked for
            // what cannot have ended.
            let mut receive = self.receive(nowhere, 0, self.rank(), OWN_TAG)?;
            let ended = self.test(&mut receive)?.is_some();
            let mut send = self.send(nowhere, 0, self.rank(), OWN_TAG)?;
            self.wait(&mut send)?;
            if !ended {
                self.wait(&mut receive)?;
            }
        }
        Ok(())
    }

    /// Returns when all ranks have called it. Collective.
    fn barrier(&self) -> Result<()>;
    /// Replaces the values by those of all ranks combined. Collective.
    fn all_reduce(&self, values: Values<'_>, op: Op) -> Result<()>;
    /// Gives everyone the bytes of `root`. Collective.
    fn broadcast(&self, root: usize, data: &mut [u8]) -> Result<()>;
    /// Gives everyone the equally long bytes of all ranks, in rank order. Collective.
    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()>;
    /// Gives everyone the `lengths[r]` bytes of each rank r, in rank order. Collective.
    fn all_gather_v(&self, mine: &[u8], all: &mut [u8], lengths: &[i64]) -> Result<()>;
    /// Sends one equal share to each rank and receives one from each. Collective.
    fn all_to_all(&self, send: &[u8], receive: &mut [u8]) -> Result<()>;
    /// Sends a share of stated length to each rank and receives one from each. Collective.
    fn all_to_all_v(
        &self,
        send: &[u8],
        send_lengths: &[i64],
        receive: &mut [u8],
        receive_lengths: &[i64],
    ) -> Result<()>;

    /// A tag for one object's messages: equal on all ranks, 0..32766. Collective
    /// in its order, but it sends nothing.
    fn new_tag(&self) -> Result<i32>;
    /// A communicator of the same ranks with its own messages. Collective.
    fn duplicate(&self) -> Result<Box<dyn Transport>>;
    /// The communicator of the ranks with my `color` (not negative), ordered by
    /// `key`, then rank; none without a color. Collective.
    fn split(&self, color: Option<i32>, key: i32) -> Result<Option<Box<dyn Transport>>>;
    /// Ends what `duplicate` and `split` made; a borrowed communicator stays. Collective.
    ///
    /// # Safety
    /// No other function of this transport is called from now on: its communicator
    /// may be gone.
    unsafe fn free(&self) -> Result<()>;

    /// Starts sending. Local.
    ///
    /// # Safety
    /// `len` bytes at `data` stay readable and unchanged until the message has ended.
    /// The request is given to no other transport.
    unsafe fn send(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request>;
    /// Starts receiving. Local.
    ///
    /// # Safety
    /// `len` bytes at `data` stay writable, and untouched by anyone else, until the
    /// message has ended. The request is given to no other transport.
    unsafe fn receive(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request>;
    /// Prepares a message to be sent by each [`start`](Self::start). Local.
    ///
    /// # Safety
    /// As [`send`](Self::send), from each start to the end that follows.
    unsafe fn send_init(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request>;
    /// Prepares a message to be received by each [`start`](Self::start). Local.
    ///
    /// # Safety
    /// As [`receive`](Self::receive), from each start to the end that follows.
    unsafe fn receive_init(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request>;
    /// Starts prepared messages that are not active. Local.
    ///
    /// # Safety
    /// The memory of each is valid as its preparation demands.
    unsafe fn start(&self, requests: &mut [Request]) -> Result<()>;
    /// Waits for the end of a message; its length, when it was received.
    fn wait(&self, request: &mut Request) -> Result<usize>;
    /// Tells whether a message has ended, without waiting. Local.
    fn test(&self, request: &mut Request) -> Result<Option<usize>>;
    /// Waits for the end of any one active message; `None` when none is active.
    fn wait_any(&self, requests: &mut [Request]) -> Result<Option<Arrived>>;
    /// Forgets a prepared message that is not active. Local.
    fn free_request(&self, request: Request) -> Result<()>;
}
