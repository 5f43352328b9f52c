//! `.npy` files are exchanged with NumPy itself, byte for byte.
#![allow(unsafe_code)] // one test lends its own memory with strides

use std::fs;
use std::path::Path;
use std::process::Command;

use distarray::array::{Access, Buffer, DType, Layout, Order, Owner, RawBuffer};
use distarray::io::npy;
use distarray::{Error, ErrorKind};

/// Debian's Python, whose NumPy is the oracle here.
fn numpy(script: &str, directory: &Path) -> String {
    let output = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .current_dir(directory)
        .output()
        .expect("this test compares with NumPy: install python3-numpy");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "NumPy refused: {message}");
    String::from_utf8(output.stdout).unwrap()
}

/// Saves arrays of every kind twice: as they are, and as we should write them.
const SAVE: &str = r#"
import numpy as np
# Newer versions leave blanks for a shape that grows.
np.lib.format.GROWTH_AXIS_MAX_DIGITS = 0
count = 0
def save(a):
    global count
    np.save(f"{count}.npy", a)
    native = a if a.dtype.names or a.dtype.kind in "SUVmM" else a.astype(a.dtype.newbyteorder("="))
    np.save(f"{count}.expected.npy", native)
    count += 1
numbers = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
for dtype in numbers + [">" + d for d in numbers[2:]]:
    a = np.arange(-3, 21).astype(dtype).reshape(2, 3, 4)
    save(a)
    save(np.asfortranarray(a))
    save(a[0, 0, 0])
    save(a[:, :0])
    save(a[:, :1, :1].copy())
for dtype in ["S5", "U3", ">U3", "V5", "<M8[ns]", ">m8[25us]", "M8", "g", "G"]:
    save(np.arange(6).astype("S5").astype(dtype) if dtype[0] in "SVU>" and "m" not in dtype
         else np.arange(6).astype("i8").astype(dtype))
save(np.zeros(3, [("a", "<i4"), ("b", ">f8"), ("c", "S3")]))
save(np.zeros((2, 2), np.dtype([("a", "i1"), ("b", "f8")], align=True)))
save(np.zeros((), [("m", "<f4", (2, 3)), ("n", [("x", "<i2"), ("y", "u1", 4), ("d", "<M8[D]")])]))
save(np.zeros(2, [("größe", "f8"), ("it's", "?")]))
save(np.zeros(1, [(f"field_number_{i}", "f8") for i in range(3000)]))
save(np.zeros((1,) * 20))
print(count)
"#;

#[test]
fn what_numpy_saves_is_read_and_written_back_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let count: usize = numpy(SAVE, directory.path()).trim().parse().unwrap();
    assert!(count > 140);
    for number in 0..count {
        let theirs = fs::read(directory.path().join(format!("{number}.npy"))).unwrap();
        let expected = fs::read(directory.path().join(format!("{number}.expected.npy"))).unwrap();
        let buffer = npy::read_bytes(&theirs).unwrap();
        let ours = directory.path().join("ours.npy");
        npy::write(&ours, &buffer).unwrap();
        let ours = fs::read(ours).unwrap();
        let header = String::from_utf8_lossy(&theirs[..128.min(theirs.len())]).into_owned();
        assert!(ours == expected, "array {number} differs: {header}");
    }
}

