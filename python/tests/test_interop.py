"""From and to petsc4py, mpi4py-fft and h5py; others speak the protocol's dictionaries."""

import importlib

import numpy as np
import pytest

import distarray as da
from conftest import LAUNCHED
from distarray import interop

pytestmark = pytest.mark.skipif(not LAUNCHED, reason="run under mpirun")


def address(x):
    return x.__array_interface__["data"][0]


def test_petsc_vectors(comm, rank, size, everywhere):
    PETSc = pytest.importorskip("petsc4py.PETSc")
    vec = PETSc.Vec().createMPI((rank + 2, None), comm=comm)
    vec.set(1.0)
    u = interop.from_petsc(vec)
    d = da.Distribution.of(comm, u)
    assert d.global_shape == (vec.size,) and address(u.local) == address(vec.array_r)
    before = vec.norm()
    u.local[...] = 3.0
    del u, d
    assert vec.norm() == pytest.approx(3 * before), "PETSc has heard that its vector was written"

    d = da.Distribution(comm, [da.block(3 * size + 1), da.whole(4)])
    v = d.zeros()
    v.owned[...] = d.dim_data[0]["start"]
    wrapped = interop.to_petsc(v, comm)
    assert address(wrapped.array_r) == address(v.local)
    wrapped.scale(2.0)
    assert (v.owned == 2.0 * d.dim_data[0]["start"]).all()
    mine = v.local
    del v, d
    wrapped.set(5.0)
    assert (mine == 5.0).all()


def test_what_petsc_would_copy_is_refused_on_all_ranks(comm, rank, size, everywhere):
    pytest.importorskip("petsc4py.PETSc")
    d = da.Distribution(comm, [4 * size])
    strided = np.zeros(8)[::2]
    for wrong in (strided, np.zeros(4, np.float32)):
        u = d.wrap(wrong if rank == size - 1 else np.zeros(4))
        with pytest.raises(da.DistArrayError) as refused:
            interop.to_petsc(u, comm)
        assert everywhere((refused.value.status, refused.value.rank)) == (da.Status.WOULD_COPY, size - 1)
    with pytest.raises(da.DistArrayError, match="AttributeError"):
        interop.to_petsc("no array" if rank == size - 1 else u, comm)
    padded = da.Distribution(comm, [da.block(4 * size, halo=1, periodic=True)]).zeros()
    with pytest.raises(da.DistArrayError, match="padding"):
        interop.to_petsc(padded, comm)
    # The way that the message names.
    fits = da.Accommodation(padded, axes=[da.Accepts("b", padding="none")], layouts=["C"])
    handed = fits.hand_over(padded)
    interop.to_petsc(handed, comm).set(2.0)
    fits.take_back(handed, padded)
    assert (padded.owned == 2.0).all()


def test_mpi4py_fft_arrays(comm, size, everywhere):
    mpi4py_fft = pytest.importorskip("mpi4py_fft")
    theirs = mpi4py_fft.DistArray((8, 6, 5), dtype=float)
    theirs[...] = comm.rank
    u = interop.from_mpi4py_fft(theirs)
    d = da.Distribution.of(comm, u)
    assert d.global_shape == (8, 6, 5) and address(u.local) == address(theirs)

    ours = da.Distribution(comm, [8, 6, da.whole(5)]).zeros()
    ours.owned[...] = sum(ours.ogrid)
    wrapped = interop.to_mpi4py_fft(ours, comm)
    assert address(wrapped) == address(ours.local)
    moved = wrapped.redistribute(axis=0)
    start = [slice(s, s + n) for s, n in zip(moved.substart, moved.shape)]
    np.testing.assert_array_equal(moved.view(np.ndarray), sum(np.ogrid[tuple(start)]))
    halo = da.Distribution(comm, [da.block(8, halo=1), 6, da.whole(5)]).zeros()
    for wrong in (halo, da.Distribution(comm, [8, da.cyclic(6), da.whole(5)]).zeros()):
        if size > 1:
            with pytest.raises(da.DistArrayError) as refused:
                interop.to_mpi4py_fft(wrong, comm)
            assert everywhere(refused.value.status) == da.Status.WOULD_COPY


def test_hdf5_datasets(comm, rank, size, shared_tmp):
    # Debian has its parallel h5py beside the serial one.
    try:
        h5py = importlib.import_module("h5py._debian_h5py_mpi")
    except ImportError:
        h5py = pytest.importorskip("h5py")
    if not h5py.get_config().mpi:
        pytest.skip("this h5py was built without MPI")
    from test_parallel import fill, layouts, whole_array

    for k, axes in enumerate(layouts(rank, size)):
        u = fill(da.Distribution(comm, axes).zeros())
        with h5py.File(shared_tmp / f"{k}.h5", "w", driver="mpio", comm=comm) as file:
            dataset = file.create_dataset("u", u.global_shape, u.dtype)
            interop.write_hdf5(dataset, u)
        comm.Barrier()
        with h5py.File(shared_tmp / f"{k}.h5", "r", driver="mpio", comm=comm) as file:
            np.testing.assert_array_equal(file["u"][...], whole_array(u.global_shape))
            v = u.distribution.zeros()
            interop.read_hdf5(file["u"], v)
        np.testing.assert_array_equal(v.owned, u.owned)
