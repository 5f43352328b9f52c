//! The one mover: runs a plan on the memory of arrays.
//!
//! Preparing it turns each message into a few strided copies; a message that is one
//! contiguous stretch is sent from, or received into, the array itself. One round
//! starts all receives, packs and starts each send, copies what stays here while
//! messages fly, and unpacks in the order of arrival. It allocates nothing.
#![allow(unsafe_code)] // moves elements of arrays by their addresses

use std::ptr::NonNull;

use super::combine::{Combine, combine};
use super::copy::{self, Loop};
use super::plan::{AxisPart, Message, Plan};
use super::shared::Node;
use crate::array::{AnyArray, Order};
use crate::comm::{Comm, Messages, Peer, Place};
use crate::error::{Error, ErrorKind, Result};

/// One array as the mover sees it: where its first owned element lies, and how far
/// apart the others are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Memory {
    base: *mut u8,
    strides: Vec<isize>,
    itemsize: usize,
}

// SAFETY: an address and numbers; who follows it promises that it is valid.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// The memory of an array; `axes[i]` is its axis that counts as axis `i`.
    pub(super) fn of(array: &AnyArray, axes: impl Iterator<Item = usize>) -> Self {
        let layout = array.buffer().layout();
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0); // the layout proved that offsets fit
        let strides = axes.map(|axis| narrow(layout.strides()[axis])).collect();
        Self { base: first_owned(array), strides, itemsize: layout.itemsize() }
    }

    pub(super) fn new(base: *mut u8, strides: Vec<isize>, itemsize: usize) -> Self {
        Self { base, strides, itemsize }
    }

    /// Whether it is the memory of an array, as [`of`](Self::of) sees it. Allocates nothing.
    pub(super) fn is_of(&self, array: &AnyArray, mut axes: impl Iterator<Item = usize>) -> bool {
        let layout = array.buffer().layout();
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0);
        self.base == first_owned(array)
            && self.itemsize == layout.itemsize()
            && self.strides.iter().all(|&stride| {
                axes.next().is_some_and(|axis| layout.strides().get(axis).map(|&s| narrow(s)) == Some(stride))
            })
    }

    /// Whether the last axis is not the one that runs fastest here.
    pub(super) fn prefers_fortran(&self) -> bool {
        let steps = || self.strides.iter().map(|stride| stride.unsigned_abs());
        self.strides.len() > 1 && steps().next() < steps().next_back()
    }
}

/// Address of the first element that an array owns; of its first element if none.
fn first_owned(array: &AnyArray) -> *mut u8 {
    let layout = array.buffer().layout();
    let data = array.buffer().data();
    if layout.is_empty() {
        return data;
    }
    let dims = array.dim_data().dims().iter().zip(layout.strides());
    dims.fold(data, |at, (dim, &stride)| {
        let offset = dim.owned_local().start.wrapping_mul(stride);
        at.wrapping_offset(isize::try_from(offset).unwrap_or(0)) // the layout proved that offsets fit
    })
}

/// Which way a plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From owners to those who need the elements.
    Forward,
    /// Back: the adjoint.
    Back,
}

/// One array's part in an exchange: where elements come from and where they go.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) from: Memory,
    pub(super) to: Memory,
    pub(super) combine: Combine,
    /// The shared memory that the source lies in; 0 for none.
    pub(super) shared: u64,
}

