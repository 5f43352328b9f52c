"""The programs of the README and of the book, as they are written there."""

import re
from pathlib import Path

import pytest

from conftest import LAUNCHED

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not LAUNCHED, reason="run under mpirun")


def run(program):
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})


def test_the_readme(comm, size, rank, shared_tmp, monkeypatch, capsys):
    program = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    monkeypatch.chdir(shared_tmp)
    run(program)
    comm.Barrier()
    assert (shared_tmp / f"columns_{rank}.dnpy").exists()
    owner = 8 // 2 % size
    printed = capsys.readouterr().out
    assert printed == ("" if rank else f"element (63, 8) is on rank {owner}, and nothing was copied\n")


def test_the_book(size, rank, capsys):
    run((ROOT / "docs" / "programs" / "first.py").read_text())
    first, cells = 4 * rank, 4 * size
    beside = f"{(first - 1) % cells} and {(first + 4) % cells}"
    line = f"rank {rank}: cells {first} to {first + 3}, beside them {beside}\n"
    assert capsys.readouterr().out == line
    if size == 2:
        assert line in (ROOT / "docs" / "src" / "start" / "python.md").read_text()
