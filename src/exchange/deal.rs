//! Dealing an array out as a consumer accepts it, so that as little as possible moves.

use super::piece;
use super::required_axis::RequiredAxis;
use super::requirements::{Components, Requirements};
use crate::comm::Op;
use crate::distribution::{Axis, Decomposition, Distribution, Grid};
use crate::error::Result;
use crate::number::as_i64;
use crate::protocol::{AxisMap, Dim, GridOrder};

/// Whether the array may stay described as it is, on all ranks. Collective.
pub(super) fn is_met(
    distribution: &Distribution,
    requirements: &Requirements,
    axes: &[RequiredAxis],
) -> Result<bool> {
    let dim_data = distribution.dim_data();
    let met = |(axis, asked): (usize, &RequiredAxis)| {
        asked.is_met_by(&dim_data.dims()[axis], distribution.axis_map(axis))
    };
    let grid = requirements.grid_order.as_ref().is_none_or(|order| order == dim_data.grid().order())
        && requirements.replicas.is_none_or(|replicas| replicas == dim_data.grid().replicas())
        && (requirements.components != Components::None || !dim_data.dims().iter().any(Dim::is_component));
    let mut all = [u64::from(grid && axes.iter().enumerate().all(met))];
    distribution.comm().all_reduce(&mut all, Op::Min)?;
    Ok(all == [1])
}

/// A distribution that is accepted: on the same process grid where that is possible, and
/// along each axis the way of dealing that leaves most elements where they are.
/// Collective.
///
/// # Errors
/// No process grid that fits, or blocks that the ranks cannot hold: on every rank.
pub(super) fn deal(
    source: &Distribution,
    requirements: &Requirements,
    axes: &[RequiredAxis],
) -> Result<Distribution> {
    let comm = source.comm();
    let marked = |dim: &Dim| dim.is_component() && requirements.components != Components::None;
    let dims = source.dim_data().dims().iter().map(|dim| dim.clone().component_if(marked(dim)));
    let dims: &[Dim] = &dims.collect::<Vec<_>>();
    let own_grid = source.dim_data().grid();
    let replicas = requirements.replicas.unwrap_or(own_grid.replicas());
    let stays = |(asked, dim): (&RequiredAxis, &Dim)| {
        let procs = dim.proc_grid_size();
        asked.procs().is_none_or(|asked| asked == procs) && asked.is_enough(dim.size(), procs)
    };
    let same_grid = replicas == own_grid.replicas() && axes.iter().zip(dims).all(stays);
    let extents: Vec<i64> = if same_grid {
        dims.iter().map(Dim::proc_grid_size).collect()
    } else {
        let wish = |(asked, dim): (&RequiredAxis, &Dim)| {
            // Of an axis that is dealt out in stretches of the least length there are so many.
            let axis = Axis::block(dim.size() / asked.least.max(1));
            asked.procs().map_or(axis.clone(), |procs| axis.on(procs))
        };
        let wishes: Vec<Axis> = axes.iter().zip(dims).map(wish).collect();
        let grid = Grid::compact().replicas(replicas);
        comm.agree(Decomposition::new(&wishes, &grid, comm.size()))?.grid_extents().to_vec()
    };

    let mut short = axes.iter().zip(dims).zip(&extents).enumerate();
    let short = short.find(|(_, ((asked, dim), procs))| !asked.is_enough(dim.size(), **procs));
    if let Some((axis, ((asked, dim), &procs))) = short {
        return Err(asked.not_enough(dim.size(), procs).on_axis(axis));
    }

    let mut ways = Vec::new();
    for (axis, (asked, &procs)) in axes.iter().zip(&extents).enumerate() {
        let (dim, map) = (&dims[axis], source.axis_map(axis));
        let listed = map.is_none() && procs == dim.proc_grid_size() && asked.takes_any_blocks();
        let consecutive = if listed { consecutive(source, axis)? } else { None };
        ways.push(asked.candidates(dim, map, procs, consecutive));
    }
    // Elements that stay, and whether this process gets too few, for every way of every
    // axis; of a new grid nobody can tell what stays.
    let weighed = |(axis, (ways, asked)): (usize, (&Vec<Axis>, &RequiredAxis))| {
        let (dim, map) = (&dims[axis], source.axis_map(axis));
        let weigh = |way: &Axis| {
            let stay = if same_grid { kept(dim, map, way) } else { 0 };
            [stay, u64::from(share(dim, way, extents[axis], comm.rank()) < asked.least)]
        };
        ways.iter().flat_map(weigh).collect::<Vec<_>>()
    };
    let mut all: Vec<u64> = ways.iter().zip(axes).enumerate().flat_map(weighed).collect();
    comm.all_reduce(&mut all, Op::Sum)?;
    let mut chosen = Vec::new();
    let mut rest = &all[..];
    for ((ways, asked), dim) in ways.into_iter().zip(axes).zip(dims) {
        let (here, after) = rest.split_at(2 * ways.len());
        rest = after;
        // The first of those that keep the most and give enough to all.
        let enough = || here.chunks_exact(2).zip(&ways).filter(|(weights, _)| weights[1] == 0);
        let most = enough().map(|(weights, _)| weights[0]).max();
        let way = enough().find(|(weights, _)| Some(weights[0]) == most).map(|(_, way)| way.clone());
        chosen.push(way.map(|way| asked.padded(way, dim)).ok_or_else(|| asked.cannot_be_met()));
    }
    let chosen = chosen.into_iter().enumerate().map(|(axis, way)| way.map_err(|e| e.on_axis(axis)));
    let chosen: Vec<Axis> = comm.agree(chosen.collect())?;

    let grid = Grid::exact(extents).replicas(replicas);
    let listed = dims.iter().any(|dim| dim.dist().letter() == 'u');
    let free = requirements.grid_order.is_none();
    if free && requirements.relabel && replicas == 1 && own_grid.replicas() == 1 && !listed {
        return Distribution::relabelled(source, chosen, grid);
    }
    let own_order = if same_grid { own_grid.order().clone() } else { GridOrder::RowMajor };
    Distribution::on_grid(comm, chosen, grid.order(requirements.grid_order.clone().unwrap_or(own_order)))
}

