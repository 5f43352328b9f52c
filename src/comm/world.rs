//! What the ranks of one process share: who waits, what was deposited, the mail.
//!
//! One lock guards everything and one condition variable announces every change.
//! That is enough for tests, and it lets a rank see when all ranks wait, which is
//! a deadlock, and say so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::to_i64;
use crate::{Error, ErrorKind, Result};

/// The ranks of one process.
pub(super) struct World {
    state: Mutex<State>,
    changed: Condvar,
}

/// All that the lock guards.
pub(super) struct State {
    groups: BTreeMap<u64, Group>,
    next_group: u64,
    next_request: u64,
    mailboxes: Vec<Mailbox>,
    gone: Vec<bool>,
    /// Why nobody can go on, and the rank that panicked first.
    stopped: Option<Error>,
    first_panic: Option<usize>,
    /// Ranks that found nothing to do since the last change; a rank that waits on
    /// two communicators at once, from two threads, counts once.
    waiting: BTreeSet<usize>,
}

/// One communicator: the collective call under way.
struct Group {
    /// World ranks, in the order of this communicator.
    members: Arc<[usize]>,
    deposits: Vec<Option<(Call, Vec<u8>)>>,
    rounds: u64,
    last: Arc<Round>,
    left: usize,
}

/// A collective call; all ranks must make the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub name: &'static str,
    /// What must agree besides the name: a root, an operation.
    pub argument: usize,
    /// The length that must agree; 0 where lengths may differ.
    pub bytes: usize,
}

/// What a collective call gives every rank.
pub(super) struct Round {
    pub deposits: Result<Vec<Vec<u8>>>,
    /// As many group numbers from here on as there are members.
    pub new_groups: u64,
}

/// One rank's messages, of all its communicators.
#[derive(Default)]
struct Mailbox {
    /// Receives that wait for a message, in the order of their start.
    posted: VecDeque<(Envelope, u64)>,
    /// Messages that wait for a receive, in the order of their start.
    unexpected: VecDeque<(Envelope, Vec<u8>)>,
    /// Messages that found their receive, by its request.
    arrived: BTreeMap<u64, Vec<u8>>,
}

/// What a receive is matched by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope {
    pub group: u64,
    pub from: usize,
    pub tag: i32,
}

