//! Redistribution and halo exchange on threads, element by element, against what the
//! definition says each rank must hold.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself
#![allow(unsafe_code)] // arrays in memory that the test makes

#[path = "common/dealing.rs"]
mod dealing;

use dealing::{Dealt, Random, deal, product};
use distarray::array::{Access, AnyArray, Buffer, DType, DistArray, Layout, Order, Owner, RawBuffer};
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution, Grid};
use distarray::exchange::{Accumulate, Edge, Halo, Redistribution, is_shared};
use distarray::protocol::DimData;
use distarray::{ErrorKind, Result};

/// Whether ranks may share memory in this run; see the last test.
fn may_share() -> bool {
    std::env::var_os("DISTARRAY_SHARED_MEMORY").is_none()
}

/// An array of this part in memory of its own, in any order and with gaps.
fn strided(dim_data: &DimData, random: &mut Random) -> DistArray<i64> {
    let shape = dim_data.held_shape();
    let mut order: Vec<usize> = (0..shape.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, random.within(0, i as i64) as usize);
    }
    let mut strides = vec![0; shape.len()];
    let mut step = 8 * random.within(1, 2);
    for &axis in &order {
        strides[axis] = step;
        step *= (shape[axis] + random.within(0, 2)).max(1);
    }
    let mut start = 0;
    for (axis, stride) in strides.iter_mut().enumerate() {
        if random.chance(5) {
            start += *stride * (shape[axis] - 1).max(0);
            *stride = -*stride;
        }
    }
    let mut memory = vec![-1_i64; usize::try_from(step / 8 + 1).unwrap()];
    let layout = Layout::strided(&shape, &strides, 8).unwrap();
    let data = memory.as_mut_ptr().cast::<u8>().wrapping_offset(start as isize);
    let raw = RawBuffer {
        data,
        dtype: DType::I64,
        layout,
        access: Access::Exclusive,
        allocation: None,
        format: None,
    };
    // SAFETY: the memory is kept alive by the owner.
    let buffer = unsafe { Buffer::from_raw(raw, <dyn Owner>::keep(memory)) }.unwrap();
    AnyArray::new(dim_data.clone(), buffer).unwrap().downcast().unwrap()
}

/// The value that the element at a global index has: no two alike.
fn value(index: &[i64]) -> i64 {
    index.iter().fold(7, |sum, i| sum * 101 + i)
}

fn fill(array: &mut DistArray<i64>, owned: &[&[i64]]) {
    for (position, element) in array.owned_mut().unwrap().indexed_iter_mut() {
        let index: Vec<i64> = (0..owned.len()).map(|axis| owned[axis][position[axis]]).collect();
        *element = value(&index);
    }
}

fn assert_filled(array: &DistArray<i64>, owned: &[&[i64]], what: &str) {
    for (position, element) in array.owned().indexed_iter() {
        let index: Vec<i64> = (0..owned.len()).map(|axis| owned[axis][position[axis]]).collect();
        assert_eq!(*element, value(&index), "{what}: element {index:?}");
    }
}

fn distribute(comm: &Comm, dealt: &Dealt) -> Result<Distribution> {
    Distribution::on_grid(comm, dealt.axes(), dealt.grid.clone())
}

