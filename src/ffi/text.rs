//! Descriptions as JSON through C.
#![allow(unsafe_code)] // reads texts and writes through pointers that C passes

use std::ffi::c_char;
use std::ptr;
use std::slice;

use super::abi::*;
use super::description::{Description, describe, open};
use super::error::{check, check_if, distarray_error, guard, output};
use super::record::Record;
use crate::array::{DType, Identity, Layout};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{DimData, Reading, Value};

/// Writes what a loan says of itself, but not its memory, as JSON: dtype, itemsize,
/// shape, strides, uid, epoch, and the dictionary of the Distributed Array Protocol
/// under "__distarray__". Local.
///
/// length tells how long the text is; text needs room for one byte more, its NUL.
/// text NULL with capacity 0 asks for the length alone. Where the room is too small
/// the call fails and the error's expected says what is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_export_to_json(
    loan: *const distarray_export,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let json = || {
            // SAFETY: the struct is as the ABI says; that is the C caller's promise.
            Ok(to_json(&unsafe { describe(open(loan)?) }?))
        };
        // SAFETY: the C caller's promise.
        unsafe { write_text(json, text, capacity, length) }
    })
}

/// Writes a text into memory of the caller's, and its length; the length alone where
/// there is none.
///
/// # Safety
/// `text` can be written `capacity` times unless it is null, `length` once.
pub(super) unsafe fn write_text(
    make: impl FnOnce() -> Result<String>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<()> {
    let asked = !text.is_null() || capacity > 0;
    check_if(asked, text, "text")?;
    let write = || {
        let made = make()?;
        if !asked {
            return Ok(made.len());
        }
        if capacity <= made.len() {
            return Err(Error::new(ErrorKind::Bounds, "the text needs more room")
                .in_field("capacity")
                .expected_found(as_i64(made.len() + 1), as_i64(capacity)));
        }
        // SAFETY: `capacity` bytes may be written: the caller's promise.
        unsafe {
            ptr::copy_nonoverlapping(made.as_ptr(), text.cast(), made.len());
            text.add(made.len()).write(0);
        }
        Ok(made.len())
    };
    // SAFETY: the caller's promise.
    unsafe { output(length, "length", write) }
}

/// Makes a description, without memory, from the JSON of distarray_export_to_json.
/// text need not end with a NUL. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_export_from_json(
    text: *const c_char,
    length: usize,
    loan: *mut distarray_export,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        check(text, "text")?;
        if isize::try_from(length).is_err() {
            return Err(Error::new(ErrorKind::Range, "longer than memory").in_field("length"));
        }
        // SAFETY: `length` bytes can be read: the C caller's promise.
        let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), length) };
        // SAFETY: the C caller's promise.
        unsafe { output(loan, "loan", || Ok(lend_description(from_json(bytes)?))) }
    })
}

fn to_json(description: &Description) -> String {
    let Description { dtype, layout, dim_data, identity } = description;
    let entry = |key: &str, value| (key.to_string(), value);
    let [high, low] = identity.uid;
    Value::Dict(vec![
        entry("dtype", Value::Str(dtype.to_string())),
        entry("itemsize", Value::Int(layout.itemsize() as i128)),
        entry("shape", Value::Ints(layout.shape().to_vec())),
        entry("strides", Value::Ints(layout.strides().to_vec())),
        entry("uid", Value::Str(format!("{high:016x}{low:016x}"))),
        entry("epoch", Value::Str(format!("{:x}", identity.epoch))),
        entry("__distarray__", dim_data.to_value()),
    ])
    .to_json()
}

fn from_json(bytes: &[u8]) -> Result<Description> {
    let wrong =
        |key: &'static str| Error::new(ErrorKind::Syntax, format!("{key} is missing or wrong")).in_field(key);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorKind::Syntax, "the text is not UTF-8").in_field("text"))?;
    let value = Value::from_json(text)?;
    let numbers = |key: &'static str| -> Result<Vec<i64>> {
        let list = value.get(key).and_then(Value::as_sequence).ok_or_else(|| wrong(key))?;
        list.iter().map(|item| item.as_i64().ok_or_else(|| wrong(key))).collect()
    };
    let name = value.get("dtype").and_then(Value::as_str).ok_or_else(|| wrong("dtype"))?;
    let dtype = if name == "opaque" { Some(DType::OPAQUE) } else { DType::from_name(name) };
    let dtype = dtype.ok_or_else(|| {
        Error::new(ErrorKind::DType, format!("{name} is no element type of this version")).in_field("dtype")
    })?;
    let itemsize = value.get("itemsize").and_then(Value::as_i64);
    let itemsize = itemsize.and_then(|size| usize::try_from(size).ok()).filter(|&size| size > 0);
    let itemsize = itemsize.ok_or_else(|| wrong("itemsize"))?;
    if dtype.itemsize().is_some_and(|size| size != itemsize) {
        return Err(
            Error::new(ErrorKind::DType, format!("{dtype} elements have another size")).in_field("itemsize")
        );
    }
    let hex = |key: &'static str| value.get(key).and_then(Value::as_str).ok_or_else(|| wrong(key));
    let uid = u128::from_str_radix(hex("uid")?, 16).map_err(|_| wrong("uid"))?;
    let epoch = u64::from_str_radix(hex("epoch")?, 16).map_err(|_| wrong("epoch"))?;
    let (shape, strides) = (numbers("shape")?, numbers("strides")?);
    let layout = Layout::strided(&shape, &strides, itemsize).map_err(|e| e.by_rule("A11"))?;
    let dictionary = value.get("__distarray__").ok_or_else(|| wrong("__distarray__"))?;
    let (dim_data, _) = DimData::from_value(dictionary, Some(&shape), Reading::Protocol)?;
    dim_data.check_strict(&shape)?;
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    let identity = Identity { uid: [half(uid >> 64), half(uid)], epoch };
    Ok(Description { dtype, layout, dim_data, identity })
}

/// What a description made from text points to.
struct Owned {
    description: Description,
    record: Record,
}

fn lend_description(description: Description) -> distarray_export {
    let record = Record::new(&description.dim_data, None);
    let owned = Box::new(Owned { description, record });
    let Description { dtype, layout, dim_data, identity } = &owned.description;
    let mut raw = owned.record.export(*dtype, layout, dim_data);
    raw.flags_read |= DISTARRAY_R_NO_DATA;
    (raw.uid, raw.epoch) = (identity.uid, identity.epoch);
    raw.release = Some(release);
    raw.private_data = Box::into_raw(owned).cast();
    raw
}

/// The release of a description made from text; harmless on one that has ended.
unsafe extern "C" fn release(raw: *mut distarray_export) {
    // SAFETY: the ABI passes the export that holds this callback.
    let Some(raw) = (unsafe { raw.as_mut() }) else { return };
    let owned = std::mem::replace(&mut raw.private_data, ptr::null_mut());
    if raw.release.take().is_some() && !owned.is_null() {
        // SAFETY: `lend_description` made the pointer, and this takes it back once.
        drop(unsafe { Box::from_raw(owned.cast::<Owned>()) });
    }
}
