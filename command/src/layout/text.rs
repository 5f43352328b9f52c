//! The text form of a layout: what a person types.

use std::ops::Range;

use distarray::distribution::{Axis, Grid};
use distarray::protocol::GridOrder;

use super::reader::Reader;
use crate::outcome::{Failure, Outcome};

/// The grammar, as `--help` and the manual page state it.
pub const GRAMMAR: &str = "\
Layouts:
  A layout says how an array is dealt out: '4096x4096 b,c64 on 4x2', that is
  SHAPE, one KIND for each axis, 'on' and the PROCESS GRID.

  b             blocks whose lengths differ by at most one
  b64           blocks of 64, the last ones short or empty
  b(0,10,40)    blocks between bounds: 0 to 9 and 10 to 39
  ceil          blocks of ceil(size / processes), as DistArray deals them
  c, c64        cyclic: single elements, or blocks of 64, dealt round robin
  c64@1         ... the first block to process 1
  c64/8         ... the first block cut to 8
  n, *          not dealt out: every process holds the axis whole
  u(0 3|1 2 4)  any indices: a list for each process
  u(@FILE)      ... from a file: such lists as JSON, [[0,3],[1,2,4]], or the owner
                of each index, as METIS and Scotch write a partition

  b+1           a halo of one element, ending at the edges of the array
  b+1o          ... around the edges too, outside the array
  b+1p          ... of a periodic axis
  b+1:2o        ... one element before and two after

  on 4x2        processes along each axis
  on 8          eight processes, as the grid with the shortest borders
  order F       ranks run down the first axis first (C: the last one first)
  order 2,0,1   the rank at each place of the grid
  replicas 2    so many equal copies, each on a grid of its own

  An argument that ends in .dnpy stands for the set of files u_0.dnpy, u_1.dnpy ...
  that it belongs to, as does the prefix u where it says nothing else; one that ends
  in .json for the dim_data of all ranks.";

/// Ranks are `int` in MPI.
const MOST_RANKS: i64 = i32::MAX as i64;

/// What a text asks for; sizes and ranks may be left to where it is used.
pub struct Wish {
    pub(super) text: Vec<char>,
    pub shape: Option<(Range<usize>, Vec<i64>)>,
    pub kinds: Vec<Kind>,
    pub grid: Option<(Range<usize>, Vec<i64>)>,
    pub order: GridOrder,
    pub replicas: i64,
}

/// How one axis is dealt out, and where the text says so.
pub struct Kind {
    pub at: Range<usize>,
    pub(super) deal: Deal,
    pub(super) halo: Option<Halo>,
}

pub(super) enum Deal {
    Block,
    BlocksOf(i64),
    Ceil,
    Bounds(Vec<i64>),
    Cyclic { block: i64, process: Option<i64>, first: Option<i64> },
    Whole,
    Lists(Vec<Vec<i64>>),
}

pub(super) struct Halo {
    pub(super) widths: [i64; 2],
    pub(super) edges: Edges,
}

pub(super) enum Edges {
    End,
    Outside,
    Periodic,
}

impl Kind {
    /// The axis of this size.
    pub fn axis(&self, size: i64) -> Axis {
        let axis = match &self.deal {
            Deal::Block => Axis::block(size),
            Deal::BlocksOf(block) => Axis::blocks_of(size, *block),
            Deal::Ceil => Axis::ceil_block(size),
            Deal::Bounds(bounds) => Axis::bounds(bounds.clone()),
            Deal::Whole => Axis::whole(size),
            Deal::Cyclic { block, process, first } => {
                let axis = Axis::cyclic(size, *block);
                let axis = process.iter().fold(axis, |axis, &at| axis.first_process(at));
                first.iter().fold(axis, |axis, &length| axis.first_block(length))
            }
            // Owners are in the lists; this is their grid alone.
            Deal::Lists(_) => Axis::unstructured(size, []),
        };
        let axis = self.processes().into_iter().fold(axis, Axis::on);
        let Some(Halo { widths: [before, after], edges }) = &self.halo else { return axis };
        let axis = axis.halo_sides(*before, *after);
        match edges {
            Edges::End => axis,
            Edges::Outside => axis.edge_outside(),
            Edges::Periodic => axis.periodic(),
        }
    }

    /// The size of the axis, where the kind says it.
    pub fn size(&self) -> Option<i64> {
        match &self.deal {
            Deal::Bounds(bounds) => bounds.last().copied(),
            _ => None,
        }
    }

