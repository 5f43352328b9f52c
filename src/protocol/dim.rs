//! One dimension dictionary: this process's part of one axis.

use super::run::{Run, Runs};
use super::{Indices, validate};
use crate::error::Result;

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
    /// Saturates instead of overflowing; [`Dim::new`] then refuses it by rule C2.
    #[must_use]
    pub fn cyclic(coordinate: i64, block_size: i64) -> Self {
        let start = coordinate.saturating_mul(block_size);
        Self::Cyclic { start, block_size, first_block: block_size }
    }

    /// Any indices, all of them owned.
    #[must_use]
    pub fn unstructured(indices: Vec<i64>) -> Self {
        let num_owned = i64::try_from(indices.len()).unwrap_or(i64::MAX);
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
            Dist::Unstructured { indices, .. } => i64::try_from(indices.len()).unwrap_or(i64::MAX),
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

    fn global_of(self, local: i64) -> i64 {
        let v = local + self.lacking();
        (v / self.block * self.procs + self.turn) * self.block + v % self.block - self.missing
    }

    fn local_of(self, global: i64) -> Option<i64> {
        let v = global + self.missing;
        let block = v / self.block;
        (block % self.procs == self.turn)
            .then(|| block / self.procs * self.block + v % self.block - self.lacking())
    }

    fn runs(self, size: i64, runs: &mut Runs) {
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
