//! Interval algebra: where two ways of dealing out one axis meet.
//!
//! A [`Piece`] is a set of elements along one axis that one rank has and another
//! has too, as positions in the memory of both. Everything is made from the two
//! axis maps alone, so that both ranks of a pair derive the same pieces in the
//! same order, without a message.
//!
//! Two cyclic axes meet in a pattern that repeats every `lcm` of their rounds: a
//! piece states one stretch of the first round and how often it comes back.

use super::rounds;
use crate::protocol::AxisMap;

/// `count` stretches of `len` elements that this rank and a peer share along an axis.
///
/// The stretches lie [`Steps`] apart. Positions count from each rank's first owned
/// element; halo positions before it are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The other rank's coordinate.
    pub peer: u32,
    /// Whether the elements lie in the halo of the receiving rank.
    pub rim: bool,
    /// Position of the first element here.
    pub mine: i64,
    /// Position of the first element there.
    pub theirs: i64,
    /// Elements in each stretch.
    pub len: i64,
    /// Number of stretches.
    pub count: i64,
}

/// A coordinate as a piece keeps it: [`Plan`](super::Plan) checked that it fits.
pub(super) fn coordinate(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Piece {
    /// One stretch.
    #[inline]
    pub(super) fn stretch(peer: i64, mine: i64, theirs: i64, len: i64, rim: bool) -> Self {
        Self::shared(coordinate(peer), mine, theirs, len, rim)
    }

    /// One stretch, by the peer's coordinate as a piece keeps it.
    #[inline]
    fn shared(peer: u32, mine: i64, theirs: i64, len: i64, rim: bool) -> Self {
        Self { peer, rim, mine, theirs, len, count: 1 }
    }

    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> i64 {
        self.len * self.count
    }
}

/// Distances between the stretches of all pieces of an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// In the positions of this rank.
    pub mine: i64,
    /// In the positions of its peers.
    pub theirs: i64,
}

/// The pieces of what `coordinate` of `mine` owns, by the coordinates of `theirs`.
///
/// Work and pieces are those of one common round of two cyclic axes, or of the part.
pub(super) fn owned(mine: &AxisMap, coordinate: i64, theirs: &AxisMap, pieces: &mut Vec<Piece>) -> Steps {
    let size = mine.size();
    let (round, steps) = match common_round(mine, theirs) {
        Some((round, steps)) if round < size => (round, steps),
        _ => (size, Steps::default()),
    };
    // Where one block meets the stretches of a cyclic part, they lie a round apart.
    let apart = match (mine.period(), theirs.period()) {
        (Some((round, block)), None) => Steps { mine: block, theirs: round },
        (None, Some((round, block))) => Steps { mine: round, theirs: block },
        _ => Steps::default(),
    };
    let folds = steps == Steps::default() && apart != Steps::default();
    if folds && rounds::are_many(mine, theirs) {
        rounds::owned(mine, coordinate, theirs, pieces);
        return apart;
    }
    let first = pieces.len();
    let mut whole = Whole { pieces, round, size, steps, first };
    if let Some((period, block)) = mine.period() {
        let mut local = 0;
        // The first block of this coordinate, which may be cut short.
        let Some(mut global) = mine.global_of(coordinate, 0) else { return steps };
        while global < round {
            let Some(stretch) = mine.stretch(global) else { break };
            let stop = stretch.stop.min(round);
            whole.split(global, stop, local, theirs);
            local += stretch.stop - global;
            global = stretch.stop - block + period;
        }
    } else {
        let block = mine.block(coordinate);
        whole.split(block.start, block.end.min(round), 0, theirs);
    }
    by_peer(&mut pieces[first..]);
    if folds {
        fold(pieces, first, apart);
        return apart;
    }
    steps
}

/// Makes one piece of stretches that lie `steps` apart.
fn fold(pieces: &mut Vec<Piece>, first: usize, steps: Steps) {
    let mut kept = first;
    for at in first..pieces.len() {
        let piece = pieces[at];
        if kept > first {
            let last = &mut pieces[kept - 1];
            let next = Piece {
                mine: last.mine + last.count * steps.mine,
                theirs: last.theirs + last.count * steps.theirs,
                count: piece.count,
                ..*last
            };
            if piece == next {
                last.count += 1;
                continue;
            }
        }
        pieces[kept] = piece;
        kept += 1;
    }
    pieces.truncate(kept);
}

