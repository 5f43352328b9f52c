//! What `make install` installs works where it is moved to, by the book's own commands:
//! with pkg-config and CMake, in C, C++ and Fortran, shared and static, under both MPIs.

#[path = "common/book.rs"]
mod book;
#[path = "common/launch.rs"]
mod launch;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use launch::Flavor;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PREFIX: &str = "/opt/distarray";

/// Long enough to build the library, where `make` has not been run before, on a busy machine.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// Runs a target of the Makefile, staged; what cargo builds goes where this test is.
fn make(target: &str, stage: &Path) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new("make");
    for outer in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PREFIX", "DESTDIR"] {
        command.env_remove(outer);
    }
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    command.args(["-C", ROOT, target, &format!("PREFIX={PREFIX}"), &format!("DESTDIR={}", stage.display())]);
    let output = launch::run(command, BUILD_LIMIT);
    assert!(output.status.success(), "make {target}: {}", launch::shown(&output));
}

/// Every file and link below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", launch::shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn uninstall_removes_exactly_what_was_installed() {
    let stage = tempfile::tempdir().unwrap();
    make("install", stage.path());
    let foreign = stage.path().join(&PREFIX[1..]).join("lib/cmake/distarray/foreign.cmake");
    fs::write(&foreign, "").unwrap();
    assert!(files(stage.path()).len() > 20);
    make("uninstall", stage.path());
    assert_eq!(files(stage.path()), [foreign]);
    let left = fs::read_dir(stage.path().join(&PREFIX[1..]).join("share")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.contains(&"distarray".into()), "{left:?}");
}

#[test]
fn the_tree_works_where_it_is_moved_to() {
    let place = tempfile::tempdir().unwrap();
    let (stage, tree) = (place.path().join("stage"), place.path().join("moved"));
    make("install", &stage);
    fs::rename(stage.join(&PREFIX[1..]), &tree).unwrap();
    fs::remove_dir_all(&stage).unwrap();

    nothing_points_elsewhere(&tree, &stage);
    modes_are_plain(&tree);
    for flavor in launch::flavors() {
        let site = Site::new(&tree, flavor);
        for page in ["start/c.md", "start/cpp.md", "start/fortran.md"] {
            site.follow(page, &book::block(page, "sh", "mpirun"), Linked::Shared);
        }
        let which = format!("-B build -DMPI_EXECUTABLE_SUFFIX=.{}", flavor.suffix());
        let cmake = book::block("installing.md", "sh", "cmake --build").replace("-B build", &which);
        match flavor {
            Flavor::OpenMpi => site.follow("installing.md", &cmake, Linked::Shared),
            Flavor::Mpich => {
                let cmake = cmake.replace("-B build", "-B build -Ddistarray_USE_STATIC_LIBS=ON");
                site.follow("installing.md", &cmake, Linked::Static);
                let link = book::block("installing.md", "sh", "pkg-config --static");
                site.follow("installing.md", &link, Linked::Static);
            }
        }
    }
}

/// No path of the place of building, of staging or of the first prefix is left.
fn nothing_points_elsewhere(tree: &Path, stage: &Path) {
    for path in files(tree) {
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            assert_eq!(target.components().count(), 1, "{} leads to {}", path.display(), target.display());
        }
        let bytes = fs::read(&path).unwrap();
        for elsewhere in [ROOT, stage.to_str().unwrap(), PREFIX] {
            assert!(!holds(&bytes, elsewhere), "{} mentions {elsewhere}", path.display());
        }
    }
    let dynamic = printed("readelf", &["-d", tree.join("lib/libdistarray.so").to_str().unwrap()]);
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH"), "{dynamic}");
    assert!(dynamic.contains("soname: [libdistarray.so.0]"), "{dynamic}");
}

fn modes_are_plain(tree: &Path) {
    for path in files(tree).iter().filter(|path| !path.is_symlink()) {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let name = path.file_name().unwrap().to_str().unwrap();
        let program = name == "distarray" || name.contains(".so.");
        assert_eq!(mode, if program { 0o755 } else { 0o644 }, "{}", path.display());
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Linked {
    Shared,
    Static,
}

/// A user's folder with the book's programs, one MPI under its plain names, and the
/// library in a place of its own.
struct Site<'a> {
    tree: &'a Path,
    flavor: Flavor,
    folder: tempfile::TempDir,
}

impl<'a> Site<'a> {
    fn new(tree: &'a Path, flavor: Flavor) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["CMakeLists.txt", "first.c", "first.cpp", "first.f90"] {
            fs::copy(Path::new(ROOT).join("docs/programs").join(name), folder.path().join(name)).unwrap();
        }
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for wrapper in ["mpicc", "mpicxx", "mpifort"] {
            let path = bin.join(wrapper);
            fs::write(&path, format!("#!/bin/sh\nexec {wrapper}.{} \"$@\"\n", flavor.suffix())).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { tree, flavor, folder }
    }

    /// Does what a page says: compiles as it stands there, and runs under this MPI.
    fn follow(&self, page: &str, commands: &str, linked: Linked) {
        let (runs, builds): (Vec<&str>, Vec<&str>) =
            commands.lines().partition(|line| line.starts_with("mpirun"));
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.path()).args(["-e", "-c", &builds.join("\n")]);
        shell.env("PATH", path).env("PKG_CONFIG_PATH", self.tree.join("lib/pkgconfig"));
        shell.env("CMAKE_PREFIX_PATH", self.tree).env("CMAKE_BUILD_PARALLEL_LEVEL", "2");
        let output = launch::run(shell, BUILD_LIMIT);
        assert!(output.status.success(), "{page}: {builds:?}: {}", launch::shown(&output));
        assert!(!runs.is_empty(), "{page}");
        for run in runs {
            self.run(page, run, linked);
        }
    }

    /// `mpirun -n 2 PROGRAM`, which must print what the first page in C says.
    fn run(&self, page: &str, line: &str, linked: Linked) {
        let ["mpirun", "-n", ranks, program] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{page}: {line}");
        };
        let program = self.folder.path().join(program);
        let library = self.tree.join("lib");
        let run = format!("LD_LIBRARY_PATH={}", library.display());
        let needs = printed("env", &[&run, "ldd", program.to_str().unwrap()]);
        let found = format!("libdistarray.so.0 => {}", library.display());
        match linked {
            Linked::Shared => assert!(needs.contains(&found), "{page}: {needs}"),
            Linked::Static => assert!(!needs.contains("libdistarray"), "{page}: {needs}"),
        }
        assert!(!needs.contains(ROOT), "{page}: {needs}");
        let args = [&run, program.to_str().unwrap()];
        let ranks = ranks.parse().unwrap();
        let found = launch::mpirun_ok(self.flavor, ranks, Path::new("/usr/bin/env"), &args);
        let mut lines: Vec<&str> = found.lines().collect();
        lines.sort_unstable();
        let promised = book::block("start/c.md", "text", "rank 0");
        assert_eq!(lines, promised.lines().collect::<Vec<_>>(), "{page} under {:?}", self.flavor);
    }
}
