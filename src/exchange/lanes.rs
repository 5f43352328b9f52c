//! Lanes: how ranks of one node pass elements on when their arrays are not in shared
//! memory.
//!
//! A lane is a ring of slots in memory that both ranks map. One packs into a slot
//! while the other unpacks the one before, so that what is under way stays in the
//! caches, and an element is moved twice in all, where a message moves it three times.
#![allow(unsafe_code)] // memory that two processes share

use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::Plan;
use super::shared::Counter;
use crate::comm::{Comm, Segment};
use crate::error::Result;

/// Slots of a lane. A message is cut into about as many parts, so that the receiver
/// begins while the sender still packs.
const SLOTS: u64 = SLOT_COUNT as u64;
const SLOT_COUNT: usize = 8;
/// The longest slot: all of a lane's fit the caches that two cores share.
const LONGEST: usize = 128 << 10;
const SHORTEST: usize = 4 << 10;
/// Bytes between slots, so that those of a power of two do not all meet in the same
/// sets of a cache.
const GAP: usize = 5 * 64;
/// What all lanes of one rank may take.
const BUDGET: usize = 8 << 20;
/// Bytes of one element, of which the planner knows nothing yet.
const ELEMENT: usize = 16;

/// The front of a lane.
#[repr(C)]
struct Front {
    /// Slots filled so far; the sender's.
    filled: Counter,
    /// Slots emptied so far; the receiver's.
    emptied: Counter,
    slot: AtomicU64,
}

const FRONT: usize = size_of::<Front>().next_multiple_of(128);

/// All lanes of a plan on this rank.
pub(super) struct Lanes {
    segment: Segment,
    peers: Vec<usize>,
}

/// One end of a lane.
#[derive(Clone, Copy)]
pub(super) struct Lane {
    start: *mut u8,
    /// Bytes of a slot.
    pub(super) slot: usize,
    /// The rank at the other end.
    pub(super) rank: usize,
    /// Slots filled or emptied at this end so far.
    passed: u64,
}

// SAFETY: an address in memory that the plan's segment keeps; its counters are atomic.
unsafe impl Send for Lane {}
// SAFETY: as above.
unsafe impl Sync for Lane {}

impl Lanes {
    /// Makes a lane to and from each rank of this node that the plan talks to; none on
    /// every rank where the system offers no shared memory. Collective.
    pub(super) fn new(comm: &Comm, plan: &Plan) -> Result<Option<Self>> {
        if comm.size() == 1 {
            return Ok(None);
        }
        // The most elements that go to, or come back from, each peer.
        let mut peers: Vec<(usize, usize)> = Vec::new();
        for message in plan.sends().chain(plan.receives()).filter(|message| message.rank != plan.rank()) {
            let number = |n: i64| usize::try_from(n).unwrap_or(0);
            peers.push((number(message.rank), number(message.elements())));
        }
        peers.sort_unstable();
        // The last of a peer's has the most elements.
        let mut most: Vec<(usize, usize)> = Vec::new();
        for (rank, elements) in peers {
            match most.last_mut() {
                Some(last) if last.0 == rank => last.1 = elements,
                _ => most.push((rank, elements)),
            }
        }
        let mut slots: Vec<(usize, usize)> = Vec::new();
        let segment = comm.segment(|ranks| {
            let here: Vec<_> = most.iter().filter(|(rank, _)| ranks.binary_search(rank).is_ok()).collect();
            let share = BUDGET / here.len().max(1) / SLOT_COUNT;
            let longest = share.clamp(SHORTEST, LONGEST);
            let part = |elements: usize| elements.saturating_mul(ELEMENT) / SLOT_COUNT;
            let slot = |elements: usize| part(elements).clamp(SHORTEST, longest);
            slots =
                here.iter().map(|&&(rank, elements)| (rank, slot(elements).next_multiple_of(64))).collect();
            let lanes: usize = slots.iter().map(|&(_, slot)| FRONT + SLOT_COUNT * (slot + GAP)).sum();
            table(ranks.len()) + lanes
        })?;
        let Some(segment) = segment else { return Ok(None) };
        let (own, mut at) = (segment.area(segment.own()), table(segment.len()));
        for &(rank, slot) in &slots {
            let Some(place) = segment.place(rank) else { continue };
            // SAFETY: inside this rank's area, which is zero, and nobody reads it before the
            // barrier.
            unsafe {
                own.cast::<u64>().add(place).write(at as u64);
                (*own.add(at).cast::<Front>()).slot.store(slot as u64, Ordering::Relaxed);
            }
            at += FRONT + SLOT_COUNT * (slot + GAP);
        }
        comm.barrier()?;
        Ok(Some(Self { segment, peers: slots.into_iter().map(|(rank, _)| rank).collect() }))
    }

    /// Both lanes between this rank and another, outgoing first.
    pub(super) fn to(&self, rank: i64) -> Option<[Lane; 2]> {
        let rank = usize::try_from(rank).ok().filter(|rank| self.peers.binary_search(rank).is_ok())?;
        let (own, other) = (self.segment.own(), self.segment.place(rank)?);
        Some([self.lane(own, other, rank)?, self.lane(other, own, rank)?])
    }

    fn lane(&self, from: usize, to: usize, rank: usize) -> Option<Lane> {
        let area = self.segment.area(from);
        // SAFETY: written before the barrier, and never again.
        let at = unsafe { area.cast::<u64>().add(to).read() };
        let at = usize::try_from(at).ok().filter(|&at| at != 0)?;
        let start = area.wrapping_add(at);
        // SAFETY: a lane begins there, as was written before the barrier.
        let front = unsafe { &*start.cast::<Front>() };
        let slot = usize::try_from(front.slot.load(Ordering::Relaxed)).ok()?;
        Some(Lane { start, slot, rank, passed: 0 })
    }
}

/// Bytes of the table at the front of an area: where the lane to each place begins.
fn table(ranks: usize) -> usize {
    (ranks * size_of::<u64>()).next_multiple_of(128)
}

impl Lane {
    fn front(&self) -> &Front {
        // SAFETY: the segment outlives the lanes of its plan, and all of it is atomic.
        unsafe { &*self.start.cast::<Front>() }
    }

    /// Takes up where the last exchange ended, at the sender's end.
    pub(super) fn resume_sending(&mut self) {
        self.passed = self.front().filled.get();
    }

    /// Takes up where the last exchange ended, at the receiver's end.
    pub(super) fn resume_receiving(&mut self) {
        self.passed = self.front().emptied.get();
    }

    fn memory(&self) -> *mut u8 {
        let slot = usize::try_from(self.passed % SLOTS).unwrap_or(0);
        self.start.wrapping_add(FRONT + slot * (self.slot + GAP))
    }

    /// An empty slot, if there is one.
    #[inline]
    pub(super) fn empty(&self) -> Option<*mut u8> {
        (self.passed < self.front().emptied.get() + SLOTS).then(|| self.memory())
    }

    /// Passes on the slot that was filled.
    #[inline]
    pub(super) fn fill(&mut self) {
        self.passed += 1;
        self.front().filled.set(self.passed);
    }

    /// A filled slot, if there is one.
    #[inline]
    pub(super) fn full(&self) -> Option<*const u8> {
        (self.passed < self.front().filled.get()).then(|| self.memory().cast_const())
    }

    /// Gives back the slot that was read.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.passed += 1;
        self.front().emptied.set(self.passed);
    }
}
