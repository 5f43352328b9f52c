//! Maps of an axis from a rule, from bounds, or from everyone's parts.

use std::sync::Arc;

use fastdivide::DividerU64;

use super::{AxisMap, Kind, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, Dist};

impl AxisMap {
    /// Blocks of `block` elements, the last ones short or empty: FFTW's, and with
    /// `block = ceil(size / procs)` DistArray's and ScaLAPACK's rule.
    ///
    /// # Errors
    /// Blocks too short to hold the axis.
    pub fn uniform(size: i64, procs: i64, block: i64) -> Result<Self> {
        check_extents(size, procs)?;
        if block < 1 || i128::from(block) * i128::from(procs) < i128::from(size) {
            return Err(Error::new(ErrorKind::Range, "blocks of this length do not hold the axis")
                .in_field("block")
                .expected_found((size - 1).max(0) / procs + 1, block));
        }
        let block = block.unsigned_abs();
        Ok(Self { size, procs, kind: Kind::Uniform { block, by_block: DividerU64::divide_by(block) } })
    }

    /// Blocks of `ceil(size / procs)` elements: the rule of DistArray.
    ///
    /// # Errors
    /// A negative size or no process.
    pub fn ceil(size: i64, procs: i64) -> Result<Self> {
        check_extents(size, procs)?;
        Self::uniform(size, procs, ((size - 1).max(0) / procs) + 1)
    }

    /// Blocks whose lengths differ by at most one, the longer ones first: the
    /// rule of PETSc, `numpy.array_split` and mpi4py-fft.
    ///
    /// # Errors
    /// A negative size or no process.
    pub fn balanced(size: i64, procs: i64) -> Result<Self> {
        check_extents(size, procs)?;
        let (n, p) = (size.unsigned_abs(), procs.unsigned_abs());
        let (short, longer) = (n / p, n % p);
        let kind = Kind::Balanced {
            longer,
            short,
            by_long: DividerU64::divide_by(short + 1),
            by_short: DividerU64::divide_by(short.max(1)),
        };
        Ok(Self { size, procs, kind })
    }

    /// Blocks between given bounds: coordinate `i` owns `bounds[i]..bounds[i + 1]`.
    ///
    /// # Errors
    /// Fewer than two bounds, a first one other than 0, or bounds that descend.
    pub fn irregular(bounds: impl Into<Arc<[i64]>>) -> Result<Self> {
        let bounds: Arc<[i64]> = bounds.into();
        let (Some(&first), Some(&size)) = (bounds.first(), bounds.last()) else {
            return Err(
                Error::new(ErrorKind::Range, "bounds need at least a start and a stop").in_field("bounds")
            );
        };
        let procs = as_i64(bounds.len()) - 1;
        check_extents(size, procs)?;
        if first != 0 {
            return Err(Error::new(ErrorKind::Range, "bounds must begin at 0")
                .in_field("bounds")
                .expected_found(0, first));
        }
        if let Some(w) = bounds.windows(2).find(|w| w[0] > w[1]) {
            return Err(Error::new(ErrorKind::Range, "bounds must not descend")
                .in_field("bounds")
                .expected_found(w[0], w[1]));
        }
        Ok(Self { size, procs, kind: Kind::Irregular { bounds } })
    }

    /// Blocks of `block_size` dealt round robin from `first_process`; the first
    /// block may be cut to `first_block`.
    ///
    /// # Errors
    /// What rules C1 to C4 refuse, or a first process outside the grid.
    pub fn cyclic(
        size: i64,
        procs: i64,
        block_size: i64,
        first_process: i64,
        first_block: i64,
    ) -> Result<Self> {
        check_extents(size, procs)?;
        if !(0..procs).contains(&first_process) {
            return Err(Error::new(ErrorKind::Range, "the first process must lie in the grid")
                .in_field("first_process")
                .expected_found(procs - 1, first_process));
        }
        // The rules are the protocol's own: those of the process that holds the first block.
        Dim::new(size, procs, first_process, Dist::Cyclic { start: 0, block_size, first_block })?;
        let block = block_size.unsigned_abs();
        Ok(Self {
            size,
            procs,
            kind: Kind::Cyclic {
                block,
                first_process: first_process.unsigned_abs(),
                missing: (block_size - first_block).unsigned_abs(),
                by_block: DividerU64::divide_by(block),
                by_procs: DividerU64::divide_by(procs.unsigned_abs()),
            },
        })
    }

    /// The map of a cyclic axis, which any one process's part tells whole.
    ///
    /// # Errors
    /// A part of another kind.
    pub fn from_part(dim: &Dim) -> Result<Self> {
        let Dist::Cyclic { block_size, first_block, .. } = *dim.dist() else {
            return Err(Error::new(ErrorKind::Unsupported, "only a cyclic part tells the whole axis")
                .in_field("dist_type"));
        };
        Self::cyclic(dim.size, dim.proc_grid_size, block_size, dim.first_process(), first_block)
    }

