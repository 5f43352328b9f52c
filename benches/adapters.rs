//! What the adapters to libraries cost beside the libraries' own constructors.
//!
//! `cargo bench --bench adapters` compiles `adapters.c` against Debian's PETSc, SUNDIALS
//! and HYPRE, and `adapters.cpp` against its Trilinos, and runs them on one and on two
//! ranks of Open MPI.

#[path = "common/library.rs"]
mod library;

use std::path::Path;
use std::process::Command;

const PETSC: &str = "/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-real";

fn main() {
    let root = env!("CARGO_MANIFEST_DIR");
    let library = library::library();
    let compile = |compiler: &str, source: &str, flags: &[&str], libraries: &[&str]| {
        let program = library.join(source.replace('.', "-"));
        let mut compile = Command::new(compiler);
        compile.args(["-O2", &format!("-I{root}/include"), &format!("{root}/benches/{source}")]);
        compile.args(flags).args(libraries.iter().map(|library| format!("-l{library}")));
        compile.args([format!("-L{}", library.display()), format!("-Wl,-rpath,{}", library.display())]);
        compile.args(["-ldistarray", "-lm", "-o"]).arg(&program);
        assert!(compile.status().unwrap().success(), "scripts/setup installs the libraries");
        program
    };
    let petsc = [format!("{PETSC}/include"), format!("-L{PETSC}/lib"), format!("-Wl,-rpath,{PETSC}/lib")];
    let headers = ["-isystem", "/usr/include/hypre", "-isystem", &petsc[0], &petsc[1], &petsc[2]];
    let libraries = ["petsc_real", "sundials_nvecparallel", "sundials_generic", "HYPRE"];
    let c = compile("mpicc.openmpi", "adapters.c", &headers, &libraries);
    let headers = ["-std=c++17", "-isystem", "/usr/include/trilinos"];
    let parts = ["epetra", "tpetra", "tpetraclassic", "kokkoscore", "teuchoscomm", "teuchoscore"];
    let libraries = parts.map(|part| format!("trilinos_{part}"));
    let cpp = compile("mpicxx.openmpi", "adapters.cpp", &headers, &libraries.each_ref().map(|l| l.as_str()));
    for ranks in ["1", "2"] {
        for program in [&c, &cpp] {
            run(ranks, program);
        }
    }
}

fn run(ranks: &str, program: &Path) {
    let mut run = Command::new("mpirun.openmpi");
    run.args(["--oversubscribe", "--bind-to", "none", "-n", ranks]).arg(program);
    run.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
    assert!(run.status().unwrap().success());
}
