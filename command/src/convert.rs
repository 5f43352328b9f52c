//! `distarray convert`: an array from files to files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use distarray::io::{Piece, Progress, Target, redistribute, write_whole};
use distarray::protocol::{DimData, Value};
use distarray::{Error, ErrorKind};

use crate::interrupt;
use crate::layout::{GRAMMAR, Given, Layout};
use crate::outcome::{Failure, Outcome, Verdict, say};
use crate::progress::Meter;
use crate::sets::{self, File, Named};

/// Convert between one .npy file and sets of .dnpy files of any distribution.
#[derive(clap::Args)]
#[command(after_help = format!("\
Examples:
  distarray convert out/heat heat.npy              gather a set into one file, in C order
  distarray convert heat.npy out/heat --to 'b,c on 2x2'
                                                   deal it out: out/heat_0.dnpy, ...
  distarray convert out/heat out/rows --to b,n --ranks 8
                                                   deal a set out otherwise
  distarray convert out/heat heat.json             the dim_data of all ranks
  distarray convert u_0.dnpy -                     the dim_data of one, as Python writes it

Elements are copied as they are, of any type, and through a few megabytes of memory. Halos
are filled by their owners. A file appears whole or not at all, a set as well: TARGET.manifest
says which files are of it. A set that has one is compared with it first.

{GRAMMAR}"))]
pub struct Arguments {
    /// A .npy file, a .dnpy file, or the prefix of a set SOURCE_0.dnpy, SOURCE_1.dnpy, ...
    source: PathBuf,
    /// A .npy file, a .json or .py file for the dim_data (- is standard output), or, with
    /// --to, the prefix of a set.
    target: PathBuf,
    /// How to deal the array out over the files of a set; see below.
    #[arg(long, value_name = "LAYOUT")]
    to: Option<String>,
    /// Over how many ranks, where the layout does not say it.
    #[arg(long, value_name = "N", requires = "to", value_parser = clap::value_parser!(i64).range(1..))]
    ranks: Option<i64>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Outcome {
    let Arguments { source, target, to, ranks } = arguments;
    if let Some(layout) = to {
        deal(source, target, layout, *ranks)?;
    } else if sets::is_npy(target) {
        write(source, &pieces(source)?, Target::Whole(target))?;
    } else {
        describe(source, target, out)?;
    }
    Ok(Verdict::Fine)
}

/// The files that hold the array, in the order of their ranks.
fn pieces(source: &Path) -> Outcome<Vec<Piece>> {
    let set = match sets::find(source)? {
        Named::Whole(path) => return Ok(vec![Piece::whole(path)?]),
        Named::Set(set) => set,
    };
    set.manifest?;
    let piece = |file: File| match file.member {
        Some(member) => Piece::member(member),
        None => Piece::part(file.path),
    };
    let mut pieces = set.files.into_iter().map(piece).collect::<Result<Vec<_>, _>>()?;
    pieces.sort_by_key(|piece| piece.dim_data().process_rank());
    Ok(pieces)
}

/// Writes the files of a set.
fn deal(source: &Path, prefix: &Path, layout: &str, ranks: Option<i64>) -> Outcome<()> {
    let pieces = pieces(source)?;
    let shape = pieces.first().map(|piece| piece.dim_data().global_shape());
    let layout = Layout::parse(layout, Given { shape: shape.as_deref(), ranks, default_ranks: None })?;
    let parts = (0..layout.ranks()).map(|rank| layout.part(rank)).collect::<Outcome<Vec<_>>>()?;
    write(source, &pieces, Target::Set { prefix, parts: &parts })?;
    if let Ok(Named::Set(set)) = sets::find(prefix) {
        set.notes().iter().for_each(|note| say(&format!("note: {note}")));
    }
    Ok(())
}

/// Writes the target's files.
fn write(source: &Path, pieces: &[Piece], to: Target<'_>) -> Outcome<()> {
    interrupt::watch();
    let mut meter = Meter::new();
    let mut watch = |Progress { done, total }| {
        meter.say(done, total);
        match interrupt::caught() {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Io, "interrupted")),
        }
    };
    redistribute(pieces, to, &mut watch).map_err(|error| match (interrupt::caught(), error.rule()) {
        (Some(signal), _) => Failure::Signal(signal),
        (None, Some(_)) => Failure::File(format!("{error}\nTry: distarray check {}", source.display())),
        (None, None) => error.into(),
    })
}

/// Writes the dim_data alone: a dictionary of one part, a list of all parts of a set.
fn describe(source: &Path, target: &Path, out: &mut dyn Write) -> Outcome<()> {
    let json = target.extension().is_some_and(|extension| extension == "json");
    let python = target.extension().is_some_and(|extension| extension == "py") || target == Path::new("-");
    if !json && !python {
        let why = "say by its ending what to write: .npy, .json or .py; or how to deal a set out, with --to";
        return Err(Failure::Usage(format!("{}: {why}", target.display())));
    }
    let print = |value: &Value| if json { value.to_json() } else { value.to_literal() };
    let pieces = pieces(source)?;
    let parts: Vec<&DimData> = pieces.iter().map(Piece::dim_data).collect();
    let alone = fs::metadata(source).is_ok_and(|metadata| metadata.is_file());
    let text = match parts.as_slice() {
        &[part] if alone => print(&part.to_value()),
        parts => {
            let lines: Vec<String> = parts.iter().map(|part| print(&part.to_value())).collect();
            format!("[{}]", lines.join(",\n "))
        }
    };
    match target == Path::new("-") {
        true => writeln!(out, "{text}")?,
        false => write_whole(target, format!("{text}\n").as_bytes())?,
    }
    Ok(())
}
