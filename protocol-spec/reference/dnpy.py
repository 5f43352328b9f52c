"""Files: dnpy.md. Reads one, and writes it again in canonical form."""

import ast
import re
from struct import pack, unpack_from

from description import VERSION_0_10, VERSION_1_0, Refusal, check_buffer, read

LARGEST = 2**63 - 1
SIZES = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 16),
    "c": (8, 16, 32),
    "m": (8,),
    "M": (8,),
}


class Source:
    """Bytes in order; whatever is read must be there."""

    def __init__(self, content):
        self.content, self.position = content, 0

    def take(self, length, what):
        if length > len(self.content) - self.position:
            raise Refusal("SYNTAX", "F3", what)
        self.position += length
        return self.content[self.position - length : self.position]


# Literals


def literal(text, field, rule):
    """The value of a literal; nothing is evaluated."""
    refused = Refusal("SYNTAX", rule, field)
    text = re.sub(r"(\d)L\b", r"\1", text).strip()
    if "\0" in text:
        raise refused
    try:
        return node_value(ast.parse(text, mode="eval").body, 32, refused)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise refused from None


def node_value(node, depth, refused):
    if isinstance(node, ast.Constant) and not isinstance(node.value, (bytes, complex, type(...))):
        value = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        operand = node_value(node.operand, depth, refused)
        if isinstance(operand, (bool, str)) or operand is None:
            raise refused
        value = -operand if isinstance(node.op, ast.USub) else operand
    elif isinstance(node, ast.Call):
        return called(node, depth, refused)
    elif depth == 0:
        raise refused
    elif isinstance(node, ast.Tuple):
        return tuple(node_value(item, depth - 1, refused) for item in node.elts)
    elif isinstance(node, ast.List):
        return [node_value(item, depth - 1, refused) for item in node.elts]
    elif isinstance(node, ast.Dict):
        keys = [key and node_value(key, 0, refused) for key in node.keys]
        if len(set(keys)) < len(keys) or len(keys) > 256 or not all(isinstance(key, str) for key in keys):
            raise refused
        return dict(zip(keys, (node_value(value, depth - 1, refused) for value in node.values)))
    else:
        raise refused
    if isinstance(value, int) and abs(value) >= 2**127:
        raise refused
    return value


def called(node, depth, refused):
    """array([...], dtype=...), np.int64(6)."""
    name = ast.unparse(node.func)
    dtypes = [k.arg for k in node.keywords]
    if (
        name == "array"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.List)
        and dtypes in ([], ["dtype"])
    ):
        return node_value(node.args[0], depth, refused)
    if re.fullmatch(r"np\.(u?int\d+|float\d+|str_)", name) and len(node.args) == 1 and not dtypes:
        return node_value(node.args[0], 0, refused)
    raise refused


# Arrays


class Header:
    """The header of a .npy file."""

    def __init__(self, source):
        if source.take(6, "npy magic") != b"\x93NUMPY":
            raise Refusal("SYNTAX", "F5", "npy magic")
        major, minor = source.take(2, "npy version")
        if (major, minor) not in ((1, 0), (2, 0), (3, 0)):
            raise Refusal("VERSION", "F5", "npy version")
        form = "<H" if major == 1 else "<I"
        (length,) = unpack_from(form, source.take(2 if major == 1 else 4, "npy header length"))
        if length > 2**20:
            raise Refusal("SYNTAX", "F5", "npy header")
        text = source.take(length, "npy header")
        try:
            value = literal(text.decode("utf-8" if major == 3 else "latin-1"), "npy header", "F5")
        except UnicodeDecodeError:
            raise Refusal("SYNTAX", "F5", "npy header") from None
        if not isinstance(value, dict) or sorted(value) != ["descr", "fortran_order", "shape"]:
            raise Refusal("SYNTAX", "F5", "npy header")
        self.descr, self.fortran, self.shape = value["descr"], value["fortran_order"], value["shape"]
        self.itemsize = itemsize(self.descr)
        if not isinstance(self.fortran, bool):
            raise Refusal("SYNTAX", "F5", "fortran_order")
        self.check_shape()

    def check_shape(self):
        is_integer = lambda n: isinstance(n, int) and not isinstance(n, bool) and abs(n) <= LARGEST
        if not isinstance(self.shape, tuple) or not all(map(is_integer, self.shape)):
            raise Refusal("SYNTAX", "F7", "shape")
        total = self.itemsize
        order = range(len(self.shape)) if self.fortran else reversed(range(len(self.shape)))
        for axis in order:
            total *= max(self.shape[axis], 1)
            if total > LARGEST:
                raise Refusal("BOUNDS", "F7", "shape", axis)
        for axis, extent in enumerate(self.shape):
            if extent < 0:
                raise Refusal("SHAPE", "F7", "shape", axis)

    def data(self, source):
        count = 1
        for extent in self.shape:
            count *= extent
        return source.take(count * self.itemsize, "data")


