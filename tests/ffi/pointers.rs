//! NULL and misaligned pointers, at every function.

use std::ptr::{null, null_mut};

use distarray::ffi::abi::*;
use distarray::ffi::*;

use super::producer::*;

#[test]
fn null_and_misaligned_pointers_are_refused_everywhere() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let mut array = null_mut();
    let (mut number, mut status) = (0_i64, 0_i32);
    let dim = distarray_dim {
        dist_type: DISTARRAY_DIST_BLOCK,
        size: 4,
        proc_grid_size: 1,
        stop: 4,
        ..distarray_dim::INIT
    };
    let n = &raw mut number;
    let e: *mut distarray_error = null_mut();
    unsafe {
        let odd = |p: *mut distarray_export| p.wrapping_byte_add(1);
        for (found, expected) in [
            (distarray_array_import(null_mut(), 0, &raw mut array, e), 1),
            (distarray_array_import(odd(&raw mut loan), 0, &raw mut array, e), 10),
            (distarray_array_import(&raw mut loan, 0, null_mut(), e), 1),
            (distarray_array_import(&raw mut loan, 3, &raw mut array, e), 5),
            (distarray_array_export(null(), null(), &raw mut loan, e), 1),
            (distarray_array_view(None, &raw mut loan, e), 1),
            (distarray_array_mark_modified(None, 0, e), 1),
            (distarray_array_same_memory(None, None, &raw mut status, e), 1),
            (distarray_export_check(null(), 0, e), 1),
            (distarray_export_check(odd(&raw mut loan), 0, e), 10),
            (distarray_export_check(&raw const loan, 2, e), 5),
            (distarray_dim_check(null(), 0, 0, e), 1),
            (distarray_dim_owned(&dim, null_mut(), n, n, e), 1),
            (distarray_dim_owned(&dim, n, n, n.wrapping_byte_add(4), e), 10),
            (distarray_dim_local_to_global(&dim, 1, null(), n, e), 1),
            (distarray_dim_local_to_global(&dim, -1, n, n, e), 5),
            (distarray_dim_local_to_global(&dim, 0, null(), null_mut(), e), 0),
            (distarray_dim_global_to_local(&dim, 1, n, null_mut(), e), 1),
            (distarray_dim_owned_runs(&dim, 0, null_mut(), n, e), 7),
            (distarray_dim_owned_runs(&dim, 1, null_mut(), n, e), 1),
            (distarray_has_feature(null(), &raw mut status, e), 1),
            (distarray_has_feature(c"json".as_ptr(), null_mut(), e), 1),
        ] {
            assert_eq!(found, expected);
        }
        assert_eq!(
            distarray_export_check(&raw const loan, 1, (&raw mut number).wrapping_byte_add(1).cast()),
            10
        );
        distarray_array_free(null_mut());
    }
    assert!(loan.release.is_some() && array.is_null());
}

#[test]
#[cfg(not(miri))] // files are opened with flags that Miri does not know
fn files_texts_and_collectives_refuse_them_too() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let (mut array, mut distribution, mut length) = (null_mut(), null_mut(), 0_usize);
    let mut number = 0_i64;
    let (n, e): (_, *mut distarray_error) = (&raw mut number, null_mut());
    let taken = take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap();
    unsafe {
        let some = taken.as_ref();
        let mut live = Export::from_raw(lend(taken, null()).unwrap());
        let live = live.as_mut_ptr();
        for (found, expected) in [
            (distarray_array_read_dnpy(null(), &raw mut array, e), 1),
            (distarray_array_read_dnpy(c"/".as_ptr(), null_mut(), e), 1),
            (distarray_array_read_dnpy(c"/".as_ptr(), &raw mut array, e), 43),
            (distarray_array_write_dnpy(None, c"/".as_ptr(), e), 1),
            (distarray_array_write_dnpy(some, null(), e), 1),
            (distarray_array_write_dnpy(some, c"/".as_ptr(), e), 43),
            (distarray_array_read_dnpy_set(c"x".as_ptr(), null(), &raw mut array, e), 1),
            (distarray_array_write_dnpy_set(some, c"x".as_ptr(), null(), e), 1),
            (distarray_export_to_json(null(), null_mut(), 0, &raw mut length, e), 1),
            (distarray_export_to_json(live, null_mut(), 9, &raw mut length, e), 1),
            (distarray_export_to_json(live, null_mut(), 0, null_mut(), e), 1),
            (distarray_export_from_json(null(), 0, &raw mut loan, e), 1),
            (distarray_export_from_json(c"{}".as_ptr(), usize::MAX, &raw mut loan, e), 5),
            (distarray_check_collective(null(), live, e), 1),
            (distarray_check_collective_with(null(), live, None, null_mut(), null_mut(), e), 1),
            (distarray_distribution_gather(null(), some, &raw mut distribution, e), 1),
            (distarray_distribution_owner(None, 1, n, n, e), 1),
            (distarray_distribution_owners(None, 0, 1, n, n, n, e), 1),
            (distarray_distribution_global_to_local(None, 0, 1, n, n, n, e), 1),
            (distarray_distribution_local_to_global(None, 0, 0, 1, n, n, e), 1),
            (distarray_distribution_owned_runs(None, 0, 0, 0, null_mut(), n, e), 1),
        ] {
            assert_eq!(found, expected);
        }
        distarray_distribution_free(None);
    }
    assert!(array.is_null() && distribution.is_null());
    free(taken);
    assert_eq!(producer.released.get(), 1);
}
