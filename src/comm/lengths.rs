//! Lengths that must fit together before a message layer writes by them.
//!
//! Safe code may call any [`Transport`](super::Transport); each implementation
//! checks here what it would otherwise read or write out of bounds.

use super::to_i64;
use crate::{Error, ErrorKind, Result};

/// `whole` has `size` parts as long as `part`.
pub(super) fn equal_parts(part: &[u8], whole: &[u8], size: usize) -> Result<()> {
    fits(part.len().checked_mul(size) == Some(whole.len()))
}

/// Both have `size` equal shares.
pub(super) fn equal_shares(send: &[u8], receive: &[u8], size: usize) -> Result<()> {
    fits(send.len() == receive.len() && send.len().is_multiple_of(size))
}

/// `whole` is as long as its `size` parts.
pub(super) fn parts(whole: &[u8], lengths: &[i64], size: usize) -> Result<()> {
    let total = lengths.iter().try_fold(
        0_i64,
        |sum, &length| {
            if length < 0 { None } else { sum.checked_add(length) }
        },
    );
    fits(lengths.len() == size && total == Some(to_i64(whole.len())))
}

/// As [`parts`], and the part of `rank` is mine.
pub(super) fn parts_with_mine(
    mine: &[u8],
    whole: &[u8],
    lengths: &[i64],
    size: usize,
    rank: usize,
) -> Result<()> {
    parts(whole, lengths, size)?;
    fits(lengths.get(rank) == Some(&to_i64(mine.len())))
}

/// There is a rank `root`.
pub(super) fn root(root: usize, size: usize) -> Result<()> {
    if root < size {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Range, "there is no such rank")
        .in_field("root")
        .expected_found(to_i64(size) - 1, to_i64(root)))
}

fn fits(they_do: bool) -> Result<()> {
    if they_do {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Shape, "the lengths do not fit the number of ranks"))
}
