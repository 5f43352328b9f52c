"""Plans that DistArray made (tests/data/protocol/README.md), halos and redistributions that
pylops-mpi made (tests/data/pylops/README.md)."""

import json
from collections import Counter

import numpy as np
import pytest

import distarray as da
from conftest import DATA, LAUNCHED, vectors
from threads import moved, numbered, numbers, on_ranks, split

pytestmark = pytest.mark.skipif(LAUNCHED, reason="its ranks are threads")


def test_plans_are_those_of_distarray(monkeypatch):
    monkeypatch.setenv("DISTARRAY_SHARED_MEMORY", "off")
    file = json.loads((DATA / "protocol" / "redistributions.json").read_text())
    done = Counter()
    for case in file["cases"]:
        if "error" in case:
            done["refused by the original"] += 1  # cyclic axes, axes that are not distributed
            continue
        sides = [file["distributions"][case[name]] for name in ("from", "to")]
        engines = sorted({engine for side in sides for engine in side["targets"]})
        if not case["same_shape"] and any(side["targets"] != engines for side in sides):
            done["reshaped between other ranks"] += 1  # which the library does not
            continue

        def ends(comm, rank):
            source, target = (dealt(comm, side, engines[rank]) for side in sides)
            if case["same_shape"]:
                return source, target, da.Redistribution.across(comm, source, target, len(sides[0]["shape"]))
            return source, target, da.Redistribution.reshape(source, target)

        expected = {}
        for message in case["plan"]:
            indices = [range(*interval) for interval in message["indices"]]
            if case["same_shape"]:
                elements = numbered([list(axis) for axis in indices], sides[0]["shape"])
            else:
                elements = [number for interval in indices for number in interval]
            expected.setdefault((message["source_rank"], message["dest_rank"]), []).extend(elements)
        expected = sorted([*pair, sorted(elements)] for pair, elements in expected.items())
        assert moved(len(engines), ends) == expected, (case["from"], case["to"])
        done["reproduced" if case["same_shape"] else "reshaped"] += 1
    assert done == {
        "reproduced": 36,
        "reshaped": 28,
        "reshaped between other ranks": 30,
        "refused by the original": 38,
    }


def dealt(comm, layout, engine):
    """What DistArray deals out to some of the engines; None on the others."""
    comm = split(comm, 0 if engine in layout["targets"] else -1)
    if comm is None:
        return None
    axes = []
    for axis, size in enumerate(layout["shape"]):
        # An axis that is not dealt out states no start.
        starts = {part[axis].get("start", 0) for part in layout["dim_data_per_rank"]}
        axes.append(da.block(size, bounds=[*sorted(starts), size]))
    return da.Distribution(comm, axes, grid_shape=layout["grid_shape"])


def positions(runs):
    """The positions that runs stand for, -1 for the zeros outside."""
    pairs = zip(runs[::2], runs[1::2])
    return np.concatenate(
        [np.arange(first, first + n) if first >= 0 else np.full(n, -1) for first, n in pairs]
        or [np.empty(0, int)]
    )


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
            u.owned[...] = numbers(u)
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
            a.owned[...] = element(numbers(a), a.dtype)
            da.Redistribution(source, target).apply(a, b)
            return b.local.ravel()

        for rank, found in enumerate(on_ranks(ranks, moved)):
            expected = element(positions(case["local"][rank]), found.dtype)
            np.testing.assert_array_equal(found, expected, f"{case['id']}, rank {rank}")
    assert len(cases) == 74
