//! Every `.dnpy` file of the original is read with its stated content and
//! written back the same.

use std::fs;
use std::path::{Path, PathBuf};

use distarray::Result;
use distarray::array::{AnyArray, DType, DistArray};
use distarray::io::dnpy;
use distarray::protocol::{Dim, DimData, Dist};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dnpy")
}

fn manifest() -> Json {
    serde_json::from_slice(&fs::read(data().join("manifest.json")).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Leading elements as the manifest spells them; `None` for opaque ones.
fn first_values(array: &AnyArray, count: usize) -> Option<Vec<Json>> {
    let bytes = array.buffer().copy_bytes();
    let real = |x: f64| {
        if x.is_finite() { json!(x) } else { json!(format!("{x}").to_lowercase()) }
    };
    macro_rules! numbers {
        ($type:ty, $value:expr) => {{
            let (elements, _) = bytes.as_chunks::<{ size_of::<$type>() }>();
            elements.iter().take(count).map(|bytes| $value(<$type>::from_ne_bytes(*bytes))).collect()
        }};
    }
    let wide: Vec<Json> = match array.dtype() {
        DType::BOOL => numbers!(u8, |x| json!(x == 1)),
        DType::I8 => numbers!(i8, |x| json!(x)),
        DType::I16 => numbers!(i16, |x| json!(x)),
        DType::I32 => numbers!(i32, |x| json!(x)),
        DType::I64 => numbers!(i64, |x| json!(x)),
        DType::U8 => numbers!(u8, |x| json!(x)),
        DType::U16 => numbers!(u16, |x| json!(x)),
        DType::U32 => numbers!(u32, |x| json!(x)),
        DType::U64 => numbers!(u64, |x| json!(x)),
        DType::F16 => numbers!(u16, |x| real(half::f16::from_bits(x).to_f64())),
        DType::F32 => numbers!(f32, |x| real(f64::from(x))),
        DType::F64 => numbers!(f64, real),
        DType::C64 => {
            let (pairs, _) = bytes.as_chunks::<8>();
            let part = |bytes: &[u8]| f64::from(f32::from_ne_bytes(bytes.try_into().unwrap()));
            pairs.iter().take(count).map(|b| json!([part(&b[..4]), part(&b[4..])])).collect()
        }
        DType::C128 => {
            let (pairs, _) = bytes.as_chunks::<16>();
            let part = |bytes: &[u8]| f64::from_ne_bytes(bytes.try_into().unwrap());
            pairs.iter().take(count).map(|b| json!([part(&b[..8]), part(&b[8..])])).collect()
        }
        _ => return None,
    };
    Some(wide)
}

/// The keys of the protocol, with those left out at their defaults.
fn assert_dim(ours: &Dim, theirs: &Json, name: &str) {
    let number = |key: &str, default: Option<i64>| {
        let given = theirs.get(key).map(|value| value.as_i64().unwrap());
        given.or(default).unwrap_or_else(|| panic!("{name}: {key}"))
    };
    assert_eq!(ours.size(), number("size", None), "{name}");
    assert_eq!(ours.proc_grid_size(), number("proc_grid_size", None), "{name}");
    assert_eq!(ours.proc_grid_rank(), number("proc_grid_rank", None), "{name}");
    let expected = match theirs["dist_type"].as_str().unwrap() {
        "b" => {
            let padding =
                theirs.get("padding").map_or([0, 0], |p| [p[0].as_i64().unwrap(), p[1].as_i64().unwrap()]);
            let periodic = theirs.get("periodic").is_some_and(|p| p.as_bool().unwrap());
            let (start, stop) = (number("start", None), number("stop", None));
            Dist::Block { start, stop, padding, periodic, edge_outside: false }
        }
        "c" => {
            let block_size = number("block_size", Some(1));
            Dist::Cyclic { start: number("start", None), block_size, first_block: block_size }
        }
        "u" => {
            let indices: Vec<i64> =
                theirs["indices"].as_array().unwrap().iter().map(|i| i.as_i64().unwrap()).collect();
            let num_owned = i64::try_from(indices.len()).unwrap();
            let one_to_one = theirs.get("one_to_one").is_some_and(|o| o.as_bool().unwrap());
            Dist::Unstructured { indices: indices.into(), num_owned, one_to_one }
        }
        // DistArray's own word for an axis that is not distributed.
        "n" => Dist::block(0, ours.size()),
        other => panic!("{name}: {other}"),
    };
    assert_eq!(ours.dist(), &expected, "{name}");
}

#[test]
fn every_file_of_the_original_is_read_with_its_stated_content() {
    let manifest = manifest();
    let files = manifest["files"].as_array().unwrap();
    assert_eq!(files.len(), 160);
    for file in files {
        let name = file["file"].as_str().unwrap();
        let (array, _) = dnpy::read_lenient(data().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let shape: Vec<i64> = serde_json::from_value(file["shape"].clone()).unwrap();
        assert_eq!(array.buffer().shape(), shape, "{name}");
        assert_eq!(json!(array.buffer().layout().itemsize()), file["itemsize"], "{name}");
        let dims = file["dim_data"].as_array().unwrap();
        assert_eq!(array.dim_data().ndim(), dims.len(), "{name}");
        for (ours, theirs) in array.dim_data().dims().iter().zip(dims) {
            assert_dim(ours, theirs, name);
        }
        if let Some(theirs) = file.get("first_values").and_then(Json::as_array)
            && let Some(ours) = first_values(&array, theirs.len())
        {
            assert_eq!(&ours, theirs, "{name}");
        }
        // Numbers are native here, so compare with the little-endian sum.
        let sum = file.get("data_sha256_c_order_le").unwrap_or(&file["data_sha256_c_order"]);
        let bytes = array.buffer().copy_bytes();
        match name {
            "synthetic/dtype_bool_odd_bytes.dnpy" => assert_eq!(bytes, [0, 1, 1, 1, 0, 1]),
            // Its sum took in padding that NumPy leaves uninitialised; the file has zeros.
            "synthetic/dtype_struct_aligned.dnpy" => assert_eq!(bytes, [0; 96]),
            _ if cfg!(target_endian = "big") => {}
            _ => assert_eq!(&json!(sha256(&bytes)), sum, "{name}"),
        }
    }
}

#[test]
fn the_strict_reader_refuses_only_what_the_protocol_does_not_say() {
    for file in manifest()["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let outcome = dnpy::read(data().join(name));
        match name {
            "synthetic/n_dist.dnpy" => {
                let error = outcome.unwrap_err();
                assert_eq!((error.axis(), error.field()), (Some(1), Some("dist_type")));
            }
            _ => assert!(outcome.is_ok(), "{name}: {outcome:?}"),
        }
    }
}

#[test]
fn repairs_are_reported() {
    let repairs = |name: &str| {
        let (_, repairs) = dnpy::read_lenient(data().join(name)).unwrap();
        repairs.iter().map(|repair| (repair.axis, repair.key.clone())).collect::<Vec<_>>()
    };
    assert_eq!(repairs("real/b1d_f8_0.dnpy"), []);
    assert_eq!(repairs("dialects/dim_data_list.dnpy"), [(None, "dim_data".to_string())]);
    assert_eq!(repairs("synthetic/n_dist.dnpy"), [(Some(1), "dist_type".to_string())]);
    assert_eq!(repairs("synthetic/unicode_value.dnpy"), [(Some(0), "name".to_string())]);
}

/// Why a file of the original is not written back byte for byte.
fn rewritten_otherwise(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix("synthetic/")?.strip_suffix(".dnpy")? {
        "dtype_be_U3" => return None,
        name if name.starts_with("dtype_be") => "numbers become native",
        "order_f_3d" => "numbers become native",
        "dtype_bool_odd_bytes" => "truth values become 0 and 1",
        name if name.starts_with("u_") => "indices become a list",
        "n_dist" => "'n' becomes 'b'",
        "unicode_value" => "a key that the protocol does not know is dropped",
        _ => return None,
    })
}

#[test]
fn files_of_the_original_are_written_back_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("again.dnpy");
    let mut identical = 0;
    for file in manifest()["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let (array, _) = dnpy::read_lenient(data().join(name)).unwrap();
        dnpy::write(&path, &array).unwrap();
        let (theirs, ours) = (fs::read(data().join(name)).unwrap(), fs::read(&path).unwrap());
        if name.starts_with("dialects/") || rewritten_otherwise(name).is_some() {
            // Written otherwise, but saying the same: from here on nothing changes.
            let again = dnpy::read(&path).unwrap();
            assert_eq!(again.dim_data(), array.dim_data(), "{name}");
            assert_eq!(again.buffer().copy_bytes(), array.buffer().copy_bytes(), "{name}");
        } else {
            assert!(ours == theirs, "{name} differs");
            identical += 1;
        }
    }
    assert_eq!(identical, 129);
}

/// The parts of each array, put together by the owned indices of every rank,
/// are the array that DistArray saved.
#[test]
fn sets_of_the_original_make_their_global_arrays() {
    for (name, global) in manifest()["global_arrays"].as_object().unwrap() {
        let shape: Vec<i64> = serde_json::from_value(global["shape"].clone()).unwrap();
        let count = usize::try_from(shape.iter().product::<i64>()).unwrap();
        let mut elements: Vec<Option<Vec<u8>>> = vec![None; count];
        for file in global["files"].as_array().unwrap() {
            let array = dnpy::read(data().join(file.as_str().unwrap())).unwrap();
            assert_eq!(array.dim_data().global_shape(), shape, "{name}");
            let size = array.buffer().layout().itemsize();
            let bytes = array.buffer().copy_bytes();
            for (position, element) in global_positions(array.dim_data(), &shape).zip(bytes.chunks(size)) {
                assert!(elements[position].replace(element.to_vec()).is_none(), "{name}: {position} twice");
            }
        }
        let whole: Vec<u8> =
            elements.into_iter().flat_map(|e| e.expect("every element is somewhere")).collect();
        assert_eq!(json!(sha256(&whole)), global["sha256_c_order"], "{name}");
    }
}

/// Row-major position in the global array of each element held, from the rules
/// of the protocol alone.
fn global_positions(dim_data: &DimData, shape: &[i64]) -> std::vec::IntoIter<usize> {
    let mut positions = vec![0_i64];
    for (dim, extent) in dim_data.dims().iter().zip(shape) {
        let held: Vec<i64> = match dim.dist() {
            Dist::Block { start, stop, .. } => (*start..*stop).collect(),
            Dist::Cyclic { block_size, .. } => {
                let turn = |i: &i64| i / block_size % dim.proc_grid_size() == dim.proc_grid_rank();
                (0..*extent).filter(turn).collect()
            }
            Dist::Unstructured { indices, .. } => indices.to_vec(),
        };
        positions = positions.iter().flat_map(|p| held.iter().map(move |i| p * extent + i)).collect();
    }
    let positions: Vec<usize> = positions.into_iter().map(|p| usize::try_from(p).unwrap()).collect();
    positions.into_iter()
}

fn scattered(indices: Vec<i64>) -> Result<DistArray<u8>> {
    let size = indices.iter().max().unwrap() + 1;
    let elements = vec![7; indices.len()];
    DistArray::new(DimData::new([Dim::new(size, 2, 1, Dist::unstructured(indices))?])?, elements)
}

/// Version 2.0 begins with the first index that the header of 1.0 has no room for.
#[test]
fn lists_too_long_for_the_header_follow_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("u.dnpy");
    for step in [1, 7, 1_000_003] {
        let indices = |n: i64| (0..n).map(|i| i * step).collect::<Vec<_>>();
        let version = |n: i64| {
            let array = scattered(indices(n)).unwrap();
            dnpy::write(&path, &array).unwrap();
            let again = dnpy::read(&path).unwrap();
            assert_eq!(again.dim_data(), array.dim_data());
            assert_eq!(again.buffer().copy_bytes(), array.as_any().buffer().copy_bytes());
            fs::read(&path).unwrap()[6]
        };
        // By halving: so many fit, and not one more.
        let (mut fits, mut too_many) = (4_000, 24_000);
        while too_many - fits > 1 {
            let n = i64::midpoint(fits, too_many);
            *(if version(n) == 1 { &mut fits } else { &mut too_many }) = n;
        }
        let text = |n: i64| indices(n).iter().map(|i| i.to_string().len() + 2).sum::<usize>();
        assert!(text(fits) < 65_524 && text(too_many) + 200 > 65_524, "{fits} indices, step {step}");
        let ten_bytes_each = 200_000;
        assert_eq!(version(ten_bytes_each), 2);
        let length = i64::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        assert!((9 * ten_bytes_each..9 * ten_bytes_each + 1000).contains(&length), "{length}");
    }
}

