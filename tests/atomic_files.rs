//! A file is replaced whole or not at all, and only regular files are touched.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use distarray::ErrorKind;
use distarray::array::DistArray;
use distarray::io::{dnpy, npy};
use distarray::protocol::{Dim, DimData};

fn array(value: f64, count: usize) -> DistArray<f64> {
    let size = i64::try_from(count).unwrap();
    DistArray::new(DimData::new([Dim::whole(size).unwrap()]).unwrap(), vec![value; count]).unwrap()
}

/// Names in a directory: a temporary file left behind would be one of them.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn shell(command: &str, argument: &Path) {
    let status = Command::new("sh").args([OsStr::new("-c"), command.as_ref(), argument.as_ref()]).status();
    assert!(status.unwrap().success(), "{command}");
}

#[test]
fn a_write_replaces_the_file_and_leaves_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("u.dnpy");
    dnpy::write(&path, array(1.0, 4)).unwrap();
    dnpy::write(&path, array(2.0, 5)).unwrap();
    assert_eq!(dnpy::read(&path).unwrap().buffer().shape(), [5]);
    assert_eq!(names(directory.path()), ["u.dnpy"]);
}

#[test]
fn permissions_and_links_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("u.dnpy"), directory.path().join("link.dnpy"));
    fs::write(&path, "before").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("u.dnpy", &link).unwrap();
    dnpy::write(&link, array(1.0, 4)).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(dnpy::read(&path).is_ok());
}

#[test]
fn what_is_no_regular_file_is_neither_read_nor_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (fifo, folder) = (directory.path().join("fifo"), directory.path().join("folder"));
    shell("mkfifo $0", &fifo);
    fs::create_dir(&folder).unwrap();
    for path in [fifo.as_path(), folder.as_path(), Path::new("/dev/zero")] {
        for error in [
            // Nobody writes to the FIFO: a reader that waits would wait for ever.
            dnpy::read(path).unwrap_err(),
            npy::read(path).unwrap_err(),
            dnpy::write(path, array(1.0, 4)).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }
    assert_eq!(names(directory.path()), ["fifo", "folder"]);
}

#[test]
fn an_error_names_the_path_and_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("u.dnpy");
    let nowhere = directory.path().join("none/u.dnpy");
    for (path, error, said) in [
        (&missing, dnpy::read(&missing).unwrap_err(), "os error 2"),
        (&nowhere, dnpy::read(&nowhere).unwrap_err(), "os error 2"),
        (&nowhere, dnpy::write(&nowhere, array(1.0, 4)).unwrap_err(), "its directory does not exist"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Io);
        let shown = error.to_string();
        assert!(shown.contains(path.to_str().unwrap()) && shown.contains(said), "{shown}");
    }
    assert!(dnpy::write("", array(1.0, 4)).is_err());
}

#[test]
fn a_name_too_long_for_the_temporary_file_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("u".repeat(255));
    fs::write(&path, "before").unwrap();
    assert_eq!(dnpy::write(&path, array(1.0, 4)).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(fs::read(&path).unwrap(), b"before");
}

/// Names the directory in the process that [`a_write_that_fails_half_way`] starts.
const CHILD: &str = "DISTARRAY_TEST_FILE_LIMIT";

#[test]
fn a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else() {
    if let Some(directory) = std::env::var_os(CHILD) {
        // Files end at 8 blocks here: the header fits, the elements do not.
        let error = dnpy::write(Path::new(&directory).join("u.dnpy"), array(1.0, 100_000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("os error 27"), "{error}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    dnpy::write(directory.path().join("u.dnpy"), array(2.0, 3)).unwrap();
    let before = fs::read(directory.path().join("u.dnpy")).unwrap();
    let test = "a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else";
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(CHILD, directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(directory.path().join("u.dnpy")).unwrap(), before);
    assert_eq!(names(directory.path()), ["u.dnpy"]);
}

#[test]
fn readers_and_writers_of_one_file_see_whole_files_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("u.dnpy");
    dnpy::write(&path, array(1.0, 1)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = [1000, 2000].map(|count| {
            let path = &path;
            scope.spawn(move || (0..40).for_each(|_| dnpy::write(path, array(1.0, count)).unwrap()))
        });
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let shape = dnpy::read(&path).unwrap().buffer().shape().to_vec();
                assert!([1, 1000, 2000].contains(&shape[0]));
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(names(directory.path()), ["u.dnpy"]);
}
