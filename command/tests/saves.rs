//! Sets are written, read and checked as a whole, whatever interrupts the command.

mod common;
#[path = "../../tests/common/stop_files.rs"]
mod stop_files;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Run, command, data, distarray, root};
use stop_files::{How, Stopper};

/// A directory with `old.npy` and `new.npy`, and `old.npy` dealt out as the set `u`.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        for (name, value) in [("old", 1.0_f64), ("new", 2.0)] {
            npy(&this.path(&format!("{name}.npy")), &[30, 7], &value.to_le_bytes().repeat(210));
        }
        this.deal("old", "u");
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn arguments(&self, from: &str, to: &str) -> Vec<OsString> {
        let paths = [self.path(&format!("{from}.npy")), self.path(to)].map(PathBuf::into_os_string);
        let [from, to] = paths;
        vec!["convert".into(), from, to, "--to".into(), "b,c2 on 3x1".into()]
    }

    fn deal(&self, from: &str, to: &str) {
        distarray(self.arguments(from, to)).expect(0);
    }

    /// Which array the set holds, whole.
    fn holds(&self) -> &'static str {
        let (set, whole) = (self.path("u"), self.0.path().join("whole.npy"));
        distarray([OsStr::new("convert"), set.as_os_str(), whole.as_os_str()]).expect(0);
        let found = fs::read(&whole).unwrap();
        fs::remove_file(whole).unwrap();
        let holds = |name: &&str| fs::read(self.path(&format!("{name}.npy"))).unwrap() == found;
        ["old", "new"].into_iter().find(holds).expect("a mixture")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Writes a file as NumPy does.
fn npy(path: &Path, shape: &[usize; 2], elements: &[u8]) {
    let [rows, columns] = shape;
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes.extend(elements);
    fs::write(path, bytes).unwrap();
}

fn check(arguments: &[&Path]) -> Run {
    distarray(std::iter::once(OsStr::new("check")).chain(arguments.iter().map(|path| path.as_os_str())))
}

const SET: [&str; 4] = ["u.manifest", "u_0.dnpy", "u_1.dnpy", "u_2.dnpy"];

#[test]
fn whatever_kills_the_command_the_set_is_the_old_or_the_new_one() {
    let stopper = Stopper::new(&root());
    let place = Place::new();
    let child = || {
        let mut child = command();
        child.args(place.arguments("new", "u")).stdin(Stdio::null());
        child
    };
    let changes = stopper.changes(&mut child());
    assert!(changes > 15, "{changes}");
    let (mut old, mut new, mut interrupted) = (0, 0, 0);
    for at in 1..=changes {
        place.deal("old", "u");
        assert_eq!(place.names(), [&["new.npy", "old.npy"], &SET[..]].concat());
        assert!(!stopper.stop(&mut child(), at, How::Kill).status.success());
        match place.holds() {
            "old" => old += 1,
            _ => new += 1,
        }
        let said = check(&[&place.path("u")]).expect(0);
        interrupted += usize::from(said.contains("the save was interrupted: "));
        let told = distarray([OsStr::new("inspect"), place.path("u").as_os_str()]).expect(0);
        assert_eq!(told.contains("the save was interrupted: "), said.contains("the save was interrupted: "));
        // Layouts come from the same files.
        distarray([OsStr::new("plan"), place.path("u_0.dnpy").as_os_str(), OsStr::new("n,n")]).expect(0);
    }
    assert!(old > 5 && new > 3 && interrupted >= 2, "{old} {new} {interrupted}");
}

