//! `distarray completions` and `distarray man`: what a shell and `man` read.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::outcome::{Outcome, Verdict};

/// Print the completions of a shell.
#[derive(clap::Args)]
pub struct Completions {
    /// The shell that will read them.
    shell: Shell,
}

/// Print the manual page.
#[derive(clap::Args)]
pub struct Man {}

/// Prints the completions.
pub fn completions(arguments: &Completions, out: &mut dyn Write) -> Outcome {
    let mut command = crate::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "distarray", &mut { out });
    Ok(Verdict::Fine)
}

/// Prints the manual page.
pub fn man(_: &Man, out: &mut dyn Write) -> Outcome {
    clap_mangen::Man::new(crate::Arguments::command()).render(&mut { out })?;
    Ok(Verdict::Fine)
}
