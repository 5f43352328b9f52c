//! `distarray_accommodation`: handing arrays to consumers that do not take all, as C
//! holds it.
#![allow(unsafe_code)] // reads and writes through pointers that C passes

use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::abi::{DISTARRAY_C_HALO_MODIFIED, DISTARRAY_C_HALO_VALID, DISTARRAY_C_MODIFIED};
use super::abi::{DISTARRAY_DEVICE_CPU, DISTARRAY_I_COPIED};
use super::array::into_handle;
use super::distribution::distarray_distribution;
use super::error::{check, check_reserved, distarray_error, guard, input, inputs, output, outside};
use super::exchange::{distarray_moved, size, written};
use super::handle::{Mark, free, give, handle, mutable, object};
use super::lend::{Loan, Taken, distarray_array};
use super::request::{LAYOUT_C, LAYOUT_C_LINES, LAYOUT_FORTRAN, LAYOUT_FORTRAN_LINES, LAYOUT_STRIDED};
use super::text::write_text;
use crate::array::{Access, AnyArray, ArrayMut, DType, Order, Owner, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::{Accommodation, Components, Padding, RequiredAxis, Requirements, Storage};
use crate::protocol::GridOrder;

/// What a consumer accepts along one axis. All zero: the axis as it is.
#[repr(C)]
#[allow(non_camel_case_types)] // the C name
pub struct distarray_required_axis {
    /// Kinds: 1 'b', 2 'c', 4 'u', added up; 0 is any.
    pub dist_types: u32,
    /// DISTARRAY_PADDING_*.
    pub padding: u32,
    /// Extent of the process grid along the axis; 0 is any, 1 an axis held whole.
    pub proc_grid_size: i64,
    /// Length of every block but the last ones, of a cyclic or a block axis; 0 is any.
    pub block_size: i64,
    /// proc_grid_size + 1 bounds of blocks, or NULL: coordinate i owns the indices from
    /// bound i on, up to bound i + 1.
    pub bounds: *const i64,
    /// Widths of the halo before and after, for DISTARRAY_PADDING_HALO and _HALO_AROUND.
    pub halo: [i64; 2],
    /// Not 0: the first block of a cyclic axis is on the first process.
    pub from_first_process: i64,
    /// Elements from one line along this axis to the next in memory, as LAPACK's leading
    /// dimension; 0 is any, or no gaps in packed memory. Needs layouts.
    pub pitch: i64,
    /// Elements along the axis that every rank owns at least; 0 is any.
    pub least: i64,
}

/// What a consumer accepts. All zero: any array.
#[repr(C)]
#[allow(non_camel_case_types)] // the C name
pub struct distarray_requirements {
    /// One record for each of ndim axes, or NULL with ndim 0: all axes as they are.
    pub axes: *const distarray_required_axis,
    /// Number of axes.
    pub ndim: i32,
    /// Order of the ranks on the process grid: 0 any, 1 row-major, 2 column-major.
    pub grid_order: i32,
    /// Number of equal copies of the array; 0 is any.
    pub replicas: i64,
    /// How elements may lie: DISTARRAY_LAYOUT_*, added up; 0 is any. A copy has the
    /// first that is named.
    pub layouts: u32,
    /// Element type, DLPack's code and bits; bits 0 is any.
    pub code: u8,
    /// Bits of the element type.
    pub bits: u8,
    /// DISTARRAY_DEVICE_CPU, or 0 for any.
    pub device_type: u16,
    /// Alignment of the first element in bytes, a power of two; 0 is natural.
    pub alignment: u64,
    /// Not 0: where elements must move, ranks are numbered so that the fewest do.
    pub relabel: i32,
    /// Not 0: what does not fit is refused with DISTARRAY_E_WOULD_COPY.
    pub never_copy: i32,
    /// Bytes from the first element on that the consumer writes in, marked
    /// DISTARRAY_I_SLACK where elements take less; each rank states its own.
    pub room: u64,
    /// The ndim axes in the order in which DISTARRAY_LAYOUT_C goes through them, the last
    /// one fastest; NULL is their own. Needs layouts.
    pub permutation: *const i32,
    /// DISTARRAY_COMPONENTS_*: what becomes of axes marked DISTARRAY_DIM_COMPONENT. FASTEST
    /// needs layouts.
    pub components: i64,
    /// Zero.
    pub reserved: [u64; 1],
}

/// The way of an array to a consumer and back. Made by distarray_accommodation_new,
/// freed by distarray_accommodation_free.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_accommodation {
    mark: Mark<Self>,
    way: Accommodation,
    /// The last copy: the next hand-over takes no new memory when its handle was freed.
    copy: Option<Arc<distarray_array>>,
}

