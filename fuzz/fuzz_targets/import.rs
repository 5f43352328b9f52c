//! Any struct is taken and given back once, or refused and left as it was; what is
//! taken lies in the lender's memory, and every other call survives the struct too.
#![no_main]

use std::ptr::null_mut;

use distarray::Error;
use distarray::array::{Access, AnyArray, Bool, DistArray, Element, Order};
use distarray::ffi::abi::*;
use distarray::ffi::*;
use half::{bf16, f16};
use libfuzzer_sys::fuzz_target;
use num_complex::Complex;

mod axes;
mod bend;
mod borrow;
mod input;
mod lawful;
mod lender;

use input::Input;
use lender::Lender;

const WROTE: u64 = DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let through_c = input.below(2) == 1;
    let access = input.below(5) as u32;
    let lender = Lender::new(&mut input);
    for (dim, &extent) in lender.dims.iter().zip(&lender.shape).take(4) {
        axes::map(dim, extent, lender.lawful);
    }
    if through_c {
        borrow::through_c(&lender, access, &mut input);
    } else {
        // Texts take longer than all the rest.
        let texts = input.below(16) == 15;
        through_rust(&lender, [Access::Read, Access::Write, Access::Exclusive][access as usize % 3], texts);
    }
});

fn image(loan: *const distarray_export) -> [u8; 256] {
    unsafe { loan.cast::<[u8; 256]>().read() }
}

fn through_rust(lender: &Lender, access: Access, texts: bool) {
    let mut export = unsafe { Export::from_raw(lender.loan()) };
    let (live, before) = (export.is_live(), image(export.as_mut_ptr()));
    let structural = unsafe { export.check(Level::Structural) };
    let strict = unsafe { export.check(Level::Strict) };
    assert!(strict.is_err() || structural.is_ok());
    if texts {
        let text = json(&mut export);
        assert_eq!(structural.is_ok(), text.is_some());
        // Only what obeys every rule is read back; one-byte floats have no name in the text.
        if let (Some(text), true) = (text, strict.is_ok()) {
            let again = described(&text);
            assert!(text == again || text.contains("dtype(code"), "{text}\n{again}");
        }
    }
    if lender.lawful {
        strict.clone().unwrap();
    }
    match unsafe { export.import(access) } {
        Err(refusal) => {
            assert_eq!(image(export.as_mut_ptr()), before);
            assert_eq!((lender.releases(), export.is_live()), (0, live));
            refused_rightly(lender, access, &strict, &refusal);
            drop(export);
            assert_eq!(lender.releases(), u32::from(live));
        }
        Ok(array) => {
            strict.unwrap();
            assert!(!export.is_live() && lender.releases() == 0);
            drop(export);
            let told = taken(lender, array);
            assert_eq!((lender.releases(), lender.told()), (1, lender.loan().consumer_flags | told));
        }
    }
}

/// A loan that passes the strict check is refused only for what is asked beyond it.
fn refused_rightly(lender: &Lender, access: Access, strict: &Result<(), Error>, refusal: &Error) {
    let loan = lender.loan();
    let kept = loan.flags_read & (DISTARRAY_R_NO_DATA | DISTARRAY_R_CALL_SCOPED);
    assert!(strict.is_err() || kept != 0 || access > Access::Read, "{refusal}");
}

