//! `distarray check --producer` and `--consumer` pass code that keeps the rules, and
//! name the rule that other code breaks; the code is C, built here.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use common::{Run, distarray, root};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A shared library of one file of `tests/c`, built once.
fn library(name: &str, more: &[&str]) -> PathBuf {
    static BUILT: OnceLock<(TempDir, Mutex<()>)> = OnceLock::new();
    let (directory, lock) = BUILT.get_or_init(|| (tempfile::tempdir().unwrap(), Mutex::new(())));
    let _one_at_a_time = lock.lock();
    let target = directory.path().join(name).with_extension("so");
    if target.exists() {
        return target;
    }
    let source = root().join("command/tests/c").join(name).with_extension("c");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-shared", "-fPIC", "-I"]);
    compiler.arg(root().join("include")).arg(source).arg("-o").arg(&target).args(more);
    let output = compiler.output().expect("a C compiler is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target
}

fn check(role: &str, library: &Path, symbol: &str, more: &[&str]) -> Run {
    let arguments =
        ["check".as_ref(), role.as_ref(), library.as_os_str(), "--symbol".as_ref(), symbol.as_ref()];
    distarray(arguments.into_iter().chain(more.iter().map(|more| more.as_ref())))
}

/// The rules that were broken, from the verdict for programs.
fn broken(role: &str, library: &Path, symbol: &str, more: &[&str]) -> (BTreeSet<String>, String) {
    let run = check(role, library, symbol, &[&["--json"], more].concat());
    let code = run.code.unwrap();
    let report = run.json(code);
    let faulty = |rule: &&Json| rule["verdict"] == "faults";
    let rules: Vec<&Json> = report["rules"].as_array().unwrap().iter().filter(faulty).collect();
    assert_eq!(code, i32::from(!rules.is_empty()), "{report:#}");
    let names = rules.iter().map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect();
    (names, rules.iter().map(|rule| rule["faults"].to_string()).collect())
}

#[test]
fn producers_that_keep_the_rules_pass() {
    let library = library("producers", &[]);
    for symbol in ["good", "good_alone", "good_read_only"] {
        for ranks in ["1", "4", "9"] {
            let (rules, said) = broken("--producer", &library, symbol, &["--ranks", ranks]);
            assert!(rules.is_empty(), "{symbol} {said}");
        }
    }
    let said = check("--producer", &library, "good", &[]).expect(0);
    assert_eq!(said.lines().filter(|line| line.contains(" ok ")).count(), 10, "{said}");
    assert!(said.ends_with("no fault found\n"), "{said}");
}

#[test]
fn producers_that_break_a_rule_are_found_out() {
    let library = library("producers", &[]);
    let cases: [(&str, &[&str], &str); 18] = [
        ("refuses", &["lend-1"], "rank 0: it returned 42, and lent nothing"),
        ("live_on_error", &["lend-1"], "rank 2: it returned 43, and release is not NULL"),
        ("half_filled", &["lend-2"], "rank 1: not written: device_id, epoch"),
        ("wrong_shape", &["lend-3"], "(expected 4, found 3) [rule B7]"),
        ("unknown_flag", &["lend-3"], "must-understand bit 0x80000000"),
        (
            "gap",
            &["lend-4"],
            "rank 1, against rank 0, axis 0, start: the owned parts leave a gap (expected 3, found 4) [rule W4]",
        ),
        ("own_name_for_each", &["lend-4"], "uid"),
        ("points_into_itself", &["lend-3", "lend-5"], "rank 0: shape points into the struct itself"),
        ("release_stays", &["lend-6"], "release left release as it was"),
        (
            "release_in_place",
            &["lend-6", "lend-7", "lend-8"],
            "releasing the loan of rank 0: it crashed with SIGABRT",
        ),
        ("release_on_its_thread", &["lend-7"], "it crashed with SIGABRT"),
        ("lends_once", &["lend-8"], "it returned 31, and lent nothing"),
        ("one_buffer", &["lend-3"], "process_rank"),
        ("release_ends_all", &["lend-9"], "the elements have changed when another loan of it was released"),
        ("constant_lent_to_write", &["lend-10"], "it crashed with SIGSEGV"),
        ("crashes", &["lend-1"], "lending rank 3 of 4: it crashed with SIGSEGV"),
        ("hangs", &["lend-1"], "lending rank 1 of 4: it did not end within 1 s"),
        ("exits", &["lend-1"], "lending rank 1 of 4: it ended the process, with exit code 0"),
    ];
    for (symbol, rules, message) in cases {
        let (found, said) = broken("--producer", &library, symbol, &["--timeout", "1"]);
        assert_eq!(found, rules.iter().map(|rule| (*rule).to_owned()).collect(), "{symbol}: {said}");
        assert!(said.contains(message), "{symbol}: {said}");
    }
}

#[test]
fn consumers_that_keep_the_rules_pass() {
    let library = library("consumers", &[]);
    for symbol in ["good", "good_writer", "good_chooser"] {
        let (rules, said) = broken("--consumer", &library, symbol, &[]);
        assert!(rules.is_empty(), "{symbol} {said}");
    }
    let said = check("--consumer", &library, "good_chooser", &[]).expect(0);
    assert!(said.contains("note: took 8 of 19 valid loans"), "{said}");
}

#[test]
fn consumers_that_break_a_rule_are_found_out() {
    let library = library("consumers", &[]);
    let cases: [(&str, &[&str], &str); 13] = [
        ("refuses_all", &["take-10"], "refused all 19 valid loans"),
        ("keeps", &["take-1"], "has not released the loan"),
        ("refuses_and_releases", &["take-1"], "it refused the loan, with 42, and released it"),
        ("releases_twice", &["take-2"], "released 2 times"),
        ("ignores_version", &["take-3"], "major version 2: it crashed with SIGSEGV"),
        ("ignores_flags", &["take-3"], "it was taken, with DISTARRAY_OK"),
        ("ignores_magic", &["take-3", "take-4"], "it was taken, with DISTARRAY_OK"),
        ("writes_read_only", &["take-5"], "offering a valid loan, read only: it crashed with SIGSEGV"),
        ("ignores_strides", &["take-6"], "byte 32 of the memory was written, which belongs to no element"),
        ("writes_in_silence", &["take-7"], "of an owned element, was written without DISTARRAY_C_MODIFIED"),
        ("looks_back", &["take-8"], "after the loan was released: it crashed with SIGSEGV"),
        ("changes_fields", &["take-9"], "epoch was changed before release"),
        ("changes_shape", &["take-9"], "it wrote to what the loan points to"),
    ];
    for (symbol, rules, message) in cases {
        let (found, said) = broken("--consumer", &library, symbol, &[]);
        assert_eq!(found, rules.iter().map(|rule| (*rule).to_owned()).collect(), "{symbol}: {said}");
        assert!(said.contains(message), "{symbol}: {said}");
    }
}

/// The library takes every valid loan, and refuses the others as it should.
#[test]
fn the_library_itself_passes() {
    // The one that cargo built beside this test, found by its SONAME beside the consumer.
    let built = std::env::current_exe().unwrap().with_file_name("libdistarray.so");
    let name = library("consumers", &[]).with_file_name("libdistarray.so.0");
    std::os::unix::fs::symlink(&built, name).unwrap();
    let library = library("library_consumer", &[built.to_str().unwrap(), "-Wl,-rpath,$ORIGIN"]);
    let said = check("--consumer", &library, "imports", &[]).expect(0);
    assert!(said.contains("took 19 of 19 valid loans"), "{said}");
}

#[test]
fn the_header_is_c_and_cpp() {
    let header = root().join("include/distarray_conformance.h");
    for (compiler, flags) in [("cc", ["-xc", "-std=c99"]), ("c++", ["-xc++", "-std=c++11"])] {
        let mut compile = Command::new(compiler);
        compile.args(flags).args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror"]).arg(&header);
        let output = compile.output().expect("a compiler is needed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_cannot_be_loaded_or_makes_no_sense_is_no_verdict() {
    let library = library("consumers", &[]);
    let run = check("--consumer", &library, "no_such_function", &[]);
    assert!(run.code == Some(3) && run.err.contains("no_such_function"), "{run:?}");
    let run = check("--producer", Path::new("no_such_library.so"), "f", &[]);
    assert!(run.code == Some(3) && run.err.contains("no_such_library.so"), "{run:?}");
    let path = library.as_os_str();
    let both = [
        "check".as_ref(),
        "--producer".as_ref(),
        path,
        "--consumer".as_ref(),
        path,
        "--symbol".as_ref(),
        "f".as_ref(),
    ];
    assert_eq!(distarray(both).code, Some(2));
    assert_eq!(distarray(["check".as_ref(), "--producer".as_ref(), path]).code, Some(2));
    assert_eq!(check("--producer", &library, "f", &["--ranks", "0"]).code, Some(2));
}
