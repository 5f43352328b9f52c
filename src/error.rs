//! One error type: what was refused, and exactly where.
//!
//! An [`Error`] carries its place as data (rank, axis, field, expected, found,
//! rule), so that a program can act on it and every rank can show the same one.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What sort of thing was refused. The numbers are the C status codes
/// `DISTARRAY_E_*`; a number is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// A pointer that must not be NULL is NULL.
    Null = 1,
    /// A magic number, an ABI version or a protocol version we do not speak.
    Version = 2,
    /// A must-understand flag we do not know, or flags that contradict.
    Flag = 3,
    /// A process grid that does not fit the processes.
    Grid = 4,
    /// A number outside its range.
    Range = 5,
    /// A local shape that contradicts the distribution.
    Shape = 6,
    /// An element outside the stated allocation, or arithmetic that overflows.
    Bounds = 7,
    /// An element type that is unknown or not the one expected.
    DType = 8,
    /// Memory on a device we cannot reach.
    Device = 9,
    /// Memory below its natural alignment.
    Align = 10,
    /// An export that was released or moved away.
    Released = 11,
    /// Writing where only reading was lent.
    Access = 12,
    /// Text or bytes that do not follow their format.
    Syntax = 13,
    /// Ranks that disagree where the protocol says they must agree.
    Invariant = 20,
    /// Parts that leave a gap or overlap.
    Partition = 21,
    /// Global indices, coordinates or ranks that appear twice or not at all.
    Duplicate = 22,
    /// Padding that does not pair with the neighbour.
    Halo = 23,
    /// An object that is in use elsewhere.
    Busy = 30,
    /// A request the producer cannot meet.
    Unacceptable = 31,
    /// A request that could be met only by a forbidden copy.
    WouldCopy = 32,
    /// The message layer failed.
    Comm = 40,
    /// Memory could not be allocated.
    NoMemory = 41,
    /// Something this version does not do.
    Unsupported = 42,
    /// The operating system refused a file operation.
    Io = 43,
    /// A bug in this library, caught at its border.
    Panic = 99,
}

impl ErrorKind {
    /// The C status code.
    #[must_use]
    pub fn code(self) -> i32 {
        self as i32
    }
}

/// Why an operation was refused, and where: rank, axis, field, expected, found.
///
/// The message alone is enough for a person; the fields are for programs.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Error(Box<Report>);

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Report {
    kind: ErrorKind,
    /// Not a path: what other ranks are told must be text.
    file: Option<String>,
    /// Whose loan it is, as that says.
    loan_of: Option<i64>,
    rank: Option<i64>,
    other_rank: Option<i64>,
    axis: Option<usize>,
    field: Option<Cow<'static, str>>,
    expected: Option<i64>,
    found: Option<i64>,
    rule: Option<Cow<'static, str>>,
    detail: Cow<'static, str>,
}

impl Error {
    /// A new error; `detail` is one sentence that says what is wrong and what to do.
    #[must_use]
    #[cold]
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Report {
            kind,
            file: None,
            loan_of: None,
            rank: None,
            other_rank: None,
            axis: None,
            field: None,
            expected: None,
            found: None,
            rule: None,
            detail: detail.into(),
        }))
    }

    /// Names the rank at fault.
    #[must_use]
    pub fn on_rank(mut self, rank: i64) -> Self {
        self.0.rank = Some(rank);
        self
    }

    /// Names the rank at fault unless one is named already.
    #[must_use]
    pub fn or_on_rank(mut self, rank: i64) -> Self {
        self.0.rank.get_or_insert(rank);
        self
    }

    /// Says in the message whose loan it is, as the loan does.
    #[must_use]
    pub(crate) fn in_loan_of(mut self, rank: i64) -> Self {
        self.0.loan_of = Some(rank);
        self
    }

    /// Names the rank that the one at fault disagrees with.
    #[must_use]
    pub fn against_rank(mut self, rank: i64) -> Self {
        self.0.other_rank = Some(rank);
        self
    }

    /// Names the axis.
    #[must_use]
    pub fn on_axis(mut self, axis: usize) -> Self {
        self.0.axis = Some(axis);
        self
    }

    /// Names the field, in the protocol's own word.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Names the file.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.0.file = Some(path.display().to_string());
        self
    }

    /// States what the rule asks for and what was there.
    #[must_use]
    pub fn expected_found(mut self, expected: i64, found: i64) -> Self {
        self.0.expected = Some(expected);
        self.0.found = Some(found);
        self
    }

    /// Cites the numbered rule.
    #[must_use]
    pub fn by_rule(mut self, rule: impl Into<Cow<'static, str>>) -> Self {
        self.0.rule = Some(rule.into());
        self
    }

    /// What sort of thing was refused.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file at fault, as it is shown.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The rank at fault.
    #[must_use]
    pub fn rank(&self) -> Option<i64> {
        self.0.rank
    }

    /// The rank that the one at fault disagrees with.
    #[must_use]
    pub fn other_rank(&self) -> Option<i64> {
        self.0.other_rank
    }

    /// The axis at fault.
    #[must_use]
    pub fn axis(&self) -> Option<usize> {
        self.0.axis
    }

    /// The field at fault.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What the rule asks for.
    #[must_use]
    pub fn expected(&self) -> Option<i64> {
        self.0.expected
    }

    /// What was there.
    #[must_use]
    pub fn found(&self) -> Option<i64> {
        self.0.found
    }

    /// The number of the rule that was broken.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.0;
        if let Some(file) = &report.file {
            write!(f, "{file}: ")?;
        }
        let mut separator = "";
        if let Some(rank) = report.rank {
            write!(f, "rank {rank}")?;
            separator = ", ";
        } else if let Some(rank) = report.loan_of {
            write!(f, "loan of rank {rank}")?;
            separator = ", ";
        }
        if let Some(other) = report.other_rank {
            write!(f, "{separator}against rank {other}")?;
            separator = ", ";
        }
        if let Some(axis) = report.axis {
            write!(f, "{separator}axis {axis}")?;
            separator = ", ";
        }
        if let Some(field) = &report.field {
            write!(f, "{separator}{field}")?;
            separator = ", ";
        }
        if !separator.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&report.detail)?;
        if let (Some(expected), Some(found)) = (report.expected, report.found) {
            write!(f, " (expected {expected}, found {found})")?;
        }
        if let Some(rule) = &report.rule {
            write!(f, " [rule {rule}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::new(ErrorKind::Io, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_whole_place() {
        let error = Error::new(ErrorKind::Range, "lower stop to size")
            .on_rank(2)
            .on_axis(1)
            .in_field("stop")
            .expected_found(50, 51)
            .by_rule("B3");
        assert_eq!(
            error.to_string(),
            "rank 2, axis 1, stop: lower stop to size (expected 50, found 51) [rule B3]"
        );
    }

    #[test]
    fn an_error_survives_the_wire() {
        let error = Error::new(ErrorKind::Halo, "widths differ").against_rank(3);
        let wire = serde_json::to_vec(&error).unwrap();
        assert_eq!(serde_json::from_slice::<Error>(&wire).unwrap(), error);
    }
}
