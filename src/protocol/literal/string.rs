//! Strings of a literal: both quotes, escapes, `u''`, adjacent strings joined.

use super::{Encoding, Scanner};
use crate::error::Result;

impl Scanner<'_> {
    /// One string or several side by side, which Python joins.
    pub(super) fn strings(&mut self) -> Result<String> {
        let start = self.position;
        let mut bytes = Vec::new();
        loop {
            let prefixed = matches!(self.peek(), Some(b'u' | b'U'));
            let quote = self.position + usize::from(prefixed);
            match self.text.get(quote) {
                Some(b'\'' | b'"') => self.string(quote, &mut bytes)?,
                _ => break,
            }
        }
        String::from_utf8(bytes).map_err(|_| self.error("a string that is not UTF-8", start))
    }

    /// One string that opens at `start`, appended as UTF-8.
    fn string(&mut self, start: usize, bytes: &mut Vec<u8>) -> Result<()> {
        let quote = self.text[start];
        self.position = start + 1;
        loop {
            let Some(byte) = self.text.get(self.position).copied() else {
                return Err(self.error("a string without its closing quote", start));
            };
            self.position += 1;
            match byte {
                b'\\' => self.escape(bytes)?,
                b'\n' => return Err(self.error("a string without its closing quote", start)),
                0 => return Err(self.error("a NUL byte in a string", self.position - 1)),
                byte if byte == quote => return Ok(()),
                byte if self.encoding == Encoding::Latin1 => push(bytes, char::from(byte)),
                byte => bytes.push(byte),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let start = self.position - 1;
        let Some(byte) = self.text.get(self.position).copied() else {
            return Err(self.error("a string that ends in a backslash", start));
        };
        self.position += 1;
        let character = match byte {
            b'\n' => return Ok(()),
            b'\\' | b'\'' | b'"' => char::from(byte),
            b'a' => '\x07',
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'v' => '\x0b',
            b'x' => self.code_point(start, 2, 16)?,
            b'u' => self.code_point(start, 4, 16)?,
            b'U' => self.code_point(start, 8, 16)?,
            b'0'..=b'7' => {
                let rest = &self.text[self.position..];
                let is_octal = |byte: &&u8| matches!(byte, b'0'..=b'7');
                let more = rest.iter().take(2).take_while(is_octal).count();
                self.position -= 1;
                self.code_point(start, more + 1, 8)?
            }
            b'N' => return Err(self.error("characters by name are not read", start)),
            // Python keeps the backslash of an escape it does not know.
            _ => {
                self.position -= 1;
                '\\'
            }
        };
        push(bytes, character);
        Ok(())
    }

    /// The character of exactly `length` digits.
    fn code_point(&mut self, start: usize, length: usize, radix: u32) -> Result<char> {
        let end = self.position + length;
        let digits = self.text.get(self.position..end).unwrap_or_default();
        let value = digits.iter().try_fold(0u32, |value, digit| {
            let digit = char::from(*digit).to_digit(radix)?;
            value.checked_mul(radix)?.checked_add(digit)
        });
        self.position = end;
        match value.and_then(char::from_u32) {
            Some(character) if !digits.is_empty() => Ok(character),
            _ => Err(self.error("an escape that names no character", start)),
        }
    }
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
