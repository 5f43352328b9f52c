//! Lanes: how ranks of one node pass bytes on when these are not in shared memory.
//!
//! A lane is a ring of slots in memory that both ranks map. One packs into a slot
//! while the other unpacks the one before, and an element is moved twice in all, where a
//! message moves it three times.
//!
//! When lanes are made each two ranks find out how long a line takes from one core to the
//! other and back. Where that is long, slots are filled past the sender's cache: to take a
//! line out of it would cost the receiver several times what it costs to read it from
//! memory, which it can do ahead. Where it is quick, slots stay in the caches, and short
//! runs of shared arrays are read where they lie.
//!
//! A communicator has one lane from each rank of a node to each other, made when the
//! first plan could use them and gone with its last user. All plans share them, so what
//! one rank passes must be what the other takes:
//! - An exchange passes all its parts through lanes before it returns. So on one thread
//!   the parts of one exchange follow those of the one before, and a sender that is
//!   ahead leaves at most its filled slots behind, in order.
//! - Two ranks run the exchanges that they have in common in the same order: collective
//!   ones because they are, bound ones because those are collective over neighbours.
//!   Other ranks do not matter: each pair has lanes of its own. An exchange that was
//!   started and is finished later goes by messages, and may be under way meanwhile.
//! - Who breaks that rule is told: each slot says which plan filled it, and two threads
//!   of a rank do not get the lanes at once.
//! - An error in the middle of an exchange ends the communicator, and its lanes with it:
//!   who waits for the rank that failed is told.
#![allow(unsafe_code)] // memory that two processes share

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::near;
use super::waiting::{Counter, GIVEN_UP, counted};
use super::{Comm, Op, Segment};
use crate::{Error, ErrorKind, Result};

/// Slots of a lane.
const SLOTS: usize = 8;
/// The longest slot.
const LONGEST: usize = 128 << 10;
const SHORTEST: usize = 4 << 10;
/// Bytes between slots, so that those of a power of two do not all meet in the same
/// sets of a cache.
const GAP: usize = 5 * 64;
/// The shortest part of a longer message: it ends with a wait for all that was written.
const PART: usize = 16 << 10;
/// What all lanes of one rank take, where the shortest slots do not take more.
const BUDGET: usize = 1 << 20;

/// The front of a lane: what the sender writes on one line, what the receiver does on
/// another.
#[repr(C, align(128))]
struct Front {
    /// Slots filled so far.
    filled: AtomicU64,
    /// The plan whose part is in each slot.
    plans: [AtomicU32; SLOTS],
    emptied: Emptied,
    /// What the sender says while the two measure how far they are apart.
    ping: Counter,
}

/// Slots emptied so far.
#[repr(C, align(128))]
struct Emptied(AtomicU64);

/// The lanes of a communicator at this rank.
pub(crate) struct Lanes {
    segment: Segment,
    /// Bytes of a slot.
    slot: usize,
    /// Whether a line is quick to and from the rank at each place.
    near: Vec<bool>,
    /// Held by the thread that passes something.
    in_use: Mutex<()>,
}

/// One end of a lane.
#[derive(Clone, Copy)]
pub(crate) struct Lane {
    start: *mut u8,
    slot: usize,
    /// The rank at the other end, and whether it is near.
    pub(crate) rank: usize,
    pub(crate) near: bool,
    /// Slots filled or emptied at this end so far.
    passed: u64,
}

// SAFETY: an address in memory that the communicator keeps; its counters are atomic.
unsafe impl Send for Lane {}
// SAFETY: as above.
unsafe impl Sync for Lane {}

impl Comm {
    /// The lanes of this node, made if a rank wants them; none on every rank where the
    /// system offers no shared memory. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub(crate) fn lanes(&self, wanted: bool) -> Result<Option<Arc<Lanes>>> {
        if let Some(made) = self.0.lanes.get() {
            return Ok(made.clone());
        }
        let mut wanted = [u64::from(wanted)];
        self.all_reduce(&mut wanted, Op::Max)?;
        if wanted[0] == 0 {
            return Ok(None);
        }
        let made = Lanes::new(self).inspect_err(|error| self.fail(error))?.map(Arc::new);
        Ok(self.0.lanes.get_or_init(|| made).clone())
    }
}

impl Lanes {
    fn new(comm: &Comm) -> Result<Option<Self>> {
        let Some(node) = comm.node()? else { return Ok(None) };
        let peers = node.len() - 1;
        let slot = (BUDGET / peers.max(1) / SLOTS).clamp(SHORTEST, LONGEST) / 64 * 64;
        let Some(segment) = comm.segment(peers * bytes(slot))? else { return Ok(None) };
        let near = vec![false; segment.node().len()];
        let mut made = Self { segment, slot, near, in_use: Mutex::default() };
        made.measure(comm)?;
        Ok(Some(made))
    }

    /// Finds out which ranks are near. Collective over the node.
    fn measure(&mut self, comm: &Comm) -> Result<()> {
        let (own, places) = (self.segment.node().own(), self.segment.node().len());
        // In each turn every rank meets another one, and in all turns each other one.
        for turn in 1..places.next_power_of_two() {
            let other = own ^ turn;
            if other < places {
                let rank = self.segment.node().rank(other);
                let [to, from] = [self.lane(own, other, rank), self.lane(other, own, rank)];
                let (mine, theirs) = (&to.front().ping, &from.front().ping);
                self.near[other] = match own < other {
                    true => near::asks(comm, rank, mine, theirs),
                    false => near::answers(comm, rank, mine, theirs),
                }?;
            }
        }
        Ok(())
    }