#[test]
fn numpy_takes_our_formats_for_the_types_it_saved() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        r#"[("a", "<i4"), ("b", ">f8"), ("c", "S3")]"#,
        r#"[("m", "<f4", (2, 3)), ("n", [("x", "<i2"), ("y", "u1")])]"#,
        r#"[("a", "i1"), ("", "V7"), ("b", "<f8"), ("z", "<c16"), ("t", "?"), ("h", ">f2")]"#,
        r#""S5""#,
        r#"">U3""#,
        r#""g""#,
    ];
    for case in cases {
        let save = format!(
            "import numpy as np, numpy.lib.format as f\n\
             np.save('a.npy', np.zeros(2, f.descr_to_dtype(np.dtype({case}).descr) \
             if isinstance({case}, list) and ('', 'V7') not in {case} else np.dtype({case}) \
             if isinstance({case}, str) else f.descr_to_dtype({case})))"
        );
        numpy(&save, directory.path());
        let buffer = npy::read(directory.path().join("a.npy")).unwrap();
        assert_eq!(buffer.dtype(), DType::OPAQUE);
        let format = buffer.format().unwrap();
        let check = format!(
            "import numpy as np\n\
             from numpy.core._internal import _dtype_from_pep3118\n\
             saved = np.load('a.npy').dtype\n\
             read = _dtype_from_pep3118('{format}')\n\
             assert saved == read or saved.fields == read.fields, (saved, read)\n\
             assert saved.itemsize == {}, saved",
            buffer.layout().itemsize()
        );
        numpy(&check, directory.path());
    }
}

#[test]
fn elements_with_strides_are_written_in_row_major_order() {
    let memory: Vec<i16> = (0..24).collect();
    // Every other column, backwards, of the lower rows of a 4 by 6 matrix.
    let layout = Layout::strided(&[2, 3], &[12, -4], 2).unwrap();
    let raw = RawBuffer {
        data: memory[17..].as_ptr().cast_mut().cast(),
        dtype: DType::I16,
        layout,
        access: Access::Read,
        allocation: None,
        format: None,
    };
    // SAFETY: elements 13 to 23 of `memory` are reached, which the owner keeps.
    let buffer = unsafe { Buffer::from_raw(raw, <dyn Owner>::keep(memory)) }.unwrap();
    let directory = tempfile::tempdir().unwrap();
    npy::write(directory.path().join("a.npy"), &buffer).unwrap();
    let printed = numpy("import numpy as np; print(np.load('a.npy').tolist())", directory.path());
    assert_eq!(printed.trim(), "[[17, 15, 13], [23, 21, 19]]");
}

#[test]
fn column_major_memory_stays_column_major() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    let mut buffer = Buffer::zeros(DType::F64, &[3, 4], Order::Fortran).unwrap();
    buffer.packed_bytes_mut().unwrap().iter_mut().zip(0..).for_each(|(byte, number)| *byte = number);
    npy::write(&path, &buffer).unwrap();
    let again = npy::read(&path).unwrap();
    assert!(again.layout().is_packed(Order::Fortran));
    assert_eq!(again.packed_bytes(), buffer.packed_bytes());
}

#[test]
fn a_truth_value_other_than_0_and_1_becomes_1() {
    let buffer = npy::read_bytes(&file(&header("'|b1'", "(4,)"), &[0, 1, 2, 255])).unwrap();
    assert_eq!(buffer.packed_bytes().unwrap(), [0, 1, 1, 1]);
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap();
    [b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), header.as_bytes(), data].concat()
}

fn refusal(header: &str) -> Error {
    npy::read_bytes(&file(header, &[0; 64])).expect_err(header)
}

#[test]
fn element_types_that_are_not_plain_bytes_are_refused() {
    for descr in [
        "'|O'",
        "'O8'",
        "'|O8'",
        "'<f3'",
        "'f8'",
        "'float64'",
        "'<f8,<i4'",
        "'|V0'",
        "'|S0'",
        "'<U0'",
        "None",
        "8",
        "'<i08'",
        "'<i+8'",
        "'<i-8'",
        "'<f8[ns]'",
        "'<M8[ns'",
        "'<M8[]'",
        "'<M8[n]s]'",
        "'<U4611686018427387904'",
        "'<S99999999999999999999'",
        "[]",
        "[('a', '|O')]",
        "[('a', '<i4'), ('a', '<i4')]",
        "[('', '<i4')]",
        "[('a',)]",
        "['<i4']",
        "('<i4', (2,))",
        "[('a', '<i4', 2)]",
        "[('a', '<i4', (0,))]",
        "[('a', '<i4', (-1,))]",
        "[('a', '<i4', (4294967296, 4294967296))]",
        "''",
        "'<'",
    ] {
        let error = refusal(&header(descr, "(1,)"));
        assert_eq!((error.kind(), error.field()), (ErrorKind::DType, Some("descr")), "{descr}: {error}");
    }
}

