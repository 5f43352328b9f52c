//! `distarray_redistribution`: redistribution, as C holds it.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use num_complex::Complex;

use super::abi::DISTARRAY_C_MODIFIED;
use super::distribution::distarray_distribution;
use super::error::{check, distarray_error, guard, inputs, output};
use super::exchange::{distarray_moved, size, written};
use super::handle::{Mark, free, give, handle, mutable, object};
use super::lend::distarray_array;
use crate::array::ArrayMut;
use crate::comm::{Comm, distarray_comm};
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::{Redistribution, Scale, best_ranks};
use crate::number::as_i64;

/// A planned redistribution. Made by distarray_redistribution_new, freed by
/// distarray_redistribution_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_redistribution {
    mark: Mark<Self>,
    plan: Redistribution,
}

object!(distarray_redistribution);

impl distarray_redistribution {
    fn new(plan: Redistribution) -> Self {
        Self { mark: Mark::new(), plan }
    }
}

/// Plans the way from one distribution to another of the same global shape and the
/// same ranks, for arrays of any element type. axes NULL keeps the order of the axes;
/// else it names, for each axis of the target, the source's axis that becomes it, so
/// {1, 0} transposes a matrix. Collective; messages are sent for unstructured axes only.
///
/// The source's communicator must outlive the plan; the distributions need not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_redistribution_new(
    source: Option<&distarray_distribution>,
    target: Option<&distarray_distribution>,
    axes: *const i64,
    redistribution: *mut *mut distarray_redistribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let source = handle(source, "source")?.get();
        let mine = || {
            check(redistribution, "redistribution")?;
            let target = handle(target, "target")?.get();
            let ndim = as_i64(target.dim_data().ndim());
            // SAFETY: the C caller's promise.
            Ok((target, unsafe { order(axes, ndim) }?))
        };
        let (target, axes) = source.comm().agree(mine())?;
        let planned = Redistribution::permuted(source, target, &axes)?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(redistribution, distarray_redistribution::new(planned)) };
        Ok(())
    })
}

/// Plans the way to an array of another shape with the same elements in the same
/// row-major order, as numpy.reshape. An array that does not lie packed in that order, or
/// is padded, goes through packed memory that the plan keeps. Collective, without messages.
///
/// The source's communicator must outlive the plan; the distributions need not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_redistribution_new_reshape(
    source: Option<&distarray_distribution>,
    target: Option<&distarray_distribution>,
    redistribution: *mut *mut distarray_redistribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let source = handle(source, "source")?.get();
        let mine = check(redistribution, "redistribution").and_then(|()| handle(target, "target"));
        let target = source.comm().agree(mine)?.get();
        let planned = Redistribution::reshaped(source, target)?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(redistribution, distarray_redistribution::new(planned)) };
        Ok(())
    })
}

/// Gives, for each place of the target's process grid, row-major, the rank that should
/// hold it so that the fewest elements move: capacity is the room of ranks, as many as
/// the target has. Local; the best along each axis where both grids have
/// the same extents, of up to 1024 processes; the best of all up to 256 ranks; the
/// target's own beyond.
///
/// A target that is dealt out in this order (DISTARRAY_R_GRID_MAP) moves no more than
/// any other on the same grid. Refused for unstructured axes and replicas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_relabel(
    source: Option<&distarray_distribution>,
    target: Option<&distarray_distribution>,
    capacity: i64,
    ranks: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let (source, target) = (handle(source, "source")?.get(), handle(target, "target")?.get());
        let best = best_ranks(source.decomposition(), target.decomposition())?;
        let needed = as_i64(best.len());
        if capacity < needed {
            return Err(Error::new(ErrorKind::Bounds, "too little room for the ranks of the target")
                .in_field("capacity")
                .expected_found(needed, capacity));
        }
        check(ranks, "ranks")?;
        for (at, rank) in best.into_iter().enumerate() {
            // SAFETY: the C caller's promise, of so many.
            unsafe { ranks.add(at).write(rank) }
        }
        Ok(())
    })
}

