"""What the messages of a table that is filled from Python travel on."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np

from . import _abi


class Solo:
    """The only rank there is: it sends itself nothing."""

    rank, size = 0, 1

    def __init__(self) -> None:
        self._tags = itertools.count()

    def barrier(self) -> None:
        pass

    def allreduce(self, *_: object) -> None:
        pass

    def bcast(self, *_: object) -> None:
        pass

    def allgather(self, mine: int | None, length: int, all: int | None) -> None:
        if all and mine:
            ctypes.memmove(all, mine, length)

    def allgatherv(self, mine: int | None, all: int | None, lengths: list[int]) -> None:
        self.allgather(mine, lengths[0], all)

    def alltoall(self, send: int | None, length: int, receive: int | None) -> None:
        self.allgather(send, length, receive)

    def alltoallv(self, send: int | None, out: list[int], receive: int | None, _into: list[int]) -> None:
        self.allgather(send, out[0], receive)

    def new_tag(self) -> int:
        return next(self._tags) % 32767

    def dup(self) -> Solo:
        return Solo()

    def split(self, color: int, _key: int) -> Solo | None:
        return None if color < 0 else Solo()

    def free(self) -> None:
        pass

    def start(self, handles: list[int]) -> None:
        if handles:
            raise RuntimeError("a process on its own sends no messages")

    def waitany(self, handles: list[int]) -> tuple[int, int, bool]:
        self.start(handles)
        return -1, 0, False


class OverMPI:
    """Messages over an mpi4py communicator of this object's own."""

    def __init__(self, comm: Any, owned: bool) -> None:
        from mpi4py import MPI

        self._mpi = MPI
        self._comm = comm
        self._owned = owned
        self.rank, self.size = comm.rank, comm.size
        self._tags = itertools.count()
        self._requests: dict[int, tuple[Any, bool, bool]] = {}  # request, receives, prepared
        self._handles = itertools.count(1)
        memory: Any = getattr(MPI, "buffer", None) or MPI.memory
        self._memory = memory.fromaddress
        comm.Set_errhandler(MPI.ERRORS_RETURN)

    def _bytes(self, address: int | None, length: int) -> list[Any]:
        if self._mpi.Is_finalized():
            raise RuntimeError("MPI_Finalize has been called")
        return [self._memory(address or 0, length), length, self._mpi.BYTE]

    def barrier(self) -> None:
        self._comm.Barrier()

    def allreduce(self, values: int, count: int, kind: int, op: int) -> None:
        mpi = self._mpi
        memory = self._memory(values, 8 * count)
        operation = {_abi.COMM_SUM: mpi.SUM, _abi.COMM_MIN: mpi.MIN, _abi.COMM_MAX: mpi.MAX}[op]
        types = {_abi.COMM_U64: mpi.UINT64_T, _abi.COMM_I64: mpi.INT64_T, _abi.COMM_F64: mpi.DOUBLE}
        # MPICH 4.0 compares unsigned numbers as signed: the sign bits are turned round.
        turned = kind == _abi.COMM_U64 and op != _abi.COMM_SUM and count > 0
        if turned:
            numbers = np.frombuffer(memory, np.uint64)
            numbers ^= np.uint64(1 << 63)
            kind = _abi.COMM_I64
        self._comm.Allreduce(mpi.IN_PLACE, [memory, count, types[kind]], operation)
        if turned:
            numbers ^= np.uint64(1 << 63)

    def bcast(self, root: int, data: int | None, length: int) -> None:
        self._comm.Bcast(self._bytes(data, length), root)

    def allgather(self, mine: int | None, length: int, all: int | None) -> None:
        self._comm.Allgather(self._bytes(mine, length), self._shares(all, length))

    def allgatherv(self, mine: int | None, all: int | None, lengths: list[int]) -> None:
        self._comm.Allgatherv(self._bytes(mine, lengths[self.rank]), self._parts(all, lengths))

    def alltoall(self, send: int | None, length: int, receive: int | None) -> None:
        self._comm.Alltoall(self._shares(send, length), self._shares(receive, length))

    def alltoallv(self, send: int | None, out: list[int], receive: int | None, into: list[int]) -> None:
        self._comm.Alltoallv(self._parts(send, out), self._parts(receive, into))

    def _shares(self, address: int | None, length: int) -> list[Any]:
        """The memory of as many bytes for each rank."""
        return [self._memory(address or 0, length * self.size), length, self._mpi.BYTE]

    def _parts(self, address: int | None, lengths: list[int]) -> list[Any]:
        """The memory of that many bytes for each rank."""
        starts = [0, *itertools.accumulate(lengths[:-1])]
        return [self._memory(address or 0, sum(lengths)), (lengths, starts), self._mpi.BYTE]

    def new_tag(self) -> int:
        return next(self._tags) % 32767

    def dup(self) -> OverMPI:
        return OverMPI(self._comm.Dup(), owned=True)

    def split(self, color: int, key: int) -> OverMPI | None:
        part = self._comm.Split(self._mpi.UNDEFINED if color < 0 else color, key)
        return None if part == self._mpi.COMM_NULL else OverMPI(part, owned=True)

    def free(self) -> None:
        if self._owned:
            self._comm.Free()

    def isend(self, data: int | None, length: int, to: int, tag: int) -> int:
        return self._keep(self._comm.Isend(self._bytes(data, length), to, tag), False, False)

    def irecv(self, data: int | None, length: int, source: int, tag: int) -> int:
        return self._keep(self._comm.Irecv(self._bytes(data, length), source, tag), True, False)

    def send_init(self, data: int | None, length: int, to: int, tag: int) -> int:
        return self._keep(self._comm.Send_init(self._bytes(data, length), to, tag), False, True)

    def recv_init(self, data: int | None, length: int, source: int, tag: int) -> int:
        return self._keep(self._comm.Recv_init(self._bytes(data, length), source, tag), True, True)

    def _keep(self, request: Any, receives: bool, prepared: bool) -> int:
        handle = next(self._handles)
        self._requests[handle] = (request, receives, prepared)
        return handle

    def start(self, handles: list[int]) -> None:
        for handle in handles:
            self._requests[handle][0].Start()

    def _end(self, handle: int, status: Any) -> tuple[int, bool]:
        """How much arrived, and whether the handle is none any more."""
        _, receives, prepared = self._requests[handle]
        if not prepared:
            del self._requests[handle]
        return (status.Get_elements(self._mpi.BYTE) if receives else 0), not prepared

    def wait(self, handle: int) -> tuple[int, bool]:
        if not handle:
            return 0, True
        status = self._mpi.Status()
        self._requests[handle][0].Wait(status)
        return self._end(handle, status)

    def test(self, handle: int) -> tuple[int, bool] | None:
        if not handle:
            return 0, True
        status = self._mpi.Status()
        return self._end(handle, status) if self._requests[handle][0].Test(status) else None

    def waitany(self, handles: list[int]) -> tuple[int, int, bool]:
        null, status = self._mpi.REQUEST_NULL, self._mpi.Status()
        requests = [self._requests[handle][0] if handle else null for handle in handles]
        index = self._mpi.Request.Waitany(requests, status)
        if index == self._mpi.UNDEFINED:
            return -1, 0, False
        return (index, *self._end(handles[index], status))

    def request_free(self, handle: int) -> None:
        if handle:
            self._requests.pop(handle)[0].Free()
