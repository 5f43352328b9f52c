"""What the package says of the C library, against the C headers."""

import re
import subprocess
from ctypes import sizeof
from pathlib import Path

from distarray import Status, _abi, _library

INCLUDE = Path(__file__).parents[2] / "include"
STRUCTS = ("comm", "comm_attribute", "error", "moved", "axis", "grid", "run", "required_axis", "requirements")


def test_functions_have_the_arguments_of_the_header():
    header = (INCLUDE / "distarray.h").read_text()
    declared = dict(re.findall(r"^int32_t distarray_(\w+)\(([^;]*)\);", header, re.MULTILINE))
    for name, arguments in _library.FUNCTIONS.items():
        parameters = [parameter.strip() for parameter in declared[name].split(",")]
        assert len(parameters) == len(arguments) + 1, name
        for parameter, kind in zip(parameters, arguments):
            width = {"uint8_t": 1, "int32_t": 4, "uint32_t": 4}.get(parameter.split()[0], 8)
            assert sizeof(kind) == (8 if "*" in parameter else width), (name, parameter)
    freed = re.findall(r"^void distarray_(\w+)_free\(", header, re.MULTILINE)
    assert sorted(freed) == sorted(_library.FREED)


def printed_by_c(tmp_path, values):
    """The values of C expressions, by name."""
    lines = [f'printf("{name} %lld\\n", (long long)({value}));' for name, value in values.items()]
    head = "#include <stdio.h>\n#include <distarray.h>\n"
    (tmp_path / "probe.c").write_text(f"{head}int main(void) {{{' '.join(lines)}}}\n")
    subprocess.run(["cc", f"-I{INCLUDE}", tmp_path / "probe.c", "-o", tmp_path / "probe"], check=True)
    printed = subprocess.run([tmp_path / "probe"], check=True, capture_output=True, text=True).stdout
    return {name: int(number) for name, number in map(str.split, printed.splitlines())}


def test_constants_have_the_values_of_the_headers(tmp_path):
    mine = {name: value for name, value in vars(_abi).items() if re.fullmatch("[A-Z][A-Z_0-9]+", name)}
    del mine["CFUNCTYPE"], mine["POINTER"], mine["COMM_FUNCTIONS"]
    dtypes = {"INT", "UINT", "FLOAT", "OPAQUE", "COMPLEX", "BOOL"}
    names = {name: f"DISTARRAY_{'DTYPE_' if name in dtypes else ''}{name}" for name in mine}
    assert printed_by_c(tmp_path, names) == mine
    statuses = {f"DISTARRAY_E_{status.name}": status.value for status in Status}
    assert printed_by_c(tmp_path, {name: name for name in statuses}) == statuses


def test_structs_have_the_offsets_of_the_headers(tmp_path):
    """Those of distarray_abi.h are compared in tests/abi.rs."""
    mine, asked = {}, {}
    for name in STRUCTS:
        struct = getattr(_abi, f"distarray_{name}")
        mine[name], asked[name] = sizeof(struct), f"sizeof(distarray_{name})"
        for field, *_ in struct._fields_:
            mine[f"{name}.{field}"] = getattr(struct, field).offset
            asked[f"{name}.{field}"] = f"offsetof(distarray_{name}, {field})"
    assert printed_by_c(tmp_path, asked) == mine
