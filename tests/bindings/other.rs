//! The vectors that pylops-mpi and NumPy made, and the files that `DistArray` wrote.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::case::{Answer, Cases, all_say, same};
use super::files::answer_bytes;
use super::part::{Axis, EDGE_OUTSIDE};
use super::spec::{ints, written_out};

pub fn cases() -> Cases {
    let mut cases = Cases::default();
    halos(&mut cases);
    redistributions(&mut cases);
    edges(&mut cases);
    files(&mut cases);
    corrupt_files(&mut cases);
    cases
}

fn data(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file)
}

fn read(file: &str) -> Json {
    serde_json::from_slice(&fs::read(data(file)).unwrap()).unwrap()
}

/// The positions that runs stand for.
fn positions(runs: &Json) -> Vec<i64> {
    let run = |run: &[i64]| -> Vec<i64> {
        let step = i64::from(run[0] >= 0);
        (0..run[1]).map(|i| run[0] + i * step).collect()
    };
    ints(runs).chunks(2).flat_map(run).collect()
}

/// Blocks that end at bounds, with a halo, as driver.h spells an axis to be dealt.
fn blocks(bounds: &[i64], halo: [i64; 2], flags: i64) -> Vec<i64> {
    let grid = bounds.len() as i64 - 1;
    let mut axis = vec![i64::from(b'b'), flags, bounds[bounds.len() - 1], grid, 0, 0, halo[0], halo[1]];
    axis.push(bounds.len() as i64);
    axis.extend(bounds);
    axis
}

fn dealing(grid: &[i64], axes: &[Vec<i64>]) -> Vec<i64> {
    let ndim = grid.len() as i64;
    [vec![1, ndim, 1, ndim], grid.to_vec(), axes.concat()].concat()
}

/// The coordinates of a rank on a row-major grid.
fn place_of(rank: usize, grid: &[i64]) -> Vec<usize> {
    let mut rest = rank as i64;
    let mut place: Vec<usize> = grid
        .iter()
        .rev()
        .map(|extent| {
            let at = rest % extent;
            rest /= extent;
            at as usize
        })
        .collect();
    place.reverse();
    place
}

fn halos(cases: &mut Cases) {
    let file = read("pylops/halos.json");
    for case in file["cases"].as_array().unwrap() {
        let id = format!("halo {}", case["id"].as_str().unwrap());
        let grid = ints(&case["grid"]);
        let padding: Vec<Vec<i64>> = case["padding"].as_array().unwrap().iter().map(ints).collect();
        // The original has no cells outside the edges in some cases; here every rank
        // has them, and what both have is compared.
        let widest = |side: usize| padding.iter().map(|widths| widths[side]).max().unwrap();
        let widest: Vec<i64> = (0..2 * grid.len()).map(widest).collect();
        let axis = |(axis, bounds): (usize, &Json)| {
            blocks(&ints(bounds), [widest[2 * axis], widest[2 * axis + 1]], EDGE_OUTSIDE)
        };
        let axes: Vec<Vec<i64>> = case["bounds"].as_array().unwrap().iter().enumerate().map(axis).collect();
        let bounds: Vec<Vec<i64>> = case["bounds"].as_array().unwrap().iter().map(ints).collect();
        let local: Vec<Vec<i64>> = case["local"].as_array().unwrap().iter().map(positions).collect();
        let lines = vec![([vec![0], dealing(&grid, &axes)].concat(), ""); padding.len()];
        cases.ask(id, "halo", &lines, move |answers| {
            for (rank, answer) in answers.iter().enumerate() {
                same(&answer.refusal, &None, "refuses")?;
                let place = place_of(rank, &grid);
                let mut kept = vec![Vec::new(); grid.len()];
                let mut extents = vec![0; grid.len()];
                for axis in 0..grid.len() {
                    let at = place[axis];
                    let [before, after] = [widest[2 * axis], widest[2 * axis + 1]];
                    extents[axis] = bounds[axis][at + 1] - bounds[axis][at] + before + after;
                    let own = &padding[rank][2 * axis..];
                    kept[axis] = (before - own[0]..extents[axis] - (after - own[1])).collect();
                }
                let inside = super::part::product(&kept);
                let found =
                    inside.iter().map(|index| answer.said[super::part::number(index, &extents) as usize]);
                // Outside the edges nothing was written.
                let found: Vec<i64> = found.map(|number| if number == -7 { -1 } else { number }).collect();
                same(&found, &local[rank], &format!("rank {rank} holds"))?;
            }
            Ok(())
        });
    }
}

