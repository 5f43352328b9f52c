//! Blocks that meet a cyclic part in many rounds: in a few steps, however long they are.

use super::piece::{Piece, by_peer};
use crate::protocol::AxisMap;

/// Rounds to a block, up to which stretches are found one by one: that is quicker then.
const FEW: i64 = 2;

/// Whether blocks meet a cyclic map in more rounds than are walked stretch by stretch. Both
/// ends of a message must find the same, since the two ways cut it differently: so it
/// depends on the maps alone, not on the coordinate.
pub(super) fn are_many(mine: &AxisMap, theirs: &AxisMap) -> bool {
    let (round, blocks) = match (mine.period(), theirs.period()) {
        (Some((round, _)), None) => (round, theirs),
        (None, Some((round, _))) => (round, mine),
        _ => return false,
    };
    mine.size() / round / FEW > blocks.proc_grid_size()
}

/// The pieces of what `coordinate` of `mine` owns, by the coordinates of `theirs`: of blocks
/// and a cyclic map. Work and pieces are those of the peers.
pub(super) fn owned(mine: &AxisMap, coordinate: i64, theirs: &AxisMap, pieces: &mut Vec<Piece>) {
    if let (Some(period), None) = (mine.period(), theirs.period()) {
        // From one block of theirs to the next one that has a stretch of ours.
        let mut at = mine.global_of(coordinate, 0);
        while let Some(there) = at.and_then(|at| theirs.stretch(at)) {
            let meeting = Meeting { block: theirs.block(there.coordinate), cyclic: mine, coordinate };
            at = meeting.stretches(period, |global, local, len, count| {
                let start = global - meeting.block.start;
                let piece = Piece::stretch(there.coordinate, local, start, len, false);
                pieces.push(Piece { count, ..piece });
            });
        }
        return;
    }
    let Some(period) = theirs.period() else { return };
    let own = mine.block(coordinate);
    let first = pieces.len();
    // Everyone who has a stretch in the first round of ours.
    let mut at = own.start;
    while at < own.end && at - own.start < period.0 {
        let Some(there) = theirs.stretch(at) else { break };
        at = there.stop;
        if pieces.get(first).is_some_and(|piece| i64::from(piece.peer) == there.coordinate) {
            break; // a stretch that we begin within ends the round
        }
        let meeting = Meeting { block: own.clone(), cyclic: theirs, coordinate: there.coordinate };
        meeting.stretches(period, |global, local, len, count| {
            let piece = Piece::stretch(there.coordinate, global - own.start, local, len, false);
            pieces.push(Piece { count, ..piece });
        });
    }
    by_peer(&mut pieces[first..]);
}

/// Where one block meets one coordinate of a cyclic axis: in stretches a round apart.
struct Meeting<'a> {
    block: std::ops::Range<i64>,
    cyclic: &'a AxisMap,
    coordinate: i64,
}

impl Meeting<'_> {
    /// Calls `each` with the global start, the position in the cyclic part, the length and
    /// the number of stretches: a first one cut short, whole ones, a last one cut short.
    /// Returns the next index that the coordinate owns, beyond the block.
    #[inline]
    fn stretches(&self, (round, whole): (i64, i64), mut each: impl FnMut(i64, i64, i64, i64)) -> Option<i64> {
        let Self { ref block, cyclic, coordinate } = *self;
        let next = |from: i64| {
            let local = cyclic.owned_before(coordinate, from);
            Some((cyclic.global_of(coordinate, local)?, local))
        };
        let mut from = block.start;
        loop {
            let (at, local) = next(from)?;
            if at >= block.end {
                return Some(at);
            }
            let end = cyclic.stretch(at)?.stop.min(block.end);
            let more = if end - at == whole { (block.end - end) / round } else { 0 };
            each(at, local, end - at, 1 + more);
            from = end + more * round;
        }
    }
}
