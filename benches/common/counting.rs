//! The system's allocator, which counts bytes on demand: counting all the time would be a
//! good part of what a small function takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// What is made, and the bytes that it keeps.
pub fn kept<T>(make: impl FnOnce() -> T) -> (T, usize) {
    COUNTS.store(true, Ordering::Relaxed);
    let before = IN_USE.load(Ordering::Relaxed);
    let made = make();
    let after = IN_USE.load(Ordering::Relaxed);
    COUNTS.store(false, Ordering::Relaxed);
    (made, after - before)
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.load(Ordering::Relaxed) {
            IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if COUNTS.load(Ordering::Relaxed) {
            IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
