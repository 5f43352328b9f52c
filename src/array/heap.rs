//! Zeroed memory of our own, aligned for vector units and cache lines.
#![allow(unsafe_code)] // the only allocator call of the crate

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use crate::error::{Error, ErrorKind, Result};

/// A cache line: enough for every element type and for AVX-512.
const ALIGNMENT: usize = 64;

/// Zeroed bytes at an address that is a multiple of 64 at least.
pub(super) struct Heap {
    start: NonNull<u8>,
    layout: Layout,
}

impl Heap {
    /// Zeroed memory; the system may give the pages only when they are touched.
    pub(super) fn zeroed(bytes: usize, alignment: usize) -> Result<Self> {
        let refused =
            || Error::new(ErrorKind::NoMemory, format!("no memory for {bytes} bytes")).in_field("shape");
        let layout =
            Layout::from_size_align(bytes.max(1), alignment.max(ALIGNMENT)).map_err(|_| refused())?;
        // SAFETY: the layout has at least one byte.
        let start = unsafe { alloc_zeroed(layout) };
        Ok(Self { start: NonNull::new(start).ok_or_else(refused)?, layout })
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: `start` came from `alloc_zeroed` with this very layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

// SAFETY: the memory belongs to this value alone and has no thread affinity.
unsafe impl Send for Heap {}
// SAFETY: a shared `Heap` gives out only its address.
unsafe impl Sync for Heap {}
