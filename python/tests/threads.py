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


def on_ranks(size, body):
    """What ``body(comm, rank)`` returns on each rank; raises what one of them raises."""
    group, results, failures = Group(size), [None] * size, []
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


class Group:
    """What the ranks of a communicator share."""

    def __init__(self, size):
        self.size = size
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
        self.group, self.rank, self.size = group, rank, group.size
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
        return Rank(self.exchange(Group(self.size))[0], self.rank)

    def split(self, color, key):
        everybody = self.exchange((color, key, self.rank, Group))
        members = sorted((key, rank) for other, key, rank, _ in everybody if other == color)
        groups = self.exchange(Group(len(members)) if color >= 0 else None)
        return None if color < 0 else Rank(groups[members[0][1]], members.index((key, self.rank)))

    def free(self):
        pass

    def isend(self, data, length, to, tag):
        return self.begin(self.send_init(data, length, to, tag), persistent=False)

    def irecv(self, data, length, source, tag):
        return self.begin(self.recv_init(data, length, source, tag), persistent=False)

    def send_init(self, data, length, to, tag):
        def send():
            self.group.mail[self.rank, to, tag].append(_read(data, length))
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
