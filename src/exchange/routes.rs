//! The way that each message takes, chosen once, when a plan is bound to memory.
//!
//! Both ranks of a message choose alike, each for itself, by what both know: the message,
//! the element types, and what was agreed on about shared memory.
#![allow(unsafe_code)] // prepares messages in the memory of arrays

use super::copies::{Copies, Range};
use super::copy::{FAR, LINE};
use super::make::{Maker, Side};
use super::memory::{Field, Memory};
use super::message::Message;
use super::passage::Passage;
use super::plan::Plan;
use super::shared::Node;
use crate::array::Order;
use crate::comm::{Comm, Lane, Lanes, Messages, Peer, Place, Relayed, Relays};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// Which way round a plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From owners to those who need the elements.
    Forward,
    /// Back: the adjoint.
    Back,
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

/// What the ranks of a node share, as far as this exchange can use it.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'a> {
    /// The shared memory of each field's source.
    pub(super) nodes: &'a [Option<&'a Node>],
    pub(super) lanes: Option<&'a Lanes>,
    /// What goes in two steps.
    pub(super) relays: Option<&'a Relays>,
}

/// The way of one message.
enum Route {
    /// It stays on this rank.
    Own,
    /// The receiver copies from the sender's memory: the sender's place on the node, and
    /// its part of each field.
    Direct(usize, Vec<Memory>),
    /// Through the lanes to and from the other rank, in parts of at most so many bytes.
    Lane([Lane; 2], usize),
    /// In two steps, with what else goes that way.
    Relay,
    /// By a message of the communicator.
    Message,
}

/// Chooses the ways of messages.
struct Router<'a> {
    plan: &'a Plan,
    fields: &'a [Field],
    sharing: Sharing<'a>,
    mode: Mode,
}

impl Router<'_> {
    /// The first way that is open, from the fastest to the slowest.
    fn route(&self, message: &Message<'_>, bytes: usize) -> Route {
        if message.rank == self.plan.rank() {
            return Route::Own;
        }
        let direct = || {
            let node = self.sharing.nodes.first().copied().flatten()?;
            Some(Route::Direct(node.place(message.rank)?, self.on_node(message)?))
        };
        let relay = || self.sharing.relays?.serves(message.rank).then_some(Route::Relay);
        direct().or_else(|| self.lane(message, bytes)).or_else(relay).unwrap_or(Route::Message)
    }

    /// The fields on another rank of this node, where all lie in memory that it shares:
    /// both ranks find the same, for all brought the same shared arrays.
    fn on_node(&self, message: &Message<'_>) -> Option<Vec<Memory>> {
        let plan = self.plan;
        let halo = !message.selects(0);
        // Lines of which a halo needs but a few bytes go to and fro between the caches of two
        // cores, for whom they are neighbours' elements too: a lane. It reads and writes them
        // one after the other, which takes longer than to read those of a rank that is near
        // where all of them are more than a cache holds.
        let fastest = |node: &Node| node.fastest_axis(plan.ndim());
        let elements = usize::try_from(message.elements()).unwrap_or(0);
        let fields = self.fields.iter().zip(self.sharing.nodes);
        let by_lane = |lanes: &Lanes| {
            let near = lanes.is_near(message.rank);
            fields.clone().any(|(field, node)| {
                let run = node.map_or(LINE, |node| field.longest_run(message, fastest(node)));
                let lines = elements * field.from.itemsize / run.max(1) * LINE;
                run < LINE && !(near && lines >= FAR)
            })
        };
        if halo && self.sharing.lanes.is_some_and(by_lane) {
            return None;
        }
        let axes = || (0..plan.ndim()).map(|axis| plan.source_axis(axis));
        let part = |(field, node): (&Field, &Option<&Node>)| {
            node.filter(|_| !self.mode.packed)?.memory(message.rank, field.from.itemsize, axes())
        };
        fields.map(part).collect()
    }

    /// Lanes to and from a rank of this node, unless one element is longer than a slot.
    fn lane(&self, message: &Message<'_>, bytes: usize) -> Option<Route> {
        let lanes = self.sharing.lanes.filter(|_| !self.mode.packed)?.to(message.rank)?;
        let longest = self.fields.iter().map(|field| field.from.itemsize).max().unwrap_or(0);
        let part = lanes[0].part(bytes, longest)?;
        Some(Route::Lane(lanes, part))
    }
}

/// All messages of a plan on one rank, by the ways that they take.
pub(super) struct Routes {
    pub(super) copies: Copies,
    /// What stays on this rank.
    pub(super) own: Range,
    /// What is copied straight from the memory of other ranks of this node, and the
    /// places of those that read from this rank.
    pub(super) direct: Vec<Direct>,
    pub(super) readers: Vec<usize>,
    /// What goes to and comes from other ranks of this node through lanes.
    pub(super) outgoing: Vec<Passage>,
    pub(super) incoming: Vec<Passage>,
    /// What goes and comes by messages; no copies where the array itself is sent or
    /// received.
    pub(super) messages: Messages,
    pub(super) sends: Vec<Range>,
    pub(super) receives: Vec<Range>,
    /// All that this rank takes, in the order of the plan, and from which rank.
    pub(super) turns: Vec<(usize, Turn)>,
    /// What goes and comes in two steps: in no order, and never as sums.
    pub(super) relayed: Option<RelayedCopies>,
}

/// Messages that go in two steps, each with its copies.
pub(super) struct RelayedCopies {
    pub(super) messages: Relayed,
    pub(super) sends: Vec<Range>,
    pub(super) receives: Vec<Range>,
}

/// What is taken when its turn comes.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    /// What stays on this rank.
    Own,
    /// One of the others, by its place in their list.
    Direct(usize),
    Passage(usize),
    Message(usize),
}

