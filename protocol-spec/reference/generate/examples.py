"""Every example of the documents of protocol 0.10.0, with a verdict.

The examples are copied from examples.rst and all_examples.rst; eleven were run again
through DistArray. tests/data/protocol/README.md tells more.
"""

import json
from pathlib import Path

from .common import refusal, vector, whole

SOURCE = Path(__file__).parents[3] / "tests/data/protocol/dim_data_examples.json"

FLAT = "the buffers are printed flat, with one axis for dictionaries of two"


def flatten(nested):
    return [x for item in nested for x in flatten(item)] if isinstance(nested, list) else [nested]


def vectors():
    for number, case in enumerate(json.loads(SOURCE.read_text())["cases"], 1):
        ranks = sorted(case["ranks"], key=lambda rank: rank["rank"])
        name = f"example-{number:02}-" + "-".join(case["dist"])
        shapes = [rank["buffer_shape"] for rank in ranks]
        flat = len(shapes[0]) != len(ranks[0]["dim_data"])
        content = {"ranks": [whole(*rank["dim_data"]) for rank in ranks], "shapes": shapes}
        if not flat and case.get("global_array") is not None:
            content["global"] = flatten(case["global_array"])
            content["buffers"] = [flatten(rank["buffer"]) for rank in ranks]
        error = refusal("SYNTAX", "T4", "dim_data", rank=0) if flat else None
        about = f"{case['source']}: {case['title']}" + (
            f"; refused: {FLAT}" if flat else "; the parts make one array"
        )
        yield vector("collective", name, "T4" if flat else "T4 W1 W2 W3 W4 W5 W6", content, error, about)
