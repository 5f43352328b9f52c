//! A part of a distributed array with its element type known.
#![allow(unsafe_code)] // views of raw memory are made here

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ptr::NonNull;

use ndarray::{ArrayViewD, ArrayViewMutD, Axis, IxDyn, RawArrayViewMut, ShapeBuilder};

use super::{AnyArray, Buffer, Element, Layout, Order, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// One process's part of a distributed array of `T`.
///
/// Plain data: it never communicates, and knows of the other parts only what
/// its `dim_data` says.
///
/// ```
/// use distarray::array::DistArray;
/// use distarray::protocol::{Dim, DimData, Dist};
///
/// // Indices 3..7 of ten, padded by one at each side: 4..6 are owned here.
/// let dim = Dim::new(10, 3, 1, Dist::padded(3, 7, [1, 1]))?;
/// let mut u = DistArray::new(DimData::new([dim])?, vec![0.0, 4.0, 5.0, 0.0])?;
/// u.owned_mut()?.fill(1.0);
/// assert_eq!(u.view().sum(), 2.0);
/// # Ok::<(), distarray::Error>(())
/// ```
pub struct DistArray<T> {
    array: AnyArray,
    element: PhantomData<T>,
}

impl<T: Element> DistArray<T> {
    /// Wraps elements in row-major order, padding included, without copying them.
    ///
    /// # Errors
    /// A number of elements, or `dim_data`, that break a strict rule.
    pub fn new(dim_data: DimData, elements: Vec<T>) -> Result<Self> {
        let buffer = Buffer::from_vec(elements, &dim_data.held_shape())?;
        AnyArray::new(dim_data, buffer)?.downcast()
    }

    /// New memory, all zero.
    ///
    /// # Errors
    /// No memory, or a strict rule that `dim_data` breaks by itself.
    pub fn zeros(dim_data: DimData) -> Result<Self> {
        AnyArray::zeros(dim_data, T::DTYPE)?.downcast()
    }

    /// How the part fits into the global array.
    #[must_use]
    pub fn dim_data(&self) -> &DimData {
        self.array.dim_data()
    }

    /// The same array with its element type at run time.
    #[must_use]
    pub fn as_any(&self) -> &AnyArray {
        &self.array
    }

    /// The same array with its element type at run time.
    #[must_use]
    pub fn into_any(self) -> AnyArray {
        self.array
    }

    /// A copy of the elements in memory of our own, packed in row-major order.
    ///
    /// # Errors
    /// No memory.
    pub fn copy(&self) -> Result<Self> {
        let mut copy = Self::zeros(self.dim_data().clone())?;
        copy.view_mut()?.assign(&self.view());
        Ok(copy)
    }

    /// Every element held, padding included.
    #[must_use]
    pub fn view(&self) -> ArrayViewD<'_, T> {
        // SAFETY: the buffer's bytes are readable and aligned for `T` while
        // `self` is borrowed, and nobody writes meanwhile (`Buffer::from_raw`).
        unsafe { raw_view(self.held()).deref_into_view() }
    }

    /// The elements owned: without communication padding and ghosts.
    #[must_use]
    pub fn owned(&self) -> ArrayViewD<'_, T> {
        // SAFETY: as for `view`; the part lies within the buffer.
        unsafe { raw_view(self.part()).deref_into_view() }
    }

    /// Every element held, to be written.
    ///
    /// # Errors
    /// Memory that was lent for reading only.
    pub fn view_mut(&mut self) -> Result<ArrayViewMutD<'_, T>> {
        self.array.buffer().check_writable()?;
        let owner = self.array.buffer().owner();
        owner.note(Written::Owned);
        owner.note(Written::Halo);
        // SAFETY: as for `view`; writable elements share no memory, and `self`
        // is borrowed exclusively.
        Ok(unsafe { raw_view(self.held()).deref_into_view_mut() })
    }

    /// The elements owned, to be written.
    ///
    /// # Errors
    /// Memory that was lent for reading only.
    pub fn owned_mut(&mut self) -> Result<ArrayViewMutD<'_, T>> {
        self.array.buffer().check_writable()?;
        self.array.buffer().owner().note(Written::Owned);
        // SAFETY: as for `view_mut`.
        Ok(unsafe { raw_view(self.part()).deref_into_view_mut() })
    }

    fn held(&self) -> (*mut u8, &Layout) {
        (self.array.buffer().data(), self.array.buffer().layout())
    }

    fn part(&self) -> (*mut u8, Layout) {
        let (layout, offset) = self.array.owned_layout();
        (self.array.buffer().data().wrapping_offset(offset), layout)
    }

    /// The elements held as one slice, `None` unless they lie packed in this order.
    #[must_use]
    pub fn as_slice(&self, order: Order) -> Option<&[T]> {
        let buffer = self.array.buffer();
        if buffer.layout().is_empty() {
            return Some(&[]); // whose address need not be aligned
        }
        buffer.layout().is_packed(order).then(|| {
            // SAFETY: packed elements are `len` values of `T`, one after the other,
            // at an address that was found aligned.
            unsafe { std::slice::from_raw_parts(buffer.data().cast(), buffer.layout().len()) }
        })
    }
}

