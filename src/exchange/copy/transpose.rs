//! Transpositions, in tiles whose lines stay in the cache.
#![allow(unsafe_code)] // reads and writes at computed addresses

use super::{Loop, runs};

/// Elements along each side of a tile, in which each line is used whole.
const SIDE: usize = 64;

/// Calls `tile` with the address, height and width of each tile.
///
/// # Safety
/// `tile` may be called with every address that the loops reach.
#[inline(always)]
unsafe fn tiles(
    to: *mut u8,
    from: *const u8,
    outer: Loop,
    inner: Loop,
    mut tile: impl FnMut(*mut u8, *const u8, usize, usize),
) {
    for row in (0..outer.n).step_by(SIDE) {
        for column in (0..inner.n).step_by(SIDE) {
            let (r, c) = (row.cast_signed(), column.cast_signed());
            // SAFETY: the tile lies inside both loops.
            let (to, from) = unsafe {
                (to.offset(r * outer.to + c * inner.to), from.offset(r * outer.from + c * inner.from))
            };
            tile(to, from, SIDE.min(outer.n - row), SIDE.min(inner.n - column));
        }
    }
}

/// # Safety
/// As for [`copy`](super::copy).
pub(super) unsafe fn scalar<const N: usize>(to: *mut u8, from: *const u8, outer: Loop, inner: Loop) {
    let tile = |to: *mut u8, from: *const u8, height: usize, width: usize| {
        for i in 0..height.cast_signed() {
            // SAFETY: inside the tile.
            unsafe {
                runs::<N>(to.offset(i * outer.to), from.offset(i * outer.from), Loop { n: width, ..inner });
            }
        }
    };
    // SAFETY: the caller's promise.
    unsafe { tiles(to, from, outer, inner, tile) }
}

/// # Safety
/// As for [`copy`](super::copy).
pub(super) unsafe fn of_8_bytes(to: *mut u8, from: *const u8, outer: Loop, inner: Loop) {
    // SAFETY: the caller's promise; the processor was asked.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            return tiles(to, from, outer, inner, |to, from, height, width| {
                blocks::<8, 8>(to, from, (outer, height), (inner, width), |to, from| {
                    simd::square_of_8(to, from, outer.to, inner.from);
                });
            });
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return tiles(to, from, outer, inner, |to, from, height, width| {
                blocks::<8, 4>(to, from, (outer, height), (inner, width), |to, from| {
                    simd::square_of_4(to, from, outer.to, inner.from);
                });
            });
        }
        scalar::<8>(to, from, outer, inner);
    }
}

/// # Safety
/// As for [`copy`](super::copy).
pub(super) unsafe fn of_4_bytes(to: *mut u8, from: *const u8, outer: Loop, inner: Loop) {
    // SAFETY: the caller's promise; the processor was asked.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return tiles(to, from, outer, inner, |to, from, height, width| {
                blocks::<4, 8>(to, from, (outer, height), (inner, width), |to, from| {
                    simd::square_of_8_singles(to, from, outer.to, inner.from);
                });
            });
        }
        scalar::<4>(to, from, outer, inner);
    }
}

/// Squares of `SIDE` elements of `N` bytes by `square`, the rest one by one.
///
/// # Safety
/// As for [`copy`](super::copy).
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blocks<const N: usize, const SIDE: usize>(
    to: *mut u8,
    from: *const u8,
    (outer, height): (Loop, usize),
    (inner, width): (Loop, usize),
    square: impl Fn(*mut u8, *const u8),
) {
    let (rows, columns) = (height / SIDE * SIDE, width / SIDE * SIDE);
    // SAFETY: all inside the tile.
    let at = |r: usize, c: usize| unsafe {
        let (r, c) = (r.cast_signed(), c.cast_signed());
        (to.offset(r * outer.to + c * inner.to), from.offset(r * outer.from + c * inner.from))
    };
    for c in (0..columns).step_by(SIDE) {
        for r in (0..rows).step_by(SIDE) {
            let (to, from) = at(r, c);
            square(to, from);
        }
    }
    for r in 0..height {
        let done = if r < rows { columns } else { 0 };
        let (to, from) = at(r, done);
        // SAFETY: as above.
        unsafe { runs::<N>(to, from, Loop { n: width - done, ..inner }) };
    }
}

