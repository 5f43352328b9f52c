"""NumPy arrays lent to the library and loans seen as NumPy arrays: never a copy."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_int64, c_void_p, pointer, sizeof
from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from . import _abi
from ._abi import distarray_export
from ._dims import Dims
from ._library import Handle, call, native
from .errors import DistArrayError, Status

Ndarray = npt.NDArray[Any]
_Struct = TypeVar("_Struct", bound=ctypes.Structure)

_CODES = {"i": _abi.INT, "u": _abi.UINT, "f": _abi.FLOAT, "c": _abi.COMPLEX, "b": _abi.BOOL}
_KINDS = {code: kind for kind, code in _CODES.items()}


def dtype_code(dtype: npt.DTypeLike) -> tuple[int, int]:
    """DLPack's code and bits of an element type that the library can compute with."""
    found = _number(np.dtype(dtype))
    if found is None:
        raise DistArrayError(
            f"{np.dtype(dtype)} elements have no type in DLPack", Status.DTYPE, field="dtype"
        )
    return found


@cache
def _number(dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """DLPack's code and bits, None for other elements, such as long doubles."""
    longest = 16 if dtype.kind == "c" else 8
    if dtype.kind not in _CODES or not dtype.isnative or dtype.itemsize > longest:
        return None
    return _CODES[dtype.kind], 8 * dtype.itemsize


def _format(buffer: Ndarray) -> bytes:
    """The element type of other elements, as PEP 3118 writes it."""
    try:
        if not buffer.dtype.hasobject:
            return buffer.data.format.encode()
    except ValueError:  # datetimes
        pass
    raise DistArrayError(f"elements of type {buffer.dtype} cannot be lent", Status.DTYPE, field="dtype")


def as_ndarray(buffer: object) -> Ndarray:
    """The memory of a buffer as a NumPy array; whatever would be copied is refused."""
    if isinstance(buffer, np.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask; pass its data")
    if isinstance(buffer, np.ndarray):
        return buffer
    try:
        return np.asarray(memoryview(buffer))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        pass
    if hasattr(buffer, "__array_interface__"):
        return np.asarray(buffer)
    if hasattr(buffer, "__dlpack__"):
        return np.from_dlpack(buffer)
    raise TypeError(
        f"the memory of {type(buffer).__name__} cannot be shared; a NumPy array, a buffer (PEP 3118),"
        " __array_interface__ or __dlpack__ is needed"
    )


class Lease:
    """What a loan of a NumPy array points to. It lives until the loan is released."""

    __slots__ = ("buffer", "dims", "shape", "strides", "format")

    def __init__(self, buffer: Ndarray, dims: Dims) -> None:
        integers = c_int64 * buffer.ndim
        self.buffer = buffer
        self.dims = dims
        self.shape = integers(*buffer.shape)
        self.strides = integers(*buffer.strides)
        self.format: bytes | None = None


def lend(buffer: Ndarray, dims: Dims, *, writable: bool | None = None) -> Handle:
    """An array of the library over the memory of a NumPy array. Local."""
    lease = Lease(buffer, dims)
    dtype = buffer.dtype
    loan = distarray_export()
    loan.magic, loan.struct_size, loan.abi_major = _abi.MAGIC, sizeof(loan), _abi.ABI_MAJOR
    loan.data = buffer.ctypes.data
    loan.device_type = 1
    number = _number(dtype)
    if number is not None:
        loan.dtype_code, loan.dtype_bits = number
    else:  # bytes that are moved, not understood: records, texts, the other byte order
        loan.dtype_code = _abi.OPAQUE
        lease.format = _format(buffer)
        loan.format = lease.format
    loan.dtype_lanes = 1
    loan.itemsize = dtype.itemsize
    loan.ndim = buffer.ndim
    if buffer.ndim:
        loan.shape, loan.strides = lease.shape, lease.strides
        loan.dims = dims.structs
    loan.process_rank, loan.process_count = dims.rank, dims.count
    loan.flags_read, loan.flags_write = dims.flags_read, dims.flags_write
    if dims.ranks is not None:
        loan.grid_ranks = dims.ranks
    if writable is None:
        writable = buffer.flags.writeable
    elif writable and not buffer.flags.writeable:
        raise DistArrayError("the buffer is read-only", Status.ACCESS, field="writable")
    if not writable:
        loan.flags_write |= _abi.W_READ_ONLY
        if 0 in buffer.strides:
            loan.flags_write |= _abi.W_ALIASED
    native.distarray_python_own(byref(loan), lease)
    try:
        return Handle("array", "array_import", byref(loan), int(writable))
    except BaseException:
        native.distarray_python_release(byref(loan))
        raise


def view(handle: Handle) -> distarray_export:
    """What an array of the library says of itself; valid while it lives. Local."""
    shown = distarray_export()
    call("array_view", handle, byref(shown))
    return shown


def is_writable(shown: distarray_export) -> bool:
    """Whether an array's elements may be written."""
    return not shown.flags_write & (_abi.W_READ_ONLY | _abi.W_ALIASED)


def plain_request(access: int) -> _abi.distarray_request:
    """A request of this package, which understands all that an array can say."""
    asked = _abi.distarray_request()
    asked.struct_size, asked.max_abi_major = sizeof(asked), _abi.ABI_MAJOR
    asked.access = access
    asked.known_flags_read = _abi.R_GHOSTS | _abi.R_GRID_MAP | _abi.R_GRID_COLMAJOR
    asked.known_flags_write = _abi.W_READ_ONLY | _abi.W_REPLICATED | _abi.W_ALIASED
    return asked


def lend_on(handle: Handle, asked: _abi.distarray_request) -> distarray_export:
    """A loan of an array of the library, for whoever takes it over. Local."""
    loan = distarray_export()
    call("array_export", handle, byref(asked), byref(loan))
    return loan


class Memory:
    """The memory of an array of the library, for NumPy to look at: keeps it alive."""

    __slots__ = ("_handle", "__array_interface__")

    def __init__(self, handle: Handle, shown: distarray_export) -> None:
        kind = _KINDS.get(shown.dtype_code)
        if kind is None and shown.dtype_code != _abi.OPAQUE:
            raise DistArrayError(
                "NumPy has no such element type (bfloat16, for one); DLPack has it",
                Status.DTYPE,
                field="dtype",
            )
        shape = tuple(shown.shape[: shown.ndim]) if shown.ndim else ()
        strides = tuple(shown.strides[: shown.ndim]) if shown.ndim else ()
        read_only = bool(shown.flags_write & _abi.W_READ_ONLY)
        self._handle = handle
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "strides": strides,
            "typestr": f"{'|' if shown.itemsize == 1 or kind is None else '='}{kind or 'V'}{shown.itemsize}",
            "data": (shown.data or 0, read_only),
        }


def ndarray_of(handle: Handle, shown: distarray_export) -> Ndarray:
    """The memory of an array of the library as a NumPy array, which keeps it alive."""
    return np.asarray(Memory(handle, shown))


def capsule_contents(capsule: object, kind: type[_Struct]) -> _Struct:
    """The struct in a capsule that has its name. Valid while the capsule lives."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = (ctypes.py_object, ctypes.c_char_p), c_void_p
    try:
        address = get(capsule, kind.__name__.encode())
    except ValueError:
        raise TypeError(f'a capsule named "{kind.__name__}" is needed, not {capsule!r}') from None
    return kind.from_address(address)


def request_capsule(request: _abi.distarray_request) -> object:
    """A capsule named ``"distarray_request"``, valid while the request lives."""
    new = ctypes.pythonapi.PyCapsule_New
    new.argtypes, new.restype = (c_void_p, ctypes.c_char_p, c_void_p), ctypes.py_object
    capsule: object = new(ctypes.cast(pointer(request), c_void_p), b"distarray_request", None)
    return capsule
