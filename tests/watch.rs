//! `DISTARRAY_CHECK=1` says what is wrong with a hand-over, and where; without it
//! nothing is said, and with it nothing of what is right.

#[path = "common/launch.rs"]
mod launch;

use std::path::Path;
use std::process::Command;

fn compile() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let library = launch::library();
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-g"]);
    command.arg("-I").arg(root.join("include")).arg(root.join("tests/c/watched.c"));
    command.arg("-o").arg(directory.path().join("watched"));
    command.arg("-L").arg(&library).arg("-ldistarray").arg(format!("-Wl,-rpath,{}", library.display()));
    let output = launch::run(command, launch::TIME_LIMIT);
    assert!(output.status.success(), "{}", launch::shown(&output));
    directory
}

/// Standard output and standard error of one hand-over.
fn watched(directory: &tempfile::TempDir, check: &str, what: &str) -> (String, String) {
    let mut command = Command::new(directory.path().join("watched"));
    let output = command.env("DISTARRAY_CHECK", check).arg(what).output().unwrap();
    assert!(output.status.success(), "{what}: {output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

const FINE: &str = "0 \n";

#[test]
fn each_broken_rule_is_said() {
    let directory = compile();
    assert_eq!(watched(&directory, "1", "nothing wrong"), (FINE.into(), String::new()));

    // What the call that takes the loan can return.
    for (what, rule, words) in [
        ("constant", "lend-10", "data: the elements lie in memory that cannot be written"),
        ("nowhere", "lend-10", "data: the elements lie in memory that is not there"),
        ("into itself", "lend-5", "shape: no field may point into the struct itself"),
        ("critical extension", "lend-3", "ext: a critical record needs the bit DISTARRAY_R_EXT"),
        ("name without value", "lend-3", "meta: key and value must not be NULL"),
        ("truth of 2", "lend-3", "data: a truth value is 0 or 1"),
    ] {
        let (out, err) = watched(&directory, "1", what);
        assert!(out.contains(words) && out.contains(&format!("[rule {rule}]")), "{what}: {out}");
        assert_eq!(err, "", "{what}");
    }

    // What only standard error can be told.
    for (what, end, words) in [
        ("copy released", "[rule take-2]", "a loan was released twice"),
        ("released again", "[rule take-2]", "a loan that has ended"),
        ("field changed", "[rule take-9]", "epoch of a loan was changed"),
        ("shape changed", "[rule lend-9]", "the lender has changed the description"),
        ("release stays", "[rule lend-6]", "has not set release = NULL"),
        ("freed again", "with what is no distarray_array", "distarray_array_free was called twice"),
    ] {
        let (out, err) = watched(&directory, "1", what);
        assert_eq!(out, FINE, "{what}");
        assert_eq!(err.lines().count(), 1, "{what}: {err}");
        assert!(err.starts_with("distarray: DISTARRAY_CHECK: ") && err.contains(words), "{what}: {err}");
        assert!(err.ends_with(&format!("{end}\n")), "{what}: {err}");
    }
}

#[test]
fn nothing_is_said_unasked() {
    let directory = compile();
    for check in ["0", ""] {
        // Harmless to a library that does not look.
        for what in
            ["nothing wrong", "critical extension", "field changed", "release stays", "released again"]
        {
            assert_eq!(watched(&directory, check, what), (FINE.into(), String::new()), "{what}");
        }
    }
}
