//! Strided copies between two memories: the one kernel under every exchange.
//!
//! A copy is a nest of loops, each with its own step in both memories, around a
//! contiguous run. It is brought into its shortest form once, when an exchange is
//! prepared; running it allocates nothing.
#![allow(unsafe_code)] // reads and writes at computed addresses

use std::ptr::copy_nonoverlapping;

/// Bytes from which on elements that are moved are far apart: more than the cache of
/// one core holds.
pub(super) const FAR: usize = 4 << 20;

/// `n` steps through two memories, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loop {
    pub(super) n: usize,
    pub(super) to: isize,
    pub(super) from: isize,
}

/// Brings a nest of loops around runs of `run` bytes into its shortest form, and
/// returns the length of its runs then.
///
/// The order of the loops is free: the one with the smallest step in the written
/// memory becomes the innermost.
pub(super) fn shorten(loops: &mut Vec<Loop>, mut run: usize) -> usize {
    loops.retain(|l| l.n != 1);
    loops.sort_by_key(|l| std::cmp::Reverse(l.to.unsigned_abs()));
    // Loops that continue each other in both memories are one.
    let mut at = loops.len();
    while at > 1 {
        at -= 1;
        let (outer, inner) = (loops[at - 1], loops[at]);
        let inner_n = inner.n.cast_signed();
        if outer.to == inner.to.wrapping_mul(inner_n) && outer.from == inner.from.wrapping_mul(inner_n) {
            loops[at - 1] = Loop { n: outer.n * inner.n, ..inner };
            loops.remove(at);
        }
    }
    while let Some(&Loop { n, to, from }) = loops.last()
        && to == run.cast_signed()
        && from == run.cast_signed()
    {
        run *= n;
        loops.pop();
    }
    run
}

/// Copies runs of `run` bytes along all loops.
///
/// `far` says that what is written will not be read soon, because all of it together
/// exceeds the caches.
///
/// # Safety
/// Every address that the loops reach is readable in `from` and writable in `to`,
/// and the two do not overlap.
pub(super) unsafe fn copy(to: *mut u8, from: *const u8, loops: &[Loop], run: usize, far: bool) {
    // SAFETY: the caller's promise, for all of them.
    unsafe {
        if far && run >= stream::SHORTEST {
            nest(to, from, loops, &mut |to, from| stream::run(to, from, run));
            stream::end();
            return;
        }
        match loops {
            [] => copy_nonoverlapping(from, to, run),
            [one] => along(to, from, *one, run),
            [outer @ .., a, b] => {
                let (a, b) = (*a, *b);
                nest(to, from, outer, &mut |to, from| plane(to, from, a, b, run));
            }
        }
    }
}

/// Calls `body` with the addresses of each turn of the loops.
///
/// # Safety
/// `body` may be called with every address that the loops reach.
#[inline]
pub(super) unsafe fn nest(
    to: *mut u8,
    from: *const u8,
    loops: &[Loop],
    body: &mut impl FnMut(*mut u8, *const u8),
) {
    match loops {
        [] => body(to, from),
        [outer, rest @ ..] => {
            for i in 0..outer.n.cast_signed() {
                // SAFETY: the caller's promise.
                unsafe { nest(to.offset(i * outer.to), from.offset(i * outer.from), rest, body) };
            }
        }
    }
}

/// One loop of runs; short ones are moved by instructions of their own length.
#[inline]
unsafe fn along(to: *mut u8, from: *const u8, by: Loop, run: usize) {
    // SAFETY: as for `copy`.
    unsafe {
        match run {
            1 => runs::<1>(to, from, by),
            2 => runs::<2>(to, from, by),
            4 => runs::<4>(to, from, by),
            8 => runs::<8>(to, from, by),
            12 => runs::<12>(to, from, by),
            16 => runs::<16>(to, from, by),
            24 => runs::<24>(to, from, by),
            32 => runs::<32>(to, from, by),
            48 => runs::<48>(to, from, by),
            64 => runs::<64>(to, from, by),
            96 => runs::<96>(to, from, by),
            128 => runs::<128>(to, from, by),
            _ => {
                for i in 0..by.n.cast_signed() {
                    copy_nonoverlapping(from.offset(i * by.from), to.offset(i * by.to), run);
                }
            }
        }
    }
}

