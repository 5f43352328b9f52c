//! The programs of c-examples/ print what their first comment says: under both
//! MPIs and without, under sanitizers and valgrind. So does examples/, in Rust.

#[path = "common/examples.rs"]
mod examples;
#[path = "../examples/heat3d.rs"]
#[allow(dead_code)] // its main
mod heat3d;
#[path = "common/launch.rs"]
mod launch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use examples::expected;
use launch::Flavor;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles a program that uses no MPI.
fn compile(compiler: &str, source: &str, tag: &str, flags: &[&str]) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{source}-{tag}"));
    fs::create_dir_all(&directory).unwrap();
    let (library, program) = (launch::library(), directory.join("program"));
    let mut command = Command::new(compiler);
    command.current_dir(&directory).args(flags).arg("-I").arg(root().join("include"));
    command.arg(root().join("c-examples").join(source)).arg("-o").arg(&program);
    command.arg("-L").arg(&library).arg("-ldistarray").arg(format!("-Wl,-rpath,{}", library.display()));
    let output = launch::run(command, launch::TIME_LIMIT);
    assert!(output.status.success(), "{compiler} {source} {flags:?}: {}", launch::shown(&output));
    program
}

const SERIAL: [&str; 2] = ["lend.c", "refuse.c"];
const ON_RANKS: [&str; 6] = ["agree.c", "heat3d.c", "transpose.c", "accommodate.c", "share.cpp", "deal.c"];
const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn assert_prints(mut command: Command, source: &str) {
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    let output = launch::run(command, launch::TIME_LIMIT);
    assert!(output.status.success(), "{source}: {}", launch::shown(&output));
    assert_eq!(launch::shown(&output), expected(source), "{source}");
}

#[test]
fn programs_without_mpi_print_what_they_promise() {
    for source in SERIAL {
        for compiler in ["gcc", "clang"] {
            let flags = [&["-std=c99"], &STRICT[..]].concat();
            assert_prints(Command::new(compile(compiler, source, compiler, &flags)), source);
        }
        let cpp = ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror"];
        assert_prints(Command::new(compile("g++", source, "cpp", &cpp)), source);
    }
}

#[test]
fn a_fortran_program_lends_and_borrows() {
    let flags = ["-std=f2018", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address,undefined"];
    let program = launch::compile_fortran_linked("c-examples/lend.f90", &flags);
    assert_prints(Command::new(program), "lend.f90");
}

#[test]
fn sanitizers_find_nothing() {
    let flags = ["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    for source in SERIAL {
        let program = compile("gcc", source, "asan", &flags);
        let symbols = Command::new("nm").arg(&program).output().unwrap().stdout;
        assert!(String::from_utf8_lossy(&symbols).contains("__asan_init"), "{source} is not instrumented");
        let mut command = Command::new(program);
        command.env("ASAN_OPTIONS", "detect_leaks=1");
        assert_prints(command, source);
    }
}

#[test]
fn valgrind_finds_nothing() {
    for source in SERIAL {
        let program = compile("gcc", source, "valgrind", &["-std=c99", "-g"]);
        let mut command = Command::new("valgrind");
        command.args(["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
        command.arg(program);
        assert_prints(command, source);
    }
}

/// Compiles a program of C99 or C++17 for one MPI, linked with the library that knows none.
fn compile_mpi(flavor: Flavor, source: &str, flags: &[&str]) -> PathBuf {
    let path = format!("c-examples/{source}");
    if source.ends_with(".cpp") {
        launch::compile_cpp_linked(flavor, &path, &[&["-std=c++17"], flags].concat())
    } else {
        launch::compile_c_linked(flavor, &path, &[&["-std=c99"], flags].concat())
    }
}

/// Runs a program on some ranks, which writes its files below a place of its own.
fn assert_mpi_prints(flavor: Flavor, ranks: usize, program: &Path, source: &str) {
    let files = tempfile::tempdir().unwrap();
    let prefix = files.path().join("set");
    let found = launch::mpirun_ok(flavor, ranks, program, &[&prefix]);
    assert_eq!(found, expected(source), "{source} on {ranks} ranks of {flavor:?}");
}

#[test]
fn one_library_serves_both_mpis() {
    for flavor in launch::flavors() {
        for source in ON_RANKS {
            let program = compile_mpi(flavor, source, &STRICT);
            for ranks in 1..=4 {
                assert_mpi_prints(flavor, ranks, &program, source);
            }
        }
    }
}

#[test]
fn fortran_computes_the_same_under_both_mpis() {
    for flavor in launch::flavors() {
        let flags = ["-std=f2018", "-Wall", "-Wextra", "-Werror", "-g", "-fcheck=all"];
        let program = launch::compile_mpi_fortran_linked(flavor, "c-examples/heat3d.f90", &flags);
        for ranks in 1..=4 {
            assert_mpi_prints(flavor, ranks, &program, "heat3d.f90");
        }
    }
    assert_eq!(expected("heat3d.f90"), expected("heat3d.c"));
}

#[test]
fn rust_computes_the_same_on_threads() {
    for ranks in 1..=4 {
        for report in distarray::comm::threads(ranks, |comm| heat3d::heat(&comm)) {
            assert_eq!(report.unwrap(), expected("heat3d.c"), "{ranks} ranks");
        }
    }
}

#[test]
fn sanitizers_find_nothing_on_many_ranks() {
    for flavor in launch::flavors() {
        let flags = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let mut programs: Vec<(&str, PathBuf)> =
            ON_RANKS.map(|source| (source, compile_mpi(flavor, source, &flags))).into();
        let fortran = launch::compile_mpi_fortran_linked(flavor, "c-examples/heat3d.f90", &flags);
        programs.push(("heat3d.f90", fortran));
        for (source, program) in programs {
            assert_mpi_prints(flavor, 2, &program, source);
        }
    }
}

/// Under MPICH alone: Open MPI is not clean by itself.
#[test]
fn valgrind_finds_nothing_on_many_ranks() {
    if !launch::flavors().contains(&Flavor::Mpich) {
        return; // the launcher has said that MPICH is left out
    }
    for source in ON_RANKS {
        let program = compile_mpi(Flavor::Mpich, source, &["-g"]);
        let files = tempfile::tempdir().unwrap();
        let prefix = files.path().join("set");
        let args = ["-q", "--error-exitcode=9", program.to_str().unwrap(), prefix.to_str().unwrap()];
        let found = launch::mpirun_ok(Flavor::Mpich, 2, Path::new("/usr/bin/valgrind"), &args);
        assert_eq!(found, expected(source), "{source}");
    }
}
