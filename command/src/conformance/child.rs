//! The process that runs one script.
#![allow(unsafe_code)] // loads a library and calls what is in it

use std::ffi::{CStr, CString, c_void};
use std::fs::File;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::reporter::{self, Message};
use super::{Role, consumer, producer};
use crate::outcome::{Failure, Outcome, Verdict};

/// The first argument of the command where it is such a process: no subcommand, which
/// completions would offer.
pub const NAME: &str = "conformance-script";

/// What one script is run with.
#[derive(clap::Parser)]
pub struct Arguments {
    role: Role,
    library: PathBuf,
    symbol: String,
    script: String,
    ranks: i32,
}

impl Arguments {
    /// The arguments of this process, where it is one that runs a script.
    pub fn of_process() -> Option<Self> {
        let mut arguments = std::env::args_os().skip(1).peekable();
        let named = arguments.peek().is_some_and(|first| first == NAME);
        named.then(|| Self::parse_from(arguments))
    }
}

/// Runs the script, and ends the process.
pub fn run(arguments: &Arguments) -> Outcome {
    reporter::open(report().map_err(|error| Failure::File(format!("standard output: {error}")))?);
    match find(&arguments.library, &arguments.symbol) {
        Err(error) => reporter::tell(&Message::Unopened(error)),
        Ok(function) => {
            match arguments.role {
                // SAFETY: the header says what type the function has; that it does is what
                // this process puts to the test.
                Role::Producer => producer::run(&arguments.script, arguments.ranks, unsafe {
                    std::mem::transmute::<*mut c_void, producer::Producer>(function)
                }),
                // SAFETY: as above.
                Role::Consumer => consumer::run(&arguments.script, unsafe {
                    std::mem::transmute::<*mut c_void, consumer::Consumer>(function)
                }),
            }
            reporter::tell(&Message::Done);
        }
    }
    // SAFETY: nothing of ours is left to do, and what the library wants to do at exit is
    // not under test.
    unsafe { libc::_exit(0) };
    #[allow(unreachable_code)]
    Ok(Verdict::Fine)
}

/// Where the report goes: what the code under test prints must not get into it.
fn report() -> std::io::Result<File> {
    // SAFETY: plain system calls; the new descriptor is nobody else's.
    unsafe {
        // Nothing of this is to stay when the command itself is ended.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // A crash is expected; its image is not wanted.
        libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
        let report = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
        if report < 0 || libc::dup2(2, 1) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(File::from_raw_fd(report))
    }
}

/// The function in the library, which stays loaded.
fn find(library: &Path, symbol: &str) -> Result<*mut c_void, String> {
    // Without a slash the system's directories would be searched, not this one.
    let path = if library.exists() { Path::new(".").join(library) } else { library.to_owned() };
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| "a name must not hold a NUL".to_owned());
    let (path, symbol) = (text(path.as_os_str().as_bytes())?, text(symbol.as_bytes())?);
    // SAFETY: texts with their NUL. What the library runs when it is loaded is its own.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if handle.is_null() {
            return Err(last_error());
        }
        let function = libc::dlsym(handle, symbol.as_ptr());
        if function.is_null() { Err(last_error()) } else { Ok(function) }
    }
}

/// What the loader says.
///
/// # Safety
/// A call of it has just failed.
unsafe fn last_error() -> String {
    // SAFETY: the text is valid until the next call.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() { "cannot be loaded".into() } else { CStr::from_ptr(text).to_string_lossy().into() }
    }
}
