//! Who owns which index, against the published vectors and brute force.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "common/vectors.rs"]
mod vectors;

use distarray::protocol::{AxisMap, Dim, DimData, Dist, GridOrder, ProcGrid, Reading, Value};
use vectors::{decode, ints, round_trip, vectors};

#[test]
fn owned_counts_are_those_of_the_definition() {
    let mut checked = 0;
    for case in vectors("num_owned")["cases"].as_array().unwrap() {
        let Some(correct) = case["correct"].as_i64() else { continue };
        let dict = Value::Dict(vec![
            ("__version__".into(), Value::Str("0.10.0".into())),
            ("dim_data".into(), Value::Tuple(vec![decode(&case["dim_dict"]).unwrap()])),
        ]);
        match DimData::from_value(&dict, None, Reading::Lenient) {
            // Paddings that overlap own less than nothing: rule B6 refuses them.
            Ok((dim_data, _)) if correct < 0 => {
                let strict = dim_data.check_strict(&dim_data.held_shape());
                assert_eq!(strict.unwrap_err().rule(), Some("B6"), "{case}");
            }
            Ok((dim_data, _)) => assert_eq!(dim_data.dims()[0].owned_len(), correct, "{case}"),
            Err(error) => panic!("{case}: {error}"),
        }
        checked += 1;
    }
    assert!(checked > 700, "{checked}");
}

#[test]
fn axis_maps_are_those_of_the_definition() {
    let mut checked = 0;
    for case in vectors("maps")["cases"].as_array().unwrap().iter().filter(|c| c["kind"] == "axis") {
        let id = case["id"].as_str().unwrap();
        let Some(ranks) = case["ranks"].as_array() else { continue };
        let dims: Result<Vec<Dim>, _> = ranks
            .iter()
            .map(|rank| {
                let mut dict = decode(&rank["dim_dict_client"]).unwrap();
                if let Value::Dict(entries) = &mut dict {
                    entries.retain(|(key, _)| key != "padding");
                }
                let whole = Value::Dict(vec![
                    ("__version__".into(), Value::Str("0.10.0".into())),
                    ("dim_data".into(), Value::Tuple(vec![dict])),
                ]);
                Ok(DimData::from_value(&whole, None, Reading::Lenient)?.0.dims()[0].clone())
            })
            .collect::<distarray::Result<_>>();
        if ["c/bs=0", "c/bs=-1"].contains(&id) {
            assert_eq!(dims.unwrap_err().rule(), Some("C1"));
            continue;
        }
        checked += 1;
        // Bounds that do not begin at 0, or descend: the original checks nothing.
        let bounds = &case["global_dim_dict"]["bounds"];
        if bounds.is_array() && (ints(bounds).first() != Some(&0) || !ints(bounds).is_sorted()) {
            assert!(["B1", "B2", "B3"].map(Some).contains(&dims.unwrap_err().rule()), "{id}");
            continue;
        }
        let dims = dims.unwrap_or_else(|e| panic!("{id}: {e}"));
        for (dim, rank) in dims.iter().zip(ranks) {
            assert_eq!(dim.owned_len(), rank["owned_count"].as_i64().unwrap(), "{id}");
        }
        // The largest axes come with counts, first and last indices alone.
        let Some(owners) = case["owners"].as_array() else {
            for (dim, rank) in dims.iter().zip(ranks).filter(|(_, rank)| rank["owned_head"].is_array()) {
                let (head, tail) = (ints(&rank["owned_head"]), ints(&rank["owned_tail"]));
                let from_end = dim.len() - tail.len() as i64;
                assert!((0..).zip(&head).all(|(i, &g)| dim.global_of(i) == Some(g)), "{id}");
                assert!((from_end..).zip(&tail).all(|(i, &g)| dim.local_of(g) == Some(i)), "{id}");
            }
            continue;
        };
        for (dim, rank) in dims.iter().zip(ranks) {
            let owned = ints(&rank["owned"]);
            assert_eq!(dim.owned_runs().indices().collect::<Vec<_>>(), owned, "{id}");
            assert_eq!(dim.owned_len(), owned.len() as i64, "{id}");
            for (local, &global) in (0..).zip(&owned) {
                assert_eq!(dim.global_of(local), Some(global), "{id}");
            }
            assert_eq!((dim.global_of(-1), dim.global_of(dim.len())), (None, None), "{id}");
            for (global, local) in (0..).zip(rank["local_from_global"].as_array().unwrap()) {
                assert_eq!(dim.local_of(global), local.as_i64(), "{id} global {global}");
            }
        }
        let map = match AxisMap::from_dims(&dims) {
            Ok(map) => map,
            Err(error) => panic!("{id}: {error}"),
        };
        for (global, owners) in (0..).zip(owners) {
            // Where several own an index, the lowest counts.
            let owner = ints(owners).into_iter().min();
            assert_eq!(map.owner(global), owner, "{id} owner of {global}");
            let (Some((coordinate, local)), Some(_)) = (map.locate(global), owner) else { continue };
            assert_eq!(map.global_of(coordinate, local), Some(global), "{id}");
        }
    }
    assert!(checked > 390, "{checked}");
}

