//! `distarray_distribution`: everyone's layout, as C holds it.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use std::ffi::c_void;
use std::ptr::null;
use std::sync::OnceLock;

use super::abi::distarray_export;
use super::array::new_handle;
use super::axis::{count, distarray_run, map, write_runs};
use super::description::{describe_strictly, open};
use super::error::{check, check_if, distarray_error, guard, inputs};
use super::handle::{Mark, free, give, handle, object};
use super::lend::distarray_array;
use super::record::Record;
use crate::array::{AnyArray, Buffer, DType, Order};
use crate::comm::{Comm, distarray_comm};
use crate::distribution::{Claim, Distribution};
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::agree;
use crate::number::as_i64;
use crate::protocol::AxisMap;

/// A communicator and the parts of all its ranks. Made by
/// distarray_distribution_gather and distarray_distribution_new, freed by
/// distarray_distribution_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_distribution {
    mark: Mark<Self>,
    distribution: Distribution,
    /// Made for the first description.
    part: OnceLock<(Record, Box<[i64]>)>,
}

object!(distarray_distribution);

impl distarray_distribution {
    pub(super) fn get(&self) -> &Distribution {
        &self.distribution
    }

    pub(super) fn new(distribution: Distribution) -> Self {
        Self { mark: Mark::new(), distribution, part: OnceLock::new() }
    }

    /// An export of this rank's part, without element type and memory, and not live.
    pub(super) fn describe(&self) -> distarray_export {
        let dim_data = self.distribution.dim_data();
        let (record, shape) =
            self.part.get_or_init(|| (Record::new(dim_data, None), dim_data.held_shape().into()));
        record.describe(shape, dim_data)
    }
}

/// Proves that the loans of all ranks are parts of one array: sizes, kinds, grids,
/// element types, blocks that meet, padding that pairs, indices owned once.
/// Collective over comm; a description is enough, nothing is taken.
///
/// Every rank first checks its own loan strictly. When one rank fails, or passes
/// NULL, all ranks return its status and its report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_check_collective(
    comm: *const distarray_comm,
    loan: *const distarray_export,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // SAFETY: table and struct are as the headers say; that is the C caller's promise.
        unsafe { prove(comm, loan, Ok(()), |_: &mut [u64; 0]| {}) }.map(drop)
    })
}

/// The same, and sums 8 numbers of the caller's own over all ranks in the same
/// reduction: `look` sees a loan that keeps every rule one rank can check, and sets
/// what it counts of it in `counts`, which begin at 0. Collective over comm.
///
/// It is what a caller that takes only some arrays asks whether all ranks take theirs,
/// without another message. look is local, returns, and is not called where this rank's
/// loan breaks a rule. Where the call fails counts are unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_check_collective_with(
    comm: *const distarray_comm,
    loan: *const distarray_export,
    look: Option<unsafe extern "C" fn(context: *mut c_void, loan: *const distarray_export, counts: *mut u64)>,
    context: *mut c_void,
    counts: *mut [u64; 8],
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let given = check(counts, "counts").and(check(look.map_or(null(), |look| look as *const ()), "look"));
        let ask = |own: &mut [u64; 8]| {
            if let Some(look) = look {
                // SAFETY: the loan keeps the rules; what the function makes of it and of the
                // context is the C caller's promise.
                unsafe { look(context, loan, own.as_mut_ptr()) }
            }
        };
        // SAFETY: table and struct are as the headers say; that is the C caller's promise.
        let sums = unsafe { prove(comm, loan, given, ask) }?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { counts.write(sums) };
        Ok(())
    })
}

/// The collective check of a foreign loan; `given` tells of this rank's other arguments.
///
/// # Safety
/// The table and the loan are as their headers say.
unsafe fn prove<const N: usize>(
    comm: *const distarray_comm,
    loan: *const distarray_export,
    given: Result<()>,
    tally: impl FnOnce(&mut [u64; N]),
) -> Result<[u64; N]> {
    // SAFETY: the caller's promise.
    let comm = unsafe { Comm::from_table(comm) }?;
    // SAFETY: the caller's promise.
    let mine = given.and_then(|()| unsafe { open(loan).and_then(|loan| describe_strictly(loan)) });
    let claim = mine
        .as_ref()
        .map_err(Error::clone)
        .map(|own| Claim::described(&own.dim_data, (own.dtype, own.layout.itemsize()), own.identity.uid));
    Distribution::check(&comm, claim, tally)
}

