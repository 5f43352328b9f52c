//! Any bytes are a part of an array or an error.
#![no_main]

use distarray::io::dnpy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(array) = dnpy::read_bytes(bytes) else { return };
    let layout = array.buffer().layout();
    assert!(layout.len() * layout.itemsize() <= bytes.len());
    array.dim_data().check_strict(layout.shape()).unwrap();
    // Every element can be reached.
    assert_eq!(array.buffer().copy_bytes().len(), layout.len() * layout.itemsize());
});
