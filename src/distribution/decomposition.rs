//! Everyone's parts without a communicator: who owns what, on which rank.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Axis, Grid, axis};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{AxisMap, AxisRule, Dim, DimData, GridOrder, ProcGrid};

/// How an array is dealt out: a map for each axis, and a rank for each place of
/// the process grid. Pure data; cheap to clone.
///
/// It takes O(1) memory for each regular axis, one bound per process for an
/// irregular one, and says what any rank of a million owns:
///
/// ```
/// use distarray::distribution::{Axis, Decomposition, Grid};
/// let d = Decomposition::new(&[Axis::block(1 << 30)], &Grid::compact(), 1_000_000)?;
/// assert_eq!(d.coordinates(999_999), Some((vec![999_999], 0)));
/// # Ok::<(), distarray::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decomposition(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None where the axis is unstructured, whose table would grow with the array.
    maps: Vec<Option<AxisMap>>,
    sizes: Vec<i64>,
    extents: Vec<i64>,
    grid: ProcGrid,
    members: Members,
}

/// The ranks of a larger group that hold the array, in the order of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    All,
    /// `first`, `first + step`, ...: what a table needs not be kept for.
    Strided {
        first: i64,
        step: i64,
    },
    Listed(Arc<[i64]>),
}

/// A decomposition on its way to other ranks.
#[derive(Serialize, Deserialize)]
struct Wire {
    rules: Vec<Option<AxisRule>>,
    sizes: Vec<i64>,
    extents: Vec<i64>,
    order: Order,
    replicas: i64,
}

#[derive(Serialize, Deserialize)]
enum Order {
    RowMajor,
    ColumnMajor,
    Ranks(Vec<i64>),
}

impl Decomposition {
    /// What [`Distribution::on_grid`](super::Distribution::on_grid) deals to so many
    /// ranks, without any of them. Local.
    ///
    /// # Errors
    /// Axes that the ranks cannot hold, or no process grid that fits.
    pub fn new(axes: &[Axis], grid: &Grid, ranks: usize) -> Result<Self> {
        let (extents, maps) = axis::maps(axes, grid, ranks)?;
        let (_, grid) = grid.place(&extents, 0)?;
        let sizes = axes.iter().map(Axis::size).collect();
        Ok(Self::from_parts(maps, sizes, extents, grid))
    }

    /// The part of one rank, halo included, when `axes` are those that the
    /// decomposition was made from. Local.
    ///
    /// # Errors
    /// A rank that holds no part, or a halo that it cannot have.
    pub fn part(&self, axes: &[Axis], rank: i64) -> Result<DimData> {
        let (coordinates, replica) = self.coordinates(rank).ok_or_else(|| {
            Error::new(ErrorKind::Range, "there is no such rank")
                .in_field("rank")
                .expected_found(self.ranks() - 1, rank)
        })?;
        let grid = self.0.grid.clone().replicated(self.replicas(), replica);
        axis::parts(axes, &self.0.extents, &coordinates, grid)
    }

    pub(super) fn of(dim_data: &DimData, maps: Vec<Option<AxisMap>>) -> Self {
        let extents = dim_data.dims().iter().map(Dim::proc_grid_size).collect();
        Self::from_parts(maps, dim_data.global_shape(), extents, dim_data.grid().clone())
    }

    /// One axis whose coordinates are the ranks, owned as lists say.
    pub(crate) fn of_ranks(size: i64, ranks: i64) -> Self {
        Self::from_parts(vec![None], vec![size], vec![ranks], ProcGrid::default())
    }

    fn from_parts(maps: Vec<Option<AxisMap>>, sizes: Vec<i64>, extents: Vec<i64>, grid: ProcGrid) -> Self {
        Self(Arc::new(Inner { maps, sizes, extents, grid, members: Members::All }))
    }

    /// The same on some ranks of a larger group.
    pub(crate) fn on(&self, members: Members) -> Self {
        let Inner { maps, sizes, extents, grid, .. } = &*self.0;
        let (maps, sizes, extents) = (maps.clone(), sizes.clone(), extents.clone());
        Self(Arc::new(Inner { maps, sizes, extents, grid: grid.clone(), members }))
    }

    /// All of it but the members, as text for other ranks.
    pub(crate) fn to_wire(&self) -> Vec<u8> {
        let Inner { maps, sizes, extents, grid, .. } = &*self.0;
        let order = match grid.order() {
            GridOrder::RowMajor => Order::RowMajor,
            GridOrder::ColumnMajor => Order::ColumnMajor,
            GridOrder::Ranks(table) => Order::Ranks(table.to_vec()),
        };
        let rules = maps.iter().map(|map| map.as_ref().map(AxisMap::rule)).collect();
        let (sizes, extents, replicas) = (sizes.clone(), extents.clone(), grid.replicas());
        serde_json::to_vec(&Wire { rules, sizes, extents, order, replicas }).unwrap_or_default()
    }

