//! A halo exchange bound to its arrays: agreed upon once, then as cheap as its copies.
#![allow(unsafe_code)] // hands the memory of arrays to the mover

use ndarray::ArrayViewMutD;

use super::edges::Edge;
use super::halo::fill;
use super::mover::Mover;
use super::shared::Node;
use crate::array::{AnyArray, DistArray, Element, Written};
use crate::error::Result;

/// A halo update bound to arrays that are kept elsewhere.
pub(crate) struct Binding {
    mover: Mover,
    edges: Option<Vec<Edge>>,
}

impl Binding {
    pub(super) fn new(mover: Mover, edges: Option<Vec<Edge>>) -> Self {
        Self { mover, edges }
    }

    /// Fills the padding of the arrays. Collective over neighbours.
    ///
    /// # Safety
    /// The arrays are those that it was made for, and nobody else touches them.
    pub(crate) unsafe fn update<'a>(
        &mut self,
        mut arrays: impl Iterator<Item = &'a AnyArray> + Clone,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            self.mover.run(arrays.clone().next().and_then(Node::of), arrays.clone())?;
            arrays.try_for_each(|array| fill(&self.edges, array))
        }
    }
}

/// A halo exchange and the array that it is bound to. Made by
/// [`Halo::bind`](super::Halo::bind).
pub struct BoundHalo<T> {
    array: DistArray<T>,
    binding: Binding,
}

impl<T: Element> BoundHalo<T> {
    pub(super) fn new(array: DistArray<T>, binding: Binding) -> Self {
        Self { array, binding }
    }

    /// Fills the padding with what the owners hold. Collective over neighbours: it
    /// waits for them alone.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub fn update(&mut self) -> Result<()> {
        let array = self.array.as_any();
        // SAFETY: the binding was made for this array, which is borrowed until the end.
        unsafe { self.binding.update(std::iter::once(array)) }?;
        array.buffer().owner().note(Written::HaloCurrent);
        Ok(())
    }

    /// The array. Local.
    #[must_use]
    pub fn array(&self) -> &DistArray<T> {
        &self.array
    }

    /// Every element held, to be written. Local.
    ///
    /// # Errors
    /// Memory that was lent for reading only.
    pub fn view_mut(&mut self) -> Result<ArrayViewMutD<'_, T>> {
        self.array.view_mut()
    }

    /// The elements owned, to be written. Local.
    ///
    /// # Errors
    /// Memory that was lent for reading only.
    pub fn owned_mut(&mut self) -> Result<ArrayViewMutD<'_, T>> {
        self.array.owned_mut()
    }

    /// The array back. Local.
    #[must_use]
    pub fn into_array(self) -> DistArray<T> {
        self.array
    }
}
