//! Distributions on threads: layouts, owners and the collective check, against
//! brute force and published vectors.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Claim, Distribution, Grid, distarray_grid_shape, faults};
use distarray::protocol::{Dim, DimData, Dist, GridOrder, ProcGrid};
use distarray::{Error, Result};

/// A small generator with a fixed seed (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as i64 % n
    }
}

/// Runs `body` on `n` threads and returns what all of them agreed on; after it
/// they must still be in step.
fn agreed<T: Send + PartialEq + std::fmt::Debug>(n: usize, body: impl Fn(&Comm) -> T + Sync) -> T {
    let mut all = comm::threads(n, |comm| {
        let found = body(&comm);
        comm.barrier().expect("every rank made the same collective calls");
        found
    });
    let first = all.pop().unwrap();
    assert!(all.iter().all(|other| *other == first), "ranks differ: {first:?} and {all:?}");
    first
}

/// The verdict on a set of parts, one per rank, the same on all of them and where
/// one process holds them all.
fn verdict(parts: &[DimData]) -> std::result::Result<(), Error> {
    let gather = |comm: &Comm| Distribution::gather_dim_data(comm, Ok(&parts[comm.rank()])).map(drop);
    let verdict = agreed(parts.len(), gather);
    let claims: Vec<Claim<'_>> = parts.iter().map(Claim::of).collect();
    assert_eq!(faults(&claims).first(), verdict.as_ref().err());
    verdict
}

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

fn block_parts(bounds: &[Vec<i64>; 2]) -> Vec<DimData> {
    let [rows, columns] = bounds;
    let part = |bounds: &Vec<i64>, c: usize| {
        let size = *bounds.last().unwrap();
        Dim::new(size, bounds.len() as i64 - 1, c as i64, Dist::block(bounds[c], bounds[c + 1])).unwrap()
    };
    (0..rows.len() - 1)
        .flat_map(|r| (0..columns.len() - 1).map(move |c| (r, c)))
        .map(|(r, c)| DimData::new([part(rows, r), part(columns, c)]).unwrap())
        .collect()
}

/// Whether the owned boxes cover the global array exactly once.
fn covers_once(parts: &[DimData], shape: [i64; 2]) -> bool {
    let mut count = vec![0; (shape[0] * shape[1]) as usize];
    for part in parts {
        for i in part.dims()[0].owned_runs().indices() {
            for j in part.dims()[1].owned_runs().indices() {
                let Some(slot) = count.get_mut((i * shape[1] + j) as usize) else { return false };
                *slot += 1;
            }
        }
    }
    count.iter().all(|&c| c == 1)
}

