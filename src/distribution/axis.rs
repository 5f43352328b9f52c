//! How to ask for the layout of one axis.

use super::grid::{Demand, Grid};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{AxisMap, AxisRule, Dim, DimData, Dist, Indices, ProcGrid};

/// The wanted layout of one axis: a size, a way of dealing, and a halo.
///
/// ```
/// use distarray::distribution::Axis;
/// let axes = [Axis::block(64).halo(1).periodic(), Axis::cyclic(100, 8).on(2), Axis::whole(3).component()];
/// ```
#[derive(Clone, Debug)]
pub struct Axis {
    size: i64,
    deal: Deal,
    procs: Option<i64>,
    halo: [i64; 2],
    periodic: bool,
    edge_outside: bool,
    component: bool,
    /// A wish that only another kind of axis can grant.
    misplaced: Option<&'static str>,
}

#[derive(Clone, Debug)]
enum Deal {
    Whole,
    Balanced,
    Blocks(i64),
    Ceil,
    Bounds(Vec<i64>),
    Cyclic { block_size: i64, first_process: i64, first_block: i64 },
    Mine { indices: Indices, num_owned: i64, one_to_one: bool },
}

impl Axis {
    /// Blocks whose lengths differ by at most one, the longer ones first, as in
    /// PETSc and `numpy.array_split`.
    #[must_use]
    pub fn block(size: i64) -> Self {
        Self::new(size, Deal::Balanced)
    }

    /// Blocks of `ceil(size / processes)`, the last ones short or empty, as in DistArray.
    #[must_use]
    pub fn ceil_block(size: i64) -> Self {
        Self::new(size, Deal::Ceil)
    }

    /// Blocks of a stated length, the last ones short or empty, as in FFTW.
    #[must_use]
    pub fn blocks_of(size: i64, block: i64) -> Self {
        Self::new(size, Deal::Blocks(block))
    }

    /// Blocks between stated bounds: coordinate `i` owns `bounds[i]..bounds[i + 1]`.
    #[must_use]
    pub fn bounds(bounds: impl Into<Vec<i64>>) -> Self {
        let bounds = bounds.into();
        let procs = as_i64(bounds.len()) - 1;
        Self::new(bounds.last().copied().unwrap_or(0), Deal::Bounds(bounds)).on(procs)
    }

    /// Blocks of `block_size` dealt round robin, as in ScaLAPACK.
    #[must_use]
    pub fn cyclic(size: i64, block_size: i64) -> Self {
        Self::new(size, Deal::Cyclic { block_size, first_process: 0, first_block: block_size })
    }

    /// An axis that every process holds whole.
    #[must_use]
    pub fn whole(size: i64) -> Self {
        Self::new(size, Deal::Whole)
    }

    /// Any indices: those that this rank holds, all owned, each by one process alone.
    #[must_use]
    pub fn unstructured(size: i64, mine: impl Into<Vec<i64>>) -> Self {
        let mine = mine.into();
        let num_owned = as_i64(mine.len());
        Self::new(size, Deal::Mine { indices: mine.into(), num_owned, one_to_one: true })
    }

    /// The parts that a map says, on as many processes; `None` for an unstructured one.
    pub(crate) fn like(map: &AxisMap) -> Option<Self> {
        Some(match map.rule() {
            AxisRule::Uniform { size, procs, block } => Self::blocks_of(size, block).on(procs),
            AxisRule::Balanced { size, procs } => Self::block(size).on(procs),
            AxisRule::Irregular { bounds } => Self::bounds(bounds),
            AxisRule::Cyclic { size, procs, block_size, first_process, first_block } => {
                Self::new(size, Deal::Cyclic { block_size, first_process, first_block }).on(procs)
            }
            AxisRule::Unstructured { .. } => return None,
        })
    }

    fn new(size: i64, deal: Deal) -> Self {
        let (periodic, edge_outside, component) = (false, false, false);
        Self { size, deal, procs: None, halo: [0, 0], periodic, edge_outside, component, misplaced: None }
    }

    pub(super) fn size(&self) -> i64 {
        self.size
    }

    /// Fixes the extent of the process grid along this axis.
    #[must_use]
    pub fn on(mut self, procs: i64) -> Self {
        self.procs = Some(procs);
        self
    }

