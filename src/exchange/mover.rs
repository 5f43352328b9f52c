//! The one mover: runs a plan on the memory of arrays.
//!
//! Preparing it turns each message into a few strided copies; a message that is one
//! contiguous stretch is sent from, or received into, the array itself. One round
//! starts all receives, packs and starts each send, copies what stays here while
//! messages fly, and unpacks in the order of arrival. It allocates nothing.
#![allow(unsafe_code)] // moves elements of arrays by their addresses

use std::sync::Arc;

use super::memory::Field;
use super::passage::Passage;
use super::plan::Plan;
use super::routes::{Direct, Mode, RelayedCopies, Routes, Sharing, Turn, Way};
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
    routes: Routes,
    /// Sums are made in the order of the plan, whatever arrives first and by which way, so
    /// that they are the same every time.
    in_order: bool,
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
            routes,
            in_order: mode.way == Way::Back,
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

    unsafe fn receive(&mut self, node: Option<&Node>) -> Result<()> {
        let shared: Option<Round<'_>> = match node {
            Some(node) => Some((node, node.ready()?)),
            None => None,
        };
        // Lanes before all that waits for a message: a rank that waits passes nothing on.
        // SAFETY: the caller's promise, as for all below.
        unsafe { self.pass(shared) }?;
        if !self.in_order {
            // SAFETY: as above.
            unsafe { self.take_near(shared) }?;
        }
        if let Some((node, round)) = shared {
            node.done(round); // before a message is waited for
        }
        // SAFETY: as above.
        unsafe {
            self.relay()?;
            self.take_messages()?;
        }
        if let Some((node, round)) = shared {
            // Nobody reads this rank's elements any more.
            node.end(&self.routes.readers, round)?;
        }
        Ok(())
    }

    /// Passes on all that goes through lanes; and takes what comes through them, or where
    /// the order counts, all that comes, in the order of the plan.
    ///
    /// No rank waits for ever: what a rank gives by lanes it goes on giving while it waits
    /// for its own turn, and all else it gave at the start of the round.
    unsafe fn pass(&mut self, shared: Option<Round<'_>>) -> Result<()> {
        let Self { routes, lanes, comm, in_order, .. } = self;
        let uses_lanes = !routes.outgoing.is_empty() || !routes.incoming.is_empty();
        let _alone = lanes.as_ref().filter(|_| uses_lanes).map(|lanes| lanes.hold()).transpose()?;
        routes.outgoing.iter_mut().for_each(Passage::restart_sending);
        routes.incoming.iter_mut().for_each(Passage::restart_receiving);
        let mut next = 0;
        let mut patience = Patience::default();
        loop {
            let (mut idle, mut waits_for) = (true, None);
            for passage in routes.outgoing.iter_mut().filter(|passage| !passage.is_through()) {
                waits_for = Some(passage.rank());
                // SAFETY: the caller's promise, as for all below.
                idle &= unsafe { !passage.send(&routes.copies)? };
            }
            if *in_order {
                let may_wait = waits_for.is_none();
                while let Some(&(rank, turn)) = routes.turns.get(next) {
                    // SAFETY: as above.
                    let took = unsafe { routes.take(turn, shared, may_wait)? };
                    idle &= took == Took::Nothing;
                    if took != Took::All {
                        waits_for = Some(rank);
                        break;
                    }
                    next += 1;
                }
            } else {
                for passage in routes.incoming.iter_mut().filter(|passage| !passage.is_through()) {
                    waits_for = Some(passage.rank());
                    // SAFETY: as above.
                    idle &= unsafe { !passage.receive(&routes.copies)? };
                }
            }
            let Some(rank) = waits_for else { return Ok(()) };
            if idle {
                patience.wait(comm, rank)?;
            } else {
                patience = Patience::default();
            }
        }
    }

    /// Takes what stays here and what is read from other ranks of this node.
    unsafe fn take_near(&mut self, shared: Option<Round<'_>>) -> Result<()> {
        let Routes { copies, own, direct, .. } = &self.routes;
        if !self.packed {
            // SAFETY: the caller's promise, as for all below.
            unsafe { copies.copy(*own, None) };
        }
        for Direct { place, copies: range, from } in direct {
            if let Some((node, round)) = shared {
                node.wait_ready(*place, round)?;
                // SAFETY: as above; the other rank waits until it is read.
                unsafe { copies.copy(*range, Some(from)) };
            }
        }
        Ok(())
    }

    /// Takes the messages that are left, in the order of their arrival, and waits for the
    /// end of all.
    unsafe fn take_messages(&mut self) -> Result<()> {
        let Routes { copies, messages, receives, .. } = &mut self.routes;
        if messages.is_empty() {
            return Ok(());
        }
        while let Some((which, bytes)) = messages.next_received()? {
            // SAFETY: the caller's promise.
            unsafe { copies.unpack(receives[which], bytes.as_ptr()) };
        }
        messages.finish()
    }
}

/// The memory that ranks of a node share, and the round of its use.
type Round<'a> = (&'a Node, u64);

/// How much was there when something's turn came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Took {
    All,
    Part,
    Nothing,
}

impl Routes {
    /// Takes what is there of one thing; where it `may_wait`, all of a message.
    ///
    /// # Safety
    /// As for [`Mover::run`].
    unsafe fn take(&mut self, turn: Turn, shared: Option<Round<'_>>, may_wait: bool) -> Result<Took> {
        let Self { copies, own, direct, incoming, messages, receives, .. } = self;
        let there = match turn {
            Turn::Own => {
                // SAFETY: the caller's promise, as for all below.
                unsafe { copies.copy(*own, None) };
                true
            }
            Turn::Direct(at) => {
                let Direct { place, copies: range, from } = &direct[at];
                let ready = shared.map_or(Ok(false), |(node, round)| node.is_ready(*place, round))?;
                if ready {
                    // SAFETY: as above; the other rank waits until it is read.
                    unsafe { copies.copy(*range, Some(from)) };
                }
                ready
            }
            Turn::Passage(at) => {
                let passage = &mut incoming[at];
                // SAFETY: as above.
                let some = unsafe { passage.receive(copies)? };
                if some && !passage.is_through() {
                    return Ok(Took::Part);
                }
                some
            }
            Turn::Message(which) => {
                let bytes = messages.receive(which, may_wait)?;
                if let Some(bytes) = bytes {
                    // SAFETY: as above.
                    unsafe { copies.unpack(receives[which], bytes.as_ptr()) };
                }
                bytes.is_some()
            }
        };
        Ok(if there { Took::All } else { Took::Nothing })
    }
}
