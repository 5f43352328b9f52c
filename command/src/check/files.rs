//! Files and dim_data: each by itself, then all ranks of an array together.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use distarray::array::DType;
use distarray::distribution::{Claim, faults};
use distarray::io::dnpy::{self, Member};
use distarray::io::npy;
use distarray::protocol::{DimData, Reading, Value};
use distarray::{Error, ErrorKind, Result};

use super::report::{Report, in_file};
use crate::outcome::{Failure, Outcome};
use crate::progress::Meter;
use crate::sets::{self, File, Named, Set};
use crate::text;

/// One rank's part that keeps every local rule.
struct Part {
    rank: i64,
    path: Option<PathBuf>,
    dim_data: DimData,
    element: Option<(DType, usize)>,
}

impl Part {
    fn claim(&self) -> Claim<'_> {
        let claim = Claim::of(&self.dim_data);
        self.element.map_or(claim, |(dtype, itemsize)| claim.with_element(dtype, itemsize))
    }
}

/// Checks files, and the sets they make.
pub fn check(arguments: &[PathBuf], together: bool, report: &mut Report) -> Outcome<()> {
    for named in sets::group(arguments, together)? {
        match named {
            Named::Whole(path) => {
                report.checked.push(format!("{}: one array", path.display()));
                if let Err(error) = npy::read_header(&path) {
                    report.add(error);
                }
            }
            Named::Set(set) => check_set(&set, report),
        }
    }
    Ok(())
}

fn check_set(set: &Set, report: &mut Report) {
    let mut parts = Vec::new();
    let total = set.files.iter().filter_map(|file| file.member.as_ref()).map(Member::bytes).sum();
    let (mut done, mut meter) = (0, Meter::new());
    let mut watch = |bytes| {
        done += bytes;
        meter.say(done, total);
        Ok(())
    };
    for file in &set.files {
        let read = part(file);
        let saved = match (&read, &file.member) {
            (Ok(_), Some(member)) => member.verify(&mut watch),
            _ => Ok(()),
        };
        for error in [saved.err(), read.map(|part| parts.push(part)).err()].into_iter().flatten() {
            report.add(match file.rank {
                Some(rank) => error.or_on_rank(number(rank)),
                None => error,
            });
        }
    }
    drop(meter);
    if let Err(error) = &set.manifest {
        report.add(error.clone());
    }
    report.checked.extend(set.notes());
    let name = set.name.display();
    match (set.files.as_slice(), parts.as_slice()) {
        ([File { path, .. }], [part]) if !set.whole && part.dim_data.process_count() > 1 => {
            report.checked.push(format!(
                "{}: one of {} parts; that they fit together was not checked",
                path.display(),
                part.dim_data.process_count()
            ))
        }
        (files, parts) if files.len() == parts.len() => {
            report.checked.push(format!("{name}: {}, together", text::count(parts.len(), "part")));
            check_together(parts, report);
        }
        (files, _) => report.checked.push(format!(
            "{name}: {}; that they fit together was not checked",
            text::count(files.len(), "part")
        )),
    }
}

/// Reads one part, by the rules that hold for it alone.
fn part(file: &File) -> Result<Part> {
    let File { rank, path, .. } = file;
    let dnpy::Header { dim_data, elements, .. } = dnpy::read_header(path, Reading::Protocol)?;
    let own = dim_data.process_rank();
    Ok(Part {
        rank: rank.map_or(own, number),
        path: Some(path.clone()),
        element: Some((elements.dtype(), elements.layout().itemsize())),
        dim_data,
    })
}

/// Checks that the parts are those of all ranks, and make one array.
fn check_together(parts: &[Part], report: &mut Report) {
    let mut parts: Vec<&Part> = parts.iter().collect();
    parts.sort_by_key(|part| part.rank);
    let name = |error: Error| {
        let at = error.rank().and_then(|rank| parts.binary_search_by_key(&rank, |part| part.rank).ok());
        match at.and_then(|at| parts[at].path.as_deref()) {
            Some(path) => in_file(error, path),
            None => error,
        }
    };
    let strangers: Vec<Error> = strangers(&parts).into_iter().map(name).collect();
    if !strangers.is_empty() {
        report.faults.extend(strangers);
        return;
    }
    let claims: Vec<Claim<'_>> = parts.iter().map(|part| part.claim()).collect();
    report.faults.extend(faults(&claims).into_iter().map(name));
}

