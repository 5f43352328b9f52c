"""How one axis is to be dealt out, and over which process grid."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._dims import DimDict
from .errors import DistArrayError, Status


@dataclass(frozen=True, eq=False)
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

    def part(self, procs: int, coordinate: int) -> DimDict:
        """The dimension dictionary of one coordinate of the process grid."""
        dim: DimDict = {
            "dist_type": self.kind,
            "size": self.size,
            "proc_grid_size": procs,
            "proc_grid_rank": coordinate,
        }
        if self.kind == "c":
            dim["start"] = (coordinate - self.first_process) % procs * self.block_size
            dim["block_size"] = self.block_size
        elif self.kind == "u":
            dim["indices"], dim["one_to_one"] = self.indices, True
            if self.owned is not None:
                dim["num_owned"] = self.owned
        else:
            start, stop = self._block(procs, coordinate)
            before, after = self.halo
            if not self.edge_outside:  # the halo ends where the array does
                last = coordinate + 1 == procs or self._block(procs, coordinate + 1)[0] >= self.size
                before = 0 if coordinate == 0 or start >= self.size else before
                after = 0 if last else after
            dim["start"], dim["stop"], dim["padding"] = start - before, stop + after, (before, after)
            dim["periodic"], dim["edge_outside"] = self.periodic, self.edge_outside
        return dim

    def _block(self, procs: int, coordinate: int) -> tuple[int, int]:
        if self.bounds is not None:
            if len(self.bounds) != procs + 1:
                raise ValueError(f"{procs} blocks need {procs + 1} bounds, not {len(self.bounds)}")
            return self.bounds[coordinate], self.bounds[coordinate + 1]
        if self.block_size:
            return min(coordinate * self.block_size, self.size), min(
                (coordinate + 1) * self.block_size, self.size
            )
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
    before, after = halo if isinstance(halo, tuple) else (halo, halo)
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
        "c",
        operator.index(size),
        procs,
        operator.index(block_size),
        first_process=operator.index(first_process),
    )


def unstructured(
    size: int, indices: npt.ArrayLike, *, owned: int | None = None, procs: int | None = None
) -> Axis:
    """An axis of which this rank holds any indices.

    Args:
        size: global extent.
        indices: what this rank holds; each index is owned by one rank alone.
        owned: how many of them, from the first on, are owned, the others being ghosts;
            None is all.
        procs: as for ``block``.
    """
    return Axis(
        "u", operator.index(size), procs, indices=np.ascontiguousarray(indices, np.int64), owned=owned
    )


def whole(size: int) -> Axis:
    """An axis that every process holds whole."""
    return Axis("b", operator.index(size), 1)


def grid_for(axes: Sequence[Axis], ranks: int) -> tuple[int, ...]:
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
        return sum(1e6 * p if p > n else (p - 1) / n for p, n in zip(grid, sizes, strict=True))

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
