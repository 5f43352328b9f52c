"""From one distribution to another."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_double, c_int64
from typing import Any

from ._comm import table
from ._dims import integer
from ._library import Handle, agreed, call
from .array import Array, handle_of
from .distribution import Distribution, handle_of_distribution
from .halo import Moved, moved


class Redistribution:
    """The way from one distribution to another of the same global shape and the same ranks,
    for arrays of any element types. Planned once. Collective.

    Args:
        source, target: the distributions.
        axes: for each axis of the target the source's axis that becomes it, as for
            ``numpy.transpose``; None keeps the order.

    Raises:
        DistArrayError: on all ranks alike.
    """

    def __init__(self, source: Distribution, target: Distribution, axes: Sequence[int] | None = None) -> None:
        with agreed("redistribution_new", _known(source, target), None, None, None):
            handles = handle_of_distribution(source), handle_of_distribution(target)
            order = _permutation(axes, len(target.global_shape))
        self._set("redistribution_new", *handles, order, kept=(source, target))

    @classmethod
    def reshape(cls, source: Distribution, target: Distribution) -> Redistribution:
        """The way to another shape with the same elements in the same row-major order, as
        ``numpy.reshape``. Collective.

        Raises:
            DistArrayError: on all ranks alike.
        """
        with agreed("redistribution_new_reshape", _known(source, target), None, None):
            handles = handle_of_distribution(source), handle_of_distribution(target)
        made = cls.__new__(cls)
        made._set("redistribution_new_reshape", *handles, kept=(source, target))
        return made

    @classmethod
    def across(
        cls,
        comm: Any,
        source: Distribution | None,
        target: Distribution | None,
        ndim: int,
        axes: Sequence[int] | None = None,
    ) -> Redistribution:
        """The way between distributions over different ranks, all of them ranks of ``comm``.
        Collective over ``comm``.

        Args:
            comm: a communicator of which the two distributions' were split off.
            source, target: None on a rank without a part.
            ndim: the number of axes of both.
            axes: as for the constructor.
        """
        functions = table(comm)
        with agreed("redistribution_new_across", byref(functions), None, None, 0, None, None):
            handles = [None if side is None else handle_of_distribution(side) for side in (source, target)]
            ndim = integer(ndim, "ndim", None)
            order = _permutation(axes, ndim)
        made = cls.__new__(cls)
        kept = (comm, functions, source, target)
        made._set("redistribution_new_across", byref(functions), *handles, ndim, order, kept=kept)
        return made

    def _set(self, make: str, *arguments: Any, kept: tuple[object, ...]) -> None:
        self._handle = Handle("redistribution", make, *arguments, kept=kept)

    def apply(
        self,
        source: Array | None,
        target: Array | None,
        *,
        alpha: complex = 1,
        beta: complex = 0,
        conjugate: bool = False,
    ) -> None:
        """``target = alpha * source + beta * target``, for what is owned; padding is neither read
        nor written. Elements are converted where the kind of number is kept or widened.
        Collective.

        Args:
            source, target: None on a rank without a part.
            alpha, beta: others than 1 and 0 are for floating-point targets; all ranks pass
                the same.
            conjugate: take complex conjugates of the source.

        Raises:
            DistArrayError: on all ranks alike, where one rank's arrays do not fit. No target is
                touched then.
        """
        with agreed("redistribution_apply_scaled", self._handle, None, None, 0, None, None):
            factors = [(c_double * 2)(f.real, f.imag) for f in (complex(alpha), complex(beta))]
        ends = handle_of(source), handle_of(target)
        call("redistribution_apply_scaled", self._handle, *factors, int(bool(conjugate)), *ends)

    def moves(self, itemsize: int) -> Moved:
        """What one application to elements of so many bytes moves on this rank. Local."""
        return moved("redistribution", self._handle, itemsize)


def _known(*sides: object) -> Handle | None:
    """A distribution by whose communicator the other ranks can be told what is wrong here."""
    return next((side._handle for side in sides if isinstance(side, Distribution)), None)


def _permutation(axes: Sequence[int] | None, ndim: int) -> Any:
    """The axes for C, counted from 0."""
    if axes is None:
        return None
    numbers = [integer(axis, "axes", None) for axis in axes]
    if len(numbers) != ndim:
        raise ValueError(f"axes names {len(numbers)} of {ndim} axes")
    return (c_int64 * ndim)(*(axis + ndim if axis < 0 else axis for axis in numbers))
