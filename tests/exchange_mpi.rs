//! Redistribution and halo exchange over the `mpi` crate, element by element: the
//! bodies of `exchange.rs`, on four ranks.
#![cfg(feature = "mpi")]

#[path = "common/exchange_bodies.rs"]
mod bodies;
#[path = "common/dealing.rs"]
mod dealing;
#[path = "common/launch.rs"]
mod launch;

use std::path::Path;

use dealing::Random;
use distarray::comm::Comm;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// Tells a rank that it is one.
const RANK: &str = "DISTARRAY_EXCHANGE_RANK";

#[test]
fn every_element_arrives_over_the_mpi_crate() {
    if std::env::var_os(RANK).is_some() {
        return one_rank();
    }
    let library = mpi::environment::library_version().unwrap();
    let flavor = if library.contains("Open MPI") { launch::Flavor::OpenMpi } else { launch::Flavor::Mpich };
    if !launch::flavors().contains(&flavor) {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let test = "every_element_arrives_over_the_mpi_crate";
    let args = [&format!("{RANK}=1"), program.to_str().unwrap(), "--exact", test, "--nocapture"];
    let output = launch::mpirun_ok(flavor, 4, Path::new("/usr/bin/env"), &args);
    assert_eq!(output.matches("every element arrived").count(), 4, "{output}");
}

fn one_rank() {
    let universe = mpi::initialize().unwrap();
    let world = SimpleCommunicator::world();
    let all = || {
        let comm = Comm::from_mpi(&world).unwrap();
        let bodies: [(usize, fn(&Comm, &mut Random)); 5] = [
            (1000, bodies::redistributes),
            (200, bodies::permutes_axes),
            (1000, bodies::fills_halos),
            (300, bodies::accumulates),
            (100, bodies::serves_unstructured_axes),
        ];
        for (seed, (cases, body)) in (7..).zip(bodies) {
            let mut random = Random(seed);
            (0..cases).for_each(|_| body(&comm, &mut random));
        }
    };
    // The other ranks wait for this one: they must not wait for ever.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(all)).is_err() {
        world.abort(1);
    }
    drop(universe);
    println!("every element arrived");
}
