//! All vectors through each binding: C, C++ and Fortran programs, which know the library
//! by their own headers and modules alone, are asked; the answers must be those that the
//! vectors state.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // small numbers of the vectors

mod case;
mod files;
#[path = "../common/launch.rs"]
mod launch;
mod loans;
mod other;
mod part;
mod plans;
mod published;
mod spec;
#[allow(dead_code)] // the specification's own test uses more of it
#[path = "../spec/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use case::{Answer, Cases};

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The driver, in C, with the answers of a language.
fn program(compiler: &str, answers: &[&str], flags: &[&str]) -> PathBuf {
    let c = |source: &str| {
        let flags = [&["-c", "-g", "-O1", "-std=c99", "-D_POSIX_C_SOURCE=200809L"], &STRICT[..]].concat();
        launch::compile("cc", &[&format!("tests/bindings/{source}.c")], &flags)
    };
    let objects = ["driver", "life", "ranks", "messages"].map(c);
    let link = launch::link_flags();
    let mut all = [flags, &["-g", "-O1", "-pthread"], &STRICT[..]].concat();
    all.extend(objects.iter().map(|object| object.to_str().unwrap()));
    all.extend(link.iter().map(String::as_str));
    launch::compile(compiler, answers, &all)
}

/// All vectors, by where they come from.
fn all() -> &'static [(&'static str, Cases)] {
    static ALL: OnceLock<Vec<(&str, Cases)>> = OnceLock::new();
    let make = || {
        vec![
            ("protocol-spec", spec::cases()),
            ("tests/data/protocol", published::cases()),
            ("tests/data/pylops, numpy and dnpy", other::cases()),
        ]
    };
    ALL.get_or_init(make)
}

/// Asks a program everything and checks its answers.
fn ask(program: &Path) {
    for (from, cases) in all() {
        let wrong = ask_all(program, cases);
        assert!(
            wrong.is_empty(),
            "{from}: {} of {} wrong:\n{}",
            wrong.len(),
            cases.asked.len(),
            wrong.join("\n")
        );
    }
}

fn ask_all(program: &Path, cases: &Cases) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let questions: String = cases.asked.iter().map(|case| &*case.question).collect();
    std::fs::write(folder.path().join("questions"), questions).unwrap();
    for (name, bytes) in cases.asked.iter().filter_map(|case| case.file.as_ref()) {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut command = Command::new(program);
    // The border is asked here. Ranks that share memory spin, which a busy machine punishes.
    command.arg("questions").current_dir(folder.path()).env("DISTARRAY_SHARED_MEMORY", "off");
    let output = launch::run(command, launch::TIME_LIMIT);
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let mut wrong = Vec::new();
    for case in &cases.asked {
        let answers: Vec<&str> = lines.by_ref().take(case.answers).collect();
        let mut parsed: Vec<Answer> = answers.iter().filter_map(|line| Answer::parse(line)).collect();
        if parsed.len() < case.answers {
            wrong.push(format!("{}: answers {answers:?}", case.id));
            continue;
        }
        if let Some((name, _)) = &case.file {
            // Where the file was refused there is none.
            parsed[0].written =
                std::fs::read(folder.path().join(format!("{name}.again"))).unwrap_or_default();
        }
        wrong.extend((case.check)(&parsed).err().map(|why| format!("{}: {why}", case.id)));
    }
    if !output.status.success() || lines.next().is_some() {
        wrong.push(format!("{}, and says more: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    wrong
}

#[test]
fn c() {
    ask(&program("cc", &["tests/bindings/answers.c", "tests/bindings/parts.c"], &["-std=c99"]));
}

#[test]
fn cpp() {
    ask(&program("c++", &["tests/bindings/answers.cpp"], &["-std=c++17"]));
}

#[test]
fn fortran() {
    let half = launch::compile("cc", &["include/distarray_fortran.c"], &["-c", "-g", "-std=c99"]);
    let library = ["include/distarray.F90", "include/distarray_library.f90"];
    let sources = [&library[..], &["tests/bindings/parts.f90", "tests/bindings/answers.f90"]].concat();
    // Ranks are threads here: no local variable may be shared by them.
    ask(&program("gfortran", &sources, &["-std=f2018", "-frecursive", half.to_str().unwrap()]));
}

/// How much is asked, and what is not, and why.
#[test]
fn what_no_binding_can_say_is_known() {
    let expected = [
        (
            "protocol-spec",
            1403,
            vec![
                ("a buffer that is none by itself: rule A11", 1),
                ("a buffer with another number of axes", 1),
                ("files of sets that hold no arrays", 23),
                ("no binding reads leniently", 3),
                ("the bindings describe arrays only, which have a buffer", 3),
                ("wrong in version 0.10 only", 2),
            ],
        ),
        (
            "tests/data/protocol",
            3491,
            vec![
                ("DistArray's rule for grids is Rust's alone", 2067),
                ("a Python object that is no buffer", 9),
                ("a Python object that no text has", 30),
                ("a buffer with another number of axes", 2),
                ("a kind of axis that has no letter", 1),
                ("a version that came later", 1),
                ("a zero that stands for nothing in the struct", 1),
                ("an array where a tuple is asked for: text has lists only", 1),
                ("made again from the parts of one that is asked", 42),
                ("no axis", 1),
                ("no binding reshapes between different ranks", 30),
                ("no buffer", 3),
                ("no parts", 1),
                ("owned by none or by several: no array (W6)", 3),
                ("the original refuses it", 48),
                ("wrong in version 0.10 only", 1),
            ],
        ),
        (
            "tests/data/pylops, numpy and dnpy",
            773,
            vec![("'n' is read by lenient readers alone", 1), ("may be read or refused", 3)],
        ),
    ];
    for ((from, cases), (place, asked, left_out)) in all().iter().zip(expected) {
        let mut reasons = BTreeMap::<_, Vec<&str>>::new();
        for (id, reason) in &cases.left_out {
            reasons.entry(*reason).or_default().push(id);
        }
        println!("{from}: {} asked; left out: {reasons:#?}", cases.asked.len());
        let reasons = reasons.into_iter().map(|(reason, ids)| (reason, ids.len())).collect();
        assert_eq!((*from, cases.asked.len(), reasons), (place, asked, left_out));
    }
}