impl<T: Element> TryFrom<AnyArray> for DistArray<T> {
    type Error = Error;

    fn try_from(array: AnyArray) -> Result<Self> {
        array.check_dtype(T::DTYPE)?;
        let size = size_of::<T>();
        let layout = array.buffer().layout();
        // The stride of an axis of one element is never stepped.
        let mut axes = layout.shape().iter().zip(layout.strides());
        let odd = axes.position(|(&n, s)| n > 1 && !s.unsigned_abs().is_multiple_of(size as u64));
        if let (Some(axis), false) = (odd, layout.is_empty()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a typed view needs strides of whole elements; copy the array first",
            )
            .on_axis(axis)
            .in_field("strides"));
        }
        if !layout.is_disjoint() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "elements that share memory have no typed view; copy the array first",
            )
            .in_field("strides"));
        }
        Ok(Self { array, element: PhantomData })
    }
}

impl<T> From<DistArray<T>> for AnyArray {
    fn from(array: DistArray<T>) -> Self {
        array.array
    }
}

impl<T> AsRef<AnyArray> for DistArray<T> {
    fn as_ref(&self) -> &AnyArray {
        &self.array
    }
}

impl<T: Element> std::fmt::Debug for DistArray<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DistArray")
            .field("dim_data", self.dim_data())
            .field("elements", &self.view())
            .finish()
    }
}

/// Strided memory as an ndarray view; `T` is the type of its elements.
fn raw_view<T: Element>((data, layout): (*mut u8, impl Borrow<Layout>)) -> RawArrayViewMut<T, IxDyn> {
    let layout = layout.borrow();
    let extents: Vec<usize> = layout.shape().iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
    if layout.is_empty() {
        let nowhere = NonNull::dangling().as_ptr();
        // SAFETY: nothing is reached through an aligned pointer.
        return unsafe { RawArrayViewMut::from_shape_ptr(IxDyn(&extents), nowhere) };
    }
    // ndarray takes strides that are not negative: begin at the lowest address
    // and turn the axes round afterwards.
    // An axis of one element may have any stride, also one that no address has.
    let step = |(&extent, stride): (&i64, &i64)| match extent {
        1 => 0,
        _ => usize::try_from(stride.unsigned_abs()).unwrap_or(0) / size_of::<T>(),
    };
    let steps: Vec<usize> = layout.shape().iter().zip(layout.strides()).map(step).collect();
    let lowest = data.wrapping_offset(layout.reach().0).cast::<T>();
    // SAFETY: extents and strides are the memory's own, which is aligned for `T`.
    let mut view = unsafe { RawArrayViewMut::from_shape_ptr(IxDyn(&extents).strides(IxDyn(&steps)), lowest) };
    for (axis, &stride) in layout.strides().iter().enumerate() {
        if stride < 0 {
            view.invert_axis(Axis(axis));
        }
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Access, DType, Owner, RawBuffer};
    use crate::protocol::Dim;

    /// Memory of this test as another library would lend it.
    fn lent<T: Element>(data: *mut u8, shape: &[i64], strides: &[i64]) -> DistArray<T> {
        let layout = Layout::strided(shape, strides, size_of::<T>()).unwrap();
        let raw =
            RawBuffer { data, dtype: T::DTYPE, layout, access: Access::Read, allocation: None, format: None };
        // SAFETY: the memory outlives the array.
        let buffer = unsafe { Buffer::from_raw(raw, <dyn Owner>::keep(())) }.unwrap();
        let dims: Vec<Dim> = shape.iter().map(|&n| Dim::whole(n).unwrap()).collect();
        AnyArray::new(DimData::new(dims).unwrap(), buffer).unwrap().downcast().unwrap()
    }

    #[test]
    fn no_element_needs_no_aligned_address() {
        let nothing = lent::<f64>(std::ptr::without_provenance_mut(1), &[0, 3], &[24, 8]);
        assert_eq!(nothing.as_slice(Order::C), Some(&[][..]));
        assert_eq!(nothing.view().shape(), [0, 3]);
    }

    #[test]
    fn the_stride_of_one_element_is_never_stepped() {
        let mut numbers = [1.0, 2.0, 3.0];
        let data = numbers.as_mut_ptr().cast();
        for odd in [0, 12, -12, i64::MAX, i64::MIN] {
            let column = lent::<f64>(data, &[1, 3, 1], &[odd, 8, odd]);
            assert_eq!(column.view().iter().copied().collect::<Vec<_>>(), numbers);
        }
        let one = lent::<u8>(data, &[1], &[i64::MIN]);
        assert_eq!(one.view().len(), 1);
    }

    #[test]
    fn odd_element_types_have_an_alignment() {
        for bits in [8, 24, 80] {
            for code in [DType::C64.code, DType::F64.code] {
                assert!((DType { code, bits, lanes: 1 }).alignment().is_power_of_two());
            }
        }
        assert_eq!((DType::C64.alignment(), DType::C128.alignment(), DType::U8.alignment()), (4, 8, 1));
    }
}
