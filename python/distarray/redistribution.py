"""From one distribution to another."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_double, c_int64
from typing import Any

from ._comm import table
from ._library import Handle, call
from .array import Array, handle_of
from .distribution import Distribution
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
        order = None if axes is None else _permutation(axes, len(target.global_shape))
        self._handle = Handle(
            "redistribution",
            "redistribution_new",
            source._handle,
            target._handle,
            order,
            kept=(source, target),
        )

    @classmethod
    def reshape(cls, source: Distribution, target: Distribution) -> Redistribution:
        """The way to another shape with the same elements in the same row-major order, as
        ``numpy.reshape``. Collective.

        Raises:
            DistArrayError: on all ranks alike.
        """
        return cls._made("redistribution_new_reshape", source._handle, target._handle, kept=(source, target))

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
        order = None if axes is None else _permutation(axes, ndim)
        handles = [side and side._handle for side in (source, target)]
        return cls._made(
            "redistribution_new_across", byref(functions), *handles, ndim, order, kept=(comm, source, target)
        )

    @classmethod
    def _made(cls, make: str, *arguments: Any, kept: tuple[object, ...]) -> Redistribution:
        made = cls.__new__(cls)
        made._handle = Handle("redistribution", make, *arguments, kept=kept)
        return made

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
        if alpha == 1 and beta == 0 and not conjugate:
            call("redistribution_apply", self._handle, handle_of(source), handle_of(target))
            return
        factors = [(c_double * 2)(complex(f).real, complex(f).imag) for f in (alpha, beta)]
        call(
            "redistribution_apply_scaled",
            self._handle,
            *factors,
            int(conjugate),
            handle_of(source),
            handle_of(target),
        )

    def moves(self, itemsize: int) -> Moved:
        """What one application to elements of so many bytes moves on this rank. Local."""
        return moved("redistribution", self._handle, itemsize)


def _permutation(axes: Sequence[int], ndim: int) -> Any:
    """The axes for C. Those that are none must fail on all ranks: -1 is no axis."""
    numbers = [axis + ndim if -ndim <= axis < 0 else axis for axis in axes]
    if len(numbers) != ndim:
        numbers = [-1] * ndim
    return (c_int64 * ndim)(*numbers)
