//! What exchanges do to elements: any type moves, some convert, scale and accumulate.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "common/dealing.rs"]
mod dealing;

use std::collections::HashMap;

use dealing::{Random, deal};
use distarray::array::{AnyArray, ArrayMut, Buffer, DType, DistArray, Element, Order};
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution, Grid};
use distarray::exchange::{Accumulate, Halo, Redistribution, Scale};
use distarray::{Error, ErrorKind, Result};
use half::{bf16, f16};
use num_complex::Complex;

/// An array of records of any size, each filled with a byte of its own.
fn records(d: &Distribution, itemsize: usize) -> AnyArray {
    let buffer = Buffer::opaque(&d.dim_data().held_shape(), itemsize, Order::C, None).unwrap();
    AnyArray::new(d.dim_data().clone(), buffer).unwrap()
}

#[test]
fn several_arrays_of_any_types_go_in_one_message() {
    comm::threads(4, |comm| {
        let axes = [Axis::block(9).halo(1).periodic(), Axis::block(7).halo(2).edge_outside()];
        let d = Distribution::on_grid(&comm, axes, Grid::exact([2, 2])).unwrap();
        let value = |g: &[i64]| (g[0] * 7 + g[1]) as i8;
        let expected = d.from_fn(|g| value(g)).unwrap();
        let outside = |at: usize| {
            let dim = &d.dim_data().dims()[1];
            !(0..7).contains(&dim.global_of(at as i64).unwrap())
        };
        // Only owned elements are there at first.
        fn own<T: Element>(d: &Distribution, of: impl Fn(i8) -> T, from: &DistArray<i8>) -> DistArray<T> {
            let mut array = d.zeros::<T>().unwrap();
            let mut owned = array.owned_mut().unwrap();
            owned.iter_mut().zip(from.owned()).for_each(|(to, &from)| *to = of(from));
            array
        }
        let mut doubles = own(&d, f64::from, &expected);
        let mut bytes = own(&d, |v| v, &expected);
        let mut complex = own(&d, |v| Complex::new(f32::from(v), -1.0), &expected);
        let mut twelve = records(&d, 12);
        let shape = d.dim_data().held_shape();
        let owned: Vec<_> = d.dim_data().dims().iter().map(|dim| dim.owned_local()).collect();
        for (at, chunk) in twelve.packed_bytes_mut().unwrap().chunks_exact_mut(12).enumerate() {
            let (i, j) = (at as i64 / shape[1], at as i64 % shape[1]);
            if owned[0].contains(&i) && owned[1].contains(&j) {
                chunk.fill(expected.view()[[i as usize, j as usize]] as u8);
            }
        }
        let mut halo = Halo::new(&d).unwrap();
        let arrays: [ArrayMut<'_>; 4] =
            [(&mut doubles).into(), (&mut bytes).into(), (&mut complex).into(), (&mut twelve).into()];
        halo.update_all(&arrays).unwrap();
        for ((at, &v), record) in expected.view().indexed_iter().zip(twelve.buffer().copy_bytes().chunks(12))
        {
            let wanted = if outside(at[1]) { 0 } else { v };
            assert_eq!(doubles.view()[&at], f64::from(wanted));
            assert_eq!(bytes.view()[&at], wanted);
            assert_eq!(complex.view()[&at].re, f32::from(wanted));
            assert_eq!(record, [wanted as u8; 12]);
        }
    });
}

#[test]
fn records_of_any_size_are_redistributed() {
    for itemsize in [1, 3, 7, 24, 200_000] {
        comm::threads(3, |comm| {
            let rows = Distribution::new(&comm, [Axis::block(5), Axis::whole(2)]).unwrap();
            let dealt = Distribution::new(&comm, [Axis::cyclic(5, 1), Axis::whole(2)]).unwrap();
            let (mut a, mut b) = (records(&rows, itemsize), records(&dealt, itemsize));
            let first = |d: &Distribution, at: usize| d.dim_data().dims()[0].global_of(at as i64).unwrap();
            for (at, chunk) in a.packed_bytes_mut().unwrap().chunks_exact_mut(itemsize).enumerate() {
                chunk.fill((first(&rows, at / 2) * 2 + (at % 2) as i64 + 1) as u8);
            }
            Redistribution::new(&rows, &dealt).unwrap().apply_into(&a, &mut b).unwrap();
            for (at, chunk) in b.buffer().copy_bytes().chunks(itemsize).enumerate() {
                let wanted = (first(&dealt, at / 2) * 2 + (at % 2) as i64 + 1) as u8;
                assert!(chunk.iter().all(|&byte| byte == wanted));
            }
            let mut other = records(&dealt, itemsize + 1);
            let refused = Redistribution::new(&rows, &dealt).unwrap().apply_into(&a, &mut other);
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::DType);
        });
    }
}

