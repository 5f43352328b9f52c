//! How to mend a fault, by the number of the rule that was broken.

use distarray::Error;

/// Rule, key where the advice is for one alone, and what to do; of several the first
/// that fits. In braces stand the numbers and ranks of the error.
const ADVICE: &[(&str, &str, &str)] = &[
    ("D1", "", "{key} counts elements and is never negative"),
    ("D2", "", "the grid has at least one process along every axis"),
    ("D3", "", "coordinates along an axis run from 0 to proc_grid_size - 1"),
    ("B1", "", "start:stop is half open, as a Python slice: an empty part has stop == start"),
    ("B2", "", "write {key} = {expected}, or set edge_outside if the halo lies around the edges"),
    ("B3", "", "write start = {expected} on the first process along the axis"),
    ("B4", "", "padding counts elements at each end: (before, after), none is (0, 0)"),
    ("B5", "", "write stop = {expected} on the last process of the axis, or size = {found} on all ranks"),
    ("B6", "", "start:stop includes the padding: widen start:stop, or narrow the padding"),
    ("B7", "", SHAPE),
    ("C1", "", "blocks have at least one element"),
    ("C2", "", "write start = {expected}: proc_grid_rank * block_size"),
    ("C3", "", "the first block has at least one element, and at most block_size"),
    ("C4", "", "make size, block_size and first_block smaller: 64 bits count no further"),
    ("C5", "", SHAPE),
    ("U1", "", "num_owned counts the indices that are owned here, which come first"),
    ("U2", "", "list each global index once on a rank"),
    ("U3", "", "count again, or drop one_to_one: it allows no more indices than size"),
    ("U4", "", SHAPE),
    ("G1", "", "the product of all proc_grid_size is the number of ranks"),
    ("G2", "", "replica runs from 0 to replicas - 1"),
    ("G3", "", RANKS),
    ("G4", "", RANKS),
    ("T1", "", "write {'__version__': '0.10.0', 'dim_data': (...)} and no other key; 1.0.0 has more"),
    ("T2", "", "write '__version__': '0.10.0'"),
    ("T3", "", "dim_data is a tuple with one dictionary for each axis"),
    ("T4", "", "write as many dictionaries as the buffer has axes"),
    ("T5", "", "add {key}; all kinds have size and proc_grid_*, 'b' and 'c' start, 'b' stop, 'u' indices"),
    ("T6", "", "sizes are integers of 64 bits (not 6.0, not True), flags True or False, padding two widths"),
    ("T7", "", "write 'b' (block, also for an axis held whole), 'c' (cyclic) or 'u' (unstructured)"),
    ("W1", "", "give the parts of all ranks of one save, and no others: as many as the grid has processes"),
    (
        "W2",
        "",
        "the part is that of rank {found}: look at its coordinates, the grid's order and the file's name",
    ),
    ("W3", "", "let all ranks write the same {key}; look at {here} first, which the others outvote"),
    (
        "W4",
        "start",
        "let what {here} owns begin at {expected}, or what {there} owns stop at {found}; padding comes on top",
    ),
    ("W4", "", "{here} and {there} stand at one coordinate of the axis and must describe it alike"),
    (
        "W5",
        "padding",
        "make padding as wide as the neighbour's on the side where they meet, and not wider than a part",
    ),
    ("W5", "", "narrow the halo, or use fewer processes along the axis"),
    ("W6", "size", "write size = {expected} on all ranks, or list the indices that are missing"),
    ("W6", "", "take the index from {here} or from {there}, list it as a ghost, or drop one_to_one"),
    ("F3", "", "the file was cut short: write or copy it again"),
    (
        "F10",
        "",
        "restore the set with its manifest, or remove the manifest if the files are right as they are",
    ),
];

const SHAPE: &str =
    "make the buffer {expected} long along the axis, or describe the {found} elements it has; padding counts";
const RANKS: &str = "grid_order lists every rank of the grid once, by row-major place";

/// What to do about it; nothing where the message says all there is to say.
pub fn advice(error: &Error) -> Option<String> {
    let key = error.field().unwrap_or_default();
    let rule = error.rule()?;
    let fits = |advice: &&(&str, &str, &str)| advice.0 == rule && (advice.1.is_empty() || advice.1 == key);
    let (_, _, text) = ADVICE.iter().find(fits)?;
    let number = |number: Option<i64>| number.map_or_else(|| "another".into(), |number| number.to_string());
    let rank = |rank: Option<i64>| rank.map_or_else(|| "another rank".into(), |rank| format!("rank {rank}"));
    Some(
        text.replace("{key}", key)
            .replace("{expected}", &number(error.expected()))
            .replace("{found}", &number(error.found()))
            .replace("{here}", &rank(error.rank()))
            .replace("{there}", &rank(error.other_rank())),
    )
}

#[cfg(test)]
mod tests {
    use distarray::ErrorKind;

    use super::*;

    /// Numbers of the rules that a page of the specification has.
    fn rules_of(page: &str) -> impl Iterator<Item = &str> {
        page.lines().filter_map(|line| Some(line.strip_prefix("**")?.split_once(".** ")?.0))
    }

    #[test]
    fn there_is_advice_for_every_rule() {
        // What is read is mended and reported by T8; what moves is no description.
        let described = rules_of(include_str!("../../../protocol-spec/protocol.md"));
        let rules: Vec<&str> = described.filter(|rule| !["T8", "M1", "M2"].contains(rule)).collect();
        assert_eq!(rules.len(), 36, "{rules:?}");
        for rule in &rules {
            let error = Error::new(ErrorKind::Range, "wrong").in_field("start").by_rule((*rule).to_owned());
            let advice = advice(&error).unwrap_or_else(|| panic!("rule {rule}"));
            assert!(!advice.contains('{') || *rule == "T1", "{rule}: {advice}");
        }
        let files: Vec<&str> = rules_of(include_str!("../../../protocol-spec/dnpy.md")).collect();
        assert!(ADVICE.iter().all(|(rule, _, _)| rules.contains(rule) || files.contains(rule)));
    }
}
