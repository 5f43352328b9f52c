//! What halos and redistributions have in common, as C holds them.

use super::lend::distarray_array;
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::Moved;
use crate::number::as_i64;

/// What one round of an exchange does on this rank.
#[allow(non_camel_case_types)] // the C name
#[repr(C)]
pub struct distarray_moved {
    /// Messages sent to other ranks.
    pub messages: i64,
    /// Bytes sent to other ranks.
    pub bytes_sent: i64,
    /// Bytes copied from this rank to itself.
    pub bytes_copied: i64,
}

impl From<Moved> for distarray_moved {
    fn from(moved: Moved) -> Self {
        Self {
            messages: as_i64(moved.messages),
            bytes_sent: as_i64(moved.sent),
            bytes_copied: as_i64(moved.copied),
        }
    }
}

/// Tells the handle that elements were written: later loans carry a new epoch.
pub(super) fn written(array: Option<&distarray_array>, flags: u64) {
    if let Some(array) = array {
        array.note(flags);
    }
}

pub(super) fn size(itemsize: i64) -> Result<usize> {
    usize::try_from(itemsize).map_err(|_| {
        Error::new(ErrorKind::Range, "an element has at least one byte")
            .in_field("itemsize")
            .expected_found(1, itemsize)
    })
}
