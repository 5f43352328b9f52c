//! From messages to copies: what the mover runs, made once.

use std::ptr::NonNull;

use super::combine::Combine;
use super::copies::{Copies, Copy, Entry, Range};
use super::copy::{self, FAR, Loop};
use super::memory::{Field, Memory};
use super::message::{AxisPart, Message};
use super::piece::{Piece, Steps};
use super::routes::{Mode, Way};
use crate::array::Order;

/// Which memories a copy runs between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// From an array into a packed message.
    Send,
    /// From a packed message into an array.
    Receive,
    /// From an array into an array.
    Local,
}

/// An axis of a message with more pieces than this is walked piece by piece, so that
/// the copies are not as many as the product of all axes' pieces.
const FEW: usize = 6;

/// Makes copies from messages.
pub(super) struct Maker<'a> {
    fields: &'a [Field],
    mode: Mode,
    copies: Vec<Copy>,
    loops: Vec<Loop>,
    entries: Vec<Entry>,
}

/// Part of what a message has along one axis: one piece, or many that are walked.
#[derive(Clone)]
struct Group {
    pieces: Vec<Piece>,
    steps: Steps,
}

impl<'a> Maker<'a> {
    pub(super) fn new(fields: &'a [Field], mode: Mode) -> Self {
        Self { fields, mode, copies: Vec::new(), loops: Vec::new(), entries: Vec::new() }
    }

    /// Where a message lies in an array, in one stretch, if it does and may be sent or
    /// received there; its copies are not made then.
    pub(super) fn as_it_lies(&mut self, [begin, _]: Range, bytes: usize, side: Side) -> Option<NonNull<u8>> {
        let [only] = self.copies[begin..] else { return None };
        let Field { from, to, combine, .. } = &self.fields[only.field];
        let moves = side == Side::Send || matches!(combine, Combine::Move);
        if only.run != bytes || only.entries[0] != only.entries[1] || self.mode.packed || !moves {
            return None;
        }
        let place = match side {
            Side::Send => from.base.wrapping_offset(only.from),
            _ => to.base.wrapping_offset(only.to),
        };
        let place = NonNull::new(place)?;
        self.copies.truncate(begin);
        Some(place)
    }

    /// All that was made; a round writes so many bytes.
    pub(super) fn finish(self, written: usize) -> Copies {
        let Self { copies, loops, entries, .. } = self;
        Copies { fields: self.fields.to_vec(), copies, loops, entries, far: written >= FAR }
    }

    /// Bytes of a packed message.
    pub(super) fn bytes_of(&self, message: &Message<'_>) -> usize {
        let elements = usize::try_from(message.elements()).unwrap_or(0);
        self.fields.iter().map(|field| elements * field.from.itemsize()).sum()
    }

    /// Adds the copies of a message, field after field; returns where they stand.
    pub(super) fn copies_of(&mut self, message: &Message<'_>, side: Side, from: &[Memory]) -> Range {
        let begin = self.copies.len();
        self.parts_of(message, side, from, usize::MAX);
        [begin, self.copies.len()]
    }

    /// The same cut into parts of at most `limit` bytes, each packed from its own front.
    pub(super) fn parts_of(
        &mut self,
        message: &Message<'_>,
        side: Side,
        from: &[Memory],
        limit: usize,
    ) -> Vec<Range> {
        // One axis may be walked piece by piece: the one with the most.
        let most = (0..message.axes.len()).rev().max_by_key(|&axis| message.axes[axis].pieces.len());
        let many = |axis| Some(axis) == most && message.axes[axis].pieces.len() > FEW;
        let groups: Vec<Vec<Group>> =
            message.axes.iter().enumerate().map(|(axis, part)| groups(part, many(axis))).collect();
        let rims = |chosen: &[Group]| chosen.iter().filter(|group| group.is_rim()).count();
        let chosen: Vec<_> =
            choices(&groups).into_iter().filter(|chosen| message.selects(rims(chosen))).collect();
        // Sides of a halo go together, stretch by stretch: this rank unpacks next to where it
        // has just packed. Sums keep the order that they have in one part.
        let halo = !message.selects(0);
        let together = halo && self.mode.way == Way::Forward && limit < usize::MAX;
        let share = if together { limit / (from.len() * chosen.len()).max(1) } else { limit };
        let mut boxes = Vec::new();
        for (field, from) in from.iter().enumerate() {
            for whole in &chosen {
                let mut cut = Vec::new();
                self.split(whole.clone(), from.itemsize(), share, &mut cut);
                boxes.extend(cut.into_iter().enumerate().map(|(at, each)| (at, (field, from), each)));
            }
        }
        if together {
            boxes.sort_by_key(|&(at, ..)| at);
        }
        let mut parts = vec![[self.copies.len(); 2]];
        let mut packed = 0;
        for (_, of, each) in boxes {
            let bytes = of.1.itemsize() * elements(&each);
            if packed > 0 && packed + bytes > limit {
                parts.push([self.copies.len(); 2]);
                packed = 0;
            }
            self.copy(of, &each, packed, side);
            packed += bytes;
            if let Some(part) = parts.last_mut() {
                part[1] = self.copies.len();
            }
        }
        parts
    }

