//! Strided copies between two memories: the one kernel under every exchange.
//!
//! A copy is a nest of loops, each with its own step in both memories, around a
//! contiguous run. It is brought into its shortest form once, when an exchange is
//! prepared; running it allocates nothing.
#![allow(unsafe_code)] // reads and writes at computed addresses

use std::ptr::copy_nonoverlapping;

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
/// # Safety
/// Every address that the loops reach is readable in `from` and writable in `to`,
/// and the two do not overlap.
pub(super) unsafe fn copy(to: *mut u8, from: *const u8, loops: &[Loop], run: usize) {
    // SAFETY: the caller's promise, for all of them.
    unsafe {
        match loops {
            [] => copy_nonoverlapping(from, to, run),
            [one] => along(to, from, *one, run),
            [outer, inner] => plane(to, from, *outer, *inner, run),
            [outer, rest @ ..] => {
                for i in 0..outer.n.cast_signed() {
                    copy(to.offset(i * outer.to), from.offset(i * outer.from), rest, run);
                }
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
/// transposition, made in tiles whose lines stay in the cache.
unsafe fn plane(to: *mut u8, from: *const u8, outer: Loop, inner: Loop, run: usize) {
    let transposed = inner.to == run.cast_signed() && outer.from == run.cast_signed();
    // SAFETY: as for `copy`.
    unsafe {
        match run {
            1 if transposed => tiles::<1>(to, from, outer, inner),
            2 if transposed => tiles::<2>(to, from, outer, inner),
            4 if transposed => tiles::<4>(to, from, outer, inner),
            8 if transposed => tiles::<8>(to, from, outer, inner),
            16 if transposed => tiles::<16>(to, from, outer, inner),
            _ => {
                for i in 0..outer.n.cast_signed() {
                    along(to.offset(i * outer.to), from.offset(i * outer.from), inner, run);
                }
            }
        }
    }
}

unsafe fn tiles<const N: usize>(to: *mut u8, from: *const u8, outer: Loop, inner: Loop) {
    /// Elements along each side of a tile: two cache lines of doubles.
    const SIDE: usize = 16;
    let (rows, columns) = (outer.n, inner.n);
    for row in (0..rows).step_by(SIDE) {
        let height = SIDE.min(rows - row);
        for column in (0..columns).step_by(SIDE) {
            let width = SIDE.min(columns - column);
            let (r, c) = (row.cast_signed(), column.cast_signed());
            // SAFETY: as for `copy`; the tile lies inside both loops.
            unsafe {
                let tile_to = to.offset(r * outer.to + c * inner.to);
                let tile_from = from.offset(r * outer.from + c * inner.from);
                for i in 0..height.cast_signed() {
                    let by = Loop { n: width, ..inner };
                    runs::<N>(tile_to.offset(i * outer.to), tile_from.offset(i * outer.from), by);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let nests: [(&[(usize, isize, isize)], usize); 9] = [
            (&[], 8),
            (&[(5, 8, 8)], 8),
            (&[(3, 40, 80), (5, 8, 8)], 8),
            (&[(3, 40, 40), (1, 7, 9), (5, 8, 8)], 8),
            (&[(7, 8, 160), (20, 56, 8)], 8),
            (&[(33, 8, 320), (40, 264, 8)], 8),
            (&[(2, 300, 4), (3, 100, 8), (5, 4, 24)], 4),
            (&[(4, 33, 66), (11, 3, 6)], 3),
            (&[(4, 200, 300), (2, 100, 130)], 96),
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
            unsafe { copy(to.as_mut_ptr(), from.as_ptr(), &short, run) };
            assert_eq!(to, wanted, "{nest:?}");
        }
    }
}
