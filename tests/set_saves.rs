//! A set of files is replaced as a whole: whatever stops a save, the old files are read or
//! the new ones; files of several saves are never taken for one array.

use std::fs;
use std::path::Path;
use std::process::Command;

use distarray::array::DistArray;
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Decomposition, Grid};
use distarray::io::{Piece, Target, dnpy, redistribute};
use distarray::{Error, ErrorKind, Result};

#[path = "common/stop_files.rs"]
mod stop_files;

use stop_files::{How, Stopper};

const RANKS: usize = 3;
const SIZE: i64 = 1000;

/// This rank's part of `offset`, `offset + 1`, ...
fn part(comm: &Comm, offset: i64) -> DistArray<i64> {
    let axes = [Axis::block(SIZE)];
    let dealt = Decomposition::new(&axes, &Grid::compact(), comm.size()).unwrap();
    let part = dealt.part(&axes, i64::try_from(comm.rank()).unwrap()).unwrap();
    let elements = part.dims()[0].owned_runs().indices().map(|global| global + offset).collect();
    DistArray::new(part, elements).unwrap()
}

fn save(prefix: &Path, offset: i64) -> Vec<Result<()>> {
    comm::threads(RANKS, |comm| dnpy::write_rank(prefix, part(&comm, offset), &comm))
}

fn saved(prefix: &Path, offset: i64) {
    save(prefix, offset).into_iter().for_each(|outcome| outcome.unwrap());
}

/// The offset that all elements of all ranks have.
fn load(prefix: &Path) -> Result<i64> {
    let parts = comm::threads(RANKS, |comm| dnpy::read_rank(prefix, &comm)?.downcast::<i64>());
    let parts: Vec<DistArray<i64>> = parts.into_iter().collect::<Result<_>>()?;
    let elements: Vec<i64> =
        parts.iter().flat_map(|part| part.view().iter().copied().collect::<Vec<_>>()).collect();
    let offset = elements[0];
    assert_eq!(elements, (offset..offset + SIZE).collect::<Vec<_>>(), "a mixture was read");
    Ok(offset)
}

fn refusal(prefix: &Path) -> Error {
    let errors = comm::threads(RANKS, |comm| dnpy::read_rank(prefix, &comm).unwrap_err());
    assert!(errors.windows(2).all(|pair| pair[0] == pair[1]), "{errors:?}");
    errors.into_iter().next().unwrap()
}

fn pieces(prefix: &Path) -> Vec<Piece> {
    let manifest = dnpy::Manifest::open(prefix).unwrap().unwrap();
    manifest.members().map(|member| Piece::member(member.unwrap()).unwrap()).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const WHOLE: [&str; 4] = ["u.manifest", "u_0.dnpy", "u_1.dnpy", "u_2.dnpy"];

/// Names the prefix in a process that saves once.
const CHILD: &str = "DISTARRAY_TEST_SAVE";

/// A process that saves with offset 1000.
fn child(test: &str, prefix: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, prefix);
    command
}

#[test]
fn whatever_stops_a_save_all_of_the_old_or_all_of_the_new_set_is_read() {
    if let Some(prefix) = std::env::var_os(CHILD) {
        return saved(Path::new(&prefix), 1000);
    }
    let test = "whatever_stops_a_save_all_of_the_old_or_all_of_the_new_set_is_read";
    let stopper = Stopper::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    saved(&prefix, 0);
    let changes = stopper.changes(&mut child(test, &prefix));
    saved(&prefix, 0);
    assert!(changes > 20, "{changes}");
    for with_manifest in [true, false] {
        let (mut old, mut new, mut waiting, mut kept) = (0, 0, 0, 0);
        let hows = if with_manifest { &[How::Kill, How::Half, How::Fail][..] } else { &[How::Kill] };
        for (at, how) in (1..=changes).flat_map(|at| hows.iter().map(move |&how| (at, how))) {
            if !with_manifest {
                fs::remove_file(dnpy::manifest_path(&prefix)).unwrap();
            }
            let output = stopper.stop(&mut child(test, &prefix), at, how);
            let found = names(directory.path());
            match load(&prefix).unwrap_or_else(|error| panic!("{at} {how:?}: {error}\n{found:?}")) {
                0 => old += 1,
                1000 => new += 1,
                other => panic!("{at} {how:?}: {other}"),
            }
            waiting += usize::from(found.len() > 4);
            // What fails before the manifest's name is at stake leaves nothing. Whether that was
            // replaced, a network's file system may tell wrongly: then the files stay.
            if how == How::Fail && load(&prefix).unwrap() == 0 {
                assert!(!output.status.success());
                let left = found.iter().filter(|name| !WHOLE.contains(&name.as_str())).count();
                assert!(left == 0 || left == RANKS, "{at}: {found:?}");
                kept += usize::from(left > 0);
            }
            // Each file by itself stays what it was, or is new.
            for rank in 0..RANKS {
                dnpy::read(dnpy::rank_path(&prefix, rank)).unwrap();
            }
            // The next save finds its way, and clears up.
            saved(&prefix, 0);
            assert_eq!(load(&prefix).unwrap(), 0);
            assert_eq!(names(directory.path()), WHOLE, "{at} {how:?}");
        }
        assert!(old > 10 && new > 5 && waiting > 5, "{old} {new} {waiting}");
        assert!(kept <= 1, "{kept}");
    }
}

