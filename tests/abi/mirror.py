"""Prints every offset of the structs of distarray_abi.h as the Python package sees them."""

import runpy
from ctypes import sizeof
from pathlib import Path

abi = runpy.run_path(str(Path(__file__).parents[2] / "python/distarray/_abi.py"))

for name in ("dim", "key_value", "ext", "export", "request", "producer"):
    struct = abi[f"distarray_{name}"]
    for field, *_ in struct._fields_:
        print(f"distarray_{name}.{field} {getattr(struct, field).offset}")
    print(f"distarray_{name} {sizeof(struct)}")
