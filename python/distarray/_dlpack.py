"""Arrays as tensors of DLPack (https://dmlc.github.io/dlpack), of version 1 and of those before."""

from __future__ import annotations

from ctypes import byref, c_int64

from . import _abi
from ._abi import distarray_export
from ._library import Handle, native
from ._memory import is_writable, lend_on, plain_request, view

#: DLPack's name of the host's memory.
HOST = (1, 0)
_READ_ONLY, _IS_COPIED = 1, 2  # flags of version 1
_COPY_ALWAYS = 2  # of a request


def tensor(
    handle: Handle,
    stream: object,
    max_version: tuple[int, int] | None,
    dl_device: tuple[int, int] | None,
    copy: bool | None,
) -> object:
    """A capsule with a loan of an array of the library; see ``Array.__dlpack__``."""
    if stream is not None:
        raise BufferError(f"the memory is the host's, which has no streams: pass None, not {stream!r}")
    if dl_device is not None and tuple(dl_device) != HOST:
        raise BufferError(f"the memory is the host's, {HOST}: it cannot be lent on device {dl_device!r}")
    shown = view(handle)
    if shown.dtype_code == _abi.OPAQUE:
        raise BufferError(
            "DLPack has numbers in native byte order alone: texts, records, long doubles and the other"
            " byte order are lent by __array_interface__ and __distarray_c__"
        )
    versioned = max_version is not None and max_version[0] >= 1
    writable = is_writable(shown)
    if not (writable or copy or versioned):
        raise BufferError(
            "the memory is read-only, which DLPack cannot say before version 1: pass"
            " max_version=(1, 0) or copy=True, or take the array by __array_interface__"
        )
    asked = plain_request(_abi.ACCESS_READ_WRITE if writable and not copy else _abi.ACCESS_READ)
    if copy:  # which the library makes for this loan alone, so the consumer may write it
        asked.copy, flags = _COPY_ALWAYS, _IS_COPIED
    else:
        flags = 0 if writable else _READ_ONLY
    loan = lend_on(handle, asked)
    try:
        strides = (c_int64 * loan.ndim)(*_strides(loan))
    except BufferError:
        native.distarray_python_release(byref(loan))
        raise
    capsule: object = native.distarray_python_tensor(byref(loan), strides, versioned, flags)
    return capsule


def _strides(loan: distarray_export) -> list[int]:
    """The strides in elements. Along an axis of one element or none the stride says nothing."""
    found = []
    for axis in range(loan.ndim):
        stride, rest = divmod(loan.strides[axis], loan.itemsize) if loan.shape[axis] > 1 else (1, 0)
        if rest:
            raise BufferError(
                f"axis {axis}: DLPack counts strides in elements, and {loan.strides[axis]} bytes are no"
                f" multiple of {loan.itemsize}"
            )
        found.append(stride)
    return found
