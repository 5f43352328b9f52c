"""Asks the package the vectors of the specification (protocol-spec/README.md, section 3).

Left out, and not counted, is what Python has no words for: descriptions that are read leniently
or have no buffer, looking at them before they are taken, what a halo
exchange marks, lives of loans that nobody takes, and the members of a set of files.
"""

import ctypes
import json
import operator

import numpy as np

import distarray as da
from conftest import ROOT
from distarray import _abi, _memory

VECTORS = [
    vector
    for file in sorted((ROOT / "protocol-spec" / "vectors").glob("*.json"))
    for vector in json.loads(file.read_text())["vectors"]
]

#: The verdict on a vector of what Python has no words for.
LEFT_OUT = object()


def each(kind, least, body):
    """Holds the verdicts on all vectors of a kind against those that are stated."""
    wrong, ran = [], 0
    for vector in VECTORS:
        if vector["kind"] != kind:
            continue
        try:
            found = body(vector)
        except da.DistArrayError as error:
            found = refusal(error)
        except TypeError as error:
            found = repr(error)
        if found is LEFT_OUT:
            continue
        ran += 1
        if found != vector.get("error"):
            wrong.append(f"{vector['id']}: expected {vector.get('error')}, found {found}")
    assert not wrong, f"{len(wrong)} of {ran}:\n" + "\n".join(wrong)
    assert ran >= least


def refusal(error):
    """An exception in the words of the vectors."""
    found = {"kind": error.status.name, "rule": error.rule, "field": error.field, "axis": error.axis}
    found.update(rank=error.rank, other_rank=error.other_rank)
    return {key: value for key, value in found.items() if value is not None}


def with_buffers(dim):
    """Index lists as the protocol wants them."""
    if not isinstance(dim, dict) or not isinstance(dim.get("indices"), list):
        return dim
    held = dim["indices"]
    whole = all(type(index) is int and -(1 << 63) <= index < 1 << 63 for index in held)
    return {**dim, "indices": np.array(held, np.int64)} if whole else dim


def part(description, shape=None, dtype=None):
    """What the package makes of a description, and of a buffer of that shape."""
    dims = description.get("dim_data")
    if isinstance(dims, list):
        dims = tuple(map(with_buffers, dims))
    if shape is None:
        shape = [extent(dim) for dim in dims] if isinstance(dims, tuple) else []
    buffer = np.broadcast_to(np.zeros((), dtype or "i1"), [min(max(n, 0), (1 << 63) - 1) for n in shape])
    return da.from_distarray({**description, "buffer": buffer, **({"dim_data": dims} if dims else {})})


def as_written(array):
    """The description that says the array's axes in any version."""
    return {"__version__": "1.0.0", "dim_data": list(array.dim_data)}


def extent(dim):
    """The length of the buffer that a dictionary wants, 0 where it is broken."""
    try:
        if dim["dist_type"] == "b":
            return operator.index(dim["stop"] - dim["start"])
        if dim["dist_type"] == "u":
            return len(dim["indices"])
        procs, block = dim["proc_grid_size"], operator.index(dim.get("block_size", 1))
        first, turn = (
            dim.get("first_block", block),
            dim["start"] // block if "first_block" not in dim else None,
        )
        if turn is None:
            turn = 0 if dim["start"] == 0 else (dim["start"] - first) // block + 1
        rounds, rest = divmod(operator.index(dim["size"]) + block - first, block * procs)
        held = rounds * block + min(max(rest - turn * block, 0), block)
        return operator.index(held - (block - first if turn == 0 else 0))
    except (KeyError, TypeError, ZeroDivisionError):
        return 0


def spelled(piece):
    """Bytes as the vectors spell them."""
    if isinstance(piece, dict):
        return (piece["first"] + piece["step"] * np.arange(piece["count"], dtype="<i8")).tobytes()
    return bytes.fromhex(piece) if isinstance(piece, str) else piece[0] * bytes.fromhex(piece[1])


class Lender:
    """Lends one struct."""

    def __init__(self, loan):
        self.loan = loan

    def __distarray_c__(self, request=None):
        new = ctypes.pythonapi.PyCapsule_New
        new.argtypes, new.restype = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p), ctypes.py_object
        return new(ctypes.addressof(self.loan), b"distarray_export", None)


def loan_in(capsule):
    """The struct in a capsule, which it keeps."""
    loan = _memory.capsule_contents(capsule, _abi.distarray_export)
    loan.capsule = capsule
    return loan


def named(array, uid):
    """The array, lent again with an identity."""
    loan = loan_in(array.__distarray_c__())
    loan.uid[:] = uid
    return da.from_distarray(Lender(loan))
