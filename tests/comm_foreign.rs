//! A communicator over the C table keeps its promises over both MPIs, and a table
//! that is none is refused.
#![allow(unsafe_code)] // a C library is loaded and its table trusted, as C callers do

#[path = "common/comm_bodies.rs"]
mod bodies;
#[path = "common/launch.rs"]
mod launch;

use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::path::Path;

use distarray::ErrorKind;
use distarray::comm::{Comm, distarray_comm, distarray_comm_attribute};
use distarray::ffi::{distarray_distribution_new, distarray_error};

/// Names the library for the ranks that the test starts of itself.
const LIBRARY: &str = "DISTARRAY_TEST_TABLE";

#[test]
fn every_promise_over_a_real_mpi() {
    if let Some(library) = std::env::var_os(LIBRARY) {
        return one_rank(&library);
    }
    for flavor in launch::flavors() {
        // Once as users compile it, once with a count limit that small messages pass.
        for limit in ["-DDISTARRAY_MPI_MAX_COUNT=INT_MAX", "-DDISTARRAY_MPI_MAX_COUNT=1000"] {
            let flags = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", limit];
            let library = launch::compile_c(flavor, &["tests/c/mpi_table.c"], &flags);
            for ranks in 1..=4 {
                let setting = format!("{LIBRARY}={}", library.display());
                let program = std::env::current_exe().unwrap();
                let test = "every_promise_over_a_real_mpi";
                let args = [&setting, program.to_str().unwrap(), "--exact", test, "--nocapture"];
                let output = launch::mpirun_ok(flavor, ranks, Path::new("/usr/bin/env"), &args);
                assert_eq!(output.matches("every promise is kept").count(), ranks, "{output}");
            }
        }
    }
}

fn one_rank(library: &OsString) {
    let mut table = empty();
    let library = Library::open(library);
    // SAFETY: the functions of tests/c/mpi_table.c, with their own signatures.
    let (start, again, stop) = unsafe {
        (
            library.function::<unsafe extern "C" fn(*mut distarray_comm) -> i32>("test_start"),
            library.function::<unsafe extern "C" fn(*mut distarray_comm) -> i32>("test_table"),
            library.function::<unsafe extern "C" fn() -> i32>("test_stop"),
        )
    };
    // SAFETY: the table is writable, and filled by distarray_comm_from_mpi.
    let comm = unsafe {
        assert_eq!(again(&raw mut table), -1, "before MPI_Init");
        assert_eq!(start(&raw mut table), 0);
        Comm::from_table(&raw const table).unwrap()
    };
    bodies::all(&comm);
    // A second table of the same communicator draws from the same count of tags.
    let first = comm.transport().unwrap().new_tag().unwrap();
    // SAFETY: as above.
    let twin = unsafe {
        assert_eq!(again(&raw mut table), 0);
        Comm::from_table(&raw const table).unwrap()
    };
    assert_eq!(twin.transport().unwrap().new_tag().unwrap(), first + 1);
    let messages = comm.messages(&[], &[]).unwrap();
    // SAFETY: MPI was started by `start`.
    assert_eq!(unsafe { stop() }, 0);
    let error = comm.barrier().unwrap_err();
    assert!(error.to_string().contains("MPI_Finalize has been called"), "{error}");
    drop((messages, twin, comm)); // nothing is called
    println!("every promise is kept");
}

#[test]
fn a_table_that_is_none_is_refused() {
    // SAFETY: each is NULL or a table whose functions are never called.
    let refused = |table: *const distarray_comm| unsafe { Comm::from_table(table) }.unwrap_err();
    assert_eq!(refused(std::ptr::null()).kind(), ErrorKind::Null);
    let whole = lying();
    assert_eq!(refused((&raw const whole).wrapping_byte_add(1)).kind(), ErrorKind::Align);
    assert_eq!(refused(&empty()).kind(), ErrorKind::Comm);
    let refuse = |change: fn(&mut distarray_comm)| {
        let mut table = lying();
        change(&mut table);
        let error = refused(&raw const table);
        (error.kind(), error.field().unwrap().to_owned())
    };
    for (change, kind, field) in [
        ((|t| t.version = 2) as fn(&mut distarray_comm), ErrorKind::Version, "version"),
        (|t| t.struct_size = LEAST_SIZE - 1, ErrorKind::Version, "struct_size"),
        (|t| t.size = 0, ErrorKind::Range, "size"),
        (|t| t.size = -1, ErrorKind::Range, "size"),
        (|t| t.rank = 3, ErrorKind::Range, "rank"),
        (|t| t.rank = -1, ErrorKind::Range, "rank"),
        (|t| t.barrier = None, ErrorKind::Null, "barrier"),
        (|t| t.request_free = None, ErrorKind::Null, "request_free"),
    ] {
        assert_eq!(refuse(change), (kind, field.to_owned()));
    }
}

