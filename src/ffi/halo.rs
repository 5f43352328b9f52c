//! `distarray_halo` and `distarray_bound_halo`: halo exchange, as C holds it.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use std::sync::Arc;

use super::abi::{DISTARRAY_C_HALO_MODIFIED, DISTARRAY_C_HALO_VALID, DISTARRAY_C_MODIFIED};
use super::distribution::distarray_distribution;
use super::error::{check, distarray_error, guard, inputs, output};
use super::exchange::{distarray_moved, size, written};
use super::handle::{Mark, free, give, handle, mutable, object};
use super::lend::distarray_array;
use crate::array::ArrayMut;
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::{Accumulate, Binding, Edge, Halo};
use crate::number::as_i64;

/// A planned halo exchange. Made by distarray_halo_new, freed by distarray_halo_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_halo {
    mark: Mark<Self>,
    halo: Halo,
    /// Which of its movers was started, and on which array, which is kept till the end.
    started: Option<(usize, Arc<distarray_array>)>,
}

/// A halo exchange bound to its arrays, which it keeps. Made by distarray_halo_bind,
/// freed by distarray_bound_halo_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_bound_halo {
    mark: Mark<Self>,
    binding: Binding,
    arrays: Vec<Arc<distarray_array>>,
}

object!(distarray_halo);
object!(distarray_bound_halo);

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
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(halo, distarray_halo { mark: Mark::new(), halo: planned, started: None }) };
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
        let ndim = as_i64(halo.halo.ndim());
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
/// distarray_halo_fill_edges said otherwise. When one rank's array does not fit the
/// plan, or is NULL, all ranks return its status and its report, and no array is
/// touched.
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
/// padding stays as it is. Collective; sums have the same bits every time, whichever
/// ranks share memory.
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
            1 => (Accumulate::Sum, Ok(())),
            2 => (Accumulate::Min, Ok(())),
            3 => (Accumulate::Max, Ok(())),
            _ => {
                let detail = "how is DISTARRAY_SUM, DISTARRAY_MIN or DISTARRAY_MAX";
                let error =
                    Error::new(ErrorKind::Range, detail).in_field("how").expected_found(3, how.into());
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
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(bound, distarray_bound_halo { mark: Mark::new(), binding, arrays }) };
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
        let distarray_bound_halo { binding, arrays, .. } = bound;
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
    free(bound);
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
    free(halo);
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
