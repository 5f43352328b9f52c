"""The .dnpy files of the original (tests/data/dnpy/README.md), and those that must not be read."""

import hashlib
import json

import numpy as np
import pytest

import distarray as da
from conftest import DATA

FOLDER = DATA / "dnpy"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
CORRUPT = json.loads((FOLDER / "corrupt" / "manifest.json").read_text())["files"]


def test_sets_make_the_arrays_that_were_written():
    for name, whole in MANIFEST["global_arrays"].items():
        made = np.zeros(whole["shape"], whole["dtype"])
        for file in whole["files"]:
            part = da.load_dnpy(FOLDER / file)
            assert part.global_shape == made.shape
            made[part.ogrid] = part.owned
        assert hashlib.sha256(made.tobytes()).hexdigest() == whole["sha256_c_order"], name


def test_parts_are_written_back_alike(tmp_path):
    for file in MANIFEST["files"]:
        if file["file"] == "synthetic/n_dist.dnpy":  # DistArray's own word, none of the protocol's
            with pytest.raises(da.DistArrayError, match="T7"):
                da.load_dnpy(FOLDER / file["file"])
            continue
        part = da.load_dnpy(FOLDER / file["file"])
        assert list(part.local.shape) == file["shape"]
        da.save_dnpy(tmp_path / "again.dnpy", part)
        again = da.load_dnpy(tmp_path / "again.dnpy")
        assert again.local.tobytes() == part.local.tobytes()
        assert str(again.dim_data) == str(part.dim_data)


@pytest.mark.parametrize("file", [f for f in CORRUPT if f["reject"] == "must"], ids=lambda file: file["file"])
def test_corrupt_files_are_refused(file):
    with pytest.raises(da.DistArrayError):
        da.load_dnpy(FOLDER / "corrupt" / file["file"])
