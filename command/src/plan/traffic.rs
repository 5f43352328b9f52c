//! What moves between all ranks: products of what moves along the axes.
//!
//! What two ranks exchange is the product of what their coordinates share along each
//! axis, so the sums, numbers and maxima over all peers of a rank are products too: a
//! rank costs a few operations, whatever the number of its peers.

use distarray::distribution::Decomposition;

use super::along::{Along, Share};
use crate::outcome::{Failure, Outcome};

/// Which products are exchanged, as in [`distarray::exchange::Halo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// All: a redistribution.
    All,
    /// Those in the halo of at least one axis.
    Corners,
    /// Those in the halo of one axis alone.
    Faces,
}

/// A movement between two layouts, or into the halo of one.
pub struct Exchange<'a> {
    /// Who sends.
    pub from: &'a Decomposition,
    /// Who receives.
    pub to: &'a Decomposition,
    /// The source's axis that becomes each axis of the target.
    pub axes: &'a [usize],
    /// What moves along each axis of the target.
    pub along: &'a [Along<'a>],
    /// Which products are exchanged.
    pub select: Select,
}

/// What one rank moves, in elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Copied within the rank.
    pub copied: i128,
    /// Sent to other ranks.
    pub sent: i128,
    /// Received from other ranks.
    pub received: i128,
    /// Messages sent to other ranks.
    pub messages: i128,
    /// The largest of them.
    pub largest: i128,
}

/// The tallies of all ranks, or of some.
pub struct Tallies {
    /// Which ranks, and what they move.
    pub ranks: Vec<(i64, Tally)>,
    /// Whether these are all ranks.
    pub exact: bool,
}

/// The peers of one coordinate along one axis, summed up.
#[derive(Clone, Copy, Default)]
struct Digest {
    peers: i128,
    sum: i128,
    best: (i64, i128),
    second: i128,
}

impl Digest {
    fn add(&mut self, peer: i64, share: i128) {
        self.peers += 1;
        self.sum += share;
        if share > self.best.1 {
            (self.second, self.best) = (self.best.1, (peer, share));
        } else {
            self.second = self.second.max(share);
        }
    }

    fn of(shares: &[Share]) -> Self {
        let mut digest = Self::default();
        shares.iter().for_each(|share| digest.add(share.peer, all(share)));
        digest
    }
}

pub(super) fn all(share: &Share) -> i128 {
    i128::from(share.core) + i128::from(share.rim)
}

/// One axis, as one rank sees it: all peers, and itself among them.
#[derive(Clone, Copy)]
struct View {
    digest: Digest,
    own: Share,
}

impl View {
    fn own_all(&self) -> i128 {
        all(&self.own)
    }

    /// The number of other peers, what they share, and the most that one of them does.
    fn others(&self) -> (i128, i128, i128) {
        let own = self.own_all();
        let most = if own > 0 && self.digest.best.0 == self.own.peer {
            self.digest.second
        } else {
            self.digest.best.1
        };
        (self.digest.peers - i128::from(own > 0), self.digest.sum - own, most)
    }
}

/// The coordinates of a rank where it holds a part.
pub(super) type Place = Option<Vec<i64>>;

/// One side of a rank: what it sends, or what it receives.
#[derive(Default)]
struct Side {
    copied: i128,
    moved: i128,
    messages: i128,
    largest: i128,
}

/// Ranks and steps up to which every rank is counted.
const MOST_RANKS: i64 = 1 << 22;
const MOST_STEPS: f64 = (1 << 25) as f64;
/// Up to [`FEW_RANKS`] ranks more steps are taken.
const FEW_RANKS: i64 = 4096;
const MORE_STEPS: f64 = (1 << 28) as f64;
/// Ranks that stand for all others, and steps that they may take together.
const SAMPLE: i64 = 1024;
const SAMPLED_STEPS: f64 = (1 << 24) as f64;

