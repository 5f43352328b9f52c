//! What a foreign export says, read and checked without taking it over.
#![allow(unsafe_code)] // follows the pointers of a foreign struct

use std::ffi::{CStr, c_char};

use super::abi::*;
use super::dim::{read_listed, read_regular};
use super::error::{check, inputs};
use crate::array::{Access, DType, Identity, Layout, Memory, Strided};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{DimData, GridOrder, ProcGrid};

/// Must-understand bits that this library understands: those that say how the
/// part fits into the whole. It reads native, aligned host memory only.
pub(super) const KNOWN_READ: u32 = DISTARRAY_R_GHOSTS
    | DISTARRAY_R_GRID_MAP
    | DISTARRAY_R_GRID_COLMAJOR
    | DISTARRAY_R_NO_DATA
    | DISTARRAY_R_CALL_SCOPED;

/// More axes than any array library has: NumPy's limit.
const MAX_NDIM: i64 = 64;

/// Longest PEP 3118 string that is read.
const MAX_FORMAT: usize = 1 << 16;

/// Checks the prefix and the feature words: what must hold before any other
/// field may be touched.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at an export of any version.
#[inline(always)]
pub(super) unsafe fn open<'a>(loan: *const distarray_export) -> Result<&'a distarray_export> {
    check(loan, "export")?;
    // SAFETY: the caller's promise; only the prefix, which every version has, is read.
    let (magic, size, major, release) =
        unsafe { ((*loan).magic, (*loan).struct_size, (*loan).abi_major, (*loan).release) };
    if magic != DISTARRAY_MAGIC {
        let detail = "this is no distarray_export, or one not initialised";
        return Err(version(detail, "magic", DISTARRAY_MAGIC, magic).by_rule("A1"));
    }
    if release.is_none() {
        return Err(Error::new(
            ErrorKind::Released,
            "released or moved away, or never lent: release is NULL",
        )
        .in_field("release")
        .by_rule("L1"));
    }
    if major != DISTARRAY_ABI_MAJOR {
        let detail = "another major version; release it";
        return Err(version(detail, "abi_major", DISTARRAY_ABI_MAJOR, major).by_rule("A2"));
    }
    if size < distarray_export::INIT.struct_size {
        let expected = distarray_export::INIT.struct_size;
        return Err(version("the struct is too short", "struct_size", expected, size).by_rule("A3"));
    }
    // SAFETY: a struct of this major version and size is all there.
    let loan = unsafe { &*loan };
    let unknown = loan.flags_read & !DISTARRAY_R_KNOWN_1_0;
    if unknown != 0 {
        let text = format!("must-understand bit {unknown:#x} is not known here");
        return Err(flag(text, "flags_read").by_rule("A4"));
    }
    let unsupported = loan.flags_read & !KNOWN_READ;
    if unsupported != 0 {
        let text = format!("must-understand bit {unsupported:#x} is known, but not supported here");
        return Err(Error::new(ErrorKind::Unsupported, text).in_field("flags_read").by_rule("A4"));
    }
    if loan.reserved != [0; 4] {
        return Err(flag("reserved words must be zero", "reserved").by_rule("A5"));
    }
    if loan.byte_offset != 0 {
        return Err(flag("byte_offset is for opaque handles only", "byte_offset").by_rule("A5"));
    }
    Ok(loan)
}

/// What a loan says of a part: its elements, and how it fits into the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Element type.
    pub dtype: DType,
    /// Shape and strides.
    pub layout: Layout,
    /// How the part fits into the global array.
    pub dim_data: DimData,
    /// Which global array it is a part of.
    pub identity: Identity,
}

/// Which array a loan is a part of, and in which state.
pub(super) fn identity(loan: &distarray_export) -> Identity {
    Identity { uid: loan.uid, epoch: loan.epoch }
}

