//! Relabelling: which rank should hold which part of a new layout, so that as much as
//! possible stays where it is.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use super::piece;
use super::plan::check_order;
use crate::distribution::{Axis, Decomposition, Distribution, Grid};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::GridOrder;

/// Ranks up to which any relabelling is searched where the two grids differ: the search
/// takes time that grows with the cube of their number.
const SEARCHED: i64 = 256;

impl Distribution {
    /// Deals an array out like [`on_grid`](Self::on_grid), to the ranks that hold most of
    /// it already in `source`: of all ways to number the processes of the grid, one that
    /// moves the fewest elements. Collective.
    ///
    /// ```
    /// use distarray::comm;
    /// use distarray::distribution::{Axis, Distribution, Grid};
    /// use distarray::exchange::Redistribution;
    ///
    /// // The same blocks, each one rank further: nothing needs to move.
    /// let sent = comm::threads(4, |comm| {
    ///     let source = Distribution::new(&comm, [Axis::cyclic(8, 2).first_process(1)])?;
    ///     let target = Distribution::relabelled(&source, [Axis::block(8)], Grid::compact())?;
    ///     Ok::<_, distarray::Error>(Redistribution::new(&source, &target)?.moves(8).sent)
    /// });
    /// assert!(sent.into_iter().all(|sent| sent.unwrap() == 0));
    /// ```
    ///
    /// It is the best along each axis where both grids have the same extents, which is
    /// the best of all for one axis that is dealt out. Other grids are searched whole up
    /// to 256 ranks, and numbered as they are beyond. The numbering is a table of all
    /// ranks: memory that grows with their number.
    ///
    /// # Errors
    /// As for [`on_grid`](Self::on_grid); `Shape` where the global shapes differ,
    /// `Unsupported` for unstructured axes and replicas.
    pub fn relabelled(source: &Self, axes: impl Into<Vec<Axis>>, grid: Grid) -> Result<Self> {
        let (comm, axes) = (source.comm(), axes.into());
        let target = Decomposition::new(&axes, &grid, comm.size());
        let order = target.and_then(|target| best_ranks(source.decomposition(), &target));
        let order = comm.agree(order)?;
        Self::on_grid(comm, axes, grid.order(GridOrder::Ranks(order.into())))
    }
}

impl Decomposition {
    /// What [`Distribution::relabelled`] deals, without its ranks. Local.
    ///
    /// # Errors
    /// As for [`new`](Self::new); `Shape` where the global shapes differ, `Unsupported`
    /// for unstructured axes and replicas.
    pub fn relabelled(source: &Self, axes: &[Axis], grid: &Grid) -> Result<Self> {
        let ranks = index(source.ranks());
        let order = best_ranks(source, &Self::new(axes, grid, ranks)?)?;
        Self::new(axes, &grid.clone().order(GridOrder::Ranks(order.into())), ranks)
    }
}

/// The rank for each place of the target's grid, row-major, that moves the fewest
/// elements. Local.
///
/// # Errors
/// `Shape` where the global shapes differ, `Unsupported` for unstructured axes and
/// replicas.
pub(crate) fn best_ranks(source: &Decomposition, target: &Decomposition) -> Result<Vec<i64>> {
    check_order(source.ndim(), target.ndim(), &(0..target.ndim()).collect::<Vec<_>>())?;
    if source.replicas() != 1 || target.replicas() != 1 {
        return Err(Error::new(ErrorKind::Unsupported, "replicas are not relabelled").in_field("replicas"));
    }
    let shared = (0..source.ndim()).map(|axis| overlaps(source, target, axis)).collect::<Result<Vec<_>>>()?;
    let (from, to) = (source.grid_extents(), target.grid_extents());
    let places: i64 = to.iter().product();
    let rank_of: Vec<i64> = if from == to {
        // The volume shared by two processes is a product over the axes: so is the best.
        let best: Vec<Vec<i64>> = shared.iter().map(assign).collect();
        let holder = |place: i64| {
            let target_coordinates = unravel(place, to);
            let coordinates: Vec<i64> =
                best.iter().zip(target_coordinates).map(|(best, at)| best[index(at)]).collect();
            source.rank_at(&coordinates, 0)
        };
        (0..places).map(holder).collect()
    } else if places <= SEARCHED {
        let volume = |(place, rank): (usize, usize)| -> i64 {
            let rank = i64::try_from(rank).unwrap_or(i64::MAX);
            let Some((there, _)) = source.coordinates(rank) else { return 0 };
            let here = unravel(i64::try_from(place).unwrap_or(i64::MAX), to);
            let along = shared.iter().zip(there.iter().zip(here));
            along.map(|(shared, (&there, here))| shared[(index(here), index(there))]).product()
        };
        let all = Matrix::from_fn(index(places), index(places), volume);
        kuhn_munkres(&all).1.into_iter().map(|rank| i64::try_from(rank).unwrap_or(i64::MAX)).collect()
    } else {
        (0..places).map(|place| target.rank_at(&unravel(place, to), 0)).collect()
    };
    Ok(rank_of)
}

/// Elements that each coordinate of the target (rows) shares with each of the source.
fn overlaps(source: &Decomposition, target: &Decomposition, axis: usize) -> Result<Matrix<i64>> {
    let both = source.axis_map(axis).zip(target.axis_map(axis));
    let (from, to) = both.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "unstructured axes are not relabelled").on_axis(axis)
    })?;
    if from.size() != to.size() {
        return Err(super::plan::another_shape("size", from.size(), to.size()).on_axis(axis));
    }
    let mut shared = Matrix::new(index(to.proc_grid_size()), index(from.proc_grid_size()), 0);
    for coordinate in 0..to.proc_grid_size() {
        let mut pieces = Vec::new();
        piece::owned(to, coordinate, from, &mut pieces);
        for piece in pieces {
            shared[(index(coordinate), piece.peer as usize)] += piece.elements();
        }
    }
    Ok(shared)
}

/// For each row the column, each taken once, that together share the most.
fn assign(shared: &Matrix<i64>) -> Vec<i64> {
    kuhn_munkres(shared).1.into_iter().map(|column| i64::try_from(column).unwrap_or(i64::MAX)).collect()
}

/// Row-major coordinates of a place.
fn unravel(mut place: i64, extents: &[i64]) -> Vec<i64> {
    let mut coordinates = vec![0; extents.len()];
    for (coordinate, extent) in coordinates.iter_mut().zip(extents).rev() {
        *coordinate = place % extent;
        place /= extent;
    }
    coordinates
}

fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}
