//! The vectors of `protocol-spec/`.

use serde_json::{Value as Json, json};

use super::case::{Answer, Cases, all_say, same};
use super::part::{Axis, EDGE_OUTSIDE, Part, Reason};
use super::vectors::{Refusal, Vector, all};
use super::{files, loans};

pub fn cases() -> Cases {
    let mut cases = Cases::default();
    let vectors: Vec<Vector> = all().into_iter().map(|(_, vector)| vector).collect();
    let loan = vectors.iter().find(|vector| vector.id == "loan").unwrap();
    for vector in &vectors {
        match vector.kind.as_str() {
            "local" => local(&mut cases, vector),
            "collective" => collective(&mut cases, vector),
            "maps" => maps(&mut cases, vector),
            "messages" => messages(&mut cases, vector),
            "halo" => halo(&mut cases, vector),
            "abi" => loans::image(&mut cases, vector),
            "lifecycle" => loans::life(&mut cases, vector, loan),
            "dnpy" => files::file(&mut cases, vector),
            "forms" => files::form(&mut cases, vector),
            "set" => cases.leave_out(&vector.id, "files of sets that hold no arrays"),
            other => panic!("no kind {other}"),
        }
    }
    cases
}

pub fn ints(json: &Json) -> Vec<i64> {
    serde_json::from_value(json.clone()).unwrap()
}

/// The text that `distarray_export_from_json` takes.
pub fn described(description: &Json, shape: &[i64]) -> String {
    let mut strides = vec![1_i64; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].wrapping_mul(shape[axis]);
    }
    json!({"dtype": "int8", "itemsize": 1, "shape": shape, "strides": strides, "uid": "0", "epoch": "0",
           "__distarray__": description})
    .to_string()
}

/// What a binding says of a part's bytes.
pub fn array_of(part: &Part) -> Vec<i64> {
    let head = [0, 8, 1, part.axes.len() as i64];
    head.into_iter().chain(part.axes.iter().flat_map(|axis| axis.clone().written_out().numbers())).collect()
}

/// The same with defaults written out.
pub fn written_out(said: &[i64]) -> Vec<i64> {
    let (head, mut rest) = said.split_at(4);
    let mut all = head.to_vec();
    while !rest.is_empty() {
        all.extend(Axis::read(&mut rest).numbers());
    }
    all
}

fn local(cases: &mut Cases, vector: &Vector) {
    let (id, content) = (&vector.id, &vector.content);
    if let Some(literal) = content.get("literal") {
        // The bindings read Python's text in files only.
        let file = files::dnpy(literal.as_str().unwrap(), &ints(&content["shape"]));
        let refusal = vector.error.clone();
        return cases.ask_file(id, &file, move |answer| same(&answer.refusal, &refusal, "refuses"));
    }
    if content.contains_key("lenient") {
        return cases.leave_out(id, "no binding reads leniently");
    }
    if ["empty-dictionary-no-buffer", "last-ends-early-no-buffer", "outside-widest"].contains(&id.as_str()) {
        return cases.leave_out(id, "the bindings describe arrays only, which have a buffer");
    }
    if id == "empty-dictionary-negative-buffer" {
        return cases.leave_out(id, "a buffer that is none by itself: rule A11");
    }
    let description = &content["description"];
    let stated = content.get("shape").map(ints);
    let part = Part::of(description, stated.as_deref());
    let shape = match (&stated, &part) {
        (Some(shape), _) => shape.clone(),
        (None, Ok(part)) => part.axes.iter().map(|axis| axis.extent).collect(),
        // Of an array with no axes; what is wrong is wrong for any.
        (None, Err(_)) => vec![0; description["dim_data"].as_array().map_or(0, Vec::len)],
    };
    let (refusal, said) = (vector.error.clone(), part.as_ref().ok().map(array_of));
    let check = move |answers: &[Answer]| match &said {
        Some(said) if refusal.is_none() => {
            same(&answers[0].refusal, &None, "refuses")?;
            same(&written_out(&answers[0].said), said, "says")
        }
        _ => same(&answers[0].refusal, &refusal, "refuses"),
    };
    cases.ask(format!("{id} as text"), "text", &[(vec![], &described(description, &shape))], check);
    let Ok(part) = part else { return };
    if ["cyclic-start-of-another", "cyclic-turn-wraps"].contains(&id.as_str()) {
        return cases.leave_out(format!("{id} as struct"), "wrong in version 0.10 only");
    }
    let mut refusal = vector.error.clone();
    if let Some(refusal) = refusal.as_mut().filter(|refusal| refusal.rule.as_deref() == Some("G2")) {
        // The struct has the rank and the count instead of the replica.
        let field = if vector.content["description"]["replicas"].as_i64() < Some(1) {
            "process_count"
        } else {
            "process_rank"
        };
        (refusal.rule, refusal.field) = (Some("A18".into()), Some(field.into()));
    }
    let level = i64::from(stated.is_some());
    let numbers = [vec![level], part.numbers()].concat();
    let check = move |answers: &[Answer]| all_say(answers, refusal.as_ref(), &[vec![]]);
    cases.ask(format!("{id} as struct"), "check", &[(numbers, "")], check);
}

