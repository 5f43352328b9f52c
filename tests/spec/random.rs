//! Random sets of descriptions: whole arrays, and whole arrays with a few faults.

use serde_json::{Map, Value as Json, json};

use super::dealing::Random;

/// A set of descriptions, one for each rank; the longest axes have twenty indices.
pub fn set(random: &mut Random) -> Vec<Json> {
    let axes: Vec<Vec<Json>> = (0..random.within(0, 3)).map(|_| axis(random)).collect();
    let extents: Vec<usize> = axes.iter().map(Vec::len).collect();
    let one: usize = extents.iter().product();
    let replicas = if one <= 6 && random.chance(6) { 2 } else { 1 };
    let ranks = one * replicas;
    let mut table: Vec<usize> = (0..ranks).collect();
    for i in (1..ranks).rev() {
        table.swap(i, random.within(0, i as i64) as usize);
    }
    let order = random.pick(&["C", "C", "C", "F", "table"]);
    let new = order != "C" || replicas > 1 || axes.iter().flatten().any(needs_1_0) || random.chance(4);
    let mut set = vec![Json::Null; ranks];
    for place in 0..ranks {
        let (replica, mut position) = (place / one, place % one);
        let mut coordinates = vec![0; axes.len()];
        let mut take = |axis: usize| {
            coordinates[axis] = position % extents[axis];
            position /= extents[axis];
        };
        match order {
            "F" => (0..axes.len()).for_each(&mut take),
            _ => (0..axes.len()).rev().for_each(&mut take),
        }
        let dims: Vec<&Json> = axes.iter().zip(&coordinates).map(|(axis, &c)| &axis[c]).collect();
        let mut whole = json!({"__version__": if new { "1.0.0" } else { "0.10.0" }, "dim_data": dims});
        if order == "F" {
            whole["grid_order"] = json!("F");
        } else if order == "table" {
            whole["grid_order"] = json!(table);
        }
        if replicas > 1 {
            (whole["replicas"], whole["replica"]) = (json!(replicas), json!(replica));
        }
        set[if order == "table" { table[place] } else { place }] = whole;
    }
    set
}

fn needs_1_0(part: &Json) -> bool {
    ["edge_outside", "first_block", "num_owned", "component"].iter().any(|key| part.get(key).is_some())
        || part["dist_type"] == "c"
            && part["start"]
                != json!(number(part, "proc_grid_rank") * part["block_size"].as_i64().unwrap_or(1))
}

fn number(part: &Json, key: &str) -> i64 {
    part.get(key).and_then(Json::as_i64).unwrap_or(0)
}

/// The parts of one axis, all of which fit together.
fn axis(random: &mut Random) -> Vec<Json> {
    let procs = random.pick(&[1, 1, 2, 2, 3, 4]);
    let mut parts = match random.within(0, 3) {
        0 => cyclic(random, procs),
        1 => lists(random, procs),
        _ => blocks(random, procs),
    };
    let component = random.chance(8);
    for (coordinate, part) in parts.iter_mut().enumerate() {
        (part["proc_grid_size"], part["proc_grid_rank"]) = (json!(procs), json!(coordinate));
        if component {
            part["component"] = json!(true);
        }
    }
    parts
}

