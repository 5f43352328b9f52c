//! Handing arrays to consumers that do not take all: what they get is what they asked
//! for, its elements are those of the global array, and what need not move does not.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself
#![allow(unsafe_code)] // reads elements where they lie

#[path = "common/dealing.rs"]
mod dealing;

use dealing::{Random, deal};
use distarray::array::{AnyArray, DType, Order};
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution, Grid};
use distarray::exchange::{Accommodation, Components, Padding, RequiredAxis, Requirements, Storage};
use distarray::protocol::{Dist, GridOrder};
use distarray::{Error, ErrorKind};

/// The value of an element, from its global index.
fn value(index: &[i64]) -> f64 {
    index.iter().fold(1, |code, &i| code * 100 + i) as f64
}

/// Checks each owned element of a part against `value`.
fn assert_holds(array: &AnyArray, value: impl Fn(&[i64]) -> f64) {
    let (layout, offset) = array.owned_layout();
    let dims = array.dim_data().dims();
    let shape: Vec<usize> = layout.shape().iter().map(|&n| n as usize).collect();
    for position in ndarray::indices(shape) {
        let position: Vec<i64> = ndarray::Dimension::slice(&position).iter().map(|&i| i as i64).collect();
        let global: Vec<i64> = dims
            .iter()
            .zip(&position)
            .map(|(d, i)| d.global_of(d.owned_local().start + i).unwrap())
            .collect();
        let at = array.buffer().data().wrapping_offset(offset + layout.offset(&position).unwrap());
        // SAFETY: an element of the array, which nobody writes meanwhile.
        let found = unsafe {
            match array.dtype() {
                DType::F64 => at.cast::<f64>().read(),
                DType::F32 => f64::from(at.cast::<f32>().read()),
                other => panic!("{other}"),
            }
        };
        assert_eq!(found, value(&global), "at {global:?}");
    }
}

/// What a consumer asks for along an axis, and how to see that a part is it.
#[derive(Clone, Debug)]
struct Asked {
    kind: Option<char>,
    procs: Option<i64>,
    block_size: Option<i64>,
    bare: bool,
    least: i64,
    pitch: Option<i64>,
}

impl Asked {
    fn random(random: &mut Random, procs: Option<i64>, size: i64) -> Self {
        let kind = random.pick(&[None, Some('b'), Some('c')]);
        let block_size = (kind == Some('c') && random.chance(2)).then(|| random.within(1, 4));
        let bare = random.chance(2);
        let least = if block_size.is_none() && random.chance(3) { random.within(0, 2) } else { 0 };
        let pitch = random.chance(3).then(|| size.max(1) + random.within(0, 2));
        Self { kind, procs, block_size, bare, least, pitch }
    }

    fn axis(&self) -> RequiredAxis {
        let mut axis = RequiredAxis::any();
        axis = match self.kind {
            Some('b') => axis.block(),
            Some('c') => axis.cyclic(),
            _ => axis,
        };
        axis = self.procs.map_or(axis.clone(), |procs| axis.on(procs));
        axis = self.block_size.map_or(axis.clone(), |length| axis.block_size(length)).least(self.least);
        if self.bare { axis.bare() } else { axis }
    }

    fn assert_met(&self, array: &AnyArray, axis: usize) {
        let dim = &array.dim_data().dims()[axis];
        assert!(self.kind.is_none_or(|kind| kind == dim.dist().letter()), "{self:?} {dim:?}");
        assert!(self.procs.is_none_or(|procs| procs == dim.proc_grid_size()), "{self:?} {dim:?}");
        if let (Some(length), Dist::Cyclic { block_size, first_block, .. }) = (self.block_size, dim.dist()) {
            assert_eq!((length, length), (*block_size, *first_block));
        }
        assert!(dim.owned_len() >= self.least, "{self:?} {dim:?}");
        assert!(!self.bare || dim.owned_len() == dim.len(), "{self:?} {dim:?}");
    }
}

/// The byte strides of packed lines, the fastest axis first.
fn strides_of(by_speed: &[usize], extents: &[i64], asked: &[Asked], itemsize: i64) -> Vec<i64> {
    let mut strides = vec![0; extents.len()];
    let mut step = itemsize;
    for &axis in by_speed {
        strides[axis] = step;
        step *= asked[axis].pitch.unwrap_or(extents[axis]);
    }
    strides
}