/// Proves that the arrays of all ranks are parts of one, and keeps what that told:
/// who owns what. Collective over comm, which must outlive the distribution.
///
/// When one rank fails, or passes NULL, all ranks return its status and its report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_gather(
    comm: *const distarray_comm,
    array: Option<&distarray_array>,
    distribution: *mut *mut distarray_distribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let mine = |_: &Comm| check(distribution, "distribution").and_then(|()| handle(array, "array"));
        // SAFETY: the table keeps its contract; that is the C caller's promise.
        let (comm, array) = unsafe { Comm::kept(comm, mine) }?;
        let gathered = Distribution::gather(&comm, array.array())?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(distribution, distarray_distribution::new(gathered)) };
        Ok(())
    })
}

/// Makes a new array of the distribution, all zero, padding included: code and bits
/// are the element type's, and with column_major not 0 the first axis runs fastest.
/// With shared not 0 it lies, where the system offers that, in memory that the ranks of
/// a node share: exchanges between them are direct copies. Collective.
///
/// When one rank fails, all ranks return its status and its report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_zeros(
    distribution: Option<&distarray_distribution>,
    code: u8,
    bits: u8,
    column_major: i32,
    shared: i32,
    array: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let distribution = handle(distribution, "distribution")?.get();
        let comm = distribution.comm();
        let dtype = DType { code, bits, lanes: 1 };
        let known = dtype.name().map(drop).ok_or_else(|| {
            Error::new(ErrorKind::DType, format!("{dtype} is no element type to make an array of"))
                .in_field("dtype")
        });
        let words = [code, bits, u8::from(column_major != 0), u8::from(shared != 0)].map(u64::from);
        agree(comm, check(array, "array").and(known), words.into_iter())?;
        let order = if column_major == 0 { Order::C } else { Order::Fortran };
        let made = match shared {
            0 => {
                let dim_data = distribution.dim_data();
                let buffer = Buffer::zeros(dtype, &dim_data.held_shape(), order);
                comm.agree(buffer.and_then(|buffer| AnyArray::new(dim_data.clone(), buffer)))
            }
            _ => distribution.shared(dtype, order),
        }?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { array.write(new_handle(made)) };
        Ok(())
    })
}

/// Frees the distribution; NULL is allowed. Local: nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_distribution_free(distribution: Option<Box<distarray_distribution>>) {
    free(distribution);
}

/// Gives the rank that owns each of n elements, -1 where none does; of replicas, in the
/// one that asks. indices holds the n index tuples one after the other. Local; O(1) for
/// each regular axis.
///
/// An array with an unstructured axis is refused: distarray_distribution_owners
/// asks for those.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_owner(
    distribution: Option<&distarray_distribution>,
    n: i64,
    indices: *const i64,
    ranks: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let distribution = handle(distribution, "distribution")?.get();
        let axes = distribution.dim_data().ndim();
        (0..axes).try_for_each(|axis| axis_map(distribution, axis).map(drop))?;
        let n = count(n)?;
        let numbers = n.checked_mul(axes).and_then(|all| i64::try_from(all).ok()).unwrap_or(i64::MAX);
        check_if(n > 0, ranks, "ranks")?;
        // SAFETY: the C caller's promise; the two arrays are distinct.
        let indices = unsafe { inputs(indices, numbers, "indices") }?;
        for i in 0..n {
            let owner = distribution.owner(&indices[i * axes..(i + 1) * axes]).unwrap_or(-1);
            // SAFETY: the C caller's promise.
            unsafe { ranks.add(i).write(owner) }
        }
        Ok(())
    })
}

