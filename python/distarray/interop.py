"""From and to petsc4py, mpi4py-fft and h5py, each of which is imported by its own functions.

Memory is shared. Where the other package copies in silence, as petsc4py does with strided
input, that is found by comparing addresses, and refused on all ranks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .array import Array
from .errors import DistArrayError, Status


def from_petsc(vec: Any) -> Array:
    """Takes the memory of a PETSc ``Vec``, ghosts left out, as blocks in the order of the
    ranks. Local.

    PETSc learns that it was written when the array, and all views of it, are gone.
    """
    start, stop = vec.getOwnershipRange()
    ranks, rank = vec.comm.size, vec.comm.rank
    return Array(vec.array, [_block(vec.size, ranks, rank, start, stop)])


def to_petsc(array: Array, comm: Any) -> Any:
    """A PETSc ``Vec`` over the array's own memory, which it keeps alive. Collective.

    A ``Vec`` knows one axis: the parts of all ranks one after the other, each as it lies.

    Args:
        array: without padding, packed in any order, of PETSc's scalar type.
        comm: the mpi4py communicator of the array's ranks.

    Raises:
        DistArrayError: ``Status.WOULD_COPY`` on all ranks, where one rank's part does not fit.
    """
    from petsc4py import PETSc

    def problem() -> str | None:
        owned = array.owned
        if array.local.shape != owned.shape:
            return "padding lies between the elements"
        if not (owned.flags.c_contiguous or owned.flags.f_contiguous):
            return "the elements are not packed"
        if owned.dtype != PETSc.ScalarType:
            return f"{owned.dtype} is not PETSc's {np.dtype(PETSc.ScalarType)}"
        return None

    _agree(comm, problem, "a PETSc Vec")
    owned = array.owned
    flat = owned.ravel(order="K")
    vec = PETSc.Vec().createWithArray(flat, comm=comm)
    addresses = {flat.ctypes.data, owned.ctypes.data, vec.array_r.ctypes.data}
    copied = "petsc4py has copied them" if flat.size and len(addresses) > 1 else None
    try:
        _agree(comm, lambda: copied, "a PETSc Vec")
    except DistArrayError:
        vec.destroy()
        raise
    return vec


def from_mpi4py_fft(array: Any) -> Array:
    """Takes the memory of a ``mpi4py_fft.DistArray``. Local.

    The parts that mpi4py-fft makes number the ranks row-major; those it has redistributed may
    not: ``Distribution.of`` finds that out.
    """
    axes = []
    for axis, comm in enumerate(array.subcomm):
        start = array.substart[axis]
        axes.append(_block(array.global_shape[axis], comm.size, comm.rank, start, start + array.shape[axis]))
    return Array(array.view(np.ndarray), axes)


def to_mpi4py_fft(array: Array, comm: Any) -> Any:
    """A ``mpi4py_fft.DistArray`` over the array's own memory, which it keeps alive. Collective.

    Args:
        array: blocks as even as they can be, without padding, packed row-major, at least one
            axis whole.
        comm: the mpi4py communicator of the array's ranks.

    Raises:
        DistArrayError: ``Status.WOULD_COPY`` on all ranks, where one rank's part does not fit.
    """
    from mpi4py_fft import DistArray
    from mpi4py_fft.pencil import Subcomm

    def problem() -> str | None:
        dims = array.dim_data
        if not all(dim["dist_type"] == "b" for dim in dims) or 1 not in [d["proc_grid_size"] for d in dims]:
            return "it takes blocks alone, and one axis whole"
        if not array.local.flags.c_contiguous:
            return "the elements are not packed in row-major order"
        return None

    _agree(comm, problem, "an mpi4py-fft array")
    local = array.local
    cut = Subcomm(comm, [dim["proc_grid_size"] for dim in array.dim_data])
    made = (
        DistArray(array.global_shape, subcomm=cut, dtype=local.dtype, buffer=local)
        if _fits(cut, array)
        else None
    )
    refused = None
    if made is None:
        refused = "it cuts the axes otherwise, and takes no padding"
    elif made.ctypes.data != local.ctypes.data and local.size:
        refused = "mpi4py-fft has copied the elements"
    _agree(comm, lambda: refused, "an mpi4py-fft array")
    return made


def write_hdf5(dataset: Any, array: Array) -> None:
    """Writes what this rank owns into a dataset of the global shape. Local, as h5py's own
    independent writes are; the file was opened with the ``mpio`` driver or by one rank."""
    owned = array.owned
    for there, here in _stretches(array):
        dataset[there] = owned[here]


def read_hdf5(dataset: Any, array: Array) -> None:
    """Reads what this rank owns from a dataset of the global shape. Local, as ``write_hdf5``."""
    owned = array.owned
    for there, here in _stretches(array):
        owned[here] = dataset[there]


def _block(size: int, procs: int, coordinate: int, start: int, stop: int) -> dict[str, Any]:
    return {
        "dist_type": "b",
        "size": int(size),
        "proc_grid_size": int(procs),
        "proc_grid_rank": int(coordinate),
        "start": int(start),
        "stop": int(stop),
    }


def _agree(comm: Any, find: Callable[[], str | None], consumer: str) -> None:
    """Raises on all ranks what one of them finds, or fails to find out."""
    try:
        problem, failure = find(), None
    except Exception as error:
        problem, failure = f"{type(error).__name__}: {error}", error
    found = {rank: text for rank, text in enumerate(comm.allgather(problem)) if text is not None}
    for rank, text in found.items():
        raise DistArrayError(
            f"rank {rank}: {consumer} would be a copy: {text}; Accommodation makes one that fits",
            Status.WOULD_COPY,
            rank=rank,
        ) from failure


def _fits(cut: Any, array: Array) -> bool:
    """Whether mpi4py-fft deals the axes out like the array."""
    from mpi4py_fft.pencil import Pencil

    whole_axis = [comm.size for comm in cut].index(1)
    pencil = Pencil(cut, array.global_shape, axis=whole_axis)
    starts = tuple(dim["start"] for dim in array.dim_data)
    return tuple(pencil.subshape) == array.local.shape and tuple(pencil.substart) == starts


def _stretches(array: Array) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """The rectangles that are owned: where they lie in the whole, and in ``owned``."""
    axes = [list(_steps(index.ravel())) for index in array.ogrid]
    for parts in itertools.product(*axes):
        yield tuple(there for there, _ in parts), tuple(here for _, here in parts)


def _steps(index: npt.NDArray[np.int64]) -> Iterator[tuple[slice, slice]]:
    """Indices as slices of one stride, and their positions."""
    position = 0
    while position < index.size:
        ahead = np.diff(index[position:])
        step = int(ahead[0]) if ahead.size and ahead[0] > 0 else 1
        other = np.flatnonzero(ahead != step)
        count = int(other[0]) + 1 if other.size else ahead.size + 1
        start = int(index[position])
        yield slice(start, start + (count - 1) * step + 1, step), slice(position, position + count)
        position += count


__all__ = ["from_mpi4py_fft", "from_petsc", "read_hdf5", "to_mpi4py_fft", "to_petsc", "write_hdf5"]