/// A plan that is bound to the memory of arrays.
pub(crate) struct Mover {
    messages: Messages,
    sends: Vec<Channel>,
    receives: Vec<Channel>,
    /// What stays on this rank.
    local: [usize; 2],
    /// What is read from other ranks of this node, and who reads from this rank.
    direct: Vec<Direct>,
    readers: Vec<usize>,
    copies: Vec<Copy>,
    loops: Vec<Loop>,
    entries: Vec<Entry>,
    fields: Vec<Field>,
    /// Sums are unpacked in the order of ranks, so that they are the same every time.
    in_rank_order: bool,
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

/// What is copied straight from the memory of another rank of this node.
struct Direct {
    /// The rank's place on the node.
    place: usize,
    copies: [usize; 2],
    /// Its part of each field.
    from: Vec<Memory>,
}

/// A strided copy between an array and a packed message, or between two arrays.
#[derive(Clone, Copy, Debug)]
struct Copy {
    field: usize,
    /// Offsets of the first element in bytes.
    to: isize,
    from: isize,
    loops: [usize; 2],
    run: usize,
    /// An axis of many pieces: where each of them lies. Empty for none.
    entries: [usize; 2],
    /// Distances between the elements of a stretch of that axis.
    step: [isize; 2],
    /// Distances between the stretches of its pieces in a memory of an array.
    far: [isize; 2],
}

/// One piece of an axis of many: `count` stretches of `n` elements.
#[derive(Clone, Copy, Debug)]
struct Entry {
    count: usize,
    n: usize,
    to: isize,
    from: isize,
    /// How far apart the stretches lie in packed memory; 0 between arrays.
    packed: isize,
}

/// An axis of a message with more pieces than this is walked piece by piece, so that
/// the copies are not as many as the product of all axes' pieces.
const FEW: usize = 6;

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
        mode: Mode,
    ) -> Result<Self> {
        let way = mode.way;
        let me = plan.rank();
        let own: Vec<Memory> = fields.iter().map(|field| field.from.clone()).collect();
        let mut make =
            Maker { fields: &fields, mode, copies: Vec::new(), loops: Vec::new(), entries: Vec::new() };
        // The fields on another rank of this node, where all lie in memory that it
        // shares. Both ranks find the same, for all brought the same shared arrays.
        let on_node = |rank: i64| -> Option<Vec<Memory>> {
            let axes = || (0..plan.ndim()).map(|axis| plan.source_axis(axis));
            let part = |(field, node): (&Field, &Option<&Node>)| {
                node.filter(|_| !mode.packed)?.memory(rank, field.from.itemsize, axes())
            };
            fields.iter().zip(nodes).map(part).collect()
        };
        let place = |rank: i64| nodes.first().copied().flatten().and_then(|node| node.place(rank));
        let mut outgoing: Vec<Message<'_>> = match way {
            Way::Forward => plan.sends().collect(),
            Way::Back => plan.receives().collect(),
        };
        // Not all to rank 0 first.
        let ranks = i64::try_from(comm.size()).unwrap_or(i64::MAX);
        outgoing.sort_by_key(|message| (message.rank - me).rem_euclid(ranks));
        let (mut sends, mut send_places, mut readers) = (Vec::new(), Vec::new(), Vec::new());
        for message in outgoing.iter().filter(|message| message.rank != me) {
            if let (Some(place), Some(_)) = (place(message.rank), on_node(message.rank)) {
                readers.push(place);
                continue;
            }
            let (channel, place) = make.channel(message, Side::Send, &own)?;
            sends.push(channel);
            send_places.push(place);
        }
        let incoming: Box<dyn Iterator<Item = Message<'_>>> = match way {
            Way::Forward => Box::new(plan.receives()),
            Way::Back => Box::new(plan.sends()),
        };
        let (mut receives, mut receive_places, mut direct) = (Vec::new(), Vec::new(), Vec::new());
        for message in incoming.filter(|message| message.rank != me) {
            if let (Some(place), Some(from)) = (place(message.rank), on_node(message.rank)) {
                let copies = make.copies_of(&message, Side::Local(Way::Forward), &from);
                direct.push(Direct { place, copies, from });
                continue;
            }
            let (channel, place) = make.channel(&message, Side::Receive, &own)?;
            receives.push(channel);
            receive_places.push(place);
        }
        let begin = make.copies.len();
        for message in plan.receives().filter(|message| message.rank == me) {
            make.copies_of(&message, Side::Local(way), &own);
        }
        let Maker { copies, loops, entries, .. } = make;
        let local = [begin, copies.len()];
        // SAFETY: the caller's promise; messages in arrays are started within rounds.
        let messages = unsafe { comm.messages_in(tag, &send_places, &receive_places) }?;
        let in_rank_order = way == Way::Back;
        let busy = false;
        Ok(Self {
            messages,
            sends,
            receives,
            local,
            direct,
            readers,
            copies,
            loops,
            entries,
            fields,
            in_rank_order,
            busy,
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
        self.messages.start_receives()?;
        for (which, channel) in self.sends.iter().enumerate() {
            let [begin, end] = channel.copies;
            if begin < end {
                let buffer = self.messages.send_buffer(which)?.as_mut_ptr();
                for copy in &self.copies[begin..end] {
                    let from = self.fields[copy.field].from.base;
                    // SAFETY: the caller's promise; the buffer is as long as the copies.
                    unsafe { self.run(copy, buffer, from, &Combine::Move) };
                }
            }
            self.messages.start_send(which)?;
        }
        Ok(())
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
        for copy in &self.copies[self.local[0]..self.local[1]] {
            let field = &self.fields[copy.field];
            // SAFETY: the caller's promise.
            unsafe { self.run(copy, field.to.base, field.from.base, &field.combine) };
        }
        if let (Some(node), Some(round)) = (node, round) {
            for direct in &self.direct {
                node.wait_ready(direct.place, round)?;
                for copy in &self.copies[direct.copies[0]..direct.copies[1]] {
                    let field = &self.fields[copy.field];
                    // SAFETY: the caller's promise; the other rank waits until it is read.
                    unsafe { self.run(copy, field.to.base, direct.from[copy.field].base, &field.combine) };
                }
            }
            node.done(round);
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
        if let (Some(node), Some(round)) = (node, round) {
            self.readers.iter().try_for_each(|&place| node.wait_done(place, round))?;
        }
        self.busy = false;
        Ok(())
    }

    unsafe fn unpack(&self, which: usize, buffer: *const u8) {
        let [begin, end] = self.receives[which].copies;
        for copy in &self.copies[begin..end] {
            let field = &self.fields[copy.field];
            // SAFETY: the caller's promise.
            unsafe { self.run(copy, field.to.base, buffer, &field.combine) };
        }
    }

    /// Runs one copy.
    ///
    /// # Safety
    /// What the copy reaches from both addresses is valid.
    #[inline]
    unsafe fn run(&self, copy: &Copy, to: *mut u8, from: *const u8, how: &Combine) {
        let loops = &self.loops[copy.loops[0]..copy.loops[1]];
        let (to, from) = (to.wrapping_offset(copy.to), from.wrapping_offset(copy.from));
        // SAFETY: the caller's promise.
        let one = |to: *mut u8, from: *const u8| unsafe {
            match how {
                Combine::Move => copy::copy(to, from, loops, copy.run),
                Combine::Rows(row, scale) => combine(to, from, loops, *row, scale),
            }
        };
        let [begin, end] = copy.entries;
        if begin == end {
            one(to, from);
            return;
        }
        let ([to_step, from_step], [to_far, from_far]) = (copy.step, copy.far);
        let run = copy.run.cast_signed();
        let contiguous =
            matches!(how, Combine::Move) && loops.is_empty() && (to_step, from_step) == (run, run);
        for entry in &self.entries[begin..end] {
            // The distance in packed memory is the piece's own.
            let far = |far: isize| if far == PACKED { entry.packed } else { far };
            for k in 0..entry.count.cast_signed() {
                let to = to.wrapping_offset(entry.to + k * far(to_far));
                let from = from.wrapping_offset(entry.from + k * far(from_far));
                if contiguous {
                    // SAFETY: the caller's promise.
                    unsafe { copy::copy(to, from, &[], copy.run * entry.n) };
                    continue;
                }
                for i in 0..entry.n.cast_signed() {
                    one(to.wrapping_offset(i * to_step), from.wrapping_offset(i * from_step));
                }
            }
        }
    }
}

/// In place of a distance: each piece has its own, in packed memory.
const PACKED: isize = isize::MIN;

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

/// Which memories a copy runs between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// From an array into a packed message.
    Send,
    /// From a packed message into an array.
    Receive,
    /// From an array into an array.
    Local(Way),
}

