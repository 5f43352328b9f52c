//! Bytes read in order, each length checked against what is left before any
//! memory is taken for it.

use std::io::Read;

use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// A reader of which the remaining length is known.
pub(super) struct Source<R> {
    reader: R,
    position: u64,
    remaining: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R, length: u64) -> Self {
        Self { reader, position: 0, remaining: length }
    }

    /// The reader, at the next byte.
    pub(super) fn into_inner(self) -> R {
        self.reader
    }

    /// Offset of the next byte.
    pub(super) fn position(&self) -> usize {
        usize::try_from(self.position).unwrap_or(usize::MAX)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    /// The next `length` bytes.
    pub(super) fn bytes(&mut self, length: usize, what: &'static str) -> Result<Vec<u8>> {
        self.check(length, what)?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    /// Reads as many bytes as `bytes` has room for.
    pub(super) fn fill(&mut self, bytes: &mut [u8], what: &'static str) -> Result<()> {
        self.check(bytes.len(), what)?;
        self.reader.read_exact(bytes)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.position += length;
        self.remaining -= length;
        Ok(())
    }

    /// Refuses a length beyond the end.
    pub(super) fn check(&self, length: usize, what: &'static str) -> Result<()> {
        if u64::try_from(length).is_ok_and(|length| length <= self.remaining) {
            return Ok(());
        }
        let why = format!("the file ends too early: bytes needed and left at byte {}", self.position);
        let found = as_i64(self.remaining);
        Err(Error::new(ErrorKind::Syntax, why)
            .in_field(what)
            .expected_found(as_i64(length), found)
            .by_rule("F3"))
    }
}
