//! Everyone's parts of one axis: who owns which global index.

mod make;

use std::sync::Arc;

use fastdivide::DividerU64;
use serde::{Deserialize, Serialize};

use super::deal::Deal;
use super::{Dim, Dist};
use crate::error::Result;
use crate::number::as_i64;

/// Which coordinate owns each global index of an axis, and where.
///
/// Regular maps take no memory that grows with the number of processes and
/// answer in O(1) by multiplication and shift; irregular blocks take one bound
/// per coordinate and answer in O(log); unstructured ones hold a sorted table.
#[derive(Clone)]
pub struct AxisMap {
    size: i64,
    procs: i64,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// Blocks of one length; the last ones may be short or empty.
    Uniform {
        block: u64,
        by_block: DividerU64,
    },
    /// The first `longer` blocks have one element more than the others.
    Balanced {
        longer: u64,
        short: u64,
        by_long: DividerU64,
        by_short: DividerU64,
    },
    /// Owned starts of every coordinate, and `size` at the end.
    Irregular {
        bounds: Arc<[i64]>,
    },
    /// Blocks dealt round robin, the first to `first_process`.
    Cyclic {
        block: u64,
        first_process: u64,
        missing: u64,
        by_block: DividerU64,
        by_procs: DividerU64,
    },
    Unstructured {
        table: Arc<Table>,
    },
}

struct Table {
    /// `(global index, coordinate, local position)`, sorted.
    entries: Vec<(i64, i64, i64)>,
    /// Owned indices of each coordinate, in local order.
    owned: Vec<Vec<i64>>,
}

/// The rest of an owner's consecutive indices: what [`AxisMap::stretch`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The owner.
    pub coordinate: i64,
    /// Position of the first index among the elements it owns.
    pub local: i64,
    /// One past the last index.
    pub stop: i64,
}

/// What a map is made from: its rule, or its bounds.
#[derive(Serialize, Deserialize)]
pub(crate) enum AxisRule {
    Uniform { size: i64, procs: i64, block: i64 },
    Balanced { size: i64, procs: i64 },
    Irregular { bounds: Vec<i64> },
    Cyclic { size: i64, procs: i64, block_size: i64, first_process: i64, first_block: i64 },
    Unstructured { size: i64, owned: Vec<Vec<i64>> },
}

impl AxisMap {
    /// What the map is made from.
    pub(crate) fn rule(&self) -> AxisRule {
        let Self { size, procs, kind } = self;
        let (size, procs) = (*size, *procs);
        match kind {
            Kind::Uniform { block, .. } => AxisRule::Uniform { size, procs, block: block.cast_signed() },
            Kind::Balanced { .. } => AxisRule::Balanced { size, procs },
            Kind::Irregular { bounds } => AxisRule::Irregular { bounds: bounds.to_vec() },
            Kind::Cyclic { block, first_process, missing, .. } => AxisRule::Cyclic {
                size,
                procs,
                block_size: block.cast_signed(),
                first_process: first_process.cast_signed(),
                first_block: block.cast_signed() - missing.cast_signed(),
            },
            Kind::Unstructured { table } => AxisRule::Unstructured { size, owned: table.owned.clone() },
        }
    }

    /// The map made from this.
    ///
    /// # Errors
    /// As for the maker of its kind.
    pub(crate) fn of_rule(rule: AxisRule) -> Result<Self> {
        match rule {
            AxisRule::Uniform { size, procs, block } => Self::uniform(size, procs, block),
            AxisRule::Balanced { size, procs } => Self::balanced(size, procs),
            AxisRule::Irregular { bounds } => Self::irregular(bounds),
            AxisRule::Cyclic { size, procs, block_size, first_process, first_block } => {
                Self::cyclic(size, procs, block_size, first_process, first_block)
            }
            AxisRule::Unstructured { size, owned } => Self::unstructured(size, owned),
        }
    }

    /// Global extent of the axis.
    #[must_use]
    pub fn size(&self) -> i64 {
        self.size
    }

    /// Extent of the process grid along the axis.
    #[must_use]
    pub fn proc_grid_size(&self) -> i64 {
        self.procs
    }

    /// The protocol's letter for this kind.
    #[must_use]
    pub fn letter(&self) -> char {
        match self.kind {
            Kind::Cyclic { .. } => 'c',
            Kind::Unstructured { .. } => 'u',
            _ => 'b',
        }
    }