#[test]
fn shapes_that_the_bytes_cannot_fill_are_refused() {
    for shape in ["6", "[6]", "(6.0,)", "(True,)", "('6',)", "(9223372036854775808,)", "None"] {
        assert_eq!(refusal(&header("'<f8'", shape)).field(), Some("shape"), "{shape}");
    }
    for shape in [
        "(-1,)",
        "(-6, -1)",
        "(4294967296, 4294967296)",
        "(2305843009213693953,)",
        "(0, 4294967296, 4294967296)",
        "(9223372036854775807,)",
    ] {
        assert_eq!(refusal(&header("'<f8'", shape)).field(), Some("shape"), "{shape}");
    }
    let error = refusal(&header("'<f8'", "(9,)"));
    assert_eq!((error.field(), error.expected(), error.found()), (Some("data"), Some(72), Some(64)));
    assert_eq!(refusal(&header("'<f8'", "(1099511627776,)")).field(), Some("data"));
    assert!(npy::read_bytes(&file(&header("'<f8'", "(0,)"), &[])).is_ok());
}

#[test]
fn header_keys_are_exactly_numpys() {
    for header in [
        "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}",
        "['descr', 'fortran_order', 'shape']",
        "",
    ] {
        assert_eq!(refusal(header).kind(), ErrorKind::Syntax, "{header}");
    }
}

#[test]
fn versions_2_and_3_are_read_in_their_encodings() {
    let make = |version: u8, name: &[u8]| {
        let header = [b"{'descr': [('", name, b"', '|u1')], 'fortran_order': False, 'shape': (1,)}"].concat();
        let length = u32::try_from(header.len()).unwrap();
        [b"\x93NUMPY", [version, 0].as_slice(), &length.to_le_bytes(), &header, &[7]].concat()
    };
    for (version, name) in [(2, b"\xe9".as_slice()), (3, "é".as_bytes())] {
        let buffer = npy::read_bytes(&make(version, name)).unwrap();
        assert_eq!(buffer.format().unwrap().as_ref(), "T{B:é:}", "version {version}");
    }
    assert_eq!(npy::read_bytes(&make(3, b"\xe9")).unwrap_err().field(), Some("npy header"));
    assert_eq!(npy::read_bytes(&make(4, b"e")).unwrap_err().kind(), ErrorKind::Version);
    let claim = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes(), b"{}"].concat();
    assert_eq!(npy::read_bytes(&claim).unwrap_err().field(), Some("npy header"));
}

#[test]
fn a_type_that_numpy_lacks_is_refused_before_the_file_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    fs::write(&path, "before").unwrap();
    let buffer = Buffer::zeros(DType::BF16, &[3], Order::C).unwrap();
    assert_eq!(npy::write(&path, &buffer).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(fs::read(&path).unwrap(), b"before");
}

#[test]
fn records_that_numpy_cannot_express_are_written_as_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    let deep = format!("{}<i{}", "T{".repeat(16), ":x:}".repeat(16));
    let cases = [
        // Native alignment, unnamed and equal names, another size, nonsense.
        ("T{i:a:>d:b:}", 16),
        ("T{<i<d}", 12),
        ("T{<i:a:<i:a:}", 8),
        ("T{<i:a:}", 8),
        ("(2)<i", 8),
        ("O", 8),
        ("T{", 8),
        ("<M8[ns", 8),
        ("é", 8),
        ("99999999999999999999s", 8),
        (deep.as_str(), 4),
    ];
    for (format, itemsize) in cases {
        let buffer = Buffer::opaque(&[3], itemsize, Order::C, Some(format.into())).unwrap();
        npy::write(&path, &buffer).unwrap();
        let again = npy::read(&path).unwrap();
        assert_eq!(again.format().unwrap().as_ref(), format!("{itemsize}x"), "{format}");
    }
    assert_eq!(Buffer::opaque(&[3], 0, Order::C, None).unwrap_err().field(), Some("itemsize"));
}
