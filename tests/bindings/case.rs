//! A question to a binding, and what its answer must be.

use std::fmt::Write;

use super::vectors::{Refusal, status_name};

/// What one rank, or one step of a life, answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub refusal: Option<Refusal>,
    /// The numbers said.
    pub said: Vec<i64>,
    /// The bytes of the file that was written, where one was asked for.
    pub written: Vec<u8>,
}

impl Answer {
    /// A line of the driver.
    pub fn parse(line: &str) -> Option<Self> {
        let (line, seen) = line.split_once(" | ").unwrap_or((line, ""));
        let numbers =
            |text: &str| text.split_whitespace().map(|n| n.parse().ok()).collect::<Option<Vec<i64>>>();
        if let Some(said) = line.strip_prefix("ok") {
            let said = numbers(if seen.is_empty() { said } else { seen })?;
            return Some(Self { refusal: None, said, written: Vec::new() });
        }
        let words: Vec<&str> = line.strip_prefix("no ")?.splitn(6, ' ').collect();
        let [code, rank, other, axis, rule, field] = words[..] else { return None };
        let word = |word: &str| (word != "-").then(|| word.to_owned());
        let refusal = Refusal {
            kind: Some(status_name(code.parse().ok()?)),
            rule: word(rule),
            field: word(field),
            axis: axis.parse().ok(),
            rank: rank.parse().ok().filter(|rank| *rank >= 0),
            other_rank: other.parse().ok().filter(|rank| *rank >= 0),
        };
        Some(Self { refusal: Some(refusal), said: numbers(seen)?, written: Vec::new() })
    }
}

type Check = Box<dyn Fn(&[Answer]) -> Result<(), String> + Send + Sync>;

/// A vector as a question.
pub struct Case {
    pub id: String,
    /// As driver.c reads it.
    pub question: String,
    /// The number of answers.
    pub answers: usize,
    /// A file that the question names, and the bytes in it.
    pub file: Option<(String, Vec<u8>)>,
    pub check: Check,
}

/// The vectors of a set: those that are asked, and those that no binding can say.
#[derive(Default)]
pub struct Cases {
    pub asked: Vec<Case>,
    pub left_out: Vec<(String, &'static str)>,
}

impl Cases {
    /// Asks each rank; the numbers of a line and perhaps a text.
    pub fn ask(
        &mut self,
        id: impl Into<String>,
        verb: &str,
        ranks: &[(Vec<i64>, &str)],
        check: impl Fn(&[Answer]) -> Result<(), String> + Send + Sync + 'static,
    ) {
        let mut question = format!("{verb} {}\n", ranks.len());
        for (numbers, text) in ranks {
            for number in numbers {
                write!(question, "{number} ").unwrap();
            }
            writeln!(question, "{}{text}", if text.is_empty() { "" } else { "|" }).unwrap();
        }
        let answers = ranks.len();
        self.asked.push(Case { id: id.into(), question, answers, file: None, check: Box::new(check) });
    }

    /// Has a file read, and written again.
    pub fn ask_file(
        &mut self,
        id: &str,
        bytes: &[u8],
        check: impl Fn(&Answer) -> Result<(), String> + Send + Sync + 'static,
    ) {
        let name = format!("{}.dnpy", self.asked.len());
        self.ask(id, "file", &[(vec![], &name)], move |answers| check(&answers[0]));
        self.asked.last_mut().unwrap().file = Some((name, bytes.to_vec()));
    }

    pub fn leave_out(&mut self, id: impl Into<String>, reason: &'static str) {
        self.left_out.push((id.into(), reason));
    }
}

/// Every rank refuses as stated, or says what is expected of it.
pub fn all_say(answers: &[Answer], refusal: Option<&Refusal>, said: &[Vec<i64>]) -> Result<(), String> {
    for (rank, answer) in answers.iter().enumerate() {
        let found = answer.refusal.as_ref();
        same(&found, &refusal, &format!("rank {rank} refuses"))?;
        if refusal.is_none() {
            same(&answer.said, &said[rank], &format!("rank {rank} says"))?;
        }
    }
    Ok(())
}

pub fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T, what: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} {found:?}, not {expected:?}")) }
}
