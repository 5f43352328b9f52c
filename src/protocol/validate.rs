//! The local rules D, B, C and U of `protocol-spec/protocol.md`, by number.
//!
//! *Structural* rules hold for every [`Dim`] there is; *strict* ones (B5 to B7, C5,
//! U2 to U4) need the buffer's extent, or time proportional to the part.

use super::{Blocks, Dim, Dist, Regular};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// Where a process stands along an axis of a given size.
#[derive(Clone, Copy)]
struct Place {
    size: i64,
    procs: i64,
    rank: i64,
}

impl Place {
    #[inline(always)]
    fn new(size: i64, procs: i64, rank: i64) -> Result<Self> {
        if size < 0 {
            return Err(low("size", "D1", 0, size));
        }
        if procs < 1 {
            return Err(low("proc_grid_size", "D2", 1, procs));
        }
        if rank < 0 {
            return Err(low("proc_grid_rank", "D3", 0, rank));
        }
        if rank >= procs {
            return Err(high("proc_grid_rank", "D3", procs - 1, rank));
        }
        Ok(Self { size, procs, rank })
    }
}

/// Checks every structural rule; allocates only to say what is wrong.
pub(super) fn structural(size: i64, procs: i64, rank: i64, dist: &Dist) -> Result<()> {
    let place = Place::new(size, procs, rank)?;
    match dist {
        Dist::Block { start, stop, padding, edge_outside, .. } => {
            block(place, *start, *stop, *padding, *edge_outside)
        }
        Dist::Cyclic { start, block_size, first_block } => cyclic(place, *start, *block_size, *first_block),
        Dist::Unstructured { indices, num_owned, .. } => {
            let len = as_i64(indices.len());
            if *num_owned < 0 {
                return Err(low("num_owned", "U1", 0, *num_owned));
            }
            if *num_owned > len {
                return Err(high("num_owned", "U1", len, *num_owned));
            }
            Ok(())
        }
    }
}

/// [`structural`] for an axis of blocks.
#[inline(always)]
pub(super) fn regular(dim: &Regular) -> Result<()> {
    let place = Place::new(dim.size, dim.proc_grid_size, dim.proc_grid_rank)?;
    match dim.blocks {
        Blocks::One { start, stop, padding, edge_outside, .. } => {
            block(place, start, stop, padding, edge_outside)
        }
        Blocks::Cyclic { start, block_size, first_block } => cyclic(place, start, block_size, first_block),
    }
}

#[inline(always)]
fn block(place: Place, start: i64, stop: i64, padding: [i64; 2], outside: bool) -> Result<()> {
    if start > stop {
        return Err(low("stop", "B1", start, stop));
    }
    if padding[0] < 0 || padding[1] < 0 {
        return Err(low("padding", "B4", 0, padding[0].min(padding[1])));
    }
    // How far the part may reach beyond the global range, and where it must begin.
    let (left, right) = if outside { (padding[0], padding[1]) } else { (0, 0) };
    if start < -left {
        return Err(beyond("start", -left, start, outside));
    }
    if stop.saturating_sub(place.size) > right {
        return Err(beyond("stop", place.size.saturating_add(right), stop, outside));
    }
    if place.rank == 0 && start != -left {
        return Err(Error::new(
            ErrorKind::Range,
            "the first process's part must begin at the edge; indices count from 0",
        )
        .in_field("start")
        .expected_found(-left, start)
        .by_rule("B3"));
    }
    // The extent itself must fit: start may be negative.
    if stop.checked_sub(start).is_none() {
        return Err(high("stop", "B2", place.size, stop));
    }
    Ok(())
}

fn cyclic(place: Place, start: i64, block_size: i64, first_block: i64) -> Result<()> {
    if block_size < 1 {
        return Err(low("block_size", "C1", 1, block_size));
    }
    if first_block < 1 {
        return Err(low("first_block", "C3", 1, first_block));
    }
    if first_block > block_size {
        return Err(high("first_block", "C3", block_size, first_block));
    }
    if start < 0 {
        return Err(low("start", "C2", 0, start));
    }
    let missing = block_size - first_block;
    let (Some(_), Some(v)) = (place.size.checked_add(missing), start.checked_add(missing)) else {
        return Err(Error::new(
            ErrorKind::Bounds,
            "size plus the missing part of the first block exceeds 64 bits",
        )
        .in_field("first_block")
        .by_rule("C4"));
    };
    // Condition C2: a block boundary, and one of the first proc_grid_size blocks.
    let is_start = start == 0 || (v % block_size == 0 && v / block_size < place.procs);
    if !is_start {
        let expected = place.rank.saturating_mul(block_size).saturating_sub(missing).max(0);
        return Err(Error::new(ErrorKind::Range, "start must be where this process's first block begins")
            .in_field("start")
            .expected_found(expected, start)
            .by_rule("C2"));
    }
    Ok(())
}

/// Checks every strict rule for a local extent of `extent` elements.
#[inline(always)]
pub(super) fn strict(dim: &Dim, extent: i64) -> Result<()> {
    let rule = match &dim.dist {
        Dist::Block { start, stop, padding, edge_outside, .. } => {
            let after = if *edge_outside { padding[1] } else { 0 };
            if dim.proc_grid_rank == dim.proc_grid_size - 1 && stop.checked_sub(dim.size) != Some(after) {
                return Err(Error::new(ErrorKind::Range, "the last process's part must end at the edge")
                    .in_field("stop")
                    .expected_found(dim.size.saturating_add(after), *stop)
                    .by_rule("B5"));
            }
            let both = padding[0].checked_add(padding[1]);
            if both.is_none_or(|both| both > stop - start) {
                return Err(high("padding", "B6", stop - start, both.unwrap_or(i64::MAX)));
            }
            "B7"
        }
        Dist::Cyclic { .. } => "C5",
        Dist::Unstructured { indices, num_owned, one_to_one } => {
            if let Some(twice) = indices.duplicate() {
                return Err(Error::new(
                    ErrorKind::Duplicate,
                    format!("index {twice} stands twice on this process"),
                )
                .in_field("indices")
                .by_rule("U2"));
            }
            if *one_to_one && *num_owned > dim.size {
                return Err(high("indices", "U3", dim.size, *num_owned));
            }
            "U4"
        }
    };
    if dim.len() != extent {
        return Err(Error::new(ErrorKind::Shape, "the buffer must be as long as the part, padding included")
            .in_field("shape")
            .expected_found(dim.len(), extent)
            .by_rule(rule));
    }
    Ok(())
}

/// A part that reaches further than the axis and its halo.
fn beyond(field: &'static str, limit: i64, found: i64, outside: bool) -> Error {
    let detail = if outside {
        "the part reaches beyond the axis by more than its padding"
    } else {
        "the part reaches beyond the axis; a halo outside it needs edge_outside (DISTARRAY_DIM_EDGE_OUTSIDE)"
    };
    Error::new(ErrorKind::Range, detail).in_field(field).expected_found(limit, found).by_rule("B2")
}

fn low(field: &'static str, rule: &'static str, least: i64, found: i64) -> Error {
    Error::new(ErrorKind::Range, "too small: expected is the least that is allowed")
        .in_field(field)
        .expected_found(least, found)
        .by_rule(rule)
}

fn high(field: &'static str, rule: &'static str, most: i64, found: i64) -> Error {
    Error::new(ErrorKind::Range, "too large: expected is the most that is allowed")
        .in_field(field)
        .expected_found(most, found)
        .by_rule(rule)
}
