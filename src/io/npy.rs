//! NumPy's `.npy` files: one array, versions 1.0, 2.0 and 3.0.
//!
//! Reading never runs code: arrays of Python objects and pickles are refused.
//! Numbers of either byte order become native ones; a truth value other than
//! 0 and 1 becomes 1. Strings, dates, records and long doubles are opaque
//! elements, their bytes as they are, with a PEP 3118 format beside them.

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::atomic::AtomicFile;
use super::descr::Descr;
use super::source::Source;
use super::{file, pep3118};
use crate::array::{Buffer, DType, Layout, Order};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::Value;
use crate::protocol::literal::{self, Encoding, MAX_BYTES};

pub(super) const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Total length of magic, version, length and header is a multiple of this.
const ALIGNMENT: usize = 64;

/// Reads an array from a file; bytes after it are ignored. Local.
///
/// # Errors
/// `Io` where the file cannot be read or is not a regular one, `Syntax` where
/// it is not `.npy`, `DType`, `Shape` or `Bounds` where its header cannot be
/// honoured. A length the file does not have is refused before any allocation.
pub fn read(path: impl AsRef<Path>) -> Result<Buffer> {
    let path = path.as_ref();
    let (file, length) = file::open(path)?;
    read_all(Source::new(BufReader::new(file), length)).map_err(|error| error.in_file(path))
}

