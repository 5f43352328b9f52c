//! Opening files for reading: regular ones only, and without waiting.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Opens a regular file and tells its length.
///
/// A FIFO would make the caller wait and a device has no length: both are
/// refused, as is a directory.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path).map_err(|error| Error::from(error).in_file(path))?;
    let metadata = file.metadata().map_err(|error| Error::from(error).in_file(path))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Io, "not a regular file").in_file(path));
    }
    Ok((file, metadata.len()))
}
