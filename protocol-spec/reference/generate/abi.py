"""What a consumer must say to the image of a loan, one fault at a time."""

from struct import pack

from .common import LARGEST, refusal, vector
from .image import (
    COMPONENT,
    EXCLUSIVE,
    I_EXCLUSIVE,
    ONE_TO_ONE,
    PERIODIC,
    R_COLMAJOR,
    R_EVENT,
    R_EXT,
    R_GHOSTS,
    R_MAP,
    R_NO_DATA,
    R_OPAQUE,
    R_SCOPED,
    R_SWAPPED,
    R_UNALIGNED,
    READ,
    READ_WRITE,
    W_ALIASED,
    W_READ_ONLY,
    W_REPLICATED,
    Loan,
)


def image(name, rules, change=None, error=None, access=READ_WRITE):
    """`change` makes a good loan another one."""
    loan = Loan()
    if change:
        change(loan)
    return vector(
        "abi", name, rules, {"access": access} | loan.segments(), refusal(*error) if error else None
    )


def axis_image(name, rules, change, error, access=READ_WRITE, axis=0):
    loan = Loan()
    change(loan)
    return vector("abi", name, rules, {"access": access} | loan.segments(), refusal(*error, axis=axis))


def field(**values):
    return lambda loan: loan.fields.update(values)


def null(name):
    return lambda loan: loan.targets.pop(name)


def shifted(name, by):
    return lambda loan: loan.targets[name].__setitem__(1, by)


def dim(axis, **values):
    return lambda loan: loan.dims[axis].update(values)


def both(*changes):
    return lambda loan: [change(loan) for change in changes]


def numbers(name, axis, value):
    return lambda loan: getattr(loan, name).__setitem__(axis, value)


def vectors():
    return [*prefix(), *memory(), *axes(), *grids(), *lives()]


def prefix():
    yield image("loan", "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A18 A20 A22 A23 A24 L1")
    yield image("loan-of-a-newer-minor", "A2 A3", field(abi_minor=9, struct_size=320))
    yield image("magic-0", "A1", field(magic=0), ("VERSION", "A1", "magic"))
    yield image("magic-of-the-other-byte-order", "A1", field(magic=0x44415252), ("VERSION", "A1", "magic"))
    for major in (0, 2):
        yield image(f"major-{major}", "A2", field(abi_major=major), ("VERSION", "A2", "abi_major"))
    yield image("struct-short", "A3", field(struct_size=255), ("VERSION", "A3", "struct_size"))
    for bit in (10, 31):
        yield image(f"read-bit-{bit}", "A4", field(flags_read=1 << bit), ("FLAG", "A4", "flags_read"))
    for name, bit in {
        "unaligned": R_UNALIGNED,
        "opaque": R_OPAQUE,
        "swapped": R_SWAPPED,
        "event": R_EVENT,
        "extension": R_EXT,
    }.items():
        yield image(f"read-bit-{name}", "A4", field(flags_read=bit), ("UNSUPPORTED", "A4", "flags_read"))
    for word in range(4):
        yield image(
            f"reserved-{word}",
            "A5",
            field(reserved=[int(word == n) for n in range(4)]),
            ("FLAG", "A5", "reserved"),
        )
    yield image("byte_offset", "A5", field(byte_offset=8), ("FLAG", "A5", "byte_offset"))
    yield image("info-bits-unknown", "A4", field(flags_info=1 << 63))


