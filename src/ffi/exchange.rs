//! `distarray_halo` and `distarray_redistribution`: movement, as C holds it.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use std::sync::Arc;

use num_complex::Complex;

use super::abi::{DISTARRAY_C_HALO_MODIFIED, DISTARRAY_C_HALO_VALID, DISTARRAY_C_MODIFIED};
use super::array::handle;
use super::distribution::distarray_distribution;
use super::error::{check, distarray_error, guard, inputs, output};
use super::lend::distarray_array;
use crate::array::ArrayMut;
use crate::comm::{Comm, distarray_comm};
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::{Accumulate, Binding, Edge, Halo, Moved, Redistribution, Scale, best_ranks};

/// A planned halo exchange. Made by distarray_halo_new, freed by distarray_halo_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_halo {
    halo: Halo,
    /// Which of its movers was started, and on which array, which is kept till the end.
    started: Option<(usize, Arc<distarray_array>)>,
}

/// A halo exchange bound to its arrays, which it keeps. Made by distarray_halo_bind,
/// freed by distarray_bound_halo_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_bound_halo {
    binding: Binding,
    arrays: Vec<Arc<distarray_array>>,
}

/// A planned redistribution. Made by distarray_redistribution_new, freed by
/// distarray_redistribution_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_redistribution(Redistribution);

/// What one round of an exchange does on this rank.
#[allow(non_camel_case_types)] // the C name
#[repr(C)]
pub struct distarray_moved {
    /// Messages sent to other ranks.
    pub messages: i64,
    /// Bytes sent to other ranks.
    pub bytes_sent: i64,
    /// Bytes copied from this rank to itself.
    pub bytes_copied: i64,
}

impl From<Moved> for distarray_moved {
    fn from(moved: Moved) -> Self {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            messages: number(moved.messages),
            bytes_sent: number(moved.sent),
            bytes_copied: number(moved.copied),
        }
    }
}

/// The memory of an array that C passed, to be written.
///
/// # Safety
/// Nobody else touches it during the call: the C caller's promise.
unsafe fn writable<'a>(array: Option<&'a distarray_array>, name: &'static str) -> Result<ArrayMut<'a>> {
    // SAFETY: the caller's promise.
    handle(array, name).map(|array| unsafe { ArrayMut::vouched(array.array()) })
}

/// Plans the exchange that fills the padding of arrays of a distribution, of any
/// element type. corners 0 leaves out what lies in the padding of several axes: for
/// stencils that reach along axes only. Collective.
///
/// The distribution's communicator must outlive the plan; the distribution need not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_new(
    distribution: Option<&distarray_distribution>,
    corners: i32,
    halo: *mut *mut distarray_halo,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let distribution = handle(distribution, "distribution")?.get();
        distribution.comm().agree(check(halo, "halo"))?;
        let planned = if corners == 0 { Halo::star(distribution) } else { Halo::new(distribution) }?;
        let handle = Box::new(distarray_halo { halo: planned, started: None });
        // SAFETY: checked, and the C caller's to be written.
        unsafe { halo.write(Box::into_raw(handle)) };
        Ok(())
    })
}

/// Lets each later update fill the padding outside the edges of the array too: edges
/// has one DISTARRAY_EDGE_* for each axis, constants one value for each axis with
/// DISTARRAY_EDGE_CONSTANT, or NULL for zeros. Collective; all ranks say the same.
///
/// Refused where a mirror shows what a rank does not hold. Bindings made before keep
/// what they had.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_fill_edges(
    halo: Option<&mut distarray_halo>,
    edges: *const i32,
    constants: *const f64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = mutable(halo, "halo")?;
        let ndim = i64::try_from(halo.halo.ndim()).unwrap_or(i64::MAX);
        let read = || {
            // SAFETY: the C caller's promise.
            let edges = unsafe { inputs(edges, ndim, "edges") }?;
            let constants = match constants.is_null() {
                true => &[][..],
                // SAFETY: the C caller's promise.
                false => unsafe { inputs(constants, ndim, "constants") }?,
            };
            let edge = |(axis, &code): (usize, &i32)| match code {
                0 => Ok(Edge::Keep),
                1 => Ok(Edge::Constant(constants.get(axis).copied().unwrap_or(0.0))),
                2 => Ok(Edge::Replicate),
                3 => Ok(Edge::Reflect),
                4 => Ok(Edge::Symmetric),
                _ => Err(Error::new(ErrorKind::Range, "an edge is one of DISTARRAY_EDGE_*")
                    .on_axis(axis)
                    .in_field("edges")
                    .expected_found(4, code.into())),
            };
            edges.iter().enumerate().map(edge).collect()
        };
        halo.halo.fill_edges_if(read())
    })
}