#[test]
fn redistribution_moves_every_element_and_back_restores_every_bit() {
    let cases = std::env::var("DISTARRAY_EXCHANGE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let mut random = Random(2);
    for case in 0..cases {
        let ndim = random.within(1, 4);
        let longest = [60, 13, 7, 5][usize::try_from(ndim - 1).unwrap()];
        let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, longest)).collect();
        let ranks = usize::try_from(random.within(1, 9)).unwrap();
        let (from, to) = (deal(&mut random, &shape, ranks), deal(&mut random, &shape, ranks));
        let (seed, shared) = (random.next(), random.chance(4));
        let what = format!("case {case}: {from:?} to {to:?}");
        comm::threads(ranks, |comm| -> Result<()> {
            let mut random = Random(seed ^ comm.rank() as u64);
            let (source, target) = (distribute(&comm, &from)?, distribute(&comm, &to)?);
            let mut a = if shared { source.shared_zeros()? } else { strided(source.dim_data(), &mut random) };
            let mut b = strided(target.dim_data(), &mut random);
            assert_eq!(is_shared(a.as_any()), shared && may_share());
            fill(&mut a, &from.owned(comm.rank()));
            let mut there = Redistribution::new(&source, &target)?;
            for _ in 0..2 {
                b.view_mut()?.fill(-1);
                there.apply_into(&a, &mut b)?;
                assert_filled(&b, &to.owned(comm.rank()), &what);
            }
            let back = Redistribution::new(&target, &source)?.apply(&b)?;
            assert_eq!(back.owned(), a.owned(), "{what}");
            Ok(())
        })
        .into_iter()
        .collect::<Result<Vec<()>>>()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[test]
fn axes_are_permuted_on_the_way() {
    let mut random = Random(3);
    for _ in 0..60 {
        let ndim = random.within(2, 4) as usize;
        let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, 6)).collect();
        let mut axes: Vec<usize> = (0..ndim).collect();
        for i in (1..ndim).rev() {
            axes.swap(i, random.within(0, i as i64) as usize);
        }
        let turned: Vec<i64> = axes.iter().map(|&axis| shape[axis]).collect();
        let ranks = random.within(1, 6) as usize;
        let (from, to) = (deal(&mut random, &shape, ranks), deal(&mut random, &turned, ranks));
        let seed = random.next();
        comm::threads(ranks, |comm| -> Result<()> {
            let mut random = Random(seed ^ comm.rank() as u64);
            let (source, target) = (distribute(&comm, &from)?, distribute(&comm, &to)?);
            let mut a = strided(source.dim_data(), &mut random);
            fill(&mut a, &from.owned(comm.rank()));
            let b = Redistribution::permuted(&source, &target, &axes)?.apply(&a)?;
            let owned = to.owned(comm.rank());
            for (position, element) in b.owned().indexed_iter() {
                let mut index = vec![0; ndim];
                for (axis, &source_axis) in axes.iter().enumerate() {
                    index[source_axis] = owned[axis][position[axis]];
                }
                assert_eq!(*element, value(&index));
            }
            Ok(())
        })
        .into_iter()
        .for_each(|result| result.unwrap());
    }
}

/// What a rank must hold at a held position: the value of the element that it stands
/// for, none outside the edges.
fn held_index(dim_data: &DimData, position: &[i64]) -> Option<Vec<i64>> {
    let dims = dim_data.dims().iter().zip(position);
    dims.map(|(dim, &at)| {
        dim.global_of(at).and_then(|g| dim.inside(g)).filter(|&g| (0..dim.size()).contains(&g))
    })
    .collect()
}

/// Number of axes along which a held position lies in the halo.
fn rims(dim_data: &DimData, position: &[i64]) -> usize {
    let dims = dim_data.dims().iter().zip(position);
    dims.filter(|(dim, at)| !dim.owned_local().contains(at)).count()
}

