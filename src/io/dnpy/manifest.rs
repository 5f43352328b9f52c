//! What makes files of one save a set: `<prefix>.manifest`, which lists their checksums.
//!
//! A set cannot be replaced at once, for it has many names. So new files wait beside
//! their places, as `<prefix>_<rank>.dnpy.<save>`; the manifest that names the save is
//! put in place, and from that moment on they are the set; then each takes its place.
//! A reader takes of each rank the file that waits for the save of the manifest, if
//! there is one, else the one in place, and compares it with the checksum.
//!
//! | bytes | text |
//! |---|---|
//! | 45 | `distarray save 1 5f3a9c0e12d4b6a7 0000000004` and a newline: the save's name, the number of files |
//! | 30 for each rank | `1c291ca3 00000000000000000352` and a newline: CRC-32, length |

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::atomic::{AtomicFile, Staged, beside, commit_all, directory, sync_names};
use super::super::file;
use super::super::lock::Lock;
use super::super::sum::{Sum, Summing};
use super::set::{rank_of_path, rank_path};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

const MAGIC: &str = "distarray save ";
const VERSION: &str = "1";
const HEAD: usize = 45;
const LINE: usize = 30;

/// Bytes that are compared at once.
const STRETCH: usize = 1 << 20;

/// A save, by a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) struct Save(u64);

impl Save {
    pub(in crate::io) fn new() -> Self {
        Self(RandomState::new().hash_one((SystemTime::now(), std::process::id())))
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_ne_bytes(bytes))
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        self.0.to_ne_bytes()
    }

    /// As in the manifest and in the names of files that wait.
    fn name(self) -> String {
        format!("{:016x}", self.0)
    }

    /// The first line of a manifest.
    fn head(self, ranks: usize) -> String {
        format!("{MAGIC}{VERSION} {} {ranks:010}\n", self.name())
    }

    /// A file of this save, beside its place.
    pub(in crate::io) fn create(self, prefix: &Path, rank: usize) -> Result<AtomicFile> {
        AtomicFile::create_beside(&rank_path(prefix, rank), &self.name())
    }

    /// The manifest of a save, beside its place.
    pub(super) fn manifest(self, prefix: &Path, sums: &[Sum]) -> Result<Staged> {
        let text: String = std::iter::once(self.head(sums.len())).chain(sums.iter().map(line)).collect();
        let path = manifest_path(prefix);
        let mut file = AtomicFile::create_beside(&path, &self.name())?;
        file.writer().write_all(text.as_bytes()).map_err(|error| Error::from(error).in_file(&path))?;
        file.sync()
    }

    /// Removes what other saves left beside their places when they were interrupted.
    pub(super) fn remove_others(self, prefix: &Path) {
        for entry in fs::read_dir(directory(prefix)).into_iter().flatten().flatten() {
            let path = prefix.with_file_name(entry.file_name());
            let other = path.extension().and_then(|save| save.to_str()).filter(|save| {
                let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                save.len() == 16 && save.bytes().all(digit) && *save != self.name()
            });
            let place = path.with_extension("");
            let ours =
                || place == manifest_path(prefix) || rank_of_path(&place).is_some_and(|(of, _)| of == prefix);
            if other.is_some() && ours() {
                // What cannot be removed does no harm.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The line of one file in a manifest.
fn line(Sum { crc32, bytes }: &Sum) -> String {
    format!("{crc32:08x} {bytes:020}\n")
}

/// Held while a set is saved: two saves at once would remove each other's files. Local.
pub(in crate::io) fn lock(prefix: &Path) -> Result<Lock> {
    let manifest = manifest_path(prefix);
    let mut name = OsString::from(".");
    name.push(manifest.file_name().unwrap_or_default());
    name.push(".lock");
    let busy = "another job is saving this set; save when it is done, or under another prefix";
    Lock::take(manifest.with_file_name(name), busy)
}

/// Replaces a set by files that wait, in the order of their ranks. Local.
pub(in crate::io) fn commit(prefix: &Path, save: Save, staged: Vec<Staged>) -> Result<()> {
    sync_names(&staged)?;
    let sums: Vec<Sum> = staged.iter().map(Staged::sum).collect();
    let manifest = save.manifest(prefix, &sums)?;
    // From here on they may be the set.
    let staged: Vec<Staged> = staged.into_iter().map(Staged::kept).collect();
    manifest.commit()?;
    commit_all(staged)?;
    save.remove_others(prefix);
    Ok(())
}

/// The manifest of a set: `<prefix>.manifest`. Local.
#[must_use]
pub fn manifest_path(prefix: &Path) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(".manifest");
    path.into()
}

/// The manifest of a set that was saved as a whole.
#[derive(Debug)]
pub struct Manifest {
    prefix: PathBuf,
    file: File,
    save: Save,
    ranks: usize,
}

/// One file of a set, as its manifest says.
#[derive(Clone, Debug)]
pub struct Member {
    path: PathBuf,
    waits: bool,
    sum: Sum,
    manifest: PathBuf,
}

impl Manifest {
    /// Opens the manifest of a set; there is none where something else wrote the files. Local.
    ///
    /// # Errors
    /// `Io` where it cannot be read, `Syntax` or `Version` where it is none of ours.
    pub fn open(prefix: impl Into<PathBuf>) -> Result<Option<Self>> {
        let prefix = prefix.into();
        let path = manifest_path(&prefix);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Self::read(prefix, &path).map(Some).map_err(|error| error.in_file(&path)),
        }
    }

    fn read(prefix: PathBuf, path: &Path) -> Result<Self> {
        let (file, length) = file::open(path)?;
        let refused = || syntax("no manifest of a set begins here");
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0).map_err(|_| refused())?;
        let line =
            str::from_utf8(&head).ok().and_then(|head| head.strip_prefix(MAGIC)).ok_or_else(refused)?;
        let mut words = line.trim_end_matches('\n').split(' ');
        let version = words.next().unwrap_or_default();
        if version != VERSION {
            let why = format!("version {version} of manifests is not known; {VERSION} is");
            return Err(Error::new(ErrorKind::Version, why).in_field("manifest version").by_rule("F10"));
        }
        let (Some(save), Some(ranks), None) = (words.next(), words.next(), words.next()) else {
            return Err(refused());
        };
        let save = u64::from_str_radix(save, 16).map(Save).map_err(|_| refused())?;
        let ranks = ranks.parse::<usize>().map_err(|_| refused())?;
        let expected = LINE.checked_mul(ranks).and_then(|lines| lines.checked_add(HEAD));
        if expected.is_none_or(|expected| length != expected as u64) {
            return Err(syntax("the manifest does not have one line for each rank"));
        }
        // Else signs and upper case would be digits.
        if save.head(ranks).as_bytes() != head {
            return Err(refused());
        }
        Ok(Self { prefix, file, save, ranks })
    }

    /// The number of files.
    #[must_use]
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// The name of the save: 16 digits that no other has.
    #[must_use]
    pub fn save(&self) -> String {
        self.save.name()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        manifest_path(&self.prefix)
    }

    pub(super) fn id(&self) -> Save {
        self.save
    }

    /// The files of all ranks, as [`member`](Self::member) gives them. Local.
    pub fn members(&self) -> impl Iterator<Item = Result<Member>> {
        (0..self.ranks).filter_map(|rank| self.member(rank).transpose())
    }

    /// The file of one rank; none beyond their number. Local.
    ///
    /// # Errors
    /// `Io` where the manifest cannot be read, `Syntax` where it is broken.
    pub fn member(&self, rank: usize) -> Result<Option<Member>> {
        if rank >= self.ranks {
            return Ok(None);
        }
        Ok(Some(Member::of(&self.prefix, self.save, rank, self.sum(rank)?)))
    }

    /// The sums of all files, in the order of the ranks.
    pub(super) fn sums(&self) -> impl Iterator<Item = Result<Sum>> {
        (0..self.ranks).map(|rank| self.sum(rank))
    }

    fn sum(&self, rank: usize) -> Result<Sum> {
        let mut read = [0; LINE];
        self.file
            .read_exact_at(&mut read, (HEAD + rank * LINE) as u64)
            .map_err(|error| Error::from(error).in_file(&self.path()))?;
        let number = |text: &str| {
            let (crc32, bytes) = text.strip_suffix('\n')?.split_once(' ')?;
            Some(Sum { crc32: u32::from_str_radix(crc32, 16).ok()?, bytes: bytes.parse().ok()? })
        };
        let sum = str::from_utf8(&read).ok().and_then(number).filter(|sum| line(sum).as_bytes() == read);
        sum.ok_or_else(|| {
            syntax("a line of the manifest is no checksum and length")
                .or_on_rank(rank as i64)
                .in_file(&self.path())
        })
    }
}

