//! How far long work is, on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::text;

/// Nothing is said about work that is done sooner.
const PATIENCE: Duration = Duration::from_millis(700);
const BETWEEN: Duration = Duration::from_millis(200);

/// A line on standard error that is written over, and gone at the end.
pub struct Meter {
    begun: Instant,
    said: Option<Instant>,
    terminal: bool,
}

impl Meter {
    /// Begins to count the time.
    pub fn new() -> Self {
        Self { begun: Instant::now(), said: None, terminal: io::stderr().is_terminal() }
    }

    /// Says how many bytes of all are done.
    pub fn say(&mut self, done: u64, total: u64) {
        let since = self.said.map_or(self.begun.elapsed(), |said| said.elapsed());
        if !self.terminal || since < if self.said.is_none() { PATIENCE } else { BETWEEN } {
            return;
        }
        self.said = Some(Instant::now());
        // Where nobody listens, nothing is to be done.
        let _ = write!(io::stderr(), "\r\x1b[K{}", line(done, total, self.begun.elapsed()));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.said.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `42 % of 12 GiB, 1.20 GiB/s, 6 s left`.
fn line(done: u64, total: u64, spent: Duration) -> String {
    let (done, all) = (done.max(1) as f64, total.max(1) as f64);
    let rate = done / spent.as_secs_f64().max(1e-3);
    format!(
        "{:.0} % of {}, {}/s, {:.0} s left",
        100.0 * done / all,
        text::bytes(all),
        text::bytes(rate),
        ((all - done) / rate).max(0.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_judged_by_what_was_done() {
        let spent = Duration::from_secs(10);
        assert_eq!(line(1 << 30, 1 << 32, spent), "25 % of 4 GiB, 102 MiB/s, 30 s left");
        assert_eq!(line(0, 0, Duration::ZERO), "100 % of 1 B, 1000 B/s, 0 s left");
    }
}
