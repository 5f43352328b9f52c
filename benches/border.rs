//! What lending, taking and the collective check cost, from Rust and from C.
//!
//! `cargo bench --bench border` measures Rust in this process, the check on two
//! threads, then compiles `border.c` and runs it on two ranks of each MPI that
//! is installed.

#![allow(unsafe_code)] // importing a loan is a promise

mod common;
#[path = "common/library.rs"]
mod library;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;

use distarray::array::{Access, AnyArray, DistArray};
use distarray::comm::{self, Op};
use distarray::distribution::Distribution;
use distarray::ffi::Export;
use distarray::protocol::{Dim, DimData, Dist};

fn array(dist: Dist) -> AnyArray {
    let dims = [Dim::new(16, 4, 2, dist), Dim::whole(4), Dim::whole(4)].map(Result::unwrap);
    DistArray::new(DimData::new(dims).unwrap(), vec![0.0_f64; 64]).unwrap().into_any()
}

/// Taking a loan and lending the array again, one after the other.
fn round_trip(dist: Dist) {
    let mut loan = Export::from(array(dist));
    let mut body = || {
        // SAFETY: the loan is this library's own.
        let array = unsafe { loan.import(Access::Exclusive) }.unwrap();
        loan = Export::from(array);
    };
    let mut heap = || drop(black_box(Vec::<u8>::with_capacity(256)));
    let [trip, malloc] = common::medians(20_000, [&mut body, &mut heap]);
    println!("rust   import and lend again {trip:6.1} ns = {:4.1} x malloc+free", trip / malloc);
}

fn check_on_threads() {
    let times = comm::threads(2, |comm| {
        let rank = i64::try_from(comm.rank()).unwrap();
        let dims = [Dim::new(16, 2, rank, Dist::block(8 * rank, 8 * rank + 8)).unwrap()];
        let dim_data = DimData::new(dims).unwrap();
        let mut check = || drop(Distribution::gather_dim_data(&comm, Ok(&dim_data)).unwrap());
        let mut reduce = || comm.all_reduce(&mut [1.0_f64], Op::Sum).unwrap();
        common::medians(200, [&mut check, &mut reduce])
    });
    let [check, reduce] = times[0];
    println!(
        "rust   Distribution::gather on 2 threads {:.2} us = {:.2} x all_reduce",
        check / 1e3,
        check / reduce
    );
}

/// The C program under each MPI.
fn c_side() {
    let root = env!("CARGO_MANIFEST_DIR");
    let library = library::library();
    let program: PathBuf = library.join("border-c");
    for (compiler, launcher) in [
        ("mpicc.openmpi", &["mpirun.openmpi", "--oversubscribe", "--bind-to", "none", "-n", "2"][..]),
        ("mpicc.mpich", &["mpiexec.mpich", "-launcher", "fork", "-n", "2"][..]),
    ] {
        let compiled = Command::new(compiler)
            .args(["-O2", &format!("-I{root}/include"), &format!("{root}/benches/border.c")])
            .args([&format!("-L{}", library.display()), "-ldistarray"])
            .arg(format!("-Wl,-rpath,{}", library.display()))
            .arg("-o")
            .arg(&program)
            .status();
        match compiled {
            Ok(status) if status.success() => println!("C      {compiler}"),
            other => {
                println!("C      {compiler}: not measured, it did not compile ({other:?})");
                continue;
            }
        }
        let status = Command::new(launcher[0])
            .args(&launcher[1..])
            .arg(&program)
            // Root is refused otherwise, and a container has no other user.
            .envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")])
            .status();
        println!("       {}", status.map_or_else(|e| e.to_string(), |s| s.to_string()));
    }
}

fn main() {
    round_trip(Dist::block(8, 12));
    round_trip(Dist::cyclic(2, 4));
    check_on_threads();
    c_side();
}
