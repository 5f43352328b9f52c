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

    /// All of them for one program, over the MPI that they have in common.
    pub fn together(libraries: &[Self]) -> Option<Self> {
        let mpi = libraries.first()?.mpi;
        let flags = libraries.iter().flat_map(|library| library.flags.clone()).collect();
        Some(Self { name: "all", mpi, flags })
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
            assert_eq!(name, "MPICH", "scripts/setup installs all of Debian's");
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

/// HYPRE: Debian's usual one first, then the one that counts all elements in 64 bits.
pub fn hypre() -> Vec<Library> {
    let with = |name, header, library| Library::debian(name, &["-isystem", header, library]);
    let usual = with("HYPRE", "/usr/include/hypre", "-lHYPRE");
    usual.into_iter().chain(with("HYPRE64m", "/usr/include/hypre64m", "-lHYPRE64m")).collect()
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
    let hypre = hypre().into_iter().take(1).collect();
    let linear = [slepc(), tpetra(), epetra(), sundials(), hypre, scalapack()];
    let all = linear.into_iter().chain([fftw(), global_arrays(), hdf5()]).flatten();
    all.filter(|library| library.mpi == Flavor::OpenMpi).collect()
}

impl Library {
    /// One of Debian's, over the MPIs that are tested and that it is packaged for.
    fn over(name: &'static str, flags_of: impl Fn(&str) -> Vec<String>, mpis: &[Flavor]) -> Vec<Self> {
        let mut flavors = launch::flavors();
        flavors.retain(|flavor| mpis.contains(flavor));
        flavors.into_iter().map(|mpi| Self { name, mpi, flags: flags_of(mpi.suffix()) }).collect()
    }
}

const BOTH: [Flavor; 2] = [Flavor::OpenMpi, Flavor::Mpich];

/// What `-l` needs of each name.
fn link(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("-l{name}")).collect()
}

/// ScaLAPACK and its BLACS.
pub fn scalapack() -> Vec<Library> {
    Library::over("ScaLAPACK", |mpi| link(&[&format!("scalapack-{mpi}"), "m"]), &BOTH)
}

/// ELPA, which works on ScaLAPACK's matrices.
pub fn elpa() -> Vec<Library> {
    let flags = |mpi: &str| {
        let libraries = link(&["elpa", &format!("scalapack-{mpi}"), "m"]);
        [&["-isystem".to_string(), "/usr/include/elpa".to_string()], &libraries[..]].concat()
    };
    Library::over("ELPA", flags, &[Flavor::OpenMpi])
}

/// FFTW's MPI transforms in double precision.
pub fn fftw() -> Vec<Library> {
    Library::over("FFTW", |_| link(&["fftw3_mpi", "fftw3", "m"]), &[Flavor::OpenMpi])
}

/// Parallel HDF5. pkg-config knows where Debian puts each of its builds.
pub fn hdf5() -> Vec<Library> {
    let flags = |mpi: &str| {
        let mut command = std::process::Command::new("pkg-config");
        command.args(["--cflags", "--libs", &format!("hdf5-{mpi}")]);
        let output = launch::run(command, launch::TIME_LIMIT);
        assert!(output.status.success(), "{}", launch::shown(&output));
        // Its headers are none of ours to keep free of warnings.
        launch::shown(&output).split_whitespace().map(|flag| flag.replace("-I", "-isystem")).collect()
    };
    Library::over("HDF5", flags, &BOTH)
}

/// One of Trilinos' packages and what it needs of the others.
fn trilinos(name: &'static str, parts: &[&str]) -> Vec<Library> {
    let flags = |_: &str| {
        let headers = ["-isystem", "/usr/include/trilinos"].map(str::to_string).into_iter();
        headers.chain(parts.iter().map(|part| format!("-ltrilinos_{part}"))).collect()
    };
    Library::over(name, flags, &[Flavor::OpenMpi])
}

/// Tpetra of Trilinos.
pub fn tpetra() -> Vec<Library> {
    let parts =
        ["tpetra", "tpetraclassic", "kokkoscore", "teuchoscomm", "teuchosparameterlist", "teuchoscore"];
    trilinos("Tpetra", &parts)
}

/// Epetra of Trilinos.
pub fn epetra() -> Vec<Library> {
    trilinos("Epetra", &["epetra"])
}

/// Global Arrays over ARMCI-MPI: static libraries that name what they need.
pub fn global_arrays() -> Vec<Library> {
    let parts = ["ga-openmpi", "scalapack-openmpi", "lapack", "blas", "armci-openmpi", "gfortran", "m"];
    Library::over("Global Arrays", |_| link(&parts), &[Flavor::OpenMpi])
}
