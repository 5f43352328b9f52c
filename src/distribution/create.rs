//! New arrays from a distribution, filled by global index.

use super::{Axis, Distribution, Grid};
use crate::array::{DistArray, Element};
use crate::comm::Comm;
use crate::error::Result;
use crate::number::as_i64;

impl Distribution {
    /// An array that one rank holds whole: what arrays are gathered to and scattered
    /// from. Collective; it takes no memory that grows with the ranks.
    ///
    /// # Errors
    /// `Range` when there is no rank `root`; a negative extent: on every rank.
    pub fn on_rank(comm: &Comm, shape: &[i64], root: usize) -> Result<Self> {
        let ranks = as_i64(comm.size());
        // One block as long as the axis, dealt to the root.
        let first = |&size: &i64| {
            let root = as_i64(root);
            Axis::cyclic(size, size.max(1)).first_process(root).on(ranks)
        };
        let axes = shape.iter().take(1).map(first).chain(shape.iter().skip(1).map(|&size| Axis::whole(size)));
        Self::new(comm, axes.collect::<Vec<_>>())
    }

    /// An array of which every rank holds a copy: what an all-gather fills. Collective.
    ///
    /// # Errors
    /// A negative extent, on every rank.
    pub fn replicated(comm: &Comm, shape: &[i64]) -> Result<Self> {
        let ranks = as_i64(comm.size());
        let axes: Vec<Axis> = shape.iter().map(|&size| Axis::whole(size)).collect();
        let extents = vec![1; shape.len()];
        Self::on_grid(comm, axes, Grid::exact(extents).replicas(ranks))
    }

    /// This rank's part of a new array, all zero, halo included. Local.
    ///
    /// # Errors
    /// No memory.
    pub fn zeros<T: Element>(&self) -> Result<DistArray<T>> {
        DistArray::zeros(self.dim_data.clone())
    }

    /// This rank's part of a new array of one value, halo included. Local.
    ///
    /// # Errors
    /// No memory.
    pub fn full<T: Element>(&self, value: T) -> Result<DistArray<T>> {
        let mut array = self.zeros()?;
        array.view_mut()?.fill(value);
        Ok(array)
    }

    /// This rank's part of a new array, each element computed from its global
    /// index. Local.
    ///
    /// The halo is filled too: along a periodic axis with the index it is an
    /// image of; outside the edge of any other axis it stays zero.
    ///
    /// # Errors
    /// No memory.
    pub fn from_fn<T: Element>(&self, mut value: impl FnMut(&[i64]) -> T) -> Result<DistArray<T>> {
        let mut array = self.zeros()?;
        let dims = self.dim_data.dims();
        let mut global = vec![0; dims.len()];
        for (position, element) in array.view_mut()?.indexed_iter_mut() {
            let inside = dims.iter().enumerate().all(|(axis, dim)| {
                let local = as_i64(position[axis]);
                let index = dim.global_of(local).and_then(|g| dim.inside(g));
                index.map(|index| global[axis] = index).is_some()
            });
            if inside {
                *element = value(&global);
            }
        }
        Ok(array)
    }
}
