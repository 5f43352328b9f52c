//! The C ABI from a foreign producer's side: what is taken, what is refused, and
//! that every loan is given back exactly once.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // the whole file plays the C caller

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use distarray::array::Access;
use distarray::ffi::abi::*;
use distarray::ffi::*;

/// A producer that knows only the ABI: a halo'd 4 x 5 block of doubles on
/// process (1, 0) of a 2 x 1 grid, global array 6 x 5.
struct Producer {
    memory: Vec<f64>,
    shape: [i64; 2],
    strides: [i64; 2],
    dims: [distarray_dim; 2],
    ranks: [i64; 4],
    indices: [i64; 5],
    released: Cell<usize>,
    heard: Cell<u64>,
}

unsafe extern "C" fn give_back(loan: *mut distarray_export) {
    let loan = unsafe { &mut *loan };
    let producer = unsafe { &*loan.private_data.cast::<Producer>() };
    loan.release = None;
    producer.released.set(producer.released.get() + 1);
    producer.heard.set(producer.heard.get() | loan.consumer_flags);
}

impl Producer {
    fn new() -> Self {
        let block =
            distarray_dim { dist_type: DISTARRAY_DIST_BLOCK, proc_grid_size: 1, ..distarray_dim::INIT };
        Self {
            memory: (0..20).map(f64::from).collect(),
            shape: [4, 5],
            strides: [40, 8],
            dims: [
                distarray_dim {
                    size: 6,
                    proc_grid_size: 2,
                    proc_grid_rank: 1,
                    start: 2,
                    stop: 6,
                    padding: [1, 0],
                    ..block
                },
                distarray_dim { size: 5, stop: 5, ..block },
            ],
            ranks: [1, 0, 3, 2],
            indices: [4, 2, 0, 1, 3],
            released: Cell::new(0),
            heard: Cell::new(0),
        }
    }

    fn loan(&self) -> distarray_export {
        distarray_export {
            release: Some(give_back),
            private_data: std::ptr::from_ref(self).cast_mut().cast(),
            data: self.memory.as_ptr().cast_mut().cast(),
            alloc_base: self.memory.as_ptr().cast_mut().cast(),
            alloc_bytes: 160,
            dtype_code: DISTARRAY_DTYPE_FLOAT,
            dtype_bits: 64,
            ndim: 2,
            itemsize: 8,
            shape: self.shape.as_ptr(),
            strides: self.strides.as_ptr(),
            dims: self.dims.as_ptr(),
            process_rank: 1,
            process_count: 2,
            uid: [7, 8],
            epoch: 3,
            ..distarray_export::INIT
        }
    }
}

/// The image of a struct: every byte counts.
fn image(loan: &distarray_export) -> [u8; 256] {
    unsafe { std::mem::transmute_copy(loan) }
}

fn take(loan: *mut distarray_export, access: u32) -> Result<*mut distarray_array, (i32, String, String)> {
    let mut array = null_mut();
    let mut error: distarray_error = unsafe { std::mem::zeroed() };
    let status = unsafe { distarray_array_import(loan, access, &raw mut array, &raw mut error) };
    assert_eq!(status, error.code);
    if status == DISTARRAY_OK {
        return Ok(array);
    }
    assert!(array.is_null());
    let text =
        |chars: &[std::ffi::c_char]| unsafe { CStr::from_ptr(chars.as_ptr()) }.to_str().unwrap().to_string();
    Err((status, text(&error.field), text(&error.message)))
}

fn free(array: *mut distarray_array) {
    distarray_array_free(Some(unsafe { Box::from_raw(array) }));
}

fn view(array: *mut distarray_array) -> distarray_export {
    let mut view = distarray_export::INIT;
    let status = unsafe { distarray_array_view(array.as_ref(), &raw mut view, null_mut()) };
    assert_eq!(status, DISTARRAY_OK);
    view
}

fn lend(array: *mut distarray_array, request: *const distarray_request) -> Result<distarray_export, i32> {
    let mut loan = distarray_export::INIT;
    match unsafe { distarray_array_export(array.as_ref(), request, &raw mut loan, null_mut()) } {
        DISTARRAY_OK => Ok(loan),
        status => Err(status),
    }
}

fn release(loan: &mut distarray_export) {
    let callback = loan.release.unwrap();
    unsafe { callback(loan) };
    assert!(loan.release.is_none());
    // A second release finds a tombstone.
    unsafe { callback(loan) };
}

