"""Tests run as one process, and those that communicate also under mpirun on any number of ranks."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
LAUNCHED = any(name in os.environ for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE"))


def vectors(name):
    """The cases of a file of published vectors: see its folder's README."""
    return json.loads((DATA / f"{name}.json").read_text())["cases"]


@pytest.fixture(scope="session")
def comm():
    """All ranks, or None for a process on its own."""
    if not LAUNCHED:
        return None
    from mpi4py import MPI

    return MPI.COMM_WORLD


@pytest.fixture(scope="session")
def size(comm):
    return 1 if comm is None else comm.size


@pytest.fixture(scope="session")
def rank(comm):
    return 0 if comm is None else comm.rank


@pytest.fixture
def everywhere(comm):
    """Asserts that all ranks have the same value."""

    def check(value):
        if comm is not None:
            assert all(other == value for other in comm.allgather(value))
        return value

    return check


@pytest.fixture
def shared_tmp(comm, tmp_path):
    """A scratch directory that all ranks share."""
    return tmp_path if comm is None else comm.bcast(tmp_path)