/// Fills the padding of an array with what the owners hold. Collective; messages go
/// to neighbours only.
///
/// Padding outside the edges of an axis that is not periodic stays as it is, unless
/// distarray_halo_fill_edges said otherwise. When one rank's array does not fit the plan, or is NULL, all ranks return its status and
/// its report, and no array is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_update(
    halo: Option<&mut distarray_halo>,
    array: Option<&distarray_array>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = mutable(halo, "halo")?;
        // SAFETY: the C caller's promise.
        let arrays = unsafe { writable(array, "array") }.map(|array| [array]);
        halo.halo.update_if(arrays.as_ref().map(|arrays| arrays.as_slice()))?;
        written(array, DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID);
        Ok(())
    })
}

/// Fills the padding of n arrays, of any element types, with one message to each
/// neighbour. Collective; all ranks pass the arrays in the same order.
///
/// Errors as for distarray_halo_update.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_update_all(
    halo: Option<&mut distarray_halo>,
    n: i64,
    arrays: *const *const distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = mutable(halo, "halo")?;
        // SAFETY: the C caller's promise.
        let given = unsafe { list(arrays, n) };
        // SAFETY: the C caller's promise.
        let taken = given.as_ref().map(|given| unsafe { vouched(given) });
        halo.halo.update_if(taken.as_deref().map_err(|error| *error))?;
        for array in given? {
            array.note(DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID);
        }
        Ok(())
    })
}

/// Starts an update and returns while messages fly, so that work on elements that
/// need no padding overlaps with it. What is sent is packed by then: owned elements
/// may be written. The padding is filled by distarray_halo_finish. Collective.
///
/// Errors as for distarray_halo_update.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_start(
    halo: Option<&mut distarray_halo>,
    array: Option<&distarray_array>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = mutable(halo, "halo")?;
        // SAFETY: the C caller's promise.
        let taken = unsafe { writable(array, "array") };
        let which = halo.halo.begin(taken.as_ref().map(std::slice::from_ref))?;
        // SAFETY: every handle is one count of an `Arc`.
        halo.started = array.map(|array| (which, unsafe { keep(array) }));
        Ok(())
    })
}

/// Waits for the messages of distarray_halo_start and fills the padding of the same
/// array. Collective.
///
/// Another array than at the start, or none started, is DISTARRAY_E_BUSY on all ranks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_finish(
    halo: Option<&mut distarray_halo>,
    array: Option<&distarray_array>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = mutable(halo, "halo")?;
        let pointer = array.map_or(std::ptr::null(), std::ptr::from_ref);
        let which = match &halo.started {
            Some((which, started)) if Arc::as_ptr(started) == pointer => Ok(*which),
            Some(_) => Err("a halo update ends with the array that it began with"),
            None => Err("no halo update was started"),
        };
        let which = which.map_err(|detail| Error::new(ErrorKind::Busy, detail).in_field("array"));
        let mine = which.and_then(|which| Ok((which, handle(array, "array")?.array())));
        // SAFETY: the array is the one that it was started on, and the C caller keeps it.
        let outcome = unsafe { halo.halo.end(mine) };
        if !halo.halo.is_busy() {
            halo.started = None;
        }
        outcome?;
        written(array, DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID);
        Ok(())
    })
}

