"""Distributed arrays shared without copying between independent MPI codes.

An ``Array`` is this rank's part: a NumPy array, and how it fits into the whole. It is taken
from and handed to others by the Distributed Array Protocol (``__distarray__``), by the C
struct of ``distarray_abi.h`` (``__distarray_c__``), and its local part by NumPy's own ways.
A ``Distribution`` proves that the parts of all ranks make one array; ``Halo`` and
``Redistribution`` move elements, ``Accommodation`` hands an array to a consumer that takes
only some.

"Local" functions never communicate. "Collective" functions are called by all ranks of the
communicator in the same order; where one rank is refused, all raise the same
``DistArrayError``. Nothing that garbage collection does communicates.
"""

from ._library import library_version
from .accommodation import Accepts, Accommodation
from .array import Array, from_distarray, load_dnpy, save_dnpy
from .axis import Axis, block, cyclic, unstructured, whole
from .distribution import Distribution
from .errors import DistArrayError, Status
from .halo import BoundHalo, Halo, Moved
from .redistribution import Redistribution

__all__ = [
    "Accepts",
    "Accommodation",
    "Array",
    "Axis",
    "BoundHalo",
    "DistArrayError",
    "Distribution",
    "Halo",
    "Moved",
    "Redistribution",
    "Status",
    "block",
    "cyclic",
    "from_distarray",
    "library_version",
    "load_dnpy",
    "save_dnpy",
    "unstructured",
    "whole",
]

__version__ = "0.1.0"