/// Reads everything but the memory, and checks the structural rules.
///
/// # Safety
/// The struct's pointers, where neither null nor misaligned, point at what the
/// ABI says.
pub(super) unsafe fn describe(loan: &distarray_export) -> Result<Description> {
    let mut dim_data = DimData::empty();
    // SAFETY: the caller's promise.
    let (dtype, layout) = unsafe { read(loan, &mut dim_data) }.map_err(|error| of_its_rank(error, loan))?;
    Ok(Description { dtype, layout: layout.to_layout(), dim_data, identity: identity(loan) })
}

/// [`describe`] where things lie: what owns nothing is returned, the axes are put
/// into `dim_data`. Moved from call to call, they would cost more than the rules.
///
/// # Safety
/// As for [`describe`].
#[inline(always)]
unsafe fn read<'a>(loan: &'a distarray_export, dim_data: &mut DimData) -> Result<(DType, Strided<'a>)> {
    let dtype = dtype(loan)?;
    let itemsize = usize::try_from(loan.itemsize).ok().filter(|&size| size > 0).ok_or_else(|| {
        Error::new(ErrorKind::DType, "an element has at least one byte")
            .in_field("itemsize")
            .expected_found(1, loan.itemsize)
            .by_rule("A8")
    })?;
    if let Some(expected) = dtype.itemsize().filter(|&size| size != itemsize) {
        return Err(dtype
            .refused(ErrorKind::DType, "elements have another size")
            .in_field("itemsize")
            .expected_found(as_i64(expected), loan.itemsize)
            .by_rule("A8"));
    }
    let ndim = i64::from(loan.ndim);
    if !(0..=MAX_NDIM).contains(&ndim) {
        return Err(Error::new(ErrorKind::Range, format!("0 to {MAX_NDIM} axes are possible"))
            .in_field("ndim")
            .expected_found(MAX_NDIM, ndim)
            .by_rule("A9"));
    }
    // SAFETY: the caller's promise, for all three arrays.
    let (shape, strides, dims) = unsafe {
        (
            inputs(loan.shape, ndim, "shape").map_err(|e| e.by_rule("A10"))?,
            inputs(loan.strides, ndim, "strides").map_err(|e| e.by_rule("A10"))?,
            inputs(loan.dims, ndim, "dims").map_err(|e| e.by_rule("A10"))?,
        )
    };
    let layout = Strided::new(shape, strides, itemsize).map_err(|e| e.by_rule("A11"))?;
    let mut read = Vec::with_capacity(dims.len());
    let mut ghosts = false;
    for (raw, &extent) in dims.iter().zip(shape) {
        let axis = read.len();
        if raw.dist_type == DISTARRAY_DIST_UNSTRUCTURED {
            // SAFETY: the caller's promise.
            read.push(unsafe { read_listed(raw) }.map_err(|e| e.on_axis(axis))?);
        } else {
            read.push(read_regular(raw, extent).map_err(|e| e.on_axis(axis))?.into_dim());
        }
        ghosts |= raw.n_owned < raw.n_indices;
    }
    if ghosts && loan.flags_read & DISTARRAY_R_GHOSTS == 0 {
        return Err(flag("ghosts need the bit DISTARRAY_R_GHOSTS", "flags_read").by_rule("A17"));
    }
    // SAFETY: the caller's promise.
    let grid = unsafe { grid(loan, &read) }?;
    dim_data.set(read, grid)?;
    let agree = |field: &'static str, expected: i64, found: i64| {
        if expected == found { Ok(()) } else { Err(contradicts(dim_data, field, expected, found)) }
    };
    agree("process_count", dim_data.process_count(), loan.process_count)?;
    agree("process_rank", dim_data.process_rank(), loan.process_rank)?;
    Ok((dtype, layout))
}

