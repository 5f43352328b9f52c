//! The README's programs, compiled and run as they are written there.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use launch::Flavor;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The first block of the README in this language: a whole program.
fn program(language: &str) -> String {
    block(language, 1)
}

/// The README's blocks of a language count from 1.
fn block(language: &str, which: usize) -> String {
    let text = fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let opening = format!("```{language}\n");
    let after = text.split(&opening).nth(which).unwrap_or_else(|| panic!("no {language} in the README"));
    after.split("\n```").next().unwrap().to_string() + "\n"
}

/// An empty directory that holds the library under the names that are asked for.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let built = std::env::current_exe().unwrap().with_file_name("libdistarray.so");
    for link in ["libdistarray.so", "libdistarray.so.0"] {
        std::os::unix::fs::symlink(&built, directory.join(link)).unwrap();
    }
    directory
}

fn run(command: &mut Command, directory: &Path) {
    let output = command.current_dir(directory).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// Flags that the README's command lines give, for the directory of this test.
fn flags(directory: &Path) -> Vec<String> {
    let at = directory.display();
    [
        "-I".to_string() + ROOT + "/include",
        format!("-L{at}"),
        "-ldistarray".into(),
        format!("-Wl,-rpath,{at}"),
    ]
    .into()
}

#[test]
fn the_c_program_runs_under_both_mpis() {
    for flavor in launch::flavors() {
        let directory = directory(&format!("c-{}", flavor.suffix()));
        fs::write(directory.join("share.c"), program("c")).unwrap();
        let mut compile = Command::new(format!("mpicc.{}", flavor.suffix()));
        run(
            compile.args(["-Wall", "-Werror", "share.c"]).args(flags(&directory)).args(["-o", "share"]),
            &directory,
        );
        let printed = in_directory(flavor, 4, &directory);
        assert!(printed.contains("element (39, 3) is on rank 3"), "{printed}");
        // Rank 3's rows, as any reader of .npy finds them: 100 * row + column.
        let file = fs::read(directory.join("rows_3.dnpy")).unwrap();
        let last = f64::from_le_bytes(file[file.len() - 8..].try_into().unwrap());
        assert_eq!(last, 3907.0);
    }
}

/// PETSc fills the halo of a block that is lent to it.
#[test]
fn the_c_function_lets_petsc_fill_a_halo() {
    let Some(petsc) = adapters::petsc().into_iter().next() else {
        return; // the launcher has said why
    };
    let whole = program("c");
    let before = whole.split_once("int main(").unwrap().0;
    let main = r#"
        int main(int argc, char **argv) {
          double u[4] = {-1, 10, 20, -1}; /* two cells, and one more on each side */
          int rank, size;
          PetscInitialize(&argc, &argv, NULL, NULL);
          MPI_Comm_rank(MPI_COMM_WORLD, &rank);
          MPI_Comm_size(MPI_COMM_WORLD, &size);
          int64_t shape[1] = {4}, strides[1] = {sizeof(double)};
          distarray_dim dims[1];
          distarray_export loan = DISTARRAY_EXPORT_INIT;
          dims[0] = distarray_dim_block(2 * size, size, rank, 2 * rank, 2 * rank + 2);
          distarray_dim_add_halo(dims, 1, 1);
          distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
          loan.data = u;
          loan.ndim = 1;
          loan.shape = shape;
          loan.strides = strides;
          loan.dims = dims;
          loan.process_rank = rank;
          loan.process_count = size;
          loan.release = give_back;
          for (int i = 1; i < 3; i++) u[i] += rank;
          fill_halo(MPI_COMM_WORLD, &loan);
          int right = u[0] == (rank > 0 ? 20 + rank - 1 : -1);
          right = right && u[3] == (rank < size - 1 ? 10 + rank + 1 : -1);
          printf("%s", right ? "r" : "w");
          PetscFinalize();
          return 0;
        }"#;
    let directory = directory("petsc");
    fs::write(directory.join("share.c"), format!("{before}{}{main}", block("c", 3))).unwrap();
    let mut compile = Command::new(format!("mpicc.{}", petsc.mpi.suffix()));
    let arguments = ["-Wall", "-Werror", "share.c", "-o", "share"];
    run(compile.args(arguments).args(petsc.flags()).args(flags(&directory)), &directory);
    assert_eq!(in_directory(petsc.mpi, 3, &directory), "rrr");
}

/// The functions that exchange, called by the first program before it frees what it has.
#[test]
fn the_c_functions_exchange_under_both_mpis() {
    let whole = program("c");
    let (before, main) = whole.split_once("int main(").unwrap();
    let stencils = "static int stencils;
        static void advance_inside(distarray_array *now, distarray_array *next) { stencils += now != next; }
        static void advance_shell(distarray_array *now, distarray_array *next) { stencils += now != next; }\n";
    let calls = "distarray_array *other;
        distarray_export copy;
        must(distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, 0, &other, &error), &error);
        steps(whole, array, other, 3);
        redistribute(whole, array, whole, other);
        must(distarray_array_view(other, &copy, &error), &error);
        for (int i = 0; i < 80; ++i)
          if (((double *)copy.data)[i] != (&u[0][0])[i]) MPI_Abort(MPI_COMM_WORLD, 1);
        printf(\"moved after %d stencils\\n\", stencils);
        distarray_array_free(other);\n";
    let end = "  distarray_distribution_free(whole);\n";
    let main = main.replacen(end, &format!("{calls}{end}"), 1);
    let program = format!("{before}{stencils}{}int main({main}", block("c", 2));
    for flavor in launch::flavors() {
        let directory = directory(&format!("c-exchange-{}", flavor.suffix()));
        fs::write(directory.join("share.c"), &program).unwrap();
        let mut compile = Command::new(format!("mpicc.{}", flavor.suffix()));
        run(
            compile.args(["-Wall", "-Werror", "share.c"]).args(flags(&directory)).args(["-o", "share"]),
            &directory,
        );
        let printed = in_directory(flavor, 3, &directory);
        assert_eq!(printed.matches("moved after 6 stencils").count(), 3, "{printed}");
    }
}

#[test]
fn the_fortran_program_runs_under_both_mpis() {
    for flavor in launch::flavors() {
        let directory = directory(&format!("fortran-{}", flavor.suffix()));
        fs::write(directory.join("share.f90"), program("fortran")).unwrap();
        let include = |name: &str| format!("{ROOT}/include/{name}");
        let mut compile = Command::new(format!("mpicc.{}", flavor.suffix()));
        compile.arg("-c").args(["distarray_fortran.c", "distarray_mpi_fortran.c"].map(include));
        run(compile.args(flags(&directory)), &directory);
        let mut compile = Command::new(format!("mpifort.{}", flavor.suffix()));
        compile.args(["distarray.F90", "distarray_library.f90", "distarray_mpi.f90"].map(include));
        compile
            .args(["share.f90", "distarray_fortran.o", "distarray_mpi_fortran.o"])
            .args(flags(&directory))
            .args(["-o", "share"]);
        run(&mut compile, &directory);
        let printed = in_directory(flavor, 2, &directory);
        assert!(printed.contains("nothing copied on the way"), "{printed}");
        assert!(directory.join("columns_1.dnpy").exists());
    }
}

/// Runs the program where its files are to lie.
fn in_directory(flavor: Flavor, ranks: usize, directory: &Path) -> String {
    let script = directory.join("run");
    fs::write(&script, "#!/bin/sh\ncd \"$(dirname \"$0\")\" && exec ./share\n").unwrap();
    let mut permissions = fs::metadata(&script).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&script, permissions).unwrap();
    launch::mpirun_ok::<&str>(flavor, ranks, &script, &[])
}

#[test]
fn the_rust_program_is_the_front_pages() {
    // Doctests of the library compile it (src/lib.rs includes the README).
    assert!(program("rust").contains("fn main()"));
    let front_page = fs::read_to_string(format!("{ROOT}/src/lib.rs")).unwrap();
    assert!(front_page.contains("include_str!(\"../README.md\")"));
}
