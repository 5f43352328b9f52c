"""The structs of the C headers as ctypes sees them, under their C names."""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

# distarray_abi.h

MAGIC = 0x52524144
ABI_MAJOR = 1

DIM_PERIODIC = 1 << 0
DIM_ONE_TO_ONE = 1 << 1
DIM_INDICES_I32 = 1 << 2
DIM_EDGE_OUTSIDE = 1 << 3
DIM_COMPONENT = 1 << 4

R_GHOSTS = 1 << 3
R_GRID_MAP = 1 << 4
R_GRID_COLMAJOR = 1 << 7
W_READ_ONLY = 1 << 0
W_REPLICATED = 1 << 1
W_ALIASED = 1 << 2
I_COPIED = 1 << 0
C_MODIFIED = 1 << 0
C_HALO_MODIFIED = 1 << 1

ACCESS_READ = 0
ACCESS_READ_WRITE = 1
ACCESS_EXCLUSIVE = 2

INT, UINT, FLOAT, OPAQUE, _, COMPLEX, BOOL = range(7)


class distarray_dim(Structure):
    _fields_ = [
        ("dist_type", c_uint32),
        ("flags", c_uint32),
        ("size", c_int64),
        ("proc_grid_size", c_int64),
        ("proc_grid_rank", c_int64),
        ("start", c_int64),
        ("stop", c_int64),
        ("padding", c_int64 * 2),
        ("block_size", c_int64),
        ("indices", c_void_p),
        ("n_indices", c_int64),
        ("n_owned", c_int64),
        ("first_block", c_int64),
        ("reserved", c_uint64 * 3),
    ]


class distarray_key_value(Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class distarray_ext(Structure):
    pass


distarray_ext._fields_ = [
    ("tag", c_uint64),
    ("byte_size", c_uint32),
    ("critical", c_uint32),
    ("next", POINTER(distarray_ext)),
]


class distarray_export(Structure):
    _fields_ = [
        ("magic", c_uint32),
        ("struct_size", c_uint32),
        ("abi_major", c_uint32),
        ("abi_minor", c_uint32),
        ("release", c_void_p),
        ("private_data", c_void_p),
        ("flags_read", c_uint32),
        ("flags_write", c_uint32),
        ("flags_info", c_uint64),
        ("consumer_flags", c_uint64),
        ("data", c_void_p),
        ("byte_offset", c_uint64),
        ("alloc_base", c_void_p),
        ("alloc_bytes", c_uint64),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("sync_event", c_void_p),
        ("dtype_code", c_uint8),
        ("dtype_bits", c_uint8),
        ("dtype_lanes", c_uint16),
        ("ndim", c_int32),
        ("itemsize", c_int64),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("format", c_char_p),
        ("dims", POINTER(distarray_dim)),
        ("process_rank", c_int64),
        ("process_count", c_int64),
        ("grid_ranks", POINTER(c_int64)),
        ("uid", c_uint64 * 2),
        ("epoch", c_uint64),
        ("meta", POINTER(distarray_key_value)),
        ("n_meta", c_int64),
        ("ext", POINTER(distarray_ext)),
        ("reserved", c_uint64 * 4),
    ]


class distarray_request(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("max_abi_major", c_uint32),
        ("max_abi_minor", c_uint32),
        ("access", c_uint32),
        ("known_flags_read", c_uint32),
        ("known_flags_write", c_uint32),
        ("layouts", c_uint32),
        ("dist_types", c_uint32),
        ("copy", c_uint32),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("min_alignment", c_uint32),
        ("stream", c_void_p),
        ("reserved", c_uint64 * 9),
    ]


class distarray_producer(Structure):
    pass


distarray_producer._fields_ = [
    ("struct_size", c_uint32),
    ("abi_major", c_uint32),
    ("abi_minor", c_uint32),
    ("reserved0", c_uint32),
    (
        "export_array",
        CFUNCTYPE(
            c_int32,
            POINTER(distarray_producer),
            POINTER(distarray_request),
            POINTER(distarray_export),
            c_void_p,
            c_size_t,
        ),
    ),
    ("release", CFUNCTYPE(None, POINTER(distarray_producer))),
    ("private_data", c_void_p),
    ("reserved", c_uint64 * 3),
]


# distarray_comm.h

COMM_VERSION = 1
COMM_U64, COMM_I64, COMM_F64 = 1, 2, 3
COMM_SUM, COMM_MIN, COMM_MAX = 1, 2, 3

_P, _N, _I = c_void_p, c_int64, c_int32
_REQUEST = POINTER(c_uint64)


class distarray_comm_attribute(Structure):
    _fields_ = [("value", c_void_p), ("delete_fn", CFUNCTYPE(None, c_void_p))]


class distarray_comm(Structure):
    pass


#: The functions of the table with the types of their arguments behind the context.
COMM_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "error_string": (_I, _P, _N),
    "barrier": (),
    "allreduce": (_P, _N, _I, _I),
    "bcast": (_N, _P, _N),
    "allgather": (_P, _N, _P),
    "allgatherv": (_P, _P, POINTER(_N)),
    "alltoall": (_P, _N, _P),
    "alltoallv": (_P, POINTER(_N), _P, POINTER(_N)),
    "new_tag": (POINTER(_I),),
    "dup": (POINTER(distarray_comm),),
    "split": (_I, _I, POINTER(distarray_comm)),
    "free": (),
    "isend": (_P, _N, _N, _I, _REQUEST),
    "irecv": (_P, _N, _N, _I, _REQUEST),
    "send_init": (_P, _N, _N, _I, _REQUEST),
    "recv_init": (_P, _N, _N, _I, _REQUEST),
    "start": (_N, _REQUEST),
    "wait": (_REQUEST, POINTER(_N)),
    "test": (_REQUEST, POINTER(_I), POINTER(_N)),
    "waitany": (_N, _REQUEST, POINTER(_N), POINTER(_N)),
    "request_free": (_REQUEST,),
    "attribute": (POINTER(POINTER(distarray_comm_attribute)),),
}