    /// Pads each block with `width` elements of its neighbours; blocks only.
    ///
    /// Where the halo ends at the edges of the array, no block may be narrower than
    /// it (rule W5); around the edges too ([`periodic`](Self::periodic),
    /// [`edge_outside`](Self::edge_outside)) it may be as wide as the axis.
    #[must_use]
    pub fn halo(self, width: i64) -> Self {
        self.halo_sides(width, width)
    }

    /// Pads each block with `before` and `after` elements of its neighbours; blocks
    /// only. Two widths need a halo around the edges too.
    #[must_use]
    pub fn halo_sides(mut self, before: i64, after: i64) -> Self {
        self.halo = [before, after];
        self
    }

    /// Wraps the axis around; its halo then lies outside the edges too; blocks only.
    #[must_use]
    pub fn periodic(mut self) -> Self {
        (self.periodic, self.edge_outside) = (true, true);
        self
    }

    /// Puts the halo around the edges of the array too, outside its indices; blocks only.
    #[must_use]
    pub fn edge_outside(mut self) -> Self {
        self.edge_outside = true;
        self
    }

    /// Deals the first block to this coordinate; cyclic axes only.
    #[must_use]
    pub fn first_process(mut self, coordinate: i64) -> Self {
        if let Deal::Cyclic { first_process, .. } = &mut self.deal {
            *first_process = coordinate;
        } else {
            self.misplaced = Some("first_process");
        }
        self
    }

    /// Cuts the first block to this length; cyclic axes only.
    #[must_use]
    pub fn first_block(mut self, length: i64) -> Self {
        if let Deal::Cyclic { first_block, .. } = &mut self.deal {
            *first_block = length;
        } else {
            self.misplaced = Some("first_block");
        }
        self
    }

    /// Says that only the first `count` of this rank's indices are owned, the
    /// others being ghosts; unstructured axes only.
    #[must_use]
    pub fn owning(mut self, count: i64) -> Self {
        if let Deal::Mine { num_owned, .. } = &mut self.deal {
            *num_owned = count;
        } else {
            self.misplaced = Some("num_owned");
        }
        self
    }

    /// Says that the axis counts components of one value, not space.
    #[must_use]
    pub fn component(mut self) -> Self {
        self.component = true;
        self
    }

    /// What the axis asks of the process grid.
    fn demand(&self) -> Demand {
        match (&self.deal, self.procs) {
            (_, Some(procs)) => Demand::Fixed(procs),
            (Deal::Whole, None) => Demand::Fixed(1),
            _ => Demand::Free { size: self.size },
        }
    }

    /// Who owns which index on `procs` processes; `None` for an unstructured axis.
    pub(crate) fn map(&self, procs: i64) -> Result<Option<AxisMap>> {
        match &self.deal {
            Deal::Whole if procs > 1 => {
                Err(Error::new(ErrorKind::Grid, "an axis held whole takes one process")
                    .in_field("proc_grid_size")
                    .expected_found(1, procs))
            }
            Deal::Whole | Deal::Balanced => AxisMap::balanced(self.size, procs),
            Deal::Ceil => AxisMap::ceil(self.size, procs),
            Deal::Blocks(block) => AxisMap::uniform(self.size, procs, *block),
            Deal::Bounds(bounds) => AxisMap::from_bounds(bounds.clone()),
            Deal::Cyclic { block_size, first_process, first_block } => {
                AxisMap::cyclic(self.size, procs, *block_size, *first_process, *first_block)
            }
            Deal::Mine { .. } => return Ok(None),
        }
        .map(Some)
    }

    /// The part of one coordinate, halo included.
    fn part(&self, procs: i64, coordinate: i64) -> Result<Dim> {
        let dim = match (&self.deal, self.map(procs)?) {
            (Deal::Mine { indices, num_owned, one_to_one }, _) => {
                let (indices, num_owned, one_to_one) = (indices.clone(), *num_owned, *one_to_one);
                Dim::new(self.size, procs, coordinate, Dist::Unstructured { indices, num_owned, one_to_one })?
            }
            (_, Some(map)) if map.letter() == 'b' => self.padded(&map, coordinate)?,
            (_, map) => map.and_then(|map| map.dim(coordinate)).ok_or_else(|| {
                // The coordinate lies in the grid: only its start can be out of range.
                Error::new(ErrorKind::Range, "blocks so long begin beyond 64 bits; choose shorter ones")
                    .in_field("block_size")
            })?,
        };
        let block = dim.dist().letter() == 'b';
        let misplaced = [
            self.misplaced,
            (self.halo != [0, 0] && !block).then_some("halo"),
            (self.periodic && !block).then_some("periodic"),
            (self.edge_outside && !block).then_some("edge_outside"),
        ];
        if let Some(field) = misplaced.into_iter().flatten().next() {
            let detail = format!("an axis of kind '{}' has no {field}", dim.dist().letter());
            return Err(Error::new(ErrorKind::Flag, detail).in_field(field));
        }
        Ok(if self.component { dim.component() } else { dim })
    }

