//! The page of the documentation: what was found, and what is known of the libraries.

use std::fmt::Write;

use crate::Found;
use crate::rules::{BORROWERS, Borrower, LENDERS};

const HEAD: &str = "\
# Which library works in whose memory

Made by `make matrix`, which runs every pair on two and on four ranks, with arrays of several
shapes: primes, extents that nothing divides, some so short that a rank may have no element.
The row's library makes an array of its own and lends it. The column's borrows it, reads every
element by its own indices and writes every one, and the first finds what was written. Each
loan comes back once. The three places of a cell are arrays of one, two and three axes of
`double`:

- **Z** in place: the addresses are the same.
- **V** in place, after `distarray_accommodation_new` described the memory anew.
- c copied there and back: into memory that `distarray_accommodation_new` makes as the library
  wants it or, where only its own will do, into an array of the library's own.
- \\- impossible; . the row's library makes no such array.

Two letters: it depends on the shape or on the number of ranks. The libraries' names lead to
what they take, and to the reasons for every c and every \\-. A test compares each letter with
what follows from the libraries' manuals.

";

const TAIL: &str = "\
## Others

HDF5 lends nothing: what is in a file has no address before it is read, into an array that
someone else lends. ELPA works on the matrices of `distarray_scalapack.h` that have square
blocks.
";

/// All letters that were found for arrays of so many axes.
fn letters(found: &[Found], lender: &str, borrower: &str, ndim: usize) -> String {
    let all = found.iter().filter(|one| one.lender == lender && one.borrower == borrower);
    let all: Vec<char> = all.filter(|one| one.ndim() == ndim).map(|one| one.verdict).collect();
    let letters: String = "ZVc-".chars().filter(|letter| all.contains(letter)).collect();
    if letters.is_empty() { ".".into() } else { letters }
}

fn file_name(header: &str) -> &str {
    header.rsplit('/').next().unwrap()
}

/// A library's name, which leads to its section.
fn link(name: &str, header: &str) -> String {
    format!("[{name}](#{})", file_name(header).replace('.', "").to_lowercase())
}

fn table(page: &mut String, found: &[Found]) {
    let heads: String = BORROWERS.iter().map(|one| format!(" {} |", link(one.name, one.header))).collect();
    let lines = " --- |".repeat(BORROWERS.len());
    writeln!(page, "| lends \\ borrows |{heads}\n| --- |{lines}").unwrap();
    for lender in LENDERS {
        write!(page, "| {} |", link(lender.name, lender.header)).unwrap();
        for borrower in BORROWERS {
            let cell = [1, 2, 3].map(|ndim| letters(found, lender.name, borrower.name, ndim));
            write!(page, " {} |", cell.join(" ")).unwrap();
        }
        page.push('\n');
    }
    let count = |verdict| found.iter().filter(|one| one.verdict == verdict).count();
    writeln!(
        page,
        "\nIn all, {} arrays were handed on: {} in place, {} described anew, {} copied; {} are impossible.",
        found.len(),
        count('Z'),
        count('V'),
        count('c'),
        count('-')
    )
    .unwrap();
}

/// What a report says without the numbers of one run.
fn said(reason: &str) -> &str {
    let first = reason.split(';').next().unwrap();
    let first = first.split(" (expected ").next().unwrap();
    first.strip_prefix("rank ").and_then(|rest| rest.split_once(", ")).map_or(first, |(_, rest)| rest)
}

/// Which numbers of axes of which lenders, those of all lenders in one.
fn whose(found: &[Found], arrays: &[(&str, usize)]) -> String {
    let made = |lender: &str, ndim| found.iter().any(|one| one.lender == lender && one.ndim() == ndim);
    let of_all = |ndim: usize| {
        let all = LENDERS.iter().all(|one| !made(one.name, ndim) || arrays.contains(&(one.name, ndim)));
        all && arrays.iter().any(|array| array.1 == ndim)
    };
    let listed = |name: &str, ndims: Vec<usize>| {
        let ndims: Vec<String> = ndims.iter().map(usize::to_string).collect();
        (!ndims.is_empty()).then(|| format!("{name} ({})", ndims.join(", ")))
    };
    let all = listed("all", (1..4).filter(|&ndim| of_all(ndim)).collect());
    let others = LENDERS.iter().filter_map(|one| {
        listed(one.name, (1..4).filter(|&ndim| !of_all(ndim) && arrays.contains(&(one.name, ndim))).collect())
    });
    all.into_iter().chain(others).collect::<Vec<_>>().join(", ")
}

/// The reasons for a verdict, each with those that meet it: of several for a pair, that of
/// the first shape on the most ranks.
fn reasons(page: &mut String, found: &[Found], borrower: &Borrower, verdict: char, word: &str) {
    let mut these: Vec<&Found> =
        found.iter().filter(|one| one.borrower == borrower.name && one.verdict == verdict).collect();
    these.sort_by_key(|one| std::cmp::Reverse(one.ranks));
    let mut seen: Vec<(&str, usize)> = Vec::new();
    let mut met: Vec<(&str, Vec<(&str, usize)>)> = Vec::new();
    for one in these {
        let array = (one.lender.as_str(), one.ndim());
        if seen.contains(&array) {
            continue;
        }
        seen.push(array);
        match met.iter_mut().find(|(reason, _)| *reason == said(&one.reason)) {
            Some((_, arrays)) => arrays.push(array),
            None => met.push((said(&one.reason), vec![array])),
        }
    }
    for (reason, arrays) in met {
        writeln!(page, "  - {word}: {reason}. From {}.", whose(found, &arrays)).unwrap();
    }
}

/// One adapter: what is lent and taken through it, and why something is not.
fn section(page: &mut String, found: &[Found], header: &str) {
    writeln!(page, "### `{}`\n", file_name(header)).unwrap();
    for one in LENDERS.iter().filter(|one| one.header == header) {
        writeln!(page, "- **{}** lends {} ({}).", one.name, one.makes, one.source).unwrap();
    }
    for one in BORROWERS.iter().filter(|one| one.header == header) {
        writeln!(page, "- **{}** takes {} ({}).", one.name, one.takes, one.source).unwrap();
        reasons(page, found, one, 'c', "copied");
        reasons(page, found, one, '-', "impossible");
    }
    page.push('\n');
}

pub fn written(found: &[Found]) -> String {
    let mut page = HEAD.to_string();
    table(&mut page, found);
    page.push_str("\n## The libraries\n\nIn brackets: numbers of axes.\n\n");
    let mut headers: Vec<&str> = Vec::new();
    for header in BORROWERS.iter().map(|one| one.header).chain(LENDERS.iter().map(|one| one.header)) {
        if !headers.contains(&header) {
            headers.push(header);
            section(&mut page, found, header);
        }
    }
    page.push_str(TAIL);
    page
}
