//! How a subcommand ends: its exit code, and what it says on the way out.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::interrupt;

/// The end of a subcommand that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Exit code 0.
    Fine,
    /// A check found faults and has printed them: exit code 1.
    Faults,
}

/// Why a subcommand could not do its work; printed on standard error.
#[derive(Debug)]
pub enum Failure {
    /// Arguments that contradict each other or say nothing: exit code 2.
    Usage(String),
    /// Something that cannot be read or written: exit code 3.
    File(String),
    /// A signal came: the command ends by it.
    Signal(i32),
}

/// What every subcommand returns.
pub type Outcome<T = Verdict> = Result<T, Failure>;

/// The exit codes, as `--help` and the manual page state them.
pub const EXIT_CODES: &str = "\
Exit status:
  0  all is well
  1  a check found faults; they are printed
  2  the arguments make no sense
  3  something cannot be read or written";

impl Failure {
    /// What the system or the library says about a file.
    pub fn in_file(path: &Path, error: impl fmt::Display) -> Self {
        Self::File(format!("{}: {error}", path.display()))
    }
}

impl From<io::Error> for Failure {
    /// Of writing to standard output: files are named with [`Failure::in_file`].
    fn from(error: io::Error) -> Self {
        Self::File(format!("standard output: {error}"))
    }
}

impl From<distarray::Error> for Failure {
    fn from(error: distarray::Error) -> Self {
        Self::File(error.to_string())
    }
}

/// Says what went wrong, and gives the exit code.
pub fn exit_code(outcome: Outcome) -> ExitCode {
    let (code, message) = match outcome {
        Ok(Verdict::Fine) => return ExitCode::SUCCESS,
        Ok(Verdict::Faults) => return ExitCode::from(1),
        Err(Failure::Usage(message)) => (2, message),
        Err(Failure::File(message)) => (3, message),
        Err(Failure::Signal(signal)) => {
            say("interrupted; nothing was changed");
            interrupt::end(signal);
            return ExitCode::FAILURE;
        }
    };
    say(&message);
    ExitCode::from(code)
}

/// Tells a person something beside the output.
pub fn say(message: &str) {
    // Where nobody listens, nothing is to be done.
    let _ = writeln!(io::stderr(), "distarray: {message}");
}