fn request() -> distarray_request {
    distarray_request { struct_size: 128, max_abi_major: 1, ..unsafe { std::mem::zeroed() } }
}

#[test]
fn importing_moves_the_loan_and_shares_the_memory() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    assert!(loan.release.is_none() && loan.private_data.is_null());
    let shown = view(array);
    assert_eq!(shown.data, producer.memory.as_ptr().cast_mut().cast());
    assert_eq!((shown.process_rank, shown.process_count, shown.epoch), (1, 2, 3));
    assert_eq!(unsafe { (*shown.shape.add(1), *shown.strides, (*shown.dims).start) }, (5, 40, 2));
    assert_eq!(shown.uid, [7, 8]);
    assert_eq!(producer.released.get(), 0);
    free(array);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, 0));
}

#[test]
fn loans_outlive_the_array_and_pass_on_what_was_written() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    let mut first = lend(array, null()).unwrap();
    let wish = distarray_request { access: DISTARRAY_ACCESS_READ_WRITE, ..request() };
    let mut second = lend(array, &wish).unwrap();
    assert_eq!(first.flags_write, DISTARRAY_W_READ_ONLY);
    assert_eq!(second.flags_write, 0);
    assert_eq!(first.data, second.data);
    free(array);
    assert_eq!(producer.released.get(), 0);

    // Moved, as the ABI allows: the flags travel with the struct.
    let mut moved = second;
    second = distarray_export::INIT;
    assert!(second.release.is_none());
    moved.consumer_flags = DISTARRAY_C_MODIFIED;
    release(&mut moved);
    assert_eq!(producer.released.get(), 0);
    release(&mut first);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, DISTARRAY_C_MODIFIED));
}

#[test]
fn writing_dates_later_loans_and_ages_the_halo() {
    let producer = Producer::new();
    let mut loan = distarray_export { flags_info: DISTARRAY_I_HALO_VALID, ..producer.loan() };
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    assert_eq!(view(array).flags_info, DISTARRAY_I_HALO_VALID);
    let handle = unsafe { array.as_ref() };
    assert_eq!(distarray_array_mark_modified(handle, DISTARRAY_C_MODIFIED, null_mut()), 0);
    assert_eq!((view(array).flags_info, view(array).epoch), (0, 4));
    assert_eq!(distarray_array_mark_modified(handle, DISTARRAY_C_HALO_VALID, null_mut()), 0);
    assert_eq!((view(array).flags_info, view(array).epoch), (DISTARRAY_I_HALO_VALID, 4));
    assert_eq!(distarray_array_mark_modified(handle, 8, null_mut()), 3);
    free(array);
    assert_eq!(producer.heard.get(), DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_VALID);
}

#[test]
fn an_exclusive_loan_shuts_others_out() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let refused = take(&raw mut loan, DISTARRAY_ACCESS_EXCLUSIVE).unwrap_err();
    assert_eq!((refused.0, refused.1.as_str()), (12, "flags_info"));
    loan.flags_info = DISTARRAY_I_EXCLUSIVE;
    let array = take(&raw mut loan, DISTARRAY_ACCESS_EXCLUSIVE).unwrap();

    let wish = distarray_request { access: DISTARRAY_ACCESS_EXCLUSIVE, ..request() };
    let mut shared = lend(array, null()).unwrap();
    assert_eq!(lend(array, &wish).unwrap_err(), 30);
    release(&mut shared);
    let mut exclusive = lend(array, &wish).unwrap();
    assert_eq!(exclusive.flags_info, DISTARRAY_I_EXCLUSIVE);
    assert_eq!(lend(array, null()).unwrap_err(), 30);
    // A description borrows nothing.
    let wish = distarray_request { access: DISTARRAY_ACCESS_DESCRIBE, ..request() };
    let mut description = lend(array, &wish).unwrap();
    assert!(description.data.is_null() && description.flags_read & DISTARRAY_R_NO_DATA != 0);
    assert_eq!(unsafe { distarray_export_check(&description, 1, null_mut()) }, 0);
    assert_eq!(take(&raw mut description, 0).unwrap_err().0, 12);
    release(&mut description);
    release(&mut exclusive);
    release(&mut lend(array, null()).unwrap());
    free(array);
    assert_eq!(producer.released.get(), 1);
}

