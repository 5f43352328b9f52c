//! How far two ranks of a node are apart: whether a line goes quickly from the core of one
//! to that of the other.

use std::time::{Duration, Instant};

use super::Comm;
use super::waiting::{Counter, wait_until};
use crate::Result;

/// The longest way of a line to a rank that is near, and back. Within a chip of many cores
/// it takes 0.1 to 0.2 us, between chips 0.3 to 0.6.
const NEAR: Duration = Duration::from_nanos(250);
/// Trips of which the shortest counts. One before them does not: the other rank may come late
/// for it.
const TRIPS: u64 = 20;
/// After how long no other trip begins: where ranks take turns on one core each takes a while.
const ENOUGH: Duration = Duration::from_micros(100);
/// What is said last: far, or near.
const VERDICTS: [u64; 2] = [TRIPS + 2, TRIPS + 3];

/// Whether another rank is near, which [`answers`] meanwhile: by the shortest of some trips,
/// since a core may be taken away in any.
///
/// # Errors
/// `Comm` when that rank cannot go on any more.
pub(super) fn asks(comm: &Comm, rank: usize, mine: &Counter, theirs: &Counter) -> Result<bool> {
    let there_and_back = |trip: u64| {
        mine.set(trip);
        wait_until(comm, rank, || theirs.has_reached(rank, trip))
    };
    there_and_back(1)?;
    let begin = Instant::now();
    let mut shortest = Duration::MAX;
    for trip in 2..TRIPS + 2 {
        let start = Instant::now();
        there_and_back(trip)?;
        shortest = shortest.min(start.elapsed());
        if begin.elapsed() > ENOUGH {
            break;
        }
    }
    let near = shortest <= NEAR;
    mine.set(VERDICTS[usize::from(near)]);
    Ok(near)
}

/// What the rank that [`asks`] finds.
///
/// # Errors
/// As for [`asks`].
pub(super) fn answers(comm: &Comm, rank: usize, mine: &Counter, theirs: &Counter) -> Result<bool> {
    for trip in 1.. {
        wait_until(comm, rank, || theirs.has_reached(rank, trip))?;
        if theirs.has_reached(rank, VERDICTS[0])? {
            break;
        }
        mine.set(trip);
    }
    theirs.has_reached(rank, VERDICTS[1])
}
