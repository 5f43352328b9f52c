//! Starts programs on several MPI ranks, safely inside `cargo test`.
//!
//! A launcher started from a test must not inherit the environment of an outer
//! launcher, must not outlive its time limit, and must not share the machine's
//! few cores with a second multi-rank job. Use it as
//! `#[path = "common/launch.rs"] mod launch;`.
#![allow(dead_code)] // each test binary uses its own part

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

#[path = "compile.rs"]
mod compile;
#[path = "job.rs"]
mod job;

pub use compile::*;
use job::Job;

/// How long one job may run, where it gets the processors that it asks for, before it is
/// killed and its test fails.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// An MPI implementation, named as Debian names its side-by-side commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavor {
    OpenMpi,
    Mpich,
}

impl Flavor {
    /// The suffix of this flavour's commands: `mpicc.<suffix>`.
    pub fn suffix(self) -> &'static str {
        match self {
            Flavor::OpenMpi => "openmpi",
            Flavor::Mpich => "mpich",
        }
    }
}

/// The flavours to test: both, unless `DISTARRAY_TEST_MPI` names `openmpi`,
/// `mpich` or `none`. What is left out is said on the real standard error,
/// which the test harness does not capture.
pub fn flavors() -> Vec<Flavor> {
    let chosen = std::env::var("DISTARRAY_TEST_MPI").unwrap_or_else(|_| "all".into());
    let flavors = match chosen.as_str() {
        "all" => return vec![Flavor::OpenMpi, Flavor::Mpich],
        "openmpi" => vec![Flavor::OpenMpi],
        "mpich" => vec![Flavor::Mpich],
        "none" => vec![],
        other => panic!("DISTARRAY_TEST_MPI is {other}: use all, openmpi, mpich or none"),
    };
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test}: only MPI = {chosen} is tested (DISTARRAY_TEST_MPI)");
    flavors
}

/// Runs `program` on `ranks` ranks and returns what it printed.
///
/// Panics where the launcher is missing or the job exceeds [`TIME_LIMIT`].
pub fn mpirun<A: AsRef<OsStr>>(flavor: Flavor, ranks: usize, program: &Path, args: &[A]) -> Output {
    mpirun_within(TIME_LIMIT, flavor, ranks, program, args)
}

/// The same with another limit.
pub fn mpirun_within<A: AsRef<OsStr>>(
    limit: Duration,
    flavor: Flavor,
    ranks: usize,
    program: &Path,
    args: &[A],
) -> Output {
    let mut command = match flavor {
        Flavor::OpenMpi => {
            let mut command = Command::new("mpirun.openmpi");
            command
                .envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")])
                .args(["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"])
                .args(["--mca", "btl", "self,vader", "--mca", "pml", "ob1"])
                .args(["--mca", "btl_vader_single_copy_mechanism", "none"]);
            command
        }
        Flavor::Mpich => {
            let mut command = Command::new("mpiexec.mpich");
            command.envs([("UCX_TLS", "self,sm"), ("UCX_LOG_LEVEL", "error")]).args([
                "-launcher",
                "fork",
                "-bind-to",
                "none",
            ]);
            command.env("LD_PRELOAD", yielding());
            command
        }
    };
    command.arg("-n").arg(ranks.to_string()).arg(program).args(args);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["OMPI_COMM", "OMPI_MCA", "PMIX_", "PMI_", "HYDI"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    // Both MPIs leak of themselves, so what is lost the programs count; and MPICH's ranks
    // preload something.
    command.env("ASAN_OPTIONS", "detect_leaks=0:verify_asan_link_order=0");
    let _one_job = one_job_at_a_time();
    run(command, limit)
}

/// Standard output of [`mpirun`], asserting success; a failure shows all output.
///
/// An MPI may warn on standard error about the machine it finds.
pub fn mpirun_ok<A: AsRef<OsStr>>(flavor: Flavor, ranks: usize, program: &Path, args: &[A]) -> String {
    let output = mpirun(flavor, ranks, program, args);
    assert!(output.status.success(), "{flavor:?} on {ranks} ranks: {}\n{}", output.status, shown(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is preloaded into MPICH's ranks, as tests/c/yield.c says.
fn yielding() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    let flags = ["-std=gnu99", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"];
    COMPILED.get_or_init(|| compile("gcc", &["tests/c/yield.c"], &flags))
}

/// Runs a command in its own process group, with its output in files (a pipe
/// kept open by an orphan would never end), and kills the group when late.
pub fn run(mut command: Command, limit: Duration) -> Output {
    // Cargo puts its own folder before a program's runpath: a library that `make`
    // left there would be the one that is tested.
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    if let Some(paths) = std::env::var_os("LD_LIBRARY_PATH") {
        let others = std::env::split_paths(&paths).filter(|path| !path.starts_with(built));
        command.env("LD_LIBRARY_PATH", std::env::join_paths(others).unwrap());
    }
    let scratch = tempfile::tempdir().expect("a temporary directory can be made");
    let file = |name| File::create(scratch.path().join(name)).expect("a temporary file can be made");
    command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
    let mut job = Job::start(&mut command).unwrap_or_else(|error| {
        panic!(
            "{:?} does not start ({error}): install Open MPI and MPICH, or set DISTARRAY_TEST_MPI",
            command.get_program()
        )
    });
    let status = job.wait(limit);
    let stands = if status.is_none() { job.stands() } else { String::new() };
    if status.is_none() {
        job.end();
    }
    let read = |name| fs::read(scratch.path().join(name)).expect("the output can be read");
    let (stdout, stderr) = (read("out"), read("err"));
    let Some(status) = status else {
        let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        panic!("{command:?} did not end within {limit:?} and was killed\n{said}{stands}");
    };
    Output { status, stdout, stderr }
}

/// Standard output and error as one text.
pub fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A lock held by the returned file, across every test binary of this machine.
fn one_job_at_a_time() -> File {
    let path = std::env::temp_dir().join("distarray-one-mpi-job.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.unwrap_or_else(|error| panic!("{} cannot be opened: {error}", path.display()));
    file.lock().unwrap_or_else(|error| panic!("{} cannot be locked: {error}", path.display()));
    file
}
