"""Halos and redistributions that pylops-mpi made (tests/data/pylops/README.md)."""

import numpy as np
import pytest

import distarray as da
from conftest import LAUNCHED, vectors
from threads import on_ranks

pytestmark = pytest.mark.skipif(LAUNCHED, reason="its ranks are threads")


def positions(runs):
    """The positions that runs stand for, -1 for the zeros outside."""
    pairs = zip(runs[::2], runs[1::2])
    return np.concatenate(
        [np.arange(first, first + n) if first >= 0 else np.full(n, -1) for first, n in pairs]
        or [np.empty(0, int)]
    )


def place(ogrid, shape):
    """The position in C order of each owned element."""
    total = np.zeros((), np.int64)
    for index, extent in zip(ogrid, shape):
        total = total * extent + index
    return total


def element(number, dtype):
    """An element that says where it stands, in both parts if it is complex."""
    return (number - 1j * (1 + number) if dtype.kind == "c" else number).astype(dtype)


def test_halos_are_those_of_pylops_mpi():
    cases = vectors("pylops/halos")
    for case in cases:
        padding = np.array(case["padding"])
        # The original has no cells outside the edges in some cases; here they are on every
        # rank, and what both have is compared.
        widest = padding.max(axis=0)
        axes = [
            da.block(size, bounds=bounds, halo=(before, after), edge_outside=True)
            for size, bounds, before, after in zip(case["shape"], case["bounds"], widest[::2], widest[1::2])
        ]

        def held(comm, rank):
            d = da.Distribution(comm, axes, grid_shape=case["grid"])
            u = d.zeros(np.int64)
            u.local[...] = -1
            u.owned[...] = place(u.ogrid, case["shape"])
            da.Halo(d).update(u)
            own = padding[rank]
            return u.local[
                tuple(
                    slice(before - mine, length - (after - behind))
                    for length, before, mine, after, behind in zip(
                        u.local.shape, widest[::2], own[::2], widest[1::2], own[1::2]
                    )
                )
            ].ravel()

        for rank, found in enumerate(on_ranks(len(padding), held)):
            np.testing.assert_array_equal(found, positions(case["local"][rank]), f"{case['id']}, rank {rank}")
    assert len(cases) == 333


def test_redistributions_are_those_of_pylops_mpi():
    cases = vectors("pylops/redistributions")
    for case in cases:
        shape, ranks = case["shape"], len(case["before"]) - 1

        def dealt(comm, cut, bounds):
            axes = [
                da.block(n, bounds=bounds) if axis == cut else da.whole(n) for axis, n in enumerate(shape)
            ]
            return da.Distribution(comm, axes)

        def moved(comm, rank):
            source, target = (
                dealt(comm, *side) for side in zip(case["axes"], (case["before"], case["after"]))
            )
            a, b = source.zeros(case["dtype"]), target.zeros(case["dtype"])
            a.owned[...] = element(place(a.ogrid, shape), a.dtype)
            da.Redistribution(source, target).apply(a, b)
            return b.local.ravel()

        for rank, found in enumerate(on_ranks(ranks, moved)):
            expected = element(positions(case["local"][rank]), found.dtype)
            np.testing.assert_array_equal(found, expected, f"{case['id']}, rank {rank}")
    assert len(cases) == 74
