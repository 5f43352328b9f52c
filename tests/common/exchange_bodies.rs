//! Random exchanges, checked element by element on any number of ranks over any message
//! layer, against what dealing by hand says each rank must hold.
//!
//! All ranks call a body with the same random numbers: each makes up the same case.
#![allow(dead_code)] // each test binary uses its own part
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself
#![allow(unsafe_code)] // arrays in memory that the test makes

use super::dealing::{self, Dealt, Random, deal};
use distarray::Result;
use distarray::array::{Access, AnyArray, Buffer, DType, DistArray, Layout, Owner, RawBuffer};
use distarray::comm::{Comm, Op};
use distarray::distribution::{Axis, Distribution, Grid};
use distarray::exchange::{Accumulate, Halo, Redistribution, is_shared};
use distarray::protocol::{DimData, GridOrder};

/// Whether ranks may share memory in this run.
pub fn may_share() -> bool {
    std::env::var_os("DISTARRAY_SHARED_MEMORY").is_none()
}

/// An array of this part in memory of its own, in any order and with gaps.
pub fn strided(dim_data: &DimData, random: &mut Random) -> DistArray<i64> {
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

pub fn fill(array: &mut DistArray<i64>, owned: &[&[i64]]) {
    for (position, element) in array.owned_mut().unwrap().indexed_iter_mut() {
        let index: Vec<i64> = (0..owned.len()).map(|axis| owned[axis][position[axis]]).collect();
        *element = value(&index);
    }
}

pub fn assert_filled(array: &DistArray<i64>, owned: &[&[i64]], what: &str) {
    for (position, element) in array.owned().indexed_iter() {
        let index: Vec<i64> = (0..owned.len()).map(|axis| owned[axis][position[axis]]).collect();
        assert_eq!(*element, value(&index), "{what}: element {index:?}");
    }
}

pub fn distribute(comm: &Comm, dealt: &Dealt) -> Result<Distribution> {
    Distribution::on_grid(comm, dealt.axes(), dealt.grid.clone())
}

/// A redistribution, twice with one plan, and the way back.
pub fn redistributes(comm: &Comm, random: &mut Random) {
    let ndim = random.within(1, 4);
    let longest = [60, 13, 7, 5][usize::try_from(ndim - 1).unwrap()];
    let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, longest)).collect();
    let (from, to) = (deal(random, &shape, comm.size()), deal(random, &shape, comm.size()));
    let shared = random.chance(4);
    let what = format!("{from:?} to {to:?}, shared memory: {shared}");
    let mut own = Random(random.next() ^ comm.rank() as u64);
    let mut case = || -> Result<()> {
        let (source, target) = (distribute(comm, &from)?, distribute(comm, &to)?);
        let mut a = if shared { source.shared_zeros()? } else { strided(source.dim_data(), &mut own) };
        let mut b = strided(target.dim_data(), &mut own);
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
    };
    case().unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// A redistribution that permutes the axes.
pub fn permutes_axes(comm: &Comm, random: &mut Random) {
    let ndim = random.within(2, 4) as usize;
    let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, 6)).collect();
    let mut axes: Vec<usize> = (0..ndim).collect();
    for i in (1..ndim).rev() {
        axes.swap(i, random.within(0, i as i64) as usize);
    }
    let turned: Vec<i64> = axes.iter().map(|&axis| shape[axis]).collect();
    let (from, to) = (deal(random, &shape, comm.size()), deal(random, &turned, comm.size()));
    let what = format!("{axes:?} of {from:?} to {to:?}");
    let mut own = Random(random.next() ^ comm.rank() as u64);
    let mut case = || -> Result<()> {
        let (source, target) = (distribute(comm, &from)?, distribute(comm, &to)?);
        let mut a = strided(source.dim_data(), &mut own);
        fill(&mut a, &from.owned(comm.rank()));
        let b = Redistribution::permuted(&source, &target, &axes)?.apply(&a)?;
        let owned = to.owned(comm.rank());
        for (position, element) in b.owned().indexed_iter() {
            let mut index = vec![0; ndim];
            for (axis, &source_axis) in axes.iter().enumerate() {
                index[source_axis] = owned[axis][position[axis]];
            }
            assert_eq!(*element, value(&index), "{what}");
        }
        Ok(())
    };
    case().unwrap_or_else(|error| panic!("{what}: {error}"));
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
    let order = if random.chance(3) { GridOrder::ColumnMajor } else { GridOrder::RowMajor };
    (axes, Grid::exact(extents).order(order))
}

