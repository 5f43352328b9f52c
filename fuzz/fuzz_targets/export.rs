//! Any struct is taken and given back once, or refused and left as it was.
//!
//! Pointers cannot be fuzzed: those of the struct are real, null or misaligned, and
//! the two counts that no reader can check are kept to what is there.
#![no_main]

use std::cell::Cell;
use std::ptr::null_mut;

use distarray::array::Access;
use distarray::ffi::abi::*;
use distarray::ffi::{Export, Level, distarray_export_from_json, distarray_export_to_json};
use libfuzzer_sys::fuzz_target;

const AXES: usize = 64;
const LIST: usize = 16;

unsafe extern "C" fn give_back(loan: *mut distarray_export) {
    let loan = unsafe { &mut *loan };
    loan.release = None;
    let released = unsafe { &*loan.private_data.cast::<Cell<u32>>() };
    released.set(released.get() + 1);
}

/// Values from the input, zeros when it is used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn number<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let n = N.min(self.0.len());
        bytes[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        bytes
    }

    fn byte(&mut self) -> u8 {
        self.number::<1>()[0]
    }

    /// Small numbers mostly, and the ones at the edges of what fits.
    fn extent(&mut self) -> i64 {
        match self.byte() {
            0xff => i64::from_le_bytes(self.number()),
            0xfe => i64::MAX,
            0xfd => i64::MIN,
            small => i64::from(small.cast_signed()),
        }
    }

    fn flags(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::from_le_bytes(self.number()),
            few => u64::from(few),
        }
    }

    /// A pointer that may be looked at, or one that must be refused.
    fn pointer<T>(&mut self, real: *const T) -> *const T {
        match self.byte() {
            0xff => std::ptr::null(),
            0xfe => real.wrapping_byte_add(1),
            _ => real,
        }
    }
}

/// A count of things of which `there` exist: at most that many, or impossibly many.
fn count(claimed: i64, there: usize) -> i64 {
    if claimed < 1 << 60 { claimed.min(there as i64) } else { claimed }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let memory = vec![0_u128; 256];
    let list: Vec<i64> = (0..LIST).map(|_| input.extent()).collect();
    let ranks: Vec<i64> = (0..LIST).map(|_| i64::from(input.byte())).collect();
    let released = Cell::new(0);

    let mut shape = [1_i64; AXES];
    let mut strides = [8_i64; AXES];
    let mut dims = [distarray_dim::INIT; AXES];
    let ndim = input.byte() % 5;
    for axis in 0..usize::from(ndim) {
        shape[axis] = input.extent();
        strides[axis] = input.extent();
        dims[axis] = distarray_dim {
            dist_type: u32::from([0, b'b', b'c', b'u', input.byte()][usize::from(input.byte() % 5)]),
            flags: input.flags() as u32,
            size: input.extent(),
            proc_grid_size: input.extent(),
            proc_grid_rank: input.extent(),
            start: input.extent(),
            stop: input.extent(),
            padding: [input.extent(), input.extent()],
            block_size: input.extent(),
            indices: input.pointer(list.as_ptr()).cast(),
            n_indices: count(input.extent(), LIST),
            n_owned: input.extent(),
            first_block: input.extent(),
            reserved: [input.byte() / 0xff; 3].map(u64::from),
        };
    }
    let stated = input.byte() % 4 != 0;
    let data = memory.as_ptr().wrapping_byte_offset(input.extent().clamp(-4096, 8192) as isize);
    let mut loan = distarray_export {
        release: Some(give_back),
        private_data: (&raw const released).cast_mut().cast(),
        flags_read: input.flags() as u32,
        flags_write: input.flags() as u32,
        flags_info: input.flags(),
        data: input.pointer(data).cast_mut().cast(),
        alloc_base: if stated { memory.as_ptr().cast_mut().cast() } else { null_mut() },
        alloc_bytes: 4096,
        dtype_code: input.byte() % 8,
        dtype_bits: [8, 16, 32, 64, 128, input.byte()][usize::from(input.byte() % 6)],
        dtype_lanes: u16::from(input.byte() / 0xff) + 1,
        ndim: i32::from(ndim),
        itemsize: input.extent(),
        shape: input.pointer(shape.as_ptr()),
        strides: input.pointer(strides.as_ptr()),
        format: if input.byte() % 4 == 0 { c"d:x:".as_ptr() } else { std::ptr::null() },
        dims: input.pointer(dims.as_ptr()),
        process_rank: input.extent(),
        process_count: count(input.extent(), LIST),
        grid_ranks: if input.byte() % 4 == 0 { ranks.as_ptr() } else { std::ptr::null() },
        ..distarray_export::INIT
    };
    // Once in a while the prefix itself.
    if input.byte() > 0xf0 {
        (loan.magic, loan.struct_size) = (loan.magic ^ input.flags() as u32, 256 - u32::from(input.byte()));
        loan.abi_major = u32::from(input.byte());
    }
    let access = [Access::Read, Access::Write, Access::Exclusive][usize::from(input.byte() % 3)];
    take(loan, access, stated, &released);
});

fn take(loan: distarray_export, access: Access, stated: bool, released: &Cell<u32>) {
    let image = |export: &mut Export| unsafe { export.as_mut_ptr().cast::<[u8; 256]>().read() };
    let mut export = unsafe { Export::from_raw(loan) };
    let before = image(&mut export);
    let checked = unsafe { export.check(Level::Strict) };
    match unsafe { export.import(access) } {
        Err(_) => {
            assert_eq!(image(&mut export), before);
            assert_eq!(released.get(), 0);
        }
        Ok(array) => {
            checked.unwrap();
            assert!(!export.is_live() && released.get() == 0);
            let bytes = array.buffer().layout().len() * array.buffer().layout().itemsize();
            // Only stated memory is known to be there.
            if stated && bytes < 1 << 20 {
                assert_eq!(array.buffer().copy_bytes().len(), bytes);
            }
            let mut again = Export::from(array);
            json(&mut again);
            let array = unsafe { again.import(Access::Read) }.unwrap();
            assert_eq!(released.get(), 0);
            drop(array);
            assert_eq!(released.get(), 1);
        }
    }
    // A struct of another kind is not ours to release.
    let live = export.is_live();
    let given_back = released.get();
    drop(export);
    assert_eq!(released.get(), given_back + u32::from(live));
}

/// A description survives its text.
fn json(export: &mut Export) {
    let mut text = vec![0_u8; 1 << 14];
    let mut length = 0;
    let status = unsafe {
        let (pointer, capacity) = (text.as_mut_ptr().cast(), text.len());
        distarray_export_to_json(export.as_mut_ptr(), pointer, capacity, &raw mut length, null_mut())
    };
    assert_eq!(status, 0);
    let mut back = Export::empty();
    let status = unsafe {
        distarray_export_from_json(text.as_ptr().cast(), length, back.as_mut_ptr(), null_mut())
    };
    // DLPack's one-byte floats have no name in the text.
    assert!(status == 0 || String::from_utf8_lossy(&text).contains("dtype(code 7"), "{status}");
}
