//! Arrays in memory that the ranks of one node share.
//!
//! Each rank maps the parts of all ranks on its node, so an exchange within the node
//! is one copy, without messages. The memory is the operating system's (a file in
//! memory, unlinked as soon as all have mapped it), so it works under any MPI, and
//! a job that dies leaves nothing behind.
#![allow(unsafe_code)] // maps memory and shares it between processes

use std::any::Any;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::mover::Memory;
use super::plan::count;
use crate::array::{Access, AnyArray, Buffer, DType, DistArray, Element, Layout, Order, Owner, RawBuffer};
use crate::comm::{Comm, Op};
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// A cache line for each rank's counters, so that no two ranks write one.
#[repr(C, align(128))]
struct Slot {
    /// Rounds in which this rank's elements were ready to be read.
    ready: AtomicU64,
    /// Rounds in which this rank had read all that it needs.
    done: AtomicU64,
}

/// One array's parts on one node.
pub(crate) struct Node {
    mapping: Mapping,
    /// Equal on all ranks of the array, on all nodes.
    id: u64,
    /// This rank's place among those of the node.
    own: usize,
    parts: Vec<Part>,
    /// Rounds of exchange so far.
    round: AtomicU64,
}

/// Another rank's part of the array.
struct Part {
    rank: i64,
    /// Bytes from the start of the mapping to its first owned element.
    first_owned: usize,
    strides: Vec<isize>,
}

impl Owner for Node {
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl Node {
    /// The shared memory of an array, if it lies there.
    pub(crate) fn of(array: &AnyArray) -> Option<&Self> {
        array.buffer().owner().as_any()?.downcast_ref()
    }

    /// The identity of an array's shared memory; 0 for none.
    pub(super) fn id_of(array: &AnyArray) -> u64 {
        Self::of(array).map_or(0, |node| node.id)
    }

    /// Another rank's part, where it lies on this node; `axes[i]` counts as axis `i`.
    pub(super) fn memory(
        &self,
        rank: i64,
        itemsize: usize,
        axes: impl Iterator<Item = usize>,
    ) -> Option<Memory> {
        let part = self.parts.iter().find(|part| part.rank == rank)?;
        let base = self.mapping.start.as_ptr().wrapping_add(part.first_owned);
        Some(Memory::new(base, axes.map(|axis| part.strides[axis]).collect(), itemsize))
    }

    /// The place of a rank among those of the node.
    pub(super) fn place(&self, rank: i64) -> Option<usize> {
        self.parts.iter().position(|part| part.rank == rank)
    }

    fn slot(&self, place: usize) -> &Slot {
        debug_assert!(place < self.parts.len());
        // SAFETY: the mapping begins with one slot for each part, all zero at first,
        // and lives as long as `self`.
        unsafe { &*self.mapping.start.as_ptr().cast::<Slot>().add(place) }
    }

    /// Begins a round: what this rank owns may be read.
    pub(super) fn ready(&self) -> u64 {
        let round = self.round.fetch_add(1, Ordering::Relaxed) + 1;
        self.slot(self.own).ready.store(round, Ordering::Release);
        round
    }

    /// Waits until another rank's elements may be read.
    #[inline]
    pub(super) fn wait_ready(&self, place: usize, round: u64) {
        wait(&self.slot(place).ready, round);
    }

    /// Says that this rank has read all that it needs in this round.
    pub(super) fn done(&self, round: u64) {
        self.slot(self.own).done.store(round, Ordering::Release);
    }

    /// Waits until another rank has read all that it needs.
    #[inline]
    pub(super) fn wait_done(&self, place: usize, round: u64) {
        wait(&self.slot(place).done, round);
    }
}

/// Waits for a counter; gives the core away when that takes long.
#[inline]
fn wait(counter: &AtomicU64, round: u64) {
    const SPINS: u32 = 2000;
    let mut spins = 0;
    while counter.load(Ordering::Acquire) < round {
        spins += 1;
        if spins < SPINS {
            std::hint::spin_loop();
        } else {
            spins = 0;
            std::thread::yield_now();
        }
    }
    fence(Ordering::Acquire);
}

impl Distribution {
    /// This rank's part of a new array, all zero, in memory that the ranks of a node
    /// share: exchanges between them are direct copies, without messages. Collective.
    ///
    /// Where a system offers no shared memory the array lies in this rank's own, and
    /// exchanges send messages; [`is_shared`] tells.
    ///
    /// # Errors
    /// `NoMemory`, on every rank.
    pub fn shared_zeros<T: Element>(&self) -> Result<DistArray<T>> {
        let array = self.shared(T::DTYPE).and_then(AnyArray::downcast);
        self.comm().agree(array)
    }