    /// Axes of a box, the slowest of packed messages first.
    fn slowest_first(&self, ndim: usize) -> Vec<usize> {
        match self.mode.order {
            Order::C => (0..ndim).collect(),
            Order::Fortran => (0..ndim).rev().collect(),
        }
    }

    /// Cuts a box along its slowest axes until no part exceeds `limit` bytes; both ends
    /// of a message cut alike.
    fn split(&self, whole: Vec<Group>, itemsize: usize, limit: usize, boxes: &mut Vec<Vec<Group>>) {
        let all = elements(&whole);
        let mut slowest = self.slowest_first(whole.len()).into_iter();
        let axis = slowest.find(|&axis| whole[axis].elements() > 1);
        let Some(axis) = axis.filter(|_| all.saturating_mul(itemsize) > limit) else {
            boxes.push(whole);
            return;
        };
        let unit = all / whole[axis].elements() * itemsize;
        for part in whole[axis].cut((limit / unit).max(1)) {
            let mut some = whole.clone();
            some[axis] = part;
            self.split(some, itemsize, limit, boxes);
        }
    }

    /// Adds one copy: a group of pieces along each axis.
    fn copy(&mut self, (field, from): (usize, &Memory), chosen: &[Group], packed: usize, side: Side) {
        let Field { to, combine, .. } = &self.fields[field];
        let narrow = |n: i64| isize::try_from(n).unwrap_or(0); // positions in memory that exists
        // Packed steps, in the order that all ranks agreed on.
        let mut steps = vec![0_isize; chosen.len()];
        let mut step = from.itemsize().cast_signed();
        for axis in self.slowest_first(chosen.len()).into_iter().rev() {
            steps[axis] = step;
            step *= chosen[axis].elements().cast_signed();
        }
        let front = |here: bool| if here { packed.cast_signed() } else { 0 };
        let mut copy = Copy {
            field,
            to: front(side == Side::Send),
            from: front(side == Side::Receive),
            loops: [self.loops.len(); 2],
            run: from.itemsize(),
            entries: [self.entries.len(); 2],
            outer: 0,
            step: [0; 2],
            apart: [Some(0); 2],
        };
        let mut loops = Vec::with_capacity(2 * chosen.len());
        for (axis, group) in chosen.iter().enumerate() {
            // Bytes per position, in the written and in the read memory.
            let (to_step, from_step) = match side {
                Side::Send => (steps[axis], from.stride(axis)),
                Side::Receive => (to.stride(axis), steps[axis]),
                Side::Local => (to.stride(axis), from.stride(axis)),
            };
            // Positions in the written and in the read memory; `packed` counts from the
            // front of the box.
            let pair = |mine: i64, theirs: i64, packed: i64| match side {
                Side::Send => (packed, mine),
                Side::Receive => (mine, packed),
                Side::Local => (mine, theirs),
            };
            let bytes = |(to, from): (i64, i64)| (narrow(to) * to_step, narrow(from) * from_step);
            let number = |n: i64| usize::try_from(n).unwrap_or(0);
            let Steps { mine, theirs } = group.steps;
            if let [piece] = group.pieces[..] {
                let (to, from) = bytes(pair(piece.mine, piece.theirs, 0));
                copy.to += to;
                copy.from += from;
                let (to, from) = bytes(pair(mine, theirs, piece.len));
                loops.push(Loop { n: number(piece.count), to, from });
                loops.push(Loop { n: number(piece.len), to: to_step, from: from_step });
                continue;
            }
            let mut before = 0;
            for piece in &group.pieces {
                let (to, from) = bytes(pair(piece.mine, piece.theirs, before));
                before += piece.elements();
                let packed = narrow(piece.len) * steps[axis];
                let (count, n) = (number(piece.count), number(piece.len));
                self.entries.push(Entry { count, n, to, from, packed });
            }
            let (to, from) = bytes(pair(mine, theirs, 0));
            copy.entries[1] = self.entries.len();
            copy.step = [to_step, from_step];
            copy.apart = match side {
                Side::Send => [None, Some(from)],
                Side::Receive => [Some(to), None],
                Side::Local => [Some(to), Some(from)],
            };
        }
        // What steps further than the axis of many pieces goes around it.
        let around = |l: &Loop| copy.entries[0] < copy.entries[1] && l.to.abs() > copy.step[0].abs();
        let (mut outer, mut inner): (Vec<Loop>, Vec<Loop>) = loops.into_iter().partition(around);
        match combine {
            // Elements stay elements; the shortest step of the written memory goes last.
            Combine::Rows(..) if side != Side::Send => {
                inner.retain(|l| l.n != 1);
                inner.sort_by_key(|l| std::cmp::Reverse(l.to.unsigned_abs()));
            }
            _ => copy.run = copy::shorten(&mut inner, copy.run),
        }
        outer.retain(|l| l.n != 1);
        outer.sort_by_key(|l| std::cmp::Reverse(l.to.unsigned_abs()));
        copy.outer = outer.len();
        self.loops.append(&mut outer);
        self.loops.append(&mut inner);
        copy.loops[1] = self.loops.len();
        self.copies.push(copy);
    }
}

