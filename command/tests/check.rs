//! `distarray check` names every fault of files and dim_data.

mod common;

use std::fs;
use std::path::Path;

use common::{data, distarray, distarray_with, root};
use serde_json::{Value as Json, json};

#[test]
fn the_files_of_the_original_are_fine() {
    let files = fs::read_dir(data().join("real")).unwrap().map(|entry| entry.unwrap().path());
    let said = distarray(std::iter::once("check".into()).chain(files)).expect(0);
    assert!(said.ends_with("no fault found\n"), "{said}");
}

#[test]
fn each_corrupt_file_that_must_be_refused_is_a_fault() {
    let manifest: Json =
        serde_json::from_slice(&fs::read(data().join("corrupt/manifest.json")).unwrap()).unwrap();
    let mut refused = 0;
    for file in manifest["files"].as_array().unwrap() {
        if file["reject"] != "must" {
            continue;
        }
        refused += 1;
        let path = data().join("corrupt").join(file["file"].as_str().unwrap());
        let report = distarray(["check".as_ref(), "--json".as_ref(), path.as_os_str()]).json(1);
        assert_eq!(report["faults"][0]["file"], path.to_str().unwrap());
        assert_eq!(report["verdict"], "faults");
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn a_fault_names_rank_axis_key_rule_and_how_to_mend_it() {
    let block = |rank: i64, start: i64, stop: i64| json!([{"dist_type": "b", "size": 9, "proc_grid_size": 2, "proc_grid_rank": rank, "start": start, "stop": stop}]);
    let parts = json!([block(0, 0, 4), block(1, 5, 9)]).to_string();
    let said = distarray_with(&parts, ["check", "--dim-data", "-"]).expect(1);
    let expected = "rank 1, against rank 0, axis 0, start: the owned parts leave a gap (expected 4, found 5) [rule W4]\n    \
                    to mend it: let what rank 1 owns begin at 4, or what rank 0 owns stop at 5; padding comes on top\n";
    assert!(said.starts_with(expected), "{said}");
    let fault = &distarray_with(&parts, ["check", "--json", "--dim-data", "-"]).json(1)["faults"][0];
    for (key, value) in
        [("rank", json!(1)), ("other_rank", json!(0)), ("axis", json!(0)), ("rule", json!("W4"))]
    {
        assert_eq!(fault[key], value);
    }
    for (key, value) in [("field", json!("start")), ("expected", json!(4)), ("found", json!(5))] {
        assert_eq!(fault[key], value);
    }
}

/// Each broken rule, from dim_data written by hand.
#[test]
fn all_faults_of_all_ranks_are_found_at_once() {
    let block = |rank: i64, ranks: i64, size: i64, start: i64, stop: i64, padding: [i64; 2]| {
        json!([{"dist_type": "b", "size": size, "proc_grid_size": ranks, "proc_grid_rank": rank,
                "start": start, "stop": stop, "padding": padding}])
    };
    let list = |rank: i64, indices: &[i64]| json!([{"dist_type": "u", "size": 4, "proc_grid_size": 2, "proc_grid_rank": rank, "indices": indices, "one_to_one": true}]);
    let none = [0, 0];
    let cases = [
        // Two gaps, at two interfaces.
        (
            json!([block(0, 3, 9, 0, 2, none), block(1, 3, 9, 3, 5, none), block(2, 3, 9, 6, 9, none)]),
            vec!["W4", "W4"],
        ),
        // An overlap.
        (json!([block(0, 2, 9, 0, 5, none), block(1, 2, 9, 4, 9, none)]), vec!["W4"]),
        // Padding on one side of an interface only.
        (json!([block(0, 2, 9, 0, 5, none), block(1, 2, 9, 4, 9, [1, 0])]), vec!["W5"]),
        // Padding of two wider than the one element that each owns.
        (json!([block(0, 2, 3, 0, 3, [0, 2]), block(1, 2, 3, 0, 3, [2, 0])]), vec!["W5", "W5"]),
        // Another size and another grid on one of three ranks.
        (
            json!([block(0, 3, 9, 0, 3, none), block(1, 3, 10, 3, 6, none), block(2, 3, 9, 6, 9, none)]),
            vec!["W3"],
        ),
        // The first coordinate twice.
        (json!([block(0, 2, 9, 0, 4, none), block(0, 2, 9, 0, 4, none)]), vec!["W2"]),
        // One rank of two.
        (json!([block(0, 2, 9, 0, 4, none)]), vec!["W1"]),
        // An index with two owners.
        (json!([list(0, &[0, 1]), list(1, &[1, 2])]), vec!["W6"]),
        // Local rules on two ranks.
        (json!([block(0, 2, 9, 1, 4, none), block(1, 2, 9, 4, 8, none)]), vec!["B3", "B5"]),
        (json!([list(0, &[0, 1]), [{"dist_type": "u"}]]), vec!["T5"]),
        (json!([list(0, &[0, 1]), list(1, &[3, 2])]), vec![]),
        (json!([list(0, &[0, 1]), list(1, &[3, 3])]), vec!["U2"]),
    ];
    for (parts, rules) in cases {
        let code = i32::from(!rules.is_empty());
        let report = distarray_with(&parts.to_string(), ["check", "--json", "--dim-data", "-"]).json(code);
        let found: Vec<&Json> =
            report["faults"].as_array().unwrap().iter().map(|fault| &fault["rule"]).collect();
        assert_eq!(found, rules.iter().collect::<Vec<_>>(), "{parts}\n{report:#}");
        assert!(
            report["faults"].as_array().unwrap().iter().all(|fault| fault["advice"].is_string()),
            "{report:#}"
        );
    }
}

#[test]
fn examples_of_the_protocol_are_fine() {
    let path = root().join("tests/data/protocol/dim_data_examples.json");
    let examples: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for (number, example) in examples["cases"].as_array().unwrap().iter().enumerate() {
        let Some(ranks) = example["ranks"].as_array() else { continue };
        let parts: Vec<&Json> = ranks.iter().map(|rank| &rank["dim_data"]).collect();
        let path = directory.path().join(format!("{number}.json"));
        fs::write(&path, json!(parts).to_string()).unwrap();
        distarray(["check".as_ref(), "--dim-data".as_ref(), path.as_os_str()]).expect(0);
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn one_part_is_checked_alone_and_a_set_together() {
    let part = data().join("real/bb2x2_1.dnpy");
    let said = distarray(["check".as_ref(), part.as_os_str()]).expect(0);
    assert!(said.contains("one of 4 parts; that they fit together was not checked"), "{said}");
    // Under each other's names.
    let directory = tempfile::tempdir().unwrap();
    for (from, to) in [(0, 0), (2, 1), (1, 2), (3, 3)] {
        let name = |rank| format!("bb2x2_{rank}.dnpy");
        fs::copy(data().join("real").join(name(from)), directory.path().join(name(to))).unwrap();
    }
    let prefix = directory.path().join("bb2x2");
    let report = distarray(["check".as_ref(), "--json".as_ref(), prefix.as_os_str()]).json(1);
    let faults = report["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 2);
    assert!(faults.iter().all(|fault| fault["rule"] == "W2"));
    assert!(faults[0]["file"].as_str().unwrap().ends_with("bb2x2_1.dnpy"));
    // By what they say themselves they make one array.
    let mut files: Vec<_> = (0..4).map(|rank| directory.path().join(format!("bb2x2_{rank}.dnpy"))).collect();
    files.reverse();
    let arguments = ["check".into(), "--together".into()].into_iter().chain(files);
    distarray(arguments).expect(0);
}

#[test]
fn what_cannot_be_read_is_no_fault_but_3() {
    let missing = Path::new("/no/such/file.json");
    assert_eq!(distarray(["check".as_ref(), "--dim-data".as_ref(), missing.as_os_str()]).code, Some(3));
    assert_eq!(distarray(["check".as_ref(), data().as_os_str()]).code, Some(3));
    assert_eq!(distarray(["check"]).code, Some(2));
    for broken in ["", "{", "[]", "3", "[[{\"a\":1,\"a\":2}]]"] {
        let run = distarray_with(broken, ["check", "--dim-data", "-"]);
        assert_eq!(run.code, Some(1), "{broken:?} {run:?}");
    }
}
