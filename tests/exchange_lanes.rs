//! The lanes of a communicator: made once, shared by all its plans, in step whatever
//! these do.

#[path = "common/watched.rs"]
mod watched;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use distarray::array::DistArray;
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::{Halo, Redistribution};
use distarray::{ErrorKind, Result};
use watched::watched;

/// The tests count what this process has mapped: one at a time. None where ranks may not
/// share memory.
fn alone() -> Option<MutexGuard<'static, ()>> {
    static ALONE: Mutex<()> = Mutex::new(());
    let shares = std::env::var_os("DISTARRAY_SHARED_MEMORY").is_none();
    shares.then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Memory files that this process has mapped. None ever had a name, which would stay
/// behind when a job is killed: the system shows a number.
fn mapped() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let files: Vec<&str> = maps.lines().filter_map(|line| line.split("/dev/shm/").nth(1)).collect();
    assert!(files.iter().all(|file| file.starts_with('#')), "{files:?}");
    files.len()
}

/// Blocks of columns, whose halo of two is no single line.
fn columns(comm: &Comm) -> Result<Distribution> {
    Distribution::new(comm, [Axis::whole(6), Axis::block(12).halo(2).periodic()])
}

#[test]
fn plans_of_a_communicator_share_its_lanes() {
    let Some(_alone) = alone() else { return };
    assert_eq!(mapped(), 0);
    let counts = comm::threads(3, |comm| {
        let (comm, log) = watched(&comm);
        let columns = columns(&comm)?;
        let rows = Distribution::new(&comm, [Axis::block(6), Axis::whole(12)])?;
        let mut u = columns.from_fn(|g| 100 * g[0] + g[1])?;
        let mut plans = Vec::new();
        let mut counts = Vec::new();
        for size in [1, 40] {
            for _ in 0..size {
                let (mut halo, mut turn) = (Halo::new(&columns)?, Redistribution::new(&columns, &rows)?);
                halo.update(&mut u)?;
                let turned = turn.apply(&u)?;
                assert_eq!(turned.view()[[0, 11]], 100 * (2 * comm.rank() as i64) + 11);
                plans.push((halo, turn));
            }
            comm.barrier()?;
            counts.push((mapped(), log.splits.load(Ordering::Relaxed)));
            comm.barrier()?;
        }
        Ok::<_, distarray::Error>(counts)
    });
    for counts in counts {
        let counts = counts.unwrap();
        // One mapping of each rank, and the one call that found the ranks of the node.
        assert_eq!(counts, [(3, 1); 2]);
    }
    assert_eq!(mapped(), 0, "the last user takes them along");
}

#[test]
fn a_communicator_whose_plans_pass_nothing_has_no_lanes() {
    let Some(_alone) = alone() else { return };
    let counts = comm::threads(3, |comm| {
        let line = Distribution::new(&comm, [Axis::block(12)]).unwrap();
        let mut u = line.from_fn(|g| g[0]).unwrap();
        Halo::new(&line).unwrap().update(&mut u).unwrap();
        Redistribution::new(&line, &line).unwrap().apply(&u).unwrap();
        comm.barrier().unwrap();
        mapped()
    });
    assert_eq!(counts, [0; 3]);
}

/// Checks the padding of an array, against what the owners have there; returns how many
/// elements of it lie inside the edges.
fn assert_current(array: &DistArray<i64>, value: impl Fn(&[i64]) -> i64, corners: bool) -> usize {
    let dims = array.dim_data().dims();
    let mut found = 0;
    for (at, element) in array.view().indexed_iter() {
        let at: Vec<i64> = (0..dims.len()).map(|axis| at[axis] as i64).collect();
        let along = dims.iter().zip(&at);
        let rims = along.clone().filter(|(dim, at)| !dim.owned_local().contains(at)).count();
        let index: Option<Vec<i64>> =
            along.map(|(dim, &at)| dim.global_of(at).and_then(|g| dim.inside(g))).collect();
        if let Some(index) = index.filter(|_| rims == 1 || rims == 2 && corners) {
            assert_eq!(*element, value(&index), "at {at:?}");
            found += 1;
        }
    }
    found
}