#[test]
fn a_request_is_met_or_refused_with_its_reason() {
    let producer = Producer::new();
    let mut loan = producer.loan();
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap();
    let fortran = distarray_request { layouts: 2, copy: 1, ..request() };
    for (wish, status) in [
        (distarray_request { layouts: 1, copy: 1, ..request() }, 0),
        (fortran, 32),
        (distarray_request { copy: 0, ..fortran }, 31),
        (distarray_request { dist_types: 6, ..request() }, 31),
        (distarray_request { dist_types: 1, ..request() }, 0),
        (distarray_request { device_type: 2, ..request() }, 31),
        (distarray_request { min_alignment: 3, ..request() }, 5),
        (distarray_request { min_alignment: 1 << 31, ..request() }, 31),
        (distarray_request { access: 4, ..request() }, 5),
        (distarray_request { struct_size: 64, ..request() }, 2),
        (distarray_request { reserved: [1; 9], ..request() }, 3),
        (distarray_request { copy: 2, access: 1, ..request() }, 31),
    ] {
        match lend(array, &wish) {
            Ok(mut loan) => {
                assert_eq!(status, 0, "{wish:?}");
                release(&mut loan);
            }
            Err(found) => assert_eq!(found, status, "{wish:?}"),
        }
    }
    let mut copy = lend(array, &distarray_request { copy: 2, ..request() }).unwrap();
    assert_eq!(copy.flags_info, DISTARRAY_I_COPIED);
    assert_ne!(copy.data, producer.memory.as_ptr().cast_mut().cast());
    assert_eq!(unsafe { std::slice::from_raw_parts(copy.data.cast::<f64>(), 20) }, &producer.memory[..]);
    free(array);
    assert_eq!(producer.released.get(), 1, "a copy keeps nothing of the original");
    release(&mut copy);
}

