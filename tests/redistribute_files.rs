//! Arrays go from files to files: gathered, dealt out and dealt out otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use distarray::array::{Buffer, Order};
use distarray::comm::Comm;
use distarray::distribution::{Axis, Decomposition, Distribution, Grid};
use distarray::io::{Piece, Target, dnpy, npy, redistribute};
use distarray::protocol::{Dim, DimData, Dist};
use distarray::{ErrorKind, Result};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dnpy")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn set(prefix: &Path, ranks: usize) -> Vec<Piece> {
    (0..ranks).map(|rank| Piece::part(dnpy::rank_path(prefix, rank)).unwrap()).collect()
}

/// Writes one `.npy` file.
fn gather(from: &[Piece], path: &Path) -> Result<()> {
    redistribute(from, Target::Whole(path), &mut |_| Ok(()))
}

/// Without a manifest, which the original does not know.
#[test]
fn a_set_of_the_original_is_read_onto_one_rank() {
    let manifest: Json = serde_json::from_slice(&fs::read(data().join("manifest.json")).unwrap()).unwrap();
    let ranked = |file: &str| dnpy::rank_of_path(&data().join(file)).filter(|(_, rank)| *rank == 0);
    let mut read = 0;
    for (name, array) in manifest["global_arrays"].as_object().unwrap() {
        let first = array["files"][0].as_str().unwrap();
        let Some((prefix, _)) = ranked(first) else { continue };
        let shape: Vec<i64> = serde_json::from_value(array["shape"].clone()).unwrap();
        let axes: Vec<Axis> = shape.iter().map(|&size| Axis::whole(size)).collect();
        let alone = Distribution::new(&Comm::solo(), axes).unwrap();
        let whole = dnpy::read_onto(&prefix, &alone).unwrap();
        let found = sha256(whole.buffer().packed_bytes().unwrap());
        assert_eq!(found, array["sha256_c_order"].as_str().unwrap(), "{name}");
        read += 1;
    }
    assert!(read > 10, "{read} sets");
}

/// Deals a `.npy` file out.
fn deal(source: &Path, prefix: &Path, axes: &[Axis], ranks: usize) -> Result<()> {
    let dealt = Decomposition::new(axes, &Grid::compact(), ranks)?;
    let parts: Result<Vec<_>> =
        (0..ranks).map(|rank| dealt.part(axes, i64::try_from(rank).unwrap())).collect();
    redistribute(&[Piece::whole(source)?], Target::Set { prefix, parts: &parts? }, &mut |_| Ok(()))
}

#[test]
fn sets_of_the_original_become_the_arrays_they_were_saved_from() {
    let manifest: Json = serde_json::from_slice(&fs::read(data().join("manifest.json")).unwrap()).unwrap();
    let arrays = manifest["global_arrays"].as_object().unwrap();
    assert!(arrays.len() > 20);
    let directory = tempfile::tempdir().unwrap();
    for (name, array) in arrays {
        let files = array["files"].as_array().unwrap();
        let pieces: Vec<Piece> =
            files.iter().map(|file| Piece::part(data().join(file.as_str().unwrap())).unwrap()).collect();
        let whole = directory.path().join(format!("{name}.npy"));
        gather(&pieces, &whole).unwrap();
        let header = npy::read_header(&whole).unwrap();
        assert_eq!(serde_json::json!(header.shape()), array["shape"], "{name}");
        assert_eq!(header.descr(), array["dtype"].as_str().unwrap(), "{name}");
        let written = fs::read(&whole).unwrap();
        let elements = &written[usize::try_from(header.offset()).unwrap()..];
        assert_eq!(sha256(elements), array["sha256_c_order"].as_str().unwrap(), "{name}");

        // Dealt out anew and gathered again, nothing has changed.
        let cyclic: Vec<Axis> = header.shape().iter().map(|&size| Axis::cyclic(size, 2)).collect();
        let prefix = directory.path().join(format!("{name}-cyclic"));
        deal(&whole, &prefix, &cyclic, 3).unwrap();
        let again = directory.path().join("again.npy");
        gather(&set(&prefix, 3), &again).unwrap();
        assert_eq!(fs::read(&again).unwrap(), written, "{name}");
    }
}

