//! Ranks as a square: two steps lead from any rank to any other, along a row and then
//! along a column, so that each exchanges messages with about `2 sqrt(size)` others.
//!
//! With one message for each pair instead, an all-to-all pattern costs `size` starts of
//! messages on every rank, whatever little they carry. The price is that every byte goes
//! twice.

use super::messages::Peer;
use super::{Comm, to_i64};
use crate::{Error, ErrorKind, Result};

/// Where ranks stand: row-major, the last row perhaps shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Square {
    size: usize,
    width: usize,
}

impl Square {
    pub(crate) fn new(size: usize) -> Self {
        let mut width = size.isqrt();
        if width * width < size {
            width += 1;
        }
        Self { size, width: width.max(1) }
    }

    fn rows(self) -> usize {
        self.size.div_ceil(self.width)
    }

    /// The rank through which `from` reaches `to`: in the row of the one and the column of
    /// the other; in another row where the last one is too short.
    pub(crate) fn relay(self, from: usize, to: usize) -> usize {
        let (row, column) = (from / self.width, to % self.width);
        let relay = row * self.width + column;
        if relay < self.size {
            return relay;
        }
        // A row is short only if there is one above it; its ranks share the others.
        (from % self.width) % (self.rows() - 1) * self.width + column
    }

    /// The ranks that `from` sends to in the first step, one for each column.
    pub(crate) fn relays(self, from: usize) -> Vec<usize> {
        (0..self.width.min(self.size)).map(|column| self.relay(from, column)).collect()
    }

    /// The ranks that send to `relay` in the first step, ascending.
    pub(crate) fn senders(self, relay: usize) -> Vec<usize> {
        let row = relay / self.width * self.width;
        let last = (self.rows() - 1) * self.width;
        let near = row..(row + self.width).min(self.size);
        let far = last.max(near.end)..self.size;
        near.chain(far).filter(|&from| self.relay(from, relay) == relay).collect()
    }

    /// The ranks of a column, ascending: those that exchange in the second step.
    pub(crate) fn column(self, rank: usize) -> Vec<usize> {
        (rank % self.width..self.size).step_by(self.width).collect()
    }
}

/// Bytes on their way: from whom, and to whom.
struct Letter {
    from: usize,
    to: usize,
    bytes: Vec<u8>,
}

impl Comm {
    /// Delivers each `(rank, bytes)` to its rank, and returns what came as `(rank,
    /// bytes)`, in the order of the ranks that sent it. Collective.
    ///
    /// Each rank exchanges messages with about `2 sqrt(size)` others and needs memory for
    /// what it sends, receives and passes on: for ranks that send to few, or little to
    /// many. Every byte goes twice.
    ///
    /// ```
    /// use distarray::comm;
    /// let came = comm::threads(5, |comm| {
    ///     let next = (comm.rank() + 1) % comm.size();
    ///     comm.deliver(vec![(next, vec![7; comm.rank()])]).unwrap()
    /// });
    /// assert_eq!(came[3], [(2, vec![7, 7])]);
    /// ```
    ///
    /// # Errors
    /// `Range` on every rank for a letter to a rank that does not exist; `Comm` when the
    /// message layer fails.
    pub fn deliver(&self, letters: Vec<(usize, Vec<u8>)>) -> Result<Vec<(usize, Vec<u8>)>> {
        let size = self.size();
        let lost = letters.iter().find(|&&(to, _)| to >= size);
        self.agree(lost.map_or(Ok(()), |&(to, _)| {
            Err(Error::new(ErrorKind::Range, "there is no such rank to send to")
                .in_field("rank")
                .expected_found(to_i64(size) - 1, to_i64(to)))
        }))?;
        let (square, me) = (Square::new(size), self.rank());
        let letters = letters.into_iter().map(|(to, bytes)| Letter { from: me, to, bytes }).collect();
        let (relays, senders, column) = (square.relays(me), square.senders(me), square.column(me));
        let passing = self.hand_on(letters, &relays, &senders, |letter| square.relay(me, letter.to))?;
        let mut arrived = self.hand_on(passing, &column, &column, |letter| letter.to)?;
        // Two of one sender stay in order.
        arrived.sort_by_key(|letter| letter.from);
        Ok(arrived.into_iter().map(|letter| (letter.from, letter.bytes)).collect())
    }