#[test]
fn a_set_dealt_out_of_files_is_replaced_as_a_whole_too() {
    let axes = [Axis::block(SIZE)];
    let dealt = Decomposition::new(&axes, &Grid::compact(), RANKS).unwrap();
    let parts: Vec<_> = (0..3).map(|rank| dealt.part(&axes, rank).unwrap()).collect();
    // From the set `from` beside it.
    let deal = |prefix: &Path| {
        let from = pieces(&prefix.with_file_name("from"));
        redistribute(&from, Target::Set { prefix, parts: &parts }, &mut |_| Ok(()))
    };
    if let Some(prefix) = std::env::var_os(CHILD) {
        return deal(Path::new(&prefix)).unwrap();
    }
    let test = "a_set_dealt_out_of_files_is_replaced_as_a_whole_too";
    let directory = tempfile::tempdir().unwrap();
    let (from, prefix) = (directory.path().join("from"), directory.path().join("u"));
    let stopper = Stopper::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    saved(&from, 1000);
    saved(&prefix, 0);
    let changes = stopper.changes(&mut child(test, &prefix));
    let (mut old, mut new) = (0, 0);
    for (at, how) in (1..=changes).flat_map(|at| [(at, How::Kill), (at, How::Half), (at, How::Fail)]) {
        saved(&prefix, 0);
        stopper.stop(&mut child(test, &prefix), at, how);
        match load(&prefix).unwrap_or_else(|error| panic!("{at} {how:?}: {error}")) {
            0 => old += 1,
            1000 => new += 1,
            other => panic!("{at} {how:?}: {other}"),
        }
    }
    assert!(old > 10 && new > 5, "{old} {new}");
    // A source that is a mixture is not dealt out.
    saved(&prefix, 0);
    fs::copy(dnpy::rank_path(&prefix, 1), dnpy::rank_path(&from, 1)).unwrap();
    let before = fs::read(dnpy::rank_path(&prefix, 0)).unwrap();
    let error = deal(&prefix).unwrap_err();
    assert_eq!((error.kind(), error.rule()), (ErrorKind::Invariant, Some("F11")));
    assert_eq!(fs::read(dnpy::rank_path(&prefix, 0)).unwrap(), before);
    assert_eq!(load(&prefix).unwrap(), 0);
}

#[test]
fn of_two_saves_at_once_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (from, prefix) = (directory.path().join("from"), directory.path().join("u"));
    let lock = directory.path().join(".u.manifest.lock");
    saved(&from, 0);
    saved(&prefix, 0);
    let before = names(directory.path());
    // Left by a job that was killed: nobody holds it.
    fs::write(&lock, "").unwrap();
    saved(&prefix, 1);
    assert_eq!(names(directory.path()), before);

    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    let mut refusals: Vec<Error> = save(&prefix, 2).into_iter().map(Result::unwrap_err).collect();
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
    let pieces = pieces(&from);
    let parts: Vec<_> = pieces.iter().map(|piece| piece.dim_data().clone()).collect();
    let to = Target::Set { prefix: &prefix, parts: &parts };
    refusals.push(redistribute(&pieces, to, &mut |_| Ok(())).unwrap_err());
    for refusal in refusals {
        assert_eq!(refusal.kind(), ErrorKind::Busy);
        assert!(refusal.to_string().contains("another job is saving this set"), "{refusal}");
    }
    assert_eq!(load(&prefix).unwrap(), 1);
    drop(held);
    saved(&prefix, 3);
    assert_eq!((load(&prefix).unwrap(), names(directory.path())), (3, before));
}

