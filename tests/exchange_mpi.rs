//! Redistribution and halo exchange over the `mpi` crate, element by element: the
//! bodies of `exchange/main.rs`, on four ranks.
#![cfg(feature = "mpi")]

#[path = "common/exchange_bodies.rs"]
mod bodies;
#[path = "common/dealing.rs"]
mod dealing;
#[path = "common/launch.rs"]
mod launch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use dealing::Random;
use distarray::comm::Comm;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

const RANKS: usize = 4;

/// Tells a rank that it is one, which random numbers to take, and how many cases.
const SEED: &str = "DISTARRAY_EXCHANGE_SEED";
const CASES: &str = "DISTARRAY_EXCHANGE_CASES";

/// Runs a body on random cases, in jobs of the named test: in shared memory first, then
/// once in two steps, and once by messages of which MPI gets a few bytes as the most that
/// it can count.
fn on_ranks(test: &str, jobs: u64, body: fn(&Comm, &mut Random)) {
    if let Ok(seed) = std::env::var(SEED) {
        return one_rank(seed.parse().unwrap(), body);
    }
    let library = mpi::environment::library_version().unwrap();
    let flavor = if library.contains("Open MPI") { launch::Flavor::OpenMpi } else { launch::Flavor::Mpich };
    if !launch::flavors().contains(&flavor) {
        return;
    }
    let program = std::env::current_exe().unwrap();
    // The thousand pairs go over Open MPI. Under MPICH four ranks on two cores take several
    // times as long for each case: what it does otherwise, a short job shows.
    let (jobs, cases) = if flavor == launch::Flavor::Mpich { (1, 25) } else { (jobs, 100) };
    let by_messages = ["DISTARRAY_SHARED_MEMORY=off", "DISTARRAY_MPI_MAX_COUNT=100"];
    let in_two_steps = ["DISTARRAY_SHARED_MEMORY=off", "DISTARRAY_TWO_STEPS=always"];
    for seed in 0..=jobs {
        let seeded = [format!("{SEED}={seed}"), format!("{CASES}={cases}")];
        let mut args: Vec<&str> = seeded.iter().map(String::as_str).collect();
        args.extend(by_messages.iter().filter(|_| seed == jobs));
        args.extend(in_two_steps.iter().filter(|_| seed + 1 == jobs));
        args.extend([program.to_str().unwrap(), "--exact", test, "--nocapture"]);
        let output = launch::mpirun_ok(flavor, RANKS, Path::new("/usr/bin/env"), &args);
        assert_eq!(output.matches("every element arrived").count(), RANKS, "{output}");
    }
}

fn one_rank(seed: u64, body: fn(&Comm, &mut Random)) {
    let universe = mpi::initialize().unwrap();
    let world = SimpleCommunicator::world();
    let all = || {
        let comm = Comm::from_mpi(&world).unwrap();
        let mut random = Random(seed);
        let cases: usize = std::env::var(CASES).unwrap().parse().unwrap();
        (0..cases).for_each(|_| body(&comm, &mut random));
    };
    // The other ranks wait for this one: they must not wait for ever.
    if catch_unwind(AssertUnwindSafe(all)).is_err() {
        world.abort(1);
    }
    drop(universe);
    println!("every element arrived");
}

/// There and back: a thousand pairs.
#[test]
fn redistribution_moves_every_element() {
    on_ranks("redistribution_moves_every_element", 5, bodies::redistributes);
}

#[test]
fn axes_are_permuted_on_the_way() {
    on_ranks("axes_are_permuted_on_the_way", 1, bodies::permutes_axes);
}

#[test]
fn halos_hold_what_the_owners_hold() {
    on_ranks("halos_hold_what_the_owners_hold", 2, bodies::fills_halos);
}

#[test]
fn accumulation_is_the_adjoint_of_the_update() {
    on_ranks("accumulation_is_the_adjoint_of_the_update", 1, bodies::accumulates);
}

#[test]
fn unstructured_axes_are_served() {
    on_ranks("unstructured_axes_are_served", 1, bodies::serves_unstructured_axes);
}
