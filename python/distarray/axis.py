"""How one axis is to be dealt out."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_int64
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_axis
from ._dims import integer
from .errors import DistArrayError, Status

_KINDS = {"n": 0, "b": ord("b"), "c": ord("c"), "u": ord("u")}


@dataclass(frozen=True, eq=False)
class Axis:
    """The wanted layout of one axis: made by ``block``, ``cyclic``, ``unstructured``, ``whole``,
    read by ``Distribution``, which all ranks refuse together if one rank's axes are wrong."""

    #: ``"b"``, ``"c"``, ``"u"``, or ``"n"`` for an axis held whole.
    kind: str
    size: int
    procs: int | None = None
    block_size: int = 0
    bounds: Sequence[int] | None = None
    halo: int | tuple[int, int] = 0
    periodic: bool = False
    edge_outside: bool = False
    component: bool = False
    first_process: int = 0
    indices: npt.ArrayLike | None = None
    owned: int | None = None

    def struct(self, axis: int, lists: list[object]) -> distarray_axis:
        """The axis of this number for C. Its index list is kept in ``lists``."""
        struct = distarray_axis()
        struct.dist_type = _KINDS[self.kind]
        for wanted, bit in (
            (self.periodic, _abi.DIM_PERIODIC),
            (self.edge_outside, _abi.DIM_EDGE_OUTSIDE),
            (self.component, _abi.DIM_COMPONENT),
        ):
            struct.flags |= bit if wanted else 0
        struct.size = integer(self.size, "size", axis)
        struct.block_size = integer(self.block_size, "block_size", axis)
        struct.first_process = integer(self.first_process, "first_process", axis)
        before, after = self.halo if isinstance(self.halo, (tuple, list)) else (self.halo, self.halo)
        struct.halo[0], struct.halo[1] = integer(before, "halo", axis), integer(after, "halo", axis)
        if self.kind == "c":  # 0 is a plain cyclic axis in C
            _at_least_one(struct.block_size, "block_size", axis)
        if self.procs is not None:  # 0 leaves it to the library in C
            struct.proc_grid_size = _at_least_one(
                integer(self.procs, "proc_grid_size", axis), "proc_grid_size", axis
            )
        if self.bounds is not None:
            bounds = [integer(bound, "bounds", axis) for bound in self.bounds]
            blocks = _at_least_one(len(bounds) - 1, "bounds", axis)
            if struct.proc_grid_size not in (0, blocks):
                raise DistArrayError(
                    f"axis {axis}, bounds: there is a bound more than processes",
                    Status.RANGE,
                    axis=axis,
                    field="bounds",
                    expected=struct.proc_grid_size + 1,
                    found=blocks + 1,
                )
            struct.proc_grid_size, struct.bounds = blocks, (c_int64 * len(bounds))(*bounds)
        if self.indices is not None:
            held = _indices(self.indices, axis)
            lists.append(held)
            struct.indices, struct.n_indices, struct.n_owned = held.ctypes.data, held.size, held.size
            if self.owned is not None:
                struct.n_owned = integer(self.owned, "num_owned", axis)
        return struct


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
    return Axis("b", size, procs, block_size, bounds, halo, periodic, edge_outside)


def cyclic(size: int, block_size: int = 1, *, procs: int | None = None, first_process: int = 0) -> Axis:
    """An axis of which blocks are dealt out round robin, as in ScaLAPACK.

    Args:
        size: global extent.
        block_size: length of the blocks.
        procs: as for ``block``.
        first_process: the coordinate that gets the first block.
    """
    return Axis("c", size, procs, block_size, first_process=first_process)


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
    return Axis("u", size, procs, indices=indices, owned=owned)


def whole(size: int, *, component: bool = False) -> Axis:
    """An axis that every process holds whole.

    Args:
        size: global extent.
        component: the axis counts the components of one value, such as a velocity, not space.
    """
    return Axis("n", size, component=component)


def _at_least_one(number: int, field: str, axis: int) -> int:
    if number < 1:
        raise DistArrayError(
            f"axis {axis}, {field}: at least 1 is needed, not {number}",
            Status.RANGE,
            axis=axis,
            field=field,
            expected=1,
            found=number,
        )
    return number


def _indices(given: Any, axis: int) -> npt.NDArray[np.int64]:
    held = np.asarray(given)
    fits = held.size == 0 or held.dtype.kind == "i" or (held.dtype.kind == "u" and held.max() < 1 << 63)
    if held.ndim != 1 or not fits:
        raise DistArrayError(
            f"axis {axis}, indices: 64-bit integers in one dimension are needed, not {held.dtype}"
            f" in {held.ndim}",
            Status.SYNTAX,
            axis=axis,
            field="indices",
        )
    return np.ascontiguousarray(held, np.int64)
