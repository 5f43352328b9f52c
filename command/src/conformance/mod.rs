//! `distarray check --producer` and `--consumer`: other people's code against the rules
//! of `distarray_conformance.h`.
//!
//! Each script runs in a process of its own, which is this command once more: what
//! the code under test does to it is a verdict.

mod child;
mod consumer;
mod loans;
mod pages;
mod process;
mod producer;
mod reporter;
mod trap;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::outcome::{Failure, Outcome, Verdict};
use crate::text;

pub use child::{Arguments as Child, run as run_child};
use reporter::Message;

/// What code is under test, and how.
pub struct Subject {
    pub role: Role,
    pub library: PathBuf,
    pub symbol: String,
    pub ranks: i32,
    pub timeout: Duration,
}

/// What the function under test does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    Producer,
    Consumer,
}

/// A rule of `distarray_conformance.h`, and what it says in a line.
type Rule = (&'static str, &'static str);

impl Role {
    fn rules(self) -> &'static [Rule] {
        match self {
            Self::Producer => &producer::RULES,
            Self::Consumer => &consumer::RULES,
        }
    }

    fn scripts(self) -> Vec<&'static str> {
        match self {
            Self::Producer => producer::scripts(),
            Self::Consumer => consumer::scripts(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// What one script found.
#[derive(PartialEq)]
struct Finding {
    script: &'static str,
    rule: String,
    message: String,
}

/// Runs every script, and prints the verdict rule by rule.
pub fn check(subject: &Subject, out: &mut dyn Write, as_json: bool) -> Outcome {
    let mut findings: Vec<Finding> = Vec::new();
    let mut notes = Vec::new();
    let mut taken = 0;
    let scripts = subject.role.scripts();
    for (number, &script) in scripts.iter().enumerate() {
        let process::Told { messages, hung } = process::run(subject, script)?;
        for message in messages {
            match message {
                Message::Fault { rule, message } => {
                    let finding = Finding { script, rule, message };
                    if !findings.contains(&finding) {
                        findings.push(finding);
                    }
                }
                Message::Note(note) if !notes.contains(&note) => notes.push(note),
                Message::Taken => taken += 1,
                Message::Unopened(error) => return Err(Failure::in_file(&subject.library, error)),
                Message::Step { .. } | Message::Note(_) | Message::Done => {}
            }
        }
        if hung {
            let rest = text::count(scripts.len() - number - 1, "script");
            notes.push(format!("after one that hung, {rest} did not run"));
            break;
        }
    }
    if subject.role == Role::Consumer {
        let valid = consumer::valid();
        notes.push(format!("took {taken} of {valid} valid loans"));
        if taken == 0 && findings.is_empty() {
            let message = format!("refused all {valid} valid loans");
            findings.push(Finding { script: "all", rule: "take-10".into(), message });
        }
    }
    if as_json {
        print_json(subject, &findings, &notes, out)?
    } else {
        print(subject, &findings, &notes, out)?
    }
    Ok(if findings.is_empty() { Verdict::Fine } else { Verdict::Faults })
}

/// Findings of one rule printed where there are more.
const FEW: usize = 5;

fn print(subject: &Subject, findings: &[Finding], notes: &[String], out: &mut dyn Write) -> Outcome<()> {
    writeln!(out, "{} {} of {}", subject.role.name(), subject.symbol, subject.library.display())?;
    for (rule, says) in subject.role.rules() {
        let found: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == *rule).collect();
        let verdict = if found.is_empty() { "ok" } else { "FAULT" };
        writeln!(out, "  {rule:<8}  {verdict:<5}  {says}")?;
        for Finding { script, message, .. } in found.iter().take(FEW) {
            writeln!(out, "                   {script}: {message}")?;
        }
        if found.len() > FEW {
            writeln!(out, "                   ... and {} more", found.len() - FEW)?;
        }
    }
    for note in notes {
        writeln!(out, "  note: {note}")?;
    }
    let rules = subject.role.rules();
    let broken =
        rules.iter().filter(|(rule, _)| findings.iter().any(|finding| finding.rule == *rule)).count();
    match broken {
        0 => writeln!(out, "no fault found")?,
        broken => writeln!(out, "{broken} of {} broken", text::count(rules.len(), "rule"))?,
    }
    Ok(())
}

fn print_json(subject: &Subject, findings: &[Finding], notes: &[String], out: &mut dyn Write) -> Outcome<()> {
    let rule = |(rule, says): &Rule| {
        let of_rule = findings.iter().filter(|finding| finding.rule == *rule);
        let faults: Vec<_> = of_rule.map(|f| json!({ "script": f.script, "message": f.message })).collect();
        let verdict = if faults.is_empty() { "fine" } else { "faults" };
        json!({ "rule": rule, "says": says, "verdict": verdict, "faults": faults })
    };
    let report = json!({
        "verdict": if findings.is_empty() { "fine" } else { "faults" },
        "role": subject.role.name(),
        "library": subject.library.display().to_string(),
        "symbol": subject.symbol,
        "rules": subject.role.rules().iter().map(rule).collect::<Vec<_>>(),
        "notes": notes,
    });
    writeln!(out, "{report:#}")?;
    Ok(())
}
