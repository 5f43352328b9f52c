//! The Python literal as a text form: reads what Python 2, Python 3 and NumPy
//! write into the headers of `.dnpy` and `.npy`, and evaluates nothing.
//!
//! The reader is a recursive descent over bytes, [`MAX_DEPTH`] levels at most.
//! It takes whitespace, newlines and `#` comments between any two tokens.

mod number;
mod repr;
mod string;

pub(crate) use repr::repr;

use super::value::{self, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// Deepest nesting read.
const MAX_DEPTH: usize = 32;

/// Longest text read; a `.dnpy` header has at most 65,535 bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// How bytes above 127 in a string are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Headers of `.dnpy` and of `.npy` before version 3.0.
    Latin1,
    /// Rust strings and headers of `.npy` 3.0; the caller has checked the text.
    Utf8,
}

/// Reads one literal that fills `text`; offsets in errors count from `first`.
pub(crate) fn parse(text: &[u8], encoding: Encoding, first: usize) -> Result<Value> {
    let mut scanner = Scanner { text, encoding, first, position: 0 };
    if text.len() > MAX_BYTES {
        let limit = as_i64(MAX_BYTES);
        let found = as_i64(text.len());
        return Err(scanner.error("the text is too long for a literal", 0).expected_found(limit, found));
    }
    let value = scanner.value(MAX_DEPTH)?;
    match scanner.peek() {
        None => Ok(value),
        Some(_) => Err(scanner.unexpected("the end of the literal")),
    }
}

/// The text and how far it has been read.
struct Scanner<'a> {
    text: &'a [u8],
    encoding: Encoding,
    first: usize,
    position: usize,
}

