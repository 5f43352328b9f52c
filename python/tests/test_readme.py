"""The program of the README, as it is written there."""

import re
from pathlib import Path

import pytest

from conftest import LAUNCHED

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(not LAUNCHED, reason="run under mpirun")
def test_the_program_runs(comm, size, rank, shared_tmp, monkeypatch, capsys):
    program = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1]
    monkeypatch.chdir(shared_tmp)
    exec(compile(program, "share.py", "exec"), {"__name__": "__main__"})
    comm.Barrier()
    assert (shared_tmp / f"columns_{rank}.dnpy").exists()
    printed = capsys.readouterr().out
    assert printed == (
        "" if rank else f"element (63, 8) is on rank {(8 // 2) % size}, and nothing was copied\n"
    )
