//! A set of messages prepared once and exchanged as often as one likes.
//!
//! [`Messages`] owns the memory that is sent and received, so using it is safe,
//! and a round allocates nothing:
//!
//! ```
//! use distarray::comm::{self, Peer};
//! comm::threads(2, |comm| -> distarray::Result<()> {
//!     let other = Peer { rank: 1 - comm.rank(), bytes: 3 };
//!     let mut messages = comm.messages(&[other], &[other])?;
//!     for round in 0..10 {
//!         messages.start_receives()?;
//!         messages.send_buffer(0)?.fill(round);            // pack
//!         messages.start_send(0)?;
//!         while let Some((_which, bytes)) = messages.next_received()? {
//!             assert_eq!(bytes, [round; 3]);               // unpack, in order of arrival
//!         }
//!         messages.finish()?;
//!     }
//!     messages.free()
//! });
//! ```
#![allow(unsafe_code)] // memory that the message layer reads and writes between calls

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use super::{Comm, Request, to_i64};
use crate::{Error, ErrorKind, Result};

/// The other end of one message, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The rank to send to or receive from.
    pub rank: usize,
    /// The length in bytes; 0 is a message too.
    pub bytes: usize,
}

/// Prepared sends and receives with their memory. One round is
/// [`start_receives`](Self::start_receives), pack and
/// [`start_send`](Self::start_send) each, [`next_received`](Self::next_received)
/// until `None`, [`finish`](Self::finish).
///
/// Several messages to one rank arrive in the order of the list. Dropping it
/// between rounds loses nothing; dropping it within a round leaks its memory,
/// because the message layer may still use it.
pub struct Messages {
    comm: Comm,
    /// The receives, then the sends: `wait_any` takes a slice.
    requests: Vec<Request>,
    slots: Vec<Slot>,
    receives: usize,
}

struct Slot {
    memory: Memory,
    active: bool,
}

/// The other end of a message in memory that the caller manages, or in the
/// message's own where there is none.
pub(crate) struct Place {
    pub(crate) peer: Peer,
    pub(crate) memory: Option<NonNull<u8>>,
}

impl Messages {
    /// # Safety
    /// From each start of a message to the end of its round, the memory of its place
    /// is readable, and writable for a receive, and nobody else touches it.
    pub(super) unsafe fn new(comm: &Comm, tag: i32, sends: &[Place], receives: &[Place]) -> Result<Self> {
        let mut this = Self {
            comm: comm.clone(),
            requests: Vec::with_capacity(receives.len() + sends.len()),
            slots: Vec::with_capacity(receives.len() + sends.len()),
            receives: receives.len(),
        };
        let transport = comm.transport()?;
        for (number, Place { peer, memory }) in receives.iter().chain(sends).enumerate() {
            if peer.rank >= comm.size() {
                return Err(Error::new(ErrorKind::Range, "there is no such rank to exchange with")
                    .in_field("rank")
                    .expected_found(to_i64(comm.size()) - 1, to_i64(peer.rank)));
            }
            let memory = match *memory {
                Some(start) => Memory { start, bytes: peer.bytes, own: false },
                None => Memory::new(peer.bytes)?,
            };
            let (data, bytes) = (memory.start.as_ptr(), memory.bytes);
            // SAFETY: the message's own memory is freed by `this` alone, and only while
            // the request is not active (see `Drop`); other memory is the caller's promise.
            let request = unsafe {
                if number < receives.len() {
                    transport.receive_init(data, bytes, peer.rank, tag)
                } else {
                    transport.send_init(data, bytes, peer.rank, tag)
                }
            }?;
            this.requests.push(request);
            this.slots.push(Slot { memory, active: false });
        }
        Ok(this)
    }

    /// The number of sends.
    #[must_use]
    pub fn sends(&self) -> usize {
        self.slots.len() - self.receives
    }

    /// The number of receives.
    #[must_use]
    pub fn receives(&self) -> usize {
        self.receives
    }

    /// Whether there is no message at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether some message was started and has not ended.
    pub(crate) fn is_active(&self) -> bool {
        self.slots.iter().any(|slot| slot.active)
    }

    /// The memory of send `which`, aligned to a cache line, to be filled before it
    /// is started. Local.
    ///
    /// # Errors
    /// `Range` when there is no such send, `Busy` while it is being sent.
    pub fn send_buffer(&mut self, which: usize) -> Result<&mut [u8]> {
        Ok(self.idle_send(which)?.memory.bytes_mut())
    }

    /// Send `which`, which is not under way; its memory may be the caller's.
    fn idle_send(&mut self, which: usize) -> Result<&mut Slot> {
        let slot = self.receives.checked_add(which).and_then(|at| self.slots.get_mut(at));
        let slot = slot.ok_or_else(|| no_such_message(which))?;
        if slot.active {
            return Err(Error::new(ErrorKind::Busy, "this message is being sent: finish first"));
        }
        Ok(slot)
    }

    /// Starts all receives: the first act of a round, so that data have a place
    /// when they come. Local.
    ///
    /// # Errors
    /// `Busy` within a round; `Comm` when the message layer fails.
    pub fn start_receives(&mut self) -> Result<()> {
        if self.is_active() {
            return Err(Error::new(ErrorKind::Busy, "the round before was not finished"));
        }
        self.start(0..self.receives)
    }

