//! Reshaping: the elements of an array in the order of its flat index, as
//! `numpy.reshape` keeps it.
//!
//! The parts of two shapes are no products of each other's axes, so the plan has one
//! axis, the flat index, whose coordinates are the ranks. It takes time and memory for
//! the rows of this rank's parts.

use super::lists::{By, in_order};
use super::piece::Piece;
use super::plan::{Lists, Plan};
use crate::distribution::Decomposition;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{AxisMap, Run};

impl Plan {
    /// What a rank exchanges when an array of shape and layout `source` gets those of
    /// `target` in the same row-major order: messages have one axis, whose positions count
    /// a part's own elements in row-major order. Local.
    ///
    /// # Errors
    /// `Shape` where the two have different numbers of elements, `Unsupported` for
    /// unstructured axes and replicas.
    pub fn reshape(source: &Decomposition, target: &Decomposition, rank: i64) -> Result<Self> {
        let (from, to) = (Side::of(source)?, Side::of(target)?);
        if from.elements != to.elements {
            return Err(Error::new(ErrorKind::Shape, "a reshaped array has as many elements as before")
                .in_field("size")
                .expected_found(from.elements, to.elements));
        }
        let lists = Lists {
            sends: in_order(from.meet(&to, rank), By::Theirs),
            receives: in_order(to.meet(&from, rank), By::Mine),
        };
        let flat = Decomposition::of_ranks(from.elements, source.ranks().max(target.ranks()));
        Self::between(&flat, &flat, rank, &[0], &[Some(lists)])
    }
}

/// One side's layout, as flat indices see it.
struct Side<'a> {
    decomposition: &'a Decomposition,
    maps: Vec<&'a AxisMap>,
    elements: i64,
}

impl<'a> Side<'a> {
    fn of(decomposition: &'a Decomposition) -> Result<Self> {
        let map = |axis| {
            decomposition.axis_map(axis).ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, "unstructured axes are not reshaped").on_axis(axis)
            })
        };
        let maps = (0..decomposition.ndim()).map(map).collect::<Result<Vec<_>>>()?;
        if decomposition.replicas() != 1 {
            return Err(Error::new(ErrorKind::Unsupported, "replicas are not reshaped").in_field("replicas"));
        }
        let elements = maps.iter().try_fold(1_i64, |product, map| product.checked_mul(map.size()));
        let elements = elements.ok_or_else(|| {
            Error::new(ErrorKind::Bounds, "the array has more elements than 64 bits can count")
                .in_field("size")
        })?;
        Ok(Self { decomposition, maps, elements })
    }

    /// What `rank` owns here, by the ranks that own it on the other side.
    fn meet(&self, other: &Side<'_>, rank: i64) -> Vec<Piece> {
        let Some((coordinates, _)) = self.decomposition.coordinates(rank) else { return Vec::new() };
        let runs =
            |(map, &at): (&&AxisMap, &i64)| map.dim(at).map(|dim| dim.owned_runs().as_slice().to_vec());
        let Some(runs) = self.maps.iter().zip(&coordinates).map(runs).collect::<Option<Vec<Vec<Run>>>>()
        else {
            return Vec::new();
        };
        let mut pieces = Vec::new();
        let mut mine = 0;
        let Some((rows, outer)) = runs.split_last() else {
            // A scalar is one row of one element.
            other.cut(0, 1, &mut mine, &mut pieces);
            return pieces;
        };
        let width = self.maps.last().map_or(1, |map| map.size());
        for row in self.rows(outer) {
            for run in rows {
                for stretch in 0..run.count {
                    let first = row * width + run.start + stretch * run.stride;
                    other.cut(first, run.len, &mut mine, &mut pieces);
                }
            }
        }
        pieces
    }

    /// The flat index, without the last axis, of each row that these runs hold.
    fn rows(&self, outer: &[Vec<Run>]) -> Vec<i64> {
        outer.iter().zip(&self.maps).fold(vec![0], |rows, (runs, map)| {
            let indices: Vec<i64> = runs.iter().flat_map(|run| run.indices()).collect();
            rows.iter().flat_map(|row| indices.iter().map(move |index| row * map.size() + index)).collect()
        })
    }

    /// Cuts the flat indices `first..first + len`, at position `mine` on, by their owners here.
    fn cut(&self, first: i64, len: i64, mine: &mut i64, pieces: &mut Vec<Piece>) {
        let (mut at, end) = (first, first + len);
        while at < end {
            let Some((rank, theirs, more)) = self.locate(at) else { return };
            let len = more.min(end - at);
            pieces.push(Piece::stretch(rank, *mine, theirs, len, false));
            *mine += len;
            at += len;
        }
    }

    /// The rank that owns a flat index, its position there, and how many more follow.
    fn locate(&self, flat: i64) -> Option<(i64, i64, i64)> {
        let mut rest = flat;
        let mut coordinates = vec![0; self.maps.len()];
        let (mut position, mut step, mut more) = (0, 1, 1);
        for (axis, map) in self.maps.iter().enumerate().rev() {
            let index = rest % map.size();
            rest /= map.size();
            let stretch = map.stretch(index)?;
            coordinates[axis] = stretch.coordinate;
            if axis + 1 == self.maps.len() {
                more = stretch.stop - index;
            }
            position += stretch.local * step;
            step *= map.dim(stretch.coordinate)?.owned_len();
        }
        Some((self.decomposition.rank_at(&coordinates, 0), position, more))
    }
}
