//! `DistArray`'s plans of redistribution.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::case::{Cases, all_say};
use super::part::{Axis, number, product};
use super::published::described_there;
use super::spec::ints;

/// A distribution of blocks that `DistArray` states: its dealing, and the engines that
/// hold it.
struct Blocks {
    dealing: Vec<i64>,
    engines: Vec<i64>,
    /// The global indices of each rank along each axis.
    owned: Vec<Vec<Vec<i64>>>,
    shape: Vec<i64>,
}

impl Blocks {
    fn of(stated: &Json) -> Self {
        let parts = stated["dim_data_per_rank"].as_array().unwrap();
        let axes = |part: &Json| -> Vec<Axis> {
            let axes = part.as_array().unwrap().iter();
            axes.map(|dict| Axis::of(&described_there(dict), None).unwrap()).collect()
        };
        let parts: Vec<Vec<Axis>> = parts.iter().map(axes).collect();
        let grid = ints(&stated["grid_shape"]);
        let mut dealing = vec![grid.len() as i64, 1, grid.len() as i64];
        dealing.extend(&grid);
        for (axis, extent) in grid.iter().enumerate() {
            let mut bounds: Vec<i64> = parts.iter().map(|part| part[axis].start).collect();
            bounds.sort_unstable();
            bounds.dedup();
            bounds.push(parts[0][axis].size);
            dealing.extend([
                i64::from(b'b'),
                0,
                parts[0][axis].size,
                *extent,
                0,
                0,
                0,
                0,
                bounds.len() as i64,
            ]);
            dealing.extend(bounds);
        }
        Self {
            dealing,
            engines: ints(&stated["targets"]),
            owned: parts.iter().map(|part| part.iter().map(Axis::owned).collect()).collect(),
            shape: parts[0].iter().map(|axis| axis.size).collect(),
        }
    }
}

/// Plans by what they move: messages, bytes and elements of each rank.
pub fn ask(cases: &mut Cases, file: &Json) {
    for case in file["cases"].as_array().unwrap() {
        let id = format!("plan {} to {}", case["from"].as_str().unwrap(), case["to"].as_str().unwrap());
        if case.get("error").is_some() {
            cases.leave_out(id, "the original refuses it");
            continue;
        }
        let [from, to] =
            ["from", "to"].map(|side| Blocks::of(&file["distributions"][case[side].as_str().unwrap()]));
        let reshape = case["same_shape"] != true;
        let mut all = [from.engines.clone(), to.engines.clone()].concat();
        all.sort_unstable();
        all.dedup();
        if reshape && (from.engines != all || to.engines != all) {
            cases.leave_out(id, "no binding reshapes between different ranks");
            continue;
        }
        let mut moved = vec![[0_i64; 3]; all.len()];
        let mut seen = BTreeSet::new();
        for entry in case["plan"].as_array().unwrap() {
            let [source, target] =
                ["source_rank", "dest_rank"].map(|end| entry[end].as_u64().unwrap() as usize);
            let lengths = entry["indices"].as_array().unwrap().iter().map(|i| ints(i)[1] - ints(i)[0]);
            // Intervals along axes, or, reshaped, pieces of the flat array.
            let elements: i64 = if reshape { lengths.sum() } else { lengths.product() };
            if source == target {
                moved[source][2] += 8 * elements;
            } else {
                // A reshaped pair may be listed in several entries: one message.
                moved[source][0] += i64::from(seen.insert((source, target)));
                moved[source][1] += 8 * elements;
            }
        }
        let place = |engines: &[i64], engine: &i64| engines.iter().position(|e| e == engine);
        let line = |engine: &i64| {
            let places = [&from, &to].map(|side| place(&side.engines, engine));
            let mut numbers: Vec<i64> = places.iter().map(|place| place.map_or(-1, |at| at as i64)).collect();
            numbers.extend([2, 64, i64::from(reshape), from.shape.len() as i64]);
            for (place, side) in places.iter().zip([&from, &to]) {
                if place.is_some() {
                    numbers.push(1);
                    numbers.extend(&side.dealing);
                }
            }
            (numbers, "")
        };
        let lines: Vec<_> = all.iter().map(line).collect();
        let said = |(engine, moved): (&i64, &[i64; 3])| {
            let owned = place(&to.engines, engine).map(|at| product(&to.owned[at]));
            let elements = owned.into_iter().flatten().map(|index| number(&index, &to.shape));
            moved.iter().copied().chain(elements).collect()
        };
        let said: Vec<Vec<i64>> = all.iter().zip(&moved).map(said).collect();
        cases.ask(id, "move", &lines, move |answers| all_say(answers, None, &said));
    }
}
