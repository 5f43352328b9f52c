//! A producer that knows only the ABI, and the library's functions as C calls them.

use std::cell::Cell;
use std::ffi::CStr;
use std::ptr::null_mut;

use distarray::ffi::abi::*;
use distarray::ffi::*;

/// A producer that knows only the ABI: a halo'd 4 x 5 block of doubles on
/// process (1, 0) of a 2 x 1 grid, global array 6 x 5.
pub struct Producer {
    pub memory: Vec<f64>,
    pub shape: [i64; 2],
    pub strides: [i64; 2],
    pub dims: [distarray_dim; 2],
    pub ranks: [i64; 4],
    pub indices: [i64; 5],
    pub released: Cell<usize>,
    pub heard: Cell<u64>,
}

pub unsafe extern "C" fn give_back(loan: *mut distarray_export) {
    let loan = unsafe { &mut *loan };
    let producer = unsafe { &*loan.private_data.cast::<Producer>() };
    loan.release = None;
    producer.released.set(producer.released.get() + 1);
    producer.heard.set(producer.heard.get() | loan.consumer_flags);
}

impl Producer {
    pub fn new() -> Self {
        let block =
            distarray_dim { dist_type: DISTARRAY_DIST_BLOCK, proc_grid_size: 1, ..distarray_dim::INIT };
        Self {
            memory: (0..20).map(f64::from).collect(),
            shape: [4, 5],
            strides: [40, 8],
            dims: [
                distarray_dim {
                    size: 6,
                    proc_grid_size: 2,
                    proc_grid_rank: 1,
                    start: 2,
                    stop: 6,
                    padding: [1, 0],
                    ..block
                },
                distarray_dim { size: 5, stop: 5, ..block },
            ],
            ranks: [1, 0, 3, 2],
            indices: [4, 2, 0, 1, 3],
            released: Cell::new(0),
            heard: Cell::new(0),
        }
    }

    pub fn loan(&self) -> distarray_export {
        distarray_export {
            release: Some(give_back),
            private_data: std::ptr::from_ref(self).cast_mut().cast(),
            data: self.memory.as_ptr().cast_mut().cast(),
            alloc_base: self.memory.as_ptr().cast_mut().cast(),
            alloc_bytes: 160,
            dtype_code: DISTARRAY_DTYPE_FLOAT,
            dtype_bits: 64,
            ndim: 2,
            itemsize: 8,
            shape: self.shape.as_ptr(),
            strides: self.strides.as_ptr(),
            dims: self.dims.as_ptr(),
            process_rank: 1,
            process_count: 2,
            uid: [7, 8],
            epoch: 3,
            ..distarray_export::INIT
        }
    }

    /// Makes the second axis unstructured, with this many indices owned.
    pub fn unstructured(&mut self, n_owned: i64) {
        self.dims[1] = distarray_dim {
            dist_type: DISTARRAY_DIST_UNSTRUCTURED,
            size: 5,
            proc_grid_size: 1,
            indices: self.indices.as_ptr().cast(),
            n_indices: 5,
            n_owned,
            ..distarray_dim::INIT
        };
    }
}

/// The image of a struct: every byte counts.
pub fn image(loan: &distarray_export) -> [u8; 256] {
    unsafe { std::mem::transmute_copy(loan) }
}

pub fn take(loan: *mut distarray_export, access: u32) -> Result<*mut distarray_array, (i32, String, String)> {
    let mut array = null_mut();
    let mut error: distarray_error = unsafe { std::mem::zeroed() };
    let status = unsafe { distarray_array_import(loan, access, &raw mut array, &raw mut error) };
    assert_eq!(status, error.code);
    if status == DISTARRAY_OK {
        return Ok(array);
    }
    assert!(array.is_null());
    let text =
        |chars: &[std::ffi::c_char]| unsafe { CStr::from_ptr(chars.as_ptr()) }.to_str().unwrap().to_string();
    Err((status, text(&error.field), text(&error.message)))
}

pub fn free(array: *mut distarray_array) {
    unsafe { distarray_array_free(array) };
}

pub fn view(array: *mut distarray_array) -> distarray_export {
    let mut view = distarray_export::INIT;
    let status = unsafe { distarray_array_view(array.as_ref(), &raw mut view, null_mut()) };
    assert_eq!(status, DISTARRAY_OK);
    view
}

pub fn lend(array: *mut distarray_array, request: *const distarray_request) -> Result<distarray_export, i32> {
    let mut loan = distarray_export::INIT;
    match unsafe { distarray_array_export(array, request, &raw mut loan, null_mut()) } {
        DISTARRAY_OK => Ok(loan),
        status => Err(status),
    }
}

pub fn release(loan: &mut distarray_export) {
    let callback = loan.release.unwrap();
    unsafe { callback(loan) };
    assert!(loan.release.is_none());
    // A second release finds a tombstone.
    unsafe { callback(loan) };
}

pub fn request() -> distarray_request {
    distarray_request { struct_size: 128, max_abi_major: 1, ..unsafe { std::mem::zeroed() } }
}
