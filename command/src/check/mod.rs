//! `distarray check`: files, dim_data and code against the rules.

mod files;
mod mend;
mod report;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::conformance::{self, Role, Subject};
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
  distarray check --producer libmine.so --symbol mine_lend --ranks 4
  distarray check --consumer libmine.so --symbol mine_take

A fault names file, rank, axis, key, what was expected and found, the number of the rule,
and how to mend it. Producers and consumers are functions in a shared library, of the types in
distarray_conformance.h, where their rules stand; each is tried in processes of its own, so
a crash, a hang or an exit is a verdict.")]
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
    /// Check code that lends: a shared library.
    #[arg(long, value_name = "LIBRARY", conflicts_with_all = ["files", "dim_data", "consumer"], requires = "symbol")]
    producer: Option<PathBuf>,
    /// Check code that takes loans: a shared library.
    #[arg(long, value_name = "LIBRARY", conflicts_with_all = ["files", "dim_data"], requires = "symbol")]
    consumer: Option<PathBuf>,
    /// The function in the library.
    #[arg(long, value_name = "NAME")]
    symbol: Option<String>,
    /// For how many ranks a producer lends.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=4096))]
    ranks: i32,
    /// Seconds after which a script has hung.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// The code to be checked, where it is code.
    fn subject(&self) -> Option<Subject> {
        let (role, library) = match (&self.producer, &self.consumer) {
            (Some(library), _) => (Role::Producer, library),
            (_, Some(library)) => (Role::Consumer, library),
            _ => return None,
        };
        Some(Subject {
            role,
            library: library.clone(),
            symbol: self.symbol.clone()?,
            ranks: self.ranks,
            timeout: Duration::from_secs(self.timeout),
        })
    }
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Outcome {
    if let Some(subject) = arguments.subject() {
        return conformance::check(&subject, out, arguments.json);
    }
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
