//! A halo update in two halves, with work in between.
#![allow(unsafe_code)] // hands the memory of arrays to the mover

use std::sync::Arc;

use super::halo::{Halo, Task, fill};
use crate::array::{AnyArray, ArrayMut, Owner, Written};
use crate::error::{Error, ErrorKind, Result};

impl Halo {
    /// Starts an update and returns while messages fly, so that work on elements that
    /// need no padding overlaps with it. What is sent is packed by then: the owned
    /// elements may be written. What lies outside the edges is filled at the finish, from
    /// what is there then. Collective.
    ///
    /// ```
    /// # use distarray::comm;
    /// # use distarray::distribution::{Axis, Distribution};
    /// # use distarray::exchange::Halo;
    /// # comm::threads(2, |comm| {
    /// # let d = Distribution::new(&comm, [Axis::block(8).halo(1)])?;
    /// # let mut u = d.zeros::<f64>()?;
    /// # let mut halo = Halo::new(&d)?;
    /// let pending = halo.start(&mut u)?;
    /// // ... work on the inner elements of u ...
    /// pending.finish(&mut u)?;
    /// # Ok::<(), distarray::Error>(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn start<'a>(&mut self, array: impl Into<ArrayMut<'a>>) -> Result<Pending<'_>> {
        let array = array.into();
        let owner = Arc::clone(array.buffer().owner());
        let which = self.begin(Ok(&[array]))?;
        Ok(Pending { halo: self, which, owner })
    }

    /// [`start`](Self::start) where this rank may have failed already; returns what
    /// [`end`](Self::end) needs.
    pub(crate) fn begin(&mut self, arrays: std::result::Result<&[ArrayMut<'_>], &Error>) -> Result<usize> {
        let which = self.agreed_mover(arrays.map_err(Error::clone), Task::UpdateLater)?;
        // SAFETY: the arrays were found to fit the plan; all messages are packed.
        unsafe { self.movers[which].mover.start() }?;
        Ok(which)
    }

    /// The end of an update that was begun, where this rank may have failed. Collective.
    ///
    /// # Safety
    /// The array is the one that it was begun with, and nobody else touches it.
    pub(crate) unsafe fn end(&mut self, mine: Result<(usize, &AnyArray)>) -> Result<()> {
        let mine =
            mine.and_then(|(which, array)| {
                self.check(array)?;
                match self.movers.get(which).filter(|kept| kept.mover.is_busy()) {
                    Some(kept) if kept.dtypes == [array.dtype()] => Ok((which, array)),
                    _ => Err(Error::new(ErrorKind::Busy, "no halo update of this array was started")
                        .in_field("array")),
                }
            });
        let (which, array) = self.comm.agree(mine)?;
        // SAFETY: the caller's promise.
        unsafe {
            self.movers[which].mover.finish(None)?;
            fill(&self.edges, array)
        }
    }
}

/// A halo update under way; it must be finished.
#[must_use = "the padding is filled by finish"]
pub struct Pending<'a> {
    halo: &'a mut Halo,
    which: usize,
    /// What keeps the array's memory: no other array can lie there meanwhile.
    owner: Arc<dyn Owner>,
}

impl Pending<'_> {
    /// Waits for the messages and fills the padding. Collective.
    ///
    /// # Errors
    /// `Busy` when it is another array than at the start: on every rank, both arrays
    /// untouched but for padding that a rank filled by itself, and the update over. `Comm`
    /// when the message layer fails.
    pub fn finish<'a>(self, array: impl Into<ArrayMut<'a>>) -> Result<()> {
        let array = array.into();
        let fields = self.halo.movers[self.which].mover.fields();
        let same = Arc::ptr_eq(&self.owner, array.buffer().owner())
            && fields[0].to.is_of(&array, 0..array.dim_data().ndim());
        let mine = same.then_some((self.which, &*array)).ok_or_else(|| {
            Error::new(ErrorKind::Busy, "a halo update ends with the array that it began with")
                .in_field("array")
        });
        // SAFETY: the array is the one that was found to fit, and is borrowed.
        unsafe { self.halo.end(mine) }.or_else(|error| {
            // Refused on all ranks: all take what was sent, and leave it.
            self.halo.movers[self.which].mover.discard().and(Err(error))
        })?;
        array.buffer().owner().note(Written::HaloCurrent);
        Ok(())
    }
}
