//! Ranks as threads of one process: parallel tests and examples without a launcher.
//!
//! Every collective call is one `exchange`: each rank deposits bytes and, when all
//! have, reads everyone's. Messages are copied when they start, and matched as MPI
//! matches them: by source and tag, in the order in which receives were started.
//!
//! Nothing hangs: where a rank panics, returns early or makes another collective
//! call than the others, or where all wait, every waiting rank gets an error.
#![allow(unsafe_code)] // messages are copied from and to memory that the caller keeps

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytemuck::{Pod, cast_slice, pod_read_unaligned};

use super::transport::MAX_TAG;
use super::world::{Call, Envelope, Round, State, World, returned};
use super::{Arrived, Comm, Op, Request, Transport, Values, to_i64, to_usize};
use crate::{Error, ErrorKind, Result};

/// Runs `work` as `ranks` ranks, each on its own thread, and returns what each
/// returned, in rank order.
///
/// ```
/// use distarray::comm;
/// assert_eq!(comm::threads(3, |comm| comm.rank() * 10), [0, 10, 20]);
/// ```
///
/// # Panics
/// When a rank panics: with the panic of the first that did; the others get an
/// error from their communicator instead of waiting.
pub fn threads<R: Send>(ranks: usize, work: impl Fn(Comm) -> R + Sync) -> Vec<R> {
    let (mut results, first_panic) = run(ranks, work);
    if let Some(rank) = first_panic
        && let Err(panic) = results.swap_remove(rank)
    {
        resume_unwind(panic);
    }
    results.into_iter().filter_map(thread::Result::ok).collect()
}

/// As [`threads`], with each rank's panic in its place.
pub fn try_threads<R: Send>(ranks: usize, work: impl Fn(Comm) -> R + Sync) -> Vec<thread::Result<R>> {
    run(ranks, work).0
}

fn run<R: Send>(ranks: usize, work: impl Fn(Comm) -> R + Sync) -> (Vec<thread::Result<R>>, Option<usize>) {
    let world = Arc::new(World::new(ranks));
    let members: Arc<[usize]> = (0..ranks).collect();
    let rank_main = |rank: usize| {
        let transport = Thread::new(&world, 0, rank, &members);
        let comm = Comm::from_transport(Box::new(transport));
        let result = catch_unwind(AssertUnwindSafe(|| work(comm)));
        world.leave(rank, result.is_err());
        result
    };
    let results = thread::scope(|scope| {
        let rank_main = &rank_main;
        let handles: Vec<_> = (0..ranks).map(|rank| scope.spawn(move || rank_main(rank))).collect();
        handles.into_iter().map(|handle| handle.join().and_then(|result| result)).collect()
    });
    (results, world.first_panic())
}

/// The transport of one process alone: a world of one rank.
pub(super) fn solo() -> Box<dyn Transport> {
    Box::new(Thread::new(&Arc::new(World::new(1)), 0, 0, &Arc::from([0])))
}

/// One rank of one communicator.
struct Thread {
    world: Arc<World>,
    group: u64,
    rank: usize,
    /// World ranks of this communicator.
    members: Arc<[usize]>,
    tags: AtomicU32,
    messages: Mutex<BTreeMap<u64, Message>>,
}

/// A message under way or prepared.
#[derive(Clone, Copy)]
struct Message {
    direction: Direction,
    peer: usize,
    tag: i32,
    data: *mut u8,
    len: usize,
    prepared: bool,
    active: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Send,
    Receive,
}

// SAFETY: whoever made the message promised that its memory may be used until it ends,
// from any thread.
unsafe impl Send for Message {}

impl Thread {
    fn new(world: &Arc<World>, group: u64, rank: usize, members: &Arc<[usize]>) -> Self {
        Self {
            world: Arc::clone(world),
            group,
            rank,
            members: Arc::clone(members),
            tags: AtomicU32::new(0),
            messages: Mutex::default(),
        }
    }

    /// Deposits my bytes and waits for everyone's.
    fn exchange(&self, call: Call, mine: &[u8]) -> Result<Arc<Round>> {
        let round = self.world.change(|state| state.deposit(self.group, self.rank, call, mine))?;
        self.world.wait(|state| state.collect(self.group, round))
    }

