"""How an array is dealt out over the ranks of a communicator."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from ctypes import POINTER, byref, c_int64, c_void_p
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_axis, distarray_comm, distarray_export, distarray_grid, distarray_run
from ._comm import table
from ._dims import DimDict, Dims, integer
from ._library import Handle, agreed, call
from ._memory import Ndarray, as_ndarray, dtype_code, lend
from .array import Array
from .axis import Axis, block


class Distribution:
    """Who owns what: a communicator and the parts of all its ranks, proved to make one array.

    Collective: all ranks of the communicator make it together, of the same axes but for lists
    of indices. When one fails, all raise.

    Args:
        comm: a communicator of mpi4py, or None for this process on its own. It is
            duplicated once, whatever is made with it, and must not be freed before.
        axes: one for each axis; an integer is ``block(n)``.
        grid_shape: extents of the process grid; None takes those whose parts have the
            smallest surface.
        order: ``"C"`` numbers the ranks row-major, as ``MPI.Comm.Create_cart`` does, ``"F"``
            column-major, as PETSc's DMDA and BLACS grids of order C do.
        ranks: instead of an order the rank at each place of the grid, row-major, one replica
            after the other, as ``relabel`` finds them.
        replicas: number of equal copies of the array, each on its share of the ranks.

    Raises:
        DistArrayError: on all ranks alike, with the rank, axis and field at fault.
    """

    def __init__(
        self,
        comm: Any,
        axes: Sequence[Axis | int],
        *,
        grid_shape: Sequence[int] | None = None,
        order: str = "C",
        ranks: npt.ArrayLike | None = None,
        replicas: int = 1,
    ) -> None:
        functions = table(comm)
        with agreed("distribution_new_on_grid", byref(functions), 0, None, None, None):
            lists: list[object] = []
            structs = [
                (axis if isinstance(axis, Axis) else block(axis)).struct(number, lists)
                for number, axis in enumerate(axes)
            ]
            grid = _grid(len(structs), functions.size, grid_shape, order, ranks, replicas)
        self._set(
            functions,
            comm,
            "distribution_new_on_grid",
            len(structs),
            (distarray_axis * len(structs))(*structs),
            byref(grid),
        )

    @classmethod
    def of(cls, comm: Any, array: Array) -> Distribution:
        """Proves that the arrays of all ranks are parts of one. Collective.

        Raises:
            DistArrayError: on all ranks alike: where the parts leave a gap, overlap, have
                paddings that do not pair, other element types, indices owned twice.
        """
        functions = table(comm)
        with agreed("distribution_gather", byref(functions), None, byref(c_void_p())):
            if not isinstance(array, Array):
                raise TypeError(f"an Array is needed, not {type(array).__name__}")
        made = cls.__new__(cls)
        made._set(functions, comm, "distribution_gather", array._handle)
        return made

    def _set(self, functions: distarray_comm, comm: Any, make: str, *arguments: Any) -> None:
        self.comm = comm
        self._handle = Handle("distribution", make, byref(functions), *arguments, kept=(comm, functions))
        described = distarray_export()
        call("distribution_describe", self._handle, byref(described))
        self._dims = Dims.of(described, self._handle)

    @property
    def global_shape(self) -> tuple[int, ...]:
        """The extents of the whole array. Local."""
        return self._dims.shape

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The extents of the process grid. Local."""
        return self._dims.grid_shape

    @property
    def replicas(self) -> int:
        """The number of equal copies of the array. Local."""
        return self._dims.count // math.prod(self.grid_shape)

    @property
    def dim_data(self) -> tuple[DimDict, ...]:
        """This rank's dimension dictionaries. Local."""
        return self._dims.to_dicts()

    @property
    def local_shape(self) -> tuple[int, ...]:
        """The extents of this rank's part, padding included. Local."""
        return tuple(held for held, _ in self._dims.held_and_owned())

    def zeros(self, dtype: npt.DTypeLike = np.float64, *, order: str = "C", shared: bool = False) -> Array:
        """A new array, all zero, padding included. Collective.

        Args:
            dtype: the element type.
            order: ``"F"`` lets the first axis run fastest.
            shared: in memory that the ranks of a node share, where the system offers it:
                exchanges between them are direct copies.
        """
        with agreed("distribution_zeros", self._handle, 0, 0, 0, 0, None):
            code, bits = dtype_code(dtype)
            if order not in ("C", "F"):
                raise ValueError(f"order is 'C' or 'F', not {order!r}")
        made = Handle("array", "distribution_zeros", self._handle, code, bits, int(order == "F"), int(shared))
        return Array._of(made, distribution=self)

    def load_dnpy(self, name: str | os.PathLike[str]) -> Array:
        """This rank's part of a set of files, ``name_0.dnpy``, ``name_1.dnpy``, ..., whatever
        number of ranks saved it in whatever distribution; padding is filled too. All files
        must be within reach of every rank. Collective.

        Raises:
            DistArrayError: on all ranks alike: for an array of another shape, a file that is
                missing, broken, or not of the save that ``name.manifest`` tells of.
        """
        with agreed("distribution_read_dnpy_set", self._handle, None, None):
            prefix = os.fsencode(name)
        made = Handle("array", "distribution_read_dnpy_set", self._handle, prefix)
        return Array._of(made, distribution=self)

    def wrap(self, buffer: object) -> Array:
        """This rank's part in memory of one's own, which is not copied. Local.

        Args:
            buffer: a NumPy array of ``local_shape``, or what shares memory like one.

        Raises:
            DistArrayError: for another shape.
            TypeError: for a buffer that could only be copied.
        """
        local = as_ndarray(buffer)
        return Array._of(lend(local, self._dims), local=local, dims=self._dims, distribution=self)

    def owner(self, indices: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The rank that owns each element, -1 where none does. Local.

        Args:
            indices: global indices; the last axis runs over the axes of the array.

        Raises:
            DistArrayError: where an axis is unstructured: see ``owners``.
        """
        asked = np.ascontiguousarray(indices, np.int64)
        if asked.shape[-1:] != (len(self._dims.structs),):
            raise ValueError(f"each index needs {len(self._dims.structs)} numbers")
        found = np.empty(asked.shape[:-1], np.int64)
        call("distribution_owner", self._handle, found.size, asked.ctypes.data, found.ctypes.data)
        return found

    def owners(
        self, axis: int, indices: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The grid coordinate that owns each index of any axis, and its position among the
        elements owned there; -1 where none does. Collective; a rank may ask for nothing."""
        with agreed("distribution_owners", self._handle, -1, 0, None, None, None):
            asked, axis = np.ascontiguousarray(indices, np.int64), operator.index(axis)
        coordinate, local = np.empty_like(asked), np.empty_like(asked)
        addresses = (asked.ctypes.data, coordinate.ctypes.data, local.ctypes.data)
        call("distribution_owners", self._handle, axis, asked.size, *addresses)
        return coordinate, local

    def relabel(self, target: Distribution) -> npt.NDArray[np.int64]:
        """The rank that should stand at each place of the target's process grid, so that the
        fewest elements move there from here: ``ranks`` of a new ``Distribution``. Local.

        Raises:
            DistArrayError: for unstructured axes and replicas.
        """
        best = np.empty(self._dims.count, np.int64)
        pointer = best.ctypes.data_as(POINTER(c_int64))
        call("distribution_relabel", self._handle, target._handle, best.size, pointer)
        return best

    def __repr__(self) -> str:
        grid = f"{self.grid_shape} ranks" + (f", {self.replicas} copies" if self.replicas > 1 else "")
        return f"<Distribution of {self.global_shape}, axes {self._dims.kinds!r}, on {grid}>"

    def _owned(self, axis: int, coordinate: int) -> tuple[int, int]:
        """The block that a grid coordinate owns."""
        run, count = distarray_run(), c_int64()
        call("distribution_owned_runs", self._handle, axis, coordinate, 1, byref(run), byref(count))
        return (run.start, run.start + run.len * run.count) if count.value else (0, 0)

    def _partitioned(self, array: Array) -> dict[str, Any]:
        if self.replicas > 1 or set(self._dims.kinds) - {"b"}:
            raise AttributeError("__partitioned__ is for arrays of blocks alone, each held once")
        grid, here = self.grid_shape, self._dims.grid_rank
        blocks = [[self._owned(axis, i) for i in range(extent)] for axis, extent in enumerate(grid)]
        partitions = {}
        for place in np.ndindex(*grid):
            own = [blocks[axis][i] for axis, i in enumerate(place)]
            partitions[place] = {
                "start": tuple(start for start, _ in own),
                "shape": tuple(stop - start for start, stop in own),
                "data": array.owned if place == here else None,
                "location": [self._rank_at(place)],
            }
        return {
            "shape": self.global_shape,
            "partition_tiling": grid,
            "partitions": partitions,
            "locals": [here],
            "get": _itself,
        }

    def _rank_at(self, place: tuple[int, ...]) -> int:
        """The rank at a place of the process grid."""
        dims, position = self._dims, 0
        axes = list(zip(self.grid_shape, place, strict=True))
        for extent, coordinate in reversed(axes) if dims.flags_read & _abi.R_GRID_COLMAJOR else axes:
            position = position * extent + coordinate
        return int(dims.ranks[position]) if dims.flags_read & _abi.R_GRID_MAP else position


def handle_of_distribution(side: object) -> Handle:
    """The library's distribution."""
    if not isinstance(side, Distribution):
        raise TypeError(f"a Distribution is needed, not {type(side).__name__}")
    return side._handle


def _itself(data: Ndarray) -> Ndarray:
    return data


def _grid(
    ndim: int,
    ranks: int,
    extents: Sequence[int] | None,
    order: str,
    table: npt.ArrayLike | None,
    replicas: int,
) -> distarray_grid:
    """The wanted process grid for C."""
    grid = distarray_grid()
    if order not in ("C", "F"):
        raise ValueError(f"order is 'C' or 'F', not {order!r}")
    grid.order = 2 if order == "F" else 0
    grid.replicas = integer(replicas, "replicas", None)
    if grid.replicas < 1:
        raise ValueError(f"an array has 1 copy or more, not {replicas}")
    if extents is not None:
        wanted = [integer(extent, "proc_grid_size", axis) for axis, extent in enumerate(extents)]
        if len(wanted) != ndim:
            raise ValueError(f"a process grid of {len(wanted)} axes is none for an array of {ndim}")
        grid.extents = (c_int64 * ndim)(*wanted)
    if table is not None:
        numbers = [integer(rank, "ranks", None) for rank in np.asarray(table).ravel().tolist()]
        if len(numbers) != ranks:
            raise ValueError(f"ranks has {len(numbers)} of the {ranks} ranks")
        grid.ranks = (c_int64 * ranks)(*numbers)
    return grid
