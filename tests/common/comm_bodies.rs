//! Promises of a communicator, checked on any number of ranks over any message
//! layer. Every expected value is computed from ranks alone.
#![allow(dead_code)] // each test binary uses its own part
#![allow(clippy::cast_possible_truncation)] // contents of messages are low bytes of ranks

use distarray::comm::{Comm, Op, Peer};
use distarray::{Error, ErrorKind};

/// All of them, in a fixed order.
pub fn all(comm: &Comm) {
    reduces(comm);
    gathers(comm);
    exchanges_all_to_all(comm);
    delivers_letters(comm);
    broadcasts(comm);
    agrees(comm);
    splits(comm);
    duplicates(comm);
    keeps_messages_apart(comm);
    exchanges_prepared_messages(comm);
    exchanges_very_many_messages(comm);
    refuses_wrong_use_of_messages(comm);
    moves_single_messages(comm);
    refuses_lengths_that_do_not_fit(comm);
    frees_what_is_dropped(comm);
    comm.barrier().unwrap();
}

fn reduces(comm: &Comm) {
    let (rank, size) = (comm.rank() as u64, comm.size() as u64);
    let triangle = size * (size - 1) / 2;
    let mut values = [rank, 1, u64::MAX];
    comm.all_reduce(&mut values, Op::Sum).unwrap();
    assert_eq!(values, [triangle, size, u64::MAX.wrapping_mul(size)], "sums wrap");
    let mut values = [rank + 3, u64::MAX - rank];
    comm.all_reduce(&mut values, Op::Min).unwrap();
    assert_eq!(values, [3, u64::MAX - (size - 1)]);
    let mut values = [rank + 3, u64::MAX - rank];
    comm.all_reduce(&mut values, Op::Max).unwrap();
    assert_eq!(values, [size + 2, u64::MAX], "as unsigned numbers");

    let signed = -(rank as i64);
    for (op, expected) in [(Op::Sum, -(triangle as i64)), (Op::Min, 1 - size as i64), (Op::Max, 0)] {
        let mut value = [signed];
        comm.all_reduce(&mut value, op).unwrap();
        assert_eq!(value, [expected], "{op:?}");
    }
    let real = rank as f64 - 0.5;
    let sum = triangle as f64 - 0.5 * size as f64;
    for (op, expected) in [(Op::Sum, sum), (Op::Min, -0.5), (Op::Max, size as f64 - 1.5)] {
        let mut value = [real];
        comm.all_reduce(&mut value, op).unwrap();
        assert_eq!(value, [expected], "{op:?}");
    }
    comm.all_reduce::<f64>(&mut [], Op::Sum).unwrap();
    // Longer than the lowered count limit of the tests.
    let mut many: Vec<u64> = (0..2500).map(|at| at * (rank + 1)).collect();
    comm.all_reduce(&mut many, Op::Sum).unwrap();
    let expected = (0..2500).map(|at| at * (triangle + size));
    assert!(many.into_iter().eq(expected));
}

