//! Long copies past the caches: a line that is written whole need not be read first.
#![allow(unsafe_code)] // reads and writes at computed addresses

use std::ptr::copy_nonoverlapping;

use super::Loop;

/// The shortest run for which that pays: some whole lines.
pub(super) const SHORTEST: usize = 256;
const LINE: usize = 64;

/// The longest run of which the next one is fetched ahead: processors follow a stream by
/// themselves, but not from run to run.
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
    let mut to = to.cast::<W>();
    for _ in 0..by.n {
        for word in 0..n {
            write(to, from.cast::<W>().wrapping_add(word));
            to = to.wrapping_add(1);
        }
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