#[test]
fn jobs_that_save_again_and_again_leave_what_one_of_them_saved() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    let job = |first: i64| -> Vec<i64> {
        let offsets = first..first + 20;
        let saves = offsets.filter(|&offset| {
            let outcomes = save(&prefix, offset);
            let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
            assert!(
                outcomes
                    .iter()
                    .flat_map(|outcome| outcome.as_ref().err())
                    .all(|e| e.kind() == ErrorKind::Busy)
            );
            assert!(refused == 0 || refused == RANKS, "{outcomes:?}");
            refused == 0
        });
        saves.collect()
    };
    let job = &job;
    let done: Vec<Vec<i64>> = std::thread::scope(|scope| {
        let jobs: Vec<_> = [0, 100, 200].map(|first| scope.spawn(move || job(first))).into();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    });
    let last: Vec<i64> = done.iter().filter_map(|offsets| offsets.last().copied()).collect();
    assert!(last.contains(&load(&prefix).unwrap()), "{done:?}");
    assert_eq!(names(directory.path()), WHOLE);
}

#[test]
fn a_file_of_another_save_is_everyones_error() {
    let directory = tempfile::tempdir().unwrap();
    let (prefix, other) = (directory.path().join("u"), directory.path().join("other"));
    for rank in 0..RANKS {
        saved(&other, 0);
        saved(&prefix, 1);
        fs::copy(dnpy::rank_path(&other, rank), dnpy::rank_path(&prefix, rank)).unwrap();
        let error = refusal(&prefix);
        assert_eq!(
            (error.kind(), error.rule(), error.field()),
            (ErrorKind::Invariant, Some("F11"), Some("crc32"))
        );
        assert_eq!(error.rank(), Some(i64::try_from(rank).unwrap()));
        let said = error.to_string();
        assert!(said.contains(&format!("u_{rank}.dnpy")) && said.contains("u.manifest"), "{said}");
    }
    // All files of the other save, but not its manifest; then with it.
    for rank in 0..RANKS {
        fs::copy(dnpy::rank_path(&other, rank), dnpy::rank_path(&prefix, rank)).unwrap();
    }
    assert_eq!(refusal(&prefix).rank(), Some(0));
    fs::copy(dnpy::manifest_path(&other), dnpy::manifest_path(&prefix)).unwrap();
    assert_eq!(load(&prefix).unwrap(), 0);
    // Without a manifest the files are taken as they are.
    saved(&prefix, 1);
    fs::remove_file(dnpy::manifest_path(&prefix)).unwrap();
    assert_eq!(load(&prefix).unwrap(), 1);
}

#[test]
fn files_may_be_on_disks_of_the_nodes() {
    let directory = tempfile::tempdir().unwrap();
    // The same name on each node, another place.
    let on_node = |rank: usize| {
        let node = directory.path().join(format!("node{rank}"));
        fs::create_dir_all(&node).unwrap();
        node.join("u")
    };
    for offset in [0, 7] {
        let outcomes = comm::threads(RANKS, |comm| {
            let prefix = on_node(comm.rank());
            dnpy::write_rank(&prefix, part(&comm, offset), &comm)?;
            let read = dnpy::read_rank(&prefix, &comm)?.downcast::<i64>()?;
            assert_eq!(read.view(), part(&comm, offset).view());
            Ok::<_, Error>(())
        });
        outcomes.into_iter().for_each(Result::unwrap);
    }
    // Rank 0 knows the sums of all.
    fs::copy(dnpy::rank_path(&on_node(1), 1), directory.path().join("old")).unwrap();
    comm::threads(RANKS, |comm| dnpy::write_rank(on_node(comm.rank()), part(&comm, 8), &comm).unwrap());
    fs::copy(directory.path().join("old"), dnpy::rank_path(&on_node(1), 1)).unwrap();
    for error in comm::threads(RANKS, |comm| dnpy::read_rank(on_node(comm.rank()), &comm).unwrap_err()) {
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Invariant, Some(1)));
    }
}

#[test]
fn one_changed_bit_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    saved(&prefix, 0);
    let path = dnpy::rank_path(&prefix, 1);
    let whole = fs::read(&path).unwrap();
    for at in (whole.len() - 64..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        fs::write(&path, changed).unwrap();
        assert_eq!(refusal(&prefix).field(), Some("crc32"), "byte {at}");
    }
    // A longer file holds the same array, but is not what was saved.
    fs::write(&path, [&whole[..], b"!"].concat()).unwrap();
    assert_eq!(refusal(&prefix).field(), Some("bytes"));
}