def memory():
    yield image("device-pinned", "A6", field(device_type=3))
    for device in (0, 2, 10):
        yield image(f"device-{device}", "A6", field(device_type=device), ("DEVICE", "A6", "device_type"))
    for name, code, bits in (
        ("bool", 6, 8),
        ("int8", 0, 8),
        ("uint64", 1, 64),
        ("bfloat16", 4, 16),
        ("complex64", 5, 64),
        ("complex128", 5, 128),
        ("float8", 10, 8),
    ):
        size = bits // 8
        packed = both(
            field(dtype_code=code, dtype_bits=bits, itemsize=size, alloc_bytes=20 * size),
            numbers("strides", 0, 5 * size),
            numbers("strides", 1, size),
            lambda loan, size=size: setattr(loan, "bytes", 20 * size),
        )
        yield image(f"dtype-{name}", "A7 A8 A23", packed)
    yield image(
        "dtype-record",
        "A7 A8 A21",
        both(
            field(dtype_code=3, dtype_bits=0),
            lambda loan: loan.more.update(format=b"d:value:\0"),
            lambda loan: loan.targets.update(format=["format", 0]),
        ),
    )
    for name, change in {
        "code": field(dtype_code=200),
        "bits": field(dtype_bits=63),
        "lanes": field(dtype_lanes=2),
        "float4": field(dtype_code=17, dtype_bits=4),
    }.items():
        yield image(f"dtype-unknown-{name}", "A7", change, ("DTYPE", "A7", "dtype_code"))
    for size in (4, 0, -8):
        yield image(f"itemsize-{size}", "A8", field(itemsize=size), ("DTYPE", "A8", "itemsize"))
    yield image("itemsize-of-a-record-0", "A8", field(dtype_code=3, itemsize=0), ("DTYPE", "A8", "itemsize"))
    for count in (-1, 65, 2**31 - 1):
        yield image(f"ndim-{count}", "A9", field(ndim=count), ("RANGE", "A9", "ndim"))
    yield image(
        "scalar-loan",
        "A9 A10 A18",
        both(field(ndim=0, process_rank=0, process_count=1), null("shape"), null("strides"), null("dims")),
    )
    for name in ("shape", "strides", "dims"):
        yield image(f"{name}-null", "A10", null(name), ("NULL", "A10", name))
        yield image(f"{name}-odd", "A10", shifted(name, 4), ("ALIGN", "A10", name))
    yield axis_image("extent-negative", "A11", numbers("shape", 0, -1), ("SHAPE", "A11", "shape"))
    yield axis_image(
        "extents-beyond-63-bits", "A11", numbers("shape", 1, LARGEST), ("BOUNDS", "A11", "shape"), axis=1
    )
    for name, stride in {"largest": LARGEST, "least": -LARGEST - 1}.items():
        yield axis_image(f"stride-{name}", "A11", numbers("strides", 0, stride), ("BOUNDS", "A11", "strides"))
    yield image("allocation-not-stated", "A20", field(alloc_bytes=0))
    yield image("allocation-short", "A20", field(alloc_bytes=159), ("BOUNDS", "A20", "strides"))
    yield image("allocation-wraps", "A20", field(alloc_bytes=2**64 - 1), ("BOUNDS", "A20", "alloc_bytes"))
    yield image("allocation-begins-later", "A20", shifted("alloc_base", 8), ("BOUNDS", "A20", "strides"))
    yield image(
        "stride-beyond-the-allocation", "A20", numbers("strides", 0, 48), ("BOUNDS", "A20", "strides")
    )
    yield image(
        "backwards",
        "A11 A20",
        both(numbers("strides", 0, -40), numbers("strides", 1, -8), shifted("data", 152)),
    )
    yield image(
        "backwards-before-the-allocation", "A20", numbers("strides", 0, -40), ("BOUNDS", "A20", "strides")
    )
    yield image("column-major-elements", "A11 A24", both(numbers("strides", 0, 8), numbers("strides", 1, 32)))
    text = lambda content: both(
        lambda loan: loan.more.update(format=content), lambda loan: loan.targets.update(format=["format", 0])
    )
    yield image("format-not-utf-8", "A21", text(b"d:\xff:\0"), ("SYNTAX", "A21", "format"))
    yield image("format-endless", "A21", text(b"d" * 65537), ("SYNTAX", "A21", "format"))
    yield image("data-null", "A22", null("data"), ("NULL", "A22", "data"))
    empty = both(numbers("shape", 0, 0), dim(0, start=6, padding=(0, 0)), null("data"))
    yield image("data-null-and-empty", "A22 A20", empty)
    yield image("data-odd", "A23", shifted("data", 4), ("ALIGN", "A23", "data"))
    yield axis_image("stride-odd", "A23", numbers("strides", 1, 6), ("ALIGN", "A23", "strides"), axis=1)
    yield image(
        "record-odd",
        "A23",
        both(
            field(dtype_code=3, itemsize=7),
            shifted("data", 3),
            field(alloc_bytes=0),
            lambda loan: setattr(loan, "bytes", 200),
        ),
    )
    for name, stride in {"zero": 0, "overlap": 8}.items():
        shared = numbers("strides", 0, stride)
        yield image(f"stride-{name}-written", "A24", shared, ("ACCESS", "A24", "strides"))
        yield image(f"stride-{name}-read", "A24", shared, access=READ)


