//! Numbers of a literal: `6`, `-0x1F`, `1_000`, `6L`, `.5e-3`.

use super::Scanner;
use crate::error::Result;
use crate::protocol::value::Value;

impl Scanner<'_> {
    /// A number with at most one sign.
    pub(super) fn number(&mut self) -> Result<Value> {
        let start = self.position;
        let negative = match self.text.get(start) {
            Some(b'-') => true,
            Some(b'+') => false,
            _ => return self.unsigned(false, start),
        };
        self.position += 1;
        self.peek();
        self.unsigned(negative, start)
    }

    fn unsigned(&mut self, negative: bool, start: usize) -> Result<Value> {
        let body = self.position;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        while let Some(byte) = self.text.get(self.position) {
            let exponent_sign = matches!(byte, b'+' | b'-') && self.after_exponent(body);
            if !is_part(*byte) && !exponent_sign {
                break;
            }
            self.position += 1;
        }
        let text = str::from_utf8(&self.text[body..self.position]).unwrap_or_default();
        match integer(text) {
            Some(Ok(value)) => return Ok(Value::Int(if negative { -value } else { value })),
            Some(Err(())) => return Err(self.error("an integer beyond 127 bits", start)),
            None => {}
        }
        let value = float(text).ok_or_else(|| self.error("not a number of a literal", start))?;
        Ok(Value::Float(if negative { -value } else { value }))
    }

    /// Whether the byte before is the exponent mark of a decimal number.
    fn after_exponent(&self, body: usize) -> bool {
        let text = &self.text[body..self.position];
        matches!(text, [b'0'..=b'9' | b'.', .., b'e' | b'E']) && !is_radix(text)
    }
}

fn is_radix(text: &[u8]) -> bool {
    matches!(text, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..])
}

/// The integer; `None` where the text is not one, `Some(Err)` where it is too big.
fn integer(text: &str) -> Option<std::result::Result<i128, ()>> {
    // Python 2 marks its long integers.
    let text = text.strip_suffix(['L', 'l']).unwrap_or(text);
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'o' | b'O', ..] => (&text[2..], 8),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        _ => (text, 10),
    };
    // After a prefix Python lets an underscore follow at once: 0x_ff.
    let digits = match radix {
        10 => digits,
        _ => digits.strip_prefix('_').unwrap_or(digits),
    };
    let plain = without_underscores(digits, radix)?;
    if plain.is_empty() || !plain.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    // 010 is 8 in Python 2 and an error in Python 3: refuse to guess.
    if radix == 10 && plain.len() > 1 && plain.starts_with('0') && !plain.trim_matches('0').is_empty() {
        return None;
    }
    Some(i128::from_str_radix(&plain, radix).map_err(drop))
}

/// A decimal floating-point number, as Python spells it.
fn float(text: &str) -> Option<f64> {
    let plain = without_underscores(text, 10)?;
    // Rust's own parser would also take "inf", and integers refused before.
    if !plain.contains(['.', 'e', 'E']) {
        return None;
    }
    plain.parse().ok()
}

/// The text without its underscores, each of which must stand between two digits.
fn without_underscores(text: &str, radix: u32) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(|byte| char::from(*byte).is_digit(radix));
    let misplaced = |at: usize| {
        bytes[at] == b'_' && !(at > 0 && is_digit(bytes.get(at - 1)) && is_digit(bytes.get(at + 1)))
    };
    match (0..bytes.len()).any(misplaced) {
        true => None,
        false => Some(text.replace('_', "")),
    }
}
