//! One rank that is a thread of this process: the transport over a [`World`].
//!
//! Every collective call is one `exchange`: each rank deposits bytes and, when all
//! have, reads everyone's. Messages are copied when they start, and matched as MPI
//! matches them: by source and tag, in the order in which receives were started.
#![allow(unsafe_code)] // messages are copied from and to memory that the caller keeps

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::{Pod, cast_slice, pod_read_unaligned};

use super::transport::MAX_TAG;
use super::world::{Call, Envelope, Round, State, World, returned};
use super::{Arrived, Op, Request, Transport, Values, lengths, to_i64, to_usize};
use crate::{Error, ErrorKind, Result};

/// One rank of one communicator.
pub(super) struct Thread {
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
    pub fn new(world: &Arc<World>, group: u64, rank: usize, members: &Arc<[usize]>) -> Self {
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
        self.world.wait(self.members[self.rank], |state| state.collect(self.group, round))
    }

    /// Combines in rank order, so that all ranks round alike.
    fn reduce<T: Pod>(&self, name: &'static str, values: &mut [T], op: impl Fn(T, T) -> T) -> Result<()> {
        let call = Call { name, argument: 0, bytes: values.len() };
        let round = self.exchange(call, cast_slice(values))?;
        for (rank, deposit) in round.deposits()?.iter().enumerate() {
            for (value, theirs) in values.iter_mut().zip(elements(deposit)) {
                *value = if rank == 0 { theirs } else { op(*value, theirs) };
            }
        }
        Ok(())
    }

    /// One rank's share of a deposit that holds one for each rank.
    fn share<'a>(&self, deposit: &'a [u8], lengths: &[i64], of: usize) -> Option<&'a [u8]> {
        let start = lengths[..of].iter().copied().map(to_usize).sum::<usize>();
        deposit.get(start..start.checked_add(to_usize(lengths[of]))?)
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<u64, Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(
        &self,
        direction: Direction,
        data: *mut u8,
        len: usize,
        peer: usize,
        tag: i32,
        prepared: bool,
    ) -> Result<Request> {
        if peer >= self.members.len() {
            return Err(Error::new(ErrorKind::Comm, "there is no such rank to exchange with"));
        }
        let id = self.world.change(|state| Ok(state.new_request()))?;
        let message = Message { direction, peer, tag, data, len, prepared, active: false };
        self.messages().insert(id, message);
        // SAFETY: a number of our own, which is looked up.
        Ok(unsafe { Request::from_bits(id) })
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
            *request = Request::default();
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

    fn check(&self, rank: usize) -> Result<()> {
        self.members.get(rank).map_or(Ok(()), |&member| self.world.check(member))
    }

    fn progress(&self) -> Result<()> {
        Ok(()) // a message is there when its send has started
    }

    fn barrier(&self) -> Result<()> {
        let call = Call { name: "barrier", argument: 0, bytes: 0 };
        self.exchange(call, &[])?.deposits().map(drop)
    }

    fn all_reduce(&self, values: Values<'_>, op: Op) -> Result<()> {
        match (values, op) {
            (Values::U64(values), Op::Sum) => self.reduce("sum of u64", values, u64::wrapping_add),
            (Values::U64(values), Op::Min) => self.reduce("minimum of u64", values, u64::min),
            (Values::U64(values), Op::Max) => self.reduce("maximum of u64", values, u64::max),
            (Values::I64(values), Op::Sum) => self.reduce("sum of i64", values, i64::wrapping_add),
            (Values::I64(values), Op::Min) => self.reduce("minimum of i64", values, i64::min),
            (Values::I64(values), Op::Max) => self.reduce("maximum of i64", values, i64::max),
            (Values::F64(values), Op::Sum) => self.reduce("sum of f64", values, |a, b| a + b),
            (Values::F64(values), Op::Min) => self.reduce("minimum of f64", values, f64::min),
            (Values::F64(values), Op::Max) => self.reduce("maximum of f64", values, f64::max),
        }
    }

    fn broadcast(&self, root: usize, data: &mut [u8]) -> Result<()> {
        lengths::root(root, self.size())?;
        let call = Call { name: "broadcast", argument: root, bytes: data.len() };
        let round = self.exchange(call, if root == self.rank { data } else { &[] })?;
        data.copy_from_slice(&round.deposits()?[root]);
        Ok(())
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        lengths::equal_parts(mine, all, self.size())?;
        let call = Call { name: "all_gather", argument: 0, bytes: mine.len() };
        let round = self.exchange(call, mine)?;
        fill(all, round.deposits()?.iter().map(Vec::as_slice))
    }

    fn all_gather_v(&self, mine: &[u8], all: &mut [u8], lengths: &[i64]) -> Result<()> {
        lengths::parts_with_mine(mine, all, lengths, self.size(), self.rank)?;
        let call = Call { name: "all_gather_v", argument: 0, bytes: 0 };
        let round = self.exchange(call, mine)?;
        fill(all, round.deposits()?.iter().map(Vec::as_slice))
    }

    fn all_to_all(&self, send: &[u8], receive: &mut [u8]) -> Result<()> {
        lengths::equal_shares(send, receive, self.size())?;
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
        receive_lengths: &[i64],
    ) -> Result<()> {
        lengths::parts(send, send_lengths, self.size())?;
        lengths::parts(receive, receive_lengths, self.size())?;
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

    unsafe fn free(&self) -> Result<()> {
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
        let request = self.add(Direction::Send, data.cast_mut(), len, to, tag, false)?;
        // SAFETY: the caller's promise.
        unsafe { self.begin(request.bits()) }.map(|()| request)
    }

    unsafe fn receive(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        let request = self.add(Direction::Receive, data, len, from, tag, false)?;
        // SAFETY: the caller's promise.
        unsafe { self.begin(request.bits()) }.map(|()| request)
    }

    unsafe fn send_init(&self, data: *const u8, len: usize, to: usize, tag: i32) -> Result<Request> {
        self.add(Direction::Send, data.cast_mut(), len, to, tag, true)
    }

    unsafe fn receive_init(&self, data: *mut u8, len: usize, from: usize, tag: i32) -> Result<Request> {
        self.add(Direction::Receive, data, len, from, tag, true)
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
        let (index, bytes) =
            self.world.wait(self.members[self.rank], |state| self.first_ended(state, &active))?;
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
