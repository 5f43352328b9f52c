//! The Python package, installed as the README says, and tested as one process and on
//! several ranks by its own tests (python/tests).

#[path = "common/launch.rs"]
mod launch;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use launch::Flavor;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Debian's: its mpi4py is built over Open MPI; scripts/mpi4py-mpich fetches another.
const PYTHON: &str = "/usr/bin/python3";

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let taken = std::mem::replace(command, Command::new("true"));
    let output = launch::run(taken, launch::TIME_LIMIT);
    assert!(output.status.success(), "{shown}:\n{}", launch::shown(&output));
}

/// An empty folder with a copy of what the package is built from.
fn checkout(name: &str) -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(scratch.join("checkout")).unwrap();
    for part in ["python", "include", "LICENSE-MIT", "LICENSE-APACHE"] {
        run(Command::new("cp").arg("-r").arg(Path::new(ROOT).join(part)).arg(scratch.join("checkout")));
    }
    scratch
}

/// The interpreter of a new environment into which the package was installed.
fn install(scratch: &Path, package: &Path) -> PathBuf {
    let environment = scratch.join("environment");
    // Debian's pip and setuptools, so that nothing is fetched.
    let venv = ["-m", "venv", "--system-site-packages", "--without-pip"];
    run(Command::new(PYTHON).args(venv).arg(&environment));
    let interpreter = environment.join("bin/python");
    run(Command::new(PYTHON)
        .args(["-m", "pip", "--python"])
        .arg(&interpreter)
        .args(["install", "--quiet", "--no-build-isolation", "--no-deps"])
        .arg(package));
    interpreter
}

/// The package as the README installs it, with the library that cargo built for the tests.
fn interpreter() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let scratch = checkout("python");
        let release = scratch.join("checkout/target/release");
        fs::create_dir_all(&release).unwrap();
        symlink(launch::library().join("libdistarray.so"), release.join("libdistarray.so.0")).unwrap();
        install(&scratch, &scratch.join("checkout/python"))
    })
}

/// Debian keeps petsc4py apart, for each kind of number that PETSc computes with.
fn petsc4py() -> PathBuf {
    let folders = "ls -d /usr/lib/petscdir/*/*-real/lib/python3/dist-packages";
    let output = Command::new("sh").args(["-c", folders]).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    found.lines().next().expect("python3-petsc4py-real is installed").into()
}

/// A file of the package's tests; their folder by an empty name.
fn test(name: &str) -> String {
    format!("{ROOT}/python/tests/{name}")
}

fn pytest(interpreter: &Path) -> Command {
    let mut command = Command::new(interpreter);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    command
}

/// What one of the scripts has fetched; None, and a word on it, where it has not.
fn fetched(script: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("DISTARRAY_CACHE").map_or(Path::new(ROOT).join("build"), PathBuf::from);
    let folder = cache.join(script);
    let found = folder.join("complete").exists();
    if !found {
        let _ =
            writeln!(std::io::stderr(), "no {}: not tested with it; see scripts/{script}", folder.display());
    }
    found.then_some(folder)
}

/// The environment in which Python finds an mpi4py for this MPI, and what else is there for
/// it; None where there is none.
fn environment(mpi: Flavor) -> Option<Vec<String>> {
    if mpi == Flavor::OpenMpi {
        return Some(vec![format!("PYTHONPATH={}", petsc4py().display())]);
    }
    let folder = fetched("mpi4py-mpich")?;
    let fetched = folder.display();
    let library = format!("LD_LIBRARY_PATH={fetched}/lib");
    Some(vec!["MPI4PY_MPIABI=mpich".into(), format!("PYTHONPATH={fetched}"), library])
}

/// The package's tests of what ranks do together, all of which must have run.
fn on_ranks(mpi: Flavor, ranks: usize, variables: &[&str]) {
    if !launch::flavors().contains(&mpi) {
        return;
    }
    let Some(mut args) = environment(mpi) else { return };
    args.extend(variables.iter().map(|pair| (*pair).into()));
    args.push(interpreter().display().to_string());
    args.extend(["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--color=no"].map(String::from));
    let tests = match mpi {
        Flavor::OpenMpi => &["test_parallel.py", "test_readme.py", "test_interop.py"][..],
        // What the last one tests Debian builds over Open MPI.
        Flavor::Mpich => &["test_parallel.py", "test_readme.py"],
    };
    args.extend(tests.iter().map(|name| test(name)));
    let printed = launch::mpirun_ok(mpi, ranks, Path::new("/usr/bin/env"), &args);
    assert_eq!(printed.matches(" passed").count(), ranks, "{printed}");
    assert!(ranks == 1 || !printed.contains("SKIPPED"), "{printed}");
}

#[test]
fn one_process() {
    run(pytest(interpreter()).arg(test("")));
}

/// Debian's is NumPy 1.
#[test]
fn numpy_2() {
    let Some(folder) = fetched("numpy-2") else { return };
    let version = "import numpy; assert numpy.__version__.startswith('2.')";
    run(Command::new(interpreter()).args(["-c", version]).env("PYTHONPATH", &folder));
    run(pytest(interpreter())
        .args(["test_array.py", "test_dlpack.py", "test_loans.py", "test_spec.py"].map(test))
        .env("PYTHONPATH", &folder));
}

/// A source distribution needs no checkout, and takes the library that it is told.
#[test]
fn source_distribution() {
    let scratch = checkout("sdist");
    let build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])";
    run(Command::new(PYTHON).args(["-c", build]).arg(&scratch).current_dir(scratch.join("checkout/python")));
    fs::remove_dir_all(scratch.join("checkout")).unwrap();
    let made = fs::read_dir(&scratch).unwrap().next().unwrap().unwrap().path();
    run(pytest(&install(&scratch, &made))
        .args(["test_array.py", "test_dlpack.py"].map(test))
        .env("DISTARRAY_LIBRARY", launch::library().join("libdistarray.so")));
}

#[test]
fn ranks() {
    for ranks in 1..=4 {
        on_ranks(Flavor::OpenMpi, ranks, &[]);
    }
    for ranks in [2, 3] {
        on_ranks(Flavor::Mpich, ranks, &[]);
    }
}

/// Where the package was built without the MPI that runs, and on several nodes.
#[test]
fn messages_through_python() {
    for (mpi, ranks) in [(Flavor::OpenMpi, 3), (Flavor::Mpich, 2)] {
        on_ranks(mpi, ranks, &["DISTARRAY_MPI=python", "DISTARRAY_SHARED_MEMORY=off"]);
    }
}
