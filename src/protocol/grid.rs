//! Which process of the communicator stands at which grid coordinates.
//!
//! Rules G1 to G4 of `protocol-spec/protocol.md`; G4 is strict.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// How grid coordinates are numbered as ranks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GridOrder {
    /// The last axis runs fastest: the only order of 0.10.0, and `MPI_Cart_create`'s.
    #[default]
    RowMajor,
    /// The first axis runs fastest: a BLACS grid of order `'C'`, hand-written Fortran.
    ColumnMajor,
    /// The rank at each row-major position, replica by replica; costs memory
    /// proportional to the number of processes.
    Ranks(Arc<[i64]>),
}

/// The order of the process grid, and this process's replica of the array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcGrid {
    order: GridOrder,
    replicas: i64,
    replica: i64,
}

impl Default for ProcGrid {
    fn default() -> Self {
        Self { order: GridOrder::RowMajor, replicas: 1, replica: 0 }
    }
}

impl ProcGrid {
    /// A grid of one replica in the given order.
    #[must_use]
    pub fn new(order: GridOrder) -> Self {
        Self { order, ..Self::default() }
    }

    /// Says that `replicas` equal copies of the array exist, and this is copy `replica`.
    ///
    /// Ranks count replica by replica: `replica * processes_per_replica + position`.
    #[must_use]
    pub fn replicated(mut self, replicas: i64, replica: i64) -> Self {
        (self.replicas, self.replica) = (replicas, replica);
        self
    }

    /// How coordinates are numbered.
    #[must_use]
    pub fn order(&self) -> &GridOrder {
        &self.order
    }

    /// Number of equal copies of the array.
    #[must_use]
    pub fn replicas(&self) -> i64 {
        self.replicas
    }

    /// Which copy this process belongs to.
    #[must_use]
    pub fn replica(&self) -> i64 {
        self.replica
    }

    /// Number of processes of a grid of these extents, replicas included.
    ///
    /// # Errors
    /// A product that exceeds 64 bits (G1).
    #[inline(always)]
    pub fn process_count(&self, extents: impl Iterator<Item = i64>) -> Result<i64> {
        let mut count = self.replicas;
        for extent in extents {
            count = count.checked_mul(extent).ok_or_else(|| {
                Error::new(ErrorKind::Grid, "the process grid has more processes than 64 bits can count")
                    .in_field("proc_grid_size")
                    .by_rule("G1")
            })?;
        }
        Ok(count)
    }

    /// Rank of the process at these `(extent, coordinate)` pairs, in this replica.
    ///
    /// The grid's product must fit 64 bits (G1), as it does in every `DimData`.
    #[must_use]
    #[inline(always)]
    pub fn rank_at(&self, places: impl Iterator<Item = (i64, i64)>) -> i64 {
        self.rank_in(self.replica, places)
    }

    /// Rank of the process at these `(extent, coordinate)` pairs, in any replica.
    #[inline(always)]
    pub(crate) fn rank_in(&self, replica: i64, places: impl Iterator<Item = (i64, i64)>) -> i64 {
        let column_major = self.order == GridOrder::ColumnMajor;
        let (mut position, mut product) = (0, 1);
        for (extent, coordinate) in places {
            position =
                if column_major { position + coordinate * product } else { position * extent + coordinate };
            product *= extent;
        }
        let place = replica * product + position;
        match &self.order {
            GridOrder::Ranks(table) => {
                usize::try_from(place).ok().and_then(|i| table.get(i).copied()).unwrap_or(-1)
            }
            _ => place,
        }
    }

    /// Checks the structural rules for a grid of `count` processes.
    #[inline(always)]
    pub(super) fn check(&self, count: i64) -> Result<()> {
        if self.replicas < 1 || !(0..self.replicas).contains(&self.replica) {
            return Err(Error::new(ErrorKind::Grid, "replica must lie in 0..replicas")
                .in_field("replica")
                .expected_found(self.replicas, self.replica)
                .by_rule("G2"));
        }
        if let GridOrder::Ranks(table) = &self.order {
            let len = as_i64(table.len());
            if len != count {
                return Err(Error::new(ErrorKind::Grid, "the table of ranks needs one entry per process")
                    .in_field("grid_ranks")
                    .expected_found(count, len)
                    .by_rule("G3"));
            }
        }
        Ok(())
    }

    /// Checks that an explicit table names each rank once (G4): O(processes).
    #[inline(always)]
    pub(super) fn check_strict(&self) -> Result<()> {
        let GridOrder::Ranks(table) = &self.order else { return Ok(()) };
        let mut seen = vec![false; table.len()];
        for &rank in table.iter() {
            let slot = usize::try_from(rank).ok().and_then(|r| seen.get_mut(r));
            if slot.is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(Error::new(
                    ErrorKind::Duplicate,
                    format!("the table of ranks must name each rank once; {rank} is outside or stands twice"),
                )
                .in_field("grid_ranks")
                .by_rule("G4"));
            }
        }
        Ok(())
    }
}
