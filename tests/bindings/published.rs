//! The vectors that the published Python code made: `tests/data/protocol`.

use serde_json::{Value as Json, json};

use super::case::{Answer, Cases, all_say, same};
use super::part::{Axis, Part};
use super::spec::{agree, array_of, described, dim, has_owners, ints};

pub fn cases() -> Cases {
    let mut cases = Cases::default();
    validate(&mut cases);
    num_owned(&mut cases);
    for case in vectors("maps")["cases"].as_array().unwrap() {
        match case["kind"].as_str().unwrap() {
            "axis" => axis(&mut cases, case),
            "nd" => whole(&mut cases, case),
            _ => cases
                .leave_out(format!("maps {}", case["id"]), "made again from the parts of one that is asked"),
        }
    }
    examples(&mut cases);
    super::plans::ask(&mut cases, &vectors("redistributions"));
    let grids = vectors("grid_shape")["cases"].as_array().unwrap().len();
    for case in 0..grids {
        cases.leave_out(format!("grid {case}"), "DistArray's rule for grids is Rust's alone");
    }
    cases
}

fn vectors(name: &str) -> Json {
    let path = format!("{}/tests/data/protocol/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Python objects as JSON, as far as JSON has them.
fn spell(json: &Json) -> Option<String> {
    let list = |items: &Json| -> Option<String> {
        Some(format!("[{}]", items.as_array()?.iter().map(spell).collect::<Option<Vec<_>>>()?.join(", ")))
    };
    let Json::Object(map) = json else {
        return if json.is_array() { list(json) } else { Some(json.to_string()) };
    };
    let Some((key, inner)) = map.iter().next().filter(|(key, _)| key.starts_with('$')) else {
        let entry = |(key, value): (&String, &Json)| Some(format!("{}: {}", json!(key), spell(value)?));
        return Some(format!("{{{}}}", map.iter().map(entry).collect::<Option<Vec<_>>>()?.join(", ")));
    };
    match key.as_str() {
        "$list" => list(inner),
        "$npint" => spell(&inner[1]),
        "$bigint" => Some(inner.as_str()?.to_owned()),
        "$float" => inner.as_str()?.parse::<f64>().ok().filter(|x| x.is_finite()).map(|x| format!("{x:?}")),
        "$ndarray" => {
            let kind = inner["dtype"].as_str()?.trim_start_matches(['<', '>', '|']);
            let is_list = kind.starts_with(['i', 'u']) && inner["shape"].as_array()?.len() == 1;
            if is_list { list(&inner["data"]) } else { None }
        }
        "$array" if !["f", "d", "u"].contains(&inner[0].as_str()?) => list(&inner[1]),
        _ => None,
    }
}

fn validate(cases: &mut Cases) {
    for case in vectors("validate")["cases"].as_array().unwrap() {
        let id = format!("validate {}", case["id"].as_str().unwrap());
        let Some(whole) = case["distbuffer"].as_object() else {
            cases.leave_out(id, "no dictionary at all");
            continue;
        };
        let broken = |rule: &str| case["spec_violations"].as_array().unwrap().iter().any(|v| v == rule);
        if ["BUF", "IDX-BUF", "DB-TYPE"].iter().any(|rule| broken(rule)) {
            cases.leave_out(id, "a Python object that is no buffer");
            continue;
        }
        if case["distbuffer"].to_string().contains(r#""padding":{"$ndarray""#) {
            cases.leave_out(id, "an array where a tuple is asked for: text has lists only");
            continue;
        }
        if case["distbuffer"]["__version__"] == "1.0.0" {
            cases.leave_out(id, "a version that came later");
            continue;
        }
        let buffer = &case["distbuffer"]["buffer"];
        let shape = match buffer.as_object().and_then(|object| object.iter().next()) {
            Some((key, inner)) if key == "$ndarray" => ints(&inner["shape"]),
            Some((key, hex)) if ["$bytes", "$bytearray"].contains(&key.as_str()) => {
                vec![hex.as_str().unwrap().len() as i64 / 2]
            }
            Some((key, inner)) if key == "$array" => vec![inner[1].as_array().unwrap().len() as i64],
            _ => {
                cases.leave_out(id, "no buffer");
                continue;
            }
        };
        let entries = whole.iter().filter(|(key, _)| *key != "buffer");
        let spelled = entries.map(|(key, value)| Some(format!("{}: {}", json!(key), spell(value)?)));
        let Some(spelled) = spelled.collect::<Option<Vec<_>>>() else {
            cases.leave_out(id, "a Python object that no text has");
            continue;
        };
        // What overflows 64 bits is refused, as the vectors' own notes allow.
        let wide = ["/big", "/huge", "/giant"].iter().any(|end| id.ends_with(end))
            || ["18446744073709551616", "9223372036854775808"].iter().any(|n| spelled.join(" ").contains(n));
        let accepted = |level: &str| case[level] != "reject" && !wide;
        let verdict = move |accepted: bool| {
            move |answers: &[Answer]| same(&answers[0].refusal.is_none(), &accepted, "accepts:")
        };
        let (structural, strict) = (accepted("recommended_structural"), accepted("recommended_strict"));
        let text = described(&Json::Null, &shape).replace("null", &format!("{{{}}}", spelled.join(", ")));
        cases.ask(format!("{id} as text"), "text", &[(vec![], &text)], verdict(structural && strict));
        let description: Option<Json> = serde_json::from_str(&format!("{{{}}}", spelled.join(", "))).ok();
        let part = description.and_then(|description| Part::of(&description, Some(&shape)).ok());
        if id.ends_with("cyclic/wrong-start-0") {
            cases.leave_out(format!("{id} as struct"), "wrong in version 0.10 only");
            continue;
        }
        for (level, accepted) in [(0, structural), (1, strict)] {
            if let Some(part) = &part {
                let numbers = [vec![level], part.numbers()].concat();
                cases.ask(
                    format!("{id} as struct, level {level}"),
                    "check",
                    &[(numbers, "")],
                    verdict(accepted),
                );
            }
        }
    }
}

fn num_owned(cases: &mut Cases) {
    for (number, case) in vectors("num_owned")["cases"].as_array().unwrap().iter().enumerate() {
        let id = format!("num_owned {number}");
        let Some(correct) = case["correct"].as_i64() else {
            cases.leave_out(id, "no axis");
            continue;
        };
        let axis = match Axis::of(&case["dim_dict"], None) {
            Ok(axis) => axis,
            Err(reason) => {
                cases.leave_out(id, reason);
                continue;
            }
        };
        // Paddings that overlap own less than nothing: refused. Other axes need not be right.
        let overlap = correct < 0;
        let numbers = [vec![i64::from(overlap)], axis.numbers(), vec![0, 0]].concat();
        cases.ask(id, "dim", &[(numbers, "")], move |answers| match &answers[0].refusal {
            Some(refusal) if overlap => same(&refusal.rule.as_deref(), &Some("B6"), "breaks"),
            None if !overlap => same(&(answers[0].said[2] - answers[0].said[1]), &correct, "owns"),
            refusal => Err(format!("{refusal:?}")),
        });
    }
}

/// `DistArray`'s advisory paddings do not widen its parts: they are left out; its 'n' is a
/// whole axis.
pub fn described_there(dict: &Json) -> Json {
    let mut dict = dict.clone();
    let map = dict.as_object_mut().unwrap();
    map.remove("padding");
    if map["dist_type"] == "n" {
        let stop = map["size"].clone();
        map.extend(
            [("dist_type", json!("b")), ("start", json!(0)), ("stop", stop)].map(|(k, v)| (k.to_owned(), v)),
        );
    }
    dict
}

fn axis(cases: &mut Cases, case: &Json) {
    let id = format!("maps {}", case["id"].as_str().unwrap());
    let Some(ranks) = case["ranks"].as_array() else { return cases.leave_out(id, "no parts") };
    let axes: Result<Vec<Axis>, _> =
        ranks.iter().map(|rank| Axis::of(&described_there(&rank["dim_dict_client"]), None)).collect();
    let axes = match axes {
        Ok(axes) => axes,
        Err(reason) => return cases.leave_out(id, reason),
    };
    let part = |axis: &Axis| Part {
        rank: axis.coordinate,
        count: axis.grid,
        axes: vec![axis.clone()],
        ..Part::default()
    };
    let parts: Vec<Part> = axes.iter().map(part).collect();
    let bounds = &case["global_dim_dict"]["bounds"];
    let bad_bounds = bounds.is_array() && (ints(bounds).first() != Some(&0) || !ints(bounds).is_sorted());
    if bad_bounds || axes[0].block_size < 0 {
        // The original checks nothing.
        let lines: Vec<_> =
            parts.iter().map(|part| ([vec![1, 2, 64], part.numbers()].concat(), "")).collect();
        cases.ask(id, "agree", &lines, |answers| {
            let rule = |answer: &Answer| answer.refusal.clone().and_then(|refusal| refusal.rule);
            let known = |rule: Option<String>| ["B1", "B2", "B3", "C1"].map(Some).contains(&rule.as_deref());
            answers
                .iter()
                .try_for_each(|answer| same(&known(rule(answer)), &true, &format!("{:?}", answer.refusal)))
        });
        return;
    }
    let Some(owners) = case["owners"].as_array() else {
        // The largest axes come with counts, first and last indices alone.
        for (axis, rank) in axes.iter().zip(ranks) {
            let count = rank["owned_count"].as_i64().unwrap();
            let [head, tail] = ["owned_head", "owned_tail"].map(|key| rank.get(key).map_or(vec![], ints));
            let locals =
                [(0..head.len() as i64).collect::<Vec<_>>(), (count - tail.len() as i64..count).collect()]
                    .concat();
            let globals = [head, tail].concat();
            let lists =
                [vec![locals.len() as i64], locals.clone(), vec![globals.len() as i64], globals.clone()]
                    .concat();
            let numbers = [vec![1], axis.numbers(), lists].concat();
            cases.ask(format!("{id} at {}", axis.coordinate), "dim", &[(numbers, "")], move |answers| {
                let expected = [vec![count, 0, count], globals.clone(), locals.clone()].concat();
                same(&answers[0].refusal, &None, "refuses")?;
                same(&&answers[0].said[..expected.len()], &&expected[..], "says")
            });
        }
        return;
    };
    for (axis, rank) in axes.iter().zip(ranks) {
        let owned = ints(&rank["owned"]);
        let n = owned.len() as i64;
        dim(cases, format!("{id} at {}", axis.coordinate), &axis.clone(), owned, [0, n]);
    }
    let named_twice = owners.iter().any(|owners| ints(owners).len() != 1);
    if named_twice {
        return cases.leave_out(format!("{id} on all ranks"), "owned by none or by several: no array (W6)");
    }
    // Each index from -1 to the end; owners by definition, not by our deal.
    let mut said = vec![-1, -1];
    for (global, owners) in (0..).zip(owners) {
        let owner = ints(owners)[0];
        let local = ints(&ranks[owner as usize]["owned"]).iter().position(|g| *g == global).unwrap();
        said.extend([owner, local as i64]);
    }
    said.extend([-1, -1]);
    if has_owners(&parts) {
        said.extend(owners.iter().map(|owners| ints(owners)[0]));
    }
    let flag = i64::from(has_owners(&parts));
    let lines: Vec<_> = parts.iter().map(|part| ([vec![flag, 2, 64], part.numbers()].concat(), "")).collect();
    let said = vec![said; parts.len()];
    cases.ask(id, "agree", &lines, move |answers| all_say(answers, None, &said));
}

/// Distributions of several axes: the local shapes, and the rank that owns each element.
fn whole(cases: &mut Cases, case: &Json) {
    let id = format!("maps {}", case["id"].as_str().unwrap());
    let Some(ranks) = case["dim_data_per_rank"].as_array() else {
        return cases.leave_out(id, "the original refuses it");
    };
    let shapes = case["localshapes"].as_array().unwrap();
    let part = |(rank, shape): (usize, &Json)| {
        // A scalar is listed without its one rank.
        let dims = ranks.get(rank).and_then(Json::as_array).cloned().unwrap_or_default();
        let dims: Vec<Json> = dims.iter().map(described_there).collect();
        Part::of(&json!({"__version__": "0.10.0", "dim_data": dims}), Some(&ints(shape))).unwrap()
    };
    let parts: Vec<Part> = shapes.iter().enumerate().map(part).collect();
    if let Some(owners) = case["owning_ranks_c_order"].as_array().filter(|_| has_owners(&parts)) {
        let owners: Vec<i64> = owners.iter().map(|owners| ints(owners)[0]).collect();
        let lines: Vec<_> =
            parts.iter().map(|part| ([vec![1, 2, 64], part.numbers()].concat(), "")).collect();
        cases.ask(id, "agree", &lines, move |answers| {
            for answer in answers {
                same(&answer.refusal, &None, "refuses")?;
                let from = answer.said.len() - owners.len();
                same(&&answer.said[from..], &&owners[..], "owners")?;
            }
            Ok(())
        });
    } else {
        agree(cases, &id, &parts, &vec![[2, 64]; parts.len()], None);
    }
}

/// Every example of the protocol's documents: each part, all of them together, and the
/// memory that the document prints.
fn examples(cases: &mut Cases) {
    for (number, case) in vectors("dim_data_examples")["cases"].as_array().unwrap().iter().enumerate() {
        let id = format!("example {number}, {}", case["title"].as_str().unwrap_or_default());
        let mut ranks = case["ranks"].as_array().unwrap().clone();
        ranks.sort_by_key(|rank| rank["rank"].as_i64());
        let mut parts = Vec::new();
        for rank in &ranks {
            let description = json!({"__version__": "0.10.0", "dim_data": rank["dim_data"]});
            let shape = ints(&rank["buffer_shape"]);
            let id = format!("{id}, rank {}", rank["rank"]);
            let part = match Part::of(&description, Some(&shape)) {
                Ok(part) => part,
                // One example prints 1-D buffers with two dimensions: the text is wrong.
                Err(reason) => {
                    cases.leave_out(id, reason);
                    continue;
                }
            };
            let said = array_of(&part);
            cases.ask(&id, "text", &[(vec![], &described(&description, &shape))], move |answers| {
                same(&answers[0].refusal, &None, "refuses")?;
                same(&super::spec::written_out(&answers[0].said), &said, "says")
            });
            parts.push(part);
        }
        if parts.len() < ranks.len() {
            continue;
        }
        agree(cases, &id, &parts, &vec![[2, 64]; parts.len()], None);
        let flat = |json: &Json| -> Vec<String> {
            let mut flat = Vec::new();
            flatten(json, &mut flat);
            flat
        };
        let buffers: Vec<Vec<String>> = ranks.iter().map(|rank| flat(&rank["buffer"])).collect();
        let global = match case.get("global_array").filter(|global| !global.is_null()) {
            Some(global) => flat(global),
            // The document prints the parts alone: what each owns makes the whole.
            None => together(&parts, &buffers),
        };
        let lines: Vec<_> = parts.iter().map(|part| ([vec![0, 0], part.numbers()].concat(), "")).collect();
        cases.ask(format!("{id} in memory"), "halo", &lines, move |answers| {
            for (answer, buffer) in answers.iter().zip(&buffers) {
                same(&answer.refusal, &None, "refuses")?;
                let found: Vec<String> = answer.said.iter().map(|&at| global[at as usize].clone()).collect();
                same(&found, buffer, "holds")?;
            }
            Ok(())
        });
    }
}

/// The elements that the parts own, by their row-major numbers.
fn together(parts: &[Part], buffers: &[Vec<String>]) -> Vec<String> {
    let mut all = vec![String::new(); parts[0].shape().iter().product::<i64>() as usize];
    for (part, buffer) in parts.iter().zip(buffers) {
        let shape: Vec<i64> = part.axes.iter().map(|axis| axis.extent).collect();
        let positions = part.axes.iter().map(|axis| {
            let [start, stop] = axis.owned_positions();
            (start..stop).collect::<Vec<i64>>()
        });
        let positions = super::part::product(&positions.collect::<Vec<_>>());
        for (number, position) in part.owned_numbers().iter().zip(positions) {
            all[*number as usize].clone_from(&buffer[super::part::number(&position, &shape) as usize]);
        }
    }
    all
}

fn flatten(json: &Json, flat: &mut Vec<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| flatten(item, flat)),
        element => flat.push(element.to_string()),
    }
}
