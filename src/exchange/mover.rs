//! The one mover: runs a plan on the memory of arrays.
//!
//! Preparing it turns each message into a few strided copies; a message that is one
//! contiguous stretch is sent from, or received into, the array itself. One round
//! starts all receives, packs and starts each send, copies what stays here while
//! messages fly, and unpacks in the order of arrival. It allocates nothing.
#![allow(unsafe_code)] // moves elements of arrays by their addresses

use std::ptr::NonNull;
use std::sync::Arc;

use super::combine::{Combine, combine};
use super::copy::{self, Loop};
use super::make::{Copy, Entry, Maker, Side};
use super::memory::{Field, Memory};
use super::plan::{Message, Plan};
use super::shared::Node;
use crate::array::Order;
use crate::comm::{Comm, Lane, Lanes, Messages, Patience, Peer, Place};
use crate::error::{Error, ErrorKind, Result};

/// Which way a plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From owners to those who need the elements.
    Forward,
    /// Back: the adjoint.
    Back,
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// A plan that is bound to the memory of arrays.
pub(crate) struct Mover {
    comm: Comm,
    /// Keeps the memory that the passages below run through.
    lanes: Option<Arc<Lanes>>,
    /// What the slots that this plan fills are known by.
    tag: u32,
    messages: Messages,
    sends: Vec<Channel>,
    receives: Vec<Channel>,
    /// What stays on this rank.
    local: [usize; 2],
    /// What other ranks of this node pass on through lanes, and what they get.
    outgoing: Vec<Passage>,
    incoming: Vec<Passage>,
    /// What is read from other ranks of this node, and who reads from this rank.
    direct: Vec<Direct>,
    readers: Vec<usize>,
    copies: Vec<Copy>,
    loops: Vec<Loop>,
    entries: Vec<Entry>,
    fields: Vec<Field>,
    /// Whether what a round writes exceeds the caches.
    far: bool,
    /// Sums are made in one order, whatever arrives first, so that they are the same
    /// every time.
    in_rank_order: bool,
    /// Whether all is packed, and what stays here copied, when a round has started.
    packed: bool,
    busy: bool,
}

/// How a plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) way: Way,
    /// The order of the axes in packed messages: the same on all ranks.
    pub(super) order: Order,
    /// Whether all messages are packed, so that arrays are free while they fly.
    pub(super) packed: bool,
}

/// One message: its copies; none where the array itself is sent or received.
struct Channel {
    copies: [usize; 2],
}

/// A message that goes through a lane, part by part.
struct Passage {
    lane: Lane,
    parts: Vec<[usize; 2]>,
    /// Parts passed in this round.
    passed: usize,
}

