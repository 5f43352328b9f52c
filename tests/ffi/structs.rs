//! One change of a good struct each: refused with the field's name, or allowed.

use std::ptr::{null, null_mut};

use distarray::ffi::abi::*;
use distarray::ffi::*;

use super::producer::*;
use Change::{Both, Loan, Part};

/// What is changed in a good loan: the producer's arrays, the struct, or both.
enum Change {
    Part(fn(&mut Producer)),
    Loan(fn(&mut distarray_export, &Producer)),
    Both(fn(&mut Producer), fn(&mut distarray_export, &Producer)),
}

impl Change {
    fn apply(&self, producer: &mut Producer) -> distarray_export {
        if let Part(change) | Both(change, _) = self {
            change(producer);
        }
        let mut loan = producer.loan();
        if let Loan(change) | Both(_, change) = self {
            change(&mut loan, producer);
        }
        loan
    }
}

/// Each change of a good struct, the status and the field that must name it.
#[test]
fn a_bad_struct_is_refused_and_stays_the_callers() {
    let cases: &[(&str, i32, &str, Change)] = &[
        ("magic", 2, "magic", Loan(|e, _| e.magic = 0)),
        ("major 2", 2, "abi_major", Loan(|e, _| e.abi_major = 2)),
        ("major 0", 2, "abi_major", Loan(|e, _| e.abi_major = 0)),
        ("short", 2, "struct_size", Loan(|e, _| e.struct_size = 255)),
        ("released", 11, "release", Loan(|e, _| e.release = None)),
        ("unknown read bit", 3, "flags_read", Loan(|e, _| e.flags_read = 1 << 10)),
        ("opaque handle", 42, "flags_read", Loan(|e, _| e.flags_read = DISTARRAY_R_OPAQUE_HANDLE)),
        ("byte-swapped", 42, "flags_read", Loan(|e, _| e.flags_read = DISTARRAY_R_BYTESWAPPED)),
        ("critical extension", 42, "flags_read", Loan(|e, _| e.flags_read = DISTARRAY_R_EXT)),
        ("call-scoped", 12, "flags_read", Loan(|e, _| e.flags_read = DISTARRAY_R_CALL_SCOPED)),
        ("read-only", 12, "flags_write", Loan(|e, _| e.flags_write = DISTARRAY_W_READ_ONLY)),
        ("unknown write bit", 12, "flags_write", Loan(|e, _| e.flags_write = 1 << 31)),
        ("aliased", 12, "flags_write", Loan(|e, _| e.flags_write = DISTARRAY_W_ALIASED)),
        ("reserved", 3, "reserved", Loan(|e, _| e.reserved[3] = 1)),
        ("byte_offset", 3, "byte_offset", Loan(|e, _| e.byte_offset = 8)),
        ("NULL data", 1, "data", Loan(|e, _| e.data = null_mut())),
        ("NULL shape", 1, "shape", Loan(|e, _| e.shape = null())),
        ("NULL strides", 1, "strides", Loan(|e, _| e.strides = null())),
        ("NULL dims", 1, "dims", Loan(|e, _| e.dims = null())),
        ("odd shape", 10, "shape", Loan(|e, _| e.shape = e.shape.wrapping_byte_add(1))),
        ("odd dims", 10, "dims", Loan(|e, _| e.dims = e.dims.wrapping_byte_add(4))),
        ("odd data", 10, "data", Loan(|e, _| e.data = e.data.wrapping_byte_add(4))),
        ("device", 9, "device_type", Loan(|e, _| e.device_type = 2)),
        ("dtype code", 8, "dtype_code", Loan(|e, _| e.dtype_code = 200)),
        ("dtype bits", 8, "dtype_code", Loan(|e, _| e.dtype_bits = 63)),
        ("dtype lanes", 8, "dtype_code", Loan(|e, _| e.dtype_lanes = 2)),
        ("itemsize", 8, "itemsize", Loan(|e, _| e.itemsize = 4)),
        ("itemsize 0", 8, "itemsize", Loan(|e, _| e.itemsize = 0)),
        ("opaque itemsize", 8, "itemsize", Loan(|e, _| (e.dtype_code, e.itemsize) = (3, -8))),
        ("ndim -1", 5, "ndim", Loan(|e, _| e.ndim = -1)),
        ("ndim huge", 5, "ndim", Loan(|e, _| e.ndim = i32::MAX)),
        ("ndim 0", 4, "process_count", Loan(|e, _| e.ndim = 0)),
        ("ndim 1", 7, "strides", Both(|p| p.strides[0] = 80, |e, _| e.ndim = 1)),
        ("shape negative", 6, "shape", Part(|p| p.shape[0] = -1)),
        ("shape overflow", 7, "shape", Part(|p| p.shape = [1 << 40, 1 << 40])),
        ("shape huge", 7, "shape", Part(|p| p.shape[1] = i64::MAX)),
        ("stride overflow", 7, "strides", Part(|p| p.strides[0] = i64::MAX)),
        ("stride least", 7, "strides", Part(|p| p.strides[0] = i64::MIN)),
        ("stride outside", 7, "strides", Part(|p| p.strides[0] = 48)),
        ("stride below", 7, "strides", Part(|p| p.strides[0] = -40)),
        ("stride 0 to be written", 12, "strides", Part(|p| p.strides[0] = 0)),
        ("stride overlap to be written", 12, "strides", Part(|p| p.strides[0] = 8)),
        ("allocation wraps", 7, "alloc_bytes", Loan(|e, _| e.alloc_bytes = u64::MAX)),
        ("allocation short", 7, "strides", Loan(|e, _| e.alloc_bytes = 159)),
        ("data before base", 7, "strides", Loan(|e, _| e.data = e.data.wrapping_byte_sub(8))),
        ("shape against dims", 6, "shape", Part(|p| p.shape[0] = 3)),
        ("stop beyond size", 5, "stop", Part(|p| p.dims[0].stop = 7)),
        ("start above stop", 5, "stop", Part(|p| p.dims[0].start = 7)),
        ("last does not end", 5, "stop", Part(|p| p.dims[0].size = 7)),
        ("padding negative", 5, "padding", Part(|p| p.dims[0].padding[0] = -1)),
        ("padding too wide", 5, "padding", Part(|p| p.dims[0].padding = [3, 2])),
        ("size negative", 5, "size", Part(|p| p.dims[1].size = -1)),
        ("grid rank", 5, "proc_grid_rank", Part(|p| p.dims[0].proc_grid_rank = 2)),
        ("grid size 0", 5, "proc_grid_size", Part(|p| p.dims[0].proc_grid_size = 0)),
        (
            "grid size huge",
            4,
            "proc_grid_size",
            Part(|p| {
                (p.dims[0].proc_grid_size, p.dims[1].proc_grid_size) = (i64::MAX, i64::MAX);
                (p.dims[1].stop, p.shape[1]) = (4, 4)
            }),
        ),
        ("grid against count", 4, "process_count", Loan(|e, _| e.process_count = 3)),
        ("replicas unsaid", 4, "process_count", Loan(|e, _| e.process_count = 4)),
        ("count 0", 4, "process_count", Loan(|e, _| e.process_count = 0)),
        ("rank outside", 4, "process_rank", Loan(|e, _| e.process_rank = 2)),
        ("rank elsewhere", 4, "process_rank", Loan(|e, _| e.process_rank = 0)),
        ("table without bit", 3, "grid_ranks", Loan(|e, p| e.grid_ranks = p.ranks.as_ptr())),
        ("bit without table", 3, "grid_ranks", Loan(|e, _| e.flags_read = DISTARRAY_R_GRID_MAP)),
        (
            "two grid orders",
            3,
            "flags_read",
            Loan(|e, p| {
                e.grid_ranks = p.ranks.as_ptr();
                e.flags_read = DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR;
            }),
        ),
        (
            "table says otherwise",
            4,
            "process_rank",
            Loan(|e, p| {
                e.grid_ranks = p.ranks.as_ptr();
                e.flags_read = DISTARRAY_R_GRID_MAP;
            }),
        ),
        ("dist_type", 5, "dist_type", Part(|p| p.dims[0].dist_type = 0x6e)),
        ("unknown axis flag", 3, "flags", Part(|p| p.dims[0].flags = 1 << 5)),
        ("flag of another kind", 3, "flags", Part(|p| p.dims[0].flags = DISTARRAY_DIM_ONE_TO_ONE)),
        ("field of another kind", 3, "dist_type", Part(|p| p.dims[0].block_size = 2)),
        ("axis reserved", 3, "reserved", Part(|p| p.dims[1].reserved[2] = 1)),
        ("forgotten axis", 4, "process_count", Part(|p| p.dims[0] = distarray_dim::INIT)),
        ("ghosts unsaid", 3, "flags_read", Part(|p| p.unstructured(4))),
        ("owned too many", 5, "num_owned", Part(|p| p.unstructured(6))),
        (
            "index twice",
            22,
            "indices",
            Part(|p| {
                p.indices[0] = 2;
                p.unstructured(5)
            }),
        ),
        (
            "indices NULL",
            1,
            "indices",
            Part(|p| {
                p.unstructured(5);
                p.dims[1].indices = null()
            }),
        ),
        (
            "indices count",
            5,
            "indices",
            Part(|p| {
                p.unstructured(5);
                p.dims[1].n_indices = -1
            }),
        ),
        (
            "indices length",
            6,
            "shape",
            Part(|p| {
                p.unstructured(4);
                p.dims[1].n_indices = 4
            }),
        ),
    ];
    for (name, status, field, change) in cases {
        let mut producer = Producer::new();
        let mut loan = change.apply(&mut producer);
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

/// What looks odd but is allowed.
#[test]
fn unusual_structs_are_taken() {
    let cases: &[(&str, Change)] = &[
        ("newer minor", Loan(|e, _| e.abi_minor = 9)),
        ("longer struct of a newer minor", Loan(|e, _| e.struct_size = 320)),
        ("allocation not stated", Loan(|e, _| e.alloc_bytes = 0)),
        ("column-major elements", Part(|p| p.strides = [8, 32])),
        ("backwards", Both(|p| p.strides = [-40, -8], |e, _| e.data = e.data.wrapping_byte_add(152))),
        (
            "empty",
            Both(
                |p| (p.shape[0], p.dims[0].start, p.dims[0].padding[0]) = (0, 6, 0),
                |e, _| e.data = null_mut(),
            ),
        ),
        (
            "two replicas",
            Loan(|e, _| {
                e.flags_write = DISTARRAY_W_REPLICATED;
                (e.process_count, e.process_rank) = (4, 3);
            }),
        ),
        (
            "table of ranks",
            Loan(|e, p| {
                (e.grid_ranks, e.process_rank) = (p.ranks.as_ptr(), 0);
                e.flags_read = DISTARRAY_R_GRID_MAP;
            }),
        ),
        ("ghosts", Both(|p| p.unstructured(3), |e, _| e.flags_read = DISTARRAY_R_GHOSTS)),
        (
            "component axis held whole",
            Part(|p| {
                p.dims[1] = distarray_dim { flags: DISTARRAY_DIM_COMPONENT, ..distarray_dim::INIT };
            }),
        ),
        (
            "records",
            Loan(|e, _| {
                e.dtype_code = 3;
                e.format = c"d:value:".as_ptr()
            }),
        ),
        (
            "unsigned bytes of one lane",
            Both(|p| p.strides = [5, 1], |e, _| (e.dtype_code, e.dtype_bits, e.itemsize) = (1, 8, 1)),
        ),
    ];
    for (name, change) in cases {
        let mut producer = Producer::new();
        let mut loan = change.apply(&mut producer);
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

/// Among the messages of many ranks each names its own, and what is to be mended.
#[test]
fn a_refusal_names_its_rank_and_the_way_out() {
    let grid_of_two_by_two = |p: &mut Producer| {
        (p.dims[1].size, p.dims[1].proc_grid_size) = (10, 2);
    };
    let cases: &[(Change, &str)] = &[
        (Part(|p| p.strides[1] = 1), "loan of rank 1, axis 1, strides: float64 elements lie 8 bytes apart"),
        (
            Part(|p| p.strides[0] = 8),
            "loan of rank 1, strides: elements share memory, so they cannot be written: axis 0 must",
        ),
        (Part(|p| p.strides[0] = 8), "(expected 40, found 8)"),
        (Loan(|e, _| e.dtype_bits = 0), "loan of rank 1, dtype_code: float of 0 bits"),
        (Part(|p| p.dims[0].start = 7), "loan of rank 1, axis 0, stop"),
        // A rank that contradicts the axes names nobody.
        (Loan(|e, _| e.process_rank = 0), "process_rank: the axes' grid sizes"),
        (Both(grid_of_two_by_two, |e, _| e.process_count = 4), "set DISTARRAY_R_GRID_COLMAJOR"),
        (
            Both(grid_of_two_by_two, |e, _| {
                (e.process_count, e.process_rank, e.flags_read) = (4, 2, DISTARRAY_R_GRID_COLMAJOR);
            }),
            "take DISTARRAY_R_GRID_COLMAJOR out",
        ),
    ];
    for (change, words) in cases {
        let mut producer = Producer::new();
        let mut loan = change.apply(&mut producer);
        let (_, _, message) = take(&raw mut loan, DISTARRAY_ACCESS_READ_WRITE).unwrap_err();
        assert!(message.contains(words), "{message}");
        assert_eq!(message.starts_with("loan of rank 1, "), !message.contains("A18"), "{message}");
    }
}
