//! A file that appears whole or not at all.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sum::{Sum, Summing};
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
    writer: BufWriter<Summing<File>>,
    temporary: Temporary,
}

/// A file that lies complete beside its place, and is closed: any number may wait.
pub(super) struct Staged {
    temporary: Temporary,
    sum: Sum,
}

/// The name beside the place; removed when dropped, if it is not kept.
struct Temporary {
    path: PathBuf,
    target: PathBuf,
    kept: bool,
}

impl AtomicFile {
    /// Opens a new file in the directory of `target`, under a name that nobody else has.
    pub(super) fn create(target: &Path) -> Result<Self> {
        Self::open(target, unused)
    }

    /// Opens a new file [`beside`] `target`.
    pub(super) fn create_beside(target: &Path, suffix: &str) -> Result<Self> {
        Self::open(target, |_| {
            let path = beside(target, suffix);
            Ok((create_new(&path)?, path))
        })
    }

    fn open(target: &Path, create: impl FnOnce(&Path) -> std::io::Result<(File, PathBuf)>) -> Result<Self> {
        let target = behind_links(target);
        let before = match fs::metadata(&target) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(
                    Error::new(ErrorKind::Io, "not a regular file; it is not replaced").in_file(&target)
                );
            }
            Ok(metadata) => Some(metadata.permissions()),
            Err(_) => None,
        };
        let (file, path) = create(&target).map_err(|error| refused(error, &target))?;
        let temporary = Temporary { path, target, kept: false };
        if let Some(permissions) = before {
            temporary.named(file.set_permissions(permissions))?;
        }
        Ok(Self { writer: BufWriter::new(Summing::new(file)), temporary })
    }

    /// Where the content goes.
    pub(super) fn writer(&mut self) -> &mut impl Write {
        &mut self.writer
    }

    /// Brings the content to the disk, and ends it.
    pub(super) fn sync(mut self) -> Result<Staged> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().get_ref().sync_all());
        self.temporary.named(synced)?;
        Ok(Staged { sum: self.writer.get_ref().sum(), temporary: self.temporary })
    }
}

/// Why a file cannot be made beside `target`.
fn refused(error: std::io::Error, target: &Path) -> Error {
    let error = match error.kind() {
        IoErrorKind::NotFound => Error::new(ErrorKind::Io, "its directory does not exist; make that first"),
        _ => error.into(),
    };
    error.in_file(target)
}

impl Staged {
    /// Length and checksum of the content.
    pub(super) fn sum(&self) -> Sum {
        self.sum
    }

    /// From now on the file beside the place is not removed, whatever happens.
    pub(super) fn kept(mut self) -> Self {
        self.temporary.kept = true;
        self
    }

    /// Puts the file in place, its name on the disk too when this returns.
    pub(super) fn commit(self) -> Result<()> {
        commit_all([self])
    }
}

/// Puts files in place, their names on the disk too when this returns.
pub(super) fn commit_all(staged: impl IntoIterator<Item = Staged>) -> Result<()> {
    let mut done = Vec::new();
    for Staged { mut temporary, .. } in staged {
        temporary.named(fs::rename(&temporary.path, &temporary.target))?;
        temporary.kept = true;
        done.push(temporary);
    }
    sync_directories(&done)
}

/// Brings the names beside the places to the disk.
pub(super) fn sync_names<'a>(staged: impl IntoIterator<Item = &'a Staged>) -> Result<()> {
    sync_directories(staged.into_iter().map(|staged| &staged.temporary))
}

/// Without this the names may be lost with the machine's power.
fn sync_directories<'a>(files: impl IntoIterator<Item = &'a Temporary>) -> Result<()> {
    let mut synced = HashSet::new();
    for file in files {
        let directory = directory(&file.target);
        if synced.insert(directory) {
            file.named(File::open(directory).and_then(|directory| directory.sync_all()))?;
        }
    }
    Ok(())
}

impl Temporary {
    fn named(&self, outcome: std::io::Result<()>) -> Result<()> {
        outcome.map_err(|error| Error::from(error).in_file(&self.target))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing more can be done where even this fails.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A link keeps pointing where it does: its file is replaced.
fn behind_links(target: &Path) -> PathBuf {
    fs::canonicalize(target).unwrap_or_else(|_| target.to_owned())
}

/// Where a file waits for its place that others are to find: its name and `.suffix`.
pub(super) fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut path = behind_links(target).into_os_string();
    path.push(".");
    path.push(suffix);
    path.into()
}

fn create_new(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
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
        match create_new(&path) {
            // Left by a process of the same number, here or on another machine.
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|file| (file, path)),
        }
    }
}

/// The directory of a file; the current one where the path has none.
pub(super) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