/// Plans the way between distributions over different ranks, all of them ranks of
/// comm: from and to communicators that were split off it. A rank without a part of a
/// side passes NULL for it, here and to distarray_redistribution_apply. ndim is the
/// number of axes of both; axes as for distarray_redistribution_new. Collective over
/// comm, which must outlive the plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_redistribution_new_across(
    comm: *const distarray_comm,
    source: Option<&distarray_distribution>,
    target: Option<&distarray_distribution>,
    ndim: i32,
    axes: *const i64,
    redistribution: *mut *mut distarray_redistribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let mine = |_: &Comm| {
            check(redistribution, "redistribution")?;
            // SAFETY: the C caller's promise.
            unsafe { order(axes, ndim.into()) }
        };
        // SAFETY: the table keeps its contract; that is the C caller's promise.
        let (comm, axes) = unsafe { Comm::kept(comm, mine) }?;
        let sides = (source.map(distarray_distribution::get), target.map(distarray_distribution::get));
        let planned = Redistribution::across(&comm, sides.0, sides.1, &axes)?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(redistribution, distarray_redistribution::new(planned)) };
        Ok(())
    })
}

/// The order of ndim axes that C states; NULL keeps it.
///
/// # Safety
/// As for [`inputs`].
unsafe fn order(axes: *const i64, ndim: i64) -> Result<Vec<usize>> {
    if axes.is_null() {
        return Ok((0..usize::try_from(ndim).unwrap_or(0)).collect());
    }
    // SAFETY: the caller's promise.
    let axes = unsafe { inputs(axes, ndim, "axes") }?;
    // A negative number names no axis.
    Ok(axes.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect())
}

/// Moves what the source owns into what the target owns, converting elements where
/// the types differ and the kind of number is kept or widened. Padding is neither
/// read nor written. Collective.
///
/// When one rank's arrays do not fit the plan, or one is NULL where it has a part, all
/// ranks return its status and its report, and no target is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_redistribution_apply(
    redistribution: Option<&mut distarray_redistribution>,
    source: Option<&distarray_array>,
    target: Option<&distarray_array>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || apply(redistribution, Ok(Scale::default()), source, target))
}

/// target = alpha * op(source) + beta * target, where op takes complex conjugates if
/// conjugate is not 0. alpha and beta are two doubles each, the real and the imaginary
/// part; beta 0 does not read the target. Collective; all ranks pass the same factors.
///
/// Errors as for distarray_redistribution_apply; DISTARRAY_E_DTYPE for targets that are
/// not floating-point.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_redistribution_apply_scaled(
    redistribution: Option<&mut distarray_redistribution>,
    alpha: *const f64,
    beta: *const f64,
    conjugate: i32,
    source: Option<&distarray_array>,
    target: Option<&distarray_array>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let factor = |pointer: *const f64, name| {
            // SAFETY: the C caller's promise.
            unsafe { inputs(pointer, 2, name) }.map(|parts| Complex::new(parts[0], parts[1]))
        };
        let scale = || {
            let (alpha, beta) = (factor(alpha, "alpha")?, factor(beta, "beta")?);
            Ok(Scale { alpha, beta, conjugate: conjugate != 0 })
        };
        apply(redistribution, scale(), source, target)
    })
}

fn apply(
    redistribution: Option<&mut distarray_redistribution>,
    scale: Result<Scale>,
    source: Option<&distarray_array>,
    target: Option<&distarray_array>,
) -> Result<()> {
    let redistribution = mutable(redistribution, "redistribution")?;
    // NULL is for ranks that have no part.
    let arrays = scale.map(|scale| {
        // SAFETY: the C caller's promise.
        let target = target.map(|array| unsafe { ArrayMut::vouched(array.array()) });
        (scale, (source.map(|array| array.array()), target))
    });
    redistribution.plan.apply_if(arrays)?;
    written(target, DISTARRAY_C_MODIFIED);
    Ok(())
}

/// Tells what one application to elements of itemsize bytes moves on this rank. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_redistribution_moves(
    redistribution: Option<&distarray_redistribution>,
    itemsize: i64,
    moved: *mut distarray_moved,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let redistribution = handle(redistribution, "redistribution")?;
        // SAFETY: the C caller's promise.
        unsafe { output(moved, "moved", || Ok(redistribution.plan.moves(size(itemsize)?).into())) }
    })
}

/// Frees the plan; NULL is allowed. Local: nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_redistribution_free(redistribution: Option<Box<distarray_redistribution>>) {
    free(redistribution);
}
