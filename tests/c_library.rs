//! What the C library exports, needs and documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library that cargo built beside this test.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libdistarray.so")
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .arg(library())
        .output()
        .unwrap_or_else(|error| panic!("{program} (binutils) is needed: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The functions that distarray.h declares.
fn documented() -> BTreeSet<String> {
    let header = fs::read_to_string(root().join("include/distarray.h")).unwrap();
    let code = header.split_once("*/").unwrap().1.lines().filter(|line| !line.starts_with("//"));
    let calls = code.filter_map(|line| line.split_once('('));
    let names = calls.filter_map(|(before, _)| before.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("distarray_")).map(str::to_string).collect()
}

#[test]
fn exactly_the_documented_functions_are_exported() {
    let symbols = output("nm", &["-D", "--defined-only"]);
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_string).collect();
    assert!(documented().len() > 20);
    assert_eq!(exported, documented());
}

#[test]
fn fortran_has_an_interface_for_every_function() {
    let module = fs::read_to_string(root().join("include/distarray_library.f90")).unwrap();
    let lines = module.lines().map(str::trim);
    let names = lines.filter_map(|line| line.strip_prefix("function ").or(line.strip_prefix("subroutine ")));
    let names: BTreeSet<String> = names.map(|rest| rest.split('(').next().unwrap().to_string()).collect();
    assert_eq!(names, documented());
}

#[test]
fn no_mpi_is_needed() {
    let undefined = output("nm", &["-D", "--undefined-only"]).to_uppercase();
    assert!(!undefined.contains("MPI_"), "{undefined}");
    let dynamic = output("readelf", &["-d"]);
    let needed: Vec<&str> = dynamic.lines().filter(|line| line.contains("(NEEDED)")).collect();
    for line in &needed {
        let known = ["libc.so", "libgcc_s.so", "libm.so", "ld-linux"].iter().any(|name| line.contains(name));
        assert!(known, "{line}");
    }
}

/// Every function is one call of the guard, or of `free`, which is one, and says whether it communicates.
#[test]
fn every_function_is_guarded_and_says_whether_it_is_collective() {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(root().join("src/ffi")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for (before, after) in text.match_indices("#[unsafe(no_mangle)]").map(|(at, _)| text.split_at(at)) {
            let name = after.split("fn ").nth(1).unwrap().split('(').next().unwrap().to_string();
            let docs: String = before.lines().rev().take_while(|line| line.starts_with("///")).collect();
            assert!(docs.contains("Local") || docs.contains("Collective"), "{name}: {docs}");
            let body = after.split("\n}\n").next().unwrap();
            let constant = ["distarray_version", "distarray_abi_version"].contains(&name.as_str());
            let guarded = ["guard(", "free("].iter().any(|call| body.contains(&format!(" {{\n    {call}")));
            assert!(constant || guarded, "{name} is not guarded");
            found.insert(name);
        }
    }
    assert_eq!(found, documented());
}
