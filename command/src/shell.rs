//! `distarray completions` and `distarray man`: what a shell and `man` read.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::outcome::{EXIT_CODES, Failure, Outcome, Verdict};

/// Print the completions of a shell.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  source <(distarray completions bash)
  distarray completions zsh > ~/.zfunc/_distarray
  distarray completions fish > ~/.config/fish/completions/distarray.fish")]
pub struct Completions {
    /// The shell that will read them.
    shell: Shell,
}

/// Print the manual page, of the whole or of one subcommand.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  distarray man | man -l -
  distarray man check > ~/.local/share/man/man1/distarray-check.1")]
pub struct Man {
    /// The subcommand.
    subcommand: Option<String>,
}

/// Prints the completions.
pub fn completions(arguments: &Completions, out: &mut dyn Write) -> Outcome {
    let mut command = crate::Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "distarray", &mut script);
    out.write_all(&script)?;
    Ok(Verdict::Fine)
}

/// Prints a manual page.
pub fn man(arguments: &Man, out: &mut dyn Write) -> Outcome {
    let mut command = crate::Arguments::command();
    command.build();
    if let Some(name) = &arguments.subcommand {
        let found = command.find_subcommand(name);
        let unknown = || Failure::Usage(format!("{name}: no such subcommand; see --help"));
        command = found.ok_or_else(unknown)?.clone();
    }
    let after_help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if arguments.subcommand.is_none() {
        man.render_subcommands_section(&mut page)?;
    } else {
        notes(&mut page, &after_help)?;
    }
    notes(&mut page, EXIT_CODES)?;
    out.write_all(&page)?;
    Ok(Verdict::Fine)
}

/// A section whose lines stay as they are, because they are tables and examples.
fn notes(page: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    let (heading, lines) = text.split_once(":\n").unwrap_or(("Notes", text));
    writeln!(page, ".SH {}\n.nf", heading.to_uppercase())?;
    for line in lines.lines() {
        // What troff would take for a request or an escape.
        writeln!(page, "\\&{}", line.replace('\\', "\\e"))?;
    }
    writeln!(page, ".fi")
}
