//! Reading the text form of a layout, character by character.

use std::ops::Range;
use std::path::Path;

use distarray::protocol::GridOrder;

use super::file;
use super::text::{Deal, Edges, Halo, Kind, Wish, fault};
use crate::outcome::{Failure, Outcome};

/// A text, and how far it is read.
pub struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    /// At the begin of a text.
    pub fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0 }
    }

    /// Reads all of it.
    pub fn wish(mut self) -> Outcome<Wish> {
        self.blank();
        let digit = self.peek().is_some_and(|c| c.is_ascii_digit());
        let shape = digit.then(|| self.numbers('x', "a size")).transpose()?;
        let mut kinds = vec![self.kind()?];
        self.blank();
        while self.eat(',') {
            kinds.push(self.kind()?);
            self.blank();
        }
        let (mut grid, mut order, mut replicas) = (None, None, None);
        loop {
            self.blank();
            let start = self.at;
            let word: String = self.take_while(|c| c.is_ascii_alphabetic());
            let again = match word.as_str() {
                "on" => {
                    self.blank();
                    let start = self.at;
                    let extents = self.numbers('x', "the number of processes")?;
                    if let Some(zero) = extents.iter().position(|&n| n < 1) {
                        let why = format!("expected at least one process along axis {zero}, found 0");
                        return Err(self.fault(start..self.at, &why));
                    }
                    grid.replace((start..self.at, extents)).is_some()
                }
                "order" => order.replace(self.order()?).is_some(),
                "replicas" => {
                    self.blank();
                    let start = self.at;
                    let copies = self.number("a number of copies")?;
                    if copies < 1 {
                        return Err(self.fault(start..self.at, "expected at least one copy"));
                    }
                    replicas.replace(copies).is_some()
                }
                "" if self.peek().is_none() => break,
                _ => {
                    let expected = if grid.is_none() { "',' and the next axis, or 'on'" } else { "'order'" };
                    self.at = start;
                    return Err(self.unexpected(&format!("{expected}, 'replicas', or the end")));
                }
            };
            if again {
                return Err(self.fault(start..start + word.len(), &format!("'{word}' is said twice")));
            }
        }
        let (order, replicas) = (order.unwrap_or_default(), replicas.unwrap_or(1));
        Ok(Wish { text: self.text, shape, kinds, grid, order, replicas })
    }

    fn kind(&mut self) -> Outcome<Kind> {
        self.blank();
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphabetic());
        let deal = match word.as_str() {
            "b" if self.eat('(') => self.bounds()?,
            "b" => self.size_if_any()?.map_or(Deal::Block, Deal::BlocksOf),
            "ceil" => Deal::Ceil,
            "c" => {
                let block = self.size_if_any()?.unwrap_or(1);
                let process = self.eat('@').then(|| self.number("a process")).transpose()?;
                let first =
                    self.eat('/').then(|| self.number("the length of the first block")).transpose()?;
                Deal::Cyclic { block, process, first }
            }
            "n" => Deal::Whole,
            "" if self.eat('*') => Deal::Whole,
            "u" if self.eat('(') => Deal::Lists(self.lists()?),
            "u" => return Err(self.unexpected("'(' and a list of indices for each process, or '(@FILE)'")),
            _ => {
                self.at = start;
                return Err(self
                    .unexpected("how the axis is dealt out: b, b64, b(0,10,40), ceil, c, c64, n or u(...)"));
            }
        };
        let halo = self.eat('+').then(|| self.halo()).transpose()?;
        Ok(Kind { at: start..self.at, deal, halo })
    }

    fn bounds(&mut self) -> Outcome<Deal> {
        let start = self.at;
        let bounds = self.numbers(',', "a bound")?;
        let at = start..self.at;
        if bounds.len() < 2 || bounds[0] != 0 {
            return Err(self.fault(at, "expected bounds that begin with 0 and end with the size"));
        }
        if let Some(pair) = bounds.windows(2).find(|pair| pair[0] > pair[1]) {
            return Err(self.fault(at, &format!("bounds must not descend: {} after {}", pair[1], pair[0])));
        }
        self.close()?;
        Ok(Deal::Bounds(bounds))
    }

    fn halo(&mut self) -> Outcome<Halo> {
        let before = self.number("the width of the halo")?;
        let after = if self.eat(':') { self.number("the width after the block")? } else { before };
        let edges = match self.peek() {
            Some('p') => Edges::Periodic,
            Some('o') => Edges::Outside,
            _ => return Ok(Halo { widths: [before, after], edges: Edges::End }),
        };
        self.at += 1;
        Ok(Halo { widths: [before, after], edges })
    }

    fn lists(&mut self) -> Outcome<Vec<Vec<i64>>> {
        if self.eat('@') {
            let path = self.take_while(|c| c != ')');
            let lists = file::lists(Path::new(&path))?;
            self.close()?;
            return Ok(lists);
        }
        let mut lists = vec![Vec::new()];
        loop {
            self.blank();
            match self.peek() {
                Some('|') => {
                    self.at += 1;
                    lists.push(Vec::new());
                }
                Some(',') if lists.last().is_some_and(|list| !list.is_empty()) => self.at += 1,
                Some(c) if c.is_ascii_digit() => {
                    let index = self.number("an index")?;
                    lists.last_mut().unwrap_or(&mut Vec::new()).push(index);
                }
                Some(')') => break,
                _ => return Err(self.unexpected("an index, '|' and the next process, or ')'")),
            }
        }
        self.close()?;
        Ok(lists)
    }

    fn order(&mut self) -> Outcome<GridOrder> {
        self.blank();
        match self.peek() {
            Some('C') => self.at += 1,
            Some('F') => {
                self.at += 1;
                return Ok(GridOrder::ColumnMajor);
            }
            Some(c) if c.is_ascii_digit() => {
                let start = self.at;
                let table = self.numbers(',', "a rank")?;
                let mut sorted = table.clone();
                sorted.sort_unstable();
                if (0..).zip(&sorted).any(|(rank, &stands)| rank != stands) {
                    let why = format!("expected each of the ranks 0 to {} once", table.len() - 1);
                    return Err(self.fault(start..self.at, &why));
                }
                return Ok(GridOrder::Ranks(table.into()));
            }
            _ => return Err(self.unexpected("C, F, or the rank at each place of the grid")),
        }
        Ok(GridOrder::RowMajor)
    }

    /// Numbers with a separator between them.
    fn numbers(&mut self, separator: char, what: &str) -> Outcome<Vec<i64>> {
        let mut numbers = vec![self.number(what)?];
        while self.eat(separator) {
            numbers.push(self.number(what)?);
        }
        Ok(numbers)
    }

    fn size_if_any(&mut self) -> Outcome<Option<i64>> {
        let start = self.at;
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Ok(None);
        }
        let size = self.number("the length of a block")?;
        if size < 1 {
            return Err(self.fault(start..self.at, "expected blocks of at least one element"));
        }
        Ok(Some(size))
    }

    fn number(&mut self, what: &str) -> Outcome<i64> {
        self.blank();
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit() || c == '_').replace('_', "");
        if digits.is_empty() {
            self.at = start;
            return Err(self.unexpected(what));
        }
        let too_large = |_| self.fault(start..self.at, &format!("{what} of more than {}", i64::MAX));
        digits.parse().map_err(too_large)
    }

    fn close(&mut self) -> Outcome<()> {
        if self.eat(')') { Ok(()) } else { Err(self.unexpected("')'")) }
    }

    fn blank(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let taken: String = self.text[self.at..].iter().take_while(|&&c| keep(c)).collect();
        self.at += taken.chars().count();
        taken
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, expected: &str) -> Failure {
        let word = self.text[self.at..].iter().take_while(|c| !c.is_whitespace() && !",()".contains(**c));
        let length = word.count().max(usize::from(self.at < self.text.len()));
        let found: String = self.text[self.at..self.at + length.min(16)].iter().collect();
        let found = if found.is_empty() { "the end".into() } else { format!("'{found}'") };
        self.fault(self.at..self.at + length, &format!("expected {expected}; found {found}"))
    }

    fn fault(&self, at: Range<usize>, why: &str) -> Failure {
        fault(&self.text, at, why)
    }
}