fn redistributions(cases: &mut Cases) {
    let file = read("pylops/redistributions.json");
    for case in file["cases"].as_array().unwrap() {
        let id = format!("cut {}", case["id"].as_str().unwrap());
        let (shape, cut) = (ints(&case["shape"]), ints(&case["axes"]));
        let sides = ["before", "after"].map(|side| ints(&case[side]));
        let ranks = sides[0].len() as i64 - 1;
        let dealt = |cut: i64, bounds: &[i64]| {
            let mut grid = vec![1; shape.len()];
            grid[cut as usize] = ranks;
            let axis = |axis: usize| match axis == cut as usize {
                true => blocks(bounds, [0, 0], 0),
                false => blocks(&[0, shape[axis]], [0, 0], 0),
            };
            dealing(&grid, &(0..shape.len()).map(axis).collect::<Vec<_>>())
        };
        let dtype = match case["dtype"].as_str().unwrap() {
            "float64" => [2, 64],
            "complex64" => [5, 64],
            other => panic!("{other} is not in the file"),
        };
        let layouts = [dealt(cut[0], &sides[0]), dealt(cut[1], &sides[1])].concat();
        let line = |rank: i64| {
            let head = vec![rank, rank, dtype[0], dtype[1], 0, shape.len() as i64];
            ([head, layouts.clone()].concat(), "")
        };
        let lines: Vec<_> = (0..ranks).map(line).collect();
        let local: Vec<Vec<i64>> = case["local"].as_array().unwrap().iter().map(positions).collect();
        cases.ask(id, "move", &lines, move |answers| {
            let elements = |answer: &Answer| Answer {
                said: answer.said[3.min(answer.said.len())..].to_vec(),
                ..answer.clone()
            };
            all_say(&answers.iter().map(elements).collect::<Vec<_>>(), None, &local)
        });
    }
}

/// What numpy.pad writes around an array, around the array that ranks hold together.
fn edges(cases: &mut Cases) {
    const CONSTANT: i64 = -9; // numpy's was -7, which here is what nothing was written to
    let grids = [[1, 1], [2, 1], [1, 3], [2, 2]];
    for (number, case) in read("numpy/pad.json")["cases"].as_array().unwrap().iter().enumerate() {
        let grid = grids[number % grids.len()];
        let (shape, padded) = (ints(&case["shape"]), ints(&case["padded"]));
        let widths: Vec<Vec<i64>> = case["widths"].as_array().unwrap().iter().map(ints).collect();
        let modes = case["modes"].as_array().unwrap().iter().map(|mode| match mode.as_str().unwrap() {
            "constant" => 1,
            "edge" => 2,
            "reflect" => 3,
            "symmetric" => 4,
            other => panic!("no mode {other}"),
        });
        let bounds: Vec<Vec<i64>> =
            shape.iter().zip(grid).map(|(n, p)| (0..=p).map(|c| n * c / p).collect()).collect();
        let axes: Vec<Vec<i64>> = bounds
            .iter()
            .zip(&widths)
            .map(|(bounds, w)| blocks(bounds, [w[0], w[1]], EDGE_OUTSIDE))
            .collect();
        let head = [vec![2], modes.collect()].concat();
        let lines = vec![([head, dealing(&grid, &axes)].concat(), ""); (grid[0] * grid[1]) as usize];
        let whole: Vec<i64> = shape.iter().zip(&widths).map(|(n, w)| n + w[0] + w[1]).collect();
        // A halo that is narrower on the other side may not hold what a mirror shows.
        let alike = widths.iter().all(|sides| sides[0] == sides[1]);
        cases.ask(format!("pad {number}"), "halo", &lines, move |answers| {
            for (rank, answer) in answers.iter().enumerate() {
                if !alike && answer.refusal.as_ref().is_some_and(|r| r.kind.as_deref() == Some("HALO")) {
                    continue;
                }
                same(&answer.refusal, &None, "refuses")?;
                let place = place_of(rank, &grid);
                let held = |axis: usize| -> Vec<i64> {
                    let [start, stop] = [0, 1].map(|end| bounds[axis][place[axis] + end]);
                    (start..stop + widths[axis][0] + widths[axis][1]).collect()
                };
                let inside = super::part::product(&[held(0), held(1)]);
                let expected = inside.iter().map(|index| padded[super::part::number(index, &whole) as usize]);
                let expected: Vec<i64> = expected.map(|n| if n == -7 { CONSTANT } else { n }).collect();
                same(&answer.said, &expected, &format!("rank {rank} holds"))?;
            }
            Ok(())
        });
    }
}

