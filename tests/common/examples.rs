//! The programs of c-examples/ say in their first comment what they print.

use std::fs;
use std::path::Path;

/// What a program promises to print.
pub fn expected(source: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("c-examples").join(source);
    let text = fs::read_to_string(path).unwrap();
    let comment = text.split("Expected output:\n").nth(1).expect("the source says what it prints");
    let lines = comment.lines().map_while(|line| line.strip_prefix(" *   ").or(line.strip_prefix("!   ")));
    let promised: String = lines.map(|line| format!("{line}\n")).collect();
    assert!(!promised.is_empty());
    promised
}
