//! The text, its rules, its tables, and the code that cites them.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::offset_of;
use std::path::Path;

use distarray::ffi::abi::*;

use super::vectors::{all, header_constants, spec};

fn page(name: &str) -> String {
    std::fs::read_to_string(spec(name)).unwrap()
}

/// The text of each rule, its refusal included, by number.
fn rules() -> BTreeMap<String, String> {
    let mut rules = BTreeMap::new();
    for name in ["protocol.md", "c-abi.md", "dnpy.md"] {
        for paragraph in page(name).split("\n\n") {
            let numbered = paragraph.strip_prefix("**").and_then(|rest| rest.split_once(".** "));
            let Some((number, text)) = numbered.filter(|(number, _)| is_number(number)) else {
                let loose = paragraph.contains("MUST") && !paragraph.contains("RFC 2119");
                assert!(!loose, "{name}: a MUST without a number: {paragraph}");
                continue;
            };
            assert!(text.contains("MUST"), "{number} is no MUST");
            assert!(text.contains("\n*Refusal: "), "{number} does not say how it is refused");
            assert!(rules.insert(number.to_owned(), text.to_owned()).is_none(), "{number} stands twice");
        }
    }
    rules
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
    text.len() == digits.len() + 1 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[test]
fn every_rule_has_vectors_that_keep_it_and_that_break_it() {
    let rules = rules();
    assert!(rules.len() > 70, "{}", rules.len());
    let (mut kept, mut broken) = (BTreeSet::new(), BTreeSet::new());
    for (file, vector) in all() {
        assert!(!vector.rules.is_empty(), "{file}: {} names no rule", vector.id);
        for rule in &vector.rules {
            assert!(rules.contains_key(rule), "{file}: {} names {rule}, which is no rule", vector.id);
            (if vector.valid { &mut kept } else { &mut broken }).insert(rule.clone());
        }
        let Some(error) = vector.error else { continue };
        // What is refused is what the rule says is refused.
        let rule = error.rule.unwrap_or_else(|| panic!("{file}: {} breaks no rule", vector.id));
        let refusal = rules[&rule].split("\n*Refusal: ").nth(1).unwrap();
        let general = refusal.starts_with("that of the rule");
        if let Some(kind) = error.kind.filter(|_| !general) {
            assert!(refusal.contains(&kind), "{}: {rule} is not refused by {kind}", vector.id);
            let field = error.field.unwrap_or_default();
            let placed = ["the key", "the field", "a field"].iter().any(|any| refusal.contains(any));
            let named = field.is_empty() || refusal.contains(&format!("`{field}`"));
            assert!(placed || named, "{}: {rule} is not refused at {field}", vector.id);
        }
    }
    let numbers: BTreeSet<String> = rules.into_keys().collect();
    assert_eq!(numbers.difference(&kept).collect::<Vec<_>>(), [""; 0], "rules that no valid vector names");
    assert_eq!(
        numbers.difference(&broken).collect::<Vec<_>>(),
        [""; 0],
        "rules that no invalid vector names"
    );
}

#[test]
fn the_library_cites_rules_that_there_are() {
    let numbers: BTreeSet<String> = rules().into_keys().collect();
    let mut cited = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for number in code.split('"').skip(1).step_by(2).filter(|text| is_number(text)) {
                assert!(numbers.contains(number), "{}: {number} is no rule", path.display());
                cited.insert(number.to_owned());
            }
        }
    }
    // What is no refusal of the library: reports, the caller's own duties, what it does itself.
    let uncited: Vec<&String> = numbers.difference(&cited).collect();
    assert_eq!(uncited, ["F9", "L11", "L2", "L3", "L4", "M1", "M2", "T8"]);
}

#[test]
fn every_erratum_has_a_vector_of_its_name() {
    let text = page("errata.md");
    let entries: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert_eq!(text.matches("\n**Decision:**").count(), entries.len());
    let vectors: Vec<String> =
        all().into_iter().filter(|(file, _)| file == "errata").map(|(_, vector)| vector.id).collect();
    assert_eq!(vectors, entries);
}

