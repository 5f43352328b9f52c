//! The collective check of a distribution, against brute force.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "common/agreed.rs"]
mod agreed;
#[path = "common/random.rs"]
mod random;

use agreed::agreed;
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Claim, Distribution, faults};
use distarray::protocol::{Dim, DimData, Dist, GridOrder, ProcGrid};
use distarray::{Error, Result};
use random::Random;

/// The verdict on a set of parts, one per rank, the same on all of them and where
/// one process holds them all.
fn verdict(parts: &[DimData]) -> std::result::Result<(), Error> {
    let gather = |comm: &Comm| Distribution::gather_dim_data(comm, Ok(&parts[comm.rank()])).map(drop);
    let verdict = agreed(parts.len(), gather);
    let claims: Vec<Claim<'_>> = parts.iter().map(Claim::of).collect();
    assert_eq!(faults(&claims).first(), verdict.as_ref().err());
    verdict
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
        let grid = [random.within(1, 3), random.within(1, 3)];
        let bounds = grid.map(|procs| {
            let mut inner: Vec<i64> = (1..procs).map(|_| random.within(0, 8)).collect();
            inner.sort_unstable();
            [vec![0], inner, vec![8]].concat()
        });
        let mut parts = block_parts(&bounds);
        if random.chance(2) {
            // Move one edge of one part of one rank.
            let victim = random.within(0, parts.len() as i64 - 1) as usize;
            let axis = random.within(0, 1) as usize;
            let mut dims = parts[victim].dims().to_vec();
            let Dist::Block { start, stop, .. } = *dims[axis].dist() else { unreachable!() };
            let (start, stop) = match random.chance(2) {
                true => ((start + 1).min(stop), stop),
                false => (start, (stop - 1).max(start)),
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
        let ranks = random.within(1, 5) as usize;
        let size = random.within(0, 39);
        let mut lists = vec![Vec::new(); ranks];
        for index in 0..size {
            lists[random.within(0, ranks as i64 - 1) as usize].push(index);
        }
        let mut broken = false;
        if round % 2 == 1 && size > 1 {
            // Replace one index by another: one stands twice, one is missing.
            let rank = (0..ranks).find(|&r| !lists[r].is_empty()).unwrap();
            let old = lists[rank][0];
            let new = (old + 1 + random.within(0, size - 2)) % size;
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
