//! What one file owns of a stretch of another.

use std::ops::Range;

use super::window::Window;
use super::{Piece, index};
use crate::array::{Layout, Order};
use crate::error::Result;
use crate::io::file;
use crate::protocol::{Dim, DimData, Dist};

/// Consecutive positions in a source that go to consecutive ones of a target.
#[derive(Clone, Copy)]
struct Match {
    source: i64,
    target: i64,
    len: i64,
}

/// Where, along one axis, what `source` owns lies in positions `range` of `target`;
/// counted from its start.
fn matches(source: &Dim, target: &Dim, range: Range<i64>) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    let mut add = |source, target| match found.last_mut() {
        Some(last) if last.source + last.len == source && last.target + last.len == target => last.len += 1,
        _ => found.push(Match { source, target, len: 1 }),
    };
    let owned = source.owned_local();
    let (images, start) = match target.dist() {
        Dist::Block { periodic, edge_outside, start, .. } => (*periodic && *edge_outside, Some(*start)),
        _ => (false, None),
    };
    if !images && source.owned_len() < range.end - range.start {
        for local in owned {
            let target = source.global_of(local).and_then(|global| target.local_of(global));
            if let Some(target) = target.filter(|target| range.contains(target)) {
                add(local, target - range.start);
            }
        }
        return found;
    }
    let mut near = range.clone();
    if let (Some(start), false, 'b') = (start, images, source.dist().letter()) {
        let block = source.owned_block();
        near = near.start.max(block.start - start)..near.end.min(block.end - start);
    }
    for position in near {
        let global = target.global_of(position).and_then(|global| target.inside(global));
        let local = global.and_then(|global| source.local_of(global));
        if let Some(local) = local.filter(|local| owned.contains(local)) {
            add(local, position - range.start);
        }
    }
    found
}

impl Piece {
    /// Copies what this piece owns of one stretch of a target.
    pub(super) fn copy(
        &self,
        target: &DimData,
        stretch: &[Range<i64>],
        layout: &Layout,
        bytes: &mut [u8],
    ) -> Result<()> {
        let dims = self.dim_data.dims().iter().zip(target.dims()).zip(stretch);
        let mut axes = Vec::with_capacity(stretch.len());
        for ((source, target), range) in dims {
            let found = matches(source, target, range.clone());
            if found.is_empty() {
                return Ok(());
            }
            axes.push(found);
        }
        // The file's own order, its fastest axis last.
        let mut order: Vec<usize> = (0..axes.len()).collect();
        if self.elements.order() == Order::Fortran {
            order.reverse();
        }
        let (file, _) = file::open(&self.path)?;
        let mut copy = Copy {
            window: Window::new(file),
            axes: &axes,
            order: &order,
            source: self.elements.layout(),
            target: layout,
            bytes,
        };
        copy.walk(0, self.elements.offset(), 0)
    }
}

/// Elements on their way from a file into a packed stretch.
struct Copy<'a> {
    window: Window,
    axes: &'a [Vec<Match>],
    order: &'a [usize],
    source: &'a Layout,
    target: &'a Layout,
    bytes: &'a mut [u8],
}

impl Copy<'_> {
    fn walk(&mut self, depth: usize, from: u64, to: usize) -> Result<()> {
        let itemsize = self.source.itemsize();
        let Some(&axis) = self.order.get(depth) else {
            return self.window.read(from, &mut self.bytes[to..to + itemsize]);
        };
        let (apart, apart_here) =
            (self.source.strides()[axis].unsigned_abs(), index(self.target.strides()[axis]));
        let together = depth + 1 == self.order.len() && apart_here == itemsize;
        for &Match { source, target, len } in &self.axes[axis] {
            let (from, to) = (from + source.unsigned_abs() * apart, to + index(target) * apart_here);
            if together {
                self.window.read(from, &mut self.bytes[to..to + index(len) * itemsize])?;
                continue;
            }
            for step in 0..len {
                self.walk(depth + 1, from + step.unsigned_abs() * apart, to + index(step) * apart_here)?;
            }
        }
        Ok(())
    }
}
