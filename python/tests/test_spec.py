"""The vectors of the specification on descriptions, sets of them, movement and files."""

import numpy as np
import pytest

import distarray as da
from conftest import LAUNCHED
from spec import LEFT_OUT, as_written, each, named, part, refusal, spelled
from threads import moved, numbered, numbers, on_ranks

pytestmark = pytest.mark.skipif(LAUNCHED, reason="its ranks are threads")

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
        shapes, dtypes = (vector.get(key, [None] * len(vector["ranks"])) for key in ("shapes", "dtypes"))
        parts = []
        for rank, stated in enumerate(zip(vector["ranks"], shapes, dtypes)):
            try:
                parts.append(part(*stated))
            except da.DistArrayError as error:  # before any other rank hears of it
                error.rank = rank
                return refusal(error)
        if "uids" in vector:
            parts = list(map(named, parts, vector["uids"]))
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