    /// One rank's share of a deposit that holds one for each rank.
    fn share<'a>(&self, deposit: &'a [u8], lengths: &[i64], of: usize) -> Option<&'a [u8]> {
        let start = lengths[..of].iter().copied().map(to_usize).sum::<usize>();
        deposit.get(start..start.checked_add(to_usize(lengths[of]))?)
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<u64, Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, message: Message) -> Result<Request> {
        let id = self.world.change(|state| Ok(state.new_request()))?;
        self.messages().insert(id, message);
        Ok(Request::from_bits(id))
    }

    /// # Safety
    /// The memory of a send can be read.
    unsafe fn begin(&self, id: u64) -> Result<()> {
        let mut messages = self.messages();
        let message = messages.get_mut(&id).filter(|message| !message.active);
        let message = message.ok_or_else(not_startable)?;
        message.active = true;
        let tag = message.tag;
        self.world.change(|state| {
            match message.direction {
                Direction::Send => {
                    let bytes = if message.len == 0 {
                        Vec::new() // a slice must not be made from NULL
                    } else {
                        // SAFETY: the caller's promise.
                        unsafe { std::slice::from_raw_parts(message.data, message.len) }.to_vec()
                    };
                    let envelope = Envelope { group: self.group, from: self.rank, tag };
                    state.deliver(self.members[message.peer], envelope, bytes);
                }
                Direction::Receive => {
                    let envelope = Envelope { group: self.group, from: message.peer, tag };
                    state.post(self.members[self.rank], envelope, id);
                }
            }
            Ok(())
        })
    }

    /// Ends a message: copies what was received and tells its length.
    fn end(&self, request: &mut Request, bytes: &[u8]) -> Result<usize> {
        let mut messages = self.messages();
        let Some(message) = messages.get_mut(&request.bits()) else {
            return Ok(0);
        };
        let (fits, data) = (bytes.len() <= message.len, message.data);
        if message.prepared {
            message.active = false;
        } else {
            messages.remove(&request.bits());
            request.set_bits(0);
        }
        if !fits {
            return Err(Error::new(ErrorKind::Comm, "a message is longer than its receive"));
        }
        if !bytes.is_empty() {
            // SAFETY: the memory was promised to the message, is long enough, and no
            // message's copy overlaps it.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) }
        }
        Ok(bytes.len())
    }

    /// The messages of `requests` that have not ended, by position.
    fn active(&self, requests: &[Request]) -> Vec<(usize, u64, Message)> {
        let messages = self.messages();
        let found = requests.iter().enumerate().filter_map(|(index, request)| {
            let message = messages.get(&request.bits()).filter(|message| message.active)?;
            Some((index, request.bits(), *message))
        });
        found.collect()
    }

    /// The first of `active` that has come to its end, with what it received.
    fn first_ended(
        &self,
        state: &mut State,
        active: &[(usize, u64, Message)],
    ) -> Result<Option<(usize, Vec<u8>)>> {
        for &(index, id, message) in active {
            if message.direction == Direction::Send {
                return Ok(Some((index, Vec::new()))); // copied at its start
            }
            if let Some(bytes) = state.take_arrived(self.members[self.rank], id) {
                return Ok(Some((index, bytes)));
            }
        }
        if active.iter().all(|(_, _, message)| state.is_gone(self.members[message.peer])) {
            return Err(returned(active.first().map_or(0, |(_, _, message)| message.peer)));
        }
        Ok(None)
    }
}

