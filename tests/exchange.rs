//! Redistribution and halo exchange on threads, element by element, against what the
//! definition says each rank must hold.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "common/exchange_bodies.rs"]
mod bodies;
#[path = "common/dealing.rs"]
mod dealing;

use bodies::{assert_filled, distribute, fill, may_share, strided};
use dealing::{Dealt, Random, deal, product};
use distarray::array::{AnyArray, Buffer, DType, DistArray, Order};
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::{Edge, Halo, Redistribution, Scale};
use distarray::{ErrorKind, Result};

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
fn edges_are_filled_as_numpy_pads() {
    let text = include_str!("data/numpy/pad.json");
    let data: serde_json::Value = serde_json::from_str(text).unwrap();
    let number = |v: &serde_json::Value| v.as_i64().unwrap();
    for (case, ranks) in data["cases"].as_array().unwrap().iter().zip([1, 2, 3, 4].into_iter().cycle()) {
        let numbers = |v: &serde_json::Value| v.as_array().unwrap().iter().map(number).collect::<Vec<_>>();
        let (shape, padded) = (numbers(&case["shape"]), numbers(&case["padded"]));
        let widths: Vec<Vec<i64>> = case["widths"].as_array().unwrap().iter().map(numbers).collect();
        let edges: Vec<Edge> = case["modes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mode| match mode.as_str().unwrap() {
                "constant" => Edge::Constant(-7.0),
                "edge" => Edge::Replicate,
                "reflect" => Edge::Reflect,
                _ => Edge::Symmetric,
            })
            .collect();
        let columns = shape[1] + widths[1][0] + widths[1][1];
        comm::threads(ranks, |comm| {
            let axis = |i: usize| Axis::block(shape[i]).halo_sides(widths[i][0], widths[i][1]).edge_outside();
            let d = Distribution::new(&comm, [axis(0), axis(1)]).unwrap();
            let mut u = d.zeros::<i64>().unwrap();
            let starts: Vec<i64> = d
                .dim_data()
                .dims()
                .iter()
                .map(|dim| dim.global_of(dim.owned_local().start).unwrap())
                .collect();
            for (at, element) in u.owned_mut().unwrap().indexed_iter_mut() {
                *element = (starts[0] + at[0] as i64) * shape[1] + starts[1] + at[1] as i64;
            }
            let halo = Halo::new(&d).unwrap().filling(edges.clone());
            // A halo that is narrower on the other side may not hold what a mirror shows.
            let alike = widths.iter().all(|sides| sides[0] == sides[1]);
            let mut halo = match halo {
                Err(error) if !alike && error.kind() == ErrorKind::Halo => return,
                halo => halo.unwrap(),
            };
            halo.update(&mut u).unwrap();
            for (at, element) in u.view().indexed_iter() {
                let row = starts[0] + at[0] as i64; // the padding before shifts both alike
                let column = starts[1] + at[1] as i64;
                assert_eq!(
                    *element,
                    padded[(row * columns + column) as usize],
                    "{edges:?} on {ranks}: {at:?}"
                );
            }
        });
    }
}

#[test]
fn edges_that_cannot_be_filled_are_refused_everywhere() {
    let kinds = comm::threads(3, |comm| {
        let d = Distribution::new(&comm, [Axis::block(9).halo_sides(3, 0).edge_outside()]).unwrap();
        let far = Halo::new(&d).unwrap().filling([Edge::Reflect]).err().map(|e| e.kind());
        let many = Halo::new(&d).unwrap().filling([Edge::Keep, Edge::Keep]).err().map(|e| e.kind());
        let mine = if comm.rank() == 1 { Edge::Replicate } else { Edge::Keep };
        let other = Halo::new(&d).unwrap().filling([mine]).err().map(|e| e.kind());
        let mut odd = Halo::new(&d).unwrap().filling([Edge::Constant(0.5)]).unwrap();
        let mut whole = d.zeros::<i32>().unwrap();
        let fraction = odd.update(&mut whole).err().map(|e| e.kind());
        odd.update(&mut d.zeros::<f32>().unwrap()).unwrap();
        [far, many, other, fraction]
    });
    let expected = [ErrorKind::Halo, ErrorKind::Shape, ErrorKind::Invariant, ErrorKind::DType].map(Some);
    assert_eq!(kinds, vec![expected; 3]);
}