#[test]
fn ten_million_indices_are_written_and_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("u.dnpy");
    let array = scattered((0..10_000_000).rev().collect()).unwrap();
    dnpy::write(&path, &array).unwrap();
    let again = dnpy::read(&path).unwrap();
    assert_eq!(again.dim_data(), array.dim_data());
}

#[test]
fn what_only_version_1_can_say_is_marked_so_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("halo.dnpy");
    let dist = Dist::Block { start: -1, stop: 3, padding: [1, 1], periodic: true, edge_outside: true };
    let dim_data = DimData::new([Dim::new(4, 2, 0, dist).unwrap()]).unwrap();
    let array = DistArray::new(dim_data.clone(), vec![1.0_f64, 2.0, 3.0, 4.0]).unwrap();
    dnpy::write(&path, &array).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(String::from_utf8_lossy(&bytes[..128]).contains("{'__version__': '1.0.0', 'dim_data': ("));
    let again = dnpy::read(&path).unwrap();
    assert_eq!(again.dim_data(), &dim_data);
    assert_eq!(again.buffer().copy_bytes(), array.as_any().buffer().copy_bytes());
}

/// NumPy's magic, read as a length, is 20115: which of the two it is, the next
/// bytes say.
#[test]
fn a_header_as_long_as_a_doubled_magic_is_read() {
    let whole = fs::read(data().join("real/b1d_f8_0.dnpy")).unwrap();
    let npy = whole.windows(6).position(|window| window == b"\x93NUMPY").unwrap();
    let mut file = whole[..8].to_vec();
    file.extend(b"\x93N");
    file.extend(&whole[10..npy]);
    file.resize(10 + 20_115, b' ');
    file.extend(&whole[npy..]);
    let (array, original) = (dnpy::read_bytes(&file).unwrap(), dnpy::read_bytes(&whole).unwrap());
    assert_eq!(array.dim_data(), original.dim_data());
    assert_eq!(array.buffer().copy_bytes(), original.buffer().copy_bytes());
}
