//! Buffers and typed views of any memory layout, against indexing by hand.
#![allow(unsafe_code)] // foreign memory is made here
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use distarray::array::{
    Access, AnyArray, Bool, Buffer, DType, DistArray, Element, Layout, Order, Owner, RawBuffer, Written,
};
use distarray::protocol::{Dim, DimData, Dist};
use distarray::{ErrorKind, Result};
use num_complex::Complex;

/// An owner that counts how often it was dropped and told of writes.
#[derive(Default)]
struct Counts {
    dropped: AtomicUsize,
    written: AtomicUsize,
}

struct Lender(Arc<Counts>);

impl Owner for Lender {
    fn note(&self, written: Written) {
        if written == Written::Owned {
            self.0.written.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn whole(shape: &[i64]) -> DimData {
    DimData::new(shape.iter().map(|&n| Dim::whole(n).unwrap()).collect::<Vec<_>>()).unwrap()
}

/// A view of `memory` from element `first` on, with strides in elements.
fn foreign(
    memory: &mut [f64],
    first: usize,
    shape: &[i64],
    steps: &[i64],
    access: Access,
) -> Result<AnyArray> {
    let strides: Vec<i64> = steps.iter().map(|s| s * 8).collect();
    let raw = RawBuffer {
        allocation: Some((memory.as_mut_ptr().cast(), size_of_val(memory))),
        data: memory[first..].as_mut_ptr().cast(),
        dtype: DType::F64,
        layout: Layout::strided(shape, &strides, 8)?,
        access,
        format: None,
    };
    // SAFETY: `from_raw` checks that every element lies in `memory`, which
    // outlives each array of these tests.
    let buffer = unsafe { Buffer::from_raw(raw, <dyn Owner>::keep(())) }?;
    AnyArray::new(whole(shape), buffer)
}

#[test]
fn views_of_any_strides_see_the_right_elements() {
    let mut memory: Vec<f64> = (0..60).map(f64::from).collect();
    for (first, shape, steps) in [
        (0, vec![3, 4], vec![4, 1]),     // row-major
        (0, vec![3, 4], vec![1, 3]),     // column-major
        (7, vec![3, 4], vec![10, 2]),    // every other element of a box
        (23, vec![3, 4], vec![-8, 1]),   // rows upside down
        (59, vec![3, 4], vec![-12, -3]), // both axes backwards
        (30, vec![2, 1, 3], vec![-9, 5, 4]),
        (5, vec![3, 0], vec![1, 1]), // nothing
        (9, vec![], vec![]),         // a scalar
    ] {
        let array = foreign(&mut memory, first, &shape, &steps, Access::Read).unwrap();
        let address = array.buffer().data() as usize;
        let typed: DistArray<f64> = array.downcast().unwrap();
        let mut seen = 0;
        for (position, &value) in typed.view().indexed_iter() {
            let at = (0..shape.len()).map(|axis| position[axis] as i64 * steps[axis]).sum::<i64>();
            assert_eq!(value, (first as i64 + at) as f64, "{shape:?} {steps:?} {position:?}");
            seen += 1;
        }
        assert_eq!(seen, shape.iter().product::<i64>(), "{shape:?}");
        assert_eq!(typed.as_any().buffer().data() as usize, address);
        let bytes = typed.as_any().buffer().copy_bytes();
        let expected: Vec<u8> = typed.view().iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert_eq!(bytes, expected, "{shape:?} {steps:?}");
    }
}

#[test]
fn writes_land_in_the_lenders_memory_and_nowhere_else() {
    let mut memory = vec![0.0; 60];
    // The interior of a padded block, column-major, rows upside down.
    let (first, shape, steps) = (8, [3, 4], [-2, 12]);
    let array = foreign(&mut memory, first, &shape, &steps, Access::Write).unwrap();
    let mut typed: DistArray<f64> = array.downcast().unwrap();
    for (position, value) in typed.view_mut().unwrap().indexed_iter_mut() {
        *value = (1 + position[0] * 4 + position[1]) as f64;
    }
    drop(typed);
    let mut expected = vec![0.0; 60];
    for (i, j) in (0..3).flat_map(|i| (0..4).map(move |j| (i, j))) {
        expected[(8 + i * steps[0] + j * steps[1]) as usize] = (1 + i * 4 + j) as f64;
    }
    assert_eq!(memory, expected);
}

#[test]
fn the_owned_part_leaves_the_padding_out() {
    // Coordinate 1 of 3: padded by 1 and 2, all of it communication padding.
    let middle = Dim::new(20, 3, 1, Dist::padded(6, 15, [1, 2])).unwrap();
    let dims = DimData::new([middle, Dim::whole(2).unwrap()]).unwrap();
    let mut array = DistArray::new(dims, (0..18).map(f64::from).collect()).unwrap();
    assert_eq!(array.owned().iter().copied().collect::<Vec<_>>(), (2..14).map(f64::from).collect::<Vec<_>>());
    array.owned_mut().unwrap().fill(-1.0);
    let kept: Vec<f64> = array.view().iter().copied().filter(|v| *v >= 0.0).collect();
    assert_eq!(kept, [0.0, 1.0, 14.0, 15.0, 16.0, 17.0]);
    // Coordinate 0: the left padding is the boundary's, so it is owned.
    let edge = Dim::new(20, 3, 0, Dist::padded(0, 8, [1, 1])).unwrap();
    let array = DistArray::<i32>::zeros(DimData::new([edge]).unwrap()).unwrap();
    assert_eq!(array.owned().len(), 7);
}

#[test]
fn an_owner_is_dropped_once_and_hears_of_writes() {
    let counts = Arc::new(Counts::default());
    let mut memory = [1_i32, 2, 3];
    let mut raw = |access| RawBuffer {
        data: memory.as_mut_ptr().cast(),
        dtype: DType::I32,
        layout: Layout::packed(&[3], 4, Order::C).unwrap(),
        access,
        allocation: None,
        format: None,
    };
    // SAFETY: `memory` outlives both arrays, of which one lives at a time.
    let buffer = unsafe { Buffer::from_raw(raw(Access::Write), Arc::new(Lender(counts.clone()))) }.unwrap();
    let mut array: DistArray<i32> = AnyArray::new(whole(&[3]), buffer).unwrap().downcast().unwrap();
    let _ = array.view();
    assert_eq!(counts.written.load(Ordering::Relaxed), 0);
    array.view_mut().unwrap()[0] = 7;
    assert_eq!((counts.written.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed)), (1, 0));
    drop(array);
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 1);
    // SAFETY: as above.
    let buffer = unsafe { Buffer::from_raw(raw(Access::Read), Arc::new(Lender(counts.clone()))) }.unwrap();
    let mut array: DistArray<i32> = AnyArray::new(whole(&[3]), buffer).unwrap().downcast().unwrap();
    assert_eq!(array.view_mut().unwrap_err().kind(), ErrorKind::Access);
    assert_eq!(array.as_slice(Order::C), Some(&[7, 2, 3][..]));
    drop(array);
    assert_eq!((counts.written.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed)), (1, 2));
    assert_eq!(memory, [7, 2, 3]);
}

