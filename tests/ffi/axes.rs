//! The maps of one axis, against dealing by hand.

use std::ptr::null_mut;

use distarray::ffi::abi::*;
use distarray::ffi::*;

/// Brute force: the axis's definition, index by index.
#[test]
fn the_maps_of_one_axis_agree_with_dealing_by_hand() {
    for (size, procs, block, first) in
        [(23_i64, 3_i64, 4_i64, 0_i64), (23, 3, 4, 2), (10, 2, 3, 0), (2, 4, 5, 1)]
    {
        for p in 0..procs {
            let mine: Vec<i64> = (0..size).filter(|g| (g / block + first) % procs == p).collect();
            let dim = distarray_dim {
                dist_type: DISTARRAY_DIST_CYCLIC,
                size,
                proc_grid_size: procs,
                proc_grid_rank: p,
                start: (p - first).rem_euclid(procs) * block,
                block_size: block,
                ..distarray_dim::INIT
            };
            let n = i64::try_from(mine.len()).unwrap();
            assert_eq!(unsafe { distarray_dim_check(&dim, n, 1, null_mut()) }, 0);
            // In place: both arrays may be the same one.
            let mut indices: Vec<i64> = (0..n).collect();
            let (locals, pointer) = (indices.clone(), indices.as_mut_ptr());
            assert_eq!(unsafe { distarray_dim_local_to_global(&dim, n, pointer, pointer, null_mut()) }, 0);
            assert_eq!(indices, mine);
            assert_eq!(unsafe { distarray_dim_global_to_local(&dim, n, pointer, pointer, null_mut()) }, 0);
            assert_eq!(indices, locals);
            let other = (0..=size).find(|g| !mine.contains(g)).unwrap();
            let mut found = 0;
            assert_eq!(
                unsafe { distarray_dim_global_to_local(&dim, 1, &other, &raw mut found, null_mut()) },
                0
            );
            assert_eq!(found, -1);
            let mut runs = [distarray_run { start: 0, len: 0, stride: 0, count: 0 }; 3];
            let mut count = 0;
            let status =
                unsafe { distarray_dim_owned_runs(&dim, 3, runs.as_mut_ptr(), &raw mut count, null_mut()) };
            assert_eq!(status, 0);
            let listed: Vec<i64> = runs[..usize::try_from(count).unwrap()]
                .iter()
                .flat_map(|r| {
                    (0..r.count).flat_map(move |k| (0..r.len).map(move |i| r.start + k * r.stride + i))
                })
                .collect();
            assert_eq!(listed, mine);
        }
    }
}