/// A random halo'd layout.
fn halo_axes(random: &mut Random, ndim: usize, ranks: usize) -> (Vec<Axis>, Grid) {
    let mut extents = vec![1; ndim];
    let mut rest = ranks as i64;
    let mut prime = 2;
    while rest > 1 {
        if rest % prime == 0 {
            extents[random.within(0, ndim as i64 - 1) as usize] *= prime;
            rest /= prime;
        } else {
            prime += 1;
        }
    }
    let axes = extents
        .iter()
        .map(|&procs| match random.within(0, 3) {
            0 => {
                let size = random.within(procs, 12);
                let axis = Axis::block(size.max(procs)).on(procs);
                axis.halo(random.within(0, (size.max(procs) / procs).min(3)))
            }
            1 => {
                // Any widths, wider than a block too, also on empty ranks.
                let size = random.within(1, 9);
                let axis = Axis::ceil_block(size).on(procs);
                let axis = axis.halo_sides(random.within(0, size), random.within(0, size));
                if random.chance(2) { axis.periodic() } else { axis.edge_outside() }
            }
            2 => {
                let size = random.within(1, 9);
                let mut bounds: Vec<i64> = (1..procs).map(|_| random.within(0, size)).collect();
                bounds.extend([0, size]);
                bounds.sort_unstable();
                Axis::bounds(bounds).halo(random.within(0, size)).periodic()
            }
            _ => Axis::cyclic(random.within(0, 9), 2).on(procs),
        })
        .collect();
    let order = if random.chance(3) {
        distarray::protocol::GridOrder::ColumnMajor
    } else {
        distarray::protocol::GridOrder::RowMajor
    };
    (axes, Grid::exact(extents).order(order))
}

#[test]
fn halos_hold_what_the_owners_hold() {
    let mut random = Random(4);
    for case in 0..300 {
        let ndim = random.within(1, 3) as usize;
        let ranks = random.within(1, 8) as usize;
        let (axes, grid) = halo_axes(&mut random, ndim, ranks);
        let seed = random.next();
        let corners = random.chance(2);
        let (later, bound, shared) = (random.chance(3), random.chance(2), random.chance(3));
        comm::threads(ranks, |comm| {
            let mut random = Random(seed ^ comm.rank() as u64);
            let d = Distribution::on_grid(&comm, axes.clone(), grid.clone()).unwrap();
            let mut u = if shared { d.shared_zeros().unwrap() } else { strided(d.dim_data(), &mut random) };
            u.view_mut().unwrap().fill(-5);
            let dims = d.dim_data().dims();
            for (position, element) in u.owned_mut().unwrap().indexed_iter_mut() {
                let index: Vec<i64> = (0..ndim)
                    .map(|axis| {
                        dims[axis].global_of(dims[axis].owned_local().start + position[axis] as i64).unwrap()
                    })
                    .collect();
                *element = value(&index);
            }
            let mut halo = if corners { Halo::new(&d) } else { Halo::star(&d) }.unwrap();
            if later {
                halo.start(&mut u).unwrap().finish(&mut u).unwrap();
            } else if bound {
                let mut kept = halo.bind(u).unwrap();
                for _ in 0..3 {
                    kept.update().unwrap();
                }
                u = kept.into_array();
            } else {
                halo.update(&mut u).unwrap();
            }
            for (position, element) in u.view().indexed_iter() {
                let position: Vec<i64> = (0..ndim).map(|axis| position[axis] as i64).collect();
                let exchanged = corners || rims(d.dim_data(), &position) < 2;
                let expected =
                    held_index(d.dim_data(), &position).filter(|_| exchanged).map_or(-5, |i| value(&i));
                assert_eq!(*element, expected, "case {case}, rank {}: {position:?} of {axes:?}", comm.rank());
            }
        });
    }
}

