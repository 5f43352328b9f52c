//! What a plan costs on one rank of a thousand to a million: time and memory.
//!
//! 1024 x 1024 doubles per rank; block to block-cyclic(64), and the halo of a
//! three-dimensional array. The figures must not grow with the number of ranks.

#![allow(unsafe_code)] // counts what the allocator gives

mod common;
#[path = "common/counting.rs"]
mod counting;

use std::hint::black_box;

use distarray::distribution::{Axis, Decomposition, Grid};
use distarray::exchange::Plan;

/// Median time of making a plan, and what it keeps.
fn measure(name: &str, ranks: i64, make: impl Fn(i64) -> Plan) {
    let picked = [0, ranks / 3 + 7, ranks - 1];
    for rank in picked {
        let (plan, kept) = counting::kept(|| make(rank));
        let kept = kept + size_of::<Plan>();
        let sends = plan.sends().count();
        drop(plan);
        let mut body = || drop(black_box(make(black_box(rank))));
        let [time] = common::medians(2000, [&mut body]);
        println!("{name:34} rank {rank:7} of {ranks:7}: {time:8.0} ns, {kept:5} bytes, {sends} messages");
    }
}

fn main() {
    for side in [32, 100, 316, 1000] {
        let n = 1024 * side;
        let grid = Grid::exact([side, side]);
        let ranks = usize::try_from(side * side).unwrap();
        let of = |axis: fn(i64) -> Axis| Decomposition::new(&[axis(n), axis(n)], &grid, ranks).unwrap();
        let blocks = of(Axis::block);
        let cyclic = of(|n| Axis::cyclic(n, 64));
        let coarse = of(|n| Axis::cyclic(n, 128));
        let plain = of(|n| Axis::cyclic(n, 1));
        let to = |a: &Decomposition, b: &Decomposition, rank| Plan::for_rank(a, b, rank).unwrap();
        measure("block -> block-cyclic(64)", side * side, |rank| to(&blocks, &cyclic, rank));
        measure("block-cyclic(64) -> (128)", side * side, |rank| to(&cyclic, &coarse, rank));
        measure("block -> cyclic(1)", side * side, |rank| to(&blocks, &plain, rank));
    }
    for side in [10, 22, 46, 100] {
        let n = 100 * side;
        let axes = [Axis::block(n).halo(1), Axis::block(n).halo(1), Axis::block(n).halo(1)];
        let around = axes.clone().map(Axis::periodic);
        let ranks = side * side * side;
        let grid = Grid::exact([side; 3]);
        for (name, axes) in [("halo of width 1, 3-D", axes), ("the same, periodic", around)] {
            let count = usize::try_from(ranks).unwrap();
            let decomposition = Decomposition::new(&axes, &grid, count).unwrap();
            let parts: Vec<_> = [0, ranks / 3 + 7, ranks - 1]
                .map(|rank| (rank, decomposition.part(&axes, rank).unwrap()))
                .into();
            measure(name, ranks, |rank| {
                let part = &parts.iter().find(|(of, _)| *of == rank).unwrap().1;
                Plan::halo(&decomposition, part, true).unwrap()
            });
        }
    }
}
