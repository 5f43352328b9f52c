//! The messages of one rank, one by one.

use distarray::distribution::Decomposition;

use super::along::{Along, Share};
use super::traffic::{Exchange, Place, Select, all};
use crate::outcome::Outcome;

/// The other rank, and the elements.
pub type Messages = Vec<(i64, i128)>;

/// Messages that are listed.
const MOST: usize = 1 << 16;

impl Exchange<'_> {
    /// The messages that a rank sends, and those that it receives, its own included:
    /// the other rank and the elements. None where they are too many to list.
    pub fn messages(&self, rank: i64) -> Outcome<[Option<Messages>; 2]> {
        let (from, to) = self.places(rank)?;
        let replica = |side: &Decomposition| side.coordinates(rank).map_or(0, |(_, replica)| replica);
        let (own, source) = (replica(self.to), replica(self.from));
        let targets = if self.copies()? > 1 { 0..self.to.replicas() } else { own..own + 1 };
        let shares = |place: &Place, of: fn(&Along<'_>, i64) -> Outcome<Vec<Share>>| {
            let Some(place) = place else { return Ok(None) };
            let along = self.along.iter().zip(place);
            along.map(|(along, &at)| of(along, at)).collect::<Outcome<Vec<_>>>().map(Some)
        };
        let sends = shares(&from, |along, at| along.sends(at))?.map_or(Some(Vec::new()), |shares| {
            let to = |replica| self.products(&shares, |at| self.to.rank_at(at, replica));
            targets.map(to).collect::<Option<Vec<_>>>().map(|all| all.concat())
        });
        let receives = shares(&to, |along, at| along.receives(at))?.map_or(Some(Vec::new()), |shares| {
            self.products(&shares, |at| {
                let mut coordinates = vec![0; at.len()];
                self.axes.iter().zip(at).for_each(|(&axis, &at)| coordinates[axis] = at);
                self.from.rank_at(&coordinates, source)
            })
        });
        Ok([sends, receives])
    }

    /// The rank and the elements of each product of shares, ranks ascending.
    fn products(&self, shares: &[Vec<Share>], rank: impl Fn(&[i64]) -> i64) -> Option<Messages> {
        let count = shares.iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.len()))?;
        if count > MOST {
            return None;
        }
        let message = |mut number: usize| {
            let mut chosen: Vec<Share> = shares
                .iter()
                .rev()
                .map(|axis| {
                    let share = axis[number % axis.len()];
                    number /= axis.len();
                    share
                })
                .collect();
            chosen.reverse();
            let at: Vec<i64> = chosen.iter().map(|share| share.peer).collect();
            (rank(&at), self.elements(&chosen))
        };
        let mut messages: Messages = (0..count).map(message).filter(|(_, elements)| *elements > 0).collect();
        messages.sort_unstable();
        Some(messages)
    }

    /// The elements of one product.
    fn elements(&self, chosen: &[Share]) -> i128 {
        let whole: i128 = chosen.iter().map(all).product();
        let core: i128 = chosen.iter().map(|share| i128::from(share.core)).product();
        match self.select {
            Select::All => whole,
            Select::Corners => whole - core,
            Select::Faces => {
                let along = |axis: usize| -> i128 {
                    let factor =
                        |(other, share): (usize, &Share)| if other == axis { share.rim } else { share.core };
                    chosen.iter().enumerate().map(factor).map(i128::from).product()
                };
                (0..chosen.len()).map(along).sum()
            }
        }
    }
}
