"""Images of structs: the bytes of a loan.

A segment is a text of hexadecimal digits, or [number of bytes, what each of them is].
Addresses are put in by whoever runs a vector: `pointers` lists
[segment, offset, segment that is pointed to, bytes added].
"""

from struct import pack

FIELDS = {  # name: (offset, format)
    "magic": (0, "I"),
    "struct_size": (4, "I"),
    "abi_major": (8, "I"),
    "abi_minor": (12, "I"),
    "flags_read": (32, "I"),
    "flags_write": (36, "I"),
    "flags_info": (40, "Q"),
    "consumer_flags": (48, "Q"),
    "byte_offset": (64, "Q"),
    "alloc_bytes": (80, "Q"),
    "device_type": (88, "i"),
    "device_id": (92, "i"),
    "dtype_code": (104, "B"),
    "dtype_bits": (105, "B"),
    "dtype_lanes": (106, "H"),
    "ndim": (108, "i"),
    "itemsize": (112, "q"),
    "process_rank": (152, "q"),
    "process_count": (160, "q"),
    "uid": (176, "QQ"),
    "epoch": (192, "Q"),
    "n_meta": (208, "q"),
    "reserved": (224, "QQQQ"),
}
POINTERS = {
    "release": 16,
    "private_data": 24,
    "data": 56,
    "alloc_base": 72,
    "shape": 120,
    "strides": 128,
    "format": 136,
    "dims": 144,
    "grid_ranks": 168,
}
DIM = {
    "dist_type": (0, "I"),
    "flags": (4, "I"),
    "size": (8, "q"),
    "proc_grid_size": (16, "q"),
    "proc_grid_rank": (24, "q"),
    "start": (32, "q"),
    "stop": (40, "q"),
    "padding": (48, "qq"),
    "block_size": (64, "q"),
    "n_indices": (80, "q"),
    "n_owned": (88, "q"),
    "first_block": (96, "q"),
    "reserved": (104, "QQQ"),
}
INDICES = 72

READ, READ_WRITE, EXCLUSIVE = "read", "read-write", "exclusive"
MAGIC = 0x52524144
R_UNALIGNED, R_OPAQUE, R_SWAPPED, R_GHOSTS, R_MAP, R_EVENT, R_EXT, R_COLMAJOR, R_NO_DATA, R_SCOPED = (
    1 << n for n in range(10)
)
W_READ_ONLY, W_REPLICATED, W_ALIASED = 1, 2, 4
I_EXCLUSIVE = 4
PERIODIC, ONE_TO_ONE, I32, OUTSIDE, COMPONENT = (1 << n for n in range(5))


def put(image, table, name, value):
    offset, form = table[name]
    values = value if isinstance(value, (list, tuple)) else [value]
    packed = pack("<" + form, *values)
    image[offset : offset + len(packed)] = packed


def spelled(image):
    if len(image) > 64 and len(set(image)) == 1:
        return [len(image), image[:1].hex()]
    return image.hex()


class Loan:
    """A block of 4 x 5 doubles with one row of padding, on process (1, 0) of a 2 x 1 grid."""

    def __init__(self):
        self.fields = {
            "magic": MAGIC,
            "struct_size": 256,
            "abi_major": 1,
            "alloc_bytes": 160,
            "device_type": 1,
            "dtype_code": 2,
            "dtype_bits": 64,
            "dtype_lanes": 1,
            "ndim": 2,
            "itemsize": 8,
            "process_rank": 1,
            "process_count": 2,
            "uid": (7, 8),
            "epoch": 3,
        }
        self.targets = {name: [name, 0] for name in ("release", "data", "shape", "strides", "dims")} | {
            "alloc_base": ["data", 0]
        }
        self.shape, self.strides = [4, 5], [40, 8]
        rows = {
            "dist_type": ord("b"),
            "size": 6,
            "proc_grid_size": 2,
            "proc_grid_rank": 1,
            "start": 2,
            "stop": 6,
            "padding": (1, 0),
        }
        columns = {"dist_type": ord("b"), "size": 5, "proc_grid_size": 1, "stop": 5}
        self.dims = [rows, columns]
        self.more, self.lists, self.bytes = {}, {}, 160

    def listed(self, indices, owned, axis=1, width=8, **more):
        """Makes an axis unstructured."""
        wide = {"flags": I32} if width == 4 else {}
        self.dims[axis] = (
            {
                "dist_type": ord("u"),
                "size": 5,
                "proc_grid_size": 1,
                "n_indices": len(indices),
                "n_owned": owned,
            }
            | wide
            | more
        )
        self.lists[axis] = f"indices{axis}"
        self.more[f"indices{axis}"] = pack(f"<{len(indices)}{'i' if width == 4 else 'q'}", *indices)
        return self

    def segments(self):
        export = bytearray(256)
        for name, value in self.fields.items():
            put(export, FIELDS, name, value)
        pointers = [["export", POINTERS[name], *target] for name, target in self.targets.items()]
        dims = bytearray(128 * len(self.dims))
        for axis, fields in enumerate(self.dims):
            image = bytearray(128)
            for name, value in fields.items():
                put(image, DIM, name, value)
            dims[128 * axis : 128 * axis + 128] = image
        for axis, name in self.lists.items():
            pointers.append(["dims", 128 * axis + INDICES, name, 0])
        numbers = {
            "shape": pack(f"<{len(self.shape)}q", *self.shape),
            "strides": pack(f"<{len(self.strides)}q", *self.strides),
        }
        segments = {"export": export, "dims": dims} | numbers | self.more | {"data": bytes(self.bytes)}
        return {
            "segments": {name: spelled(bytes(image)) for name, image in segments.items()},
            "pointers": pointers,
        }
