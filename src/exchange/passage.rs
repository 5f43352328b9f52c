//! A message that goes through a lane, part by part.
#![allow(unsafe_code)] // moves elements of arrays by their addresses

use super::copies::{Copies, Range};
use crate::comm::Lane;
use crate::error::Result;

/// One end of it.
pub(super) struct Passage {
    lane: Lane,
    parts: Vec<Range>,
    /// Parts passed in this round.
    passed: usize,
    /// What the slots that its plan fills are known by.
    plan: u32,
}

impl Passage {
    pub(super) fn new(lane: Lane, parts: Vec<Range>, plan: u32) -> Self {
        Self { lane, parts, passed: 0, plan }
    }

    /// The rank at the other end.
    pub(super) fn rank(&self) -> usize {
        self.lane.rank
    }

    /// Begins a round, at the sender's end.
    pub(super) fn restart_sending(&mut self) {
        self.lane.resume_sending();
        self.passed = 0;
    }

    /// Begins a round, at the receiver's end.
    pub(super) fn restart_receiving(&mut self) {
        self.lane.resume_receiving();
        self.passed = 0;
    }

    /// Whether all parts of this round were passed.
    #[inline]
    pub(super) fn is_through(&self) -> bool {
        self.passed == self.parts.len()
    }

    /// Packs the next part, if there is a slot for it; whether there was.
    ///
    /// # Errors
    /// As for [`Lane::empty`].
    ///
    /// # Safety
    /// As for [`Copies::pack`].
    #[inline]
    pub(super) unsafe fn send(&mut self, copies: &Copies) -> Result<bool> {
        let Some(slot) = self.lane.empty()? else { return Ok(false) };
        // SAFETY: the caller's promise; no part is longer than a slot.
        unsafe { copies.pack_for_another(self.parts[self.passed], slot, self.lane.near) };
        self.lane.fill(self.plan);
        self.passed += 1;
        Ok(true)
    }

    /// Unpacks the next part, if it is there; whether it was.
    ///
    /// # Errors
    /// As for [`Lane::full`].
    ///
    /// # Safety
    /// As for [`Copies::unpack`].
    #[inline]
    pub(super) unsafe fn receive(&mut self, copies: &Copies) -> Result<bool> {
        let Some(slot) = self.lane.full(self.plan)? else { return Ok(false) };
        // SAFETY: the caller's promise; the other rank waits until it is read.
        unsafe { copies.unpack(self.parts[self.passed], slot) };
        self.lane.clear();
        self.passed += 1;
        Ok(true)
    }
}
