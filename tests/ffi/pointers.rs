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
            (distarray_array_export(None, null(), &raw mut loan, e), 1),
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
        distarray_array_free(None);
    }
    assert!(loan.release.is_some() && array.is_null());
}
