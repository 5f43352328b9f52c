//! The one mover: runs a plan on the memory of arrays.
//!
//! Preparing it turns each message into a few strided copies; a message that is one
//! contiguous stretch is sent from, or received into, the array itself. One round
//! starts all receives, packs and starts each send, copies what stays here while
//! messages fly, and unpacks in the order of arrival. It allocates nothing.
#![allow(unsafe_code)] // moves elements of arrays by their addresses

use std::sync::Arc;

use super::memory::Field;
use super::plan::Plan;
use super::routes::{Mode, RelayedCopies, Routes, Sharing, Way};
use super::shared::Node;
use crate::array::AnyArray;
use crate::comm::{Comm, Lanes, Patience, Relays};
use crate::error::Result;

/// What plans on one communicator may go through: made with a plan, before it is bound.
#[derive(Default)]
pub(super) struct Links {
    pub(super) lanes: Option<Arc<Lanes>>,
    pub(super) relays: Option<Arc<Relays>>,
}

/// A plan that is bound to the memory of arrays.
pub(crate) struct Mover {
    comm: Comm,
    /// Keeps the memory that passages run through.
    lanes: Option<Arc<Lanes>>,
    /// What the slots that this plan fills are known by.
    tag: u32,
    routes: Routes,
    /// Sums are made in one order, whatever arrives first, so that they are the same
    /// every time.
    in_rank_order: bool,
    /// Whether all is packed, and what stays here copied, when a round has started.
    packed: bool,
    busy: bool,
}

impl Mover {
    /// Binds a plan to memory. Local.
    ///
    /// # Errors
    /// `NoMemory` when there is none for the messages; `Comm` when the message layer
    /// fails.
    ///
    /// # Safety
    /// The memory of all fields is valid for the parts that the plan was made for, and
    /// during each round nobody else touches it.
    pub(super) unsafe fn new(
        comm: &Comm,
        tag: i32,
        plan: &Plan,
        fields: Vec<Field>,
        nodes: &[Option<&Node>],
        links: &Links,
        mode: Mode,
    ) -> Result<Self> {
        let Links { lanes, relays } = links;
        let sharing = Sharing { nodes, lanes: lanes.as_deref(), relays: relays.as_deref() };
        // SAFETY: the caller's promise.
        let routes = unsafe { Routes::new(comm, tag, plan, fields, sharing, mode) }?;
        Ok(Self {
            comm: comm.clone(),
            lanes: lanes.clone(),
            tag: tag.unsigned_abs(),
            routes,
            in_rank_order: mode.way == Way::Back,
            packed: mode.packed,
            busy: false,
        })
    }

    /// The memory that it is bound to.
    pub(super) fn fields(&self) -> &[Field] {
        &self.routes.copies.fields
    }

