//! The agreement at the beginning of an exchange: one reduction of one word.

use crate::comm::{Comm, Op};
use crate::distribution::ring_term;
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// Makes one rank's failure everyone's, and refuses ranks that bring different
/// `words`: what an exchange needs to be alike everywhere. Collective: one reduction of
/// 8 bytes when all is well.
pub(crate) fn agree<T>(comm: &Comm, mine: Result<T>, words: impl Iterator<Item = u64> + Clone) -> Result<T> {
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
    // All ranks see the same lists.
    match odd {
        0 => Ok(mine),
        _ => Err(differs().on_rank(as_i64(odd)).against_rank(0)),
    }
}

/// Makes one rank's failure everyone's, and agrees on words that only some ranks can
/// tell; `None` where nobody can. Collective: one reduction of a few words.
pub(super) fn agree_on<T, const N: usize>(
    comm: &Comm,
    mine: Result<T>,
    words: [Option<u64>; N],
) -> Result<(T, [Option<u64>; N])> {
    // The least word, and the least complement, which is that of the greatest.
    let mut least = vec![u64::MAX; 1 + 2 * N];
    match &mine {
        Ok(_) => {
            for (pair, word) in least[1..].chunks_exact_mut(2).zip(words) {
                if let Some(word) = word {
                    pair.copy_from_slice(&[word, !word]);
                }
            }
        }
        Err(_) => least[0] = comm.rank() as u64,
    }
    comm.all_reduce(&mut least, Op::Min)?;
    if least[0] != u64::MAX {
        return comm.agree(mine).and_then(|_| Err(differs()));
    }
    let mine = mine?;
    let mut agreed = [None; N];
    for (agreed, pair) in agreed.iter_mut().zip(least[1..].chunks_exact(2)) {
        match pair {
            [u64::MAX, u64::MAX] => {}
            [low, high] if *low == !*high => *agreed = Some(*low),
            _ => return Err(odd_one_out(comm, words)?),
        }
    }
    Ok((mine, agreed))
}

/// The error that names the first rank whose words are not those of the ranks before.
/// Collective.
fn odd_one_out<const N: usize>(comm: &Comm, words: [Option<u64>; N]) -> Result<Error> {
    let own = words.map(|word| word.map_or([0, 0], |word| [1, word]));
    let all = comm.all_gather(bytemuck::cast_slice(&own))?;
    for word in 0..N {
        let told = all.iter().map(|bytes| &bytes[16 * word..16 * word + 16]).enumerate();
        let mut told = told.filter(|(_, bytes)| bytes[..8] != [0; 8]);
        let Some((first, wanted)) = told.next() else { continue };
        if let Some((odd, _)) = told.find(|(_, bytes)| *bytes != wanted) {
            return Ok(differs().on_rank(as_i64(odd)).against_rank(as_i64(first)));
        }
    }
    Ok(differs())
}

fn differs() -> Error {
    Error::new(
        ErrorKind::Invariant,
        "all ranks must plan and run the same exchange: the same axes, edges and requirements, equally many arrays, of the same element types",
    )
}