/// What is copied straight from the memory of another rank of this node.
struct Direct {
    /// The rank's place on the node.
    place: usize,
    copies: [usize; 2],
    /// Its part of each field.
    from: Vec<Memory>,
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
        lanes: Option<&Arc<Lanes>>,
        mode: Mode,
    ) -> Result<Self> {
        let way = mode.way;
        let me = plan.rank();
        let own: Vec<Memory> = fields.iter().map(|field| field.from.clone()).collect();
        let mut make = Maker::new(&fields, mode);
        // The fields on another rank of this node, where all lie in memory that it
        // shares. Both ranks find the same, for all brought the same shared arrays.
        let on_node = |message: &Message<'_>| -> Option<Vec<Memory>> {
            let (rank, halo) = (message.rank, !message.selects(0));
            // Lines of which a halo needs but a few bytes would go to and fro between the
            // caches of two cores, for whom they are neighbours' elements too: a lane.
            let fastest = |node: &Node| node.fastest_axis(plan.ndim());
            let short = |(field, node): (&Field, &Option<&Node>)| {
                node.is_some_and(|node| field.longest_run(message, fastest(node)) < LINE)
            };
            if halo && lanes.is_some() && fields.iter().zip(nodes).any(short) {
                return None;
            }
            let axes = || (0..plan.ndim()).map(|axis| plan.source_axis(axis));
            let part = |(field, node): (&Field, &Option<&Node>)| {
                node.filter(|_| !mode.packed)?.memory(rank, field.from.itemsize, axes())
            };
            fields.iter().zip(nodes).map(part).collect()
        };
        let place = |rank: i64| nodes.first().copied().flatten().and_then(|node| node.place(rank));
        // Lanes to and from a rank of this node, unless one element is longer than a slot.
        let longest = fields.iter().map(|field| field.from.itemsize).max().unwrap_or(0);
        // What is one line on both sides needs no packing: a message takes it as it lies.
        let lane = |message: &Message<'_>, bytes: usize, which: usize| {
            let lane = lanes.filter(|_| !mode.packed && !message.is_line())?.to(message.rank)?[which];
            Some((lane, lane.part(bytes, longest)?))
        };
        let mut sending: Vec<Message<'_>> = match way {
            Way::Forward => plan.sends().collect(),
            Way::Back => plan.receives().collect(),
        };
        // Not all to rank 0 first.
        let ranks = i64::try_from(comm.size()).unwrap_or(i64::MAX);
        sending.sort_by_key(|message| (message.rank - me).rem_euclid(ranks));
        let (mut sends, mut send_places, mut readers, mut outgoing) =
            <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
        for message in sending.iter().filter(|message| message.rank != me) {
            if let (Some(place), Some(_)) = (place(message.rank), on_node(message)) {
                readers.push(place);
                continue;
            }
            if let Some((lane, part)) = lane(message, make.bytes_of(message), 0) {
                let parts = make.parts_of(message, Side::Send, &own, part);
                outgoing.push(Passage { lane, parts, passed: 0 });
                continue;
            }
            let (channel, place) = channel(&mut make, message, Side::Send, &fields, &own)?;
            sends.push(channel);
            send_places.push(place);
        }
        let receiving: Box<dyn Iterator<Item = Message<'_>>> = match way {
            Way::Forward => Box::new(plan.receives()),
            Way::Back => Box::new(plan.sends()),
        };
        let (mut receives, mut receive_places, mut direct, mut incoming) =
            <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
        for message in receiving.filter(|message| message.rank != me) {
            if let (Some(place), Some(from)) = (place(message.rank), on_node(&message)) {
                let copies = make.copies_of(&message, Side::Local(Way::Forward), &from);
                direct.push(Direct { place, copies, from });
                continue;
            }
            if let Some((lane, part)) = lane(&message, make.bytes_of(&message), 1) {
                let parts = make.parts_of(&message, Side::Receive, &own, part);
                incoming.push(Passage { lane, parts, passed: 0 });
                continue;
            }
            let (channel, place) = channel(&mut make, &message, Side::Receive, &fields, &own)?;
            receives.push(channel);
            receive_places.push(place);
        }
        let begin = make.copies.len();
        for message in plan.receives().filter(|message| message.rank == me) {
            make.copies_of(&message, Side::Local(way), &own);
        }
        let written: usize = plan.receives().map(|message| make.bytes_of(&message)).sum();
        let Maker { copies, loops, entries, .. } = make;
        // SAFETY: the caller's promise; messages in arrays are started within rounds.
        let messages = unsafe { comm.messages_in(tag, &send_places, &receive_places) }?;
        Ok(Self {
            comm: comm.clone(),
            lanes: lanes.cloned(),
            tag: tag.unsigned_abs(),
            messages,
            sends,
            receives,
            local: [begin, copies.len()],
            outgoing,
            incoming,
            direct,
            readers,
            copies,
            loops,
            entries,
            fields,
            far: written >= copy::FAR,
            in_rank_order: way == Way::Back,
            packed: mode.packed,
            busy: false,
        })
    }

    /// The memory that it is bound to.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether a round was started and not finished.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    /// The first half of a round: starts receives, packs and sends.
    ///
    /// # Safety
    /// As for [`new`](Self::new): the memory is still what it was.
    pub(crate) unsafe fn start(&mut self) -> Result<()> {
        self.busy = true;
        if self.by_message() {
            self.messages.start_receives()?;
        }
        for (which, channel) in self.sends.iter().enumerate() {
            let [begin, end] = channel.copies;
            if begin < end {
                let buffer = self.messages.send_buffer(which)?.as_mut_ptr();
                for copy in &self.copies[begin..end] {
                    let from = self.fields[copy.field].from.base;
                    // SAFETY: the caller's promise; the buffer is as long as the copies.
                    unsafe { self.run(copy, buffer, from, &Combine::Move, self.far) };
                }
            }
            self.messages.start_send(which)?;
        }
        if self.packed {
            // SAFETY: as above.
            unsafe { self.copy_local() };
        }
        Ok(())
    }

    /// Copies what stays on this rank.
    ///
    /// # Safety
    /// As for [`new`](Self::new): the memory is still what it was.
    unsafe fn copy_local(&self) {
        for copy in &self.copies[self.local[0]..self.local[1]] {
            let field = &self.fields[copy.field];
            // SAFETY: the caller's promise.
            unsafe { self.run(copy, field.to.base, field.from.base, &field.combine, self.far) };
        }
    }

    /// The second half: copies what stays here, unpacks what arrives, and waits.
    ///
    /// `node` is the memory that the first field's source shares with ranks of this
    /// node, of a mover that was made with it.
    ///
    /// # Safety
    /// As for [`new`](Self::new): the memory is still what it was.
    pub(crate) unsafe fn finish(&mut self, node: Option<&Node>) -> Result<()> {
        let round = node.map(Node::ready);
        // Lanes before all that waits for a message: a rank that waits passes nothing on.
        // SAFETY: as above.
        unsafe { self.pass() }?;
        if !self.packed {
            // SAFETY: as above.
            unsafe { self.copy_local() };
        }
        if let (Some(node), Some(round)) = (node, round) {
            for direct in &self.direct {
                node.wait_ready(direct.place, round)?;
                for copy in &self.copies[direct.copies[0]..direct.copies[1]] {
                    let field = &self.fields[copy.field];
                    // SAFETY: the caller's promise; the other rank waits until it is read.
                    unsafe {
                        self.run(copy, field.to.base, direct.from[copy.field].base, &field.combine, self.far)
                    };
                }
            }
            node.done(round);
        }
        if !self.by_message() {
            return self.end(node, round);
        }
        let mut arrived = 0;
        while let Some((which, bytes)) = self.messages.next_received()? {
            arrived += 1;
            if !self.in_rank_order {
                let buffer = bytes.as_ptr();
                // SAFETY: as above.
                unsafe { self.unpack(which, buffer) };
            }
        }
        debug_assert_eq!(arrived, self.receives.len());
        if self.in_rank_order {
            for which in 0..self.receives.len() {
                let buffer = self.messages.received(which)?.as_ptr();
                // SAFETY: as above.
                unsafe { self.unpack(which, buffer) };
            }
        }
        self.messages.finish()?;
        self.end(node, round)
    }

    /// Waits until nobody reads this rank's elements any more.
    fn end(&mut self, node: Option<&Node>, round: Option<u64>) -> Result<()> {
        if let (Some(node), Some(round)) = (node, round) {
            self.readers.iter().try_for_each(|&place| node.wait_done(place, round))?;
        }
        self.busy = false;
        Ok(())
    }

    fn by_message(&self) -> bool {
        !self.sends.is_empty() || !self.receives.is_empty()
    }

    /// Sends and receives through all lanes until nothing is left.
    ///
    /// # Safety
    /// As for [`finish`](Self::finish).
    unsafe fn pass(&mut self) -> Result<()> {
        let (mut outgoing, mut incoming) =
            (std::mem::take(&mut self.outgoing), std::mem::take(&mut self.incoming));
        // SAFETY: the caller's promise.
        let outcome = unsafe { self.pass_all(&mut outgoing, &mut incoming) };
        (self.outgoing, self.incoming) = (outgoing, incoming);
        outcome
    }

    unsafe fn pass_all(&self, outgoing: &mut [Passage], incoming: &mut [Passage]) -> Result<()> {
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
                let Some(&[begin, end]) = passage.parts.get(passage.passed) else { continue };
                waits_for = Some(passage.lane.rank);
                let Some(slot) = passage.lane.empty() else { continue };
                for copy in &self.copies[begin..end] {
                    // SAFETY: the caller's promise; no part is longer than a slot.
                    unsafe {
                        self.run(copy, slot, self.fields[copy.field].from.base, &Combine::Move, self.far)
                    };
                }
                passage.lane.fill(self.tag);
                passage.passed += 1;
                idle = false;
            }
            let mut before_is_done = true;
            for passage in &mut *incoming {
                let Some(&[begin, end]) = passage.parts.get(passage.passed) else { continue };
                waits_for = Some(passage.lane.rank);
                // Sums wait for the ranks before.
                let turn = before_is_done || !self.in_rank_order;
                before_is_done = false;
                let Some(slot) = passage.lane.full(self.tag)?.filter(|_| turn) else { continue };
                for copy in &self.copies[begin..end] {
                    let field = &self.fields[copy.field];
                    // SAFETY: the caller's promise; the other rank waits until it is read.
                    unsafe { self.run(copy, field.to.base, slot, &field.combine, self.far) };
                }
                passage.lane.clear();
                passage.passed += 1;
                idle = false;
            }
            let Some(rank) = waits_for else { return Ok(()) };
            if !idle {
                patience = Patience::default();
            } else if let Err(error) = patience.wait(&self.comm, rank) {
                // It may have done its part before it returned.
                let open = |p: &&Passage| p.passed < p.parts.len();
                let some = outgoing.iter().filter(open).any(|p| p.lane.empty().is_some())
                    || incoming.iter().filter(open).any(|p| !matches!(p.lane.full(self.tag), Ok(None)));
                if !some {
                    return Err(error);
                }
            }
        }
    }

    unsafe fn unpack(&self, which: usize, buffer: *const u8) {
        let [begin, end] = self.receives[which].copies;
        for copy in &self.copies[begin..end] {
            let field = &self.fields[copy.field];
            // SAFETY: the caller's promise.
            unsafe { self.run(copy, field.to.base, buffer, &field.combine, self.far) };
        }
    }

    /// Runs one copy.
    ///
    /// # Safety
    /// What the copy reaches from both addresses is valid.
    #[inline]
    unsafe fn run(&self, copy: &Copy, to: *mut u8, from: *const u8, how: &Combine, far: bool) {
        let loops = &self.loops[copy.loops[0]..copy.loops[1]];
        let (outer, inner) = loops.split_at(copy.outer);
        let (to, from) = (to.wrapping_offset(copy.to), from.wrapping_offset(copy.from));
        // SAFETY: the caller's promise.
        let one = |to: *mut u8, from: *const u8| unsafe {
            match how {
                Combine::Move => copy::copy(to, from, inner, copy.run, far),
                Combine::Rows(row, scale) => combine(to, from, inner, *row, scale),
            }
        };
        let [begin, end] = copy.entries;
        if begin == end {
            one(to, from);
            return;
        }
        let ([to_step, from_step], run) = (copy.step, copy.run.cast_signed());
        let contiguous = matches!(how, Combine::Move) && inner.is_empty() && copy.step == [run, run];
        let mut entries = |to: *mut u8, from: *const u8| {
            for entry in &self.entries[begin..end] {
                let [to_apart, from_apart] = copy.apart.map(|apart| apart.unwrap_or(entry.packed));
                for k in 0..entry.count.cast_signed() {
                    let to = to.wrapping_offset(entry.to + k * to_apart);
                    let from = from.wrapping_offset(entry.from + k * from_apart);
                    if contiguous {
                        // SAFETY: the caller's promise.
                        unsafe { copy::copy(to, from, &[], copy.run * entry.n, far) };
                        continue;
                    }
                    for i in 0..entry.n.cast_signed() {
                        one(to.wrapping_offset(i * to_step), from.wrapping_offset(i * from_step));
                    }
                }
            }
        };
        // SAFETY: the caller's promise.
        unsafe { copy::nest(to, from, outer, &mut entries) }
    }
}