distarray_comm._fields_ = [
    ("struct_size", c_uint32),
    ("version", c_uint32),
    ("rank", c_int64),
    ("size", c_int64),
    ("context", c_void_p),
    *(
        (name, CFUNCTYPE(None if name == "error_string" else c_int32, c_void_p, *arguments))
        for name, arguments in COMM_FUNCTIONS.items()
    ),
]
COMM_LEAST_SIZE: int = distarray_comm.attribute.offset


# distarray.h


class distarray_error(Structure):
    _fields_ = [
        ("code", c_int32),
        ("has_values", c_int32),
        ("rank", c_int64),
        ("other_rank", c_int64),
        ("axis", c_int64),
        ("expected", c_int64),
        ("found", c_int64),
        ("field", c_char * 32),
        ("rule", c_char * 16),
        ("message", c_char * 416),
    ]


class distarray_moved(Structure):
    _fields_ = [("messages", c_int64), ("bytes_sent", c_int64), ("bytes_copied", c_int64)]


class distarray_axis(Structure):
    _fields_ = [
        ("dist_type", c_uint32),
        ("flags", c_uint32),
        ("size", c_int64),
        ("proc_grid_size", c_int64),
        ("block_size", c_int64),
        ("bounds", POINTER(c_int64)),
        ("first_process", c_int64),
        ("halo", c_int64 * 2),
        ("indices", c_void_p),
        ("n_indices", c_int64),
        ("n_owned", c_int64),
        ("reserved", c_uint64 * 4),
    ]


class distarray_grid(Structure):
    _fields_ = [
        ("extents", POINTER(c_int64)),
        ("order", c_int64),
        ("replicas", c_int64),
        ("ranks", POINTER(c_int64)),
        ("reserved", c_uint64 * 4),
    ]


class distarray_run(Structure):
    _fields_ = [("start", c_int64), ("len", c_int64), ("stride", c_int64), ("count", c_int64)]


class distarray_required_axis(Structure):
    _fields_ = [
        ("dist_types", c_uint32),
        ("padding", c_uint32),
        ("proc_grid_size", c_int64),
        ("block_size", c_int64),
        ("bounds", POINTER(c_int64)),
        ("halo", c_int64 * 2),
        ("from_first_process", c_int64),
        ("pitch", c_int64),
        ("least", c_int64),
    ]


class distarray_requirements(Structure):
    _fields_ = [
        ("axes", POINTER(distarray_required_axis)),
        ("ndim", c_int32),
        ("grid_order", c_int32),
        ("replicas", c_int64),
        ("layouts", c_uint32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("device_type", c_uint16),
        ("alignment", c_uint64),
        ("relabel", c_int32),
        ("never_copy", c_int32),
        ("room", c_uint64),
        ("permutation", POINTER(c_int32)),
        ("components", c_int64),
        ("reserved", c_uint64 * 1),
    ]