impl Member {
    /// The file of a rank that a save left: in its place, or waiting for it.
    pub(super) fn of(prefix: &Path, save: Save, rank: usize, sum: Sum) -> Self {
        let place = rank_path(prefix, rank);
        let beside = beside(&place, &save.name());
        let waits = fs::symlink_metadata(&beside).is_ok();
        Self { path: if waits { beside } else { place }, waits, sum, manifest: manifest_path(prefix) }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the save was interrupted before the file took its place; programs that
    /// know no manifest then read an older one.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The length that the file has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sum.bytes
    }

    /// Reads the file, and compares it with the manifest. Local.
    ///
    /// `watch` hears how many bytes were read since it heard last; its error ends the reading.
    ///
    /// # Errors
    /// `Invariant` where the file is of another save, or was changed; `Io` where it cannot be read.
    pub fn verify(&self, watch: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let (file, length) = file::open(&self.path)?;
        if length != self.sum.bytes {
            return self.check(Sum { crc32: self.sum.crc32, bytes: length });
        }
        let mut file = Summing::new(file);
        let mut bytes = vec![0; STRETCH];
        loop {
            match file.read(&mut bytes) {
                Ok(0) => return self.check(file.sum()),
                Ok(count) => watch(count as u64)?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from(error).in_file(&self.path)),
            }
        }
    }

    /// Refuses a file with another sum.
    pub(super) fn check(&self, found: Sum) -> Result<()> {
        if found == self.sum {
            return Ok(());
        }
        let why = format!(
            "this is not the file that was saved with the others: it was changed, or is of another save. \
             Restore the set as one, with its manifest; or, if the files are right as they are, remove {}",
            self.manifest.display()
        );
        let error = Error::new(ErrorKind::Invariant, why).in_file(&self.path).by_rule("F11");
        Err(match found.bytes == self.sum.bytes {
            true => error.in_field("crc32"),
            false => error.in_field("bytes").expected_found(as_i64(self.sum.bytes), as_i64(found.bytes)),
        })
    }
}

fn syntax(why: &'static str) -> Error {
    Error::new(ErrorKind::Syntax, why).in_field("manifest").by_rule("F10")
}