/// Whether some grid of these processes gives all of them the least that is asked for.
fn can_be_dealt(asked: &[Asked], shape: &[i64], procs: i64) -> bool {
    let any: Vec<i64> = (1..=procs).collect();
    let choices: Vec<Vec<i64>> = asked.iter().map(|a| a.procs.map_or(any.clone(), |n| vec![n])).collect();
    dealing::product(&choices).iter().any(|extents| {
        let enough = |(a, (n, procs)): (&Asked, (&i64, &i64))| a.least * procs <= *n;
        extents.iter().product::<i64>() == procs && asked.iter().zip(shape.iter().zip(extents)).all(enough)
    })
}

fn accommodates(comm: &Comm, random: &mut Random) {
    let ndim = random.within(1, 3) as usize;
    let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, 13)).collect();
    let dealt = deal(random, &shape, comm.size());
    let source = Distribution::on_grid(comm, dealt.axes(), dealt.grid.clone()).unwrap();
    // Either the extents as they are, or all ranks along one axis.
    let line = random.chance(2).then(|| random.within(0, ndim as i64 - 1) as usize);
    let procs = |axis| line.map(|line| if line == axis { (comm.size() / dealt.replicas) as i64 } else { 1 });
    let mut asked: Vec<Asked> =
        (0..ndim).map(|axis| Asked::random(random, procs(axis), shape[axis])).collect();
    let order = random.pick(&[None, Some(Order::C), Some(Order::Fortran)]);
    let pitched = random.chance(2);
    let mut axes: Vec<RequiredAxis> = asked.iter().map(Asked::axis).collect();
    for (axis, asked) in axes.iter_mut().zip(&mut asked) {
        match asked.pitch.filter(|_| order.is_some() && !pitched) {
            Some(pitch) => *axis = axis.clone().pitch(pitch),
            None => asked.pitch = None,
        }
    }
    let mut requirements = Requirements::any().axes(axes);
    let mut by_speed: Vec<usize> = (0..ndim).collect();
    if order.is_some() && random.chance(2) {
        by_speed.rotate_left(random.within(0, ndim as i64 - 1) as usize);
        requirements = requirements.permutation(by_speed.clone());
    }
    if order == Some(Order::C) {
        by_speed.reverse();
    }
    let room = random.pick(&[0, 8 * comm.rank() + 8, 4000]);
    requirements = requirements.room(room);
    if let Some(order) = order {
        requirements =
            requirements.storage(if pitched { Storage::Pitched(order) } else { Storage::Packed(order) });
    }
    let dtype = random.pick(&[None, Some(DType::F64), Some(DType::F32)]);
    requirements = dtype.map_or(requirements.clone(), |dtype| requirements.dtype(dtype));
    let alignment = random.pick(&[1, 64, 4096]);
    requirements = requirements.alignment(alignment);
    requirements = if random.chance(3) { requirements.relabel() } else { requirements };

    let u = source.from_fn(value).unwrap().into_any();
    let address = u.buffer().data();
    let made = Accommodation::new(&source, &u, &requirements);
    if !can_be_dealt(&asked, &shape, (comm.size() / dealt.replicas) as i64) {
        let error = made.err().expect("too few elements");
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("least")), "{error}");
        return;
    }
    let mut way = made.unwrap();
    let moved = way.moves(8);
    let v = way.hand_over(u).unwrap();
    assert_eq!(way.is_copy(), !way.reasons().is_empty());
    if !way.is_copy() {
        assert_eq!(v.buffer().data(), address);
        assert_eq!((moved.sent, moved.copied, moved.messages), (0, 0, 0));
    }
    for (axis, asked) in asked.iter().enumerate() {
        asked.assert_met(&v, axis);
    }
    if order.is_some() && !pitched {
        let layout = v.buffer().layout();
        let strides = strides_of(&by_speed, layout.shape(), &asked, layout.itemsize() as i64);
        for (axis, &extent) in layout.shape().iter().enumerate() {
            assert!(extent < 2 || layout.is_empty() || layout.strides()[axis] == strides[axis], "{order:?}");
        }
    }
    if room > v.buffer().layout().len() * v.buffer().layout().itemsize() {
        let (base, bytes) = v.buffer().allocation().unwrap();
        assert!(v.buffer().slack() && bytes - (v.buffer().data().addr() - base.addr()) >= room);
    }
    assert!(dtype.is_none_or(|dtype| v.dtype() == dtype));
    assert!(v.buffer().layout().is_empty() || v.buffer().data().addr().is_multiple_of(alignment));
    assert_holds(&v, value);
    // The parts of all ranks still make one array.
    Distribution::gather(comm, &v).unwrap();

    let u = way.take_back(v).unwrap();
    assert_eq!(u.buffer().data(), address);
    assert_holds(&u, value);
}