/// A message as copies, or its place in an array where it is one stretch there.
fn channel(
    make: &mut Maker<'_>,
    message: &Message<'_>,
    side: Side,
    fields: &[Field],
    from: &[Memory],
) -> Result<(Channel, Place)> {
    let rank = usize::try_from(message.rank).map_err(|_| {
        Error::new(ErrorKind::Grid, "the table of ranks does not name a rank to exchange with")
            .in_field("grid_ranks")
    })?;
    let peer = Peer { rank, bytes: make.bytes_of(message) };
    let copies = make.copies_of(message, side, from);
    if let [only] = &make.copies[copies[0]..]
        && only.run == peer.bytes
        && only.entries[0] == only.entries[1]
        && !make.mode().packed
    {
        let field = &fields[only.field];
        let place = match side {
            Side::Send => Some(field.from.base.wrapping_offset(only.from)),
            Side::Receive if matches!(field.combine, Combine::Move) => {
                Some(field.to.base.wrapping_offset(only.to))
            }
            _ => None,
        };
        if let Some(memory) = place.and_then(NonNull::new) {
            make.copies.truncate(copies[0]);
            return Ok((Channel { copies: [copies[0]; 2] }, Place { peer, memory: Some(memory) }));
        }
    }
    Ok((Channel { copies }, Place { peer, memory: None }))
}

/// What one round of an exchange does on one rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Messages sent to other ranks.
    pub messages: usize,
    /// Bytes sent to other ranks.
    pub sent: usize,
    /// Bytes copied from this rank to itself.
    pub copied: usize,
}

impl Moved {
    /// What a plan moves of elements of this size.
    pub(super) fn of(plan: &Plan, itemsize: usize) -> Self {
        let mut moved = Self::default();
        for message in plan.sends() {
            let bytes = usize::try_from(message.elements()).unwrap_or(0) * itemsize;
            if message.rank == plan.rank() {
                moved.copied += bytes;
            } else {
                moved.messages += 1;
                moved.sent += bytes;
            }
        }
        moved
    }
}
