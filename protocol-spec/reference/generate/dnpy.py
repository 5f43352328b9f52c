"""Files, byte by byte: those that a writer writes, those that are only read, and broken ones."""

from struct import pack

from .common import block, cyclic, new, refusal, unstructured, vector, whole

VERSION = "'__version__': '0.10.0'"
AXIS = "{'dist_type': 'b', 'size': 5, 'proc_grid_rank': 1, 'proc_grid_size': 2, 'start': 3, 'stop': 5}"
DATA = pack("<2d", 3.5, -4.0)


def padded(text, alignment, before=10):
    text = text.encode("latin-1")
    return text + b" " * (alignment - (before + len(text) + 1) % alignment) + b"\n"


def header(text, version=(1, 0), alignment=16, length=None):
    text = padded(text, alignment)
    return b"\x93DARRY" + bytes(version) + pack("<H", len(text) if length is None else length) + text


def npy(shape, data, descr="'<f8'", fortran="False", magic=b"\x93NUMPY", version=(1, 0), text=None):
    text = padded(text or f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}", 64)
    return magic + bytes(version) + pack("<H", len(text)) + text + data


def head(dims, version="0.10.0", more=""):
    return f"{{'__version__': '{version}', 'dim_data': {dims}, {more}}}"


GOOD = head(f"({AXIS},)")
BUFFER = npy("(2,)", DATA)
PART = whole(block(5, 2, 1, 3, 5))


def dnpy(name, rules, content, description=PART, shape=(2,), error=None):
    pieces = (
        [content.hex()]
        if isinstance(content, bytes)
        else [p.hex() if isinstance(p, bytes) else p for p in content]
    )
    return vector(
        "dnpy", name, rules, {"content": pieces, "description": description, "shape": list(shape)}, error
    )


def vectors():
    return [*canonical(), *readable(), *broken_files(), *broken_arrays()]


def canonical():
    yield dnpy("file", "F1 F2 F3 F4 F5 F6 F7 F9", header(GOOD) + BUFFER)
    axis = (
        "{'dist_type': 'c', 'size': 7, 'proc_grid_rank': 1, 'proc_grid_size': 2, 'start': 2, 'block_size': 2}"
    )
    yield dnpy(
        "file-cyclic",
        "F9",
        header(head(f"({axis},)")) + npy("(3,)", bytes([1, 0, 1]), "'|b1'"),
        whole(cyclic(7, 2, 1, 2, block_size=2)),
        (3,),
    )
    axis = "{'dist_type': 'u', 'size': 4, 'proc_grid_rank': 0, 'proc_grid_size': 2, 'indices': [3, -1], 'one_to_one': True}"
    yield dnpy(
        "file-list",
        "F9",
        header(head(f"({axis},)")) + BUFFER,
        whole(unstructured(4, 2, 0, [3, -1], one_to_one=True)),
    )
    axis = "{'dist_type': 'b', 'size': 4, 'proc_grid_rank': 0, 'proc_grid_size': 2, 'start': -1, 'stop': 3, 'padding': (1, 1), 'periodic': True, 'edge_outside': True}"
    part = block(4, 2, 0, -1, 3, padding=[1, 1], periodic=True, edge_outside=True)
    yield dnpy(
        "file-halo", "F9 T2", header(head(f"({axis},)", "1.0.0")) + npy("(4,)", DATA + DATA), new(part), (4,)
    )
    yield dnpy("file-scalar", "F7 F9", header(head("()")) + npy("()", DATA[:8]), whole(), ())
    whole_axis = (
        "{'dist_type': 'b', 'size': %d, 'proc_grid_rank': 0, 'proc_grid_size': 1, 'start': 0, 'stop': %d}"
    )
    two = f"({whole_axis % (2, 2)}, {whole_axis % (3, 3)})"
    plain = whole(block(2, 1, 0, 0, 2), block(3, 1, 0, 0, 3))
    yield dnpy(
        "file-column-major",
        "F5 F9",
        header(head(two)) + npy("(2, 3)", bytes(range(6)), "'|u1'", "True"),
        plain,
        (2, 3),
    )
    more = "'grid_order': [1, 0], 'replica': 1, 'replicas': 2, "
    text = head(f"({whole_axis % (2, 2)},)", "1.0.0", more)
    yield dnpy(
        "file-grid",
        "F9",
        header(text) + BUFFER,
        new(block(2, 1, 0, 0, 2), grid_order=[1, 0], replicas=2, replica=1),
    )
    count = 14000
    axis = "{'dist_type': 'u', 'size': 28000, 'proc_grid_rank': 0, 'proc_grid_size': 2, 'indices': None}"
    numbers = {"first": 1, "step": 2, "count": count}
    content = [
        header(head(f"({axis},)"), (2, 0)),
        npy(f"({count},)", b"", "'<i8'"),
        numbers,
        npy(f"({count},)", b"", "'|i1'"),
        [count, "07"],
    ]
    yield dnpy(
        "file-long-list", "F2 F8 F9", content, whole(unstructured(28000, 2, 0, range(1, 28000, 2))), (count,)
    )