#[test]
fn every_mapping_has_a_vector() {
    let text = page("mappings.md");
    let rows: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.rsplit_once("| `").map(|(_, name)| name))
        .collect();
    let vectors: BTreeSet<String> =
        all().into_iter().filter(|(file, _)| file == "mappings").map(|(_, vector)| vector.id).collect();
    assert_eq!(vectors.iter().map(String::as_str).collect::<BTreeSet<_>>(), rows);
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for entry in std::fs::read_dir(spec("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if file.starts_with("https://") {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { spec(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            let slug = |line: &str| {
                let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                words.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect::<String>()
            };
            let there = || std::fs::read_to_string(&target).unwrap();
            let found = heading.is_empty()
                || there().lines().any(|line| line.starts_with('#') && slug(line) == heading);
            assert!(found, "{}: {link}", path.display());
            links += 1;
        }
    }
    assert!(links > 20, "{links}");
}

/// The rows of the table under a heading, cell by cell.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let after =
        page.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    let rows =
        after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| {
            row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
        })
        .collect()
}

#[test]
fn the_registries_are_those_of_the_header() {
    let text = page("versioning.md");
    let numbers = |heading: &str, bits: bool, prefix: &str| -> BTreeMap<String, i128> {
        let row = |row: Vec<String>| {
            let number: i128 = row[0].parse().unwrap();
            let name =
                row[1].strip_prefix(prefix).unwrap_or_else(|| panic!("{heading}: {}", row[1])).to_owned();
            (name, if bits { 1 << number } else { number })
        };
        table(&text, heading).into_iter().map(row).collect()
    };
    let mut status = header_constants("DISTARRAY_E_");
    status.insert("OK".into(), 0);
    assert_eq!(numbers("### Status codes", false, ""), status);
    for (heading, prefix) in
        [("### Kinds of axes", "DIST_"), ("### Element types", "DTYPE_"), ("### Devices", "DEVICE_")]
    {
        assert_eq!(
            numbers(heading, false, ""),
            header_constants(&format!("DISTARRAY_{prefix}")),
            "{heading}"
        );
    }
    for (heading, prefix) in [
        ("### Flags of an axis", "DIM_"),
        ("### Flags a reader must understand", "R_"),
        ("### Flags a writer must understand", "W_"),
        ("### Flags that may be ignored", "I_"),
        ("### What a consumer did", "C_"),
    ] {
        let mut header = header_constants(&format!("DISTARRAY_{prefix}"));
        let registered = numbers(heading, true, prefix);
        if let Some(known) = header.remove("KNOWN_1_0") {
            assert_eq!(registered.values().sum::<i128>(), known, "{heading}");
        }
        assert_eq!(registered, header, "{heading}");
    }
}

#[test]
fn the_tables_of_fields_are_the_structs() {
    macro_rules! offsets {
        ($struct:ident: $($field:ident)*) => {
            vec![$((stringify!($field).to_owned(), offset_of!($struct, $field))),*]
        };
    }
    let text = page("c-abi.md");
    let stated = |heading: &str| -> Vec<(String, usize)> {
        table(&text, heading).into_iter().map(|row| (row[1].clone(), row[0].parse().unwrap())).collect()
    };
    let export = offsets!(distarray_export: magic struct_size abi_major abi_minor release private_data
        flags_read flags_write flags_info consumer_flags data byte_offset alloc_base alloc_bytes device_type
        device_id sync_event dtype_code dtype_bits dtype_lanes ndim itemsize shape strides format dims
        process_rank process_count grid_ranks uid epoch meta n_meta ext reserved);
    assert_eq!(stated("## 1. The loan: `distarray_export`"), export);
    let extension = offsets!(distarray_ext: tag byte_size critical next);
    assert_eq!(stated("### What else comes along: `distarray_key_value`, `distarray_ext`"), extension);
    let dim = offsets!(distarray_dim: dist_type flags size proc_grid_size proc_grid_rank start stop padding
        block_size indices n_indices n_owned first_block reserved);
    assert_eq!(stated("## 2. One axis: `distarray_dim`"), dim);
    let request = offsets!(distarray_request: struct_size max_abi_major max_abi_minor access
        known_flags_read known_flags_write layouts dist_types copy device_type device_id min_alignment
        stream reserved);
    assert_eq!(stated("## 3. Asking: `distarray_request`"), request);
    let producer = offsets!(distarray_producer: struct_size abi_major abi_minor reserved0 export_array release
        private_data reserved);
    assert_eq!(stated("### The object that is asked: `distarray_producer`"), producer);
}