    /// A block with its halo.
    fn padded(&self, map: &AxisMap, coordinate: i64) -> Result<Dim> {
        let own = map.block(coordinate);
        let narrowest = self.halo[0].min(self.halo[1]);
        if narrowest < 0 {
            return Err(Error::new(ErrorKind::Halo, "a halo cannot be narrower than nothing")
                .in_field("halo")
                .expected_found(0, narrowest));
        }
        let padding = match (self.halo, self.edge_outside) {
            ([0, 0], _) | (_, true) => self.halo,
            ([before, after], false) if before == after => {
                [self.paired(map, coordinate, -1)?, self.paired(map, coordinate, 1)?]
            }
            ([before, after], false) => {
                return Err(Error::new(ErrorKind::Halo, "a halo that ends at the edges is as wide on both sides; take the wider one, or put the halo around the edges too (edge_outside)")
                    .in_field("halo")
                    .expected_found(before, after)
                    .by_rule("W5"));
            }
        };
        let stop = own.end.checked_add(padding[1]).ok_or_else(|| {
            Error::new(ErrorKind::Halo, "the halo reaches further than 64 bits can count").in_field("halo")
        })?;
        let dist = Dist::Block {
            start: own.start - padding[0],
            stop,
            padding,
            periodic: self.periodic,
            edge_outside: self.edge_outside,
        };
        Dim::new(self.size, map.proc_grid_size(), coordinate, dist)
    }

    /// Width of a halo that ends at the edges, towards the neighbour one `step` away.
    fn paired(&self, map: &AxisMap, coordinate: i64, step: i64) -> Result<i64> {
        let neighbour = coordinate + step;
        if !(0..map.proc_grid_size()).contains(&neighbour) {
            return Ok(0);
        }
        let (own, lent) = (map.block(coordinate), map.block(neighbour));
        // Trailing ranks may own nothing: then the array ends here.
        if own.start == self.size || lent.start == self.size {
            return Ok(0);
        }
        let narrowest = (own.end - own.start).min(lent.end - lent.start);
        if narrowest < self.halo[0] {
            return Err(Error::new(ErrorKind::Halo, "the halo is wider than what a process owns; use fewer processes along this axis or a narrower halo")
                .in_field("halo")
                .expected_found(narrowest, self.halo[0]));
        }
        Ok(self.halo[0])
    }
}

/// The process grid, and who owns which index of each axis. Local.
pub(super) fn maps(axes: &[Axis], grid: &Grid, ranks: usize) -> Result<(Vec<i64>, Vec<Option<AxisMap>>)> {
    let demands: Vec<Demand> = axes.iter().map(Axis::demand).collect();
    let extents = grid.extents(&demands, ranks)?;
    let map = |(i, axis): (usize, &Axis)| axis.map(extents[i]).map_err(|e| e.on_axis(i));
    let maps = axes.iter().enumerate().map(map).collect::<Result<_>>()?;
    Ok((extents, maps))
}

/// One rank's part of every axis. Local.
pub(super) fn plan(axes: &[Axis], grid: &Grid, rank: usize, ranks: usize) -> Result<DimData> {
    let demands: Vec<Demand> = axes.iter().map(Axis::demand).collect();
    let extents = grid.extents(&demands, ranks)?;
    let (coordinates, proc_grid) = grid.place(&extents, rank)?;
    parts(axes, &extents, &coordinates, proc_grid)
}

/// The part of every axis at these coordinates. Local.
pub(super) fn parts(axes: &[Axis], extents: &[i64], coordinates: &[i64], grid: ProcGrid) -> Result<DimData> {
    let part = |(i, axis): (usize, &Axis)| axis.part(extents[i], coordinates[i]).map_err(|e| e.on_axis(i));
    let dims: Vec<Dim> = axes.iter().enumerate().map(part).collect::<Result<_>>()?;
    DimData::with_grid(dims, grid)
}
