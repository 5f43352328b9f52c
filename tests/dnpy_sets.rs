//! Sets of `.dnpy` files, one per rank, are read and written by all ranks alike.

use std::fs;
use std::path::{Path, PathBuf};

use distarray::array::DistArray;
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution};
use distarray::io::dnpy;
use distarray::protocol::{Dim, DimData, Dist};
use distarray::{Error, ErrorKind};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dnpy/real")
}

/// This rank's part of 0, 1, ..., 9 in blocks of three, plus `offset`.
fn part(comm: &Comm, offset: i64) -> DistArray<i64> {
    let (rank, ranks) = (i64::try_from(comm.rank()).unwrap(), i64::try_from(comm.size()).unwrap());
    let (start, stop) = ((rank * 3).min(10), (rank * 3 + 3).min(10));
    let dim = Dim::new(10, ranks, rank, Dist::block(start, stop)).unwrap();
    DistArray::new(DimData::new([dim]).unwrap(), (start + offset..stop + offset).collect()).unwrap()
}

/// The one error that every rank returned.
fn agreed(errors: Vec<Error>) -> Error {
    assert!(errors.windows(2).all(|pair| pair[0] == pair[1]), "{errors:?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn a_set_of_the_original_is_read_by_its_ranks() {
    let shapes = comm::threads(4, |comm| {
        let array = dnpy::read_rank(data().join("bb2x2"), &comm).unwrap();
        array.buffer().shape().to_vec()
    });
    assert_eq!(shapes, [[3, 5], [3, 4], [2, 5], [2, 4]]);
}

#[test]
fn a_set_is_written_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    for ranks in [4, 5] {
        comm::threads(ranks, |comm| {
            dnpy::write_rank(&prefix, part(&comm, 7), &comm).unwrap();
            let again = dnpy::read_rank(&prefix, &comm).unwrap().downcast::<i64>().unwrap();
            assert_eq!(again.view(), part(&comm, 7).view());
            assert_eq!(again.dim_data(), part(&comm, 7).dim_data());
        });
    }
    // Who takes the prefix for a file is told so.
    assert!(dnpy::read(&prefix).unwrap_err().to_string().contains("a set with this prefix"));
    // The trailing part is empty, and its file is there all the same.
    assert_eq!(dnpy::read(directory.path().join("u_4.dnpy")).unwrap().buffer().shape(), [0]);
}

#[test]
fn a_set_of_another_size_is_refused_on_every_rank() {
    for ranks in [1, 2, 3] {
        let error =
            agreed(comm::threads(ranks, |comm| dnpy::read_rank(data().join("bb2x2"), &comm).unwrap_err()));
        assert_eq!((error.kind(), error.field()), (ErrorKind::Grid, Some("proc_grid_size")));
        let found = i64::try_from(ranks).unwrap();
        assert_eq!((error.rank(), error.expected(), error.found()), (Some(0), Some(4), Some(found)));
    }
}

#[test]
fn files_under_each_others_names_are_refused_on_every_rank() {
    let directory = tempfile::tempdir().unwrap();
    for (from, to) in [(0, 0), (2, 1), (1, 2), (3, 3)] {
        let name = |rank| format!("bb2x2_{rank}.dnpy");
        fs::copy(data().join(name(from)), directory.path().join(name(to))).unwrap();
    }
    let error =
        agreed(comm::threads(4, |comm| dnpy::read_rank(directory.path().join("bb2x2"), &comm).unwrap_err()));
    assert_eq!((error.kind(), error.field()), (ErrorKind::Grid, Some("proc_grid_rank")));
    assert_eq!((error.rank(), error.expected(), error.found()), (Some(1), Some(1), Some(2)));
    assert!(error.to_string().contains("bb2x2_1.dnpy"), "{error}");
}

