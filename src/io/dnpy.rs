//! DistArray's `.dnpy` files: one process's part of a distributed array.
//!
//! | bytes | what |
//! |---|---|
//! | 6 | `\x93DARRY` |
//! | 2 | version: 1 and 0, or 2 and 0 |
//! | 2 | length of the header, little-endian |
//! | so many | a Python literal in Latin-1: `__version__` and `dim_data`; blanks and a newline up to a multiple of 16 |
//! | in 2.0 | each list of integers for which the header has `None`, as a complete `.npy` file |
//! | the rest | the buffer as a complete `.npy` file |
//!
//! What is written in version 1.0 equals what DistArray writes, byte for byte,
//! except that indices are a plain list: DistArray prints a NumPy array, which it
//! then cannot read. Version 2.0 is written where the lists do not fit the header.
//! What is read includes all its dialects: Python 2, NumPy's arrays and scalars,
//! the doubled magic of version 0.5. Bytes after the buffer are ignored.

mod manifest;
mod onto;
mod set;

use std::io::{self, BufReader, Read};
use std::path::Path;

pub use manifest::{Manifest, Member, manifest_path};
pub(super) use manifest::{Save, commit, lock};
pub use onto::read_onto;
pub use set::{rank_of_path, rank_path, read_rank, write_rank};

use super::atomic::{AtomicFile, Staged};
use super::source::Source;
use super::sum::Summing;
use super::{file, npy};
use crate::array::AnyArray;
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::literal::{self, Encoding};
use crate::protocol::{DimData, Reading, Repair, Value};

const MAGIC: [u8; 6] = *b"\x93DARRY";

/// Total length of magic, version, length and header is a multiple of this.
const ALIGNMENT: usize = 16;

/// Longest text of a header: with its blanks 16 bits can still state its length.
const MAX_TEXT: usize = 65_524;

/// Reads one process's part. Local.
///
/// Every strict rule of the protocol is checked, and that the buffer has the
/// shape that `dim_data` says.
///
/// # Errors
/// `Io` where the file cannot be read or is not a regular one, `Syntax` where
/// it is not `.dnpy`, else the rule that is broken, with its axis and field. A
/// length the file does not have is refused before any allocation.
pub fn read(path: impl AsRef<Path>) -> Result<AnyArray> {
    Ok(read_file(path.as_ref(), Reading::Protocol)?.0)
}

/// Reads one process's part as [`read`] does, from files of sloppier writers
/// too; tells what was mended. Local.
///
/// # Errors
/// As for [`read`].
pub fn read_lenient(path: impl AsRef<Path>) -> Result<(AnyArray, Vec<Repair>)> {
    read_file(path.as_ref(), Reading::Lenient)
}

/// Reads one process's part from bytes, as [`read`] does from a file. Local.
///
/// # Errors
/// As for [`read`].
pub fn read_bytes(bytes: &[u8]) -> Result<AnyArray> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(read_all(&mut Source::new(bytes, length), Reading::Protocol)?.0)
}

/// Writes one process's part. Local.
///
/// The file appears whole or not at all, and is on disk when this returns.
/// Protocol 0.10.0 is written wherever it can say what `dim_data` says.
///
/// # Errors
/// `Io` where the file cannot be written; `Unsupported` for element types that
/// NumPy does not have, before anything is written.
pub fn write(path: impl AsRef<Path>, array: impl AsRef<AnyArray>) -> Result<()> {
    let (path, array) = (path.as_ref(), array.as_ref());
    fill(|| AtomicFile::create(path), path, array)?.commit()
}

/// What a file says before its elements.
#[derive(Clone, Debug)]
pub struct Header {
    /// How the part fits into the global array.
    pub dim_data: DimData,
    /// What was read otherwise than it was written.
    pub repairs: Vec<Repair>,
    /// The part's elements.
    pub elements: npy::Header,
}