/// The error of a loan whose axes say another rank, or number of ranks, than it does.
#[cold]
fn contradicts(dim_data: &DimData, field: &'static str, expected: i64, found: i64) -> Error {
    let grid = dim_data.grid();
    let counted_as = |order| {
        let places = dim_data.dims().iter().map(|dim| (dim.proc_grid_size(), dim.proc_grid_rank()));
        let rank = ProcGrid::new(order).replicated(grid.replicas(), grid.replica()).rank_at(places);
        field == "process_rank" && rank == found
    };
    let why = match grid.order() {
        GridOrder::RowMajor if counted_as(GridOrder::ColumnMajor) => {
            "your ranks count the first axis of the grid fastest: set DISTARRAY_R_GRID_COLMAJOR in flags_read"
        }
        GridOrder::ColumnMajor if counted_as(GridOrder::RowMajor) => {
            "your ranks count the last axis of the grid fastest: take DISTARRAY_R_GRID_COLMAJOR out of flags_read"
        }
        _ => "the axes' grid sizes and coordinates say otherwise",
    };
    Error::new(ErrorKind::Grid, why).in_field(field).expected_found(expected, found).by_rule("A18")
}

/// Says whose loan it is: the message stands among those of other ranks. Only the message,
/// for a single process knows no rank at fault.
#[cold]
fn of_its_rank(error: Error, loan: &distarray_export) -> Error {
    // A rank that contradicts the axes is no name.
    match loan.process_count > 1 && error.rule() != Some("A18") {
        true => error.in_loan_of(loan.process_rank),
        false => error,
    }
}

/// Reads memory and axes, each with its own rules checked; that the two fit
/// together is still to be seen.
///
/// # Safety
/// As for [`describe`].
#[inline(always)]
unsafe fn examine<'a>(
    loan: &'a distarray_export,
    access: Access,
    dim_data: &mut DimData,
) -> Result<Memory<'a>> {
    check_access(loan, access)?;
    if ![DISTARRAY_DEVICE_CPU, DISTARRAY_DEVICE_CUDA_HOST, DISTARRAY_DEVICE_ROCM_HOST]
        .contains(&loan.device_type)
    {
        return Err(Error::new(ErrorKind::Device, "only host memory can be used here; copy it there first")
            .in_field("device_type")
            .expected_found(DISTARRAY_DEVICE_CPU.into(), loan.device_type.into())
            .by_rule("A6"));
    }
    // SAFETY: the caller's promise.
    let (dtype, layout) = unsafe { read(loan, dim_data) }?;
    let allocation = allocation(loan, layout)?;
    // SAFETY: the caller's promise.
    let format = unsafe { format(loan.format) }?;
    let memory = Memory { data: loan.data.cast(), dtype, layout, access, allocation, format };
    memory.check()?;
    Ok(memory)
}

/// Reads memory and axes that are to be kept, checked strictly.
///
/// # Safety
/// As for [`describe`].
#[inline(always)]
pub(super) unsafe fn attach<'a>(
    loan: &'a distarray_export,
    access: Access,
    dim_data: &mut DimData,
) -> Result<Memory<'a>> {
    if loan.flags_read & DISTARRAY_R_CALL_SCOPED != 0 {
        let text = "the export ends with the call that received it and cannot be kept";
        return Err(Error::new(ErrorKind::Access, text).in_field("flags_read").by_rule("L5"));
    }
    let located = |error| of_its_rank(error, loan);
    // SAFETY: the caller's promise.
    let memory = unsafe { examine(loan, access, dim_data) }.map_err(located)?;
    dim_data.check_strict(memory.layout.shape()).map_err(located)?;
    Ok(memory)
}