def itemsize(descr):
    refused = Refusal("DTYPE", "F6", "descr")
    if isinstance(descr, str):
        match = re.fullmatch(r"[<>=|]([biufcmMSUV])(0|[1-9][0-9]*)(\[[A-Za-z0-9/]+\])?", descr)
        if not match or match[3] and match[1] not in "mM":
            raise refused
        size = int(match[2])
        if size == 0 or size not in SIZES.get(match[1], (size,)):
            raise refused
        return 4 * size if match[1] == "U" else size
    if not isinstance(descr, list) or not descr:
        raise refused
    names, total = [], 0
    for field in descr:
        if (
            not isinstance(field, tuple)
            or len(field) not in (2, 3)
            or not isinstance(field[0], str)
            or field[0] in names
        ):
            raise refused
        names += [field[0]] if field[0] else []
        size = itemsize(field[1])
        for extent in field[2] if len(field) == 3 else ():
            size *= extent
        total += size
    return total


# Files


def parse(content):
    """The description, the header of the buffer and its bytes."""
    source = Source(content)
    if source.take(6, "magic") != b"\x93DARRY":
        raise Refusal("SYNTAX", "F1", "magic")
    version = tuple(source.take(2, "version"))
    if version not in ((1, 0), (2, 0)):
        raise Refusal("VERSION", "F2", "version")
    (length,) = unpack_from("<H", source.take(2, "header length"))
    value = literal(source.take(length, "header").decode("latin-1"), "header", "F4")
    if version == (2, 0):
        value, lists = with_lists(value, source)
        if lists == 0:
            raise Refusal("VERSION", "F2", "version")
    header = Header(source)
    description, _ = read(value, list(header.shape), python=True)
    check_buffer(description, list(header.shape))
    return description, header, header.data(source)


def with_lists(value, source):
    """The lists behind the header, put in the places of its None."""
    if value is None:
        header = Header(source)
        if header.descr not in ("<i8", ">i8", "=i8", "|i8") or len(header.shape) != 1:
            raise Refusal("SYNTAX", "F8", "list")
        return (
            list(unpack_from(f"{header.descr[0].replace('|', '=')}{header.shape[0]}q", header.data(source))),
            1,
        )
    if isinstance(value, dict):
        filled = [with_lists(item, source) for item in value.values()]
        return dict(zip(value, (item for item, _ in filled))), sum(n for _, n in filled)
    if isinstance(value, (tuple, list)):
        filled = [with_lists(item, source) for item in value]
        return type(value)(item for item, _ in filled), sum(n for _, n in filled)
    return value, 0


def padded(text, before, alignment):
    blanks = alignment - (before + len(text) + 1) % alignment
    return text + b" " * blanks + b"\n"


def array(descr, fortran, shape, data):
    text = padded(
        f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}".encode("latin-1"), 10, 64
    )
    return b"\x93NUMPY\x01\x00" + pack("<H", len(text)) + text + data