    /// Whether a line goes quickly to another rank of this node and back; both find the same.
    pub(crate) fn is_near(&self, rank: i64) -> bool {
        let place = usize::try_from(rank).ok().and_then(|rank| self.segment.node().place(rank));
        place.is_some_and(|place| self.near[place])
    }

    /// Both lanes between this rank and another of its node, outgoing first.
    pub(crate) fn to(&self, rank: i64) -> Option<[Lane; 2]> {
        let rank = usize::try_from(rank).ok()?;
        let (own, other) = (self.segment.node().own(), self.segment.node().place(rank)?);
        (own != other).then(|| [self.lane(own, other, rank), self.lane(other, own, rank)])
    }

    fn lane(&self, from: usize, to: usize, rank: usize) -> Lane {
        let other = if from == self.segment.node().own() { to } else { from };
        // A rank has no lane to itself.
        let before = if to > from { to - 1 } else { to };
        let start = self.segment.area(from).wrapping_add(before * bytes(self.slot));
        Lane { start, slot: self.slot, rank, near: self.near[other], passed: 0 }
    }

    /// Lets nobody wait for this rank any more.
    pub(super) fn give_up(&self) {
        let node = self.segment.node();
        for lanes in (0..node.len()).filter_map(|place| self.to(super::to_i64(node.rank(place)))) {
            lanes[0].front().filled.store(GIVEN_UP, Ordering::Release);
            lanes[1].front().emptied.0.store(GIVEN_UP, Ordering::Release);
        }
    }

    /// The lanes for this thread alone, until the guard is dropped.
    ///
    /// # Errors
    /// `Busy` while another thread has them.
    pub(crate) fn hold(&self) -> Result<MutexGuard<'_, ()>> {
        self.in_use.try_lock().map_err(|_| {
            Error::new(
                ErrorKind::Busy,
                "another thread runs an exchange of this communicator: give each thread a duplicate of it",
            )
        })
    }
}

/// Bytes of a lane.
fn bytes(slot: usize) -> usize {
    size_of::<Front>() + SLOTS * (slot + GAP)
}

impl Lane {
    /// The longest part that a message of so many bytes is cut into, on both ranks: a
    /// few, so that the receiver begins while the sender still packs. None where a slot
    /// does not take a single element.
    pub(crate) fn part(&self, bytes: usize, element: usize) -> Option<usize> {
        let part = (bytes / (SLOTS / 2)).next_multiple_of(64);
        (element <= self.slot).then(|| part.clamp(PART.min(self.slot).max(element), self.slot))
    }

    fn front(&self) -> &Front {
        // SAFETY: all of it is atomic, zero at first, and whoever has a lane keeps the
        // communicator.
        unsafe { &*self.start.cast::<Front>() }
    }

    /// Takes up where the exchange before ended, at the sender's end.
    pub(crate) fn resume_sending(&mut self) {
        self.passed = self.front().filled.load(Ordering::Relaxed);
    }

    /// Takes up where the exchange before ended, at the receiver's end.
    pub(crate) fn resume_receiving(&mut self) {
        self.passed = self.front().emptied.0.load(Ordering::Relaxed);
    }

    fn which(&self) -> usize {
        usize::try_from(self.passed % SLOTS as u64).unwrap_or(0)
    }

    fn memory(&self) -> *mut u8 {
        self.start.wrapping_add(size_of::<Front>() + self.which() * (self.slot + GAP))
    }

    /// An empty slot, if there is one.
    ///
    /// # Errors
    /// `Comm` when the other rank has given up.
    #[inline]
    pub(crate) fn empty(&self) -> Result<Option<*mut u8>> {
        let emptied = counted(&self.front().emptied.0, self.rank)?;
        Ok((self.passed < emptied + SLOTS as u64).then(|| self.memory()))
    }

    /// Passes on the slot that a plan filled.
    #[inline]
    pub(crate) fn fill(&mut self, plan: u32) {
        self.front().plans[self.which()].store(plan, Ordering::Relaxed);
        self.passed += 1;
        self.front().filled.store(self.passed, Ordering::Release);
    }

    /// A filled slot, if there is one.
    ///
    /// # Errors
    /// `Invariant` when another plan filled it, `Comm` when the other rank has given up.
    #[inline]
    pub(crate) fn full(&self, plan: u32) -> Result<Option<*const u8>> {
        if self.passed >= counted(&self.front().filled, self.rank)? {
            return Ok(None);
        }
        if self.front().plans[self.which()].load(Ordering::Relaxed) != plan {
            return Err(self.out_of_order());
        }
        Ok(Some(self.memory().cast_const()))
    }

    #[cold]
    fn out_of_order(&self) -> Error {
        Error::new(ErrorKind::Invariant, "two ranks run their common exchanges in different orders")
            .against_rank(super::to_i64(self.rank))
    }

    /// Gives back the slot that was read.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.passed += 1;
        self.front().emptied.0.store(self.passed, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{threads, to_i64};

    #[test]
    fn two_ranks_find_alike_whether_they_are_near() {
        for ranks in 1..=6 {
            let found = threads(ranks, |comm| {
                let lanes = comm.lanes(true).unwrap();
                let lanes = lanes.expect("threads of one process share memory");
                (0..ranks).map(|rank| lanes.is_near(to_i64(rank))).collect::<Vec<_>>()
            });
            for (a, b) in (0..ranks).flat_map(|a| (0..ranks).map(move |b| (a, b))) {
                assert_eq!(found[a][b], found[b][a], "ranks {a} and {b} of {ranks}");
            }
            assert!((0..ranks).all(|rank| !found[rank][rank]), "no rank has lanes to itself");
        }
    }
}
