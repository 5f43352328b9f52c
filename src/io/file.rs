//! Opening files for reading: regular ones only, and without waiting.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Opens a regular file and tells its length.
///
/// A FIFO would make the caller wait and a device has no length: both are
/// refused, as is a directory.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true);
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path).map_err(|error| Error::from(error).in_file(path))?;
    let metadata = file.metadata().map_err(|error| Error::from(error).in_file(path))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Io, "not a regular file").in_file(path));
    }
    Ok((file, metadata.len()))
}

/// What changes when another file takes a place, or its content is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Device and number.
    file: (u64, u64),
    bytes: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let found = std::fs::metadata(path).map_err(|error| Error::from(error).in_file(path))?;
        let written = (found.mtime(), found.mtime_nsec());
        Ok(Self { file: (found.dev(), found.ino()), bytes: found.len(), written })
    }
}