    /// One step: gives letters to the ranks that `next` says, and returns what comes from
    /// `senders`.
    fn hand_on(
        &self,
        letters: Vec<Letter>,
        receivers: &[usize],
        senders: &[usize],
        next: impl Fn(&Letter) -> usize,
    ) -> Result<Vec<Letter>> {
        let mut bundles = vec![Vec::new(); receivers.len()];
        for letter in letters {
            let which = receivers.iter().position(|&rank| rank == next(&letter));
            let which = which.ok_or_else(|| broken("a letter has no way to its rank"))?;
            for number in [letter.from, letter.to, letter.bytes.len()] {
                bundles[which].extend_from_slice(&(number as u64).to_ne_bytes());
            }
            bundles[which].extend_from_slice(&letter.bytes);
        }
        let lengths: Vec<[u8; 8]> =
            bundles.iter().map(|bundle| (bundle.len() as u64).to_ne_bytes()).collect();
        let word = vec![8; senders.len()];
        let announced = self.swap(receivers, &lengths, senders, &word)?;
        let length = |bytes: &Vec<u8>| {
            let word = bytes.as_slice().try_into().map_or(0, u64::from_ne_bytes);
            usize::try_from(word).unwrap_or(usize::MAX)
        };
        let coming: Vec<usize> = announced.iter().map(length).collect();
        let arrived = self.swap(receivers, &bundles, senders, &coming)?;
        arrived.iter().try_fold(Vec::new(), |mut letters, bundle| {
            let mut rest = bundle.as_slice();
            while !rest.is_empty() {
                letters.push(read(&mut rest).ok_or_else(|| broken("a bundle of letters is cut short"))?);
            }
            Ok(letters)
        })
    }

    /// Sends one message to each receiver and returns one of each sender.
    fn swap(
        &self,
        receivers: &[usize],
        sent: &[impl AsRef<[u8]>],
        senders: &[usize],
        lengths: &[usize],
    ) -> Result<Vec<Vec<u8>>> {
        let me = self.rank();
        let peers = |ranks: &[usize], lengths: &mut dyn Iterator<Item = usize>| -> Vec<Peer> {
            let peers = ranks.iter().zip(lengths).map(|(&rank, bytes)| Peer { rank, bytes });
            peers.filter(|peer| peer.rank != me).collect()
        };
        let sends = peers(receivers, &mut sent.iter().map(|bytes| bytes.as_ref().len()));
        let receives = peers(senders, &mut lengths.iter().copied());
        let mut messages = self.messages(&sends, &receives)?;
        messages.start_receives()?;
        let others = receivers.iter().zip(sent).filter(|&(&rank, _)| rank != me);
        for (which, (_, bytes)) in others.enumerate() {
            messages.send_buffer(which)?.copy_from_slice(bytes.as_ref());
            messages.start_send(which)?;
        }
        messages.finish()?;
        let own = receivers.iter().position(|&rank| rank == me);
        let mut which = 0..;
        let received = senders.iter().map(|&sender| match own {
            Some(own) if sender == me => Ok(sent[own].as_ref().to_vec()),
            _ => messages.received(which.next().unwrap_or(0)).map(<[u8]>::to_vec),
        });
        let received = received.collect::<Result<_>>()?;
        messages.free()?;
        Ok(received)
    }
}

/// Takes one letter off a bundle.
fn read(bundle: &mut &[u8]) -> Option<Letter> {
    let mut take = |n: usize| {
        let (part, rest) = bundle.split_at_checked(n)?;
        *bundle = rest;
        Some(part)
    };
    let mut number = || usize::try_from(u64::from_ne_bytes(take(8)?.try_into().ok()?)).ok();
    let (from, to, bytes) = (number()?, number()?, number()?);
    Some(Letter { from, to, bytes: take(bytes)?.to_vec() })
}

fn broken(what: &'static str) -> Error {
    Error::new(ErrorKind::Comm, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_lead_everywhere() {
        for size in 1..60 {
            let square = Square::new(size);
            for from in 0..size {
                let relays = square.relays(from);
                for to in 0..size {
                    let relay = square.relay(from, to);
                    assert!(relay < size && relays.contains(&relay), "{from} to {to} of {size}");
                    assert!(square.senders(relay).contains(&from), "{from} to {to} of {size}");
                    assert!(square.column(relay).contains(&to), "{from} to {to} of {size}");
                }
                assert!(relays.len() + square.column(from).len() <= 2 * size.isqrt() + 2);
                assert!(square.senders(from).len() <= size.isqrt() + 3, "{size}");
            }
        }
        // A million ranks: a few thousand messages instead.
        let square = Square::new(1_000_003);
        let all = [square.relays(77).len(), square.senders(77).len(), square.column(77).len()];
        assert!(all.into_iter().all(|n| n <= 1003), "{all:?}");
    }
}