/// Squares in registers. `to_step` lies between the written rows, `from_step`
/// between the read ones; elements of a row follow each other.
#[cfg(target_arch = "x86_64")]
mod simd {
    use std::arch::x86_64::*;

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn square_of_8(to: *mut u8, from: *const u8, to_step: isize, from_step: isize) {
        // SAFETY: the caller's promise.
        let row = |i: isize| unsafe { _mm512_loadu_pd(from.offset(i * from_step).cast()) };
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        // Pairs, then fours, then eights.
        let low = |i: usize| _mm512_unpacklo_pd(rows[2 * i], rows[2 * i + 1]);
        let high = |i: usize| _mm512_unpackhi_pd(rows[2 * i], rows[2 * i + 1]);
        let pairs = [low(0), high(0), low(1), high(1), low(2), high(2), low(3), high(3)];
        // Column c of rows 0..4 stands in lanes c / 2 of pairs[c % 2] and pairs[2 + c % 2].
        let first = |odd: usize| _mm512_shuffle_f64x2::<0x44>(pairs[odd], pairs[2 + odd]);
        let last = |odd: usize| _mm512_shuffle_f64x2::<0xee>(pairs[odd], pairs[2 + odd]);
        let first_low = |odd: usize| _mm512_shuffle_f64x2::<0x44>(pairs[4 + odd], pairs[6 + odd]);
        let last_low = |odd: usize| _mm512_shuffle_f64x2::<0xee>(pairs[4 + odd], pairs[6 + odd]);
        for odd in 0..2 {
            let (a, b, c, d) = (first(odd), first_low(odd), last(odd), last_low(odd));
            let columns = [
                _mm512_shuffle_f64x2::<0x88>(a, b),
                _mm512_shuffle_f64x2::<0xdd>(a, b),
                _mm512_shuffle_f64x2::<0x88>(c, d),
                _mm512_shuffle_f64x2::<0xdd>(c, d),
            ];
            for (which, column) in columns.into_iter().enumerate() {
                let at = (2 * which + odd).cast_signed();
                // SAFETY: the caller's promise.
                unsafe { _mm512_storeu_pd(to.offset(at * to_step).cast(), column) };
            }
        }
    }

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn square_of_4(to: *mut u8, from: *const u8, to_step: isize, from_step: isize) {
        // SAFETY: the caller's promise.
        let row = |i: isize| unsafe { _mm256_loadu_pd(from.offset(i * from_step).cast()) };
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        let (ab_low, ab_high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
        let columns = [
            _mm256_permute2f128_pd::<0x20>(ab_low, cd_low),
            _mm256_permute2f128_pd::<0x20>(ab_high, cd_high),
            _mm256_permute2f128_pd::<0x31>(ab_low, cd_low),
            _mm256_permute2f128_pd::<0x31>(ab_high, cd_high),
        ];
        for (at, column) in columns.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { _mm256_storeu_pd(to.offset(at.cast_signed() * to_step).cast(), column) };
        }
    }

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn square_of_8_singles(to: *mut u8, from: *const u8, to_step: isize, from_step: isize) {
        // SAFETY: the caller's promise.
        let row = |i: isize| unsafe { _mm256_loadu_ps(from.offset(i * from_step).cast()) };
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        for half in 0..2 {
            // Columns 0, 1, 4, 5 first, then 2, 3, 6, 7.
            let pair = |i: usize| {
                let (a, b) = (rows[2 * i], rows[2 * i + 1]);
                _mm256_castps_pd(if half == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) })
            };
            let (p, q, r, s) = (pair(0), pair(1), pair(2), pair(3));
            for odd in 0..2 {
                let four = |a, b| {
                    if odd == 0 { _mm256_unpacklo_pd(a, b) } else { _mm256_unpackhi_pd(a, b) }
                };
                let (top, bottom) = (four(p, q), four(r, s));
                let column = 2 * half + odd;
                let near = _mm256_permute2f128_pd::<0x20>(top, bottom);
                let far = _mm256_permute2f128_pd::<0x31>(top, bottom);
                // SAFETY: the caller's promise.
                unsafe {
                    _mm256_storeu_pd(to.offset(column * to_step).cast(), near);
                    _mm256_storeu_pd(to.offset((column + 4) * to_step).cast(), far);
                }
            }
        }
    }
}