/// Joins each padding element with the element that it is a copy of: how is
/// DISTARRAY_SUM (the adjoint of the update), DISTARRAY_MIN or DISTARRAY_MAX. The
/// padding stays as it is. Collective; sums are the same every time for the same ranks
/// on the same nodes.
///
/// Errors as for distarray_halo_update; DISTARRAY_E_DTYPE for elements that have no
/// sum or order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_accumulate(
    halo: Option<&mut distarray_halo>,
    array: Option<&distarray_array>,
    how: i32,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = mutable(halo, "halo")?;
        let (how, known) = match how {
            0 => (Accumulate::Sum, Ok(())),
            1 => (Accumulate::Min, Ok(())),
            2 => (Accumulate::Max, Ok(())),
            _ => {
                let detail = "how is DISTARRAY_SUM, DISTARRAY_MIN or DISTARRAY_MAX";
                let error =
                    Error::new(ErrorKind::Range, detail).in_field("how").expected_found(2, how.into());
                (Accumulate::Sum, Err(error))
            }
        };
        // SAFETY: the C caller's promise.
        let taken = known.and_then(|()| unsafe { writable(array, "array") });
        halo.halo.accumulate_if(taken.as_ref().map(std::slice::from_ref), how)?;
        written(array, DISTARRAY_C_MODIFIED);
        Ok(())
    })
}

/// Binds the exchange to n arrays, so that an update needs no agreement: it costs its
/// messages, or between ranks of one node on shared memory
/// (distarray_distribution_zeros) one copy. Collective; all ranks pass the arrays in
/// the same order.
///
/// The arrays and the communicator stay in use until the binding is freed; the plan
/// need not. Errors as for distarray_halo_update.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_bind(
    halo: Option<&distarray_halo>,
    n: i64,
    arrays: *const *const distarray_array,
    bound: *mut *mut distarray_bound_halo,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = handle(halo, "halo")?;
        // SAFETY: the C caller's promise.
        let given = check(bound, "bound").and_then(|()| unsafe { list(arrays, n) });
        // SAFETY: the C caller's promise.
        let taken = given.as_ref().map(|given| unsafe { vouched(given) });
        let binding = halo.halo.bind_if(taken.as_deref().map_err(|error| *error))?;
        // SAFETY: every handle is one count of an `Arc`.
        let arrays = given?.into_iter().map(|array| unsafe { keep(array) }).collect();
        let handle = Box::new(distarray_bound_halo { binding, arrays });
        // SAFETY: checked, and the C caller's to be written.
        unsafe { bound.write(Box::into_raw(handle)) };
        Ok(())
    })
}

/// Fills the padding of the bound arrays with what the owners hold. Collective over
/// neighbours: it waits for them alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_bound_halo_update(
    bound: Option<&mut distarray_bound_halo>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let bound = mutable(bound, "bound")?;
        let distarray_bound_halo { binding, arrays } = bound;
        // SAFETY: the binding was made for these arrays, which are kept; that nobody else
        // touches them is the C caller's promise.
        unsafe { binding.update(arrays.iter().map(|array| array.array())) }?;
        for array in arrays {
            array.note(DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID);
        }
        Ok(())
    })
}

/// Frees the binding; NULL is allowed. Local: nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_bound_halo_free(bound: Option<Box<distarray_bound_halo>>) {
    guard(std::ptr::null_mut(), || {
        drop(bound);
        Ok(())
    });
}

/// Tells what one update of an array of elements of itemsize bytes moves on this
/// rank. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_halo_moves(
    halo: Option<&distarray_halo>,
    itemsize: i64,
    moved: *mut distarray_moved,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let halo = handle(halo, "halo")?;
        // SAFETY: the C caller's promise.
        unsafe { output(moved, "moved", || Ok(halo.halo.moves(size(itemsize)?).into())) }
    })
}

/// Frees the plan; NULL is allowed. Local: nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_halo_free(halo: Option<Box<distarray_halo>>) {
    guard(std::ptr::null_mut(), || {
        drop(halo);
        Ok(())
    });
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
            let ndim = i64::try_from(source.dim_data().ndim()).unwrap_or(i64::MAX);
            // SAFETY: the C caller's promise.
            Ok((target, unsafe { order(axes, ndim) }?))
        };
        let (target, axes) = source.comm().agree(mine())?;
        let planned = Redistribution::permuted(source, target, &axes)?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { redistribution.write(Box::into_raw(Box::new(distarray_redistribution(planned)))) };
        Ok(())
    })
}

