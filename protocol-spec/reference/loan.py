"""A loan, read from its bytes: c-abi.md, sections 1, 2 and 4."""

from struct import unpack_from

from description import Axis, Description, Refusal, check_axis, check_buffer, check_grid, whole

LARGEST = 2**63 - 1
KNOWN_READ, SUPPORTED_READ = 0x3FF, 0x398  # ghosts, grid map, column-major, no data, call-scoped
KNOWN_WRITE, READ_ONLY, REPLICATED, ALIASED = 7, 1, 2, 4
GHOSTS, GRID_MAP, COLUMN_MAJOR, NO_DATA, CALL_SCOPED = 1 << 3, 1 << 4, 1 << 7, 1 << 8, 1 << 9
EXCLUSIVE = 1 << 2
HOST_MEMORY = (1, 3, 11)
ELEMENTS = {0: (8, 16, 32, 64), 1: (8, 16, 32, 64), 2: (16, 32, 64), 4: (16,), 5: (64, 128), 6: (8,)} | {
    code: (8,) for code in range(7, 15)
}
OPAQUE = 3
PERIODIC, ONE_TO_ONE, NARROW, OUTSIDE, COMPONENT = (1 << bit for bit in range(5))
FLAGS = {0: 0, ord("b"): PERIODIC | OUTSIDE, ord("c"): 0, ord("u"): ONE_TO_ONE | NARROW}

# Where segments lie: at addresses that do not meet, and are multiples of 16.
STEP = 1 << 40


def segment(spelled):
    """Hexadecimal digits, or so many bytes of one value."""
    return bytes.fromhex(spelled) if isinstance(spelled, str) else bytes.fromhex(spelled[1]) * spelled[0]


class Memory:
    """The segments of an image, and what its pointers point to."""

    def __init__(self, case):
        self.segments = {name: segment(spelled) for name, spelled in case["segments"].items()}
        self.base = {name: STEP * (number + 1) for number, name in enumerate([*self.segments, "release"])}
        self.pointers = {(s, at): self.base[target] + added for s, at, target, added in case["pointers"]}

    def read(self, segment, offset, form):
        return unpack_from("<" + form, self.segments[segment], offset)[0]

    def pointer(self, segment, offset):
        return self.pointers.get((segment, offset), 0)

    def at(self, address):
        """The bytes from an address on."""
        for name, base in self.base.items():
            if base <= address < base + STEP:
                return self.segments[name][address - base :]
        raise ValueError("an address of no segment")


def check_loan(case):
    """Takes the loan of an image over, for an access."""
    memory, access = Memory(case), case["access"]
    field = lambda offset, form: memory.read("export", offset, form)
    address = lambda offset: memory.pointer("export", offset)
    flags_read = check_prefix(field, address)
    check_access(flags_read, field(36, "I"), field(40, "Q"), access)
    if field(88, "i") not in HOST_MEMORY:
        raise Refusal("DEVICE", "A6", "device_type")
    opaque, itemsize = check_elements(field)
    ndim = field(108, "i")
    if not 0 <= ndim <= 64:
        raise Refusal("RANGE", "A9", "ndim")
    shape, strides = (
        numbers(memory, address(offset), ndim, name, "A10")
        for offset, name in ((120, "shape"), (128, "strides"))
    )
    numbers(memory, address(144), ndim, "dims", "A10")
    low, high = reach(shape, strides, itemsize)
    axes = []
    for number in range(ndim):
        try:
            axes.append(read_axis(memory, 128 * number, shape[number]))
        except Refusal as refusal:
            raise refusal.at(number)
    if any(a.dist_type == "u" and a.num_owned < len(a.indices) for a in axes) and not flags_read & GHOSTS:
        raise Refusal("FLAG", "A17", "flags_read")
    description = check_processes(memory, field, address(168), flags_read, axes)
    check_memory(memory, field, address, shape, strides, opaque, itemsize, (low, high), access)
    check_buffer(description, shape)


