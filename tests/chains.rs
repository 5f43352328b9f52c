//! The chains of c-examples/chains/: one buffer goes through several libraries, and every
//! element is compared at each station. One file of the library serves both MPIs.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/book.rs"]
mod book;
#[path = "common/examples.rs"]
mod examples;
#[path = "common/launch.rs"]
mod launch;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use adapters::Library;
use examples::expected;
use launch::Flavor;
use sha2::{Digest, Sha256};

const C99: [&str; 5] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const SANITIZED: [&str; 3] = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const RANKS: std::ops::RangeInclusive<usize> = 1..=4;

fn path(source: &str) -> String {
    format!("c-examples/chains/{source}")
}

/// The first of several builds of a library that is over this MPI.
fn over(flavor: Flavor, libraries: Vec<Library>) -> Option<Library> {
    libraries.into_iter().find(|library| library.mpi == flavor)
}

/// Fortran's chain under one MPI, and what it prints there. HYPRE has a station in it where
/// it is built for this MPI; else plain C has.
fn field(flavor: Flavor, flags: &[&str]) -> Option<(PathBuf, String)> {
    let (petsc, hdf5) = (over(flavor, adapters::petsc())?, over(flavor, adapters::hdf5())?);
    let hypre = over(flavor, adapters::hypre());
    let mut promised = expected("chains/field.f90");
    let laplacian = if hypre.is_some() { "field_hypre.c" } else { "field_stencil.c" };
    if hypre.is_none() {
        promised = promised.replace("HYPRE ", "C     ");
    }
    let libraries = [Some(petsc), Some(hdf5), hypre];
    let of_libraries: Vec<&str> = libraries.iter().flatten().flat_map(Library::flags).collect();
    let objects = ["field.c", laplacian, "field_hdf5.c"].map(|station| {
        let flags = [&C99, flags, &of_libraries, &["-O2", "-c"]].concat();
        launch::compile_c(flavor, &[&path(station)], &flags)
    });
    let mut all = [&["-std=f2018", "-Wall", "-Wextra", "-Werror", "-fcheck=all"], flags].concat();
    all.extend(objects.iter().map(|object| object.to_str().unwrap()).chain(of_libraries));
    Some((launch::compile_mpi_fortran_linked(flavor, &path("field.f90"), &all), promised))
}

/// FFTW's chain, whose libraries Debian builds over Open MPI alone.
fn slab(flags: &[&str]) -> Option<PathBuf> {
    let libraries = [adapters::petsc(), adapters::sundials(), adapters::hypre(), adapters::fftw()];
    let libraries: Option<Vec<Library>> =
        libraries.into_iter().map(|builds| over(Flavor::OpenMpi, builds)).collect();
    let libraries = libraries?;
    let flags: Vec<&str> =
        C99.iter().chain(flags).copied().chain(libraries.iter().flat_map(Library::flags)).collect();
    Some(launch::compile_c_linked(Flavor::OpenMpi, &path("slab.c"), &flags))
}

/// ScaLAPACK's, which Tpetra is built for over Open MPI alone.
fn panel() -> Option<PathBuf> {
    let (tpetra, scalapack) =
        (over(Flavor::OpenMpi, adapters::tpetra())?, over(Flavor::OpenMpi, adapters::scalapack())?);
    let flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror"];
    let flags: Vec<&str> = flags.into_iter().chain(tpetra.flags()).chain(scalapack.flags()).collect();
    Some(launch::compile_cpp_linked(Flavor::OpenMpi, &path("panel.cpp"), &flags))
}

