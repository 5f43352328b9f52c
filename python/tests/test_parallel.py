"""What ranks do together, on any number of them, against NumPy on the whole array."""

import itertools
import os

import numpy as np
import pytest

import distarray as da
from conftest import vectors
from distarray import _comm

HALO = dict(halo=1, periodic=True)


def fill(u):
    """Sets each owned element to a number of its own; what lies around stays as it is."""
    u.owned[...] = number(u.ogrid, u.dtype)
    return u


def number(index, dtype=float):
    total = np.zeros((), np.int64)
    for axis in index:
        total = total * 100 + axis
    return total.astype(dtype)


def whole_array(shape, dtype=float):
    return np.asarray(number(np.ogrid[tuple(slice(n) for n in shape)], dtype))


def unstructured_over(rank, size, n):
    """Pairs of indices dealt to the ranks in turn, backwards."""
    mine = [i for i in range(n) if (i // 2) % size == rank]
    return da.unstructured(n, mine[::-1])


def layouts(rank, size):
    """Distributions of a 12 x 10 array."""
    yield [da.block(12), da.block(10)]
    yield [da.whole(12), da.block(10)]
    yield [da.block(12, bounds=sorted([0, *(5 * k % 12 for k in range(1, size)), 12])), da.whole(10)]
    yield [da.cyclic(12, 3), da.cyclic(10, 2)]
    yield [da.cyclic(12, 2, first_process=size - 1, procs=size), 10]
    yield [unstructured_over(rank, size, 12), da.whole(10)]
    yield [da.block(12, halo=1, edge_outside=True), da.block(10, **HALO)]
    yield [da.block(12, block_size=-(-12 // size), procs=size), da.whole(10)]


@pytest.mark.parametrize("order", ["C", "F"])
def test_each_element_is_owned_once(comm, size, rank, order):
    for axes in layouts(rank, size):
        d = da.Distribution(comm, axes, order=order)
        u = fill(d.zeros(order=order))
        count = np.zeros(d.global_shape, int)
        count[u.ogrid] = 1
        if comm is not None:
            comm.Allreduce(count.copy(), count)
        assert (count == 1).all(), axes
        assert np.prod(d.grid_shape) == size
        if not any(axis.kind == "u" for axis in axes if isinstance(axis, da.Axis)):
            mine = np.stack(np.broadcast_arrays(*u.ogrid), -1)
            assert (d.owner(mine) == rank).all()
        again = da.Distribution.of(comm, u)
        assert repr(again) == repr(d)


def test_ranks_stand_on_the_grid_as_they_are_told(comm, size, rank, everywhere):
    turned = [(r + 1) % size for r in range(size)]
    d = da.Distribution(comm, [4 * size, da.whole(3)], ranks=turned)
    assert d.owner([(4 * k, 0) for k in range(size)]).tolist() == turned
    u = fill(d.wrap(np.zeros(d.local_shape)))
    again = da.Distribution.of(comm, da.from_distarray(u))
    assert again.owner([(4 * k, 0) for k in range(size)]).tolist() == turned
    assert [u.__partitioned__["partitions"][k, 0]["location"] for k in range(size)] == [[r] for r in turned]
    if size > 1:
        with pytest.raises(da.DistArrayError, match="__distarray_c__"):
            u.__distarray__()

    # Where a plan may choose who stands where, elements stay where they are.
    plain = da.Distribution(comm, [4 * size, da.whole(3)])
    best = da.Distribution(comm, [4 * size, da.whole(3)], ranks=d.relabel(plain))
    assert da.Redistribution(d, best).moves(8).bytes_sent == 0
    assert size == 1 or da.Redistribution(d, plain).moves(8).bytes_sent > 0
    v = best.zeros()
    da.Redistribution(d, best).apply(u, v)
    np.testing.assert_array_equal(v.local, u.local)


def test_replicas_are_equal_copies(comm, size, rank):
    d = da.Distribution(comm, [3, 2], replicas=size)
    assert (d.replicas, d.grid_shape, d.local_shape) == (size, (1, 1), (3, 2))
    assert da.Distribution(comm, [3]).replicas == 1
    u = fill(d.wrap(np.zeros((3, 2))))
    halves = da.Distribution(comm, [3, da.whole(2)])
    v = halves.zeros()
    da.Redistribution(d, halves).apply(u, v)
    np.testing.assert_array_equal(v.owned, number(v.ogrid))
    back = d.zeros()
    da.Redistribution(halves, d).apply(v, back)
    np.testing.assert_array_equal(back.local, whole_array((3, 2)))
    if size > 1:
        assert not hasattr(u, "__partitioned__")
        with pytest.raises(da.DistArrayError, match="__distarray_c__"):
            u.__distarray__()


def test_redistribution_between_all_pairs(comm, size, rank):
    made = [da.Distribution(comm, axes) for axes in layouts(rank, size)]
    for source, target in itertools.product(made, made):
        u, v = fill(source.zeros(np.float32)), target.zeros()
        plan = da.Redistribution(source, target)
        plan.apply(u, v)
        np.testing.assert_array_equal(v.owned, number(v.ogrid))
        moved = plan.moves(4)
        assert moved.bytes_sent + moved.bytes_copied == u.owned.nbytes
        plan.apply(u, v, alpha=2, beta=-1)
        np.testing.assert_array_equal(v.owned, number(v.ogrid))


def test_transposition_and_reshaping(comm, size):
    rows, columns = da.Distribution(comm, [12, da.whole(10)]), da.Distribution(comm, [10, da.whole(12)])
    u, v = fill(rows.zeros(np.complex128)), columns.zeros(np.complex128)
    u.owned[...] *= 1j
    da.Redistribution(rows, columns, axes=(1, 0)).apply(u, v, conjugate=True)
    i, j = v.ogrid
    np.testing.assert_array_equal(v.owned, (-1j) * number((j, i)))

    flat = da.Distribution(comm, [120])
    w = flat.zeros()
    real = fill(rows.zeros())
    da.Redistribution.reshape(rows, flat).apply(real, w)
    np.testing.assert_array_equal(w.owned, whole_array((12, 10)).ravel()[w.ogrid])


def test_from_one_rank_to_all_and_back(comm, size, rank):
    """Over different ranks: the sides know their own communicators alone."""
    alone = None if comm is None else comm.Split(0 if rank == 0 else 1)
    target = da.Distribution(comm, [da.cyclic(30, 4)])
    source = da.Distribution(alone, [30]) if rank == 0 else None
    u = fill(source.zeros()) if source else None
    v = target.zeros()
    da.Redistribution.across(comm, source, target, 1).apply(u, v)
    np.testing.assert_array_equal(v.owned, number(v.ogrid))
    v.owned[...] += 0.5
    da.Redistribution.across(comm, target, source, 1).apply(v, u)
    if u:
        np.testing.assert_array_equal(u.local, np.arange(30) + 0.5)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("width", [1, 2])
def test_halos_are_those_of_numpy_pad(comm, size, width, shared):
    shape, modes = (4 * size, 9), ("wrap", "reflect")
    d = da.Distribution(
        comm,
        [
            da.block(shape[0], halo=width, periodic=True),
            da.block(shape[1], halo=width, edge_outside=True, procs=1),
        ],
    )
    padded = np.pad(whole_array(shape), ((width, width), (0, 0)), mode=modes[0])
    padded = np.pad(padded, ((0, 0), (width, width)), mode=modes[1])
    halo = da.Halo(d)
    halo.fill_edges(["keep", "reflect"])
    u, v = fill(d.zeros(shared=shared)), fill(d.zeros(np.float32))
    rows = slice(d.dim_data[0]["start"] + width, d.dim_data[0]["stop"] + width)

    halo.update(u)
    np.testing.assert_array_equal(u.local, padded[rows])
    halo.update(u, v)
    np.testing.assert_array_equal(v.local, padded[rows])

    u.local[:width] = 0
    halo.start(u)
    inside = u.owned.sum()
    halo.finish(u)
    np.testing.assert_array_equal(u.local, padded[rows])
    assert inside == u.owned.sum()

    bound = halo.bind(u)
    u.owned[...] *= 2
    bound.update()
    np.testing.assert_array_equal(u.local, 2 * padded[rows])


def test_own_memory_with_its_halo_is_filled_in_place(comm, size):
    d = da.Distribution(comm, [da.block(4 * size, **HALO), da.whole(3)])
    mine = np.zeros(d.local_shape, order="F")
    u = fill(d.wrap(mine))
    da.Halo(d).update(u)
    padded = np.pad(whole_array((4 * size, 3)), ((1, 1), (0, 0)), mode="wrap")
    np.testing.assert_array_equal(mine, padded[d.dim_data[0]["start"] + 1 : d.dim_data[0]["stop"] + 1])


def test_accumulation_is_the_adjoint_of_the_update(comm, size):
    d = da.Distribution(comm, [da.block(4 * size, **HALO), da.block(6, **HALO, procs=1)])
    halo = da.Halo(d)
    u, v = fill(d.zeros()), d.zeros()
    v.local[...] = 1
    halo.accumulate(v)
    halo.update(u)
    sums = np.array([u.local.sum(), (fill(u).owned * v.owned).sum()])
    if comm is not None:
        comm.Allreduce(sums.copy(), sums)
    assert sums[0] == sums[1]
    with pytest.raises(ValueError, match="product"):
        halo.accumulate(u, "product")


def test_a_consumer_gets_what_it_takes(comm, size, everywhere):
    d = da.Distribution(comm, [da.block(6 * size, halo=1), da.whole(5)])
    u = fill(d.zeros())
    rows = da.Accommodation(
        u, axes=[da.Accepts("b", padding="none"), da.Accepts(procs=1)], layouts=["C_lines"]
    )
    handed = rows.hand_over(u)
    assert not handed.is_copy and rows.reasons == ""
    assert np.shares_memory(handed.local, u.local)

    accepts = [da.Accepts("c", block_size=2, padding="none")] * 2
    with pytest.raises(da.DistArrayError) as refused:
        da.Accommodation(u, axes=accepts, layouts=["F_lines"], never_copy=True)
    assert everywhere(refused.value.status) == da.Status.WOULD_COPY
    panels = da.Accommodation(u, axes=accepts, layouts=["F_lines"])
    handed = panels.hand_over(u)
    assert handed.is_copy and handed.local.flags.f_contiguous
    assert everywhere(panels.reasons) != ""
    np.testing.assert_array_equal(handed.owned, number(handed.ogrid))
    handed.owned[...] += 3
    panels.take_back(handed, u)
    np.testing.assert_array_equal(u.owned, number(u.ogrid) + 3)

    slabs = [da.Accepts("b", padding="none", procs=size, least=1), da.Accepts(procs=1, pitch=7)]
    handed = da.Accommodation(u, axes=slabs, layouts=["C"], room=8 * 7 * 6).hand_over(u)
    assert handed.is_copy and handed.local.strides == (8 * 7, 8)
    np.testing.assert_array_equal(handed.owned, u.owned)
    turned = da.Accommodation(u, axes=slabs[:1] + [da.Accepts()], layouts=["C"], permutation=[1, 0])
    assert turned.hand_over(u).local.flags.f_contiguous


def test_sets_of_files(comm, rank, size, shared_tmp, everywhere):
    if comm is None:
        pytest.skip("a set of files has ranks")
    for k, axes in enumerate(layouts(rank, size)):
        u = fill(da.Distribution(comm, axes).zeros())
        da.save_dnpy(shared_tmp / f"set{k}", u, comm)
        back = da.load_dnpy(shared_tmp / f"set{k}", comm)
        np.testing.assert_array_equal(back.local, u.local)
        assert str(back.dim_data) == str(u.dim_data)
        # As another distribution, and by one process alone.
        for d in (
            da.Distribution(comm, [da.cyclic(n) for n in u.global_shape]),
            da.Distribution(None, [da.whole(n) for n in u.global_shape]),
        ):
            np.testing.assert_array_equal(d.load_dnpy(shared_tmp / f"set{k}").owned, fill(d.zeros()).owned)
        everywhere(k)  # nobody saves the next set while this one is read
    with pytest.raises(da.DistArrayError) as refused:
        da.load_dnpy(shared_tmp / "none", comm)
    assert everywhere((refused.value.status, refused.value.rank)) == (da.Status.IO, 0)


def test_all_ranks_are_told_what_one_does_wrong(comm, rank, size, shared_tmp, everywhere):
    wrong = rank == size - 1
    d = da.Distribution(comm, [da.block(4 * size, halo=1), da.whole(3)])
    halo, u = da.Halo(d), d.zeros()
    other = da.Array(np.zeros((2, 2)), ({}, {}))
    for call in (
        lambda: halo.update(other if wrong else u),
        lambda: halo.update(None if wrong else u),
        lambda: halo.update(u, *[None if wrong else u]),
        lambda: halo.bind(other if wrong else u),
        lambda: halo.fill_edges("mirror" if wrong else "edge"),
        lambda: da.Redistribution(d, d).apply(u, other if wrong else u),
        lambda: da.Redistribution(d, d).apply(u, u, alpha="one" if wrong else 1),
        lambda: (
            da.Redistribution(d, d).apply(u, u, alpha=2 if wrong else 1) if size > 1 else halo.update(None)
        ),
        lambda: da.Redistribution(d, d, axes=(0, 0) if wrong else (0, 1)),
        lambda: da.Redistribution(d, d, axes=(0, "one") if wrong else (0, 1)),
        lambda: da.Redistribution(d, None if wrong else d),
        lambda: da.Redistribution("d" if wrong else d, d),
        lambda: da.Redistribution.reshape(d, u if wrong else d),
        lambda: da.Redistribution.across(comm, d, d, 2.5 if wrong else 2),
        lambda: halo.accumulate(u, ["sum"] if wrong else "sum"),
        lambda: halo.fill_edges(3 if wrong else "edge"),
        lambda: halo.fill_edges("constant", ["a", "b"] if wrong else 1.0),
        lambda: da.Distribution(
            comm, [da.block(7, bounds=[0, 7] if size > 1 else [0, 3, 7])] if wrong else [7]
        ),
        lambda: da.Distribution(comm, ["seven"] if wrong else [7]),
        lambda: da.Distribution(comm, [1 << 64] if wrong else [7]),
        lambda: da.Distribution(comm, None if wrong else [7]),
        lambda: da.Distribution(comm, [da.cyclic(7, 0) if wrong else da.cyclic(7)]),
        lambda: da.Distribution(comm, [da.block(7, procs=0) if wrong else 7]),
        lambda: da.Distribution(comm, [da.block(7, bounds=[]) if wrong else 7]),
        lambda: da.Distribution(comm, [da.unstructured(7, [0.5] if wrong else [rank])]),
        lambda: da.Distribution(comm, [7], grid_shape=[size, 1] if wrong else [size]),
        lambda: da.Distribution(comm, [7], order="A" if wrong else "C"),
        lambda: da.Distribution(comm, [7], ranks=[size] if wrong else range(size)),
        lambda: da.Distribution(comm, [7], ranks=[0] * (size + 1) if wrong else range(size)),
        lambda: da.Distribution(comm, [7], replicas=0 if wrong else 1),
        lambda: da.Distribution(comm, [7, 8] if wrong else [7, 9]) if size > 1 else halo.update(None),
        lambda: da.Distribution.of(comm, 3 if wrong else u),
        lambda: d.zeros("M8[s]" if wrong else "f8"),
        lambda: d.owners(0, "none" if wrong else [0]),
        lambda: da.Accommodation(u, layouts=["X"] if wrong else ["C"], distribution=d),
        lambda: da.save_dnpy(3 if wrong else shared_tmp / "u", u, comm),
        lambda: da.load_dnpy(3 if wrong else shared_tmp / "u", comm),
        lambda: d.load_dnpy(3 if wrong else shared_tmp / "u"),
    ):
        with pytest.raises((da.DistArrayError, TypeError, ValueError)):
            call()
    with pytest.raises(da.DistArrayError) as refused:
        halo.update(other if wrong else u)
    assert everywhere(str(refused.value)) and refused.value.rank == size - 1
    halo.update(u)  # and nothing is left under way


def test_gaps_and_overlaps_are_found_by_rank_and_axis(comm, rank, size, everywhere):
    if size == 1:
        pytest.skip("a gap needs two ranks")
    start = 3 * rank + (rank == 1)
    part = dict(
        dist_type="b", size=3 * size, proc_grid_size=size, proc_grid_rank=rank, start=start, stop=3 * rank + 3
    )
    with pytest.raises(da.DistArrayError) as refused:
        da.Distribution.of(comm, da.Array(np.zeros(3 * rank + 3 - start), [part]))
    names = ("status", "rank", "other_rank", "axis", "field", "expected", "found")
    assert everywhere(tuple(getattr(refused.value, name) for name in names)) == (
        da.Status.PARTITION, 1, 0, 0, "start", 3, 4,
    )  # fmt: skip


def test_published_maps_of_as_many_ranks(comm, rank, size):
    checked = 0
    for case in vectors("protocol/maps"):
        if (
            case["kind"] != "axis"
            or case.get("proc_grid_size") != size
            or "owners" not in case
            or "ranks" not in case
        ):
            continue
        part = case["ranks"][rank]
        if "owned" not in part or case["global_dim_dict"].get("bounds", [0])[0] != 0:
            continue
        dim = part["dim_dict_local"]
        if sorted(g for p in case["ranks"] for g in p["owned"]) != list(range(case["size"])):
            continue  # unstructured axes may have labels of any kind, or several owners
        d = da.Distribution.of(comm, da.Array(np.zeros(len(part["owned"])), [dim]))
        everything = np.arange(case["size"])
        coordinate, local = d.owners(0, everything)
        assert [[owner] for owner in coordinate] == case["owners"], case["id"]
        assert local[part["owned"]].tolist() == list(range(len(part["owned"]))), case["id"]
        checked += 1
    assert checked > 20


def test_partitioned(comm, rank, size, everywhere):
    d = da.Distribution(comm, [da.block(5 * size, halo=1), da.whole(4)])
    u = fill(d.zeros())
    said = u.__partitioned__
    assert said["shape"] == (5 * size, 4) and said["partition_tiling"] == (size, 1)
    [here] = said["locals"]
    tile = said["partitions"][here]
    assert tile["location"] == [rank] and np.shares_memory(said["get"](tile["data"]), u.local)
    whole = np.zeros(said["shape"], int)
    for place, tile in said["partitions"].items():
        assert (tile["data"] is None) == (place != here)
        whole[tuple(slice(s, s + n) for s, n in zip(tile["start"], tile["shape"]))] += 1
    assert (whole == 1).all()
    assert not hasattr(da.Array(np.zeros(3), [{}]), "__partitioned__")
    assert not hasattr(da.Distribution(comm, [da.cyclic(9, 2)]).zeros(), "__partitioned__")


def test_the_communicator_is_left_as_it_was(comm):
    if comm is None:
        pytest.skip("no communicator")
    from mpi4py import MPI

    part = comm.Dup()
    d = da.Distribution(part, [da.block(4 * comm.size, halo=1)])
    u = d.zeros()
    da.Halo(d).update(u)
    assert not part.Iprobe(MPI.ANY_SOURCE, MPI.ANY_TAG)
    del d, u
    part.Free()
    for wrong in (MPI.COMM_NULL, 3, "world"):
        with pytest.raises((TypeError, da.DistArrayError)):
            da.Distribution(wrong, [4])


def test_messages_go_as_the_environment_says(comm):
    """The launcher of these tests runs them both ways."""
    if comm is None:
        pytest.skip("no communicator")
    assert (_comm.compiled() is None) == (os.environ.get("DISTARRAY_MPI") == "python")
