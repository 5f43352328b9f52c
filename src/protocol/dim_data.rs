//! All axes of one process: the protocol's `dim_data`.

use super::{Dim, Dist, GridOrder, ProcGrid};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// The version of the protocol that a `dim_data` needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.10.0: the protocol as published.
    V0_10,
    /// 1.0.0: with grid order, replicas, first process, outside halos, ghosts, components.
    V1_0,
}

impl Version {
    /// The value of `__version__`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_10 => "0.10.0",
            Self::V1_0 => "1.0.0",
        }
    }
}

/// What one process knows about its part of a global array; every structural
/// rule holds. Local knowledge only: that the parts of all processes fit
/// together is what `Distribution::gather` proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DimData {
    dims: Vec<Dim>,
    grid: ProcGrid,
    process_rank: i64,
    process_count: i64,
}

impl DimData {
    /// One dimension per axis, on a row-major process grid.
    ///
    /// # Errors
    /// A grid of more processes than 64 bits can count (G1).
    pub fn new(dims: impl Into<Vec<Dim>>) -> Result<Self> {
        Self::with_grid(dims, ProcGrid::default())
    }

    /// One dimension per axis, on any process grid.
    ///
    /// # Errors
    /// The first of the rules G1 to G3 that is broken.
    pub fn with_grid(dims: impl Into<Vec<Dim>>, grid: ProcGrid) -> Result<Self> {
        let mut dim_data = Self::empty();
        dim_data.set(dims.into(), grid)?;
        Ok(dim_data)
    }

    /// [`with_grid`](Self::with_grid) in place.
    #[inline(always)] // every import comes through here
    pub(crate) fn set(&mut self, dims: Vec<Dim>, grid: ProcGrid) -> Result<()> {
        let process_count = grid.process_count(dims.iter().map(Dim::proc_grid_size))?;
        grid.check(process_count)?;
        self.process_rank = grid.rank_at(dims.iter().map(|d| (d.proc_grid_size, d.proc_grid_rank)));
        self.process_count = process_count;
        (self.dims, self.grid) = (dims, grid);
        Ok(())
    }

    /// No axes, on a grid of one process.
    pub(crate) fn empty() -> Self {
        Self { dims: Vec::new(), grid: ProcGrid::default(), process_rank: 0, process_count: 1 }
    }

    /// Checks the strict rules of every axis and of the grid against a buffer's shape.
    ///
    /// # Errors
    /// The first strict rule that is broken, with its axis.
    #[inline(always)]
    pub fn check_strict(&self, shape: &[i64]) -> Result<()> {
        if shape.len() != self.dims.len() {
            return Err(Error::new(ErrorKind::Shape, "dim_data needs one dimension per axis of the buffer")
                .in_field("ndim")
                .expected_found(as_i64(shape.len()), as_i64(self.dims.len()))
                .by_rule("T4"));
        }
        for (axis, (dim, &extent)) in self.dims.iter().zip(shape).enumerate() {
            dim.check_strict(extent).map_err(|e| e.on_axis(axis))?;
        }
        self.grid.check_strict()
    }

    /// One dimension per axis.
    #[must_use]
    pub fn dims(&self) -> &[Dim] {
        &self.dims
    }

    /// Number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.dims.len()
    }

    /// The order of the process grid, and replicas.
    #[must_use]
    pub fn grid(&self) -> &ProcGrid {
        &self.grid
    }

    /// Rank of this process, as its coordinates say.
    #[must_use]
    pub fn process_rank(&self) -> i64 {
        self.process_rank
    }

    /// Number of processes that hold the array, replicas included.
    #[must_use]
    pub fn process_count(&self) -> i64 {
        self.process_count
    }

    /// Extents of the global array.
    #[must_use]
    pub fn global_shape(&self) -> Vec<i64> {
        self.dims.iter().map(Dim::size).collect()
    }

    /// Extents of the local buffer, padding and ghosts included.
    #[must_use]
    pub fn held_shape(&self) -> Vec<i64> {
        self.dims.iter().map(Dim::len).collect()
    }

    /// The oldest version of the protocol that can say this.
    #[must_use]
    pub fn version(&self) -> Version {
        let plain_grid = *self.grid.order() == GridOrder::RowMajor && self.grid.replicas() == 1;
        if plain_grid && self.dims.iter().all(Dim::is_plain) { Version::V0_10 } else { Version::V1_0 }
    }
}

impl Dim {
    /// Whether 0.10.0 can say this dimension.
    fn is_plain(&self) -> bool {
        !self.component
            && match &self.dist {
                Dist::Block { edge_outside, .. } => !edge_outside,
                Dist::Cyclic { .. } => {
                    let deal = self.deal();
                    deal.missing == 0 && deal.turn == self.proc_grid_rank
                }
                Dist::Unstructured { .. } => !self.has_ghosts(),
            }
    }
}
