//! What is wrong with a set of parts that failed the check, and on which ranks.

use std::collections::{HashMap, HashSet};

use super::claim::{Claim, INVARIANTS, axis_invariants, element_name, line, order_code, part_code};
use crate::comm::Comm;
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, Dist};

/// One rank's description, a few words per axis: lists of indices stay at home.
struct Record {
    head: [u64; 6],
    axes: Vec<[u64; WORDS]>,
}

const HEAD: [(&str, ErrorKind); 6] = [
    ("ndim", ErrorKind::Invariant),
    ("dtype", ErrorKind::DType),
    ("uid", ErrorKind::Invariant),
    ("uid", ErrorKind::Invariant),
    ("grid_order", ErrorKind::Grid),
    ("replicas", ErrorKind::Grid),
];

/// Words per axis: the invariants, then those of the part.
const WORDS: usize = INVARIANTS + 8;
const LETTER: usize = 0;
const SIZE: usize = 2;
const EDGE_OUTSIDE: usize = 5; // of a block axis
const COORDINATE: usize = INVARIANTS;
const START: usize = INVARIANTS + 1;
const STOP: usize = INVARIANTS + 2;
const LEFT: usize = INVARIANTS + 3;
const RIGHT: usize = INVARIANTS + 4;
const OWNED: usize = INVARIANTS + 5;
const PART: usize = INVARIANTS + 6;
const LINE: usize = INVARIANTS + 7;

/// The error that all ranks derive from everyone's description; `None` where
/// the descriptions fit together. Collective.
pub(super) fn find(comm: &Comm, claim: &Claim<'_>) -> Result<Option<Error>> {
    let words = comm.all_gather(bytemuck::cast_slice(&describe(claim)))?;
    let records: Vec<Record> = words.iter().map(|bytes| parse(bytes)).collect();
    Ok(faults(&records).into_iter().next())
}

