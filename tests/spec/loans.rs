//! Images of loans, and scripts of their lives, through the C functions.
#![allow(unsafe_code)] // builds structs byte by byte, and calls C functions
#![allow(clippy::undocumented_unsafe_blocks)] // the ABI's promises are what is tried here

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::{null, null_mut};

use distarray::ffi::abi::*;
use distarray::ffi::*;
use serde_json::Value as Json;

use super::vectors::{Refusal, Vector, all, bytes, each, status_name};

/// What the first lender hears.
#[derive(Default)]
struct Lender {
    released: Cell<u64>,
    heard: Cell<u64>,
}

unsafe extern "C" fn give_back(loan: *mut distarray_export) {
    let (loan, lender) = unsafe { (&mut *loan, &*(*loan).private_data.cast::<Lender>()) };
    loan.release = None;
    lender.released.set(lender.released.get() + 1);
    lender.heard.set(lender.heard.get() | loan.consumer_flags);
}

/// The segments of a vector in memory, pointers put in.
struct Image(BTreeMap<String, Vec<u128>>);

impl Image {
    fn new(content: &BTreeMap<String, Json>) -> Self {
        let segments = content["segments"].as_object().unwrap();
        let mut image =
            Self(segments.iter().map(|(name, spelled)| (name.clone(), aligned(&bytes(spelled)))).collect());
        for pointer in content["pointers"].as_array().unwrap() {
            let (segment, target) = (pointer[0].as_str().unwrap(), pointer[2].as_str().unwrap());
            let callback: unsafe extern "C" fn(*mut distarray_export) = give_back;
            let address = match image.0.get(target) {
                Some(memory) => {
                    memory.as_ptr().addr() + usize::try_from(pointer[3].as_i64().unwrap()).unwrap()
                }
                None => callback as usize,
            };
            let offset = usize::try_from(pointer[1].as_i64().unwrap()).unwrap();
            let memory: &mut [u8] = bytemuck::cast_slice_mut(image.0.get_mut(segment).unwrap());
            memory[offset..offset + 8].copy_from_slice(&address.to_ne_bytes());
        }
        image
    }

    fn loan(&self, lender: &Lender) -> distarray_export {
        let mut loan = unsafe { self.0["export"].as_ptr().cast::<distarray_export>().read() };
        loan.private_data = std::ptr::from_ref(lender).cast_mut().cast();
        loan
    }
}

/// At an address that suits every element type.
fn aligned(bytes: &[u8]) -> Vec<u128> {
    let mut memory = vec![0_u128; bytes.len().div_ceil(16) + 1];
    bytemuck::cast_slice_mut::<u128, u8>(&mut memory)[..bytes.len()].copy_from_slice(bytes);
    memory
}

/// The report of a call, where it was refused.
fn refusal(call: impl FnOnce(*mut distarray_error) -> i32) -> Option<Refusal> {
    let mut error: distarray_error = unsafe { std::mem::zeroed() };
    let status = call(&raw mut error);
    let text = |chars: &[std::ffi::c_char]| {
        let text = unsafe { CStr::from_ptr(chars.as_ptr()) }.to_str().unwrap();
        (!text.is_empty()).then(|| text.to_owned())
    };
    (status != DISTARRAY_OK).then(|| Refusal {
        kind: Some(status_name(status)),
        rule: text(&error.rule),
        field: text(&error.field),
        axis: usize::try_from(error.axis).ok(),
        ..Refusal::default()
    })
}

fn access(word: &Json) -> u32 {
    match word.as_str().unwrap() {
        "read" => DISTARRAY_ACCESS_READ,
        "read-write" => DISTARRAY_ACCESS_READ_WRITE,
        "exclusive" => DISTARRAY_ACCESS_EXCLUSIVE,
        "describe" => DISTARRAY_ACCESS_DESCRIBE,
        other => panic!("no access {other}"),
    }
}

#[test]
fn images() {
    each("abi", 100, |vector| {
        let (image, lender) = (Image::new(&vector.content), Lender::default());
        let mut loan = image.loan(&lender);
        let before = loan_bytes(&loan);
        let mut array = null_mut();
        let access = access(&vector.content["access"]);
        let refused =
            refusal(|error| unsafe { distarray_array_import(&raw mut loan, access, &raw mut array, error) });
        if refused.is_none() {
            assert!(loan.release.is_none(), "{}: a husk is left", vector.id);
            unsafe { distarray_array_free(array) };
            assert_eq!(lender.released.get(), 1, "{}", vector.id);
        } else {
            assert_eq!(loan_bytes(&loan), before, "{}: the loan was touched", vector.id);
            assert_eq!(lender.released.get(), 0, "{}", vector.id);
        }
        refused
    });
}

fn loan_bytes(loan: &distarray_export) -> [u8; 256] {
    unsafe { std::mem::transmute_copy(loan) }
}

/// The loans and arrays of one script.
struct Life<'a> {
    image: &'a Image,
    lender: &'a Lender,
    loans: BTreeMap<String, Box<distarray_export>>,
    arrays: BTreeMap<String, *mut distarray_array>,
}

