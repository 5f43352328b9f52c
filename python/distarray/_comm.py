"""Communicators: mpi4py's, or None for a process on its own."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_void_p
from functools import cache
from typing import Any

from ._abi import distarray_comm
from ._library import PACKAGE
from ._table import forget, table_of
from ._transports import OverMPI, Solo
from .errors import DistArrayError, Status

#: The application binary interfaces of MPI, by what mpi4py calls the implementations.
_FAMILIES = {
    "Open MPI": "openmpi",
    "MPICH": "mpich",
    "Intel MPI": "mpich",
    "MVAPICH": "mpich",
    "MVAPICH2": "mpich",
}


def table(comm: Any) -> distarray_comm:
    """The table of functions of a communicator. Collective; local when it was asked for
    before. Each communicator is duplicated once; freeing it frees the duplicate.

    Args:
        comm: an intra-communicator of mpi4py, None for this process on its own, or a table
            that was filled elsewhere and outlives what is made with it.
    """
    if comm is None:
        return _solo()
    if isinstance(comm, distarray_comm):
        return comm
    try:
        from mpi4py import MPI
    except ImportError:
        raise TypeError(f"a communicator of mpi4py or None is needed, not {comm!r}") from None
    if not isinstance(comm, MPI.Comm):
        raise TypeError(f"a communicator of mpi4py or None is needed, not {comm!r}")
    if comm == MPI.COMM_NULL or comm.Is_inter():
        raise DistArrayError(
            "the communicator is COMM_NULL or an inter-communicator", Status.COMM, field="comm"
        )
    shim = compiled()
    if shim is None:
        return _python_table(comm)
    made = distarray_comm()
    status = shim.distarray_python_comm(MPI._addressof(comm), byref(made))
    if status != 0:
        text = ctypes.create_string_buffer(512)
        shim.distarray_python_comm_error(status, text, len(text))
        raise DistArrayError(
            f"the communicator cannot be used: {text.value.decode()}", Status.COMM, field="comm"
        )
    return made


@cache
def _solo() -> distarray_comm:
    return table_of(Solo())


@cache
def compiled() -> ctypes.CDLL | None:
    """The table that was compiled for the MPI that mpi4py runs with, or None: then messages
    go through Python. ``DISTARRAY_MPI=python`` says not to look for it."""
    from mpi4py import MPI

    family = _FAMILIES.get(MPI.get_vendor()[0])
    path = PACKAGE / f"_mpi_{family}.so"
    if family is None or os.environ.get("DISTARRAY_MPI") == "python" or not path.exists():
        return None
    try:
        shim = ctypes.CDLL(str(path))
    except OSError:
        return None
    text = ctypes.create_string_buffer(c_int32.in_dll(shim, "distarray_python_mpi_version_bytes").value)
    shim.distarray_python_mpi_version(text)
    handle = c_int32.in_dll(shim, "distarray_python_comm_bytes").value
    # The same library must have been loaded, and compiled for.
    if handle != MPI._sizeof(MPI.Comm) or text.value.decode() != MPI.Get_library_version().rstrip("\0"):
        return None
    shim.distarray_python_comm.argtypes = (c_void_p, POINTER(distarray_comm))
    shim.distarray_python_comm.restype = c_int32
    shim.distarray_python_comm_error.argtypes = (c_int32, c_char_p, c_int64)
    shim.distarray_python_comm_error.restype = None
    return shim


def _python_table(comm: Any) -> distarray_comm:
    """The table over a duplicate that is kept as an attribute of the communicator."""
    key = _keyval()
    found = comm.Get_attr(key)
    if found is None:
        duplicate = comm.Dup()
        found = table_of(OverMPI(duplicate, owned=False)), duplicate
        comm.Set_attr(key, found)
    made: distarray_comm = found[0]
    return made


@cache
def _keyval() -> int:
    from mpi4py import MPI

    def free_duplicate(_comm: Any, _key: int, found: Any) -> None:
        forget(found[0])
        found[1].Free()

    key: int = MPI.Comm.Create_keyval(delete_fn=free_duplicate)
    return key