/// What is wrong with claims that one process holds, in the order of their ranks;
/// nothing where the descriptions fit together.
pub(super) fn find_all(claims: &[Claim<'_>]) -> Vec<Error> {
    let record = |claim| parse(bytemuck::cast_slice(&describe(claim)));
    faults(&claims.iter().map(record).collect::<Vec<_>>())
}

/// All that is wrong at the first of three levels where anything is: a level takes
/// for granted what the one before it asks for.
fn faults(records: &[Record]) -> Vec<Error> {
    let axes = || 0..records[0].axes.len();
    let mut found: Vec<Error> = heads(records).collect();
    if found.is_empty() {
        found.extend(axes().flat_map(|axis| invariants_differ(records, axis)));
    }
    if found.is_empty() {
        found.extend(axes().flat_map(|axis| parts_differ(records, axis)));
    }
    found
}

fn describe(claim: &Claim<'_>) -> Vec<u64> {
    let dim_data = claim.dim_data();
    let mut words = vec![
        dim_data.ndim() as u64,
        claim.element_code(),
        claim.uid()[0],
        claim.uid()[1],
        order_code(dim_data.grid().order()),
        dim_data.grid().replicas().cast_unsigned(),
    ];
    for (axis, dim) in dim_data.dims().iter().enumerate() {
        let owned = dim.owned_block();
        let [left, right] = dim.paired_padding();
        words.extend(axis_invariants(dim));
        let part = [dim.proc_grid_rank(), owned.start, owned.end, left, right, dim.owned_len()];
        words.extend(part.map(i64::cast_unsigned));
        words.extend([part_code(dim), line(dim_data, axis).1]);
    }
    words
}

fn parse(bytes: &[u8]) -> Record {
    let words: Vec<u64> = bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
    let mut head = [0; 6];
    let (front, rest) = words.split_at(head.len().min(words.len()));
    head[..front.len()].copy_from_slice(front);
    Record { head, axes: rest.as_chunks::<WORDS>().0.to_vec() }
}

/// What all ranks must say alike about the whole.
fn heads(records: &[Record]) -> impl Iterator<Item = Error> {
    (0..HEAD.len()).filter_map(|word| {
        let (field, kind) = HEAD[word];
        let odd = differs(records, |r| r.head[word])?;
        Some(match field {
            "dtype" => odd.error_of_words(field, kind, element_name),
            "uid" | "grid_order" => odd.error(field, kind, ""),
            _ => odd.error_of_numbers(field, kind),
        })
    })
}

/// A rank whose word is not the most common one.
struct Odd {
    /// The most common word, and the other.
    words: [u64; 2],
    rank: usize,
    /// The lowest rank with the most common word.
    common_at: usize,
    /// How many of how many ranks have another.
    others: [usize; 2],
}

impl Odd {
    fn error(&self, field: &'static str, kind: ErrorKind, more: &str) -> Error {
        let [others, all] = self.others;
        let detail =
            format!("all ranks must agree, but {others} of {all} differ from rank {}{more}", self.common_at);
        Error::new(kind, detail)
            .on_rank(as_i64(self.rank))
            .against_rank(as_i64(self.common_at))
            .in_field(field)
            .by_rule("W3")
    }

    fn error_of_words(&self, field: &'static str, kind: ErrorKind, name: fn(u64) -> String) -> Error {
        let [common, found] = self.words.map(name);
        self.error(field, kind, &format!(": {common} expected, {found} found"))
    }

    fn error_of_numbers(&self, field: &'static str, kind: ErrorKind) -> Error {
        let [common, found] = self.words.map(u64::cast_signed);
        self.error(field, kind, "").expected_found(common, found)
    }
}

/// The first rank whose word is not the most common one.
fn differs(records: &[Record], word: impl Fn(&Record) -> u64) -> Option<Odd> {
    let mut counts: HashMap<u64, (usize, usize)> = HashMap::new();
    for (rank, record) in records.iter().enumerate() {
        counts.entry(word(record)).or_insert((0, rank)).0 += 1;
    }
    // The most common word; among equals, the one of the lowest rank.
    let (&common, &(_, first)) =
        counts.iter().max_by_key(|(_, (count, first))| (*count, usize::MAX - *first))?;
    let rank = records.iter().position(|record| word(record) != common)?;
    let others = [records.len() - counts[&common].0, records.len()];
    Some(Odd { words: [common, word(&records[rank])], rank, common_at: first, others })
}

/// What all ranks must say alike about one axis.
fn invariants_differ(records: &[Record], axis: usize) -> impl Iterator<Item = Error> {
    let at = move |word: usize| move |r: &Record| r.axes.get(axis).map_or(0, |words| words[word]);
    let own = match u32::try_from(letter(records, axis)).ok().and_then(char::from_u32) {
        Some('c') => ["block_size", "first_block", "start"],
        Some('u') => ["one_to_one", "", ""],
        _ => ["periodic", "edge_outside", ""],
    };
    let names = ["dist_type", "component", "size", "proc_grid_size"].into_iter().chain(own);
    names.enumerate().filter_map(move |(word, field)| {
        let odd = differs(records, at(word))?;
        let error = match field {
            "dist_type" => odd.error_of_words(field, ErrorKind::Invariant, kind_name),
            _ => odd.error_of_numbers(field, ErrorKind::Invariant),
        };
        Some(error.on_axis(axis))
    })
}

/// Parts of one axis that do not fit together, where all agree on what it is.
fn parts_differ(records: &[Record], axis: usize) -> impl Iterator<Item = Error> {
    let found = match same_parts(records, axis) {
        Some(error) => vec![error],
        None => {
            let count = counts(records, axis);
            interfaces(records, axis).into_iter().chain(count).collect()
        }
    };
    found.into_iter().map(move |error| error.on_axis(axis))
}

/// The kind of an axis by its letter, in words.
fn kind_name(letter: u64) -> String {
    u32::try_from(letter).ok().and_then(char::from_u32).map_or("none".into(), |letter| format!("'{letter}'"))
}

/// The axis's kind, as the first rank says.
fn letter(records: &[Record], axis: usize) -> u64 {
    records[0].axes[axis][LETTER]
}

/// Ranks at one coordinate that describe the axis differently.
fn same_parts(records: &[Record], axis: usize) -> Option<Error> {
    let mut first_at: HashMap<u64, usize> = HashMap::new();
    records.iter().enumerate().find_map(|(rank, record)| {
        let words = &record.axes[axis];
        let first = *first_at.entry(words[COORDINATE]).or_insert(rank);
        let other = &records[first].axes[axis];
        if other[PART] == words[PART] {
            return None;
        }
        let word = [START, STOP, OWNED, LEFT, RIGHT].into_iter().find(|&w| other[w] != words[w]);
        let (field, kind, rule) = match word {
            Some(START) => ("start", ErrorKind::Partition, "W4"),
            Some(STOP) => ("stop", ErrorKind::Partition, "W4"),
            Some(LEFT | RIGHT) => ("padding", ErrorKind::Halo, "W5"),
            _ => ("indices", ErrorKind::Partition, "W4"),
        };
        let error = Error::new(kind, "ranks at one grid coordinate must hold the same part of the axis")
            .on_rank(as_i64(rank))
            .against_rank(as_i64(first))
            .in_field(field)
            .by_rule(rule);
        Some(
            word.map_or(error.clone(), |w| {
                error.expected_found(other[w].cast_signed(), words[w].cast_signed())
            }),
        )
    })
}

/// Neighbours whose blocks leave a gap or overlap, or whose padding differs: one
/// pair at each interface where that is so.
fn interfaces(records: &[Record], axis: usize) -> Vec<Error> {
    if letter(records, axis) != u64::from(u32::from('b')) {
        return Vec::new();
    }
    let place = |words: &[u64; WORDS]| (words[LINE], words[COORDINATE]);
    let at: HashMap<(u64, u64), usize> =
        (0..).zip(records).map(|(rank, r)| (place(&r.axes[axis]), rank)).collect();
    let mut told = HashSet::new();
    let broken_at = |rank: usize| {
        let right = &records[rank].axes[axis];
        let left_rank = *at.get(&(right[LINE], right[COORDINATE].checked_sub(1)?))?;
        let left = &records[left_rank].axes[axis];
        let broken = |kind, what: &'static str, field, expected: u64, found: u64, rule| {
            Error::new(kind, what)
                .on_rank(as_i64(rank))
                .against_rank(as_i64(left_rank))
                .in_field(field)
                .expected_found(expected.cast_signed(), found.cast_signed())
                .by_rule(rule)
        };
        if left[STOP] != right[START] {
            let (stop, start) = (left[STOP].cast_signed(), right[START].cast_signed());
            let what = if stop < start { "the owned parts leave a gap" } else { "the owned parts overlap" };
            return Some(broken(ErrorKind::Partition, what, "start", left[STOP], right[START], "W4"));
        }
        let alike = "a halo around the edges too must be as wide on all ranks";
        let paired = "padding must be as wide as the neighbour's on the other side";
        let outside = right[EDGE_OUTSIDE] != 0;
        let pairs =
            if outside { [(LEFT, LEFT, alike), (RIGHT, RIGHT, alike)] } else { [(RIGHT, LEFT, paired); 2] };
        let (there, here, what) = pairs.into_iter().find(|&(there, here, _)| left[there] != right[here])?;
        Some(broken(ErrorKind::Halo, what, "padding", left[there], right[here], "W5"))
    };
    let each =
        (0..records.len()).filter_map(|rank| Some((records[rank].axes[axis][COORDINATE], broken_at(rank)?)));
    each.filter(|(coordinate, _)| told.insert(*coordinate)).map(|(_, error)| error).collect()
}

