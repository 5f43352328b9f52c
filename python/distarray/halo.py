"""Filling halos: the padding of each part with what the neighbours own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import byref, c_double, c_int32, c_void_p
from typing import Any, NamedTuple

from ._abi import distarray_moved
from ._library import Handle, agreed, call
from .array import Array, handle_of
from .distribution import Distribution, handle_of_distribution

_JOIN = {"sum": 1, "min": 2, "max": 3}
_EDGES = {"keep": 0, "constant": 1, "edge": 2, "reflect": 3, "symmetric": 4}


class Moved(NamedTuple):
    """What one round of an exchange does on this rank."""

    messages: int
    bytes_sent: int
    bytes_copied: int


def number(numbers: Mapping[Any, int], word: object, argument: str) -> int:
    """The number that a word has in C."""
    found = numbers.get(word) if isinstance(word, (str, type(None))) else None
    if found is None:
        words = ", ".join(map(repr, numbers))
        raise ValueError(f"{argument}: {word!r} is none of {words}")
    return found


def moved(kind: str, plan: Handle, itemsize: int) -> Moved:
    """What a plan moves. Local."""
    found = distarray_moved()
    call(f"{kind}_moves", plan, itemsize, byref(found))
    return Moved(found.messages, found.bytes_sent, found.bytes_copied)


class Halo:
    """The exchange that fills the padding of arrays of a distribution, of any element types.
    Planned once. Collective.

    Args:
        distribution: whose padding is filled.
        corners: False leaves out what lies in the padding of several axes, which stencils
            that reach along axes do not read.

    Raises:
        DistArrayError: on all ranks alike.
    """

    def __init__(self, distribution: Distribution, *, corners: bool = True) -> None:
        arguments = (handle_of_distribution(distribution), int(bool(corners)))
        self._handle = Handle("halo", "halo_new", *arguments, kept=(distribution,))
        self._ndim = len(distribution.global_shape)

    def update(self, *arrays: Array) -> None:
        """Fills the padding with what its owners hold; several arrays share their messages.
        Collective.

        Raises:
            DistArrayError: on all ranks alike, where one rank's array does not fit. No array
                is touched then.
        """
        if len(arrays) == 1:
            call("halo_update", self._handle, handle_of(arrays[0]))
        else:
            call("halo_update_all", self._handle, *_handles(arrays))

    def start(self, array: Array) -> None:
        """Starts an update: what is sent is packed when this returns, the padding is filled by
        ``finish``. Collective. Errors as for ``update``."""
        call("halo_start", self._handle, handle_of(array))

    def finish(self, array: Array) -> None:
        """Ends the update that ``start`` began with the same array. Collective."""
        call("halo_finish", self._handle, handle_of(array))

    def accumulate(self, array: Array, how: str = "sum") -> None:
        """Joins each padding element with the element that it is a copy of; ``"sum"`` is the
        adjoint of ``update``. Collective. Errors as for ``update``.

        Args:
            array: whose owned elements change; the padding stays as it is.
            how: ``"sum"``, ``"min"`` or ``"max"``.
        """
        with agreed("halo_accumulate", self._handle, None, _JOIN["sum"]):
            joined = number(_JOIN, how, "how")
        call("halo_accumulate", self._handle, handle_of(array), joined)

    def fill_edges(self, mode: str | Sequence[str], constants: float | Sequence[float] = 0.0) -> None:
        """Lets later updates fill the padding outside the edges too, as ``numpy.pad`` does.
        Collective; all ranks say the same.

        Args:
            mode: ``"edge"``, ``"reflect"``, ``"symmetric"``, ``"constant"`` or ``"keep"``, for
                all axes or one for each.
            constants: what ``"constant"`` fills with, likewise.
        """
        with agreed("halo_fill_edges", self._handle, None, None):
            modes = [mode] * self._ndim if isinstance(mode, str) else list(mode)
            values = [constants] * self._ndim if isinstance(constants, (int, float)) else list(constants)
            for length in (len(modes), len(values)):
                if length != self._ndim:
                    raise ValueError(f"{length} values for {self._ndim} axes")
            edges = (c_int32 * self._ndim)(*(number(_EDGES, one, "mode") for one in modes))
            filled = (c_double * self._ndim)(*values)
        call("halo_fill_edges", self._handle, edges, filled)

    def bind(self, *arrays: Array) -> BoundHalo:
        """Binds the exchange to arrays: updates then need no agreement. Collective. Errors as
        for ``update``."""
        return BoundHalo(self, arrays)

    def moves(self, itemsize: int) -> Moved:
        """What one update of elements of so many bytes moves on this rank. Local."""
        return moved("halo", self._handle, itemsize)


class BoundHalo:
    """A halo exchange bound to its arrays, which it keeps: made by ``Halo.bind``."""

    def __init__(self, halo: Halo, arrays: Sequence[Array]) -> None:
        self._handle = Handle(
            "bound_halo", "halo_bind", halo._handle, *_handles(arrays), kept=(halo, *arrays)
        )

    def update(self) -> None:
        """Fills the padding of the arrays. Collective over neighbours: it waits for them alone."""
        call("bound_halo_update", self._handle)


def _handles(arrays: Sequence[Array]) -> tuple[int, Any]:
    handles = [handle_of(array) for array in arrays]
    addresses = [None if handle is None else handle.address for handle in handles]
    return len(arrays), (c_void_p * len(arrays))(*addresses)