#[test]
fn memory_that_cannot_be_right_is_refused() {
    let mut memory = vec![0.0; 12];
    let mut refused = |first, shape: &[i64], steps: &[i64], access| {
        foreign(&mut memory, first, shape, steps, access).unwrap_err()
    };
    let outside = refused(0, &[13], &[1], Access::Read);
    assert_eq!(
        (outside.kind(), outside.expected(), outside.found()),
        (ErrorKind::Bounds, Some(96), Some(104))
    );
    assert_eq!(refused(1, &[3], &[-1], Access::Read).found(), Some(-8));
    assert_eq!(refused(0, &[4], &[0], Access::Write).kind(), ErrorKind::Access);
    assert_eq!(refused(0, &[3, 3], &[2, 1], Access::Write).kind(), ErrorKind::Access);
    assert!(foreign(&mut memory, 0, &[3, 3], &[4, 1], Access::Write).is_ok());
    let raw = |data: *mut u8, shape: &[i64], itemsize| RawBuffer {
        data,
        dtype: DType::F64,
        layout: Layout::packed(shape, itemsize, Order::C).unwrap(),
        access: Access::Read,
        allocation: None,
        format: None,
    };
    let odd = memory.as_mut_ptr().cast::<u8>().wrapping_add(1);
    assert_eq!(raw(odd, &[2], 8).check().unwrap_err().kind(), ErrorKind::Align);
    assert_eq!(raw(std::ptr::null_mut(), &[2], 8).check().unwrap_err().kind(), ErrorKind::Null);
    assert!(raw(std::ptr::null_mut(), &[0], 8).check().is_ok());
    assert_eq!(raw(memory.as_mut_ptr().cast(), &[2], 4).check().unwrap_err().kind(), ErrorKind::DType);
    let wrong = DistArray::new(whole(&[5]), vec![0_u8; 4]).unwrap_err();
    assert_eq!((wrong.expected(), wrong.found()), (Some(5), Some(4)));
    // One element four times may be read, byte by byte.
    let broadcast = foreign(&mut memory, 5, &[4], &[0], Access::Read).unwrap();
    assert_eq!(broadcast.buffer().copy_bytes(), 0.0_f64.to_ne_bytes().repeat(4));
    assert_eq!(broadcast.downcast::<f64>().unwrap_err().field(), Some("strides"));
    let array = foreign(&mut memory, 0, &[2], &[1], Access::Read).unwrap();
    assert_eq!(array.downcast::<i64>().unwrap_err().field(), Some("dtype"));
}

