//! Prepared messages that go in two steps: through a relay each, along the rows and then
//! the columns of a [`Square`] of ranks.
#![allow(unsafe_code)] // prepares messages in memory of their own

use std::collections::HashMap;
use std::ops::Range;

use super::square::Square;
use super::{Comm, Messages, Peer, to_i64};
use crate::{Error, ErrorKind, Result};

/// A message's other end, and its length in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) rank: usize,
    pub(crate) elements: usize,
}

/// Which rank passes what on to whom: pure data, in elements of any size.
///
/// A message between two ranks lies in a bundle, with what else the sender has for the
/// column of its receiver, and then in another, with what else the relay got for it.
#[derive(Debug)]
pub(crate) struct Relays {
    /// What goes to each relay, and what each passes on to this rank.
    out: Vec<Bundle>,
    back: Vec<Bundle>,
    /// What comes to this rank to be passed on, and where it goes.
    came: Vec<Bundle>,
    onward: Vec<Bundle>,
    /// Where each message of this rank lies in `out`, and in `back`.
    places: Places,
    own: usize,
    /// Ranks that are served otherwise.
    near: Vec<usize>,
    /// Of the first and the second step.
    tags: [i32; 2],
}

/// Where messages lie in bundles.
#[derive(Clone, Debug)]
struct Places {
    sends: Vec<Place>,
    receives: Vec<Place>,
    /// Where each part of `came` lies in `onward`.
    passes: Vec<Vec<(Range<usize>, Place)>>,
}

/// A bundle, and the elements in it.
#[derive(Clone, Debug)]
struct Place {
    bundle: usize,
    elements: Range<usize>,
}

/// Bundles by rank, which grow message by message.
#[derive(Default)]
struct Bundles {
    bundles: Vec<Bundle>,
    of_rank: HashMap<usize, usize>,
}

impl Bundles {
    fn add(&mut self, rank: usize, elements: usize) -> Place {
        let bundle = *self.of_rank.entry(rank).or_insert_with(|| {
            self.bundles.push(Bundle { rank, elements: 0 });
            self.bundles.len() - 1
        });
        let start = self.bundles[bundle].elements;
        self.bundles[bundle].elements += elements;
        Place { bundle, elements: start..start + elements }
    }
}

impl Relays {
    /// Plans the way of these messages, which are in the order of their ranks, one for
    /// each; the other ends list the same. The ranks `near` this one, ascending, are served
    /// otherwise. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub(crate) fn new(comm: &Comm, near: Vec<usize>, sends: &[Bundle], receives: &[Bundle]) -> Result<Self> {
        let tags = [comm.new_tag()?, comm.new_tag()?];
        let (square, me) = (Square::new(comm.size()), comm.rank());
        // Parts lie in the order of the ranks that they go to, then of those they come from.
        let (mut out, mut back) = (Bundles::default(), Bundles::default());
        let add = |bundles: &mut Bundles, relay: usize, elements| bundles.add(relay, elements);
        let sends_at: Vec<Place> =
            sends.iter().map(|send| add(&mut out, square.relay(me, send.rank), send.elements)).collect();
        let receives_at: Vec<Place> = receives
            .iter()
            .map(|receive| add(&mut back, square.relay(receive.rank, me), receive.elements))
            .collect();

        let mut letters: Vec<(usize, Vec<u8>)> =
            out.bundles.iter().map(|bundle| (bundle.rank, Vec::new())).collect();
        for (send, place) in sends.iter().zip(&sends_at) {
            let numbers = [send.rank as u64, send.elements as u64];
            letters[place.bundle].1.extend_from_slice(bytemuck::cast_slice(&numbers));
        }
        let (mut came, mut onward, mut passes) = (Vec::new(), Bundles::default(), Vec::new());
        for (rank, letter) in comm.deliver(letters)? {
            let mut elements = 0;
            let mut parts = Vec::new();
            for part in letter.chunks_exact(16) {
                let [to, length]: [u64; 2] = bytemuck::pod_read_unaligned(part);
                let number = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
                let length = number(length);
                parts.push((elements..elements + length, onward.add(number(to), length)));
                elements += length;
            }
            passes.push(parts);
            came.push(Bundle { rank, elements });
        }
        let places = Places { sends: sends_at, receives: receives_at, passes };
        Ok(Self {
            out: out.bundles,
            back: back.bundles,
            came,
            onward: onward.bundles,
            places,
            own: me,
            near,
            tags,
        })
    }

    /// Whether messages with this rank go in two steps.
    pub(crate) fn serves(&self, rank: i64) -> bool {
        usize::try_from(rank).is_ok_and(|rank| self.near.binary_search(&rank).is_err())
    }

    /// The messages that this rank sends to others in one round, and their elements.
    pub(crate) fn sent(&self) -> (usize, usize) {
        let bundles = self.out.iter().chain(&self.onward).filter(|bundle| bundle.rank != self.own);
        bundles.fold((0, 0), |(messages, elements), bundle| (messages + 1, elements + bundle.elements))
    }
}

