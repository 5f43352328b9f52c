//! What is made once for each MPI communicator, through the C border.

#[path = "common/launch.rs"]
mod launch;

use std::path::Path;

use launch::Flavor;

const PROGRAM: &str = "tests/c/comm_kept.c";
const STRICT: [&str; 5] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const WHAT_IT_SAYS: &str = "what is kept goes with its communicator\n";

#[test]
fn communicators_are_made_once() {
    for flavor in launch::flavors() {
        let program = launch::compile_c_linked(flavor, PROGRAM, &STRICT);
        for ranks in 2..=3 {
            assert_eq!(launch::mpirun_ok::<&str>(flavor, ranks, &program, &[]), WHAT_IT_SAYS, "{flavor:?}");
            let apart = ["DISTARRAY_SHARED_MEMORY=off", program.to_str().unwrap()];
            let found = launch::mpirun_ok(flavor, ranks, Path::new("/usr/bin/env"), &apart);
            assert_eq!(found, WHAT_IT_SAYS, "{flavor:?}");
        }
    }
}

#[test]
fn sanitizers_find_nothing() {
    for flavor in launch::flavors() {
        let flags = ["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let program = launch::compile_c_linked(flavor, PROGRAM, &flags);
        let found = launch::mpirun_ok::<&str>(flavor, 2, &program, &[]);
        assert_eq!(found, WHAT_IT_SAYS, "{flavor:?}");
    }
}

/// Under MPICH alone: Open MPI is not clean by itself.
#[test]
fn valgrind_finds_nothing() {
    if !launch::flavors().contains(&Flavor::Mpich) {
        return; // the launcher has said that MPICH is left out
    }
    let program = launch::compile_c_linked(Flavor::Mpich, PROGRAM, &["-std=c99", "-g"]);
    let args = ["-q", "--error-exitcode=9", program.to_str().unwrap()];
    let found = launch::mpirun_ok(Flavor::Mpich, 2, Path::new("/usr/bin/valgrind"), &args);
    assert_eq!(found, WHAT_IT_SAYS);
}
