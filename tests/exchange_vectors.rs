//! Plans, halos and redistributions that other systems made, reproduced: DistArray's
//! redistribution plans, pylops-mpi's ghost cells, halos and redistributions.
#![allow(clippy::cast_possible_truncation)] // small numbers of the files

use std::collections::BTreeMap;

use distarray::array::{DistArray, Element};
use distarray::comm;
use distarray::distribution::{Axis, Decomposition, Distribution, Grid};
use distarray::exchange::{AxisPart, Halo, Message, Plan, Redistribution};
use num_complex::Complex;
use serde_json::Value;

fn read(file: &str) -> Value {
    let path = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<i64> {
    list(value).iter().map(|number| number.as_i64().unwrap()).collect()
}

/// A layout that `DistArray` states, its grid and the engines that hold it.
struct Layout {
    decomposition: Decomposition,
    engines: Vec<i64>,
}

impl Layout {
    fn new(stated: &Value) -> Self {
        let parts = list(&stated["dim_data_per_rank"]);
        let grid = numbers(&stated["grid_shape"]);
        let axis = |axis: usize| {
            // An axis that is not dealt out states no start.
            let mut starts: Vec<i64> =
                parts.iter().map(|part| part[axis]["start"].as_i64().unwrap_or(0)).collect();
            starts.sort_unstable();
            starts.dedup();
            starts.push(parts[0][axis]["size"].as_i64().unwrap());
            Axis::bounds(starts)
        };
        let axes: Vec<Axis> = (0..grid.len()).map(axis).collect();
        let decomposition = Decomposition::new(&axes, &Grid::exact(grid), parts.len()).unwrap();
        Self { decomposition, engines: numbers(&stated["targets"]) }
    }
}

/// First and one past the last of the global indices of a message along each axis.
fn intervals(message: &Message<'_>, source: &Decomposition, rank: i64) -> Vec<[i64; 2]> {
    let (coordinates, _) = source.coordinates(rank).unwrap();
    let along = |(axis, part): (usize, &AxisPart<'_>)| {
        let [piece] = part.pieces else { panic!("two blocks meet in one piece, not in {:?}", part.pieces) };
        assert_eq!(piece.count, 1);
        let start = source.axis_map(axis).unwrap().global_of(coordinates[axis], piece.mine).unwrap();
        [start, start + piece.len]
    };
    message.axes.iter().enumerate().map(along).collect()
}

#[test]
fn plans_are_those_of_distarray() {
    let file = read("protocol/redistributions.json");
    let (mut compared, mut flat, mut refused) = (0, 0, 0);
    for case in list(&file["cases"]) {
        if case.get("error").is_some() {
            refused += 1; // cyclic axes, axes that are not distributed
            continue;
        }
        let same_shape = case["same_shape"] == true;
        *(if same_shape { &mut compared } else { &mut flat }) += 1;
        let layout = |name: &str| Layout::new(&file["distributions"][case[name].as_str().unwrap()]);
        let (from, to) = (layout("from"), layout("to"));
        // The original numbers the engines of both sides together.
        let mut union = [from.engines.clone(), to.engines.clone()].concat();
        union.sort_unstable();
        union.dedup();
        let number = |engines: &[i64], rank: i64| {
            union.iter().position(|engine| *engine == engines[rank as usize]).unwrap() as i64
        };
        let rank_in = |entry: &Value, name: &str| entry[name].as_i64().unwrap();
        if !same_shape {
            // Reshaped in C order: how many elements each pair of ranks shares.
            let mut shared = BTreeMap::new();
            for rank in 0..from.engines.len() as i64 {
                let plan = Plan::reshape(&from.decomposition, &to.decomposition, rank).unwrap();
                for message in plan.sends() {
                    let pair = (number(&from.engines, rank), number(&to.engines, message.rank));
                    assert!(shared.insert(pair, message.elements()).is_none(), "two messages of one pair");
                }
            }
            let mut expected = BTreeMap::new();
            for entry in list(&case["plan"]) {
                let pair = (rank_in(entry, "source_rank"), rank_in(entry, "dest_rank"));
                let elements: i64 =
                    list(&entry["indices"]).iter().map(|i| numbers(i)[1] - numbers(i)[0]).sum();
                *expected.entry(pair).or_insert(0) += elements;
            }
            assert_eq!(shared, expected, "{} to {}", case["from"], case["to"]);
            continue;
        }
        let mut found = BTreeMap::new();
        for rank in 0..from.engines.len() as i64 {
            let plan = Plan::for_rank(&from.decomposition, &to.decomposition, rank).unwrap();
            for message in plan.sends() {
                let pair = (number(&from.engines, rank), number(&to.engines, message.rank));
                let indices = intervals(&message, &from.decomposition, rank);
                assert!(found.insert(pair, indices).is_none(), "two messages of one pair");
            }
        }
        let interval = |slice: &Value| {
            let [start, stop, 1] = numbers(slice)[..] else { panic!("{slice}") };
            [start, stop]
        };
        let expected: BTreeMap<_, _> = list(&case["plan"])
            .iter()
            .map(|entry| {
                let pair = (rank_in(entry, "source_rank"), rank_in(entry, "dest_rank"));
                (pair, list(&entry["indices"]).iter().map(interval).collect())
            })
            .collect();
        assert_eq!(found, expected, "{} to {}", case["from"], case["to"]);
    }
    println!(
        "{compared} plans and {flat} that reshape compared; left out: {refused} that the original refuses"
    );
    assert_eq!((compared, flat, refused), (36, 58, 38));
}

/// The positions that runs stand for.
fn positions(runs: &Value) -> Vec<i64> {
    let run = |run: &[i64]| -> Vec<i64> {
        let step = i64::from(run[0] >= 0);
        (0..run[1]).map(|i| run[0] + i * step).collect()
    };
    numbers(runs).chunks(2).flat_map(run).collect()
}

/// Position in C order of an index.
fn position(shape: &[i64], index: &[i64]) -> i64 {
    shape.iter().zip(index).fold(0, |sum, (extent, at)| sum * extent + at)
}

#[test]
fn halos_are_those_of_pylops_mpi() {
    let file = read("pylops/halos.json");
    let cases = list(&file["cases"]);
    for case in cases {
        let (shape, grid) = (numbers(&case["shape"]), numbers(&case["grid"]));
        let padding: Vec<Vec<i64>> = list(&case["padding"]).iter().map(numbers).collect();
        // The original has no cells outside the edges in some cases; we have them on
        // every rank, and compare what both have.
        let widest = |side: usize| padding.iter().map(|widths| widths[side]).max().unwrap();
        let axis = |(axis, bounds): (usize, &Value)| {
            let axis_ = Axis::bounds(numbers(bounds)).halo_sides(widest(2 * axis), widest(2 * axis + 1));
            axis_.edge_outside()
        };
        let axes: Vec<Axis> = list(&case["bounds"]).iter().enumerate().map(axis).collect();
        comm::threads(padding.len(), |comm| {
            let d = Distribution::on_grid(&comm, axes.clone(), Grid::exact(grid.clone())).unwrap();
            let mut u = d.full(-1_i64).unwrap();
            let owned = |axis: usize| d.dim_data().dims()[axis].owned_runs().indices().collect::<Vec<_>>();
            let owned: Vec<Vec<i64>> = (0..shape.len()).map(owned).collect();
            for (at, element) in u.owned_mut().unwrap().indexed_iter_mut() {
                let index: Vec<i64> = (0..shape.len()).map(|axis| owned[axis][at[axis]]).collect();
                *element = position(&shape, &index);
            }
            Halo::new(&d).unwrap().update(&mut u).unwrap();
            let mut view = u.view();
            let own = &padding[comm.rank()];
            for axis in 0..shape.len() {
                let length = view.shape()[axis] as i64;
                let begin = widest(2 * axis) - own[2 * axis];
                let end = length - (widest(2 * axis + 1) - own[2 * axis + 1]);
                view.slice_axis_inplace(
                    ndarray::Axis(axis),
                    ndarray::Slice::from(begin as isize..end as isize),
                );
            }
            let found: Vec<i64> = view.iter().copied().collect();
            let expected = positions(&case["local"][comm.rank()]);
            assert_eq!(found, expected, "{} on rank {}", case["id"], comm.rank());
        });
    }
    println!("{} halos compared; left out: {}", cases.len(), file["left_out"]);
    assert_eq!(cases.len(), 333);
}

/// One redistribution of elements that say where they stand.
fn redistributes<T: Element + PartialEq + std::fmt::Debug>(case: &Value, element: fn(i64) -> T) {
    let shape = numbers(&case["shape"]);
    let cut = numbers(&case["axes"]);
    let (before, after) = (numbers(&case["before"]), numbers(&case["after"]));
    let ranks = before.len() - 1;
    let layout = |cut: i64, bounds: &[i64]| {
        let mut grid = vec![1; shape.len()];
        let mut axes: Vec<Axis> = shape.iter().map(|&size| Axis::whole(size)).collect();
        grid[cut as usize] = ranks as i64;
        axes[cut as usize] = Axis::bounds(bounds);
        (axes, Grid::exact(grid))
    };
    let (from, to) = (layout(cut[0], &before), layout(cut[1], &after));
    comm::threads(ranks, |comm| {
        let source = Distribution::on_grid(&comm, from.0.clone(), from.1.clone()).unwrap();
        let target = Distribution::on_grid(&comm, to.0.clone(), to.1.clone()).unwrap();
        let a: DistArray<T> = source.from_fn(|index| element(position(&shape, index))).unwrap();
        let b = Redistribution::new(&source, &target).unwrap().apply(&a).unwrap();
        let found: Vec<T> = b.view().iter().copied().collect();
        let expected: Vec<T> = positions(&case["local"][comm.rank()]).into_iter().map(element).collect();
        assert_eq!(found, expected, "{} on rank {}", case["id"], comm.rank());
    });
}

#[test]
fn redistributions_are_those_of_pylops_mpi() {
    let file = read("pylops/redistributions.json");
    let cases = list(&file["cases"]);
    for case in cases {
        match case["dtype"].as_str().unwrap() {
            "float64" => redistributes(case, |at| at as f64),
            "complex64" => redistributes(case, |at| Complex::new(at as f32, -1.0 - at as f32)),
            other => panic!("{other} is not in the file"),
        }
    }
    println!("{} redistributions compared; left out: {}", cases.len(), file["left_out"]);
    assert_eq!(cases.len(), 74);
}
