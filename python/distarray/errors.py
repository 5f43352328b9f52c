"""The one exception of this package, and the numbers that tell its causes apart."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ._abi import distarray_error


class Status(IntEnum):
    """Why a call was refused: the status codes of ``distarray_abi.h``."""

    NULL = 1
    VERSION = 2
    FLAG = 3
    GRID = 4
    RANGE = 5
    SHAPE = 6
    BOUNDS = 7
    DTYPE = 8
    DEVICE = 9
    ALIGN = 10
    RELEASED = 11
    ACCESS = 12
    SYNTAX = 13
    INVARIANT = 20
    PARTITION = 21
    DUPLICATE = 22
    HALO = 23
    BUSY = 30
    UNACCEPTABLE = 31
    WOULD_COPY = 32
    COMM = 40
    NO_MEMORY = 41
    UNSUPPORTED = 42
    IO = 43
    PANIC = 99


class DistArrayError(Exception):
    """A call was refused; nothing was changed.

    The message has all of the attributes in words. After a collective call all ranks
    raise it with the same attributes.

    Attributes:
        status: which kind of rule was broken.
        rank, other_rank: the rank at fault, and the one it disagrees with, or None.
        axis: the axis at fault, or None.
        field: the field at fault in the protocol's own word, such as ``"start"``, or None.
        expected, found: what the rule asks for and what was there, or None.
        rule: the number of the broken rule, such as ``"B1"``, or None.
    """

    def __init__(
        self,
        message: str,
        status: Status,
        *,
        rank: int | None = None,
        other_rank: int | None = None,
        axis: int | None = None,
        field: str | None = None,
        expected: int | None = None,
        found: int | None = None,
        rule: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.rank = rank
        self.other_rank = other_rank
        self.axis = axis
        self.field = field
        self.expected = expected
        self.found = found
        self.rule = rule

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (str(self), self.__dict__)

    @classmethod
    def from_report(cls, report: distarray_error) -> DistArrayError:
        """The exception for what the library reported."""
        values = bool(report.has_values)
        message = report.message.decode()
        if report.code == Status.NULL:  # which nobody writes in Python
            message += "; that rank passed what is no Array, or has an exception of its own that says more"
        return cls(
            message,
            Status(report.code),
            rank=_some(report.rank),
            other_rank=_some(report.other_rank),
            axis=_some(report.axis),
            field=report.field.decode() or None,
            expected=report.expected if values else None,
            found=report.found if values else None,
            rule=report.rule.decode() or None,
        )


def broken(
    rule: str, field: str, axis: int | None, detail: str, status: Status = Status.SYNTAX
) -> DistArrayError:
    """The exception for a rule that was found broken before the library was asked."""
    place = "" if axis is None else f"axis {axis}, "
    return DistArrayError(
        f"{place}{field}: {detail} [rule {rule}]", status, axis=axis, field=field, rule=rule
    )


def _again(message: str, attributes: dict[str, Any]) -> DistArrayError:
    """What pickle makes an exception of."""
    error = DistArrayError(message, attributes["status"])
    error.__dict__.update(attributes)
    return error


def _some(number: int) -> int | None:
    return None if number < 0 else number
