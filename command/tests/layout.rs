//! The text form of layouts: what it says, and where it shows a fault.

mod common;

use std::fs;

use common::{data, distarray, root};
use serde_json::{Value as Json, json};

/// The layout in full, as the plan of it repeats it.
fn canonical(text: &str) -> String {
    let found = distarray(["plan", text, "--halo", "--json"]).json(0);
    found["from"].as_str().unwrap().to_string()
}

#[test]
fn a_layout_is_said_in_full() {
    for (text, full) in [
        ("64 b on 8", "64 b on 8"),
        ("1_000x1_000 b,b on 6", "1000x1000 b,b on 3x2"),
        (" 12x12  b+1p , b+1:2o  on  2x3 order  F", "12x12 b+1p,b+1:2o on 2x3 order F"),
        ("b(0,10,40)", "40 b(0,10,40) on 2"),
        ("9 u(0 2 4|1,3|5 6  7 8)", "9 u(0 2 4|1,3|5 6 7 8) on 3"),
        ("8x4 c2@1/1,* on 4 replicas 2", "8x4 c2@1/1,* on 4x1 replicas 2"),
        ("8 b on 4 order 3,1,0,2", "8 b on 4 order 3,1,0,2"),
        ("7 n", "7 n on 1"),
        ("10 ceil on 4", "10 ceil on 4"),
        ("0 b on 3", "0 b on 3"),
    ] {
        assert_eq!(canonical(text), full, "{text}");
    }
    let found = distarray(["plan", "64 b", "--halo", "--ranks", "4", "--json"]).json(0);
    assert_eq!(found["from"], "64 b on 4");
}

/// Checks that the fault is shown under `caret` of the text, and why.
fn refused(text: &str, caret: &str, why: &str) {
    let run = distarray(["plan", text, "--halo"]);
    let lines: Vec<&str> = run.err.lines().collect();
    assert_eq!(lines[0], "distarray: bad layout", "{text}: {}", run.err);
    assert_eq!(lines[1], format!("  {text}"), "{text}");
    assert_eq!(lines[2].trim_end(), format!("  {caret}"), "{text}: {}", run.err);
    assert!(lines[3].contains(why), "{text}: {}", run.err);
    assert_eq!(lines.len(), 4, "{}", run.err);
    run.expect(2);
}