/// How many elements of an axis stay on this rank when it is dealt another way.
fn kept(dim: &Dim, map: Option<&AxisMap>, way: &Axis) -> u64 {
    let coordinate = dim.proc_grid_rank();
    let stays = match (map, way.map(dim.proc_grid_size())) {
        (_, Err(_)) => 0,
        // A list of what is owned here.
        (_, Ok(None)) => dim.owned_len(),
        (Some(from), Ok(Some(to))) => {
            let mut pieces = Vec::new();
            piece::owned(&to, coordinate, from, &mut pieces);
            let here = pieces.iter().filter(|piece| i64::from(piece.peer) == coordinate);
            here.map(piece::Piece::elements).sum()
        }
        (None, Ok(Some(to))) => {
            let owned = dim.owned_runs();
            let here = owned.indices().filter(|&index| to.owner(index) == Some(coordinate));
            as_i64(here.count())
        }
    };
    stays.cast_unsigned()
}

/// How many elements of an axis go to one of its processes, another one for each rank.
fn share(dim: &Dim, way: &Axis, procs: i64, rank: usize) -> i64 {
    let coordinate = i64::try_from(rank).unwrap_or(0) % procs;
    match way.map(procs) {
        Ok(Some(map)) => map.dim(coordinate).map_or(0, |part| part.owned_len()),
        // A list of what is owned here.
        _ => dim.owned_len(),
    }
}

/// The bounds of an unstructured axis whose parts are blocks in the order of their
/// processes; `None` on every rank where they are not. Collective; it takes one number
/// for each process of the axis.
fn consecutive(source: &Distribution, axis: usize) -> Result<Option<Vec<i64>>> {
    let dim_data = source.dim_data();
    let dim = &dim_data.dims()[axis];
    let runs = dim.owned_runs();
    let procs = usize::try_from(dim.proc_grid_size()).unwrap_or(usize::MAX);
    let own = usize::try_from(dim.proc_grid_rank()).unwrap_or(usize::MAX);
    // How much each process owns gives the bounds; each sees whether its own are right.
    let others = dim_data.dims().iter().enumerate().filter(|&(other, _)| other != axis);
    let first_line =
        dim_data.grid().replica() == 0 && others.into_iter().all(|(_, d)| d.proc_grid_rank() == 0);
    let mut lengths = vec![0; procs];
    if first_line {
        lengths[own] = dim.owned_len();
    }
    source.comm().all_reduce(&mut lengths, Op::Sum)?;
    let mut bounds = vec![0];
    for length in lengths {
        bounds.push(bounds[bounds.len() - 1] + length);
    }
    let right = dim.owned_len() == 0 || runs.indices().eq(bounds[own]..bounds[own + 1]);
    let mut all = [u64::from(right && bounds[procs] == dim.size())];
    source.comm().all_reduce(&mut all, Op::Min)?;
    Ok((all == [1]).then_some(bounds))
}
