"""One process's description: how it is read, and when it is right.

Written from protocol.md, sections 2 to 7 and 10; the rules are cited by number.
"""

import re

LARGEST = 2**63 - 1

VERSION_0_10, VERSION_1_0 = "0.10.0", "1.0.0"
SINCE_1_0 = {"edge_outside", "first_block", "num_owned", "component"}
KEYS = {
    "b": ("start", "stop", "padding", "periodic", "edge_outside"),
    "c": ("start", "block_size", "first_block"),
    "u": ("indices", "one_to_one", "num_owned"),
}
COMMON = ("dist_type", "size", "proc_grid_size", "proc_grid_rank", "component")


class Refusal(Exception):
    """What rule is broken, and where."""

    def __init__(self, kind, rule, field, axis=None, rank=None, other_rank=None):
        super().__init__(f"{kind} at {field}, axis {axis}, rank {rank} [rule {rule}]")
        self.kind, self.rule, self.field = kind, rule, field
        self.axis, self.rank, self.other_rank = axis, rank, other_rank

    def at(self, axis):
        self.axis = axis
        return self

    def as_dict(self):
        places = {"kind": self.kind, "rule": self.rule, "field": self.field}
        places |= {"axis": self.axis, "rank": self.rank, "other_rank": self.other_rank}
        return {name: place for name, place in places.items() if place is not None}