#[test]
fn consumers_get_what_they_ask_for() {
    let mut random = Random(41);
    for _ in 0..400 {
        let (ranks, seed) = (random.within(1, 7) as usize, random.next());
        comm::threads(ranks, |comm| accommodates(&comm, &mut Random(seed)));
    }
}

/// The reasons, and the bytes sent by all ranks, for a consumer.
fn outcome(
    ranks: usize,
    source: fn(&Comm) -> Distribution,
    requirements: &Requirements,
) -> (Vec<String>, usize) {
    let all = comm::threads(ranks, |comm| {
        let d = source(&comm);
        let u = d.from_fn(value).unwrap().into_any();
        let way = Accommodation::new(&d, &u, requirements).unwrap();
        let reasons: Vec<String> = way.reasons().iter().map(ToString::to_string).collect();
        (reasons, way.moves(8).sent)
    });
    let reasons = all[0].0.clone();
    assert!(all.iter().all(|(other, _)| *other == reasons), "all ranks give the same reasons");
    (reasons, all.iter().map(|(_, sent)| sent).sum())
}

#[test]
fn components_are_put_first_or_unmarked() {
    comm::threads(3, |comm| {
        let axes = [Axis::block(7), Axis::whole(2).component(), Axis::whole(5)];
        let d = Distribution::new(&comm, axes).unwrap();
        let u = d.from_fn(value).unwrap().into_any();
        let strides = |order, components| {
            let asked = Requirements::any().storage(Storage::Packed(order)).components(components);
            let mut way = Accommodation::new(&d, &u, &asked).unwrap();
            let v = way.hand_over(d.from_fn(value).unwrap().into_any()).unwrap();
            assert_holds(&v, value);
            let marked: Vec<bool> = v.dim_data().dims().iter().map(|dim| dim.is_component()).collect();
            (way.is_copy(), v.buffer().layout().strides().to_vec(), marked)
        };
        let rows = d.dim_data().dims()[0].len();
        let marked = vec![false, true, false];
        let fastest = Components::Fastest;
        assert_eq!(strides(Order::C, fastest), (true, vec![80, 8, 16], marked.clone()));
        assert_eq!(strides(Order::Fortran, fastest), (true, vec![16, 8, 16 * rows], marked.clone()));
        assert_eq!(strides(Order::C, Components::Any), (false, vec![80, 40, 8], marked));
        assert_eq!(strides(Order::C, Components::None), (false, vec![80, 40, 8], vec![false; 3]));
    });
}

/// No reason to copy.
fn fits() -> (Vec<String>, usize) {
    (Vec::new(), 0)
}

#[test]
fn what_fits_is_not_copied() {
    let axis = RequiredAxis::any;
    let one = |axis: RequiredAxis| Requirements::any().axes([axis]);
    let blocks = |comm: &Comm| Distribution::new(comm, [Axis::block(10).halo(2)]).unwrap();
    // A halo is stepped over, or narrowed.
    assert_eq!(outcome(3, blocks, &one(axis().block().bare())), fits());
    assert_eq!(outcome(3, blocks, &one(axis().padding(Padding::Halo([1, 1])))), fits());
    // Blocks are a list of indices, and equal blocks are rounds of one block each.
    assert_eq!(outcome(3, blocks, &one(axis().unstructured())), fits());
    let equal = |comm: &Comm| Distribution::new(comm, [Axis::blocks_of(10, 4)]).unwrap();
    assert_eq!(outcome(3, equal, &one(axis().cyclic())), fits());
    assert_eq!(outcome(3, equal, &one(axis().block().block_size(4))), fits());
    let rounds = |comm: &Comm| Distribution::new(comm, [Axis::cyclic(10, 4)]).unwrap();
    assert_eq!(outcome(3, rounds, &one(axis().block())), fits());
    // PETSc's ghosted vectors: owned first, in blocks, ghosts behind them.
    let ghosted = |comm: &Comm| {
        let (rank, size) = (comm.rank() as i64, comm.size() as i64);
        let own = 3 * rank..3 * rank + 3;
        let indices: Vec<i64> = own.clone().chain([(own.end) % (3 * size)]).collect();
        Distribution::new(comm, [Axis::unstructured(3 * size, indices).owning(3)]).unwrap()
    };
    assert_eq!(outcome(3, ghosted, &one(axis().block().bare())), fits());
    // A column-major matrix with a halo is one with a leading dimension.
    let all = comm::threads(2, |comm| {
        let d = Distribution::new(&comm, [Axis::block(8).halo(1), Axis::whole(5)]).unwrap();
        let u = d.shared(DType::F64, Order::Fortran).unwrap();
        let dense = Requirements::any()
            .axes([RequiredAxis::any().block().bare(), RequiredAxis::any().whole()])
            .storage(Storage::Pitched(Order::Fortran));
        let way = Accommodation::new(&d, &u, &dense).unwrap();
        (
            way.is_copy(),
            Accommodation::new(&d, &u, &dense.storage(Storage::Packed(Order::C))).unwrap().is_copy(),
        )
    });
    assert_eq!(all, [(false, false); 2]);
}