#[test]
fn arrays_are_gathered_scattered_and_copied_to_all() {
    let mut random = Random(7);
    for _ in 0..60 {
        let ndim = random.within(1, 3) as usize;
        let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, 8)).collect();
        let ranks = random.within(1, 6) as usize;
        let root = random.within(0, ranks as i64 - 1) as usize;
        let dealt = deal(&mut random, &shape, ranks);
        let seed = random.next();
        comm::threads(ranks, |comm| {
            let mut random = Random(seed ^ comm.rank() as u64);
            let d = distribute(&comm, &dealt).unwrap();
            let mut a = strided(d.dim_data(), &mut random);
            fill(&mut a, &dealt.owned(comm.rank()));
            let lists: Vec<Vec<i64>> = shape.iter().map(|&n| (0..n).collect()).collect();
            let everything: Vec<&[i64]> = lists.iter().map(Vec::as_slice).collect();
            let one = Distribution::on_rank(&comm, &shape, root).unwrap();
            let gathered = Redistribution::new(&d, &one).unwrap().apply(&a).unwrap();
            if comm.rank() == root {
                assert_filled(&gathered, &everything, "gathered");
            }
            let elements: i64 = shape.iter().product();
            let held = if comm.rank() == root { elements } else { 0 };
            assert_eq!(gathered.owned().len() as i64, held);
            let back = Redistribution::new(&one, &d).unwrap().apply(&gathered).unwrap();
            assert_eq!(back.owned(), a.owned());
            let all = Distribution::replicated(&comm, &shape).unwrap();
            let copies = Redistribution::new(&d, &all).unwrap().apply(&a).unwrap();
            assert_filled(&copies, &everything, "on every rank");
        });
    }
}

#[test]
fn arrays_move_between_communicators() {
    let mut random = Random(8);
    for case in 0..120 {
        let ndim = random.within(1, 3) as usize;
        let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, 9)).collect();
        let ranks = random.within(1, 7) as usize;
        // Which ranks hold a part, and in which order.
        let side = |random: &mut Random| -> Vec<usize> {
            let mut members: Vec<usize> = (0..ranks).filter(|_| random.chance(2)).collect();
            if members.is_empty() {
                members.push(random.within(0, ranks as i64 - 1) as usize);
            }
            for i in (1..members.len()).rev() {
                members.swap(i, random.within(0, i as i64) as usize);
            }
            members
        };
        let (senders, receivers) = (side(&mut random), side(&mut random));
        let from = deal(&mut random, &shape, senders.len());
        let to = deal(&mut random, &shape, receivers.len());
        let axes: Vec<usize> = (0..ndim).collect();
        let outcomes = comm::threads(ranks, |comm| -> Result<()> {
            let place = |members: &[usize]| members.iter().position(|&rank| rank == comm.rank());
            let part = |members: &[usize], dealt: &Dealt| -> Result<Option<Distribution>> {
                let at = place(members);
                let own = comm.split(at.map(|_| 0), at.unwrap_or(0) as i32)?;
                own.map(|own| distribute(&own, dealt)).transpose()
            };
            let (source, target) = (part(&senders, &from)?, part(&receivers, &to)?);
            let a = match (&source, place(&senders)) {
                (Some(source), Some(at)) => {
                    let mut a = if case % 3 == 0 { source.shared_zeros()? } else { source.zeros()? };
                    fill(&mut a, &from.owned(at));
                    Some(a)
                }
                _ => None,
            };
            let mut plan = Redistribution::across(&comm, source.as_ref(), target.as_ref(), &axes)?;
            let b = target.as_ref().map(|target| target.full(-1_i64)).transpose()?;
            let b = plan.apply_across(a.as_ref(), b)?;
            if let (Some(b), Some(at)) = (&b, place(&receivers)) {
                assert_filled(b, &to.owned(at), &format!("case {case}: {senders:?} to {receivers:?}"));
            }
            // A rank that passes an array where it has none is everyone's error.
            if ranks > 1 && receivers.len() < ranks {
                let wrong = Distribution::on_rank(&comm, &shape, 0)?.zeros::<i64>()?;
                let error = plan.apply_across(a.as_ref(), Some(wrong)).err();
                assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::Shape));
            }
            Ok(())
        });
        for outcome in outcomes {
            outcome.unwrap_or_else(|error| panic!("case {case}: {senders:?} to {receivers:?}: {error}"));
        }
    }
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

