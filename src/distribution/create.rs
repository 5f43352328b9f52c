//! New arrays from a distribution, filled by global index.

use super::Distribution;
use crate::array::{DistArray, Element};
use crate::error::Result;

impl Distribution {
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
                let local = i64::try_from(position[axis]).unwrap_or(i64::MAX);
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