    /// The same with the element type at run time. Collective.
    ///
    /// # Errors
    /// As [`shared_zeros`](Self::shared_zeros).
    pub fn shared(&self, dtype: DType) -> Result<AnyArray> {
        let comm = self.comm();
        // Agreed before anybody maps anything.
        let own = Layout::packed(&self.dim_data().held_shape(), dtype.itemsize().unwrap_or(0), Order::C);
        let layout = comm.agree(own)?;
        match node(comm, self.dim_data(), &layout)? {
            Some((node, data)) => {
                let raw = RawBuffer {
                    data,
                    dtype,
                    layout,
                    access: Access::Exclusive,
                    allocation: None,
                    format: None,
                };
                // SAFETY: the mapping lives as long as the node, its owner. Other ranks read
                // it within exchanges only, in which this rank takes part.
                let buffer = unsafe { Buffer::from_raw(raw, Arc::new(node)) };
                comm.agree(buffer.and_then(|buffer| AnyArray::new(self.dim_data().clone(), buffer)))
            }
            None => comm.agree(AnyArray::zeros(self.dim_data().clone(), dtype)),
        }
    }
}

/// Whether an array lies in memory that the ranks of its node share. Local.
#[must_use]
pub fn is_shared(array: &AnyArray) -> bool {
    Node::of(array).is_some()
}

/// Maps the parts of all ranks of this node; none on every rank when one cannot.
/// Collective.
fn node(comm: &Comm, dim_data: &DimData, layout: &Layout) -> Result<Option<(Node, *mut u8)>> {
    // Ranks that see the same memory files are on one node. A name that collides is
    // found out by who cannot open the file.
    let color = node_color().ok();
    let split = comm.split(color, 0)?;
    let id = comm_wide_number(comm)?;
    let mapped = match &split {
        Some(local) => {
            let mapped = map_on(local, comm, dim_data, layout, id);
            // The communicator was only needed to meet.
            local.clone().free().and(mapped)
        }
        None => Err(Error::new(ErrorKind::Unsupported, "this system does not tell its nodes apart")),
    };
    // All ranks share, or none: whether messages are sent must be agreed.
    let mut failing = [u64::from(mapped.is_err())];
    comm.all_reduce(&mut failing, Op::Max)?;
    Ok(mapped.ok().filter(|_| failing[0] == 0))
}

/// A number that is equal on all ranks and that no other array has.
fn comm_wide_number(comm: &Comm) -> Result<u64> {
    let mut number = random().to_ne_bytes().to_vec();
    comm.broadcast(0, &mut number)?;
    Ok(number.try_into().map_or(1, u64::from_ne_bytes) | 1)
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

const FOLDER: &str = "/dev/shm";

fn map_on(
    local: &Comm,
    comm: &Comm,
    dim_data: &DimData,
    layout: &Layout,
    id: u64,
) -> Result<(Node, *mut u8)> {
    let ndim = layout.ndim();
    let own = layout.reach().1.unsigned_abs();
    let first_owned: i64 =
        dim_data.dims().iter().zip(layout.strides()).map(|(dim, s)| dim.owned_local().start * s).sum();
    let mut words = vec![count(comm.rank()), count(own), if layout.is_empty() { 0 } else { first_owned }];
    words.extend(layout.strides());
    let mut all = vec![0_i64; words.len() * local.size()];
    local.all_gather_into(bytemuck::cast_slice(&words), bytemuck::cast_slice_mut(&mut all))?;
    // The counters, then the parts, each on pages of its own.
    let up = |bytes: usize| bytes.next_multiple_of(PAGE);
    let mut at = up(local.size() * size_of::<Slot>());
    let mut parts = Vec::with_capacity(local.size());
    let mut mine = 0;
    for (place, words) in all.chunks_exact(3 + ndim).enumerate() {
        let number = |n: i64| usize::try_from(n).unwrap_or(0);
        if place == local.rank() {
            mine = at;
        }
        parts.push(Part {
            rank: words[0],
            first_owned: at + number(words[2]),
            strides: words[3..].iter().map(|&s| isize::try_from(s).unwrap_or(0)).collect(),
        });
        at = number(words[1])
            .checked_next_multiple_of(PAGE)
            .and_then(|n| at.checked_add(n))
            .unwrap_or(usize::MAX);
    }
    let name = format!("{FOLDER}/distarray-{id:016x}-{}", parts[0].rank);
    let created = match local.rank() {
        0 => Mapping::create(&name, at).map(Some),
        _ => Ok(None),
    };
    let created = local.agree(created)?;
    let mapping = created.map_or_else(|| Mapping::open(&name, at), Ok);
    let mapping = local.agree(mapping);
    if local.rank() == 0 {
        // All that will map it have: a job that dies leaves nothing behind.
        let _ = std::fs::remove_file(&name);
    }
    let mapping = mapping?;
    let data = mapping.start.as_ptr().wrapping_add(mine);
    Ok((Node { mapping, id, own: local.rank(), parts, round: AtomicU64::new(0) }, data))
}

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
