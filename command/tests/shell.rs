//! What every subcommand has for shells, `man` and pipes.

mod common;

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use common::{command, data, distarray};

/// The subcommands that `--help` names.
fn subcommands() -> Vec<String> {
    let help = distarray(["--help"]).expect(0);
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    listed.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_subcommand_has_help_and_a_manual_page() {
    let names = subcommands();
    assert!(names.len() >= 6, "{names:?}");
    assert!(!names.iter().any(|name| name.contains("script")), "{names:?}");
    for name in names.iter().filter(|name| *name != "help") {
        let help = distarray([name, "--help"]).expect(0);
        assert!(help.contains(&format!("Usage: distarray {name}")), "{help}");
        let page = distarray(["man", name]).expect(0);
        assert!(page.contains(&format!(".TH distarray-{name} 1")), "{page}");
        assert!(page.contains(".SH EXIT STATUS"), "{page}");
        // Of the words after the help none is lost.
        let last = help.trim_end().lines().last().unwrap().trim();
        assert!(page.contains(last), "{last}: {page}");
        assert!(!page.lines().any(|line| line.starts_with('\'')), "a request by accident: {page}");
    }
    assert!(distarray(["man"]).expect(0).contains("distarray\\-check"));
    assert_eq!(distarray(["man", "no-such-command"]).code, Some(2));
}

#[test]
fn completions_are_scripts_that_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = distarray(["completions", shell]).expect(0);
        for name in subcommands() {
            assert!(script.contains(&name), "{shell} {name}");
        }
        assert!(!script.contains("conformance-script"), "{shell}");
    }
    let script = distarray(["completions", "bash"]).expect(0);
    let status = Command::new("bash").args(["-n", "-c", &script]).status().unwrap();
    assert!(status.success());
    assert_eq!(distarray(["completions", "cmd.exe"]).code, Some(2));
}

#[test]
fn output_that_cannot_be_written_is_3() {
    for arguments in [&["man"][..], &["completions", "zsh"], &["inspect", "--json"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command();
        command.args(arguments).stdout(full).stderr(Stdio::piped());
        if arguments[0] == "inspect" {
            command.arg(data().join("real/bb2x2"));
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("distarray: standard output: "), "{said}");
    }
}
