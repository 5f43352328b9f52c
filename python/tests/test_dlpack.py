"""Tensors of DLPack: what they say, and that their memory is given back once, whoever ends them."""

import ctypes
import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import distarray as da
from distarray import _memory
from test_array import Owned, address, block_of, lent

# dlpack.h, versions 0.8 and 1.0.


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # which lets go of the interpreter's lock


class DLManagedTensor(ctypes.Structure):
    _fields_ = [("tensor", DLTensor), ("manager_ctx", ctypes.c_void_p), ("deleter", DELETER)]


class DLManagedTensorVersioned(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_uint32 * 2),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", DELETER),
        ("flags", ctypes.c_uint64),
        ("tensor", DLTensor),
    ]


KINDS = {None: (b"dltensor", DLManagedTensor), (1, 1): (b"dltensor_versioned", DLManagedTensorVersioned)}
USED = {kind: b"used_" + name for kind, (name, _) in KINDS.items()}  # alive as long as the capsules


def contents(capsule, version):
    """The struct in a capsule of the version that was asked for; keeps the capsule."""
    name, struct = KINDS[version]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p
    found = struct.from_address(get(capsule, name))
    found.capsule = capsule
    return found


def take(capsule, version):
    """The struct, which is the taker's from here on."""
    found = contents(capsule, version)
    del found.capsule
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.argtypes = (ctypes.py_object, ctypes.c_char_p)
    rename(capsule, USED[version])
    return found


versions = pytest.mark.parametrize("version", KINDS)


@versions
@pytest.mark.parametrize(
    "dtype, code, bits",
    [("i1", 0, 8), ("u2", 1, 16), ("u8", 1, 64), ("f2", 2, 16), ("f8", 2, 64), ("c16", 5, 128), ("?", 6, 8)],
)
def test_tensors_say_what_the_array_is(version, dtype, code, bits):
    buffer = np.zeros((6, 4, 1), dtype)[::-2, 1:].transpose(1, 0, 2)
    u = da.Array(buffer, [block_of(n) for n in buffer.shape])
    capsule = u.__dlpack__(max_version=version)
    found = contents(capsule, version)
    if version is not None:
        assert (*found.version, found.flags) == (1, 0, 0)
    tensor = found.tensor
    assert (tensor.data, tensor.byte_offset, tuple(tensor.device)) == (address(buffer), 0, (1, 0))
    assert (tensor.code, tensor.bits, tensor.lanes) == (code, bits, 1)
    assert tensor.shape[: tensor.ndim] == [3, 3, 1]
    assert tensor.strides[:2] == [1, -8]


@versions
def test_scalars_and_empty_parts(version):
    scalar = da.Array(np.array(3.5), []).__dlpack__(max_version=version)
    assert contents(scalar, version).tensor.ndim == 0
    odd = np.zeros(2, "c16,f8")["f0"][:1]  # its stride is no multiple, and says nothing
    odd = da.Array(odd, [block_of(1)]).__dlpack__(max_version=version)
    assert contents(odd, version).tensor.strides[0] == 1
    empty = da.Array(np.zeros((0, 3)), [block_of(0), block_of(3)]).__dlpack__(max_version=version)
    assert contents(empty, version).tensor.shape[:2] == [0, 3]


def test_read_only_memory_and_copies():
    buffer = np.arange(6.0).reshape(2, 3).T
    buffer.flags.writeable = False
    u = da.Array(buffer, [block_of(3), block_of(2)])
    assert contents(u.__dlpack__(max_version=(1, 1)), (1, 1)).flags == 1
    with pytest.raises(BufferError, match="read-only"):
        u.__dlpack__()
    with pytest.raises(BufferError, match="read-only"):
        u.__dlpack__(max_version=(0, 8), copy=False)
    for version, flags in ((None, None), ((1, 1), 2)):
        capsule = u.__dlpack__(max_version=version, copy=True)
        found = contents(capsule, version)
        assert flags is None or found.flags == flags
        assert found.tensor.data != address(buffer) and found.tensor.strides[:2] == [2, 1]
        copied = np.ctypeslib.as_array((ctypes.c_double * 6).from_address(found.tensor.data))
        np.testing.assert_array_equal(copied.reshape(3, 2), buffer)
        copied[:] = 0
    assert buffer.sum() == 15