fn gathers(comm: &Comm) {
    for factor in [0, 1, 700] {
        let bytes = |rank: usize| vec![rank as u8; (rank * factor) % 4096];
        let all = comm.all_gather(&bytes(comm.rank())).unwrap();
        assert!(all.into_iter().eq((0..comm.size()).map(bytes)));
    }
    for length in [0, 3, 2345] {
        let mut all = vec![255; length * comm.size()];
        comm.all_gather_into(&vec![comm.rank() as u8; length], &mut all).unwrap();
        let expected = (0..comm.size()).flat_map(|rank| vec![rank as u8; length]);
        assert!(all.into_iter().eq(expected));
    }
    let error = comm.all_gather_into(&[1, 2], &mut vec![0; 2 * comm.size() + 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
}

fn exchanges_all_to_all(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    for factor in [0, 1, 900] {
        let part = |from: usize, to: usize| vec![(16 * from + to) as u8; factor * ((from + 2 * to) % 4)];
        let parts = (0..size).map(|to| part(rank, to)).collect();
        let all = comm.all_to_all(parts).unwrap();
        assert!(all.into_iter().eq((0..size).map(|from| part(from, rank))));
    }
    // One rank has a part too many: all ranks hear of it, and nothing hangs.
    let guilty = size - 1;
    let parts = vec![vec![7]; size + usize::from(rank == guilty)];
    let error = comm.all_to_all(parts).unwrap_err();
    assert_eq!((error.kind(), error.rank()), (ErrorKind::Shape, Some(guilty as i64)));
}

/// Letters to some ranks, of lengths that tell who wrote to whom, and two to one rank.
pub fn delivers_letters(comm: &Comm) {
    let (size, me) = (comm.size(), comm.rank());
    let writes = |from: usize, to: usize| !(from * 7 + to * 3).is_multiple_of(4);
    let text = |from: usize, to: usize| vec![from as u8; from + 2 * to];
    for _ in 0..3 {
        let mut letters: Vec<_> =
            (0..size).filter(|&to| writes(me, to)).map(|to| (to, text(me, to))).collect();
        letters.push((size - 1, b"second".to_vec()));
        let came = comm.deliver(letters).unwrap();
        let mut expected = Vec::new();
        for from in 0..size {
            expected.extend(writes(from, me).then(|| (from, text(from, me))));
            expected.extend((me == size - 1).then(|| (from, b"second".to_vec())));
        }
        assert_eq!(came, expected);
    }
    let lost = if me == size / 2 { vec![(size, Vec::new())] } else { Vec::new() };
    let error = comm.deliver(lost).unwrap_err();
    assert_eq!((error.kind(), error.rank()), (ErrorKind::Range, Some((size / 2) as i64)));
}

fn broadcasts(comm: &Comm) {
    for root in 0..comm.size() {
        for length in [0, 1, 3333] {
            let mut data = vec![99; 5];
            if comm.rank() == root {
                data = vec![root as u8; length];
            }
            comm.broadcast(root, &mut data).unwrap();
            assert_eq!(data, vec![root as u8; length]);
        }
    }
    let error = comm.broadcast(comm.size(), &mut Vec::new()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Range, Some("root")));
}

fn agrees(comm: &Comm) {
    assert_eq!(comm.agree(Ok(comm.rank())).unwrap(), comm.rank());
    for lowest in 0..comm.size() {
        let mine = if comm.rank() >= lowest {
            Err(Error::new(ErrorKind::Halo, format!("width of {}", comm.rank())).on_axis(2))
        } else {
            Ok(())
        };
        let error = comm.agree(mine).unwrap_err();
        let expected = Error::new(ErrorKind::Halo, format!("width of {lowest}"));
        assert_eq!(error, expected.on_axis(2).on_rank(lowest as i64));
    }
    // A rank that is named already stays named.
    let error = comm.agree::<()>(Err(Error::new(ErrorKind::Grid, "g").on_rank(77))).unwrap_err();
    assert_eq!(error.rank(), Some(77));
}

fn splits(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    // Odd and even ranks, in reversed order.
    let part = comm.split(Some(rank as i32 % 2), -(rank as i32)).unwrap().unwrap();
    let members: Vec<usize> = (0..size).rev().filter(|other| other % 2 == rank % 2).collect();
    assert_eq!(part.size(), members.len());
    assert_eq!(members[part.rank()], rank);
    let mut sum = [rank as u64];
    part.all_reduce(&mut sum, Op::Sum).unwrap();
    assert_eq!(sum[0], members.iter().sum::<usize>() as u64);
    // Equal keys: by rank. Rank 0 stays out.
    let rest = comm.split((rank > 0).then_some(5), 0).unwrap();
    assert_eq!(rest.is_some(), rank > 0);
    if let Some(rest) = rest {
        assert_eq!((rest.rank(), rest.size()), (rank - 1, size - 1));
        rest.free().unwrap();
    }
    part.free().unwrap();
    let error = comm.split(Some(if rank == size - 1 { -3 } else { 0 }), 0).unwrap_err();
    assert_eq!((error.kind(), error.rank()), (ErrorKind::Range, Some(size as i64 - 1)));
}

fn duplicates(comm: &Comm) {
    let twin = comm.duplicate().unwrap();
    assert_eq!((twin.rank(), twin.size()), (comm.rank(), comm.size()));
    let clone = twin.clone();
    twin.barrier().unwrap();
    twin.free().unwrap();
    assert_eq!(clone.barrier().unwrap_err().kind(), ErrorKind::Comm);
    for _ in 0..50 {
        comm.duplicate().unwrap().free().unwrap();
    }
}

/// Two sets of messages under way at once, finished in opposite orders.
fn keeps_messages_apart(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    let (to, from) = ((rank + 1) % size, (rank + size - 1) % size);
    let twin = comm.duplicate().unwrap();
    let mut sets = Vec::new();
    for owner in [comm, comm, &twin] {
        let set = owner.messages(&[Peer { rank: to, bytes: 4 }], &[Peer { rank: from, bytes: 4 }]);
        sets.push(set.unwrap());
    }
    // Half of the ranks start the sets in another order than the others.
    let order = if rank % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
    for at in order {
        sets[at].start_receives().unwrap();
        sets[at].send_buffer(0).unwrap().fill((10 * at + rank) as u8);
        sets[at].start_send(0).unwrap();
    }
    for at in order {
        sets[at].finish().unwrap();
        assert_eq!(sets[at].received(0).unwrap(), [(10 * at + from) as u8; 4]);
    }
    drop(sets);
    twin.free().unwrap();
}

/// Several messages of different lengths to every rank, itself included.
fn exchanges_prepared_messages(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    let lengths = [0, 5, 5000, 1];
    let peers: Vec<Peer> = (0..size).flat_map(|rank| lengths.map(|bytes| Peer { rank, bytes })).collect();
    let content =
        |from: usize, to: usize, which: usize, round: usize| (from * 7 + to * 31 + which * 3 + round) as u8;
    let mut messages = comm.messages(&peers, &peers).unwrap();
    assert_eq!((messages.sends(), messages.receives()), (peers.len(), peers.len()));
    for round in 0..5 {
        messages.start_receives().unwrap();
        for (at, peer) in peers.iter().enumerate() {
            let buffer = messages.send_buffer(at).unwrap();
            assert_eq!(buffer.len(), peer.bytes);
            assert_eq!(buffer.as_ptr().addr() % 64, 0);
            buffer.fill(content(rank, peer.rank, at % lengths.len(), round));
            messages.start_send(at).unwrap();
        }
        let mut seen = vec![0; peers.len()];
        while let Some((at, bytes)) = messages.next_received().unwrap() {
            seen[at] += 1;
            let expected = content(peers[at].rank, rank, at % lengths.len(), round);
            assert_eq!(bytes, vec![expected; peers[at].bytes]);
        }
        assert!(seen.into_iter().all(|times| times == 1));
        messages.finish().unwrap();
    }
    messages.free().unwrap();
}

/// More messages than a message layer looks at in one go.
fn exchanges_very_many_messages(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    let peer = |rank| (0..200).map(|at| Peer { rank, bytes: at % 7 }).collect::<Vec<_>>();
    let (to, from) = (peer((rank + 1) % size), peer((rank + size - 1) % size));
    let mut messages = comm.messages(&to, &from).unwrap();
    assert_eq!(messages.next_received().unwrap(), None, "nothing was started");
    messages.start_receives().unwrap();
    for at in 0..to.len() {
        messages.send_buffer(at).unwrap().fill(1 + (at % 7) as u8);
        messages.start_send(at).unwrap();
    }
    let mut seen = 0;
    while let Some((at, bytes)) = messages.next_received().unwrap() {
        assert_eq!(bytes, vec![1 + (at % 7) as u8; from[at].bytes]);
        seen += 1;
    }
    assert_eq!(seen, from.len());
    messages.finish().unwrap();
}

fn refuses_wrong_use_of_messages(comm: &Comm) {
    let me = Peer { rank: comm.rank(), bytes: 2 };
    let beyond = Peer { rank: comm.size(), bytes: 2 };
    let error = comm.messages(&[beyond], &[]).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Range, Some("rank")));
    let mut messages = comm.messages(&[me], &[me]).unwrap();
    assert_eq!(messages.send_buffer(1).unwrap_err().kind(), ErrorKind::Range);
    assert_eq!(messages.received(1).unwrap_err().kind(), ErrorKind::Range);
    messages.start_receives().unwrap();
    assert_eq!(messages.start_receives().unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(messages.received(0).unwrap_err().kind(), ErrorKind::Busy);
    messages.start_send(0).unwrap();
    assert_eq!(messages.start_send(0).unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(messages.send_buffer(0).unwrap_err().kind(), ErrorKind::Busy);
    messages.finish().unwrap();
    messages.finish().unwrap();
    assert_eq!(messages.received(0).unwrap(), [0, 0]);
    messages.free().unwrap();
    // A shorter message than was prepared for is an error, not old bytes.
    let short = Peer { bytes: 1, ..me };
    let mut messages = comm.messages(&[short], &[me]).unwrap();
    messages.start_receives().unwrap();
    messages.start_send(0).unwrap();
    let error = messages.finish().unwrap_err();
    assert_eq!((error.expected(), error.found()), (Some(2), Some(1)));
    messages.finish().unwrap();
}

/// The message layer below: one send and one receive, tested until they end.
fn moves_single_messages(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    let transport = comm.transport().unwrap();
    let tag = transport.new_tag().unwrap();
    let (out, mut into) = (vec![rank as u8; 1777], vec![0; 1777]);
    let (to, from) = ((rank + 1) % size, (rank + size - 1) % size);
    // SAFETY: both buffers live until their message has ended, below.
    let (mut send, mut receive) = unsafe {
        let receive = transport.receive(into.as_mut_ptr(), into.len(), from, tag).unwrap();
        (transport.send(out.as_ptr(), out.len(), to, tag).unwrap(), receive)
    };
    let bytes = loop {
        if let Some(bytes) = transport.test(&mut receive).unwrap() {
            break bytes;
        }
        std::thread::yield_now();
    };
    assert_eq!((bytes, receive.bits()), (1777, 0));
    assert_eq!(into, vec![from as u8; 1777]);
    transport.wait(&mut send).unwrap();
    assert_eq!(send.bits(), 0, "an ended message has no handle");
    assert_eq!(transport.wait_any(&mut [send, receive]).unwrap(), None);
}

/// Nothing is read or written out of bounds, and nothing is sent.
fn refuses_lengths_that_do_not_fit(comm: &Comm) {
    let (size, transport) = (comm.size(), comm.transport().unwrap());
    let ones = vec![1; size];
    let (mut all, mut more) = (vec![0; size], vec![0; size + 1]);
    let refused = |result: distarray::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::Shape);
    refused(transport.all_gather(&[1], &mut more));
    refused(transport.all_gather_v(&[1], &mut more, &ones));
    refused(transport.all_gather_v(&[1, 2], &mut all, &ones));
    refused(transport.all_gather_v(&[1], &mut all, &ones[1..]));
    refused(transport.all_gather_v(&[1], &mut all, &vec![-1; size]));
    refused(transport.all_gather_v(&[1], &mut all, &vec![i64::MAX; size]));
    refused(transport.all_to_all(&all.clone(), &mut more));
    refused(transport.all_to_all_v(&more, &ones, &mut all, &ones));
    let shares = all.clone();
    refused(transport.all_to_all_v(&shares, &ones, &mut more, &ones));
    refused(transport.all_to_all_v(&shares, &ones[1..], &mut all, &ones));
    let error = transport.broadcast(size, &mut all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Range);
}

fn frees_what_is_dropped(comm: &Comm) {
    let next = Peer { rank: (comm.rank() + 1) % comm.size(), bytes: 10 };
    for _ in 0..300 {
        drop(comm.messages(&[next], &[next]).unwrap());
    }
}
