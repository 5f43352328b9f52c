//! What was found, for people and for programs.

use std::io::Write;
use std::path::Path;

use distarray::{Error, ErrorKind};
use serde_json::{Value as Json, json};

use super::mend;
use crate::outcome::{Failure, Outcome, Verdict};
use crate::text;

/// Faults printed where there are more; `--json` has them all.
const MANY: usize = 50;

/// What was looked at, and what was found.
#[derive(Default)]
pub struct Report {
    /// What was checked, a line each: `heat: 4 parts of one array`.
    pub checked: Vec<String>,
    /// What was broken.
    pub faults: Vec<Error>,
    /// What the system did not let us read.
    pub unreadable: Vec<Error>,
}

impl Report {
    /// Adds what reading a file ended in.
    pub fn add(&mut self, error: Error) {
        match error.kind() {
            ErrorKind::Io => self.unreadable.push(error),
            _ => self.faults.push(error),
        }
    }

    /// Prints everything, and gives the verdict.
    pub fn print(&self, out: &mut dyn Write, json: bool) -> Outcome {
        if json {
            self.print_json(out)?;
        } else {
            self.print_text(out)?;
        }
        match (self.unreadable.len(), self.faults.len()) {
            (0, 0) => Ok(Verdict::Fine),
            (0, _) => Ok(Verdict::Faults),
            (1, _) => Err(Failure::File(self.unreadable[0].to_string())),
            (many, _) => Err(Failure::File(format!(
                "{} and {} more",
                self.unreadable[0],
                text::count(many - 1, "file")
            ))),
        }
    }

    fn print_text(&self, out: &mut dyn Write) -> Outcome<()> {
        for error in self.faults.iter().take(MANY) {
            writeln!(out, "{error}")?;
            if let Some(advice) = mend::advice(error) {
                writeln!(out, "    to mend it: {advice}")?;
            }
        }
        if self.faults.len() > MANY {
            writeln!(
                out,
                "... and {} more; --json prints all",
                text::count(self.faults.len() - MANY, "fault")
            )?;
        }
        for line in &self.checked {
            writeln!(out, "{line}")?;
        }
        match self.faults.len() {
            0 if self.unreadable.is_empty() => writeln!(out, "no fault found")?,
            number => writeln!(out, "{} found", text::count(number, "fault"))?,
        }
        Ok(())
    }

    fn print_json(&self, out: &mut dyn Write) -> Outcome<()> {
        let fault = |error: &Error| {
            let mut fault = json!(error);
            fault["message"] = error.to_string().into();
            fault["advice"] = mend::advice(error).into();
            fault
        };
        let all = |errors: &[Error]| errors.iter().map(fault).collect::<Vec<Json>>();
        let verdict = match (self.unreadable.is_empty(), self.faults.is_empty()) {
            (false, _) => "unknown",
            (true, false) => "faults",
            (true, true) => "fine",
        };
        let report = json!({
            "verdict": verdict,
            "checked": self.checked,
            "faults": all(&self.faults),
            "unreadable": all(&self.unreadable),
        });
        writeln!(out, "{report:#}")?;
        Ok(())
    }
}

/// The error with the file that it was found in.
pub fn in_file(error: Error, path: &Path) -> Error {
    if error.file().is_some() { error } else { error.in_file(path) }
}