@pytest.mark.parametrize("dtype", [">f8", "S5", "i4,f8", "g", ">c8"])
def test_elements_that_are_no_numbers_are_refused(dtype):
    u = da.Array(np.zeros(3, dtype), [block_of(3)])
    for options in ({}, {"max_version": (1, 0)}, {"copy": True}):
        with pytest.raises(BufferError, match="native byte order"):
            u.__dlpack__(**options)


def test_what_else_is_refused():
    u = lent()[1]
    assert u.__dlpack__(dl_device=u.__dlpack_device__(), copy=False)
    for options, reason in (({"dl_device": (2, 0)}, r"device \(2, 0\)"), ({"stream": 1}, "streams")):
        with pytest.raises(BufferError, match=reason):
            u.__dlpack__(**options)
    odd = np.zeros((4, 3), "c16,f8").view(Owned)
    alive = weakref.ref(odd)
    u = da.Array(odd["f0"], [block_of(4), block_of(3)])
    del odd
    with pytest.raises(BufferError, match="axis 0.* 72 bytes are no multiple of 16"):
        u.__dlpack__()
    assert contents(u.__dlpack__(copy=True), None).tensor.strides[:2] == [3, 1]
    del u
    gc.collect()  # the tracebacks
    assert alive() is None, "a refused loan is given back"


def test_elements_that_numpy_does_not_have():
    class Lender:
        def __distarray_c__(self, request=None):
            capsule = da.Array(np.zeros(3, "u2"), [block_of(3)]).__distarray_c__()
            _memory.capsule_contents(capsule, _memory.distarray_export).dtype_code = 4  # bfloat16
            return capsule

    taken = da.from_distarray(Lender())
    with pytest.raises(da.DistArrayError, match="bfloat16"):
        taken.local
    for copy in (False, True):
        tensor = contents(taken.__dlpack__(copy=copy), None).tensor
        assert (tensor.code, tensor.bits, tensor.shape[0]) == (4, 16, 3)


def test_numpy_takes_them():
    buffer, u = lent()
    alive = weakref.ref(buffer)
    seen = np.from_dlpack(u)
    np.testing.assert_array_equal(seen, buffer)
    assert address(seen) == address(buffer)
    del buffer, u
    gc.collect()
    assert alive() is not None and seen[1, 1] == 4
    del seen
    assert alive() is None


@versions
def test_a_capsule_that_nobody_takes_gives_back(version):
    buffer, u = lent()
    alive = weakref.ref(buffer)
    capsule = u.__dlpack__(max_version=version)
    del buffer, u
    assert alive() is not None
    del capsule
    assert alive() is None


@versions
def test_the_consumer_ends_a_tensor_from_any_thread(version):
    buffer, u = lent()
    alive = weakref.ref(buffer)
    capsule = u.__dlpack__(max_version=version)
    taken = take(capsule, version)
    del buffer, u, capsule
    gc.collect()
    assert alive() is not None, "the tensor outlives its capsule"
    assert taken.tensor.shape[:2] == [4, 3]
    thread = threading.Thread(target=taken.deleter, args=(ctypes.addressof(taken),))
    thread.start()
    thread.join()
    assert alive() is None


@versions
def test_a_tensor_may_end_after_the_interpreter(version):
    script = f"""
import ctypes, numpy as np, distarray as da
from test_array import block_of
from test_dlpack import take
array = da.Array(np.zeros(3), [block_of(3)])
taken = take(array.__dlpack__(max_version={version}), {version})
left = array.__dlpack__(max_version={version})  # which ends with the interpreter
deleter = ctypes.cast(taken.deleter, ctypes.c_void_p)
assert ctypes.CDLL(None).__cxa_atexit(deleter, ctypes.c_void_p(ctypes.addressof(taken)), None) == 0
"""
    folder = Path(__file__).parent  # of the modules above
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