#[test]
fn a_manifest_is_read_to_the_letter() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    saved(&prefix, 0);
    let path = dnpy::manifest_path(&prefix);
    let whole = fs::read_to_string(&path).unwrap();
    let manifest = dnpy::Manifest::open(&prefix).unwrap().unwrap();
    assert_eq!(manifest.ranks(), RANKS);
    // As documented, with the sums that zlib's CRC-32 and the file system give.
    let mut documented = format!("distarray save 1 {} 0000000003\n", manifest.save());
    for rank in 0..RANKS {
        let bytes = fs::read(dnpy::rank_path(&prefix, rank)).unwrap();
        documented.push_str(&format!("{:08x} {:020}\n", crc32(&bytes), bytes.len()));
    }
    assert_eq!(whole, documented);
    for (broken, kind) in [
        (String::new(), ErrorKind::Syntax),
        ("hello\n".repeat(30), ErrorKind::Syntax),
        (whole[..whole.len() - 1].to_string(), ErrorKind::Syntax),
        (format!("{whole}\n"), ErrorKind::Syntax),
        (whole.replacen("save 1", "save 2", 1), ErrorKind::Version),
        (whole.replacen("0000000003", "+000000003", 1), ErrorKind::Syntax),
        (whole.replacen("0000000003", "9999999999", 1), ErrorKind::Syntax),
        (
            whole.replacen(&manifest.save(), &manifest.save().to_uppercase().replace('0', "G"), 1),
            ErrorKind::Syntax,
        ),
        (whole.replace('\n', " "), ErrorKind::Syntax),
    ] {
        fs::write(&path, &broken).unwrap();
        let error = refusal(&prefix);
        assert_eq!((error.kind(), error.rule()), (kind, Some("F10")), "{broken:?}: {error}");
        assert!(error.to_string().contains("u.manifest"), "{error}");
    }
}

/// CRC-32 bit by bit, from its definition.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum: u32, &byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| step(sum)))
}

#[test]
fn a_set_of_another_number_of_files_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("u");
    saved(&prefix, 0);
    for ranks in [2, 4] {
        let errors = comm::threads(ranks, |comm| dnpy::read_rank(&prefix, &comm).unwrap_err());
        let found = i64::try_from(ranks).unwrap();
        for error in errors {
            assert_eq!(
                (error.kind(), error.expected(), error.found()),
                (ErrorKind::Grid, Some(3), Some(found))
            );
        }
    }
    // Smaller than the set that it replaces: the manifest says what belongs to it.
    comm::threads(4, |comm| dnpy::write_rank(&prefix, part(&comm, 5), &comm).unwrap());
    saved(&prefix, 6);
    assert_eq!(load(&prefix).unwrap(), 6);
}

#[test]
fn files_changed_while_they_are_read_are_no_source() {
    let directory = tempfile::tempdir().unwrap();
    let (prefix, target) = (directory.path().join("u"), directory.path().join("u.npy"));
    saved(&prefix, 0);
    for with_manifest in [true, false] {
        let pieces: Vec<Piece> = match with_manifest {
            true => pieces(&prefix),
            false => (0..RANKS).map(|rank| Piece::part(dnpy::rank_path(&prefix, rank)).unwrap()).collect(),
        };
        let mut calls = 0;
        let mut save_meanwhile = |_| {
            calls += 1;
            if calls == 1 {
                saved(&prefix, 1000);
            }
            Ok(())
        };
        let error = redistribute(&pieces, Target::Whole(&target), &mut save_meanwhile).unwrap_err();
        assert!([ErrorKind::Busy, ErrorKind::Invariant].contains(&error.kind()), "{error}");
        assert!(!target.exists());
    }
}

#[test]
fn work_that_is_stopped_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (prefix, target) = (directory.path().join("u"), directory.path().join("u.npy"));
    saved(&prefix, 0);
    let pieces = pieces(&prefix);
    let (mut calls, mut last) = (0, None);
    redistribute(&pieces, Target::Whole(&target), &mut |progress| {
        calls += 1;
        last = Some(progress);
        Ok(())
    })
    .unwrap();
    let last = last.unwrap();
    assert_eq!(last.done, last.total);
    fs::remove_file(&target).unwrap();
    for stop in 1..=calls {
        let mut call = 0;
        let stopped = redistribute(&pieces, Target::Whole(&target), &mut |_| {
            call += 1;
            if call == stop { Err(Error::new(ErrorKind::Io, "stopped")) } else { Ok(()) }
        });
        assert!(stopped.unwrap_err().to_string().contains("stopped"));
        assert_eq!(names(directory.path()), WHOLE);
    }
}
