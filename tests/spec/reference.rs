//! The checker that was written from the text, in Python, agrees with the library:
//! on every vector, and on random sets of descriptions, whole and broken.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use distarray::protocol::Reading;
use serde_json::{Value as Json, json};

use super::dealing::Random;
use super::random;
use super::vectors::{Refusal, spec};
use super::verdicts::{gathered, local, value};

/// Debian's own, which all tests use.
fn python(script: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(spec(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[test]
fn the_reference_checker_confirms_every_vector() {
    let output = python("reference/check.py").arg("vectors").output();
    let output = output.expect("install python3");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(", 0 wrong, 0 of kinds that this checker does not know"), "{text}");
}

#[test]
fn generating_the_vectors_again_gives_the_same_files() {
    let directory = tempfile::tempdir().unwrap();
    let status = python("reference/generate").arg(directory.path()).status();
    assert!(status.expect("install python3").success());
    let names = |path: &std::path::Path| {
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let kept = spec("vectors");
    assert_eq!(names(directory.path()), names(&kept));
    for name in names(&kept) {
        let [new, old] = [directory.path(), &kept].map(|path| std::fs::read(path.join(&name)).unwrap());
        assert!(new == old, "{} is not what its generator writes", name.display());
    }
}

#[test]
fn the_reference_checker_answers_every_line() {
    let lines = [
        "",
        "garbage",
        "[]",
        "7",
        "{}",
        r#"{"ranks": 7}"#,
        r#"{"ranks": []}"#,
        r#"{"description": null}"#,
        r#"{"description": {"a": 1, "a": 2}}"#,
        r#"{"ranks": [null, {}]}"#,
    ];
    let mut child =
        python("reference/check.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{answers}");
    assert_eq!(answers.lines().count(), lines.len(), "{answers}");
    assert!(answers.lines().all(|line| line.starts_with(r#"{"valid": false, "error": {"#)), "{answers}");
}

/// What the library says of a case.
fn library(case: &Json) -> Option<Refusal> {
    let error = match case["ranks"].as_array() {
        None => {
            let shape =
                case.get("shape").map(|shape| serde_json::from_value::<Vec<i64>>(shape.clone()).unwrap());
            local(&value(&case["description"]), shape.as_deref(), Reading::Protocol).err()
        }
        Some(ranks) => {
            let parts: Vec<_> = ranks
                .iter()
                .map(|rank| local(&value(rank), None, Reading::Protocol).map(|(part, _)| part))
                .collect();
            gathered(&parts).err()
        }
    };
    error.map(Refusal::from)
}

/// A set, or one of its descriptions with a buffer.
fn case(random: &mut Random) -> Json {
    let mut set = random::set(random);
    for _ in 0..random.pick(&[0, 1, 1, 1, 2, 3]) {
        random::spoil(random, &mut set);
    }
    if set.len() > 24 || random.chance(3) {
        let description = random.pick(&set);
        let held = local(&value(&description), None, Reading::Protocol).map(|(part, _)| part.held_shape());
        return match held {
            Ok(held) => json!({"description": description, "shape": random::shape(random, &held)}),
            Err(_) => json!({"description": description}),
        };
    }
    json!({"ranks": set})
}

/// Of several indices owned twice, which one is named depends on the search.
fn comparable(mut refusal: Option<Refusal>) -> Option<Refusal> {
    if let Some(found) = &mut refusal
        && found.rule.as_deref() == Some("W6")
    {
        (found.rank, found.other_rank) = (None, None);
    }
    refusal
}

#[test]
fn the_reference_checker_agrees_on_random_cases() {
    let cases = std::env::var("DISTARRAY_SPEC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let mut child = python("reference/check.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("install python3");
    let (mut questions, answers) =
        (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let (asked, ask) = mpsc::sync_channel::<Json>(1000);
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut random = Random(2);
            for _ in 0..cases {
                let case = case(&mut random);
                writeln!(questions, "{case}").unwrap();
                asked.send(case).unwrap();
            }
        });
        for (case, answer) in ask.iter().zip(answers.lines()) {
            let answer: Json = serde_json::from_str(&answer.unwrap()).unwrap();
            let theirs: Option<Refusal> =
                answer.get("error").map(|error| serde_json::from_value(error.clone()).unwrap());
            let ours = library(&case);
            assert_eq!(
                comparable(ours.clone()),
                comparable(theirs),
                "the library against the reference: {case}"
            );
            let rule = ours.map_or("valid".into(), |refusal| refusal.rule.unwrap_or_default());
            *verdicts.entry(rule).or_default() += 1;
        }
    });
    assert!(child.wait().unwrap().success());
    println!("{verdicts:?}");
    assert_eq!(verdicts.values().sum::<usize>(), cases);
    assert!(verdicts["valid"] > cases / 5, "{verdicts:?}");
    // Nearly every rule of a description is among what was broken.
    assert!(verdicts.len() > 30, "{verdicts:?}");
}