impl Exchange<'_> {
    /// Ranks of either side.
    pub fn ranks(&self) -> i64 {
        self.from.ranks().max(self.to.ranks())
    }

    /// What every rank moves; from some ranks where all are too many.
    pub fn tallies(&self) -> Outcome<Tallies> {
        let steps: f64 = self.along.iter().map(|along| along.work()[0] * along.extents()[0] as f64).sum();
        let most = if self.ranks() <= FEW_RANKS { MORE_STEPS } else { MOST_STEPS };
        if self.ranks() <= MOST_RANKS && steps <= most {
            return Ok(Tallies { ranks: self.all_ranks()?, exact: true });
        }
        let each: f64 = self.along.iter().flat_map(Along::work).sum();
        let sample = (SAMPLE as f64).min(SAMPLED_STEPS / each).max(16.0);
        let sampled = (0..SAMPLE).take_while(|&k| (k as f64) < sample).map(|k| spread(k, self.ranks()));
        let mut ranks: Vec<i64> = sampled.collect();
        ranks.sort_unstable();
        ranks.dedup();
        let ranks = ranks.into_iter().map(|rank| Ok((rank, self.tally(rank)?))).collect::<Outcome<_>>()?;
        Ok(Tallies { ranks, exact: false })
    }

    /// What one rank moves.
    pub fn tally(&self, rank: i64) -> Outcome<Tally> {
        let (from, to) = self.places(rank)?;
        let views = |mine: &Option<Vec<i64>>, theirs: &Option<Vec<i64>>, sends: bool| -> Outcome<Vec<View>> {
            let Some(mine) = mine else { return Ok(Vec::new()) };
            let view = |(axis, along): (usize, &Along<'_>)| {
                let shares = if sends { along.sends(mine[axis])? } else { along.receives(mine[axis])? };
                let own = theirs.as_ref().map(|theirs| theirs[axis]);
                let own = shares.iter().find(|share| Some(share.peer) == own).copied();
                Ok(View { digest: Digest::of(&shares), own: own.unwrap_or(NOTHING) })
            };
            self.along.iter().enumerate().map(view).collect()
        };
        let sends = views(&from, &to, true)?;
        let receives = views(&to, &from, false)?;
        self.tally_of(&sends, &receives)
    }

    /// What every rank moves: each coordinate's shares are looked at once.
    fn all_ranks(&self) -> Outcome<Vec<(i64, Tally)>> {
        let ndim = self.along.len();
        // For each rank its coordinates on both sides, -1 where it holds no part.
        let mut places = Vec::with_capacity(2 * ndim * index(self.ranks()));
        for rank in 0..self.ranks() {
            let (from, to) = self.places(rank)?;
            let at = |place: &Place, axis: usize| place.as_ref().map_or(-1, |place| place[axis]);
            places.extend((0..ndim).map(|axis| [at(&from, axis), at(&to, axis)]));
        }
        let pairs = |axis| places.iter().skip(axis).step_by(ndim).copied().filter(|pair| !pair.contains(&-1));
        let table = |(axis, along)| Table::new(along, pairs(axis).collect());
        let tables = self.along.iter().enumerate().map(table).collect::<Outcome<Vec<_>>>()?;
        let mut views = [Vec::with_capacity(ndim), Vec::with_capacity(ndim)];
        let tally = |(rank, pairs): (i64, &[[i64; 2]])| {
            for (side, views) in views.iter_mut().enumerate() {
                views.clear();
                let held = tables.iter().zip(pairs).filter(|(_, pair)| pair[side] >= 0);
                views.extend(held.map(|(table, pair)| table.view(side, *pair)));
            }
            Ok((rank, self.tally_of(&views[0], &views[1])?))
        };
        (0..).zip(places.chunks_exact(ndim)).map(tally).collect()
    }

    /// Coordinates of a rank in the source, in the order of the target's axes, and in
    /// the target.
    pub(super) fn places(&self, rank: i64) -> Outcome<(Place, Place)> {
        let (from, to) = (self.from.coordinates(rank), self.to.coordinates(rank));
        if let (Some((_, source)), Some((_, target))) = (&from, &to)
            && self.from.replicas() > 1
            && source != target
        {
            return Err(Failure::Usage(format!(
                "rank {rank} holds parts of two replicas: this is not counted"
            )));
        }
        let turned = |at: Vec<i64>| self.axes.iter().map(|&axis| at[axis]).collect();
        Ok((from.map(|(at, _)| turned(at)), to.map(|(at, _)| at)))
    }

    fn tally_of(&self, sends: &[View], receives: &[View]) -> Outcome<Tally> {
        let (sends, receives) = (self.side(sends, self.copies()?), self.side(receives, 1));
        Ok(Tally {
            copied: receives.copied,
            sent: sends.moved,
            received: receives.moved,
            messages: sends.messages,
            largest: sends.largest,
        })
    }

    /// How many replicas of the target a rank of the source serves.
    pub(super) fn copies(&self) -> Outcome<i128> {
        match (self.select, self.from.replicas(), self.to.replicas()) {
            (Select::All, 1, copies) => Ok(copies.into()),
            (Select::All, from, to) if from != to || self.from.ranks() != self.to.ranks() => {
                Err(Failure::Usage(format!(
                    "from {from} replicas to {to} is not counted; give the target as many, or the source one"
                )))
            }
            _ => Ok(1),
        }
    }

    /// The sums over all products of the peers along the axes.
    fn side(&self, views: &[View], copies: i128) -> Side {
        if views.is_empty() {
            return Side::default();
        }
        let product = |of: fn(&View) -> i128| views.iter().map(of).product::<i128>();
        // One factor differs from the others.
        let but = |axis: usize, one: i128, of: fn(&View) -> i128| {
            let others = views.iter().enumerate().filter(|(other, _)| *other != axis);
            others.map(|(_, view)| of(view)).product::<i128>() * one
        };
        let core: fn(&View) -> i128 = |view| view.own.core.into();
        let axes = || views.iter().enumerate();
        if self.select == Select::Faces {
            let sum = |one: fn(&View) -> i128| axes().map(|(axis, view)| but(axis, one(view), core)).sum();
            let has = |axis| i128::from(but(axis, 1, core) > 0);
            return Side {
                copied: sum(|view| view.own.rim.into()),
                moved: sum(|view| view.others().1),
                messages: axes().map(|(axis, view)| view.others().0 * has(axis)).sum(),
                largest: axes().map(|(axis, view)| but(axis, view.others().2, core)).max().unwrap_or(0),
            };
        }
        let own = product(View::own_all);
        let best: fn(&View) -> i128 = |view| view.digest.best.1;
        let one_off = axes().map(|(axis, view)| but(axis, view.others().2, best)).max().unwrap_or(0);
        Side {
            copied: own - if self.select == Select::All { 0 } else { product(core) },
            moved: copies * product(|view| view.digest.sum) - own,
            messages: copies * product(|view| view.digest.peers) - i128::from(own > 0),
            largest: if copies > 1 { product(best) } else { one_off },
        }
    }
}