/// How many indices after which both maps repeat, and the positions in between.
fn common_round(mine: &AxisMap, theirs: &AxisMap) -> Option<(i64, Steps)> {
    // An axis that one process holds whole repeats after any number of indices.
    let of = |map: &AxisMap| match map.period() {
        Some(period) => Some(Some(period)),
        None if map.proc_grid_size() == 1 => Some(None),
        None => None,
    };
    match (of(mine)?, of(theirs)?) {
        (None, None) => None,
        (Some((round, block)), None) => Some((round, Steps { mine: block, theirs: round })),
        (None, Some((round, block))) => Some((round, Steps { mine: round, theirs: block })),
        (Some((a, mine)), Some((b, theirs))) => {
            let times = b / greatest_common_divisor(a, b);
            let round = a.checked_mul(times)?;
            Some((round, Steps { mine: mine * times, theirs: theirs * (round / b) }))
        }
    }
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Pieces of whole stretches, each as often as it fits into the axis.
struct Whole<'a> {
    pieces: &'a mut Vec<Piece>,
    round: i64,
    size: i64,
    steps: Steps,
    first: usize,
}

impl Whole<'_> {
    /// Cuts `start..stop`, which lies at position `local` here, where `theirs` is cut.
    #[inline]
    fn split(&mut self, start: i64, stop: i64, local: i64, theirs: &AxisMap) {
        let mut global = start;
        while global < stop {
            let Some(there) = theirs.stretch(global) else { return };
            let end = there.stop.min(stop);
            let (mine, len) = (local + global - start, end - global);
            self.push(global, Piece::stretch(there.coordinate, mine, there.local, len, false));
            global = end;
        }
    }

    #[inline]
    fn push(&mut self, global: i64, piece: Piece) {
        let rest = self.size - global;
        let count = (rest - 1) / self.round + 1;
        let last = piece.len.min(rest - (count - 1) * self.round);
        // The last stretch may be cut short by the end of the axis.
        let cut = last < piece.len;
        let piece = Piece { count: count - i64::from(cut), ..piece };
        if piece.count > 0 {
            self.join(piece);
        }
        if cut {
            self.pieces.push(Piece {
                mine: piece.mine + piece.count * self.steps.mine,
                theirs: piece.theirs + piece.count * self.steps.theirs,
                len: last,
                count: 1,
                ..piece
            });
        }
    }

    /// Adds a piece, or lengthens the one before where they lie side by side in both memories.
    #[inline]
    fn join(&mut self, piece: Piece) {
        if self.pieces.len() > self.first
            && let Some(before) = self.pieces.last_mut()
            && (before.peer, before.count) == (piece.peer, piece.count)
            && before.mine + before.len == piece.mine
            && before.theirs + before.len == piece.theirs
        {
            before.len += piece.len;
        } else {
            self.pieces.push(piece);
        }
    }
}

/// Puts pieces in the order of their peers; those of one peer stay in order.
pub(super) fn by_peer(pieces: &mut [Piece]) {
    if !pieces.is_sorted_by_key(|piece| piece.peer) {
        pieces.sort_by_key(|piece| piece.peer);
    }
}

/// The halo of one block axis: who holds copies of what others own.
pub(super) struct Rim {
    /// Widths that every process has, or those of this one, which its neighbours share.
    pub(super) width: [i64; 2],
    /// Whether every process has it on both sides, around the edges too.
    pub(super) all_around: bool,
    /// Whether what lies outside one edge is an image of what lies inside the other.
    pub(super) periodic: bool,
}

impl Rim {
    /// What a coordinate and its neighbours own.
    #[inline]
    pub(super) fn place(&self, map: &AxisMap, coordinate: i64) -> Place {
        let own = map.block(coordinate);
        let neighbours = self.neighbours(map, coordinate, &own);
        Place { at: self::coordinate(coordinate), own, neighbours }
    }

    /// What the coordinate holds, by the owners; positions here are those of the receiver.
    #[inline]
    pub(super) fn receives(&self, map: &AxisMap, place: &Place, pieces: &mut Vec<Piece>) {
        let Place { ref own, neighbours, .. } = *place;
        if let Some([left, right]) = neighbours {
            let len = own.end - own.start;
            let [before, after] = self.width;
            if left.len > 0 && before > 0 {
                pieces.push(Piece::shared(left.at, -before, left.len - before, before, true));
            }
            if len > 0 {
                pieces.push(Piece::shared(place.at, 0, 0, len, false));
            }
            if right.len > 0 && after > 0 {
                pieces.push(Piece::shared(right.at, len, 0, after, true));
            }
            return;
        }
        let first = pieces.len();
        let mut held = |from: i64, to: i64, rim: bool| {
            let mut at = from;
            while at < to {
                let Some((global, image)) = self.inside(at, map.size()) else {
                    // Outside any edge nobody owns: up to the edge or the end.
                    at = if at < 0 { to.min(0) } else { to };
                    continue;
                };
                let Some(there) = map.stretch(global) else { return };
                let end = (there.stop + image).min(to);
                pieces.push(Piece::stretch(there.coordinate, at - own.start, there.local, end - at, rim));
                at = end;
            }
        };
        held(own.start - self.width[0], own.start, true);
        held(own.start, own.end, false);
        held(own.end, own.end + self.width[1], true);
        by_peer(&mut pieces[first..]);
    }

