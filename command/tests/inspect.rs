//! What `distarray inspect` says of the files of the original, of sets with faults
//! and of what is no file.

mod common;

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{command, data, distarray, manifest};
use serde_json::{Value as Json, json};

#[test]
fn every_set_of_the_original_is_told_as_it_was_saved() {
    let manifest = manifest();
    for (name, array) in manifest["global_arrays"].as_object().unwrap() {
        let files = array["files"].as_array().unwrap();
        let paths = files.iter().map(|file| data().join(file.as_str().unwrap()));
        let run = distarray(["inspect".into(), "--json".into()].into_iter().chain(paths));
        let found = &run.json(0)["arrays"][0];
        assert_eq!(found["shape"], array["shape"], "{name}");
        assert_eq!(found["descr"], array["dtype"], "{name}");
        assert_eq!(found["ranks"], files.len(), "{name}");
        assert_eq!(found["trouble"], Json::Null, "{name}");
        assert_eq!(found["parts"].as_array().unwrap().len(), files.len(), "{name}");
        for (part, file) in found["parts"].as_array().unwrap().iter().zip(files) {
            let stated = manifest["files"].as_array().unwrap().iter().find(|f| f["file"] == *file).unwrap();
            assert_eq!(part["shape"], stated["shape"], "{file}");
            let mut dims = part["distribution"]["dim_data"].clone();
            let mut stated = stated["dim_data"].clone();
            // Keys with their default are left out by either.
            for dim in dims.as_array_mut().unwrap().iter_mut().chain(stated.as_array_mut().unwrap()) {
                let defaults =
                    json!({"padding": [0, 0], "block_size": 1, "periodic": false, "one_to_one": false});
                dim.as_object_mut().unwrap().retain(|key, value| *value != defaults[key]);
            }
            assert_eq!(dims, stated, "{file}");
        }
    }
}

#[test]
fn a_set_is_named_by_its_prefix() {
    let said = distarray(["inspect".into(), data().join("real/bb2x2")]).expect(0);
    // By hand: 5 x 9 doubles dealt out by DistArray on a grid of 2 x 2.
    for words in ["5 x 9 float64, 360 B, 4 parts on a process grid 2 x 2", "[3:5, 5:9]", "bb2x2_3.dnpy"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_missing_or_contradicts_is_said() {
    let directory = tempfile::tempdir().unwrap();
    for rank in [0, 1, 3] {
        let name = format!("bb2x2_{rank}.dnpy");
        fs::copy(data().join("real").join(&name), directory.path().join(name)).unwrap();
    }
    let prefix = directory.path().join("bb2x2");
    let said = distarray(["inspect".as_ref(), prefix.as_os_str()]).expect(0);
    assert!(said.contains("3 of 4 parts") && said.contains("missing: 1 of 4 parts, of rank 2"), "{said}");
    // One part, named by itself, is no broken array.
    let said = distarray(["inspect".into(), directory.path().join("bb2x2_1.dnpy")]).expect(0);
    assert!(said.contains("1 of 4 parts") && !said.contains("do not make one array"), "{said}");
    fs::copy(data().join("real/bcbc_2.dnpy"), directory.path().join("bb2x2_2.dnpy")).unwrap();
    let said = distarray(["inspect".as_ref(), prefix.as_os_str()]).expect(0);
    assert!(said.contains("do not make one array") && said.contains("[rule W3]"), "{said}");
}

#[test]
fn what_cannot_be_read_is_named_and_ends_in_3() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("garbage.dnpy"), [0x7f, b'E', b'L', b'F', 0, 0xff]).unwrap();
    fs::write(path("empty.npy"), []).unwrap();
    let whole = fs::read(data().join("real/bb2x2_0.dnpy")).unwrap();
    fs::write(path("cut.dnpy"), &whole[..whole.len() - 1]).unwrap();
    assert!(Command::new("mkfifo").arg(path("fifo.dnpy")).status().unwrap().success());
    for name in ["garbage.dnpy", "empty.npy", "cut.dnpy", "fifo.dnpy", "missing.dnpy", "."] {
        let run = distarray(["inspect".into(), path(name)]);
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(
            run.err.starts_with("distarray: ") && run.err.contains(path(name).to_str().unwrap()),
            "{run:?}"
        );
    }
    // The others are told all the same.
    let run = distarray(["inspect".into(), path("cut.dnpy"), data().join("real/bb2x2")]);
    assert!(run.out.contains("5 x 9 float64") && run.code == Some(3), "{run:?}");
}

#[test]
fn no_argument_is_a_mistake_of_use() {
    for arguments in [&["inspect"][..], &["inspect", "--no-such-option", "x"], &["no-such-command"], &[]] {
        assert_eq!(distarray(arguments).code, Some(2), "{arguments:?}");
    }
}

/// Thousands of parts are told in a screenful, in a moment, and without opening more
/// files at a time than a process may.
#[test]
fn thousands_of_parts_are_summarised() {
    let directory = tempfile::tempdir().unwrap();
    let ranks = 4_000;
    for rank in 0..ranks {
        let header = format!(
            "{{'__version__': '0.10.0', 'dim_data': ({{'dist_type': 'b', 'proc_grid_rank': {rank}, \
             'proc_grid_size': {ranks}, 'size': {}, 'start': {}, 'stop': {}}},)}}",
            2 * ranks,
            2 * rank,
            2 * rank + 2
        );
        let mut file = b"\x93DARRY\x01\x00".to_vec();
        let npy = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
        let padded = |text: &str, total: usize| format!("{text}{}\n", " ".repeat(total - 1 - text.len()));
        file.extend(240_u16.to_le_bytes());
        file.extend(padded(&header, 240).bytes());
        file.extend(b"\x93NUMPY\x01\x00");
        file.extend(118_u16.to_le_bytes());
        file.extend(padded(npy, 118).bytes());
        file.extend([1, 2]);
        fs::write(directory.path().join(format!("u_{rank}.dnpy")), file).unwrap();
    }
    let prefix = directory.path().join("u");
    let begin = Instant::now();
    let said = distarray(["inspect".as_ref(), prefix.as_os_str()]).expect(0);
    assert!(said.lines().count() < 20, "{said}");
    assert!(said.contains("8000 uint8, 7.81 KiB, 4000 parts") && said.contains("... 3992 more"), "{said}");
    let said = distarray(["check".as_ref(), prefix.as_os_str()]).expect(0);
    assert!(said.contains("4000 parts, together"), "{said}");
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());

    // A reader that has seen enough ends the command quietly.
    let mut child = command();
    child.args(["inspect".as_ref(), "--json".as_ref(), prefix.as_os_str()]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut few = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut few).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");

    // A part less, and one more than there should be.
    fs::rename(directory.path().join("u_7.dnpy"), directory.path().join("u_4000.dnpy")).unwrap();
    let report = distarray(["check".as_ref(), "--json".as_ref(), prefix.as_os_str()]).json(1);
    let ranks: Vec<&Json> = report["faults"].as_array().unwrap().iter().map(|fault| &fault["rank"]).collect();
    assert_eq!(ranks, [&json!(7), &json!(4_000)]);
}