#[test]
fn what_does_not_fit_moves_least_and_says_why() {
    let axis = RequiredAxis::any;
    let one = |axis: RequiredAxis| Requirements::any().axes([axis]);
    let blocks = |comm: &Comm| Distribution::new(comm, [Axis::block(12)]).unwrap();
    let (reasons, sent) = outcome(3, blocks, &one(axis().cyclic().block_size(2)));
    assert_eq!(
        reasons,
        [
            "axis 0, dist_type: 'b' on 3 processes becomes 'c' in blocks of 2 on 3 processes; asked for 'c' in blocks of 2"
        ]
    );
    // Ranks 0 1 2 0 1 2 get two each: rank 0 keeps 0..2, rank 2 keeps 10..12.
    assert_eq!(sent, 8 * (12 - 2 - 2));
    let (reasons, sent) = outcome(3, blocks, &one(axis().padding(Padding::Halo([1, 1]))));
    assert_eq!(reasons, ["axis 0, padding: there is less than asked for: a halo of 1 and 1"]);
    assert_eq!(sent, 0);
    let (reasons, _) = outcome(3, blocks, &Requirements::any().dtype(DType::F32));
    assert_eq!(reasons, ["dtype: float64; asked for float32"]);
    // The same blocks, dealt from another process on: nothing moves when ranks are relabelled.
    let turned = |comm: &Comm| Distribution::new(comm, [Axis::cyclic(12, 4).first_process(1)]).unwrap();
    let wanted = one(axis().block());
    let (_, sent) = outcome(3, turned, &wanted);
    assert_eq!(sent, 8 * 12);
    assert_eq!(outcome(3, turned, &wanted.relabel()), fits());
    // Blocks of which the last one is empty give some away.
    let uneven = |comm: &Comm| Distribution::new(comm, [Axis::blocks_of(6, 3)]).unwrap();
    let (reasons, sent) = outcome(3, uneven, &one(axis().block().least(1)));
    assert_eq!(
        reasons,
        [
            "axis 0, dist_type: 'b' on 3 processes becomes the same, dealt otherwise; asked for 'b' with 1 or more on each"
        ]
    );
    // 0..3 and 3..6 become 0..2, 2..4 and 4..6.
    assert_eq!(sent, 8 * 3);
    let (reasons, sent) = outcome(3, blocks, &Requirements::any().room(64));
    assert_eq!(
        (reasons, sent),
        (vec!["room: there is less than asked for from the first element on".into()], 0)
    );
    assert_eq!(outcome(3, blocks, &Requirements::any().room(32)), fits());
    // Rows on all ranks, from a grid.
    let grid = |comm: &Comm| {
        let axes = [Axis::block(8), Axis::block(6)];
        Distribution::on_grid(comm, axes, Grid::exact([2, 2]).order(GridOrder::ColumnMajor)).unwrap()
    };
    let rows = Requirements::any().axes([axis().block(), axis().whole()]);
    let (reasons, _) = outcome(4, grid, &rows);
    assert_eq!(
        reasons,
        [
            "axis 0, dist_type: 'b' on 2 processes becomes 'b' on 4 processes; asked for 'b'",
            "axis 1, dist_type: 'b' on 2 processes becomes 'b' on 1 process; asked for any kind on 1 process",
        ]
    );
}

fn axis_of(axis: RequiredAxis) -> Requirements {
    Requirements::any().axes([axis]).storage(Storage::Packed(Order::C))
}