    /// Whether the map is a rule, not a table.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        !matches!(self.kind, Kind::Irregular { .. } | Kind::Unstructured { .. })
    }

    /// Coordinate that owns a global index, `None` where nobody does.
    #[must_use]
    #[inline]
    pub fn owner(&self, global: i64) -> Option<i64> {
        self.locate(global).map(|(coordinate, _)| coordinate)
    }

    /// Owner of a global index and its position among the owner's elements,
    /// `None` where nobody owns it.
    #[must_use]
    #[inline(always)] // a few instructions for the regular kinds, in loops over indices
    pub fn locate(&self, global: i64) -> Option<(i64, i64)> {
        // All values below are at most `size + block`, which fits: wrapping
        // arithmetic spares the tests for overflow.
        let g = global.cast_unsigned();
        let inside = g < self.size.cast_unsigned();
        let (coordinate, local) = match &self.kind {
            Kind::Uniform { block, by_block } if inside => {
                let c = by_block.divide(g);
                (c, g.wrapping_sub(c.wrapping_mul(*block)))
            }
            Kind::Balanced { longer, short, by_long, by_short } if inside => {
                // Each quotient is the owner in its own part and less in the other's.
                let c = by_long.divide(g).max(by_short.divide(g.saturating_sub(*longer)));
                (c, g.wrapping_sub(c.wrapping_mul(*short)).wrapping_sub(c.min(*longer)))
            }
            Kind::Cyclic { block, first_process, missing, by_block, by_procs } if inside => {
                let v = g.wrapping_add(*missing);
                let b = by_block.divide(v);
                let round = by_procs.divide(b);
                let procs = self.procs.cast_unsigned();
                let turn = b.wrapping_sub(round.wrapping_mul(procs));
                let c = turn.wrapping_add(*first_process);
                // Products instead of branches: random indices defeat prediction.
                let wrapped = c.wrapping_sub(procs.wrapping_mul(u64::from(c >= procs)));
                let lacking = missing.wrapping_mul(u64::from(turn == 0));
                let before = b.wrapping_sub(round).wrapping_mul(*block);
                (wrapped, v.wrapping_sub(before).wrapping_sub(lacking))
            }
            _ => return self.locate_in_table(global),
        };
        Some((coordinate.cast_signed(), local.cast_signed()))
    }

    /// [`locate`](Self::locate) for kinds that keep a table, and outside the axis.
    #[inline(never)]
    fn locate_in_table(&self, global: i64) -> Option<(i64, i64)> {
        match &self.kind {
            Kind::Unstructured { table } => {
                let at = table.entries.partition_point(|&(index, ..)| index < global);
                let &(index, coordinate, local) = table.entries.get(at)?;
                (index == global).then_some((coordinate, local))
            }
            Kind::Irregular { bounds } if (0..self.size).contains(&global) => {
                let after = bounds.partition_point(|&b| b <= global);
                let coordinate = i64::try_from(after).ok()? - 1;
                Some((coordinate, global - bounds[after - 1]))
            }
            _ => None,
        }
    }

    /// The rest of the owner's consecutive indices from a global index on: its
    /// coordinate, the index's position among the elements it owns, and where the
    /// stretch stops. `None` where nobody owns the index and on an unstructured axis.
    #[must_use]
    #[inline]
    pub fn stretch(&self, global: i64) -> Option<Stretch> {
        let (coordinate, local) = self.locate(global)?;
        let stop = match &self.kind {
            Kind::Cyclic { block, missing, by_block, .. } => {
                let block_number = by_block.divide(global.cast_unsigned() + missing);
                let end = (block_number + 1).saturating_mul(*block) - missing;
                end.min(self.size.cast_unsigned()).cast_signed()
            }
            Kind::Unstructured { .. } => return None,
            _ => self.block_start(coordinate + 1),
        };
        Some(Stretch { coordinate, local, stop })
    }

    /// How many indices below a global one a coordinate owns, 0 outside the grid: O(1),
    /// on an unstructured axis O(its part).
    #[must_use]
    #[inline]
    pub fn owned_before(&self, coordinate: i64, global: i64) -> i64 {
        if !(0..self.procs).contains(&coordinate) {
            return 0;
        }
        let end = global.clamp(0, self.size);
        match &self.kind {
            Kind::Cyclic { block, first_process, missing, .. } => {
                let turn = (coordinate - first_process.cast_signed()).rem_euclid(self.procs);
                let (block, missing) = (block.cast_signed(), missing.cast_signed());
                Deal { block, procs: self.procs, turn, missing }.held(end).max(0)
            }
            Kind::Unstructured { table } => {
                let owned = usize::try_from(coordinate).ok().and_then(|c| table.owned.get(c));
                let below = owned.map_or(0, |owned| owned.iter().filter(|&&index| index < end).count());
                as_i64(below)
            }
            _ => {
                let block = self.block(coordinate);
                end.clamp(block.start, block.end) - block.start
            }
        }
    }

    /// The indices that a coordinate of a block axis owns.
    #[inline]
    pub(crate) fn block(&self, coordinate: i64) -> std::ops::Range<i64> {
        self.block_start(coordinate)..self.block_start(coordinate + 1)
    }

    /// After how many indices, and how many elements of each part, the pattern of
    /// owners repeats; `None` where it does not.
    pub(crate) fn period(&self) -> Option<(i64, i64)> {
        match &self.kind {
            Kind::Cyclic { block, .. } => {
                let block = block.cast_signed();
                Some((block.checked_mul(self.procs)?, block))
            }
            _ => None,
        }
    }

    /// Global index of an owner's element, `None` outside its part.
    ///
    /// Not inlined: hoisted out of a loop, tests of one kind's fields would come
    /// before the test for the kind, and a memory checker reports them.
    #[must_use]
    #[inline(never)]
    pub fn global_of(&self, coordinate: i64, local: i64) -> Option<i64> {
        if !(0..self.procs).contains(&coordinate) || local < 0 {
            return None;
        }
        match &self.kind {
            Kind::Cyclic { .. } => self.dim(coordinate)?.global_of(local),
            Kind::Unstructured { table } => {
                let owned = table.owned.get(usize::try_from(coordinate).ok()?)?;
                owned.get(usize::try_from(local).ok()?).copied()
            }
            _ => {
                let start = self.block_start(coordinate);
                (local < self.block_start(coordinate + 1) - start).then(|| start + local)
            }
        }
    }

    /// The part of one coordinate, without padding; `None` outside the grid.
    #[must_use]
    pub fn dim(&self, coordinate: i64) -> Option<Dim> {
        if !(0..self.procs).contains(&coordinate) {
            return None;
        }
        let dist = match &self.kind {
            Kind::Cyclic { block, first_process, missing, .. } => {
                let turn = (coordinate - first_process.cast_signed()).rem_euclid(self.procs);
                let (block_size, missing) = (block.cast_signed(), missing.cast_signed());
                let start = turn.checked_mul(block_size)?.checked_sub(missing)?.max(0);
                Dist::Cyclic { start, block_size, first_block: block_size - missing }
            }
            Kind::Unstructured { table } => {
                Dist::unstructured(table.owned.get(usize::try_from(coordinate).ok()?)?.clone())
            }
            _ => Dist::block(self.block_start(coordinate), self.block_start(coordinate + 1)),
        };
        Dim::new(self.size, self.procs, coordinate, dist).ok()
    }

    /// Owned start of a block, `size` past the last coordinate.
    #[inline]
    pub(crate) fn block_start(&self, coordinate: i64) -> i64 {
        let c = coordinate.unsigned_abs();
        let start = match &self.kind {
            Kind::Uniform { block, .. } => c.saturating_mul(*block),
            Kind::Balanced { longer, short, .. } => c * short + c.min(*longer),
            Kind::Irregular { bounds } => {
                return usize::try_from(c).ok().and_then(|c| bounds.get(c)).copied().unwrap_or(self.size);
            }
            _ => 0,
        };
        start.min(self.size.unsigned_abs()).cast_signed()
    }
}

impl std::fmt::Debug for AxisMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rule = match &self.kind {
            Kind::Uniform { .. } => "uniform",
            Kind::Balanced { .. } => "balanced",
            Kind::Irregular { .. } => "irregular",
            Kind::Cyclic { .. } => "cyclic",
            Kind::Unstructured { .. } => "unstructured",
        };
        write!(f, "AxisMap({rule}, size {}, procs {})", self.size, self.procs)
    }
}
