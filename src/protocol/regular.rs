//! An axis without an index list, as plain numbers.

use super::{Dim, Dist, validate};
use crate::error::Result;

/// A [`Dim`] of blocks, held whole or dealt out, as plain numbers: with no index
/// list there is nothing to drop, so it stays in registers while it is checked.
#[derive(Clone, Copy)]
pub(crate) struct Regular {
    pub size: i64,
    pub proc_grid_size: i64,
    pub proc_grid_rank: i64,
    pub blocks: Blocks,
    pub component: bool,
}

/// The kinds of [`Dist`] that need no index list.
#[derive(Clone, Copy)]
pub(crate) enum Blocks {
    One { start: i64, stop: i64, padding: [i64; 2], periodic: bool, edge_outside: bool },
    Cyclic { start: i64, block_size: i64, first_block: i64 },
}

impl Regular {
    /// The axis, where it keeps every structural rule.
    ///
    /// # Errors
    /// As for [`Dim::new`].
    #[inline(always)] // the C border makes one per axis and import
    pub(crate) fn checked(self) -> Result<Self> {
        validate::regular(&self)?;
        Ok(self)
    }

    /// The axis as such; it was [`checked`](Self::checked).
    #[inline(always)]
    pub(crate) fn into_dim(self) -> Dim {
        let Self { size, proc_grid_size, proc_grid_rank, blocks, component } = self;
        let dist = match blocks {
            Blocks::One { start, stop, padding, periodic, edge_outside } => {
                Dist::Block { start, stop, padding, periodic, edge_outside }
            }
            Blocks::Cyclic { start, block_size, first_block } => {
                Dist::Cyclic { start, block_size, first_block }
            }
        };
        Dim { size, proc_grid_size, proc_grid_rank, dist, component }
    }
}