/// Unstructured parts that do not sum up to the size.
fn counts(records: &[Record], axis: usize) -> Option<Error> {
    if letter(records, axis) != u64::from(u32::from('u')) {
        return None;
    }
    let mut seen = HashMap::new();
    for record in records {
        seen.insert(record.axes[axis][COORDINATE], record.axes[axis][OWNED]);
    }
    let total: u64 = seen.values().fold(0, |sum, &count| sum.wrapping_add(count));
    let size = records[0].axes[axis][SIZE];
    (total != size).then(|| {
        Error::new(ErrorKind::Partition, "the indices owned by all ranks must sum up to the size")
            .in_field("size")
            .expected_found(total.cast_signed(), size.cast_signed())
            .by_rule("W6")
    })
}

impl Dim {
    /// Widths of the padding that other ranks' must match: towards neighbours in the
    /// grid, and around its edges where all ranks have it there.
    pub(super) fn paired_padding(&self) -> [i64; 2] {
        let [left, right] = self.communication_padding();
        if matches!(self.dist(), Dist::Block { edge_outside: true, .. }) {
            return [left, right];
        }
        let last = self.proc_grid_rank() == self.proc_grid_size() - 1;
        [if self.proc_grid_rank() == 0 { 0 } else { left }, if last { 0 } else { right }]
    }
}
