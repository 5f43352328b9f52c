//! One side of a redistribution between different ranks, made known to all of them.

use crate::comm::{Comm, Op};
use crate::distribution::{Decomposition, Distribution, Members};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// The decomposition of a distribution over some of the ranks of `comm`, on all of
/// them. Collective over `comm`; ranks without a part pass none.
///
/// It takes memory that grows with the side's ranks only where those are neither a
/// range of `comm` nor every so many of it.
pub(super) fn known_to_all(comm: &Comm, side: Option<&Distribution>) -> Result<Decomposition> {
    let here = as_i64(comm.rank());
    let own = side.map(|side| as_i64(side.comm().rank()));
    // Where the side's first two ranks are, and who speaks for it.
    let at = |rank: i64| if own == Some(rank) { here.cast_unsigned() } else { u64::MAX };
    let mut found = [at(0), at(1)];
    comm.all_reduce(&mut found, Op::Min)?;
    let place = |word: u64| usize::try_from(word).ok().filter(|&rank| rank < comm.size());
    let Some(root) = place(found[0]) else {
        return Err(
            Error::new(ErrorKind::Grid, "one side of the redistribution has no rank at all").in_field("comm")
        );
    };
    let speaks = side.filter(|_| comm.rank() == root);
    let mut wire = speaks.map_or_else(Vec::new, |side| side.decomposition().to_wire());
    comm.broadcast(root, &mut wire)?;
    let decomposition = comm.agree(Decomposition::from_wire(&wire))?;
    let first = as_i64(root);
    let step = place(found[1]).map_or(1, |second| as_i64(second) - first);
    let size = decomposition.ranks();
    // Each member tells whether it stands where the rule says, and whether all are here.
    let regular = own.is_none_or(|own| first + own * step == here);
    let mut counted = [u64::from(own.is_some()), u64::from(!regular)];
    comm.all_reduce(&mut counted, Op::Sum)?;
    if counted[0] != size.cast_unsigned() {
        let detail = "all ranks of a side must take part in the redistribution, each with its distribution";
        return Err(Error::new(ErrorKind::Grid, detail)
            .in_field("comm")
            .expected_found(size, counted[0].cast_signed()));
    }
    if counted[1] == 0 {
        return Ok(decomposition.on(Members::Strided { first, step }));
    }
    let mut table = vec![0_i64; usize::try_from(size).unwrap_or(0)];
    if let Some(slot) = own.and_then(|own| table.get_mut(usize::try_from(own).ok()?)) {
        *slot = here;
    }
    comm.all_reduce(&mut table, Op::Sum)?;
    Ok(decomposition.on(Members::Listed(table.into())))
}
