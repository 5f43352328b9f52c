//! How to mend a fault, by the number of the rule that was broken.

use distarray::{Error, ErrorKind};

/// What to do about it; nothing where the message says all there is to say.
pub fn advice(error: &Error) -> Option<String> {
    let expected = error.expected().map_or_else(|| "what was expected".into(), |n| n.to_string());
    let found = error.found().map_or_else(|| "what was found".into(), |n| n.to_string());
    let key = error.field().unwrap_or("the key");
    let (here, there) = (rank(error.rank()), rank(error.other_rank()));
    let text = match error.rule() {
        Some("D1" | "U1") => format!("{key} counts elements and is never negative"),
        Some("D2") => "the grid has at least one process along every axis".into(),
        Some("D3") => "coordinates along an axis run from 0 to proc_grid_size - 1".into(),
        Some("B1") => "start:stop is half open, as a Python slice: an empty part has stop == start".into(),
        Some("B2") if key == "start" => format!("write start = {expected}, or set edge_outside if the halo lies around the edges"),
        Some("B2") => format!("write stop = {expected}, or set edge_outside if the halo lies around the edges"),
        Some("B3") => format!("write start = {expected} on the first process along the axis"),
        Some("B4") => "padding counts elements at each end: (before, after), none is (0, 0)".into(),
        Some("B5") => format!("write stop = {expected} on the last process along the axis, or size = {found} on all ranks"),
        Some("B6") => "start:stop includes the padding: widen start:stop, or narrow the padding".into(),
        Some("B7" | "C5" | "U4") => {
            format!("make the buffer {expected} long along the axis, or describe the {found} elements it has; padding counts")
        }
        Some("C1" | "C3") => "blocks have at least one element; the first is no longer than block_size".into(),
        Some("C2") => format!("write start = {expected}: proc_grid_rank * block_size"),
        Some("U2") => "list each global index once on a rank".into(),
        Some("U3") => "one_to_one axes have no more indices than size; count again, or drop one_to_one".into(),
        Some("G1") => "the product of all proc_grid_size is the number of ranks".into(),
        Some("G2") => "replica runs from 0 to replicas - 1".into(),
        Some("G3" | "G4") => "grid_order lists every rank of the grid once, in row-major order of the coordinates".into(),
        Some("T1") => "write {'__version__': '0.10.0', 'dim_data': (...)} and no other key; 1.0.0 has more".into(),
        Some("T2") => "write '__version__': '0.10.0'".into(),
        Some("T3") => "dim_data is a tuple with one dictionary for each axis".into(),
        Some("T4") => "write as many dictionaries as the buffer has axes".into(),
        Some("T5") => format!("add {key}; 'b' needs start and stop, 'c' start, 'u' indices, all size, proc_grid_size, proc_grid_rank"),
        Some("T6") => "sizes and indices are integers of 64 bits (not 6.0, not True), flags are True or False, padding is a tuple of two widths".into(),
        Some("T7") => "dist_type is 'b' (block), 'c' (cyclic) or 'u' (unstructured); an axis held whole is 'b' on a grid of 1".into(),
        Some("W1") => "give the parts of all ranks, of one save, and no others; the product of all proc_grid_size is their number".into(),
        Some("W2") => format!("the part is that of rank {found}: check the order of the grid (row-major unless grid_order says otherwise) and the file's name"),
        Some("W3") => format!("let all ranks write the same {key}; look at {here} first, the others outvote it"),
        Some("W4") if error.expected().is_some() && key == "start" => {
            format!("let the part of {here} begin at {expected}, or that of {there} stop at {found}")
        }
        Some("W4") => format!("{here} and {there} stand at one coordinate of the axis and must describe it alike"),
        Some("W5") if error.other_rank().is_some() => {
            format!("make the padding of {here} as wide as that of {there} on the side where they meet")
        }
        Some("W5") => "narrow the halo, or use fewer processes along the axis".into(),
        Some("W6") if key == "size" => format!("write size = {expected} on all ranks, or list the indices that are missing"),
        Some("W6") => format!("take the index from {here} or from {there}, list it as a ghost, or drop one_to_one"),
        _ => match error.kind() {
            ErrorKind::Syntax if error.found().is_some() && key == "data" => "the file was cut short: write or copy it again".into(),
            _ => return None,
        },
    };
    Some(text)
}

fn rank(rank: Option<i64>) -> String {
    rank.map_or_else(|| "the other rank".into(), |rank| format!("rank {rank}"))
}
