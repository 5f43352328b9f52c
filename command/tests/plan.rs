//! What `distarray plan` counts, against every element by hand and the library's plan of
//! every rank.

mod common;
#[path = "common/deal.rs"]
mod deal;

use std::collections::BTreeMap;

use common::distarray;
use deal::{Deal, Numbers};
use distarray::distribution::{Axis, Decomposition, Grid};
use distarray::exchange::{Message, Plan};
use serde_json::{Value as Json, json};

/// Messages from rank to rank, and their elements.
type Traffic = BTreeMap<(i64, i64), i64>;

/// Checks sums, and each rank's numbers, of the JSON against messages.
fn check(found: &Json, traffic: &Traffic, itemsize: i64, what: &str) {
    assert_eq!(found["exact"], true, "{what}");
    let ranks = found["ranks"].as_i64().unwrap();
    let mut sent = 0;
    for rank in 0..ranks {
        let of =
            |own: bool| traffic.iter().filter(move |((from, to), _)| *from == rank && (from == to) == own);
        let bytes = |own: bool| of(own).map(|(_, n)| n * itemsize).sum::<i64>();
        let received = traffic.iter().filter(|((from, to), _)| *to == rank && from != to);
        let expected = json!({
            "rank": rank,
            "copied": bytes(true),
            "sent": bytes(false),
            "received": received.map(|(_, n)| n * itemsize).sum::<i64>(),
            "messages": of(false).count(),
            "largest": of(false).map(|(_, n)| n * itemsize).max().unwrap_or(0),
        });
        assert_eq!(found["each_rank"][usize::try_from(rank).unwrap()], expected, "{what}");
        sent += bytes(false);
    }
    assert_eq!(found["sent"]["total"], sent, "{what}");
    assert_eq!(found["received"]["total"], sent, "{what}");
    let messages = traffic.keys().filter(|(from, to)| from != to).count();
    assert_eq!(found["messages"]["total"], messages, "{what}");
}

/// Grids of one, two and three axes, and shapes for them.
const CASES: [(&[i64], &[i64], &[i64]); 9] = [
    (&[23], &[4], &[4]),
    (&[40], &[7], &[3]),
    (&[1], &[3], &[2]),
    (&[9, 11], &[2, 3], &[2, 3]),
    (&[9, 11], &[2, 3], &[3, 2]),
    (&[8, 6], &[6, 1], &[1, 6]),
    (&[5, 4, 6], &[2, 2, 2], &[4, 1, 2]),
    (&[5, 4, 6], &[3, 1, 2], &[1, 3, 2]),
    (&[0, 4], &[2, 1], &[1, 2]),
];

#[test]
fn redistributions_are_those_of_every_element() {
    let mut numbers = Numbers(1);
    for round in 0..16 {
        for (shape, from, to) in CASES {
            let mut axes: Vec<usize> = (0..shape.len()).collect();
            if round % 2 == 1 {
                axes.rotate_left(1);
            }
            let turned: Vec<i64> = axes.iter().map(|&axis| shape[axis]).collect();
            let (source, target) =
                (Deal::random(&mut numbers, shape, from), Deal::random(&mut numbers, &turned, to));
            let mut traffic = Traffic::new();
            for index in source.indices() {
                let there: Vec<i64> = axes.iter().map(|&axis| index[axis]).collect();
                *traffic.entry((source.rank(&index), target.rank(&there))).or_default() += 1;
            }
            let permute: Vec<String> = axes.iter().map(usize::to_string).collect();
            let (source, target) = (source.text(), target.text());
            let found = distarray([
                "plan",
                &source,
                &target,
                "--permute",
                &permute.join(","),
                "--itemsize",
                "3",
                "--json",
            ]);
            check(&found.json(0), &traffic, 3, &format!("{source} -> {target} {permute:?}"));
        }
    }
}

fn collected<'m>(rank: i64, messages: impl Iterator<Item = Message<'m>>, traffic: &mut Traffic) {
    traffic.extend(messages.map(|message| ((rank, message.rank), message.elements())));
}

