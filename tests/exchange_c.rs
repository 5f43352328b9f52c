//! Halo exchange and redistribution through the C border. Bad input: the same report on
//! all ranks, no hang, no array touched, and all goes on afterwards. And what a program
//! sends by itself meanwhile.

#[path = "common/launch.rs"]
mod launch;

use std::path::Path;

use launch::Flavor;

const ERRORS: &str = "tests/c/exchange_errors.c";
const HANDLES: &str = "tests/c/handles.c";
const PROGRESS: &str = "tests/c/exchange_progress.c";
const STRICT: [&str; 5] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const WHAT_IT_SAYS: &str = "141 refusals, the same on all ranks\n";

#[test]
fn what_one_rank_does_wrong_all_ranks_report() {
    for flavor in launch::flavors() {
        let program = launch::compile_c_linked(flavor, ERRORS, &STRICT);
        let found = launch::mpirun_ok::<&str>(flavor, 3, &program, &[]);
        assert_eq!(found, WHAT_IT_SAYS, "{flavor:?}");
    }
}

#[test]
fn sanitizers_find_nothing() {
    for flavor in launch::flavors() {
        let flags = ["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let program = launch::compile_c_linked(flavor, ERRORS, &flags);
        let found = launch::mpirun_ok::<&str>(flavor, 3, &program, &[]);
        assert_eq!(found, WHAT_IT_SAYS, "{flavor:?}");
    }
}

#[test]
fn wrong_handles_are_refused_by_name() {
    for flavor in launch::flavors() {
        let program = launch::compile_c_linked(flavor, HANDLES, &STRICT);
        let found = launch::mpirun_ok::<&str>(flavor, 2, &program, &[]);
        assert_eq!(found, "handles: all held\n", "{flavor:?}");
    }
}

/// The launcher ends it when it waits for ever.
#[test]
fn mpi_goes_on_while_a_rank_waits_in_shared_memory() {
    for flavor in launch::flavors() {
        let program = launch::compile_c_linked(flavor, PROGRESS, &STRICT);
        let found = launch::mpirun_ok::<&str>(flavor, 2, &program, &[]);
        assert_eq!(found, "nobody waited for ever\n", "{flavor:?}");
    }
}

/// Under MPICH alone: Open MPI is not clean by itself.
#[test]
fn valgrind_finds_nothing() {
    if !launch::flavors().contains(&Flavor::Mpich) {
        return; // the launcher has said that MPICH is left out
    }
    let program = launch::compile_c_linked(Flavor::Mpich, ERRORS, &["-std=c99", "-g"]);
    let args = ["-q", "--error-exitcode=9", program.to_str().unwrap()];
    let found = launch::mpirun_ok(Flavor::Mpich, 3, Path::new("/usr/bin/valgrind"), &args);
    assert_eq!(found, WHAT_IT_SAYS);
}