    /// The number of processes along the axis, where the kind says it.
    pub fn processes(&self) -> Option<i64> {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        match &self.deal {
            Deal::Bounds(bounds) => Some(count(bounds.len()) - 1),
            Deal::Whole => Some(1),
            Deal::Lists(lists) => Some(count(lists.len())),
            _ => None,
        }
    }

    /// The indices of each process.
    pub fn lists(&self) -> Option<&[Vec<i64>]> {
        match &self.deal {
            Deal::Lists(lists) => Some(lists),
            _ => None,
        }
    }
}

impl Wish {
    /// Reads a text.
    pub fn parse(text: &str) -> Outcome<Self> {
        Reader::new(text).wish()
    }

    /// A fault at a place of the text.
    pub fn fault(&self, at: Range<usize>, why: impl AsRef<str>) -> Failure {
        fault(&self.text, at, why.as_ref())
    }

    /// Where the text ends.
    pub fn end(&self) -> Range<usize> {
        self.text.len()..self.text.len()
    }

    /// Where the kinds stand.
    pub fn kinds_at(&self) -> Range<usize> {
        let (first, last) = (self.kinds.first(), self.kinds.last());
        first.zip(last).map_or(self.end(), |(first, last)| first.at.start..last.at.end)
    }

    /// The words of a kind.
    pub fn words(&self, kind: &Kind) -> String {
        let text: String = self.text[kind.at.clone()].iter().collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The process grid, and how many ranks it takes: `ranks` where nothing in the text says it.
    pub fn grid(&self, ranks: Option<i64>) -> Outcome<(Grid, usize)> {
        let product = |extents: &[i64]| extents.iter().try_fold(1_i64, |product, &n| product.checked_mul(n));
        let fixed: Option<Vec<i64>> = self.kinds.iter().map(Kind::processes).collect();
        let (at, per_copy) = match (&self.grid, fixed, ranks) {
            (Some((at, extents)), ..) => (at.clone(), product(extents)),
            (None, Some(extents), _) => (self.kinds_at(), product(&extents)),
            (None, None, Some(ranks)) => {
                let rest = ranks % self.replicas;
                if rest != 0 {
                    let why = format!("{ranks} ranks cannot keep {} equal copies", self.replicas);
                    return Err(self.fault(self.kinds_at(), why));
                }
                (self.kinds_at(), Some(ranks / self.replicas))
            }
            (None, None, None) => {
                return Err(self.fault(self.end(), "expected the processes: 'on 4x2', 'on 8', or --ranks 8"));
            }
        };
        let total = per_copy.and_then(|ranks| ranks.checked_mul(self.replicas));
        let total = total.filter(|total| (1..=MOST_RANKS).contains(total)).ok_or_else(|| {
            self.fault(at, format!("expected 1 to {MOST_RANKS} ranks, which MPI counts with an int"))
        })?;
        let grid = match &self.grid {
            Some((_, extents)) if extents.len() == self.kinds.len() => Grid::exact(extents.clone()),
            Some((at, extents)) if extents.len() > 1 => {
                let why = format!(
                    "expected one extent for each of {} axes, or the number of processes; found {} extents",
                    self.kinds.len(),
                    extents.len()
                );
                return Err(self.fault(at.clone(), why));
            }
            _ => Grid::compact(),
        };
        let grid = grid.order(self.order.clone()).replicas(self.replicas);
        Ok((grid, usize::try_from(total).unwrap_or(usize::MAX)))
    }
}

/// Characters of a long text that are shown on each side of a fault.
const SHOWN: usize = 60;

/// The text with a caret under the fault.
pub(super) fn fault(text: &[char], at: Range<usize>, why: &str) -> Failure {
    let (from, to) = (at.start.saturating_sub(SHOWN), (at.end.min(at.start + SHOWN) + SHOWN).min(text.len()));
    let cut = |cut: bool| if cut { "..." } else { "" };
    let shown: String = text[from..to].iter().map(|&c| if c.is_control() { ' ' } else { c }).collect();
    let (before, after) = (cut(from > 0), cut(to < text.len()));
    let indent = " ".repeat(before.len() + at.start - from);
    let marks = "^".repeat((at.end.min(to) - at.start).max(1));
    Failure::Usage(format!("bad layout\n  {before}{shown}{after}\n  {indent}{marks}\n  {why}"))
}