#[test]
fn a_fault_is_shown_where_it_stands() {
    refused("8x8 b,q on 2x2", "      ^", "expected how the axis is dealt out");
    refused("8x8 b,bb on 2x2", "      ^^", "found 'bb'");
    refused("8x8 b", "    ^", "the shape has 2 axes");
    refused("8 b,b on 4", "  ^^^", "the shape has 1 axes");
    refused("8x b on 2", "   ^", "expected a size");
    refused("8 b on", "      ^", "expected the number of processes; found the end");
    refused("8 b on 0", "       ^", "at least one process");
    refused("8 b", "   ^", "'on 4x2'");
    refused("8x8 b,b on 2x2x2", "           ^^^^^", "one extent for each of 2 axes");
    refused("8 b on 2 on 2", "         ^^", "said twice");
    refused("8 b upon 2", "    ^^^^", "or 'on'");
    refused("8 b on 2 order X", "               ^", "C, F, or");
    refused("8 b on 2 order 0,2", "               ^^^", "each of the ranks 0 to 1 once");
    refused("8 b on 2 order 0,2,1", "                    ^", "the order names 3 ranks");
    refused("8 b on 2 replicas 0", "                  ^", "at least one copy");
    refused("8 b0 on 2", "   ^", "at least one element");
    refused("8 b3 on 2", "  ^^", "do not hold the axis");
    refused("8 b(0,5,7) on 2", "  ^^^^^^^^", "the last bound must be the size 8");
    refused("8 b(0,5,8) on 3", "  ^^^^^^^^", "expected 2, found 3");
    refused("8 b(0,5,4,8)", "    ^^^^^^^", "must not descend");
    refused("8 b(1,8)", "    ^^^", "begin with 0");
    refused("8 c2@5 on 2", "  ^^^^", "the first process must lie in the grid");
    refused("8 c2/3 on 2", "  ^^^^", "first_block");
    refused("8 c+1 on 2", "  ^^^", "has no halo");
    refused("8 b+5 on 2", "  ^^^", "wider than what a process owns");
    refused("8 b+1:2 on 2", "  ^^^^^", "put the halo around the edges");
    refused("8 u(0 1 2|3 4 5 6 8)", "  ^^^^^^^^^^^^^^^^^^", "index 8 lies beyond");
    refused("4 u(0 1|1 2)", "  ^^^^^^^^^^", "index 1 stands in the lists twice");
    refused("4 u(0 1|2)", "  ^^^^^^^^", "expected each of 4 indices in one list, found 3");
    refused("4 u(0 1|2 3)+1", "            ^^", "has no halo");
    refused("4 u on 2", "   ^", "a list of indices for each process");
    refused("8 n on 2", "  ^", "expected 1, found 2");
    refused("9223372036854775808 b on 2", "^^^^^^^^^^^^^^^^^^^", "more than 9223372036854775807");
    refused("8x8 b,b on 99999x99999", "           ^^^^^^^^^^^", "2147483647 ranks");
    refused("8x8 b,b on 9223372036854775807x3", "           ^^^^^^^^^^^^^^^^^^^^^", "2147483647 ranks");
    refused("b on 2", "^", "expected the shape first");
    refused("8 b on 2 x", "         ^", "'order'");
}

#[test]
fn of_a_long_text_the_fault_is_cut_out() {
    let text = format!("200 b({}q) on 2", "0,".repeat(200));
    let run = distarray(["plan", &text, "--halo"]);
    let lines: Vec<&str> = run.err.lines().collect();
    assert!(lines[1].len() < 150 && lines[1].starts_with("  ..."), "{}", lines[1]);
    assert_eq!(lines[1].chars().nth(lines[2].find('^').unwrap()), Some('q'));
    run.expect(2);
}

#[test]
fn a_partition_is_read_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (owners, lists) = (directory.path().join("mesh.part.3"), directory.path().join("lists.json"));
    fs::write(&owners, "0\n2\n0\n1\n2\n2\n").unwrap();
    fs::write(&lists, "[[0, 2], [3], [1, 4, 5]]").unwrap();
    for file in [&owners, &lists] {
        let text = format!("6 u(@{})", file.display());
        let found = distarray(["plan", &text, "b", "--ranks", "3", "--json"]).json(0);
        // By hand: 0 is where b puts it, and so are 3 and 4 and 5.
        assert_eq!(found["copied"]["total"], 8 * (1 + 1 + 2), "{found}");
    }
    for (content, why) in
        [("0\n-1\n", "index 1"), ("0 x", "found \"x\""), ("[0, 1]", "a list of indices"), ("[[0", "JSON")]
    {
        fs::write(&owners, content).unwrap();
        let run = distarray(["plan", &format!("6 u(@{})", owners.display()), "b"]);
        assert!(run.err.contains(why) && run.err.contains("mesh.part.3"), "{}", run.err);
        run.expect(3);
    }
    for file in ["/nowhere", "/dev/zero", "/"] {
        distarray(["plan", &format!("6 u(@{file})"), "b"]).expect(3);
    }
}

