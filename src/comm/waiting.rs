//! Waiting for another rank in memory that both share.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Comm;
use crate::Result;

/// A counter that one rank writes and others wait for, on cache lines of its own.
#[repr(C, align(128))]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    /// Waits until the counter, which `rank` writes, has reached a value.
    ///
    /// # Errors
    /// `Comm` when that rank cannot get there any more.
    #[inline]
    pub(crate) fn wait(&self, comm: &Comm, rank: usize, value: u64) -> Result<()> {
        let mut patience = Patience::default();
        while self.get() < value {
            let outlook = patience.wait(comm, rank);
            // Who has returned may have counted before.
            if outlook.is_err() && self.get() < value {
                return outlook;
            }
        }
        Ok(())
    }
}

/// How a rank waits for another: when that takes long it gives the core away, and lets
/// the message layer go on each time that it gets it back. Some move a long message only
/// while they are called, a few pages at a time.
#[derive(Default)]
pub(crate) struct Patience(u32);

impl Patience {
    const SPINS: u32 = 2000;
    const YIELDS: u32 = 1000;

    /// Waits a little for a rank.
    ///
    /// # Errors
    /// `Comm` when that rank cannot go on any more.
    #[inline]
    pub(crate) fn wait(&mut self, comm: &Comm, rank: usize) -> Result<()> {
        self.0 += 1;
        if self.0 < Self::SPINS {
            std::hint::spin_loop();
            return Ok(());
        }
        std::thread::yield_now();
        let transport = comm.transport()?;
        transport.progress()?;
        if self.0 > Self::SPINS + Self::YIELDS {
            self.0 = Self::SPINS;
            transport.check(rank)?;
        }
        Ok(())
    }
}
