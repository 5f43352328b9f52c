//! `distarray convert` makes of the original's sets the arrays they were saved from, and
//! deals arrays out as the original did, byte for byte.

mod common;

use std::fs;
use std::path::Path;

use common::{data, distarray, manifest};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

fn convert(arguments: &[&Path]) -> common::Run {
    distarray(std::iter::once(Path::new("convert")).chain(arguments.iter().copied()))
}

#[test]
fn a_set_becomes_the_array_it_was_saved_from() {
    let directory = tempfile::tempdir().unwrap();
    for (name, array) in manifest()["global_arrays"].as_object().unwrap() {
        let first = array["files"][0].as_str().unwrap();
        let prefix = data().join(first.strip_suffix("_0.dnpy").unwrap());
        let target = directory.path().join(format!("{name}.npy"));
        assert_eq!(convert(&[&prefix, &target]).expect(0), "");
        let bytes = fs::read(&target).unwrap();
        // NumPy 1.0 files: the header's length stands at byte 8.
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let sha256: String =
            Sha256::digest(&bytes[start..]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha256, array["sha256_c_order"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn an_array_is_dealt_out_as_the_original_did() {
    let directory = tempfile::tempdir().unwrap();
    // What the original was asked for, in the words of layouts.
    for (name, layout) in [("bb2x2", "ceil,ceil on 2x2"), ("bcbc", "c2,c2 on 2x2")] {
        let whole = directory.path().join(format!("{name}.npy"));
        convert(&[&data().join("real").join(name), &whole]).expect(0);
        let dealt = directory.path().join(name);
        convert(&[&whole, &dealt, Path::new("--to"), Path::new(layout)]).expect(0);
        for rank in 0..4 {
            let file = format!("{name}_{rank}.dnpy");
            let ours = fs::read(directory.path().join(&file)).unwrap();
            assert_eq!(ours, fs::read(data().join("real").join(&file)).unwrap(), "{file}");
        }
        // From one set to another and back, on another number of ranks in between.
        let between = directory.path().join("between");
        let ranks = [Path::new("--to"), Path::new("c,b"), Path::new("--ranks"), Path::new("6")];
        convert(&[&[dealt.as_path(), &between], &ranks[..]].concat()).expect(0);
        assert!(directory.path().join("between_5.dnpy").exists());
        let again = directory.path().join("again.npy");
        let stale = convert(&[&whole, &between, Path::new("--to"), Path::new("b,n on 4")]);
        assert!(
            stale.err.contains("2 files of an earlier, larger set remain, such as ") && stale.code == Some(0),
            "{stale:?}"
        );
        fs::remove_file(directory.path().join("between_4.dnpy")).unwrap();
        fs::remove_file(directory.path().join("between_5.dnpy")).unwrap();
        convert(&[&between, &again]).expect(0);
        assert_eq!(fs::read(&again).unwrap(), fs::read(&whole).unwrap());
    }
}

#[test]
fn dim_data_is_written_as_json_and_as_python_writes_it() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("parts.json");
    convert(&[&data().join("real/bb2x2"), &target]).expect(0);
    let parts: Json = serde_json::from_slice(&fs::read(&target).unwrap()).unwrap();
    let manifest = manifest();
    for (rank, part) in parts.as_array().unwrap().iter().enumerate() {
        let file = json!(format!("real/bb2x2_{rank}.dnpy"));
        let stated = manifest["files"].as_array().unwrap().iter().find(|f| f["file"] == file).unwrap();
        assert_eq!(part["dim_data"], stated["dim_data"]);
    }
    // What was written can be checked.
    distarray(["check".as_ref(), "--dim-data".as_ref(), target.as_os_str()]).expect(0);
    let said = convert(&[&data().join("real/bb2x2_1.dnpy"), Path::new("-")]).expect(0);
    assert!(said.starts_with("{'__version__': '0.10.0', 'dim_data': ({'dist_type': 'b', "), "{said}");
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for rank in [0, 1, 3] {
        let name = format!("bb2x2_{rank}.dnpy");
        fs::copy(data().join("real").join(&name), path(&name)).unwrap();
    }
    fs::write(path("old.npy"), "old").unwrap();
    fs::write(path("garbage.npy"), "no array").unwrap();
    let set = data().join("real/bb2x2");
    for (arguments, code, words) in [
        // A set with a hole.
        (vec![path("bb2x2"), path("old.npy")], 3, "[rule W1]\nTry: distarray check"),
        (vec![path("missing"), path("old.npy")], 3, "missing"),
        (vec![path("garbage.npy"), path("old.npy")], 3, "garbage.npy"),
        (vec![set.clone(), path("no/such/directory/u.npy")], 3, "no/such/directory/u.npy"),
        (vec![set.clone(), path("u.txt")], 2, "say by its ending what to write"),
        (vec![set.clone(), path("u"), "--to".into(), "b,q on 2x2".into()], 2, "q"),
        (vec![set.clone(), path("u"), "--to".into(), "b on 2".into()], 2, "2 axes"),
        (vec![set.clone(), path("u"), "--to".into(), "b,b".into()], 2, "ranks"),
        (vec![set.clone(), path("u"), "--ranks".into(), "2".into()], 2, "--to"),
        (vec![set.clone()], 2, "TARGET"),
    ] {
        let run = convert(&arguments.iter().map(|argument| argument.as_path()).collect::<Vec<_>>());
        assert_eq!(run.code, Some(code), "{arguments:?} {run:?}");
        assert!(run.err.contains(words), "{arguments:?} {run:?}");
    }
    assert_eq!(fs::read(path("old.npy")).unwrap(), b"old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 5);
}
