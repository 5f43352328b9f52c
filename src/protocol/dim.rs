//! One dimension dictionary: this process's part of one axis.

use super::deal::Deal;
use super::run::{Run, Runs};
use super::{Dist, validate};
use crate::error::Result;
use crate::number::as_i64;

/// One process's part of one axis. A `Dim` obeys every structural rule, so its
/// maps never fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dim {
    pub(super) size: i64,
    pub(super) proc_grid_size: i64,
    pub(super) proc_grid_rank: i64,
    pub(super) dist: Dist,
    pub(super) component: bool,
}

impl Dim {
    /// The part of the process at coordinate `proc_grid_rank` of `proc_grid_size`.
    ///
    /// # Errors
    /// The first structural rule that is broken, by its number.
    pub fn new(size: i64, proc_grid_size: i64, proc_grid_rank: i64, dist: Dist) -> Result<Self> {
        validate::structural(size, proc_grid_size, proc_grid_rank, &dist)?;
        Ok(Self { size, proc_grid_size, proc_grid_rank, dist, component: false })
    }

    /// An axis held whole on a grid of one: the protocol's empty dictionary.
    ///
    /// # Errors
    /// A negative `size`.
    pub fn whole(size: i64) -> Result<Self> {
        Self::new(size, 1, 0, Dist::block(0, size))
    }

    /// Marks the axis as counting components of one value, not space (since 1.0.0).
    #[must_use]
    pub fn component(self) -> Self {
        self.component_if(true)
    }

    /// Says whether the axis counts components.
    pub(crate) fn component_if(mut self, component: bool) -> Self {
        self.component = component;
        self
    }

    /// Checks what needs more than one field, or time proportional to the part:
    /// the strict rules B5, B6 and B7, C5, U2 to U4.
    ///
    /// `extent` is the local buffer's length along this axis.
    ///
    /// # Errors
    /// The first strict rule that is broken, by its number.
    #[inline(always)]
    pub fn check_strict(&self, extent: i64) -> Result<()> {
        validate::strict(self, extent)
    }

    /// Global extent of the axis.
    #[must_use]
    pub fn size(&self) -> i64 {
        self.size
    }

    /// Extent of the process grid along the axis.
    #[must_use]
    pub fn proc_grid_size(&self) -> i64 {
        self.proc_grid_size
    }

    /// This process's coordinate.
    #[must_use]
    pub fn proc_grid_rank(&self) -> i64 {
        self.proc_grid_rank
    }

    /// How the axis is dealt out.
    #[must_use]
    pub fn dist(&self) -> &Dist {
        &self.dist
    }

    /// Whether the axis counts components of one value, not space.
    #[must_use]
    pub fn is_component(&self) -> bool {
        self.component
    }

