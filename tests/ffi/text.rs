//! Descriptions as JSON.

use std::ptr::null_mut;

use distarray::ffi::abi::*;
use distarray::ffi::*;

use super::producer::*;

fn json(loan: &distarray_export) -> String {
    let mut length = 0;
    assert_eq!(unsafe { distarray_export_to_json(loan, null_mut(), 0, &raw mut length, null_mut()) }, 0);
    let mut text = vec![0x55_u8; length + 2];
    let pointer = text.as_mut_ptr().cast();
    let mut error: distarray_error = unsafe { std::mem::zeroed() };
    let short = unsafe { distarray_export_to_json(loan, pointer, length, &raw mut length, &raw mut error) };
    assert_eq!((short, error.expected), (7, i64::try_from(length + 1).unwrap()));
    assert!(text.iter().all(|&byte| byte == 0x55), "a failed call writes nothing");
    let status = unsafe { distarray_export_to_json(loan, pointer, length + 1, &raw mut length, null_mut()) };
    assert_eq!((status, &text[length..]), (0, &[0, 0x55][..]));
    String::from_utf8(text[..length].to_vec()).unwrap()
}

#[test]
fn a_description_travels_as_json() {
    let mut producer = Producer::new();
    producer.unstructured(3);
    let loan = distarray_export { flags_read: DISTARRAY_R_GHOSTS, uid: [u64::MAX, 1], ..producer.loan() };
    let text = json(&loan);
    assert_eq!(
        text,
        concat!(
            r#"{"dtype":"float64","itemsize":8,"shape":[4,5],"strides":[40,8],"#,
            r#""uid":"ffffffffffffffff0000000000000001","epoch":"3","__distarray__":{"__version__":"1.0.0","#,
            r#""dim_data":[{"dist_type":"b","size":6,"proc_grid_rank":1,"proc_grid_size":2,"start":2,"stop":6,"#,
            r#""padding":[1,0]},{"dist_type":"u","size":5,"proc_grid_rank":0,"proc_grid_size":1,"#,
            r#""indices":[4,2,0,1,3],"num_owned":3}]}}"#
        )
    );
    let mut back = distarray_export::INIT;
    let status =
        unsafe { distarray_export_from_json(text.as_ptr().cast(), text.len(), &raw mut back, null_mut()) };
    assert_eq!(status, 0);
    assert_eq!(
        (back.flags_read, back.uid, back.epoch),
        (DISTARRAY_R_NO_DATA | DISTARRAY_R_GHOSTS, loan.uid, 3)
    );
    assert_eq!(json(&back), text);
    assert_eq!(unsafe { distarray_export_check(&back, 1, null_mut()) }, 0);
    release(&mut back);
    for (wrong, status) in [
        ("", 13),
        ("{}", 13),
        (&text[..text.len() - 1], 13),
        (&text.replace("float64", "float65"), 8),
        (&text.replace("\"itemsize\":8", "\"itemsize\":4"), 8),
        (&text.replace("[4,5]", "[4,6]"), 6),
        (&text.replace("[4,5]", "[4,-5]"), 6),
        (&text.replace("\"stop\":6", "\"stop\":9"), 5),
    ] {
        let mut untouched = distarray_export::INIT;
        let (bytes, length) = (wrong.as_ptr().cast(), wrong.len());
        let found = unsafe { distarray_export_from_json(bytes, length, &raw mut untouched, null_mut()) };
        assert_eq!(found, status, "{wrong}");
        assert!(untouched.release.is_none());
    }
}
