//! The collective calls of [`Comm`], for bytes of any lengths.

use super::{Comm, Op, Reduce, lengths, to_i64, to_usize};
use crate::{Error, ErrorKind, Result};

impl Comm {
    /// Waits for all ranks. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails, as for every function here.
    pub fn barrier(&self) -> Result<()> {
        self.transport()?.barrier()
    }

    /// Replaces each value by those of all ranks combined; all ranks pass equally
    /// many. Collective.
    ///
    /// ```
    /// use distarray::comm::{self, Op};
    /// let sums = comm::threads(4, |comm| {
    ///     let mut sum = [comm.rank() as u64];
    ///     comm.all_reduce(&mut sum, Op::Sum).unwrap();
    ///     sum[0]
    /// });
    /// assert_eq!(sums, [6, 6, 6, 6]);
    /// ```
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub fn all_reduce<T: Reduce>(&self, values: &mut [T], op: Op) -> Result<()> {
        self.transport()?.all_reduce(T::values(values), op)
    }

    /// Gives everyone the bytes of all ranks, of any lengths. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails, `NoMemory` when the sum of the lengths overflows.
    pub fn all_gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        let transport = self.transport()?;
        let mut lengths = vec![0; self.size()];
        transport.all_gather(&to_i64(mine.len()).to_ne_bytes(), bytemuck::cast_slice_mut(&mut lengths))?;
        let mut all = vec![0; total(&lengths)?];
        transport.all_gather_v(mine, &mut all, &lengths)?;
        Ok(cut(&all, &lengths))
    }

    /// Gives everyone the equally long bytes of all ranks, in rank order, in one
    /// message. Collective.
    ///
    /// # Errors
    /// `Shape` when `all` is not as long as the bytes of all ranks; `Comm` when the
    /// message layer fails.
    pub fn all_gather_into(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        lengths::equal_parts(mine, all, self.size())?;
        self.transport()?.all_gather(mine, all)
    }

    /// Sends `parts[r]` to each rank r and returns what each sent, of any lengths.
    /// Collective.
    ///
    /// # Errors
    /// `Shape` on every rank when one has not one part for each rank; `Comm` when
    /// the message layer fails.
    pub fn all_to_all(&self, parts: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        let transport = self.transport()?;
        // A rank without one part for each rank still takes part, and says so by -1.
        let valid = parts.len() == self.size();
        let send_lengths: Vec<i64> =
            if valid { parts.iter().map(|part| to_i64(part.len())).collect() } else { vec![-1; self.size()] };
        let mut lengths = vec![0; self.size()];
        transport.all_to_all(bytemuck::cast_slice(&send_lengths), bytemuck::cast_slice_mut(&mut lengths))?;
        if let Some(rank) = lengths.iter().position(|&length| length < 0) {
            return Err(Error::new(ErrorKind::Shape, "an all-to-all needs one part for each rank")
                .on_rank(to_i64(rank)));
        }
        let mut all = vec![0; total(&lengths)?];
        transport.all_to_all_v(&parts.concat(), &send_lengths, &mut all, &lengths)?;
        Ok(cut(&all, &lengths))
    }

    /// Gives everyone the bytes of `root`, of any length. Collective.
    ///
    /// # Errors
    /// `Range` when there is no rank `root`; `Comm` when the message layer fails.
    pub fn broadcast(&self, root: usize, data: &mut Vec<u8>) -> Result<()> {
        lengths::root(root, self.size())?;
        let transport = self.transport()?;
        let mut wire = to_i64(data.len()).to_ne_bytes();
        transport.broadcast(root, &mut wire)?;
        data.resize(total(&[i64::from_ne_bytes(wire)])?, 0);
        transport.broadcast(root, data)
    }
}

/// The sum of lengths that came over the wire, as memory to allocate.
fn total(lengths: &[i64]) -> Result<usize> {
    let sum = lengths.iter().try_fold(
        0_i64,
        |sum, &length| {
            if length < 0 { None } else { sum.checked_add(length) }
        },
    );
    sum.and_then(|sum| usize::try_from(sum).ok()).ok_or_else(|| {
        Error::new(ErrorKind::NoMemory, "the bytes of all ranks together exceed the address space")
    })
}

/// The parts of `all`, which lie one after the other.
fn cut(all: &[u8], lengths: &[i64]) -> Vec<Vec<u8>> {
    let mut rest = all;
    lengths
        .iter()
        .map(|&length| {
            let (part, after) = rest.split_at(to_usize(length).min(rest.len()));
            rest = after;
            part.to_vec()
        })
        .collect()
}
