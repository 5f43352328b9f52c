"""Writes every file of vectors: python3 protocol-spec/reference/generate [directory]

The same files come out every time; tests/spec.rs compares them with those kept.
"""

import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

FILES = (
    "local",
    "collective",
    "maps",
    "movement",
    "abi",
    "lifecycle",
    "dnpy",
    "sets",
    "mappings",
    "errata",
    "examples",
)


def text(vectors):
    lines = (json.dumps(vector, separators=(", ", ": "), allow_nan=False) for vector in vectors)
    return '{"vectors": [\n' + ",\n".join(lines) + "\n]}\n"


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "vectors"
    target.mkdir(parents=True, exist_ok=True)
    names = set()
    for name in FILES:
        vectors = list(importlib.import_module(f"generate.{name}").vectors())
        for vector in vectors:
            if vector["id"] in names:
                raise ValueError(f"the vector {vector['id']} stands twice")
            names.add(vector["id"])
        (target / f"{name}.json").write_text(text(vectors))


if __name__ == "__main__":
    main()