// SAFETY: memory is read in `begin` and written in `end`, between a message's start
// and its reported end; everything else is safe code.
unsafe impl Transport for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.members.len()
    }

    fn barrier(&self) -> Result<()> {
        let call = Call { name: "barrier", argument: 0, bytes: 0 };
        self.exchange(call, &[])?.deposits().map(drop)
    }

    fn all_reduce(&self, values: Values<'_>, op: Op) -> Result<()> {
        let call = |argument, bytes| Call { name: "all_reduce", argument, bytes };
        match values {
            Values::U64(values) => {
                let round = self.exchange(call(op as usize, values.len()), cast_slice(values))?;
                combine(
                    values,
                    round.deposits()?,
                    match op {
                        Op::Sum => u64::wrapping_add,
                        Op::Min => u64::min,
                        Op::Max => u64::max,
                    },
                );
            }
            Values::I64(values) => {
                let round = self.exchange(call(10 + op as usize, values.len()), cast_slice(values))?;
                combine(
                    values,
                    round.deposits()?,
                    match op {
                        Op::Sum => i64::wrapping_add,
                        Op::Min => i64::min,
                        Op::Max => i64::max,
                    },
                );
            }
            Values::F64(values) => {
                let round = self.exchange(call(20 + op as usize, values.len()), cast_slice(values))?;
                combine(
                    values,
                    round.deposits()?,
                    match op {
                        Op::Sum => |a, b| a + b,
                        Op::Min => f64::min,
                        Op::Max => f64::max,
                    },
                );
            }
        }
        Ok(())
    }

    fn broadcast(&self, root: usize, data: &mut [u8]) -> Result<()> {
        let call = Call { name: "broadcast", argument: root, bytes: data.len() };
        let round = self.exchange(call, if root == self.rank { data } else { &[] })?;
        data.copy_from_slice(&round.deposits()?[root]);
        Ok(())
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        let call = Call { name: "all_gather", argument: 0, bytes: mine.len() };
        let round = self.exchange(call, mine)?;
        fill(all, round.deposits()?.iter().map(Vec::as_slice))
    }

    fn all_gather_v(&self, mine: &[u8], all: &mut [u8], _lengths: &[i64]) -> Result<()> {
        let call = Call { name: "all_gather_v", argument: 0, bytes: 0 };
        let round = self.exchange(call, mine)?;
        fill(all, round.deposits()?.iter().map(Vec::as_slice))
    }

    fn all_to_all(&self, send: &[u8], receive: &mut [u8]) -> Result<()> {
        let each = send.len() / self.size();
        let call = Call { name: "all_to_all", argument: 0, bytes: send.len() };
        let round = self.exchange(call, send)?;
        let mine = self.rank * each..(self.rank + 1) * each;
        fill(receive, round.deposits()?.iter().map(|deposit| &deposit[mine.clone()]))
    }

    fn all_to_all_v(
        &self,
        send: &[u8],
        send_lengths: &[i64],
        receive: &mut [u8],
        _receive_lengths: &[i64],
    ) -> Result<()> {
        let call = Call { name: "all_to_all_v", argument: 0, bytes: 0 };
        let lengths = self.exchange(call, cast_slice(send_lengths))?;
        let round = self.exchange(call, send)?;
        let shares = lengths.deposits()?.iter().zip(round.deposits()?).map(|(lengths, deposit)| {
            let lengths: Vec<i64> = elements(lengths);
            self.share(deposit, &lengths, self.rank).unwrap_or_default()
        });
        fill(receive, shares)
    }

    fn new_tag(&self) -> Result<i32> {
        let count = self.tags.fetch_add(1, Ordering::Relaxed);
        Ok(i32::try_from(count % (MAX_TAG + 1)).unwrap_or(0))
    }

    fn duplicate(&self) -> Result<Box<dyn Transport>> {
        let same = self.split(Some(0), 0)?;
        same.ok_or_else(|| Error::new(ErrorKind::Comm, "no duplicate was made"))
    }

    fn split(&self, color: Option<i32>, key: i32) -> Result<Option<Box<dyn Transport>>> {
        let mine = [color.unwrap_or(-1), key];
        let call = Call { name: "split", argument: 0, bytes: 0 };
        let round = self.exchange(call, cast_slice(&mine))?;
        let all: Vec<Vec<i32>> = round.deposits()?.iter().map(|deposit| elements(deposit)).collect();
        let Some(color) = color else { return Ok(None) };
        let mut members: Vec<usize> = (0..self.size()).filter(|&rank| all[rank][0] == color).collect();
        members.sort_by_key(|&rank| all[rank][1]); // stable: then by rank
        // The group takes the number of its first member's place.
        let first = members.first().copied().unwrap_or(self.rank);
        let group = round.new_groups + to_i64(first).unsigned_abs();
        let rank = members.iter().position(|&rank| rank == self.rank).unwrap_or(0);
        let members: Arc<[usize]> = members.iter().map(|&rank| self.members[rank]).collect();
        self.world.change(|state| {
            state.join(group, &members);
            Ok(())
        })?;
        Ok(Some(Box::new(Thread::new(&self.world, group, rank, &members))))
    }

    fn free(&self) -> Result<()> {
        if self.group == 0 {
            return Ok(()); // the world lasts as long as its threads
        }
        self.barrier()?;
        self.world.change(|state| {
            state.quit(self.group);
            Ok(())
        })
    }

    unsafe fn send(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        let message = Message { prepared: false, ..Message::new(data.cast_mut(), len, to, tag) };
        let request = self.add(message)?;
        // SAFETY: the caller's promise.
        unsafe { self.begin(request.bits()) }.map(|()| request)
    }

    unsafe fn receive(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let message = Message::new(data, len, from, tag);
        let request = self.add(Message { prepared: false, direction: Direction::Receive, ..message })?;
        // SAFETY: the caller's promise.
        unsafe { self.begin(request.bits()) }.map(|()| request)
    }

    unsafe fn send_init(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        self.add(Message::new(data.cast_mut(), len, to, tag))
    }

    unsafe fn receive_init(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let message = Message::new(data, len, from, tag);
        self.add(Message { direction: Direction::Receive, ..message })
    }

    unsafe fn start(&self, requests: &mut [Request]) -> Result<()> {
        requests.iter().try_for_each(|request| {
            // SAFETY: the caller's promise.
            unsafe { self.begin(request.bits()) }
        })
    }

    fn wait(&self, request: &mut Request) -> Result<usize> {
        let arrived = self.wait_any(std::slice::from_mut(request))?;
        Ok(arrived.map_or(0, |arrived| arrived.bytes))
    }

    fn test(&self, request: &mut Request) -> Result<Option<usize>> {
        let active = self.active(std::slice::from_ref(request));
        if active.is_empty() {
            return Ok(Some(0));
        }
        match self.world.change(|state| self.first_ended(state, &active))? {
            Some((_, bytes)) => self.end(request, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn wait_any(&self, requests: &mut [Request]) -> Result<Option<Arrived>> {
        let active = self.active(requests);
        if active.is_empty() {
            return Ok(None);
        }
        let (index, bytes) = self.world.wait(|state| self.first_ended(state, &active))?;
        let bytes = self.end(&mut requests[index], &bytes)?;
        Ok(Some(Arrived { index, bytes }))
    }

    fn free_request(&self, request: Request) -> Result<()> {
        let mut messages = self.messages();
        if messages.get(&request.bits()).is_some_and(|message| message.active) {
            return Err(Error::new(ErrorKind::Busy, "this message has not ended"));
        }
        messages.remove(&request.bits());
        Ok(())
    }
}

impl Message {
    /// A prepared send; the callers change what differs.
    fn new(data: *mut u8, len: usize, peer: usize, tag: i32) -> Self {
        let direction = Direction::Send;
        Self { direction, peer, tag, data, len, prepared: true, active: false }
    }
}

impl Round {
    fn deposits(&self) -> Result<&[Vec<u8>]> {
        self.deposits.as_deref().map_err(Clone::clone)
    }
}

fn not_startable() -> Error {
    Error::new(ErrorKind::Busy, "this message is not prepared or has not ended")
}

/// The elements of a deposit.
fn elements<T: Pod>(deposit: &[u8]) -> Vec<T> {
    deposit.chunks_exact(size_of::<T>()).map(pod_read_unaligned).collect()
}

/// Combines in rank order, so that all ranks round alike.
fn combine<T: Pod>(values: &mut [T], deposits: &[Vec<u8>], op: impl Fn(T, T) -> T) {
    for (rank, deposit) in deposits.iter().enumerate() {
        let theirs: Vec<T> = elements(deposit);
        for (value, their) in values.iter_mut().zip(theirs) {
            *value = if rank == 0 { their } else { op(*value, their) };
        }
    }
}

/// Writes parts one after the other; together they must be as long as `all`.
fn fill<'a>(all: &mut [u8], parts: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let wrong = || Error::new(ErrorKind::Comm, "the ranks disagree about lengths");
    let mut rest = all;
    for part in parts {
        let (place, after) = rest.split_at_mut_checked(part.len()).ok_or_else(wrong)?;
        place.copy_from_slice(part);
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(wrong()) }
}
