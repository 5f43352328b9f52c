//! The `distarray` command: looks at, checks, converts and draws distributed arrays.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Look at, check, convert and draw distributed arrays.
#[derive(Parser)]
#[command(name = "distarray", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

fn main() -> ExitCode {
    match Arguments::parse().command {}
}
