"""How an array is dealt out over the ranks of a communicator."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from ctypes import byref, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_comm, distarray_dim, distarray_run
from ._comm import table
from ._dims import DimDict, Dims
from ._library import Handle, agreed, call
from ._memory import Ndarray, as_ndarray, dtype_code, lend, view
from .array import Array
from .errors import DistArrayError, Status

_SOLID = np.zeros((), np.uint8)


@dataclass(frozen=True)
class Axis:
    """The wanted layout of one axis: made by ``block``, ``cyclic``, ``unstructured``, ``whole``."""

    kind: str
    size: int
    procs: int | None = None
    block_size: int = 0
    bounds: tuple[int, ...] | None = None
    halo: tuple[int, int] = (0, 0)
    periodic: bool = False
    edge_outside: bool = False
    first_process: int = 0
    indices: Any = None
    owned: int | None = None

    def part(self, procs: int, coordinate: int) -> distarray_dim:
        """The part of one coordinate of the process grid."""
        dim = distarray_dim()
        dim.dist_type = ord(self.kind)
        dim.size, dim.proc_grid_size, dim.proc_grid_rank = self.size, procs, coordinate
        if self.kind == "c":
            dim.start = (coordinate - self.first_process) % procs * self.block_size
            dim.block_size = self.block_size
        elif self.kind == "u":
            dim.indices, dim.n_indices = self.indices.ctypes.data, self.indices.size
            dim.n_owned = self.indices.size if self.owned is None else self.owned
            dim.flags = _abi.DIM_ONE_TO_ONE
        else:
            own = self._block(procs, coordinate)
            before, after = self.halo
            if self.edge_outside:
                dim.flags |= _abi.DIM_EDGE_OUTSIDE
            else:  # the halo ends where the array does
                last = coordinate + 1 == procs or self._block(procs, coordinate + 1)[0] >= self.size
                before = 0 if coordinate == 0 or own[0] >= self.size else before
                after = 0 if last else after
            if self.periodic:
                dim.flags |= _abi.DIM_PERIODIC
            dim.start, dim.stop = own[0] - before, own[1] + after
            dim.padding[0], dim.padding[1] = before, after
        return dim

    def _block(self, procs: int, coordinate: int) -> tuple[int, int]:
        if self.bounds is not None:
            if len(self.bounds) != procs + 1:
                raise ValueError(f"{procs} blocks need {procs + 1} bounds, not {len(self.bounds)}")
            return self.bounds[coordinate], self.bounds[coordinate + 1]
        if self.block_size:
            return min(coordinate * self.block_size, self.size), min((coordinate + 1) * self.block_size, self.size)
        share, longer = divmod(self.size, procs)
        start = coordinate * share + min(coordinate, longer)
        return start, start + share + (coordinate < longer)


def block(
    size: int,
    *,
    procs: int | None = None,
    halo: int | tuple[int, int] = 0,
    periodic: bool = False,
    edge_outside: bool = False,
    block_size: int = 0,
    bounds: Sequence[int] | None = None,
) -> Axis:
    """An axis cut into blocks whose lengths differ by at most one, the longer ones first, as
    in PETSc and ``numpy.array_split``.

    Args:
        size: global extent.
        procs: extent of the process grid along the axis; None leaves it to the library.
        halo: width of the padding, or the widths before and after.
        periodic: the last index meets the first; the halo lies outside the edges then.
        edge_outside: the halo lies outside the edges of the array too.
        block_size: length of all blocks but the last ones, as in FFTW.
        bounds: coordinate i owns ``bounds[i]`` to ``bounds[i + 1] - 1``.
    """
    before, after = (halo, halo) if isinstance(halo, int) else halo
    if bounds is not None:
        bounds = tuple(operator.index(b) for b in bounds)
        procs = len(bounds) - 1
    return Axis(
        "b",
        operator.index(size),
        procs,
        operator.index(block_size),
        bounds,
        (before, after),
        bool(periodic),
        bool(periodic or edge_outside),
    )


def cyclic(size: int, block_size: int = 1, *, procs: int | None = None, first_process: int = 0) -> Axis:
    """An axis of which blocks are dealt out round robin, as in ScaLAPACK.

    Args:
        size: global extent.
        block_size: length of the blocks.
        procs: as for ``block``.
        first_process: the coordinate that gets the first block.
    """
    return Axis(
        "c", operator.index(size), procs, operator.index(block_size), first_process=operator.index(first_process)
    )


def unstructured(size: int, indices: npt.ArrayLike, *, owned: int | None = None, procs: int | None = None) -> Axis:
    """An axis of which this rank holds any indices.

    Args:
        size: global extent.
        indices: what this rank holds; each index is owned by one rank alone.
        owned: how many of them, from the first on, are owned, the others being ghosts;
            None is all.
        procs: as for ``block``.
    """
    return Axis("u", operator.index(size), procs, indices=np.ascontiguousarray(indices, np.int64), owned=owned)


def whole(size: int) -> Axis:
    """An axis that every process holds whole."""
    return Axis("b", operator.index(size), 1)


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
            grid = _grid_shape(wanted, functions.size) if grid_shape is None else tuple(map(operator.index, grid_shape))
            if len(grid) != len(wanted) or math.prod(grid) != functions.size:
                raise DistArrayError(
                    f"a process grid of {grid} is none for {len(wanted)} axes on {functions.size} ranks",
                    Status.GRID,
                    field="proc_grid_size",
                )
            coordinates = np.unravel_index(functions.rank, grid, order=order) if grid else ()  # type: ignore[call-overload]
            parts = [axis.part(grid[i], int(coordinates[i])) for i, axis in enumerate(wanted)]
            dims = Dims(parts, [axis.indices for axis in wanted])
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
        made._set(functions, comm, array._handle, array._dims(), bool(shown.flags_read & _abi.R_GRID_COLMAJOR))
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

    def owners(self, axis: int, indices: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
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
        order = "F" if self._colmajor else "C"
        partitions = {}
        for place in np.ndindex(*grid):
            own = [blocks[axis][i] for axis, i in enumerate(place)]
            rank = int(np.ravel_multi_index(place, grid, order=order)) if grid else 0  # type: ignore[call-overload]
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


def _grid_shape(axes: Sequence[Axis], ranks: int) -> tuple[int, ...]:
    """The process grid whose parts have the smallest surface for their volume."""
    fixed = math.prod(axis.procs for axis in axes if axis.procs is not None)
    sizes = [max(axis.size, 1) for axis in axes if axis.procs is None]
    if fixed < 1 or ranks % fixed or (not sizes and ranks != fixed):
        raise DistArrayError(
            f"the extents that the axes ask for do not make a process grid of {ranks} ranks",
            Status.GRID,
            field="proc_grid_size",
            expected=ranks,
            found=fixed,
        )

    def cost(grid: Sequence[int]) -> float:
        # More processes than elements leave some idle.
        return sum(1e6 * p if p > n else (p - 1) / n for p, n in zip(grid, sizes))

    best = min(_factorings(ranks // fixed, len(sizes)), key=cost)
    free = iter(best)
    return tuple(next(free) if axis.procs is None else axis.procs for axis in axes)


def _factorings(n: int, count: int) -> Iterator[tuple[int, ...]]:
    """Every way to write n as so many factors, large first factors first."""
    if count == 0:
        yield ()
    elif count == 1:
        yield (n,)
    else:
        low = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
        for first in sorted({*low, *(n // d for d in low)}, reverse=True):
            for rest in _factorings(n // first, count - 1):
                yield (first, *rest)
