//! Everyone's layout: a communicator and the parts of all its ranks.
//!
//! What one rank knows is a [`DimData`]; that the parts of all ranks fit
//! together is a [`Distribution`]. It comes from axes that one asks for
//! ([`Distribution::new`]) or from what every rank brings
//! ([`Distribution::gather`]), and both prove it by the same collective check.
//!
//! Per rank it costs memory for its own part and for the bounds of irregular
//! axes; nothing else grows with the number of ranks.

mod axis;
mod check;
mod claim;
mod create;
mod decomposition;
mod diagnose;
mod directory;
mod grid;
mod hash;

pub use axis::Axis;
pub use check::faults;
pub use claim::Claim;
pub use decomposition::Decomposition;
pub(crate) use decomposition::Members;
pub(crate) use directory::holders;
pub use grid::{Grid, distarray_grid_shape};
pub(crate) use hash::{hash_words, ring_term};

use crate::array::AnyArray;
use crate::comm::{Comm, Op};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{AxisMap, Dim, DimData};

/// A communicator, and how an array's elements are dealt out over its ranks.
///
/// ```
/// use distarray::comm;
/// use distarray::distribution::{Axis, Distribution};
///
/// comm::threads(4, |comm| {
///     let d = Distribution::new(&comm, [Axis::block(64).halo(1), Axis::whole(9)])?;
///     let u = d.from_fn(|g| (g[0] * 9 + g[1]) as f64)?;
///     assert_eq!(d.owner(&[63, 0]), Some(3));
///     assert_eq!(u.owned().shape(), [16, 9]);
///     Ok::<(), distarray::Error>(())
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Distribution {
    comm: Comm,
    dim_data: DimData,
    decomposition: Decomposition,
}

impl Distribution {
    /// Deals an array out over all ranks, on a process grid chosen for small
    /// surfaces. Collective.
    ///
    /// # Errors
    /// Axes that the ranks cannot hold, parts that do not fit together because the
    /// ranks asked for different axes, or no process grid that fits: the same error
    /// on every rank.
    pub fn new(comm: &Comm, axes: impl Into<Vec<Axis>>) -> Result<Self> {
        Self::on_grid(comm, axes, Grid::compact())
    }

    /// Deals an array out over all ranks of a stated process grid. Collective.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on_grid(comm: &Comm, axes: impl Into<Vec<Axis>>, grid: Grid) -> Result<Self> {
        let plan = axis::plan(&axes.into(), &grid, comm.rank(), comm.size());
        // Who owns what comes from the parts that were checked, not from the wish,
        // of which each rank has its own.
        Self::gather_dim_data(comm, plan.as_ref().map_err(Clone::clone))
    }

    /// Proves that the parts of all ranks make one global array: sizes, kinds,
    /// grids, element types, blocks that meet, padding that pairs, indices
    /// owned once. Collective.
    ///
    /// The good path is one reduction of a few words and memory for the own
    /// part; irregular blocks take a second one for their bounds.
    ///
    /// # Errors
    /// The same error on every rank, with ranks, axis, field, expected and found.
    pub fn gather(comm: &Comm, array: &AnyArray) -> Result<Self> {
        Self::from_claim(comm, Ok(Claim::of_array(array)))
    }

    /// The same for parts without memory; a rank that could not make its own
    /// brings its error, and every rank returns it. Collective.
    ///
    /// # Errors
    /// As [`gather`](Self::gather).
    pub fn gather_dim_data(comm: &Comm, dim_data: Result<&DimData>) -> Result<Self> {
        Self::from_claim(comm, dim_data.map(Claim::of))
    }

    /// The check alone. Collective.
    pub(crate) fn check<const N: usize>(
        comm: &Comm,
        claim: Result<Claim<'_>>,
        tally: impl FnOnce(&mut [u64; N]),
    ) -> Result<[u64; N]> {
        check::agree(comm, claim, tally)
    }

    pub(crate) fn from_claim(comm: &Comm, claim: Result<Claim<'_>>) -> Result<Self> {
        let rules = check::agree_on_rules(comm, claim.clone())?;
        let dim_data = claim?.dim_data().clone();
        let maps = maps(comm, &dim_data, &rules)?;
        let decomposition = Decomposition::of(&dim_data, maps);
        Ok(Self { comm: comm.clone(), dim_data, decomposition })
    }

    /// The communicator. Local.
    #[must_use]
    pub fn comm(&self) -> &Comm {
        &self.comm
    }

    /// This rank's part. Local.
    #[must_use]
    pub fn dim_data(&self) -> &DimData {
        &self.dim_data
    }

    /// Extents of the global array. Local.
    #[must_use]
    pub fn shape(&self) -> Vec<i64> {
        self.dim_data.global_shape()
    }

    /// Who owns which index of an axis; `None` for an unstructured axis, whose
    /// owners [`owners`](Self::owners) asks for, and beyond the last axis. Local.
    #[must_use]
    pub fn axis_map(&self, axis: usize) -> Option<&AxisMap> {
        self.decomposition.axis_map(axis)
    }

    /// Everyone's parts without the communicator. Local.
    #[must_use]
    pub fn decomposition(&self) -> &Decomposition {
        &self.decomposition
    }

    /// Rank that owns an element, in this rank's replica; `None` outside the
    /// array and on an unstructured axis. Local, O(1) on regular axes.
    #[must_use]
    pub fn owner(&self, index: &[i64]) -> Option<i64> {
        self.locate(index, |_| {})
    }

    /// Rank that owns an element, `None` as for [`owner`](Self::owner); calls `local` with
    /// its position among the owner's owned elements, axis by axis. Local.
    pub fn locate(&self, index: &[i64], mut local: impl FnMut(i64)) -> Option<i64> {
        if index.len() != self.decomposition.ndim() {
            return None;
        }
        let mut coordinates = [0; INLINE_AXES];
        let mut many;
        let coordinates = match coordinates.get_mut(..index.len()) {
            Some(few) => few,
            None => {
                many = vec![0; index.len()];
                &mut many[..]
            }
        };
        for ((coordinate, map), &global) in coordinates.iter_mut().zip(self.decomposition.maps()).zip(index) {
            let (owner, position) = map.as_ref()?.locate(global)?;
            *coordinate = owner;
            local(position);
        }
        let extents = self.dim_data.dims().iter().map(Dim::proc_grid_size);
        Some(self.dim_data.grid().rank_at(extents.zip(coordinates.iter().copied())))
    }

    /// Owner's coordinate and position among its owned elements of each index
    /// of an unstructured axis, `None` for indices nobody owns. Collective; a
    /// rank may ask for nothing.
    ///
    /// # Errors
    /// An axis that does not exist, or not the same on all ranks; a message layer
    /// that fails.
    pub fn owners(&self, axis: usize, indices: &[i64]) -> Result<Vec<Option<(i64, i64)>>> {
        // Ranks that ask along different axes would exchange different messages.
        let mut asked = [axis as u64, !(axis as u64)];
        self.comm.all_reduce(&mut asked, Op::Max)?;
        let [most, least] = [asked[0], !asked[1]].map(as_i64);
        if most != least {
            return Err(Error::new(ErrorKind::Invariant, "all ranks must ask for the same axis")
                .in_field("axis")
                .expected_found(least, most));
        }
        let dim = self.dim_data.dims().get(axis).ok_or_else(|| {
            Error::new(ErrorKind::Range, "the array has no such axis").on_axis(axis).in_field("axis")
        })?;
        if let Some(map) = self.axis_map(axis) {
            return Ok(indices.iter().map(|&global| map.locate(global)).collect());
        }
        directory::owners(&self.comm, dim, indices)
    }
}