/// Reads what a file says before its elements, and that they are all there. Local.
///
/// # Errors
/// As for [`read`]; no memory is taken for the elements.
pub fn read_header(path: impl AsRef<Path>, reading: Reading) -> Result<Header> {
    let path = path.as_ref();
    let (file, length) = file::open(path)?;
    let mut source = Source::new(BufReader::new(file), length);
    let header = Header::read(&mut source, reading).and_then(|header| {
        header.elements.check_data(&source)?;
        Ok(header)
    });
    header.map_err(|error| error.in_file(path))
}

impl Header {
    fn read<R: Read>(source: &mut Source<R>, reading: Reading) -> Result<Self> {
        let value = read_dictionary(source)?;
        let elements = npy::Header::read(source)?;
        // Before the elements, so that a part that is refused takes no memory.
        let (dim_data, repairs) = DimData::from_value(&value, Some(elements.shape()), reading)?;
        dim_data.check_strict(elements.shape())?;
        Ok(Self { dim_data, repairs, elements })
    }
}

/// The error of a file that is not there; says so where a set has this prefix.
fn or_a_set(error: Error, path: &Path) -> Error {
    let first = rank_path(path, 0);
    if path.exists() || !first.exists() {
        return error;
    }
    let why = format!(
        "no such file, but a set with this prefix: read {}, or the set with a communicator",
        first.display()
    );
    Error::new(ErrorKind::Io, why).in_file(path)
}

fn read_file(path: &Path, reading: Reading) -> Result<(AnyArray, Vec<Repair>)> {
    let (file, length) = file::open(path).map_err(|error| or_a_set(error, path))?;
    read_all(&mut Source::new(BufReader::new(file), length), reading).map_err(|error| error.in_file(path))
}

/// Reads a file of a set, and compares it with the set's manifest.
fn read_member(member: &Member) -> Result<AnyArray> {
    let (file, length) = file::open(member.path())?;
    let mut source = Source::new(BufReader::new(Summing::new(file)), length);
    let read = read_all(&mut source, Reading::Protocol).and_then(|(array, _)| {
        let mut rest = source.into_inner();
        io::copy(&mut rest, &mut io::sink())?;
        Ok((array, rest.get_ref().sum()))
    });
    let (array, sum) = read.map_err(|error| error.in_file(member.path()))?;
    member.check(sum)?;
    Ok(array)
}

fn read_all<R: Read>(source: &mut Source<R>, reading: Reading) -> Result<(AnyArray, Vec<Repair>)> {
    let Header { dim_data, repairs, elements } = Header::read(source, reading)?;
    let buffer = elements.read_data(source)?;
    Ok((AnyArray::new(dim_data, buffer)?, repairs))
}

fn read_dictionary<R: Read>(source: &mut Source<R>) -> Result<Value> {
    let magic: [u8; 6] = source.array("magic")?;
    if magic != MAGIC {
        let why = "no .dnpy file begins here";
        return Err(Error::new(ErrorKind::Syntax, why).in_field("magic").by_rule("F1"));
    }
    let version: [u8; 2] = source.array("version")?;
    if ![[1, 0], [2, 0]].contains(&version) {
        let why = format!("version {}.{} of .dnpy is not known; 1.0 and 2.0 are", version[0], version[1]);
        return Err(Error::new(ErrorKind::Version, why).in_field("version").by_rule("F2"));
    }
    let mut length: [u8; 2] = source.array("header length")?;
    let mut first = source.position();
    let mut text = Vec::new();
    // DistArray 0.5 with NumPy 1.9 wrote NumPy's magic after its own; it begins
    // as the length of a header does that happens to have 20115 bytes.
    if version == [1, 0] && npy::MAGIC.starts_with(&length) {
        let next: [u8; 6] = source.array("header")?;
        if next[..4] == npy::MAGIC[2..] && next[4..] == version {
            length = source.array("header length")?;
            first = source.position();
        } else {
            text.extend(next);
        }
    }
    let length = usize::from(u16::from_le_bytes(length));
    text.extend(source.bytes(length - text.len(), "header")?);
    let refused = |error: Error| error.in_field("header").by_rule("F4");
    let mut value = literal::parse(&text, Encoding::Latin1, first).map_err(refused)?;
    if version == [2, 0] && read_lists(&mut value, source)? == 0 {
        let why = "version 2.0 of .dnpy is for lists behind the header, and there are none";
        return Err(Error::new(ErrorKind::Version, why).in_field("version").by_rule("F2"));
    }
    Ok(value)
}

