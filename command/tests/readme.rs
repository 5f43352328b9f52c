//! README and book show what the command prints and draws.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::root;

/// The commands of a text's console blocks, each with what it shows.
fn shown(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap());
    let steps = blocks.flat_map(|block| block.split("$ ").skip(1));
    steps.map(|step| step.split_once('\n').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// Writes an array of 64 x 9 as NumPy does.
fn npy(path: &Path, elements: impl Iterator<Item = f64>) {
    let header = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (64, 9), }");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.bytes());
    bytes.extend(elements.flat_map(f64::to_le_bytes));
    fs::write(path, bytes).unwrap();
}

/// Runs a page's commands, one after the other.
fn run(page: &str, least: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    npy(&directory.path().join("heat.npy"), (0..64 * 9).map(f64::from));
    npy(&directory.path().join("yesterday.npy"), (0..64 * 9).map(|_| 0.0));
    let command = Path::new(env!("CARGO_BIN_EXE_distarray"));
    let path =
        std::env::join_paths([command.parent().unwrap(), "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    let steps = shown(&fs::read_to_string(root().join(page)).unwrap());
    assert!(steps.len() >= least, "{page}: {}", steps.len());
    for (step, output) in steps {
        let mut shell = Command::new("sh");
        let run = shell.args(["-c", &step]).current_dir(&directory).env("PATH", &path).output().unwrap();
        assert_eq!(String::from_utf8(run.stderr).unwrap(), "", "{step}");
        assert_eq!(String::from_utf8(run.stdout).unwrap(), output, "{step}");
    }
    directory
}

#[test]
fn the_command_prints_what_the_readme_shows() {
    run("README.md", 5);
}

#[test]
fn the_command_prints_and_draws_what_the_book_shows() {
    let directory = run("docs/src/command.md", 14);
    for picture in ["memory.svg", "redistribution.svg"] {
        let shown = fs::read(root().join("docs/src/pictures").join(picture)).unwrap();
        assert!(fs::read(directory.path().join(picture)).unwrap() == shown, "{picture}");
    }
}
