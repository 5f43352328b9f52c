//! Plans against the definition: both ends of a message list the same elements, and
//! every element arrives once. No communicator, every rank simulated.

#[path = "common/dealing.rs"]
mod dealing;

use std::collections::HashMap;

use dealing::{Random, deal, product};
use distarray::distribution::Decomposition;
use distarray::exchange::{AxisPart, Message, Plan};

/// Positions along one axis, in the order of the message.
fn positions(part: &AxisPart<'_>) -> Vec<i64> {
    let each = |k: i64, piece: &distarray::exchange::Piece| {
        let start = piece.mine + k * part.steps.mine;
        start..start + piece.len
    };
    part.pieces.iter().flat_map(|piece| (0..piece.count).flat_map(move |k| each(k, piece))).collect()
}

/// Global indices of a message, from the indices that the rank owns.
fn globals(message: &Message<'_>, owned: &[&[i64]]) -> Vec<Vec<i64>> {
    let along = |(part, owned): (&AxisPart<'_>, &&[i64])| -> Vec<i64> {
        positions(part).iter().map(|&at| owned[usize::try_from(at).unwrap()]).collect()
    };
    product(&message.axes.iter().zip(owned).map(along).collect::<Vec<_>>())
}

/// How a message is cut along each axis: both ends choose its way by that.
fn cuts(message: &Message<'_>) -> Vec<Vec<(i64, i64)>> {
    let of = |part: &AxisPart<'_>| part.pieces.iter().map(|piece| (piece.len, piece.count)).collect();
    message.axes.iter().map(of).collect()
}

#[test]
fn both_ends_list_the_same_elements_and_each_arrives_once() {
    let cases = std::env::var("DISTARRAY_EXCHANGE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let mut random = Random(1);
    for case in 0..cases {
        let ndim = random.within(1, 4);
        let longest = [40, 12, 7, 5][usize::try_from(ndim - 1).unwrap()];
        let shape: Vec<i64> = (0..ndim).map(|_| random.within(0, longest)).collect();
        let ranks = usize::try_from(random.within(1, 9)).unwrap();
        let (from, to) = (deal(&mut random, &shape, ranks), deal(&mut random, &shape, ranks));
        let source = Decomposition::new(&from.axes(), &from.grid, ranks).unwrap();
        let target = Decomposition::new(&to.axes(), &to.grid, ranks).unwrap();
        let plans: Vec<Plan> =
            (0..ranks as i64).map(|rank| Plan::for_rank(&source, &target, rank).unwrap()).collect();
        let mut sent = HashMap::new();
        for (rank, plan) in plans.iter().enumerate() {
            for message in plan.sends() {
                let elements = globals(&message, &from.owned(rank));
                assert_eq!(elements.len() as i64, message.elements());
                assert!(
                    sent.insert((rank as i64, message.rank), (elements, cuts(&message))).is_none(),
                    "two messages to one rank"
                );
            }
        }
        for (rank, plan) in plans.iter().enumerate() {
            let mut arrived: Vec<Vec<i64>> = Vec::new();
            for message in plan.receives() {
                let elements = globals(&message, &to.owned(rank));
                let (other, cut) = sent.remove(&(message.rank, rank as i64)).unwrap();
                assert_eq!(other, elements, "case {case}: {from:?} {to:?}");
                assert_eq!(cut, cuts(&message), "case {case}: {from:?} {to:?}");
                arrived.extend(elements);
            }
            let lists: Vec<Vec<i64>> = to.owned(rank).iter().map(|list| list.to_vec()).collect();
            let mut expected = product(&lists);
            arrived.sort_unstable();
            expected.sort_unstable();
            assert_eq!(arrived, expected, "case {case}: {from:?} {to:?}");
        }
        assert!(sent.is_empty(), "case {case}: messages that nobody receives");
    }
}

/// A part of any length meets a cyclic one in a few pieces for each peer.
#[test]
fn plans_do_not_grow_with_the_array() {
    use distarray::distribution::{Axis, Grid};
    let size = 1 << 60;
    let of = |axis: Axis, procs: i64| {
        Decomposition::new(&[axis.on(procs)], &Grid::exact([procs]), usize::try_from(procs).unwrap()).unwrap()
    };
    for procs in [2, 7] {
        let blocks = of(Axis::block(size), procs);
        for cyclic in [of(Axis::cyclic(size, 1), procs), of(Axis::cyclic(size, 64).first_block(5), procs)] {
            for (source, target) in [(&blocks, &cyclic), (&cyclic, &blocks)] {
                let mut total = 0;
                for rank in 0..procs {
                    let plan = Plan::for_rank(source, target, rank).unwrap();
                    for message in plan.sends() {
                        total += message.elements();
                        assert!(message.axes[0].pieces.len() <= 3, "{:?}", message.axes[0].pieces);
                    }
                }
                assert_eq!(total, size);
            }
        }
    }
}
