//! What moves along one axis: with whom each process shares how many indices.

use std::collections::BTreeMap;

use distarray::distribution::Decomposition;
use distarray::exchange::{Message, Piece, Plan};
use distarray::protocol::{AxisMap, Dim, DimData, Dist};

use crate::layout::Layout;
use crate::outcome::{Failure, Outcome};

/// Indices along an axis that one process has and a peer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The other coordinate.
    pub peer: i64,
    /// Indices that the receiver then owns.
    pub core: i64,
    /// Indices that lie in the receiver's halo.
    pub rim: i64,
}

/// Who sends how much to whom along one axis.
pub enum Along<'a> {
    /// From one way of dealing to another.
    Between { from: &'a AxisMap, to: &'a AxisMap, alone: [Decomposition; 2] },
    /// Where lists say who owns what: the sends and receives of each coordinate.
    Listed { extents: [i64; 2], shares: [Vec<Vec<Share>>; 2] },
    /// From owners to the halos of blocks.
    Halo { layout: &'a Layout, axis: usize, alone: Decomposition },
}

/// Shares of one coordinate beyond which no plan is made: it would not fit a rank either.
const MOST_SHARES: f64 = (1 << 22) as f64;

impl<'a> Along<'a> {
    /// When axis `axes.0` of one layout becomes axis `axes.1` of another.
    pub fn between(from: &'a Layout, to: &'a Layout, axes: (usize, usize)) -> Outcome<Self> {
        let (source, target) = (from.map(axes.0), to.map(axes.1));
        if from.is_listed(axes.0) || to.is_listed(axes.1) {
            return Ok(Self::by_lists((from, axes.0), (to, axes.1)));
        }
        let alone = from.decomposition().along(axes.0).zip(to.decomposition().along(axes.1));
        let (a, b) = alone.ok_or_else(|| Failure::Usage(format!("there is no axis {}", axes.0)))?;
        let along = Self::Between { from: source, to: target, alone: [a, b] };
        let shares = along.work().into_iter().fold(0.0, f64::max);
        if shares > MOST_SHARES {
            let why = format!(
                "axis {}: each process would exchange about {shares:.0e} pieces, more than a plan can hold; \
                 take longer blocks, or blocks whose lengths have a common multiple",
                axes.1
            );
            return Err(Failure::Usage(why));
        }
        Ok(along)
    }

    /// When the halo along an axis is filled.
    pub fn halo(layout: &'a Layout, axis: usize) -> Outcome<Self> {
        if layout.is_listed(axis) {
            return Self::ghosts(layout, axis);
        }
        let alone = layout.decomposition().along(axis);
        let alone = alone.ok_or_else(|| Failure::Usage(format!("there is no axis {axis}")))?;
        Ok(Self::Halo { layout, axis, alone })
    }

    /// The number of coordinates that send, and that receive.
    pub fn extents(&self) -> [i64; 2] {
        match self {
            Self::Between { from, to, .. } => [from.proc_grid_size(), to.proc_grid_size()],
            Self::Listed { extents, .. } => *extents,
            Self::Halo { alone, .. } => [alone.grid_extents()[0]; 2],
        }
    }

    /// About how many steps it takes to find what one coordinate sends, and receives.
    pub fn work(&self) -> [f64; 2] {
        match self {
            Self::Between { from, to, .. } => [work(from, to), work(to, from)],
            Self::Listed { shares, .. } => {
                let all = shares[0].iter().map(Vec::len).sum::<usize>() as f64;
                [0, 1].map(|side| all / shares[side].len().max(1) as f64)
            }
            Self::Halo { .. } => [20.0; 2],
        }
    }

    /// About how many pieces the library's plans of all coordinates hold.
    pub fn pieces(&self) -> f64 {
        let Self::Between { from, to, .. } = self else { return 0.0 };
        let finest = |map: &AxisMap| round(map).map_or(0.0, |round| map.size() as f64 / round.block as f64);
        let lists = (self.work()[0] * from.proc_grid_size() as f64).max(finest(from));
        lists.max(finest(to))
    }

    /// What a coordinate sends, its own share included, by ascending peers.
    pub fn sends(&self, coordinate: i64) -> Outcome<Vec<Share>> {
        self.shares(coordinate, 0)
    }

