//! Messages between ranks: one [`Comm`] over any message layer.
//!
//! A `Comm` comes from one process ([`Comm::solo`]), from threads of one process
//! ([`threads`]), from MPI (`Comm::from_mpi`, feature `mpi`) or from another
//! library's function table ([`Comm::from_table`]), with whose communicator the C border
//! keeps it. It knows nothing of arrays.
//!
//! Rules that hold for all of them:
//! - "Collective" calls are made by all ranks, in the same order; a rank with
//!   nothing to do takes part with nothing.
//! - What one rank can check is checked before a collective call, and
//!   [`Comm::agree`] makes the verdict everyone's.
//! - Where the message layer fails in the middle of an exchange the ranks are out of
//!   step: the communicator refuses every later call on that rank, [`Comm::free`] too,
//!   and says why. Another one over the same message layer goes on. Nor does that rank
//!   agree any more: whoever waits for a message that it did not send would never come to
//!   the agreement, and none would hear what failed.
//! - Nothing is sent or freed by `Drop`: a program may drop in any order, also
//!   after `MPI_Finalize`. Communicators made by [`Comm::split`] and
//!   [`Comm::duplicate`] are given back by [`Comm::free`].

mod collective;
mod foreign;
mod kept;
mod lanes;
mod lengths;
mod messages;
#[cfg(feature = "mpi")]
mod mpi;
mod near;
mod node;
mod relays;
mod segment;
mod square;
mod thread;
mod threads;
mod transport;
mod waiting;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::{Error, ErrorKind, Result};

pub use foreign::{DISTARRAY_COMM_VERSION, distarray_comm};
pub use kept::distarray_comm_attribute;
pub(crate) use lanes::{Lane, Lanes};
pub(crate) use messages::Place;
pub use messages::{Messages, Peer};
use node::Node;
pub(crate) use relays::{Bundle, Relayed, Relays};
pub(crate) use segment::Segment;
pub use threads::{threads, try_threads};
pub use transport::{Arrived, Op, Request, Transport, Values};
pub(crate) use waiting::{Counter, Patience, gave_up, wait_until};

/// A group of ranks that exchange messages. Cheap to clone.
#[derive(Clone)]
pub struct Comm(Arc<Shared>);

struct Shared {
    transport: Box<dyn Transport>,
    freed: AtomicBool,
    /// What every call says after an exchange failed half way.
    failed: OnceLock<Error>,
    /// Prepared messages whose owner was dropped: freed by the next call that
    /// may talk to the message layer, because `Drop` must not.
    abandoned: Mutex<Vec<Request>>,
    /// The ranks of this node, and the lanes between them: found and made once.
    node: OnceLock<Option<Arc<Node>>>,
    lanes: OnceLock<Option<Arc<Lanes>>>,
}

/// A type that [`Comm::all_reduce`] combines. Sealed: these are the types every
/// message layer offers.
pub trait Reduce: sealed::Sealed + Copy {
    /// The slice with its type as a value.
    fn values(slice: &mut [Self]) -> Values<'_>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! reduce {
    ($($type:ty => $variant:ident),*) => {$(
        impl sealed::Sealed for $type {}
        impl Reduce for $type {
            fn values(slice: &mut [Self]) -> Values<'_> {
                Values::$variant(slice)
            }
        }
    )*};
}
reduce!(u64 => U64, i64 => I64, f64 => F64);

impl Comm {
    /// A communicator of this process alone. Local.
    #[must_use]
    pub fn solo() -> Self {
        Self::from_transport(threads::solo())
    }

    /// A communicator over any message layer. Local.
    #[must_use]
    pub fn from_transport(transport: Box<dyn Transport>) -> Self {
        Self(Arc::new(Shared {
            transport,
            freed: AtomicBool::new(false),
            failed: OnceLock::new(),
            abandoned: Mutex::default(),
            node: OnceLock::new(),
            lanes: OnceLock::new(),
        }))
    }

