"""The vectors of the specification (protocol-spec/vectors), through this package."""

import ctypes
import json
import operator

import numpy as np
import pytest

import distarray as da
from conftest import LAUNCHED, ROOT
from distarray import _abi
from threads import moved, numbered, numbers, on_ranks

pytestmark = pytest.mark.skipif(LAUNCHED, reason="its ranks are threads")

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


# What needs a description without a buffer, or has a key that is the buffer's in Python.
WITHOUT_BUFFER = (
    "another-key",
    "empty-dictionary-no-buffer",
    "empty-dictionary-negative-buffer",
    "last-ends-early-no-buffer",
    "outside-widest",
)


def test_descriptions():
    def check(vector):
        if vector.get("lenient") or vector["id"] in WITHOUT_BUFFER:
            return LEFT_OUT
        description = eval(vector["literal"]) if "literal" in vector else vector["description"]
        if not isinstance(description, dict):
            with pytest.raises(TypeError):
                da.from_distarray(description)
            return vector["error"]
        made = part(description, vector.get("shape"))
        again = part(as_written(made), made.local.shape)
        assert str(again.dim_data) == str(made.dim_data), vector["id"]

    each("local", 300, check)


def gathered(vector, parts):
    """The verdict of all ranks on what each brings."""

    def verdict(comm, rank):
        try:
            da.Distribution.of(comm, parts[rank])
        except da.DistArrayError as error:
            return refusal(error)

    verdicts = on_ranks(len(parts), verdict)
    assert verdicts.count(verdicts[0]) == len(parts), vector["id"]
    return verdicts[0]


def test_sets_of_descriptions():
    def check(vector):
        if "uids" in vector:  # which only C has
            return LEFT_OUT
        shapes, dtypes = (vector.get(key, [None] * len(vector["ranks"])) for key in ("shapes", "dtypes"))
        parts = []
        for rank, stated in enumerate(zip(vector["ranks"], shapes, dtypes)):
            try:
                parts.append(part(*stated))
            except da.DistArrayError as error:  # before any other rank hears of it
                error.rank = rank
                return refusal(error)
        if vector["valid"] and "buffers" in vector:
            whole = np.array(vector["global"]).reshape(parts[0].global_shape)
            for made, stated in zip(parts, vector["buffers"]):
                held = [made._dims().global_indices(i, np.arange(n)) for i, n in enumerate(made.local.shape)]
                np.testing.assert_array_equal(whole[np.ix_(*held)].ravel(), stated)
        return gathered(vector, parts)

    each("collective", 80, check)


def test_index_maps():
    def check(vector):
        parts = [part(description) for description in vector["parts"]]
        for made, held, owned in zip(parts, vector["held"], vector["owned"]):
            found = made._dims().global_indices(0, np.arange(made.local.size))
            assert (found.tolist(), made.ogrid[0].tolist()) == (held, owned), vector["id"]

    each("maps", 100, check)


def test_messages(monkeypatch):
    monkeypatch.setenv("DISTARRAY_SHARED_MEMORY", "off")

    def check(vector):
        def ends(comm, rank):
            source, target = (
                da.Distribution.of(comm, part(vector[side][rank])) for side in ("source", "target")
            )
            return source, target, da.Redistribution(source, target)

        shape = part(vector["source"][0]).global_shape
        stated = [[m["from"], m["to"], numbered(m["indices"], shape)] for m in vector["messages"]]
        if moved(len(vector["source"]), ends) != sorted(stated):
            return {"rule": "M1", "field": "messages"}

    each("messages", 15, check)


def test_halos():
    def check(vector):
        def fill(comm, rank):
            d = da.Distribution.of(comm, part(vector["ranks"][rank]))
            u = d.zeros(np.int64)
            u.local[...] = -7
            u.owned[...] = numbers(u)
            da.Halo(d).update(u)
            return [None if value == -7 else value for value in u.local.ravel().tolist()]

        if on_ranks(len(vector["ranks"]), fill) != vector["buffers"]:
            return {"rule": "M2", "field": "buffers"}

    each("halo", 10, check)


def spelled(piece):
    """Bytes as the vectors spell them."""
    if isinstance(piece, dict):
        return (piece["first"] + piece["step"] * np.arange(piece["count"], dtype="<i8")).tobytes()
    return bytes.fromhex(piece) if isinstance(piece, str) else piece[0] * bytes.fromhex(piece[1])


def test_files(tmp_path):
    def check(vector):
        content = b"".join(map(spelled, vector["content"]))
        (tmp_path / "part.dnpy").write_bytes(content)
        read = da.load_dnpy(tmp_path / "part.dnpy")
        stated = part(vector["description"], vector["shape"])
        assert str(read.dim_data) == str(stated.dim_data), vector["id"]
        assert list(read.local.shape) == vector["shape"], vector["id"]
        da.save_dnpy(tmp_path / "again.dnpy", read)
        if (tmp_path / "again.dnpy").read_bytes() != content:
            return {"rule": "F9", "field": "file"}

    each("dnpy", 80, check)


def test_forms(tmp_path):
    def check(vector):
        made = part(vector["description"], dtype="f8")
        record = bytearray(bytes(made._dims().structs[0]))
        record[72:80] = bytes(8)  # the address of the indices
        assert bytes(record) == spelled(vector["record"]), vector["id"]
        da.save_dnpy(tmp_path / "part.dnpy", made)
        file = (tmp_path / "part.dnpy").read_bytes()
        length = int.from_bytes(file[8:10], "little")
        assert file[10 : 10 + length].decode() == vector["header"], vector["id"]

    each("forms", 10, check)


class Image:
    """A loan laid out byte by byte, lent by a capsule."""

    def __init__(self, vector):
        self.released = 0
        self.release = ctypes.CFUNCTYPE(None, ctypes.POINTER(_abi.distarray_export))(self.give_back)
        self.segments = {}
        for name, piece in vector["segments"].items():
            content = spelled(piece)
            memory = np.zeros(len(content) // 16 + 2, "c16")  # at an address that suits every element
            ctypes.memmove(memory.ctypes.data, content, len(content))
            self.segments[name] = memory
        for segment, offset, target, added in vector["pointers"]:
            pointed = self.segments.get(target)
            address = (
                ctypes.cast(self.release, ctypes.c_void_p).value
                if pointed is None
                else pointed.ctypes.data + added
            )
            ctypes.c_uint64.from_address(self.segments[segment].ctypes.data + offset).value = address
        self.loan = _abi.distarray_export.from_address(self.segments["export"].ctypes.data)

    def give_back(self, loan):
        self.released += 1
        loan[0].release = None

    def __distarray_c__(self, request=None):
        new = ctypes.pythonapi.PyCapsule_New
        new.argtypes, new.restype = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p), ctypes.py_object
        return new(ctypes.addressof(self.loan), b"distarray_export", None)


def test_images_of_loans():
    def check(vector):
        if vector["access"] not in ("read", "read-write"):
            return LEFT_OUT
        image = Image(vector)
        before = bytes(image.loan)
        try:
            taken = da.from_distarray(image, writable=vector["access"] == "read-write")
        except da.DistArrayError:
            assert (bytes(image.loan), image.released) == (before, 0), vector["id"]
            raise
        assert image.loan.release is None and image.released == 0, vector["id"]
        del taken
        assert image.released == 1, vector["id"]

    each("abi", 100, check)