    /// Whether a round was started and not finished.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    /// One round. `node` is the memory that the first field's source shares with ranks of
    /// its node, of a mover that was made with it.
    ///
    /// # Errors
    /// What ends the communicator, since a round is not half run: `Comm` when the message
    /// layer or another rank fails. The memory of the arrays is never freed then, where
    /// messages may still be under way in it.
    ///
    /// # Safety
    /// As for [`new`](Self::new): the memory is still what it was, that of the arrays.
    pub(crate) unsafe fn run<'a>(
        &mut self,
        node: Option<&Node>,
        arrays: impl Iterator<Item = &'a AnyArray>,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        let outcome = unsafe { self.start().and_then(|()| self.finish(node)) };
        if outcome.is_err() {
            node.inspect(|node| node.give_up());
            if self.routes.messages.is_active() {
                arrays.for_each(|array| std::mem::forget(Arc::clone(array.buffer().owner())));
            }
        }
        outcome
    }

    /// The first half of a round: starts receives, packs and sends.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Safety
    /// As for [`run`](Self::run).
    pub(crate) unsafe fn start(&mut self) -> Result<()> {
        self.comm.transport()?; // nothing is begun where nothing can end
        self.busy = true;
        // SAFETY: the caller's promise.
        unsafe { self.send() }.inspect_err(|error| self.comm.fail(error))
    }

    /// The second half: copies what stays here, unpacks what arrives, and waits.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Safety
    /// As for [`run`](Self::run).
    pub(crate) unsafe fn finish(&mut self, node: Option<&Node>) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.receive(node) }.inspect_err(|error| self.comm.fail(error))?;
        self.busy = false;
        Ok(())
    }

    /// Ends a round that was started, if it was, without what arrives. Of a mover that
    /// packs all messages.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub(super) fn discard(&mut self) -> Result<()> {
        if self.busy {
            self.routes.messages.finish().inspect_err(|error| self.comm.fail(error))?;
            self.busy = false;
        }
        Ok(())
    }

    unsafe fn send(&mut self) -> Result<()> {
        let Routes { copies, messages, sends, own, relayed, .. } = &mut self.routes;
        if !messages.is_empty() {
            messages.start_receives()?;
        }
        for (which, &range) in sends.iter().enumerate() {
            if range[0] < range[1] {
                let buffer = messages.send_buffer(which)?.as_mut_ptr();
                // SAFETY: the caller's promise; the buffer is as long as the message.
                unsafe { copies.pack(range, buffer) };
            }
            messages.start_send(which)?;
        }
        if let Some(RelayedCopies { messages, sends, .. }) = relayed {
            for (which, &range) in sends.iter().enumerate() {
                let buffer = messages.send_buffer(which)?.as_mut_ptr();
                // SAFETY: as above.
                unsafe { copies.pack(range, buffer) };
            }
        }
        if self.packed {
            // SAFETY: as above.
            unsafe { copies.copy(*own, None) };
        }
        Ok(())
    }

    unsafe fn receive(&mut self, node: Option<&Node>) -> Result<()> {
        let round = node.map(Node::ready).transpose()?;
        // Lanes before all that waits for a message: a rank that waits passes nothing on.
        // SAFETY: the caller's promise, as for all below.
        unsafe { self.pass() }?;
        let Routes { copies, own, direct, .. } = &self.routes;
        if !self.packed {
            // SAFETY: as above.
            unsafe { copies.copy(*own, None) };
        }
        if let (Some(node), Some(round)) = (node, round) {
            for direct in direct {
                node.wait_ready(direct.place, round)?;
                // SAFETY: as above; the other rank waits until it is read.
                unsafe { copies.copy(direct.copies, Some(&direct.from)) };
            }
            node.done(round);
        }
        // SAFETY: as above.
        unsafe {
            self.relay()?;
            self.unpack()?;
        }
        if let (Some(node), Some(round)) = (node, round) {
            // Nobody reads this rank's elements any more.
            self.routes.readers.iter().try_for_each(|&place| node.wait_done(place, round))?;
        }
        Ok(())
    }

    /// Sends, passes on and unpacks what goes in two steps.
    unsafe fn relay(&mut self) -> Result<()> {
        let Routes { copies, relayed, .. } = &mut self.routes;
        let Some(RelayedCopies { messages, receives, .. }) = relayed else { return Ok(()) };
        messages.pass()?;
        for (which, &range) in receives.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { copies.unpack(range, messages.received(which)?.as_ptr()) };
        }
        Ok(())
    }

    /// Unpacks the messages and waits for all of them.
    unsafe fn unpack(&mut self) -> Result<()> {
        let Routes { copies, messages, receives, .. } = &mut self.routes;
        if messages.is_empty() {
            return Ok(());
        }
        while let Some((which, bytes)) = messages.next_received()? {
            if !self.in_rank_order {
                // SAFETY: the caller's promise.
                unsafe { copies.unpack(receives[which], bytes.as_ptr()) };
            }
        }
        if self.in_rank_order {
            for (which, &range) in receives.iter().enumerate() {
                // SAFETY: as above.
                unsafe { copies.unpack(range, messages.received(which)?.as_ptr()) };
            }
        }
        messages.finish()
    }

    /// Sends and receives through all lanes until nothing is left.
    unsafe fn pass(&mut self) -> Result<()> {
        let Routes { copies, outgoing, incoming, .. } = &mut self.routes;
        let Some(lanes) = self.lanes.as_ref().filter(|_| outgoing.len() + incoming.len() > 0) else {
            return Ok(());
        };
        let _alone = lanes.hold()?;
        for passage in &mut *outgoing {
            passage.lane.resume_sending();
            passage.passed = 0;
        }
        for passage in &mut *incoming {
            passage.lane.resume_receiving();
            passage.passed = 0;
        }
        let mut patience = Patience::default();
        loop {
            let (mut idle, mut waits_for) = (true, None);
            for passage in &mut *outgoing {
                let Some(&part) = passage.parts.get(passage.passed) else { continue };
                waits_for = Some(passage.lane.rank);
                let Some(slot) = passage.lane.empty()? else { continue };
                // SAFETY: the caller's promise; no part is longer than a slot.
                unsafe { copies.pack(part, slot) };
                passage.lane.fill(self.tag);
                passage.passed += 1;
                idle = false;
            }
            let mut before_is_done = true;
            for passage in &mut *incoming {
                let Some(&part) = passage.parts.get(passage.passed) else { continue };
                waits_for = Some(passage.lane.rank);
                // Sums wait for the ranks before.
                let turn = before_is_done || !self.in_rank_order;
                before_is_done = false;
                let Some(slot) = passage.lane.full(self.tag)?.filter(|_| turn) else { continue };
                // SAFETY: the caller's promise; the other rank waits until it is read.
                unsafe { copies.unpack(part, slot) };
                passage.lane.clear();
                passage.passed += 1;
                idle = false;
            }
            let Some(rank) = waits_for else { return Ok(()) };
            if idle {
                patience.wait(&self.comm, rank)?;
            } else {
                patience = Patience::default();
            }
        }
    }
}
