//! Transpositions, in tiles whose lines stay in the cache.
#![allow(unsafe_code)] // reads and writes at computed addresses
#![cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))] // nothing goes past the caches

#[cfg(target_arch = "x86_64")]
use super::LINE;
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
pub(super) unsafe fn of_16_bytes(to: *mut u8, from: *const u8, outer: Loop, inner: Loop, past: bool) {
    // SAFETY: the caller's promise; the processor was asked.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            let squares: [Square; 2] = [simd::square_of_2::<false>, simd::square_of_2::<true>];
            return by_best::<16, 2>(to, from, outer, inner, past, squares);
        }
        scalar::<16>(to, from, outer, inner);
    }
}

/// # Safety
/// As for [`copy`](super::copy).
pub(super) unsafe fn of_8_bytes(to: *mut u8, from: *const u8, outer: Loop, inner: Loop, past: bool) {
    // SAFETY: the caller's promise; the processor was asked.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            let squares: [Square; 2] = [simd::square_of_8::<false>, simd::square_of_8::<true>];
            return by_best::<8, 8>(to, from, outer, inner, past, squares);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            let squares: [Square; 2] = [simd::square_of_4::<false>, simd::square_of_4::<true>];
            return by_best::<8, 4>(to, from, outer, inner, past, squares);
        }
        scalar::<8>(to, from, outer, inner);
    }
}

/// # Safety
/// As for [`copy`](super::copy).
pub(super) unsafe fn of_4_bytes(to: *mut u8, from: *const u8, outer: Loop, inner: Loop, past: bool) {
    // SAFETY: the caller's promise; the processor was asked.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            let squares: [Square; 2] =
                [simd::square_of_8_singles::<false>, simd::square_of_8_singles::<true>];
            return by_best::<4, 8>(to, from, outer, inner, past, squares);
        }
        scalar::<4>(to, from, outer, inner);
    }
}

/// Turns a square: where to, where from, and the steps between the rows there and here.
#[cfg(target_arch = "x86_64")]
type Square = unsafe fn(*mut u8, *const u8, isize, isize);

/// Whether lines are better written past the caches: those of all rows begin at the same
/// element, and a row has some whole ones.
#[cfg(target_arch = "x86_64")]
fn lines_are_whole<const N: usize>(to: *const u8, outer: Loop, inner: Loop) -> bool {
    let head = to.align_offset(LINE) / N;
    let pays = head == 0 || head + 3 * LINE / N <= inner.n;
    pays && outer.to % LINE.cast_signed() == 0 && to.addr().is_multiple_of(N)
}

/// By the second of two squares, past the caches, where that pays; else by the first.
///
/// # Safety
/// As for [`by_squares`].
#[cfg(target_arch = "x86_64")]
unsafe fn by_best<const N: usize, const SIDE: usize>(
    to: *mut u8,
    from: *const u8,
    outer: Loop,
    inner: Loop,
    past: bool,
    [plain, by_line]: [Square; 2],
) {
    // SAFETY: the caller's promise; lines of all rows begin at the same element.
    unsafe {
        if past && lines_are_whole::<N>(to, outer, inner) {
            by_lines::<N, SIDE>(to, from, outer, inner, by_line);
        } else {
            by_squares::<N, SIDE, false>(to, from, outer, inner, plain);
        }
    }
}

/// By squares that write past the caches, from the first line of each row.
///
/// # Safety
/// As for [`by_squares`], where lines of all rows begin at the same element.
#[cfg(target_arch = "x86_64")]
unsafe fn by_lines<const N: usize, const SIDE: usize>(
    to: *mut u8,
    from: *const u8,
    outer: Loop,
    inner: Loop,
    square: Square,
) {
    let head = (to.align_offset(LINE) / N).min(inner.n);
    let rest = Loop { n: inner.n - head, ..inner };
    // SAFETY: the caller's promise; lines begin behind the head of each row.
    unsafe {
        scalar::<N>(to, from, outer, Loop { n: head, ..inner });
        let head = head.cast_signed();
        let (to, from) = (to.wrapping_offset(head * inner.to), from.wrapping_offset(head * inner.from));
        by_squares::<N, SIDE, true>(to, from, outer, rest, square);
    }
}

/// Squares of `SIDE` elements of `N` bytes, with `LINES` as many side by side at once as make
/// a line; the rest one by one.
///
/// # Safety
/// As for [`copy`](super::copy); the processor has what `square` needs, and lines begin where
/// it needs that.
#[cfg(target_arch = "x86_64")]
unsafe fn by_squares<const N: usize, const SIDE: usize, const LINES: bool>(
    to: *mut u8,
    from: *const u8,
    outer: Loop,
    inner: Loop,
    square: Square,
) {
    let wide = const { if LINES { LINE / N } else { SIDE } };
    let tile = |to: *mut u8, from: *const u8, height: usize, width: usize| {
        let (rows, columns) = (height / SIDE * SIDE, width / wide * wide);
        // The last column may end the memory: what begins behind it is nowhere.
        let at = |r: usize, c: usize| {
            let (r, c) = (r.cast_signed(), c.cast_signed());
            let (to_step, from_step) = (r * outer.to + c * inner.to, r * outer.from + c * inner.from);
            (to.wrapping_offset(to_step), from.wrapping_offset(from_step))
        };
        for first in (0..columns).step_by(wide) {
            for r in (0..rows).step_by(SIDE) {
                for c in (first..first + wide).step_by(SIDE) {
                    let (to, from) = at(r, c);
                    // SAFETY: the caller's promise.
                    unsafe { square(to, from, outer.to, inner.from) };
                }
            }
        }
        for r in 0..height {
            let done = if r < rows { columns } else { 0 };
            let (to, from) = at(r, done);
            // SAFETY: as above.
            unsafe { runs::<N>(to, from, Loop { n: width - done, ..inner }) };
        }
    };
    // SAFETY: the caller's promise.
    unsafe { tiles(to, from, outer, inner, tile) }
}

