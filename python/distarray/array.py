"""One rank's part of a distributed array."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from ctypes import byref, c_int32
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_export, distarray_request
from ._comm import table
from ._dims import DimDict, Dims, check_version
from ._dlpack import HOST, tensor
from ._library import Handle, agreed, call, native
from ._memory import (
    Ndarray,
    as_ndarray,
    capsule_contents,
    is_writable,
    lend,
    lend_on,
    ndarray_of,
    plain_request,
    request_capsule,
    view,
)
from .errors import DistArrayError, Status, broken

if TYPE_CHECKING:
    from .distribution import Distribution

_KEYS = ("__version__", "buffer", "dim_data")
#: What protocol 1.0 says of the process grid, with its defaults.
_GRID_KEYS = {"grid_order": "C", "replicas": 1, "replica": 0}


class Array:
    """This rank's part of a distributed array: its memory, and how it fits into the whole.

    Local: an array never communicates. No element is copied: the array shows the memory
    it was made of, and keeps it alive.

    ``Array(buffer, dim_data)`` wraps a NumPy array, or whatever shares its memory by
    PEP 3118, ``__array_interface__`` or ``__dlpack__``.

    Args:
        buffer: the local part, padding included.
        dim_data: one dimension dictionary for each axis, as the Distributed Array
            Protocol 0.10.0 has them. ``edge_outside``, ``first_block``, ``num_owned`` and
            ``component`` are understood too.

    Raises:
        DistArrayError: for the first rule that is broken, with axis and field.
        TypeError: for a buffer that could only be copied.
    """

    __slots__ = ("_handle", "_local", "_axes", "distribution", "__weakref__")

    _handle: Handle
    _local: Ndarray | None
    _axes: Dims | None
    #: The distribution that made the array, or None.
    distribution: Distribution | None

    def __init__(self, buffer: object, dim_data: Sequence[DimDict]) -> None:
        local = as_ndarray(buffer)
        dims = Dims.from_dicts(dim_data, local.shape, extended=True)
        self._set(lend(local, dims), local, dims)

    def _set(
        self,
        handle: Handle,
        local: Ndarray | None = None,
        dims: Dims | None = None,
        distribution: Distribution | None = None,
    ) -> Array:
        self._handle, self._local, self._axes, self.distribution = handle, local, dims, distribution
        return self

    @classmethod
    def _of(cls, handle: Handle, **attributes: Any) -> Array:
        return cls.__new__(cls)._set(handle, **attributes)

    @property
    def local(self) -> Ndarray:
        """The local part, padding included. Writing to it writes to the array; it keeps the
        memory alive. Local.

        Memory of another library: what is written here it hears from ``mark_modified``.

        Raises:
            DistArrayError: for elements that NumPy does not have, such as bfloat16.
        """
        if self._local is None:
            self._local = ndarray_of(self._handle, view(self._handle))
        return self._local

    @local.setter
    def local(self, values: Any) -> None:  # so that u.local += 1 works, as for numpy.ndarray.real
        self.local[...] = values

    @property
    def owned(self) -> Ndarray:
        """The part of ``local`` that this rank owns: without padding and ghosts. A view, as
        ``local`` is: assigning to it writes its elements. Local."""
        owned: tuple[Any, ...] = tuple(owned for _, owned in self._dims().held_and_owned())
        return self.local[(*owned, ...)]  # with the ellipsis a scalar stays a view

    @owned.setter
    def owned(self, values: Any) -> None:
        self.owned[...] = values

    @property
    def ogrid(self) -> tuple[npt.NDArray[np.int64], ...]:
        """The global indices of the owned elements, one array for each axis, which broadcast
        against each other and ``owned`` like those of ``numpy.ogrid``. Local."""
        dims = self._dims()
        found = dims.held_and_owned()
        return np.ix_(
            *(
                dims.global_indices(axis, np.arange(owned.start, owned.stop, dtype=np.int64))
                for axis, (_, owned) in enumerate(found)
            )
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type. Local."""
        return self.local.dtype

    @property
    def ndim(self) -> int:
        """The number of axes. Local."""
        return int(view(self._handle).ndim)

    @property
    def global_shape(self) -> tuple[int, ...]:
        """The extents of the whole array. Local."""
        return self._dims().shape

    @property
    def dim_data(self) -> tuple[DimDict, ...]:
        """The dimension dictionaries. Local."""
        return self._dims().to_dicts()

    @property
    def is_copy(self) -> bool:
        """Whether the elements are copies of another array's, as a hand-over may make. Local."""
        return bool(view(self._handle).flags_info & _abi.I_COPIED)

    def shares_memory(self, other: Array) -> bool:
        """Whether both are the same elements in the same memory: one address, type, shape
        and strides. Local."""
        same = c_int32()
        call("array_same_memory", self._handle, other._handle, byref(same))
        return bool(same.value)

    def mark_modified(self, *, owned: bool = True, halo: bool = False) -> None:
        """Tells who lent the memory what was written to ``local``, so that it drops what it
        derived from the old values. Local."""
        flags = (_abi.C_MODIFIED if owned else 0) | (_abi.C_HALO_MODIFIED if halo else 0)
        call("array_mark_modified", self._handle, flags)

    def __repr__(self) -> str:
        shown = view(self._handle)
        local = tuple(shown.shape[: shown.ndim]) if shown.ndim else ()
        return f"<Array of {self.global_shape}, axes {self._dims().kinds!r}, here {local}>"

    def _dims(self) -> Dims:
        if self._axes is None:
            # The structs are copied, the index lists stay the array's.
            self._axes = Dims.of(view(self._handle), self._handle)
        return self._axes

    def __distarray__(self) -> DimDict:
        """The array as the Distributed Array Protocol 0.10.0 says it. Local.

        Raises:
            DistArrayError: for what that protocol cannot say, such as halos outside the
                edges: ``__distarray_c__`` can.
        """
        dims = self._dims()
        if not dims.is_plain():
            raise DistArrayError(
                "protocol 0.10.0 cannot say this: halos outside the edges, ghosts, components, replicas,"
                " rotated deals, other grids than row-major ones; take the array by __distarray_c__",
                Status.VERSION,
                field="dim_data",
            )
        return {"__version__": "0.10.0", "buffer": self.local, "dim_data": dims.to_dicts()}

    def __distarray_c__(self, request: object = None) -> object:
        """A capsule named ``"distarray_export"`` with a loan of the array. Local.

        The consumer moves the struct out, which leaves its ``release`` NULL; a loan that
        nobody moved out is released with the capsule.

        Args:
            request: a capsule named ``"distarray_request"``, or None to ask for what the
                array allows.

        Raises:
            DistArrayError: for a request that the array cannot meet.
        """
        if request is None:
            writable = is_writable(view(self._handle))
            asked = plain_request(_abi.ACCESS_READ_WRITE if writable else _abi.ACCESS_READ)
        else:
            asked = capsule_contents(request, distarray_request)
        capsule: object = native.distarray_python_capsule(byref(lend_on(self._handle, asked)))
        return capsule

    @property
    def __array_interface__(self) -> dict[str, Any]:
        interface: dict[str, Any] = self.local.__array_interface__
        return interface

    def __buffer__(self, flags: int) -> memoryview:  # from Python 3.12 on
        return self.local.data

    def __dlpack__(
        self,
        *,
        stream: object = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """A loan of ``local``, padding included, as a tensor of DLPack, in a capsule named
        ``"dltensor_versioned"`` for a consumer of DLPack 1, else ``"dltensor"``. Local.

        The memory stays lent until the consumer ends the tensor; what it writes the lender
        hears from ``mark_modified``.

        Args:
            stream: None: the memory is the host's.
            max_version: the newest version that the consumer reads; None is one before 1.
            dl_device: None or the host, ``(1, 0)``.
            copy: True lends a copy, packed in row-major order.

        Raises:
            BufferError: for what DLPack cannot say: elements that are no numbers in native
                byte order, strides that are no multiple of the element, before version 1
                also memory that is read-only; and for another device than the host.
        """
        return tensor(self._handle, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return HOST

    @property
    def __partitioned__(self) -> dict[str, Any]:
        """The tiles of all ranks as the draft protocol ``__partitioned__`` has them, with this
        rank's own data. Local; it takes memory that grows with the ranks.

        Raises:
            AttributeError: for an array whose distribution is not known, and for others
                than blocks: only rectangles can be said.
        """
        if self.distribution is None:
            raise AttributeError("the array does not know the other ranks; see Distribution.wrap")
        return self.distribution._partitioned(self)


def from_distarray(source: object, *, writable: bool | None = None, exclusive: bool = False) -> Array:
    """Takes any object with ``__distarray_c__`` or ``__distarray__``, or the dictionary that the
    latter returns, of protocol 0.10 or 1.0. The memory is shared, never copied. Local.

    Args:
        source: what lends the array.
        writable: whether it may be written; None takes what is lent.
        exclusive: nobody else may use the memory while the array lives, the lender neither:
            ``__distarray_c__`` can promise that, ``__distarray__`` cannot.

    Raises:
        DistArrayError: for the first rule of the protocol that is broken, with axis and
            field; for an access that is not lent; ``Status.BUSY`` where another loan is out.
        TypeError: for an object that lends nothing.
    """
    if exclusive:
        if writable is False or not hasattr(source, "__distarray_c__"):
            why = "an array is taken exclusively by __distarray_c__, and to be written"
            raise DistArrayError(why, Status.ACCESS, field="exclusive")
        return _taken(_ask(source, _abi.ACCESS_EXCLUSIVE), _abi.ACCESS_EXCLUSIVE)
    if hasattr(source, "__distarray_c__"):
        return _from_capsule(source, writable)
    if hasattr(source, "__distarray__"):
        source = source.__distarray__()
    if not (isinstance(source, dict) or isinstance(source, Mapping)):
        raise TypeError(f"{type(source).__name__} has neither __distarray__ nor __distarray_c__")
    for key in _KEYS:
        if key not in source:
            raise broken("T1", key, None, "the key is missing")
    extended = check_version(source["__version__"])
    for key in source:
        if key not in _KEYS and not (extended and key in _GRID_KEYS):
            raise broken("T1", str(key), None, f"{source['__version__']} has no such key")
    local = as_ndarray(source["buffer"])
    if writable is False:
        local = local.view()
        local.flags.writeable = False
    dims = Dims.from_dicts(source["dim_data"], local.shape, extended)
    if extended:
        dims.place(*(source.get(key, default) for key, default in _GRID_KEYS.items()))
    return Array._of(lend(local, dims, writable=writable), local=local, dims=dims)


def _from_capsule(source: Any, writable: bool | None) -> Array:
    access = _abi.ACCESS_READ if writable is False else _abi.ACCESS_READ_WRITE
    try:
        capsule = _ask(source, access)
    except DistArrayError as error:
        if writable is not None or error.status != Status.ACCESS:
            raise
        capsule = _ask(source, _abi.ACCESS_READ)
    if writable is None:
        # Nothing behind the prefix may be looked at before the library has.
        loan = capsule_contents(capsule, distarray_export)
        known = loan.magic == _abi.MAGIC and loan.abi_major == _abi.ABI_MAJOR
        writable = known and not loan.flags_write & ~_abi.W_REPLICATED
        access = _abi.ACCESS_READ_WRITE if writable else _abi.ACCESS_READ
    return _taken(capsule, access)


def _ask(source: Any, access: int) -> object:
    asked = plain_request(access)  # lives while its capsule is read
    capsule: object = source.__distarray_c__(request_capsule(asked))
    return capsule


def _taken(capsule: object, access: int) -> Array:
    # A loan that the library refuses is released with the capsule.
    loan = capsule_contents(capsule, distarray_export)
    return Array._of(Handle("array", "array_import", byref(loan), access))


def handle_of(array: object) -> Handle | None:
    """The library's array, or None: then a collective call fails on all ranks alike."""
    return array._handle if isinstance(array, Array) else None


def load_dnpy(name: str | os.PathLike[str], comm: Any = None) -> Array:
    """Reads this rank's part of a distributed array. Nothing is ever unpickled.

    Args:
        name: the file. With a communicator, what the names of a set of files begin with:
            ``name_0.dnpy``, ``name_1.dnpy``, ..., one for each rank; collective then. Where
            there is a ``name.manifest``, files of one save are read, or none.

    Raises:
        DistArrayError: for a file that cannot be read or is none; on all ranks alike if
            there is a communicator.
    """
    if comm is None:
        return Array._of(Handle("array", "array_read_dnpy", os.fsencode(name)))
    functions = table(comm)
    with agreed("array_read_dnpy_set", None, byref(functions), None):
        prefix = os.fsencode(name)
    return Array._of(Handle("array", "array_read_dnpy_set", prefix, byref(functions)))


def save_dnpy(name: str | os.PathLike[str], array: Array, comm: Any = None) -> None:
    """Writes this rank's part, padding included. A file that exists is replaced whole or not
    at all.

    Args:
        name: as for ``load_dnpy``; collective with a communicator. The set is then replaced
            as a whole, whatever interrupts the call: ``name.manifest`` says what is of it.
        array: what is written.

    Raises:
        DistArrayError: where the system refuses; on all ranks alike if there is a communicator.
    """
    if comm is None:
        call("array_write_dnpy", handle_of(array), os.fsencode(name))
        return
    functions = table(comm)
    with agreed("array_write_dnpy_set", None, None, byref(functions)):
        prefix = os.fsencode(name)
    call("array_write_dnpy_set", handle_of(array), prefix, byref(functions))