/// The values 0, 1, ... as elements of a type, in a new array.
fn counting(d: &Distribution, dtype: DType) -> AnyArray {
    fn typed<T: Element>(d: &Distribution, of: fn(i64) -> T) -> AnyArray {
        d.from_fn(|g| of(g[0])).unwrap().into_any()
    }
    match dtype {
        DType::I8 => typed(d, |v| v as i8),
        DType::I16 => typed(d, |v| v as i16),
        DType::I32 => typed(d, |v| v as i32),
        DType::I64 => typed(d, |v| v),
        DType::U8 => typed(d, |v| v as u8),
        DType::U16 => typed(d, |v| v as u16),
        DType::U32 => typed(d, |v| v as u32),
        DType::U64 => typed(d, |v| v as u64),
        DType::F16 => typed(d, |v| f16::from_f64(v as f64)),
        // The upper half of a float, which small integers fit into.
        DType::BF16 => typed(d, |v| bf16::from_bits(((v as f32).to_bits() >> 16) as u16)),
        DType::F32 => typed(d, |v| v as f32),
        DType::F64 => typed(d, |v| v as f64),
        DType::C64 => typed(d, |v| Complex::new(v as f32, 0.0)),
        DType::C128 => typed(d, |v| Complex::new(v as f64, 0.0)),
        _ => panic!("{dtype}"),
    }
}

#[test]
fn types_convert_where_numpy_keeps_the_kind() {
    let data: serde_json::Value = serde_json::from_str(include_str!("data/numpy/can_cast.json")).unwrap();
    let known: Vec<&str> = data["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    // NumPy has no bfloat16: it converts as the other half does.
    let place = |name: &str| {
        let name = if name == "bfloat16" { "float16" } else { name };
        known.iter().position(|other| *other == name).unwrap()
    };
    let names = [&known[..], &["bfloat16"]].concat();
    comm::threads(2, |comm| {
        let source = Distribution::new(&comm, [Axis::block(20)]).unwrap();
        let target = Distribution::new(&comm, [Axis::cyclic(20, 3)]).unwrap();
        let mut plan = Redistribution::new(&source, &target).unwrap();
        for from in &names {
            for to in &names {
                let kept = data["can_cast"][place(from)][place(to)].as_bool().unwrap();
                let [from, to] = [from, to].map(|name| DType::from_name(name).unwrap());
                let wanted = counting(&target, to);
                let mut found = AnyArray::zeros(target.dim_data().clone(), to).unwrap();
                let outcome = plan.apply_into(counting(&source, from), &mut found);
                match kept {
                    true => {
                        outcome.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
                        assert_eq!(
                            found.buffer().copy_bytes(),
                            wanted.buffer().copy_bytes(),
                            "{from} to {to}"
                        );
                    }
                    false => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::DType, "{from} to {to}"),
                }
            }
        }
    });
}

