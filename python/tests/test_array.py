"""Memory: shared, kept alive as long as it is used, given back once, never copied in silence."""

import array
import ctypes
import gc
import os
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest

import distarray as da


class Owned(np.ndarray):
    """An array whose end can be watched."""


def block_of(n):
    return {"dist_type": "b", "size": n, "proc_grid_size": 1, "proc_grid_rank": 0, "start": 0, "stop": n}


def lent(shape=(4, 3), dtype=float):
    buffer = np.arange(np.prod(shape), dtype=dtype).reshape(shape).view(Owned)
    return buffer, da.Array(buffer, [block_of(n) for n in shape])


def address(x):
    return x.__array_interface__["data"][0]


def test_every_way_in_and_out_shares_the_memory():
    buffer, u = lent()
    for seen in (u.local, u.owned, np.asarray(u), np.from_dlpack(u), u.__distarray__()["buffer"], u):
        assert address(seen) == address(buffer)
    assert u.__dlpack_device__() == (1, 0)
    by_dict = da.from_distarray(u.__distarray__())
    by_struct = da.from_distarray(u)
    assert u.shares_memory(by_dict) and u.shares_memory(by_struct)
    by_struct.local[0, 0] = 7
    assert buffer[0, 0] == 7


def test_assigning_writes_the_elements():
    buffer = np.zeros((4, 3))
    second = {**block_of(7), "proc_grid_size": 2, "proc_grid_rank": 1, "start": 3, "padding": (1, 0)}
    u = da.Array(buffer, [second, block_of(3)])
    u.local += 1
    u.owned *= 2
    assert buffer.tolist() == [[1] * 3] + [[2] * 3] * 3
    u.owned = [5, 6, 7]
    assert u.owned.base is not None and buffer[1:].tolist() == [[5, 6, 7]] * 3
    with pytest.raises(ValueError):
        u.local = np.zeros((3, 4))


@pytest.mark.parametrize("how", [bytes, bytearray, memoryview, lambda b: array.array("B", b)])
def test_buffers_of_python_are_taken_in_place(how):
    source = how(bytes(range(6)))
    u = da.Array(source, [block_of(6)])
    assert u.local.dtype == np.uint8 and u.local.tolist() == list(range(6))
    assert address(u.local) == address(np.asarray(memoryview(source)))


def test_what_could_only_be_copied_is_refused():
    for source in ([1.0, 2.0], (1, 2), 3.0, "ab", np.ma.masked_array([1.0, 2.0], [0, 1])):
        with pytest.raises(TypeError):
            da.Array(source, [block_of(2)])


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16", "S5", "i4,f8", ">f8", "g"]
)
def test_element_types_survive_the_struct(dtype):
    buffer = np.zeros(3, dtype)
    taken = da.from_distarray(da.Array(buffer, [block_of(3)]))
    assert taken.dtype.itemsize == buffer.dtype.itemsize
    assert taken.dtype == buffer.dtype or taken.dtype.kind == "V"  # others as their bytes
    assert address(taken.local) == address(buffer)


@pytest.mark.parametrize("buffer", [np.zeros(3, object), np.zeros(3, "M8[s]")])
def test_element_types_that_cannot_be_lent_say_so(buffer):
    with pytest.raises(da.DistArrayError) as refused:
        da.Array(buffer, [block_of(3)])
    assert refused.value.field == "dtype"


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[::2], np.s_[:, ::-3], np.s_[1:1]])
def test_strides_are_kept(view):
    part = np.arange(40.0).reshape(8, 5)[view]
    u = da.from_distarray(da.Array(part, [block_of(n) for n in part.shape]))
    np.testing.assert_array_equal(u.local, part)
    assert u.local.strides == part.strides or part.size == 0
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert da.from_distarray(da.Array(fortran, [block_of(2), block_of(3)])).local.flags.f_contiguous


def test_scalars_and_empty_parts():
    scalar = da.from_distarray(da.Array(np.array(3.5), []))
    scalar.owned[...] += 1
    assert scalar.local[()] == 4.5
    assert da.Array(np.zeros((0, 3)), [block_of(0), block_of(3)]).owned.shape == (0, 3)


def test_read_only_memory_stays_read_only():
    buffer = np.arange(3.0)
    buffer.flags.writeable = False
    u = da.Array(buffer, [block_of(3)])
    for taken in (da.from_distarray(u), da.from_distarray(u.__distarray__())):
        assert not taken.local.flags.writeable
    with pytest.raises(da.DistArrayError) as refused:
        da.from_distarray(u, writable=True)
    assert refused.value.status == da.Status.ACCESS
    u = lent()[1]
    for source in (u, u.__distarray__()):
        taken = da.from_distarray(source, writable=False)
        assert not taken.local.flags.writeable and u.local.flags.writeable
        assert not da.from_distarray(taken).local.flags.writeable
    e = da.Distribution.of(None, u)
    with pytest.raises(da.DistArrayError):
        da.Redistribution(e, e).apply(u, u)


def test_the_memory_lives_as_long_as_anything_uses_it():
    buffer, u = lent()
    alive = weakref.ref(buffer)
    taken = da.from_distarray(u)
    view = taken.local[1:, ::2]
    again = da.from_distarray(taken)
    del buffer, u, taken
    gc.collect()
    assert alive() is not None
    np.testing.assert_array_equal(view, [[3, 5], [6, 8], [9, 11]])
    del view
    assert alive() is not None
    del again
    assert alive() is None, "given back with the last loan, without the collector"


