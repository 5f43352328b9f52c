//! The adapters to libraries of matrices, transforms, files and arrays: ScaLAPACK, ELPA,
//! FFTW, HDF5, Epetra, Tpetra, Global Arrays. Their programs in tests/adapters/ look at
//! every element through the library's own indices, at addresses, releases and refusals.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;
#[path = "common/adapter_programs.rs"]
mod programs;

use std::path::Path;

use adapters::Library;
use launch::Flavor;
use programs::{STRICT, assert_clean, assert_right};

/// Runs a program with a library under each MPI.
fn assert_all_right(libraries: &[Library], program: &str) {
    for library in libraries {
        // Open MPI is tested most; under MPICH the library is the same but for its build.
        let ranks: &[usize] = if library.mpi == Flavor::OpenMpi { &[1, 2, 3, 4] } else { &[3] };
        assert_right(library, program, ranks);
    }
}

/// The same, and under sanitizers.
fn assert_right_and_clean(libraries: &[Library], program: &str) {
    assert_all_right(libraries, program);
    let open_mpi = libraries.iter().filter(|library| library.mpi == Flavor::OpenMpi);
    open_mpi.for_each(|library| assert_clean(library, program));
}

#[test]
fn scalapack_works_on_foreign_panels_and_lends_its_own() {
    assert_right_and_clean(&adapters::scalapack(), "scalapack.c");
}

#[test]
fn elpa_finds_eigenvectors_in_foreign_panels() {
    assert_all_right(&adapters::elpa(), "elpa.c");
}

#[test]
fn fftw_transforms_foreign_slabs_and_lends_its_own() {
    assert_right_and_clean(&adapters::fftw(), "fftw.c");
}

#[test]
fn hdf5_files_hold_arrays_of_any_layout() {
    assert_right_and_clean(&adapters::hdf5(), "hdf5.c");
}

#[test]
fn epetra_shares_vectors_through_maps_of_every_kind() {
    assert_right_and_clean(&adapters::epetra(), "epetra.cpp");
}

#[test]
fn tpetra_shares_vectors_through_maps_of_every_kind() {
    assert_right_and_clean(&adapters::tpetra(), "tpetra.cpp");
}

#[test]
fn global_arrays_are_lent_where_others_reach_them() {
    assert_all_right(&adapters::global_arrays(), "ga.c");
}

/// The program in a header's first comment, whose lines begin so.
fn program_of(header: &str, margin: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include").join(header);
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with(&format!("{margin}   #include")));
    let lines = lines.map_while(|line| {
        let rest = line.strip_prefix(margin)?;
        rest.strip_prefix("   ").or(rest.is_empty().then_some(""))
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn first_comments_are_whole_programs() {
    let scratch = tempfile::tempdir().unwrap();
    // What rank 0 of two says, where it says anything.
    let petsc = || adapters::petsc().into_iter().filter(Library::is_default).collect();
    let headers: [(&str, Vec<Library>, &str); 9] = [
        ("petsc", petsc(), "Process [0]\n3.\n3.\n3.\n3.\n"),
        ("petsc_dmda", petsc(), ""),
        ("slepc", adapters::slepc(), ""),
        ("sundials", adapters::sundials(), "3\n"),
        ("hypre", adapters::hypre(), "3\n"),
        ("scalapack", adapters::scalapack(), "1\n"),
        ("fftw", adapters::fftw(), "48\n"),
        ("hdf5", adapters::hdf5(), ""),
        ("ga", adapters::global_arrays(), ""),
    ];
    for (name, libraries, expected) in headers {
        let Some(library) = libraries.first() else { continue }; // the launcher has said why
        let source = scratch.path().join(format!("{name}.c"));
        std::fs::write(&source, program_of(&format!("distarray_{name}.h"), " *")).unwrap();
        let flags = [&["-std=c99"], &STRICT[..]].concat();
        let flags: Vec<&str> = flags.into_iter().chain(library.flags()).collect();
        let program = launch::compile_c_linked(library.mpi, source.to_str().unwrap(), &flags);
        let found = launch::mpirun_ok(library.mpi, 2, &program, &[scratch.path().join("u.h5")]);
        assert!(found.contains(expected), "{name}: {found}");
    }
}

#[test]
fn headers_in_cpp_begin_with_whole_programs() {
    let scratch = tempfile::tempdir().unwrap();
    for (name, libraries) in [("epetra", adapters::epetra()), ("tpetra", adapters::tpetra())] {
        let source = scratch.path().join(format!("{name}.cpp"));
        std::fs::write(&source, program_of(&format!("distarray_{name}.hpp"), "//")).unwrap();
        for library in &libraries {
            let flags = [&["-std=c++17"], &STRICT[..]].concat();
            let flags: Vec<&str> = flags.into_iter().chain(library.flags()).collect();
            let program = launch::compile_cpp_linked(library.mpi, source.to_str().unwrap(), &flags);
            assert_eq!(launch::mpirun_ok::<&str>(library.mpi, 2, &program, &[]), "8\n", "{name}");
        }
    }
}