/// The groups of one axis, the same on both ranks of a message.
fn groups(part: &AxisPart<'_>, many: bool) -> Vec<Group> {
    let group = |pieces: Vec<Piece>| Group { pieces, steps: part.steps };
    if !many {
        return part.pieces.iter().map(|&piece| group(vec![piece])).collect();
    }
    let of = |rim: bool| part.pieces.iter().copied().filter(|piece| piece.rim == rim).collect();
    [of(false), of(true)].into_iter().filter(|pieces: &Vec<Piece>| !pieces.is_empty()).map(group).collect()
}

/// All choices of one group for each axis, the last axis fastest.
fn choices(groups: &[Vec<Group>]) -> Vec<Vec<Group>> {
    groups.iter().fold(vec![Vec::new()], |chosen, groups| {
        let with =
            |chosen: &Vec<Group>, group: &Group| [chosen.as_slice(), std::slice::from_ref(group)].concat();
        chosen.iter().flat_map(|chosen| groups.iter().map(|group| with(chosen, group))).collect()
    })
}

fn elements(chosen: &[Group]) -> usize {
    chosen.iter().map(Group::elements).product()
}

impl Group {
    fn is_rim(&self) -> bool {
        self.pieces.first().is_some_and(|piece| piece.rim)
    }

    fn elements(&self) -> usize {
        usize::try_from(self.pieces.iter().map(Piece::elements).sum::<i64>()).unwrap_or(0)
    }

    /// Consecutive parts of at most `most` elements.
    fn cut(&self, most: usize) -> Vec<Self> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut parts: Vec<Self> = Vec::new();
        let mut room = 0;
        let mut add = |piece: Piece| {
            if let Some(part) = parts.last_mut().filter(|_| piece.elements() <= room) {
                room -= piece.elements();
                part.pieces.push(piece);
                return;
            }
            room = most - piece.elements();
            parts.push(Self { pieces: vec![piece], steps: self.steps });
        };
        for piece in &self.pieces {
            let at = |k: i64, i: i64| Piece {
                mine: piece.mine + k * self.steps.mine + i,
                theirs: piece.theirs + k * self.steps.theirs + i,
                ..*piece
            };
            if piece.len <= most {
                let stretches = most / piece.len;
                let mut k = 0;
                while k < piece.count {
                    let count = stretches.min(piece.count - k);
                    add(Piece { count, ..at(k, 0) });
                    k += count;
                }
                continue;
            }
            for k in 0..piece.count {
                let mut i = 0;
                while i < piece.len {
                    let len = most.min(piece.len - i);
                    add(Piece { len, count: 1, ..at(k, i) });
                    i += len;
                }
            }
        }
        parts
    }
}
