//! Lenders that bend the rules of release, each in its own way, and many lives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use distarray::array::{Access, AnyArray, Buffer, DType, Layout, Order, Owner, RawBuffer, Written};
use distarray::ffi::abi::*;
use distarray::ffi::*;
use distarray::protocol::{Dim, DimData};

use super::producer::*;

static FORGETFUL: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn forget(_: *mut distarray_export) {
    FORGETFUL.fetch_add(1, Ordering::Relaxed);
}

/// One that does not clear `release` is still called once.
#[test]
fn forgetting_the_tombstone_does_no_harm() {
    let producer = Producer::new();
    let mut loan = distarray_export { release: Some(forget), ..producer.loan() };
    free(take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap());
    drop(unsafe { Export::from_raw(distarray_export { release: Some(forget), ..producer.loan() }) });
    assert_eq!(FORGETFUL.load(Ordering::Relaxed), 2);
}

unsafe extern "C" fn reenter(loan: *mut distarray_export) {
    let inner = unsafe { (*loan).private_data.cast::<distarray_array>() };
    unsafe { (*loan).release = None };
    // A lender may use the library while it takes its memory back.
    assert!(!view(inner).data.is_null());
    free(inner);
}

/// One that calls the library from its release finds no lock held.
#[test]
fn release_may_call_the_library() {
    let (outer, inner) = (Producer::new(), Producer::new());
    let inner_array = take(&mut inner.loan(), DISTARRAY_ACCESS_READ).unwrap();
    let mut loan =
        distarray_export { release: Some(reenter), private_data: inner_array.cast(), ..outer.loan() };
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap();
    let mut onward = lend(array, null()).unwrap();
    free(array);
    assert_eq!(inner.released.get(), 0);
    release(&mut onward);
    assert_eq!(inner.released.get(), 1);
}

/// Loans may be released by any thread, also many at once.
#[test]
fn loans_end_on_other_threads() {
    let producer = Producer::new();
    let array = take(&mut producer.loan(), DISTARRAY_ACCESS_READ_WRITE).unwrap();
    let wish = distarray_request { access: DISTARRAY_ACCESS_READ_WRITE, ..request() };
    let loans: Vec<Export> =
        (0..8).map(|_| unsafe { Export::from_raw(lend(array, &wish).unwrap()) }).collect();
    std::thread::scope(|scope| {
        for (i, mut loan) in loans.into_iter().enumerate() {
            scope.spawn(move || {
                let flag = [DISTARRAY_C_MODIFIED, 0][i % 2];
                unsafe { (*loan.as_mut_ptr()).consumer_flags = flag };
                drop(loan);
            });
        }
    });
    assert_eq!(producer.released.get(), 0);
    // Four of the eight wrote.
    assert_eq!(view(array).epoch, 3 + 4);
    free(array);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, DISTARRAY_C_MODIFIED));
}

/// Many lives: every loan ends, and the count of the live ones stays level.
#[test]
fn a_hundred_thousand_lives() {
    let lives = if cfg!(miri) { 30 } else { 100_000 };
    let producer = Producer::new();
    for _ in 0..lives {
        let array = take(&mut producer.loan(), DISTARRAY_ACCESS_READ_WRITE).unwrap();
        let mut first = lend(array, null()).unwrap();
        let again = take(&raw mut first, DISTARRAY_ACCESS_READ).unwrap();
        free(array);
        free(again);
    }
    assert_eq!(producer.released.get(), lives);
}

/// A loan that is taken and lent again at every step of a long run grows no
/// chain of owners, and the first lender still hears of the last write.
#[test]
fn two_codes_may_pass_a_loan_to_and_fro() {
    let producer = Producer::new();
    let wish = distarray_request { access: DISTARRAY_ACCESS_READ_WRITE, ..request() };
    let mut loan = producer.loan();
    for step in 0..100_000 {
        let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
        loan = lend(array, &wish).unwrap();
        free(array);
        if step == 7 {
            loan.consumer_flags |= DISTARRAY_C_MODIFIED;
        }
        assert_eq!((producer.released.get(), loan.data), (0, producer.loan().data));
    }
    release(&mut loan);
    assert_eq!(producer.released.get(), 1);
    assert_eq!(producer.heard.get() & DISTARRAY_C_MODIFIED, DISTARRAY_C_MODIFIED);
}

/// Taking from an array that is still in use elsewhere is a loan like any other.
#[test]
fn a_loan_beside_others_is_not_dissolved() {
    let producer = Producer::new();
    let array = take(&mut producer.loan(), DISTARRAY_ACCESS_READ_WRITE).unwrap();
    let (mut one, mut two) = (lend(array, null()).unwrap(), lend(array, null()).unwrap());
    free(array);
    let taken = take(&raw mut one, DISTARRAY_ACCESS_READ).unwrap();
    free(taken);
    assert_eq!(producer.released.get(), 0);
    release(&mut two);
    assert_eq!(producer.released.get(), 1);
}

/// An owner in Rust that panics when it hears of a write.
struct Startled(Arc<AtomicUsize>);

impl Owner for Startled {
    fn note(&self, _: Written) {
        panic!("not again");
    }
}

impl Drop for Startled {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_panic_while_a_loan_is_taken_back_ends_it_once() {
    let ended = Arc::new(AtomicUsize::new(0));
    let mut number = 1.0_f64;
    let layout = Layout::packed(&[1], 8, Order::C).unwrap();
    let (data, access) = ((&raw mut number).cast(), Access::Exclusive);
    let raw = RawBuffer { data, dtype: DType::F64, layout, access, allocation: None, format: None };
    let buffer = unsafe { Buffer::from_raw(raw, Arc::new(Startled(Arc::clone(&ended)))) }.unwrap();
    let dim_data = DimData::new([Dim::whole(1).unwrap()]).unwrap();
    let mut loan = Export::from(AnyArray::new(dim_data, buffer).unwrap());
    unsafe { (*loan.as_mut_ptr()).consumer_flags = DISTARRAY_C_MODIFIED };
    let taken = catch_unwind(AssertUnwindSafe(|| unsafe { loan.import(Access::Read) }));
    assert!(taken.is_err() && !loan.is_live());
    drop(loan);
    assert_eq!(ended.load(Ordering::Relaxed), 1);
}
