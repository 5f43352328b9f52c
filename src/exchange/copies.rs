//! Copies between the memory of arrays and packed messages, and running them.
#![allow(unsafe_code)] // moves elements of arrays by their addresses

use super::combine::{Combine, combine};
use super::copy::{self, Loop};
use super::memory::{Field, Memory};

/// What the mover runs, by ranges of its list.
pub(super) struct Copies {
    /// The memory that they are bound to.
    pub(super) fields: Vec<Field>,
    pub(super) copies: Vec<Copy>,
    pub(super) loops: Vec<Loop>,
    pub(super) entries: Vec<Entry>,
    /// Whether what a round writes exceeds the caches.
    pub(super) far: bool,
}

/// First and one past the last of some copies.
pub(super) type Range = [usize; 2];

/// A strided copy between an array and a packed message, or between two arrays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) field: usize,
    /// Offsets of the first element in bytes.
    pub(super) to: isize,
    pub(super) from: isize,
    pub(super) loops: [usize; 2],
    pub(super) run: usize,
    /// An axis of many pieces: where each of them lies. Empty for none.
    pub(super) entries: [usize; 2],
    /// Loops around that axis; the others are inside.
    pub(super) outer: usize,
    /// Distances between the elements of a stretch of that axis.
    pub(super) step: [isize; 2],
    /// Distances between the stretches of its pieces: in packed memory each has its own.
    pub(super) apart: [Option<isize>; 2],
}

/// One piece of an axis of many: `count` stretches of `n` elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) count: usize,
    pub(super) n: usize,
    pub(super) to: isize,
    pub(super) from: isize,
    /// How far apart the stretches lie in packed memory.
    pub(super) packed: isize,
}

impl Copies {
    /// Packs what a message takes into its memory.
    ///
    /// # Safety
    /// The memory of the fields is still what it was, nobody else touches it, and the
    /// buffer is as long as the message.
    pub(super) unsafe fn pack(&self, range: Range, buffer: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.run_all(range, self.far, |_, field| (buffer, field.from.base, &Combine::Move)) }
    }

    /// The same where another core unpacks: past the caches of this one unless that is
    /// near, since a line that goes from cache to cache can take several times as long as
    /// through memory.
    ///
    /// # Safety
    /// As for [`pack`](Self::pack).
    pub(super) unsafe fn pack_for_another(&self, range: Range, buffer: *mut u8, near: bool) {
        // SAFETY: the caller's promise.
        unsafe { self.run_all(range, !near, |_, field| (buffer, field.from.base, &Combine::Move)) }
    }

    /// Unpacks a message.
    ///
    /// # Safety
    /// As for [`pack`](Self::pack).
    pub(super) unsafe fn unpack(&self, range: Range, buffer: *const u8) {
        // SAFETY: the caller's promise.
        unsafe { self.run_all(range, self.far, |_, field| (field.to.base, buffer, &field.combine)) }
    }

    /// Copies from these memories, one for each field, or within this rank.
    ///
    /// # Safety
    /// As for [`pack`](Self::pack), and so are the memories.
    pub(super) unsafe fn copy(&self, range: Range, from: Option<&[Memory]>) {
        let memory = |copy: &Copy, field: &Field| from.map_or(field.from.base, |from| from[copy.field].base);
        // SAFETY: the caller's promise.
        unsafe {
            self.run_all(range, self.far, |copy, field| (field.to.base, memory(copy, field), &field.combine));
        }
    }

    /// Runs copies between what `ends` says: where to, where from, and how.
    ///
    /// # Safety
    /// As for [`run`](Self::run).
    #[inline]
    unsafe fn run_all<'a>(
        &'a self,
        [begin, end]: Range,
        past: bool,
        ends: impl Fn(&Copy, &'a Field) -> (*mut u8, *const u8, &'a Combine),
    ) {
        for copy in &self.copies[begin..end] {
            let (to, from, how) = ends(copy, &self.fields[copy.field]);
            // SAFETY: the caller's promise.
            unsafe { self.run(copy, (to, from), how, past) };
        }
        if past {
            copy::settle();
        }
    }

    /// Runs one copy.
    ///
    /// # Safety
    /// What the copy reaches from both addresses is valid.
    #[inline]
    unsafe fn run(&self, copy: &Copy, (to, from): (*mut u8, *const u8), how: &Combine, past: bool) {
        let loops = &self.loops[copy.loops[0]..copy.loops[1]];
        let (outer, inner) = loops.split_at(copy.outer);
        let (to, from) = (to.wrapping_offset(copy.to), from.wrapping_offset(copy.from));
        // SAFETY: the caller's promise.
        let one = |to: *mut u8, from: *const u8| unsafe {
            match how {
                Combine::Move => copy::copy(to, from, inner, copy.run, past),
                Combine::Rows(row, scale) => combine(to, from, inner, *row, scale),
            }
        };
        let [begin, end] = copy.entries;
        if begin == end {
            one(to, from);
            return;
        }
        let ([to_step, from_step], run) = (copy.step, copy.run.cast_signed());
        let contiguous = matches!(how, Combine::Move) && inner.is_empty() && copy.step == [run, run];
        let mut entries = |to: *mut u8, from: *const u8| {
            for entry in &self.entries[begin..end] {
                let [to_apart, from_apart] = copy.apart.map(|apart| apart.unwrap_or(entry.packed));
                for k in 0..entry.count.cast_signed() {
                    let to = to.wrapping_offset(entry.to + k * to_apart);
                    let from = from.wrapping_offset(entry.from + k * from_apart);
                    if contiguous {
                        // SAFETY: the caller's promise.
                        unsafe { copy::copy(to, from, &[], copy.run * entry.n, past) };
                        continue;
                    }
                    for i in 0..entry.n.cast_signed() {
                        one(to.wrapping_offset(i * to_step), from.wrapping_offset(i * from_step));
                    }
                }
            }
        };
        // SAFETY: the caller's promise.
        unsafe { copy::nest(to, from, outer, &mut entries) }
    }
}