#[test]
fn larger_redistributions_are_those_of_the_plan_of_every_rank() {
    let n = 4096;
    let cases: [(&str, Vec<Axis>, &[i64]); 6] = [
        ("b,b on 12x8", vec![Axis::block(n), Axis::block(n + 1)], &[12, 8]),
        (
            "c64,c32@3/5 on 8x12",
            vec![Axis::cyclic(n, 64), Axis::cyclic(n + 1, 32).first_process(3).first_block(5)],
            &[8, 12],
        ),
        ("c,n on 96x1", vec![Axis::cyclic(n, 1), Axis::whole(n + 1)], &[96, 1]),
        ("n,b on 1x96", vec![Axis::whole(n), Axis::block(n + 1)], &[1, 96]),
        ("c48,ceil on 6x16", vec![Axis::cyclic(n, 48), Axis::ceil_block(n + 1)], &[6, 16]),
        ("b500,c7 on 12x8", vec![Axis::blocks_of(n, 500), Axis::cyclic(n + 1, 7)], &[12, 8]),
    ];
    let layouts =
        cases.map(|(text, axes, grid)| (text, Decomposition::new(&axes, &Grid::exact(grid), 96).unwrap()));
    for (from, source) in &layouts {
        for (to, target) in &layouts {
            let mut traffic = Traffic::new();
            for rank in 0..96 {
                let plan = Plan::for_rank(source, target, rank).unwrap();
                collected(rank, plan.sends(), &mut traffic);
            }
            let found = distarray(["plan", &format!("{n}x{} {from}", n + 1), to, "--json"]);
            check(&found.json(0), &traffic, 8, &format!("{from} -> {to}"));
        }
    }
}

#[test]
fn halos_are_those_of_every_element() {
    let cases: [(&str, Vec<Axis>, &[i64]); 9] = [
        ("13 b+2 on 4", vec![Axis::block(13).halo(2)], &[4]),
        ("13 b+2p on 4", vec![Axis::block(13).halo(2).periodic()], &[4]),
        ("13 b+3:1o on 4", vec![Axis::block(13).halo_sides(3, 1).edge_outside()], &[4]),
        ("5 b+2p on 1", vec![Axis::block(5).halo(2).periodic()], &[1]),
        ("5 b+4p on 3", vec![Axis::block(5).halo(4).periodic()], &[3]),
        ("9 b(0,4,4,9)+1p on 3", vec![Axis::bounds([0, 4, 4, 9]).halo(1).periodic()], &[3]),
        ("9x8 b+1,b+1p on 2x3", vec![Axis::block(9).halo(1), Axis::block(8).halo(1).periodic()], &[2, 3]),
        (
            "9x8 b+1p,b+2p on 2x1",
            vec![Axis::block(9).halo(1).periodic(), Axis::block(8).halo(2).periodic()],
            &[2, 1],
        ),
        (
            "6x7x8 b+1,n,b+2o on 3x1x2",
            vec![Axis::block(6).halo(1), Axis::whole(7), Axis::block(8).halo(2).edge_outside()],
            &[3, 1, 2],
        ),
    ];
    for (text, axes, grid) in cases {
        let ranks: i64 = grid.iter().product();
        let count = usize::try_from(ranks).unwrap();
        let decomposition = Decomposition::new(&axes, &Grid::exact(grid), count).unwrap();
        for corners in [false, true] {
            let mut traffic = Traffic::new();
            for rank in 0..ranks {
                let part = decomposition.part(&axes, rank).unwrap();
                let positions = part.held_shape().iter().fold(vec![Vec::new()], |all, &len| {
                    all.iter()
                        .flat_map(|at: &Vec<i64>| (0..len).map(move |i| [at.as_slice(), &[i]].concat()))
                        .collect()
                });
                for at in positions {
                    let dims = part.dims().iter().zip(&at);
                    let in_halos = dims.clone().filter(|(dim, i)| !dim.owned_local().contains(i)).count();
                    if in_halos == 0 || (!corners && in_halos > 1) {
                        continue;
                    }
                    let owner = dims.enumerate().map(|(axis, (dim, &i))| {
                        decomposition.axis_map(axis)?.owner(dim.inside(dim.global_of(i)?)?)
                    });
                    // Outside the array there is no owner.
                    if let Some(owner) = owner.collect::<Option<Vec<i64>>>() {
                        *traffic.entry((decomposition.rank_at(&owner, 0), rank)).or_default() += 1;
                    }
                }
            }
            let mut arguments = vec!["plan", text, "--halo", "--json"];
            arguments.extend(corners.then_some("--corners"));
            check(&distarray(arguments).json(0), &traffic, 8, &format!("{text} corners {corners}"));
        }
    }
}

