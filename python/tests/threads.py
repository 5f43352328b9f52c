"""Ranks that are threads of this process, over a table of functions filled from Python: any
number of them without a launcher."""

import ctypes
import itertools
import threading
import time
from collections import defaultdict, deque

import numpy as np

from distarray import _abi, _table

_DTYPES = {_abi.COMM_U64: np.uint64, _abi.COMM_I64: np.int64, _abi.COMM_F64: np.float64}
_OPERATIONS = {_abi.COMM_SUM: np.add, _abi.COMM_MIN: np.minimum, _abi.COMM_MAX: np.maximum}
_PATIENCE = 60  # seconds, after which a rank that waits gives up


def on_ranks(size, body, sent=None):
    """What ``body(comm, rank)`` returns on each rank; raises what one of them raises.

    Messages are noted in the list ``sent``: their sender, receiver and bytes."""
    group, results, failures = Group(range(size), sent), [None] * size, []
    tables = [_table.table_of(Rank(group, rank)) for rank in range(size)]

    def run(rank):
        try:
            results[rank] = body(tables[rank], rank)
        except BaseException as failure:
            failures.append(failure)
            group.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for table in tables:
        _table.forget(table)
    if failures:
        raise failures[0]
    return results


def split(comm, color):
    """The communicator of the ranks of one color, None where it is negative."""
    part = _table._transports[comm.context].split(color, comm.rank)
    return None if part is None else _table.table_of(part)


def moved(size, ends):
    """Who sends what in a redistribution of ``ends(comm, rank)``, a source, a target, each None
    where the rank has no part, and the way between them: lists of sender, receiver, and the
    row-major numbers of the elements. The elements must have arrived. Ask for it where shared
    memory is off: messages pass it by."""
    sent = []

    def move(comm, rank):
        source, target, plan = ends(comm, rank)
        u, v = (side and side.zeros(np.int64) for side in (source, target))
        if u:
            u.owned[...] = numbers(u)
        plan.apply(u, v)
        if v:
            np.testing.assert_array_equal(v.owned, numbers(v))
        return set(v.owned.ravel().tolist() if v else ()), plan.moves(1)

    results = on_ranks(size, move, sent)
    found = [[a, b, sorted(np.frombuffer(content, np.int64).tolist())] for a, b, content in sent]
    for rank, (owned, moves) in enumerate(results):
        mine = [message for message in found if message[0] == rank]
        assert (moves.messages, moves.bytes_sent) == (len(mine), sum(len(m[2]) for m in mine))
        kept = owned.difference(*(numbers for _, to, numbers in found if to == rank))
        assert moves.bytes_copied == len(kept), (found, results)
        if kept:
            found.append([rank, rank, sorted(kept)])
    return sorted(found)


def numbers(array):
    """The row-major number of each owned element."""
    total = np.zeros((), np.int64)
    for index, extent in zip(array.ogrid, array.global_shape):
        total = total * extent + index
    return total


def numbered(indices, shape):
    """The row-major numbers of the product of indices along the axes, in order."""
    total = np.zeros((), np.int64)
    for axis, extent in zip(np.ix_(*indices), shape):
        total = total * extent + axis
    return sorted(total.ravel().tolist())


class Group:
    """What the ranks of a communicator share."""

    def __init__(self, members, sent):
        """Members are numbers of ``on_ranks``, by which messages are noted."""
        self.members, self.sent, size = members, sent, len(members)
        self.barrier = threading.Barrier(size, timeout=_PATIENCE)
        self.slots = [None] * size
        self.mail = defaultdict(deque)  # of bytes, by sender, receiver and tag


def _read(address, length):
    return ctypes.string_at(address, length) if length else b""


def _write(address, content):
    if content:
        ctypes.memmove(address, content, len(content))


