//! A distributed directory of unstructured indices: each index is known to one
//! rank, found by hashing, so that no rank holds the whole table.

use std::collections::{BTreeMap, HashMap};

use super::hash;
use crate::comm::Comm;
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, DimData, Dist};

/// Rank whose directory knows an index.
fn keeper(index: i64, ranks: usize) -> usize {
    let ranks = ranks as u64;
    usize::try_from(hash::words(20, [index.cast_unsigned()]) % ranks).unwrap_or(0)
}

/// Numbers for other ranks, to be exchanged.
#[derive(Default)]
struct Letters(BTreeMap<usize, Vec<u8>>);

impl Letters {
    fn add<const N: usize>(&mut self, rank: usize, numbers: [i64; N]) {
        self.0.entry(rank).or_default().extend_from_slice(bytemuck::cast_slice(&numbers));
    }

    /// What came, with the ranks that sent it, ascending.
    fn exchange<const N: usize>(self, comm: &Comm) -> Result<Vec<(usize, Vec<[i64; N]>)>> {
        let received = comm.deliver(self.0.into_iter().collect())?;
        let numbers = |bytes: &[u8]| bytes.chunks_exact(8 * N).map(bytemuck::pod_read_unaligned).collect();
        Ok(received.iter().map(|(rank, bytes)| (*rank, numbers(bytes))).collect())
    }

    /// The numbers alone, whoever sent them.
    fn numbers<const N: usize>(self, comm: &Comm) -> Result<impl Iterator<Item = [i64; N]>> {
        Ok(self.exchange(comm)?.into_iter().flat_map(|(_, numbers)| numbers))
    }
}

/// Announces the owned indices of one axis to their keepers.
fn announce(comm: &Comm, dim: &Dim, tag: i64) -> Letters {
    let mut letters = Letters::default();
    for (local, index) in (0..).zip(dim.owned_runs().indices()) {
        letters.add(keeper(index, comm.size()), [index, dim.proc_grid_rank(), local, tag]);
    }
    letters
}

/// Owner's coordinate and local position of each index. Collective.
pub(super) fn owners(comm: &Comm, dim: &Dim, wanted: &[i64]) -> Result<Vec<Option<(i64, i64)>>> {
    let mut known: HashMap<i64, (i64, i64)> = HashMap::new();
    for [index, coordinate, local, _] in announce(comm, dim, 0).numbers::<4>(comm)? {
        // Owned twice: the lowest coordinate counts.
        let entry = known.entry(index).or_insert((coordinate, local));
        *entry = (*entry).min((coordinate, local));
    }
    let mut questions = Letters::default();
    for &index in wanted {
        questions.add(keeper(index, comm.size()), [index]);
    }
    let mut answers = Letters::default();
    for (rank, asked) in questions.exchange::<1>(comm)? {
        for [index] in asked {
            let (coordinate, local) = known.get(&index).copied().unwrap_or((-1, -1));
            answers.add(rank, [coordinate, local]);
        }
    }
    let answers = answers.exchange::<2>(comm)?;
    // Each keeper answers in the order it was asked.
    let mut answers: HashMap<usize, _> =
        answers.into_iter().map(|(rank, numbers)| (rank, numbers.into_iter())).collect();
    let answer = |&index: &i64| answers.get_mut(&keeper(index, comm.size()))?.next();
    let found = wanted.iter().map(answer);
    Ok(found.map(|answer| answer.filter(|[c, _]| *c >= 0).map(|[c, l]| (c, l))).collect())
}

/// All who announced each wanted index, as coordinate and local position, lowest
/// coordinate first; indices are announced as `(global, local)`. Collective.
pub(crate) fn holders(
    comm: &Comm,
    coordinate: i64,
    announced: &[(i64, i64)],
    wanted: &[i64],
) -> Result<Vec<Vec<(i64, i64)>>> {
    let mut letters = Letters::default();
    for &(index, local) in announced {
        letters.add(keeper(index, comm.size()), [index, coordinate, local]);
    }
    let mut known: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
    for [index, coordinate, local] in letters.numbers::<3>(comm)? {
        known.entry(index).or_default().push((coordinate, local));
    }
    known.values_mut().for_each(|found| found.sort_unstable());
    let mut questions = Letters::default();
    for (number, &index) in (0..).zip(wanted) {
        questions.add(keeper(index, comm.size()), [number, index]);
    }
    let mut answers = Letters::default();
    for (rank, asked) in questions.exchange::<2>(comm)? {
        for [number, index] in asked {
            for &(coordinate, local) in known.get(&index).into_iter().flatten() {
                answers.add(rank, [number, coordinate, local]);
            }
        }
    }
    let mut found = vec![Vec::new(); wanted.len()];
    // Each index has one keeper, who answers in order.
    for [number, coordinate, local] in answers.numbers::<3>(comm)? {
        if let Some(found) = usize::try_from(number).ok().and_then(|number| found.get_mut(number)) {
            found.push((coordinate, local));
        }
    }
    Ok(found)
}

/// Finds an index of a one-to-one axis that two coordinates own: the same
/// error on every rank, or none. Collective.
pub(super) fn find_duplicate(comm: &Comm, dim_data: &DimData) -> Result<()> {
    let rank = as_i64(comm.rank());
    for axis in one_to_one_axes(dim_data) {
        let known = announce(comm, &dim_data.dims()[axis], rank).numbers::<4>(comm)?;
        let owned = known.map(|[index, coordinate, _, rank]| [index, coordinate, rank]);
        comm.agree(duplicate(axis, owned))?;
    }
    Ok(())
}

/// The same among the parts of all ranks, held by one process.
pub(super) fn find_duplicate_among(parts: &[&DimData]) -> Result<()> {
    for axis in parts.first().into_iter().flat_map(|part| one_to_one_axes(part)) {
        let owned = (0..).zip(parts).flat_map(|(rank, part)| {
            let dim = &part.dims()[axis];
            dim.owned_runs()
                .indices()
                .map(move |index| [index, dim.proc_grid_rank(), rank])
                .collect::<Vec<_>>()
        });
        duplicate(axis, owned)?;
    }
    Ok(())
}

fn one_to_one_axes(dim_data: &DimData) -> impl Iterator<Item = usize> {
    let of_one = |dim: &Dim| matches!(dim.dist(), Dist::Unstructured { one_to_one: true, .. });
    dim_data.dims().iter().enumerate().filter(move |(_, dim)| of_one(dim)).map(|(axis, _)| axis)
}

/// Refuses the first index that two coordinates own, given as index, coordinate, rank.
fn duplicate(axis: usize, owned: impl Iterator<Item = [i64; 3]>) -> Result<()> {
    let mut first: HashMap<i64, (i64, i64)> = HashMap::new();
    for [index, coordinate, rank] in owned {
        let &mut (owner, owner_rank) = first.entry(index).or_insert((coordinate, rank));
        if owner != coordinate {
            let detail = format!("index {index} of a one-to-one axis is owned twice");
            return Err(Error::new(ErrorKind::Duplicate, detail)
                .on_rank(rank)
                .against_rank(owner_rank)
                .on_axis(axis)
                .in_field("indices")
                .by_rule("W6"));
        }
    }
    Ok(())
}