#[test]
fn a_million_ranks_are_counted_exactly() {
    let n: i64 = 1024 * 1000;
    let grid = Grid::exact([1000, 1000]);
    let deal = |axis: fn(i64) -> Axis| Decomposition::new(&[axis(n), axis(n)], &grid, 1_000_000).unwrap();
    let (blocks, cyclic) = (deal(Axis::block), deal(|n| Axis::cyclic(n, 64)));
    let from = format!("{n}x{n} b,b on 1000x1000");
    let found = distarray(["plan", &from, "c64,c64", "--json", "--rank", "123456"]).json(0);
    assert_eq!((&found["exact"], &found["ranks"]), (&json!(true), &json!(1_000_000)));
    let total = |field: &str| found[field]["total"].as_i64().unwrap();
    assert_eq!(total("copied") + total("sent"), n * n * 8);
    // What stays is a product of what stays along the axes, and that is the sum over a line.
    let line = |n: i64| -> i64 { (0..n).filter(|i| i / 1024 == i / 64 % 1000).count().try_into().unwrap() };
    assert_eq!(total("copied"), line(n) * line(n) * 8);
    let plan = Plan::for_rank(&blocks, &cyclic, 123_456).unwrap();
    for (side, messages) in
        [("sends", plan.sends().collect::<Vec<_>>()), ("receives", plan.receives().collect())]
    {
        let mut expected: Vec<(i64, i64)> = messages.iter().map(|m| (m.rank, m.elements() * 8)).collect();
        expected.sort_unstable();
        let listed = found["of_rank"][side].as_array().unwrap().iter();
        let listed: Vec<_> =
            listed.map(|m| (m["rank"].as_i64().unwrap(), m["bytes"].as_i64().unwrap())).collect();
        assert_eq!(listed, expected, "{side}");
    }
}

#[test]
fn an_estimate_says_that_it_is_one() {
    let found = distarray(["plan", "100_000_000_000 b+2p on 2147483647", "--halo", "--json"]).json(0);
    assert_eq!(found["exact"], false);
    // Two messages of two elements from every rank: all are alike, so the estimate is exact.
    assert_eq!(found["messages"]["total"], 2 * 2_147_483_647_i64);
    assert_eq!(found["sent"]["total"], 4 * 8 * 2_147_483_647_i64);
    let said = distarray(["plan", "100_000_000_000 b+2p on 2147483647", "--halo"]).expect(0);
    assert!(said.contains("estimate  from 1024 ranks"), "{said}");
}

#[test]
fn copies_of_the_target_are_served_by_every_owner() {
    // By hand: each of two ranks owns six elements that all four ranks of the target get.
    let found = distarray(["plan", "12 b on 2", "n on 1 replicas 4", "--json"]).json(0);
    assert_eq!(found["sent"]["total"], (4 * 12 - 2 * 6) * 8);
    assert_eq!(found["messages"]["total"], 4 * 2 - 2);
    // Two copies on each side stay apart: no message between the halves.
    let found = distarray(["plan", "12 b on 2 replicas 2", "c on 2 replicas 2", "--json"]).json(0);
    assert_eq!(found["sent"]["total"], 2 * 6 * 8);
    assert_eq!(found["messages"]["total"], 4);
    let run = distarray(["plan", "12 b on 2 replicas 2", "b on 4"]);
    assert!(run.err.contains("replicas"), "{}", run.err);
    run.expect(2);
}

#[test]
fn a_numbering_that_moves_less_is_told() {
    let found = distarray(["plan", "8x8 c2@1,n on 4", "b,n", "--json"]).json(0);
    assert_eq!(found["relabelled"]["sent"], 0);
    let order = found["relabelled"]["order"].as_array().unwrap();
    let order = order.iter().map(Json::to_string).collect::<Vec<_>>().join(",");
    let said = distarray(["plan", "8x8 c2@1,n on 4", "b,n"]).expect(0);
    let better = format!("8x8 b,n on 4x1 order {order}");
    assert!(said.contains(&better), "{said}");
    let found = distarray(["plan", "8x8 c2@1,n on 4", &better, "--json"]).json(0);
    assert_eq!((&found["sent"]["total"], found.get("relabelled")), (&json!(0), None));
}