fn blocks(random: &mut Random, procs: i64) -> Vec<Json> {
    let lengths: Vec<i64> = (0..procs).map(|_| random.within(0, 6)).collect();
    let size: i64 = lengths.iter().sum();
    let outside = random.chance(3);
    let around = [random.within(0, size.min(4)), random.within(0, size.min(4))];
    // Padding at each interface, and at the two ends of the axis.
    let mut widths = vec![0; lengths.len() + 1];
    if random.chance(2) {
        for (i, width) in widths.iter_mut().enumerate() {
            let left = i.checked_sub(1).map(|left| lengths[left]);
            let narrowest = left.into_iter().chain(lengths.get(i).copied()).min().unwrap_or(0);
            let end = i == 0 || i == lengths.len();
            *width = random.within(0, if end { narrowest / 2 } else { narrowest / 3 });
        }
    }
    let mut begin = 0;
    let mut parts = Vec::new();
    for (coordinate, length) in lengths.iter().enumerate() {
        let (first, last) = (coordinate == 0, coordinate == lengths.len() - 1);
        let padding = if outside { around } else { [widths[coordinate], widths[coordinate + 1]] };
        let start = begin - if first && !outside { 0 } else { padding[0] };
        let stop = begin + length + if last && !outside { 0 } else { padding[1] };
        begin += length;
        let mut part = json!({"dist_type": "b", "size": size, "start": start, "stop": stop});
        if padding != [0, 0] {
            part["padding"] = json!(padding);
        }
        if outside {
            part["edge_outside"] = json!(true);
        }
        parts.push(part);
    }
    if random.chance(3) {
        parts.iter_mut().for_each(|part| part["periodic"] = json!(true));
    }
    parts
}

fn cyclic(random: &mut Random, procs: i64) -> Vec<Json> {
    let (size, block) = (random.within(0, 20), random.within(1, 6));
    let first_block = if random.chance(3) { random.within(1, block) } else { block };
    let first_process = if random.chance(3) { random.within(0, procs - 1) } else { 0 };
    let part = |coordinate: i64| {
        let turn = (coordinate - first_process).rem_euclid(procs);
        let start = (turn * block - (block - first_block)).max(0);
        let mut part = json!({"dist_type": "c", "size": size, "start": start, "block_size": block});
        if first_block != block {
            part["first_block"] = json!(first_block);
        }
        part
    };
    (0..procs).map(part).collect()
}

fn lists(random: &mut Random, procs: i64) -> Vec<Json> {
    let indices = random.within(0, 12);
    let mut owned = vec![Vec::new(); procs as usize];
    for index in 0..indices {
        owned[random.within(0, procs - 1) as usize].push(index);
    }
    let one_to_one = random.chance(2);
    if !one_to_one && indices > 0 && random.chance(2) {
        // Owned twice, and counted twice.
        let index = random.within(0, indices - 1);
        if let Some(list) = owned.iter_mut().find(|list| !list.contains(&index)) {
            list.push(index);
        }
    }
    let size: usize = owned.iter().map(Vec::len).sum();
    let ghosts = random.chance(2);
    let mut part = |list: Vec<i64>| {
        let mut all = list.clone();
        if ghosts {
            all.extend((0..indices).filter(|index| !list.contains(index) && random.chance(3)));
        }
        let mut part = json!({"dist_type": "u", "size": size, "indices": all});
        if one_to_one {
            part["one_to_one"] = json!(true);
        }
        if ghosts {
            part["num_owned"] = json!(list.len());
        }
        part
    };
    owned.into_iter().map(&mut part).collect()
}

/// Puts one fault, or what looks like one, somewhere into a set.
pub fn spoil(random: &mut Random, set: &mut Vec<Json>) {
    let victim = random.within(0, set.len() as i64 - 1) as usize;
    match random.within(0, 18) {
        16..=18 => widen(random, &mut set[victim]),
        0 => {
            let other = random.within(0, set.len() as i64 - 1) as usize;
            set.swap(victim, other);
        }
        1 => {
            if random.chance(2) {
                set.push(set[victim].clone());
            } else if set.len() > 1 {
                set.pop();
            }
        }
        2 => {
            let whole = set[victim].as_object_mut().unwrap();
            let key = random.pick(&["__version__", "dim_data", "grid_order", "replicas", "replica", "name"]);
            change(random, whole, key);
        }
        3 => {
            if let Some(dims) = set[victim].get_mut("dim_data").and_then(Json::as_array_mut) {
                match random.within(0, 3) {
                    0 => drop(dims.pop()),
                    1 => dims.push(json!({})),
                    2 => dims.reverse(),
                    _ => dims.push(json!({"dist_type": "b", "size": 1, "proc_grid_size": 1, "proc_grid_rank": 0, "start": 0, "stop": 1})),
                }
            }
        }
        _ => {
            let Some(dims) =
                set[victim].get_mut("dim_data").and_then(Json::as_array_mut).filter(|dims| !dims.is_empty())
            else {
                return;
            };
            let axis = random.within(0, dims.len() as i64 - 1) as usize;
            let Some(part) = dims[axis].as_object_mut() else { return };
            let any = [
                "component",
                "edge_outside",
                "padding",
                "block_size",
                "first_block",
                "num_owned",
                "one_to_one",
                "periodic",
            ];
            let mut keys: Vec<String> = part.keys().cloned().collect();
            keys.push(random.pick(&any).to_owned());
            let key = random.pick(&keys);
            change(random, part, &key);
        }
    }
}

