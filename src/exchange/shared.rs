//! Arrays in memory that the ranks of one node share: an exchange within the node is
//! one copy, without messages.
#![allow(unsafe_code)] // reads the memory of other processes

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::memory::Memory;
use super::verdict::agree;
use crate::array::{Access, AnyArray, Buffer, DType, DistArray, Element, Layout, Order, Owner, RawBuffer};
use crate::comm::{Comm, Counter, Segment, gave_up, wait_until};
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// The front of each rank's area: its counters, each on lines of its own, then where
/// its first owned element lies and its strides.
#[repr(C, align(128))]
struct Front {
    /// Rounds in which this rank's elements were ready to be read.
    ready: Counter,
    /// Rounds in which this rank had read all that it needs.
    done: Counter,
}

/// One array's parts on one node.
pub(crate) struct Node {
    segment: Segment,
    comm: Comm,
    /// The order of the elements, the same on all ranks.
    order: Order,
    /// Rounds of exchange so far; the greatest number once this rank has given up.
    round: AtomicU64,
    /// Whether a round is under way.
    under_way: AtomicBool,
    strides: Vec<Vec<isize>>,
    /// From the start of each area to its first owned element.
    first_owned: Vec<usize>,
}

impl Owner for Node {
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// Bytes for the front of an area.
const FRONT: usize = 4096;

/// Bytes before the elements of an area. Not as many for one rank as for the next: neighbours
/// have parts of the same shape, and what is copied between addresses that are equal within
/// a page takes a fifth longer.
const fn before(place: usize) -> usize {
    FRONT + place * 27 * 64 % FRONT
}

impl Node {
    /// The shared memory of an array, if it lies there.
    pub(crate) fn of(array: &AnyArray) -> Option<&Self> {
        array.buffer().owner().as_any()?.downcast_ref()
    }

    /// The identity of an array's shared memory; 0 for none.
    pub(super) fn id_of(array: &AnyArray) -> u64 {
        Self::of(array).map_or(0, |node| node.segment.id())
    }

    /// Another rank's part, where it lies on this node; `axes[i]` counts as axis `i`.
    pub(super) fn memory(
        &self,
        rank: i64,
        itemsize: usize,
        axes: impl Iterator<Item = usize>,
    ) -> Option<Memory> {
        let place = self.place(rank)?;
        let base = self.segment.area(place).wrapping_add(self.first_owned[place]);
        Some(Memory::new(base, axes.map(|axis| self.strides[place][axis]).collect(), itemsize))
    }

    /// The place of a rank among those of the node.
    pub(super) fn place(&self, rank: i64) -> Option<usize> {
        self.segment.node().place(usize::try_from(rank).ok()?)
    }

    /// The axis along which neighbours lie side by side.
    pub(super) fn fastest_axis(&self, ndim: usize) -> usize {
        match self.order {
            Order::C => ndim.saturating_sub(1),
            Order::Fortran => 0,
        }
    }

    fn front(&self, place: usize) -> &Front {
        // SAFETY: each area begins with it, all zero at first, and lives as long as `self`.
        unsafe { &*self.segment.area(place).cast::<Front>() }
    }

    /// Begins a round: what this rank owns may be read.
    ///
    /// # Errors
    /// `Comm` after this rank gave up: rounds are out of step. `Busy` while another thread
    /// runs one: plans of several communicators may read one array.
    pub(super) fn ready(&self) -> Result<u64> {
        // Loads and stores alone: an exchange of values would wait for all that this core
        // wrote before. So of threads that begin at the same instant not all are refused.
        let round = self.round.load(Ordering::Relaxed).checked_add(1);
        let round = round.ok_or_else(|| gave_up(self.segment.node().rank(self.segment.node().own())))?;
        if self.under_way.load(Ordering::Relaxed) {
            let why = "another thread runs an exchange of this array: run one after the other";
            return Err(Error::new(ErrorKind::Busy, why));
        }
        self.under_way.store(true, Ordering::Relaxed);
        self.round.store(round, Ordering::Relaxed);
        self.front(self.segment.node().own()).ready.set(round);
        Ok(round)
    }

    /// Whether another rank's elements may be read.
    #[inline]
    pub(super) fn is_ready(&self, place: usize, round: u64) -> Result<bool> {
        self.front(place).ready.has_reached(self.segment.node().rank(place), round)
    }

    /// Waits until another rank's elements may be read.
    #[inline]
    pub(super) fn wait_ready(&self, place: usize, round: u64) -> Result<()> {
        wait_until(&self.comm, self.segment.node().rank(place), || self.is_ready(place, round))
    }

    /// Says that this rank has read all that it needs in this round.
    pub(super) fn done(&self, round: u64) {
        self.front(self.segment.node().own()).done.set(round);
    }

