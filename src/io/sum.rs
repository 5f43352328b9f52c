//! Length and checksum of bytes on their way to a file or from one.

use std::io::{Read, Result, Write};

use crc32fast::Hasher;

/// What tells one file's bytes from another's: their number, and the CRC-32 of zlib and PNG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) crc32: u32,
    pub(super) bytes: u64,
}

impl Sum {
    /// Of a sum in a message.
    pub(super) const BYTES: usize = 12;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.crc32.to_ne_bytes());
        bytes[4..].copy_from_slice(&self.bytes.to_ne_bytes());
        bytes
    }

    /// # Panics
    /// Where there are not [`BYTES`](Self::BYTES) of them.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let (mut crc32, mut length) = ([0; 4], [0; 8]);
        crc32.copy_from_slice(&bytes[..4]);
        length.copy_from_slice(&bytes[4..]);
        Self { crc32: u32::from_ne_bytes(crc32), bytes: u64::from_ne_bytes(length) }
    }
}

/// Sums up what is read or written through it.
pub(super) struct Summing<T> {
    inner: T,
    crc32: Hasher,
    bytes: u64,
}

impl<T> Summing<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, crc32: Hasher::new(), bytes: 0 }
    }

    pub(super) fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Of all bytes until now.
    pub(super) fn sum(&self) -> Sum {
        Sum { crc32: self.crc32.clone().finalize(), bytes: self.bytes }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.crc32.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<T: Write> Write for Summing<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let written = self.inner.write(bytes)?;
        self.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.inner.read(bytes)?;
        self.add(&bytes[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_zlib() {
        // CRC-32/ISO-HDLC, the check value of the catalogue of CRC algorithms.
        let mut through = Summing::new(Vec::new());
        through.write_all(b"12345").unwrap();
        through.write_all(b"6789").unwrap();
        assert_eq!(through.sum(), Sum { crc32: 0xcbf4_3926, bytes: 9 });
        let mut back = Summing::new(through.get_ref().as_slice());
        std::io::copy(&mut back, &mut std::io::sink()).unwrap();
        assert_eq!(back.sum(), through.sum());
    }
}
