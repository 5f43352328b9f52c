//! One axis of a picture: which positions along it look alike.

use std::ops::Range;

use distarray::protocol::{Dim, Dist, Run};

use crate::layout::Layout;
use crate::outcome::Outcome;

/// Neighbouring positions that one process owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Positions: global indices in a picture of the array, local ones in one of a part.
    pub at: Range<i64>,
    /// The global index of the first.
    pub global: i64,
    /// The owner's coordinate; none outside the array.
    pub owner: Option<i64>,
    /// Whether it is a copy, or lies outside the array.
    pub pale: bool,
}

/// One axis of a picture.
#[derive(Clone, Debug)]
pub struct Strip {
    /// What is drawn, in order, without gaps.
    pub stretches: Vec<Stretch>,
    /// Where the array lies, or what a part owns.
    pub frame: Range<i64>,
    /// Where halos lie, or what others have copies of.
    pub halo: Vec<Range<i64>>,
    /// Where boundary padding lies.
    pub boundary: Vec<Range<i64>>,
    /// How far halos and padding along the other axis reach across this one.
    pub across: Vec<Range<i64>>,
    /// Where the axis ends, when it is cut off before.
    pub cut: Option<i64>,
}

/// Stretches of an axis that are drawn; of more, so many of the first.
const MOST: usize = 64;
const CUT_TO: usize = 32;

impl Strip {
    /// What stands for the missing axis of a one-dimensional array.
    pub fn line() -> Self {
        let all = Stretch { at: 0..1, global: 0, owner: Some(0), pale: false };
        let across = std::iter::once(0..1).collect();
        Self { stretches: vec![all], frame: 0..1, halo: Vec::new(), boundary: Vec::new(), across, cut: None }
    }

    /// All positions that are drawn.
    pub fn range(&self) -> Range<i64> {
        let (first, last) = (self.stretches.first(), self.stretches.last());
        first.zip(last).map_or(0..0, |(first, last)| first.at.start..last.at.end)
    }

    /// An axis of the array: who owns what, and of what others hold copies.
    pub fn of_array(layout: &Layout, axis: usize) -> Outcome<Self> {
        let (map, size) = (layout.map(axis), layout.shape()[axis]);
        let last = map.proc_grid_size() - 1;
        let (first_dim, last_dim) = (layout.dim(axis, 0)?, layout.dim(axis, last)?);
        let mut stretches = Vec::new();
        let mut frame = 0..size;
        // Outside the edges first, so that a cut leaves them.
        let before = outside(&first_dim)[0];
        push_globals(&mut stretches, layout, axis, &first_dim, -before..0, -before, true);
        push_globals(&mut stretches, layout, axis, &first_dim, 0..size, 0, false);
        let cut = cut(&mut stretches).then_some(size);
        if cut.is_none() {
            let after = outside(&last_dim)[1];
            push_globals(&mut stretches, layout, axis, &last_dim, size..size + after, size, true);
        } else {
            frame.end = stretches.last().map_or(0, |stretch| stretch.at.end);
        }
        let mut strip =
            Self { stretches, frame, halo: Vec::new(), boundary: Vec::new(), across: Vec::new(), cut };
        strip.across.push(strip.range());
        strip.find_halos(layout, axis)?;
        Ok(strip)
    }

    /// The same with the halo and the padding of one part alone.
    pub fn focus(mut self, dim: &Dim) -> Self {
        let globals = |local: [Range<i64>; 2]| local.into_iter().flat_map(|local| runs(dim, local)).collect();
        let range = self.range();
        self.halo = merged(globals(copies(dim)), &range);
        self.boundary = merged(globals(boundary(dim)), &range);
        self.across = merged(runs(dim, 0..dim.len()), &range);
        self
    }

    /// Where others hold copies: blocks have them of the coordinates beside them.
    fn find_halos(&mut self, layout: &Layout, axis: usize) -> Outcome<()> {
        let last = layout.map(axis).proc_grid_size() - 1;
        let owners = self.stretches.iter().filter_map(|stretch| stretch.owner);
        let beside = owners.flat_map(|owner| [owner - 1, owner, owner + 1]).chain([0, last]);
        // Anyone may hold ghosts of an axis of lists.
        let mut near: Vec<i64> = if layout.is_listed(axis) { (0..=last).collect() } else { beside.collect() };
        near.retain(|at| (0..=last).contains(at));
        near.sort_unstable();
        near.dedup();
        let range = self.range();
        for coordinate in near {
            let dim = layout.dim(axis, coordinate)?;
            self.boundary.extend(boundary(&dim).map(|local| globals(&dim, local)));
            for local in copies(&dim) {
                for run in runs(&dim, local) {
                    let inside = dim.inside(run.start).filter(|_| run.start < run.end);
                    self.halo.extend(inside.map(|start| start..start + run.end - run.start));
                }
            }
        }
        let outside = self.stretches.iter().filter(|stretch| stretch.pale).map(|stretch| stretch.at.clone());
        self.halo.extend(outside);
        self.halo = merged(std::mem::take(&mut self.halo), &range);
        self.boundary = merged(std::mem::take(&mut self.boundary), &range);
        Ok(())
    }

