//! The adapters of include/ to libraries: programs of tests/adapters/ look at every
//! element through the library's own indices, at addresses, releases and refusals.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;
#[path = "common/adapter_programs.rs"]
mod programs;

use std::path::Path;

use adapters::Library;
use launch::Flavor;
use programs::{assert_clean, assert_held, assert_right, compile};

const PETSC: [&str; 3] = ["petsc.c", "petsc_dmda.c", "petsc_refuse.c"];

#[test]
fn petsc_lends_and_borrows() {
    for library in adapters::petsc() {
        // Real numbers over Open MPI are tested most; the other builds differ in types alone.
        let ranks: &[usize] = if library.is_default() { &[1, 2, 3, 4] } else { &[3] };
        PETSC.iter().for_each(|program| assert_right(&library, program, ranks));
    }
}

#[test]
fn sundials_lends_and_borrows() {
    for library in adapters::sundials() {
        assert_right(&library, "sundials.c", &[1, 2, 3, 4]);
    }
}

#[test]
fn hypre_lends_and_borrows() {
    for library in adapters::hypre() {
        let ranks: &[usize] = if library.name == "HYPRE" { &[1, 2, 3, 4] } else { &[3] };
        ["hypre.c", "hypre_errors.c"].iter().for_each(|program| assert_right(&library, program, ranks));
    }
}

#[test]
fn slepc_lends_and_solves_in_loans() {
    for library in adapters::slepc() {
        assert_right(&library, "slepc.c", &[1, 2, 3, 4]);
    }
}

/// It defines MPI's collective functions: what ranks wait for is counted, not timed.
#[test]
fn borrowing_is_one_reduction() {
    let Some(all) = Library::together(&adapters::matrix()) else { return }; // the launcher has said why
    assert_right(&all, "calls.c", &[2, 3]);
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
    // One build of each is enough.
    if let Some(petsc) = adapters::petsc().first() {
        PETSC.iter().for_each(|program| assert_clean(petsc, program));
    }
    let others = [
        (adapters::slepc(), "slepc.c"),
        (adapters::sundials(), "sundials.c"),
        (adapters::hypre(), "hypre.c"),
    ];
    for (libraries, program) in others {
        libraries.first().into_iter().for_each(|library| assert_clean(library, program));
    }
}

/// Under MPICH alone: Open MPI is not clean by itself.
#[test]
fn valgrind_finds_nothing() {
    let Some(library) = adapters::petsc().into_iter().find(|library| library.mpi == Flavor::Mpich) else {
        return; // adapters::petsc has said why
    };
    for program in PETSC {
        let compiled = compile(&library, program, &["-g"]);
        let args = ["-q", "--error-exitcode=9", compiled.to_str().unwrap()];
        let found = launch::mpirun_ok(Flavor::Mpich, 2, Path::new("/usr/bin/valgrind"), &args);
        assert_held(&found, program, &library, 2);
    }
}
