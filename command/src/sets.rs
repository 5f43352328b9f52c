//! Files named on the command line, and the arrays they make together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use distarray::io::dnpy;

use crate::outcome::{Failure, Outcome};

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
    /// Rank, where the name has one, and file; in the order of the ranks.
    pub files: Vec<(Option<usize>, PathBuf)>,
}

/// Groups files by the names that the library gives to the files of a set; a name
/// that is no file stands for all files of the set with that prefix. Together,
/// they are the parts of one array whatever they are called.
pub fn group(arguments: &[PathBuf], together: bool) -> Outcome<Vec<Named>> {
    let mut groups: Vec<Named> = Vec::new();
    let mut sets: BTreeMap<PathBuf, BTreeMap<usize, PathBuf>> = BTreeMap::new();
    let mut alone = Vec::new();
    for argument in arguments {
        for path in files(argument)? {
            match dnpy::rank_of_path(&path) {
                _ if together => alone.push(path),
                Some((prefix, rank)) => {
                    sets.entry(prefix).or_default().insert(rank, path);
                }
                None if is_npy(&path) => groups.push(Named::Whole(path)),
                None => groups.push(Named::Set(Set { name: path.clone(), files: vec![(None, path)] })),
            }
        }
    }
    if together {
        let name = PathBuf::from(format!("{} files", alone.len()));
        groups.push(Named::Set(Set { name, files: alone.into_iter().map(|path| (None, path)).collect() }));
    }
    groups.extend(sets.into_iter().map(|(name, files)| {
        let files = files.into_iter().map(|(rank, path)| (Some(rank), path)).collect();
        Named::Set(Set { name, files })
    }));
    Ok(groups)
}

/// Whether a file is NumPy's, by its name.
pub fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "npy")
}

/// The file, or those of the set with this prefix.
pub fn files(argument: &Path) -> Outcome<Vec<PathBuf>> {
    let found = fs::metadata(argument);
    if found.as_ref().is_ok_and(|metadata| !metadata.is_dir()) {
        return Ok(vec![argument.to_owned()]);
    }
    let files = files_of_set(argument);
    match (found, files.is_empty()) {
        (_, false) => Ok(files),
        (Ok(_), true) => Err(Failure::in_file(
            argument,
            "a directory; name its files, or a set by the prefix of its names",
        )),
        (Err(error), true) => {
            let first = dnpy::rank_path(argument, 0);
            Err(Failure::in_file(
                argument,
                format!("{error}; nor is there a set of files {}, ...", first.display()),
            ))
        }
    }
}

/// The files `<prefix>_<rank>.dnpy` that exist, in no order.
pub fn files_of_set(prefix: &Path) -> Vec<PathBuf> {
    let directory = match prefix.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    // Named by the argument, not by what the directory is called here.
    let paths = entries.map(|entry| prefix.with_file_name(entry.file_name()));
    paths.filter(|path| dnpy::rank_of_path(path).is_some_and(|(found, _)| found == prefix)).collect()
}