impl<'a> Scanner<'a> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        let Some(byte) = self.peek() else {
            return Err(self.unexpected("a value"));
        };
        if matches!(byte, b'(' | b'[' | b'{') && depth == 0 {
            return Err(self.error("nested deeper than 32 levels", self.position));
        }
        match byte {
            b'(' => self.tuple(depth - 1),
            b'[' => Ok(Value::List(self.items(b']', |s| s.value(depth - 1))?.0)),
            b'{' => self.dict(depth - 1),
            b'\'' | b'"' => Ok(Value::Str(self.strings()?)),
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number(),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word(),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A value without brackets.
    fn plain(&mut self) -> Result<Value> {
        match self.peek() {
            Some(b'(' | b'[' | b'{') => Err(self.unexpected("a plain value")),
            _ => self.value(0),
        }
    }

    /// `()`, `(a,)`, `(a, b)`; `(a)` is `a` itself.
    fn tuple(&mut self, depth: usize) -> Result<Value> {
        let (mut items, trailing_comma) = self.items(b')', |s| s.value(depth))?;
        match items.pop() {
            Some(only) if items.is_empty() && !trailing_comma => Ok(only),
            last => {
                items.extend(last);
                Ok(Value::Tuple(items))
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value> {
        let mut entries = Vec::new();
        self.items(b'}', |s| {
            let start = s.position;
            let Value::Str(key) = s.plain()? else {
                return Err(s.error("a key of a dictionary must be a string", start));
            };
            s.expect(b':')?;
            let value = s.value(depth)?;
            value::insert(&mut entries, key, value).map_err(|why| s.error(&why, start))
        })?;
        Ok(Value::Dict(entries))
    }

    /// Items up to `close`, and whether a comma followed the last one.
    fn items<T>(
        &mut self,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<(Vec<T>, bool)> {
        let mut items = Vec::new();
        self.position += 1;
        loop {
            if self.take(close) {
                let trailing_comma = !items.is_empty();
                return Ok((items, trailing_comma));
            }
            // Where the item begins, not where the blank before it does.
            self.peek();
            items.push(item(self)?);
            if !self.take(b',') {
                self.expect(close)?;
                return Ok((items, false));
            }
        }
    }

    /// A constant, a prefixed string, `array(...)` or a NumPy scalar.
    fn word(&mut self) -> Result<Value> {
        let start = self.position;
        let word = self.name();
        match word {
            b"None" => Ok(Value::None),
            b"True" | b"np.True_" => Ok(Value::Bool(true)),
            b"False" | b"np.False_" => Ok(Value::Bool(false)),
            b"u" | b"U" if matches!(self.text.get(self.position), Some(b'\'' | b'"')) => {
                self.position = start;
                Ok(Value::Str(self.strings()?))
            }
            b"array" => self.array(),
            _ => match word.strip_prefix(b"np.") {
                Some(kind) if Integer::named(kind).is_some() => {
                    self.scalar(|value| matches!(value, Value::Int(_)))
                }
                Some(b"float16" | b"float32" | b"float64") => {
                    self.scalar(|value| matches!(value, Value::Float(_)))
                }
                Some(b"str_") => self.scalar(|value| matches!(value, Value::Str(_))),
                _ => Err(self.error("a name that is no constant of a literal", start)),
            },
        }
    }

    /// The parenthesised value of a NumPy scalar such as `np.int64(6)`.
    fn scalar(&mut self, is_kind: impl Fn(&Value) -> bool) -> Result<Value> {
        self.expect(b'(')?;
        let start = self.position;
        let value = self.plain()?;
        if !is_kind(&value) {
            return Err(self.error("a value of another kind than its NumPy type", start));
        }
        self.expect(b')')?;
        Ok(value)
    }

    /// `([0, 4], dtype=int32)` after the word `array`.
    fn array(&mut self) -> Result<Value> {
        self.expect(b'(')?;
        if self.peek() != Some(b'[') {
            return Err(self.unexpected("the list of a one-dimensional array"));
        }
        let start = self.position;
        let (values, _) = self.items(b']', |s| {
            let start = s.position;
            s.plain()?.as_i64().ok_or_else(|| s.error("an array item must be an integer of 64 bits", start))
        })?;
        if self.take(b',') && self.peek() != Some(b')') {
            let integer = self.dtype()?;
            if let Some(value) = values.iter().find(|value| !integer.holds(**value)) {
                let why = format!("the array's dtype cannot hold its item {value}");
                return Err(self.error(&why, start));
            }
            self.take(b',');
        }
        self.expect(b')')?;
        Ok(Value::Ints(values))
    }

    /// `dtype=int32` or `dtype='>i4'`.
    fn dtype(&mut self) -> Result<Integer> {
        let start = self.position;
        let (word, equals) = (self.name(), self.take(b'='));
        if word != b"dtype" || !equals {
            return Err(self.error("only dtype=... may follow the list of an array", start));
        }
        self.peek();
        let start = self.position;
        let integer = match self.peek() {
            Some(b'\'' | b'"') => Integer::described(&self.strings()?),
            _ => Integer::named(self.name()),
        };
        integer.ok_or_else(|| self.error("the dtype of indices must be an integer type", start))
    }

    /// A dotted name; empty where none stands.
    fn name(&mut self) -> &'a [u8] {
        self.peek();
        let rest = self.text.get(self.position..).unwrap_or_default();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        self.position += length;
        &rest[..length]
    }

    /// The next byte that is no blank and in no comment, without taking it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.position)? {
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' => self.position += 1,
                b'#' => {
                    let comment = &self.text[self.position..];
                    let length = comment.iter().take_while(|byte| **byte != b'\n').count();
                    self.position += length;
                }
                byte => return Some(*byte),
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("{:?}", char::from(byte)))),
        }
    }

    fn unexpected(&self, wanted: &str) -> Error {
        let found = match self.text.get(self.position) {
            Some(byte @ b' '..=b'~') => format!("{:?}", char::from(*byte)),
            Some(byte) => format!("the byte {byte:#04x}"),
            None => "the end".to_owned(),
        };
        self.error(&format!("expected {wanted}, found {found}"), self.position)
    }

    fn error(&self, what: &str, position: usize) -> Error {
        let offset = self.first.saturating_add(position);
        Error::new(ErrorKind::Syntax, format!("{what}, at byte {offset}"))
    }
}

/// A NumPy integer type: what it can hold.
struct Integer {
    bits: u32,
    signed: bool,
}

impl Integer {
    /// By name: `int32`, `uint8`, and the C names NumPy prints for some.
    fn named(name: &[u8]) -> Option<Self> {
        let (bits, signed) = match name {
            b"int8" => (8, true),
            b"int16" => (16, true),
            b"int32" | b"intc" => (32, true),
            b"int64" | b"intp" | b"longlong" => (64, true),
            b"uint8" => (8, false),
            b"uint16" => (16, false),
            b"uint32" | b"uintc" => (32, false),
            b"uint64" | b"uintp" | b"ulonglong" => (64, false),
            _ => return None,
        };
        Some(Self { bits, signed })
    }

    /// By array-protocol string: `>i4`, or a name in quotes.
    fn described(text: &str) -> Option<Self> {
        let (bits, signed) = match text.trim_start_matches(['<', '>', '=', '|']) {
            "i1" => (8, true),
            "i2" => (16, true),
            "i4" => (32, true),
            "i8" => (64, true),
            "u1" => (8, false),
            "u2" => (16, false),
            "u4" => (32, false),
            "u8" => (64, false),
            _ => return Self::named(text.as_bytes()),
        };
        Some(Self { bits, signed })
    }

    fn holds(&self, value: i64) -> bool {
        let value = i128::from(value);
        match self.signed {
            true => (-(1i128 << (self.bits - 1))..1i128 << (self.bits - 1)).contains(&value),
            false => (0..1i128 << self.bits).contains(&value),
        }
    }
}