/// Each change of a good struct, the status and the field that must name it.
#[test]
fn a_bad_struct_is_refused_and_stays_the_callers() {
    type Change = fn(&mut distarray_export, &mut Producer);
    let cases: &[(&str, i32, &str, Change)] = &[
        ("magic", 2, "magic", |e, _| e.magic = 0),
        ("major 2", 2, "abi_major", |e, _| e.abi_major = 2),
        ("major 0", 2, "abi_major", |e, _| e.abi_major = 0),
        ("short", 2, "struct_size", |e, _| e.struct_size = 255),
        ("released", 11, "release", |e, _| e.release = None),
        ("unknown read bit", 3, "flags_read", |e, _| e.flags_read = 1 << 10),
        ("opaque handle", 42, "flags_read", |e, _| e.flags_read = DISTARRAY_R_OPAQUE_HANDLE),
        ("byte-swapped", 42, "flags_read", |e, _| e.flags_read = DISTARRAY_R_BYTESWAPPED),
        ("critical extension", 42, "flags_read", |e, _| e.flags_read = DISTARRAY_R_EXT),
        ("call-scoped", 12, "flags_read", |e, _| e.flags_read = DISTARRAY_R_CALL_SCOPED),
        ("read-only", 12, "flags_write", |e, _| e.flags_write = DISTARRAY_W_READ_ONLY),
        ("unknown write bit", 12, "flags_write", |e, _| e.flags_write = 1 << 31),
        ("aliased", 12, "flags_write", |e, _| e.flags_write = DISTARRAY_W_ALIASED),
        ("reserved", 3, "reserved", |e, _| e.reserved[3] = 1),
        ("byte_offset", 3, "byte_offset", |e, _| e.byte_offset = 8),
        ("NULL data", 1, "data", |e, _| e.data = null_mut()),
        ("NULL shape", 1, "shape", |e, _| e.shape = null()),
        ("NULL strides", 1, "strides", |e, _| e.strides = null()),
        ("NULL dims", 1, "dims", |e, _| e.dims = null()),
        ("odd shape", 10, "shape", |e, _| e.shape = e.shape.wrapping_byte_add(1)),
        ("odd dims", 10, "dims", |e, _| e.dims = e.dims.wrapping_byte_add(4)),
        ("odd data", 10, "data", |e, _| e.data = e.data.wrapping_byte_add(4)),
        ("device", 9, "device_type", |e, _| e.device_type = 2),
        ("dtype code", 8, "dtype_code", |e, _| e.dtype_code = 200),
        ("dtype bits", 8, "dtype_code", |e, _| e.dtype_bits = 63),
        ("dtype lanes", 8, "dtype_code", |e, _| e.dtype_lanes = 2),
        ("itemsize", 8, "itemsize", |e, _| e.itemsize = 4),
        ("itemsize 0", 8, "itemsize", |e, _| e.itemsize = 0),
        ("opaque itemsize", 8, "itemsize", |e, _| (e.dtype_code, e.itemsize) = (3, -8)),
        ("ndim -1", 5, "ndim", |e, _| e.ndim = -1),
        ("ndim huge", 5, "ndim", |e, _| e.ndim = i32::MAX),
        ("ndim 0", 4, "process_count", |e, _| e.ndim = 0),
        ("ndim 1", 7, "strides", |e, p| {
            e.ndim = 1;
            p.strides[0] = 80
        }),
        ("shape negative", 6, "shape", |_, p| p.shape[0] = -1),
        ("shape overflow", 7, "shape", |_, p| p.shape = [1 << 40, 1 << 40]),
        ("shape huge", 7, "shape", |_, p| p.shape[1] = i64::MAX),
        ("stride overflow", 7, "strides", |_, p| p.strides[0] = i64::MAX),
        ("stride least", 7, "strides", |_, p| p.strides[0] = i64::MIN),
        ("stride outside", 7, "strides", |_, p| p.strides[0] = 48),
        ("stride below", 7, "strides", |_, p| p.strides[0] = -40),
        ("stride 0 to be written", 12, "strides", |_, p| p.strides[0] = 0),
        ("stride overlap to be written", 12, "strides", |_, p| p.strides[0] = 8),
        ("allocation wraps", 7, "alloc_bytes", |e, _| e.alloc_bytes = u64::MAX),
        ("allocation short", 7, "strides", |e, _| e.alloc_bytes = 159),
        ("data before base", 7, "strides", |e, _| e.data = e.data.wrapping_byte_sub(8)),
        ("shape against dims", 6, "shape", |_, p| p.shape[0] = 3),
        ("stop beyond size", 5, "stop", |_, p| p.dims[0].stop = 7),
        ("start above stop", 5, "stop", |_, p| p.dims[0].start = 7),
        ("last does not end", 5, "stop", |_, p| p.dims[0].size = 7),
        ("padding negative", 5, "padding", |_, p| p.dims[0].padding[0] = -1),
        ("padding too wide", 5, "padding", |_, p| p.dims[0].padding = [3, 2]),
        ("size negative", 5, "size", |_, p| p.dims[1].size = -1),
        ("grid rank", 5, "proc_grid_rank", |_, p| p.dims[0].proc_grid_rank = 2),
        ("grid size 0", 5, "proc_grid_size", |_, p| p.dims[0].proc_grid_size = 0),
        ("grid size huge", 4, "proc_grid_size", |_, p| {
            (p.dims[0].proc_grid_size, p.dims[1].proc_grid_size) = (i64::MAX, i64::MAX);
            (p.dims[1].stop, p.shape[1]) = (4, 4)
        }),
        ("grid against count", 4, "process_count", |e, _| e.process_count = 3),
        ("replicas unsaid", 4, "process_count", |e, _| e.process_count = 4),
        ("count 0", 4, "process_count", |e, _| e.process_count = 0),
        ("rank outside", 4, "process_rank", |e, _| e.process_rank = 2),
        ("rank elsewhere", 4, "process_rank", |e, _| e.process_rank = 0),
        ("table without bit", 3, "grid_ranks", |e, p| e.grid_ranks = p.ranks.as_ptr()),
        ("bit without table", 3, "grid_ranks", |e, _| e.flags_read = DISTARRAY_R_GRID_MAP),
        ("two grid orders", 3, "flags_read", |e, p| {
            e.grid_ranks = p.ranks.as_ptr();
            e.flags_read = DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR;
        }),
        ("table says otherwise", 4, "process_rank", |e, p| {
            e.grid_ranks = p.ranks.as_ptr();
            e.flags_read = DISTARRAY_R_GRID_MAP;
        }),
        ("dist_type", 5, "dist_type", |_, p| p.dims[0].dist_type = 0x6e),
        ("unknown axis flag", 3, "flags", |_, p| p.dims[0].flags = 1 << 5),
        ("flag of another kind", 3, "flags", |_, p| p.dims[0].flags = DISTARRAY_DIM_ONE_TO_ONE),
        ("field of another kind", 3, "dist_type", |_, p| p.dims[0].block_size = 2),
        ("axis reserved", 3, "reserved", |_, p| p.dims[1].reserved[2] = 1),
        ("forgotten axis", 4, "process_count", |_, p| p.dims[0] = distarray_dim::INIT),
        ("ghosts unsaid", 3, "flags_read", |_, p| p.unstructured(4)),
        ("owned too many", 5, "num_owned", |_, p| p.unstructured(6)),
        ("index twice", 22, "indices", |_, p| {
            p.unstructured(5);
            p.indices[0] = 2
        }),
        ("indices NULL", 1, "indices", |_, p| {
            p.unstructured(5);
            p.dims[1].indices = null()
        }),
        ("indices count", 5, "indices", |_, p| {
            p.unstructured(5);
            p.dims[1].n_indices = -1
        }),
        ("indices length", 6, "shape", |_, p| {
            p.unstructured(4);
            p.dims[1].n_indices = 4
        }),
    ];
    for (name, status, field, change) in cases {
        let mut producer = Producer::new();
        let mut loan = producer.loan();
        change(&mut loan, &mut producer);
        loan.private_data = std::ptr::from_ref(&producer).cast_mut().cast();
        let before = image(&loan);
        let (found, place, message) = match take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE) {
            Ok(_) => panic!("{name} was accepted"),
            Err(refusal) => refusal,
        };
        assert_eq!((found, place.as_str()), (*status, *field), "{name}: {message}");
        assert_eq!(image(&loan), before, "{name} changed the loan");
        assert_eq!(producer.released.get(), 0, "{name} was released");
    }
}