    /// What [`to_wire`](Self::to_wire) wrote.
    ///
    /// # Errors
    /// Bytes that say nothing.
    pub(crate) fn from_wire(bytes: &[u8]) -> Result<Self> {
        let unreadable = |_| Error::new(ErrorKind::Comm, "a rank described its layout unreadably");
        let Wire { rules, sizes, extents, order, replicas } =
            serde_json::from_slice(bytes).map_err(unreadable)?;
        let order = match order {
            Order::RowMajor => GridOrder::RowMajor,
            Order::ColumnMajor => GridOrder::ColumnMajor,
            Order::Ranks(table) => GridOrder::Ranks(table.into()),
        };
        let map = |rule: Option<AxisRule>| rule.map(AxisMap::of_rule).transpose();
        let maps = rules.into_iter().map(map).collect::<Result<_>>()?;
        Ok(Self::from_parts(maps, sizes, extents, ProcGrid::new(order).replicated(replicas, 0)))
    }

    /// Global extent of an axis; 0 beyond the last one.
    pub(crate) fn size(&self, axis: usize) -> i64 {
        self.0.sizes.get(axis).copied().unwrap_or(0)
    }

    /// Number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.0.maps.len()
    }

    /// Who owns which index of an axis; `None` for an unstructured axis and beyond
    /// the last one.
    #[must_use]
    pub fn axis_map(&self, axis: usize) -> Option<&AxisMap> {
        self.0.maps.get(axis)?.as_ref()
    }

    pub(super) fn maps(&self) -> &[Option<AxisMap>] {
        &self.0.maps
    }

    /// One axis by itself, dealt out over ranks that are its coordinates; `None` beyond
    /// the last axis.
    ///
    /// What two arrays exchange is the product of what they exchange along each axis.
    #[must_use]
    pub fn along(&self, axis: usize) -> Option<Self> {
        let Inner { maps, sizes, extents, .. } = &*self.0;
        let only = |values: &[i64]| vec![values[axis]];
        let map = maps.get(axis)?.clone();
        Some(Self::from_parts(vec![map], only(sizes), only(extents), ProcGrid::default()))
    }

    /// Extents of the process grid.
    #[must_use]
    pub fn grid_extents(&self) -> &[i64] {
        &self.0.extents
    }

    /// Number of equal copies of the array.
    #[must_use]
    pub fn replicas(&self) -> i64 {
        self.0.grid.replicas()
    }

    /// Number of ranks that hold the array, replicas included.
    #[must_use]
    pub fn ranks(&self) -> i64 {
        self.0.extents.iter().product::<i64>().saturating_mul(self.replicas())
    }

    /// Rank of the process at these grid coordinates, in a replica.
    #[must_use]
    #[inline]
    pub fn rank_at(&self, coordinates: &[i64], replica: i64) -> i64 {
        let places = self.0.extents.iter().copied().zip(coordinates.iter().copied());
        self.member(self.0.grid.rank_in(replica, places))
    }

    /// The rank, in the larger group, of one of its own.
    #[inline]
    pub(crate) fn member(&self, own: i64) -> i64 {
        match &self.0.members {
            Members::All => own,
            Members::Strided { first, step } => first + own * step,
            Members::Listed(ranks) => {
                usize::try_from(own).ok().and_then(|own| ranks.get(own).copied()).unwrap_or(-1)
            }
        }
    }

    /// Grid coordinates and replica of a rank, `None` where it holds no part.
    ///
    /// O(number of axes); O(ranks) where they stand in a table.
    #[must_use]
    pub fn coordinates(&self, rank: i64) -> Option<(Vec<i64>, i64)> {
        let own = match &self.0.members {
            Members::All => rank,
            Members::Strided { first, step } => {
                ((rank - first) % step == 0).then_some((rank - first) / step)?
            }
            Members::Listed(ranks) => position(ranks, rank)?,
        };
        let place = match self.0.grid.order() {
            GridOrder::Ranks(table) => position(table, own)?,
            _ => own,
        };
        if !(0..self.ranks()).contains(&place) {
            return None;
        }
        let size: i64 = self.0.extents.iter().product();
        let (replica, mut rest) = (place / size, place % size);
        let mut coordinates = vec![0; self.0.extents.len()];
        let mut take = |axis: usize| {
            coordinates[axis] = rest % self.0.extents[axis];
            rest /= self.0.extents[axis];
        };
        match self.0.grid.order() {
            GridOrder::ColumnMajor => (0..self.0.extents.len()).for_each(&mut take),
            _ => (0..self.0.extents.len()).rev().for_each(&mut take),
        }
        Some((coordinates, replica))
    }
}

fn position(ranks: &[i64], rank: i64) -> Option<i64> {
    ranks.iter().position(|&r| r == rank).and_then(|at| i64::try_from(at).ok())
}
