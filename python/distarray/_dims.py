"""The protocol's dimension dictionaries, to and from the C struct."""

from __future__ import annotations

import ctypes
import operator
import re
from collections.abc import Mapping, Sequence
from ctypes import byref, c_int64
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_dim, distarray_export
from ._library import call
from .errors import DistArrayError, Status, broken

#: A dimension dictionary.
DimDict = dict[str, Any]

_VERSION = re.compile(r"(0\.10|1\.0)\.(0|[1-9][0-9]{0,9})")
_BLOCK, _CYCLIC, _UNSTRUCTURED = ord("b"), ord("c"), ord("u")
#: What protocol 0.10 has no words for.
_SINCE_1_0 = frozenset(("edge_outside", "first_block", "num_owned", "component"))
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class Dims:
    """The axes of one rank's part and its place on the process grid: an array of C structs, and
    the index lists they point to. They do not change; what is worked out of them is kept."""

    __slots__ = ("structs", "rank", "count", "flags_read", "flags_write", "ranks", "_kept", "_dicts")

    def __init__(self, structs: Sequence[distarray_dim], kept: object) -> None:
        """Axes on a row-major grid; what they point to is ``kept``."""
        self.structs = (distarray_dim * len(structs))(*structs)
        self._kept = kept
        self._dicts: list[DimDict] | None = None
        rank, count, ghosts = 0, 1, False
        for dim in structs:
            extent = dim.proc_grid_size
            rank = rank * extent + dim.proc_grid_rank
            count *= extent
            if dim.n_owned != dim.n_indices:
                ghosts = True
        # Others than 64-bit numbers are refused with the sizes that they are made of.
        self.rank, self.count = min(max(rank, 0), _MOST), min(max(count, 0), _MOST)
        self.ranks: Any = None  # the rank at each place of a grid that has a table of them
        self.flags_read, self.flags_write = _abi.R_GHOSTS if ghosts else 0, 0

    @classmethod
    def of(cls, shown: distarray_export, owner: object) -> Dims:
        """Those of an array or a distribution, which is kept alive."""
        made = cls(shown.dims[: shown.ndim] if shown.ndim else [], owner)
        made.rank, made.count, made.ranks = shown.process_rank, shown.process_count, shown.grid_ranks
        made.flags_read = shown.flags_read & (_abi.R_GHOSTS | _abi.R_GRID_MAP | _abi.R_GRID_COLMAJOR)
        made.flags_write = shown.flags_write & _abi.W_REPLICATED
        return made

    @classmethod
    def from_dicts(cls, dicts: object, shape: tuple[int, ...], extended: bool) -> Dims:
        """Reads dimension dictionaries; ``shape`` is the buffer's.

        Keys that protocol 0.10 does not have are read if ``extended``, else ignored.
        """
        if not isinstance(dicts, (tuple, list)):
            raise broken(
                "T3", "dim_data", None, f"a tuple of dictionaries is needed, not {type(dicts).__name__}"
            )
        if len(dicts) != len(shape):
            text = f"the buffer has {len(shape)} axes, there are {len(dicts)} dictionaries"
            raise broken("T4", "dim_data", None, text)
        indices: list[object] = []
        structs = [_from_dict(axis, d, shape[axis], indices, extended) for axis, d in enumerate(dicts)]
        return cls(structs, indices)

    def place(self, order: object, replicas: object, replica: object) -> None:
        """Places the part on the process grid as a whole of protocol 1.0 says."""
        table: list[int] | None = None
        if isinstance(order, (tuple, list)):
            table = [integer(rank, "grid_order", None) for rank in order]
        elif not (isinstance(order, str) and order in ("C", "F")):
            raise broken(
                "T6", "grid_order", None, f"'C', 'F' or a sequence of ranks is needed, not {order!r}"
            )
        copies, copy = integer(replicas, "replicas", None), integer(replica, "replica", None)
        if not 0 <= copy < copies:
            raise broken("G2", "replica", None, f"{copy} is none of {copies}", Status.GRID)
        places, count = self.count, self.count * copies
        if count > _MOST:
            raise broken("G1", "proc_grid_size", None, f"{count} ranks do not fit 64 bits", Status.GRID)
        if order == "F":
            self.rank, self.flags_read = 0, self.flags_read | _abi.R_GRID_COLMAJOR
            for dim in reversed(self.structs):
                self.rank = self.rank * dim.proc_grid_size + dim.proc_grid_rank
        self.count, self.rank = count, copy * places + self.rank
        self.flags_write = _abi.W_REPLICATED if copies > 1 else 0
        if table is not None:
            if len(table) != count:
                raise broken("G3", "grid_ranks", None, f"{len(table)} entries for {count} ranks", Status.GRID)
            if sorted(table) != list(range(count)):
                raise broken("G4", "grid_ranks", None, "each rank must stand there once", Status.DUPLICATE)
            self.rank, self.ranks = table[self.rank], (c_int64 * count)(*table)
            self.flags_read |= _abi.R_GRID_MAP

    def to_dicts(self) -> tuple[DimDict, ...]:
        """The dimension dictionaries, without keys that have their default."""
        if self._dicts is None:
            self._dicts = [_to_dict(dim) for dim in self.structs]
        return tuple([dim.copy() for dim in self._dicts])

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents of the whole array."""
        return tuple([dim.size for dim in self.structs])

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The extents of the process grid."""
        return tuple([dim.proc_grid_size for dim in self.structs])

    @property
    def grid_rank(self) -> tuple[int, ...]:
        """The coordinates on the process grid."""
        return tuple([dim.proc_grid_rank for dim in self.structs])

    @property
    def kinds(self) -> str:
        """The letters of the axes."""
        return "".join(chr(dim.dist_type or _BLOCK) for dim in self.structs)

    def is_plain(self) -> bool:
        """Whether protocol 0.10 can say all of it."""
        return not (self.flags_read or self.flags_write) and not any(
            dim.flags & (_abi.DIM_EDGE_OUTSIDE | _abi.DIM_COMPONENT)
            or dim.first_block not in (0, dim.block_size)
            or (dim.dist_type == _CYCLIC and dim.start != dim.proc_grid_rank * max(dim.block_size, 1))
            for dim in self.structs
        )

    def held_and_owned(self) -> list[tuple[int, slice]]:
        """For each axis the number of elements held, and where the owned ones lie."""
        held, start, stop = c_int64(), c_int64(), c_int64()
        found = []
        for axis, dim in enumerate(self.structs):
            try:
                call("dim_owned", byref(dim), byref(held), byref(start), byref(stop))
            except DistArrayError as error:
                error.axis = axis
                raise
            found.append((held.value, slice(start.value, stop.value)))
        return found

    def global_indices(self, axis: int, local: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The global index of each local position along an axis."""
        found = np.empty_like(local)
        call(
            "dim_local_to_global", byref(self.structs[axis]), local.size, local.ctypes.data, found.ctypes.data
        )
        return found


def check_version(version: object) -> bool:
    """Accepts 0.10 and 1.0 with any patch number; tells whether it is 1.0."""
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None or int(found[2]) >> 32:
        text = f"{version!r} is not spoken here, 0.10.0 and 1.0.0 are"
        raise broken("T2", "__version__", None, text, Status.VERSION)
    return found[1] == "1.0"


def _from_dict(axis: int, given: Any, extent: int, indices: list[object], extended: bool) -> distarray_dim:
    if not (isinstance(given, dict) or isinstance(given, Mapping)):  # the common one first, it is quicker
        raise broken("T3", "dim_data", axis, f"a dictionary is needed, not {type(given).__name__}")
    dim = distarray_dim()
    if not given:  # the alias of an axis held whole
        dim.dist_type, dim.size, dim.proc_grid_size, dim.stop = _BLOCK, extent, 1, extent
        return dim
    if not (extended or _SINCE_1_0.isdisjoint(given)):
        given = {key: value for key, value in given.items() if key not in _SINCE_1_0}
    kind = given.get("dist_type")
    if kind is None and "dist_type" not in given:
        raise broken("T5", "dist_type", axis, "the key is missing")
    dim.size = _integer(given, "size", axis)
    if kind == "b":
        dim.dist_type = _BLOCK
        dim.start = _integer(given, "start", axis)
        dim.stop = _integer(given, "stop", axis)
        if "padding" in given:
            padding = given["padding"]
            if not (isinstance(padding, (tuple, list)) and len(padding) == 2):
                raise broken("T6", "padding", axis, f"a tuple of two widths is needed, not {padding!r}")
            dim.padding[0], dim.padding[1] = (integer(width, "padding", axis) for width in padding)
        dim.flags = _flag(given, "periodic", _abi.DIM_PERIODIC, axis)
        dim.flags |= _flag(given, "edge_outside", _abi.DIM_EDGE_OUTSIDE, axis)
    elif kind == "c":
        dim.dist_type = _CYCLIC
        dim.start = _integer(given, "start", axis)
        dim.block_size = _integer(given, "block_size", axis) if "block_size" in given else 1
        if dim.block_size < 1:  # 0 is the struct's word for 1
            raise broken(
                "C1", "block_size", axis, f"at least 1 is needed, not {dim.block_size}", Status.RANGE
            )
        if "first_block" in given:
            dim.first_block = _integer(given, "first_block", axis)
            if dim.first_block == 0:  # the struct's word for block_size
                raise broken("C3", "first_block", axis, "at least 1 is needed, not 0", Status.RANGE)
    elif kind == "u":
        dim.dist_type = _UNSTRUCTURED
        if "indices" not in given:
            raise broken("T5", "indices", axis, "the key is missing")
        held = _indices(given["indices"], axis, extended)
        indices.append(held)
        dim.indices, dim.n_indices, dim.n_owned = held.ctypes.data, held.size, held.size
        dim.flags = _flag(given, "one_to_one", _abi.DIM_ONE_TO_ONE, axis)
        if held.dtype == np.int32:
            dim.flags |= _abi.DIM_INDICES_I32
        if "num_owned" in given:
            dim.n_owned = _integer(given, "num_owned", axis)
    else:
        raise broken("T7", "dist_type", axis, f"'b', 'c' or 'u' is needed, not {kind!r}")
    dim.proc_grid_size = _integer(given, "proc_grid_size", axis)
    dim.proc_grid_rank = _integer(given, "proc_grid_rank", axis)
    if kind == "c" and not extended:
        _start_of_0_10(axis, dim)
    if "component" in given:
        dim.flags |= _flag(given, "component", _abi.DIM_COMPONENT, axis)
    return dim


def _integer(given: Any, key: str, axis: int) -> int:
    try:
        value = given[key]
    except KeyError:
        raise broken("T5", key, axis, "the key is missing") from None
    return value if type(value) is int and _LEAST <= value <= _MOST else integer(value, key, axis)


def integer(value: Any, key: str, axis: int | None) -> int:
    """A number that fits the C struct."""
    if isinstance(value, (bool, np.bool_)):
        raise broken("T6", key, axis, f"an integer is needed, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise broken("T6", key, axis, f"an integer is needed, not {value!r}") from None
    if not _LEAST <= number <= _MOST:
        raise broken("T6", key, axis, f"{number} does not fit 64 bits")
    return number


def _flag(given: Any, key: str, bit: int, axis: int) -> int:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise broken("T6", key, axis, f"a bool is needed, not {value!r}")
    return bit if value else 0


def _start_of_0_10(axis: int, dim: distarray_dim) -> None:
    """Holds a cyclic start to ``proc_grid_rank * block_size``, of which some writers
    take the minimum with ``size``."""
    if not 0 <= dim.proc_grid_rank < dim.proc_grid_size:
        return  # which is refused
    own = dim.proc_grid_rank * dim.block_size
    if dim.start != own and not dim.start == dim.size < own:
        raise broken(
            "C2", "start", axis, f"must be proc_grid_rank * block_size = {own}, not {dim.start}", Status.RANGE
        )
    if own >= 1 << 63:
        raise broken("C2", "start", axis, f"{own} does not fit 64 bits", Status.RANGE)
    dim.start = own


def _indices(given: Any, axis: int, lists: bool) -> npt.NDArray[Any]:
    """Index lists stay where they are if they are packed 32 or 64-bit integers. The protocol
    asks for buffers; Python's own ``lists`` may be read too."""
    try:
        if lists and isinstance(given, (list, tuple)):
            held: npt.NDArray[Any] = np.array(given, np.int64 if not given else None)
        else:
            held = np.asarray(memoryview(given))
    except (ValueError, TypeError, OverflowError):
        held = np.empty(0, object)
    if held.ndim != 1 or held.dtype.kind not in "iu":
        raise broken("T6", "indices", axis, "one-dimensional integers are needed")
    if (
        held.dtype in (np.int32, np.int64)
        and held.dtype.isnative
        and held.flags.c_contiguous
        and held.flags.aligned
    ):
        return held
    if held.dtype.kind == "u" and held.size and int(held.max()) >= 1 << 63:
        raise broken("T6", "indices", axis, f"{held.max()} does not fit 64 bits", Status.RANGE)
    return np.ascontiguousarray(held, np.int64)


def _to_dict(dim: distarray_dim) -> DimDict:
    kind = dim.dist_type or _BLOCK
    found: DimDict = {
        "dist_type": chr(kind),
        "size": dim.size,
        "proc_grid_rank": dim.proc_grid_rank,
        "proc_grid_size": dim.proc_grid_size,
    }
    if kind == _BLOCK:
        found["start"], found["stop"] = dim.start, dim.stop
        if any(dim.padding):
            found["padding"] = tuple(dim.padding)
        if dim.flags & _abi.DIM_PERIODIC:
            found["periodic"] = True
        if dim.flags & _abi.DIM_EDGE_OUTSIDE:
            found["edge_outside"] = True
    elif kind == _CYCLIC:
        found["start"] = dim.start
        if dim.block_size > 1:
            found["block_size"] = dim.block_size
        if dim.first_block not in (0, dim.block_size):
            found["first_block"] = dim.first_block
    else:
        held = c_int64 if not dim.flags & _abi.DIM_INDICES_I32 else ctypes.c_int32
        if dim.n_indices:
            found["indices"] = np.ctypeslib.as_array((held * dim.n_indices).from_address(dim.indices)).copy()
        else:
            found["indices"] = np.empty(0, np.int64)
        if dim.flags & _abi.DIM_ONE_TO_ONE:
            found["one_to_one"] = True
        if dim.n_owned != dim.n_indices:
            found["num_owned"] = dim.n_owned
    if dim.flags & _abi.DIM_COMPONENT:
        found["component"] = True
    return found
