//! A buffer and how it fits into the global array, element type at run time.

use super::buffer::Extent;
use super::{Access, Buffer, DType, DistArray, Element, Layout, Order};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Dim, DimData};

/// Which global array this is a part of, and in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Equal on all ranks of one array; zeros where the producer gives none.
    pub uid: [u64; 2],
    /// The producer's version counter.
    pub epoch: u64,
}

/// One process's part of a distributed array, of any element type.
#[derive(Debug)]
pub struct AnyArray {
    buffer: Buffer,
    dim_data: DimData,
    identity: Identity,
}

/// What an array was before it was narrowed.
pub(crate) struct Whole {
    extent: Extent,
    dim_data: DimData,
}

impl Whole {
    /// Whether this array was narrowed from it.
    pub(crate) fn is_of(&self, array: &AnyArray) -> bool {
        self.extent.is_of(&array.buffer)
    }
}

impl AnyArray {
    /// Says how a buffer fits into the global array.
    ///
    /// # Errors
    /// The first strict rule of the protocol that the two break together.
    pub fn new(dim_data: DimData, buffer: Buffer) -> Result<Self> {
        dim_data.check_strict(buffer.shape())?;
        Ok(Self::of_checked(dim_data, buffer, Identity::default()))
    }

    /// The same of parts that keep the strict rules together, naming the global
    /// array and its state.
    #[inline(always)] // every import ends here
    pub(crate) fn of_checked(dim_data: DimData, buffer: Buffer, identity: Identity) -> Self {
        Self { buffer, dim_data, identity }
    }

    /// New row-major memory, all zero, of the part that `dim_data` describes.
    ///
    /// # Errors
    /// No memory, or a strict rule that `dim_data` breaks by itself.
    pub fn zeros(dim_data: DimData, dtype: DType) -> Result<Self> {
        let buffer = Buffer::zeros(dtype, &dim_data.held_shape(), Order::C)?;
        Self::new(dim_data, buffer)
    }

    /// A box of the same elements as another part of the global array: without padding,
    /// or with its indices told another way. What is left out stays alive, and comes back
    /// by [`widened`](Self::widened).
    ///
    /// # Errors
    /// The first strict rule of the protocol that the two break together.
    pub(crate) fn narrowed(
        self,
        ranges: impl Iterator<Item = std::ops::Range<i64>>,
        dim_data: DimData,
    ) -> Result<(Self, Whole)> {
        let Self { buffer, dim_data: own, identity } = self;
        let (buffer, extent) = buffer.part(ranges);
        let whole = Whole { extent, dim_data: own };
        Ok((Self::new(dim_data, buffer)?.with_identity(identity), whole))
    }

    /// The array that this one was [`narrowed`](Self::narrowed) from; `None` where that was
    /// another.
    pub(crate) fn widened(self, whole: Whole) -> Option<Self> {
        let Self { buffer, identity, .. } = self;
        let buffer = buffer.widened(whole.extent)?;
        Some(Self { buffer, dim_data: whole.dim_data, identity })
    }

    /// Names the global array and its state.
    #[must_use]
    #[inline(always)]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Allows no more than this access.
    #[must_use]
    pub(crate) fn with_access(mut self, access: Access) -> Self {
        self.buffer.restrict(access);
        self
    }

    /// Element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.buffer.dtype()
    }

    /// This process's memory, padding included.
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The bytes of packed memory of either order, to be filled: elements of any
    /// type, also those that Rust has no type for.
    ///
    /// # Errors
    /// Memory that is not packed, or must not be written.
    // The buffer itself is not lent out: one of another shape could be put in its
    // place, and a loan would then describe memory that does not exist.
    pub fn packed_bytes_mut(&mut self) -> Result<&mut [u8]> {
        self.buffer.packed_bytes_mut()
    }

    /// How the buffer fits into the global array.
    #[must_use]
    pub fn dim_data(&self) -> &DimData {
        &self.dim_data
    }

    /// Which global array this is a part of.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Layout of the owned part, without communication padding and ghosts, and
    /// the byte offset of its first element.
    #[must_use]
    pub fn owned_layout(&self) -> (Layout, isize) {
        self.buffer.layout().part(self.dim_data.dims().iter().map(Dim::owned_local))
    }

    /// The same array with its element type known.
    ///
    /// # Errors
    /// Elements of another type, of strides that are not whole elements, or that
    /// share memory. The
    /// array is given back to its owner then.
    pub fn downcast<T: Element>(self) -> Result<DistArray<T>> {
        DistArray::try_from(self)
    }

    /// Refuses memory that was lent for reading.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.buffer.check_writable()
    }

    /// Refuses elements of another type.
    pub(super) fn check_dtype(&self, expected: DType) -> Result<()> {
        if self.dtype() == expected {
            return Ok(());
        }
        Err(Error::new(ErrorKind::DType, format!("the elements are {}, not {expected}", self.dtype()))
            .in_field("dtype"))
    }
}

impl AsRef<AnyArray> for AnyArray {
    fn as_ref(&self) -> &AnyArray {
        self
    }
}

/// Permission to write a part of an array, whatever its element type: what functions
/// take that move elements into it.
///
/// Made from `&mut DistArray<T>` or `&mut AnyArray`, which are borrowed as long. It
/// shows the array but does not lend it out to be replaced.
pub struct ArrayMut<'a>(&'a AnyArray);

impl ArrayMut<'_> {
    /// Permission that the caller vouches for.
    ///
    /// # Safety
    /// While it lives, nobody else reads or writes the array's elements.
    #[allow(unsafe_code)] // a promise about memory
    pub(crate) unsafe fn vouched(array: &AnyArray) -> ArrayMut<'_> {
        ArrayMut(array)
    }
}

impl std::ops::Deref for ArrayMut<'_> {
    type Target = AnyArray;

    fn deref(&self) -> &AnyArray {
        self.0
    }
}

impl<'a> From<&'a mut AnyArray> for ArrayMut<'a> {
    fn from(array: &'a mut AnyArray) -> Self {
        Self(array)
    }
}

impl<'a, T> From<&'a mut DistArray<T>> for ArrayMut<'a> {
    fn from(array: &'a mut DistArray<T>) -> Self {
        Self((*array).as_ref())
    }
}