/// A member of a record: strides that are no multiple of the element.
#[test]
fn elements_between_others_move_but_have_no_typed_view() {
    let records = [0.0, 0.0, 0.0, 0.0, 1.0_f64];
    let raw = |dtype: DType, stride: i64| RawBuffer {
        data: records.as_ptr().cast_mut().cast(),
        dtype,
        layout: Layout::strided(&[2], &[stride], dtype.itemsize().unwrap()).unwrap(),
        access: Access::Read,
        allocation: Some((records.as_ptr().cast_mut().cast(), 40)),
        format: None,
    };
    let between = raw(DType::C128, 24);
    // Every second number would lie below its alignment; so would strides in elements.
    for odd in [raw(DType::F64, 12), raw(DType::F64, 1), raw(DType::F64, -4)] {
        let error = odd.check().unwrap_err();
        assert_eq!((error.kind(), error.axis(), error.field()), (ErrorKind::Align, Some(0), Some("strides")));
    }
    // SAFETY: checked to lie in `records`, which outlives the array.
    let buffer = unsafe { Buffer::from_raw(between, <dyn Owner>::keep(())) }.unwrap();
    assert_eq!(buffer.copy_bytes()[24..], 1.0_f64.to_ne_bytes());
    let array = AnyArray::new(whole(&[2]), buffer).unwrap();
    assert_eq!(array.downcast::<Complex<f64>>().unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn every_element_type_has_its_size_name_and_alignment() {
    fn check<T: Element>(name: &str) {
        assert_eq!(T::DTYPE.itemsize(), Some(size_of::<T>()), "{name}");
        assert_eq!(T::DTYPE.alignment(), align_of::<T>(), "{name}");
        assert_eq!((T::DTYPE.name(), DType::from_name(name)), (Some(name), Some(T::DTYPE)));
        let array = DistArray::<T>::zeros(whole(&[2, 3])).unwrap();
        assert_eq!(array.view().shape(), [2, 3]);
        assert_eq!(array.as_any().buffer().data() as usize % 64, 0, "{name}");
    }
    check::<Bool>("bool");
    check::<i8>("int8");
    check::<i16>("int16");
    check::<i32>("int32");
    check::<i64>("int64");
    check::<u8>("uint8");
    check::<u16>("uint16");
    check::<u32>("uint32");
    check::<u64>("uint64");
    check::<half::f16>("float16");
    check::<half::bf16>("bfloat16");
    check::<f32>("float32");
    check::<f64>("float64");
    check::<Complex<f32>>("complex64");
    check::<Complex<f64>>("complex128");
    assert_eq!((DType::OPAQUE.itemsize(), DType::OPAQUE.name()), (None, None));
    assert_eq!(Bool::from(true), bytemuck::cast::<u8, Bool>(7));
}
