//! The index maps of one axis through C, against what the header says of its kinds.

use std::ptr::null_mut;

use distarray::ffi::abi::*;
use distarray::ffi::*;

/// More elements than this are not listed one by one.
const LISTED: i64 = 64;

pub fn map(dim: &distarray_dim, extent: i64, lawful: bool) {
    let (structural, strict) = unsafe {
        (distarray_dim_check(dim, extent, 0, null_mut()), distarray_dim_check(dim, extent, 1, null_mut()))
    };
    assert!(strict != DISTARRAY_OK || structural == DISTARRAY_OK);
    assert!(!lawful || strict == DISTARRAY_OK);
    // On its own, an axis held whole must state its size.
    let mut stated = *dim;
    if structural == DISTARRAY_OK && dim.dist_type == DISTARRAY_DIST_UNDISTRIBUTED {
        stated.size = extent;
    }
    let (mut held, mut start, mut stop) = (-1, -1, -1);
    let owned =
        unsafe { distarray_dim_owned(&stated, &raw mut held, &raw mut start, &raw mut stop, null_mut()) };
    assert!(structural != DISTARRAY_OK || owned == DISTARRAY_OK);
    if owned != DISTARRAY_OK {
        return;
    }
    assert!(0 <= start && start <= stop && stop <= held);
    assert!(strict != DISTARRAY_OK || held == extent);
    let expected = expected(&stated);
    if let Some(expected) = &expected {
        assert_eq!(expected.len() as i64, held);
    }
    there_and_back(&stated, held, expected.as_deref());
    runs(&stated, start..stop, expected.as_deref());
}

/// Every global index held, in local order, by the header's own words; `None` where
/// they are many.
fn expected(dim: &distarray_dim) -> Option<Vec<i64>> {
    match dim.dist_type {
        DISTARRAY_DIST_UNDISTRIBUTED => (dim.size <= LISTED).then(|| (0..dim.size).collect()),
        DISTARRAY_DIST_BLOCK => (dim.stop - dim.start <= LISTED).then(|| (dim.start..dim.stop).collect()),
        DISTARRAY_DIST_CYCLIC if dim.size <= LISTED => {
            let block = dim.block_size.max(1);
            let first = if dim.first_block == 0 { block } else { dim.first_block };
            // Block 0 is [0, first), block k begins at first + (k - 1) * block.
            let block_of = |g: i64| if g < first { 0 } else { 1 + (g - first) / block };
            let mine = if dim.start == 0 { 0 } else { 1 + (dim.start - first) / block };
            Some((0..dim.size).filter(|&g| block_of(g) % dim.proc_grid_size == mine).collect())
        }
        DISTARRAY_DIST_UNSTRUCTURED if dim.n_indices <= LISTED => {
            let n = dim.n_indices as usize;
            Some(match dim.flags & DISTARRAY_DIM_INDICES_I32 {
                _ if n == 0 => vec![],
                0 => unsafe { std::slice::from_raw_parts(dim.indices.cast::<i64>(), n) }.to_vec(),
                _ => unsafe { std::slice::from_raw_parts(dim.indices.cast::<i32>(), n) }
                    .iter()
                    .map(|&index| index.into())
                    .collect(),
            })
        }
        _ => None,
    }
}

fn there_and_back(dim: &distarray_dim, held: i64, expected: Option<&[i64]>) {
    let local: Vec<i64> = match expected {
        Some(_) => (0..held).collect(),
        None => [0, 1, held / 2, held - 1].into_iter().filter(|i| (0..held).contains(i)).collect(),
    };
    let n = local.len() as i64;
    let (mut global, mut back) = (vec![0; local.len()], vec![0; local.len()]);
    let status =
        unsafe { distarray_dim_local_to_global(dim, n, local.as_ptr(), global.as_mut_ptr(), null_mut()) };
    assert_eq!(status, DISTARRAY_OK);
    let status =
        unsafe { distarray_dim_global_to_local(dim, n, global.as_ptr(), back.as_mut_ptr(), null_mut()) };
    assert_eq!((status, &back), (DISTARRAY_OK, &local));
    if let Some(expected) = expected {
        assert_eq!(global, expected);
    }
    // What is not held has no position, and no position is beyond the end.
    let outside = [held, -1, i64::MAX, i64::MIN, dim.size];
    let mut found = [0; 5];
    unsafe {
        for position in &outside[..4] {
            let status = distarray_dim_local_to_global(dim, 1, position, found.as_mut_ptr(), null_mut());
            assert_ne!(status, DISTARRAY_OK);
        }
        let status = distarray_dim_global_to_local(dim, 5, outside.as_ptr(), found.as_mut_ptr(), null_mut());
        assert_eq!(status, DISTARRAY_OK);
    }
    for (index, position) in outside.iter().zip(found) {
        if let Some(expected) = expected {
            let first = expected.iter().position(|g| g == index);
            assert_eq!(position, first.map_or(-1, |i| i as i64));
        }
    }
}

fn runs(dim: &distarray_dim, owned: std::ops::Range<i64>, expected: Option<&[i64]>) {
    let mut runs = [distarray_run { start: 0, len: 0, stride: 0, count: 0 }; LISTED as usize];
    let mut n = 0;
    let status = unsafe { distarray_dim_owned_runs(dim, LISTED, runs.as_mut_ptr(), &raw mut n, null_mut()) };
    if status != DISTARRAY_OK {
        assert!(dim.dist_type == DISTARRAY_DIST_UNSTRUCTURED && owned.end > LISTED);
        return;
    }
    let runs = &runs[..n as usize];
    let covered: i128 = runs.iter().map(|run| i128::from(run.len) * i128::from(run.count)).sum();
    assert_eq!(covered, i128::from(owned.end - owned.start));
    let Some(expected) = expected else { return };
    let each = |run: &distarray_run| {
        let run = *run;
        (0..run.count).flat_map(move |k| (0..run.len).map(move |i| run.start + k * run.stride + i))
    };
    let listed: Vec<i64> = runs.iter().flat_map(each).collect();
    assert_eq!(listed, expected[owned.start as usize..owned.end as usize]);
}