impl Producer {
    /// Makes the second axis unstructured, with this many indices owned.
    fn unstructured(&mut self, n_owned: i64) {
        self.dims[1] = distarray_dim {
            dist_type: DISTARRAY_DIST_UNSTRUCTURED,
            size: 5,
            proc_grid_size: 1,
            indices: self.indices.as_ptr().cast(),
            n_indices: 5,
            n_owned,
            ..distarray_dim::INIT
        };
    }
}

/// What looks odd but is allowed.
#[test]
fn unusual_structs_are_taken() {
    type Change = fn(&mut distarray_export, &mut Producer);
    let cases: &[(&str, Change)] = &[
        ("newer minor", |e, _| e.abi_minor = 9),
        ("longer struct of a newer minor", |e, _| e.struct_size = 320),
        ("allocation not stated", |e, _| e.alloc_bytes = 0),
        ("column-major elements", |_, p| p.strides = [8, 32]),
        ("backwards", |e, p| {
            p.strides = [-40, -8];
            e.data = e.data.wrapping_byte_add(152)
        }),
        ("empty", |e, p| {
            (p.shape[0], p.dims[0].start, p.dims[0].padding[0]) = (0, 6, 0);
            e.data = null_mut()
        }),
        ("two replicas", |e, _| {
            e.flags_write = DISTARRAY_W_REPLICATED;
            (e.process_count, e.process_rank) = (4, 3);
        }),
        ("table of ranks", |e, p| {
            p.ranks[..2].copy_from_slice(&[1, 0]);
            (e.grid_ranks, e.process_rank) = (p.ranks.as_ptr(), 0);
            e.flags_read = DISTARRAY_R_GRID_MAP;
        }),
        ("ghosts", |e, p| {
            p.unstructured(3);
            e.flags_read = DISTARRAY_R_GHOSTS
        }),
        ("component axis held whole", |_, p| {
            p.dims[1] = distarray_dim { flags: DISTARRAY_DIM_COMPONENT, ..distarray_dim::INIT };
        }),
        ("records", |e, _| {
            e.dtype_code = 3;
            e.format = c"d:value:".as_ptr()
        }),
        ("unsigned bytes of one lane", |e, p| {
            (e.dtype_code, e.dtype_bits, e.itemsize) = (1, 8, 1);
            p.strides = [5, 1];
        }),
    ];
    for (name, change) in cases {
        let mut producer = Producer::new();
        let mut loan = producer.loan();
        change(&mut loan, &mut producer);
        loan.private_data = std::ptr::from_ref(&producer).cast_mut().cast();
        assert_eq!(unsafe { distarray_export_check(&loan, 1, null_mut()) }, 0, "{name}");
        let array =
            take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        // Lending it again says the same, and can be taken again.
        let wish = distarray_request { access: 1, known_flags_read: 0x3ff, ..request() };
        let mut again = lend(array, &wish).unwrap();
        let second =
            take(&raw mut again, DISTARRAY_ACCESS_READ_WRITE).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let mut same = 0;
        let both = unsafe { (array.as_ref(), second.as_ref()) };
        assert_eq!(unsafe { distarray_array_same_memory(both.0, both.1, &raw mut same, null_mut()) }, 0);
        assert_eq!(same, 1, "{name}");
        free(array);
        free(second);
        assert_eq!(producer.released.get(), 1, "{name}");
    }
}