def axis_keys(axis):
    keys = {name: getattr(axis, name) for name in ("dist_type", "size", "proc_grid_rank", "proc_grid_size")}
    if axis.dist_type == "b":
        keys |= {"start": axis.start, "stop": axis.stop}
        keys |= {"padding": tuple(axis.padding)} if any(axis.padding) else {}
        flags = ("periodic", "edge_outside")
    elif axis.dist_type == "c":
        keys["start"], flags = axis.start, ()
        keys |= {"block_size": axis.block_size} if axis.block_size != 1 else {}
        keys |= {"first_block": axis.first_block} if axis.first_block != axis.block_size else {}
    else:
        keys["indices"], flags = axis.indices, ("one_to_one",)
    keys |= {flag: True for flag in flags if getattr(axis, flag)}
    if axis.dist_type == "u" and axis.num_owned != len(axis.indices):
        keys["num_owned"] = axis.num_owned
    return keys | ({"component": True} if axis.component else {})


def needs_1_0(description):
    new = {"edge_outside", "first_block", "num_owned", "component"}
    rotated = lambda axis: axis.dist_type == "c" and axis.turn() != axis.proc_grid_rank
    axes = description.axes
    return (
        description.grid_order != "C"
        or description.replicas != 1
        or any(new & axis_keys(a).keys() or rotated(a) for a in axes)
    )


def file(description, descr, fortran, shape, data):
    """The canonical file of a part."""
    whole = {
        "__version__": VERSION_1_0 if needs_1_0(description) else VERSION_0_10,
        "dim_data": tuple(axis_keys(axis) for axis in description.axes),
    }
    if description.grid_order != "C":
        whole["grid_order"] = description.grid_order
    if description.replicas != 1:
        whole |= {"replicas": description.replicas, "replica": description.replica}

    def text(lists):
        shown = {key: without_lists(value, lists) for key, value in sorted(whole.items())}
        return ("{" + "".join(f"{key!r}: {value!r}, " for key, value in shown.items()) + "}").encode(
            "latin-1"
        )

    lists, version = [], b"\x01\x00"
    header = text(None)
    if len(header) > 65524:
        header, version = text(lists), b"\x02\x00"
    header = padded(header, 10, 16)
    behind = b"".join(
        array("<i8", False, (len(numbers),), pack(f"<{len(numbers)}q", *numbers)) for numbers in lists
    )
    return (
        b"\x93DARRY"
        + version
        + pack("<H", len(header))
        + header
        + behind
        + array(descr, fortran, shape, data)
    )


def without_lists(value, lists):
    """Takes the lists of integers out where there is a place to put them."""
    if isinstance(value, list) and lists is not None:
        lists.append(value)
        return None
    if isinstance(value, tuple):
        return tuple(without_lists(item, lists) for item in value)
    return (
        {key: without_lists(item, lists) for key, item in value.items()} if isinstance(value, dict) else value
    )


def content_of(pieces):
    """Hexadecimal digits; [number, byte]; or {"first", "step", "count"} of 8-byte integers."""
    content = b""
    for piece in pieces:
        if isinstance(piece, str):
            content += bytes.fromhex(piece)
        elif isinstance(piece, list):
            content += bytes.fromhex(piece[1]) * piece[0]
        else:
            numbers = [piece["first"] + i * piece["step"] for i in range(piece["count"])]
            content += pack(f"<{len(numbers)}q", *numbers)
    return content


def check_file(case):
    content = content_of(case["content"])
    description, header, data = parse(content)
    stated, _ = read(case["description"], case["shape"])
    if [vars(axis) for axis in stated.axes] != [vars(axis) for axis in description.axes] or list(
        header.shape
    ) != case["shape"]:
        raise Refusal(None, None, "description")
    # Packed both ways, or in no way at all: row-major.
    one_way = sum(extent > 1 for extent in header.shape) > 1 and 0 not in header.shape
    if file(description, header.descr, header.fortran and one_way, header.shape, data) != content or foreign(
        header.descr
    ):
        raise Refusal(None, "F9", "file")


def foreign(descr):
    return isinstance(descr, str) and (
        descr[0] in ">=" or (descr[0] == "|") != (descr[1] in "bSV" or descr[1:] in ("i1", "u1"))
    )