    /// What a coordinate receives, by ascending peers.
    pub fn receives(&self, coordinate: i64) -> Outcome<Vec<Share>> {
        self.shares(coordinate, 1)
    }

    fn shares(&self, coordinate: i64, side: usize) -> Outcome<Vec<Share>> {
        match self {
            Self::Between { from, to, alone } => {
                let (mine, theirs) = if side == 0 { (from, to) } else { (to, from) };
                shared(mine, coordinate, theirs, alone, side)
            }
            Self::Listed { shares, .. } => {
                let at = usize::try_from(coordinate).unwrap_or(usize::MAX);
                Ok(shares[side].get(at).cloned().unwrap_or_default())
            }
            Self::Halo { layout, axis, alone } => {
                let dim = layout.dim(*axis, coordinate)?;
                let owned = dim.owned_len();
                let plan = Plan::halo(alone, &DimData::new([dim])?, true)?;
                let mut shares = of_plan(&plan, side);
                // A message to oneself is none where the halo has no part in it.
                if owned > 0 && !shares.iter().any(|share| share.peer == coordinate) {
                    shares.push(Share { peer: coordinate, core: owned, rim: 0 });
                }
                Ok(joined(shares))
            }
        }
    }

    fn by_lists((from, source): (&Layout, usize), (to, target): (&Layout, usize)) -> Self {
        let mut table = BTreeMap::<(i64, i64), [i64; 2]>::new();
        let (from_map, to_map) = (from.map(source), to.map(target));
        let mut count = |mine: &AxisMap, theirs: &AxisMap, turned: bool| {
            for coordinate in 0..mine.proc_grid_size() {
                let owned = mine.dim(coordinate).map(|dim| dim.owned_runs()).unwrap_or_default();
                for peer in owned.indices().filter_map(|index| theirs.owner(index)) {
                    let pair = if turned { (peer, coordinate) } else { (coordinate, peer) };
                    table.entry(pair).or_default()[0] += 1;
                }
            }
        };
        if from.is_listed(source) {
            count(from_map, to_map, false)
        } else {
            count(to_map, from_map, true)
        }
        Self::from_table([from_map.proc_grid_size(), to_map.proc_grid_size()], table)
    }

    fn ghosts(layout: &Layout, axis: usize) -> Outcome<Self> {
        let (map, mut table) = (layout.map(axis), BTreeMap::<(i64, i64), [i64; 2]>::new());
        for coordinate in 0..map.proc_grid_size() {
            let dim = layout.dim(axis, coordinate)?;
            let owned = dim.owned_len();
            table.entry((coordinate, coordinate)).or_default()[0] += owned;
            for owner in (owned..dim.len()).filter_map(|local| map.owner(dim.global_of(local)?)) {
                table.entry((owner, coordinate)).or_default()[1] += 1;
            }
        }
        Ok(Self::from_table([map.proc_grid_size(); 2], table))
    }

    fn from_table(extents: [i64; 2], table: BTreeMap<(i64, i64), [i64; 2]>) -> Self {
        let lists = |extent: i64| vec![Vec::new(); usize::try_from(extent).unwrap_or(0)];
        let mut shares = extents.map(lists);
        let index = |n: i64| usize::try_from(n).unwrap_or(0);
        for ((from, to), [core, rim]) in table.into_iter().filter(|(_, share)| *share != [0, 0]) {
            shares[0][index(from)].push(Share { peer: to, core, rim });
            shares[1][index(to)].push(Share { peer: from, core, rim });
        }
        Self::Listed { extents, shares }
    }
}

