//! Pieces of unstructured axes: the only ones that need messages to be found.
//!
//! Indices are announced to a distributed directory and looked up there, so that no
//! rank holds a list that grows with the array.

use super::piece::Piece;
use super::plan::Lists;
use crate::comm::Comm;
use crate::distribution::{Decomposition, Distribution, holders};
use crate::error::Result;
use crate::protocol::{Dim, Dist};

/// Indices with their local positions.
type Indices = Vec<(i64, i64)>;

/// Ghosts and their owners, of each unstructured axis. Collective.
pub(super) fn of_ghosts(distribution: &Distribution) -> Result<Vec<Option<Lists>>> {
    let dims = distribution.dim_data().dims();
    let comm = distribution.comm();
    (0..dims.len())
        .map(|axis| {
            let dim = &dims[axis];
            if distribution.axis_map(axis).is_some() {
                return Ok(None);
            }
            let speaks = is_first_line(dims, axis, distribution.dim_data().grid().replica());
            let (owned, ghosts) = owned_and_ghosts(dim);
            let coordinate = dim.proc_grid_rank();
            let announce = |list: &Indices| if speaks { list.clone() } else { Vec::new() };
            let owners = holders(comm, coordinate, &announce(&owned), &globals(&ghosts))?;
            let borrowers = holders(comm, coordinate, &announce(&ghosts), &globals(&owned))?;
            let core = [(coordinate, 0, 0, dim.owned_len())];
            let receives = ghosts
                .iter()
                .zip(&owners)
                .filter_map(|(&(_, at), found)| found.first().map(|&(peer, there)| (peer, at, there)));
            // Only the lowest owner serves a ghost that several own.
            let owners_of_mine = holders(comm, coordinate, &announce(&owned), &globals(&owned))?;
            let serves = |which: usize, at: i64| owners_of_mine[which].first() == Some(&(coordinate, at));
            let sends = owned.iter().enumerate().zip(&borrowers).flat_map(|((which, &(_, at)), found)| {
                let found = if serves(which, at) { found.as_slice() } else { &[] };
                found.iter().map(move |&(peer, there)| (peer, at, there))
            });
            Ok(Some(Lists {
                sends: pieces(sends, &core, true, By::Theirs),
                receives: pieces(receives, &core, true, By::Mine),
            }))
        })
        .collect()
}

/// One axis of a redistribution; none where both sides have maps. Collective over `comm`,
/// of which ranks without a part on a side pass none.
pub(super) fn of_axis(
    comm: &Comm,
    source: (&Decomposition, Option<&Distribution>, usize),
    target: (&Decomposition, Option<&Distribution>, usize),
) -> Result<Option<Lists>> {
    let (from_map, to_map) = (source.0.axis_map(source.2), target.0.axis_map(target.2));
    if from_map.is_some() && to_map.is_some() {
        return Ok(None);
    }
    let part = |(_, distribution, axis): (&Decomposition, Option<&Distribution>, usize)| {
        let Some(distribution) = distribution else { return (-1, Vec::new(), Vec::new()) };
        let dims = distribution.dim_data().dims();
        let owned = owned_and_ghosts(&dims[axis]).0;
        let speaks = is_first_line(dims, axis, distribution.dim_data().grid().replica());
        let announced = if speaks { owned.clone() } else { Vec::new() };
        (dims[axis].proc_grid_rank(), owned, announced)
    };
    let (from_coordinate, from, from_announced) = part(source);
    let (to_coordinate, to, to_announced) = part(target);
    let locate = |map: Option<&crate::protocol::AxisMap>,
                  announced: &Indices,
                  coordinate,
                  wanted: &Indices| match map {
        Some(map) => Ok(wanted.iter().map(|&(global, _)| map.locate(global).into_iter().collect()).collect()),
        None => holders(comm, coordinate, announced, &globals(wanted)),
    };
    let owners_of_source: Vec<Vec<(i64, i64)>> = locate(from_map, &from_announced, from_coordinate, &from)?;
    let wanted_by = locate(to_map, &to_announced, to_coordinate, &from)?;
    let owners_of_target: Vec<Vec<(i64, i64)>> = locate(from_map, &from_announced, from_coordinate, &to)?;
    let serves = |which: usize, at: i64| owners_of_source[which].first() == Some(&(from_coordinate, at));
    let sends = from.iter().enumerate().zip(&wanted_by).flat_map(|((which, &(_, at)), found)| {
        let found = if serves(which, at) { found.as_slice() } else { &[] };
        found.iter().map(move |&(peer, there)| (peer, at, there))
    });
    let receives = to
        .iter()
        .zip(&owners_of_target)
        .filter_map(|(&(_, at), found)| found.first().map(|&(peer, there)| (peer, at, there)));
    Ok(Some(Lists {
        sends: pieces(sends, &[], false, By::Theirs),
        receives: pieces(receives, &[], false, By::Mine),
    }))
}

/// Whose positions order the elements of a message: the receiver's.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    Mine,
    Theirs,
}

/// Pieces of `(peer, mine, theirs)`, in the order of peers and of the receiver's
/// positions, behind given `(peer, mine, theirs, len)` of the core.
fn pieces(
    elements: impl Iterator<Item = (i64, i64, i64)>,
    core: &[(i64, i64, i64, i64)],
    rim: bool,
    by: By,
) -> Vec<Piece> {
    let one = |(peer, mine, theirs)| Piece::stretch(peer, mine, theirs, 1, rim);
    let core = core.iter().filter(|core| core.3 > 0);
    let core = core.map(|&(peer, mine, theirs, len)| Piece::stretch(peer, mine, theirs, len, false));
    let mut found: Vec<Piece> = core.chain(in_order(elements.map(one).collect(), by)).collect();
    found.sort_by_key(|piece| piece.peer);
    found
}

/// Pieces in the order of peers and of the receiver's positions, those joined that lie
/// side by side in both memories.
pub(super) fn in_order(mut pieces: Vec<Piece>, by: By) -> Vec<Piece> {
    pieces.sort_unstable_by_key(|piece| (piece.peer, if by == By::Mine { piece.mine } else { piece.theirs }));
    let mut found: Vec<Piece> = Vec::new();
    for piece in pieces {
        match found.last_mut() {
            Some(last)
                if last.peer == piece.peer
                    && (last.mine + last.len, last.theirs + last.len) == (piece.mine, piece.theirs) =>
            {
                last.len += piece.len;
            }
            _ => found.push(piece),
        }
    }
    found
}

fn owned_and_ghosts(dim: &Dim) -> (Indices, Indices) {
    let held = dim.held_runs();
    let indices = || (0..).zip(held.indices()).map(|(local, global)| (global, local));
    let owned = dim.owned_local();
    let num_owned = usize::try_from(owned.end - owned.start).unwrap_or(0);
    let start = usize::try_from(owned.start).unwrap_or(0);
    match dim.dist() {
        Dist::Unstructured { .. } => {
            (indices().take(num_owned).collect(), indices().skip(num_owned).collect())
        }
        // Positions count from the first owned element.
        _ => (
            indices().skip(start).take(num_owned).map(|(g, local)| (g, local - owned.start)).collect(),
            Vec::new(),
        ),
    }
}

fn globals(indices: &Indices) -> Vec<i64> {
    indices.iter().map(|&(global, _)| global).collect()
}

/// Whether this rank speaks for all that stand at its coordinate of an axis.
fn is_first_line(dims: &[Dim], axis: usize, replica: i64) -> bool {
    replica == 0 && dims.iter().enumerate().all(|(other, dim)| other == axis || dim.proc_grid_rank() == 0)
}