/// Puts the lists that follow the header in the places of its `None`s, in their
/// order; their number.
fn read_lists<R: Read>(value: &mut Value, source: &mut Source<R>) -> Result<usize> {
    let mut lists = 0;
    match value {
        Value::Tuple(items) | Value::List(items) => {
            for item in items {
                lists += read_lists(item, source)?;
            }
        }
        Value::Dict(entries) => {
            for (_, value) in entries {
                lists += read_lists(value, source)?;
            }
        }
        Value::None => {
            *value = Value::Ints(npy::read_list(source)?);
            lists += 1;
        }
        _ => {}
    }
    Ok(lists)
}

/// Writes the whole file beside its place.
fn fill(create: impl FnOnce() -> Result<AtomicFile>, path: &Path, array: &AnyArray) -> Result<Staged> {
    let mut header = dictionary(array.dim_data()).map_err(|error| error.in_file(path))?;
    header.extend(npy::header(array.buffer()).map_err(|error| error.in_file(path))?);
    let mut file = create()?;
    npy::write_to(file.writer(), &header, array.buffer()).map_err(|error| error.in_file(path))?;
    file.sync()
}

/// Magic, version, length and header, and the lists that follow it.
pub(super) fn dictionary(dim_data: &DimData) -> Result<Vec<u8>> {
    let mut value = dim_data.to_value();
    if let Value::Dict(entries) = &mut value {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let mut lists = Vec::new();
    // An item of a list takes three bytes at least: longer ones are not even printed.
    if items(&value) > MAX_TEXT / 3 {
        take_lists(&mut value, &mut lists);
    }
    let mut text = header_text(&value);
    if text.len() > MAX_TEXT {
        take_lists(&mut value, &mut lists);
        text = header_text(&value);
    }
    if text.len() > MAX_TEXT {
        let why = "the dim_data is too long for a .dnpy header, counted in bytes";
        return Err(Error::new(ErrorKind::Unsupported, why)
            .in_field("header")
            .expected_found(as_i64(MAX_TEXT), as_i64(text.len())));
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend(if lists.is_empty() { [1, 0] } else { [2, 0] });
    let text = npy::pad(&text, bytes.len() + 2, ALIGNMENT);
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(text);
    lists.iter().try_for_each(|list| npy::write_list(&mut bytes, list))?;
    Ok(bytes)
}

/// The dictionary as DistArray prints it: a comma and a blank after each entry.
fn header_text(value: &Value) -> Vec<u8> {
    let mut text = String::from("{");
    for (key, value) in value.as_dict().unwrap_or_default() {
        text.push_str(&format!("'{key}': {}, ", value.to_literal()));
    }
    text.push('}');
    npy::latin1(&text)
}

/// Integers in all lists.
fn items(value: &Value) -> usize {
    match value {
        Value::Ints(list) => list.len(),
        Value::Tuple(values) => values.iter().map(items).sum(),
        Value::Dict(entries) => entries.iter().map(|(_, value)| items(value)).sum(),
        _ => 0,
    }
}

/// Takes the lists out, and leaves `None` in the place of each.
fn take_lists(value: &mut Value, lists: &mut Vec<Vec<i64>>) {
    match value {
        Value::Ints(list) => {
            lists.push(std::mem::take(list));
            *value = Value::None;
        }
        Value::Tuple(values) => values.iter_mut().for_each(|value| take_lists(value, lists)),
        Value::Dict(entries) => entries.iter_mut().for_each(|(_, value)| take_lists(value, lists)),
        _ => {}
    }
}
