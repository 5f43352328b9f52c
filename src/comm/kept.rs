//! The communicator that is kept with another library's: what is made once for each, the
//! ranks of the node and their lanes, is made once whatever is made over it.
#![allow(unsafe_code)] // a pointer that the other library keeps

use std::ffi::c_void;
use std::ptr::fn_addr_eq;
use std::sync::atomic::Ordering;

use super::foreign::{Foreign, copy};
use super::segment::random;
use super::{Comm, distarray_comm};
use crate::Result;

/// A value that goes with a communicator; `distarray_comm.h` documents it.
#[repr(C)]
#[allow(missing_docs)] // the header is the one place
#[allow(non_camel_case_types)] // the Rust item has the C name
pub struct distarray_comm_attribute {
    pub value: *mut c_void,
    pub delete_fn: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// A communicator that is kept.
#[derive(Clone)]
struct Kept {
    comm: Comm,
    /// Equal on all ranks, for this one alone; never 0.
    id: u64,
}

impl Comm {
    /// The communicator that is kept with that of a table, and what this rank brings, where
    /// no rank brings an error. Collective: one reduction.
    ///
    /// It is the same for all ranks, or a new one for all of them: where a rank has none
    /// yet, or another, or keeps none, or failed in an exchange.
    ///
    /// # Errors
    /// As [`from_table`](Self::from_table), on this rank alone; what one rank brings, on
    /// all.
    ///
    /// # Safety
    /// As [`from_table`](Self::from_table), and nobody else uses the table's attribute
    /// meanwhile.
    pub(crate) unsafe fn kept<T>(
        table: *const distarray_comm,
        mine: impl FnOnce(&Self) -> Result<T>,
    ) -> Result<(Self, T)> {
        // SAFETY: the caller's promise.
        let foreign = Foreign::new(unsafe { copy(table) }?)?;
        let place = foreign.attribute();
        let new = Self::from_transport(Box::new(foreign));
        // SAFETY: the caller's promise.
        let kept = place.as_ref().ok().copied().flatten().and_then(|place| unsafe { place.as_ref() }.kept());
        let kept = kept.filter(|kept| kept.comm.transport().is_ok());
        let mine = place.and_then(|place| Ok((place, mine(&new)?)));
        let id = kept.as_ref().map_or(0, |kept| kept.id);
        let ((place, mine), [low, high, proposed]) = new.agree_on_least(mine, [id, !id, random() | 1])?;
        if let Some(kept) = kept.filter(|_| low == !high) {
            return Ok((kept.comm, mine));
        }
        if let Some(mut place) = place {
            // SAFETY: the caller's promise.
            unsafe { place.as_mut() }.keep(Kept { comm: new.clone(), id: proposed });
        }
        Ok((new, mine))
    }
}

impl distarray_comm_attribute {
    /// Whether the value is ours. Another copy of this library, in one process with it, may
    /// have been first.
    fn is_ours(&self) -> bool {
        self.delete_fn.is_some_and(|delete_fn| fn_addr_eq(delete_fn, delete as unsafe extern "C" fn(_)))
    }

    fn kept(&self) -> Option<Kept> {
        // SAFETY: `keep` made it of a box, which stays here.
        self.is_ours().then(|| unsafe { &*self.value.cast::<Kept>() }.clone())
    }

    /// Keeps a communicator, instead of one that is kept already.
    fn keep(&mut self, kept: Kept) {
        if self.is_ours() {
            // SAFETY: as above; it is replaced below.
            drop(unsafe { Box::from_raw(self.value.cast::<Kept>()) });
        } else if self.delete_fn.is_some() {
            return;
        }
        self.value = Box::into_raw(Box::new(kept)).cast();
        self.delete_fn = Some(delete);
    }
}

/// Ends the communicator before the other library's is freed: calls by what is left of it
/// are refused.
#[inline(never)] // it has one address
unsafe extern "C" fn delete(value: *mut c_void) {
    // SAFETY: `keep` made it of a box, and it is deleted once.
    let Kept { comm, .. } = *unsafe { Box::from_raw(value.cast::<Kept>()) };
    if let Ok(transport) = comm.transport() {
        // Nobody can be told where it fails; what is left goes with the other library's.
        let _ = comm.free_abandoned(transport);
    }
    comm.0.freed.store(true, Ordering::Release);
}
