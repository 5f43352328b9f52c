//! The C++ interface, with two compilers in their oldest and newest standards. More programs
//! on several ranks are among the C examples.

#[path = "common/launch.rs"]
mod launch;

use std::process::Command;

const VIEWS: &str = "tests/cpp/views.cpp";

fn prints_all_held(compiler: &str, flags: &[&str]) {
    let link = launch::link_flags();
    let flags: Vec<&str> = flags.iter().copied().chain(link.iter().map(String::as_str)).collect();
    let program = launch::compile(compiler, &[VIEWS], &flags);
    let output = launch::run(Command::new(program), launch::TIME_LIMIT);
    assert_eq!(launch::shown(&output), "all held\n", "{compiler} {flags:?}");
    assert!(output.status.success());
}

#[test]
fn loans_views_and_stretches_hold() {
    let oldest_and_newest =
        [("g++", ["-std=c++17", "-std=c++2b"]), ("clang++", ["-std=c++17", "-std=c++20"])];
    for (compiler, standards) in oldest_and_newest {
        for standard in standards {
            prints_all_held(compiler, &[standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        }
    }
}

#[test]
fn sanitizers_find_nothing() {
    prints_all_held(
        "g++",
        &["-std=c++17", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    );
}

#[test]
fn all_ranks_hear_what_one_asks_for_wrongly() {
    for flavor in launch::flavors() {
        let program = launch::compile_cpp_linked(flavor, "tests/cpp/ranks.cpp", &["-std=c++17", "-Wall"]);
        let none: [&str; 0] = [];
        assert_eq!(launch::mpirun_ok(flavor, 3, &program, &none), "7 of 7 refused on all, 3 whole copies\n");
    }
}
