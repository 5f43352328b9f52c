//! The vectors as they lie in `protocol-spec/vectors`, and errors in their words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distarray::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The folder of the specification, or something in it.
pub fn spec(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-spec").join(inside)
}

#[derive(Clone, Debug, Deserialize)]
pub struct Vector {
    pub id: String,
    pub kind: String,
    pub rules: Vec<String>,
    pub valid: bool,
    pub error: Option<Refusal>,
    #[serde(flatten)]
    pub content: BTreeMap<String, Json>,
}

/// What is refused, in the words of the specification.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    pub rule: Option<String>,
    pub field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_rank: Option<i64>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            kind: Some(status_name(error.kind().code())),
            rule: error.rule().map(str::to_owned),
            field: error.field().map(str::to_owned),
            axis: error.axis(),
            rank: error.rank(),
            other_rank: error.other_rank(),
        }
    }
}

/// The name of a status code in the C header, without its prefix.
pub fn status_name(code: i32) -> String {
    let (name, _) = header_constants("DISTARRAY_E_")
        .into_iter()
        .find(|(_, value)| *value == i128::from(code))
        .unwrap_or_else(|| panic!("the header has no status {code}"));
    name
}

/// The constants of the C header that begin with `prefix`, without it.
pub fn header_constants(prefix: &str) -> BTreeMap<String, i128> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/distarray_abi.h");
    let header = std::fs::read_to_string(path).unwrap();
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define ")?.strip_prefix(prefix));
    defines.filter_map(|line| Some((line.split_whitespace().next()?.to_owned(), value(line)?))).collect()
}

/// `NAME 5 /* ... */`, `NAME 0x62u`, `NAME (1u << 3)`.
fn value(define: &str) -> Option<i128> {
    let text = define.split("/*").next()?.split_once(' ')?.1.trim();
    let (text, shift) = match text.trim_matches(['(', ')']).split_once("<<") {
        Some((one, shift)) => (one.trim().to_owned(), shift.trim().parse::<u32>().ok()?),
        None => (text.to_owned(), 0),
    };
    let digits = text.trim_end_matches(['u', 'l']);
    let number = match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(number << shift)
}

/// All vectors, with the files that they stand in.
pub fn all() -> Vec<(String, Vector)> {
    #[derive(Deserialize)]
    struct File {
        vectors: Vec<Vector>,
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(spec("vectors")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let file: File = serde_json::from_slice(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        found.extend(file.vectors.into_iter().map(|vector| (name.clone(), vector)));
    }
    found
}

/// Runs `body` on every vector of a kind; it returns what the library refuses.
pub fn each(kind: &str, least: usize, body: impl Fn(&Vector) -> Option<Refusal>) {
    let of_kind: Vec<Vector> = all().into_iter().map(|(_, v)| v).filter(|v| v.kind == kind).collect();
    assert!(of_kind.len() >= least, "only {} vectors of kind {kind}", of_kind.len());
    let wrong: Vec<String> = of_kind
        .iter()
        .filter_map(|vector| {
            let found = body(vector);
            let right = found == vector.error && found.is_none() == vector.valid;
            (!right).then(|| format!("{}: expected {:?}, found {found:?}", vector.id, vector.error))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), of_kind.len(), wrong.join("\n"));
}

/// Hexadecimal digits, or `[number of bytes, what each of them is]`.
pub fn bytes(spelled: &Json) -> Vec<u8> {
    let digits = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    match spelled.as_str() {
        Some(text) => digits(text),
        None => digits(spelled[1].as_str().unwrap()).repeat(spelled[0].as_u64().unwrap() as usize),
    }
}

/// Hexadecimal digits, bytes of one value, or integers of 8 bytes.
pub fn content(pieces: &Json) -> Vec<u8> {
    let mut content = Vec::new();
    for piece in pieces.as_array().unwrap() {
        if piece.is_object() {
            let [first, step, count] = ["first", "step", "count"].map(|key| piece[key].as_i64().unwrap());
            content.extend((0..count).flat_map(|i| (first + i * step).to_le_bytes()));
        } else {
            content.extend(bytes(piece));
        }
    }
    content
}
