//! Memory whose every misuse is noticed: whole pages between two that nobody may touch.
#![allow(unsafe_code)] // mmap, mprotect

use std::ptr;

/// What may be done with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    Nothing,
    Reading,
    Writing,
}

/// A stretch of bytes at the end of its pages; never given back, because whoever was
/// lent it may come back to it.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    first_page: *mut u8,
    bytes_of_pages: usize,
    pub start: *mut u8,
    pub len: usize,
}

// SAFETY: addresses; who may use the memory, and when, is for its users to order.
unsafe impl Send for Pages {}

impl Pages {
    /// `len` bytes, which end where nobody may read, up to the alignment of 16.
    pub fn new(len: usize) -> Self {
        // SAFETY: plain system calls, whose failure is looked at.
        unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
            let bytes_of_pages = len.max(1).next_multiple_of(page);
            let all = bytes_of_pages + 2 * page;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let memory = libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0);
            assert!(memory != libc::MAP_FAILED, "no memory for a script");
            let first_page = memory.cast::<u8>().add(page);
            let start = first_page.add(bytes_of_pages - len.next_multiple_of(16));
            let pages = Self { first_page, bytes_of_pages, start, len };
            pages.allow(Allow::Writing);
            pages
        }
    }

    /// Changes what may be done with the memory, by anybody.
    pub fn allow(&self, allow: Allow) {
        let allowed = match allow {
            Allow::Nothing => libc::PROT_NONE,
            Allow::Reading => libc::PROT_READ,
            Allow::Writing => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: pages of our own.
        let status = unsafe { libc::mprotect(self.first_page.cast(), self.bytes_of_pages, allowed) };
        assert!(status == 0, "the memory of a script cannot be protected");
    }

    /// Fills in the memory, which must allow it.
    pub fn write(&self, bytes: &[u8]) {
        assert!(bytes.len() <= self.len);
        // SAFETY: memory of our own, as long as that.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start, bytes.len()) };
    }

    /// A copy of the memory, which must allow reading.
    pub fn read(&self) -> Vec<u8> {
        // SAFETY: memory of our own; whoever writes it does so before or after.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }.to_vec()
    }
}

/// Pages that are filled with one array after the other.
pub struct Shelf {
    pages: Pages,
    used: usize,
}

impl Shelf {
    pub fn new() -> Self {
        Self { pages: Pages::new(4096), used: 0 }
    }

    /// A copy of the values, and where it is.
    pub fn put<T: Copy>(&mut self, values: &[T]) -> *const T {
        let (at, length) = (self.used.next_multiple_of(16), size_of_val(values));
        assert!(at + length <= self.pages.len && align_of::<T>() <= 16);
        self.used = at + length;
        // SAFETY: room in memory of our own, aligned as its start is.
        unsafe {
            let target = self.pages.start.add(at).cast::<T>();
            ptr::copy_nonoverlapping(values.as_ptr(), target, values.len());
            target
        }
    }

    /// The memory, filled.
    pub fn pages(self) -> Pages {
        self.pages
    }
}