#[test]
fn exchanges_of_one_communicator_interleave() {
    let Some(_alone) = alone() else { return };
    comm::threads(4, |comm| {
        let d = Distribution::new(&comm, [Axis::block(8).halo(1).periodic(), Axis::block(8).halo(2)])?;
        let rows = Distribution::new(&comm, [Axis::block(8), Axis::whole(8)])?;
        let (mut slow, mut halo, mut turn) =
            (Halo::new(&d)?, Halo::star(&d)?, Redistribution::new(&d, &rows)?);
        let mut bound = [halo.bind(d.zeros::<i64>()?)?, slow.bind(d.zeros::<i64>()?)?];
        let full = |round: i64| d.from_fn(move |g| round + 10 * g[0] + g[1]);
        for round in 0..30 {
            let (mut u, mut v) = (full(round)?, full(-round)?);
            let pending = slow.start(&mut u)?;
            halo.update(&mut v)?;
            // Bound exchanges wait for neighbours alone: ranks get apart.
            for step in 0..5 {
                let bound = &mut bound[step % 2];
                bound.owned_mut()?.assign(&full(round + step as i64)?.owned());
                bound.update()?;
            }
            let turned = turn.apply(&v)?;
            pending.finish(&mut u)?;
            assert_eq!(assert_current(&u, |g| round + 10 * g[0] + g[1], true), 20);
            assert_eq!(assert_current(&v, |g| -round + 10 * g[0] + g[1], false), 16);
            for (step, bound) in [4, 3].into_iter().zip(&bound) {
                assert_current(bound.array(), |g| round + step + 10 * g[0] + g[1], step == 3);
            }
            assert_eq!(turned.view(), rows.from_fn(|g| -round + 10 * g[0] + g[1])?.view());
        }
        Ok::<_, distarray::Error>(())
    })
    .into_iter()
    .for_each(Result::unwrap);
}

#[test]
fn another_order_on_another_rank_is_told() {
    let Some(_alone) = alone() else { return };
    let kinds = comm::threads(2, |comm| {
        // From rank 0 to rank 1 alone: neither waits for the other's turn.
        let axes = [Axis::whole(4), Axis::block(8).halo_sides(2, 0).edge_outside()];
        let d = Distribution::new(&comm, axes).unwrap();
        let bind = || Halo::new(&d).unwrap().bind(d.full(1.0).unwrap()).unwrap();
        let (mut one, mut two) = (bind(), bind());
        let outcomes = match comm.rank() {
            0 => [one.update(), two.update()],
            _ => [two.update(), one.update()],
        };
        outcomes.map(|outcome| outcome.err().map(|error| error.kind()))[0]
    });
    assert_eq!(kinds, [None, Some(ErrorKind::Invariant)]);
}

#[test]
fn two_threads_of_a_rank_do_not_mix_what_they_pass() {
    let Some(_alone) = alone() else { return };
    let refused = AtomicBool::new(false);
    let kinds = comm::threads(2, |comm| {
        let d = columns(&comm).unwrap();
        let bind = || Halo::new(&d).unwrap().bind(d.full(1.0).unwrap()).unwrap();
        let (mut one, mut two) = (bind(), bind());
        if comm.rank() == 1 {
            while !refused.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            return one.update().err().map(|error| error.kind());
        }
        std::thread::scope(|scope| {
            // Both halos wait for rank 1; whoever comes second is refused.
            let both = [scope.spawn(|| one.update()), scope.spawn(|| two.update())];
            while !both.iter().any(|thread| thread.is_finished()) {
                std::thread::yield_now();
            }
            refused.store(true, Ordering::Release);
            let mut found = both.into_iter().filter_map(|thread| thread.join().unwrap().err());
            found.find(|error| error.kind() == ErrorKind::Busy).map(|error| error.kind())
        })
    });
    assert_eq!(kinds[0], Some(ErrorKind::Busy));
}
