//! Strided copies between two memories: the one kernel under every exchange.
//!
//! A copy is a nest of loops, each with its own step in both memories, around a
//! contiguous run. It is brought into its shortest form once, when an exchange is
//! prepared; running it allocates nothing.
#![allow(unsafe_code)] // reads and writes at computed addresses

mod stream;
mod transpose;

use std::ptr::copy_nonoverlapping;

/// Bytes from which on elements that are moved are far apart: more than the cache of
/// one core holds.
pub(in crate::exchange) const FAR: usize = 4 << 20;

/// Bytes of a cache line.
pub(in crate::exchange) const LINE: usize = 64;

/// How many runs ahead one is fetched where they lie apart: processors foresee a step within
/// a page only.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 16;

/// How far ahead of a run what is read is fetched, in bytes; none in a short loop, which is
/// over before what was fetched is used.
#[inline]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))] // nothing is fetched there
fn ahead(by: Loop) -> isize {
    #[cfg(target_arch = "x86_64")]
    if by.n >= 8 * AHEAD && by.from.unsigned_abs() >= LINE {
        return AHEAD.cast_signed() * by.from;
    }
    0
}

/// Fetches the line that lies so far ahead, if it does.
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))] // as above
fn fetch(from: *const u8, ahead: isize) {
    #[cfg(target_arch = "x86_64")]
    if ahead != 0 {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: whatever address may be fetched.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_offset(ahead).cast()) };
    }
}

/// `n` steps through two memories, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Loop {
    pub(in crate::exchange) n: usize,
    pub(in crate::exchange) to: isize,
    pub(in crate::exchange) from: isize,
}

const ONCE: Loop = Loop { n: 1, to: 0, from: 0 };

/// Brings a nest of loops around runs of `run` bytes into its shortest form, and
/// returns the length of its runs then.
///
/// The order of the loops is free: the one with the smallest step in the written
/// memory becomes the innermost.
pub(in crate::exchange) fn shorten(loops: &mut Vec<Loop>, mut run: usize) -> usize {
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
/// `past` says to write past the caches: what is written will not be read soon, because
/// all of it together exceeds them, or it will be by another core, which is told after
/// [`settle`].
///
/// # Safety
/// Every address that the loops reach is readable in `from` and writable in `to`,
/// and the two do not overlap.
pub(in crate::exchange) unsafe fn copy(to: *mut u8, from: *const u8, loops: &[Loop], run: usize, past: bool) {
    // SAFETY: the caller's promise, for all of them.
    unsafe {
        match loops {
            [] if past && run >= stream::SHORTEST => stream::runs(to, from, ONCE, run),
            [outer @ .., one] if past && run >= stream::SHORTEST => {
                nest(to, from, outer, &mut |to, from| stream::runs(to, from, *one, run));
            }
            [] => copy_nonoverlapping(from, to, run),
            [outer @ .., one] if past && stream::gathers(*one, run) && !is_transposed(loops, run) => {
                nest(to, from, outer, &mut |to, from| stream::gather(to, from, *one, run));
            }
            [one] => along(to, from, *one, run),
            [outer @ .., a, b] => {
                let (a, b) = (*a, *b);
                nest(to, from, outer, &mut |to, from| plane(to, from, a, b, run, past));
            }
        }
    }
}

/// Lets what copies wrote past the caches be seen, in order, by other cores.
#[inline]
pub(in crate::exchange) fn settle() {
    stream::end();
}

/// Whether the two memories run along different ones of the innermost loops.
fn is_transposed(loops: &[Loop], run: usize) -> bool {
    let run = run.cast_signed();
    matches!(loops, [.., outer, inner] if inner.to == run && outer.from == run)
}

/// Calls `body` with the addresses of each turn of the loops.
///
/// # Safety
/// `body` may be called with every address that the loops reach.
#[inline]
pub(in crate::exchange) unsafe fn nest(
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
unsafe fn runs<const N: usize>(mut to: *mut u8, mut from: *const u8, by: Loop) {
    let ahead = ahead(by);
    for _ in 0..by.n {
        // SAFETY: as for `copy`; arrays of bytes have no alignment.
        unsafe { to.cast::<[u8; N]>().write(from.cast::<[u8; N]>().read()) };
        fetch(from, ahead);
        (to, from) = (to.wrapping_offset(by.to), from.wrapping_offset(by.from));
    }
}

/// Two loops of runs. Where the two memories run along different loops, it is a
/// transposition.
unsafe fn plane(to: *mut u8, from: *const u8, outer: Loop, inner: Loop, run: usize, past: bool) {
    let transposed = is_transposed(&[outer, inner], run);
    // SAFETY: as for `copy`.
    unsafe {
        match run {
            1 if transposed => transpose::scalar::<1>(to, from, outer, inner),
            2 if transposed => transpose::scalar::<2>(to, from, outer, inner),
            4 if transposed => transpose::of_4_bytes(to, from, outer, inner, past),
            8 if transposed => transpose::of_8_bytes(to, from, outer, inner, past),
            16 if transposed => transpose::of_16_bytes(to, from, outer, inner, past),
            _ => {
                for i in 0..outer.n.cast_signed() {
                    along(to.offset(i * outer.to), from.offset(i * outer.from), inner, run);
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
        let nests: [(Nest, usize); 15] = [
            (&[], 8),
            (&[(5, 8, 8)], 8),
            (&[(50, 8, 160)], 8),
            (&[(3, 960, 32), (40, 24, 96)], 24),
            (&[(30, 40, 100)], 40),
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
            for past in [false, true] {
                to.fill(0);
                // SAFETY: both vectors are as long as the loops reach.
                unsafe { copy(to.as_mut_ptr(), from.as_ptr(), &short, run, past) };
                assert!(to == wanted, "{nest:?}");
            }
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
