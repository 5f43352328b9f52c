//! The C ABI from a foreign producer's side: what is taken, what is refused, and
//! that every loan is given back exactly once.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // the tests play the C caller

mod axes;
mod lenders;
mod pointers;
mod producer;
mod structs;
mod text;

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use distarray::array::Access;
use distarray::ffi::abi::*;
use distarray::ffi::*;
use producer::*;

#[test]
fn importing_moves_the_loan_and_shares_the_memory() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    assert!(loan.release.is_none() && loan.private_data.is_null());
    let shown = view(array);
    assert_eq!(shown.data, producer.memory.as_ptr().cast_mut().cast());
    assert_eq!((shown.process_rank, shown.process_count, shown.epoch), (1, 2, 3));
    assert_eq!(unsafe { (*shown.shape.add(1), *shown.strides, (*shown.dims).start) }, (5, 40, 2));
    assert_eq!(shown.uid, [7, 8]);
    assert_eq!(producer.released.get(), 0);
    free(array);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, 0));
}

#[test]
fn loans_outlive_the_array_and_pass_on_what_was_written() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    let mut first = lend(array, null()).unwrap();
    let wish = distarray_request { access: DISTARRAY_ACCESS_READ_WRITE, ..request() };
    let mut second = lend(array, &wish).unwrap();
    assert_eq!(first.flags_write, DISTARRAY_W_READ_ONLY);
    assert_eq!(second.flags_write, 0);
    assert_eq!(first.data, second.data);
    free(array);
    assert_eq!(producer.released.get(), 0);

    // Moved, as the ABI allows: the flags travel with the struct.
    let mut moved = second;
    second = distarray_export::INIT;
    assert!(second.release.is_none());
    moved.consumer_flags = DISTARRAY_C_MODIFIED;
    release(&mut moved);
    assert_eq!(producer.released.get(), 0);
    release(&mut first);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, DISTARRAY_C_MODIFIED));
}

#[test]
fn writing_dates_later_loans_and_ages_the_halo() {
    let producer = Producer::new();
    let mut loan = distarray_export { flags_info: DISTARRAY_I_HALO_VALID, ..producer.loan() };
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    assert_eq!(view(array).flags_info, DISTARRAY_I_HALO_VALID);
    let mark = |flags| unsafe { distarray_array_mark_modified(array.as_ref(), flags, null_mut()) };
    assert_eq!(mark(DISTARRAY_C_MODIFIED), 0);
    assert_eq!((view(array).flags_info, view(array).epoch), (0, 4));
    assert_eq!(mark(DISTARRAY_C_HALO_VALID), 0);
    assert_eq!((view(array).flags_info, view(array).epoch), (DISTARRAY_I_HALO_VALID, 4));
    assert_eq!(mark(8), 3);
    free(array);
    assert_eq!(producer.heard.get(), DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_VALID);
}

#[test]
fn an_exclusive_loan_shuts_others_out() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let refused = take(&raw mut loan, DISTARRAY_ACCESS_EXCLUSIVE).unwrap_err();
    assert_eq!((refused.0, refused.1.as_str()), (12, "flags_info"));
    loan.flags_info = DISTARRAY_I_EXCLUSIVE;
    let array = take(&raw mut loan, DISTARRAY_ACCESS_EXCLUSIVE).unwrap();

    let wish = distarray_request { access: DISTARRAY_ACCESS_EXCLUSIVE, ..request() };
    let mut shared = lend(array, null()).unwrap();
    assert_eq!(lend(array, &wish).unwrap_err(), 30);
    release(&mut shared);
    let mut exclusive = lend(array, &wish).unwrap();
    assert_eq!(exclusive.flags_info, DISTARRAY_I_EXCLUSIVE);
    assert_eq!(lend(array, null()).unwrap_err(), 30);
    // A description borrows nothing.
    let wish = distarray_request { access: DISTARRAY_ACCESS_DESCRIBE, ..request() };
    let mut description = lend(array, &wish).unwrap();
    assert!(description.data.is_null() && description.flags_read & DISTARRAY_R_NO_DATA != 0);
    assert_eq!(unsafe { distarray_export_check(&description, 1, null_mut()) }, 0);
    assert_eq!(take(&raw mut description, 0).unwrap_err().0, 12);
    release(&mut description);
    release(&mut exclusive);
    release(&mut lend(array, null()).unwrap());
    free(array);
    assert_eq!(producer.released.get(), 1);
}