def readable():
    """Files that no writer of this specification writes."""

    def only_read(name, content, description=PART, shape=(2,), rules="F9"):
        return dnpy(f"file-read-{name}", rules, content, description, shape, refusal(None, "F9", "file"))

    yield only_read("double-quotes", header(GOOD.replace("'", '"')) + BUFFER)
    yield only_read("keys-in-another-order", header(f"{{'dim_data': ({AXIS},), {VERSION}, }}") + BUFFER)
    yield only_read("no-last-comma", header(f"{{{VERSION}, 'dim_data': ({AXIS},)}}") + BUFFER)
    yield only_read(
        "default-said", header(GOOD.replace("'stop': 5", "'stop': 5, 'padding': (0, 0)")) + BUFFER
    )
    yield only_read("list-for-a-tuple", header(head(f"[{AXIS}]")) + BUFFER)
    yield only_read("other-alignment", header(GOOD, alignment=64) + BUFFER)
    yield only_read("comment", header(GOOD.replace(", 'dim_data'", ", # the axes\n'dim_data'")) + BUFFER)
    yield only_read("python-2", header(GOOD.replace("5", "5L").replace("'b'", "u'b'")) + BUFFER)
    yield only_read("numpy-2", header(GOOD.replace("'size': 5", "'size': np.int64(5)")) + BUFFER)
    listed = "{'dist_type': 'u', 'size': 4, 'proc_grid_rank': 0, 'proc_grid_size': 2, 'indices': %s}"
    lists = whole(unstructured(4, 2, 0, [0, 4]))
    yield only_read("array", header(head(f"({listed % 'array([0, 4])'},)")) + BUFFER, lists)
    yield only_read(
        "array-of-a-dtype", header(head(f"({listed % 'array([0, 4], dtype=int32)'},)")) + BUFFER, lists
    )
    behind = npy("(2,)", pack("<2q", 0, 4), "'<i8'")
    yield only_read(
        "short-list-behind",
        header(head(f"({listed % None},)"), (2, 0)) + behind + BUFFER,
        lists,
        rules="F8 F9",
    )
    yield only_read(
        "big-endian-list",
        header(head(f"({listed % None},)"), (2, 0)) + npy("(2,)", pack(">2q", 0, 4), "'>i8'") + BUFFER,
        lists,
        rules="F8 F9",
    )
    yield only_read("bytes-behind", header(GOOD) + BUFFER + b"more")
    yield only_read("big-endian", header(GOOD) + npy("(2,)", pack(">2d", 3.5, -4.0), "'>f8'"))
    yield only_read("column-major-line", header(GOOD) + npy("(2,)", DATA, fortran="True"))
    yield only_read("1.0-without-need", header(head(f"({AXIS},)", "1.0.0")) + BUFFER)


