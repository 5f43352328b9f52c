//! One part in its three forms: dictionary, C record, header of a file.
#![allow(unsafe_code)] // looks at the bytes of a C record

use distarray::array::{AnyArray, DType};
use distarray::ffi::Export;
use distarray::ffi::abi::distarray_dim;
use distarray::io::dnpy;
use distarray::protocol::Reading;

use super::vectors::{bytes, each};
use super::verdicts::{local, value};

#[test]
fn forms() {
    const INDICES: std::ops::Range<usize> = 72..80;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part.dnpy");
    each("forms", 10, |vector| {
        let (dim_data, _) = local(&value(&vector.content["description"]), None, Reading::Protocol).unwrap();
        let array = AnyArray::zeros(dim_data.clone(), DType::F64).unwrap();
        dnpy::write(&path, &array).unwrap();
        let file = std::fs::read(&path).unwrap();
        let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
        let header = String::from_utf8(file[10..10 + length].to_vec()).unwrap();
        assert_eq!(header, vector.content["header"].as_str().unwrap(), "{}", vector.id);

        let mut loan = Export::from(array);
        // SAFETY: the loan is live, and has one axis.
        let record = unsafe { *(*loan.as_mut_ptr()).dims };
        // SAFETY: a record is 128 bytes of plain data.
        let mut image: [u8; 128] = unsafe { std::mem::transmute::<distarray_dim, _>(record) };
        image[INDICES].fill(0);
        assert_eq!(image.to_vec(), bytes(&vector.content["record"]), "{}", vector.id);
        let count = usize::try_from(record.n_indices).unwrap();
        if count > 0 {
            // SAFETY: the record says so.
            let indices = unsafe { std::slice::from_raw_parts(record.indices.cast::<i64>(), count) };
            assert_eq!(
                indices,
                dim_data.dims()[0].held_runs().indices().collect::<Vec<_>>(),
                "{}",
                vector.id
            );
        }
        None
    });
}