/// Reads an array from bytes, as [`read`] does from a file. Local.
///
/// # Errors
/// As for [`read`].
pub fn read_bytes(bytes: &[u8]) -> Result<Buffer> {
    read_all(Source::new(bytes, u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
}

fn read_all<R: Read>(mut source: Source<R>) -> Result<Buffer> {
    Header::read(&mut source)?.read_data(&mut source)
}

/// Writes an array to a file, as `numpy.save` does byte for byte. Local.
///
/// That is NumPy up to 1.23; later ones leave blanks in the header for a shape
/// that grows. The file appears whole or not at all, and is on disk when this
/// returns.
/// Opaque elements whose format NumPy cannot express are written as bytes (`|V5`).
///
/// # Errors
/// `Io` where the file cannot be written, `Unsupported` for element types that
/// NumPy does not have.
pub fn write(path: impl AsRef<Path>, buffer: &Buffer) -> Result<()> {
    let path = path.as_ref();
    let header = header(buffer).map_err(|error| error.in_file(path))?;
    let mut file = AtomicFile::create(path)?;
    write_to(file.writer(), &header, buffer).map_err(|error| error.in_file(path))?;
    file.sync()?.commit()
}

/// Reads what a file says before its elements, and that they are all there. Local.
///
/// # Errors
/// As for [`read`]; no memory is taken for the elements.
pub fn read_header(path: impl AsRef<Path>) -> Result<Header> {
    let path = path.as_ref();
    let (file, length) = file::open(path)?;
    let mut source = Source::new(BufReader::new(file), length);
    let header = Header::read(&mut source).and_then(|header| {
        header.check_data(&source)?;
        Ok(header)
    });
    header.map_err(|error| error.in_file(path))
}

/// What a file says before its elements, checked as far as that alone allows.
#[derive(Clone, Debug)]
pub struct Header {
    descr: Descr,
    order: Order,
    layout: Layout,
    /// Where the elements begin.
    offset: u64,
}

impl Header {
    /// Reads magic, version and header.
    pub(super) fn read<R: Read>(source: &mut Source<R>) -> Result<Self> {
        let magic: [u8; 6] = source.array("npy magic")?;
        if magic != MAGIC {
            return Err(refused("npy magic", "no .npy array begins here; a pickle is never read"));
        }
        let version: [u8; 2] = source.array("npy version")?;
        let (length, encoding) = match version {
            [1, 0] => (u32::from(u16::from_le_bytes(source.array("npy header length")?)), Encoding::Latin1),
            [2, 0] => (u32::from_le_bytes(source.array("npy header length")?), Encoding::Latin1),
            [3, 0] => (u32::from_le_bytes(source.array("npy header length")?), Encoding::Utf8),
            [major, minor] => {
                let why = format!(".npy version {major}.{minor} is not known; 1.0 to 3.0 are");
                return Err(Error::new(ErrorKind::Version, why).in_field("npy version").by_rule("F5"));
            }
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_BYTES {
            return Err(refused("npy header", "the header is too long"));
        }
        let first = source.position();
        let text = source.bytes(length, "npy header")?;
        if encoding == Encoding::Utf8 && str::from_utf8(&text).is_err() {
            return Err(refused("npy header", "the header is not UTF-8"));
        }
        let value = literal::parse(&text, encoding, first)
            .map_err(|error| error.in_field("npy header").by_rule("F5"))?;
        Self::from_value(&value, source.position() as u64)
    }

    fn from_value(value: &Value, offset: u64) -> Result<Self> {
        let (Some(descr), Some(order), Some(shape), Some(3)) = (
            value.get("descr"),
            value.get("fortran_order"),
            value.get("shape"),
            value.as_dict().map(<[_]>::len),
        ) else {
            return Err(refused("npy header", "the keys must be descr, fortran_order and shape"));
        };
        let descr = Descr::from_value(descr)?;
        let order = match order.as_bool() {
            Some(true) => Order::Fortran,
            Some(false) => Order::C,
            None => return Err(refused("fortran_order", "fortran_order must be True or False")),
        };
        let Value::Tuple(extents) = shape else {
            return Err(refused("shape", "the shape must be a tuple of integers").by_rule("F7"));
        };
        let extents: Option<Vec<i64>> = extents.iter().map(Value::as_i64).collect();
        let extents = extents
            .ok_or_else(|| refused("shape", "an extent must be an integer of 64 bits").by_rule("F7"))?;
        let layout = Layout::packed(&extents, descr.itemsize()?, order).map_err(|e| e.by_rule("F7"))?;
        Ok(Self { descr, order, layout, offset })
    }

    /// Of a file in C order with elements as in this one.
    pub(super) fn reshaped(&self, shape: &[i64]) -> Result<Self> {
        let layout = Layout::packed(shape, self.layout.itemsize(), Order::C)?;
        Ok(Self { descr: self.descr.clone(), order: Order::C, layout, offset: 0 })
    }

    /// Of the file that holds `buffer`.
    fn of(buffer: &Buffer) -> Result<Self> {
        let order = if is_fortran(buffer) { Order::Fortran } else { Order::C };
        Ok(Self { descr: descr(buffer)?, order, layout: buffer.layout().clone(), offset: 0 })
    }

    /// Extents of the array.
    #[must_use]
    pub fn shape(&self) -> &[i64] {
        self.layout.shape()
    }

    /// How the elements follow each other.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// The elements in packed memory, relative to the first one.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The element type in memory; [`DType::OPAQUE`] for records, strings and dates.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.descr.dtype()
    }

    /// The element type in the file, in NumPy's words: `<f8`, or a list of fields.
    #[must_use]
    pub fn descr(&self) -> String {
        match self.descr.to_value() {
            Value::Str(text) => text,
            fields => fields.to_literal(),
        }
    }

    /// Where the elements begin, in bytes from the beginning of the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Refuses a file that ends before its elements do.
    pub(super) fn check_data<R: Read>(&self, source: &Source<R>) -> Result<()> {
        source.check(self.layout.reach().1.unsigned_abs(), "data")
    }

    /// Reads the elements.
    pub(super) fn read_data<R: Read>(&self, source: &mut Source<R>) -> Result<Buffer> {
        // The elements must be there before memory is taken for them.
        self.check_data(source)?;
        self.fill(|bytes| source.fill(bytes, "data"))
    }

    /// Memory for the elements, zero, then filled with a file's bytes, which become native.
    pub(super) fn fill(&self, read: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Buffer> {
        let dtype = self.descr.dtype();
        let mut buffer = if dtype == DType::OPAQUE {
            let format = pep3118::format(&self.descr).map(Arc::from);
            Buffer::opaque(self.shape(), self.layout.itemsize(), self.order, format)?
        } else {
            Buffer::zeros(dtype, self.shape(), self.order)?
        };
        let bytes = buffer.packed_bytes_mut()?;
        read(bytes)?;
        if dtype == DType::BOOL {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        } else if dtype != DType::OPAQUE && self.descr.is_foreign_endian() {
            // A complex number is two numbers.
            let parts = if [DType::C64, DType::C128].contains(&dtype) { 2 } else { 1 };
            bytes.chunks_exact_mut(self.layout.itemsize() / parts).for_each(<[u8]>::reverse);
        }
        Ok(buffer)
    }

    /// The complete header, from its magic on.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let extents: Vec<Value> = self.shape().iter().map(|n| Value::from(*n)).collect();
        let text = format!(
            "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}",
            self.descr.to_value().to_literal(),
            Value::Bool(self.order == Order::Fortran).to_literal(),
            Value::Tuple(extents).to_literal()
        );
        let mut header = MAGIC.to_vec();
        let text = latin1(&text);
        let padded = |prefix: usize| pad(&text, prefix, ALIGNMENT);
        match u16::try_from(padded(10).len()) {
            Ok(length) => {
                header.extend([1, 0]);
                header.extend(length.to_le_bytes());
                header.extend(padded(10));
            }
            Err(_) => {
                let text = padded(12);
                let length = u32::try_from(text.len())
                    .ok()
                    .filter(|_| text.len() <= MAX_BYTES)
                    .ok_or_else(|| refused("npy header", "the record has too many fields for a header"))?;
                header.extend([2, 0]);
                header.extend(length.to_le_bytes());
                header.extend(text);
            }
        }
        Ok(header)
    }
}

fn refused(field: &'static str, why: &'static str) -> Error {
    Error::new(ErrorKind::Syntax, why).in_field(field).by_rule("F5")
}

/// Reads a list of integers: an array of one axis of `int64`.
pub(super) fn read_list<R: Read>(source: &mut Source<R>) -> Result<Vec<i64>> {
    let header = Header::read(source)?;
    if header.descr.dtype() != DType::I64 || header.shape().len() != 1 {
        return Err(refused("list", "a list of integers is an array of one axis of int64").by_rule("F8"));
    }
    let buffer = header.read_data(source)?;
    let numbers = buffer.packed_bytes().unwrap_or_default().as_chunks().0;
    Ok(numbers.iter().map(|number| i64::from_ne_bytes(*number)).collect())
}

/// Writes a list of integers as [`read_list`] reads it.
pub(super) fn write_list(writer: &mut impl Write, list: &[i64]) -> Result<()> {
    let length = as_i64(list.len());
    let (descr, layout) = (Descr::of(DType::I64)?, Layout::packed(&[length], size_of::<i64>(), Order::C)?);
    writer.write_all(&Header { descr, order: Order::C, layout, offset: 0 }.to_bytes()?)?;
    Ok(writer.write_all(bytemuck::cast_slice(list))?)
}

/// The element type to be written: one that [`read`] takes.
fn descr(buffer: &Buffer) -> Result<Descr> {
    if buffer.dtype() != DType::OPAQUE {
        return Descr::of(buffer.dtype());
    }
    let itemsize = buffer.layout().itemsize();
    let record = buffer.format().and_then(|format| pep3118::parse(format)).filter(|record| {
        record.itemsize() == Ok(itemsize) && Descr::from_value(&record.to_value()).as_ref() == Ok(record)
    });
    Ok(record.unwrap_or_else(|| Descr::bytes(itemsize)))
}

/// The complete header of a file that holds `buffer`, from its magic on.
pub(super) fn header(buffer: &Buffer) -> Result<Vec<u8>> {
    Header::of(buffer)?.to_bytes()
}

/// The text with 1 blank at least and a newline, so that it ends at a multiple
/// of `alignment` when it begins at `prefix`.
pub(super) fn pad(text: &[u8], prefix: usize, alignment: usize) -> Vec<u8> {
    let length = text.len() + 1;
    let blanks = alignment - (prefix + length) % alignment;
    let mut padded = text.to_vec();
    padded.resize(text.len() + blanks, b' ');
    padded.push(b'\n');
    padded
}

/// Bytes of a printed literal, which has no character beyond Latin-1.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// Column-major, and not row-major at the same time, as NumPy decides it.
fn is_fortran(buffer: &Buffer) -> bool {
    let layout = buffer.layout();
    layout.is_packed(Order::Fortran) && !layout.is_packed(Order::C)
}

/// Writes a complete header and the elements.
pub(super) fn write_to(writer: &mut impl Write, header: &[u8], buffer: &Buffer) -> Result<()> {
    writer.write_all(header)?;
    if let Some(bytes) = buffer.packed_bytes() {
        return Ok(writer.write_all(bytes)?);
    }
    let mut outcome = Ok(());
    buffer.for_each_stretch(|stretch| {
        if outcome.is_ok() {
            outcome = writer.write_all(stretch);
        }
    });
    Ok(outcome?)
}
