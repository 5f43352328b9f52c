//! Lengths and ranks as the protocol's integers.

/// The number in the type in which dimensions, errors and the C border count; the largest
/// there is where it does not fit.
#[inline(always)]
pub(crate) fn as_i64(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}
