//! A communicator over the `mpi` crate keeps its promises and disturbs nothing of the
//! program's own MPI.
#![cfg(feature = "mpi")]
#![allow(unsafe_code)] // asks MPI itself what it left undisturbed

#[path = "common/comm_bodies.rs"]
mod bodies;
#[path = "common/launch.rs"]
mod launch;
#[path = "../docs/programs/over_mpi.rs"]
#[allow(dead_code)] // its main
mod page;

use std::path::Path;

use distarray::comm::Comm;
use mpi::ffi;
use mpi::raw::AsRaw;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// Tells a rank that it is one; its value lowers the count limit.
const LIMIT: &str = "DISTARRAY_MPI_MAX_COUNT";

#[test]
fn every_promise_over_the_mpi_crate() {
    if std::env::var_os(LIMIT).is_some() {
        return one_rank();
    }
    for limit in ["2147483647", "1000"] {
        for ranks in 1..=4 {
            let Some(output) = on_ranks(ranks, "every_promise_over_the_mpi_crate", limit) else { return };
            assert_eq!(output.matches("every promise is kept").count(), ranks, "{output}");
        }
    }
}

#[test]
fn the_program_of_the_book_says_what_its_page_says() {
    if std::env::var_os(LIMIT).is_some() {
        let universe = mpi::initialize().unwrap();
        println!("{}", page::columns(&Comm::from_mpi(&universe.world()).unwrap()).unwrap());
        return;
    }
    let name = "the_program_of_the_book_says_what_its_page_says";
    let Some(output) = on_ranks(3, name, "2147483647") else { return };
    let said = "[64, 4] on rank 0, 183744 on all 3";
    assert!(output.contains(said), "{output}");
    assert!(include_str!("../docs/src/start/rust.md").contains(said));
}

/// What a test of this program prints as so many ranks; none where its MPI is not tested.
fn on_ranks(ranks: usize, test: &str, limit: &str) -> Option<String> {
    let library = mpi::environment::library_version().unwrap();
    let flavor = if library.contains("Open MPI") { launch::Flavor::OpenMpi } else { launch::Flavor::Mpich };
    let program = std::env::current_exe().unwrap();
    let setting = format!("{LIMIT}={limit}");
    let args = [&setting, program.to_str().unwrap(), "--exact", test, "--nocapture"];
    let run = || launch::mpirun_ok(flavor, ranks, Path::new("/usr/bin/env"), &args);
    launch::flavors().contains(&flavor).then(run)
}

fn one_rank() {
    let world = SimpleCommunicator::world();
    let error = Comm::from_mpi(&world).unwrap_err();
    assert!(error.to_string().contains("MPI_Init has not been called"), "{error}");
    let universe = mpi::initialize().unwrap();

    // The program's own traffic: a receive of anything from anyone, under way all the time.
    let handler = errhandler(&world);
    let rank = world.rank();
    let comm = Comm::from_mpi(&world).unwrap();
    let (mut letter, sent) = (0_i32, rank + 100);
    let from = (rank + world.size() - 1) % world.size();
    mpi::request::scope(|scope| {
        let request = world.any_process().immediate_receive_into(scope, &mut letter);
        bodies::all(&comm);
        let to = world.process_at_rank((rank + 1) % world.size());
        let sending = to.immediate_send(scope, &sent);
        assert_eq!(request.wait().source_rank(), from);
        sending.wait();
    });
    assert_eq!(letter, from + 100);
    assert_eq!(errhandler(&world), handler, "the error handler is the program's");

    // One duplicate, however often it is asked for.
    let tag = |comm: &Comm| comm.transport().unwrap().new_tag().unwrap();
    assert_eq!(tag(&Comm::from_mpi(&world).unwrap()) + 1, tag(&comm));

    // Communicators come and go, and their duplicates with them: on one number of
    // ranks, because it takes seconds.
    for _ in 0..if world.size() == 2 { 10_000 } else { 100 } {
        let own = world.duplicate();
        Comm::from_mpi(&own).unwrap();
    }

    // A freed communicator takes its duplicate along, which is not used again.
    let orphan = {
        let own = world.duplicate();
        let orphan = Comm::from_mpi(&own).unwrap();
        orphan.barrier().unwrap();
        orphan
    };
    let error = orphan.barrier().unwrap_err();
    assert!(error.to_string().contains("freed the MPI communicator"), "{error}");

    // MPI was not initialised for calls from several threads.
    let error = std::thread::scope(|scope| scope.spawn(|| comm.barrier()).join().unwrap());
    assert!(error.unwrap_err().to_string().contains("MPI_THREAD_MULTIPLE"));

    let messages = comm.messages(&[], &[]).unwrap();
    drop(universe); // MPI_Finalize
    let error = comm.barrier().unwrap_err();
    assert!(error.to_string().contains("MPI_Finalize has been called"), "{error}");
    drop((messages, comm)); // nothing is called
    println!("every promise is kept");
}

fn errhandler(comm: &SimpleCommunicator) -> ffi::MPI_Errhandler {
    // SAFETY: a live communicator and a place for the handle.
    unsafe {
        let mut handler = ffi::RSMPI_ERRORS_RETURN;
        assert_eq!(ffi::MPI_Comm_get_errhandler(comm.as_raw(), &raw mut handler), 0);
        handler
    }
}
