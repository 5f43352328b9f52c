//! What ranks find out together.

use distarray::comm::{self, Comm};

/// Runs `body` on `n` threads and returns what all of them agreed on; after it
/// they must still be in step.
pub fn agreed<T: Send + PartialEq + std::fmt::Debug>(n: usize, body: impl Fn(&Comm) -> T + Sync) -> T {
    let mut all = comm::threads(n, |comm| {
        let found = body(&comm);
        comm.barrier().expect("every rank made the same collective calls");
        found
    });
    let first = all.pop().unwrap();
    assert!(all.iter().all(|other| *other == first), "ranks differ: {first:?} and {all:?}");
    first
}
