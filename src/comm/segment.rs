//! Memory that the ranks of one node share.
//!
//! The memory is the operating system's: a file in memory that never has a name. One
//! rank makes it, the others find it among the open files of that process, and it is
//! gone with the last mapping. So it works under any message layer, and a job that dies,
//! at whatever moment, leaves nothing behind. Ranks that do not see one another's
//! processes, as in containers of their own, do not share.
#![allow(unsafe_code)] // maps memory

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::Arc;

use super::node::Node;
use super::{Comm, Op};
use crate::{Error, ErrorKind, Result};

/// One area of memory for each rank of a node, mapped by all of them.
pub(crate) struct Segment {
    mapping: Mapping,
    /// Equal on all ranks of the communicator, on all nodes; never 0.
    id: u64,
    node: Arc<Node>,
    /// Where the areas of the node's ranks begin.
    areas: Vec<usize>,
}

impl Segment {
    /// The number that all ranks know this memory by.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The ranks that map it.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// Where the area of a place begins: zero at first, aligned to a page.
    pub(crate) fn area(&self, place: usize) -> *mut u8 {
        self.mapping.start.as_ptr().wrapping_add(self.areas[place])
    }
}

impl Comm {
    /// Memory that the ranks of each node share, of which this rank's area has so many
    /// bytes; none on every rank where one cannot have it. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub(crate) fn segment(&self, bytes: usize) -> Result<Option<Segment>> {
        let Some(node) = self.node()? else { return Ok(None) };
        let mut id = [if self.rank() == 0 { random() } else { 0 }];
        self.all_reduce(&mut id, Op::Sum)?;
        let id = id[0] | 1;
        let (areas, end) = areas(&node.gather(self, [bytes as u64])?);
        let made = (node.own() == 0).then(|| file::new(end));
        let whereabouts = made.as_ref().and_then(|made| made.as_ref().ok()).map(file::whereabouts);
        let told = node.gather(self, whereabouts.transpose().ok().flatten().unwrap_or_default())?;
        let file = made.unwrap_or_else(|| file::of_another(told[0]));
        let mapped = file.as_ref().map_err(Error::clone).and_then(|file| Mapping::of(file, end));
        // All ranks share, or none: how they exchange must be agreed. And the file stays
        // open until all have found it.
        let mut failing = [u64::from(mapped.is_err())];
        self.all_reduce(&mut failing, Op::Max)?;
        drop(file);
        let mapping = mapped.ok().filter(|_| failing[0] == 0);
        Ok(mapping.map(|mapping| Segment { mapping, id, node: Arc::clone(node), areas }))
    }
}

/// Where areas of these lengths begin, each on a page, and where the last one ends.
fn areas(lengths: &[[u64; 1]]) -> (Vec<usize>, usize) {
    let (mut areas, mut end) = (Vec::with_capacity(lengths.len()), 0_usize);
    for &[length] in lengths {
        areas.push(end);
        let pages = usize::try_from(length).ok().and_then(|bytes| bytes.checked_next_multiple_of(PAGE));
        // Too much is refused where the memory is made.
        end = pages.and_then(|bytes| end.checked_add(bytes)).unwrap_or(usize::MAX);
    }
    (areas, end.max(PAGE))
}

/// A random number, from the seeds of the standard library's hash tables.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Where Linux keeps files in memory.
pub(super) const FOLDER: &str = "/dev/shm";

const PAGE: usize = 4096;

/// Shared memory of several processes.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: memory without thread affinity; who follows the address orders the accesses.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn of(file: &File, bytes: usize) -> Result<Self> {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping of an open file, anywhere.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, file.as_raw_fd(), 0) };
        let failed = start == libc::MAP_FAILED;
        let start = NonNull::new(start.cast()).filter(|_| !failed);
        Ok(Self { start: start.ok_or_else(std::io::Error::last_os_error)?, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Files in memory without a name.
mod file {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use super::*;

    /// A new one, all zero.
    pub fn new(bytes: usize) -> Result<File> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_TMPFILE)
            .mode(0o600)
            .open(FOLDER)?;
        reserve(&file, bytes)?;
        Ok(file)
    }

    /// What another process of this node finds it by: the process and its number for the
    /// file, never 0, and the number that the system has for it.
    pub fn whereabouts(file: &File) -> Result<[u64; 2]> {
        let at = u64::from(std::process::id()) << 32 | u64::from(file.as_raw_fd().unsigned_abs());
        Ok([at, file.metadata()?.ino()])
    }

    /// The one that another process made.
    pub fn of_another([at, number]: [u64; 2]) -> Result<File> {
        if at == 0 {
            return Err(Error::new(ErrorKind::NoMemory, "another rank of the node has no memory to share"));
        }
        let path = format!("/proc/{}/fd/{}", at >> 32, at & u64::from(u32::MAX));
        // Looked at before it is opened: where processes have other numbers it is anything.
        let (found, folder) = (std::fs::metadata(&path)?, std::fs::metadata(FOLDER)?);
        if (found.dev(), found.ino()) != (folder.dev(), number) {
            return Err(Error::new(ErrorKind::Unsupported, "the ranks of the node do not see one another"));
        }
        Ok(OpenOptions::new().read(true).write(true).open(path)?)
    }
}

/// Gives the file its length, and makes sure that the memory is there: a page that is
/// missing later would end the process.
fn reserve(file: &File, bytes: usize) -> Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(|_| {
        Error::new(ErrorKind::NoMemory, format!("no memory for {bytes} bytes")).in_field("shape")
    })?;
    // SAFETY: a call on an open file.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
        0 => Ok(()),
        code => Err(std::io::Error::from_raw_os_error(code).into()),
    }
}