/// Plans the way to an array of another shape with the same elements in the same
/// row-major order, as numpy.reshape. Both arrays must lie packed in row-major order,
/// without padding. Collective, without messages.
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
        unsafe { redistribution.write(Box::into_raw(Box::new(distarray_redistribution(planned)))) };
        Ok(())
    })
}

/// Gives, for each place of the target's process grid, row-major, the rank that should
/// hold it so that the fewest elements move: capacity is the room of ranks, which must
/// be as many as the target has. Local; the best along each axis where both grids have
/// the same extents, the best of all up to 256 ranks, the target's own beyond.
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
        let needed = i64::try_from(best.len()).unwrap_or(i64::MAX);
        if capacity < needed {
            return Err(Error::new(ErrorKind::Range, "too little room for the ranks of the target")
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
        // SAFETY: the table keeps its contract; that is the C caller's promise.
        let comm = unsafe { Comm::from_table(comm) }?;
        let mine = check(redistribution, "redistribution").and_then(|()| {
            // SAFETY: the C caller's promise.
            unsafe { order(axes, ndim.into()) }
        });
        let axes = comm.agree(mine)?;
        let sides = (source.map(distarray_distribution::get), target.map(distarray_distribution::get));
        let planned = Redistribution::across(&comm, sides.0, sides.1, &axes)?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { redistribution.write(Box::into_raw(Box::new(distarray_redistribution(planned)))) };
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
    redistribution.0.apply_if(arrays)?;
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
        unsafe { output(moved, "moved", || Ok(redistribution.0.moves(size(itemsize)?).into())) }
    })
}

/// Frees the plan; NULL is allowed. Local: nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_redistribution_free(redistribution: Option<Box<distarray_redistribution>>) {
    guard(std::ptr::null_mut(), || {
        drop(redistribution);
        Ok(())
    });
}

/// The arrays of a list that C passed.
///
/// # Safety
/// As for [`inputs`]; each is NULL or a live handle.
unsafe fn list<'a>(arrays: *const *const distarray_array, n: i64) -> Result<Vec<&'a distarray_array>> {
    // SAFETY: the caller's promise; NULL is a null reference.
    let given = unsafe { inputs(arrays.cast::<Option<&distarray_array>>(), n, "arrays") }?;
    given.iter().map(|&array| handle(array, "arrays")).collect()
}

/// The memory of arrays, to be written.
///
/// # Safety
/// Nobody else touches it during the call.
unsafe fn vouched<'a>(arrays: &[&'a distarray_array]) -> Vec<ArrayMut<'a>> {
    // SAFETY: the caller's promise.
    arrays.iter().map(|array| unsafe { ArrayMut::vouched(array.array()) }).collect()
}

/// One more count of an array.
///
/// # Safety
/// The reference came from a handle, which is one count of an `Arc`.
unsafe fn keep(array: &distarray_array) -> Arc<distarray_array> {
    // SAFETY: the caller's promise.
    unsafe {
        Arc::increment_strong_count(array);
        Arc::from_raw(std::ptr::from_ref(array))
    }
}

/// Tells the handle that elements were written: later loans carry a new epoch.
fn written(array: Option<&distarray_array>, flags: u64) {
    if let Some(array) = array {
        array.note(flags);
    }
}

fn mutable<'a, T>(handle: Option<&'a mut T>, name: &'static str) -> Result<&'a mut T> {
    handle.ok_or_else(|| Error::new(ErrorKind::Null, format!("{name} must not be NULL")).in_field(name))
}

fn size(itemsize: i64) -> Result<usize> {
    usize::try_from(itemsize).map_err(|_| {
        Error::new(ErrorKind::Range, "an element has at least one byte")
            .in_field("itemsize")
            .expected_found(1, itemsize)
    })
}
