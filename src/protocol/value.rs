//! The data model of the text forms of `dim_data`: JSON and the Python literal.
//!
//! A [`Value`] keeps every difference the protocol makes (a tuple is not a
//! list, `True` is not `1`, `6.0` is not `6`) and nothing else.

use super::literal;
use crate::error::Result;

/// Most keys a dictionary may have; the protocol's own have at most a dozen.
const MAX_KEYS: usize = 256;

/// A value of a text form, as Python's data model has it.
///
/// Sets, bytes and complex numbers are not here: no form of `dim_data` has them.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`, or `null` in JSON.
    None,
    /// A truth value; never an integer, as Python's own `bool` would be.
    Bool(bool),
    /// An integer. Wider than the protocol's 64 bits, so that one out of range
    /// can be named in the error that refuses it.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Str(String),
    /// A tuple, or an array of JSON.
    Tuple(Vec<Value>),
    /// A list.
    List(Vec<Value>),
    /// A dictionary in the order it was written; keys are strings and unique.
    Dict(Vec<(String, Value)>),
    /// A one-dimensional NumPy integer array, printed as a list.
    Ints(Vec<i64>),
}

impl Value {
    /// Reads a Python literal; nothing is ever evaluated. Local.
    ///
    /// Beyond `ast.literal_eval` it takes what NumPy and Python 2 print inside
    /// a literal: `array([0, 4], dtype=int32)`, `np.int64(6)`, `6L`, `u'b'`.
    ///
    /// # Errors
    /// `Syntax`, with the byte offset, on anything else: expressions, names,
    /// sets, bytes, complex numbers, keys that are not strings or appear twice,
    /// integers beyond 127 bits, more than 256 keys, 32 levels or 1 MiB of text.
    pub fn from_literal(text: &str) -> Result<Self> {
        literal::parse(text.as_bytes(), literal::Encoding::Utf8, 0)
    }

    /// Prints the value as Python's `repr` does; the text is Latin-1.
    ///
    /// An integer array is printed as a list, infinity as `1e309`; a float that
    /// is not a number as `nan`, which no literal is.
    #[must_use]
    pub fn to_literal(&self) -> String {
        literal::repr(self)
    }

    /// The integer, if it is one that fits the protocol's 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(value) => Some(value),
            _ => None,
        }
    }

    /// The items of a tuple or a list.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match self {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    #[must_use]
    pub fn as_dict(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of one key of a dictionary.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let entry = self.as_dict()?.iter().find(|(name, _)| name == key);
        entry.map(|(_, value)| value)
    }

    /// What the value is, for messages: "a tuple", "an integer".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Str(_) => "a string",
            Value::Tuple(_) => "a tuple",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Ints(_) => "an integer array",
        }
    }
}

/// Adds an entry whose key must be new; a message where it is not.
pub(super) fn insert(
    entries: &mut Vec<(String, Value)>,
    key: String,
    value: Value,
) -> std::result::Result<(), String> {
    // Two readers would take different ones of two equal keys.
    if entries.iter().any(|(name, _)| *name == key) {
        return Err(format!("the key {key:?} appears twice"));
    }
    if entries.len() == MAX_KEYS {
        return Err(format!("a dictionary of more than {MAX_KEYS} keys"));
    }
    entries.push((key, value));
    Ok(())
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Str(value.to_owned())
    }
}
