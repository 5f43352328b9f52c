//! Ranks as threads of one process: parallel tests and examples without a launcher.
//!
//! Nothing hangs: where a rank panics, returns early or makes another collective
//! call than the others, or where all wait, every waiting rank gets an error. A
//! rank counts as waiting when any of its threads waits: it does not start
//! threads of its own of which one waits for what another is still to send.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use super::thread::Thread;
use super::world::World;
use super::{Comm, Transport};

/// Runs `work` as `ranks` ranks, each on its own thread, and returns what each
/// returned, in rank order.
///
/// ```
/// use distarray::comm;
/// assert_eq!(comm::threads(3, |comm| comm.rank() * 10), [0, 10, 20]);
/// ```
///
/// # Panics
/// When a rank panics: with the panic of the first that did; the others get an
/// error from their communicator instead of waiting.
pub fn threads<R: Send>(ranks: usize, work: impl Fn(Comm) -> R + Sync) -> Vec<R> {
    let (mut results, first_panic) = run(ranks, work);
    if let Some(rank) = first_panic
        && let Err(panic) = results.swap_remove(rank)
    {
        resume_unwind(panic);
    }
    results.into_iter().filter_map(thread::Result::ok).collect()
}

/// As [`threads`], with each rank's panic in its place.
pub fn try_threads<R: Send>(ranks: usize, work: impl Fn(Comm) -> R + Sync) -> Vec<thread::Result<R>> {
    run(ranks, work).0
}

fn run<R: Send>(ranks: usize, work: impl Fn(Comm) -> R + Sync) -> (Vec<thread::Result<R>>, Option<usize>) {
    let world = Arc::new(World::new(ranks));
    let members: Arc<[usize]> = (0..ranks).collect();
    let rank_main = |rank: usize| {
        let transport = Thread::new(&world, 0, rank, &members);
        let comm = Comm::from_transport(Box::new(transport));
        let result = catch_unwind(AssertUnwindSafe(|| work(comm)));
        world.leave(rank, result.is_err());
        result
    };
    let results = thread::scope(|scope| {
        let rank_main = &rank_main;
        let handles: Vec<_> = (0..ranks).map(|rank| scope.spawn(move || rank_main(rank))).collect();
        handles.into_iter().map(|handle| handle.join().and_then(|result| result)).collect()
    });
    (results, world.first_panic())
}

/// The transport of one process alone: a world of one rank.
pub(super) fn solo() -> Box<dyn Transport> {
    Box::new(Thread::new(&Arc::new(World::new(1)), 0, 0, &Arc::from([0])))
}