/// A halo update, in one go, in two halves or bound, with and without corners and shared
/// memory.
pub fn fills_halos(comm: &Comm, random: &mut Random) {
    let ndim = random.within(1, 3) as usize;
    let (axes, grid) = halo_axes(random, ndim, comm.size());
    let corners = random.chance(2);
    let (later, bound, shared) = (random.chance(3), random.chance(2), random.chance(3));
    let mut own = Random(random.next() ^ comm.rank() as u64);
    let d = Distribution::on_grid(comm, axes.clone(), grid).unwrap();
    let mut u = if shared { d.shared_zeros().unwrap() } else { strided(d.dim_data(), &mut own) };
    u.view_mut().unwrap().fill(-5);
    let dims = d.dim_data().dims();
    for (position, element) in u.owned_mut().unwrap().indexed_iter_mut() {
        let index: Vec<i64> = (0..ndim)
            .map(|axis| dims[axis].global_of(dims[axis].owned_local().start + position[axis] as i64).unwrap())
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
        let expected = held_index(d.dim_data(), &position).filter(|_| exchanged).map_or(-5, |i| value(&i));
        assert_eq!(*element, expected, "rank {}: {position:?} of {axes:?}", comm.rank());
    }
}

/// An accumulation, which is the adjoint of the update.
pub fn accumulates(comm: &Comm, random: &mut Random) {
    let ndim = random.within(1, 3) as usize;
    let (axes, grid) = halo_axes(random, ndim, comm.size());
    let (corners, shared) = (random.chance(2), random.chance(3));
    let mut own = Random(random.next() ^ comm.rank() as u64);
    let d = Distribution::on_grid(comm, axes.clone(), grid).unwrap();
    let mut halo = if corners { Halo::new(&d) } else { Halo::star(&d) }.unwrap();
    // x is owned elements, y held ones; integers, so that sums are exact.
    let mut x = strided(d.dim_data(), &mut own);
    let mut y = if shared { d.shared_zeros().unwrap() } else { strided(d.dim_data(), &mut own) };
    x.view_mut().unwrap().fill(0);
    x.owned_mut().unwrap().iter_mut().for_each(|e| *e = own.within(-9, 9));
    y.view_mut().unwrap().iter_mut().for_each(|e| *e = own.within(-9, 9));
    // Elements that the update does not fill are no part of it.
    let mut extended = x.copy().unwrap();
    halo.update(&mut extended).unwrap();
    let left: i64 = extended.view().iter().zip(y.view().iter()).map(|(a, b)| a * b).sum();
    halo.accumulate(&mut y, Accumulate::Sum).unwrap();
    let right: i64 = x.owned().iter().zip(y.owned().iter()).map(|(a, b)| a * b).sum();
    let mut products = [left, right];
    comm.all_reduce(&mut products, Op::Sum).unwrap();
    assert_eq!(products[0], products[1], "{axes:?}");
}

/// Unstructured axes: redistribution there and back, and ghosts.
pub fn serves_unstructured_axes(comm: &Comm, random: &mut Random) {
    let ranks = comm.size();
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
    let other = dealing::axis(random, size, ranks as i64);
    let case = || -> Result<()> {
        let (mine, owned) = with_ghosts[comm.rank()].clone();
        let axes = [Axis::unstructured(size, mine.clone()).owning(owned), Axis::whole(3)];
        let scattered = Distribution::new(comm, axes)?;
        let regular = Distribution::on_grid(
            comm,
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
    };
    case().unwrap_or_else(|error| panic!("{with_ghosts:?} and {other:?}: {error}"));
}