#[test]
fn a_set_of_files_is_a_layout() {
    let first = |name: &str| data().join(format!("real/{name}_0.dnpy")).display().to_string();
    for (name, text) in [
        ("bb2x2", "5x9 b,b on 2x2"),
        ("bcbc", "5x9 c2,c2 on 2x2"),
        ("cbc3d", "5x9x3 c,n,c on 2x1x2"),
        ("irr", "5x9 b(0,1,5),b(0,2,9) on 2x2"),
    ] {
        assert_eq!(canonical(&first(name)), text);
        assert_eq!(canonical(first(name).strip_suffix("_0.dnpy").unwrap()), text);
    }
    // What is the same moves nothing: the files were dealt out by ceil.
    let found = distarray(["plan", &first("bb2x2"), "ceil,ceil on 2x2", "--json"]).json(0);
    assert_eq!(found["sent"]["total"], 0);
    let directory = tempfile::tempdir().unwrap();
    let alone = directory.path().join("alone.dnpy");
    fs::copy(first("bb2x2"), &alone).unwrap();
    let run = distarray(["plan".as_ref(), alone.as_os_str(), "b,b".as_ref()]);
    assert!(run.err.contains("one of 4 parts"), "{}", run.err);
    run.expect(3);
    let missing = directory.path().join("u_0.dnpy");
    fs::copy(first("bb2x2"), &missing).unwrap();
    distarray(["plan".as_ref(), missing.as_os_str(), "b,b".as_ref()]).expect(3);
}

#[test]
fn the_dim_data_of_all_ranks_is_a_layout() {
    let part = |rank: i64, start: i64, stop: i64| {
        json!({ "__version__": "0.10.0", "dim_data": [{
            "dist_type": "b", "size": 9, "proc_grid_size": 2, "proc_grid_rank": rank, "start": start, "stop": stop,
        }] })
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("all.json");
    let of = |ranks: Json| {
        fs::write(&path, ranks.to_string()).unwrap();
        distarray(["plan".as_ref(), path.as_os_str(), "b".as_ref(), "--json".as_ref()])
    };
    let found = of(json!([part(0, 0, 6), part(1, 6, 9)])).json(0);
    // By hand: 9 on 2 balanced is 0:5 and 5:9, so index 5 moves.
    assert_eq!(found["sent"]["total"], 8);
    for (ranks, why) in [
        (json!([part(0, 0, 6), part(1, 7, 9)]), "W4"),
        (json!([part(0, 0, 6)]), "W1"),
        (json!([]), "expected a list"),
        (json!([part(0, 0, 6), part(1, 6, 10)]), "B2"),
    ] {
        let run = of(ranks);
        assert!(run.err.contains(why) && run.err.contains("all.json"), "{}", run.err);
        run.expect(3);
    }
}

#[test]
fn the_help_states_the_grammar_that_is_read() {
    let help = distarray(["plan", "--help"]).expect(0);
    assert!(help.contains("4096x4096 b,c64 on 4x2"));
    assert!(root().join("README.md").exists());
    for kind in ["b64", "b(0,10,40)", "ceil", "c64@1", "c64/8", "b+1o", "b+1p", "b+1:2o"] {
        assert!(help.contains(kind), "{kind}");
        canonical(&format!("40 {kind} on 2"));
    }
}

#[test]
fn the_halo_of_a_set_is_told_in_the_words_that_make_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    // A file of zeros, as NumPy writes it.
    let header = format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (12, 9), }");
    fs::write(path("u.npy"), [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &[0; 108]].concat()).unwrap();
    for layout in
        ["b+1,b+2p on 2x3", "b+1o,n on 4x1", "b+1:2o,b on 3x2", "b,b+1p on 6x1", "b(0,5,12)+1,c2 on 2x3"]
    {
        distarray(["convert", &path("u.npy"), &path("u"), "--to", layout]).expect(0);
        let plan = distarray(["plan", &path("u_0.dnpy"), "--halo", "--json"]).json(0);
        assert_eq!(plan["from"], format!("12x9 {layout}").as_str());
        // The text and the files are the same layout.
        let typed = distarray(["plan", &format!("12x9 {layout}"), "--halo", "--json"]).json(0);
        assert_eq!(plan["received"], typed["received"], "{layout}");
    }
}
