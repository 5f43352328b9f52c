//! A script in a process of its own: a crash, a hang or an exit ends that one.
#![allow(unsafe_code)] // kill

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::reporter::Message;
use super::{Subject, child};
use crate::outcome::{Failure, Outcome};

/// How long the last lines of a process that has ended may take.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What a script told, its end among it where that is a fault.
pub struct Told {
    pub messages: Vec<Message>,
    /// Whether the end had to be made.
    pub hung: bool,
}

/// Runs one script.
pub fn run(subject: &Subject, script: &str) -> Outcome<Told> {
    let failed = |error: std::io::Error| Failure::File(format!("cannot start a process: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .arg(child::NAME)
        .arg(subject.role.name())
        .arg(&subject.library)
        .args([&subject.symbol, script, &subject.ranks.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0) // what it starts ends with it
        .spawn()
        .map_err(failed)?;
    let lines = lines(&mut child);
    let status = wait(&mut child, subject.timeout);
    let mut messages: Vec<Message> = Vec::new();
    let end = Instant::now() + LAST_LINES;
    while let Ok(message) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        messages.push(message);
    }
    if let Some(fault) = judge(status, &messages, subject.timeout) {
        messages.push(fault);
    }
    Ok(Told { messages, hung: status.is_none() })
}

/// What the process tells, on a thread: it may be more than a pipe holds.
fn lines(child: &mut Child) -> Receiver<Message> {
    let (sender, lines) = mpsc::channel();
    let out = child.stdout.take();
    thread::spawn(move || {
        for line in BufReader::new(out?).split(b'\n') {
            let message = serde_json::from_slice(&line.ok()?).ok()?;
            sender.send(message).ok()?;
        }
        Some(())
    });
    lines
}

/// Waits for the end, and makes it where it does not come; `None` then.
fn wait(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(pause),
            _ => break None,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    if let Ok(group) = i32::try_from(child.id()) {
        // SAFETY: a group of our own making, whose leader was not waited for or has
        // left others behind.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    if status.is_none() {
        let _ = child.wait();
    }
    status
}

/// The fault that an end is, unless the script came to its own.
fn judge(status: Option<ExitStatus>, messages: &[Message], timeout: Duration) -> Option<Message> {
    let done = messages.iter().any(|message| matches!(message, Message::Done | Message::Unopened(_)));
    let how = match status {
        None => format!("it did not end within {} s", timeout.as_secs()),
        Some(status) => match (status.signal(), status.code()) {
            (Some(signal), _) => format!("it crashed with {}", signal_name(signal)),
            (_, Some(0)) if done => return None,
            (_, code) => format!("it ended the process, with exit code {}", code.unwrap_or(-1)),
        },
    };
    let last = messages.iter().rev().find_map(|message| match message {
        Message::Step { rule, doing } => Some((rule.clone(), doing.as_str())),
        _ => None,
    });
    let (rule, doing) = last.unwrap_or(("lend-1".into(), "loading the library"));
    Some(Message::Fault { rule, message: format!("{doing}: {how}") })
}

fn signal_name(signal: i32) -> String {
    match signal {
        libc::SIGSEGV => "SIGSEGV, an access to memory that does not allow it".into(),
        libc::SIGBUS => "SIGBUS, an access to memory that does not allow it".into(),
        libc::SIGABRT => "SIGABRT, an abort".into(),
        libc::SIGFPE => "SIGFPE, a division by zero".into(),
        libc::SIGILL => "SIGILL, a trap".into(),
        other => format!("signal {other}"),
    }
}
