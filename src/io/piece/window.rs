//! A file, read a window at a time where little is asked for.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error::{Error, ErrorKind, Result};

/// Bytes of a source file that are read at once where fewer are needed.
const WINDOW: usize = 1 << 16;

/// A file, read a window at a time where little is asked for.
pub(super) struct Window {
    file: File,
    bytes: Vec<u8>,
    start: u64,
}

impl Window {
    pub(super) fn new(file: File) -> Self {
        Self { file, bytes: Vec::new(), start: 0 }
    }

    /// Reads all of `target` from `offset` on.
    ///
    /// # Errors
    /// `Io` where the file ends before.
    pub(super) fn read(&mut self, offset: u64, target: &mut [u8]) -> Result<()> {
        if target.len() >= WINDOW {
            return Ok(self.file.read_exact_at(target, offset)?);
        }
        let inside = |window: &Self| {
            let skip = usize::try_from(offset.checked_sub(window.start)?).ok()?;
            window.bytes.get(skip..)?.get(..target.len()).map(|_| skip)
        };
        let skip = match inside(self) {
            Some(skip) => skip,
            None => {
                self.fill(offset)?;
                0
            }
        };
        let there = self
            .bytes
            .get(skip..skip + target.len())
            .ok_or_else(|| Error::new(ErrorKind::Io, "the file became shorter while it was read"))?;
        target.copy_from_slice(there);
        Ok(())
    }

    /// Reads from `offset` on, as much as there is for the window.
    fn fill(&mut self, offset: u64) -> Result<()> {
        self.bytes.resize(WINDOW, 0);
        self.start = offset;
        let mut filled = 0;
        while filled < WINDOW {
            match self.file.read_at(&mut self.bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}