/// Uses an array in every way and gives it back; says what its owner must hear.
fn taken(lender: &Lender, array: AnyArray) -> u64 {
    let layout = array.buffer().layout();
    assert_eq!((layout.shape(), layout.strides()), (&*lender.shape, &*lender.strides));
    assert_eq!(array.dim_data().held_shape(), &*lender.shape);
    let Some(offsets) = lender.offsets() else { return 0 };
    assert_eq!(layout.len(), offsets.len());
    assert!(lender.inside_stated(&offsets));
    if array.buffer().access() > Access::Read {
        let mut sorted = offsets.clone();
        sorted.sort_unstable();
        let size = i128::from(lender.loan().itemsize);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= size));
    }
    if !lender.inside_real(&offsets) {
        return 0;
    }
    let itemsize = lender.loan().itemsize as usize;
    assert_eq!(array.buffer().copy_bytes().len(), offsets.len() * itemsize);

    let mut again = Export::from(array);
    let name = again.as_mut_ptr();
    let code = unsafe { ((*name).dtype_code, (*name).dtype_bits) };
    let access = if unsafe { (*name).flags_write } & DISTARRAY_W_READ_ONLY != 0 {
        Access::Read
    } else {
        Access::Write
    };
    let array = unsafe { again.import(access) }.unwrap();
    assert_eq!(lender.releases(), 0);
    match code {
        (0, 8) => typed::<i8>(array, &offsets),
        (0, 16) => typed::<i16>(array, &offsets),
        (0, 32) => typed::<i32>(array, &offsets),
        (0, 64) => typed::<i64>(array, &offsets),
        (1, 8) => typed::<u8>(array, &offsets),
        (1, 16) => typed::<u16>(array, &offsets),
        (1, 32) => typed::<u32>(array, &offsets),
        (1, 64) => typed::<u64>(array, &offsets),
        (2, 16) => typed::<f16>(array, &offsets),
        (2, 32) => typed::<f32>(array, &offsets),
        (2, 64) => typed::<f64>(array, &offsets),
        (4, 16) => typed::<bf16>(array, &offsets),
        (5, 64) => typed::<Complex<f32>>(array, &offsets),
        (5, 128) => typed::<Complex<f64>>(array, &offsets),
        (6, 8) => typed::<Bool>(array, &offsets),
        // Records and one-byte floats have no Rust type.
        _ => {
            array.downcast::<u8>().unwrap_err();
            0
        }
    }
}

/// Writes the first and the last element through a typed view, and looks for them
/// where the strides say.
fn typed<T: Element>(array: AnyArray, offsets: &[i128]) -> u64 {
    let (size, layout) = (size_of::<T>(), array.buffer().layout());
    let whole = layout.strides().iter().all(|s| s % size as i64 == 0) && layout.is_disjoint();
    let array = array.downcast::<T>();
    assert!(array.is_ok() || !whole);
    let Ok(mut array) = array else { return 0 };
    let count = array.view().len();
    assert_eq!(count, offsets.len());
    for order in [Order::C, Order::Fortran] {
        assert!(array.as_slice(order).is_none_or(|elements| elements.len() == count));
    }
    let owned: i64 = array.dim_data().dims().iter().map(|dim| dim.owned_len()).product();
    assert_eq!(array.owned().len() as i64, owned);
    let writable = array.as_any().buffer().access() > Access::Read;
    let data = array.as_any().buffer().data();
    let Ok(mut view) = array.view_mut() else {
        assert!(!writable && array.owned_mut().is_err());
        return 0;
    };
    assert!(writable);
    // Every bit pattern is a value.
    let mark = unsafe { std::mem::transmute_copy::<[u8; 16], T>(&[0xa5; 16]) };
    if let Some(first) = view.first_mut() {
        *first = mark;
    }
    if let Some(last) = view.iter_mut().last() {
        *last = mark;
    }
    drop(view);
    for &at in offsets.first().into_iter().chain(offsets.last()) {
        let element = unsafe { data.offset(at as isize).cast::<[u8; 1]>().read() };
        assert_eq!(element, [0xa5]);
    }
    assert_eq!(array.owned_mut().unwrap().len() as i64, owned);
    let copy: DistArray<T> = array.copy().unwrap();
    assert_eq!(copy.as_any().buffer().copy_bytes(), array.as_any().buffer().copy_bytes());
    WROTE
}

/// The text of a loan, `None` where it is refused.
fn json(export: &mut Export) -> Option<String> {
    let (mut length, loan) = (0, export.as_mut_ptr());
    let status = unsafe { distarray_export_to_json(loan, null_mut(), 0, &raw mut length, null_mut()) };
    if status != DISTARRAY_OK {
        return None;
    }
    let mut text = vec![0_u8; length + 1];
    let to = text.as_mut_ptr().cast();
    let status = unsafe { distarray_export_to_json(loan, to, text.len(), &raw mut length, null_mut()) };
    assert_eq!((status, text.pop()), (DISTARRAY_OK, Some(0)));
    Some(String::from_utf8(text).unwrap())
}

/// The text of the loan that a text describes; or why it is refused.
fn described(text: &str) -> String {
    let mut export = Export::empty();
    let loan = export.as_mut_ptr();
    let mut error = std::mem::MaybeUninit::zeroed();
    let status =
        unsafe { distarray_export_from_json(text.as_ptr().cast(), text.len(), loan, error.as_mut_ptr()) };
    if status != DISTARRAY_OK {
        let error: distarray_error = unsafe { error.assume_init() };
        return unsafe { std::ffi::CStr::from_ptr(error.message.as_ptr()) }.to_string_lossy().into();
    }
    json(&mut export).unwrap_or_default()
}
