//! Files named on the command line, and the arrays they make together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use distarray::io::dnpy::{self, Manifest, Member};

use crate::outcome::{Failure, Outcome};
use crate::text;

/// What one argument, or several together, name.
#[derive(Debug)]
pub enum Named {
    /// A `.npy` file, which holds an array whole.
    Whole(PathBuf),
    /// `.dnpy` files of one set; their ranks as the names say.
    Set(Set),
}

/// Files of one array.
#[derive(Debug)]
pub struct Set {
    /// What they are called together.
    pub name: PathBuf,
    /// In the order of the ranks.
    pub files: Vec<File>,
    /// Whether all parts were asked for: by the prefix, or together.
    pub whole: bool,
    /// What makes them files of one save, where something does.
    pub manifest: distarray::Result<Option<Manifest>>,
    /// Files with the prefix that are beyond those of the manifest.
    pub strays: Vec<PathBuf>,
}

/// One file of a set.
#[derive(Debug)]
pub struct File {
    /// Where the name has one.
    pub rank: Option<usize>,
    /// Where it is.
    pub path: PathBuf,
    /// What the manifest says of it.
    pub member: Option<Member>,
}

impl File {
    /// One that its name does not put anywhere.
    fn alone(path: PathBuf) -> Self {
        Self { rank: None, path, member: None }
    }
}

/// Files by the ranks in their names.
type Ranked = BTreeMap<usize, PathBuf>;

/// Groups files by the names that the library gives to the files of a set; a name
/// that is no file stands for all files of the set with that prefix. Together,
/// they are the parts of one array whatever they are called.
pub fn group(arguments: &[PathBuf], together: bool) -> Outcome<Vec<Named>> {
    let mut groups: Vec<Named> = Vec::new();
    let mut wholes: Vec<Set> = Vec::new();
    let mut named: BTreeMap<PathBuf, Ranked> = BTreeMap::new();
    let mut alone = Vec::new();
    for argument in arguments {
        let Some(path) = file(argument)? else {
            let set = Set::whole(&prefix_of(argument))?;
            match together {
                true => alone.extend(set.files.into_iter().map(|file| File { rank: None, ..file })),
                false => wholes.push(set),
            }
            continue;
        };
        match dnpy::rank_of_path(&path) {
            _ if together => alone.push(File::alone(path)),
            Some((prefix, rank)) => {
                named.entry(prefix).or_default().insert(rank, path);
            }
            None if is_npy(&path) => groups.push(Named::Whole(path)),
            None => groups.push(Named::Set(Set::unnamed(path.clone(), vec![File::alone(path)], false))),
        }
    }
    if together {
        let name = PathBuf::from(text::count(alone.len(), "file"));
        groups.push(Named::Set(Set::unnamed(name, alone, true)));
    }
    // Whose files and prefix were named, by `out/*`, is one set.
    named.retain(|prefix, _| wholes.iter().all(|whole| whole.name != *prefix));
    wholes.dedup_by(|a, b| a.name == b.name);
    groups.extend(wholes.into_iter().map(Named::Set));
    groups.extend(named.into_iter().map(|(prefix, files)| Named::Set(Set::of(prefix, files, false))));
    Ok(groups)
}

/// What one argument names.
pub fn find(argument: &Path) -> Outcome<Named> {
    let found = group(&[argument.to_owned()], false)?.pop();
    found.ok_or_else(|| Failure::in_file(argument, "nothing is there"))
}

impl Set {
    /// Files that their names do not put together.
    fn unnamed(name: PathBuf, files: Vec<File>, whole: bool) -> Self {
        Self { name, files, whole, manifest: Ok(None), strays: Vec::new() }
    }

    /// All files of a set.
    fn whole(prefix: &Path) -> Outcome<Self> {
        let manifest = dnpy::manifest_path(prefix);
        match files_of_set(prefix) {
            Ok(files) if !files.is_empty() || manifest.exists() => {
                Ok(Self::of(prefix.to_owned(), files, true))
            }
            Ok(_) if prefix.is_dir() => {
                let why = "a directory; name its files, or a set by the prefix of its names";
                Err(Failure::in_file(prefix, why))
            }
            Ok(_) => {
                let first = dnpy::rank_path(prefix, 0);
                let why = format!("no such file; nor is there a set of files {}, ...", first.display());
                Err(Failure::in_file(prefix, why))
            }
            Err(error) => Err(Failure::in_file(directory(prefix), error)),
        }
    }