impl Life<'_> {
    fn loan(&mut self, step: &Json) -> *mut distarray_export {
        &raw mut **self.loans.get_mut(step["loan"].as_str().unwrap()).unwrap()
    }

    fn array(&self, step: &Json) -> *mut distarray_array {
        self.arrays[step["array"].as_str().unwrap()]
    }

    fn put(&mut self, name: &Json, loan: distarray_export) {
        self.loans.insert(name.as_str().unwrap().to_owned(), Box::new(loan));
    }

    /// Does one step; what is refused.
    fn step(&mut self, step: &Json) -> Option<Refusal> {
        match step["do"].as_str().unwrap() {
            "lend" => {
                let mut loan = self.image.loan(self.lender);
                let field = |name: &str| step["fields"][name].as_u64().unwrap_or(0);
                (loan.flags_read, loan.flags_write) =
                    (field("flags_read") as u32, field("flags_write") as u32);
                loan.flags_info = field("flags_info");
                self.put(&step["loan"], loan);
                None
            }
            "check" => {
                let loan = self.loan(step);
                refusal(|error| unsafe { distarray_export_check(loan, 1, error) })
            }
            "import" => {
                let (loan, mut array) = (self.loan(step), null_mut());
                let access = access(&step["access"]);
                let refused =
                    refusal(|error| unsafe { distarray_array_import(loan, access, &raw mut array, error) });
                if refused.is_none() {
                    self.arrays.insert(step["array"].as_str().unwrap().to_owned(), array);
                }
                refused
            }
            "export" => {
                let request = step.get("request").map(request);
                let pointer = request.as_ref().map_or(null(), std::ptr::from_ref);
                let mut loan = distarray_export::INIT;
                let array = self.array(step);
                let refused =
                    refusal(|error| unsafe { distarray_array_export(array, pointer, &raw mut loan, error) });
                if refused.is_none() {
                    self.put(&step["loan"], loan);
                }
                refused
            }
            "view" => {
                let mut view = distarray_export::INIT;
                let array = self.array(step);
                let refused =
                    refusal(|error| unsafe { distarray_array_view(array.as_ref(), &raw mut view, error) });
                self.put(&step["loan"], view);
                refused
            }
            "mark" => {
                let (array, flags) = (self.array(step), step["flags"].as_u64().unwrap());
                refusal(|error| unsafe { distarray_array_mark_modified(array.as_ref(), flags, error) })
            }
            "write" => {
                let loan = self.loan(step);
                unsafe { (*loan).consumer_flags |= step["flags"].as_u64().unwrap() };
                None
            }
            "move" => {
                let source = self.loan(step);
                let moved = unsafe { *source };
                unsafe { ((*source).release, (*source).private_data) = (None, null_mut()) };
                self.put(&step["to"], moved);
                None
            }
            "release" => release(unsafe { &mut *self.loan(step) }),
            "free" => {
                let array = self.arrays.remove(step["array"].as_str().unwrap()).unwrap();
                unsafe { distarray_array_free(array) };
                None
            }
            other => panic!("no step {other}"),
        }
    }

    /// What holds after a step.
    fn sees(&self, step: &Json, what: &str) -> Json {
        let loan = || &self.loans[step["loan"].as_str().unwrap()];
        match what {
            "released" => self.lender.released.get().into(),
            "heard" => self.lender.heard.get().into(),
            "live" => self
                .loans
                .iter()
                .filter(|(_, loan)| loan.release.is_some())
                .map(|(name, _)| name.as_str())
                .collect(),
            "epoch" => loan().epoch.into(),
            "info" => loan().flags_info.into(),
            other => panic!("nothing sees {other}"),
        }
    }
}

/// As the header's `distarray_export_release`: harmless on a husk.
fn release(loan: &mut distarray_export) -> Option<Refusal> {
    let Some(callback) = loan.release else {
        let word = |text: &str| Some(text.to_owned());
        return Some(Refusal {
            kind: word("RELEASED"),
            rule: word("L2"),
            field: word("release"),
            ..Refusal::default()
        });
    };
    unsafe { callback(loan) };
    assert!(loan.release.is_none(), "release leaves a husk");
    let ours: unsafe extern "C" fn(*mut distarray_export) = give_back;
    if !std::ptr::fn_addr_eq(callback, ours) {
        unsafe { callback(loan) };
    }
    None
}

fn request(stated: &Json) -> distarray_request {
    let mut request =
        distarray_request { struct_size: 128, max_abi_major: 1, ..unsafe { std::mem::zeroed() } };
    for (name, value) in stated.as_object().unwrap() {
        let number = || u32::try_from(value.as_u64().unwrap()).unwrap();
        match name.as_str() {
            "access" => request.access = access(value),
            "struct_size" => request.struct_size = number(),
            "layouts" => request.layouts = number(),
            "dist_types" => request.dist_types = number(),
            "copy" => request.copy = number(),
            "device_type" => request.device_type = number().cast_signed(),
            "min_alignment" => request.min_alignment = number(),
            "reserved" => request.reserved[8] = number().into(),
            other => panic!("no field {other}"),
        }
    }
    request
}

#[test]
fn lives() {
    let good = all().into_iter().map(|(_, vector)| vector).find(|vector| vector.id == "loan").unwrap();
    each("lifecycle", 40, |vector: &Vector| {
        let (image, lender) = (Image::new(&good.content), Lender::default());
        let mut life =
            Life { image: &image, lender: &lender, loans: BTreeMap::new(), arrays: BTreeMap::new() };
        let mut first = None;
        for (number, step) in vector.content["steps"].as_array().unwrap().iter().enumerate() {
            let refused = life.step(step);
            let stated =
                step.get("error").map(|error| serde_json::from_value::<Refusal>(error.clone()).unwrap());
            assert_eq!(refused, stated, "{} step {number}: {step}", vector.id);
            for (what, value) in step.get("sees").and_then(Json::as_object).into_iter().flatten() {
                assert_eq!(&life.sees(step, what), value, "{} step {number}: {what}", vector.id);
            }
            first = first.or(refused);
        }
        assert!(life.arrays.is_empty(), "{}: an array is left", vector.id);
        let live = life.loans.values().filter(|loan| loan.release.is_some()).count();
        assert_eq!(live, 0, "{}: a loan is left", vector.id);
        first
    });
}
