//! The collective check: local promises become a global fact by one sum.
//!
//! Every rank adds one wrapping 64-bit word; the sum over all ranks is zero when
//! their claims make one array.
//!
//! - *All alike*: each rank adds `h(rank, what all must say alike)` and subtracts
//!   `h(rank before, the same)`, which telescopes to zero around the ring of
//!   ranks exactly when all say the same.
//! - *Lines agree*: likewise around the ring of lines, for ranks at one
//!   coordinate of an axis, which must describe it alike.
//! - *Blocks meet*: at each interface the left rank adds `h(where it stops)`
//!   and the right one subtracts `h(where it starts)`.
//! - *Padding pairs*: likewise with the widths; where it lies around the edges
//!   too, the widths telescope around the ring of each line.
//! - *Indices owned once*: `h` of every index owned, less `h` of a share of
//!   `0..size` that no other rank of the line subtracts.
//! - *Nobody failed*: a rank that cannot claim anything adds noise.
//!
//! These are rules W1 to W6 of `protocol-spec/protocol.md`, section 8.
//!
//! The verdict is computed from the reduced word alone, so it is the same on every
//! rank; a broken set passes with probability of about 2^-64. Only a failed
//! check costs more: then the ranks gather their descriptions and all derive
//! the same error from them.

use super::claim::{Claim, invariants, line, part_code};
use super::{diagnose, directory, hash};
use crate::comm::{Comm, Op};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, DimData, Dist};

/// Which rule, if any, says the bounds of a block axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Regular {
    Ceil,
    Balanced,
    No,
}

/// The rule of each axis.
#[derive(Clone, Copy)]
pub(super) struct Rules([Regular; OWN_WORD]);

impl Rules {
    pub(super) fn of_axis(&self, axis: usize) -> Regular {
        self.0[axis.min(OWN_WORD - 1)]
    }
}

/// Axes with a word of their own; all later ones share the last. The number of
/// words must not depend on what a rank claims.
const OWN_WORD: usize = 4;

/// Where the ranks are counted that the balanced rule does not describe; those
/// that the ceil rule does not describe are counted below.
const BALANCED: u32 = 32;

/// Numbers that callers may sum in the reduction of the check, at most.
const COUNTS: usize = 8;

/// Agrees on whether all claims make one array. `tally` counts on a rank whose claim holds
/// by itself; the sums over all ranks come of the same reduction. Collective.
pub(super) fn agree<const N: usize>(
    comm: &Comm,
    claim: Result<Claim<'_>>,
    tally: impl FnOnce(&mut [u64; N]),
) -> Result<[u64; N]> {
    verdict(comm, claim, |_, counts| tally(counts))
}

/// The same, and which rule describes the blocks of each axis. Collective.
pub(super) fn agree_on_rules(comm: &Comm, claim: Result<Claim<'_>>) -> Result<Rules> {
    let counts: [_; OWN_WORD] = verdict(comm, claim, |claim, counts| strangers(claim.dim_data(), counts))?;
    let low = u64::from(u32::MAX);
    Ok(Rules(std::array::from_fn(|axis| match (counts[axis] & low, counts[axis] >> BALANCED) {
        (0, _) => Regular::Ceil,
        (_, 0) => Regular::Balanced,
        _ => Regular::No,
    })))
}