    /// Starts send `which`; its memory is the message's until
    /// [`finish`](Self::finish). Local.
    ///
    /// # Errors
    /// `Range` when there is no such send, `Busy` when it was started; `Comm` when
    /// the message layer fails.
    pub fn start_send(&mut self, which: usize) -> Result<()> {
        self.idle_send(which)?;
        self.start(self.receives + which..self.receives + which + 1)
    }

    fn start(&mut self, range: std::ops::Range<usize>) -> Result<()> {
        let transport = self.comm.transport()?;
        // Active before the attempt: a failed start may still have begun.
        self.slots[range.clone()].iter_mut().for_each(|slot| slot.active = true);
        // SAFETY: the memory of each lives as long as `self`, or for ever.
        unsafe { transport.start(&mut self.requests[range]) }
    }

    /// Waits for any message still to be received: which, and its bytes; `None`
    /// when all have been. The bytes stay as they are until the next round.
    ///
    /// # Errors
    /// `Comm` when the message layer fails or a message has another length than prepared.
    pub fn next_received(&mut self) -> Result<Option<(usize, &[u8])>> {
        let transport = self.comm.transport()?;
        let Some(arrived) = transport.wait_any(&mut self.requests[..self.receives])? else {
            return Ok(None);
        };
        Ok(Some((arrived.index, self.ended(arrived.index, arrived.bytes)?)))
    }

    /// The bytes of receive `which`, which was started; none where they have not come,
    /// unless it may wait for them.
    pub(crate) fn receive(&mut self, which: usize, may_wait: bool) -> Result<Option<&[u8]>> {
        let transport = self.comm.transport()?;
        let request = self.requests[..self.receives].get_mut(which).ok_or_else(|| no_such_message(which))?;
        let bytes = match may_wait {
            true => Some(transport.wait(request)?),
            false => transport.test(request)?,
        };
        bytes.map(|bytes| self.ended(which, bytes)).transpose()
    }

    /// What was received with so many bytes.
    fn ended(&mut self, which: usize, bytes: usize) -> Result<&[u8]> {
        let slot = self.slots.get_mut(which).ok_or_else(|| no_such_message(which))?;
        slot.active = false;
        if bytes != slot.memory.bytes {
            return Err(Error::new(ErrorKind::Comm, "a message has not the agreed length")
                .expected_found(to_i64(slot.memory.bytes), to_i64(bytes)));
        }
        Ok(slot.memory.bytes())
    }

    /// The memory of receive `which`, after it was received. Local.
    ///
    /// # Errors
    /// `Range` when there is no such receive, `Busy` while it is being received.
    pub fn received(&self, which: usize) -> Result<&[u8]> {
        match self.slots[..self.receives].get(which) {
            None => Err(no_such_message(which)),
            Some(slot) if slot.active => {
                Err(Error::new(ErrorKind::Busy, "this message was not received yet"))
            }
            Some(slot) => Ok(slot.memory.bytes()),
        }
    }

    /// Waits for the end of the round: all that was started.
    ///
    /// # Errors
    /// `Comm` when the message layer fails or a message has another length than prepared.
    pub fn finish(&mut self) -> Result<()> {
        while self.next_received()?.is_some() {}
        let transport = self.comm.transport()?;
        for (slot, request) in self.slots.iter_mut().zip(&mut self.requests) {
            if slot.active {
                transport.wait(request)?;
                slot.active = false;
            }
        }
        Ok(())
    }

    /// Gives the prepared messages back to the message layer at once; `Drop` leaves
    /// it to the communicator's next call. Local.
    ///
    /// # Errors
    /// `Busy` within a round; `Comm` when the message layer fails.
    pub fn free(mut self) -> Result<()> {
        if self.is_active() {
            return Err(Error::new(ErrorKind::Busy, "the round was not finished"));
        }
        let transport = self.comm.transport()?;
        let requests = std::mem::take(&mut self.requests);
        requests.into_iter().try_for_each(|request| transport.free_request(request))
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let idle = self.requests.drain(..).zip(&self.slots).filter(|(_, slot)| !slot.active);
        self.comm.abandoned().extend(idle.map(|(request, _)| request));
        for slot in self.slots.drain(..) {
            if slot.active {
                std::mem::forget(slot.memory); // the message layer may still use it
            }
        }
    }
}

fn no_such_message(which: usize) -> Error {
    Error::new(ErrorKind::Range, "there is no such message").expected_found(0, to_i64(which))
}

/// Zeroed bytes at a fixed address, aligned to a cache line; or the caller's.
///
/// Not a `Box`: its address is known to the message layer, which a moved `Box`
/// would forbid.
struct Memory {
    start: NonNull<u8>,
    bytes: usize,
    own: bool,
}

// SAFETY: Memory owns its bytes alone, as a `Box<[u8]>` does, or the caller promised
// that nobody else touches them.
unsafe impl Send for Memory {}
// SAFETY: shared access only reads.
unsafe impl Sync for Memory {}

impl Memory {
    const ALIGN: usize = 64;

    fn new(bytes: usize) -> Result<Self> {
        let refused = || Error::new(ErrorKind::NoMemory, "no memory for a message buffer");
        let layout = Self::layout(bytes).ok_or_else(refused)?;
        // SAFETY: the layout is never of size 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(refused)?;
        Ok(Self { start, bytes, own: true })
    }

    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes.max(1), Self::ALIGN).ok()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `bytes` initialised bytes; the message that uses them has ended.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` is unique.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.bytes).filter(|_| self.own) {
            // SAFETY: allocated with this layout in `new`.
            unsafe { dealloc(self.start.as_ptr(), layout) }
        }
    }
}
