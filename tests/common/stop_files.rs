//! Processes that are stopped at every change they make to files, one after the other.
//! Use it as `#[path = "common/stop_files.rs"] mod stop_files;`.
#![allow(dead_code)] // each test binary uses its own part

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// Where a process is stopped, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Killed before the change.
    Kill,
    /// Killed when half of the bytes are written.
    Half,
    /// The disk is full.
    Fail,
}

/// The library to be preloaded.
pub struct Stopper {
    directory: tempfile::TempDir,
}

impl Stopper {
    /// Compiles it, from `tests/c` of the library's own directory.
    pub fn new(root: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
        command.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]);
        command.arg(root.join("tests/c/stop_files.c")).arg("-o").arg(directory.path().join("stop_files.so"));
        let output = command.arg("-ldl").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { directory }
    }

    fn count_file(&self) -> PathBuf {
        self.directory.path().join("count")
    }

    fn prepare<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("LD_PRELOAD", self.directory.path().join("stop_files.so"))
    }

    /// How many changes a process makes that is let alone.
    pub fn changes(&self, command: &mut Command) -> usize {
        let output = self.prepare(command).env("STOP_COUNT", self.count_file()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(self.count_file()).unwrap().parse().unwrap()
    }

    /// Runs a process until it is stopped.
    pub fn stop(&self, command: &mut Command, at: usize, how: How) -> Output {
        let how = match how {
            How::Kill => "kill",
            How::Half => "half",
            How::Fail => "fail",
        };
        self.prepare(command).env("STOP_AT", at.to_string()).env("STOP_HOW", how).output().unwrap()
    }
}
