//! What a lender says of memory, and what of it can be checked without touching it.

use std::sync::Arc;

use super::{DType, Layout, Strided};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// What may be done with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing, while others may read and write too, in an order the caller keeps.
    Write,
    /// Reading and writing, and nobody else touches it.
    Exclusive,
}

/// The parts of a [`Buffer`](super::Buffer) made from foreign memory.
pub struct RawBuffer {
    /// Address of element (0, ..., 0); may be null where the layout is empty.
    pub data: *mut u8,
    /// Element type.
    pub dtype: DType,
    /// Shape and byte strides.
    pub layout: Layout,
    /// What the lender allows.
    pub access: Access,
    /// First byte and length of the whole allocation, where the lender states them.
    pub allocation: Option<(*mut u8, usize)>,
    /// Layout of a record type (PEP 3118), where there is one.
    pub format: Option<Arc<str>>,
}

impl RawBuffer {
    /// Checks what can be seen without touching the memory.
    ///
    /// # Errors
    /// As [`Buffer::from_raw`](super::Buffer::from_raw).
    pub fn check(&self) -> Result<()> {
        let &Self { data, dtype, ref layout, access, allocation, ref format } = self;
        Memory { data, dtype, layout: layout.view(), access, allocation, format: format.as_deref() }.check()
    }
}

/// What a [`RawBuffer`] says, with its parts where they lie: nothing to drop, so
/// it stays in registers while it is checked.
#[derive(Clone, Copy)]
pub(crate) struct Memory<'a> {
    pub data: *mut u8,
    pub dtype: DType,
    pub layout: Strided<'a>,
    pub access: Access,
    pub allocation: Option<(*mut u8, usize)>,
    pub format: Option<&'a str>,
}

impl Memory<'_> {
    /// Checks what can be seen without touching the memory.
    ///
    /// # Errors
    /// As [`Buffer::from_raw`](super::Buffer::from_raw).
    #[inline(always)] // every import comes through here
    pub(crate) fn check(&self) -> Result<()> {
        let Self { data, dtype, layout, access, allocation, .. } = *self;
        if dtype.itemsize().is_some_and(|size| size != layout.itemsize()) {
            return Err(dtype
                .refused(ErrorKind::DType, "elements have another size")
                .in_field("itemsize")
                .expected_found(as_i64(dtype.itemsize().unwrap_or(0)), as_i64(layout.itemsize())));
        }
        if !layout.is_empty() {
            if data.is_null() {
                return Err(Error::new(ErrorKind::Null, "elements exist, but their address is NULL")
                    .in_field("data")
                    .by_rule("A22"));
            }
            let alignment = dtype.alignment();
            // A power of two, so a mask does.
            if data.addr() & (alignment - 1) != 0 {
                let why = format_args!("elements need an address that is a multiple of {alignment}");
                return Err(dtype.refused(ErrorKind::Align, why).in_field("data").by_rule("A23"));
            }
            for (axis, (&extent, stride)) in layout.shape().iter().zip(layout.strides()).enumerate() {
                if extent > 1 && stride.unsigned_abs() & (alignment as u64 - 1) != 0 {
                    let why =
                        format_args!("elements lie {alignment} bytes apart at least; strides count bytes");
                    return Err(dtype
                        .refused(ErrorKind::Align, why)
                        .on_axis(axis)
                        .in_field("strides")
                        .by_rule("A23"));
                }
            }
            if let Some(allocation) = allocation {
                inside(data, layout, allocation)?;
            }
        }
        if access > Access::Read && !layout.is_disjoint() {
            return Err(shared(layout));
        }
        Ok(())
    }
}

/// The error of elements that share memory: no single axis is at fault, one can be mended.
#[cold]
fn shared(layout: Strided<'_>) -> Error {
    let (axis, reached) = layout.overlap().unwrap_or_default();
    let why = format!(
        "elements share memory, so they cannot be written: axis {axis} must step over all that smaller \
         strides reach; mend its stride, or lend for reading only"
    );
    let found = layout.strides().get(axis).copied().unwrap_or_default();
    Error::new(ErrorKind::Access, why)
        .in_field("strides")
        .expected_found(as_i64(reached), found)
        .by_rule("A24")
}

/// Checks that every element lies inside the allocation.
#[inline]
fn inside(data: *mut u8, layout: Strided<'_>, (base, bytes): (*mut u8, usize)) -> Result<()> {
    let start = data.addr() as i128 - base.addr() as i128;
    let (low, high) = layout.reach();
    let (low, high) = (start + low as i128, start + high as i128);
    if low >= 0 && high <= bytes as i128 {
        return Ok(());
    }
    let (expected, found) = if low < 0 { (0, low) } else { (bytes as i128, high) };
    Err(Error::new(
        ErrorKind::Bounds,
        "an element lies outside the stated allocation; offsets in bytes from its start",
    )
    .in_field("strides")
    .expected_found(as_i64(expected), as_i64(found))
    .by_rule("A20"))
}