#[test]
fn a_scalar_has_no_axes() {
    let producer = Producer::new();
    let mut loan = distarray_export {
        ndim: 0,
        shape: null(),
        strides: null(),
        dims: null(),
        process_rank: 0,
        process_count: 1,
        ..producer.loan()
    };
    let array = take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap();
    assert_eq!((view(array).ndim, view(array).shape.is_null()), (0, true));
    free(array);
}

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

#[test]
fn a_rust_array_is_lent_and_comes_back() {
    let producer = Producer::new();
    let mut loan = unsafe { Export::from_raw(producer.loan()) };
    unsafe { loan.check(Level::Strict) }.unwrap();
    let mut array: distarray::array::DistArray<f64> =
        unsafe { loan.import(Access::Write) }.unwrap().downcast().unwrap();
    assert!(!loan.is_live());
    array.owned_mut().unwrap().fill(1.0);
    // Row 0 is padding; the twelve owned elements follow it.
    assert_eq!(producer.memory[4..6], [4.0, 1.0]);
    let address = array.as_any().buffer().data().cast::<c_void>();
    let mut lent = Export::from(array).into_raw();
    assert_eq!(lent.data, address);
    release(&mut lent);
    assert_eq!((producer.released.get(), producer.heard.get()), (1, DISTARRAY_C_MODIFIED));
    drop(loan);
    assert_eq!(producer.released.get(), 1);
}

#[test]
fn a_dropped_export_gives_its_loan_back() {
    let producer = Producer::new();
    drop(unsafe { Export::from_raw(producer.loan()) });
    assert_eq!(producer.released.get(), 1);
}

fn json(loan: &distarray_export) -> String {
    let mut length = 0;
    assert_eq!(unsafe { distarray_export_to_json(loan, null_mut(), 0, &raw mut length, null_mut()) }, 0);
    let mut text = vec![0x55_u8; length + 2];
    let pointer = text.as_mut_ptr().cast();
    let mut error: distarray_error = unsafe { std::mem::zeroed() };
    let short = unsafe { distarray_export_to_json(loan, pointer, length, &raw mut length, &raw mut error) };
    assert_eq!((short, error.expected), (7, i64::try_from(length + 1).unwrap()));
    assert!(text.iter().all(|&byte| byte == 0x55), "a failed call writes nothing");
    let status = unsafe { distarray_export_to_json(loan, pointer, length + 1, &raw mut length, null_mut()) };
    assert_eq!((status, &text[length..]), (0, &[0, 0x55][..]));
    String::from_utf8(text[..length].to_vec()).unwrap()
}

#[test]
fn a_description_travels_as_json() {
    let mut producer = Producer::new();
    producer.unstructured(3);
    let loan = distarray_export { flags_read: DISTARRAY_R_GHOSTS, uid: [u64::MAX, 1], ..producer.loan() };
    let text = json(&loan);
    assert_eq!(
        text,
        concat!(
            r#"{"dtype":"float64","itemsize":8,"shape":[4,5],"strides":[40,8],"#,
            r#""uid":"ffffffffffffffff0000000000000001","epoch":"3","__distarray__":{"__version__":"1.0.0","#,
            r#""dim_data":[{"dist_type":"b","size":6,"proc_grid_rank":1,"proc_grid_size":2,"start":2,"stop":6,"#,
            r#""padding":[1,0]},{"dist_type":"u","size":5,"proc_grid_rank":0,"proc_grid_size":1,"#,
            r#""indices":[4,2,0,1,3],"num_owned":3}]}}"#
        )
    );
    let mut back = distarray_export::INIT;
    let status =
        unsafe { distarray_export_from_json(text.as_ptr().cast(), text.len(), &raw mut back, null_mut()) };
    assert_eq!(status, 0);
    assert_eq!(
        (back.flags_read, back.uid, back.epoch),
        (DISTARRAY_R_NO_DATA | DISTARRAY_R_GHOSTS, loan.uid, 3)
    );
    assert_eq!(json(&back), text);
    assert_eq!(unsafe { distarray_export_check(&back, 1, null_mut()) }, 0);
    release(&mut back);
    for (wrong, status) in [
        ("", 13),
        ("{}", 13),
        (&text[..text.len() - 1], 13),
        (&text.replace("float64", "float65"), 8),
        (&text.replace("\"itemsize\":8", "\"itemsize\":4"), 8),
        (&text.replace("[4,5]", "[4,6]"), 6),
        (&text.replace("[4,5]", "[4,-5]"), 6),
        (&text.replace("\"stop\":6", "\"stop\":9"), 5),
    ] {
        let mut untouched = distarray_export::INIT;
        let (bytes, length) = (wrong.as_ptr().cast(), wrong.len());
        let found = unsafe { distarray_export_from_json(bytes, length, &raw mut untouched, null_mut()) };
        assert_eq!(found, status, "{wrong}");
        assert!(untouched.release.is_none());
    }
}