/// Round-robin dealing by walking through the axis, for every form of a cyclic axis.
#[test]
fn cyclic_axes_with_any_first_process_and_first_block() {
    for size in [0, 1, 2, 5, 9, 16, 23] {
        for procs in 1..5_i64 {
            for block in [1, 2, 3, 5, 30] {
                for first_block in 1..=block.min(6) {
                    for first in 0..procs {
                        let mut owned = vec![Vec::new(); procs as usize];
                        let (mut turn, mut left) = (first, first_block);
                        for global in 0..size {
                            owned[turn as usize].push(global);
                            left -= 1;
                            if left == 0 {
                                (turn, left) = ((turn + 1) % procs, block);
                            }
                        }
                        let map = AxisMap::cyclic(size, procs, block, first, first_block).unwrap();
                        let dims: Vec<Dim> = (0..procs).map(|c| map.dim(c).unwrap()).collect();
                        for (dim, owned) in dims.iter().zip(&owned) {
                            assert_eq!(dim.first_process(), first);
                            assert_eq!(dim.len(), owned.len() as i64, "{map:?} {dim:?}");
                            assert_eq!(&dim.held_runs().indices().collect::<Vec<_>>(), owned);
                            assert!(dim.held_runs().as_slice().len() <= 3);
                            round_trip(&DimData::new([dim.clone()]).unwrap());
                            for (local, &global) in (0..).zip(owned) {
                                assert_eq!(dim.global_of(local), Some(global));
                                assert_eq!(dim.local_of(global), Some(local));
                                assert_eq!(map.locate(global), Some((dim.proc_grid_rank(), local)));
                            }
                        }
                        assert_eq!((map.owner(-1), map.owner(size)), (None, None));
                        let again = AxisMap::from_dims(dims.iter().rev()).unwrap();
                        assert!((0..size).all(|g| again.locate(g) == map.locate(g)));
                    }
                }
            }
        }
    }
}

#[test]
fn block_rules_are_found_again_from_their_bounds() {
    for size in [0, 1, 4, 5, 17, 40] {
        for procs in 1..9_i64 {
            let maps = [
                AxisMap::ceil(size, procs).unwrap(),
                AxisMap::balanced(size, procs).unwrap(),
                AxisMap::uniform(size, procs, size / procs + 2).unwrap(),
            ];
            for map in maps {
                let dims: Vec<Dim> = (0..procs).map(|c| map.dim(c).unwrap()).collect();
                let again = AxisMap::from_dims(&dims).unwrap();
                assert!(again.is_regular(), "{again:?}");
                let mut next = 0;
                for dim in &dims {
                    for local in 0..dim.len() {
                        assert_eq!(map.locate(next), Some((dim.proc_grid_rank(), local)), "{map:?} {next}");
                        assert_eq!(again.locate(next), map.locate(next));
                        next += 1;
                    }
                }
                assert_eq!(next, size);
            }
        }
    }
    // numpy.array_split(range(10), 4): 3, 3, 2, 2.
    let lengths: Vec<i64> = (0..4).map(|c| AxisMap::balanced(10, 4).unwrap().dim(c).unwrap().len()).collect();
    assert_eq!(lengths, [3, 3, 2, 2]);
    assert!(!AxisMap::from_bounds(vec![0, 1, 7, 9]).unwrap().is_regular());
}

#[test]
fn owned_indices_below_another_are_counted() {
    let (size, procs) = (23, 4);
    let lists = (0..procs).map(|c| (0..size).filter(|g| g * g % 5 % procs == c).rev().collect()).collect();
    for map in [
        AxisMap::ceil(size, procs).unwrap(),
        AxisMap::balanced(size, procs).unwrap(),
        AxisMap::from_bounds(vec![0, 0, 7, 9, 23]).unwrap(),
        AxisMap::cyclic(size, procs, 3, 2, 1).unwrap(),
        AxisMap::cyclic(size, procs, 1, 0, 1).unwrap(),
        AxisMap::cyclic(size, procs, 40, 3, 40).unwrap(),
        AxisMap::unstructured(size, lists).unwrap(),
    ] {
        for coordinate in -1..=procs {
            for end in -1..=size + 1 {
                let owned = (0..size).filter(|&g| g < end && map.owner(g) == Some(coordinate)).count();
                let found = map.owned_before(coordinate, end);
                assert_eq!(usize::try_from(found), Ok(owned), "{map:?} {coordinate} {end}");
            }
        }
        assert_eq!((0..procs).map(|c| map.owned_before(c, i64::MAX)).sum::<i64>(), size, "{map:?}");
    }
}