    /// An axis of one part: what lies at which position of its memory.
    pub fn of_part(layout: &Layout, axis: usize, dim: &Dim) -> Self {
        let owned = dim.owned_local();
        let mut stretches = Vec::new();
        for (local, pale) in [(0..owned.start, true), (owned.clone(), false), (owned.end..dim.len(), true)] {
            let mut at = local.start;
            for run in runs(dim, local) {
                let length = run.end - run.start;
                if pale {
                    push_globals(&mut stretches, layout, axis, dim, run, at, true);
                } else {
                    stretches.push(Stretch {
                        at: at..at + length,
                        global: run.start,
                        owner: Some(dim.proc_grid_rank()),
                        pale,
                    });
                }
                at += length;
            }
        }
        let cut = cut(&mut stretches).then_some(dim.len());
        let (halo, boundary) = (copies(dim).into(), boundary(dim).into());
        let mut strip = Self { stretches, frame: owned, halo, boundary, across: Vec::new(), cut };
        let range = strip.range();
        strip.across.push(range.clone());
        strip.frame.end = strip.frame.end.min(range.end);
        strip.halo = merged(strip.halo, &range);
        strip.boundary = merged(strip.boundary, &range);
        strip
    }
}

/// Keeps the first of too many stretches.
fn cut(stretches: &mut Vec<Stretch>) -> bool {
    let many = stretches.len() > MOST;
    if many {
        stretches.truncate(CUT_TO);
    }
    many
}

/// Adds global indices, split where the owner changes; the first lies at position `at`.
fn push_globals(
    stretches: &mut Vec<Stretch>,
    layout: &Layout,
    axis: usize,
    dim: &Dim,
    globals: Range<i64>,
    at: i64,
    pale: bool,
) {
    let map = layout.map(axis);
    let mut global = globals.start;
    while global < globals.end && stretches.len() <= MOST {
        let inside = dim.inside(global).filter(|inside| (0..layout.shape()[axis]).contains(inside));
        let (owner, stop) = match inside {
            // Outside the array, up to its edge or the end.
            None => (None, if global < 0 { globals.end.min(0) } else { globals.end }),
            Some(inside) => match map.stretch(inside) {
                Some(stretch) => (Some(stretch.coordinate), global + (stretch.stop - inside)),
                None => {
                    let owner = map.owner(inside);
                    let alike = (inside..)
                        .take_while(|&next| next < layout.shape()[axis] && map.owner(next) == owner);
                    (owner, global + i64::try_from(alike.count()).unwrap_or(i64::MAX))
                }
            },
        };
        let stop = stop.min(globals.end).max(global + 1);
        let position = at + global - globals.start;
        stretches.push(Stretch { at: position..position + stop - global, global, owner, pale });
        global = stop;
    }
}

/// How far the halo reaches outside the array.
fn outside(dim: &Dim) -> [i64; 2] {
    match *dim.dist() {
        Dist::Block { padding, edge_outside: true, .. } => padding,
        _ => [0, 0],
    }
}

/// Local positions of copies: communication padding and ghosts.
fn copies(dim: &Dim) -> [Range<i64>; 2] {
    let owned = dim.owned_local();
    [0..owned.start, owned.end..dim.len()]
}

/// Local positions of boundary padding.
fn boundary(dim: &Dim) -> [Range<i64>; 2] {
    let Dist::Block { padding: [left, right], edge_outside: false, .. } = *dim.dist() else {
        return [0..0, 0..0];
    };
    let len = dim.len();
    let left = if dim.proc_grid_rank() == 0 { left } else { 0 };
    let right = if dim.proc_grid_rank() == dim.proc_grid_size() - 1 { right } else { 0 };
    [0..left.min(len), (len - right).max(0)..len]
}

/// Global indices of local positions, as runs; no more of them than are drawn.
fn runs(dim: &Dim, local: Range<i64>) -> Vec<Range<i64>> {
    let mut runs: Vec<Range<i64>> = Vec::new();
    match dim.dist() {
        _ if local.is_empty() => {}
        Dist::Block { .. } => runs.push(globals(dim, local)),
        // All of a cyclic part is owned.
        Dist::Cyclic { .. } => {
            let owned = dim.owned_runs();
            let starts = |run: &Run| {
                let Run { start, len, stride, count } = *run;
                (0..count).map(move |k| start + k * stride..start + k * stride + len)
            };
            runs.extend(owned.as_slice().iter().flat_map(starts).take(MOST + 1));
        }
        Dist::Unstructured { .. } => {
            for global in local.filter_map(|local| dim.global_of(local)) {
                match runs.last_mut() {
                    Some(run) if run.end == global => run.end += 1,
                    _ => runs.push(global..global + 1),
                }
            }
        }
    }
    runs
}

/// Global indices of local positions of a block.
fn globals(dim: &Dim, local: Range<i64>) -> Range<i64> {
    let Dist::Block { start, .. } = *dim.dist() else { return 0..0 };
    start + local.start..start + local.end
}

/// Ranges that are not empty, in order and inside another one, those that touch made one.
fn merged(mut ranges: Vec<Range<i64>>, inside: &Range<i64>) -> Vec<Range<i64>> {
    ranges.iter_mut().for_each(|range| *range = range.start.max(inside.start)..range.end.min(inside.end));
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<i64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