impl World {
    /// A world whose group 0 has all `ranks`.
    pub fn new(ranks: usize) -> Self {
        let mut state = State {
            groups: BTreeMap::new(),
            next_group: 1,
            next_request: 1,
            mailboxes: (0..ranks).map(|_| Mailbox::default()).collect(),
            gone: vec![false; ranks],
            stopped: None,
            first_panic: None,
            waiting: BTreeSet::new(),
        };
        state.join(0, &(0..ranks).collect::<Arc<[usize]>>());
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Changes the state at once and lets everyone who waits look again.
    pub fn change<R>(&self, act: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
        let mut state = self.lock();
        if let Some(error) = &state.stopped {
            return Err(error.clone());
        }
        let result = act(&mut state);
        self.announce(&mut state);
        result
    }

    /// Lets `rank` wait until `ready` finds something.
    pub fn wait<R>(&self, rank: usize, mut ready: impl FnMut(&mut State) -> Result<Option<R>>) -> Result<R> {
        let mut state = self.lock();
        loop {
            if let Some(error) = &state.stopped {
                return Err(error.clone());
            }
            if let Some(found) = ready(&mut state)? {
                return Ok(found);
            }
            state.waiting.insert(rank);
            let running = state.gone.iter().filter(|&&gone| !gone).count();
            if state.waiting.len() >= running {
                let detail = "every running rank waits for another: a message or a call is missing";
                state.stopped = Some(Error::new(ErrorKind::Comm, detail));
                self.announce(&mut state);
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a rank still runs.
    pub fn check(&self, rank: usize) -> Result<()> {
        let state = self.lock();
        match &state.stopped {
            Some(error) => Err(error.clone()),
            None if state.gone[rank] => {
                let detail = "a rank returned that another waits for";
                Err(Error::new(ErrorKind::Comm, detail).on_rank(to_i64(rank)))
            }
            None => Ok(()),
        }
    }

    /// Records that `rank` has returned or panicked.
    pub fn leave(&self, rank: usize, panicked: bool) {
        let mut state = self.lock();
        state.gone[rank] = true;
        if panicked && state.first_panic.is_none() {
            state.first_panic = Some(rank);
            let error = Error::new(ErrorKind::Comm, "this rank panicked").on_rank(to_i64(rank));
            state.stopped = Some(error);
        }
        self.announce(&mut state);
    }

    /// The rank whose panic came first.
    pub fn first_panic(&self) -> Option<usize> {
        self.lock().first_panic
    }

    fn announce(&self, state: &mut State) {
        state.waiting.clear();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes the group, unless another member already has.
    pub fn join(&mut self, group: u64, members: &Arc<[usize]>) {
        self.groups.entry(group).or_insert_with(|| Group {
            members: Arc::clone(members),
            deposits: members.iter().map(|_| None).collect(),
            rounds: 0,
            last: Arc::new(Round { deposits: Ok(Vec::new()), new_groups: 0 }),
            left: 0,
        });
    }

    /// Forgets the group with its last member.
    pub fn quit(&mut self, group: u64) {
        if let Some(entry) = self.groups.get_mut(&group) {
            entry.left += 1;
            if entry.left == entry.members.len() {
                self.groups.remove(&group);
            }
        }
    }

    /// Adds one rank's part of a collective call; the number of the round it belongs to.
    pub fn deposit(&mut self, group: u64, rank: usize, call: Call, bytes: &[u8]) -> Result<u64> {
        let group = self.groups.get_mut(&group).ok_or_else(freed)?;
        if group.deposits[rank].is_some() {
            let detail = "two threads of one rank are in a collective call at once";
            return Err(Error::new(ErrorKind::Comm, detail));
        }
        group.deposits[rank] = Some((call, bytes.to_vec()));
        let round = group.rounds;
        if group.deposits.iter().all(Option::is_some) {
            let deposits: Vec<_> = group.deposits.iter_mut().filter_map(Option::take).collect();
            group.last = Arc::new(Round { deposits: same_call(deposits), new_groups: self.next_group });
            group.rounds += 1;
            self.next_group += to_i64(group.members.len()).unsigned_abs();
        }
        Ok(round)
    }

    /// The result of a round, once all have taken part.
    pub fn collect(&self, group: u64, round: u64) -> Result<Option<Arc<Round>>> {
        let group = self.groups.get(&group).ok_or_else(freed)?;
        if group.rounds != round {
            return Ok(Some(Arc::clone(&group.last)));
        }
        let absent = group.members.iter().zip(&group.deposits);
        let mut absent = absent.enumerate().filter(|(_, (_, deposit))| deposit.is_none());
        match absent.find(|(_, (member, _))| self.gone[**member]) {
            Some((rank, _)) => Err(returned(rank)),
            None => Ok(None),
        }
    }

    /// A number for a new request.
    pub fn new_request(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request
    }

    /// Hands a message over: to the first receive that waits for it, or to be kept.
    pub fn deliver(&mut self, to: usize, envelope: Envelope, bytes: Vec<u8>) {
        let mailbox = &mut self.mailboxes[to];
        let posted = mailbox.posted.iter().position(|(wanted, _)| *wanted == envelope);
        match posted.and_then(|at| mailbox.posted.remove(at)) {
            Some((_, request)) => {
                mailbox.arrived.insert(request, bytes);
            }
            None => mailbox.unexpected.push_back((envelope, bytes)),
        }
    }

    /// Starts a receive: for the first message that waits for it, or for a later one.
    pub fn post(&mut self, to: usize, envelope: Envelope, request: u64) {
        let mailbox = &mut self.mailboxes[to];
        let kept = mailbox.unexpected.iter().position(|(found, _)| *found == envelope);
        match kept.and_then(|at| mailbox.unexpected.remove(at)) {
            Some((_, bytes)) => {
                mailbox.arrived.insert(request, bytes);
            }
            None => mailbox.posted.push_back((envelope, request)),
        }
    }

    /// The message that a receive got, if it is there.
    pub fn take_arrived(&mut self, to: usize, request: u64) -> Option<Vec<u8>> {
        self.mailboxes[to].arrived.remove(&request)
    }

    /// Whether this world rank has returned.
    pub fn is_gone(&self, rank: usize) -> bool {
        self.gone[rank]
    }
}

/// The deposits of a round, unless the ranks made different calls.
fn same_call(deposits: Vec<(Call, Vec<u8>)>) -> Result<Vec<Vec<u8>>> {
    let first = deposits.first().map(|(call, _)| *call);
    let other = deposits.iter().position(|(call, _)| Some(*call) != first);
    if let (Some(rank), Some(first)) = (other, first) {
        let call = deposits[rank].0;
        let detail = if call.name == first.name {
            format!("{} is called with another root, operation or length", call.name)
        } else {
            format!("{} is called where the other rank calls {}", call.name, first.name)
        };
        return Err(Error::new(ErrorKind::Comm, detail).on_rank(to_i64(rank)).against_rank(0));
    }
    Ok(deposits.into_iter().map(|(_, bytes)| bytes).collect())
}

/// The error where a rank that is waited for has returned.
pub(super) fn returned(rank: usize) -> Error {
    Error::new(ErrorKind::Comm, "this rank returned while others wait for it").on_rank(to_i64(rank))
}

fn freed() -> Error {
    Error::new(ErrorKind::Comm, "this communicator was freed")
}
