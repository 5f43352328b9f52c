//! Waiting for another rank in memory that both share.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Comm, to_i64};
use crate::{Error, ErrorKind, Result};

/// A counter that one rank writes and others wait for, on cache lines of its own.
#[repr(C, align(128))]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    /// Lets nobody wait any more: who writes the counter does not get further.
    pub(crate) fn give_up(&self) {
        self.set(GIVEN_UP);
    }

    /// Whether the counter, which `rank` writes, has reached a value.
    ///
    /// # Errors
    /// `Comm` when that rank has given up.
    #[inline]
    pub(crate) fn has_reached(&self, rank: usize, value: u64) -> Result<bool> {
        Ok(counted(&self.0, rank)? >= value)
    }
}

/// What a counter says that its writer has given up.
pub(super) const GIVEN_UP: u64 = u64::MAX;

/// What `rank` has counted so far.
///
/// # Errors
/// `Comm` when it has given up.
#[inline]
pub(super) fn counted(counter: &AtomicU64, rank: usize) -> Result<u64> {
    match counter.load(Ordering::Acquire) {
        GIVEN_UP => Err(gave_up(rank)),
        count => Ok(count),
    }
}

/// The error of who waits for a rank that has given up.
#[cold]
pub(crate) fn gave_up(rank: usize) -> Error {
    Error::new(ErrorKind::Comm, "this rank failed in an exchange with another").on_rank(to_i64(rank))
}

/// Waits until `ready` says so; for what `rank` does.
///
/// # Errors
/// `Comm` when that rank cannot get there any more.
#[inline]
pub(crate) fn wait_until(comm: &Comm, rank: usize, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
    let mut patience = Patience::default();
    while !ready()? {
        patience.wait(comm, rank)?;
    }
    Ok(())
}

/// How a rank waits for another: when that takes long it gives the core away, and lets
/// the message layer go on each time that it gets it back. Some move a long message only
/// while they are called, a few pages at a time.
#[derive(Default)]
pub(crate) struct Patience {
    waits: u32,
    /// What was heard of the rank last, and not returned yet: it may have done its part
    /// before.
    outlook: Option<Error>,
}

impl Patience {
    const SPINS: u32 = 2000;
    const YIELDS: u32 = 1000;

    /// Waits a little for a rank; then its part is looked for once more.
    ///
    /// # Errors
    /// `Comm` when that rank cannot go on any more.
    #[inline]
    pub(crate) fn wait(&mut self, comm: &Comm, rank: usize) -> Result<()> {
        self.waits += 1;
        if self.waits < Self::SPINS {
            std::hint::spin_loop();
            return Ok(());
        }
        if let Some(error) = self.outlook.take() {
            return Err(error);
        }
        std::thread::yield_now();
        let transport = comm.transport()?;
        transport.progress()?;
        if self.waits > Self::SPINS + Self::YIELDS {
            self.waits = Self::SPINS;
            self.outlook = transport.check(rank).err();
        }
        Ok(())
    }
}