    /// Number of elements held, padding and ghosts included.
    #[must_use]
    #[inline(always)]
    pub fn len(&self) -> i64 {
        match &self.dist {
            Dist::Block { start, stop, .. } => stop - start,
            Dist::Cyclic { .. } => self.deal().held(self.size),
            Dist::Unstructured { indices, .. } => as_i64(indices.len()),
        }
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Widths of the padding that somebody else owns, at the left and the right end.
    #[must_use]
    #[inline]
    pub fn communication_padding(&self) -> [i64; 2] {
        match self.dist {
            Dist::Block { padding: [left, right], edge_outside, .. } => [
                if self.proc_grid_rank > 0 || edge_outside { left } else { 0 },
                if self.proc_grid_rank < self.proc_grid_size - 1 || edge_outside { right } else { 0 },
            ],
            _ => [0, 0],
        }
    }

    /// Local positions of the owned elements, as `start..stop`.
    #[must_use]
    #[inline]
    pub fn owned_local(&self) -> std::ops::Range<i64> {
        let len = self.len();
        match &self.dist {
            Dist::Unstructured { num_owned, .. } => 0..*num_owned,
            _ => {
                let [left, right] = self.communication_padding();
                let start = left.min(len);
                start..(len - right.min(len)).max(start)
            }
        }
    }

    /// Owned global indices of a block part, as `start..stop`; empty for other kinds.
    pub(crate) fn owned_block(&self) -> std::ops::Range<i64> {
        let Dist::Block { start, .. } = self.dist else { return 0..0 };
        let owned = self.owned_local();
        start + owned.start..start + owned.end
    }

    /// Number of elements owned.
    #[must_use]
    pub fn owned_len(&self) -> i64 {
        let owned = self.owned_local();
        owned.end - owned.start
    }

    /// Global indices held, padding and ghosts included, in local order.
    #[must_use]
    pub fn held_runs(&self) -> Runs {
        self.runs(0..self.len())
    }

    /// Global indices owned, in local order.
    #[must_use]
    pub fn owned_runs(&self) -> Runs {
        self.runs(self.owned_local())
    }

    fn runs(&self, local: std::ops::Range<i64>) -> Runs {
        let mut runs = Runs::default();
        match &self.dist {
            Dist::Block { start, .. } => {
                runs.push(Run::stretch(start + local.start, start + local.end));
            }
            Dist::Cyclic { .. } => self.deal().runs(self.size, &mut runs),
            Dist::Unstructured { indices, .. } => {
                // `local` lies inside the list, whose length is a usize.
                let stop = usize::try_from(local.end).unwrap_or(indices.len());
                runs = Runs::of_list(&indices[..stop]);
            }
        }
        runs
    }

    /// Global index of a held element, `None` outside the part: O(1).
    ///
    /// A halo outside the global range has indices below 0 or from `size` on.
    #[must_use]
    #[inline]
    pub fn global_of(&self, local: i64) -> Option<i64> {
        match &self.dist {
            Dist::Block { start, stop, .. } => (0..stop - start).contains(&local).then(|| start + local),
            Dist::Cyclic { .. } => {
                let deal = self.deal();
                (0..deal.held(self.size)).contains(&local).then(|| deal.global_of(local))
            }
            Dist::Unstructured { indices, .. } => indices.get(usize::try_from(local).ok()?).copied(),
        }
    }

    /// Local position of a held global index, `None` where it is not held: O(1),
    /// O(log n) for an unstructured part.
    #[must_use]
    #[inline]
    pub fn local_of(&self, global: i64) -> Option<i64> {
        match &self.dist {
            Dist::Block { start, stop, .. } => (*start..*stop).contains(&global).then(|| global - start),
            Dist::Cyclic { .. } => {
                (0..self.size).contains(&global).then(|| self.deal().local_of(global)).flatten()
            }
            Dist::Unstructured { indices, .. } => {
                indices.position(global).and_then(|i| i64::try_from(i).ok())
            }
        }
    }

    /// Whether the part ends in ghosts: indices held here and owned elsewhere.
    #[must_use]
    pub fn has_ghosts(&self) -> bool {
        match &self.dist {
            Dist::Unstructured { indices, num_owned, .. } => usize::try_from(*num_owned) != Ok(indices.len()),
            _ => false,
        }
    }

    /// The element of the array that a held index stands for: itself, on a
    /// periodic axis the one it is an image of, `None` outside any other edge.
    #[must_use]
    pub fn inside(&self, global: i64) -> Option<i64> {
        match self.dist {
            Dist::Block { edge_outside: true, periodic, .. } if !(0..self.size).contains(&global) => {
                (periodic && self.size > 0).then(|| global.rem_euclid(self.size))
            }
            _ => Some(global),
        }
    }

    /// The coordinate that owns the first block of a cyclic axis, 0 for other kinds.
    #[must_use]
    pub fn first_process(&self) -> i64 {
        match self.dist {
            Dist::Cyclic { .. } => (self.proc_grid_rank - self.deal().turn).rem_euclid(self.proc_grid_size),
            _ => 0,
        }
    }

    /// The arithmetic of a cyclic part; meaningless for other kinds.
    pub(super) fn deal(&self) -> Deal {
        let Dist::Cyclic { start, block_size, first_block } = self.dist else {
            return Deal { block: 1, procs: 1, turn: 0, missing: 0 };
        };
        let missing = block_size - first_block;
        let turn = if start == 0 { 0 } else { (start + missing) / block_size };
        Deal { block: block_size, procs: self.proc_grid_size, turn, missing }
    }
}