#[test]
fn accumulation_is_the_adjoint_of_the_update() {
    let mut random = Random(5);
    for case in 0..150 {
        let ndim = random.within(1, 3) as usize;
        let ranks = random.within(1, 8) as usize;
        let (axes, grid) = halo_axes(&mut random, ndim, ranks);
        let (seed, corners, shared) = (random.next(), random.chance(2), random.chance(3));
        let products = comm::threads(ranks, |comm| {
            let mut random = Random(seed ^ comm.rank() as u64);
            let d = Distribution::on_grid(&comm, axes.clone(), grid.clone()).unwrap();
            let mut halo = if corners { Halo::new(&d) } else { Halo::star(&d) }.unwrap();
            // x is owned elements, y held ones; integers, so that sums are exact.
            let mut x = strided(d.dim_data(), &mut random);
            let mut y = if shared { d.shared_zeros().unwrap() } else { strided(d.dim_data(), &mut random) };
            x.view_mut().unwrap().fill(0);
            x.owned_mut().unwrap().iter_mut().for_each(|e| *e = random.within(-9, 9));
            y.view_mut().unwrap().iter_mut().for_each(|e| *e = random.within(-9, 9));
            // Elements that the update does not fill are no part of it.
            let mut extended = x.copy().unwrap();
            halo.update(&mut extended).unwrap();
            let dot = |a: &DistArray<i64>, b: &DistArray<i64>| -> i64 {
                a.view().iter().zip(b.view().iter()).map(|(a, b)| a * b).sum()
            };
            let left = dot(&extended, &y);
            halo.accumulate(&mut y, Accumulate::Sum).unwrap();
            let right: i64 = x.owned().iter().zip(y.owned().iter()).map(|(a, b)| a * b).sum();
            (left, right)
        });
        let (left, right) = products.iter().fold((0, 0), |(l, r), (a, b)| (l + a, r + b));
        assert_eq!(left, right, "case {case}: {axes:?}");
    }
}

#[test]
fn unstructured_axes_are_redistributed_and_their_ghosts_filled() {
    let mut random = Random(6);
    for _ in 0..60 {
        let ranks = random.within(1, 5) as usize;
        let size = random.within(0, 30);
        // A random owner for each index, in random order; then any ghosts.
        let mut parts = vec![Vec::new(); ranks];
        let mut indices: Vec<i64> = (0..size).collect();
        for i in (1..indices.len()).rev() {
            indices.swap(i, random.within(0, i as i64) as usize);
        }
        for index in indices {
            let owner = random.within(0, ranks as i64 - 1) as usize;
            parts[owner].push(index);
        }
        let with_ghosts: Vec<(Vec<i64>, i64)> = parts
            .iter()
            .map(|own| {
                let ghosts = (0..size).filter(|g| !own.contains(g) && random.chance(4));
                (own.iter().copied().chain(ghosts).collect(), own.len() as i64)
            })
            .collect();
        let other = dealing::axis(&mut random, size, ranks as i64);
        comm::threads(ranks, |comm| -> Result<()> {
            let (mine, owned) = with_ghosts[comm.rank()].clone();
            let axes = [Axis::unstructured(size, mine.clone()).owning(owned), Axis::whole(3)];
            let scattered = Distribution::new(&comm, axes)?;
            let regular = Distribution::on_grid(
                &comm,
                [other.axis.clone(), Axis::whole(3)],
                Grid::exact([ranks as i64, 1]),
            )?;
            let mut u = scattered.zeros::<i64>()?;
            for (position, element) in u.owned_mut()?.indexed_iter_mut() {
                *element = value(&[mine[position[0]], position[1] as i64]);
            }
            Halo::new(&scattered)?.update(&mut u)?;
            for (position, element) in u.view().indexed_iter() {
                assert_eq!(*element, value(&[mine[position[0]], position[1] as i64]));
            }
            let v = Redistribution::new(&scattered, &regular)?.apply(&u)?;
            for (position, element) in v.owned().indexed_iter() {
                assert_eq!(*element, value(&[other.owned[comm.rank()][position[0]], position[1] as i64]));
            }
            let back = Redistribution::new(&regular, &scattered)?.apply(&v)?;
            assert_eq!(back.owned(), u.owned());
            let again = Redistribution::new(&scattered, &scattered)?.apply(&u)?;
            assert_eq!(again.owned(), u.owned());
            Ok(())
        })
        .into_iter()
        .for_each(|result| result.unwrap());
    }
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
                    let mut a = source.zeros()?;
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
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).env("DISTARRAY_SHARED_MEMORY", "off").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("redistribution_moves_every_element_and_back_restores_every_bit ... ok"), "{text}");
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