fn files(cases: &mut Cases) {
    for file in read("dnpy/manifest.json")["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap().to_owned();
        let id = format!("file {name}");
        if name == "synthetic/n_dist.dnpy" {
            cases.leave_out(id, "'n' is read by lenient readers alone");
            continue;
        }
        let original = fs::read(data("dnpy").join(&name)).unwrap();
        let shape = ints(&file["shape"]);
        // What the protocol does not know is ignored (T8).
        let known = |dict: &Json| {
            let mut dict = dict.clone();
            dict.as_object_mut().unwrap().remove("name");
            dict
        };
        let dims = file["dim_data"].as_array().unwrap().iter().map(known);
        let axes: Vec<Axis> =
            dims.zip(&shape).map(|(dict, n)| Axis::of(&dict, Some(*n)).unwrap().written_out()).collect();
        let stated: Vec<i64> = axes.iter().flat_map(Axis::numbers).collect();
        let (itemsize, sum) = (
            file["itemsize"].as_i64().unwrap(),
            file.get("data_sha256_c_order_le").unwrap_or(&file["data_sha256_c_order"]).clone(),
        );
        cases.ask_file(&id, &original.clone(), move |answer| {
            same(&answer.refusal, &None, "refuses")?;
            let (said, bytes) = answer.said.split_at(answer.said.len() - answer_bytes(answer));
            same(&said[2], &itemsize, "has elements of bytes")?;
            same(&written_out(said)[4..].to_vec(), &stated, "says")?;
            let bytes: Vec<u8> = bytes.iter().map(|byte| *byte as u8).collect();
            let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            match name.as_str() {
                "synthetic/dtype_bool_odd_bytes.dnpy" => same(&bytes, &vec![0, 1, 1, 1, 0, 1], "holds")?,
                // Its sum took in padding that NumPy leaves uninitialised; the file has zeros.
                "synthetic/dtype_struct_aligned.dnpy" => same(&bytes, &vec![0; 96], "holds")?,
                _ => same(&json!(hash), &sum, "holds bytes of sum")?,
            }
            // What Context.save_dnpy wrote is written again byte for byte.
            if name.starts_with("real/") {
                same(&(answer.written == original), &true, "writes the same:")
            } else {
                Ok(())
            }
        });
    }
}

fn corrupt_files(cases: &mut Cases) {
    for file in read("dnpy/corrupt/manifest.json")["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let id = format!("corrupt {name}");
        if !["must", "should"].contains(&file["reject"].as_str().unwrap()) {
            cases.leave_out(id, "may be read or refused");
            continue;
        }
        let bytes = fs::read(data("dnpy/corrupt").join(name)).unwrap();
        cases.ask_file(&id, &bytes, |answer| match &answer.refusal {
            Some(refusal) => same(&refusal.field.is_some(), &true, "names a place:"),
            None => Err("reads it".into()),
        });
    }
}
