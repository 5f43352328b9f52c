//! Sets of global indices as a few arithmetic runs.

use crate::number::as_i64;

/// `count` stretches of `len` consecutive indices, the first at `start`, each
/// `stride` after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First index of the first stretch.
    pub start: i64,
    /// Consecutive indices in each stretch.
    pub len: i64,
    /// Distance between the starts of neighbouring stretches.
    pub stride: i64,
    /// Number of stretches.
    pub count: i64,
}

impl Run {
    /// One stretch `start..stop`.
    #[must_use]
    pub fn stretch(start: i64, stop: i64) -> Self {
        let len = (stop - start).max(0);
        Self { start, len, stride: len, count: 1 }
    }

    /// Every index, ascending when the strides are.
    pub fn indices(self) -> impl Iterator<Item = i64> {
        (0..self.count).flat_map(move |k| (0..self.len).map(move |i| self.start + k * self.stride + i))
    }
}

/// The runs of one process along one axis, in local order; empty runs are left out.
///
/// A block has one run, a cyclic part at most three (a first block cut short,
/// the whole blocks, a last block cut short), an unstructured part one for each
/// stretch of consecutive indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(Vec<Run>);

impl Runs {
    pub(super) fn push(&mut self, run: Run) {
        if run.len > 0 && run.count > 0 {
            self.0.push(run);
        }
    }

    /// Consecutive stretches of any list of indices.
    pub(super) fn of_list(indices: &[i64]) -> Self {
        let mut runs = Self::default();
        for stretch in indices.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
            let len = as_i64(stretch.len());
            runs.push(Run { start: stretch[0], len, stride: len, count: 1 });
        }
        runs
    }

    /// The runs as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Run] {
        &self.0
    }

    /// Every index in local order.
    pub fn indices(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().flat_map(|run| run.indices())
    }
}