class Rank:
    """One rank's end; see ``_table`` for what it is asked for."""

    def __init__(self, group, rank):
        self.group, self.rank, self.size = group, rank, len(group.members)
        self.tags, self.handles, self.requests = itertools.count(), itertools.count(1), {}

    def exchange(self, mine):
        """What each rank brings."""
        self.group.slots[self.rank] = mine
        self.group.barrier.wait()
        everybody = list(self.group.slots)
        self.group.barrier.wait()
        return everybody

    def barrier(self):
        self.group.barrier.wait()

    def allreduce(self, values, count, kind, op):
        mine = np.frombuffer(_read(values, 8 * count), _DTYPES[kind])
        _write(values, _OPERATIONS[op].reduce(self.exchange(mine)).tobytes())

    def bcast(self, root, data, length):
        _write(data, self.exchange(_read(data, length))[root])

    def allgather(self, mine, length, all):
        _write(all, b"".join(self.exchange(_read(mine, length))))

    def allgatherv(self, mine, all, lengths):
        _write(all, b"".join(self.exchange(_read(mine, lengths[self.rank]))))

    def alltoall(self, send, length, receive):
        self.alltoallv(send, [length] * self.size, receive, [length] * self.size)

    def alltoallv(self, send, out, receive, into):
        starts = [0, *itertools.accumulate(out)]
        sent = _read(send, starts[-1])
        everybody = self.exchange([sent[start:stop] for start, stop in zip(starts, starts[1:])])
        arrived = [theirs[self.rank] for theirs in everybody]
        assert [len(part) for part in arrived] == into
        _write(receive, b"".join(arrived))

    def new_tag(self):
        return next(self.tags)

    def dup(self):
        return Rank(self.exchange(Group(self.group.members, self.group.sent))[0], self.rank)

    def split(self, color, key):
        everybody = self.exchange((color, key, self.rank))
        members = sorted((key, rank) for other, key, rank in everybody if other == color)
        named = [self.group.members[rank] for _, rank in members]
        groups = self.exchange(Group(named, self.group.sent) if color >= 0 else None)
        return None if color < 0 else Rank(groups[members[0][1]], members.index((key, self.rank)))

    def free(self):
        pass

    def isend(self, data, length, to, tag):
        return self.begin(self.send_init(data, length, to, tag), persistent=False)

    def irecv(self, data, length, source, tag):
        return self.begin(self.recv_init(data, length, source, tag), persistent=False)

    def send_init(self, data, length, to, tag):
        def send():
            content = _read(data, length)
            self.group.mail[self.rank, to, tag].append(content)
            if self.group.sent is not None:
                ends = self.group.members[self.rank], self.group.members[to]
                self.group.sent.append((*ends, content))
            return lambda: 0

        return self.keep(send)

    def recv_init(self, data, length, source, tag):
        mail = self.group.mail[source, self.rank, tag]

        def arrived():
            if not mail:
                return None
            content = mail.popleft()
            assert len(content) <= length
            _write(data, content)
            return len(content)

        return self.keep(lambda: arrived)

    def keep(self, start):
        handle = next(self.handles)
        self.requests[handle] = [start, None, True]
        return handle

    def begin(self, handle, persistent):
        request = self.requests[handle]
        request[1:] = request[0](), persistent
        return handle

    def start(self, handles):
        for handle in handles:
            self.begin(handle, persistent=True)

    def test(self, handle):
        if not handle or self.requests[handle][1] is None:
            return 0, not handle
        _, ready, persistent = self.requests[handle]
        length = ready()
        if length is None:
            return None
        self.requests[handle][1] = None
        if not persistent:
            del self.requests[handle]
        return length, not persistent

    def wait(self, handle):
        return self.waitany([handle])[1:] if handle else (0, True)

    def waitany(self, handles):
        late = time.monotonic() + _PATIENCE
        active = [i for i, handle in enumerate(handles) if handle and self.requests[handle][1] is not None]
        while active:
            for i in active:
                found = self.test(handles[i])
                if found is not None:
                    return (i, *found)
            if time.monotonic() > late:
                raise TimeoutError("no message came")
            time.sleep(0)
        return -1, 0, False

    def request_free(self, handle):
        self.requests.pop(handle, None)