/// Ranks that have no part, more than one, or none to have: of as many as most parts say.
fn strangers(parts: &[&Part]) -> Vec<Error> {
    let mut counts: Vec<i64> = parts.iter().map(|part| part.dim_data.process_count()).collect();
    counts.sort_unstable();
    let most = counts.chunk_by(|a, b| a == b).max_by_key(|alike| alike.len());
    let Some(&ranks) = most.and_then(|alike| alike.first()) else { return Vec::new() };
    let fault = |rank: i64, detail: String| {
        Error::new(ErrorKind::Grid, detail).on_rank(rank).in_field("proc_grid_size").by_rule("W1")
    };
    let mut found = Vec::new();
    let mut next = 0;
    for part in parts {
        if part.rank < next {
            found.push(fault(part.rank, "there are two parts of this rank".into()));
        } else if part.rank >= ranks {
            found.push(fault(part.rank, format!("the array has {ranks} parts, of rank 0 to {}", ranks - 1)));
        }
        found.extend(missing(next..part.rank.min(ranks), ranks));
        next = next.max(part.rank.saturating_add(1));
    }
    found.extend(missing(next..ranks, ranks));
    found
}

/// One fault for all ranks of a stretch that have no part.
fn missing(gap: std::ops::Range<i64>, ranks: i64) -> Option<Error> {
    let detail = match gap.end - gap.start {
        ..=0 => return None,
        1 => format!("the part of this rank of {ranks} is missing"),
        _ => format!("the parts of rank {} to {} of {ranks} are missing", gap.start, gap.end - 1),
    };
    Some(Error::new(ErrorKind::Grid, detail).on_rank(gap.start).by_rule("W1"))
}

/// Checks a list of the dim_data of all ranks.
pub fn dim_data(path: &Path, report: &mut Report) -> Outcome<()> {
    let text = read(path)?;
    let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    let parts = match Value::from_json(&text) {
        Err(error) => {
            report.add(in_file(error, path));
            return Ok(());
        }
        Ok(dictionary @ Value::Dict(_)) => {
            report.checked.push(format!("{name}: the dim_data of one rank, alone"));
            described(&dictionary).err().into_iter().for_each(|error| report.add(error));
            return Ok(());
        }
        Ok(list) => list.as_sequence().unwrap_or_default().to_vec(),
    };
    if parts.is_empty() {
        let detail = "a list is needed, with the dim_data of each rank";
        report.add(Error::new(ErrorKind::Syntax, detail).in_file(path));
        return Ok(());
    }
    let mut read = Vec::new();
    for (rank, part) in (0..).zip(&parts) {
        match described(part) {
            Ok(dim_data) => read.push(Part { rank, path: None, dim_data, element: None }),
            Err(error) => report.add(error.or_on_rank(rank)),
        }
    }
    report.checked.push(format!("{name}: the dim_data of {}", text::count(parts.len(), "rank")));
    if read.len() == parts.len() {
        check_together(&read, report);
    }
    Ok(())
}

/// One rank's dictionary, or its dim_data alone, which is then of version 0.10.0.
fn described(value: &Value) -> Result<DimData> {
    let whole;
    let value = match value {
        Value::Tuple(_) => {
            let entry = |key: &str, value| (key.to_owned(), value);
            whole =
                Value::Dict(vec![entry("__version__", "0.10.0".into()), entry("dim_data", value.clone())]);
            &whole
        }
        value => value,
    };
    let (dim_data, _) = DimData::from_value(value, None, Reading::Protocol)?;
    dim_data.check_strict(&dim_data.held_shape())?;
    Ok(dim_data)
}

fn read(path: &Path) -> Outcome<String> {
    let mut text = String::new();
    let outcome = match path == Path::new("-") {
        true => io::stdin().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(path).map(|read| text = read),
    };
    outcome.map(|()| text).map_err(|error| Failure::in_file(path, error))
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
