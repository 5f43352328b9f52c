//! Relabelling: which rank should hold which part of a new layout, so that as much as
//! possible stays where it is.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use super::piece;
use super::plan::check_order;
use crate::distribution::{Axis, Decomposition, Distribution, Grid};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{AxisMap, GridOrder};

/// Ranks up to which any relabelling is searched where the two grids differ: the search
/// takes time that grows with the cube of their number.
const SEARCHED: i64 = 256;

/// Processes of an axis up to which its coordinates are paired: the same.
const LONGEST: i64 = 1024;

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
    /// It is the best along each axis where both grids have the same extents, of up to 1024
    /// processes an axis, which is the best of all for one axis that is dealt out. Other
    /// grids are searched whole up to 256 ranks. What is larger is numbered as it is. The
    /// numbering is a table of all ranks: memory that grows with their number.
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
    let maps = (0..source.ndim()).map(|axis| maps(source, target, axis)).collect::<Result<Vec<_>>>()?;
    let (from, to) = (source.grid_extents(), target.grid_extents());
    let places: i64 = to.iter().product();
    let same = from == to && to.iter().all(|&procs| procs <= LONGEST);
    if !same && places > SEARCHED {
        return Ok((0..places).map(|place| target.rank_at(&unravel(place, to), 0)).collect());
    }
    let shared: Vec<Matrix<i64>> = maps.into_iter().map(|(from, to)| overlaps(from, to)).collect();
    let rank_of: Vec<i64> = if same {
        // The volume shared by two processes is a product over the axes: so is the best.
        let best: Vec<Vec<i64>> = shared.iter().map(assign).collect();
        let holder = |place: i64| {
            let target_coordinates = unravel(place, to);
            let coordinates: Vec<i64> =
                best.iter().zip(target_coordinates).map(|(best, at)| best[index(at)]).collect();
            source.rank_at(&coordinates, 0)
        };
        (0..places).map(holder).collect()
    } else {
        let volume = |(place, rank): (usize, usize)| -> i64 {
            let rank = as_i64(rank);
            let Some((there, _)) = source.coordinates(rank) else { return 0 };
            let here = unravel(as_i64(place), to);
            let along = shared.iter().zip(there.iter().zip(here));
            along.map(|(shared, (&there, here))| shared[(index(here), index(there))]).product()
        };
        let all = Matrix::from_fn(index(places), index(places), volume);
        kuhn_munkres(&all).1.into_iter().map(as_i64).collect()
    };
    Ok(rank_of)
}

/// Who owns what along an axis, in both.
fn maps<'a>(
    source: &'a Decomposition,
    target: &'a Decomposition,
    axis: usize,
) -> Result<(&'a AxisMap, &'a AxisMap)> {
    let both = source.axis_map(axis).zip(target.axis_map(axis));
    let (from, to) = both.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "unstructured axes are not relabelled").on_axis(axis)
    })?;
    if from.size() != to.size() {
        return Err(super::plan::another_shape("size", from.size(), to.size()).on_axis(axis));
    }
    Ok((from, to))
}

/// Elements that each coordinate of the target (rows) shares with each of the source.
fn overlaps(from: &AxisMap, to: &AxisMap) -> Matrix<i64> {
    let mut shared = Matrix::new(index(to.proc_grid_size()), index(from.proc_grid_size()), 0);
    for coordinate in 0..to.proc_grid_size() {
        let mut pieces = Vec::new();
        piece::owned(to, coordinate, from, &mut pieces);
        for piece in pieces {
            shared[(index(coordinate), piece.peer as usize)] += piece.elements();
        }
    }
    shared
}

/// For each row the column, each taken once, that together share the most.
fn assign(shared: &Matrix<i64>) -> Vec<i64> {
    kuhn_munkres(shared).1.into_iter().map(as_i64).collect()
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
