//! Strided memory of any element type, kept alive by its owner.
#![allow(unsafe_code)] // raw memory of unknown origin becomes slices here

use std::ptr::NonNull;
use std::sync::{Arc, Weak};

use super::heap::Heap;
use super::{Access, DType, Element, Layout, Memory, Order, Owner, RawBuffer, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// Strided memory of any element type, and what keeps it alive.
///
/// Not `Clone`: a second handle could write under a view of the first.
pub struct Buffer {
    data: NonNull<u8>,
    dtype: DType,
    access: Access,
    layout: Layout,
    allocation: Option<(*mut u8, usize)>,
    /// Whether bytes of the allocation that no element has may be overwritten.
    slack: bool,
    format: Option<Arc<str>>,
    owner: Arc<dyn Owner>,
}

/// Where the elements of a buffer lay before it became a [part](Buffer::part) of itself.
pub(super) struct Extent {
    data: NonNull<u8>,
    layout: Layout,
    slack: bool,
    /// The memory's owner: another buffer's is another.
    owner: Weak<dyn Owner>,
}

impl Extent {
    /// Whether it has the owner of this buffer, which keeps all of it alive.
    pub(super) fn is_of(&self, part: &Buffer) -> bool {
        std::ptr::addr_eq(self.owner.as_ptr(), Arc::as_ptr(&part.owner))
    }
}

// SAFETY: as for `Buffer`, of which it is a part.
unsafe impl Send for Extent {}
// SAFETY: as above.
unsafe impl Sync for Extent {}

// SAFETY: the pointers are only followed through `&self` and `&mut self`; the
// owner, which outlives them, is `Send + Sync`.
unsafe impl Send for Buffer {}
// SAFETY: as above; shared access reads only.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Packed memory of our own, all bytes zero.
    ///
    /// # Errors
    /// A shape too large, or no memory.
    pub fn zeros(dtype: DType, shape: &[i64], order: Order) -> Result<Self> {
        Self::zeroed(dtype, Layout::packed(shape, dtype.own_itemsize()?, order)?, 0, None, 1)
    }

    /// Packed memory of our own for elements of which only the size is known.
    ///
    /// # Errors
    /// A shape too large, or no memory.
    pub fn opaque(shape: &[i64], itemsize: usize, order: Order, format: Option<Arc<str>>) -> Result<Self> {
        Self::zeroed(DType::OPAQUE, Layout::packed(shape, itemsize, order)?, 0, format, 1)
    }

    /// Memory of our own, all bytes zero, at an address that is a multiple of `alignment`,
    /// a power of two, and of 64. The layout reaches from 0 up; `room` is the least number
    /// of bytes.
    pub(crate) fn zeroed(
        dtype: DType,
        layout: Layout,
        room: usize,
        format: Option<Arc<str>>,
        alignment: usize,
    ) -> Result<Self> {
        let bytes = layout.reach().1.unsigned_abs().max(room);
        let heap = Heap::zeroed(bytes, alignment)?;
        let data = heap.start();
        Ok(Self {
            data,
            dtype,
            access: Access::Exclusive,
            allocation: Some((data.as_ptr(), bytes)),
            slack: bytes > layout.len() * layout.itemsize(),
            layout,
            format,
            owner: <dyn Owner>::keep(heap),
        })
    }

    /// The elements of a vector, row-major, without copying them.
    ///
    /// # Errors
    /// A length that contradicts the shape.
    pub fn from_vec<T: Element>(elements: Vec<T>, shape: &[i64]) -> Result<Self> {
        let layout = Layout::packed(shape, size_of::<T>(), Order::C)?;
        if layout.len() != elements.len() {
            return Err(Error::new(ErrorKind::Shape, "the number of elements contradicts the shape")
                .in_field("shape")
                .expected_found(as_i64(layout.len()), as_i64(elements.len())));
        }
        let mut elements = elements;
        let data = NonNull::from(elements.as_mut_slice()).cast();
        let allocation = Some((data.as_ptr(), layout.reach().1.unsigned_abs()));
        let owner = <dyn Owner>::keep(elements);
        let access = Access::Exclusive;
        Ok(Self { data, dtype: T::DTYPE, access, layout, allocation, slack: false, format: None, owner })
    }

    /// Foreign memory, kept alive by any object.
    ///
    /// # Errors
    /// A null pointer to elements that exist, an address or a stride below the
    /// natural alignment, an item size other than the type's, elements outside the
    /// stated allocation, writing where elements share memory.
    ///
    /// # Safety
    /// Until `owner` is dropped, the bytes that `layout` reaches from `data`
    /// are readable, and writable unless `access` is [`Access::Read`]; nobody
    /// writes to them while a view of them is in use.
    pub unsafe fn from_raw(raw: RawBuffer, owner: Arc<dyn Owner>) -> Result<Self> {
        raw.check()?;
        let RawBuffer { data, dtype, layout, access, allocation, format } = raw;
        Ok(Self { data: or_dangling(data), dtype, access, layout, allocation, slack: false, format, owner })
    }

    /// [`from_raw`](Self::from_raw) for memory that was checked.
    ///
    /// # Safety
    /// As for `from_raw`; and [`Memory::check`] found nothing.
    #[inline(always)]
    pub(crate) unsafe fn of_checked(memory: Memory<'_>, owner: Arc<dyn Owner>) -> Self {
        let Memory { data, dtype, layout, access, allocation, format } = memory;
        let (layout, format) = (layout.to_layout(), format.map(Arc::from));
        Self { data: or_dangling(data), dtype, access, layout, allocation, slack: false, format, owner }
    }

    /// Element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Shape and byte strides.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Extent of each axis.
    #[must_use]
    pub fn shape(&self) -> &[i64] {
        self.layout.shape()
    }

    /// What may be done with the memory.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Allows no more than this access.
    pub(super) fn restrict(&mut self, access: Access) {
        self.access = self.access.min(access);
    }

    /// Address of element (0, ..., 0).
    #[must_use]
    pub fn data(&self) -> *mut u8 {
        self.data.as_ptr()
    }

    /// First byte and length of the whole allocation, where they are known.
    #[must_use]
    pub fn allocation(&self) -> Option<(*mut u8, usize)> {
        self.allocation
    }

    /// Says that bytes of the allocation that no element has may be overwritten, or not.
    #[inline(always)] // every import comes through here
    pub(crate) fn with_slack(self, slack: bool) -> Self {
        Self { slack, ..self }
    }

    /// Whether bytes of the allocation that no element has may be overwritten.
    #[must_use]
    pub fn slack(&self) -> bool {
        self.slack
    }

    /// Bytes from the first element on that are the elements', or may be overwritten.
    #[must_use]
    pub fn room(&self) -> usize {
        let elements = self.layout.len() * self.layout.itemsize();
        let Some((base, bytes)) = self.allocation.filter(|_| self.slack) else { return elements };
        let before = self.data.addr().get().checked_sub(base.addr());
        before.and_then(|before| bytes.checked_sub(before)).map_or(elements, |room| room.max(elements))
    }

    /// Layout of a record type (PEP 3118), where there is one.
    #[must_use]
    pub fn format(&self) -> Option<&Arc<str>> {
        self.format.as_ref()
    }

    /// What keeps the memory alive.
    #[must_use]
    pub fn owner(&self) -> &Arc<dyn Owner> {
        &self.owner
    }

    /// A second handle on the same memory, for lending it.
    ///
    /// # Safety
    /// Nobody writes through one handle while a view of another is in use.
    #[must_use]
    pub unsafe fn alias(&self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { self.alias_for(Arc::clone(&self.owner)) }
    }

    /// The same, with another object to keep the memory alive.
    ///
    /// # Safety
    /// As for [`alias`](Self::alias); `owner` keeps this buffer's own owner alive.
    pub(crate) unsafe fn alias_for(&self, owner: Arc<dyn Owner>) -> Self {
        Self {
            data: self.data,
            dtype: self.dtype,
            access: self.access.min(Access::Write),
            layout: self.layout.clone(),
            allocation: self.allocation,
            slack: self.slack,
            format: self.format.clone(),
            owner,
        }
    }

    /// A box of the elements alone, and what to [`widen`](Self::widened) it by. What is
    /// left out stays alive and out of reach.
    pub(super) fn part(self, ranges: impl Iterator<Item = std::ops::Range<i64>>) -> (Self, Extent) {
        let (layout, offset) = self.layout.part(ranges);
        // The part lies inside what this layout reaches.
        let data = or_dangling(self.data.as_ptr().wrapping_offset(offset));
        // Beyond a smaller box lies what is left out.
        let slack = self.slack && layout == self.layout;
        let owner = Arc::downgrade(&self.owner);
        let whole = Extent { data: self.data, layout: self.layout, slack: self.slack, owner };
        (Self { data, layout, slack, ..self }, whole)
    }

    /// All elements again, of which this is a part; `None` where it is of others.
    pub(super) fn widened(self, whole: Extent) -> Option<Self> {
        whole.is_of(&self).then_some(())?;
        let Extent { data, layout, slack, .. } = whole;
        Some(Self { data, layout, slack, ..self })
    }

    /// Calls `visit` with each contiguous stretch of bytes, elements in row-major order.
    pub fn for_each_stretch(&self, mut visit: impl FnMut(&[u8])) {
        self.layout.for_each_stretch(|offset, bytes| {
            // SAFETY: the stretch lies inside what the layout reaches, which is
            // readable while `self` lives.
            visit(unsafe { std::slice::from_raw_parts(self.data.as_ptr().offset(offset), bytes) });
        });
    }

    /// A copy of the elements' bytes, packed in row-major order.
    #[must_use]
    pub fn copy_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.layout.len() * self.layout.itemsize());
        self.for_each_stretch(|stretch| bytes.extend_from_slice(stretch));
        bytes
    }

    /// The bytes of packed memory of either order, in the order they lie.
    #[must_use]
    pub fn packed_bytes(&self) -> Option<&[u8]> {
        let packed = self.layout.is_packed(Order::C) || self.layout.is_packed(Order::Fortran);
        packed.then(|| {
            let bytes = self.layout.reach().1.unsigned_abs();
            // SAFETY: packed memory reaches from 0 to `bytes`, readable while `self` lives.
            unsafe { std::slice::from_raw_parts(self.data.as_ptr(), bytes) }
        })
    }

    /// The bytes of packed memory of either order, to be filled.
    ///
    /// # Errors
    /// Memory that is not packed, or must not be written.
    pub fn packed_bytes_mut(&mut self) -> Result<&mut [u8]> {
        if !self.layout.is_packed(Order::C) && !self.layout.is_packed(Order::Fortran) {
            return Err(Error::new(ErrorKind::Shape, "the elements are not packed").in_field("strides"));
        }
        self.check_writable()?;
        let bytes = self.layout.reach().1.unsigned_abs();
        self.owner.note(Written::Owned);
        // SAFETY: packed memory reaches from 0 to `bytes`, writable while `self` is borrowed.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), bytes) })
    }

    /// Refuses memory that was lent for reading.
    pub(super) fn check_writable(&self) -> Result<()> {
        if self.access > Access::Read {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Access,
            "this memory was lent for reading only; ask for write access or copy it",
        ))
    }
}

/// Null is allowed where nothing is reached; any aligned address will do then.
#[inline]
fn or_dangling(data: *mut u8) -> NonNull<u8> {
    NonNull::new(data).unwrap_or(NonNull::<u128>::dangling().cast())
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Buffer({}, shape {:?}, strides {:?}, {:?})",
            self.dtype,
            self.layout.shape(),
            self.layout.strides(),
            self.access
        )
    }
}