    /// This process's number, from 0. Local.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.transport.rank()
    }

    /// The number of processes. Local.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.transport.size()
    }

    /// The message layer itself, for messages in memory that the caller manages. Local.
    ///
    /// # Errors
    /// `Comm` after [`free`](Self::free), or after an exchange failed half way.
    #[inline]
    pub fn transport(&self) -> Result<&dyn Transport> {
        if self.0.freed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Comm, "this communicator was freed"));
        }
        match self.0.failed.get() {
            Some(error) => Err(error.clone()),
            None => Ok(&*self.0.transport),
        }
    }

    /// Ends the communicator on this rank: an exchange failed half way, and what its ranks
    /// have sent and received is out of step. Local.
    pub(crate) fn fail(&self, error: &Error) {
        let detail = format!(
            "the communicator failed in an exchange ({error}): make a new plan on a new communicator"
        );
        let _ = self.0.failed.set(Error::new(ErrorKind::Comm, detail));
        if let Some(lanes) = self.0.lanes.get().and_then(Option::as_ref) {
            lanes.give_up();
        }
    }

    /// Makes one rank's failure everyone's: `Ok` where all ranks pass `Ok`, else on
    /// every rank the error of the lowest failing rank, with that rank named.
    /// Collective: one reduction when all is well.
    ///
    /// ```
    /// use distarray::{Error, ErrorKind, comm};
    /// let verdicts = comm::threads(3, |comm| {
    ///     let mine = match comm.rank() {
    ///         1 => Err(Error::new(ErrorKind::Range, "lower stop to size")),
    ///         _ => Ok(()),
    ///     };
    ///     comm.agree(mine).unwrap_err().to_string()
    /// });
    /// assert_eq!(verdicts, ["rank 1: lower stop to size"; 3]);
    /// ```
    ///
    /// # Errors
    /// The agreed error; `Comm` when the message layer fails.
    pub fn agree<T>(&self, mine: Result<T>) -> Result<T> {
        self.agree_on_least(mine, []).map(|(mine, _)| mine)
    }

    /// The same, and the least of each number that all ranks bring. Collective.
    fn agree_on_least<T, const N: usize>(
        &self,
        mine: Result<T>,
        mut numbers: [u64; N],
    ) -> Result<(T, [u64; N])> {
        const ALL_WELL: u64 = u64::MAX;
        let rank = self.rank();
        let failing = if mine.is_ok() { ALL_WELL } else { rank as u64 };
        let mut least = [&[failing][..], &numbers].concat();
        self.all_reduce(&mut least, Op::Min)?;
        if least[0] == ALL_WELL {
            numbers.copy_from_slice(&least[1..]);
            return mine.map(|mine| (mine, numbers));
        }
        let unreadable = || Error::new(ErrorKind::Comm, "a rank failed with an unreadable error");
        let root = usize::try_from(least[0]).map_err(|_| unreadable())?;
        let mut wire = match mine {
            Err(error) if rank == root => {
                let error = error.or_on_rank(to_i64(rank));
                serde_json::to_vec(&error).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        self.broadcast(root, &mut wire)?;
        Err(serde_json::from_slice(&wire).unwrap_or_else(|_| unreadable()))
    }

    /// A communicator of the same ranks with its own messages. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails or has no communicator left.
    pub fn duplicate(&self) -> Result<Self> {
        Ok(Self::from_transport(self.transport()?.duplicate()?))
    }

    /// The communicator of the ranks with my `color`, ordered by `key`, then rank;
    /// none for a rank without a color. Collective.
    ///
    /// # Errors
    /// `Range` on every rank when one passes a negative color; `Comm` when the
    /// message layer fails or has no communicator left.
    pub fn split(&self, color: Option<i32>, key: i32) -> Result<Option<Self>> {
        self.agree(match color {
            Some(color) if color < 0 => {
                Err(Error::new(ErrorKind::Range, "a color must not be negative").in_field("color"))
            }
            _ => Ok(()),
        })?;
        let part = self.transport()?.split(color, key)?;
        Ok(part.map(Self::from_transport))
    }

    /// Gives back a communicator made by [`split`](Self::split) or
    /// [`duplicate`](Self::duplicate); its clones refuse from now on. A borrowed
    /// communicator stays its owner's. Collective.
    ///
    /// # Errors
    /// `Comm` when it was freed before or the message layer fails.
    #[allow(unsafe_code)] // ends what the message layer keeps
    pub fn free(self) -> Result<()> {
        let transport = self.transport()?;
        self.free_abandoned(transport)?;
        self.0.freed.store(true, Ordering::Release);
        // SAFETY: `transport()` refuses it from now on.
        unsafe { transport.free() }
    }

    /// Prepares a set of messages that is exchanged as often as one likes.
    /// Collective in its order, but nothing is sent; a rank may have none.
    ///
    /// # Errors
    /// `Range` when a peer is no rank of this communicator, `NoMemory` when a length
    /// cannot be had; `Comm` when the message layer fails. On one rank only: agree.
    #[allow(unsafe_code)] // the memory is the messages' own
    pub fn messages(&self, sends: &[Peer], receives: &[Peer]) -> Result<Messages> {
        let transport = self.transport()?;
        // First, so that ranks that fail below keep the same count of tags.
        let tag = transport.new_tag()?;
        self.free_abandoned(transport)?;
        let own = |peers: &[Peer]| peers.iter().map(|&peer| Place { peer, memory: None }).collect::<Vec<_>>();
        // SAFETY: no memory of a caller's.
        unsafe { Messages::new(self, tag, &own(sends), &own(receives)) }
    }

    /// A tag that no other object of this communicator uses. Collective in its order,
    /// but nothing is sent.
    pub(crate) fn new_tag(&self) -> Result<i32> {
        self.transport()?.new_tag()
    }

    /// Prepares messages in the caller's memory, with a tag from
    /// [`new_tag`](Self::new_tag). Local.
    ///
    /// # Safety
    /// From each start of a message to the end of its round, the memory of its place
    /// is readable, and writable for a receive, and nobody else touches it.
    #[allow(unsafe_code)] // a promise about memory
    pub(crate) unsafe fn messages_in(
        &self,
        tag: i32,
        sends: &[Place],
        receives: &[Place],
    ) -> Result<Messages> {
        self.free_abandoned(self.transport()?)?;
        // SAFETY: the caller's promise.
        unsafe { Messages::new(self, tag, sends, receives) }
    }

    fn free_abandoned(&self, transport: &dyn Transport) -> Result<()> {
        let abandoned = std::mem::take(&mut *self.abandoned());
        abandoned.into_iter().try_for_each(|request| transport.free_request(request))
    }

    fn abandoned(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.0.abandoned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Comm(rank {} of {})", self.rank(), self.size())
    }
}

/// A count or length for the wire; memory never holds more than `i64::MAX` bytes.
fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from the wire or a table; a negative one is 0.
fn to_usize(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}
