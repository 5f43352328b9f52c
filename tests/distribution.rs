//! Distributions on threads: layouts and owners, against brute force and published
//! vectors.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "common/agreed.rs"]
mod agreed;
#[path = "common/vectors.rs"]
mod vectors;

use agreed::agreed;
use distarray::Error;
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution, Grid, distarray_grid_shape};
use distarray::protocol::{Dim, DimData, GridOrder};
use vectors::{ints, vectors};

#[test]
fn every_element_has_one_owner_who_holds_it() {
    let axes = |kind: i64, n: i64| match kind {
        0 => Axis::block(n),
        1 => Axis::ceil_block(n),
        2 => Axis::cyclic(n, 1),
        3 => Axis::cyclic(n, 3),
        _ => Axis::cyclic(n, 2).first_block(1),
    };
    for ranks in 1..=7 {
        for (a, b) in (0..5).flat_map(|a| (0..5).map(move |b| (a, b))) {
            for order in [GridOrder::RowMajor, GridOrder::ColumnMajor] {
                let owners = comm::threads(ranks, |comm| {
                    let grid = Grid::compact().order(order.clone());
                    let d = Distribution::on_grid(&comm, [axes(a, 13), axes(b, 7)], grid)?;
                    let u = d.from_fn(|g| g[0] * 7 + g[1])?;
                    let mut owners = Vec::new();
                    for index in (0..13).flat_map(|i| (0..7).map(move |j| [i, j])) {
                        let mut local = Vec::new();
                        let owner = d.locate(&index, |position| local.push(position as usize)).unwrap();
                        if owner == comm.rank() as i64 {
                            assert_eq!(u.owned()[&local[..]], index[0] * 7 + index[1]);
                        }
                        owners.push(owner);
                    }
                    assert_eq!(d.owner(&[13, 0]), None);
                    assert_eq!(d.owner(&[0]), None);
                    let mine = owners.iter().filter(|&&o| o == comm.rank() as i64).count();
                    assert_eq!(mine, u.owned().len());
                    let again = Distribution::gather(&comm, u.as_any())?;
                    assert!((0..13).all(|i| again.owner(&[i, i % 7]) == d.owner(&[i, i % 7])));
                    Ok::<_, Error>(owners)
                });
                let first = owners[0].as_ref().unwrap();
                assert!(owners.iter().all(|o| o.as_ref().unwrap() == first));
            }
        }
    }
}

#[test]
fn halos_hold_their_neighbours_indices() {
    for ranks in 1..=5 {
        for periodic in [false, true] {
            comm::threads(ranks, |comm| {
                let axis = Axis::block(17).halo(2);
                let axis = if periodic { axis.periodic() } else { axis };
                let d = Distribution::new(&comm, [axis]).unwrap();
                let u = d.from_fn(|g| g[0]).unwrap();
                let dim = &d.dim_data().dims()[0];
                let owned = dim.owned_runs().indices().collect::<Vec<_>>();
                let (first, last) = (owned[0], owned[owned.len() - 1]);
                let low = if periodic || first > 0 { first - 2 } else { first };
                let high = if periodic || last < 16 { last + 2 } else { last };
                let expected: Vec<i64> = (low..=high).map(|g| g.rem_euclid(17)).collect();
                assert_eq!(u.view().iter().copied().collect::<Vec<_>>(), expected);
                Distribution::gather(&comm, u.as_any()).unwrap();
            });
        }
    }
    // What an axis cannot have is refused, not forgotten.
    for (axis, field) in [
        (Axis::block(9).first_process(0), "first_process"),
        (Axis::whole(9).first_block(2), "first_block"),
        (Axis::cyclic(9, 2).owning(1), "num_owned"),
        (Axis::cyclic(9, 2).halo(1), "halo"),
        (Axis::unstructured(0, []).periodic(), "periodic"),
        (Axis::cyclic(9, 2).edge_outside(), "edge_outside"),
    ] {
        let refused = Distribution::new(&Comm::solo(), [axis]).unwrap_err();
        assert_eq!((refused.axis(), refused.field()), (Some(0), Some(field)), "{refused}");
    }
    let endless =
        agreed(1, |comm| Distribution::new(comm, [Axis::block(9).halo(i64::MAX).edge_outside()]).map(|_| ()));
    assert_eq!(endless.unwrap_err().field(), Some("halo"));
    let wide = agreed(4, |comm| Distribution::new(comm, [Axis::block(9).halo(3)]).map(|_| ()));
    assert_eq!(wide.unwrap_err().field(), Some("halo"));
}

#[test]
fn replicas_and_components_are_part_of_the_layout() {
    comm::threads(6, |comm| {
        let d = Distribution::on_grid(
            &comm,
            [Axis::block(10), Axis::whole(3).component()],
            Grid::compact().replicas(2),
        )
        .unwrap();
        assert_eq!(d.dim_data().process_count(), 6);
        assert_eq!(d.dim_data().dims()[0].proc_grid_size(), 3);
        // The owner of an element is sought in one's own replica.
        assert_eq!(d.owner(&[0, 0]), Some(if comm.rank() < 3 { 0 } else { 3 }));
        Distribution::gather(&comm, d.zeros::<f32>().unwrap().as_any()).unwrap();
    });
    // Many axes: not every grid is tried, and the longest parts are cut first.
    comm::threads(6, |comm| {
        let axes: Vec<Axis> = (0..9).map(|axis| Axis::block(if axis == 4 { 12 } else { 2 })).collect();
        let d = Distribution::new(&comm, axes).unwrap();
        let grid: Vec<i64> = d.dim_data().dims().iter().map(Dim::proc_grid_size).collect();
        assert_eq!(grid, [1, 1, 1, 1, 6, 1, 1, 1, 1]);
    });
    let none = agreed(2, |comm| Distribution::new(comm, [Axis::whole(3)]).map(|_| ()));
    assert_eq!(none.unwrap_err().field(), Some("proc_grid_size"));
}

