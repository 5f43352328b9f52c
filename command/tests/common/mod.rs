//! Runs the real command.
#![allow(dead_code)] // each test binary uses its own part

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

/// What a run ended in.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let run = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked"), "{run:?}");
        run
    }

    /// Standard output, of a run with this exit code.
    pub fn expect(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self.out
    }

    /// Standard output as JSON, of a run with this exit code.
    pub fn json(self, code: i32) -> Json {
        serde_json::from_str(&self.expect(code)).unwrap()
    }
}

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_distarray"));
    command.env_remove("DISTARRAY_CHECK");
    command
}

/// Runs the command without input.
pub fn distarray<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    Run::of(command().args(arguments).stdin(Stdio::null()).output().unwrap())
}

/// Runs the command with this text as its standard input.
pub fn distarray_with<S: AsRef<OsStr>>(input: &str, arguments: impl IntoIterator<Item = S>) -> Run {
    let mut command = command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files of the original that the library's tests read.
pub fn data() -> PathBuf {
    root().join("tests/data/dnpy")
}

pub fn manifest() -> Json {
    serde_json::from_slice(&std::fs::read(data().join("manifest.json")).unwrap()).unwrap()
}