/// Lenders that bend the rules of release, each in its own way.
mod lenders {
    use super::*;

    static FORGETFUL: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

    unsafe extern "C" fn forget(_: *mut distarray_export) {
        FORGETFUL.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// One that does not clear `release` is still called once.
    #[test]
    fn forgetting_the_tombstone_does_no_harm() {
        let producer = Producer::new();
        let mut loan = distarray_export { release: Some(forget), ..producer.loan() };
        free(take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap());
        drop(unsafe { Export::from_raw(distarray_export { release: Some(forget), ..producer.loan() }) });
        assert_eq!(FORGETFUL.load(std::sync::atomic::Ordering::Relaxed), 2);
    }

    unsafe extern "C" fn reenter(loan: *mut distarray_export) {
        let inner = unsafe { (*loan).private_data.cast::<distarray_array>() };
        unsafe { (*loan).release = None };
        // A lender may use the library while it takes its memory back.
        assert!(!view(inner).data.is_null());
        free(inner);
    }

    /// One that calls the library from its release finds no lock held.
    #[test]
    fn release_may_call_the_library() {
        let (outer, inner) = (Producer::new(), Producer::new());
        let inner_array = take(&mut inner.loan(), DISTARRAY_ACCESS_READ).unwrap();
        let mut loan =
            distarray_export { release: Some(reenter), private_data: inner_array.cast(), ..outer.loan() };
        let array = take(&raw mut loan, DISTARRAY_ACCESS_READ).unwrap();
        let mut onward = lend(array, null()).unwrap();
        free(array);
        assert_eq!(inner.released.get(), 0);
        release(&mut onward);
        assert_eq!(inner.released.get(), 1);
    }

    /// Loans may be released by any thread, also many at once.
    #[test]
    fn loans_end_on_other_threads() {
        let producer = Producer::new();
        let array = take(&mut producer.loan(), DISTARRAY_ACCESS_READ_WRITE).unwrap();
        let wish = distarray_request { access: DISTARRAY_ACCESS_READ_WRITE, ..request() };
        let loans: Vec<Export> =
            (0..8).map(|_| unsafe { Export::from_raw(lend(array, &wish).unwrap()) }).collect();
        std::thread::scope(|scope| {
            for (i, mut loan) in loans.into_iter().enumerate() {
                scope.spawn(move || {
                    let flag = [DISTARRAY_C_MODIFIED, 0][i % 2];
                    unsafe { (*loan.as_mut_ptr()).consumer_flags = flag };
                    drop(loan);
                });
            }
        });
        assert_eq!(producer.released.get(), 0);
        // Four of the eight wrote.
        assert_eq!(view(array).epoch, 3 + 4);
        free(array);
        assert_eq!((producer.released.get(), producer.heard.get()), (1, DISTARRAY_C_MODIFIED));
    }

    /// Many lives: every loan ends, and the count of the live ones stays level.
    #[test]
    fn a_hundred_thousand_lives() {
        let lives = if cfg!(miri) { 30 } else { 100_000 };
        let producer = Producer::new();
        for _ in 0..lives {
            let array = take(&mut producer.loan(), DISTARRAY_ACCESS_READ_WRITE).unwrap();
            let mut first = lend(array, null()).unwrap();
            let again = take(&raw mut first, DISTARRAY_ACCESS_READ).unwrap();
            free(array);
            free(again);
        }
        assert_eq!(producer.released.get(), lives);
    }
}