    /// Files of one prefix, as its manifest says where there is one.
    fn of(name: PathBuf, found: Ranked, whole: bool) -> Self {
        let followed = Manifest::open(&name).and_then(|manifest| {
            let files = manifest.as_ref().map(|manifest| saved(manifest, &found, whole)).transpose()?;
            Ok(manifest.zip(files))
        });
        match followed {
            Ok(Some((manifest, files))) => {
                let beyond = found.into_iter().filter(|(rank, _)| whole && *rank >= manifest.ranks());
                let strays = beyond.map(|(_, path)| path).collect();
                Self { name, files, whole, manifest: Ok(Some(manifest)), strays }
            }
            other => {
                let file = |(rank, path)| File { rank: Some(rank), path, member: None };
                let files = found.into_iter().map(file).collect();
                Self { name, files, whole, manifest: other.map(|_| None), strays: Vec::new() }
            }
        }
    }

    /// What else is to be known about it.
    pub fn notes(&self) -> Vec<String> {
        let waiting: Vec<&Path> = self
            .files
            .iter()
            .filter_map(|file| file.member.as_ref())
            .filter(|member| member.waits())
            .map(Member::path)
            .collect();
        let mut notes = Vec::new();
        if let Some(one) = waiting.first() {
            notes.push(format!(
                "the save was interrupted: {} to be renamed, such as {}; programs that know no manifest \
                 read older ones, until it is saved again",
                text::count(waiting.len(), "file"),
                one.display()
            ));
        }
        if let Some(one) = self.strays.first() {
            let count = text::count(self.strays.len(), "file");
            notes.push(format!("{count} of an earlier, larger set remain, such as {}", one.display()));
        }
        notes
    }
}

/// The files of a save: all, or those that were named, with those it does not have.
fn saved(manifest: &Manifest, found: &Ranked, whole: bool) -> distarray::Result<Vec<File>> {
    let ranks: Vec<usize> =
        if whole { (0..manifest.ranks()).collect() } else { found.keys().copied().collect() };
    let file = |rank| {
        let member = manifest.member(rank)?;
        let path = member.as_ref().map(|member| member.path().to_owned());
        let path = path.or_else(|| found.get(&rank).cloned()).unwrap_or_default();
        Ok(File { rank: Some(rank), path, member })
    };
    ranks.into_iter().map(file).collect()
}

/// Whether a file is NumPy's, by its name.
pub fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "npy")
}

/// The argument, where it is a file that holds elements; none where it stands for a set.
fn file(argument: &Path) -> Outcome<Option<PathBuf>> {
    let ends_as = |end: &str| argument.extension().is_some_and(|extension| extension == end);
    match fs::metadata(argument) {
        Ok(metadata) => Ok((!metadata.is_dir() && !ends_as("manifest")).then(|| argument.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !ends_as("npy") && !ends_as("dnpy") => {
            Ok(None)
        }
        Err(error) => Err(Failure::in_file(argument, error)),
    }
}

/// What the names of a set begin with, where one is named by its manifest.
fn prefix_of(argument: &Path) -> PathBuf {
    let prefix = argument.with_extension("");
    if dnpy::manifest_path(&prefix) == argument { prefix } else { argument.to_owned() }
}

/// The files `<prefix>_<rank>.dnpy` that exist.
pub fn files_of_set(prefix: &Path) -> std::io::Result<Ranked> {
    let mut files = Ranked::new();
    let entries = match fs::read_dir(directory(prefix)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    for entry in entries {
        // Named by the argument, not by what the directory is called here.
        let path = prefix.with_file_name(entry?.file_name());
        if let Some((_, rank)) = dnpy::rank_of_path(&path).filter(|(found, _)| found == prefix) {
            files.insert(rank, path);
        }
    }
    Ok(files)
}

fn directory(prefix: &Path) -> &Path {
    match prefix.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