object!(distarray_accommodation);

/// Finds out whether a consumer can work on array, a part of distribution, as it lies,
/// and plans the way to what it can work on otherwise. requirements NULL accepts
/// anything. Nothing is copied yet. Collective; all ranks ask for the same, but for the
/// room.
///
/// An array fits as it lies, too, when it only needs to be described anew: with its halo
/// stepped over, or its blocks told as a list. The distribution's communicator must
/// outlive the accommodation; the distribution need not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_accommodation_new(
    distribution: Option<&distarray_distribution>,
    array: Option<&distarray_array>,
    requirements: *const distarray_requirements,
    accommodation: *mut *mut distarray_accommodation,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let distribution = handle(distribution, "distribution")?.get();
        let asked = check(accommodation, "accommodation").and_then(|()| {
            // SAFETY: the C caller's promise.
            Ok((handle(array, "array")?.array(), unsafe { read_requirements(requirements) }?))
        });
        let asked = asked.as_ref().map(|(array, asked)| (*array, asked)).map_err(Error::clone);
        let way = Accommodation::new_if(distribution, asked)?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(accommodation, distarray_accommodation { mark: Mark::new(), way, copy: None }) };
        Ok(())
    })
}

/// Gives what the consumer may work on: a new handle on the array's own memory, or on a
/// copy of what it owns, marked DISTARRAY_I_COPIED, whose padding is not filled. Free it
/// with distarray_array_free; the array lives at least as long. Collective.
///
/// The array must lie like the one that was planned for. A copy whose handle was freed
/// is filled again by the next hand-over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_accommodation_hand_over(
    accommodation: Option<&mut distarray_accommodation>,
    array: *const distarray_array,
    handed: *mut *mut distarray_array,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let distarray_accommodation { way, copy, .. } = mutable(accommodation, "accommodation")?;
        let mut mine = || {
            check(handed, "handed")?;
            check(array, "array")?;
            // SAFETY: the C caller's promise.
            handle(unsafe { array.as_ref() }, "array")?;
            // SAFETY: every handle is one count of an `Arc`, which stays the handle's.
            let array = ManuallyDrop::new(unsafe { Arc::from_raw(array) });
            way.check(array.array())?;
            let access = array.array().buffer().access().min(Access::Write);
            let lent = array.grant(Loan::Data(access))?.into_lent();
            let new = match copy.take().filter(|copy| Arc::strong_count(copy) == 1) {
                Some(free) => Some(free),
                None => way
                    .new_copy(lent.array())?
                    .map(|array| Arc::from(Taken { info: DISTARRAY_I_COPIED, ..array.into() })),
            };
            Ok((lent, new))
        };
        let mine = mine();
        let arrays = mine.as_ref().map_err(Error::clone).map(|(lent, new)| {
            // SAFETY: nobody has a handle on it.
            let target = new.as_ref().map(|copy| unsafe { ArrayMut::vouched(copy.array()) });
            (Some(lent.array()), target)
        });
        way.bring_there(arrays)?;
        let (lent, new) = mine?;
        *copy = new;
        let given = match copy {
            Some(copy) => Arc::clone(copy),
            None => {
                // SAFETY: the buffer's owner below keeps the array alive; who writes through
                // one handle while the other is read is the C caller's to order.
                let alias = unsafe { lent.array().buffer().alias_for(Arc::new(Guest(Arc::clone(&lent)))) };
                let (dim_data, identity) = (lent.array().dim_data().clone(), lent.array().identity());
                let array = AnyArray::of_checked(dim_data, alias, identity);
                Arc::from(Taken::from(way.in_place(array)?.0))
            }
        };
        // SAFETY: checked, and the C caller's to be written.
        unsafe { handed.write(into_handle(given)) };
        Ok(())
    })
}

