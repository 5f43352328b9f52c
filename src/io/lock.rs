//! One process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// Held while it lives, by a lock on a file, which the system unlocks however the process
/// ends. Dropped, it removes the file; one that was left is locked like a new one.
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks a file, or refuses at once where another process holds it, on any machine whose
    /// file system says so.
    pub(super) fn take(path: PathBuf, what: &'static str) -> Result<Self> {
        loop {
            let mut options = OpenOptions::new();
            // A FIFO would make the caller wait.
            options.write(true).create(true).truncate(false).custom_flags(libc::O_NONBLOCK);
            let file = options.open(&path).map_err(|error| Error::from(error).in_file(&path))?;
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Err(Error::new(ErrorKind::Busy, what).in_file(&path));
            } // A file system without locks keeps nobody out.
            let number = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
            // Who held it may have removed it meanwhile, and a third made it anew.
            if file.metadata().map(number).ok() == fs::metadata(&path).map(number).ok() {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be removed does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