/// What ranks send when all exchange with all: few messages in two steps, every byte twice.
#[test]
fn two_steps_need_few_messages() {
    let moved = |ranks: usize| {
        comm::threads(ranks, |comm| {
            let blocks = Distribution::new(&comm, [Axis::block(40 * ranks as i64)])?;
            let cyclic = Distribution::new(&comm, [Axis::cyclic(40 * ranks as i64, 1)])?;
            let a = blocks.from_fn(|g| g[0])?;
            let mut plan = Redistribution::new(&blocks, &cyclic)?;
            let b = plan.apply(&a)?;
            assert!(b.view().iter().enumerate().all(|(i, &x)| x == (i * ranks + comm.rank()) as i64));
            Ok::<_, distarray::Error>(plan.moves(8))
        })
    };
    for moved in moved(23).into_iter().map(Result::unwrap) {
        // The model chooses them for so many short messages, if ranks share no memory.
        let two_steps = !may_share();
        // 5 x 5 ranks, two missing: 4 others in a row, 4 in a column, one more to serve.
        assert!(if two_steps { moved.messages <= 10 } else { moved.messages == 22 }, "{moved:?}");
        assert!(if two_steps { moved.sent > 8 * 38 } else { moved.sent <= 8 * 39 }, "{moved:?}");
    }
}

/// All permutations of `0..n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(n - 1);
    shorter.iter().flat_map(|p| (0..n).map(move |at| [&p[..at], &[n - 1], &p[at..]].concat())).collect()
}

#[test]
fn relabelled_ranks_keep_as_many_elements_as_any_numbering() {
    let mut random = Random(9);
    for case in 0..40 {
        let ndim = random.within(1, 2) as usize;
        let shape: Vec<i64> = (0..ndim).map(|_| random.within(1, 12)).collect();
        let ranks = random.within(1, 5) as usize;
        let (mut from, mut to) = (deal(&mut random, &shape, ranks), deal(&mut random, &shape, ranks));
        while from.replicas != 1 {
            from = deal(&mut random, &shape, ranks);
        }
        while to.replicas != 1 {
            to = deal(&mut random, &shape, ranks);
        }
        // What stays when rank p(r) takes the part that rank r would have.
        let common = |a: &[&[i64]], b: &[&[i64]]| -> usize {
            let along = a.iter().zip(b).map(|(a, b)| a.iter().filter(|i| b.contains(i)).count());
            along.product()
        };
        let stays = |p: &Vec<usize>| -> usize {
            (0..ranks).map(|rank| common(&to.owned(rank), &from.owned(p[rank]))).sum()
        };
        let best = permutations(ranks).iter().map(stays).max().unwrap();
        let kept: usize = comm::threads(ranks, |comm| {
            let source = distribute(&comm, &from).unwrap();
            let target = Distribution::relabelled(&source, to.axes(), to.grid.clone()).unwrap();
            let mut a = source.zeros::<i64>().unwrap();
            fill(&mut a, &from.owned(comm.rank()));
            let mut plan = Redistribution::new(&source, &target).unwrap();
            let b = plan.apply(&a).unwrap();
            let lists: Vec<Vec<i64>> =
                target.dim_data().dims().iter().map(|dim| dim.owned_runs().indices().collect()).collect();
            assert_filled(&b, &lists.iter().map(Vec::as_slice).collect::<Vec<_>>(), "relabelled");
            plan.moves(1).copied
        })
        .iter()
        .sum();
        // One axis dealt out, or the whole search, finds the best there is.
        let dealt_out = |dealt: &Dealt| dealt.extents().iter().filter(|&&extent| extent > 1).count();
        if from.extents() != to.extents() || dealt_out(&to) <= 1 {
            assert_eq!(kept, best, "case {case}: {from:?} {to:?}");
        }
        assert!(kept <= best);
    }
}

#[test]
fn reshaped_arrays_keep_the_flat_order() {
    let mut random = Random(10);
    for case in 0..150 {
        // The same factors, multiplied together in two ways.
        let factors: Vec<i64> = (0..random.within(1, 4)).map(|_| random.within(1, 5)).collect();
        let shape = |random: &mut Random| -> Vec<i64> {
            let mut shape = vec![1];
            for &factor in &factors {
                if random.chance(2) && shape.len() < 4 {
                    shape.push(factor);
                } else {
                    *shape.last_mut().unwrap() *= factor;
                }
            }
            shape
        };
        let (from_shape, to_shape) = (shape(&mut random), shape(&mut random));
        let ranks = random.within(1, 6) as usize;
        let dealt = |random: &mut Random, shape: &[i64]| loop {
            let dealt = deal(random, shape, ranks);
            if dealt.replicas == 1 {
                return dealt;
            }
        };
        let (from, to) = (dealt(&mut random, &from_shape), dealt(&mut random, &to_shape));
        let flat = |shape: &[i64], index: &[i64]| index.iter().zip(shape).fold(0, |sum, (i, n)| sum * n + i);
        comm::threads(ranks, |comm| {
            let (source, target) = (distribute(&comm, &from).unwrap(), distribute(&comm, &to).unwrap());
            let a = source.from_fn(|g| flat(&from_shape, g)).unwrap();
            let b = Redistribution::reshaped(&source, &target).unwrap().apply(&a).unwrap();
            let wanted = target.from_fn(|g| flat(&to_shape, g)).unwrap();
            assert_eq!(b.view(), wanted.view(), "case {case}: {from_shape:?} to {to_shape:?} on {ranks}");
            // From and to memory of any strides, twice with one plan.
            let mut own = Random(case as u64 ^ (comm.rank() as u64) << 32);
            let mut strided_a = strided(source.dim_data(), &mut own);
            strided_a.view_mut().unwrap().assign(&a.view());
            let mut plan = Redistribution::reshaped(&source, &target).unwrap();
            for _ in 0..2 {
                let mut c = strided(target.dim_data(), &mut own);
                plan.apply_into(&strided_a, &mut c).unwrap();
                assert_eq!(c.view(), wanted.view(), "case {case}, strided");
            }
            let more = Distribution::new(&comm, [Axis::block(factors.iter().product::<i64>() + 1)]).unwrap();
            assert_eq!(Redistribution::reshaped(&source, &more).err().unwrap().kind(), ErrorKind::Shape);
        });
    }
}