/// Brings back what the consumer wrote: nothing is to be done where it worked in the
/// array's own memory. handed is still to be freed. Collective.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_accommodation_take_back(
    accommodation: Option<&mut distarray_accommodation>,
    handed: Option<&distarray_array>,
    array: Option<&distarray_array>,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let way = &mut mutable(accommodation, "accommodation")?.way;
        let mine = handle(handed, "handed").and_then(|handed| {
            let array = handle(array, "array")?;
            way.check(array.array())?;
            // SAFETY: the C caller's promise.
            Ok((Some(handed.array()), Some(unsafe { ArrayMut::vouched(array.array()) })))
        });
        way.bring_back(mine)?;
        if way.is_copy() {
            written(array, DISTARRAY_C_MODIFIED);
        }
        Ok(())
    })
}

/// Gives a new handle on the distribution of what the consumer gets. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_accommodation_distribution(
    accommodation: Option<&distarray_accommodation>,
    distribution: *mut *mut distarray_distribution,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let way = &handle(accommodation, "accommodation")?.way;
        check(distribution, "distribution")?;
        // SAFETY: checked, and the C caller's to be written.
        unsafe { give(distribution, distarray_distribution::new(way.distribution().clone())) };
        Ok(())
    })
}

/// Tells what one hand-over of elements of itemsize bytes moves on this rank: nothing
/// where the array fits. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_accommodation_moves(
    accommodation: Option<&distarray_accommodation>,
    itemsize: i64,
    moved: *mut distarray_moved,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let way = &handle(accommodation, "accommodation")?.way;
        // SAFETY: the C caller's promise.
        unsafe { output(moved, "moved", || Ok(way.moves(size(itemsize)?).into())) }
    })
}

/// Writes why the consumer gets a copy, one reason a line with its axis; the same on all
/// ranks, and empty where the array fits. Local.
///
/// length tells how long the text is; text needs room for one byte more, its NUL.
/// text NULL with capacity 0 asks for the length alone. Where the room is too small
/// the call fails and the error's expected says what is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_accommodation_reasons(
    accommodation: Option<&distarray_accommodation>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let way = &handle(accommodation, "accommodation")?.way;
        let lines: Vec<String> = way.reasons().iter().map(ToString::to_string).collect();
        // SAFETY: the C caller's promise.
        unsafe { write_text(|| Ok(lines.join("\n")), text, capacity, length) }
    })
}

/// Frees the accommodation; NULL is allowed. Arrays that were handed over live on.
/// Local: nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn distarray_accommodation_free(accommodation: Option<Box<distarray_accommodation>>) {
    free(accommodation);
}

/// The owner of memory that a consumer works in: keeps the array, and tells it of writes.
struct Guest(Arc<distarray_array>);

impl Owner for Guest {
    fn note(&self, written: Written) {
        self.0.note(match written {
            Written::Owned => DISTARRAY_C_MODIFIED,
            Written::Halo => DISTARRAY_C_HALO_MODIFIED,
            Written::HaloCurrent => DISTARRAY_C_HALO_VALID,
        });
    }
}

