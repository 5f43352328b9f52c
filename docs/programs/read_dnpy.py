"""Reads one file of a .dnpy set: what it says of its part, and the part."""
import ast
import sys

import numpy


def read_dnpy(path):
    with open(path, "rb") as file:
        assert file.read(6) == b"\x93DARRY", "not a .dnpy file"
        file.read(2)  # version 1.0
        length = int.from_bytes(file.read(2), "little")
        description = ast.literal_eval(file.read(length).decode("latin-1"))
        return description, numpy.load(file)


description, part = read_dnpy(sys.argv[1])
for dim in description["dim_data"]:
    print({key: dim[key] for key in sorted(dim)})
print(part.dtype, part.shape, part.ravel()[:3])
