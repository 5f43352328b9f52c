//! The arithmetic of cyclic axes.

use super::run::{Run, Runs};

/// Dealing blocks round robin, for the process whose turn is `turn`.
///
/// A first block cut short is a whole block that lacks its first `missing`
/// indices: with `v = global + missing` every formula is that of whole blocks.
#[derive(Clone, Copy)]
pub(super) struct Deal {
    pub(super) block: i64,
    pub(super) procs: i64,
    pub(super) turn: i64,
    pub(super) missing: i64,
}

impl Deal {
    /// Indices lacking at the front of this process's own first block.
    fn lacking(self) -> i64 {
        if self.turn == 0 { self.missing } else { 0 }
    }

    /// Number of elements of an axis of `size` that fall to this process.
    pub(super) fn held(self, size: i64) -> i64 {
        let total = size + self.missing;
        let (whole, rest) = (total / self.block, total % self.block);
        let (rounds, last) = (whole / self.procs, whole % self.procs);
        let partial = match self.turn.cmp(&last) {
            std::cmp::Ordering::Less => self.block,
            std::cmp::Ordering::Equal => rest,
            std::cmp::Ordering::Greater => 0,
        };
        rounds * self.block + partial - self.lacking()
    }

    pub(super) fn global_of(self, local: i64) -> i64 {
        let v = local + self.lacking();
        (v / self.block * self.procs + self.turn) * self.block + v % self.block - self.missing
    }

    pub(super) fn local_of(self, global: i64) -> Option<i64> {
        let v = global + self.missing;
        let block = v / self.block;
        (block % self.procs == self.turn)
            .then(|| block / self.procs * self.block + v % self.block - self.lacking())
    }

    pub(super) fn runs(self, size: i64, runs: &mut Runs) {
        let held = self.held(size);
        if held <= 0 {
            return;
        }
        let head = if self.lacking() > 0 { held.min(self.block - self.lacking()) } else { 0 };
        let whole = (held - head) / self.block;
        let tail = held - head - whole * self.block;
        if head > 0 {
            runs.push(Run { start: 0, len: head, stride: head, count: 1 });
        }
        if whole > 0 {
            // One stretch has no next one, so its stride may be its length.
            let stride = if whole > 1 { self.block * self.procs } else { self.block };
            runs.push(Run { start: self.global_of(head), len: self.block, stride, count: whole });
        }
        if tail > 0 {
            let start = self.global_of(held - tail);
            runs.push(Run { start, len: tail, stride: tail, count: 1 });
        }
    }
}
