//! Each header of include/ compiles alone: one in C as C99 and as C++11, one in C++ as C++17.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;

use std::path::Path;

use adapters::Library;
use launch::Flavor;

type Builds = fn() -> Vec<Library>;

/// How the names of a library's headers begin, and the library.
const LIBRARIES: [(&str, Builds); 10] = [
    ("petsc", adapters::petsc),
    ("slepc", adapters::slepc),
    ("sundials", adapters::sundials),
    ("hypre", adapters::hypre),
    ("scalapack", adapters::scalapack),
    ("fftw", adapters::fftw),
    ("hdf5", adapters::hdf5),
    ("ga", adapters::global_arrays),
    ("epetra", adapters::epetra),
    ("tpetra", adapters::tpetra),
];

/// The flags of a header's library; those without one need MPI at most.
fn flags(header: &str) -> Vec<String> {
    let name = header.trim_start_matches("distarray_");
    let Some((_, library)) = LIBRARIES.iter().find(|(prefix, _)| name.starts_with(prefix)) else {
        return Vec::new();
    };
    let library = library().into_iter().find(|library| library.mpi == Flavor::OpenMpi);
    library.expect("Open MPI is here").flags().map(str::to_string).collect()
}

#[test]
fn each_header_compiles_alone() {
    if !launch::flavors().contains(&Flavor::OpenMpi) {
        return; // the launcher has said so
    }
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let names = std::fs::read_dir(include).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    let scratch = tempfile::tempdir().unwrap();
    let compile = |compiler: &str, header: &str, standard: &str, flags: &[String]| {
        let extension = if compiler == "mpicc.openmpi" { "c" } else { "cc" };
        let source = scratch.path().join(format!("{}.{extension}", header.replace('.', "_")));
        std::fs::write(&source, format!("#include <{header}>\nint main(void) {{ return 0; }}\n")).unwrap();
        let strict =
            ["-c", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-DOMPI_SKIP_MPICXX"].map(str::to_string);
        let flags = [&[format!("-std={standard}")], &strict[..], flags].concat();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        launch::compile(compiler, &[source.to_str().unwrap()], &flags);
    };
    let mut compiled = 0;
    for name in &names {
        let flags = flags(name);
        if name.ends_with(".h") {
            compile("mpicc.openmpi", name, "c99", &flags);
            // SUNDIALS' own headers need a later one.
            let cpp = if name.contains("sundials") { "c++14" } else { "c++11" };
            compile("mpicxx.openmpi", name, cpp, &flags);
        } else if name.ends_with(".hpp") {
            compile("mpicxx.openmpi", name, "c++17", &flags);
        } else {
            continue; // Fortran's
        }
        compiled += 1;
    }
    assert!(compiled > 25, "{compiled} headers of {names:?}");
}