const NOTHING: Share = Share { peer: -1, core: 0, rim: 0 };

/// The shares of all coordinates along one axis, summed up.
struct Table {
    digests: [Vec<Digest>; 2],
    /// What ranks share with themselves, by their coordinates on both sides, sorted.
    own: Vec<([i64; 2], Share)>,
    /// Where those of each coordinate of the source begin.
    begins: Vec<usize>,
}

impl Table {
    /// `pairs` are the coordinates that ranks have on both sides.
    fn new(along: &Along<'_>, mut pairs: Vec<[i64; 2]>) -> Outcome<Self> {
        pairs.sort_unstable();
        pairs.dedup();
        let mut own: Vec<_> = pairs.into_iter().map(|pair| (pair, NOTHING)).collect();
        let mut digests = along.extents().map(|extent| vec![Digest::default(); index(extent)]);
        let (mut begins, mut at) = (vec![0], 0);
        for coordinate in 0..along.extents()[0] {
            let shares = along.sends(coordinate)?;
            digests[0][index(coordinate)] = Digest::of(&shares);
            for share in &shares {
                digests[1][index(share.peer)].add(coordinate, all(share));
            }
            while let Some(([_, to], found)) = own.get_mut(at).filter(|(pair, _)| pair[0] == coordinate) {
                if let Ok(own) = shares.binary_search_by_key(to, |share| share.peer) {
                    *found = shares[own];
                }
                at += 1;
            }
            begins.push(at);
        }
        Ok(Self { digests, own, begins })
    }

    /// What a rank at these coordinates of both sides sees when it sends (0) or receives (1).
    fn view(&self, side: usize, pair: [i64; 2]) -> View {
        let own = pair.iter().all(|&at| at >= 0).then(|| {
            let from = index(pair[0]);
            let own = &self.own[self.begins[from]..self.begins[from + 1]];
            let found = own.binary_search_by_key(&pair, |(pair, _)| *pair);
            found.map_or(NOTHING, |at| Share { peer: pair[1 - side], ..own[at].1 })
        });
        View { digest: self.digests[side][index(pair[side])], own: own.unwrap_or(NOTHING) }
    }
}

fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// The `k`th of ranks that stand for all: multiples of the golden ratio follow no grid.
fn spread(k: i64, ranks: i64) -> i64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let turn = k.unsigned_abs().wrapping_mul(GOLDEN);
    let scaled = (u128::from(turn) * u128::from(ranks.unsigned_abs())) >> 64;
    i64::try_from(scaled).unwrap_or(0)
}
