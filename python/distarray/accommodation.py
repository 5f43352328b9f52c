"""Handing an array to a consumer that takes only some: in place, or by the least movement."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref, c_int32, c_int64, c_size_t
from dataclasses import dataclass

import numpy.typing as npt

from ._abi import distarray_required_axis, distarray_requirements
from ._library import Handle, agreed, call
from ._memory import dtype_code
from .array import Array, handle_of
from .distribution import Distribution, handle_of_distribution
from .halo import Moved, moved, number

_KINDS = {"b": 1, "c": 2, "u": 4}
_PADDINGS = {"any": 0, "none": 1, "halo": 2, "halo_around": 3}
_LAYOUTS = {"C": 1, "F": 2, "strided": 4, "C_lines": 8, "F_lines": 16}
_COMPONENTS = {"any": 0, "fastest": 1, "none": 2}
_ORDERS = {None: 0, "C": 1, "F": 2}


@dataclass(frozen=True)
class Accepts:
    """What a consumer accepts along one axis; without arguments the axis as it is.

    Args:
        kinds: letters of ``"bcu"``; empty is any.
        padding: ``"any"``, ``"none"``, ``"halo"`` (ends at the edges) or ``"halo_around"``.
        halo: widths before and after, for the last two.
        procs: extent of the process grid along the axis, 1 for an axis held whole; 0 is any.
        block_size: length of every block but the last ones; 0 is any.
        bounds: of blocks: coordinate i owns ``bounds[i]`` to ``bounds[i + 1] - 1``.
        from_first_process: the first block of a cyclic axis is on the first process.
        pitch: elements from one line along the axis to the next in memory; 0 is any.
        least: elements that every rank owns at least.
    """

    kinds: str = ""
    padding: str = "any"
    halo: tuple[int, int] = (0, 0)
    procs: int = 0
    block_size: int = 0
    bounds: Sequence[int] | None = None
    from_first_process: bool = False
    pitch: int = 0
    least: int = 0

    def _struct(self) -> distarray_required_axis:
        struct = distarray_required_axis()
        struct.dist_types = sum(number(_KINDS, kind, "kinds") for kind in set(self.kinds))
        struct.padding = number(_PADDINGS, self.padding, "padding")
        struct.proc_grid_size, struct.block_size = self.procs, self.block_size
        struct.halo[0], struct.halo[1] = self.halo
        struct.from_first_process = int(self.from_first_process)
        struct.pitch, struct.least = self.pitch, self.least
        if self.bounds is not None:
            struct.bounds = (c_int64 * len(self.bounds))(*self.bounds)
        return struct


class Accommodation:
    """The way of an array to a consumer that takes only some, and back. Collective; all ranks
    ask for the same. Nothing is copied yet.

    Args:
        array: a part of the distribution.
        distribution: its distribution; None takes the array's own.
        axes: what the consumer accepts along each axis; None is all as they are.
        order: of the ranks on the process grid: ``"C"``, ``"F"`` or None for any.
        layouts: how elements may lie, ``"C"``, ``"F"``, ``"strided"``, ``"C_lines"`` (rows of any
            distance), ``"F_lines"`` (columns of any distance, as LAPACK's); none is any.
        dtype: the element type; None is any.
        alignment: of the first element, in bytes; 0 is natural.
        room: bytes from the first element on that the consumer writes in; each rank states its own.
        permutation: the axes in the order in which ``"C"`` goes through them; None is their own.
        components: ``"any"``; ``"fastest"``, axes of components the fastest in memory; ``"none"``,
            none marked as such.
        replicas: number of equal copies; 0 is any.
        relabel: where elements must move, number the ranks so that the fewest do.
        never_copy: refuse what does not fit.

    Raises:
        DistArrayError: on all ranks alike; ``Status.WOULD_COPY`` with ``never_copy``.
    """

    def __init__(
        self,
        array: Array,
        distribution: Distribution | None = None,
        *,
        axes: Sequence[Accepts] | None = None,
        order: str | None = None,
        layouts: Sequence[str] = (),
        dtype: npt.DTypeLike = None,
        alignment: int = 0,
        room: int = 0,
        permutation: Sequence[int] | None = None,
        components: str = "any",
        replicas: int = 0,
        relabel: bool = False,
        never_copy: bool = False,
    ) -> None:
        on = distribution if distribution is not None else array.distribution
        if on is None:
            raise TypeError("the array does not know its distribution: pass it")
        handle = handle_of_distribution(on)
        asked = distarray_requirements()
        with agreed("accommodation_new", handle, None, None, None):
            if axes is not None:
                structs = [axis._struct() for axis in axes]
                asked.axes, asked.ndim = (distarray_required_axis * len(structs))(*structs), len(structs)
            asked.grid_order = number(_ORDERS, order, "order")
            asked.layouts = sum(number(_LAYOUTS, layout, "layouts") for layout in set(layouts))
            if dtype is not None:
                asked.code, asked.bits = dtype_code(dtype)
            asked.components = number(_COMPONENTS, components, "components")
            if permutation is not None:
                if axes is None or len(permutation) != len(axes):
                    raise ValueError("permutation names each of the axes that are stated once")
                asked.permutation = (c_int32 * len(permutation))(*permutation)
            asked.alignment, asked.room, asked.replicas = alignment, room, replicas
            asked.relabel, asked.never_copy = int(relabel), int(never_copy)
        arguments = (handle, handle_of(array), byref(asked))
        self._handle = Handle("accommodation", "accommodation_new", *arguments, kept=(on,))

    def hand_over(self, array: Array) -> Array:
        """What the consumer may work on: the array's own memory where it fits, else a copy of
        what is owned (``is_copy``), whose padding is not filled. Collective."""
        handed = Handle("array", "accommodation_hand_over", self._handle, handle_of(array), kept=(array,))
        return Array._of(handed)

    def take_back(self, handed: Array, array: Array) -> None:
        """Brings back what the consumer wrote. Collective."""
        call("accommodation_take_back", self._handle, handle_of(handed), handle_of(array))

    @property
    def reasons(self) -> str:
        """Why the consumer gets a copy, one reason a line with its axis; empty where the array
        fits. The same on all ranks. Local."""
        length = c_size_t()
        call("accommodation_reasons", self._handle, None, 0, byref(length))
        text = ctypes.create_string_buffer(length.value + 1)
        call("accommodation_reasons", self._handle, text, len(text), byref(length))
        return text.value.decode()

    def moves(self, itemsize: int) -> Moved:
        """What one hand-over of elements of so many bytes moves on this rank. Local."""
        return moved("accommodation", self._handle, itemsize)
