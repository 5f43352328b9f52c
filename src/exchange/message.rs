//! What two ranks exchange: products of the pieces that they share along each axis.

use super::piece::{Piece, Steps};

/// Which products of pieces are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Select {
    /// All of them: a redistribution.
    All,
    /// Those in the halo of at least one axis.
    Box,
    /// Those in the halo of exactly one axis: no corners.
    Star,
}

/// All messages of one side that have a rank and elements.
pub(super) fn messages<'a>(
    parts: Vec<AxisPart<'a>>,
    select: Select,
    rank: impl Fn(&Message<'_>) -> Option<i64>,
) -> impl Iterator<Item = Message<'a>> {
    let mut groups = Groups::new(parts);
    std::iter::from_fn(move || {
        loop {
            let mut message = Message { rank: -1, axes: groups.next()?, select };
            if let Some(rank) = rank(&message)
                && message.elements() > 0
            {
                message.rank = rank;
                return Some(message);
            }
        }
    })
}

/// What is shared along one axis: pieces, and how far their stretches lie apart.
#[derive(Clone, Copy, Debug)]
pub struct AxisPart<'a> {
    /// The pieces, in the order that both ranks list them.
    pub pieces: &'a [Piece],
    /// The distances between their stretches.
    pub steps: Steps,
}

impl AxisPart<'_> {
    /// The coordinate of the one peer whose pieces these are.
    pub(super) fn peer(&self) -> i64 {
        self.pieces.first().map_or(0, |piece| i64::from(piece.peer))
    }
}

/// All choices of one peer's pieces along each axis, the last axis fastest.
struct Groups<'a> {
    sides: Vec<AxisPart<'a>>,
    /// First and one past the last piece of the peer chosen along each axis.
    chosen: Vec<[usize; 2]>,
    done: bool,
}

impl<'a> Groups<'a> {
    fn new(sides: Vec<AxisPart<'a>>) -> Self {
        let chosen = sides.iter().map(|side| [0, group_end(side.pieces, 0)]).collect();
        let done = sides.iter().any(|side| side.pieces.is_empty());
        Self { sides, chosen, done }
    }

    fn next(&mut self) -> Option<Vec<AxisPart<'a>>> {
        if self.done {
            return None;
        }
        let chosen = self.sides.iter().zip(&self.chosen);
        let found =
            chosen.map(|(side, &[begin, end])| AxisPart { pieces: &side.pieces[begin..end], ..*side });
        let found = found.collect();
        self.done = true;
        for (side, chosen) in self.sides.iter().zip(&mut self.chosen).rev() {
            if chosen[1] < side.pieces.len() {
                *chosen = [chosen[1], group_end(side.pieces, chosen[1])];
                self.done = false;
                break;
            }
            *chosen = [0, group_end(side.pieces, 0)];
        }
        Some(found)
    }
}

/// Where the pieces of the peer at `begin` end.
fn group_end(pieces: &[Piece], begin: usize) -> usize {
    let Some(first) = pieces.get(begin) else { return begin };
    begin + pieces[begin..].iter().take_while(|piece| piece.peer == first.peer).count()
}

/// The elements that two ranks exchange: the product of what they share along each
/// axis of the target, the last axis fastest.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The other rank.
    pub rank: i64,
    /// What the two share along each axis of the target.
    pub axes: Vec<AxisPart<'a>>,
    select: Select,
}

impl Message<'_> {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> i64 {
        let sum = |part: &AxisPart<'_>, which: fn(&Piece) -> bool| -> i64 {
            part.pieces.iter().filter(|piece| which(piece)).map(Piece::elements).sum()
        };
        let all = || self.axes.iter().map(|part| sum(part, |_| true)).product::<i64>();
        let core = |part: &AxisPart<'_>| sum(part, |piece| !piece.rim);
        match self.select {
            Select::All => all(),
            Select::Box => all() - self.axes.iter().map(core).product::<i64>(),
            Select::Star => {
                let rim_along = |axis: usize| -> i64 {
                    let along = |(other, part): (usize, &AxisPart<'_>)| {
                        if other == axis { sum(part, |piece| piece.rim) } else { core(part) }
                    };
                    self.axes.iter().enumerate().map(along).product()
                };
                (0..self.axes.len()).map(rim_along).sum()
            }
        }
    }

    /// Whether elements in the halo of so many axes are exchanged.
    pub(super) fn selects(&self, rims: usize) -> bool {
        match self.select {
            Select::All => true,
            Select::Box => rims > 0,
            Select::Star => rims == 1,
        }
    }
}
