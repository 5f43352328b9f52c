//! Index look-ups, and what a map costs in memory, on 4 and on a million processes.
//!
//! `cargo bench --bench maps`. Each figure is the time of one look-up of a
//! random index, the reading of the index included.

#![allow(unsafe_code)] // the counting allocator

mod common;
#[path = "common/counting.rs"]
mod counting;

use std::hint::black_box;

use distarray::protocol::AxisMap;

const LOOKUPS: usize = 1 << 16;

fn main() {
    println!(
        "{:<12} {:>10} {:>12} {:>12} {:>12}",
        "axis", "processes", "owner ns", "locate ns", "heap bytes"
    );
    for procs in [4_i64, 1_000_000] {
        let size = procs * 1024 + 17;
        let irregular = || {
            let bounds: Vec<i64> = (0..=procs).map(|c| (c * 1024 + c % 7).min(size)).collect();
            AxisMap::from_bounds([&bounds[..bounds.len() - 1], &[size]].concat())
        };
        let makers: [(&str, &dyn Fn() -> distarray::Result<AxisMap>); 5] = [
            ("balanced", &|| AxisMap::balanced(size, procs)),
            ("ceil", &|| AxisMap::ceil(size, procs)),
            ("cyclic", &|| AxisMap::cyclic(size, procs, 1, 0, 1)),
            ("cyclic 64", &|| AxisMap::cyclic(size, procs, 64, 3, 64)),
            ("irregular", &irregular),
        ];
        for (name, make) in makers {
            let (map, heap) = counting::kept(|| make().unwrap());
            let mut seed = 88_172_645_463_325_252_u64;
            let indices: Vec<i64> = (0..LOOKUPS)
                .map(|_| {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    (seed >> 1).cast_signed() % size
                })
                .collect();
            let mut owner = || {
                black_box(indices.iter().map(|&g| map.owner(g).unwrap()).sum::<i64>());
            };
            let mut locate = || {
                black_box(indices.iter().map(|&g| map.locate(g).unwrap()).map(|(c, l)| c ^ l).sum::<i64>());
            };
            let [owner, locate] =
                common::medians(10, [&mut owner, &mut locate]).map(|ns| ns / LOOKUPS as f64);
            println!("{name:<12} {procs:>10} {owner:>12.2} {locate:>12.2} {heap:>12}");
        }
    }
}
