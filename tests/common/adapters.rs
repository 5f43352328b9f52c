//! Where the libraries are that the adapters are compiled against. Use it beside
//! `launch`, as `#[path = "common/adapters.rs"] mod adapters;`.
#![allow(dead_code)] // each test binary uses its own part

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::launch::{self, Flavor};

/// A library, and the MPI that it was built with.
#[derive(Clone, Debug)]
pub struct Library {
    pub name: &'static str,
    pub mpi: Flavor,
    flags: Vec<String>,
}

impl Library {
    /// The compiler's flags for it.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(String::as_str)
    }

    /// Whether it is Debian's default build.
    pub fn is_default(&self) -> bool {
        self.name == "real"
    }

    /// A library in one directory. Its headers are none of ours to keep free of warnings.
    fn at(name: &'static str, mpi: Flavor, prefix: &Path, libraries: &[&str]) -> Self {
        let prefix = prefix.display();
        let mut flags = vec![
            "-isystem".to_string(),
            format!("{prefix}/include"),
            format!("-L{prefix}/lib"),
            format!("-Wl,-rpath,{prefix}/lib"),
        ];
        flags.extend(libraries.iter().map(|library| format!("-l{library}")));
        Self { name, mpi, flags }
    }
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PETSC_PARTS: [&str; 5] = ["petscdm", "petscmat", "petscvec", "petscsys", "lapack"];

/// Every PETSc that is here: Debian's real one over Open MPI first, then complex numbers,
/// 64-bit indices, and the one that scripts/petsc-mpich builds.
pub fn petsc() -> Vec<Library> {
    let debian = Path::new("/usr/lib/petscdir");
    let cache = std::env::var_os("DISTARRAY_CACHE").map_or(Path::new(ROOT).join("build"), PathBuf::from);
    let known = [
        ("real", Flavor::OpenMpi, debian.join("petsc3.18/x86_64-linux-gnu-real"), &["petsc_real"][..]),
        ("complex", Flavor::OpenMpi, debian.join("petsc3.18/x86_64-linux-gnu-complex"), &["petsc_complex"]),
        ("64-bit", Flavor::OpenMpi, debian.join("petsc64-3.18/x86_64-linux-gnu-real"), &["petsc64_real"]),
        ("MPICH", Flavor::Mpich, cache.join("petsc-mpich"), &PETSC_PARTS),
    ];
    let flavors = launch::flavors();
    let mut found = Vec::new();
    for (name, mpi, prefix, libraries) in known {
        if !flavors.contains(&mpi) {
            continue; // the launcher has said so
        }
        if prefix.join("include/petsc.h").exists() {
            found.push(Library::at(name, mpi, &prefix, libraries));
        } else {
            assert_ne!(name, "real", "scripts/setup installs PETSc");
            let _ = writeln!(std::io::stderr(), "no PETSc for {name} in {}: not tested", prefix.display());
        }
    }
    found
}

impl Library {
    /// One of Debian's, over Open MPI, in the compiler's own places.
    fn debian(name: &'static str, flags: &[&str]) -> Vec<Self> {
        let here = launch::flavors().contains(&Flavor::OpenMpi);
        let flags = flags.iter().map(ToString::to_string).collect();
        here.then_some(Self { name, mpi: Flavor::OpenMpi, flags }).into_iter().collect()
    }
}

/// SUNDIALS.
pub fn sundials() -> Vec<Library> {
    let parts = ["cvode", "sunnonlinsolfixedpoint", "nvecparallel", "generic"];
    let flags = parts.map(|part| format!("-lsundials_{part}"));
    Library::debian("SUNDIALS", &flags.each_ref().map(String::as_str))
}

/// HYPRE.
pub fn hypre() -> Vec<Library> {
    Library::debian("HYPRE", &["-isystem", "/usr/include/hypre", "-lHYPRE"])
}

/// SLEPc, over Debian's real PETSc.
pub fn slepc() -> Vec<Library> {
    let prefix = Path::new("/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-real");
    let mut found: Vec<Library> = petsc().into_iter().filter(Library::is_default).collect();
    for library in &mut found {
        library.flags.extend(Library::at("SLEPc", library.mpi, prefix, &["slepc_real"]).flags);
    }
    found
}

/// What the interoperability matrix is compiled with: all over Open MPI, doubles.
pub fn matrix() -> Vec<Library> {
    petsc().into_iter().filter(Library::is_default).chain(sundials()).chain(hypre()).collect()
}