#[test]
fn broken_partitions_are_refused_and_whole_ones_accepted() {
    let mut random = Random(0x5eed);
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..400 {
        let grid = [1 + random.below(3), 1 + random.below(3)];
        let mut bounds = grid.map(|procs| {
            let mut inner: Vec<i64> = (1..procs).map(|_| random.below(9)).collect();
            inner.sort_unstable();
            [vec![0], inner, vec![8]].concat()
        });
        bounds[1].dedup_by(|_, _| false);
        let mut parts = block_parts(&bounds);
        if random.below(2) == 1 {
            // Move one edge of one part of one rank.
            let victim = random.below(parts.len() as i64) as usize;
            let axis = random.below(2) as usize;
            let mut dims = parts[victim].dims().to_vec();
            let Dist::Block { start, stop, .. } = *dims[axis].dist() else { unreachable!() };
            let (start, stop) = match random.below(2) {
                0 => ((start + 1).min(stop), stop),
                _ => (start, (stop - 1).max(start)),
            };
            let moved = Dim::new(
                8,
                dims[axis].proc_grid_size(),
                dims[axis].proc_grid_rank(),
                Dist::block(start, stop),
            );
            let Ok(moved) = moved else { continue };
            dims[axis] = moved;
            parts[victim] = DimData::new(dims).unwrap();
        }
        let whole = covers_once(&parts, [8, 8]);
        let consistent = parts.iter().all(|p| {
            let place = p.process_rank();
            let columns = p.dims()[1].proc_grid_size();
            let same = |axis: usize, other: &DimData| {
                other.dims()[axis].proc_grid_rank() != p.dims()[axis].proc_grid_rank()
                    || other.dims()[axis] == p.dims()[axis]
            };
            place < columns * p.dims()[0].proc_grid_size()
                && parts.iter().all(|other| same(0, other) && same(1, other))
        });
        let verdict = verdict(&parts);
        assert_eq!(verdict.is_ok(), whole && consistent, "{parts:?}: {verdict:?}");
        match verdict {
            Ok(()) => accepted += 1,
            Err(error) => {
                assert!(
                    error.rank().is_some() && error.axis().is_some() && error.field().is_some(),
                    "{error}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 80 && accepted > 150, "{refused} {accepted}");
}

fn one(dim: Result<Dim>) -> DimData {
    DimData::new([dim.unwrap()]).unwrap()
}

#[test]
fn each_disagreement_is_named() {
    let block = |rank, start, stop| one(Dim::new(12, 3, rank, Dist::block(start, stop)));
    let good = || vec![block(0, 0, 4), block(1, 4, 8), block(2, 8, 12)];
    verdict(&good()).unwrap();
    let with = |rank: usize, part: DimData| {
        let mut parts = good();
        parts[rank] = part;
        verdict(&parts).unwrap_err()
    };
    let gap = with(1, block(1, 5, 8));
    assert_eq!(
        (gap.rank(), gap.other_rank(), gap.axis(), gap.field(), gap.expected(), gap.found()),
        (Some(1), Some(0), Some(0), Some("start"), Some(4), Some(5)),
        "{gap}"
    );
    let size = with(2, one(Dim::new(13, 3, 2, Dist::block(8, 13))));
    assert_eq!(
        (size.rank(), size.field(), size.expected(), size.found()),
        (Some(2), Some("size"), Some(12), Some(13))
    );
    let kind = with(1, one(Dim::new(12, 3, 1, Dist::cyclic(1, 1))));
    assert_eq!((kind.rank(), kind.field()), (Some(1), Some("dist_type")), "{kind}");
    let twice = with(1, block(0, 0, 4));
    assert_eq!(
        (twice.rank(), twice.field(), twice.rule()),
        (Some(1), Some("proc_grid_rank"), Some("W2")),
        "{twice}"
    );
    let axes = with(
        0,
        DimData::new([Dim::new(12, 3, 0, Dist::block(0, 4)).unwrap(), Dim::whole(2).unwrap()]).unwrap(),
    );
    assert_eq!(
        (axes.rank(), axes.field(), axes.expected(), axes.found()),
        (Some(0), Some("ndim"), Some(1), Some(2))
    );
    let periodic = Dist::Block { start: 4, stop: 8, padding: [0, 0], periodic: true, edge_outside: false };
    let wraps = with(1, one(Dim::new(12, 3, 1, periodic)));
    assert_eq!((wraps.rank(), wraps.field()), (Some(1), Some("periodic")), "{wraps}");
    let padded = with(1, one(Dim::new(12, 3, 1, Dist::padded(3, 8, [1, 0]))));
    assert_eq!((padded.kind(), padded.field()), (distarray::ErrorKind::Halo, Some("padding")), "{padded}");
    // Padding pairs line by line: here only in the second column it does not.
    let corner = |row: i64, column: i64, width: i64| {
        let (start, stop, padding) =
            if row == 0 { (0, 4 + width, [0, width]) } else { (4 - width, 8, [width, 0]) };
        let rows = Dim::new(8, 2, row, Dist::padded(start, stop, padding)).unwrap();
        let columns = Dim::new(6, 2, column, Dist::block(3 * column, 3 * column + 3)).unwrap();
        DimData::new([rows, columns]).unwrap()
    };
    let line = verdict(&[corner(0, 0, 1), corner(0, 1, 2), corner(1, 0, 1), corner(1, 1, 1)]).unwrap_err();
    assert_eq!(
        (line.rank(), line.other_rank(), line.axis(), line.rule(), line.expected(), line.found()),
        (Some(3), Some(1), Some(0), Some("W5"), Some(2), Some(1)),
        "{line}"
    );
    verdict(&[corner(0, 0, 1), corner(0, 1, 2), corner(1, 0, 1), corner(1, 1, 2)]).unwrap();
    let order = ProcGrid::new(GridOrder::ColumnMajor);
    let columns =
        with(2, DimData::with_grid([Dim::new(12, 3, 2, Dist::block(8, 12)).unwrap()], order).unwrap());
    assert_eq!((columns.rank(), columns.field()), (Some(2), Some("grid_order")), "{columns}");
    let small = agreed(2, |comm| Distribution::gather_dim_data(comm, Ok(&good()[comm.rank()])).map(|_| ()));
    let small = small.unwrap_err();
    assert_eq!((small.expected(), small.found(), small.rule()), (Some(2), Some(3), Some("W1")), "{small}");
    // A rank that fails alone takes all others with it.
    let alone = agreed(3, |comm| {
        let mine = good()[comm.rank()].clone();
        let claim = if comm.rank() == 1 { Err(Dim::whole(-1).unwrap_err()) } else { Ok(&mine) };
        Distribution::gather_dim_data(comm, claim).map(|_| ())
    });
    assert_eq!(alone.unwrap_err().rank(), Some(1));
}

#[test]
fn element_types_must_agree() {
    let error = agreed(3, |comm| {
        let d = Distribution::new(comm, [Axis::block(9)]).unwrap();
        let mine = if comm.rank() == 2 {
            d.zeros::<f32>().unwrap().into_any()
        } else {
            d.zeros::<f64>().unwrap().into_any()
        };
        Distribution::gather(comm, &mine).map(|_| ()).unwrap_err()
    });
    assert_eq!((error.rank(), error.field()), (Some(2), Some("dtype")), "{error}");
    assert!(error.to_string().contains("float64 expected, float32 found"), "{error}");
}

#[test]
fn unstructured_indices_are_owned_once() {
    let mut random = Random(7);
    for round in 0..120 {
        let ranks = 1 + random.below(5) as usize;
        let size = random.below(40);
        let mut lists = vec![Vec::new(); ranks];
        for index in 0..size {
            lists[random.below(ranks as i64) as usize].push(index);
        }
        let mut broken = false;
        if round % 2 == 1 && size > 1 {
            // Replace one index by another: one stands twice, one is missing.
            let rank = (0..ranks).find(|&r| !lists[r].is_empty()).unwrap();
            let old = lists[rank][0];
            let new = (old + 1 + random.below(size - 1)) % size;
            lists[rank][0] = new;
            broken = true;
        }
        let part = |rank: usize| {
            Dim::new(
                size,
                ranks as i64,
                rank as i64,
                Dist::Unstructured {
                    num_owned: lists[rank].len() as i64,
                    indices: lists[rank].clone().into(),
                    one_to_one: true,
                },
            )
        };
        let parts: Vec<DimData> = (0..ranks).map(|r| one(part(r))).collect();
        let verdict = verdict(&parts);
        assert_eq!(verdict.is_ok(), !broken, "{lists:?}: {verdict:?}");
        if broken {
            continue;
        }
        comm::threads(ranks, |comm| {
            let d = Distribution::gather_dim_data(&comm, Ok(&parts[comm.rank()])).unwrap();
            assert_eq!(d.owner(&[0]), None);
            let wanted: Vec<i64> = (-1..=size).rev().collect();
            let found = d.owners(0, &wanted).unwrap();
            for (index, found) in wanted.iter().zip(found) {
                let expected = lists.iter().enumerate().find_map(|(rank, list)| {
                    list.iter().position(|i| i == index).map(|at| (rank as i64, at as i64))
                });
                assert_eq!(found, expected, "{index}");
            }
        });
    }
    // Ranks that disagree about the kind still make the same collective calls.
    let list = |one_to_one: bool, rank: i64| {
        let indices = vec![2 * rank, 2 * rank + 1].into();
        one(Dim::new(4, 2, rank, Dist::Unstructured { indices, num_owned: 2, one_to_one }))
    };
    let kinds = verdict(&[list(true, 0), one(Dim::new(4, 2, 1, Dist::block(2, 4)))]).unwrap_err();
    assert_eq!(kinds.field(), Some("dist_type"), "{kinds}");
    let promises = verdict(&[list(true, 0), list(false, 1)]).unwrap_err();
    assert_eq!(promises.field(), Some("one_to_one"), "{promises}");
    // A size that is garbage is refused at once, and a list on one rank alone is not.
    let few = |size: i64, rank: i64, indices: Vec<i64>| {
        let num_owned = indices.len() as i64;
        one(Dim::new(
            size,
            2,
            rank,
            Dist::Unstructured { indices: indices.into(), num_owned, one_to_one: true },
        ))
    };
    let garbage = verdict(&[few(1 << 62, 0, vec![0, 1]), few(1 << 62, 1, vec![2, 3])]).unwrap_err();
    assert_eq!((garbage.field(), garbage.rule()), (Some("size"), Some("W6")), "{garbage}");
    let all = 3 << 16;
    verdict(&[few(all, 0, (0..all).collect()), few(all, 1, Vec::new())]).unwrap();
    // Ranks that ask along different axes are told so.
    let apart = agreed(2, |comm| {
        let rank = comm.rank();
        let d = Distribution::new(comm, [Axis::unstructured(2, [rank as i64]).on(2), Axis::whole(3)])?;
        d.owners(rank, &[1])
    });
    assert_eq!(apart.unwrap_err().field(), Some("axis"));
    let none = agreed(2, |comm| Distribution::new(comm, [Axis::block(4)])?.owners(7, &[]));
    assert_eq!(none.unwrap_err().field(), Some("axis"));
    // Labels outside 0..size are legal, as long as each is owned once.
    let labels = [vec![-1, -2], vec![100, 7]];
    let parts: Vec<DimData> = (0..2)
        .map(|r| {
            let indices = labels[r].clone().into();
            one(Dim::new(4, 2, r as i64, Dist::Unstructured { indices, num_owned: 2, one_to_one: true }))
        })
        .collect();
    verdict(&parts).unwrap();
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
fn a_grid_of_a_million_ranks_costs_no_more_than_one_of_four() {
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
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/protocol/grid_shape.json");
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let ints = |key: &str| -> Vec<i64> {
            case[key].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
        };
        let dist: Vec<&str> = case["dist"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        if dist.iter().any(|d| !["b", "c", "u", "n"].contains(d)) {
            assert!(case["error"].is_string());
            continue;
        }
        let distributed: Vec<bool> = dist.iter().map(|d| *d != "n").collect();
        let found = distarray_grid_shape(&ints("shape"), &distributed, case["comm_size"].as_i64().unwrap());
        match case["result"].as_array() {
            Some(_) => assert_eq!(found.as_deref(), Ok(&ints("result")[..]), "{case}"),
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
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/protocol/maps.json");
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let ints = |json: &serde_json::Value| -> Vec<i64> {
        json.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
    };
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