#[test]
fn a_failing_function_is_named_with_its_text() {
    let mut table = lying();
    (table.rank, table.size) = (1, 2);
    // SAFETY: its barrier and error_string are real functions.
    let comm = unsafe { Comm::from_table(&raw const table) }.unwrap();
    let error = comm.barrier().unwrap_err();
    assert_eq!((error.kind(), error.rank()), (ErrorKind::Comm, Some(1)));
    assert!(error.to_string().contains("barrier fails with status 17: the cable is cut"), "{error}");
}

#[test]
fn a_shorter_table_is_as_it_was() {
    let mut table = lying();
    table.struct_size = LEAST_SIZE;
    // SAFETY: of its functions none is called, and no more is read than it says.
    let comm = unsafe { Comm::from_table(&raw const table) }.unwrap();
    assert_eq!((comm.rank(), comm.size()), (2, 3));
}

#[test]
fn an_attribute_that_cannot_be_had_is_an_error() {
    unsafe extern "C" fn all_reduce(_: *mut c_void, _: *mut c_void, _: i64, _: i32, _: i32) -> i32 {
        0
    }
    unsafe extern "C" fn broadcast(_: *mut c_void, _: i64, _: *mut c_void, _: i64) -> i32 {
        0
    }
    unsafe extern "C" fn nowhere(_: *mut c_void, _: *mut *mut distarray_comm_attribute) -> i32 {
        0
    }
    let mut table = lying();
    // A rank on its own.
    (table.rank, table.size) = (0, 1);
    table.allreduce = Some(all_reduce);
    table.bcast = Some(broadcast);
    let made = |table: &distarray_comm| {
        let mut distribution = std::ptr::null_mut();
        // SAFETY: zero is a value of every field, and of an array without axes.
        unsafe {
            let mut error: distarray_error = std::mem::zeroed();
            let (axes, grid) = (std::ptr::null(), std::ptr::null());
            distarray_distribution_new(table, 0, axes, grid, 0, &raw mut distribution, &raw mut error);
            let message = CStr::from_ptr(error.message.as_ptr().cast());
            message.to_str().unwrap().to_owned()
        }
    };
    assert!(made(&table).contains("attribute fails with status 17: the cable is cut"), "{}", made(&table));
    table.attribute = Some(nowhere);
    assert!(made(&table).contains("attribute"), "{}", made(&table));
    assert!(made(&table).contains("the address of no struct"), "{}", made(&table));
}

/// The bytes of a table of the oldest header.
const LEAST_SIZE: u32 = 200;

fn empty() -> distarray_comm {
    // SAFETY: zero is a value of every field.
    unsafe { std::mem::zeroed() }
}

/// A table with every function, none of which works.
fn lying() -> distarray_comm {
    unsafe extern "C" fn fail(_: *mut c_void) -> i32 {
        17
    }
    unsafe extern "C" fn explain(_: *mut c_void, _: i32, text: *mut u8, capacity: i64) {
        let reason = b"the cable is cut\0";
        assert!(capacity >= reason.len() as i64);
        // SAFETY: the caller gave `capacity` bytes.
        unsafe { text.copy_from(reason.as_ptr(), reason.len()) }
    }
    let mut table = empty();
    let words = size_of::<distarray_comm>() / 8;
    let start = (&raw mut table).cast::<Option<unsafe extern "C" fn(*mut c_void) -> i32>>();
    for word in 4..words {
        // SAFETY: the words from 4 on are function pointers.
        unsafe { start.add(word).write(Some(fail)) }
    }
    table.struct_size = size_of::<distarray_comm>().try_into().unwrap();
    (table.version, table.rank, table.size) = (1, 2, 3);
    table.error_string = Some(explain);
    table
}

/// A library loaded for the rest of the process.
struct Library(*mut c_void);

unsafe extern "C" {
    fn dlopen(file: *const c_char, mode: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

impl Library {
    fn open(file: &OsString) -> Self {
        const NOW_AND_GLOBAL: c_int = 0x102; // Open MPI's own plugins look for its symbols
        let file = CString::new(file.as_encoded_bytes()).unwrap();
        // SAFETY: a C string; loading runs MPI's initialisers.
        let library = unsafe { dlopen(file.as_ptr(), NOW_AND_GLOBAL) };
        assert!(!library.is_null(), "{file:?} cannot be loaded");
        Self(library)
    }

    /// # Safety
    /// `F` is the type of the function `name`.
    unsafe fn function<F: Copy>(&self, name: &str) -> F {
        let name = CString::new(name).unwrap();
        // SAFETY: a loaded library and a C string.
        let found = unsafe { dlsym(self.0, name.as_ptr()) };
        assert!(!found.is_null(), "{name:?} is missing");
        // SAFETY: the caller's promise; function pointers have a pointer's size.
        unsafe { std::mem::transmute_copy(&found) }
    }
}
