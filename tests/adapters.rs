//! The adapters of include/ to libraries: programs of tests/adapters/ look at every
//! element through the library's own indices, at addresses, releases and refusals.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;

use std::path::Path;

use adapters::Library;
use launch::Flavor;

/// Optimized too: the compiler then sees more of what may be wrong.
const C99: [&str; 6] = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const PETSC: [&str; 3] = ["petsc", "petsc_dmda", "petsc_refuse"];

/// Compiles a program of tests/adapters/ with a library.
fn compile(library: &Library, program: &str, flags: &[&str]) -> std::path::PathBuf {
    let flags: Vec<&str> = flags.iter().copied().chain(library.flags()).collect();
    launch::compile_c_linked(library.mpi, &format!("tests/adapters/{program}.c"), &flags)
}

/// Each program ends by itself where something is wrong, and says that nothing is.
fn assert_right(library: &Library, programs: &[&str], ranks: &[usize]) {
    for program in programs {
        let compiled = compile(library, program, &C99);
        for &ranks in ranks {
            let found = launch::mpirun_ok::<&str>(library.mpi, ranks, &compiled, &[]);
            assert!(!found.is_empty(), "{program} on {ranks} ranks of {library:?} says nothing");
        }
    }
}

#[test]
fn petsc_lends_and_borrows() {
    for library in adapters::petsc() {
        // Real numbers over Open MPI are tested most; the other builds differ in types alone.
        let ranks: &[usize] = if library.is_default() { &[1, 2, 3, 4] } else { &[3] };
        assert_right(&library, &PETSC, ranks);
    }
}

#[test]
fn sundials_lends_and_borrows() {
    for library in adapters::sundials() {
        assert_right(&library, &["sundials"], &[1, 2, 3, 4]);
    }
}

#[test]
fn hypre_lends_and_borrows() {
    for library in adapters::hypre() {
        let ranks: &[usize] = if library.name == "HYPRE" { &[1, 2, 3, 4] } else { &[3] };
        assert_right(&library, &["hypre", "hypre_errors"], ranks);
    }
}

#[test]
fn slepc_lends_and_solves_in_loans() {
    for library in adapters::slepc() {
        assert_right(&library, &["slepc"], &[1, 2, 3, 4]);
    }
}

/// It defines MPI's collective functions: what ranks wait for is counted, not timed.
#[test]
fn borrowing_is_one_reduction() {
    let libraries: Vec<Library> =
        adapters::matrix().into_iter().chain(adapters::fftw()).chain(adapters::hdf5()).collect();
    let libraries = libraries.iter().filter(|library| library.mpi == Flavor::OpenMpi);
    if libraries.clone().next().is_none() {
        return; // the launcher has said why
    }
    let flags: Vec<&str> = C99.into_iter().chain(libraries.flat_map(Library::flags)).collect();
    let program = launch::compile_c_linked(Flavor::OpenMpi, "tests/adapters/calls.c", &flags);
    let scratch = tempfile::tempdir().unwrap();
    for ranks in [2, 3] {
        let file = scratch.path().join("file");
        let found = launch::mpirun_ok(Flavor::OpenMpi, ranks, &program, &[file]);
        assert_eq!(found, "every loan is borrowed by one reduction\n", "{ranks} ranks");
    }
}

/// Any thread may give a loan back.
#[test]
fn leases_count_loans_that_threads_give_back() {
    let flags = ["-std=c11", "-g", "-O1", "-fsanitize=thread", "-pthread", "-Wall", "-Wextra", "-Werror"];
    let library = launch::link_flags();
    let flags: Vec<&str> = flags.into_iter().chain(library.iter().map(String::as_str)).collect();
    let program = launch::compile("gcc", &["tests/adapters/lease.c"], &flags);
    let output = launch::run(std::process::Command::new(program), launch::TIME_LIMIT);
    assert!(output.status.success(), "{}", launch::shown(&output));
}

/// C++14, which SUNDIALS needs.
#[test]
fn adapters_are_cpp() {
    let compile = |libraries: &[Library], source: &str| {
        let flags = ["-std=c++14", "-Wall", "-Wextra", "-Werror", "-c"].into_iter();
        let flags: Vec<&str> = flags.chain(libraries.iter().flat_map(Library::flags)).collect();
        let compiler = format!("mpicxx.{}", libraries[0].mpi.suffix());
        launch::compile(&compiler, &[source], &flags);
    };
    // scripts/petsc-mpich builds for C alone.
    for library in adapters::petsc().into_iter().filter(|library| library.mpi == Flavor::OpenMpi) {
        compile(&[library], "tests/adapters/petsc.cpp");
    }
    let others: Vec<Library> = adapters::slepc()
        .into_iter()
        .chain(adapters::sundials())
        .chain(adapters::hypre().into_iter().take(1))
        .collect();
    if !others.is_empty() {
        compile(&others, "tests/adapters/others.cpp");
    }
}

#[test]
fn sanitizers_find_nothing() {
    let of = |libraries: Vec<Library>, programs: &[&'static str]| -> Vec<(Library, &str)> {
        // One build of each is enough.
        let first = libraries.into_iter().next();
        first
            .into_iter()
            .flat_map(|library| programs.iter().map(move |name| (library.clone(), *name)))
            .collect()
    };
    let all = [
        of(adapters::petsc(), &PETSC),
        of(adapters::slepc(), &["slepc"]),
        of(adapters::sundials(), &["sundials"]),
        of(adapters::hypre(), &["hypre"]),
    ];
    for (library, program) in all.iter().flatten() {
        let flags = ["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let compiled = compile(library, program, &flags);
        launch::mpirun_ok::<&str>(library.mpi, 2, &compiled, &[]);
    }
}

/// Under MPICH alone: Open MPI is not clean by itself.
#[test]
fn valgrind_finds_nothing() {
    let Some(library) = adapters::petsc().into_iter().find(|library| library.mpi == Flavor::Mpich) else {
        return; // adapters::petsc has said why
    };
    for program in PETSC {
        let compiled = compile(&library, program, &["-std=c99", "-g"]);
        let args = ["-q", "--error-exitcode=9", compiled.to_str().unwrap()];
        launch::mpirun_ok(Flavor::Mpich, 2, Path::new("/usr/bin/valgrind"), &args);
    }
}