/// Halos lie between the elements: neither read nor written, and the target is scaled.
#[test]
fn padded_arrays_are_reshaped() {
    comm::threads(3, |comm| {
        let padded = Distribution::new(&comm, [Axis::block(12).halo(1), Axis::whole(5)]).unwrap();
        let periodic =
            Distribution::new(&comm, [Axis::whole(4), Axis::block(15).halo(2).periodic()]).unwrap();
        let mut a = padded.full(-1.0).unwrap();
        let first = padded.dim_data().dims()[0].global_of(padded.dim_data().dims()[0].owned_local().start);
        for ((i, j), x) in
            a.owned_mut().unwrap().into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter_mut()
        {
            *x = ((first.unwrap() + i as i64) * 5 + j as i64) as f64;
        }
        let mut b = periodic.full(1000.0).unwrap();
        let scale = Scale { alpha: 2.0.into(), beta: 1.0.into(), conjugate: false };
        let mut plan = Redistribution::reshaped(&padded, &periodic).unwrap();
        plan.apply_scaled(scale, &a, &mut b).unwrap();
        let dim = &periodic.dim_data().dims()[1];
        for ((i, j), &x) in b.view().into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter() {
            let owned = dim.owned_local().contains(&(j as i64));
            let flat = 15 * i as i64 + dim.global_of(j as i64).unwrap();
            assert_eq!(x, if owned { 1000.0 + 2.0 * flat as f64 } else { 1000.0 }, "{i} {j}");
        }
    });
}

#[test]
fn what_was_started_is_what_was_there_at_the_start() {
    for ranks in [1, 2, 3] {
        comm::threads(ranks, |comm| {
            let d = Distribution::new(&comm, [Axis::block(6).halo(1).periodic()]).unwrap();
            let mut u = d.from_fn(|g| g[0]).unwrap();
            let mut halo = Halo::new(&d).unwrap();
            let pending = halo.start(&mut u).unwrap();
            u.owned_mut().unwrap().iter_mut().for_each(|element| *element += 100);
            pending.finish(&mut u).unwrap();
            let dim = &d.dim_data().dims()[0];
            for at in [0, dim.len() - 1] {
                let wanted = dim.global_of(at).and_then(|g| dim.inside(g)).unwrap();
                assert_eq!(u.view()[at as usize], wanted, "on {ranks}");
            }
        });
    }
}

#[test]
fn an_update_ends_with_the_memory_it_began_with() {
    let kinds = comm::threads(2, |comm| {
        let long = Distribution::new(&comm, [Axis::block(2048).halo(1).periodic()]).unwrap();
        let short = Distribution::new(&comm, [Axis::block(2).halo(1).periodic()]).unwrap();
        let mut halo = Halo::new(&long).unwrap();
        let mut u = long.full(1.0).unwrap();
        let pending = halo.start(&mut u).unwrap();
        drop(u);
        // It may lie where the first one lay.
        let mut v = short.full(2.0).unwrap();
        let kind = pending.finish(&mut v).unwrap_err().kind();
        assert!(v.view().iter().all(|&x| x == 2.0));
        // The update is over, and what it brought is not what the next one brings.
        let mut w = long.from_fn(|g| g[0] as f64).unwrap();
        halo.update(&mut w).unwrap();
        let pending = halo.start(&mut w).unwrap();
        pending.finish(&mut w).unwrap();
        let before = long.dim_data().dims()[0].global_of(0).and_then(|g| long.dim_data().dims()[0].inside(g));
        assert_eq!(w.view()[0], before.unwrap() as f64);
        kind
    });
    assert_eq!(kinds, [ErrorKind::Busy; 2]);
}