/// Messages that go through [`Relays`], with memory of their own.
pub(crate) struct Relayed {
    first: Messages,
    second: Messages,
    itemsize: usize,
    places: Places,
}

impl Relayed {
    /// Messages of elements of this size. Local.
    ///
    /// # Errors
    /// `NoMemory`; `Comm` when the message layer fails. On one rank only: agree.
    pub(crate) fn new(comm: &Comm, relays: &Relays, itemsize: usize) -> Result<Self> {
        let places = |bundles: &[Bundle]| -> Result<Vec<super::Place>> {
            let place = |bundle: &Bundle| {
                let bytes = bundle.elements.checked_mul(itemsize);
                let bytes =
                    bytes.ok_or_else(|| Error::new(ErrorKind::NoMemory, "no memory for a message"))?;
                Ok(super::Place { peer: Peer { rank: bundle.rank, bytes }, memory: None })
            };
            bundles.iter().map(place).collect()
        };
        // SAFETY: no memory of a caller's.
        let [first, second] = unsafe {
            [
                comm.messages_in(relays.tags[0], &places(&relays.out)?, &places(&relays.came)?)?,
                comm.messages_in(relays.tags[1], &places(&relays.onward)?, &places(&relays.back)?)?,
            ]
        };
        Ok(Self { first, second, itemsize, places: relays.places.clone() })
    }

    /// The memory of message `which`, to be filled before [`pass`](Self::pass).
    pub(crate) fn send_buffer(&mut self, which: usize) -> Result<&mut [u8]> {
        let place = self.places.sends.get(which).ok_or_else(|| no_such_message(which))?;
        let range = bytes(&place.elements, self.itemsize);
        self.first.send_buffer(place.bundle)?.get_mut(range).ok_or_else(|| no_such_message(which))
    }

    /// Sends what was filled in, passes on what comes for others, and receives.
    /// Collective: relays wait for whom they serve.
    pub(crate) fn pass(&mut self) -> Result<()> {
        let Self { first, second, itemsize, places } = self;
        first.start_receives()?;
        second.start_receives()?;
        (0..first.sends()).try_for_each(|which| first.start_send(which))?;
        while let Some((from, came)) = first.next_received()? {
            for (part, place) in places.passes.get(from).into_iter().flatten() {
                let onward = second.send_buffer(place.bundle)?;
                let to = onward.get_mut(bytes(&place.elements, *itemsize));
                let (to, part) =
                    to.zip(came.get(bytes(part, *itemsize))).ok_or_else(|| no_such_message(from))?;
                to.copy_from_slice(part);
            }
        }
        (0..second.sends()).try_for_each(|which| second.start_send(which))?;
        second.finish()?;
        first.finish()
    }

    /// Message `which` that was received.
    pub(crate) fn received(&self, which: usize) -> Result<&[u8]> {
        let place = self.places.receives.get(which).ok_or_else(|| no_such_message(which))?;
        let bundle = self.second.received(place.bundle)?;
        bundle.get(bytes(&place.elements, self.itemsize)).ok_or_else(|| no_such_message(which))
    }
}

fn bytes(elements: &Range<usize>, itemsize: usize) -> Range<usize> {
    elements.start * itemsize..elements.end * itemsize
}

fn no_such_message(which: usize) -> Error {
    Error::new(ErrorKind::Range, "there is no such message").expected_found(0, to_i64(which))
}