#[test]
fn requirements_that_cannot_be_met_are_refused_on_all_ranks() {
    let errors = |requirements: fn(usize) -> Requirements| -> Vec<Error> {
        comm::threads(2, |comm| {
            let d = Distribution::new(&comm, [Axis::block(10)]).unwrap();
            let u = d.from_fn(value).unwrap().into_any();
            Accommodation::new(&d, &u, &requirements(comm.rank())).err().expect("an error")
        })
    };
    let refused = |requirements, kind, field: &str| {
        let found = errors(requirements);
        assert_eq!(found[0], found[1]);
        assert_eq!((found[0].kind(), found[0].field().unwrap_or("")), (kind, field), "{}", found[0]);
    };
    refused(
        |_| Requirements::any().axes([RequiredAxis::any(), RequiredAxis::any()]),
        ErrorKind::Shape,
        "ndim",
    );
    refused(|_| Requirements::any().dtype(DType::I32), ErrorKind::DType, "dtype");
    refused(|_| Requirements::any().alignment(3), ErrorKind::Range, "alignment");
    refused(|_| axis_of(RequiredAxis::any().pitch(4)), ErrorKind::Range, "pitch");
    refused(|_| Requirements::any().axes([RequiredAxis::any().pitch(10)]), ErrorKind::Range, "pitch");
    refused(|_| axis_of(RequiredAxis::any().least(-1)), ErrorKind::Range, "least");
    refused(|_| axis_of(RequiredAxis::any().least(6)), ErrorKind::Unsupported, "least");
    refused(|_| axis_of(RequiredAxis::any().least(i64::MAX)), ErrorKind::Unsupported, "least");
    refused(|_| axis_of(RequiredAxis::any()).permutation([1]), ErrorKind::Range, "permutation");
    refused(|_| axis_of(RequiredAxis::any()).permutation([0, 0]), ErrorKind::Range, "permutation");
    refused(|_| Requirements::any().permutation([0]), ErrorKind::Range, "permutation");
    refused(|_| Requirements::any().components(Components::Fastest), ErrorKind::Range, "components");
    refused(|_| Requirements::any().axes([RequiredAxis::any().on(3)]), ErrorKind::Grid, "proc_grid_size");
    refused(|_| Requirements::any().dtype(DType::F32).never_copy(), ErrorKind::WouldCopy, "dtype");
    refused(|rank| Requirements::any().alignment(if rank == 1 { 64 } else { 128 }), ErrorKind::Invariant, "");
    refused(
        |_| Requirements::any().axes([RequiredAxis::any().block().block_size(2)]),
        ErrorKind::Unsupported,
        "dist_type",
    );
}

#[test]
fn an_array_comes_back_whatever_the_consumer_does() {
    comm::threads(2, |comm| {
        let d = Distribution::new(&comm, [Axis::block(10).halo(1)]).unwrap();
        let u = d.from_fn(value).unwrap().into_any();
        // In place: the consumer drops it, and it is gone, as any array that is dropped.
        let mut way = Accommodation::new(&d, &u, &Requirements::any()).unwrap();
        drop(way.hand_over(u).unwrap());
        assert!(way.recover().is_none());
        // A copy: the array is set aside, and comes back as it was.
        let u = d.from_fn(value).unwrap().into_any();
        let f32s = Requirements::any().dtype(DType::F32);
        let mut way = Accommodation::new(&d, &u, &f32s).unwrap();
        drop(way.hand_over(u).unwrap());
        let u = way.recover().unwrap();
        assert_holds(&u, value);
        // What was written goes back, where it converts; a second round takes the same memory.
        let other = Distribution::new(&comm, [Axis::block(12)]).unwrap().full(0.0).unwrap().into_any();
        let mut way = Accommodation::new(&d, &u, &Requirements::any().alignment(1 << 20)).unwrap();
        let mut v = way.hand_over(u).unwrap().downcast::<f64>().unwrap();
        let address = v.as_any().buffer().data();
        v.view_mut().unwrap().mapv_inplace(|x| -x);
        assert_eq!(way.take_back(other).unwrap_err().kind(), ErrorKind::Shape);
        let u = way.take_back(v.into_any()).unwrap();
        assert_holds(&u, |index| -value(index));
        let v = way.hand_over(u).unwrap();
        assert_eq!(v.buffer().data(), address);
        assert_eq!(way.hand_over(d.full(0.0).unwrap().into_any()).unwrap_err().kind(), ErrorKind::Busy);
        way.take_back(v).unwrap();
    });
}
