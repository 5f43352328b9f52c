//! Halos outside the edges of an array, and updates that are begun and ended.

use distarray::ErrorKind;
use distarray::comm;
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::{Edge, Halo};

#[test]
fn edges_are_filled_as_numpy_pads() {
    let text = include_str!("../data/numpy/pad.json");
    let data: serde_json::Value = serde_json::from_str(text).unwrap();
    let number = |v: &serde_json::Value| v.as_i64().unwrap();
    for (case, ranks) in data["cases"].as_array().unwrap().iter().zip([1, 2, 3, 4].into_iter().cycle()) {
        let numbers = |v: &serde_json::Value| v.as_array().unwrap().iter().map(number).collect::<Vec<_>>();
        let (shape, padded) = (numbers(&case["shape"]), numbers(&case["padded"]));
        let widths: Vec<Vec<i64>> = case["widths"].as_array().unwrap().iter().map(numbers).collect();
        let edges: Vec<Edge> = case["modes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mode| match mode.as_str().unwrap() {
                "constant" => Edge::Constant(-7.0),
                "edge" => Edge::Replicate,
                "reflect" => Edge::Reflect,
                _ => Edge::Symmetric,
            })
            .collect();
        let columns = shape[1] + widths[1][0] + widths[1][1];
        comm::threads(ranks, |comm| {
            let axis = |i: usize| Axis::block(shape[i]).halo_sides(widths[i][0], widths[i][1]).edge_outside();
            let d = Distribution::new(&comm, [axis(0), axis(1)]).unwrap();
            let mut u = d.zeros::<i64>().unwrap();
            let starts: Vec<i64> = d
                .dim_data()
                .dims()
                .iter()
                .map(|dim| dim.global_of(dim.owned_local().start).unwrap())
                .collect();
            for (at, element) in u.owned_mut().unwrap().indexed_iter_mut() {
                *element = (starts[0] + at[0] as i64) * shape[1] + starts[1] + at[1] as i64;
            }
            let halo = Halo::new(&d).unwrap().filling(edges.clone());
            // A halo that is narrower on the other side may not hold what a mirror shows.
            let alike = widths.iter().all(|sides| sides[0] == sides[1]);
            let mut halo = match halo {
                Err(error) if !alike && error.kind() == ErrorKind::Halo => return,
                halo => halo.unwrap(),
            };
            halo.update(&mut u).unwrap();
            for (at, element) in u.view().indexed_iter() {
                let row = starts[0] + at[0] as i64; // the padding before shifts both alike
                let column = starts[1] + at[1] as i64;
                assert_eq!(
                    *element,
                    padded[(row * columns + column) as usize],
                    "{edges:?} on {ranks}: {at:?}"
                );
            }
        });
    }
}

#[test]
fn edges_that_cannot_be_filled_are_refused_everywhere() {
    let kinds = comm::threads(3, |comm| {
        let d = Distribution::new(&comm, [Axis::block(9).halo_sides(3, 0).edge_outside()]).unwrap();
        let far = Halo::new(&d).unwrap().filling([Edge::Reflect]).err().map(|e| e.kind());
        let many = Halo::new(&d).unwrap().filling([Edge::Keep, Edge::Keep]).err().map(|e| e.kind());
        let mine = if comm.rank() == 1 { Edge::Replicate } else { Edge::Keep };
        let other = Halo::new(&d).unwrap().filling([mine]).err().map(|e| e.kind());
        let mut odd = Halo::new(&d).unwrap().filling([Edge::Constant(0.5)]).unwrap();
        let mut whole = d.zeros::<i32>().unwrap();
        let fraction = odd.update(&mut whole).err().map(|e| e.kind());
        odd.update(&mut d.zeros::<f32>().unwrap()).unwrap();
        [far, many, other, fraction]
    });
    let expected = [ErrorKind::Halo, ErrorKind::Shape, ErrorKind::Invariant, ErrorKind::DType].map(Some);
    assert_eq!(kinds, vec![expected; 3]);
}

#[test]
fn what_was_started_is_what_was_there_at_the_start() {
    for ranks in [1, 2, 3] {
        comm::threads(ranks, |comm| {
            let d = Distribution::new(&comm, [Axis::block(6).halo(1).periodic()]).unwrap();
            let mut u = d.from_fn(|g| g[0]).unwrap();
            let mut halo = Halo::new(&d).unwrap();
            let pending = halo.start(&mut u).unwrap();
            u.owned_mut().unwrap().iter_mut().for_each(|element| *element += 100);
            pending.finish(&mut u).unwrap();
            let dim = &d.dim_data().dims()[0];
            for at in [0, dim.len() - 1] {
                let wanted = dim.global_of(at).and_then(|g| dim.inside(g)).unwrap();
                assert_eq!(u.view()[at as usize], wanted, "on {ranks}");
            }
        });
    }
}

#[test]
fn an_update_ends_with_the_memory_it_began_with() {
    let kinds = comm::threads(2, |comm| {
        let long = Distribution::new(&comm, [Axis::block(2048).halo(1).periodic()]).unwrap();
        let short = Distribution::new(&comm, [Axis::block(2).halo(1).periodic()]).unwrap();
        let mut halo = Halo::new(&long).unwrap();
        let mut u = long.full(1.0).unwrap();
        let pending = halo.start(&mut u).unwrap();
        drop(u);
        // It may lie where the first one lay.
        let mut v = short.full(2.0).unwrap();
        let kind = pending.finish(&mut v).unwrap_err().kind();
        assert!(v.view().iter().all(|&x| x == 2.0));
        // The update is over, and what it brought is not what the next one brings.
        let mut w = long.from_fn(|g| g[0] as f64).unwrap();
        halo.update(&mut w).unwrap();
        let pending = halo.start(&mut w).unwrap();
        pending.finish(&mut w).unwrap();
        let before = long.dim_data().dims()[0].global_of(0).and_then(|g| long.dim_data().dims()[0].inside(g));
        assert_eq!(w.view()[0], before.unwrap() as f64);
        kind
    });
    assert_eq!(kinds, [ErrorKind::Busy; 2]);
}