/// The parts of all ranks.
fn parts(descriptions: &Json, shapes: Option<&Json>) -> Result<Vec<Part>, Reason> {
    let all = descriptions.as_array().unwrap().iter().enumerate();
    all.map(|(rank, one)| Part::of(one, shapes.map(|shapes| ints(&shapes[rank])).as_deref())).collect()
}

/// For each axis and each index from -1 to its end: the coordinate that owns it and
/// the position among those owned there; then, where no axis is a list, the rank of
/// each element in a replica.
pub fn owners(parts: &[Part], replica: i64) -> Vec<i64> {
    let mut said = Vec::new();
    for axis in 0..parts[0].axes.len() {
        let size = parts[0].axes[axis].size;
        let mut place = vec![[-1, -1]; size as usize + 2];
        for part in parts.iter().rev() {
            for (local, global) in (0..).zip(part.axes[axis].owned()) {
                // Labels outside the axis are not asked for.
                let Some(place) = usize::try_from(global + 1).ok().and_then(|at| place.get_mut(at)) else {
                    continue;
                };
                let coordinate = part.axes[axis].coordinate;
                if place[0] < 0 || coordinate <= place[0] {
                    *place = [coordinate, local];
                }
            }
        }
        said.extend(place.concat());
    }
    if has_owners(parts) {
        let total = parts[0].shape().iter().product::<i64>();
        let mut ranks = vec![-1; total as usize];
        for part in parts.iter().filter(|part| part.replica == replica) {
            for number in part.owned_numbers() {
                ranks[number as usize] = part.rank;
            }
        }
        said.extend(ranks);
    }
    said
}

pub fn has_owners(parts: &[Part]) -> bool {
    parts[0].axes.iter().all(|axis| axis.dist_type != i64::from(b'u'))
}

/// Asks whether parts make one array, and who owns what.
pub fn agree(cases: &mut Cases, id: &str, parts: &[Part], dtypes: &[[i64; 2]], refusal: Option<Refusal>) {
    let said = |part: &Part| if refusal.is_none() { owners(parts, part.replica) } else { vec![] };
    let said: Vec<Vec<i64>> = parts.iter().map(said).collect();
    let has_owners = i64::from(has_owners(parts));
    let line = |(part, [code, bits]): (&Part, &[i64; 2])| {
        ([vec![has_owners, *code, *bits], part.numbers()].concat(), "")
    };
    let lines: Vec<(Vec<i64>, &str)> = parts.iter().zip(dtypes).map(line).collect();
    cases.ask(id, "agree", &lines, move |answers| all_say(answers, refusal.as_ref(), &said));
}