/// Axes for which a look-up needs no heap.
const INLINE_AXES: usize = 8;

/// The maps of all axes, from this rank's part and what the check found out.
fn maps(comm: &Comm, dim_data: &DimData, rules: &check::Rules) -> Result<Vec<Option<AxisMap>>> {
    let dims = dim_data.dims();
    let mut bounds = irregular_bounds(comm, dim_data, rules)?.into_iter();
    dims.iter()
        .enumerate()
        .map(|(axis, dim)| match (dim.dist().letter(), rules.of_axis(axis)) {
            ('u', _) => Ok(None),
            ('c', _) => AxisMap::from_part(dim).map(Some),
            (_, check::Regular::Ceil) => AxisMap::ceil(dim.size(), dim.proc_grid_size()).map(Some),
            (_, check::Regular::Balanced) => AxisMap::balanced(dim.size(), dim.proc_grid_size()).map(Some),
            (_, check::Regular::No) => AxisMap::from_bounds(bounds.next().unwrap_or_default()).map(Some),
        })
        .collect()
}

/// Owned bounds of every irregular block axis, from the ranks of its first line.
fn irregular_bounds(comm: &Comm, dim_data: &DimData, rules: &check::Rules) -> Result<Vec<Vec<i64>>> {
    let dims = dim_data.dims();
    let mut all = Vec::new();
    let mut ends = Vec::new();
    for (axis, dim) in dims.iter().enumerate() {
        if dim.dist().letter() != 'b' || rules.of_axis(axis) != check::Regular::No {
            continue;
        }
        let first_line = dim_data.grid().replica() == 0
            && dims.iter().enumerate().all(|(other, d)| other == axis || d.proc_grid_rank() == 0);
        let procs = usize::try_from(dim.proc_grid_size()).unwrap_or(usize::MAX);
        let own = usize::try_from(dim.proc_grid_rank()).unwrap_or(usize::MAX);
        let starts = all.len();
        // Checked to be at most the number of ranks.
        all.resize(starts + procs + 1, 0);
        if first_line {
            all[starts + own] = dim.owned_block().start;
        }
        ends.push((starts + procs, dim.size()));
    }
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    comm.all_reduce(&mut all, Op::Sum)?;
    let mut bounds = Vec::with_capacity(ends.len());
    let mut starts = 0;
    for (end, size) in ends {
        all[end] = size;
        bounds.push(all[starts..=end].to_vec());
        starts = end + 1;
    }
    Ok(bounds)
}
