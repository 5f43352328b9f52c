//! NumPy element types: the `descr` of a `.npy` header, its size, and the
//! PEP 3118 format that records keep in memory.

use crate::array::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Value;

/// An element type of NumPy that holds no Python objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Descr {
    /// A number, string, date or stretch of bytes.
    Basic(Basic),
    /// Named fields, one after the other without gaps.
    Record(Vec<Field>),
}

/// `[<>=|]`, a letter of `biufcmMSUV`, a count, and the unit of a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Basic {
    pub(super) big_endian: bool,
    pub(super) letter: char,
    /// Characters of a string, bytes of anything else; never 0.
    pub(super) count: usize,
    /// `[ns]` of a date, with its brackets.
    pub(super) unit: String,
}

/// One field of a record; an unnamed one is padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) descr: Descr,
    /// Extents of a field that is an array itself.
    pub(super) shape: Vec<usize>,
}

impl Descr {
    /// Reads a `descr`, with the names and sizes checked.
    pub(super) fn from_value(value: &Value) -> Result<Self> {
        match value {
            Value::Str(text) => Ok(Self::Basic(Basic::parse(text).ok_or_else(|| {
                refused(format!("{text:?} is no element type that can be read without running code"))
            })?)),
            // Bounded: a literal has at most 32 levels.
            Value::List(fields) if !fields.is_empty() => {
                let mut record: Vec<Field> = Vec::with_capacity(fields.len());
                for field in fields {
                    let field = Field::from_value(field)?;
                    if !field.name.is_empty() && record.iter().any(|other| other.name == field.name) {
                        return Err(refused(format!("the field {:?} appears twice", field.name)));
                    }
                    record.push(field);
                }
                let record = Self::Record(record);
                record.itemsize()?;
                Ok(record)
            }
            other => Err(refused(format!("a string or a list of fields is needed, not {}", other.kind()))),
        }
    }

    /// The `descr` as NumPy writes it.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Basic(basic) => Value::Str(basic.text()),
            Self::Record(fields) => Value::List(fields.iter().map(Field::to_value).collect()),
        }
    }

    /// The type of elements of this kind in memory, which is of native byte order.
    pub(super) fn of(dtype: DType) -> Result<Self> {
        let letter = match dtype {
            DType::BOOL => 'b',
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => 'i',
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => 'u',
            DType::F16 | DType::F32 | DType::F64 => 'f',
            DType::C64 | DType::C128 => 'c',
            _ => {
                let why = format!("NumPy has no element type {dtype}; convert the array first");
                return Err(Error::new(ErrorKind::Unsupported, why).in_field("dtype"));
            }
        };
        let count = usize::from(dtype.bits) / 8;
        Ok(Self::Basic(Basic { big_endian: cfg!(target_endian = "big"), letter, count, unit: String::new() }))
    }

    /// Bytes of which only the number is known.
    pub(super) fn bytes(count: usize) -> Self {
        Self::Basic(Basic { big_endian: false, letter: 'V', count, unit: String::new() })
    }

    /// The element type, [`DType::OPAQUE`] for what Rust has no type for.
    pub(super) fn dtype(&self) -> DType {
        let Self::Basic(basic) = self else { return DType::OPAQUE };
        match (basic.letter, basic.count) {
            ('b', 1) => DType::BOOL,
            ('i', 1) => DType::I8,
            ('i', 2) => DType::I16,
            ('i', 4) => DType::I32,
            ('i', 8) => DType::I64,
            ('u', 1) => DType::U8,
            ('u', 2) => DType::U16,
            ('u', 4) => DType::U32,
            ('u', 8) => DType::U64,
            ('f', 2) => DType::F16,
            ('f', 4) => DType::F32,
            ('f', 8) => DType::F64,
            ('c', 8) => DType::C64,
            ('c', 16) => DType::C128,
            _ => DType::OPAQUE,
        }
    }

    /// Whether numbers of this type must be turned round to be used here.
    pub(super) fn is_foreign_endian(&self) -> bool {
        matches!(self, Self::Basic(basic) if basic.big_endian != cfg!(target_endian = "big"))
    }

    /// Bytes of one element; never 0.
    pub(super) fn itemsize(&self) -> Result<usize> {
        let size = match self {
            Self::Basic(basic) => basic.itemsize(),
            Self::Record(fields) => fields.iter().try_fold(0, |sum: usize, field| {
                let extents = field.shape.iter().try_fold(1, |product: usize, n| product.checked_mul(*n));
                let one = field.descr.itemsize().ok()?;
                sum.checked_add(one.checked_mul(extents?)?)
            }),
        };
        size.filter(|size| *size > 0).ok_or_else(|| refused("an element has no bytes, or too many to count"))
    }
}