/// Gives the grid coordinate that owns each of n indices of an axis, and the
/// position among the elements it owns; -1 where none does. Local.
///
/// An unstructured axis is refused: distarray_distribution_owners asks for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_global_to_local(
    distribution: Option<&distarray_distribution>,
    axis: i32,
    n: i64,
    global: *const i64,
    coordinate: *mut i64,
    local: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let map = axis_map(handle(distribution, "distribution")?.get(), index(axis)?)?;
        let n = count(n)?;
        check_if(n > 0, global, "global")?;
        check_if(n > 0, coordinate, "coordinate")?;
        check_if(n > 0, local, "local")?;
        for i in 0..n {
            // SAFETY: the C caller's promise. No slices: the arrays may overlap.
            unsafe {
                let (owner, position) = map.locate(global.add(i).read()).unwrap_or((-1, -1));
                coordinate.add(i).write(owner);
                local.add(i).write(position);
            }
        }
        Ok(())
    })
}

/// Gives the global index of each of n positions among the elements that a grid
/// coordinate owns along an axis, -1 where there is none. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_local_to_global(
    distribution: Option<&distarray_distribution>,
    axis: i32,
    coordinate: i64,
    n: i64,
    local: *const i64,
    global: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let owner = axis_map(handle(distribution, "distribution")?.get(), index(axis)?)?;
        let of = |position| owner.global_of(coordinate, position).unwrap_or(-1);
        // SAFETY: the C caller's promise, for both arrays.
        unsafe { map(count(n)?, (local, "local"), (global, "global"), of) }
    })
}

/// Gives the global indices that a grid coordinate owns along an axis, as runs; see
/// distarray_dim_owned_runs. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_owned_runs(
    distribution: Option<&distarray_distribution>,
    axis: i32,
    coordinate: i64,
    capacity: i64,
    runs: *mut distarray_run,
    n_runs: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let map = axis_map(handle(distribution, "distribution")?.get(), index(axis)?)?;
        let part = map.dim(coordinate).ok_or_else(|| {
            Error::new(ErrorKind::Range, "the process grid has no such coordinate")
                .in_field("coordinate")
                .expected_found(map.proc_grid_size() - 1, coordinate)
        })?;
        // SAFETY: the C caller's promise, for both pointers.
        unsafe { write_runs(part.owned_runs().as_slice(), capacity, runs, n_runs) }
    })
}

/// Gives the grid coordinate that owns each of n indices of any axis, and the
/// position among the elements it owns; -1 where none does. Collective over the
/// distribution's communicator; a rank may ask for nothing (n = 0).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_distribution_owners(
    distribution: Option<&distarray_distribution>,
    axis: i32,
    n: i64,
    global: *const i64,
    coordinate: *mut i64,
    local: *mut i64,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        // Without its communicator a rank can tell nobody.
        let distribution = handle(distribution, "distribution")?.get();
        let mine = || {
            let length = count(n)?;
            check_if(length > 0, coordinate, "coordinate")?;
            check_if(length > 0, local, "local")?;
            // SAFETY: the C caller's promise.
            Ok((index(axis)?, unsafe { inputs(global, n, "global") }?))
        };
        let (axis, indices) = distribution.comm().agree(mine())?;
        for (i, found) in distribution.owners(axis, indices)?.into_iter().enumerate() {
            let (owner, position) = found.unwrap_or((-1, -1));
            // SAFETY: the C caller's promise; `indices` is not used any more.
            unsafe {
                coordinate.add(i).write(owner);
                local.add(i).write(position);
            }
        }
        Ok(())
    })
}

fn index(axis: i32) -> Result<usize> {
    usize::try_from(axis).map_err(|_| {
        Error::new(ErrorKind::Range, "an axis counts from 0").in_field("axis").expected_found(0, axis.into())
    })
}

/// The map of an axis that has one.
fn axis_map(distribution: &Distribution, axis: usize) -> Result<&AxisMap> {
    if axis >= distribution.dim_data().ndim() {
        let axes = as_i64(distribution.dim_data().ndim());
        return Err(Error::new(ErrorKind::Range, "the array has no such axis")
            .in_field("axis")
            .expected_found(axes - 1, as_i64(axis)));
    }
    distribution.axis_map(axis).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "the owners of an unstructured axis are spread over the ranks; ask with distarray_distribution_owners")
            .on_axis(axis)
    })
}
