//! The structs and constants of `include/distarray_abi.h`, byte for byte.
//!
//! The header is normative and documents every field; `tests/abi.rs` compares
//! both, offset by offset, with C++, Fortran and Python besides.

#![allow(non_camel_case_types)] // the C names, so that one search finds both sides
#![allow(missing_docs)] // the header has them

use std::ffi::{c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;

pub const DISTARRAY_MAGIC: u32 = 0x5252_4144;
pub const DISTARRAY_ABI_MAJOR: u32 = 1;
pub const DISTARRAY_ABI_MINOR: u32 = 0;

pub const DISTARRAY_OK: i32 = 0;

pub const DISTARRAY_DTYPE_INT: u8 = 0;
pub const DISTARRAY_DTYPE_UINT: u8 = 1;
pub const DISTARRAY_DTYPE_FLOAT: u8 = 2;
pub const DISTARRAY_DTYPE_OPAQUE: u8 = 3;
pub const DISTARRAY_DTYPE_BFLOAT: u8 = 4;
pub const DISTARRAY_DTYPE_COMPLEX: u8 = 5;
pub const DISTARRAY_DTYPE_BOOL: u8 = 6;

pub const DISTARRAY_DEVICE_CPU: i32 = 1;
pub const DISTARRAY_DEVICE_CUDA: i32 = 2;
pub const DISTARRAY_DEVICE_CUDA_HOST: i32 = 3;
pub const DISTARRAY_DEVICE_ROCM: i32 = 10;
pub const DISTARRAY_DEVICE_ROCM_HOST: i32 = 11;
pub const DISTARRAY_DEVICE_CUDA_MANAGED: i32 = 13;

pub const DISTARRAY_DIST_UNDISTRIBUTED: u32 = 0;
pub const DISTARRAY_DIST_BLOCK: u32 = b'b' as u32;
pub const DISTARRAY_DIST_CYCLIC: u32 = b'c' as u32;
pub const DISTARRAY_DIST_UNSTRUCTURED: u32 = b'u' as u32;

pub const DISTARRAY_DIM_PERIODIC: u32 = 1 << 0;
pub const DISTARRAY_DIM_ONE_TO_ONE: u32 = 1 << 1;
pub const DISTARRAY_DIM_INDICES_I32: u32 = 1 << 2;
pub const DISTARRAY_DIM_EDGE_OUTSIDE: u32 = 1 << 3;
pub const DISTARRAY_DIM_COMPONENT: u32 = 1 << 4;
pub const DISTARRAY_DIM_KNOWN_1_0: u32 = 0x1f;

pub const DISTARRAY_R_UNALIGNED: u32 = 1 << 0;
pub const DISTARRAY_R_OPAQUE_HANDLE: u32 = 1 << 1;
pub const DISTARRAY_R_BYTESWAPPED: u32 = 1 << 2;
pub const DISTARRAY_R_GHOSTS: u32 = 1 << 3;
pub const DISTARRAY_R_GRID_MAP: u32 = 1 << 4;
pub const DISTARRAY_R_SYNC_EVENT: u32 = 1 << 5;
pub const DISTARRAY_R_EXT: u32 = 1 << 6;
pub const DISTARRAY_R_GRID_COLMAJOR: u32 = 1 << 7;
pub const DISTARRAY_R_NO_DATA: u32 = 1 << 8;
pub const DISTARRAY_R_CALL_SCOPED: u32 = 1 << 9;
pub const DISTARRAY_R_KNOWN_1_0: u32 = 0x3ff;

pub const DISTARRAY_W_READ_ONLY: u32 = 1 << 0;
pub const DISTARRAY_W_REPLICATED: u32 = 1 << 1;
pub const DISTARRAY_W_ALIASED: u32 = 1 << 2;
pub const DISTARRAY_W_KNOWN_1_0: u32 = 0x7;

pub const DISTARRAY_I_COPIED: u64 = 1 << 0;
pub const DISTARRAY_I_HALO_VALID: u64 = 1 << 1;
pub const DISTARRAY_I_EXCLUSIVE: u64 = 1 << 2;
pub const DISTARRAY_I_SLACK: u64 = 1 << 3;
pub const DISTARRAY_I_HALO_FACES: u64 = 1 << 4;

pub const DISTARRAY_C_MODIFIED: u64 = 1 << 0;
pub const DISTARRAY_C_HALO_MODIFIED: u64 = 1 << 1;
pub const DISTARRAY_C_HALO_VALID: u64 = 1 << 2;

pub const DISTARRAY_ACCESS_READ: u32 = 0;
pub const DISTARRAY_ACCESS_READ_WRITE: u32 = 1;
pub const DISTARRAY_ACCESS_EXCLUSIVE: u32 = 2;
pub const DISTARRAY_ACCESS_DESCRIBE: u32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct distarray_dim {
    pub dist_type: u32,
    pub flags: u32,
    pub size: i64,
    pub proc_grid_size: i64,
    pub proc_grid_rank: i64,
    pub start: i64,
    pub stop: i64,
    pub padding: [i64; 2],
    pub block_size: i64,
    pub indices: *const c_void,
    pub n_indices: i64,
    pub n_owned: i64,
    pub first_block: i64,
    pub reserved: [u64; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct distarray_key_value {
    pub key: *const c_char,
    pub value: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct distarray_ext {
    pub tag: u64,
    pub byte_size: u32,
    pub critical: u32,
    pub next: *const distarray_ext,
}

/// Plain data: dropping it releases nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct distarray_export {
    pub magic: u32,
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub release: Option<unsafe extern "C" fn(*mut distarray_export)>,
    pub private_data: *mut c_void,
    pub flags_read: u32,
    pub flags_write: u32,
    pub flags_info: u64,
    pub consumer_flags: u64,
    pub data: *mut c_void,
    pub byte_offset: u64,
    pub alloc_base: *mut c_void,
    pub alloc_bytes: u64,
    pub device_type: i32,
    pub device_id: i32,
    pub sync_event: *mut c_void,
    pub dtype_code: u8,
    pub dtype_bits: u8,
    pub dtype_lanes: u16,
    pub ndim: i32,
    pub itemsize: i64,
    pub shape: *const i64,
    pub strides: *const i64,
    pub format: *const c_char,
    pub dims: *const distarray_dim,
    pub process_rank: i64,
    pub process_count: i64,
    pub grid_ranks: *const i64,
    pub uid: [u64; 2],
    pub epoch: u64,
    pub meta: *const distarray_key_value,
    pub n_meta: i64,
    pub ext: *const distarray_ext,
    pub reserved: [u64; 4],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct distarray_request {
    pub struct_size: u32,
    pub max_abi_major: u32,
    pub max_abi_minor: u32,
    pub access: u32,
    pub known_flags_read: u32,
    pub known_flags_write: u32,
    pub layouts: u32,
    pub dist_types: u32,
    pub copy: u32,
    pub device_type: i32,
    pub device_id: i32,
    pub min_alignment: u32,
    pub stream: *mut c_void,
    pub reserved: [u64; 9],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct distarray_producer {
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub reserved0: u32,
    pub export_array: Option<
        unsafe extern "C" fn(
            *mut distarray_producer,
            *const distarray_request,
            *mut distarray_export,
            *mut c_char,
            usize,
        ) -> i32,
    >,
    pub release: Option<unsafe extern "C" fn(*mut distarray_producer)>,
    pub private_data: *mut c_void,
    pub reserved: [u64; 3],
}

const _: () = assert!(size_of::<distarray_dim>() == 128);
const _: () = assert!(size_of::<distarray_ext>() == 24);
const _: () = assert!(size_of::<distarray_export>() == 256);
const _: () = assert!(size_of::<distarray_request>() == 128);
const _: () = assert!(size_of::<distarray_producer>() == 64);
const _: () = assert!(offset_of!(distarray_export, release) == 16);
const _: () = assert!(offset_of!(distarray_export, private_data) == 24);

impl distarray_dim {
    /// `DISTARRAY_DIM_INIT`: an axis held whole.
    pub const INIT: Self = Self {
        dist_type: DISTARRAY_DIST_UNDISTRIBUTED,
        flags: 0,
        size: 0,
        proc_grid_size: 0,
        proc_grid_rank: 0,
        start: 0,
        stop: 0,
        padding: [0; 2],
        block_size: 0,
        indices: ptr::null(),
        n_indices: 0,
        n_owned: 0,
        first_block: 0,
        reserved: [0; 3],
    };
}

impl distarray_export {
    /// `DISTARRAY_EXPORT_INIT`: nothing lent yet.
    pub const INIT: Self = Self {
        magic: DISTARRAY_MAGIC,
        struct_size: 256,
        abi_major: DISTARRAY_ABI_MAJOR,
        abi_minor: DISTARRAY_ABI_MINOR,
        release: None,
        private_data: ptr::null_mut(),
        flags_read: 0,
        flags_write: 0,
        flags_info: 0,
        consumer_flags: 0,
        data: ptr::null_mut(),
        byte_offset: 0,
        alloc_base: ptr::null_mut(),
        alloc_bytes: 0,
        device_type: DISTARRAY_DEVICE_CPU,
        device_id: 0,
        sync_event: ptr::null_mut(),
        dtype_code: 0,
        dtype_bits: 0,
        dtype_lanes: 1,
        ndim: 0,
        itemsize: 0,
        shape: ptr::null(),
        strides: ptr::null(),
        format: ptr::null(),
        dims: ptr::null(),
        process_rank: 0,
        process_count: 1,
        grid_ranks: ptr::null(),
        uid: [0; 2],
        epoch: 0,
        meta: ptr::null(),
        n_meta: 0,
        ext: ptr::null(),
        reserved: [0; 4],
    };
}