fn collective(cases: &mut Cases, vector: &Vector) {
    let (id, content) = (&vector.id, &vector.content);
    let mut parts = match parts(&content["ranks"], content.get("shapes")) {
        Ok(parts) => parts,
        Err(reason) => return cases.leave_out(id, reason),
    };
    if let Some(uids) = content.get("uids") {
        for (part, uid) in parts.iter_mut().zip(uids.as_array().unwrap()) {
            part.uid = ints(uid).try_into().unwrap();
        }
    }
    let dtype =
        |rank: usize| match content.get("dtypes").map_or("float64", |names| names[rank].as_str().unwrap()) {
            "float64" => [2, 64],
            "float32" => [2, 32],
            "int8" => [0, 8],
            other => panic!("no code for {other}"),
        };
    let dtypes: Vec<[i64; 2]> = (0..parts.len()).map(dtype).collect();
    agree(cases, id, &parts, &dtypes, vector.error.clone());
    if let (Some(global), Some(buffers)) = (content.get("global"), content.get("buffers")) {
        // After an update each buffer holds what the example prints.
        let (global, buffers) =
            (ints_of(global), buffers.as_array().unwrap().iter().map(ints_of).collect::<Vec<_>>());
        let lines: Vec<_> = parts.iter().map(|part| ([vec![0, 0], part.numbers()].concat(), "")).collect();
        cases.ask(format!("{id} in memory"), "halo", &lines, move |answers| {
            for (answer, buffer) in answers.iter().zip(&buffers) {
                same(&answer.refusal, &None, "refuses")?;
                let found: Vec<i64> = answer.said.iter().map(|&at| global[at as usize]).collect();
                same(&found, buffer, "holds")?;
            }
            Ok(())
        });
    }
}

/// Numbers that are whole, written as floating-point ones perhaps.
fn ints_of(json: &Json) -> Vec<i64> {
    json.as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as i64).collect()
}

/// Asks one axis for what it holds and owns, and where.
pub fn dim(cases: &mut Cases, id: String, axis: &Axis, held: Vec<i64>, owned: [i64; 2]) {
    let n = held.len() as i64;
    let globals: Vec<i64> = (-2..=axis.size + 1).collect();
    let mut numbers =
        [vec![1], axis.numbers(), vec![n], (0..n).collect(), vec![globals.len() as i64]].concat();
    numbers.extend(&globals);
    let locals: Vec<i64> = globals
        .iter()
        .map(|global| held.iter().position(|h| h == global).map_or(-1, |at| at as i64))
        .collect();
    cases.ask(id, "dim", &[(numbers, "")], move |answers| {
        let Answer { refusal: None, said, .. } = &answers[0] else { return Err(format!("{:?}", answers[0])) };
        let (head, rest) = said.split_at(3);
        let (globals, rest) = rest.split_at(held.len());
        let (found, runs) = rest.split_at(locals.len());
        same(&head, &&[n, owned[0], owned[1]][..], "holds and owns")?;
        same(&globals, &&held[..], "holds")?;
        same(&found, &&locals[..], "has positions")?;
        let expanded: Vec<i64> = runs[1..].chunks(4).flat_map(run).collect();
        same(&expanded, &held[owned[0] as usize..owned[1] as usize].to_vec(), "owns")
    });
}

/// start, len, stride, count.
fn run(run: &[i64]) -> Vec<i64> {
    (0..run[3]).flat_map(|k| (0..run[1]).map(move |i| run[0] + k * run[2] + i)).collect()
}

fn maps(cases: &mut Cases, vector: &Vector) {
    let id = &vector.id;
    let parts = match parts(&vector.content["parts"], None) {
        Ok(parts) => parts,
        Err(reason) => return cases.leave_out(id, reason),
    };
    let lists = |key: &str| -> Vec<Vec<i64>> { serde_json::from_value(vector.content[key].clone()).unwrap() };
    let (held, owned) = (lists("held"), lists("owned"));
    for ((part, held), owned) in parts.iter().zip(&held).zip(&owned) {
        // Where the owned ones begin, the first of them tells.
        let start = owned.first().map_or(part.axes[0].owned_positions()[0], |first| {
            held.iter().position(|h| h == first).unwrap() as i64
        });
        let axis = Axis { extent: held.len() as i64, ..part.axes[0].clone() };
        dim(
            cases,
            format!("{id} at {}", axis.coordinate),
            &axis,
            held.clone(),
            [start, start + owned.len() as i64],
        );
    }
    if pairs(&parts) {
        agree(cases, id, &parts, &vec![[2, 64]; parts.len()], None);
    } else {
        let lines: Vec<_> =
            parts.iter().map(|part| ([vec![1, 2, 64], part.numbers()].concat(), "")).collect();
        cases.ask(id, "agree", &lines, |answers| {
            let rule = |answer: &Answer| answer.refusal.clone().and_then(|refusal| refusal.rule);
            answers.iter().try_for_each(|answer| same(&rule(answer).as_deref(), &Some("W5"), "breaks"))
        });
    }
}