#[test]
fn a_file_of_another_set_is_a_fault_and_no_source() {
    let place = Place::new();
    place.deal("new", "v");
    fs::copy(place.path("v_1.dnpy"), place.path("u_1.dnpy")).unwrap();
    let set = place.path("u");
    let files: Vec<PathBuf> = (0..3).map(|rank| place.path(&format!("u_{rank}.dnpy"))).collect();
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    // By its prefix, by all its files, by one, by its manifest, by `u*`.
    let manifest = place.path("u.manifest");
    for arguments in
        [&[set.as_path()][..], &files, &files[1..2], &[&manifest], &[&manifest, files[0], files[1]]]
    {
        let said = check(arguments).expect(1);
        assert!(
            said.contains("u_1.dnpy: rank 1, crc32: this is not the file") && said.contains("F11"),
            "{said}"
        );
        assert!(said.contains("1 fault found"), "{said}");
    }
    check(&[files[0]]).expect(0);
    assert!(check(&[Path::new("--together"), &set]).expect(1).contains("F11"));
    let target = place.path("whole.npy");
    let run = distarray([OsStr::new("convert"), set.as_os_str(), target.as_os_str()]);
    assert!(run.code == Some(3) && run.err.contains("u_1.dnpy") && run.err.contains("remove"), "{run:?}");
    assert!(!target.exists());
    // A manifest that is none.
    fs::write(&manifest, "no manifest").unwrap();
    assert!(check(&[&set]).expect(1).contains("u.manifest: manifest: no manifest of a set begins here"));
    // As the message advises.
    fs::remove_file(&manifest).unwrap();
    check(&[&set]).expect(0);
    distarray([OsStr::new("convert"), set.as_os_str(), target.as_os_str()]).expect(0);
}

#[test]
fn a_file_that_the_manifest_misses_is_missed() {
    let place = Place::new();
    fs::remove_file(place.path("u_2.dnpy")).unwrap();
    let run = check(&[&place.path("u")]);
    assert!(run.code == Some(3) && run.err.contains("u_2.dnpy"), "{run:?}");
}

#[test]
fn a_signal_ends_the_command_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    // Two gigabytes of zeros, of which the disk has none.
    let source = directory.path().join("big.npy");
    npy(&source, &[1000, 250_000], &[]);
    let file = fs::OpenOptions::new().write(true).open(&source).unwrap();
    file.set_len(128 + 2_000_000_000).unwrap();
    for (target, more) in [("big", &["--to", "c,b on 2x2"][..]), ("copy.npy", &[])] {
        for signal in [libc::SIGTERM, libc::SIGHUP] {
            // A caller may have had a signal ignored, as nohup does.
            let mut child = std::process::Command::new("env");
            child.arg("--default-signal").arg(command().get_program());
            child.arg("convert").arg(&source).arg(directory.path().join(target)).args(more);
            let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
            let names = || fs::read_dir(directory.path()).unwrap().count();
            while names() == 1 {
                assert_eq!(child.try_wait().unwrap(), None);
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            let killed = std::process::Command::new("kill")
                .args([format!("-{signal}"), child.id().to_string()])
                .status()
                .unwrap();
            assert!(killed.success());
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.signal(), Some(signal), "{output:?}");
            assert_eq!(
                String::from_utf8_lossy(&output.stderr),
                "distarray: interrupted; nothing was changed\n"
            );
            assert_eq!(names(), 1, "{target}");
        }
    }
}

#[test]
fn names_need_not_be_text() {
    let place = Place::new();
    let prefix = place.0.path().join(OsStr::from_bytes(b"h\xff"));
    let from = place.path("old.npy");
    let arguments =
        [OsStr::new("convert"), from.as_os_str(), prefix.as_os_str(), "--to".as_ref(), "b,b on 2x2".as_ref()];
    distarray(arguments).expect(0);
    check(&[&prefix]).expect(0);
    // Without a manifest the files are found by their names.
    let mut manifest = prefix.clone().into_os_string();
    manifest.push(".manifest");
    fs::remove_file(manifest).unwrap();
    assert!(check(&[&prefix]).expect(0).contains("4 parts, together"));
}

#[test]
fn what_is_not_there_is_said_in_few_words() {
    let inspect = |path: &str| distarray(["inspect", path]);
    assert_eq!(
        inspect("/nowhere/u.npy").err,
        "distarray: /nowhere/u.npy: No such file or directory (os error 2)\n"
    );
    let said = inspect("/nowhere/u").err;
    assert_eq!(
        said,
        "distarray: /nowhere/u: no such file; nor is there a set of files /nowhere/u_0.dnpy, ...\n"
    );
    // One part of a set lacks nothing.
    let one = data().join("real/bb2x2_0.dnpy");
    assert!(!distarray([OsStr::new("inspect"), one.as_os_str()]).expect(0).contains("missing"));
}