/// Another process, in Python, computes every element of the file anew.
fn assert_read_by_python(file: &Path) {
    let mut python = Command::new("/usr/bin/python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(path("field.py"))).arg(file);
    let output = launch::run(python, launch::TIME_LIMIT);
    assert!(output.status.success(), "{}", launch::shown(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "every element is the Laplacian's\n");
}

/// The file of libdistarray that each rank of a run loaded, as the loaders' own reports in
/// a directory say; and no rank loaded another MPI than its own.
fn loaded(reports: &Path, flavor: Flavor) -> Vec<PathBuf> {
    let own = if flavor == Flavor::OpenMpi { "libmpi.so.40" } else { "libmpich.so.12" };
    let mut of_ranks = Vec::new();
    for report in fs::read_dir(reports).unwrap() {
        let report = fs::read_to_string(report.unwrap().path()).unwrap();
        let files: Vec<&Path> = report
            .lines()
            .filter_map(|line| line.split_once("calling init: "))
            .map(|(_, file)| Path::new(file))
            .collect();
        let named = |start: &str| -> Vec<&Path> {
            let name = |file: &Path| file.file_name().unwrap().to_string_lossy().into_owned();
            files.iter().copied().filter(|file| name(file).starts_with(start)).collect()
        };
        let mpis = [named("libmpi.so"), named("libmpich.so")].concat();
        assert!(mpis.len() == 1 && mpis[0].ends_with(own), "{mpis:?} under {flavor:?}");
        let [library] = named("libdistarray")[..] else { panic!("{files:?}") };
        of_ranks.push(fs::canonicalize(library).unwrap());
    }
    of_ranks
}

#[test]
fn a_fortran_block_goes_through_petsc_hypre_and_hdf5_and_one_file_serves_both_mpis() {
    let mut served = BTreeSet::new();
    for flavor in launch::flavors() {
        let Some((program, promised)) = field(flavor, &["-g"]) else {
            continue; // said on standard error
        };
        let mut libraries = BTreeSet::new();
        for ranks in RANKS {
            let (files, reports) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let file = files.path().join("field.h5");
            let output = format!("LD_DEBUG_OUTPUT={}/rank", reports.path().display());
            let args = [Path::new("LD_DEBUG=libs"), Path::new(&output), &program, &file];
            let found = launch::mpirun_ok(flavor, ranks, Path::new("/usr/bin/env"), &args);
            assert_eq!(found, promised, "{ranks} ranks of {flavor:?}");
            assert_read_by_python(&file);
            let of_ranks = loaded(reports.path(), flavor);
            assert_eq!(of_ranks.len(), ranks, "{flavor:?}");
            libraries.extend(of_ranks);
        }
        served.extend(
            libraries.into_iter().map(|path| (Sha256::digest(fs::read(&path).unwrap()).to_vec(), path)),
        );
    }
    assert!(served.len() <= 1, "{served:?}");
}

#[test]
fn an_fftw_slab_goes_through_petsc_sundials_and_hypre() {
    assert_eq!(book::block("chains.md", "text", "CVODE"), expected("chains/slab.c"));
    let Some(program) = slab(&["-O2"]) else { return };
    for ranks in RANKS {
        let found = launch::mpirun_ok::<&str>(Flavor::OpenMpi, ranks, &program, &[]);
        assert_eq!(found, expected("chains/slab.c"), "{ranks} ranks");
    }
}

#[test]
fn a_scalapack_panel_goes_through_a_redistribution_to_tpetra() {
    let Some(program) = panel() else { return };
    for ranks in RANKS {
        let found = launch::mpirun_ok::<&str>(Flavor::OpenMpi, ranks, &program, &[]);
        assert_eq!(found, expected("chains/panel.cpp"), "{ranks} ranks");
    }
}

#[test]
fn sanitizers_find_nothing() {
    let files = tempfile::tempdir().unwrap();
    for flavor in launch::flavors() {
        if let Some((program, promised)) = field(flavor, &SANITIZED) {
            let found = launch::mpirun_ok(flavor, 2, &program, &[files.path().join("field.h5")]);
            assert_eq!(found, promised, "{flavor:?}");
        }
    }
    if let Some(program) = slab(&SANITIZED) {
        let found = launch::mpirun_ok::<&str>(Flavor::OpenMpi, 2, &program, &[]);
        assert_eq!(found, expected("chains/slab.c"));
    }
}