/// [`describe`], checked strictly, and with the memory where there is any.
///
/// # Safety
/// As for [`describe`].
pub(super) unsafe fn describe_strictly(loan: &distarray_export) -> Result<Description> {
    let located = |error| of_its_rank(error, loan);
    let mut dim_data = DimData::empty();
    // SAFETY: the caller's promise.
    let (dtype, layout) = unsafe {
        if loan.flags_read & DISTARRAY_R_NO_DATA != 0 {
            read(loan, &mut dim_data).map_err(located)?
        } else {
            let memory = examine(loan, Access::Read, &mut dim_data).map_err(located)?;
            (memory.dtype, memory.layout)
        }
    };
    dim_data.check_strict(layout.shape()).map_err(located)?;
    Ok(Description { dtype, layout: layout.to_layout(), dim_data, identity: identity(loan) })
}

/// Refuses an access that was not lent.
#[inline(always)]
fn check_access(loan: &distarray_export, access: Access) -> Result<()> {
    let refused = |detail: &'static str, field, rule: &'static str| {
        Err(Error::new(ErrorKind::Access, detail).in_field(field).by_rule(rule))
    };
    if loan.flags_read & DISTARRAY_R_NO_DATA != 0 {
        return refused("only a description was lent, no data", "flags_read", "L9");
    }
    if access == Access::Read {
        return Ok(());
    }
    if loan.flags_write & DISTARRAY_W_READ_ONLY != 0 {
        return refused("the memory was lent for reading only", "flags_write", "L6");
    }
    if loan.flags_write & !DISTARRAY_W_KNOWN_1_0 != 0 {
        return refused("a flag not known here forbids writing", "flags_write", "L6");
    }
    if loan.flags_write & DISTARRAY_W_ALIASED != 0 {
        return refused("elements that share memory cannot be written", "flags_write", "L6");
    }
    if access == Access::Exclusive && loan.flags_info & DISTARRAY_I_EXCLUSIVE == 0 {
        return refused("the lender does not promise that nobody else uses the memory", "flags_info", "L7");
    }
    Ok(())
}

#[inline(always)]
fn dtype(loan: &distarray_export) -> Result<DType> {
    if loan.dtype_code == DISTARRAY_DTYPE_OPAQUE {
        return Ok(DType::OPAQUE);
    }
    let dtype = DType { code: loan.dtype_code, bits: loan.dtype_bits, lanes: loan.dtype_lanes };
    // DLPack's one-byte floats have no arithmetic here, but move like any other.
    let fp8 = (7..=14).contains(&dtype.code) && (dtype.bits, dtype.lanes) == (8, 1);
    if dtype.name().is_some() || fp8 {
        return Ok(dtype);
    }
    let error = dtype.refused(ErrorKind::DType, "is no element type of this version");
    Err(error.in_field("dtype_code").by_rule("A7"))
}

/// The stated allocation, checked not to wrap around; where none is stated, the
/// elements themselves must not.
#[inline(always)]
fn allocation(loan: &distarray_export, layout: Strided<'_>) -> Result<Option<(*mut u8, usize)>> {
    let wraps = |field| {
        Error::new(ErrorKind::Bounds, "memory cannot reach beyond the last address")
            .in_field(field)
            .by_rule("A20")
    };
    let (low, high) = layout.reach();
    let start = loan.data.addr();
    if !layout.is_empty()
        && (start.checked_add_signed(low).is_none() || start.checked_add_signed(high).is_none())
    {
        return Err(wraps("strides"));
    }
    if loan.alloc_base.is_null() || loan.alloc_bytes == 0 {
        return Ok(None);
    }
    let bytes = usize::try_from(loan.alloc_bytes).map_err(|_| wraps("alloc_bytes"))?;
    loan.alloc_base.addr().checked_add(bytes).ok_or_else(|| wraps("alloc_bytes"))?;
    Ok(Some((loan.alloc_base.cast(), bytes)))
}

/// # Safety
/// A text that is not null is readable up to its NUL.
#[inline(always)]
unsafe fn format<'a>(text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { whole_text(text) }.map(Some)
}

