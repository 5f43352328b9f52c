//! Files that are wrong, cut or changed are refused by name, and cost nothing:
//! no panic, and no allocation larger than the file.
#![allow(unsafe_code)] // the allocator that watches

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use distarray::io::{dnpy, npy};
use distarray::{Error, ErrorKind};
use serde_json::Value as Json;

thread_local! {
    /// Largest piece of memory that this thread asked for.
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, remembering what it was asked for.
struct Watch;

// SAFETY: every call is the system allocator's own.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dnpy")
}

/// Reads hostile bytes, and checks what that cost and what came of it.
fn read(bytes: &[u8], name: &str) -> Result<(), Error> {
    LARGEST.set(0);
    let outcome = dnpy::read_bytes(bytes);
    let largest = LARGEST.get();
    // A value of the literal is larger than the two bytes it may be written in.
    assert!(largest <= 4096 + 24 * bytes.len(), "{name}: {largest} bytes for a file of {}", bytes.len());
    let array = outcome?;
    let held = array.buffer().layout().len() * array.buffer().layout().itemsize();
    assert!(held <= bytes.len(), "{name}: {held} bytes out of {}", bytes.len());
    array.dim_data().check_strict(array.buffer().shape())
}

#[test]
fn every_corrupt_file_is_refused_by_offset_or_field() {
    let manifest = fs::read(data().join("corrupt/manifest.json")).unwrap();
    let manifest: Json = serde_json::from_slice(&manifest).unwrap();
    let files = manifest["files"].as_array().unwrap();
    assert_eq!(files.len(), 114);
    for file in files {
        let name = file["file"].as_str().unwrap();
        let path = data().join("corrupt").join(name);
        let outcome = read(&fs::read(&path).unwrap(), name);
        if matches!(file["reject"].as_str(), Some("must" | "should")) {
            let error = outcome.expect_err(name);
            assert!(error.field().is_some() || error.to_string().contains("at byte"), "{name}: {error}");
            // The lenient reader mends nothing of this, and names the file.
            let lenient = dnpy::read_lenient(&path).expect_err(name);
            assert!(lenient.to_string().contains(name), "{name}: {lenient}");
        }
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let refusal = |name: &str| dnpy::read(data().join("corrupt").join(name)).unwrap_err();
    let cases = [
        ("magic_case", ErrorKind::Syntax, "magic", "no .dnpy file begins here"),
        ("version_2_0", ErrorKind::Version, "version", "version 2.0 of .dnpy is for lists behind the header"),
        ("trunc_mid_header", ErrorKind::Syntax, "header", "at byte 10 (expected 150, found 75)"),
        ("header_nul", ErrorKind::Syntax, "header", "the byte 0x00, at byte 77"),
        (
            "header_code_import",
            ErrorKind::Syntax,
            "header",
            "a name that is no constant of a literal, at byte 10",
        ),
        ("dd_shape_mismatch", ErrorKind::Shape, "shape", "(expected 7, found 6)"),
        ("dd_stop_gt_size", ErrorKind::Range, "stop", "(expected 6, found 9)"),
        ("npy_object", ErrorKind::DType, "descr", "\"|O\" is no element type"),
        ("npy_pickle", ErrorKind::Syntax, "npy magic", "a pickle is never read"),
        ("npy_shape_gt_data", ErrorKind::Shape, "shape", ""),
        ("npy_shape_huge", ErrorKind::Shape, "shape", ""),
        ("npy_float16_be_ok_but_short", ErrorKind::Syntax, "data", "(expected 12, found 11)"),
    ];
    for (name, kind, field, text) in cases {
        let error = refusal(&format!("{name}.dnpy"));
        let shown = error.to_string();
        let found = (error.kind(), error.field());
        assert_eq!(found, (kind, Some(field)), "{name}: {shown}");
        assert!(shown.contains(text), "{name}: {shown}");
    }
}

/// One of every sort of header and element.
const SAMPLES: [&str; 8] = [
    "real/bb2x2_3.dnpy",
    "real/c1d_f4_1.dnpy",
    "synthetic/u_array_be.dnpy",
    "synthetic/dtype_struct_sub.dnpy",
    "synthetic/order_f_3d.dnpy",
    "synthetic/pad_periodic.dnpy",
    "dialects/npy_v2_small.dnpy",
    "dialects/distarray_0.5_numpy1.9_doubled_magic.dnpy",
];

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    for name in SAMPLES {
        let whole = fs::read(data().join(name)).unwrap();
        assert!(read(&whole, name).is_ok());
        for length in 0..whole.len() {
            let error = read(&whole[..length], name).expect_err(name);
            assert!(error.field().is_some(), "{name} cut to {length}: {error}");
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_is_read_or_refused() {
    for name in SAMPLES {
        let whole = fs::read(data().join(name)).unwrap();
        let mut changed = whole.clone();
        for at in 0..whole.len() {
            let bits = (0..8).map(|bit| whole[at] ^ (1 << bit));
            for byte in bits.chain([0, 0xff, b'9', b'(', b'\'', b',']) {
                changed[at] = byte;
                if let Err(error) = read(&changed, name) {
                    let shown = error.to_string();
                    assert!(error.field().is_some() || shown.contains("at byte"), "{name}, {at}: {shown}");
                }
            }
            changed[at] = whole[at];
        }
    }
}

#[test]
fn an_npy_file_cut_or_changed_is_read_or_refused() {
    let whole = fs::read(data().join("synthetic/dtype_struct_sub.dnpy")).unwrap();
    let start = whole.windows(6).position(|window| window == b"\x93NUMPY").unwrap();
    let whole = &whole[start..];
    for at in 0..whole.len() {
        assert!(npy::read_bytes(&whole[..at]).is_err());
        let mut changed = whole.to_vec();
        for byte in 0..=255 {
            changed[at] = byte;
            LARGEST.set(0);
            let _ = npy::read_bytes(&changed);
            assert!(LARGEST.get() <= 4096 + 24 * whole.len());
        }
    }
}
