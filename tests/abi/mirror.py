"""The structs of distarray_abi.h as ctypes sees them; prints every offset."""

from ctypes import (POINTER, CFUNCTYPE, Structure, c_char_p, c_int32, c_int64,
                    c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p, sizeof)


class distarray_dim(Structure):
    _fields_ = [("dist_type", c_uint32), ("flags", c_uint32), ("size", c_int64),
                ("proc_grid_size", c_int64), ("proc_grid_rank", c_int64),
                ("start", c_int64), ("stop", c_int64), ("padding", c_int64 * 2),
                ("block_size", c_int64), ("indices", c_void_p), ("n_indices", c_int64),
                ("n_owned", c_int64), ("first_block", c_int64),
                ("reserved", c_uint64 * 3)]


class distarray_key_value(Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class distarray_ext(Structure):
    pass


distarray_ext._fields_ = [("tag", c_uint64), ("byte_size", c_uint32),
                          ("critical", c_uint32), ("next", POINTER(distarray_ext))]


class distarray_export(Structure):
    pass


distarray_export._fields_ = [
    ("magic", c_uint32), ("struct_size", c_uint32), ("abi_major", c_uint32),
    ("abi_minor", c_uint32), ("release", CFUNCTYPE(None, POINTER(distarray_export))),
    ("private_data", c_void_p), ("flags_read", c_uint32), ("flags_write", c_uint32),
    ("flags_info", c_uint64), ("consumer_flags", c_uint64), ("data", c_void_p),
    ("byte_offset", c_uint64), ("alloc_base", c_void_p), ("alloc_bytes", c_uint64),
    ("device_type", c_int32), ("device_id", c_int32), ("sync_event", c_void_p),
    ("dtype_code", c_uint8), ("dtype_bits", c_uint8), ("dtype_lanes", c_uint16),
    ("ndim", c_int32), ("itemsize", c_int64), ("shape", POINTER(c_int64)),
    ("strides", POINTER(c_int64)), ("format", c_char_p),
    ("dims", POINTER(distarray_dim)), ("process_rank", c_int64),
    ("process_count", c_int64), ("grid_ranks", POINTER(c_int64)),
    ("uid", c_uint64 * 2), ("epoch", c_uint64), ("meta", POINTER(distarray_key_value)),
    ("n_meta", c_int64), ("ext", POINTER(distarray_ext)), ("reserved", c_uint64 * 4)]


class distarray_request(Structure):
    _fields_ = [("struct_size", c_uint32), ("max_abi_major", c_uint32),
                ("max_abi_minor", c_uint32), ("access", c_uint32),
                ("known_flags_read", c_uint32), ("known_flags_write", c_uint32),
                ("layouts", c_uint32), ("dist_types", c_uint32), ("copy", c_uint32),
                ("device_type", c_int32), ("device_id", c_int32),
                ("min_alignment", c_uint32), ("stream", c_void_p),
                ("reserved", c_uint64 * 9)]


class distarray_producer(Structure):
    pass


distarray_producer._fields_ = [
    ("struct_size", c_uint32), ("abi_major", c_uint32), ("abi_minor", c_uint32),
    ("reserved0", c_uint32),
    ("export_array", CFUNCTYPE(c_int32, POINTER(distarray_producer),
                               POINTER(distarray_request), POINTER(distarray_export),
                               c_void_p, c_size_t)),
    ("release", CFUNCTYPE(None, POINTER(distarray_producer))),
    ("private_data", c_void_p), ("reserved", c_uint64 * 3)]


if __name__ == "__main__":
    for struct in (distarray_dim, distarray_key_value, distarray_ext, distarray_export,
                   distarray_request, distarray_producer):
        for name, _ in struct._fields_:
            print(f"{struct.__name__}.{name} {getattr(struct, name).offset}")
        print(f"{struct.__name__} {sizeof(struct)}")