/// W5, in a line of blocks.
fn pairs(parts: &[Part]) -> bool {
    let axes: Vec<&Axis> = parts.iter().map(|part| &part.axes[0]).collect();
    let first = axes[0];
    if first.dist_type != i64::from(b'b') {
        return true;
    }
    let owned = |axis: &Axis| axis.owned().len() as i64;
    if first.flags & EDGE_OUTSIDE != 0 {
        return axes
            .iter()
            .all(|axis| axis.padding == first.padding && axis.padding.iter().all(|w| *w <= axis.size));
    }
    axes.windows(2).all(|pair| {
        let width = pair[0].padding[1];
        width == pair[1].padding[0] && width <= owned(pair[0]) && width <= owned(pair[1])
    })
}

fn messages(cases: &mut Cases, vector: &Vector) {
    let [source, target] = ["source", "target"].map(|side| parts(&vector.content[side], None).unwrap());
    let mut said = vec![vec![0, 0, 0]; source.len()];
    for message in vector.content["messages"].as_array().unwrap() {
        let [from, to] = ["from", "to"].map(|end| message[end].as_u64().unwrap() as usize);
        let lists = message["indices"].as_array().unwrap().iter();
        let elements = lists.map(|list| list.as_array().unwrap().len() as i64).product::<i64>();
        if from == to {
            said[from][2] += 8 * elements;
        } else {
            (said[from][0], said[from][1]) = (said[from][0] + 1, said[from][1] + 8 * elements);
        }
    }
    for (said, part) in said.iter_mut().zip(&target) {
        said.extend(part.owned_numbers());
    }
    let line = |(rank, (source, target)): (i64, (&Part, &Part))| {
        let head = vec![rank, rank, 2, 64, 0, source.axes.len() as i64];
        ([head, vec![0], source.numbers(), vec![0], target.numbers()].concat(), "")
    };
    let lines: Vec<_> = (0..).zip(source.iter().zip(&target)).map(line).collect();
    let valid = vector.valid;
    cases.ask(&vector.id, "move", &lines, move |answers| say_or_not(answers, &said, valid));
}

fn halo(cases: &mut Cases, vector: &Vector) {
    let parts = parts(&vector.content["ranks"], None).unwrap();
    let buffers: Vec<Vec<Option<i64>>> = serde_json::from_value(vector.content["buffers"].clone()).unwrap();
    let untouched = |buffer: Vec<Option<i64>>| buffer.into_iter().map(|n| n.unwrap_or(-7)).collect();
    let said: Vec<Vec<i64>> = buffers.into_iter().map(untouched).collect();
    let lines: Vec<_> = parts.iter().map(|part| ([vec![0, 0], part.numbers()].concat(), "")).collect();
    let valid = vector.valid;
    cases.ask(&vector.id, "halo", &lines, move |answers| say_or_not(answers, &said, valid));
}

/// A vector that is not valid states something else than what must be said.
fn say_or_not(answers: &[Answer], said: &[Vec<i64>], valid: bool) -> Result<(), String> {
    match all_say(answers, None, said) {
        Ok(()) if !valid => Err("says what is wrong".into()),
        Err(_) if !valid => answers.iter().try_for_each(|answer| same(&answer.refusal, &None, "refuses")),
        verdict => verdict,
    }
}
