//! What the adapters to libraries cost beside the libraries' own constructors.
//!
//! `cargo bench --bench adapters` compiles `adapters.c` against Debian's PETSc, SUNDIALS
//! and HYPRE, and runs it on one and on two ranks of Open MPI.

use std::path::PathBuf;
use std::process::Command;

const PETSC: &str = "/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-real";

fn main() {
    let root = env!("CARGO_MANIFEST_DIR");
    let executable = std::env::current_exe().unwrap();
    // The library lies beside the folder of this program.
    let library = executable.parent().and_then(|deps| deps.parent()).unwrap().to_path_buf();
    let link = library.join("libdistarray.so.0");
    if !link.exists() {
        std::os::unix::fs::symlink(library.join("libdistarray.so"), &link).unwrap();
    }
    let program: PathBuf = library.join("adapters-c");
    let mut compile = Command::new("mpicc.openmpi");
    compile.args(["-O2", &format!("-I{root}/include"), &format!("{root}/benches/adapters.c")]);
    compile.args(["-isystem", "/usr/include/hypre", "-isystem", &format!("{PETSC}/include")]);
    compile.args([&format!("-L{PETSC}/lib"), &format!("-Wl,-rpath,{PETSC}/lib"), "-lpetsc_real"]);
    compile.args(["-lsundials_nvecparallel", "-lsundials_generic", "-lHYPRE"]);
    compile.args([&format!("-L{}", library.display()), &format!("-Wl,-rpath,{}", library.display())]);
    compile.args(["-ldistarray", "-lm", "-o"]).arg(&program);
    assert!(compile.status().unwrap().success(), "scripts/setup installs the libraries");
    for ranks in ["1", "2"] {
        let mut run = Command::new("mpirun.openmpi");
        run.args(["--oversubscribe", "--bind-to", "none", "-n", ranks]).arg(&program);
        run.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
        assert!(run.status().unwrap().success());
    }
}
