//! Redistribution and halo exchange on threads, element by element, against what the
//! definition says each rank must hold.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "../common/exchange_bodies.rs"]
mod bodies;
#[path = "../common/dealing.rs"]
mod dealing;
mod halos;
mod redistributions;

use bodies::{assert_filled, fill, may_share};
use dealing::{Random, product};
use distarray::ErrorKind;
use distarray::array::{AnyArray, Buffer, DType, DistArray, Order};
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::{Halo, Redistribution};

/// Runs a body on random numbers of threads.
fn on_threads(seed: u64, cases: usize, most: i64, body: fn(&Comm, &mut Random)) {
    let mut random = Random(seed);
    for _ in 0..cases {
        let (ranks, seed) = (random.within(1, most) as usize, random.next());
        comm::threads(ranks, |comm| body(&comm, &mut Random(seed)));
    }
}

#[test]
fn redistribution_moves_every_element_and_back_restores_every_bit() {
    let cases = std::env::var("DISTARRAY_EXCHANGE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    on_threads(2, cases, 9, bodies::redistributes);
}

#[test]
fn axes_are_permuted_on_the_way() {
    on_threads(3, 60, 6, bodies::permutes_axes);
}

#[test]
fn halos_hold_what_the_owners_hold() {
    on_threads(4, 300, 8, bodies::fills_halos);
}

#[test]
fn accumulation_is_the_adjoint_of_the_update() {
    on_threads(5, 150, 8, bodies::accumulates);
}

#[test]
fn unstructured_axes_are_redistributed_and_their_ghosts_filled() {
    on_threads(6, 60, 5, bodies::serves_unstructured_axes);
}

#[test]
fn what_one_rank_finds_wrong_all_ranks_return() {
    let kinds = comm::threads(3, |comm| {
        let d = Distribution::new(&comm, [Axis::block(9).halo(1)]).unwrap();
        let other = Distribution::new(&comm, [Axis::block(12).halo(1)]).unwrap();
        let mut halo = Halo::new(&d).unwrap();
        let (mut u, mut v) = (d.full(1.0).unwrap(), other.full(1.0).unwrap());
        let wrong = comm.rank() == 1;
        let mut kinds = vec![halo.update(if wrong { &mut v } else { &mut u }).unwrap_err().kind()];
        // One rank brings another element type.
        let mut w = d.full(1_f32).unwrap();
        let mixed = if wrong { halo.update(&mut w) } else { halo.update(&mut u) };
        kinds.push(mixed.unwrap_err().kind());
        kinds.push(Redistribution::new(&d, &other).err().unwrap().kind());
        let mut same = Redistribution::new(&d, &d).unwrap();
        let mut a = d.full(2.0).unwrap();
        kinds.push(if wrong { same.apply(&v) } else { same.apply(&u) }.unwrap_err().kind());
        let mut c = d.full(1_i32).unwrap();
        kinds.push(same.apply_into(&u, &mut c).unwrap_err().kind());
        assert_eq!(c.view().sum(), c.view().len() as i32, "the target is untouched");
        // And all goes on.
        same.apply_into(&u, &mut a).unwrap();
        halo.update(&mut a).unwrap();
        kinds
    });
    let expected =
        [ErrorKind::Shape, ErrorKind::Invariant, ErrorKind::Shape, ErrorKind::Shape, ErrorKind::DType]
            .to_vec();
    assert_eq!(kinds, vec![expected; 3]);
}

#[test]
fn ranks_that_plan_differently_are_told() {
    let kinds = comm::threads(4, |comm| {
        let odd = comm.rank() == 1;
        let d = Distribution::new(&comm, [Axis::block(8).halo(1), Axis::block(8).halo(1)]).unwrap();
        let halo = if odd { Halo::star(&d) } else { Halo::new(&d) };
        let turned = Redistribution::permuted(&d, &d, if odd { &[1, 0] } else { &[0, 1] });
        [halo.err().map(|error| error.kind()), turned.err().map(|error| error.kind())]
    });
    assert_eq!(kinds, [[Some(ErrorKind::Invariant); 2]; 4]);
}

#[test]
fn packed_order_follows_the_memory() {
    // Both sides column-major: messages are too, and the result is the same.
    comm::threads(4, |comm| {
        let rows = Distribution::new(&comm, [Axis::block(8), Axis::whole(6)]).unwrap();
        let columns = Distribution::new(&comm, [Axis::whole(8), Axis::block(6)]).unwrap();
        let zeros = |d: &Distribution| -> DistArray<i64> {
            let buffer = Buffer::zeros(DType::I64, &d.dim_data().held_shape(), Order::Fortran).unwrap();
            AnyArray::new(d.dim_data().clone(), buffer).unwrap().downcast().unwrap()
        };
        let (mut a, mut b) = (zeros(&rows), zeros(&columns));
        let lists = |d: &Distribution| -> Vec<Vec<i64>> {
            d.dim_data().dims().iter().map(|dim| dim.owned_runs().indices().collect()).collect()
        };
        let (from, to) = (lists(&rows), lists(&columns));
        fill(&mut a, &from.iter().map(Vec::as_slice).collect::<Vec<_>>());
        Redistribution::new(&rows, &columns).unwrap().apply_into(&a, &mut b).unwrap();
        assert_filled(&b, &to.iter().map(Vec::as_slice).collect::<Vec<_>>(), "column-major");
        assert_eq!(product(&to).len(), b.owned().len());
    });
}

#[test]
fn without_shared_memory_messages_do_the_same() {
    if !may_share() {
        return; // this is that run
    }
    again_with(&[("DISTARRAY_SHARED_MEMORY", "off")]);
}

#[test]
fn two_steps_do_the_same() {
    if !may_share() {
        return; // this is that run
    }
    again_with(&[("DISTARRAY_SHARED_MEMORY", "off"), ("DISTARRAY_TWO_STEPS", "always")]);
}

/// Runs all tests of this file once more.
fn again_with(environment: &[(&str, &str)]) {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("redistribution_moves_every_element_and_back_restores_every_bit ... ok"), "{text}");
}
