//! The book of docs/: its links lead somewhere, its programs do what it says, and it has
//! an entry for each function. None of this needs mdBook.

#[path = "common/adapters.rs"]
mod adapters;
#[path = "common/book.rs"]
mod book;
#[path = "../docs/programs/first.rs"]
#[allow(dead_code)] // its main
mod first;
#[path = "common/launch.rs"]
mod launch;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between parentheses after `](`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The pages that the summary lists, in its order.
fn listed() -> Vec<String> {
    targets(&book::page("SUMMARY.md")).map(str::to_string).collect()
}

/// Every page with what the sources fill into it, as mdBook's preprocessor is run.
fn filled() -> BTreeMap<String, String> {
    let chapter = |path: &String| json!({"Chapter": {"path": path, "content": book::page(path)}});
    let book = json!({"items": listed().iter().map(chapter).collect::<Vec<_>>()});
    let mut command = Command::new("/usr/bin/python3");
    command.arg(root().join("docs/reference.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(json!([{}, book]).to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", launch::shown(&output));
    let book: Value = serde_json::from_slice(&output.stdout).unwrap();
    let chapters = book["items"].as_array().unwrap().iter().map(|item| &item["Chapter"]);
    let text = |value: &Value| value.as_str().unwrap().to_string();
    chapters.map(|chapter| (text(&chapter["path"]), text(&chapter["content"]))).collect()
}

/// A page's lines outside its fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The names by which mdBook links to a page's headings.
fn headings(text: &str) -> BTreeSet<String> {
    let titles =
        prose(text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let name = |title: &str| -> String {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    titles.map(name).collect()
}

#[test]
fn the_summary_lists_every_page() {
    let mut pages = BTreeSet::new();
    let mut folders = vec![book::folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.insert(path.strip_prefix(book::folder()).unwrap().to_str().unwrap().to_string());
            }
        }
    }
    assert!(pages.remove("SUMMARY.md"));
    assert_eq!(listed().into_iter().collect::<BTreeSet<_>>(), pages);
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let pages = filled();
    let mut checked = 0;
    for (page, text) in &pages {
        for target in prose(text).flat_map(targets).filter(|target| !target.contains("://")) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let mut place: PathBuf = Path::new(page).parent().unwrap().into();
            for part in Path::new(path).components() {
                match part {
                    Component::ParentDir => assert!(place.pop(), "{page}: {target}"),
                    part => place.push(part),
                }
            }
            let place = if path.is_empty() { page.clone() } else { place.to_str().unwrap().to_string() };
            let Some(found) = pages.get(&place) else {
                assert!(book::folder().join(&place).is_file() && heading.is_empty(), "{page}: {target}");
                continue;
            };
            assert!(heading.is_empty() || headings(found).contains(heading), "{page}: {target}");
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn the_readme_leads_to_files_that_are_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for target in prose(&readme).flat_map(targets).filter(|target| !target.contains("://")) {
        assert!(root().join(target).exists(), "{target}");
    }
}

/// A program's text is never written into a page: it comes from a file that a test runs.
#[test]
fn every_program_in_a_page_comes_from_a_file() {
    let languages = ["c", "cpp", "fortran", "rust", "cmake", "python"];
    for page in listed() {
        for block in book::blocks(&book::page(&page)) {
            let included = block.text.lines().all(|line| line.starts_with("{{#include "));
            assert!(included || !languages.contains(&block.language.as_str()), "{page}: {}", block.text);
        }
    }
}

#[test]
fn every_file_and_anchor_that_a_page_includes_is_there() {
    let mut checked = 0;
    for page in listed() {
        for rest in book::page(&page).split("{{#include ").skip(1) {
            let include = rest.split_once("}}").unwrap().0;
            let (path, anchor) = include.split_once(':').unwrap_or((include, ""));
            let path = book::folder().join(&page).parent().unwrap().join(path);
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{page}: {include}: {e}"));
            let words = || text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            for mark in ["ANCHOR:", "ANCHOR_END:"] {
                let marks = words().filter(|words| words.windows(2).any(|pair| pair == [mark, anchor]));
                assert_eq!(marks.count(), usize::from(!anchor.is_empty()), "{mark} {page}: {include}");
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn every_function_has_one_entry_and_every_directive_is_filled_in() {
    let pages = filled();
    let entries: Vec<&str> = pages
        .values()
        .flat_map(|text| prose(text))
        .filter_map(|line| line.strip_prefix("### `distarray_"))
        .collect();
    let count = |name: &str| {
        entries.iter().filter(|entry| **entry == format!("{}`", &name["distarray_".len()..])).count()
    };
    let record = fs::read_to_string(root().join("tests/abi/record.txt")).unwrap();
    let functions = record.lines().filter_map(|line| line.split_once('(')).map(|(before, _)| before);
    let names = functions
        .filter_map(|before| before.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("distarray_"));
    let mut exported = 0;
    for name in names {
        assert_eq!(count(name), 1, "entries of {name}");
        exported += 1;
    }
    assert!(exported > 40, "{exported}");
    for inline in ["distarray_dim_block", "distarray_export_release", "distarray_comm_from_mpi"] {
        assert_eq!(count(inline), 1, "entries of {inline}");
    }
    for (page, text) in &pages {
        let left = text.split("{{#").skip(1).find(|rest| !rest.starts_with("include "));
        assert!(left.is_none(), "{page}: {left:?}");
    }
    for rule in ["| W4 | Processes at one coordinate", "| A1 |", "| L1 |", "| F11 | Of each rank"] {
        assert!(pages["reference/rules.md"].contains(rule), "{rule}");
    }
    assert!(pages["reference/conventions.md"].contains("| `DISTARRAY_E_BUSY` | `30` |"));
}

/// What a program's first comment says that it prints.
fn promised(source: &str) -> String {
    let text = fs::read_to_string(root().join("docs/programs").join(source)).unwrap();
    let lines = text.lines().skip_while(|line| !line.contains("rints:")).skip(1);
    lines.map_while(|line| line.strip_prefix(" *   ")).map(|line| format!("{line}\n")).collect()
}

const C99: [&str; 6] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

#[test]
fn the_programs_print_what_they_say_on_two_ranks() {
    for flavor in launch::flavors() {
        for source in ["accommodation.c", "errors.c", "halos.c", "redistribution.c"] {
            let program = launch::compile_c_linked(flavor, &format!("docs/programs/{source}"), &C99);
            let files = tempfile::tempdir().unwrap();
            let prefix = files.path().join("columns");
            let found = launch::mpirun_ok(flavor, 2, &program, &[&prefix]);
            assert_eq!(found, promised(source), "{source} under {flavor:?}");
            assert!(!found.is_empty());
            if source == "redistribution.c" {
                read_by_python(&files.path().join("columns_1.dnpy"));
            }
        }
    }
}

#[test]
fn the_program_over_epetra_prints_what_it_says() {
    for library in adapters::epetra() {
        let flags: Vec<&str> =
            ["-std=c++17", "-Wall", "-Wextra", "-Werror"].into_iter().chain(library.flags()).collect();
        let program = launch::compile_cpp_linked(library.mpi, "docs/programs/epetra.cpp", &flags);
        assert_eq!(launch::mpirun_ok::<&str>(library.mpi, 2, &program, &[]), promised("epetra.cpp"));
    }
}

/// The page's Python reads what the program in C wrote.
fn read_by_python(file: &Path) {
    let script = root().join("docs/programs/read_dnpy.py");
    let output = Command::new("/usr/bin/python3").arg(script).arg(file).output().unwrap();
    let found = launch::shown(&output);
    // Row 0, columns 6 to 8, of A + 2 A^T, where A[i][j] = 12 i + j.
    let corner: Vec<String> = (6..9).map(|j| format!("{}.", j + 2 * 12 * j)).collect();
    assert!(found.ends_with(&format!("float64 (12, 6) [{}]\n", corner.join(" "))), "{found}");
    assert!(
        found.contains("'proc_grid_rank': 1, 'proc_grid_size': 2, 'size': 12, 'start': 6, 'stop': 12"),
        "{found}"
    );
}

#[test]
fn sharing_needs_no_mpi_and_leaks_nothing() {
    let link = launch::link_flags();
    let mut flags = C99.to_vec();
    flags.extend(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    flags.extend(link.iter().map(String::as_str));
    let program = launch::compile("gcc", &["docs/programs/sharing.c"], &flags);
    let output = launch::run(Command::new(program), launch::TIME_LIMIT);
    assert!(output.status.success(), "{}", launch::shown(&output));
    assert_eq!(launch::shown(&output), promised("sharing.c"));
}

#[test]
fn the_first_program_in_rust_prints_what_the_page_says() {
    let lines = distarray::comm::threads(2, |comm| first::ring(&comm));
    let found: String = lines.into_iter().map(|line| line.unwrap() + "\n").collect();
    assert_eq!(found, book::block("start/rust.md", "text", "rank 0"));
    for page in ["start/c.md", "start/cpp.md", "start/fortran.md", "start/python.md"] {
        assert_eq!(found, book::block(page, "text", "rank 0"), "{page}");
    }
}