/// What a consumer in C accepts.
///
/// # Safety
/// As for [`input`] and [`inputs`], for the struct, its axes, their order and bounds.
unsafe fn read_requirements(requirements: *const distarray_requirements) -> Result<Requirements> {
    if requirements.is_null() {
        return Ok(Requirements::any());
    }
    // SAFETY: the caller's promise.
    let asked = unsafe { input(requirements, "requirements") }?;
    // SAFETY: the caller's promise.
    let axes = unsafe { inputs(asked.axes, asked.ndim.into(), "axes") }?;
    let axis = |(axis, asked): (usize, &distarray_required_axis)| {
        // SAFETY: the caller's promise.
        unsafe { read_axis(asked) }.map_err(|e| e.on_axis(axis))
    };
    let axes = axes.iter().enumerate().map(axis).collect::<Result<Vec<_>>>()?;
    let mut read = Requirements::any().axes(axes);
    check_reserved(&asked.reserved)?;
    read = match asked.grid_order {
        0 => read,
        1 => read.grid_order(GridOrder::RowMajor),
        2 => read.grid_order(GridOrder::ColumnMajor),
        other => return Err(outside("grid_order", 2, other.into())),
    };
    if asked.replicas != 0 {
        read = read.replicas(asked.replicas);
    }
    const LAYOUTS: [(u32, Storage); 4] = [
        (LAYOUT_C, Storage::Packed(Order::C)),
        (LAYOUT_FORTRAN, Storage::Packed(Order::Fortran)),
        (LAYOUT_C_LINES, Storage::Pitched(Order::C)),
        (LAYOUT_FORTRAN_LINES, Storage::Pitched(Order::Fortran)),
    ];
    const ALL: u32 = LAYOUT_C | LAYOUT_FORTRAN | LAYOUT_STRIDED | LAYOUT_C_LINES | LAYOUT_FORTRAN_LINES;
    if asked.layouts > ALL {
        return Err(outside("layouts", ALL.into(), asked.layouts.into()));
    }
    for (bit, storage) in LAYOUTS {
        if asked.layouts & bit != 0 && asked.layouts & LAYOUT_STRIDED == 0 {
            read = read.storage(storage);
        }
    }
    read = match asked.components {
        0 => read,
        1 => read.components(Components::Fastest),
        2 => read.components(Components::None),
        other => return Err(outside("components", 2, other)),
    };
    if asked.bits != 0 {
        read = read.dtype(DType { code: asked.code, bits: asked.bits, lanes: 1 });
    }
    if ![0, DISTARRAY_DEVICE_CPU].contains(&asked.device_type.into()) {
        return Err(Error::new(
            ErrorKind::Device,
            "arrays lie in host memory; take them there and copy them to the device",
        )
        .in_field("device_type")
        .expected_found(DISTARRAY_DEVICE_CPU.into(), asked.device_type.into()));
    }
    if asked.alignment != 0 {
        read = read.alignment(usize::try_from(asked.alignment).unwrap_or(0));
    }
    read = read.room(usize::try_from(asked.room).unwrap_or(usize::MAX));
    if !asked.permutation.is_null() {
        // SAFETY: the caller's promise.
        let order = unsafe { inputs(asked.permutation, asked.ndim.into(), "permutation") }?;
        let order = order.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX));
        read = read.permutation(order.collect::<Vec<_>>());
    }
    read = if asked.relabel != 0 { read.relabel() } else { read };
    Ok(if asked.never_copy != 0 { read.never_copy() } else { read })
}

/// What a consumer in C accepts along an axis.
///
/// # Safety
/// As for [`inputs`], for the bounds.
unsafe fn read_axis(asked: &distarray_required_axis) -> Result<RequiredAxis> {
    let mut read = RequiredAxis::any();
    if asked.dist_types > 7 {
        return Err(outside("dist_types", 7, asked.dist_types.into()));
    }
    read = if asked.dist_types & 1 != 0 { read.block() } else { read };
    read = if asked.dist_types & 2 != 0 { read.cyclic() } else { read };
    read = if asked.dist_types & 4 != 0 { read.unstructured() } else { read };
    read = match asked.padding {
        0 => read,
        1 => read.bare(),
        2 => read.padding(Padding::Halo(asked.halo)),
        3 => read.padding(Padding::HaloAround(asked.halo)),
        other => return Err(outside("padding", 3, other.into())),
    };
    if !asked.bounds.is_null() {
        let count = asked.proc_grid_size.saturating_add(1);
        // SAFETY: the caller's promise.
        read = read.bounds(unsafe { inputs(asked.bounds, count, "bounds") }?);
    } else if asked.proc_grid_size != 0 {
        read = read.on(asked.proc_grid_size);
    }
    if asked.block_size != 0 {
        read = read.block_size(asked.block_size);
    }
    if asked.pitch != 0 {
        read = read.pitch(asked.pitch);
    }
    read = read.least(asked.least);
    Ok(if asked.from_first_process != 0 { read.from_first_process() } else { read })
}