/// Squares in registers. `to_step` lies between the written rows, `from_step`
/// between the read ones; elements of a row follow each other. `PAST` writes past the
/// caches, to addresses that are multiples of a row's bytes.
#[cfg(target_arch = "x86_64")]
mod simd {
    use std::arch::x86_64::*;

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn square_of_8<const PAST: bool>(
        to: *mut u8,
        from: *const u8,
        to_step: isize,
        from_step: isize,
    ) {
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
                unsafe {
                    let to = to.offset(at * to_step).cast();
                    if PAST { _mm512_stream_pd(to, column) } else { _mm512_storeu_pd(to, column) }
                }
            }
        }
    }

    /// # Safety
    /// As for [`square_of_4`].
    #[target_feature(enable = "avx2")]
    unsafe fn store<const PAST: bool>(to: *mut u8, value: __m256d) {
        // SAFETY: the caller's promise.
        unsafe { if PAST { _mm256_stream_pd(to.cast(), value) } else { _mm256_storeu_pd(to.cast(), value) } }
    }

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn square_of_2<const PAST: bool>(
        to: *mut u8,
        from: *const u8,
        to_step: isize,
        from_step: isize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b) = (_mm256_loadu_pd(from.cast()), _mm256_loadu_pd(from.offset(from_step).cast()));
            store::<PAST>(to, _mm256_permute2f128_pd::<0x20>(a, b));
            store::<PAST>(to.offset(to_step), _mm256_permute2f128_pd::<0x31>(a, b));
        }
    }

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn square_of_4<const PAST: bool>(
        to: *mut u8,
        from: *const u8,
        to_step: isize,
        from_step: isize,
    ) {
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
            unsafe { store::<PAST>(to.offset(at.cast_signed() * to_step), column) };
        }
    }

    /// # Safety
    /// As for [`copy`](super::super::copy), on a processor with AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn square_of_8_singles<const PAST: bool>(
        to: *mut u8,
        from: *const u8,
        to_step: isize,
        from_step: isize,
    ) {
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
                    store::<PAST>(to.offset(column * to_step), near);
                    store::<PAST>(to.offset((column + 4) * to_step), far);
                }
            }
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::{copy, settle};
    use super::*;

    /// Turns matrices of many sizes by `turn`, called as the functions above are, and byte by
    /// byte, and compares all bytes there and around. Their rows begin at each place of a
    /// line, and where lines may begin apart each at another.
    fn check(name: &str, item: usize, apart: bool, turn: impl Fn(*mut u8, *const u8, Loop, Loop)) {
        let sizes = [1, 3, 8, 37, 130].into_iter().flat_map(|h| [1, 5, 16, 33, 140].map(|w| (h, w)));
        for (height, width) in sizes {
            let pitch = (width * item).next_multiple_of(LINE);
            for at in (0..LINE).step_by(item) {
                check_one(name, item, [height, width], [pitch, at], &turn);
            }
            if apart {
                check_one(name, item, [height, width], [pitch + 1, 5], &turn);
            }
        }
    }

    fn check_one(
        name: &str,
        item: usize,
        [height, width]: [usize; 2],
        [pitch, at]: [usize; 2],
        turn: &impl Fn(*mut u8, *const u8, Loop, Loop),
    ) {
        let step = item.cast_signed();
        let from_pitch = height * item + 24;
        let outer = Loop { n: height, to: pitch.cast_signed(), from: step };
        let inner = Loop { n: width, to: step, from: from_pitch.cast_signed() };
        let from: Vec<u8> = (1..=251).cycle().take(width * from_pitch).collect();
        let mut to = vec![0_u8; height * pitch + 3 * LINE];
        let first = to.as_ptr().align_offset(LINE) + LINE + at;
        let mut slow = to.clone();
        turn(to[first..].as_mut_ptr(), from.as_ptr(), outer, inner);
        settle();
        for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
            let (there, here) = (first + i * pitch + j * item, i * item + j * from_pitch);
            slow[there..there + item].copy_from_slice(&from[here..here + item]);
        }
        assert!(to == slow, "{name}: {height} x {width} of {item} bytes, pitch {pitch}, at {at}");
    }

    #[test]
    fn elements_of_each_size_are_turned_to_any_address() {
        for (item, past) in [1, 2, 4, 8, 16].into_iter().flat_map(|item| [(item, false), (item, true)]) {
            // SAFETY: `check` gives memories as long as the loops reach.
            check("copy", item, true, |to, from, outer, inner| unsafe {
                copy(to, from, &[outer, inner], item, past);
            });
        }
    }

    #[test]
    fn older_processors_turn_alike() {
        // SAFETY: as above.
        check("one by one", 8, true, |to, from, outer, inner| unsafe {
            scalar::<8>(to, from, outer, inner);
        });
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            check("fours", 8, true, |to, from, outer, inner| unsafe {
                by_squares::<8, 4, false>(to, from, outer, inner, simd::square_of_4::<false>);
            });
            // SAFETY: as above, and lines begin alike.
            check("fours past the caches", 8, false, |to, from, outer, inner| unsafe {
                by_lines::<8, 4>(to, from, outer, inner, simd::square_of_4::<true>);
            });
        }
    }
}
