"""How an array is dealt out over the ranks of a communicator."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from ctypes import byref, c_int64, c_void_p
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_comm, distarray_run
from ._comm import table
from ._dims import DimDict, Dims
from ._library import Handle, agreed, call
from ._memory import Ndarray, as_ndarray, dtype_code, lend, view
from .array import Array
from .axis import Axis, block, grid_for
from .errors import DistArrayError, Status

_SOLID = np.zeros((), np.uint8)


class Distribution:
    """Who owns what: a communicator and the parts of all its ranks, proved to make one array.

    Collective: all ranks of the communicator make it together. When one fails, all raise.

    Args:
        comm: a communicator of mpi4py, or None for this process on its own. It is
            duplicated once, whatever is made with it, and must not be freed before.
        axes: one for each axis; an integer is ``block(n)``.
        grid_shape: extents of the process grid; None takes those whose parts have the
            smallest surface.
        order: ``"C"`` numbers the ranks row-major, as ``MPI.Comm.Create_cart`` does, ``"F"``
            column-major, as PETSc's DMDA and BLACS grids of order C do.

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
    ) -> None:
        functions = table(comm)
        with agreed("distribution_gather", byref(functions), None, byref(c_void_p())):
            if order not in ("C", "F"):
                raise ValueError(f"order is 'C' or 'F', not {order!r}")
            wanted = [axis if isinstance(axis, Axis) else block(axis) for axis in axes]
            grid = (
                grid_for(wanted, functions.size)
                if grid_shape is None
                else tuple(map(operator.index, grid_shape))
            )
            if len(grid) != len(wanted) or math.prod(grid) != functions.size:
                raise DistArrayError(
                    f"a process grid of {grid} is none for {len(wanted)} axes on {functions.size} ranks",
                    Status.GRID,
                    field="proc_grid_size",
                )
            place = _place(functions.rank, grid, order)
            parts = [axis.part(extent, at) for axis, extent, at in zip(wanted, grid, place, strict=True)]
            dims = Dims.from_dicts(parts, (0,) * len(parts), extended=True)
            shape = [held for held, _ in dims.held_and_owned()]
            # A description: one byte stands for all elements.
            sample = lend(np.broadcast_to(_SOLID, shape), dims, colmajor=order == "F")
        self._set(functions, comm, sample, dims, order == "F")

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
        shown = view(array._handle)
        made = cls.__new__(cls)
        made._set(
            functions, comm, array._handle, array._dims(), bool(shown.flags_read & _abi.R_GRID_COLMAJOR)
        )
        made._regular = not (shown.flags_read & _abi.R_GRID_MAP or shown.flags_write & _abi.W_REPLICATED)
        return made

    def _set(self, functions: distarray_comm, comm: Any, part: Handle, dims: Dims, colmajor: bool) -> None:
        self._functions = functions
        self._dims = dims
        self._colmajor = colmajor
        self._regular = True  # whether the grid has a plain order and no replicas
        self.comm = comm
        self._handle = Handle("distribution", "distribution_gather", byref(functions), part, kept=(comm,))

    @property
    def global_shape(self) -> tuple[int, ...]:
        """The extents of the whole array. Local."""
        return tuple(dim.size for dim in self._dims.structs)

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The extents of the process grid. Local."""
        return tuple(dim.proc_grid_size for dim in self._dims.structs)

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

    def wrap(self, buffer: object) -> Array:
        """This rank's part in memory of one's own, which is not copied. Local.

        Args:
            buffer: a NumPy array of ``local_shape``, or what shares memory like one.

        Raises:
            DistArrayError: for another shape.
            TypeError: for a buffer that could only be copied.
        """
        if not self._regular:
            raise TypeError("memory is not wrapped on a grid with replicas or a table of ranks")
        local = as_ndarray(buffer)
        handle = lend(local, self._dims, colmajor=self._colmajor)
        return Array._of(handle, local=local, dims=self._dims, distribution=self)

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

    def __repr__(self) -> str:
        kinds = "".join(chr(dim.dist_type or ord("b")) for dim in self._dims.structs)
        return f"<Distribution of {self.global_shape}, axes {kinds!r}, on {self.grid_shape} ranks>"

    def _owned(self, axis: int, coordinate: int) -> tuple[int, int]:
        """The block that a grid coordinate owns."""
        run, count = distarray_run(), c_int64()
        call("distribution_owned_runs", self._handle, axis, coordinate, 1, byref(run), byref(count))
        return (run.start, run.start + run.len * run.count) if count.value else (0, 0)

    def _partitioned(self, array: Array) -> dict[str, Any]:
        if not self._regular or any(dim.dist_type not in (0, ord("b")) for dim in self._dims.structs):
            raise AttributeError("__partitioned__ is for arrays of blocks alone, one on each rank")
        grid = self.grid_shape
        blocks = [[self._owned(axis, i) for i in range(extent)] for axis, extent in enumerate(grid)]
        here = tuple(dim.proc_grid_rank for dim in self._dims.structs)
        partitions = {}
        for rank in range(math.prod(grid)):
            place = _place(rank, grid, "F" if self._colmajor else "C")
            own = [blocks[axis][i] for axis, i in enumerate(place)]
            partitions[place] = {
                "start": tuple(start for start, _ in own),
                "shape": tuple(stop - start for start, stop in own),
                "data": array.owned if place == here else None,
                "location": [rank],
            }
        return {
            "shape": self.global_shape,
            "partition_tiling": grid,
            "partitions": partitions,
            "locals": [here],
            "get": _itself,
        }


def _itself(data: Ndarray) -> Ndarray:
    return data


def _place(rank: int, grid: tuple[int, ...], order: str) -> tuple[int, ...]:
    """The coordinates of a rank."""
    if not grid:
        return ()
    return tuple(int(at) for at in np.unravel_index(rank, grid, order))  # type: ignore[call-overload]
