//! Long copies past the caches: a line that is written whole need not be read first.
#![allow(unsafe_code)] // reads and writes at computed addresses

#[cfg(target_arch = "x86_64")]
use std::ptr::copy_nonoverlapping;

#[cfg(target_arch = "x86_64")]
use super::LINE;
use super::Loop;

/// The shortest run for which that pays: some whole lines.
pub(super) const SHORTEST: usize = 256;

/// The longest run of which the next one is fetched ahead: processors follow a stream by
/// themselves, but not from run to run.
#[cfg(target_arch = "x86_64")]
const LONGEST_AHEAD: usize = 16 << 10;

/// Copies runs of at least [`SHORTEST`] bytes.
///
/// # Safety
/// As for [`copy`](super::copy).
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) unsafe fn runs(mut to: *mut u8, mut from: *const u8, by: Loop, run: usize) {
    let ahead = if run <= LONGEST_AHEAD { by.from } else { 0 };
    for _ in 0..by.n {
        // SAFETY: the caller's promise.
        unsafe { one(to, from, run, ahead) };
        (to, from) = (to.wrapping_offset(by.to), from.wrapping_offset(by.from));
    }
}

/// Copies a run, and fetches what is so many bytes `ahead`.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn one(to: *mut u8, from: *const u8, run: usize, ahead: isize) {
    use std::arch::x86_64::{__m128i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm_stream_si128};
    let head = to.align_offset(LINE).min(run);
    let lines = (run - head) / LINE;
    // SAFETY: the caller's promise; the written address of a line is aligned, and whatever
    // may be fetched.
    unsafe {
        copy_nonoverlapping(from, to, head);
        let (mut line_to, mut line_from) = (to.add(head), from.add(head));
        for _ in 0..lines {
            _mm_prefetch::<_MM_HINT_T0>(line_from.wrapping_offset(ahead).cast());
            for part in 0..4 {
                let value = _mm_loadu_si128(line_from.cast::<__m128i>().add(part));
                _mm_stream_si128(line_to.cast::<__m128i>().add(part), value);
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
pub(super) unsafe fn runs(to: *mut u8, from: *const u8, by: Loop, run: usize) {
    // SAFETY: the caller's promise.
    unsafe { super::along(to, from, by, run) }
}

/// Whether short runs are written one after the other, in whole words.
pub(super) fn gathers(by: Loop, run: usize) -> bool {
    cfg!(target_arch = "x86_64") && run.is_multiple_of(size_of::<i64>()) && by.to == run.cast_signed()
}

/// Copies runs from afar to where they follow each other: [`gathers`] said that they do.
///
/// # Safety
/// As for [`copy`](super::copy).
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn gather(to: *mut u8, from: *const u8, by: Loop, run: usize) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si64, _mm_stream_si128};
    // SAFETY: the caller's promise; pairs of words are written where they are aligned,
    // single ones anywhere.
    unsafe {
        let pair = |to: *mut __m128i, from: *const __m128i| _mm_stream_si128(to, _mm_loadu_si128(from));
        let word = |to: *mut i64, from: *const i64| _mm_stream_si64(to, from.read_unaligned());
        let pairs = to.addr().is_multiple_of(size_of::<__m128i>());
        match run {
            8 => each::<i64>(to, from, by, 1, word),
            16 => each::<i64>(to, from, by, 2, word),
            24 => each::<i64>(to, from, by, 3, word),
            64 if pairs => each::<__m128i>(to, from, by, 4, pair),
            128 if pairs => each::<__m128i>(to, from, by, 8, pair),
            _ => each::<i64>(to, from, by, run / size_of::<i64>(), word),
        }
    }
}

/// Writes `n` words of each run.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn each<W>(to: *mut u8, mut from: *const u8, by: Loop, n: usize, write: impl Fn(*mut W, *const W)) {
    let (mut to, ahead) = (to.cast::<W>(), super::ahead(by));
    for _ in 0..by.n {
        for word in 0..n {
            write(to, from.cast::<W>().wrapping_add(word));
            to = to.wrapping_add(1);
        }
        super::fetch(from, ahead);
        from = from.wrapping_offset(by.from);
    }
}

/// # Safety
/// As for [`copy`](super::copy).
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn gather(to: *mut u8, from: *const u8, by: Loop, run: usize) {
    // SAFETY: the caller's promise.
    unsafe { super::along(to, from, by, run) }
}

/// Makes what was written visible, in order, to other cores.
pub(super) fn end() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every such processor has the instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::{ONCE, copy};
    use super::*;

    /// The bytes after a copy past the caches, and after one of single bytes.
    fn both(loops: &[Loop], run: usize, [to_at, from_at]: [usize; 2]) -> [Vec<u8>; 2] {
        let reach = |step: fn(&Loop) -> isize| {
            run + loops.iter().map(|by| (by.n - 1) * step(by).unsigned_abs()).sum::<usize>()
        };
        // A line more at either end, to see what is written there.
        let lines = |bytes: usize| vec![[0_u64; LINE / 8]; bytes.div_ceil(LINE) + 3];
        let (mut to, mut from) = (lines(reach(|by| by.to)), lines(reach(|by| by.from)));
        for (at, byte) in bytemuck::cast_slice_mut::<_, u8>(&mut from).iter_mut().enumerate() {
            *byte = (at * 7 % 251 + 1).try_into().unwrap();
        }
        let mut slow: Vec<u8> = bytemuck::cast_slice(&to).to_vec();
        let (to, from) = (bytemuck::cast_slice_mut::<_, u8>(&mut to), bytemuck::cast_slice::<_, u8>(&from));
        let [to_at, from_at] = [LINE + to_at, LINE + from_at];
        // SAFETY: both are as long as the loops reach.
        unsafe { copy(to[to_at..].as_mut_ptr(), from[from_at..].as_ptr(), loops, run, true) };
        let place = |turn: usize, step: isize| usize::try_from(turn.cast_signed() * step).unwrap();
        let [outer, inner] = [loops.first(), loops.get(1)].map(|by| by.copied().unwrap_or(ONCE));
        for (i, j) in (0..outer.n).flat_map(|i| (0..inner.n).map(move |j| (i, j))) {
            let there = to_at + place(i, outer.to) + place(j, inner.to);
            let here = from_at + place(i, outer.from) + place(j, inner.from);
            slow[there..there + run].copy_from_slice(&from[here..here + run]);
        }
        [to.to_vec(), slow]
    }

    #[test]
    fn short_runs_are_gathered_to_any_address() {
        for run in (8..SHORTEST).step_by(8) {
            let step = run.cast_signed();
            let inner = Loop { n: 3, to: step, from: step + 24 };
            let outer = Loop { n: 2, to: 3 * step + 5, from: 4 * step + 100 };
            assert!(gathers(inner, run));
            for at in (0..LINE).flat_map(|to| [[to, 0], [to, 3]]) {
                let [past, slow] = both(&[outer, inner], run, at);
                assert!(past == slow, "runs of {run} at {at:?}");
            }
        }
    }

    #[test]
    fn long_runs_begin_and_end_anywhere_in_a_line() {
        for run in (SHORTEST..SHORTEST + 2 * LINE + 2).chain([LONGEST_AHEAD, LONGEST_AHEAD + 1]) {
            let by = Loop { n: 2, to: run.cast_signed() + 1, from: run.cast_signed() };
            for to in 0..LINE {
                let [past, slow] = both(&[by], run, [to, to / 3]);
                assert!(past == slow, "runs of {run} at {to}");
                let [past, slow] = both(&[], run, [to, to / 3]);
                assert!(past == slow, "a run of {run} at {to}");
            }
        }
    }
}