def axes():
    flag = lambda rule, name: ("FLAG", rule, name)
    yield image("axis-periodic", "A12", dim(0, flags=PERIODIC))
    yield image("axis-component", "A12", dim(1, flags=COMPONENT))
    yield axis_image("axis-flag-unknown", "A12", dim(0, flags=1 << 5), flag("A12", "flags"))
    yield axis_image("axis-flag-of-another-kind", "A12", dim(0, flags=ONE_TO_ONE), flag("A12", "flags"))
    yield axis_image(
        "axis-whole-is-not-periodic",
        "A12",
        both(lambda loan: loan.dims.__setitem__(1, {"flags": PERIODIC})),
        flag("A12", "flags"),
        axis=1,
    )
    yield axis_image("axis-reserved", "A13", dim(1, reserved=(0, 0, 1)), flag("A13", "reserved"), axis=1)
    for name in ("block_size", "first_block", "n_indices", "n_owned"):
        yield axis_image(f"axis-b-{name}", "A13", dim(0, **{name: 1}), flag("A13", "dist_type"))
    deal = {"dist_type": ord("c"), "size": 5, "proc_grid_size": 1}
    yield image(
        "axis-cyclic", "A13 A14 C1 C2", lambda loan: loan.dims.__setitem__(1, deal | {"block_size": 2})
    )
    yield image("axis-cyclic-block_size-0", "A13 C1", lambda loan: loan.dims.__setitem__(1, deal))
    yield axis_image(
        "axis-c-stop",
        "A13",
        lambda loan: loan.dims.__setitem__(1, deal | {"stop": 5}),
        flag("A13", "dist_type"),
        axis=1,
    )
    yield axis_image("axis-n", "A14", dim(0, dist_type=ord("n")), ("RANGE", "A14", "dist_type"))
    yield image("axis-zeroed", "A15", lambda loan: loan.dims.__setitem__(1, {}))
    yield image(
        "axis-zeroed-with-its-size",
        "A15",
        lambda loan: loan.dims.__setitem__(1, {"size": 5, "proc_grid_size": 1}),
    )
    yield axis_image(
        "axis-zeroed-of-another-size",
        "A15",
        lambda loan: loan.dims.__setitem__(1, {"size": 6}),
        ("SHAPE", "A15", "size"),
        axis=1,
    )
    yield axis_image(
        "axis-zeroed-on-a-grid",
        "A15",
        lambda loan: loan.dims.__setitem__(0, {"proc_grid_size": 2}),
        ("GRID", "A15", "proc_grid_size"),
    )
    yield axis_image(
        "axis-zeroed-elsewhere",
        "A15",
        lambda loan: loan.dims.__setitem__(0, {"proc_grid_rank": 1}),
        ("GRID", "A15", "proc_grid_size"),
    )
    indices = [4, 2, 0, 1, 3]
    yield image("axis-listed", "A16 U1 U2", lambda loan: loan.listed(indices, 5))
    yield image("axis-listed-in-32-bits", "A16 A12", lambda loan: loan.listed(indices, 5, width=4))
    yield axis_image(
        "axis-listed-null",
        "A16",
        lambda loan: loan.listed(indices, 5).lists.clear(),
        ("NULL", "A16", "indices"),
        axis=1,
    )
    yield axis_image(
        "axis-listed-negative",
        "A16",
        lambda loan: loan.listed(indices, 5, n_indices=-1),
        ("RANGE", "A16", "indices"),
        axis=1,
    )
    yield axis_image(
        "axis-listed-owned-too-many",
        "U1",
        lambda loan: loan.listed(indices, 6),
        ("RANGE", "U1", "num_owned"),
        axis=1,
    )
    yield axis_image(
        "axis-listed-twice",
        "U2",
        lambda loan: loan.listed([2, 2, 0, 1, 3], 5),
        ("DUPLICATE", "U2", "indices"),
        axis=1,
    )
    yield image("axis-ghosts", "A17", both(lambda loan: loan.listed(indices, 3), field(flags_read=R_GHOSTS)))
    yield image(
        "axis-ghosts-unsaid", "A17", lambda loan: loan.listed(indices, 3), ("FLAG", "A17", "flags_read")
    )
    yield axis_image("axis-stop-beyond", "B2", dim(0, stop=7), ("RANGE", "B2", "stop"))
    yield axis_image("axis-last-ends-early", "B5", dim(0, size=7), ("RANGE", "B5", "stop"))
    yield axis_image("axis-longer-than-the-buffer", "B7", numbers("shape", 0, 3), ("SHAPE", "B7", "shape"))