#[test]
fn a_request_is_met_or_refused_with_its_reason() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    let fortran = distarray_request { layouts: 2, copy: 1, ..request() };
    for (wish, status) in [
        (distarray_request { layouts: 1, copy: 1, ..request() }, 0),
        (fortran, 32),
        (distarray_request { copy: 0, ..fortran }, 31),
        (distarray_request { dist_types: 6, ..request() }, 31),
        (distarray_request { dist_types: 1, ..request() }, 0),
        (distarray_request { device_type: 2, ..request() }, 31),
        (distarray_request { min_alignment: 3, ..request() }, 5),
        (distarray_request { min_alignment: 1 << 31, ..request() }, 31),
        (distarray_request { access: 4, ..request() }, 5),
        (distarray_request { struct_size: 64, ..request() }, 2),
        (distarray_request { reserved: [1; 9], ..request() }, 3),
        (distarray_request { copy: 2, access: 1, ..request() }, 31),
    ] {
        match lend(array, &wish) {
            Ok(mut loan) => {
                assert_eq!(status, 0, "{wish:?}");
                release(&mut loan);
            }
            Err(found) => assert_eq!(found, status, "{wish:?}"),
        }
    }
    let mut copy = lend(array, &distarray_request { copy: 2, ..request() }).unwrap();
    assert_eq!(copy.flags_info, DISTARRAY_I_COPIED);
    assert_ne!(copy.data, producer.memory.as_ptr().cast_mut().cast());
    assert_eq!(unsafe { std::slice::from_raw_parts(copy.data.cast::<f64>(), 20) }, &producer.memory[..]);
    free(array);
    assert_eq!(producer.released.get(), 1, "a copy keeps nothing of the original");
    release(&mut copy);
}

#[test]
fn a_scalar_has_no_axes() {
    let producer = Producer::new();
    let mut loan = distarray_export {
        ndim: 0,
        shape: null(),
        strides: null(),
        dims: null(),
        process_rank: 0,
        process_count: 1,
        ..producer.loan()
    };
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap();
    assert_eq!((view(array).ndim, view(array).shape.is_null()), (0, true));
    free(array);
}

#[test]
fn a_rust_array_is_lent_and_comes_back() {
    let producer = Producer::new();
    let mut loan = unsafe { Export::from_raw(producer.loan()) };
    unsafe { loan.check(Level::Strict) }.unwrap();
    let mut array: distarray::array::DistArray<f64> =
        unsafe { loan.import(Access::Write) }.unwrap().downcast().unwrap();
    assert!(!loan.is_live());
    array.owned_mut().unwrap().fill(1.0);
    // Row 0 is padding; the twelve owned elements follow it.
    assert_eq!(producer.memory[4..6], [4.0, 1.0]);
    let address = array.as_any().buffer().data().cast::<c_void>();
    let mut lent = Export::from(array).into_raw();
    assert_eq!(lent.data, address);
    release(&mut lent);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, DISTARRAY_C_MODIFIED));
    drop(loan);
    assert_eq!(producer.released.get(), 1);
}

#[test]
fn a_dropped_export_gives_its_loan_back() {
    let producer = Producer::new();
    drop(unsafe { Export::from_raw(producer.loan()) });
    assert_eq!(producer.released.get(), 1);
}

#[test]
fn features_are_those_that_the_header_names() {
    let header = include_str!("../../include/distarray.h");
    let comment = header.split("// Sets has to 1 if this build has a feature").nth(1).unwrap();
    let comment = comment.split("int32_t").next().unwrap();
    let named: Vec<&str> = comment.split('"').skip(1).step_by(2).collect();
    for wanted in ["block", "halo", "redistribution", "shared_memory"] {
        assert!(named.contains(&wanted), "{named:?}");
    }
    let has = |name: &str| {
        let (name, mut has) = (std::ffi::CString::new(name).unwrap(), -1);
        assert_eq!(unsafe { distarray_has_feature(name.as_ptr(), &raw mut has, null_mut()) }, 0);
        has
    };
    assert!(named.iter().all(|name| has(name) == 1), "{named:?}");
    assert_eq!(["Halo", "hal", "", "teleport"].map(has), [0; 4]);
}
