//! A communicator keeps its promises on one process and on threads, and a rank that
//! goes wrong leaves no other waiting.
#![allow(unsafe_code)] // single messages use memory that the test keeps

#[path = "common/comm_bodies.rs"]
mod bodies;

use distarray::ErrorKind;
use distarray::comm::{self, Comm, Op, Peer};

#[test]
fn one_process_alone() {
    bodies::all(&Comm::solo());
}

#[test]
fn threads_of_one_process() {
    for ranks in 1..=5 {
        comm::threads(ranks, |comm| bodies::all(&comm));
    }
    assert!(comm::threads(0, |_| ()).is_empty());
}

#[test]
fn letters_find_their_way_on_squares_with_and_without_a_short_row() {
    for ranks in [6, 7, 9, 10, 13] {
        comm::threads(ranks, |comm| bodies::delivers_letters(&comm));
    }
}

#[test]
fn a_panic_on_one_rank_is_an_error_on_the_others() {
    let outcomes = comm::try_threads(3, |comm| {
        assert_ne!(comm.rank(), 1, "rank 1 has a bug");
        comm.barrier().unwrap_err()
    });
    assert!(outcomes[1].is_err());
    for rank in [0, 2] {
        let error = outcomes[rank].as_ref().unwrap();
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Comm, Some(1)));
    }
}

#[test]
#[should_panic(expected = "rank 2 has a bug")]
fn the_first_panic_is_the_one_that_is_passed_on() {
    comm::threads(4, |comm| {
        assert_ne!(comm.rank(), 2, "rank 2 has a bug");
        comm.barrier().expect("the echo of another rank's panic");
    });
}

#[test]
fn a_rank_that_returns_early_is_named() {
    let errors = comm::threads(3, |comm| match comm.rank() {
        2 => None,
        _ => comm.barrier().err(),
    });
    for error in &errors[..2] {
        assert_eq!(error.as_ref().unwrap().rank(), Some(2));
    }
}

#[test]
fn different_collective_calls_are_named_on_every_rank() {
    let errors = comm::threads(3, |comm| match comm.rank() {
        1 => comm.broadcast(0, &mut vec![1]).unwrap_err(),
        _ => comm.barrier().unwrap_err(),
    });
    for error in errors {
        assert_eq!((error.rank(), error.other_rank()), (Some(1), Some(0)));
        assert!(error.to_string().contains("broadcast is called where the other rank calls barrier"));
    }
    let errors =
        comm::threads(2, |comm| comm.all_reduce(&mut vec![1_u64; 1 + comm.rank()], Op::Sum).unwrap_err());
    assert!(errors[0].to_string().contains("another root, operation or length"));
}

#[test]
fn a_deadlock_ends_with_an_error() {
    let errors = comm::threads(3, |comm| {
        let from = Peer { rank: (comm.rank() + 1) % 3, bytes: 1 };
        let mut messages = comm.messages(&[], &[from]).unwrap();
        messages.start_receives().unwrap();
        messages.next_received().map(drop).unwrap_err()
    });
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Comm));
    let alone = Comm::solo();
    let mut messages = alone.messages(&[], &[Peer { rank: 0, bytes: 1 }]).unwrap();
    messages.start_receives().unwrap();
    assert!(messages.next_received().is_err());
}

/// A rank that waits twice does not stand for two ranks.
#[test]
fn one_rank_may_wait_on_two_communicators_at_once() {
    comm::threads(2, |comm| {
        let other = comm.duplicate().unwrap();
        if comm.rank() == 1 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        std::thread::scope(|scope| {
            let first = scope.spawn(|| comm.barrier());
            let second = scope.spawn(|| other.barrier());
            first.join().unwrap().unwrap();
            second.join().unwrap().unwrap();
        });
    });
}

/// Only here: over MPI it ends the program or goes unseen, whatever we ask for.
#[test]
fn a_message_longer_than_its_receive_is_an_error() {
    comm::threads(3, |comm| {
        let next = Peer { rank: (comm.rank() + 1) % 3, bytes: 64 };
        let previous = Peer { rank: (comm.rank() + 2) % 3, bytes: 3 };
        let mut messages = comm.messages(&[next], &[previous]).unwrap();
        messages.start_receives().unwrap();
        messages.start_send(0).unwrap();
        assert_eq!(messages.finish().unwrap_err().kind(), ErrorKind::Comm);
        messages.finish().unwrap();
        comm.barrier().unwrap();
    });
}

#[test]
fn communicators_and_messages_may_move_between_threads() {
    fn movable<T: Send + Sync>() {}
    movable::<Comm>();
    movable::<comm::Messages>();
}