    /// Any indices: those that each coordinate owns, in local order. Where one
    /// is owned twice, the lowest coordinate counts as its owner.
    ///
    /// # Errors
    /// No coordinate at all.
    pub fn unstructured(size: i64, owned: Vec<Vec<i64>>) -> Result<Self> {
        let procs = as_i64(owned.len());
        check_extents(size, procs)?;
        let mut entries = Vec::with_capacity(owned.iter().map(Vec::len).sum());
        for (coordinate, indices) in (0..).zip(&owned) {
            entries.extend((0..).zip(indices).map(|(local, &global)| (global, coordinate, local)));
        }
        entries.sort_unstable();
        Ok(Self { size, procs, kind: Kind::Unstructured { table: Arc::new(Table { entries, owned }) } })
    }

    /// The map of an axis from everyone's dimension, in any order.
    ///
    /// # Errors
    /// Dimensions that disagree, a coordinate that is missing or stands twice,
    /// a gap or an overlap: with the coordinates as ranks.
    pub fn from_dims<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Result<Self> {
        let mut dims: Vec<&Dim> = dims.into_iter().collect();
        dims.sort_by_key(|d| d.proc_grid_rank);
        let Some(&first) = dims.first() else {
            return Err(Error::new(ErrorKind::Grid, "an axis needs at least one process").by_rule("D2"));
        };
        for (expected, dim) in (0..).zip(&dims) {
            if dim.proc_grid_rank != expected {
                return Err(Error::new(ErrorKind::Duplicate, "every coordinate must stand once")
                    .in_field("proc_grid_rank")
                    .expected_found(expected, dim.proc_grid_rank));
            }
            agree("size", first.size, dim.size, expected)?;
            agree("proc_grid_size", first.proc_grid_size, dim.proc_grid_size, expected)?;
            agree(
                "dist_type",
                i64::from(u32::from(first.dist.letter())),
                i64::from(u32::from(dim.dist.letter())),
                expected,
            )?;
        }
        let present = as_i64(dims.len());
        agree("proc_grid_size", first.proc_grid_size, present, 0)?;
        match &first.dist {
            Dist::Block { .. } => Self::from_blocks(first.size, &dims),
            Dist::Cyclic { block_size, first_block, .. } => {
                for dim in &dims {
                    let deal = dim.deal();
                    agree("block_size", *block_size, deal.block, dim.proc_grid_rank)?;
                    agree("first_block", *first_block, deal.block - deal.missing, dim.proc_grid_rank)?;
                    agree("start", first.first_process(), dim.first_process(), dim.proc_grid_rank)?;
                }
                Self::cyclic(
                    first.size,
                    first.proc_grid_size,
                    *block_size,
                    first.first_process(),
                    *first_block,
                )
            }
            Dist::Unstructured { .. } => Self::unstructured(
                first.size,
                dims.iter().map(|d| d.owned_runs().indices().collect()).collect(),
            ),
        }
    }

    fn from_blocks(size: i64, dims: &[&Dim]) -> Result<Self> {
        let mut bounds = Vec::with_capacity(dims.len() + 1);
        let mut reached = 0;
        for dim in dims {
            let owned = dim.owned_block();
            if owned.start != reached {
                return Err(Error::new(ErrorKind::Partition, "blocks must meet without gap or overlap")
                    .on_rank(dim.proc_grid_rank)
                    .against_rank(dim.proc_grid_rank - 1)
                    .in_field("start")
                    .expected_found(reached, owned.start));
            }
            bounds.push(reached);
            reached = owned.end;
        }
        agree("stop", size, reached, dims.last().map_or(0, |d| d.proc_grid_rank))?;
        bounds.push(size);
        Self::from_bounds(bounds)
    }

    /// Blocks between given bounds, described without a table where a rule says them.
    ///
    /// # Errors
    /// As [`irregular`](Self::irregular).
    pub fn from_bounds(bounds: impl Into<Arc<[i64]>>) -> Result<Self> {
        let map = Self::irregular(bounds)?;
        let Kind::Irregular { bounds } = &map.kind else { return Ok(map) };
        let candidates = [
            Self::ceil(map.size, map.procs)?,
            Self::balanced(map.size, map.procs)?,
            Self::uniform(map.size, map.procs, bounds[1].max(1)).unwrap_or_else(|_| map.clone()),
        ];
        let fits = |m: &Self| {
            (0..map.procs).zip(bounds.iter()).all(|(coordinate, &start)| m.block_start(coordinate) == start)
        };
        Ok(candidates.into_iter().find(fits).unwrap_or(map))
    }
}

fn check_extents(size: i64, procs: i64) -> Result<()> {
    if size < 0 {
        return Err(Error::new(ErrorKind::Range, "too small")
            .in_field("size")
            .expected_found(0, size)
            .by_rule("D1"));
    }
    if procs < 1 {
        return Err(Error::new(ErrorKind::Range, "too small")
            .in_field("proc_grid_size")
            .expected_found(1, procs)
            .by_rule("D2"));
    }
    Ok(())
}

fn agree(field: &'static str, expected: i64, found: i64, coordinate: i64) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invariant, "all processes along the axis must agree")
        .on_rank(coordinate)
        .in_field(field)
        .expected_found(expected, found))
}
