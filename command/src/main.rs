//! The `distarray` command: looks at, checks, converts and draws distributed arrays.
#![allow(unsafe_code)] // restores what SIGPIPE does to every other program

mod check;
mod conformance;
mod convert;
mod inspect;
mod interrupt;
mod layout;
mod outcome;
mod plan;
mod plot;
mod progress;
mod sets;
mod shell;
mod text;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use outcome::{EXIT_CODES, Outcome};

/// Look at, check, convert and draw distributed arrays.
#[derive(Parser)]
#[command(name = "distarray", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Inspect(inspect::Arguments),
    Check(check::Arguments),
    Convert(convert::Arguments),
    Plan(plan::Arguments),
    Plot(plot::Arguments),
    Completions(shell::Completions),
    Man(shell::Man),
}

impl Command {
    fn run(&self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::Inspect(arguments) => inspect::run(arguments, out),
            Self::Check(arguments) => check::run(arguments, out),
            Self::Convert(arguments) => convert::run(arguments, out),
            Self::Plan(arguments) => plan::run(arguments, out),
            Self::Plot(arguments) => plot::run(arguments, out),
            Self::Completions(arguments) => shell::completions(arguments, out),
            Self::Man(arguments) => shell::man(arguments, out),
        }
    }
}

fn main() -> ExitCode {
    // SAFETY: nothing else runs yet, and no handler is installed, only the default.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = match conformance::Child::of_process() {
        Some(child) => conformance::run_child(&child),
        None => Arguments::parse().command.run(&mut out),
    };
    let flushed = out.flush().map_err(Into::into);
    outcome::exit_code(outcome.and_then(|verdict| flushed.map(|()| verdict)))
}
