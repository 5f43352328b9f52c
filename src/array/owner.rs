//! What keeps memory alive, and hears of writes.

use std::sync::Arc;

/// Which elements were written through a loan: what its owner needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Owned elements: norms and sums that the owner cached are stale.
    Owned,
    /// Padding elements.
    Halo,
    /// Padding elements, which now equal what their owners hold.
    HaloCurrent,
}

/// What keeps memory alive; dropping the last handle gives the memory back.
pub trait Owner: Send + Sync {
    /// Takes note that elements were written.
    fn note(&self, _written: Written) {}

    /// The owner itself, where others may look for what it is.
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        None
    }
}

/// Anything may be an owner that need not hear of writes.
struct Keep<T>(#[allow(dead_code)] T); // held to be dropped

impl<T: Send + Sync> Owner for Keep<T> {}

/// Makes an owner of anything that need not hear of writes.
impl dyn Owner {
    /// An owner that only keeps `object` alive.
    pub fn keep<T: Send + Sync + 'static>(object: T) -> Arc<dyn Owner> {
        Arc::new(Keep(object))
    }
}