class Axis:
    """One process's part of one axis, every key filled in."""

    def __init__(self, keys):
        self.__dict__.update(keys)

    def paddings_outside(self):
        """How far the part may reach beyond the axis."""
        return tuple(self.padding) if self.edge_outside else (0, 0)

    def communication_padding(self):
        first, last = self.proc_grid_rank == 0, self.proc_grid_rank == self.proc_grid_size - 1
        lead = 0 if first and not self.edge_outside else self.padding[0]
        trail = 0 if last and not self.edge_outside else self.padding[1]
        return lead, trail

    def owned_block(self):
        lead, trail = self.communication_padding()
        return self.start + lead, self.stop - trail

    def turn(self):
        return 0 if self.start == 0 else (self.start + self.block_size - self.first_block) // self.block_size

    def first_process(self):
        return (self.proc_grid_rank - self.turn()) % self.proc_grid_size

    def held(self):
        """The global index of each local position."""
        if self.dist_type == "b":
            return range(self.start, self.stop)
        if self.dist_type == "u":
            return self.indices
        missing = self.block_size - self.first_block
        blocks = range(self.turn(), -(-(self.size + missing) // self.block_size), self.proc_grid_size)
        return [
            g
            for k in blocks
            for g in range(
                max(k * self.block_size - missing, 0), min((k + 1) * self.block_size - missing, self.size)
            )
        ]

    def owned(self):
        if self.dist_type == "b":
            return range(*self.owned_block())
        return self.indices[: self.num_owned] if self.dist_type == "u" else self.held()

    def length(self):
        """How many elements are held, in time that does not grow with them."""
        if self.dist_type == "b":
            return self.stop - self.start
        if self.dist_type == "u":
            return len(self.indices)
        # Of whole blocks up to index n, those of this turn; the last one may be cut short.
        missing, period = self.block_size - self.first_block, self.block_size * self.proc_grid_size
        total = self.size + missing
        mine = total // period * self.block_size
        mine += min(max(total % period - self.turn() * self.block_size, 0), self.block_size)
        return mine - (missing if self.turn() == 0 else 0)

    def element_at(self, index):
        """The element that a held index stands for; None outside an axis that does not wrap."""
        if self.dist_type != "b" or not self.edge_outside or 0 <= index < self.size:
            return index
        return index % self.size if self.periodic and self.size > 0 else None


class Description:
    """What one process says about its part."""

    def __init__(self, axes, grid_order="C", replicas=1, replica=0):
        self.axes, self.grid_order = axes, grid_order
        self.replicas, self.replica = replicas, replica

    def processes_per_replica(self):
        product = 1
        for axis in self.axes:
            product *= axis.proc_grid_size
        return product

    def process_count(self):
        return self.processes_per_replica() * self.replicas

    def rank(self):
        position = 0
        axes = self.axes if self.grid_order != "F" else self.axes[::-1]
        for axis in axes:
            position = position * axis.proc_grid_size + axis.proc_grid_rank
        place = self.replica * self.processes_per_replica() + position
        return place if self.grid_order in ("C", "F") else self.grid_order[place]


# Reading


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def integer(keys, key, default=None):
    if key not in keys:
        if default is None:
            raise Refusal("SYNTAX", "T5", key)
        return default
    return as_integer(keys[key], key)


def as_integer(value, key):
    if not is_integer(value) or not -LARGEST - 1 <= value <= LARGEST:
        raise Refusal("SYNTAX", "T6", key)
    return value


def truth(keys, key):
    value = keys.get(key, False)
    if not isinstance(value, bool):
        raise Refusal("SYNTAX", "T6", key)
    return value


def integers(value, key):
    if not isinstance(value, (list, tuple)):
        raise Refusal("SYNTAX", "T6", key)
    return [as_integer(item, key) for item in value]


def read(value, shape=None, lenient=False, python=False):
    """The description that a text form says, and the slips that were mended.

    Lists of JSON are its tuples; `python` says that lists and tuples differ.
    """
    mended = []
    if not isinstance(value, dict):
        raise Refusal("SYNTAX", "T1", "dim_data")
    version = read_version(value, lenient, mended)
    known = {"__version__", "dim_data"}
    if version == VERSION_1_0:
        known |= {"grid_order", "replicas", "replica"}
    for key in value:
        if key not in known:
            raise Refusal("SYNTAX", "T1", key)
    if "dim_data" not in value:
        raise Refusal("SYNTAX", "T1", "dim_data")
    dims = value["dim_data"]
    if not isinstance(dims, (list, tuple)):
        raise Refusal("SYNTAX", "T3", "dim_data")
    if python and isinstance(dims, list):
        mended.append((None, "dim_data"))
    if shape is not None and len(shape) != len(dims):
        raise Refusal("SYNTAX", "T4", "dim_data")
    axes = []
    for number, keys in enumerate(dims):
        slips = []
        try:
            extent = shape[number] if shape is not None else None
            axes.append(read_axis(keys, extent, version, lenient, python, slips))
        except Refusal as refusal:
            raise refusal.at(number)
        mended += [(number, key) for key in slips]
    order = value.get("grid_order", "C")
    if not (isinstance(order, str) and order in ("C", "F")):
        order = integers(order, "grid_order")
    description = Description(axes, order, integer(value, "replicas", 1), integer(value, "replica", 0))
    check_grid(description)
    return description, mended


def read_version(value, lenient, mended):
    if "__version__" not in value:
        raise Refusal("SYNTAX", "T1", "__version__")
    text = value["__version__"]
    match = (
        re.fullmatch(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)", text)
        if isinstance(text, str)
        else None
    )
    # A number of a version is one of 32 bits to every reader.
    if match and all(int(number) < 2**32 for number in match.groups()):
        if match[1] == "0" and match[2] == "10":
            return VERSION_0_10
        if match[1] == "1" and match[2] == "0":
            return VERSION_1_0
        if lenient and match[1] == "0" and match[2] == "9":
            mended.append((None, "__version__"))
            return VERSION_0_10
    raise Refusal("VERSION", "T2", "__version__")


def whole(size):
    keys = {
        "dist_type": "b",
        "size": size,
        "proc_grid_size": 1,
        "proc_grid_rank": 0,
        "start": 0,
        "stop": size,
    }
    return Axis(keys | {"padding": [0, 0], "periodic": False, "edge_outside": False, "component": False})


def read_axis(keys, extent, version, lenient, python, slips):
    if not isinstance(keys, dict):
        raise Refusal("SYNTAX", "T3", "dim_data")
    if not keys:
        if extent is None:
            raise Refusal("SYNTAX", "T5", "size")
        check_axis(axis := whole(extent))
        return axis
    # A key that the version does not have is ignored: it is as if it were not there.
    spoken = {k: v for k, v in keys.items() if version == VERSION_1_0 or k not in SINCE_1_0}
    if "dist_type" not in keys:
        raise Refusal("SYNTAX", "T5", "dist_type")
    kind = keys["dist_type"] if isinstance(keys["dist_type"], str) else ""
    axis = Axis({"dist_type": kind, "size": integer(spoken, "size")})
    if kind == "b":
        axis.start, axis.stop = integer(spoken, "start"), integer(spoken, "stop")
        padding = spoken.get("padding", (0, 0))
        if python and isinstance(padding, list):
            slips.append("padding")
        if not isinstance(padding, (list, tuple)) or len(padding) != 2:
            raise Refusal("SYNTAX", "T6", "padding")
        axis.padding = [as_integer(width, "padding") for width in padding]
        axis.periodic, axis.edge_outside = truth(spoken, "periodic"), truth(spoken, "edge_outside")
    elif kind == "c":
        axis.start = integer(spoken, "start")
        axis.block_size = integer(spoken, "block_size", 1)
        axis.first_block = integer(spoken, "first_block", axis.block_size)
    elif kind == "u":
        if "indices" not in spoken:
            raise Refusal("SYNTAX", "T5", "indices")
        axis.indices = integers(spoken["indices"], "indices")
        axis.one_to_one = truth(spoken, "one_to_one")
        axis.num_owned = integer(spoken, "num_owned", len(axis.indices))
    elif kind == "n" and lenient:
        slips.append("dist_type")
        check_axis(axis := whole(axis.size))
        return axis
    else:
        raise Refusal("SYNTAX", "T7", "dist_type")
    slips += [key for key in keys if key not in KEYS[kind] + COMMON or key not in spoken]
    axis.proc_grid_size = integer(spoken, "proc_grid_size")
    axis.proc_grid_rank = integer(spoken, "proc_grid_rank")
    if kind == "c" and version == VERSION_0_10:
        due = axis.proc_grid_rank * axis.block_size
        inside = 0 <= axis.proc_grid_rank < axis.proc_grid_size
        if inside and axis.start == axis.size < due <= LARGEST:
            slips.append("start")
            axis.start = due
    check_axis(axis)
    if kind == "c" and version == VERSION_0_10 and axis.turn() != axis.proc_grid_rank:
        raise Refusal("RANGE", "C2", "start")
    axis.component = truth(spoken, "component")
    return axis


# The rules of the fields


def check_axis(axis):
    if axis.size < 0:
        raise Refusal("RANGE", "D1", "size")
    if axis.proc_grid_size < 1:
        raise Refusal("RANGE", "D2", "proc_grid_size")
    if not 0 <= axis.proc_grid_rank < axis.proc_grid_size:
        raise Refusal("RANGE", "D3", "proc_grid_rank")
    {"b": check_block, "c": check_cyclic, "u": check_unstructured}[axis.dist_type](axis)


def check_block(axis):
    if axis.start > axis.stop:
        raise Refusal("RANGE", "B1", "stop")
    if min(axis.padding) < 0:
        raise Refusal("RANGE", "B4", "padding")
    before, after = axis.paddings_outside()
    if axis.start < -before:
        raise Refusal("RANGE", "B2", "start")
    if axis.stop > axis.size + after:
        raise Refusal("RANGE", "B2", "stop")
    if axis.proc_grid_rank == 0 and axis.start != -before:
        raise Refusal("RANGE", "B3", "start")
    if axis.stop - axis.start > LARGEST:
        raise Refusal("RANGE", "B2", "stop")


def check_cyclic(axis):
    if axis.block_size < 1:
        raise Refusal("RANGE", "C1", "block_size")
    if not 1 <= axis.first_block <= axis.block_size:
        raise Refusal("RANGE", "C3", "first_block")
    if axis.start < 0:
        raise Refusal("RANGE", "C2", "start")
    missing = axis.block_size - axis.first_block
    if max(axis.size, axis.start) + missing > LARGEST:
        raise Refusal("BOUNDS", "C4", "first_block")
    turn, rest = divmod(axis.start + missing, axis.block_size)
    if axis.start != 0 and not (rest == 0 and turn < axis.proc_grid_size):
        raise Refusal("RANGE", "C2", "start")


def check_unstructured(axis):
    if not 0 <= axis.num_owned <= len(axis.indices):
        raise Refusal("RANGE", "U1", "num_owned")


def check_grid(description):
    count = description.process_count()
    if not -LARGEST - 1 <= count <= LARGEST:
        raise Refusal("GRID", "G1", "proc_grid_size")
    if description.replicas < 1 or not 0 <= description.replica < description.replicas:
        raise Refusal("GRID", "G2", "replica")
    if description.grid_order not in ("C", "F") and len(description.grid_order) != count:
        raise Refusal("GRID", "G3", "grid_ranks")


# The rules with the buffer


def check_buffer(description, shape):
    if len(shape) != len(description.axes):
        raise Refusal("SHAPE", "T4", "ndim")
    for number, (axis, extent) in enumerate(zip(description.axes, shape)):
        try:
            check_extent(axis, extent)
        except Refusal as refusal:
            raise refusal.at(number)
    order = description.grid_order
    if order not in ("C", "F") and sorted(order) != list(range(len(order))):
        raise Refusal("DUPLICATE", "G4", "grid_ranks")


def check_extent(axis, extent):
    if axis.dist_type == "b":
        last = axis.proc_grid_rank == axis.proc_grid_size - 1
        if last and axis.stop != axis.size + axis.paddings_outside()[1]:
            raise Refusal("RANGE", "B5", "stop")
        if sum(axis.padding) > axis.stop - axis.start:
            raise Refusal("RANGE", "B6", "padding")
    if axis.dist_type == "u":
        if len(set(axis.indices)) < len(axis.indices):
            raise Refusal("DUPLICATE", "U2", "indices")
        if axis.one_to_one and axis.num_owned > axis.size:
            raise Refusal("RANGE", "U3", "indices")
    if axis.length() != extent:
        raise Refusal("SHAPE", {"b": "B7", "c": "C5", "u": "U4"}[axis.dist_type], "shape")
