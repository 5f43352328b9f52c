//! The adapters to libraries of matrices, transforms, files and arrays: ScaLAPACK, ELPA,
//! FFTW, HDF5, Epetra, Tpetra, Global Arrays. Their programs in tests/adapters/ look at
//! every element through the library's own indices, at addresses, releases and refusals.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;

use std::path::{Path, PathBuf};

use adapters::Library;
use launch::Flavor;

const STRICT: [&str; 3] = ["-Wall", "-Wextra", "-Werror"];
const SANITIZED: [&str; 3] = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Compiles a program of tests/adapters/ with a library.
fn compile(library: &Library, program: &str, flags: &[&str]) -> PathBuf {
    let source = format!("tests/adapters/{program}");
    let flags: Vec<&str> = flags.iter().copied().chain(library.flags()).collect();
    if program.ends_with(".cpp") {
        launch::compile_cpp_linked(library.mpi, &source, &[&["-std=c++17"], &flags[..]].concat())
    } else {
        launch::compile_c_linked(library.mpi, &source, &[&["-std=c99", "-Wpedantic"], &flags[..]].concat())
    }
}

/// Where the program says that all held: it ends the job where something does not.
fn assert_held(found: &str, program: &str, library: &Library, ranks: usize) {
    let name = program.split('.').next().unwrap();
    assert_eq!(found, format!("{name}: all held\n"), "{program} on {ranks} ranks of {library:?}");
}

/// Runs a program that may write the file that its argument names.
fn assert_right(libraries: &[Library], program: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    for library in libraries {
        let compiled = compile(library, program, &STRICT);
        // Open MPI is tested most; under MPICH the library is the same but for its build.
        let ranks: &[usize] = if library.mpi == Flavor::OpenMpi { &[1, 2, 3, 4] } else { &[3] };
        for &ranks in ranks {
            let found = launch::mpirun_ok(library.mpi, ranks, &compiled, &[&file]);
            assert_held(&found, program, library, ranks);
        }
    }
}

fn assert_clean(libraries: &[Library], program: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    for library in libraries.iter().filter(|library| library.mpi == Flavor::OpenMpi) {
        let compiled = compile(library, program, &SANITIZED);
        let found = launch::mpirun_ok(library.mpi, 2, &compiled, &[&file]);
        assert_held(&found, program, library, 2);
    }
}

#[test]
fn scalapack_works_on_foreign_panels_and_lends_its_own() {
    assert_right(&adapters::scalapack(), "scalapack.c");
    assert_clean(&adapters::scalapack(), "scalapack.c");
}

#[test]
fn elpa_finds_eigenvectors_in_foreign_panels() {
    assert_right(&adapters::elpa(), "elpa.c");
}

#[test]
fn fftw_transforms_foreign_slabs_and_lends_its_own() {
    assert_right(&adapters::fftw(), "fftw.c");
    assert_clean(&adapters::fftw(), "fftw.c");
}

#[test]
fn hdf5_files_hold_arrays_of_any_layout() {
    assert_right(&adapters::hdf5(), "hdf5.c");
    assert_clean(&adapters::hdf5(), "hdf5.c");
}

#[test]
fn epetra_shares_vectors_through_maps_of_every_kind() {
    assert_right(&adapters::epetra(), "epetra.cpp");
    assert_clean(&adapters::epetra(), "epetra.cpp");
}

#[test]
fn tpetra_shares_vectors_through_maps_of_every_kind() {
    assert_right(&adapters::tpetra(), "tpetra.cpp");
    assert_clean(&adapters::tpetra(), "tpetra.cpp");
}

#[test]
fn global_arrays_are_lent_where_others_reach_them() {
    assert_right(&adapters::global_arrays(), "ga.c");
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