/// Makes copies from messages.
struct Maker<'a> {
    fields: &'a [Field],
    mode: Mode,
    copies: Vec<Copy>,
    loops: Vec<Loop>,
    entries: Vec<Entry>,
}

/// Part of what a message has along one axis: one piece, or many as one.
#[derive(Clone, Copy)]
enum Group {
    One(usize),
    Many { rim: bool },
}

impl Maker<'_> {
    fn bytes_of(&self, message: &Message<'_>) -> usize {
        let elements = usize::try_from(message.elements()).unwrap_or(0);
        self.fields.iter().map(|field| elements * field.from.itemsize).sum()
    }

    /// The copies of a message, and its place in an array where it is one stretch there.
    fn channel(&mut self, message: &Message<'_>, side: Side, from: &[Memory]) -> Result<(Channel, Place)> {
        let rank = usize::try_from(message.rank).map_err(|_| {
            Error::new(ErrorKind::Grid, "the table of ranks does not name a rank to exchange with")
                .in_field("grid_ranks")
        })?;
        let peer = Peer { rank, bytes: self.bytes_of(message) };
        let copies = self.copies_of(message, side, from);
        if let [only] = &self.copies[copies[0]..]
            && only.run == peer.bytes
            && only.entries[0] == only.entries[1]
            && !self.mode.packed
        {
            let field = &self.fields[only.field];
            let place = match side {
                Side::Send => Some(field.from.base.wrapping_offset(only.from)),
                Side::Receive if matches!(field.combine, Combine::Move) => {
                    Some(field.to.base.wrapping_offset(only.to))
                }
                _ => None,
            };
            if let Some(memory) = place.and_then(NonNull::new) {
                self.copies.truncate(copies[0]);
                return Ok((Channel { copies: [copies[0]; 2] }, Place { peer, memory: Some(memory) }));
            }
        }
        Ok((Channel { copies }, Place { peer, memory: None }))
    }

    /// Adds the copies of a message, field after field; returns where they stand.
    fn copies_of(&mut self, message: &Message<'_>, side: Side, from: &[Memory]) -> [usize; 2] {
        let begin = self.copies.len();
        // One axis may be walked piece by piece: the one with the most.
        let most = (0..message.axes.len()).rev().max_by_key(|&axis| message.axes[axis].pieces.len());
        let many = |axis| Some(axis) == most && message.axes[axis].pieces.len() > FEW;
        let groups: Vec<Vec<Group>> =
            message.axes.iter().enumerate().map(|(axis, part)| groups(part, many(axis))).collect();
        let mut packed = 0;
        for (field, from) in from.iter().enumerate() {
            let mut at = vec![0; groups.len()];
            'boxes: loop {
                let chosen: Vec<Group> = groups.iter().zip(&at).map(|(groups, &at)| groups[at]).collect();
                let rims =
                    chosen.iter().zip(&message.axes).filter(|(group, part)| group.is_rim(part)).count();
                if message.selects(rims) {
                    packed += self.copy(message, (field, from), &chosen, packed, side);
                }
                for axis in (0..groups.len()).rev() {
                    at[axis] += 1;
                    if at[axis] < groups[axis].len() {
                        continue 'boxes;
                    }
                    at[axis] = 0;
                }
                break;
            }
        }
        [begin, self.copies.len()]
    }

    /// Adds one copy: a group of pieces along each axis. Returns the bytes of its
    /// elements in a packed message.
    fn copy(
        &mut self,
        message: &Message<'_>,
        (field, from): (usize, &Memory),
        chosen: &[Group],
        packed: usize,
        side: Side,
    ) -> usize {
        let Field { to, combine, .. } = &self.fields[field];
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0); // positions in memory that exists
        let extents: Vec<usize> =
            chosen.iter().zip(&message.axes).map(|(group, part)| group.elements(part)).collect();
        // Packed steps, in the order that all ranks agreed on.
        let mut steps = vec![0_isize; extents.len()];
        let mut step = from.itemsize.cast_signed();
        let mut set = |axis: usize| {
            steps[axis] = step;
            step *= extents[axis].cast_signed();
        };
        match self.mode.order {
            Order::C => (0..extents.len()).rev().for_each(&mut set),
            Order::Fortran => (0..extents.len()).for_each(&mut set),
        }
        let bytes = step.unsigned_abs();
        let mut copy = Copy {
            field,
            to: if side == Side::Receive { 0 } else { packed.cast_signed() },
            from: if side == Side::Receive { packed.cast_signed() } else { 0 },
            loops: [self.loops.len(); 2],
            run: from.itemsize,
            entries: [self.entries.len(); 2],
            step: [0; 2],
            far: [0; 2],
        };
        if let Side::Local(_) = side {
            copy.to = 0;
        }
        let mut loops = Vec::with_capacity(2 * extents.len());
        for (axis, (group, part)) in chosen.iter().zip(&message.axes).enumerate() {
            // Bytes per position, in the written and in the read memory.
            let (to_step, from_step) = match side {
                Side::Send => (steps[axis], from.strides[axis]),
                Side::Receive => (to.strides[axis], steps[axis]),
                Side::Local(_) => (to.strides[axis], from.strides[axis]),
            };
            // Positions, in the written and in the read memory; `packed` counts from the
            // front of the message.
            let pair = |mine: i64, theirs: i64, packed: i64| match side {
                Side::Send => (packed, mine),
                Side::Receive => (mine, packed),
                Side::Local(Way::Forward) => (mine, theirs),
                Side::Local(Way::Back) => (theirs, mine),
            };
            let bytes = |(to, from): (i64, i64)| (narrow(to) * to_step, narrow(from) * from_step);
            let number = |n: i64| usize::try_from(n).unwrap_or(0);
            match *group {
                Group::One(which) => {
                    let piece = &part.pieces[which];
                    let (to, from) = bytes(pair(piece.mine, piece.theirs, 0));
                    copy.to += to;
                    copy.from += from;
                    let (to, from) = bytes(pair(part.steps.mine, part.steps.theirs, piece.len));
                    loops.push(Loop { n: number(piece.count), to, from });
                    loops.push(Loop { n: number(piece.len), to: to_step, from: from_step });
                }
                Group::Many { rim } => {
                    let mut before = 0;
                    for piece in part.pieces.iter().filter(|piece| piece.rim == rim) {
                        let (to, from) = bytes(pair(piece.mine, piece.theirs, before));
                        before += piece.elements();
                        let packed = narrow(piece.len) * steps[axis];
                        let (count, n) = (number(piece.count), number(piece.len));
                        self.entries.push(Entry { count, n, to, from, packed });
                    }
                    let (to, from) = bytes(pair(part.steps.mine, part.steps.theirs, 0));
                    copy.entries[1] = self.entries.len();
                    copy.step = [to_step, from_step];
                    copy.far = match side {
                        Side::Send => [PACKED, from],
                        Side::Receive => [to, PACKED],
                        Side::Local(_) => [to, from],
                    };
                }
            }
        }
        match combine {
            // Elements stay elements; the shortest step of the written memory goes last.
            Combine::Rows(..) if side != Side::Send => {
                loops.retain(|l| l.n != 1);
                loops.sort_by_key(|l| std::cmp::Reverse(l.to.unsigned_abs()));
            }
            _ => copy.run = copy::shorten(&mut loops, copy.run),
        }
        self.loops.append(&mut loops);
        copy.loops[1] = self.loops.len();
        self.copies.push(copy);
        bytes
    }
}

/// The groups of one axis, the same on both ranks of a message.
fn groups(part: &AxisPart<'_>, many: bool) -> Vec<Group> {
    if !many {
        return (0..part.pieces.len()).map(Group::One).collect();
    }
    let has = |rim: bool| part.pieces.iter().any(|piece| piece.rim == rim);
    [false, true].into_iter().filter(|&rim| has(rim)).map(|rim| Group::Many { rim }).collect()
}

impl Group {
    fn is_rim(self, part: &AxisPart<'_>) -> bool {
        match self {
            Self::One(which) => part.pieces[which].rim,
            Self::Many { rim } => rim,
        }
    }

    fn elements(self, part: &AxisPart<'_>) -> usize {
        let elements = match self {
            Self::One(which) => part.pieces[which].elements(),
            Self::Many { rim } => {
                part.pieces.iter().filter(|piece| piece.rim == rim).map(|piece| piece.elements()).sum()
            }
        };
        usize::try_from(elements).unwrap_or(0)
    }
}
