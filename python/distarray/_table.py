"""A communicator's table of functions filled from Python.

It works with every MPI that mpi4py works with, and without one. Each message costs some
microseconds more than through the compiled table (``_mpi.c``), which is taken where the
package was installed with this MPI's ``mpicc``.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from ctypes import pointer, sizeof
from typing import Any

from . import _abi
from ._abi import distarray_comm, distarray_comm_attribute

_FAILED = -1


#: What messages travel on, by the number that is the context of its tables: an object with
#: the functions of ``distarray_comm.h``, for which memory is an address and a length in
#: bytes, and which fail by raising.
_transports: dict[int, Any] = {}
#: What the library keeps with them.
_attributes: dict[int, distarray_comm_attribute] = {}
_numbers = itertools.count(1)
_last_failure = "no more is known"


def table_of(transport: Any) -> distarray_comm:
    """A table over a transport, which is kept."""
    table = distarray_comm()
    fill(table, transport)
    table.struct_size, table.attribute = sizeof(table), _attribute_function
    _attributes[table.context] = distarray_comm_attribute()
    return table


def fill(table: distarray_comm, transport: Any) -> None:
    """Fills a table in place, all but its attribute."""
    number = next(_numbers)
    _transports[number] = transport
    table.struct_size, table.version = _abi.COMM_LEAST_SIZE, _abi.COMM_VERSION
    table.rank, table.size, table.context = transport.rank, transport.size, number
    for name, callback in _callbacks.items():
        setattr(table, name, callback)


def _guarded(function: Callable[..., object], kept: dict[int, Any] = _transports) -> Callable[..., int]:
    """A function of the table, of what is kept by context: nothing may be raised into C."""

    def guarded(context: int, *arguments: Any) -> int:
        global _last_failure
        try:
            function(kept[context], *arguments)
        except BaseException as error:  # also KeyboardInterrupt: C cannot pass it on
            _last_failure = f"{type(error).__name__}: {error}"
            return _FAILED
        return 0

    return guarded


def forget(table: distarray_comm) -> None:
    """Ends a table that is not used any more."""
    attribute = _attributes.pop(table.context, None)
    if attribute is not None and attribute.delete_fn:
        attribute.delete_fn(attribute.value)
    _transports.pop(table.context, None)


def _error_string(_context: int, _status: int, text: int, capacity: int) -> None:
    if text and capacity > 0:
        said = _last_failure.encode()[: capacity - 1]
        ctypes.memmove(text, said + b"\0", len(said) + 1)


def _attribute(kept: distarray_comm_attribute, attribute: Any) -> None:
    attribute[0] = pointer(kept)


def _new_tag(on: Any, tag: Any) -> None:
    tag[0] = on.new_tag()


def _dup(on: Any, result: Any) -> None:
    fill(result[0], on.dup())


def _split(on: Any, color: int, key: int, result: Any) -> None:
    part = on.split(color, key)
    if part is None:
        ctypes.memset(result, 0, _abi.COMM_LEAST_SIZE)
    else:
        fill(result[0], part)


def _begins(name: str) -> Callable[..., None]:
    def begin(on: Any, address: int | None, length: int, peer: int, tag: int, request: Any) -> None:
        request[0] = getattr(on, name)(address, length, peer, tag)

    return begin


def _wait(on: Any, request: Any, received: Any) -> None:
    received[0], ended = on.wait(request[0])
    if ended:
        request[0] = 0


def _test(on: Any, request: Any, done: Any, received: Any) -> None:
    found = on.test(request[0])
    done[0] = found is not None
    if found is not None:
        received[0], ended = found
        if ended:
            request[0] = 0


def _waitany(on: Any, count: int, requests: Any, index: Any, received: Any) -> None:
    index[0], received[0], ended = on.waitany(requests[:count])
    if ended:
        requests[index[0]] = 0


def _request_free(on: Any, request: Any) -> None:
    on.request_free(request[0])
    request[0] = 0


_IMPLEMENTED: dict[str, Callable[..., object]] = {
    "barrier": lambda on: on.barrier(),
    "allreduce": lambda on, *a: on.allreduce(*a),
    "bcast": lambda on, *a: on.bcast(*a),
    "allgather": lambda on, *a: on.allgather(*a),
    "allgatherv": lambda on, mine, all, lengths: on.allgatherv(mine, all, lengths[: on.size]),
    "alltoall": lambda on, *a: on.alltoall(*a),
    "alltoallv": lambda on, send, out, receive, into: on.alltoallv(
        send, out[: on.size], receive, into[: on.size]
    ),
    "new_tag": _new_tag,
    "dup": _dup,
    "split": _split,
    "free": lambda on: on.free(),
    "isend": _begins("isend"),
    "irecv": _begins("irecv"),
    "send_init": _begins("send_init"),
    "recv_init": _begins("recv_init"),
    "start": lambda on, count, requests: on.start(requests[:count]),
    "wait": _wait,
    "test": _test,
    "waitany": _waitany,
    "request_free": _request_free,
}

_fields: dict[str, Any] = {name: kind for name, kind, *_ in distarray_comm._fields_}
_attribute_function = _fields["attribute"](_guarded(_attribute, _attributes))
_callbacks: dict[str, Any] = {"error_string": _fields["error_string"](_error_string)}
_callbacks.update((name, _fields[name](_guarded(function))) for name, function in _IMPLEMENTED.items())