#[inline]
unsafe fn runs<const N: usize>(to: *mut u8, from: *const u8, by: Loop) {
    for i in 0..by.n.cast_signed() {
        // SAFETY: as for `copy`; arrays of bytes have no alignment.
        unsafe {
            let run = from.offset(i * by.from).cast::<[u8; N]>().read();
            to.offset(i * by.to).cast::<[u8; N]>().write(run);
        }
    }
}

/// Two loops of runs. Where the two memories run along different loops, it is a
/// transposition.
unsafe fn plane(to: *mut u8, from: *const u8, outer: Loop, inner: Loop, run: usize) {
    let transposed = inner.to == run.cast_signed() && outer.from == run.cast_signed();
    // SAFETY: as for `copy`.
    unsafe {
        match run {
            1 if transposed => transpose::scalar::<1>(to, from, outer, inner),
            2 if transposed => transpose::scalar::<2>(to, from, outer, inner),
            4 if transposed => transpose::of_4_bytes(to, from, outer, inner),
            8 if transposed => transpose::of_8_bytes(to, from, outer, inner),
            16 if transposed => transpose::scalar::<16>(to, from, outer, inner),
            _ => {
                for i in 0..outer.n.cast_signed() {
                    along(to.offset(i * outer.to), from.offset(i * outer.from), inner, run);
                }
            }
        }
    }
}

/// Long copies past the caches: a line that is written whole need not be read first.
mod stream {
    use std::ptr::copy_nonoverlapping;

    /// The shortest run for which that pays: some whole lines.
    pub(super) const SHORTEST: usize = 256;
    const LINE: usize = 64;

    /// Copies one run of at least [`SHORTEST`] bytes.
    ///
    /// # Safety
    /// As for [`copy`](super::copy).
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) unsafe fn run(to: *mut u8, from: *const u8, run: usize) {
        use std::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128};
        let head = to.align_offset(LINE).min(run);
        let lines = (run - head) / LINE;
        // SAFETY: the caller's promise; the written address of a line is aligned.
        unsafe {
            copy_nonoverlapping(from, to, head);
            let (mut line_to, mut line_from) = (to.add(head), from.add(head));
            for _ in 0..lines {
                for part in 0..4 {
                    let value = _mm_loadu_si128(line_from.cast::<std::arch::x86_64::__m128i>().add(part));
                    _mm_stream_si128(line_to.cast::<std::arch::x86_64::__m128i>().add(part), value);
                }
                (line_to, line_from) = (line_to.add(LINE), line_from.add(LINE));
            }
            copy_nonoverlapping(line_from, line_to, run - head - lines * LINE);
        }
    }

    /// # Safety
    /// As for [`copy`](super::copy).
    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    pub(super) unsafe fn run(to: *mut u8, from: *const u8, run: usize) {
        // SAFETY: the caller's promise.
        unsafe { copy_nonoverlapping(from, to, run) }
    }

    /// Makes what was written visible, in order, to other cores.
    pub(super) fn end() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every such processor has the instruction.
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
}

