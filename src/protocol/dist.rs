//! How one axis is dealt out over the processes.

use super::Indices;
use crate::number::as_i64;

/// How one axis is dealt out, and which part is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dist {
    /// One stretch `start..stop`, padding included.
    Block {
        /// First global index held, padding included; below 0 only outside the edge.
        start: i64,
        /// One past the last global index held, padding included.
        stop: i64,
        /// Widths of the padding at the left and the right end.
        padding: [i64; 2],
        /// Whether the axis wraps around.
        periodic: bool,
        /// Whether the padding at the two edges of the grid lies outside `0..size`
        /// (since 1.0.0; otherwise it is boundary padding, counted in `size`).
        edge_outside: bool,
    },
    /// Blocks of `block_size` dealt out round robin.
    Cyclic {
        /// First global index held: the start of this process's first block.
        start: i64,
        /// Length of a block; 1 is plain cyclic.
        block_size: i64,
        /// Length of the axis's first block, at most `block_size` (since 1.0.0).
        first_block: i64,
    },
    /// Any set of global indices.
    Unstructured {
        /// Global index of each local element: the owned ones first, then ghosts.
        indices: Indices,
        /// Leading indices that are owned here; the others are ghosts (since 1.0.0).
        num_owned: i64,
        /// Whether every index is owned by exactly one process.
        one_to_one: bool,
    },
}

impl Dist {
    /// A block without padding.
    #[must_use]
    pub fn block(start: i64, stop: i64) -> Self {
        Self::padded(start, stop, [0, 0])
    }

    /// A block whose `start..stop` includes padding.
    #[must_use]
    pub fn padded(start: i64, stop: i64, padding: [i64; 2]) -> Self {
        Self::Block { start, stop, padding, periodic: false, edge_outside: false }
    }

    /// Blocks dealt out from process 0, for the process at `coordinate`.
    ///
    /// Saturates instead of overflowing; [`Dim::new`](super::Dim::new) then refuses it by rule C2.
    #[must_use]
    pub fn cyclic(coordinate: i64, block_size: i64) -> Self {
        let start = coordinate.saturating_mul(block_size);
        Self::Cyclic { start, block_size, first_block: block_size }
    }

    /// Any indices, all of them owned.
    #[must_use]
    pub fn unstructured(indices: Vec<i64>) -> Self {
        let num_owned = as_i64(indices.len());
        Self::Unstructured { indices: indices.into(), num_owned, one_to_one: false }
    }

    /// The protocol's letter.
    #[must_use]
    pub fn letter(&self) -> char {
        match self {
            Self::Block { .. } => 'b',
            Self::Cyclic { .. } => 'c',
            Self::Unstructured { .. } => 'u',
        }
    }
}