/// What is copied straight from the memory of another rank of this node.
pub(super) struct Direct {
    /// The rank's place on the node.
    pub(super) place: usize,
    pub(super) copies: Range,
    /// Its part of each field.
    pub(super) from: Vec<Memory>,
}

impl Routes {
    /// Local.
    ///
    /// # Safety
    /// The memory of all fields is valid for the parts that the plan was made for, and
    /// during each round nobody else touches it.
    pub(super) unsafe fn new(
        comm: &Comm,
        tag: i32,
        plan: &Plan,
        fields: Vec<Field>,
        sharing: Sharing<'_>,
        mode: Mode,
    ) -> Result<Self> {
        let me = plan.rank();
        let router = Router { plan, fields: &fields, sharing, mode };
        let own: Vec<Memory> = fields.iter().map(|field| field.from.clone()).collect();
        let mut make = Maker::new(&fields, mode);
        let (sending, receiving): (Vec<Message<'_>>, Vec<Message<'_>>) = match mode.way {
            Way::Forward => (plan.sends().collect(), plan.receives().collect()),
            Way::Back => (plan.receives().collect(), plan.sends().collect()),
        };
        let (mut readers, mut outgoing) = <(Vec<_>, Vec<_>)>::default();
        let (mut sends, mut send_places) = <(Vec<_>, Vec<_>)>::default();
        let (mut relay_sends, mut relay_receives) = <(Vec<_>, Vec<_>)>::default();
        // Not all to rank 0 first.
        let ranks = as_i64(comm.size());
        let mut sending: Vec<&Message<'_>> = sending.iter().collect();
        sending.sort_by_key(|message| (message.rank - me).rem_euclid(ranks));
        for message in sending {
            match router.route(message, make.bytes_of(message)) {
                Route::Own => {} // copied by who receives it
                Route::Direct(place, _) => readers.push(place),
                Route::Lane([lane, _], part) => {
                    let parts = make.parts_of(message, Side::Send, &own, part);
                    outgoing.push(Passage::new(lane, parts, tag.unsigned_abs()));
                }
                Route::Relay => {
                    relay_sends.push((message.rank, make.copies_of(message, Side::Send, &own)));
                }
                Route::Message => {
                    let (copies, place) = by_message(&mut make, message, Side::Send, &own)?;
                    sends.push(copies);
                    send_places.push(place);
                }
            }
        }
        let (mut direct, mut incoming) = <(Vec<_>, Vec<_>)>::default();
        let (mut receives, mut receive_places) = <(Vec<_>, Vec<_>)>::default();
        let mut stays = [0; 2];
        let mut turns = Vec::with_capacity(receiving.len());
        for message in &receiving {
            let turn = match router.route(message, make.bytes_of(message)) {
                Route::Own => {
                    stays = make.copies_of(message, Side::Local, &own);
                    Turn::Own
                }
                Route::Direct(place, from) => {
                    let copies = make.copies_of(message, Side::Local, &from);
                    direct.push(Direct { place, copies, from });
                    Turn::Direct(direct.len() - 1)
                }
                Route::Lane([_, lane], part) => {
                    let parts = make.parts_of(message, Side::Receive, &own, part);
                    incoming.push(Passage::new(lane, parts, tag.unsigned_abs()));
                    Turn::Passage(incoming.len() - 1)
                }
                Route::Relay => {
                    relay_receives.push((message.rank, make.copies_of(message, Side::Receive, &own)));
                    continue;
                }
                Route::Message => {
                    let (copies, place) = by_message(&mut make, message, Side::Receive, &own)?;
                    receives.push(copies);
                    receive_places.push(place);
                    Turn::Message(receives.len() - 1)
                }
            };
            turns.push((usize::try_from(message.rank).unwrap_or(0), turn));
        }
        let written = plan.receives().map(|message| make.bytes_of(&message)).sum();
        let copies = make.finish(written);
        // SAFETY: the caller's promise; messages in arrays are started within rounds.
        let messages = unsafe { comm.messages_in(tag, &send_places, &receive_places) }?;
        let itemsize = copies.fields.iter().map(|field| field.from.itemsize).sum();
        let relayed = sharing.relays.map(|relays| Relayed::new(comm, relays, itemsize)).transpose()?;
        // In the order of ranks, as relays count them.
        let in_order = |mut messages: Vec<(i64, Range)>| -> Vec<Range> {
            messages.sort_by_key(|&(rank, _)| rank);
            messages.into_iter().map(|(_, copies)| copies).collect()
        };
        let (relay_sends, relay_receives) = (in_order(relay_sends), in_order(relay_receives));
        let relayed =
            relayed.map(|messages| RelayedCopies { messages, sends: relay_sends, receives: relay_receives });
        Ok(Self {
            copies,
            own: stays,
            direct,
            readers,
            outgoing,
            incoming,
            messages,
            sends,
            receives,
            turns,
            relayed,
        })
    }
}

/// A message as copies, or its place in an array where it is one stretch there.
fn by_message(
    make: &mut Maker<'_>,
    message: &Message<'_>,
    side: Side,
    from: &[Memory],
) -> Result<(Range, Place)> {
    let rank = usize::try_from(message.rank).map_err(|_| {
        Error::new(ErrorKind::Grid, "the table of ranks does not name a rank to exchange with")
            .in_field("grid_ranks")
    })?;
    let peer = Peer { rank, bytes: make.bytes_of(message) };
    let copies = make.copies_of(message, side, from);
    let memory = make.as_it_lies(copies, peer.bytes, side);
    Ok((if memory.is_some() { [0; 2] } else { copies }, Place { peer, memory }))
}
