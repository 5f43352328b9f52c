//! A file to be written, cut into stretches that fit into memory.

use std::ops::Range;

use crate::array::Layout;

/// Bytes of a target file that are put together in memory.
const STRETCH: usize = 1 << 23;

/// Boxes that follow each other in a packed array of C order, of bounded size.
pub(super) struct Stretches {
    shape: Vec<i64>,
    /// The axis that is cut, and into how long pieces; axes before it have one index.
    cut: usize,
    step: i64,
    next: Option<Vec<i64>>,
}

impl Stretches {
    pub(super) fn new(layout: &Layout) -> Self {
        let shape = layout.shape().to_vec();
        let limit = i64::try_from(STRETCH / layout.itemsize()).unwrap_or(1).max(1);
        let (mut cut, mut step) = (0, 1);
        let mut inner = 1_i64;
        for (axis, &extent) in shape.iter().enumerate().rev() {
            (cut, step) = (axis, (limit / inner).clamp(1, extent.max(1)));
            inner = inner.saturating_mul(extent.max(1));
            if inner > limit {
                break;
            }
        }
        let next = (!layout.is_empty()).then(|| vec![0; shape.len()]);
        Self { shape, cut, step, next }
    }
}

impl Iterator for Stretches {
    type Item = Vec<Range<i64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let range = |(axis, (&at, &extent)): (usize, (&i64, &i64))| match axis.cmp(&self.cut) {
            std::cmp::Ordering::Less => at..at + 1,
            std::cmp::Ordering::Equal => at..(at + self.step).min(extent),
            std::cmp::Ordering::Greater => 0..extent,
        };
        let stretch: Vec<_> = start.iter().zip(&self.shape).enumerate().map(range).collect();
        let mut next = start;
        for axis in
            (0..=self.cut.min(next.len().saturating_sub(1))).rev().filter(|&axis| axis < stretch.len())
        {
            next[axis] = stretch[axis].end;
            if next[axis] < self.shape[axis] {
                self.next = Some(next);
                break;
            }
            next[axis] = 0;
        }
        Some(stretch)
    }
}