impl Field {
    /// `(name, descr)` or `(name, descr, shape)`.
    fn from_value(value: &Value) -> Result<Self> {
        let Value::Tuple(parts) = value else {
            return Err(refused(format!("a field is a tuple, not {}", value.kind())));
        };
        let (Some(Value::Str(name)), Some(descr), true) = (parts.first(), parts.get(1), parts.len() <= 3)
        else {
            return Err(refused("a field is a name, a type and perhaps a shape"));
        };
        let descr = Descr::from_value(descr)?;
        let is_padding = matches!(&descr, Descr::Basic(basic) if basic.letter == 'V');
        if name.is_empty() && !is_padding {
            return Err(refused("only padding may be a field without a name"));
        }
        let extents = match parts.get(2) {
            None => &[],
            Some(Value::Tuple(extents)) => extents.as_slice(),
            Some(other) => return Err(refused(format!("a field's shape is a tuple, not {}", other.kind()))),
        };
        let extent = |value: &Value| value.as_i64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let shape: Option<Vec<usize>> = extents.iter().map(extent).collect();
        let shape = shape.ok_or_else(|| refused("extents of a field must be integers above 0"))?;
        Ok(Self { name: name.clone(), descr, shape })
    }

    fn to_value(&self) -> Value {
        let mut parts = vec![Value::Str(self.name.clone()), self.descr.to_value()];
        if !self.shape.is_empty() {
            let extent = |n: &usize| Value::Int(i128::try_from(*n).unwrap_or(i128::MAX));
            parts.push(Value::Tuple(self.shape.iter().map(extent).collect()));
        }
        Value::Tuple(parts)
    }
}

impl Basic {
    /// Reads the array-protocol string; `None` where it is not one of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        let big_endian = match characters.next()? {
            '<' => false,
            '>' => true,
            '=' | '|' => cfg!(target_endian = "big"),
            _ => return None,
        };
        let letter = characters.next()?;
        let rest = characters.as_str();
        let (digits, unit) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
        // "+8" and "08" are numbers to Rust, but no counts.
        let count = digits.parse().ok().filter(|count: &usize| count.to_string() == digits)?;
        let known = match letter {
            'b' => count == 1,
            'i' | 'u' => matches!(count, 1 | 2 | 4 | 8),
            'f' => matches!(count, 2 | 4 | 8 | 16),
            'c' => matches!(count, 8 | 16 | 32),
            'm' | 'M' => count == 8,
            'S' | 'U' | 'V' => count > 0,
            _ => false,
        };
        let is_unit = matches!(letter, 'm' | 'M') && unit.len() > 2 && unit.ends_with(']');
        let is_plain = |unit: &str| unit.chars().all(|c| c.is_ascii_alphanumeric() || c == '/');
        let unit_known = unit.is_empty() || is_unit && is_plain(&unit[1..unit.len() - 1]);
        let basic = Self { big_endian, letter, count, unit: unit.to_owned() };
        (known && unit_known && basic.itemsize().is_some()).then_some(basic)
    }

    /// NumPy marks the byte order `|` where there is none.
    fn text(&self) -> String {
        let order = match (self.letter, self.count, self.big_endian) {
            ('S' | 'V' | 'b', ..) | ('i' | 'u', 1, _) => '|',
            (_, _, true) => '>',
            (_, _, false) => '<',
        };
        format!("{order}{}{}{}", self.letter, self.count, self.unit)
    }

    pub(super) fn itemsize(&self) -> Option<usize> {
        match self.letter {
            'U' => self.count.checked_mul(4),
            _ => Some(self.count),
        }
    }
}

fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::DType, why).in_field("descr").by_rule("F6")
}
