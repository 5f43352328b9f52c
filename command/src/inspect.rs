//! `distarray inspect`: what files and sets hold.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use distarray::array::Order;
use distarray::distribution::{Claim, faults};
use distarray::io::dnpy::{self, Manifest};
use distarray::io::npy;
use distarray::protocol::{Dim, Reading};
use serde_json::{Value as Json, json};

use crate::outcome::{Failure, Outcome, Verdict};
use crate::sets::{self, File, Named, Set};
use crate::text;

/// Say what files and file sets hold: element type, shape, who owns what.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  distarray inspect u.npy               one array
  distarray inspect out/heat            the set out/heat_0.dnpy, out/heat_1.dnpy, ...
  distarray inspect out/*.dnpy --json   for programs, every part with its dim_data

Indices are global; start:stop is what a part owns, without its halo.")]
pub struct Arguments {
    /// .npy or .dnpy files, or the prefix of a set PREFIX_0.dnpy, PREFIX_1.dnpy, ...
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take all files as the parts of one array, whatever they are called.
    #[arg(long)]
    together: bool,
    /// List every part of a set, not the first ones only.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Parts listed where there are more, unless all are asked for.
const FEW: usize = 8;

/// Runs the subcommand.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Outcome {
    let mut arrays = Vec::new();
    let mut unreadable = Vec::new();
    for named in sets::group(&arguments.files, arguments.together)? {
        match named {
            Named::Whole(path) => match npy::read_header(&path) {
                Ok(header) if arguments.json => arrays.push(whole_json(&path, &header)),
                Ok(header) => print_whole(out, &path, &header)?,
                Err(error) => unreadable.push(error.to_string()),
            },
            Named::Set(set) => {
                let parts = read(&set, &mut unreadable);
                if parts.is_empty() {
                    continue;
                }
                if arguments.json {
                    arrays.push(set_json(&set, &parts));
                } else {
                    print_set(out, &set, &parts, if arguments.all { usize::MAX } else { FEW })?;
                }
            }
        }
    }
    if arguments.json {
        writeln!(out, "{:#}", json!({ "arrays": arrays, "unreadable": unreadable }))?;
    }
    if unreadable.is_empty() {
        return Ok(Verdict::Fine);
    }
    let more = unreadable.len().saturating_sub(FEW);
    unreadable.truncate(FEW);
    unreadable.extend((more > 0).then(|| format!("and {}", text::count(more, "more file"))));
    Err(Failure::File(unreadable.join("\ndistarray: ")))
}

/// One part that could be read.
struct Part<'a> {
    path: &'a Path,
    header: dnpy::Header,
}

impl Part<'_> {
    fn rank(&self) -> i64 {
        self.header.dim_data.process_rank()
    }

    fn bytes(&self) -> u128 {
        let layout = self.header.elements.layout();
        layout.len() as u128 * layout.itemsize() as u128
    }
}

/// Reads the headers, those of sloppy writers too; parts in the order of their ranks.
fn read<'a>(set: &'a Set, unreadable: &mut Vec<String>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for File { path, .. } in &set.files {
        match dnpy::read_header(path, Reading::Lenient) {
            Ok(header) => parts.push(Part { path, header }),
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    parts.sort_by_key(Part::rank);
    parts
}

/// What keeps the parts from making one array, in a word or two.
fn trouble(set: &Set, parts: &[Part<'_>]) -> Option<String> {
    if let Err(error) = &set.manifest {
        return Some(error.to_string());
    }
    let changed = |file: &&File| {
        let length = fs::metadata(&file.path).map(|metadata| metadata.len());
        file.member.as_ref().is_some_and(|member| length.is_ok_and(|length| length != member.bytes()))
    };
    if let Some(file) = set.files.iter().find(changed) {
        return Some(format!("{} has another length than was saved", file.path.display()));
    }
    // Some of the parts prove nothing.
    if missing(parts).is_some() {
        return None;
    }
    let claims: Vec<Claim<'_>> = parts
        .iter()
        .map(|part| {
            let elements = &part.header.elements;
            Claim::of(&part.header.dim_data).with_element(elements.dtype(), elements.layout().itemsize())
        })
        .collect();
    faults(&claims).first().map(ToString::to_string)
}

/// The element type by its usual name, or as NumPy spells it.
fn element(elements: &npy::Header) -> String {
    match elements.dtype().name() {
        Some(name) if elements.descr().starts_with('>') => format!("big-endian {name}"),
        Some(name) => name.into(),
        None => elements.descr(),
    }
}

fn order(elements: &npy::Header) -> &'static str {
    match elements.order() {
        Order::C => "C",
        Order::Fortran => "Fortran",
    }
}

fn global_bytes(shape: &[i64], itemsize: usize) -> u128 {
    shape
        .iter()
        .fold(itemsize as u128, |bytes, &extent| bytes.saturating_mul(u128::from(extent.unsigned_abs())))
}

fn print_whole(out: &mut dyn Write, path: &Path, header: &npy::Header) -> Outcome<()> {
    let (path, shape, order) = (path.display(), text::shape(header.shape()), order(header));
    let bytes = text::bytes(global_bytes(header.shape(), header.layout().itemsize()) as f64);
    writeln!(out, "{path}: {shape} {}, {order} order, {bytes}", element(header))?;
    Ok(())
}

fn print_set(out: &mut dyn Write, set: &Set, parts: &[Part<'_>], most: usize) -> Outcome<()> {
    let first = &parts[0].header;
    let (dim_data, elements) = (&first.dim_data, &first.elements);
    let shape = dim_data.global_shape();
    let grid: Vec<i64> = dim_data.dims().iter().map(|dim| dim.proc_grid_size()).collect();
    let of = dim_data.process_count();
    let parts_of = match parts.len() as i64 == of {
        true => text::count(parts.len(), "part"),
        false => format!("{} of {of} parts", parts.len()),
    };
    let bytes = text::bytes(global_bytes(&shape, elements.layout().itemsize()) as f64);
    writeln!(
        out,
        "{}: {} {}, {bytes}, {parts_of} on a process grid {}",
        set.name.display(),
        text::shape(&shape),
        element(elements),
        text::shape(&grid)
    )?;
    if dim_data.grid().replicas() > 1 {
        writeln!(out, "  {} equal copies", dim_data.grid().replicas())?;
    }
    for axis in 0..dim_data.ndim() {
        let dims: Vec<&Dim> = parts.iter().filter_map(|part| part.header.dim_data.dims().get(axis)).collect();
        writeln!(out, "  axis {axis}: {}", text::axis(&dims))?;
    }
    if of > 1 {
        list(out, parts, most)?;
    }
    for part in parts {
        for repair in &part.header.repairs {
            writeln!(out, "  note: {}: {repair}", part.path.display())?;
        }
    }
    for note in set.notes() {
        writeln!(out, "  note: {note}")?;
    }
    // One part alone is no set with a hole.
    if let Some(missing) = missing(parts).filter(|_| set.whole || parts.len() > 1) {
        writeln!(out, "  missing: {missing}")?;
    } else if let Some(trouble) = trouble(set, parts) {
        writeln!(out, "  these parts do not make one array: {trouble}")?;
    }
    Ok(())
}

/// A table of the parts; of many the first and the last ones.
fn list(out: &mut dyn Write, parts: &[Part<'_>], most: usize) -> Outcome<()> {
    let row = |part: &Part<'_>| {
        let header = &part.header;
        let owned: Vec<String> = header.dim_data.dims().iter().map(text::owned).collect();
        [
            part.rank().to_string(),
            text::shape(header.elements.shape()),
            order(&header.elements).to_string(),
            format!("[{}]", owned.join(", ")),
            part.path.display().to_string(),
        ]
    };
    let shown: Vec<usize> = match parts.len() {
        many if many > most => (0..most - 1).chain([many - 1]).collect(),
        few => (0..few).collect(),
    };
    let heading = ["rank", "buffer", "order", "owns", "file"].map(str::to_owned);
    let table: Vec<_> = std::iter::once(heading).chain(shown.iter().map(|&at| row(&parts[at]))).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    for (line, row) in table.iter().enumerate() {
        if line > 1 && shown[line - 1] > shown[line - 2] + 1 {
            writeln!(out, "  ... {} more", shown[line - 1] - shown[line - 2] - 1)?;
        }
        let [rank, buffer, order, owns, file] = row;
        writeln!(
            out,
            "  {rank:>r$}  {buffer:<b$}  {order:<o$}  {owns:<w$}  {file}",
            r = widths[0],
            b = widths[1],
            o = widths[2],
            w = widths[3]
        )?;
    }
    Ok(())
}

/// Ranks without a part, in a few words.
fn missing(parts: &[Part<'_>]) -> Option<String> {
    let ranks = parts[0].header.dim_data.process_count();
    let mut found = parts.iter().map(Part::rank).filter(|rank| (0..ranks).contains(rank)).peekable();
    let mut gaps = Vec::new();
    let mut count = 0;
    let mut next = 0;
    loop {
        let here = found.next().unwrap_or(ranks);
        if here > next {
            count += here - next;
            gaps.push(if here - next == 1 { format!("{next}") } else { format!("{next} to {}", here - 1) });
        }
        if here >= ranks {
            break;
        }
        next = next.max(here + 1);
    }
    gaps.truncate(FEW);
    (count > 0).then(|| format!("{count} of {ranks} parts, of rank {}", gaps.join(", ")))
}

fn whole_json(path: &Path, header: &npy::Header) -> Json {
    json!({
        "file": path.display().to_string(),
        "shape": header.shape(),
        "dtype": header.dtype().name(),
        "descr": header.descr(),
        "itemsize": header.layout().itemsize(),
        "order": order(header),
        "bytes": number(global_bytes(header.shape(), header.layout().itemsize())),
    })
}

fn set_json(set: &Set, parts: &[Part<'_>]) -> Json {
    let first = &parts[0].header;
    let dims = first.dim_data.dims();
    let part = |part: &Part<'_>| {
        json!({
            "file": part.path.display().to_string(),
            "rank": part.rank(),
            "shape": part.header.elements.shape(),
            "order": order(&part.header.elements),
            "bytes": number(part.bytes()),
            "distribution": part.header.dim_data.to_value(),
            "repairs": part.header.repairs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    let missing = missing(parts);
    let trouble = if missing.is_none() { trouble(set, parts) } else { missing };
    json!({
        "set": set.name.display().to_string(),
        "shape": first.dim_data.global_shape(),
        "dtype": first.elements.dtype().name(),
        "descr": first.elements.descr(),
        "itemsize": first.elements.layout().itemsize(),
        "bytes": number(global_bytes(&first.dim_data.global_shape(), first.elements.layout().itemsize())),
        "process_grid": dims.iter().map(|dim| dim.proc_grid_size()).collect::<Vec<_>>(),
        "ranks": first.dim_data.process_count(),
        "save": set.manifest.as_ref().ok().and_then(Option::as_ref).map(Manifest::save),
        "notes": set.notes(),
        "trouble": trouble,
        "parts": parts.iter().map(part).collect::<Vec<_>>(),
    })
}

/// JSON's integers end at 64 bits.
fn number(bytes: u128) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