#[test]
fn a_grid_of_a_million_ranks_is_told_by_rules() {
    for procs in [4_i64, 1_000_000] {
        for map in [
            distarray::protocol::AxisMap::balanced(procs * 1024, procs).unwrap(),
            distarray::protocol::AxisMap::cyclic(procs * 1024, procs, 64, 3, 64).unwrap(),
        ] {
            assert!(map.is_regular());
            for coordinate in [0, 1, procs / 2, procs - 1] {
                let dim = map.dim(coordinate).unwrap();
                for local in [0, 500, 1023] {
                    let global = dim.global_of(local).unwrap();
                    assert_eq!(map.locate(global), Some((coordinate, local)));
                }
            }
        }
    }
}

#[test]
fn all_ranks_know_the_same_owners() {
    // Rank 2 asks for other bounds, of which its own part says nothing.
    let owners = agreed(3, |comm| {
        let bounds = if comm.rank() == 2 { [0, 5, 8, 12] } else { [0, 4, 8, 12] };
        let d = Distribution::new(comm, [Axis::bounds(bounds)])?;
        Ok::<_, Error>((0..12).map(|i| d.owner(&[i]).unwrap()).collect::<Vec<_>>())
    });
    assert_eq!(owners.unwrap(), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    // Rank 1's own part differs: nobody gets a distribution.
    let refused = agreed(3, |comm| {
        let bounds = if comm.rank() == 1 { [0, 5, 8, 12] } else { [0, 4, 8, 12] };
        Distribution::new(comm, [Axis::bounds(bounds)]).map(|_| ())
    });
    assert_eq!(refused.unwrap_err().field(), Some("start"));
}

#[test]
fn distarray_chooses_the_same_grids() {
    let vectors = vectors("grid_shape");
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let dist: Vec<&str> = case["dist"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        if dist.iter().any(|d| !["b", "c", "u", "n"].contains(d)) {
            assert!(case["error"].is_string());
            continue;
        }
        let distributed: Vec<bool> = dist.iter().map(|d| *d != "n").collect();
        let found =
            distarray_grid_shape(&ints(&case["shape"]), &distributed, case["comm_size"].as_i64().unwrap());
        match case["result"].as_array() {
            Some(_) => assert_eq!(found.as_deref(), Ok(&ints(&case["result"])[..]), "{case}"),
            None => assert!(found.is_err(), "{case}: {found:?}"),
        }
        checked += 1;
    }
    assert!(checked > 2000, "{checked}");
}

/// Every N-dimensional distribution of the vectors: the local shapes, and the
/// rank that owns each element, by definition.
#[test]
fn published_distributions_have_their_local_shapes_and_owners() {
    let vectors = vectors("maps");
    let (mut checked, mut refused_there) = (0, 0);
    for case in vectors["cases"].as_array().unwrap().iter().filter(|c| c["kind"] == "nd") {
        let (id, shape) = (&case["id"], &case["shape"]);
        let Some(ranks) = case["dim_data_per_rank"].as_array() else {
            assert!(case["original"]["error"].is_string(), "{id}");
            refused_there += 1;
            continue;
        };
        // DistArray's advisory paddings do not widen its parts: they are left out.
        let part = |dims: &serde_json::Value| {
            let mut dims = dims.clone();
            for dim in dims.as_array_mut().unwrap() {
                dim.as_object_mut().unwrap().remove("padding");
            }
            let text = serde_json::json!({"__version__": "0.10.0", "dim_data": dims}).to_string();
            let value = distarray::protocol::Value::from_json(&text).unwrap();
            DimData::from_value(&value, None, distarray::protocol::Reading::Lenient).unwrap().0
        };
        let mut parts: Vec<DimData> = ranks.iter().map(part).collect();
        // A scalar is listed without its one rank.
        parts.resize_with(parts.len().max(1), || DimData::new([]).unwrap());
        let local: Vec<Vec<i64>> = case["localshapes"].as_array().unwrap().iter().map(ints).collect();
        assert_eq!(parts.iter().map(DimData::held_shape).collect::<Vec<_>>(), local, "{id}");
        let shape = ints(shape);
        let found = agreed(parts.len(), |comm| {
            let d = Distribution::gather_dim_data(comm, Ok(&parts[comm.rank()])).unwrap();
            let mut indices = vec![Vec::new()];
            for &n in &shape {
                indices = indices
                    .iter()
                    .flat_map(|head: &Vec<i64>| (0..n).map(|i| [&head[..], &[i]].concat()))
                    .collect();
            }
            let unstructured = parts[0].dims().iter().any(|d| d.dist().letter() == 'u');
            (!unstructured).then(|| indices.iter().map(|i| d.owner(i).unwrap()).collect::<Vec<_>>())
        });
        if let (Some(found), Some(owners)) = (found, case["owning_ranks_c_order"].as_array()) {
            let expected: Vec<i64> = owners.iter().map(|o| ints(o)[0]).collect();
            assert_eq!(found, expected, "{id}");
        }
        checked += 1;
    }
    assert_eq!((checked, refused_there), (37, 10));
}