def check_prefix(field, address):
    if field(0, "I") != 0x52524144:
        raise Refusal("VERSION", "A1", "magic")
    if address(16) == 0:
        raise Refusal("RELEASED", "L1", "release")
    if field(8, "I") != 1:
        raise Refusal("VERSION", "A2", "abi_major")
    if field(4, "I") < 256:
        raise Refusal("VERSION", "A3", "struct_size")
    flags_read = field(32, "I")
    if flags_read & ~KNOWN_READ:
        raise Refusal("FLAG", "A4", "flags_read")
    if flags_read & ~SUPPORTED_READ:
        raise Refusal("UNSUPPORTED", "A4", "flags_read")
    if any(field(224 + 8 * word, "Q") for word in range(4)):
        raise Refusal("FLAG", "A5", "reserved")
    if field(64, "Q"):
        raise Refusal("FLAG", "A5", "byte_offset")
    return flags_read


def check_access(flags_read, flags_write, flags_info, access):
    if flags_read & CALL_SCOPED:
        raise Refusal("ACCESS", "L5", "flags_read")
    if flags_read & NO_DATA:
        raise Refusal("ACCESS", "L9", "flags_read")
    if access != "read" and flags_write & (READ_ONLY | ALIASED | ~KNOWN_WRITE):
        raise Refusal("ACCESS", "L6", "flags_write")
    if access == "exclusive" and not flags_info & EXCLUSIVE:
        raise Refusal("ACCESS", "L7", "flags_info")


def check_elements(field):
    code, bits, lanes, itemsize = field(104, "B"), field(105, "B"), field(106, "H"), field(112, "q")
    opaque = code == OPAQUE
    if not opaque and (bits not in ELEMENTS.get(code, ()) or lanes != 1):
        raise Refusal("DTYPE", "A7", "dtype_code")
    if itemsize < 1 or not opaque and itemsize != bits // 8:
        raise Refusal("DTYPE", "A8", "itemsize")
    return opaque, itemsize


def numbers(memory, address, count, name, rule, width=8):
    """Reads integers that a pointer points to."""
    if count < 0:
        raise Refusal("RANGE", rule, name)
    if count == 0:
        return []
    if address == 0:
        raise Refusal("NULL", rule, name)
    if address % width:
        raise Refusal("ALIGN", rule, name)
    content = memory.at(address)
    return [unpack_from("<q" if width == 8 else "<i", content, width * i)[0] for i in range(count)]


def reach(shape, strides, itemsize):
    """Bytes from element (0, ..., 0) to the first and behind the last."""
    low, high, total = 0, itemsize, itemsize
    for axis, (extent, stride) in enumerate(zip(shape, strides)):
        if extent < 0:
            raise Refusal("SHAPE", "A11", "shape", axis)
        total *= max(extent, 1)
        if total > LARGEST:
            raise Refusal("BOUNDS", "A11", "shape", axis)
        span = (max(extent, 1) - 1) * stride
        low, high = low + min(span, 0), high + max(span, 0)
        if low < -LARGEST or high > LARGEST:
            raise Refusal("BOUNDS", "A11", "strides", axis)
    return (0, 0) if 0 in shape else (low, high)


def read_axis(memory, base, extent):
    field = lambda offset, form="q": memory.read("dims", base + offset, form)
    kind, flags = field(0, "I"), field(4, "I")
    if flags & ~0x1F:
        raise Refusal("FLAG", "A12", "flags")
    if any(field(104 + 8 * word, "Q") for word in range(3)):
        raise Refusal("FLAG", "A13", "reserved")
    if kind not in FLAGS:
        raise Refusal("RANGE", "A14", "dist_type")
    if flags & ~(FLAGS[kind] | COMPONENT):
        raise Refusal("FLAG", "A12", "flags")
    words = {"start": [32], "stop": [40], "padding": [48, 56], "blocks": [64, 96], "list": [80, 88]}
    own = {0: (), ord("b"): ("start", "stop", "padding"), ord("c"): ("start", "blocks"), ord("u"): ("list",)}[
        kind
    ]
    if any(field(offset) for name, offsets in words.items() if name not in own for offset in offsets):
        raise Refusal("FLAG", "A13", "dist_type")
    size, procs, rank = field(8), field(16), field(24)
    if kind == 0:
        if not 0 <= procs <= 1 or rank:
            raise Refusal("GRID", "A15", "proc_grid_size")
        if size not in (0, extent):
            raise Refusal("SHAPE", "A15", "size")
        axis = whole(extent)
    else:
        axis = Axis({"dist_type": chr(kind), "size": size, "proc_grid_size": procs, "proc_grid_rank": rank})
        axis.start, axis.stop, axis.padding = field(32), field(40), [field(48), field(56)]
        axis.periodic, axis.edge_outside = bool(flags & PERIODIC), bool(flags & OUTSIDE)
        axis.block_size = field(64) or 1
        axis.first_block = field(96) or axis.block_size
        axis.one_to_one, axis.num_owned = bool(flags & ONE_TO_ONE), field(88)
        if kind == ord("u"):
            width = 4 if flags & NARROW else 8
            axis.indices = numbers(
                memory, memory.pointer("dims", base + 72), field(80), "indices", "A16", width
            )
    axis.component = bool(flags & COMPONENT)
    check_axis(axis)
    return axis


