//! Memory that the ranks of one node share.
//!
//! The memory is the operating system's: a file in memory, unlinked as soon as all
//! have mapped it. So it works under any message layer, and a job that dies leaves
//! nothing behind, unless it is killed in the very moment in between.
#![allow(unsafe_code)] // maps memory

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use super::{Comm, Op, to_i64, to_usize};
use crate::{Error, ErrorKind, Result};

/// One area of memory for each rank of a node, mapped by all of them.
pub(crate) struct Segment {
    mapping: Mapping,
    /// Equal on all ranks of the communicator, on all nodes; never 0.
    id: u64,
    own: usize,
    /// The ranks of this node, and where their areas begin.
    ranks: Vec<usize>,
    areas: Vec<usize>,
}

impl Segment {
    /// The number that all ranks know this memory by.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The number of ranks of this node.
    pub(crate) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// This rank's place among those of its node.
    pub(crate) fn own(&self) -> usize {
        self.own
    }

    /// The place of a rank of the communicator; none on another node.
    pub(crate) fn place(&self, rank: usize) -> Option<usize> {
        self.ranks.binary_search(&rank).ok()
    }

    /// The rank of the communicator at a place.
    pub(crate) fn rank(&self, place: usize) -> usize {
        self.ranks[place]
    }

    /// Where the area of a place begins: zero at first, aligned to a page.
    pub(crate) fn area(&self, place: usize) -> *mut u8 {
        self.mapping.start.as_ptr().wrapping_add(self.areas[place])
    }
}

impl Comm {
    /// Memory that the ranks of each node share, of which this rank's area has as many
    /// bytes as it says when it knows the ranks of its node; none on every rank where
    /// one cannot have it, or was told not to by [`SWITCH`]. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub(crate) fn segment(&self, bytes: impl FnOnce(&[usize]) -> usize) -> Result<Option<Segment>> {
        // Ranks that see the same memory files are on one node; that a hash collides is
        // found out by who cannot open the file.
        let wanted = std::env::var_os(SWITCH).is_none_or(|value| value != "off");
        let local = self.split(node_color().ok().filter(|_| wanted), 0)?;
        let mut id = random().to_ne_bytes().to_vec();
        self.broadcast(0, &mut id)?;
        let id = id.try_into().map_or(1, u64::from_ne_bytes) | 1;
        let mapped = match local {
            Some(local) => {
                let mapped = Segment::map(&local, self.rank(), bytes, id);
                // It was only needed to meet.
                local.free().and(mapped)
            }
            None => Err(Error::new(ErrorKind::Unsupported, "this system does not tell its nodes apart")),
        };
        // All ranks share, or none: how they exchange must be agreed.
        let mut failing = [u64::from(mapped.is_err())];
        self.all_reduce(&mut failing, Op::Max)?;
        Ok(mapped.ok().filter(|_| failing[0] == 0))
    }
}

impl Segment {
    fn map(local: &Comm, rank: usize, bytes: impl FnOnce(&[usize]) -> usize, id: u64) -> Result<Self> {
        let everyones = |own: usize| -> Result<Vec<usize>> {
            let mut all = vec![0_i64; local.size()];
            let own = to_i64(own).to_ne_bytes();
            local.all_gather_into(&own, bytemuck::cast_slice_mut(&mut all))?;
            Ok(all.into_iter().map(to_usize).collect())
        };
        let ranks = everyones(rank)?;
        let lengths = everyones(bytes(&ranks))?;
        let (mut areas, mut end) = (Vec::new(), 0_usize);
        for length in lengths {
            areas.push(end);
            let pages = length.checked_next_multiple_of(PAGE);
            // Too much is refused below.
            end = pages.and_then(|bytes| end.checked_add(bytes)).unwrap_or(usize::MAX);
        }
        let name = format!("{FOLDER}/distarray-{id:016x}-{}", ranks[0]);
        let end = end.max(PAGE);
        let created = match local.rank() {
            0 => Mapping::create(&name, end).map(Some),
            _ => Ok(None),
        };
        let created = local.agree(created)?;
        let mapping = local.agree(created.map_or_else(|| Mapping::open(&name, end), Ok));
        if local.rank() == 0 {
            // All that will map it have: a job that dies leaves nothing behind.
            let _ = std::fs::remove_file(&name);
        }
        Ok(Self { mapping: mapping?, id, own: local.rank(), ranks, areas })
    }
}

/// A random number, from the seeds of the standard library's hash tables.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// What the processes that see one /dev/shm have in common.
fn node_color() -> std::io::Result<i32> {
    use std::os::unix::fs::MetadataExt;
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    let folder = std::fs::metadata(FOLDER)?;
    // Not a random hash: all processes must find the same.
    let bytes = boot.iter().copied().chain(folder.dev().to_ne_bytes()).chain(folder.ino().to_ne_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(i32::try_from(hash >> 33).unwrap_or(0))
}

/// The environment variable that turns shared memory off, by the value `off`.
const SWITCH: &str = "DISTARRAY_SHARED_MEMORY";

/// Where Linux keeps files in memory.
const FOLDER: &str = "/dev/shm";

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
    /// New memory, all zero, under a name that nobody else has.
    fn create(name: &str, bytes: usize) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(name)?;
        let mapping = reserve(&file, bytes).and_then(|()| Self::of(&file, bytes));
        if mapping.is_err() {
            let _ = std::fs::remove_file(name);
        }
        mapping
    }

    fn open(name: &str, bytes: usize) -> Result<Self> {
        Self::of(&OpenOptions::new().read(true).write(true).open(name)?, bytes)
    }

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
