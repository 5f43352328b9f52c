//! Images of loans, and scripts of their lives.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::case::{Answer, Cases, same};
use super::vectors::{Refusal, Vector, bytes};

/// The steps as life.c numbers them.
const VERBS: [&str; 10] =
    ["lend", "check", "import", "export", "view", "mark", "write", "move", "release", "free"];

/// Segments, the struct first, and the pointers between them.
fn memory(content: &BTreeMap<String, Json>) -> Vec<i64> {
    let segments = content["segments"].as_object().unwrap();
    let mut names: Vec<&String> = segments.keys().collect();
    names.sort_by_key(|name| *name != "export");
    let mut numbers = vec![names.len() as i64];
    for name in &names {
        let bytes = bytes(&segments[*name]);
        numbers.push(bytes.len() as i64);
        numbers.extend(bytes.into_iter().map(i64::from));
    }
    let pointers = content["pointers"].as_array().unwrap();
    numbers.push(pointers.len() as i64);
    for pointer in pointers {
        let segment =
            |at: usize| names.iter().position(|name| pointer[at] == name.as_str()).map_or(-1, |n| n as i64);
        numbers.extend([segment(0), pointer[1].as_i64().unwrap(), segment(2), pointer[3].as_i64().unwrap()]);
    }
    numbers
}

fn access(word: &Json) -> i64 {
    let words = ["read", "read-write", "exclusive", "describe"];
    words.iter().position(|access| word == access).unwrap() as i64
}

fn verb(word: &str) -> i64 {
    VERBS.iter().position(|verb| *verb == word).unwrap() as i64
}

/// What must be seen after a step.
type Seen = Vec<(String, i64)>;

/// What is seen after a step.
fn sees(answer: &Answer, what: &str) -> i64 {
    let at = ["released", "heard", "live", "epoch", "info", "touched"].iter().position(|name| *name == what);
    answer.said[at.unwrap()]
}

/// Taking is granted or refused; a refused loan is as it was.
pub fn image(cases: &mut Cases, vector: &Vector) {
    let access = access(&vector.content["access"]);
    let mut numbers = memory(&vector.content);
    numbers.extend([3, verb("lend"), 0, 0, 0, 0, verb("import"), 0, 0, access, 0, verb("free"), 0, 0, 0, 0]);
    let refusal = vector.error.clone();
    cases.ask(&vector.id, "life", &[(numbers, "")], move |answers| {
        let [_, import, free] = answers else { return Err("three steps".into()) };
        same(&import.refusal, &refusal, "refuses")?;
        same(&sees(import, "touched"), &0, "changes a refused loan:")?;
        same(&sees(import, "released"), &0, "releases")?;
        same(&sees(free, "released"), &i64::from(refusal.is_none()), "releases at the end")
    });
    cases.asked.last_mut().unwrap().answers = 3;
}

pub fn life(cases: &mut Cases, vector: &Vector, loan: &Vector) {
    let (mut loans, mut arrays) = (Vec::new(), Vec::new());
    let slot = |slots: &mut Vec<String>, name: &Json| {
        let name = name.as_str().unwrap_or_default().to_owned();
        let known = slots.iter().position(|slot| *slot == name);
        known.unwrap_or_else(|| {
            slots.push(name);
            slots.len() - 1
        }) as i64
    };
    let steps = vector.content["steps"].as_array().unwrap();
    let mut numbers = memory(&loan.content);
    numbers.push(steps.len() as i64);
    let mut expected: Vec<(Option<Refusal>, Seen)> = Vec::new();
    for step in steps {
        let word = step["do"].as_str().unwrap();
        let loan = slot(&mut loans, step.get("loan").unwrap_or(&Json::Null));
        let field = |name: &str| step["fields"][name].as_i64().unwrap_or(0);
        let other = match word {
            "lend" => field("flags_read") | field("flags_write") << 16,
            "move" => slot(&mut loans, &step["to"]),
            _ => slot(&mut arrays, step.get("array").unwrap_or(&Json::Null)),
        };
        let value = match word {
            "lend" => field("flags_info"),
            "import" => access(&step["access"]),
            _ => step.get("flags").map_or(0, |flags| flags.as_i64().unwrap()),
        };
        numbers.extend([verb(word), loan, other, value, i64::from(step.get("request").is_some())]);
        numbers.extend(step.get("request").map(request).into_iter().flatten());
        let mut refusal: Option<Refusal> =
            step.get("error").map(|error| serde_json::from_value(error.clone()).unwrap());
        if word == "release" {
            refusal = None; // the helpers of all bindings do nothing to a husk
        }
        let sees = step.get("sees").and_then(Json::as_object).into_iter().flatten();
        let seen = sees.map(|(what, value)| {
            let value = match value {
                Json::Array(names) => names.iter().map(|name| 1 << slot(&mut loans, name)).sum(),
                number => number.as_i64().unwrap(),
            };
            (what.clone(), value)
        });
        expected.push((refusal, seen.collect()));
    }
    cases.ask(&vector.id, "life", &[(numbers, "")], move |answers| {
        for (number, (answer, (refusal, seen))) in answers.iter().zip(&expected).enumerate() {
            same(&answer.refusal, refusal, &format!("step {number} refuses"))?;
            for (what, value) in seen {
                same(&sees(answer, what), value, &format!("step {number}: {what}"))?;
            }
        }
        same(&sees(answers.last().unwrap(), "live"), &0, "loans live at the end:")
    });
    cases.asked.last_mut().unwrap().answers = steps.len();
}

fn request(stated: &Json) -> Vec<i64> {
    let fields =
        ["struct_size", "max_abi_major", "max_abi_minor", "access", "known_flags_read", "known_flags_write"];
    let fields =
        fields.iter().chain(&["layouts", "dist_types", "copy", "device_type", "min_alignment", "reserved"]);
    let stated = stated.as_object().unwrap();
    assert!(stated.keys().all(|key| fields.clone().any(|field| field == key)), "{stated:?}");
    let number = |field: &&str| match (*field, stated.get(*field)) {
        ("access", Some(word)) => access(word),
        (_, Some(number)) => number.as_i64().unwrap(),
        ("struct_size", None) => 128,
        ("max_abi_major", None) => 1,
        (_, None) => 0,
    };
    fields.map(number).collect()
}