def test_a_capsule_that_nobody_takes_gives_back():
    buffer, u = lent()
    alive = weakref.ref(buffer)
    capsule = u.__distarray_c__()
    assert "distarray_export" in repr(capsule)
    del buffer, u
    assert alive() is not None
    del capsule
    assert alive() is None


def test_a_capsule_is_taken_once():
    class Lender:
        def __init__(self, capsule):
            self.capsule = capsule

        def __distarray_c__(self, request=None):
            return self.capsule

    lender = Lender(lent()[1].__distarray_c__())
    taken = da.from_distarray(lender)
    with pytest.raises(da.DistArrayError) as refused:
        da.from_distarray(lender)
    assert refused.value.status == da.Status.RELEASED
    assert taken.local.sum() == 66
    for wrong in (None, 3, ctypes.pythonapi.PyCapsule_New):
        with pytest.raises(TypeError):
            da.from_distarray(Lender(wrong))


def test_library_memory_lives_with_its_views():
    view = da.Distribution(None, [4, 5]).zeros(np.int32).owned[1:3]
    gc.collect()
    view[...] = 9
    assert view.sum() == 90 and view.base is not None


def test_no_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        u = da.Distribution(None, [da.block(4, halo=1)]).zeros()
        watched = [weakref.ref(u), weakref.ref(u.distribution), weakref.ref(u.local)]
        bound = da.Halo(u.distribution).bind(u)
        bound.update()
        del u, bound
        assert [w() for w in watched] == [None] * 3
    finally:
        gc.enable()


def test_what_is_no_distribution_is_refused():
    u = lent()[1]
    for make in (da.Halo, lambda d: da.Redistribution(d, d), lambda d: da.Accommodation(u, d)):
        with pytest.raises(TypeError, match="a Distribution is needed, not Array"):
            make(u)


def test_what_is_no_array_is_refused():
    d = da.Distribution(None, [4])
    with pytest.raises(da.DistArrayError, match="rank 0, array: .* no Array") as refused:
        da.Halo(d).update(np.zeros(4))
    assert refused.value.status == da.Status.NULL


def test_a_refused_array_is_not_kept():
    buffer = np.zeros(3).view(Owned)
    alive = weakref.ref(buffer)
    with pytest.raises(da.DistArrayError) as refused:
        da.Array(buffer, [block_of(4)])
    error = refused.value
    assert (error.status, error.axis, error.field, error.rule) == (da.Status.SHAPE, 0, "shape", "B7")
    assert (error.expected, error.found, error.rank) == (4, 3, None)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and vars(again) == vars(error)
    del buffer, refused, error
    gc.collect()
    assert alive() is None


def test_a_loan_may_end_after_the_interpreter():
    """What C gives back in its own exit handlers must not reach for an interpreter."""
    script = """
import ctypes, numpy as np, distarray as da
from distarray import _memory
from distarray._library import PACKAGE
dim = {"dist_type": "b", "size": 3, "proc_grid_size": 1, "proc_grid_rank": 0, "start": 0, "stop": 3}
capsule = da.Array(np.zeros(3), [dim]).__distarray_c__()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
moved = ctypes.c_void_p(libc.malloc(256))
loan = _memory.capsule_contents(capsule, _memory.distarray_export)
ctypes.memmove(moved, ctypes.addressof(loan), 256)
loan.release = None
release = ctypes.cast(ctypes.PyDLL(str(PACKAGE / "_native.so")).distarray_python_release, ctypes.c_void_p)
assert libc.__cxa_atexit(release, moved, None) == 0
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)


def test_files(tmp_path):
    _, u = lent()
    da.save_dnpy(tmp_path / "u.dnpy", u)
    back = da.load_dnpy(tmp_path / "u.dnpy")
    np.testing.assert_array_equal(back.local, u.local)
    assert back.dim_data == u.dim_data
    (tmp_path / "bad.dnpy").write_bytes(b"not an array")
    for name, status in (("bad.dnpy", da.Status.SYNTAX), ("none.dnpy", da.Status.IO)):
        with pytest.raises(da.DistArrayError) as refused:
            da.load_dnpy(tmp_path / name)
        assert refused.value.status == status


@pytest.mark.parametrize("version, said", [("1 << 16", "is older than"), ("2 << 16", "version 2")])
def test_a_library_that_does_not_fit_is_refused(tmp_path, version, said):
    code = f"int distarray_abi_version(void) {{ return {version}; }}\n"
    code += 'const char *distarray_version(void) { return "0"; }\n'
    (tmp_path / "other.c").write_text(code)
    other = tmp_path / "other.so"
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "other.c", "-o", other], check=True)
    assert said in refused_import(other) and "install both from one checkout" in refused_import(other)


def test_the_library_is_looked_for_where_the_message_says(tmp_path):
    assert "DISTARRAY_LIBRARY is" in refused_import(tmp_path / "none.so")


def refused_import(library):
    environment = {**os.environ, "DISTARRAY_LIBRARY": str(library)}
    ended = subprocess.run(
        [sys.executable, "-c", "import distarray"], capture_output=True, text=True, env=environment
    )
    assert ended.returncode != 0
    return ended.stderr
