//! `distarray_mpi.h` and `distarray_mpi.f90`, from programs of their own language.

#[path = "common/launch.rs"]
mod launch;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use launch::Flavor;

const NO_ARGS: [&OsStr; 0] = [];
const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const LIFE: [&str; 2] = ["tests/c/comm_life.c", "tests/c/comm_life_second.c"];

#[test]
fn nothing_of_the_program_is_disturbed() {
    for flavor in launch::flavors() {
        let program = launch::compile_c(flavor, &LIFE, &[&STRICT[..], &["-std=c99"]].concat());
        for ranks in 1..=4 {
            // Communicators by the thousand take seconds: once.
            let many = if ranks == 2 { &[OsStr::new("many")][..] } else { &NO_ARGS };
            let output = launch::mpirun_ok(flavor, ranks, &program, many);
            assert!(output.contains("nothing was disturbed"), "{output}");
            if ranks == 2 && flavor == Flavor::Mpich {
                // The error path was really taken.
                assert!(output.contains("no more to be had"), "{output}");
            }
        }
    }
}

#[test]
fn sanitizers_find_nothing() {
    let flags = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    for flavor in launch::flavors() {
        let program = launch::compile_c(flavor, &LIFE, &flags);
        let instrumented = std::fs::read(&program).unwrap();
        assert!(instrumented.windows(11).any(|bytes| bytes == b"__asan_init"));
        launch::mpirun_ok(flavor, 2, &program, &NO_ARGS);
    }
}

/// Under MPICH: Open MPI's own uninitialised reads would hide ours.
#[test]
fn valgrind_finds_nothing() {
    if launch::flavors().contains(&Flavor::Mpich) {
        let program = launch::compile_c(Flavor::Mpich, &LIFE, &["-g", "-O1"]);
        let args = [OsStr::new("-q"), OsStr::new("--error-exitcode=9"), program.as_os_str()];
        let output = launch::mpirun_ok(Flavor::Mpich, 2, Path::new("/usr/bin/valgrind"), &args);
        assert!(output.contains("nothing was disturbed"), "{output}");
    }
}

#[test]
fn the_headers_compile_in_the_oldest_and_newest_standards() {
    let scratch = tempfile::tempdir().unwrap();
    let text = "#include \"distarray_comm.h\"\n#include \"distarray_mpi.h\"\nint main(void) { return 0; }\n";
    let (c_file, cxx_file) = (scratch.path().join("header.c"), scratch.path().join("header.cc"));
    std::fs::write(&c_file, text).unwrap();
    std::fs::write(&cxx_file, text).unwrap();
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    for flavor in launch::flavors() {
        for (c, cxx) in [("gcc", "g++"), ("clang", "clang++")] {
            for (wrapper, file, standard) in [
                ("mpicc", &c_file, "-std=c99"),
                ("mpicc", &c_file, "-std=c2x"),
                ("mpicxx", &cxx_file, "-std=c++11"),
                ("mpicxx", &cxx_file, "-std=c++2b"),
            ] {
                let mut command = Command::new(format!("{wrapper}.{}", flavor.suffix()));
                command.envs([("OMPI_CC", c), ("MPICH_CC", c), ("OMPI_CXX", cxx), ("MPICH_CXX", cxx)]);
                // MPI's own headers are not ours to judge.
                command.args(["-isystem", &mpi_headers(flavor), "-I", include]).args(STRICT);
                command.args([standard, "-c", "-o", "/dev/null"]).arg(file);
                let output = launch::run(command, launch::TIME_LIMIT);
                let text = launch::shown(&output);
                assert!(output.status.success(), "{flavor:?} {c} {standard}:\n{text}");
            }
        }
    }
}

/// The directory of this flavour's mpi.h.
fn mpi_headers(flavor: Flavor) -> String {
    let mut command = Command::new(format!("mpicc.{}", flavor.suffix()));
    command.arg("-show");
    let shown = launch::shown(&launch::run(command, launch::TIME_LIMIT));
    let found = shown.split_whitespace().filter_map(|word| word.strip_prefix("-I"));
    let found = found.map(str::to_owned).find(|path| Path::new(path).join("mpi.h").exists());
    found.unwrap_or_else(|| panic!("{flavor:?} hides its mpi.h: {shown}"))
}

#[test]
fn fortran_makes_a_table_of_either_kind_of_communicator() {
    for flavor in launch::flavors() {
        let c = launch::compile_c(
            flavor,
            &["include/distarray_mpi_fortran.c"],
            &["-c", "-Wall", "-Wextra", "-Werror"],
        );
        for program in ["tests/fortran/comm_integer.f90", "tests/fortran/comm_f08.f90"] {
            let flags = ["-Wall", "-Wextra", "-Werror", "-std=f2018", c.to_str().unwrap()];
            let program = launch::compile_fortran(flavor, &["include/distarray_mpi.f90", program], &flags);
            for ranks in 1..=3 {
                let output = launch::mpirun_ok(flavor, ranks, &program, &NO_ARGS);
                assert_eq!(output.matches("the table is made").count(), ranks, "{output}");
            }
        }
    }
}

#[test]
fn the_table_has_the_same_layout_in_rust() {
    use distarray::comm::distarray_comm;
    use std::mem::offset_of;
    // C99 and C++11 agree on a struct of fixed-width words and pointers; one of them prints it.
    let fields = [
        "struct_size",
        "version",
        "rank",
        "size",
        "context",
        "error_string",
        "barrier",
        "allreduce",
        "bcast",
        "allgather",
        "allgatherv",
        "alltoall",
        "alltoallv",
        "new_tag",
        "dup",
        "split",
        "free",
        "isend",
        "irecv",
        "send_init",
        "recv_init",
        "start",
        "wait",
        "test",
        "waitany",
        "request_free",
        "attribute",
    ];
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("comm_layout.c");
    let mut text = String::from(
        "#include \"distarray_comm.h\"\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n",
    );
    for field in fields {
        text += &format!("printf(\"%zu \", offsetof(distarray_comm, {field}));\n");
    }
    text += "printf(\"%zu\", sizeof(distarray_comm)); return 0; }\n";
    std::fs::write(&source, text).unwrap();
    let program = launch::compile("cc", &[source.to_str().unwrap()], &STRICT);
    let output = launch::shown(&launch::run(Command::new(program), launch::TIME_LIMIT));
    macro_rules! offsets {
        ($($field:ident),*) => { [$(offset_of!(distarray_comm, $field)),*, size_of::<distarray_comm>()] };
    }
    let rust = offsets!(
        struct_size,
        version,
        rank,
        size,
        context,
        error_string,
        barrier,
        allreduce,
        bcast,
        allgather,
        allgatherv,
        alltoall,
        alltoallv,
        new_tag,
        dup,
        split,
        free,
        isend,
        irecv,
        send_init,
        recv_init,
        start,
        wait,
        test,
        waitany,
        request_free,
        attribute
    );
    assert_eq!(output, rust.map(|offset| offset.to_string()).join(" "));
}