/// Transpositions, in tiles whose lines stay in the cache.
mod transpose {
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
                    runs::<N>(
                        to.offset(i * outer.to),
                        from.offset(i * outer.from),
                        Loop { n: width, ..inner },
                    );
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
        pub(super) unsafe fn square_of_8_singles(
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
                    _mm256_castps_pd(if half == 0 {
                        _mm256_unpacklo_ps(a, b)
                    } else {
                        _mm256_unpackhi_ps(a, b)
                    })
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
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // small numbers of the tests
mod tests {
    use super::*;

    /// `(n, to, from)` of each loop.
    type Nest = &'static [(usize, isize, isize)];

    /// Every address pair of a nest, the slow way.
    fn pairs(loops: &[Loop], run: usize) -> Vec<(isize, isize)> {
        let mut found = vec![(0, 0)];
        for l in loops {
            found = found
                .iter()
                .flat_map(|&(to, from)| {
                    (0..l.n.cast_signed()).map(move |i| (to + i * l.to, from + i * l.from))
                })
                .collect();
        }
        let run = run.cast_signed();
        let mut bytes: Vec<_> =
            found.iter().flat_map(|&(to, from)| (0..run).map(move |b| (to + b, from + b))).collect();
        bytes.sort_unstable();
        bytes
    }

    #[test]
    fn a_shortened_nest_moves_the_same_bytes() {
        let nests: [(Nest, usize); 12] = [
            (&[], 8),
            (&[(5, 8, 8)], 8),
            (&[(3, 40, 80), (5, 8, 8)], 8),
            (&[(3, 40, 40), (1, 7, 9), (5, 8, 8)], 8),
            (&[(7, 8, 160), (20, 56, 8)], 8),
            (&[(33, 8, 320), (40, 264, 8)], 8),
            (&[(2, 300, 4), (3, 100, 8), (5, 4, 24)], 4),
            (&[(4, 33, 66), (11, 3, 6)], 3),
            (&[(4, 200, 300), (2, 100, 130)], 96),
            (&[(70, 8 * 90, 8), (85, 8, 8 * 75)], 8),
            (&[(70, 4 * 90, 4), (85, 4, 4 * 75)], 4),
            (&[(3, 80_000, 70_000), (20, 16 * 30, 16), (25, 16, 16 * 23)], 16),
        ];
        for (nest, item) in nests {
            let loops: Vec<Loop> = nest.iter().map(|&(n, to, from)| Loop { n, to, from }).collect();
            let expected = pairs(&loops, item);
            let mut short = loops.clone();
            let run = shorten(&mut short, item);
            assert_eq!(pairs(&short, run), expected, "{nest:?}");
            let reach = |which: fn(&(isize, isize)) -> isize| {
                usize::try_from(expected.iter().map(which).max().unwrap_or(0)).unwrap() + 1
            };
            let from: Vec<u8> = (0..reach(|p| p.1)).map(|i| (i * 7 % 251 + 1) as u8).collect();
            let mut to = vec![0_u8; reach(|p| p.0)];
            let mut wanted = to.clone();
            for &(t, f) in &expected {
                wanted[usize::try_from(t).unwrap()] = from[usize::try_from(f).unwrap()];
            }
            // SAFETY: both vectors are as long as the loops reach.
            unsafe { copy(to.as_mut_ptr(), from.as_ptr(), &short, run, false) };
            assert!(to == wanted, "{nest:?}");
        }
    }

    #[test]
    fn long_copies_go_past_the_caches_and_arrive_all_the_same() {
        for (rows, run, to_step, from_step, shift) in
            [(100, 4999, 5003, 5001, 1), (20, 30_000, 30_032, 30_000, 0), (1, 500_001, 0, 0, 7)]
        {
            let from: Vec<u8> = (0..rows * from_step + run).map(|i| (i * 7 % 251) as u8).collect();
            let mut to = vec![0_u8; rows * to_step + run + shift];
            let by = Loop { n: rows, to: to_step.cast_signed(), from: from_step.cast_signed() };
            let loops = [by];
            let loops = if rows > 1 { &loops[..] } else { &[] };
            // SAFETY: both vectors are as long as the loops reach.
            unsafe { copy(to.as_mut_ptr().add(shift), from.as_ptr(), loops, run, true) };
            for row in 0..rows {
                let (there, here) = (row * to_step + shift, row * from_step);
                assert!(to[there..there + run] == from[here..here + run], "row {row} of {run}");
            }
        }
    }
}