#[test]
fn sizes_have_units_and_few_ranks_are_listed() {
    let said = distarray(["plan", "4096x4096 b,n on 8", "n,b"]).expect(0);
    // By hand: an eighth of an eighth stays on each rank.
    for words in ["sent          112 MiB", "7     ", "largest   2 MiB in one message", "balance   1.00 sent"]
    {
        assert!(said.contains(words), "{words:?} in {said}");
    }
    let said = distarray(["plan", "10 b on 2", "b on 2"]).expect(0);
    assert!(said.contains("No message"), "{said}");
}

#[test]
fn ghosts_of_lists_are_received_from_their_owners() {
    let part = |rank: i64, indices: &[i64], owned: i64| {
        json!({ "__version__": "1.0.0", "dim_data": [{
            "dist_type": "u", "size": 6, "proc_grid_size": 3, "proc_grid_rank": rank, "one_to_one": true,
            "indices": indices, "num_owned": owned,
        }] })
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mesh.json");
    // The last owns nothing and looks at both others.
    let parts = json!([part(0, &[0, 2, 4, 1, 5], 3), part(1, &[5, 3, 1, 4], 3), part(2, &[0, 1, 3], 0)]);
    std::fs::write(&path, parts.to_string()).unwrap();
    let found = distarray(["plan".as_ref(), path.as_os_str(), "--halo".as_ref(), "--json".as_ref()]).json(0);
    check(&found, &Traffic::from([((1, 0), 2), ((0, 1), 1), ((0, 2), 1), ((1, 2), 2)]), 8, "ghosts");
}

#[test]
fn two_groups_of_ranks_are_numbered_alike() {
    // By hand: ranks 0 and 1 own 0:6 and 6:12, ranks 0 to 2 then 0:4, 4:8 and 8:12.
    let found = distarray(["plan", "12 b on 2", "b on 3", "--json", "--rank", "2"]).json(0);
    check(&found, &Traffic::from([((0, 0), 4), ((0, 1), 2), ((1, 1), 2), ((1, 2), 4)]), 8, "groups");
    assert_eq!(found["of_rank"]["receives"], json!([{ "rank": 1, "bytes": 32 }]));
}

/// What the README shows is what is printed.
#[test]
fn the_readme_shows_a_plan() {
    let readme = std::fs::read_to_string(common::root().join("README.md")).unwrap();
    let shown = readme.split("```console\n$ distarray plan ").nth(1).unwrap().split("\n```").next().unwrap();
    let (command, table) = shown.split_once('\n').unwrap();
    let words: Vec<&str> = command.split('\'').filter(|word| !word.trim().is_empty()).collect();
    assert_eq!(distarray(["plan"].into_iter().chain(words)).expect(0).trim_end(), table);
}

#[test]
fn what_cannot_be_planned_is_refused() {
    for (arguments, why) in [
        (vec!["8x8 b,b on 2x2", "b on 4"], "a kind for each"),
        (vec!["8x8 b,b on 2x2", "9x8 b,b on 2x2"], "expected the shape 8x8"),
        (vec!["8x8 b,b on 2x2", "b,b on 2x2", "--permute", "0,0"], "each of the axes 0 to 1 once"),
        (vec!["8x8 b,b on 2x2", "b,b on 2x2", "--rank", "4"], "there are 4 ranks"),
        (vec!["8x8 b,b on 2x2", "b,b on 2x2", "--ranks", "8"], "8 ranks"),
        (vec!["8x8 b,b on 2x2", "b,b on 2x2", "--itemsize", "0"], "--itemsize"),
        (vec!["8x8 b,b on 2x2"], "<TO>"),
        (vec!["4294967296x4294967296 b,b on 2x2", "b,b"], "64 bits"),
        (vec!["4611686018427387904 c3333333 on 7", "c5 on 7"], "more than a plan can hold"),
    ] {
        let run = distarray(["plan"].into_iter().chain(arguments.clone()));
        assert!(run.err.contains(why), "{arguments:?}: {}", run.err);
        run.expect(2);
    }
}