#[test]
fn a_scaled_redistribution_is_alpha_a_plus_beta_b() {
    let mut random = Random(11);
    for _ in 0..40 {
        let ranks = random.within(1, 5) as usize;
        let shape = [random.within(1, 9), random.within(1, 9)];
        let turned = [shape[1], shape[0]];
        let (from, to) = (deal(&mut random, &shape, ranks), deal(&mut random, &turned, ranks));
        let number =
            |random: &mut Random| Complex::new(random.within(-4, 4) as f64, random.within(-4, 4) as f64);
        let scale = Scale {
            alpha: number(&mut random),
            beta: if random.chance(3) { Complex::new(0.0, 0.0) } else { number(&mut random) },
            conjugate: random.chance(2),
        };
        comm::threads(ranks, |comm: Comm| -> Result<()> {
            let source = Distribution::on_grid(&comm, from.axes(), from.grid.clone())?;
            let target = Distribution::on_grid(&comm, to.axes(), to.grid.clone())?;
            let a = |i: i64, j: i64| Complex::new(i as f64 - 2.0, j as f64);
            let b = |i: i64, j: i64| Complex::new((i * j) as f64, 1.0);
            let source_array = source.from_fn(|g| a(g[0], g[1]))?;
            // What must not be read is no number.
            let nothing = Complex::new(f64::NAN, 0.0);
            let unread = scale.beta == Complex::new(0.0, 0.0);
            let mut target_array = target.from_fn(|g| if unread { nothing } else { b(g[0], g[1]) })?;
            let mut plan = Redistribution::permuted(&source, &target, &[1, 0])?;
            plan.apply_scaled(scale, &source_array, &mut target_array)?;
            let wanted = target.from_fn(|g| {
                let source = a(g[1], g[0]);
                let source = if scale.conjugate { source.conj() } else { source };
                let there = if unread { Complex::new(0.0, 0.0) } else { scale.beta * b(g[0], g[1]) };
                scale.alpha * source + there
            })?;
            assert_eq!(target_array.view(), wanted.view());
            // Real elements take real factors only.
            let mut reals = target.full(1.0)?;
            let imaginary = Scale { alpha: Complex::new(0.0, 1.0), ..Scale::default() };
            let refused = plan.apply_scaled(imaginary, source.full(1.0)?, &mut reals);
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::DType);
            let half = Scale { alpha: Complex::new(0.5, 0.0), ..Scale::default() };
            plan.apply_scaled(half, source.full(3_i32)?, &mut reals)?;
            assert!(reals.view().iter().all(|&x| x == 1.5));
            Ok(())
        })
        .into_iter()
        .for_each(|result: std::result::Result<(), Error>| result.unwrap());
    }
}

#[test]
fn the_least_and_the_greatest_of_all_copies_win() {
    let mut random = Random(12);
    for case in 0..60 {
        let ranks = random.within(1, 6) as usize;
        let size = [random.within(1, 6), random.within(1, 6)];
        let width = [random.within(0, size[0]), random.within(0, size[1])];
        let (seed, periodic) = (random.next(), random.chance(2));
        for how in [Accumulate::Min, Accumulate::Max] {
            // Every copy of every element, and what the owners found.
            let all = comm::threads(ranks, |comm| {
                let mut random = Random(seed ^ comm.rank() as u64);
                let axis = |i: usize| {
                    let axis = Axis::block(size[i]).halo(width[i]);
                    if periodic { axis.periodic() } else { axis.edge_outside() }
                };
                let d = Distribution::new(&comm, [axis(0), axis(1)]).unwrap();
                let mut u = d.zeros::<f32>().unwrap();
                u.view_mut().unwrap().iter_mut().for_each(|e| *e = random.within(-99, 99) as f32);
                let dims = d.dim_data().dims();
                let global = |at: &[usize]| -> Option<Vec<i64>> {
                    let along = dims.iter().zip(at);
                    along
                        .map(|(dim, &at)| dim.global_of(at as i64).and_then(|g| dim.inside(g)))
                        .collect::<Option<Vec<i64>>>()
                };
                let index =
                    |at: &ndarray::IxDyn| -> Option<Vec<i64>> { global(ndarray::Dimension::slice(at)) };
                let copies: Vec<_> =
                    u.view().indexed_iter().filter_map(|(at, &v)| index(&at).map(|g| (g, v))).collect();
                Halo::new(&d).unwrap().accumulate(&mut u, how).unwrap();
                let owned = |at: &ndarray::IxDyn| {
                    let at = ndarray::Dimension::slice(at);
                    dims.iter().zip(at).all(|(dim, &at)| dim.owned_local().contains(&(at as i64)))
                };
                let found: Vec<_> = u
                    .view()
                    .indexed_iter()
                    .filter(|(at, _)| owned(at))
                    .filter_map(|(at, &v)| index(&at).map(|g| (g, v)))
                    .collect();
                (copies, found)
            });
            let mut wanted: HashMap<Vec<i64>, f32> = HashMap::new();
            for (index, value) in all.iter().flat_map(|(copies, _)| copies) {
                let best = wanted.entry(index.clone()).or_insert(*value);
                *best = if how == Accumulate::Min { best.min(*value) } else { best.max(*value) };
            }
            let found: HashMap<Vec<i64>, f32> = all.iter().flat_map(|(_, found)| found.clone()).collect();
            assert_eq!(found, wanted, "case {case}: {size:?} {width:?} on {ranks}, {how:?}");
        }
    }
}

