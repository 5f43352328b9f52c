//! The agreement at the beginning of an exchange: one reduction of one word.

use crate::comm::{Comm, Op};
use crate::distribution::ring_term;
use crate::error::{Error, ErrorKind, Result};

/// Makes one rank's failure everyone's, and refuses ranks that bring different
/// `words`: what an exchange needs to be alike everywhere. Collective: one reduction of
/// 8 bytes when all is well.
pub(super) fn agree<T>(comm: &Comm, mine: Result<T>, words: impl Iterator<Item = u64> + Clone) -> Result<T> {
    let term = match &mine {
        Ok(_) => ring_term(comm, words.clone()),
        // What no other rank cancels.
        Err(_) => ring_term(comm, [comm.rank() as u64].into_iter()) | 1,
    };
    let mut sum = [term];
    comm.all_reduce(&mut sum, Op::Sum)?;
    if sum[0] == 0 {
        return mine;
    }
    let mine = comm.agree(mine)?;
    let own: Vec<u64> = words.collect();
    let all = comm.all_gather(bytemuck::cast_slice(&own))?;
    let odd = all.iter().position(|words| *words != all[0]).unwrap_or(0);
    let differs = Error::new(
        ErrorKind::Invariant,
        "all ranks must exchange equally many arrays, of the same element types and in the same way",
    )
    .on_rank(i64::try_from(odd).unwrap_or(i64::MAX))
    .against_rank(0)
    .in_field("dtype");
    // A sum that vanishes for no reason but chance does not exist: all ranks see the same.
    if odd == 0 { Ok(mine) } else { Err(differs) }
}