    /// What the coordinate owns, by those who hold it; positions here are those of the owner.
    #[inline]
    pub(super) fn sends(&self, map: &AxisMap, place: &Place, pieces: &mut Vec<Piece>) {
        let Place { ref own, neighbours, .. } = *place;
        let len = own.end - own.start;
        if len == 0 {
            return;
        }
        if let Some([left, right]) = neighbours {
            // Paired padding is as wide on both sides of an interface (rule W5).
            let [to_left, to_right] =
                if self.all_around { [self.width[1], self.width[0]] } else { self.width };
            if left.len > 0 && to_left > 0 {
                pieces.push(Piece::shared(left.at, 0, left.len, to_left, true));
            }
            pieces.push(Piece::shared(place.at, 0, 0, len, false));
            if right.len > 0 && to_right > 0 {
                pieces.push(Piece::shared(right.at, len - to_right, -to_right, to_right, true));
            }
            return;
        }
        let first = pieces.len();
        let images = if self.periodic { -1..=1 } else { 0..=0 };
        for image in images {
            let (start, end) = (own.start + image * map.size(), own.end + image * map.size());
            for peer in self.reached(map, start, end) {
                let part = map.block(peer);
                let segments = [
                    (part.start - self.width[0], part.start, true),
                    (part.start, part.end, false),
                    (part.end, part.end + self.width[1], true),
                ];
                for (from, to, rim) in segments {
                    let (from, to) = (from.max(start), to.min(end));
                    if from < to {
                        pieces.push(Piece::stretch(peer, from - start, from - part.start, to - from, rim));
                    }
                }
            }
        }
        // In the receiver's order: by position there.
        pieces[first..].sort_by_key(|piece| (piece.peer, piece.theirs));
    }

    /// The neighbours on both sides, where the halo reaches no further and no two of
    /// the three are one: the usual case. One that is not there owns nothing.
    #[inline]
    fn neighbours(
        &self,
        map: &AxisMap,
        coordinate: i64,
        own: &std::ops::Range<i64>,
    ) -> Option<[Neighbour; 2]> {
        let procs = map.proc_grid_size();
        let at = |at: i64, len: i64| Neighbour { at: self::coordinate(at), len };
        let around = |at: i64| {
            let part = if self.periodic { map.block(at) } else { 0..0 };
            Neighbour { at: self::coordinate(at), len: part.end - part.start }
        };
        // The left one ends where this one begins, the right one begins where it ends.
        let both = [
            match coordinate - 1 {
                -1 => around(procs - 1),
                left => at(left, own.start - map.block_start(left)),
            },
            match coordinate + 1 {
                right if right == procs => around(0),
                right => at(right, map.block_start(right + 1) - own.end),
            },
        ];
        if !self.all_around {
            return Some(both); // by rule W5
        }
        let widest = self.width[0].max(self.width[1]);
        let edge = |which: usize| !self.periodic && [coordinate == 0, coordinate == procs - 1][which];
        let reaches = |which: usize| both[which].len >= widest || edge(which);
        let one_hop = own.end - own.start >= widest && reaches(0) && reaches(1);
        (one_hop && (procs > 2 || !self.periodic)).then_some(both)
    }

    /// The index inside the axis that one outside stands for, and the distance between them.
    fn inside(&self, index: i64, size: i64) -> Option<(i64, i64)> {
        if (0..size).contains(&index) {
            return Some((index, 0));
        }
        let wrapped = (self.periodic && size > 0).then(|| index.rem_euclid(size))?;
        Some((wrapped, index - wrapped))
    }

    /// Coordinates whose part and halo may reach into `start..end`.
    fn reached(&self, map: &AxisMap, start: i64, end: i64) -> std::ops::Range<i64> {
        let (low, high) = (start - self.width[1], end - 1 + self.width[0]);
        let last = map.size() - 1;
        if low > last || high < 0 {
            return 0..0;
        }
        let first = if low <= 0 { 0 } else { map.owner(low).unwrap_or(0) };
        let beyond = if high >= last { map.proc_grid_size() } else { map.owner(high).map_or(0, |o| o + 1) };
        first..beyond
    }
}

/// A coordinate of an axis, what it owns, and its neighbours in the usual case.
pub(super) struct Place {
    at: u32,
    own: std::ops::Range<i64>,
    neighbours: Option<[Neighbour; 2]>,
}

/// One side's neighbour along an axis: its coordinate, and how much it owns.
#[derive(Clone, Copy)]
struct Neighbour {
    at: u32,
    len: i64,
}
