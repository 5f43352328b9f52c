//! The interoperability matrix: every library that lends with every one that borrows.
//!
//! tests/matrix/ runs all pairs; what it finds is compared with what the libraries are
//! known to take (tests/matrix/expected.txt), and with the page of the documentation
//! that is made of it (`make matrix` writes it anew).

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/launch.rs"]
mod launch;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use launch::Flavor;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = "docs/src/interoperability.md";

/// What one library did with another's array.
struct Found {
    producer: String,
    consumer: String,
    axes: usize,
    verdict: char,
    reason: String,
}

/// Runs all pairs; the program ends by itself where an element, an address or a release
/// is wrong.
fn run(ranks: usize) -> Vec<Found> {
    let mut sources: Vec<String> = fs::read_dir(Path::new(ROOT).join("tests/matrix"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".c") || name.ends_with(".cpp"))
        .map(|name| format!("tests/matrix/{name}"))
        .collect();
    sources.sort();
    let libraries = adapters::matrix();
    // What is C++ is compiled by itself.
    for source in sources.iter_mut().filter(|source| source.ends_with(".cpp")) {
        let flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-DOMPI_SKIP_MPICXX", "-c"].into_iter();
        let flags: Vec<&str> = flags.chain(libraries.iter().flat_map(|library| library.flags())).collect();
        let object = launch::compile("mpicxx.openmpi", &[source.as_str()], &flags);
        *source = object.to_str().unwrap().to_string();
    }
    let link = launch::link_flags();
    let mut flags = vec!["-std=c99", "-Wall", "-Wextra", "-Werror"];
    flags.extend(libraries.iter().flat_map(|library| library.flags()));
    flags.extend(link.iter().map(String::as_str));
    flags.push("-lstdc++");
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let program = launch::compile_c(Flavor::OpenMpi, &sources, &flags);
    let printed = launch::mpirun_ok::<&str>(Flavor::OpenMpi, ranks, &program, &[]);
    printed.lines().map(read).collect()
}

fn read(line: &str) -> Found {
    let fields: Vec<&str> = line.split('\t').collect();
    let [producer, consumer, axes, verdict, reason] = fields[..] else { panic!("{line}") };
    let verdict = match verdict {
        "in place" => 'Z',
        "described anew" => 'V',
        "copied" => 'c',
        "impossible" => '-',
        other => panic!("{other}"),
    };
    let [producer, consumer, reason] = [producer, consumer, reason].map(str::to_string);
    Found { producer, consumer, axes: axes.parse().unwrap(), verdict, reason }
}

type Pairs = BTreeMap<(String, String), [char; 3]>;

fn pairs(found: &[Found]) -> Pairs {
    let mut pairs = Pairs::new();
    for one in found {
        let pair = (one.producer.clone(), one.consumer.clone());
        pairs.entry(pair).or_insert(['.'; 3])[one.axes - 1] = one.verdict;
    }
    pairs
}

fn expected() -> Pairs {
    let text = fs::read_to_string(Path::new(ROOT).join("tests/matrix/expected.txt")).unwrap();
    let mut rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let name = |word: &str| word.replace('-', " ").replace("block cyclic", "block-cyclic");
    let consumers: Vec<String> = rows.next().unwrap().split_whitespace().map(name).collect();
    let mut pairs = Pairs::new();
    for row in rows {
        let (producer, verdicts) = row.split_once(' ').unwrap();
        let verdicts: Vec<&str> = verdicts.split_whitespace().collect();
        assert_eq!(verdicts.len(), consumers.len(), "{row}");
        for (consumer, letters) in consumers.iter().zip(verdicts) {
            let letters: Vec<char> = letters.chars().collect();
            pairs.insert((name(producer), consumer.clone()), letters.try_into().unwrap());
        }
    }
    pairs
}

/// In the order of the program.
fn in_order<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// The page, of what was found on four ranks.
fn page(found: &[Found]) -> String {
    let pairs = pairs(found);
    let consumers = in_order(found.iter().map(|one| &one.consumer));
    let mut page = String::from(
        "# Which library works in whose memory\n\n\
         Made by `make matrix`, which runs every pair on four ranks: the row's library makes an\n\
         array of its own and lends it, the column's borrows it, reads every element by its own\n\
         indices and writes every one, and the first finds what was written. A letter each for\n\
         arrays of one, two and three axes:\n\n\
         - **Z** in place: the addresses are the same.\n\
         - **V** in place, after `distarray_accommodation_new` described the memory anew.\n\
         - c copied by `distarray_accommodation_new`, there and back, for the reasons below.\n\
         - \\- the column's library has no such array; . the row's makes none.\n\n",
    );
    let heads: String = consumers.iter().map(|name| format!(" {name} |")).collect();
    let lines: String = consumers.iter().map(|_| " --- |").collect();
    writeln!(page, "| lends \\ borrows |{heads}\n| --- |{lines}").unwrap();
    for producer in in_order(found.iter().map(|one| &one.producer)) {
        write!(page, "| {producer} |").unwrap();
        for &consumer in &consumers {
            let letters: String = pairs[&(producer.clone(), consumer.clone())].iter().collect();
            write!(page, " {letters} |").unwrap();
        }
        page.push('\n');
    }
    page.push_str(
        "\n## Why it is copied\n\n| lends | borrows | axes | reason |\n| --- | --- | --- | --- |\n",
    );
    for one in found.iter().filter(|one| one.verdict == 'c') {
        let first = one.reason.split(';').next().unwrap();
        writeln!(page, "| {} | {} | {} | {first} |", one.producer, one.consumer, one.axes).unwrap();
    }
    page
}

#[test]
fn every_library_works_with_every_other() {
    if !launch::flavors().contains(&Flavor::OpenMpi) {
        return; // the launcher has said that Open MPI is left out
    }
    let found = run(4);
    let (all, known) = (pairs(&found), expected());
    for (pair, verdicts) in &known {
        assert_eq!(all.get(pair), Some(verdicts), "{pair:?}");
    }
    assert_eq!(all.len(), known.len(), "a library is missing in expected.txt");

    let path = Path::new(ROOT).join(PAGE);
    let fresh = page(&found);
    if std::env::var_os("DISTARRAY_WRITE_MATRIX").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &fresh).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), fresh, "`make matrix` writes {PAGE} anew");

    // Fewer ranks leave fewer cuts: nothing gets worse.
    for (pair, few) in pairs(&run(2)) {
        for (few, many) in few.iter().zip(all[&pair]) {
            let rank = |letter: &char| "ZVc-.".find(*letter).unwrap();
            assert!(rank(few) <= rank(&many), "{pair:?} on 2 ranks: {few}, on 4: {many}");
        }
    }
}
