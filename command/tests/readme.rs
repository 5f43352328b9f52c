//! The README shows what the command prints.

mod common;

use std::fs;
use std::process::Command;

use common::root;

/// The commands of the README's console block, each with what it shows.
fn shown() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let block = text.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let steps = block.split("$ ").skip(1).map(|step| step.split_once('\n').unwrap());
    steps.map(|(command, output)| (command.to_owned(), output.to_owned())).collect()
}

#[test]
fn the_command_prints_what_the_readme_shows() {
    let directory = tempfile::tempdir().unwrap();
    let header = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (64, 9), }");
    let mut heat = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    heat.extend(header.bytes());
    heat.extend((0..64 * 9).flat_map(|number| f64::from(number).to_le_bytes()));
    fs::write(directory.path().join("heat.npy"), heat).unwrap();
    let command = std::path::Path::new(env!("CARGO_BIN_EXE_distarray"));
    let path =
        std::env::join_paths([command.parent().unwrap(), "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    let steps = shown();
    assert!(steps.len() >= 4);
    for (step, output) in steps {
        let mut shell = Command::new("sh");
        let run = shell.args(["-c", &step]).current_dir(&directory).env("PATH", &path).output().unwrap();
        assert_eq!(String::from_utf8(run.stderr).unwrap(), "", "{step}");
        assert_eq!(String::from_utf8(run.stdout).unwrap(), output, "{step}");
    }
}
