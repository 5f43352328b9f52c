//! The rooms of `src/` depend downwards only, and `src/lib.rs` says so.

use std::path::{Path, PathBuf};

/// Rooms, lowest first: each may use those before it.
const ROOMS: [&str; 8] = ["error", "protocol", "array", "comm", "distribution", "exchange", "io", "ffi"];

/// Uses that the order alone would allow, and that the design does not.
const FORBIDDEN: [(&str, &str); 2] = [("comm", "array"), ("comm", "protocol")];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_room_uses_one_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&source, &mut paths);
    assert!(paths.len() > 30, "only {} files", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let inside = path.strip_prefix(&source).unwrap();
        let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
        let Some(height) = ROOMS.iter().position(|r| *r == room) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        // Unit tests may reach further.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in (1..).zip(code.lines()) {
            for (other, name) in ROOMS.iter().enumerate() {
                let used = line.contains(&format!("crate::{name}"));
                let allowed = other <= height && !FORBIDDEN.contains(&(room.as_str(), name));
                if used && !allowed && !line.trim_start().starts_with("//") {
                    wrong.push(format!("src/{}:{number}: {room} uses {name}", inside.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_front_page_lists_the_rooms_in_order() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let listed: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next())
        .map(|name| name.trim_start_matches("mod@"))
        .filter(|name| ROOMS.contains(name))
        .collect();
    assert_eq!(listed, ROOMS);
}

#[test]
fn exported_functions_that_take_pointers_are_unsafe() {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ffi"), &mut paths);
    let mut exported = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for function in text.split("#[unsafe(no_mangle)]").skip(1) {
            let head = function.split_once('{').unwrap().0.trim();
            let arguments = head.split_once("->").map_or(head, |(arguments, _)| arguments);
            let safe = head.starts_with("pub extern");
            assert!(!safe || !arguments.contains("*mut") && !arguments.contains("*const"), "{head}");
            exported += 1;
        }
    }
    assert!(exported > 20, "{exported}");
}
