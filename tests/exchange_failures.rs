//! A message layer that fails in the middle of an exchange.
#![allow(unsafe_code)] // arrays in memory that the test makes

#[path = "common/watched.rs"]
mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use distarray::array::{Access, AnyArray, Buffer, DType, DistArray, Layout, Order, Owner, RawBuffer};
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution, Grid};
use distarray::exchange::{Halo, Redistribution};
use distarray::{Error, ErrorKind};
use watched::watched_on;

/// An array, and whether its memory was given back.
fn array(d: &Distribution) -> (DistArray<f64>, Arc<AtomicBool>) {
    struct Memory(Vec<f64>, Arc<AtomicBool>);
    impl Drop for Memory {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Release);
        }
    }
    let shape = d.dim_data().held_shape();
    let freed = Arc::new(AtomicBool::new(false));
    let mut memory =
        Memory(vec![1.0; usize::try_from(shape.iter().product::<i64>()).unwrap()], Arc::clone(&freed));
    let raw = RawBuffer {
        data: memory.0.as_mut_ptr().cast(),
        dtype: DType::F64,
        layout: Layout::packed(&shape, 8, Order::C).unwrap(),
        access: Access::Exclusive,
        allocation: None,
        format: None,
    };
    // SAFETY: the memory is kept alive by the owner.
    let buffer = unsafe { Buffer::from_raw(raw, <dyn Owner>::keep(memory)) }.unwrap();
    (AnyArray::new(d.dim_data().clone(), buffer).unwrap().downcast().unwrap(), freed)
}

/// A node of its own for each rank, so that they exchange by messages.
fn apart(comm: &Comm) -> i32 {
    i32::try_from(comm.rank()).unwrap()
}

/// What every later call says.
fn assert_over(outcome: Result<(), Error>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Comm);
    let text = error.to_string();
    assert!(text.contains("the cable is cut") && text.contains("new plan on a new communicator"), "{text}");
}

#[test]
fn memory_with_messages_under_way_is_never_freed() {
    comm::threads(2, |comm| {
        let (comm, log) = watched_on(&comm, apart(&comm));
        // Single lines: received where they belong.
        let d = Distribution::new(&comm, [Axis::block(8).halo(1)]).unwrap();
        let line = Distribution::new(&comm, [Axis::cyclic(8, 1)]).unwrap();
        let mut halo = Halo::new(&d).unwrap();
        let (first, first_freed) = array(&d);
        let mut bound = halo.bind(first).unwrap();
        bound.update().unwrap();
        let (mut u, u_freed) = array(&d);
        halo.update(&mut u).unwrap();
        let mut turn = Redistribution::new(&d, &line).unwrap();
        let fails = comm.rank() == 0;
        if fails {
            log.fail_wait.store(1, Ordering::Relaxed);
        }
        let outcome = bound.update();
        assert_eq!(outcome.as_ref().err().map(Error::kind), fails.then_some(ErrorKind::Comm));
        if fails {
            assert!(outcome.unwrap_err().to_string().contains("the cable is cut"));
            assert_over(bound.update());
            assert_over(halo.update(&mut u));
            assert_over(halo.start(&mut u).map(drop));
            assert_over(turn.apply(&u).map(drop));
            assert_over(comm.barrier());
        }
        drop((bound, halo, turn, u));
        assert_eq!(first_freed.load(Ordering::Acquire), !fails);
        assert!(u_freed.load(Ordering::Acquire), "no message was under way there");
    });
}

/// Runs an update on 2 x 2 ranks of which the first fails at its first message, and stays
/// until the rank `waits` has ended its part; returns what that rank was told. It is on
/// the first one's node, the two others are on another.
fn told(waits: usize, shared: bool) -> Error {
    let over = AtomicBool::new(false);
    let told = comm::threads(4, |comm| {
        let node = i32::from(comm.rank() != 0 && comm.rank() != waits);
        let (comm, log) = watched_on(&comm, node);
        let axes = [Axis::block(32).halo(2), Axis::block(32).halo(2)];
        let d = Distribution::on_grid(&comm, axes, Grid::exact([2, 2])).unwrap();
        let u = if shared { d.shared_zeros::<f64>() } else { d.zeros() }.unwrap();
        let mut bound = Halo::new(&d).unwrap().bind(u).unwrap();
        bound.update().unwrap();
        comm.barrier().unwrap();
        if comm.rank() == 0 {
            log.fail_start.store(1, Ordering::Relaxed);
        }
        let error = bound.update().unwrap_err();
        if comm.rank() == waits {
            over.store(true, Ordering::Release);
        }
        let start = Instant::now();
        while comm.rank() == 0 && !over.load(Ordering::Acquire) && start.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        error
    });
    told[waits].clone()
}

#[test]
fn who_waits_in_shared_memory_for_a_rank_that_failed_is_told() {
    if std::env::var_os("DISTARRAY_SHARED_MEMORY").is_some() {
        return; // nobody waits there
    }
    // Columns go through a lane, rows by a message.
    let lane = told(1, false);
    // Rows are read directly, columns go by a message.
    let direct = told(2, true);
    for error in [lane, direct] {
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Comm, Some(0)));
        assert!(error.to_string().contains("failed in an exchange"), "{error}");
    }
}

/// Every plan and every communicator of the ranks that did not fail goes on.
#[test]
fn another_communicator_goes_on() {
    comm::threads(2, |comm| {
        let update = |comm: &Comm| {
            let d = Distribution::new(comm, [Axis::block(8).halo(1)])?;
            let mut u = d.from_fn(|g| g[0])?;
            u.owned_mut()?.iter_mut().for_each(|element| *element += 1);
            Halo::new(&d)?.update(&mut u)?;
            Ok::<_, Error>(u.view().iter().copied().collect::<Vec<i64>>())
        };
        let (cut, log) = watched_on(&comm, apart(&comm));
        log.fail_wait.store(2, Ordering::Relaxed);
        assert_eq!(update(&cut).unwrap_err().kind(), ErrorKind::Comm);
        let wanted = if comm.rank() == 0 { [1, 2, 3, 4, 5] } else { [4, 5, 6, 7, 8] };
        assert_eq!(update(&comm).unwrap(), wanted);
    });
}