def read_record(record, indices=None):
    """The axis that one record describes, whose indices lie elsewhere."""
    memory = Memory({"segments": {"dims": record.hex()}, "pointers": []})
    if indices is not None:
        memory.segments["indices"] = b"".join(index.to_bytes(8, "little", signed=True) for index in indices)
        memory.base["indices"] = memory.pointers["dims", 72] = STEP * 9
    return read_axis(memory, 0, 0)


def check_processes(memory, field, table, flags_read, axes):
    rank, count = field(152, "q"), field(160, "q")
    if count < 1:
        raise Refusal("GRID", "A18", "process_count")
    if not 0 <= rank < count:
        raise Refusal("GRID", "A18", "process_rank")
    if flags_read & GRID_MAP and flags_read & COLUMN_MAJOR:
        raise Refusal("FLAG", "A19", "flags_read")
    if bool(flags_read & GRID_MAP) != bool(table):
        raise Refusal("FLAG", "A19", "grid_ranks")
    description = Description(axes)
    check_grid(description)
    one = description.process_count()
    if count % one or count > one and not field(36, "I") & REPLICATED:
        raise Refusal("GRID", "A18", "process_count")
    description.replicas = count // one
    if flags_read & COLUMN_MAJOR:
        description.grid_order = "F"
    if flags_read & GRID_MAP:
        description.grid_order = numbers(memory, table, count, "grid_ranks", "A10")
    # The replica is not stated: it is the one in which the rank stands at its coordinates.
    for description.replica in range(description.replicas):
        if description.rank() == rank:
            return description
    raise Refusal("GRID", "A18", "process_rank")


def check_memory(memory, field, address, shape, strides, opaque, itemsize, reached, access):
    data, base, length = address(56), address(72), field(80, "Q")
    low, high = reached
    if base and length:
        if base + length > 2**64 - 1:
            raise Refusal("BOUNDS", "A20", "alloc_bytes")
    if address(136):
        text = memory.at(address(136))[:65536]
        if 0 not in text:
            raise Refusal("SYNTAX", "A21", "format")
        try:
            text.split(b"\0")[0].decode()
        except UnicodeDecodeError:
            raise Refusal("SYNTAX", "A21", "format")
    if 0 not in shape:
        if data == 0:
            raise Refusal("NULL", "A22", "data")
        alignment = 1 if opaque else min(itemsize // 2 if field(104, "B") == 5 else itemsize, 16)
        if data % alignment:
            raise Refusal("ALIGN", "A23", "data")
        for axis, (extent, stride) in enumerate(zip(shape, strides)):
            if extent > 1 and stride % alignment:
                raise Refusal("ALIGN", "A23", "strides", axis)
        if base and length and not (base <= data + low and data + high <= base + length):
            raise Refusal("BOUNDS", "A20", "strides")
    if access != "read" and 0 not in shape:
        reached = itemsize
        for stride, extent in sorted((abs(s), n) for s, n in zip(strides, shape) if n > 1):
            if stride < reached:
                raise Refusal("ACCESS", "A24", "strides")
            reached += stride * (extent - 1)