#[test]
fn gaps_overlaps_and_strangers_are_named() {
    let part = |rank, start, stop| Dim::new(10, 2, rank, Dist::block(start, stop)).unwrap();
    let gap = AxisMap::from_dims(&[part(0, 0, 5), part(1, 6, 10)]).unwrap_err();
    assert_eq!(
        (gap.rank(), gap.other_rank(), gap.expected(), gap.found()),
        (Some(1), Some(0), Some(5), Some(6))
    );
    let short = AxisMap::from_dims(&[part(0, 0, 5), part(1, 5, 9)]).unwrap_err();
    assert_eq!((short.expected(), short.found()), (Some(10), Some(9)));
    assert!(AxisMap::from_dims(&[part(0, 0, 5)]).is_err());
    assert!(AxisMap::from_dims(&[part(0, 0, 5), part(0, 0, 5)]).is_err());
    let other = Dim::new(10, 2, 1, Dist::cyclic(1, 1)).unwrap();
    assert_eq!(AxisMap::from_dims(&[part(0, 0, 5), other]).unwrap_err().field(), Some("dist_type"));
}

/// Padding: the protocol's own table of four processes, `examples.rst`.
#[test]
fn padding_is_owned_at_the_boundary_only() {
    let parts = [(0, 9, [1, 2]), (5, 15, [2, 3]), (9, 22, [3, 1]), (20, 30, [1, 2])];
    let dims: Vec<Dim> = (0..)
        .zip(parts)
        .map(|(rank, (start, stop, padding))| {
            Dim::new(30, 4, rank, Dist::padded(start, stop, padding)).unwrap()
        })
        .collect();
    let owned: Vec<_> = dims.iter().map(|d| d.owned_runs().indices().collect::<Vec<_>>()).collect();
    assert_eq!(owned[0], (0..7).collect::<Vec<_>>());
    assert_eq!(owned[1], (7..12).collect::<Vec<_>>());
    assert_eq!(owned[2], (12..21).collect::<Vec<_>>());
    assert_eq!(owned[3], (21..30).collect::<Vec<_>>());
    assert!(AxisMap::from_dims(&dims).is_ok());
    let outside = Dist::Block { start: -1, stop: 6, padding: [1, 1], periodic: true, edge_outside: true };
    let dim = Dim::new(10, 2, 0, outside).unwrap();
    assert_eq!(dim.owned_runs().indices().collect::<Vec<_>>(), (0..5).collect::<Vec<_>>());
    assert_eq!((dim.global_of(0), dim.local_of(-1)), (Some(-1), Some(0)));
}

#[test]
fn grids_count_ranks_in_their_order() {
    let place = |order, c0, c1| {
        let dims = [
            Dim::new(4, 2, c0, Dist::block(2 * c0, 2 * c0 + 2)).unwrap(),
            Dim::new(6, 3, c1, Dist::block(2 * c1, 2 * c1 + 2)).unwrap(),
        ];
        DimData::with_grid(dims, ProcGrid::new(order)).unwrap().process_rank()
    };
    assert_eq!(place(GridOrder::RowMajor, 1, 2), 5);
    assert_eq!(place(GridOrder::RowMajor, 1, 0), 3);
    assert_eq!(place(GridOrder::ColumnMajor, 1, 0), 1);
    assert_eq!(place(GridOrder::ColumnMajor, 0, 2), 4);
    assert_eq!(place(GridOrder::Ranks(vec![3, 0, 2, 1, 5, 4].into()), 0, 3 - 1), 2);
    let twice = ProcGrid::new(GridOrder::Ranks(vec![0, 0].into()));
    let dim = Dim::new(4, 2, 0, Dist::block(0, 2)).unwrap();
    let refused = DimData::with_grid([dim], twice).unwrap().check_strict(&[2]).unwrap_err();
    assert_eq!(refused.rule(), Some("G4"));
    let huge: Vec<Dim> = (0..3).map(|_| Dim::new(0, 1 << 40, 0, Dist::block(0, 0)).unwrap()).collect();
    assert_eq!(DimData::new(huge).unwrap_err().rule(), Some("G1"));
}