def grids():
    grid = lambda name: ("GRID", "A18", name)
    yield image("grid-replicas", "A18", field(flags_write=W_REPLICATED, process_count=4, process_rank=3))
    yield image("grid-replicas-unsaid", "A18", field(process_count=4), grid("process_count"))
    yield image(
        "grid-count-no-multiple",
        "A18",
        field(process_count=3, flags_write=W_REPLICATED),
        grid("process_count"),
    )
    yield image("grid-count-0", "A18", field(process_count=0), grid("process_count"))
    for rank in (-1, 2):
        yield image(f"grid-rank-{rank}", "A18", field(process_rank=rank), grid("process_rank"))
    yield image("grid-rank-of-another", "A18", field(process_rank=0), grid("process_rank"))
    yield image(
        "grid-axis-forgotten", "A18", lambda loan: loan.dims.__setitem__(0, {}), grid("process_count")
    )
    table = lambda *ranks: both(
        lambda loan: loan.more.update(ranks=pack(f"<{len(ranks)}q", *ranks)),
        lambda loan: loan.targets.update(grid_ranks=["ranks", 0]),
    )
    yield image("grid-table-lent", "A19 G3 G4", both(table(1, 0), field(flags_read=R_MAP, process_rank=0)))
    yield image(
        "grid-table-says-otherwise", "A18", both(table(1, 0), field(flags_read=R_MAP)), grid("process_rank")
    )
    yield image(
        "grid-table-twice",
        "G4",
        both(table(1, 1), field(flags_read=R_MAP)),
        ("DUPLICATE", "G4", "grid_ranks"),
    )
    odd = both(table(1, 0), shifted("grid_ranks", 4), field(flags_read=R_MAP))
    yield image("grid-table-odd", "A10", odd, ("ALIGN", "A10", "grid_ranks"))
    yield image("grid-table-without-bit", "A19", table(1, 0), ("FLAG", "A19", "grid_ranks"))
    yield image("grid-bit-without-table", "A19", field(flags_read=R_MAP), ("FLAG", "A19", "grid_ranks"))
    yield image(
        "grid-two-orders",
        "A19",
        both(table(1, 0), field(flags_read=R_MAP | R_COLMAJOR)),
        ("FLAG", "A19", "flags_read"),
    )
    yield image("grid-column-major", "A18", field(flags_read=R_COLMAJOR))


def lives():
    yield image("released", "L1", null("release"), ("RELEASED", "L1", "release"))
    yield image("call-scoped-kept", "L5", field(flags_read=R_SCOPED), ("ACCESS", "L5", "flags_read"))
    yield image("no-data-taken", "L9", field(flags_read=R_NO_DATA), ("ACCESS", "L9", "flags_read"), READ)
    for name, bit in {"read-only": W_READ_ONLY, "aliased": W_ALIASED, "unknown": 1 << 31}.items():
        yield image(
            f"write-bit-{name}-written", "L6", field(flags_write=bit), ("ACCESS", "L6", "flags_write")
        )
        yield image(f"write-bit-{name}-read", "L6", field(flags_write=bit), access=READ)
    yield image("exclusive", "L7", field(flags_info=I_EXCLUSIVE), access=EXCLUSIVE)
    yield image("exclusive-not-promised", "L7", error=("ACCESS", "L7", "flags_info"), access=EXCLUSIVE)
