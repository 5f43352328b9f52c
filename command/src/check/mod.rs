//! `distarray check`: files, dim_data and code against the rules.

mod files;
mod mend;
mod report;

use std::io::Write;
use std::path::PathBuf;

use crate::outcome::{Failure, Outcome};

use report::Report;

/// Check files, dim_data, producers and consumers against the rules of the protocol.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  distarray check out/heat                    every part of the set, and that they fit together
  distarray check u_3.dnpy                    one part, by the rules that hold for it alone
  distarray check --dim-data parts.json       a list with the dim_data of rank 0, 1, ...
  my_program | distarray check --dim-data -   the same from standard input

A fault names file, rank, axis, key, what was expected and found, the number of the rule,
and how to mend it.")]
pub struct Arguments {
    /// .npy or .dnpy files, or the prefix of a set PREFIX_0.dnpy, PREFIX_1.dnpy, ...
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take all files as the parts of one array, whatever they are called.
    #[arg(long, requires = "files")]
    together: bool,
    /// Check a JSON file (- is standard input): a list of the dim_data of all ranks.
    #[arg(long, value_name = "JSON", conflicts_with = "files")]
    dim_data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Outcome {
    let mut report = Report::default();
    match &arguments.dim_data {
        Some(path) => files::dim_data(path, &mut report)?,
        None if arguments.files.is_empty() => {
            return Err(Failure::Usage(
                "nothing to check: name files, or give --dim-data; see --help".into(),
            ));
        }
        None => files::check(&arguments.files, arguments.together, &mut report)?,
    }
    report.print(out, arguments.json)
}