#[test]
fn halos_are_filled_by_their_owners() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("u.npy");
    let elements: Vec<i64> = (1..=7 * 10).collect();
    npy::write(&source, &Buffer::from_vec(elements, &[7, 10]).unwrap()).unwrap();
    let axes = [Axis::block(7).halo(1), Axis::block(10).halo(2).periodic()];
    let prefix = directory.path().join("u");
    deal(&source, &prefix, &axes, 4).unwrap();
    for rank in 0..4 {
        let part = dnpy::read(dnpy::rank_path(&prefix, rank)).unwrap().downcast::<i64>().unwrap();
        let dims = part.dim_data().dims();
        for ((i, j), &found) in part.view().into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter() {
            let global = |axis: usize, at: usize| dims[axis].global_of(i64::try_from(at).unwrap()).unwrap();
            let (i, j) = (global(0, i), global(1, j).rem_euclid(10));
            let expected = if (0..7).contains(&i) { 1 + i * 10 + j } else { 0 };
            assert_eq!(found, expected, "rank {rank}, element ({i}, {j})");
        }
    }
    let again = directory.path().join("again.npy");
    gather(&set(&prefix, 4), &again).unwrap();
    assert_eq!(fs::read(again).unwrap(), fs::read(source).unwrap());
}

#[test]
fn arrays_of_many_stretches_arrive_in_either_order() {
    let directory = tempfile::tempdir().unwrap();
    // Three stretches of 8 MiB and a bit, cut inside the second axis.
    let shape = [3_i64, 90_001, 3];
    for (name, order) in [("c", Order::C), ("f", Order::Fortran)] {
        let source = directory.path().join(format!("{name}.npy"));
        let mut buffer = Buffer::opaque(&shape, 32, order, None).unwrap();
        let strides: Vec<usize> =
            buffer.layout().strides().iter().map(|&s| usize::try_from(s).unwrap()).collect();
        let bytes = buffer.packed_bytes_mut().unwrap();
        for i in 0..3 {
            for j in 0..90_001 {
                for k in 0..3 {
                    let at = i * strides[0] + j * strides[1] + k * strides[2];
                    bytes[at..at + 8].copy_from_slice(&(i * 1_000_000 + j * 10 + k).to_le_bytes());
                }
            }
        }
        npy::write(&source, &buffer).unwrap();
    }
    let whole = directory.path().join("whole.npy");
    gather(&[Piece::whole(directory.path().join("f.npy")).unwrap()], &whole).unwrap();
    let expected = fs::read(directory.path().join("c.npy")).unwrap();
    assert!(fs::read(&whole).unwrap() == expected);
    let prefix = directory.path().join("p");
    deal(&whole, &prefix, &[Axis::whole(3), Axis::cyclic(90_001, 100), Axis::block(3)], 4).unwrap();
    gather(&set(&prefix, 4), &whole).unwrap();
    assert!(fs::read(&whole).unwrap() == expected);
}

#[test]
fn what_cannot_be_written_whole_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    let write = |rank: usize, indices: Vec<i64>| {
        let rank_number = i64::try_from(rank).unwrap();
        let length = indices.len();
        let dim = Dim::new(4, 2, rank_number, Dist::unstructured(indices)).unwrap();
        let part = distarray::array::DistArray::new(DimData::new([dim]).unwrap(), vec![rank_number; length])
            .unwrap();
        dnpy::write(dnpy::rank_path(&prefix, rank), &part).unwrap();
    };
    let target = directory.path().join("whole.npy");
    // Index 1 is owned twice, 3 by nobody.
    write(0, vec![0, 1]);
    write(1, vec![1, 2]);
    let error = gather(&set(&prefix, 2), &target).unwrap_err();
    assert_eq!((error.kind(), error.axis()), (ErrorKind::Partition, Some(0)));
    assert!(error.to_string().contains("index 3"), "{error}");
    // One rank missing, ranks out of order, another element type.
    for pieces in [&set(&prefix, 1)[..], &{ [set(&prefix, 2).remove(1), set(&prefix, 2).remove(0)] }] {
        assert_eq!(gather(pieces, &target).unwrap_err().kind(), ErrorKind::Grid);
    }
    assert_eq!(gather(&[], &target).unwrap_err().kind(), ErrorKind::Grid);
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    // Owned once, by the lowest rank that says so.
    write(1, vec![2, 3]);
    gather(&set(&prefix, 2), &target).unwrap();
    let whole = npy::read(target).unwrap();
    assert_eq!(
        whole.copy_bytes().as_chunks::<8>().0.iter().map(|b| i64::from_ne_bytes(*b)).collect::<Vec<_>>(),
        [0, 0, 1, 1]
    );
}