#[test]
fn elements_without_a_sum_or_order_are_refused() {
    comm::threads(2, |comm| {
        let d = Distribution::new(&comm, [Axis::block(6).halo(1)]).unwrap();
        let mut halo = Halo::new(&d).unwrap();
        let mut complex = d.full(Complex::new(1.0, 0.0)).unwrap();
        assert_eq!(halo.accumulate(&mut complex, Accumulate::Max).unwrap_err().kind(), ErrorKind::DType);
        halo.accumulate(&mut complex, Accumulate::Sum).unwrap();
        let mut opaque = records(&d, 5);
        assert_eq!(halo.accumulate(&mut opaque, Accumulate::Sum).unwrap_err().kind(), ErrorKind::DType);
        halo.update(&mut opaque).unwrap();
    });
}

/// Bits of sums whose order shows, accumulated over many grids in one kind of memory.
fn bits_of_sums(shared: bool) -> Vec<u64> {
    let mut bits = Vec::new();
    for grid in [[2, 2], [4, 1], [1, 3], [3, 2], [1, 1]] {
        let ranks = grid.iter().product::<i64>() as usize;
        let parts = comm::threads(ranks, |comm| {
            let axes = [Axis::block(12).halo(2).periodic(), Axis::block(6).halo(2).periodic()];
            let d = Distribution::on_grid(&comm, axes, Grid::exact(grid)).unwrap();
            let mut u = if shared { d.shared_zeros::<f64>() } else { d.zeros() }.unwrap();
            let mut random = Random(comm.rank() as u64);
            for element in u.view_mut().unwrap().iter_mut() {
                *element = random.within(1, 1 << 40) as f64 * 2_f64.powi(random.within(-60, 60) as i32);
            }
            Halo::new(&d).unwrap().accumulate(&mut u, Accumulate::Sum).unwrap();
            u.owned().iter().map(|sum| sum.to_bits()).collect::<Vec<_>>()
        });
        bits.extend(parts.into_iter().flatten());
    }
    bits
}

#[test]
fn sums_have_the_same_bits_whatever_way_elements_take() {
    let lanes = bits_of_sums(false);
    assert_eq!(bits_of_sums(true), lanes, "in shared memory");
    let listed = format!("{lanes:x?}");
    if std::env::var_os("DISTARRAY_SHARED_MEMORY").is_some() {
        println!("{listed}");
        return; // this is the run by messages
    }
    let program = std::env::current_exe().unwrap();
    let name = "sums_have_the_same_bits_whatever_way_elements_take";
    let output = std::process::Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env("DISTARRAY_SHARED_MEMORY", "off")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains(&listed), "by messages");
}

/// Columns so tall that the lines in which they lie are more than a cache holds: those of
/// ranks that are near are read where they lie.
#[test]
fn tall_columns_of_shared_arrays_arrive() {
    let size = [(1 << 16) + 1, 7];
    comm::threads(2, |comm| {
        let axes = [Axis::block(size[0]), Axis::block(size[1]).halo(2).periodic()];
        let d = Distribution::on_grid(&comm, axes, Grid::exact([1, 2])).unwrap();
        let mut u = d.shared_zeros::<f64>().unwrap();
        let columns = d.dim_data().dims()[1].clone();
        let own = columns.owned_local();
        let start = columns.global_of(own.start).unwrap() - own.start;
        for ((i, j), element) in
            u.view_mut().unwrap().into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter_mut()
        {
            *element =
                if own.contains(&(j as i64)) { (i as i64 * size[1] + start + j as i64) as f64 } else { -1.0 };
        }
        Halo::new(&d).unwrap().update(&mut u).unwrap();
        for ((i, j), &element) in u.view().into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter() {
            let wanted = i as i64 * size[1] + (start + j as i64).rem_euclid(size[1]);
            assert_eq!(element, wanted as f64, "row {i}, column {j} of rank {}", comm.rank());
        }
    });
}