/// # Safety
/// The text is readable up to its NUL.
unsafe fn whole_text<'a>(text: *const c_char) -> Result<&'a str> {
    let refused = |detail| Error::new(ErrorKind::Syntax, detail).in_field("format").by_rule("A21");
    // SAFETY: no byte beyond the NUL is read.
    let ended = (0..MAX_FORMAT).any(|i| unsafe { *text.add(i) } == 0);
    if !ended {
        return Err(refused("the format string does not end"));
    }
    // SAFETY: a NUL was found.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| refused("the format string is not UTF-8"))
}

/// # Safety
/// As for [`describe`].
#[inline(always)]
unsafe fn grid(loan: &distarray_export, dims: &[crate::protocol::Dim]) -> Result<ProcGrid> {
    let (rank, count) = (loan.process_rank, loan.process_count);
    let refused = |detail: &'static str, field: &'static str, expected, found| {
        Error::new(ErrorKind::Grid, detail).in_field(field).expected_found(expected, found).by_rule("A18")
    };
    if count < 1 {
        return Err(refused("at least this process holds the array", "process_count", 1, count));
    }
    let (map, column) =
        (loan.flags_read & DISTARRAY_R_GRID_MAP != 0, loan.flags_read & DISTARRAY_R_GRID_COLMAJOR != 0);
    if map && column {
        let text = "the grid has a table of ranks or column-major order, not both";
        return Err(flag(text, "flags_read").by_rule("A19"));
    }
    if map == loan.grid_ranks.is_null() {
        let text = "grid_ranks and the bit DISTARRAY_R_GRID_MAP go together";
        return Err(flag(text, "grid_ranks").by_rule("A19"));
    }
    let plain = ProcGrid::default();
    let per_replica = plain.process_count(dims.iter().map(|dim| dim.proc_grid_size()))?;
    // One division, and none in the usual case: it costs as much as the rest of this.
    let replicas = if count == per_replica { 1 } else { count / per_replica };
    if replicas < 1 || count != replicas * per_replica {
        let detail = "process_count must be the product of the grid sizes, times the replicas";
        return Err(refused(detail, "process_count", per_replica, count));
    }
    if replicas > 1 && loan.flags_write & DISTARRAY_W_REPLICATED == 0 {
        let detail = "more processes than the grid has places, and no bit DISTARRAY_W_REPLICATED";
        return Err(refused(detail, "process_count", per_replica, count));
    }
    if !(0..count).contains(&rank) {
        return Err(refused("process_rank must lie in 0..process_count", "process_rank", count - 1, rank));
    }
    if !map {
        let order = if column { GridOrder::ColumnMajor } else { GridOrder::RowMajor };
        let replica = if replicas == 1 { 0 } else { rank / per_replica };
        return Ok(ProcGrid::new(order).replicated(replicas, replica));
    }
    // SAFETY: the caller's promise.
    let ranks = unsafe { inputs(loan.grid_ranks, count, "grid_ranks") }.map_err(|e| e.by_rule("A10"))?;
    let places = dims.iter().map(|dim| (dim.proc_grid_size(), dim.proc_grid_rank()));
    let position = usize::try_from(plain.rank_at(places)).unwrap_or(0);
    let step = usize::try_from(per_replica).unwrap_or(usize::MAX);
    // The replica in which this process stands at its coordinates, 0 for none:
    // the comparison of ranks that follows then names the contradiction.
    let replica = ranks.iter().skip(position).step_by(step).position(|&r| r == rank).unwrap_or(0);
    let replica = i64::try_from(replica).unwrap_or(0);
    Ok(ProcGrid::new(GridOrder::Ranks(ranks.into())).replicated(replicas, replica))
}

fn version(detail: &'static str, field: &'static str, expected: u32, found: u32) -> Error {
    Error::new(ErrorKind::Version, detail).in_field(field).expected_found(expected.into(), found.into())
}

fn flag(detail: impl Into<std::borrow::Cow<'static, str>>, field: &'static str) -> Error {
    Error::new(ErrorKind::Flag, detail).in_field(field)
}