/// Moves one end of a block outwards or inwards together with its padding: what the
/// block owns stays, and its padding no longer pairs.
fn widen(random: &mut Random, description: &mut Json) {
    let blocks = description.get_mut("dim_data").and_then(Json::as_array_mut).into_iter().flatten();
    let mut blocks: Vec<&mut Json> = blocks.filter(|part| part["dist_type"] == "b").collect();
    if blocks.is_empty() {
        return;
    }
    let at = random.within(0, blocks.len() as i64 - 1) as usize;
    let part = &mut *blocks[at];
    let (by, end) = (random.pick(&[-1, 1, 1, 2, 4]), random.pick(&[0, 1]));
    let width = |end: usize| part.get("padding").and_then(|pair| pair.get(end)?.as_i64()).unwrap_or(0);
    let mut padding = [width(0), width(1)];
    padding[end] = padding[end].saturating_add(by);
    part["padding"] = json!(padding);
    let (key, step) = if end == 0 { ("start", -by) } else { ("stop", by) };
    part[key] = json!(number(part, key).saturating_add(step));
}

/// Gives a key another value; most often one nearby.
fn change(random: &mut Random, dictionary: &mut Map<String, Json>, key: &str) {
    let old = dictionary.get(key).cloned();
    let value = match (old, random.within(0, 9)) {
        (Some(_), 0) => {
            dictionary.remove(key);
            return;
        }
        (_, 1) => odd(random),
        (Some(Json::Number(n)), _) => {
            json!(n.as_i64().unwrap_or(0).saturating_add(random.pick(&[-2, -1, -1, 1, 1, 2])))
        }
        (Some(Json::Bool(b)), _) => json!(!b),
        (Some(Json::Array(mut items)), _) if !items.is_empty() => {
            let at = random.within(0, items.len() as i64 - 1) as usize;
            match random.within(0, 4) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                2 => items.reverse(),
                _ => {
                    items[at] =
                        json!(items[at].as_i64().unwrap_or(0).saturating_add(random.pick(&[-1, 1, 3])))
                }
            }
            Json::Array(items)
        }
        (_, 2) => json!([1, 1]),
        (_, 3 | 4) => json!(true),
        (_, 5) => json!(random.pick(&["b", "c", "u", "F", "1.0.0", "0.10.2", "0.9.0"])),
        _ => json!(random.within(-1, 4)),
    };
    dictionary.insert(key.to_owned(), value);
}

/// A value that is of another type, or at the end of the range.
fn odd(random: &mut Random) -> Json {
    random.pick(&[
        Json::Null,
        json!(1.0),
        json!("1"),
        json!([]),
        json!({}),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(i64::MAX / 2 + 1),
        json!([i64::MAX, i64::MAX]),
        json!([0, i64::MAX]),
        json!(false),
    ])
}

/// Extents of the buffer that a description asks for, most often; `held` says so.
pub fn shape(random: &mut Random, held: &[i64]) -> Vec<i64> {
    let mut shape = held.to_vec();
    if random.chance(6) {
        match random.within(0, 2) {
            0 => shape.push(1),
            1 => drop(shape.pop()),
            _ => shape.iter_mut().take(1).for_each(|extent| *extent += 1),
        }
    }
    shape
}
