"""Finds libdistarray, and calls its functions."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import (
    POINTER,
    byref,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any

from ._abi import (
    ABI_MAJOR,
    distarray_axis,
    distarray_comm,
    distarray_dim,
    distarray_error,
    distarray_export,
    distarray_grid,
    distarray_moved,
    distarray_request,
    distarray_requirements,
    distarray_run,
)
from .errors import DistArrayError

SONAME = "libdistarray.so.0"
PACKAGE = Path(__file__).parent

# A handle is an address; an output is the address of one.
_H, _OUT, _INTS = c_void_p, POINTER(c_void_p), c_void_p
_COMM, _MOVED = POINTER(distarray_comm), POINTER(distarray_moved)
_ARRAYS = POINTER(c_void_p)

#: The arguments of each function before its last, the report of what went wrong.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "array_import": (POINTER(distarray_export), c_uint32, _OUT),
    "array_export": (_H, POINTER(distarray_request), POINTER(distarray_export)),
    "array_view": (_H, POINTER(distarray_export)),
    "array_mark_modified": (_H, c_uint64),
    "array_same_memory": (_H, _H, POINTER(c_int32)),
    "array_read_dnpy": (c_char_p, _OUT),
    "array_write_dnpy": (_H, c_char_p),
    "array_read_dnpy_set": (c_char_p, _COMM, _OUT),
    "array_write_dnpy_set": (_H, c_char_p, _COMM),
    "dim_owned": (POINTER(distarray_dim), POINTER(c_int64), POINTER(c_int64), POINTER(c_int64)),
    "dim_local_to_global": (POINTER(distarray_dim), c_int64, _INTS, _INTS),
    "distribution_gather": (_COMM, _H, _OUT),
    "distribution_new_on_grid": (_COMM, c_int32, POINTER(distarray_axis), POINTER(distarray_grid), _OUT),
    "distribution_describe": (_H, POINTER(distarray_export)),
    "distribution_relabel": (_H, _H, c_int64, POINTER(c_int64)),
    "distribution_read_dnpy_set": (_H, c_char_p, _OUT),
    "distribution_zeros": (_H, c_uint8, c_uint8, c_int32, c_int32, _OUT),
    "distribution_owner": (_H, c_int64, _INTS, _INTS),
    "distribution_owners": (_H, c_int32, c_int64, _INTS, _INTS, _INTS),
    "distribution_owned_runs": (_H, c_int32, c_int64, c_int64, POINTER(distarray_run), POINTER(c_int64)),
    "halo_new": (_H, c_int32, _OUT),
    "halo_fill_edges": (_H, POINTER(c_int32), POINTER(c_double)),
    "halo_update": (_H, _H),
    "halo_update_all": (_H, c_int64, _ARRAYS),
    "halo_start": (_H, _H),
    "halo_finish": (_H, _H),
    "halo_accumulate": (_H, _H, c_int32),
    "halo_bind": (_H, c_int64, _ARRAYS, _OUT),
    "halo_moves": (_H, c_int64, _MOVED),
    "bound_halo_update": (_H,),
    "redistribution_new": (_H, _H, POINTER(c_int64), _OUT),
    "redistribution_new_reshape": (_H, _H, _OUT),
    "redistribution_new_across": (_COMM, _H, _H, c_int32, POINTER(c_int64), _OUT),
    "redistribution_apply_scaled": (_H, POINTER(c_double), POINTER(c_double), c_int32, _H, _H),
    "redistribution_moves": (_H, c_int64, _MOVED),
    "accommodation_new": (_H, _H, POINTER(distarray_requirements), _OUT),
    "accommodation_hand_over": (_H, _H, _OUT),
    "accommodation_take_back": (_H, _H, _H),
    "accommodation_distribution": (_H, _OUT),
    "accommodation_moves": (_H, c_int64, _MOVED),
    "accommodation_reasons": (_H, c_char_p, c_size_t, POINTER(c_size_t)),
}

#: What is freed by a function of its own.
FREED = ("array", "distribution", "halo", "bound_halo", "redistribution", "accommodation")


def _load() -> ctypes.CDLL:
    """Loads the library from the first place that has it."""
    chosen = os.environ.get("DISTARRAY_LIBRARY")
    if chosen:
        try:
            return ctypes.CDLL(chosen)
        except OSError as error:
            raise ImportError(f"DISTARRAY_LIBRARY is {chosen}, which cannot be loaded: {error}") from error
    places = [PACKAGE / SONAME, Path(SONAME)]
    checkout = PACKAGE.parents[1]
    if (checkout / "Cargo.toml").exists():
        places.insert(1, checkout / "target" / "release" / SONAME)
    failures = []
    for place in places:
        try:
            return ctypes.CDLL(str(place))
        except OSError as error:
            failures.append(f"  {error}")
    raise ImportError(
        f"{SONAME} was not found. In a checkout of distarray build it with `make`; `pip install ./python`"
        " there takes it into this package, `make install` puts it where the system's loader looks. Or name"
        " the file in the environment variable DISTARRAY_LIBRARY. Tried in this order:\n"
        + "\n".join(failures)
    )


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    library.distarray_version.restype = c_char_p
    library.distarray_abi_version.restype = c_uint32
    found = library.distarray_abi_version() >> 16
    if found != ABI_MAJOR:
        raise ImportError(
            f"{library._name} speaks version {found} of the ABI, this package version {ABI_MAJOR}:"
            " install both from one checkout"
        )
    missing = [name for name in FUNCTIONS if not hasattr(library, f"distarray_{name}")]
    if missing:
        raise ImportError(
            f"{library._name} is older than this package, it has no distarray_{missing[0]}:"
            " install both from one checkout"
        )
    for name, arguments in FUNCTIONS.items():
        function = getattr(library, f"distarray_{name}")
        function.argtypes = (*arguments, POINTER(distarray_error))
        function.restype = c_int32
    for name in FREED:
        function = getattr(library, f"distarray_{name}_free")
        function.argtypes = (c_void_p,)
        function.restype = None
    return library


def _load_native() -> ctypes.PyDLL:
    path = PACKAGE / "_native.so"
    try:
        native = ctypes.PyDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"this package is not built ({error}): install it with `pip install ./python`"
        ) from error
    native.distarray_python_own.argtypes = (POINTER(distarray_export), ctypes.py_object)
    native.distarray_python_own.restype = None
    native.distarray_python_capsule.argtypes = (POINTER(distarray_export),)
    native.distarray_python_capsule.restype = ctypes.py_object
    native.distarray_python_tensor.argtypes = (POINTER(distarray_export), POINTER(c_int64), c_int, c_uint64)
    native.distarray_python_tensor.restype = ctypes.py_object
    native.distarray_python_release.argtypes = (POINTER(distarray_export),)
    native.distarray_python_release.restype = None
    return native


library = _declare(_load())
native = _load_native()

_functions = {name: getattr(library, f"distarray_{name}") for name in FUNCTIONS}
_frees = {kind: getattr(library, f"distarray_{kind}_free") for kind in FREED}

#: The library's version, major.minor.patch.
library_version: str = library.distarray_version().decode()


def call(name: str, *arguments: Any) -> None:
    """Calls ``distarray_<name>``; raises what it reports."""
    report = distarray_error()
    if _functions[name](*arguments, byref(report)) != 0:
        raise DistArrayError.from_report(report)


@contextmanager
def agreed(name: str, *arguments: Any) -> Iterator[None]:
    """What one rank does by itself before a collective call. Where it raises, the rank still
    takes part in a call, which is refused on all ranks: nobody waits for it."""
    try:
        yield
    except Exception:
        with suppress(DistArrayError):
            call(name, *arguments)
        raise


class Handle:
    """An object of the library, freed with the last reference to it. Never collective."""

    __slots__ = ("_as_parameter_", "_free", "_kept", "__weakref__")

    def __init__(self, kind: str, make: str, *arguments: Any, kept: tuple[object, ...] = ()) -> None:
        """Calls ``make`` with the arguments and the place for the handle; what the
        object needs is ``kept`` as long as it lives."""
        out = c_void_p()
        self._as_parameter_: c_void_p | None = None
        call(make, *arguments, byref(out))
        self._as_parameter_ = out
        self._free = _frees[kind]
        self._kept = kept

    @property
    def address(self) -> int | None:
        """Where the object is."""
        return None if self._as_parameter_ is None else self._as_parameter_.value

    def __del__(self) -> None:
        if self._as_parameter_ is not None:
            self._free(self._as_parameter_)
            self._as_parameter_ = None