def broken_files():
    def broken(name, rule, kind, field, content, **places):
        return dnpy(f"file-{name}", rule, content, error=refusal(kind, rule, field, **places))

    whole_file = header(GOOD) + BUFFER
    yield broken("magic", "F1", "SYNTAX", "magic", b"\x93DARRZ" + whole_file[6:])
    yield broken("npy-alone", "F1", "SYNTAX", "magic", BUFFER)
    for version in ((0, 0), (1, 1), (2, 1), (3, 0)):
        yield broken(
            f"version-{version[0]}.{version[1]}", "F2", "VERSION", "version", header(GOOD, version) + BUFFER
        )
    yield broken("version-2.0-without-lists", "F2", "VERSION", "version", header(GOOD, (2, 0)) + BUFFER)
    start = len(header(GOOD))
    for name, length, field in (
        ("empty", 0, "magic"),
        ("in-magic", 5, "magic"),
        ("in-version", 7, "version"),
        ("in-length", 9, "header length"),
        ("in-header", 40, "header"),
        ("before-buffer", start, "npy magic"),
        ("in-npy-version", start + 7, "npy version"),
        ("in-npy-length", start + 9, "npy header length"),
        ("in-npy-header", start + 50, "npy header"),
        ("in-data", len(whole_file) - 1, "data"),
    ):
        yield broken(f"ends-{name}", "F3", "SYNTAX", field, whole_file[:length])
    yield broken("length-beyond", "F3", "SYNTAX", "header", header(GOOD, length=65535) + BUFFER)
    axis = "{'dist_type': 'u', 'size': 4, 'proc_grid_rank': 0, 'proc_grid_size': 2, 'indices': None}"
    text = header(head(f"({axis},)"), (2, 0))
    yield broken("list-ends", "F3", "SYNTAX", "data", text + npy(f"({2**40},)", bytes(80), "'<i8'"))
    deep = "(" * 33 + "1," + ",)" * 32 + ")"
    for name, literal in {
        "empty": "",
        "expression": f"{{{VERSION}, 'dim_data': ({AXIS},) * 1}}",
        "call": f"{{{VERSION}, 'dim_data': dict(), }}",
        "set": f"{{{VERSION}, 'dim_data': {{1, 2}}, }}",
        "key-twice": f"{{{VERSION}, {VERSION}, 'dim_data': ({AXIS},), }}",
        "key-no-string": f"{{{VERSION}, 1: 2, 'dim_data': ({AXIS},), }}",
        "deep": f"{{{VERSION}, 'dim_data': {deep}, }}",
        "bytes": f"{{{VERSION}, 'dim_data': b'1', }}",
        "complex": f"{{{VERSION}, 'dim_data': 1j, }}",
        "unclosed": GOOD[:-1],
        "two": GOOD + " 1",
        "ellipsis": GOOD.replace("5}", "..., }"),
        "wide": GOOD.replace("'size': 5", f"'size': {2**127}"),
        "json": GOOD.replace("'stop': 5", "'stop': 5, 'periodic': true"),
        "nul": GOOD.replace("'size'", "'size\0'"),
    }.items():
        yield broken(f"header-{name}", "F4", "SYNTAX", "header", header(literal) + BUFFER)
    fault = refusal("RANGE", "B2", "stop", axis=0)
    yield dnpy(
        "file-part-beyond-the-axis",
        "B2 F3",
        header(head(f"({AXIS},)".replace("'stop': 5", "'stop': 6"))) + npy("(3,)", DATA + DATA[:8]),
        error=fault,
    )
    yield dnpy(
        "file-buffer-short",
        "B7",
        header(GOOD) + npy("(1,)", DATA[:8]),
        error=refusal("SHAPE", "B7", "shape", axis=0),
    )
    yield dnpy(
        "file-none-in-1.0",
        "T6 F2",
        header(head(f"({axis},)")) + BUFFER,
        error=refusal("SYNTAX", "T6", "indices", axis=0),
    )


def broken_arrays():
    def broken(name, rule, kind, field, array, **places):
        return dnpy(f"npy-{name}", rule, header(GOOD) + array, error=refusal(kind, rule, field, **places))

    yield broken("pickle", "F5", "SYNTAX", "npy magic", b"\x80\x04K\x01." + bytes(8))
    yield broken("version-4", "F5", "VERSION", "npy version", npy("(2,)", DATA, version=(4, 0)))
    for name, text in {
        "key-missing": "{'descr': '<f8', 'shape': (2,), }",
        "key-more": "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'x': 1, }",
        "list": "['<f8', False, (2,)]",
        "code": "{'descr': '<f8', 'fortran_order': False, 'shape': (len('ab'),), }",
    }.items():
        yield broken(f"header-{name}", "F5", "SYNTAX", "npy header", npy("", DATA, text=text))
    yield broken("fortran_order", "F5", "SYNTAX", "fortran_order", npy("(2,)", DATA, fortran="0"))
    for name, descr in {
        "object": "'|O'",
        "object-in-a-record": "[('a', '|O')]",
        "float24": "'<f3'",
        "order-missing": "'f8'",
        "comma": "'f8,i4'",
        "empty": "'|V0'",
        "field-twice": "[('a', '<f4'), ('a', '<f4')]",
        "no-fields": "[]",
        "none": "None",
        "plus": "'<f+8'",
    }.items():
        yield broken(f"descr-{name}", "F6", "DTYPE", "descr", npy("(2,)", DATA, descr))
    for name, shape in {
        "list": "[2]",
        "number": "2",
        "true": "(True,)",
        "float": "(2.0,)",
        "beyond": f"({2**63},)",
    }.items():
        yield broken(f"shape-{name}", "F7", "SYNTAX", "shape", npy(shape, DATA))
    yield broken("shape-negative", "F7", "SHAPE", "shape", npy("(-2,)", DATA), axis=0)
    yield broken("shape-huge", "F7", "BOUNDS", "shape", npy(f"({2**40}, {2**40})", DATA), axis=0)
    listed = "{'dist_type': 'u', 'size': 4, 'proc_grid_rank': 0, 'proc_grid_size': 2, 'indices': None}"
    text = header(head(f"({listed},)"), (2, 0))
    for name, array in {
        "of-floats": npy("(2,)", DATA),
        "unsigned": npy("(2,)", pack("<2Q", 0, 4), "'<u8'"),
        "narrow": npy("(2,)", pack("<2i", 0, 4), "'<i4'"),
        "of-two-axes": npy("(2, 1)", pack("<2q", 0, 4), "'<i8'"),
        "of-no-axis": npy("()", pack("<q", 0), "'<i8'"),
    }.items():
        yield dnpy(f"list-{name}", "F8", text + array + BUFFER, error=refusal("SYNTAX", "F8", "list"))
