//! A file that appears whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Writes a file that appears whole or not at all, and is on disk when this returns. Local.
///
/// # Errors
/// `Io` where it cannot be written; a file that was there before is then as it was.
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let mut file = AtomicFile::create(path)?;
    file.writer().write_all(bytes).map_err(|error| Error::from(error).in_file(path))?;
    file.sync()?.commit()
}

/// Writes beside the target; [`sync`](Self::sync) and then
/// [`commit`](Staged::commit) put the file in place.
///
/// Until then, and after any failure, a file that was there before is as it
/// was; dropped without a commit, nothing is left behind.
pub(super) struct AtomicFile {
    writer: BufWriter<File>,
    staged: Staged,
}

/// A file that lies complete beside its place, and is closed: any number may wait.
pub(super) struct Staged {
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl AtomicFile {
    /// Opens a new file in the directory of `target`.
    pub(super) fn create(target: &Path) -> Result<Self> {
        // A link keeps pointing where it does: its file is replaced.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let before = match fs::metadata(&target) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(
                    Error::new(ErrorKind::Io, "not a regular file; it is not replaced").in_file(&target)
                );
            }
            Ok(metadata) => Some(metadata.permissions()),
            Err(_) => None,
        };
        let (file, temporary) = unused(&target).map_err(|error| Error::from(error).in_file(&target))?;
        let staged = Staged { temporary, target, committed: false };
        if let Some(permissions) = before {
            staged.named(file.set_permissions(permissions))?;
        }
        Ok(Self { writer: BufWriter::new(file), staged })
    }

    /// Where the content goes.
    pub(super) fn writer(&mut self) -> &mut impl Write {
        &mut self.writer
    }

    /// Brings the content to the disk, and ends it.
    pub(super) fn sync(mut self) -> Result<Staged> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        self.staged.named(synced)?;
        Ok(self.staged)
    }
}

impl Staged {
    /// Puts the file in place, its name on the disk too when this returns.
    pub(super) fn commit(mut self) -> Result<()> {
        self.named(fs::rename(&self.temporary, &self.target))?;
        self.committed = true;
        // Without this the name may be lost with the machine's power.
        self.named(File::open(directory(&self.target)).and_then(|directory| directory.sync_all()))
    }

    fn named(&self, outcome: std::io::Result<()>) -> Result<()> {
        outcome.map_err(|error| Error::from(error).in_file(&self.target))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing more can be done where even this fails.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A new file in the target's directory, under a name that nobody else has.
fn unused(target: &Path) -> std::io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = target.file_name().ok_or(IoErrorKind::InvalidInput)?;
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        temporary.push(format!(".{}-{count}.tmp", process::id()));
        let path = directory(target).join(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            // Left by a process of the same number, here or on another machine.
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|file| (file, path)),
        }
    }
}

/// The directory of a file; the current one where the path has none.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
