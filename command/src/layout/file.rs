//! Layouts that files tell: sets of `.dnpy`, the `dim_data` of all ranks, lists of indices.

use std::fs;
use std::path::Path;

use distarray::distribution::{Claim, faults};
use distarray::io::dnpy::{self, Manifest};
use distarray::protocol::{DimData, Reading, Value};

use crate::outcome::{Failure, Outcome};

/// The part of every rank, where the argument names a file.
///
/// # Errors
/// Files that cannot be read, and parts that do not make one array.
pub fn parts(argument: &str) -> Outcome<Option<Vec<DimData>>> {
    let path = Path::new(argument);
    let parts = match path.extension().and_then(|extension| extension.to_str()) {
        Some("dnpy") => set(path)?,
        Some("json") => all_ranks(path)?,
        _ => return Ok(None),
    };
    let claims: Vec<Claim<'_>> = parts.iter().map(Claim::of).collect();
    match faults(&claims).first() {
        Some(fault) => Err(Failure::in_file(path, format!("the parts do not make one array: {fault}"))),
        None => Ok(Some(parts)),
    }
}

/// The first file of a set by its prefix, where there is one.
pub fn set_called(prefix: &str) -> Option<String> {
    let first = dnpy::rank_path(Path::new(prefix), 0);
    first.exists().then(|| first.to_str().map(str::to_string)).flatten()
}

/// The parts of the set that a file belongs to.
fn set(path: &Path) -> Outcome<Vec<DimData>> {
    let read = |path: &Path| Ok::<_, Failure>(dnpy::read_header(path, Reading::Protocol)?.dim_data);
    let own = read(path)?;
    let Some((prefix, _)) = dnpy::rank_of_path(path) else {
        if own.process_count() == 1 {
            return Ok(vec![own]);
        }
        let why =
            format!("one of {} parts, and not named as those of a set are: u_0.dnpy", own.process_count());
        return Err(Failure::in_file(path, why));
    };
    let ranks = usize::try_from(own.process_count()).unwrap_or(usize::MAX);
    let manifest = Manifest::open(&prefix)?;
    let part = |rank| match manifest.as_ref().map_or(Ok(None), |manifest| manifest.member(rank))? {
        Some(member) => read(member.path()),
        None => read(&dnpy::rank_path(&prefix, rank)),
    };
    (0..ranks).map(part).collect()
}

/// A JSON list with the dictionary of `__version__` and `dim_data` of rank 0, 1, ...
fn all_ranks(path: &Path) -> Outcome<Vec<DimData>> {
    let value = json(path)?;
    let Some(ranks) = value.as_sequence().filter(|ranks| !ranks.is_empty()) else {
        return Err(Failure::in_file(path, "expected a list with the dim_data of rank 0, 1, ..."));
    };
    let part = |(rank, value): (i64, &Value)| {
        let read = DimData::from_value(value, None, Reading::Protocol);
        read.map(|(part, _)| part).map_err(|error| Failure::in_file(path, error.or_on_rank(rank)))
    };
    (0..).zip(ranks).map(part).collect()
}

/// A list of indices for each process: as JSON, or from the owner of each index.
pub fn lists(path: &Path) -> Outcome<Vec<Vec<i64>>> {
    let text = text(path)?;
    if text.trim_start().starts_with('[') {
        let value = Value::from_json(&text).map_err(|error| Failure::in_file(path, error))?;
        let lists = value.as_sequence().and_then(|lists| lists.iter().map(indices).collect());
        return lists.ok_or_else(|| Failure::in_file(path, "expected a list of indices for each process"));
    }
    let mut lists: Vec<Vec<i64>> = Vec::new();
    for (index, word) in (0..).zip(text.split_whitespace()) {
        let owner = word.parse().ok().filter(|&owner: &usize| owner < MOST_OWNERS);
        let owner = owner.ok_or_else(|| {
            Failure::in_file(
                path,
                format!("index {index}: expected its owner, a process number; found {word:?}"),
            )
        })?;
        if owner >= lists.len() {
            lists.resize(owner + 1, Vec::new());
        }
        lists[owner].push(index);
    }
    Ok(lists)
}

/// Owners that a partition may name.
const MOST_OWNERS: usize = 1 << 20;

fn indices(value: &Value) -> Option<Vec<i64>> {
    value.as_sequence()?.iter().map(|index| index.as_i64().filter(|&index| index >= 0)).collect()
}

fn json(path: &Path) -> Outcome<Value> {
    Value::from_json(&text(path)?).map_err(|error| Failure::in_file(path, error))
}

/// The text of a regular file: anything else might never end.
fn text(path: &Path) -> Outcome<String> {
    let metadata = fs::metadata(path).map_err(|error| Failure::in_file(path, error))?;
    if !metadata.is_file() {
        return Err(Failure::in_file(path, "not a regular file"));
    }
    fs::read_to_string(path).map_err(|error| Failure::in_file(path, error))
}
