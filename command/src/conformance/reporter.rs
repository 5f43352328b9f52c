//! What a script tells the process that started it, line by line.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::pages::Pages;
use super::trap;

/// A line of the report.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// What happens next, so that it can be said what a crash came from.
    Step { rule: String, doing: String },
    /// A rule was broken.
    Fault { rule: String, message: String },
    /// Something to know that is no fault.
    Note(String),
    /// A valid loan was taken.
    Taken,
    /// The library or the function in it cannot be had.
    Unopened(String),
    /// The script has come to its end.
    Done,
}

/// The report's end in a script's process: one for all threads, because loans are
/// released from any.
static REPORT: Mutex<Option<File>> = Mutex::new(None);

/// Opens the report.
pub fn open(file: File) {
    *lock() = Some(file);
}

/// Says what is done next.
pub fn step(rule: &str, doing: impl Into<String>) {
    tell(&Message::Step { rule: rule.into(), doing: doing.into() });
}

/// Says that a rule was broken.
pub fn fault(rule: &str, message: impl Into<String>) {
    tell(&Message::Fault { rule: rule.into(), message: message.into() });
}

/// Says this step when an access to `pages` crashes.
pub fn step_on_crash(pages: &Pages, rule: &str, doing: &str) {
    let step = Message::Step { rule: rule.into(), doing: doing.into() };
    if let Some(file) = lock().as_ref() {
        trap::set(pages, line(&step), file.as_raw_fd());
    }
}

/// Writes a line; unbuffered, because this process may end at any moment.
pub fn tell(message: &Message) {
    let line = line(message);
    if let Some(file) = lock().as_mut() {
        // Nobody is left to be told where this fails.
        let _ = file.write_all(&line);
    }
}

fn line(message: &Message) -> Vec<u8> {
    // Strings and an enum: nothing can fail.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

fn lock() -> std::sync::MutexGuard<'static, Option<File>> {
    REPORT.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