/// The indices that a coordinate of `mine` shares with each coordinate of `theirs`.
fn shared(
    mine: &AxisMap,
    coordinate: i64,
    theirs: &AxisMap,
    alone: &[Decomposition; 2],
    side: usize,
) -> Outcome<Vec<Share>> {
    let Some(part) = mine.dim(coordinate).filter(|part| part.owned_len() > 0) else { return Ok(Vec::new()) };
    let share = |peer, core| Share { peer, core, rim: 0 };
    Ok(match (round(mine), round(theirs)) {
        (Some(_), Some(_)) => of_plan(&Plan::for_rank(&alone[0], &alone[1], coordinate)?, side),
        // A block meets every turn of a long round, else the stretches that it covers.
        (None, Some(whole)) if part.owned_len() >= whole.round => {
            let (start, end) = ends(&part);
            let count = |peer| theirs.owned_before(peer, end) - theirs.owned_before(peer, start);
            (0..theirs.proc_grid_size()).map(|peer| share(peer, count(peer))).filter(|s| s.core > 0).collect()
        }
        (Some(whole), None) if part.owned_len() / whole.block >= theirs.proc_grid_size() => {
            let (mut end, mut before) = (0, 0);
            let mut count = |peer: i64| {
                // Blocks meet: each ends its length after the one before.
                end += theirs.owned_before(peer, i64::MAX);
                let owned = mine.owned_before(coordinate, end);
                owned - std::mem::replace(&mut before, owned)
            };
            (0..theirs.proc_grid_size()).map(|peer| share(peer, count(peer))).filter(|s| s.core > 0).collect()
        }
        _ => {
            let mut shares: Vec<Share> = Vec::new();
            for run in part.owned_runs().as_slice() {
                for start in (0..run.count).map(|k| run.start + k * run.stride) {
                    let (mut at, end) = (start, start + run.len);
                    while at < end {
                        let Some(stretch) = theirs.stretch(at) else { break };
                        let stop = stretch.stop.min(end);
                        shares.push(share(stretch.coordinate, stop - at));
                        at = stop;
                    }
                }
            }
            joined(shares)
        }
    })
}

/// One share for each peer, by ascending peers.
fn joined(mut shares: Vec<Share>) -> Vec<Share> {
    shares.sort_by_key(|share| share.peer);
    shares.dedup_by(|next, kept| {
        let same = next.peer == kept.peer;
        if same {
            kept.core += next.core;
            kept.rim += next.rim;
        }
        same
    });
    shares
}

/// What a plan along an only axis sends (0) or receives (1).
fn of_plan(plan: &Plan, side: usize) -> Vec<Share> {
    let share = |message: Message<'_>| {
        let sum = |rim: bool| -> i64 {
            let pieces = message.axes.iter().flat_map(|part| part.pieces);
            pieces.filter(|piece| piece.rim == rim).map(Piece::elements).sum()
        };
        Share { peer: message.rank, core: sum(false), rim: sum(true) }
    };
    joined(if side == 0 { plan.sends().map(share).collect() } else { plan.receives().map(share).collect() })
}

/// Where a block begins and ends.
fn ends(part: &Dim) -> (i64, i64) {
    let owned = part.owned_runs();
    owned.as_slice().first().map_or((0, 0), |run| (run.start, run.start + run.len))
}

/// How a cyclic axis goes round: the length of a block, and of a block for each process.
struct Round {
    block: i64,
    round: i64,
}

fn round(map: &AxisMap) -> Option<Round> {
    match *map.dim(0)?.dist() {
        Dist::Cyclic { block_size: block, .. } => {
            Some(Round { block, round: block.saturating_mul(map.proc_grid_size()) })
        }
        _ => None,
    }
}

/// About how many steps [`shared`] takes.
fn work(mine: &AxisMap, theirs: &AxisMap) -> f64 {
    let (size, procs) = (mine.size() as f64, theirs.proc_grid_size() as f64);
    let owned = size / mine.proc_grid_size() as f64;
    match (round(mine), round(theirs)) {
        (None, None) => 2.0 + procs / mine.proc_grid_size() as f64,
        (None, Some(theirs)) => 2.0 + procs.min(owned / theirs.block as f64),
        (Some(round), None) => {
            2.0 + procs.min(owned / round.block as f64) + procs / mine.proc_grid_size() as f64
        }
        (Some(mine), Some(theirs)) => {
            let (a, b) = (mine.round as f64, theirs.round as f64);
            let common = a / greatest_common_divisor(mine.round, theirs.round) as f64 * b;
            let blocks = common.min(size) / a + 1.0;
            blocks * (2.0 + mine.block as f64 / theirs.block as f64)
        }
    }
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
