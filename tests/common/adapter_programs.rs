//! Compiles and runs the programs of tests/adapters/, each of which ends its job where
//! something does not hold. Use it beside `launch` and `adapters`.
#![allow(dead_code)] // each test binary uses its own part

use std::path::PathBuf;

use crate::adapters::Library;
use crate::launch;

pub const STRICT: [&str; 3] = ["-Wall", "-Wextra", "-Werror"];
const SANITIZED: [&str; 3] = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Compiles a program with a library; C optimized too, since the compiler then sees more
/// of what may be wrong.
pub fn compile(library: &Library, program: &str, flags: &[&str]) -> PathBuf {
    let source = format!("tests/adapters/{program}");
    let flags: Vec<&str> = flags.iter().copied().chain(library.flags()).collect();
    if program.ends_with(".cpp") {
        launch::compile_cpp_linked(library.mpi, &source, &[&["-std=c++17"], &flags[..]].concat())
    } else {
        let strict = ["-std=c99", "-Wpedantic", "-O2"];
        launch::compile_c_linked(library.mpi, &source, &[&strict, &flags[..]].concat())
    }
}

/// The program says that all held.
pub fn assert_held(found: &str, program: &str, library: &Library, ranks: usize) {
    let name = program.split('.').next().unwrap();
    assert_eq!(found, format!("{name}: all held\n"), "{program} on {ranks} ranks of {library:?}");
}

/// Runs a program, which may write the file that its argument names.
pub fn assert_right(library: &Library, program: &str, ranks: &[usize]) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    let compiled = compile(library, program, &STRICT);
    for &ranks in ranks {
        let found = launch::mpirun_ok(library.mpi, ranks, &compiled, &[&file]);
        assert_held(&found, program, library, ranks);
    }
}

/// Sanitizers find nothing on two ranks.
pub fn assert_clean(library: &Library, program: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    let compiled = compile(library, program, &SANITIZED);
    let found = launch::mpirun_ok(library.mpi, 2, &compiled, &[&file]);
    assert_held(&found, program, library, 2);
}