    /// Ends a round: waits until the readers of this rank's elements have all that they need.
    #[inline]
    pub(super) fn end(&self, readers: &[usize], round: u64) -> Result<()> {
        for &place in readers {
            let rank = self.segment.node().rank(place);
            wait_until(&self.comm, rank, || self.front(place).done.has_reached(rank, round))?;
        }
        self.under_way.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Lets nobody wait for this rank any more.
    pub(super) fn give_up(&self) {
        self.round.store(u64::MAX, Ordering::Relaxed);
        let front = self.front(self.segment.node().own());
        front.ready.give_up();
        front.done.give_up();
    }
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
        let array = self.shared(T::DTYPE, Order::C).and_then(AnyArray::downcast);
        self.comm().agree(array)
    }

    /// The same with the element type at run time, in either order. Collective.
    ///
    /// # Errors
    /// As [`shared_zeros`](Self::shared_zeros).
    pub fn shared(&self, dtype: DType, order: Order) -> Result<AnyArray> {
        let (comm, dim_data) = (self.comm(), self.dim_data());
        let own = Layout::packed(&dim_data.held_shape(), dtype.itemsize().unwrap_or(0), order);
        let DType { code, bits, lanes } = dtype;
        let words = [u64::from(code), u64::from(bits), u64::from(lanes), u64::from(order == Order::C)];
        let layout = agree(comm, own, words.into_iter())?;
        let Some(node) = node(comm, dim_data, &layout, order)? else {
            let buffer = Buffer::zeros(dtype, &dim_data.held_shape(), order);
            return comm.agree(buffer.and_then(|buffer| AnyArray::new(dim_data.clone(), buffer)));
        };
        let own = node.segment.node().own();
        let data = node.segment.area(own).wrapping_add(before(own));
        let raw =
            RawBuffer { data, dtype, layout, access: Access::Exclusive, allocation: None, format: None };
        // SAFETY: the mapping lives as long as the node, its owner. Other ranks read it
        // within exchanges only, in which this rank takes part.
        let buffer = unsafe { Buffer::from_raw(raw, Arc::new(node)) };
        comm.agree(buffer.and_then(|buffer| AnyArray::new(dim_data.clone(), buffer)))
    }
}

/// Whether an array lies in memory that the ranks of its node share. Local.
#[must_use]
pub fn is_shared(array: &AnyArray) -> bool {
    Node::of(array).is_some()
}

/// The areas of all ranks of this node; none on every rank when one cannot have
/// them. Collective.
fn node(comm: &Comm, dim_data: &DimData, layout: &Layout, order: Order) -> Result<Option<Node>> {
    let words = 1 + layout.ndim();
    let front = size_of::<Front>() + words * size_of::<i64>();
    let fits = front <= FRONT;
    let bytes = if fits { layout.reach().1.unsigned_abs().saturating_add(2 * FRONT) } else { usize::MAX };
    let Some(segment) = comm.segment(bytes)? else { return Ok(None) };
    let first: i64 =
        dim_data.dims().iter().zip(layout.strides()).map(|(dim, s)| dim.owned_local().start * s).sum();
    let first = if layout.is_empty() { 0 } else { first };
    let numbers = |place: usize| segment.area(place).wrapping_add(size_of::<Front>()).cast::<i64>();
    for (at, number) in std::iter::once(first).chain(layout.strides().iter().copied()).enumerate() {
        // SAFETY: inside this rank's front, which nobody else reads before the barrier.
        unsafe { numbers(segment.node().own()).add(at).write(number) };
    }
    comm.barrier()?;
    let (mut strides, mut first_owned) = (Vec::new(), Vec::new());
    for place in 0..segment.node().len() {
        // SAFETY: written before the barrier, and never again.
        let number = |at: usize| unsafe { numbers(place).add(at).read() };
        first_owned.push(before(place) + usize::try_from(number(0)).unwrap_or(0));
        strides.push((1..words).map(|at| isize::try_from(number(at)).unwrap_or(0)).collect());
    }
    let (comm, round, under_way) = (comm.clone(), AtomicU64::new(0), AtomicBool::new(false));
    Ok(Some(Node { segment, comm, order, round, under_way, strides, first_owned }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm;
    use crate::distribution::Axis;

    #[test]
    fn rounds_of_one_array_do_not_overlap() {
        let outcomes = comm::threads(1, |comm| {
            let d = Distribution::new(&comm, [Axis::block(4)])?;
            let u = d.shared_zeros::<f64>()?;
            let Some(node) = Node::of(u.as_any()) else { return Ok(()) };
            let first = node.ready()?;
            assert_eq!(node.ready().map_err(|error| error.kind()), Err(ErrorKind::Busy));
            node.end(&[], first)?;
            assert_eq!(node.ready()?, first + 1);
            node.give_up();
            assert_eq!(node.ready().map_err(|error| error.kind()), Err(ErrorKind::Comm));
            Ok(())
        });
        outcomes.into_iter().for_each(|outcome: Result<()>| outcome.unwrap());
    }
}