#[test]
fn one_missing_or_broken_file_is_everyones_error() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    let read = || agreed(comm::threads(4, |comm| dnpy::read_rank(&prefix, &comm).unwrap_err()));
    comm::threads(4, |comm| dnpy::write_rank(&prefix, part(&comm, 0), &comm).unwrap());
    let victim = directory.path().join("u_2.dnpy");
    let whole = fs::read(&victim).unwrap();
    fs::write(&victim, &whole[..whole.len() - 1]).unwrap();
    let error = read();
    assert_eq!((error.kind(), error.rank(), error.field()), (ErrorKind::Syntax, Some(2), Some("data")));
    fs::remove_file(&victim).unwrap();
    let error = read();
    assert_eq!((error.kind(), error.rank()), (ErrorKind::Io, Some(2)));
    assert!(error.to_string().contains("u_2.dnpy"), "{error}");
}

#[test]
fn where_one_rank_cannot_write_every_old_file_stays() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    comm::threads(4, |comm| dnpy::write_rank(&prefix, part(&comm, 0), &comm).unwrap());
    let before: Vec<_> =
        [0, 1, 2].map(|rank| fs::read(directory.path().join(format!("u_{rank}.dnpy"))).unwrap()).into();
    fs::remove_file(directory.path().join("u_3.dnpy")).unwrap();
    fs::create_dir(directory.path().join("u_3.dnpy")).unwrap();
    let error =
        agreed(comm::threads(4, |comm| dnpy::write_rank(&prefix, part(&comm, 1), &comm).unwrap_err()));
    assert_eq!((error.kind(), error.rank()), (ErrorKind::Io, Some(3)));
    for (rank, before) in before.iter().enumerate() {
        assert_eq!(&fs::read(directory.path().join(format!("u_{rank}.dnpy"))).unwrap(), before);
    }
    // With the manifest.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 5, "a temporary file was left");
}

#[test]
fn a_part_of_another_rank_or_size_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    let error = agreed(comm::threads(3, |comm| {
        let whole = DimData::new([Dim::whole(2).unwrap()]).unwrap();
        let alone = DistArray::new(whole, vec![1.0, 2.0]).unwrap();
        dnpy::write_rank(&prefix, alone, &comm).unwrap_err()
    }));
    assert_eq!((error.kind(), error.field()), (ErrorKind::Grid, Some("proc_grid_size")));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn any_ranks_read_a_set_in_any_distribution() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    comm::threads(4, |comm| dnpy::write_rank(&prefix, part(&comm, 7), &comm).unwrap());
    let axes = [Axis::block(10).halo(1), Axis::block(10).halo(2).periodic(), Axis::cyclic(10, 3)];
    for (ranks, axis) in [1, 2, 3, 5].into_iter().flat_map(|ranks| axes.clone().map(|axis| (ranks, axis))) {
        comm::threads(ranks, |comm| {
            let d = Distribution::new(&comm, [axis.clone()]).unwrap();
            let read = dnpy::read_onto(&prefix, &d).unwrap().downcast::<i64>().unwrap();
            assert_eq!(read.view(), d.from_fn(|g| g[0] + 7).unwrap().view(), "{axis:?} on {ranks}");
        });
    }
}

#[test]
fn what_hinders_reading_onto_a_distribution_is_everyones_error() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    comm::threads(4, |comm| dnpy::write_rank(&prefix, part(&comm, 0), &comm).unwrap());
    let read = |size| {
        agreed(comm::threads(3, |comm| {
            let d = Distribution::new(&comm, [Axis::block(size)]).unwrap();
            dnpy::read_onto(&prefix, &d).unwrap_err()
        }))
    };
    let error = read(11);
    assert_eq!((error.kind(), error.field()), (ErrorKind::Shape, Some("size")), "{error}");
    // The last byte of a file belongs to its elements.
    let victim = directory.path().join("u_2.dnpy");
    let mut bytes = fs::read(&victim).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&victim, &bytes).unwrap();
    let error = read(10);
    assert_eq!((error.rule(), error.field(), error.rank()), (Some("F11"), Some("crc32"), Some(2)), "{error}");
    fs::remove_file(&victim).unwrap();
    let error = read(10);
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("u_2.dnpy"), "{error}");
}