/// Sums one word that must vanish, and behind it what `tally` counts of a claim; gives the
/// sums of the counts.
fn verdict<const N: usize>(
    comm: &Comm,
    claim: Result<Claim<'_>>,
    tally: impl FnOnce(&Claim<'_>, &mut [u64; N]),
) -> Result<[u64; N]> {
    let place = (comm.rank(), comm.size());
    let claim = claim.and_then(|claim| check_own(&claim, place).map(|()| claim));
    let mut sums = [0; 1 + COUNTS];
    let mut counts = [0; N];
    match &claim {
        Ok(claim) => {
            sums[0] = word(claim, place);
            tally(claim, &mut counts);
        }
        // Anything that no other word will cancel.
        Err(_) => sums[0] = hash::words(10, [comm.rank() as u64]),
    }
    sums[1..=N].copy_from_slice(&counts);
    comm.all_reduce(&mut sums[..=N], Op::Sum)?;
    counts.copy_from_slice(&sums[1..=N]);
    if sums[0] == 0 {
        return claim.map(|_| counts);
    }
    comm.agree(claim.as_ref().map(drop).map_err(Error::clone))?;
    let claim = claim?;
    // The second search is collective along axes that the first found alike.
    if let Some(error) = diagnose::find(comm, &claim)? {
        return Err(error);
    }
    directory::find_duplicate(comm, claim.dim_data())?;
    if has_labels(claim.dim_data()) { Ok(counts) } else { Err(unexplained()) }
}

/// All that is wrong with the parts of rank 0, 1, ... where one process holds them
/// all, as a set of files does; nothing where they make one array. Local.
///
/// The rules are those that [`Distribution::gather`](super::Distribution::gather)
/// proves with each part on a rank of its own.
///
/// ```
/// use distarray::distribution::{Claim, faults};
/// use distarray::protocol::{Dim, DimData, Dist};
///
/// let block = |rank, start, stop| DimData::new([Dim::new(9, 2, rank, Dist::block(start, stop))?]);
/// let (left, right) = (block(0, 0, 4)?, block(1, 5, 9)?);
/// let found = faults(&[Claim::of(&left), Claim::of(&right)]);
/// assert_eq!(found[0].rule(), Some("W4"));
/// assert_eq!((found[0].expected(), found[0].found()), (Some(4), Some(5)));
/// # Ok::<(), distarray::Error>(())
/// ```
#[must_use]
pub fn faults(claims: &[Claim<'_>]) -> Vec<Error> {
    let places = || (0..claims.len()).map(|rank| (rank, claims.len()));
    let own: Vec<Error> =
        claims.iter().zip(places()).filter_map(|(claim, place)| check_own(claim, place).err()).collect();
    if !own.is_empty() {
        return own;
    }
    let words = claims.iter().zip(places()).map(|(claim, place)| word(claim, place));
    if words.fold(0, u64::wrapping_add) == 0 {
        return Vec::new();
    }
    let found = diagnose::find_all(claims);
    if !found.is_empty() {
        return found;
    }
    let parts: Vec<&DimData> = claims.iter().map(Claim::dim_data).collect();
    match directory::find_duplicate_among(&parts) {
        Err(error) => vec![error],
        Ok(()) if has_labels(parts[0]) => Vec::new(),
        Ok(()) => vec![unexplained()],
    }
}

/// Whether indices may be labels: outside `0..size` they are no fault where each is
/// owned once.
fn has_labels(dim_data: &DimData) -> bool {
    let labels = |dim: &Dim| matches!(dim.dist(), Dist::Unstructured { one_to_one: true, .. });
    dim_data.dims().iter().any(labels)
}

fn unexplained() -> Error {
    let detail = "the parts of all ranks do not make one array, and it cannot be told why";
    Error::new(ErrorKind::Invariant, detail)
}

/// What a rank can check alone, before it talks to anybody.
fn check_own(claim: &Claim<'_>, (rank, ranks): (usize, usize)) -> Result<()> {
    let dim_data = claim.dim_data();
    let (rank, ranks) = (as_i64(rank), as_i64(ranks));
    if dim_data.process_count() != ranks {
        return Err(Error::new(
            ErrorKind::Grid,
            "the process grid must have as many processes as the communicator has ranks",
        )
        .on_rank(rank)
        .in_field("proc_grid_size")
        .expected_found(ranks, dim_data.process_count())
        .by_rule("W1"));
    }
    if dim_data.process_rank() != rank {
        return Err(Error::new(
            ErrorKind::Grid,
            "the coordinates are those of another rank; expected and found are ranks",
        )
        .on_rank(rank)
        .in_field("proc_grid_rank")
        .expected_found(rank, dim_data.process_rank())
        .by_rule("W2"));
    }
    if !claim.is_strict() {
        dim_data.check_strict(&dim_data.held_shape()).map_err(|e| e.on_rank(rank))?;
    }
    for (axis, dim) in dim_data.dims().iter().enumerate() {
        let widest = dim.paired_padding().into_iter().max().unwrap_or(0);
        let (limit, detail) = match dim.dist() {
            Dist::Block { edge_outside: true, .. } => {
                (dim.size(), "a halo must not be wider than the axis; make it narrower or the axis longer")
            }
            _ => (
                dim.owned_len(),
                "padding must not be wider than what the process owns, because its neighbour's is as wide",
            ),
        };
        if widest > 0 && widest > limit {
            return Err(Error::new(ErrorKind::Halo, detail)
                .on_rank(rank)
                .on_axis(axis)
                .in_field("padding")
                .expected_found(limit, widest)
                .by_rule("W5"));
        }
    }
    Ok(())
}

/// One rank's word: zero over all ranks when their claims make one array.
fn word(claim: &Claim<'_>, (rank, ranks): (usize, usize)) -> u64 {
    let (rank, ranks) = (rank as u64, ranks as u64);
    let alike = invariants(claim);
    let term = |rank| hash::words(11, [rank, alike]);
    let ring = term(rank).wrapping_sub(term((rank + ranks - 1) % ranks));
    (0..claim.dim_data().ndim()).fold(ring, |sum, axis| {
        sum.wrapping_add(lines_agree(claim.dim_data(), axis)).wrapping_add(parts_meet(claim.dim_data(), axis))
    })
}

/// Counts this rank in where a rule does not describe its block of an axis.
fn strangers(dim_data: &DimData, counts: &mut [u64; OWN_WORD]) {
    for (axis, dim) in dim_data.dims().iter().enumerate() {
        // On one process both rules say the same: it holds all.
        if dim.proc_grid_size() > 1 && dim.dist().letter() == 'b' {
            let stranger = |part: std::ops::Range<i64>| u64::from(part != dim.owned_block());
            let (size, procs, coordinate) = (dim.size(), dim.proc_grid_size(), dim.proc_grid_rank());
            counts[axis.min(OWN_WORD - 1)] += stranger(ceil_part(size, procs, coordinate))
                | stranger(balanced_part(size, procs, coordinate)) << BALANCED;
        }
    }
}

/// Zero over all ranks exactly when equal coordinates have equal parts.
fn lines_agree(dim_data: &DimData, axis: usize) -> u64 {
    let dim = &dim_data.dims()[axis];
    let (lines, own) = line(dim_data, axis);
    if lines == 1 {
        return 0;
    }
    let code = part_code(dim);
    let term = |line| hash::words(14, [axis as u64, dim.proc_grid_rank().cast_unsigned(), line, code]);
    term(own).wrapping_sub(term((own + lines - 1) % lines))
}

/// Zero over each line exactly when its parts cover the axis once and padding pairs.
fn parts_meet(dim_data: &DimData, axis: usize) -> u64 {
    let dim = &dim_data.dims()[axis];
    let coordinate = dim.proc_grid_rank();
    if dim.proc_grid_size() == 1 && dim.dist().letter() == 'b' {
        return 0; // no interface; that it is held whole is rules B3 and B5
    }
    let (_, own_line) = line(dim_data, axis);
    let term = |kind, at: i64, value: i64| {
        hash::words(kind, [axis as u64, own_line, at.cast_unsigned(), value.cast_unsigned()])
    };
    match dim.dist() {
        Dist::Block { padding, edge_outside, .. } => {
            let owned = dim.owned_block();
            let last = dim.proc_grid_size() - 1;
            let mut sum = 0_u64;
            if coordinate > 0 {
                sum = sum.wrapping_sub(term(15, coordinate, owned.start));
            }
            if coordinate < last {
                sum = sum.wrapping_add(term(15, coordinate + 1, owned.end));
            }
            if *edge_outside {
                let before = if coordinate > 0 { coordinate - 1 } else { last };
                let alike =
                    |kind, width| term(kind, coordinate, width).wrapping_sub(term(kind, before, width));
                return sum.wrapping_add(alike(16, padding[0])).wrapping_add(alike(21, padding[1]));
            }
            if coordinate > 0 {
                sum = sum.wrapping_sub(term(16, coordinate, padding[0]));
            }
            if coordinate < last {
                sum = sum.wrapping_add(term(16, coordinate + 1, padding[1]));
            }
            sum
        }
        Dist::Cyclic { .. } => 0,
        Dist::Unstructured { indices, num_owned, one_to_one } => {
            // Checked: num_owned lies within the list.
            let owned = &indices[..usize::try_from(*num_owned).unwrap_or(0)];
            let share = balanced_part(dim.size(), dim.proc_grid_size(), coordinate);
            let count = num_owned.wrapping_sub(share.end - share.start).cast_unsigned();
            let counts = count.wrapping_mul(term(17, 0, 0));
            if !one_to_one {
                return counts;
            }
            // A size that the lists here do not bear out may be any number: the slow
            // path counts before anybody sums so many.
            if share.end - share.start > (1 << 16) + 64 * owned.len().try_into().unwrap_or(0) {
                return counts.wrapping_add(term(19, coordinate, 0));
            }
            let each = |index: i64| term(18, 0, index);
            let sum = owned.iter().fold(counts, |sum, &index| sum.wrapping_add(each(index)));
            share.fold(sum, |sum, index| sum.wrapping_sub(each(index)))
        }
    }
}

/// One process's part of blocks that differ by at most one element.
fn balanced_part(size: i64, procs: i64, coordinate: i64) -> std::ops::Range<i64> {
    let (short, longer) = (size / procs, size % procs);
    let start = |c: i64| c * short + c.min(longer);
    start(coordinate)..start(coordinate + 1)
}

/// One process's part of blocks of `ceil(size / procs)` elements.
fn ceil_part(size: i64, procs: i64, coordinate: i64) -> std::ops::Range<i64> {
    let block = (size - 1).max(0) / procs + 1;
    let start = |c: i64| c.saturating_mul(block).min(size);
    start(coordinate)..start(coordinate + 1)
}
