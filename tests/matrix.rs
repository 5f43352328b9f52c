//! The interoperability matrix: every library that lends with every one that borrows.
//!
//! tests/matrix/ runs all pairs; what it finds is compared with what follows from the
//! libraries' manuals (tests/matrix/rules.rs), and with the page of the documentation that
//! is made of both (`make matrix` writes it anew).

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;
#[path = "matrix/layout.rs"]
mod layout;
#[path = "matrix/page.rs"]
mod page;
#[path = "matrix/rules.rs"]
mod rules;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use launch::Flavor;
use layout::Layout;
use rules::{BORROWERS, LENDERS};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = "docs/src/interoperability.md";
const RANKS: [usize; 2] = [2, 4];

/// Primes, extents that no number of ranks divides, and some so short that a rank of four
/// may get nothing.
const SHAPES: [&str; 6] = ["29", "7", "14x11", "9x5", "13x10x7", "5x9x3"];

/// What one library did with another's array.
struct Found {
    lender: String,
    borrower: String,
    shape: String,
    ranks: usize,
    verdict: char,
    reason: String,
}

impl Found {
    fn ndim(&self) -> usize {
        self.shape.split('x').count()
    }
}

/// The arrays that were lent, by their lender and shape.
type Arrays = BTreeMap<(String, String), Layout>;

/// The files of tests/matrix/ in this language.
fn sources(extension: &str) -> Vec<String> {
    let folder = fs::read_dir(Path::new(ROOT).join("tests/matrix")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut sources: Vec<String> =
        names.filter(|name| name.ends_with(extension)).map(|name| format!("tests/matrix/{name}")).collect();
    sources.sort();
    sources
}

/// Compiles all libraries into one program.
fn compile() -> PathBuf {
    let libraries = adapters::matrix();
    let libraries: Vec<&str> = libraries.iter().flat_map(|library| library.flags()).collect();
    let mut objects = Vec::new();
    for source in sources(".cpp") {
        let flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-DOMPI_SKIP_MPICXX", "-c"];
        objects.push(launch::compile("mpicxx.openmpi", &[&source], &[&flags[..], &libraries].concat()));
    }
    for source in sources(".F90") {
        objects.push(launch::compile_fortran(Flavor::OpenMpi, &[&source], &["-c"]));
        objects.push(launch::c_object("mpicc.openmpi", "include/distarray_fortran.c", &[]));
    }
    let objects: Vec<&str> = objects.iter().map(|object| object.to_str().unwrap()).collect();
    let link = launch::link_flags();
    let link: Vec<&str> = link.iter().map(String::as_str).chain(["-lgfortran", "-lstdc++"]).collect();
    let flags = ["-std=c99", "-Wall", "-Wextra", "-Werror"];
    let flags = [&flags[..], &objects, &libraries, &link].concat();
    let sources = sources(".c");
    launch::compile_c(Flavor::OpenMpi, &sources.iter().map(String::as_str).collect::<Vec<_>>(), &flags)
}

/// Runs all pairs, one job for each shape; the program ends by itself where an
/// element, an address or a release is wrong.
fn run(program: &Path, ranks: usize) -> (Vec<Found>, Arrays) {
    // HDF5 waits for the disk each time that it closes a file: there is none behind this.
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let file = scratch.path().join("array.h5");
    let job = |shape| launch::mpirun_ok(Flavor::OpenMpi, ranks, program, &[file.as_os_str(), shape]);
    let printed: String = SHAPES.map(OsStr::new).map(job).concat();
    let (mut found, mut arrays) = (Vec::new(), Arrays::new());
    for line in printed.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["lends", lender, shape, room, axes] => {
                arrays.entry((lender.into(), shape.into())).or_default().push(room, axes);
            }
            ["pair", lender, borrower, shape, verdict, reason] => {
                let verdict = match verdict {
                    "in place" => 'Z',
                    "described anew" => 'V',
                    "copied" => 'c',
                    "impossible" => '-',
                    other => panic!("{other}"),
                };
                let [lender, borrower, shape, reason] = [lender, borrower, shape, reason].map(String::from);
                found.push(Found { lender, borrower, shape, ranks, verdict, reason });
            }
            _ => panic!("{line}"),
        }
    }
    (found, arrays)
}

/// What disagrees with the rules.
fn misfits(found: &[Found], arrays: &Arrays) -> Vec<String> {
    let mut misfits = Vec::new();
    for ((name, shape), layout) in arrays {
        let lender = LENDERS.iter().find(|lender| lender.name == name).expect(name);
        if !(lender.is_made)(layout) {
            misfits.push(format!("{name} of {shape} is not what the rules say: {layout:?}"));
        }
    }
    for one in found {
        let borrower = BORROWERS.iter().find(|borrower| borrower.name == one.borrower).expect(&one.borrower);
        let known = rules::verdict(borrower, &arrays[&(one.lender.clone(), one.shape.clone())]);
        if known != one.verdict {
            misfits.push(format!(
                "{} to {}, {} on {} ranks: found {}, the rules say {known}; {}",
                one.lender, one.borrower, one.shape, one.ranks, one.verdict, one.reason
            ));
        }
    }
    misfits
}

#[test]
fn every_library_works_with_every_other() {
    if !launch::flavors().contains(&Flavor::OpenMpi) {
        return; // the launcher has said that Open MPI is left out
    }
    let program = compile();
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for ranks in RANKS {
        let (found, arrays) = run(&program, ranks);
        wrong.extend(misfits(&found, &arrays));
        assert_eq!(found.len(), arrays.len() * BORROWERS.len(), "each array goes to each library");
        for lender in LENDERS {
            assert!(arrays.keys().any(|(name, _)| name == lender.name), "{} lends nothing", lender.name);
        }
        all.extend(found);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let path = Path::new(ROOT).join(PAGE);
    let fresh = page::written(&all);
    if std::env::var_os("DISTARRAY_WRITE_MATRIX").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), fresh, "`make matrix` writes {PAGE} anew");
}
