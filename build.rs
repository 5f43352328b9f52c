//! Names the C library after its ABI, so that a program keeps the one it was linked with.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The number is DISTARRAY_ABI_MAJOR while that is 0.x: see include/distarray_abi.h.
        println!("cargo::rustc-link-arg-cdylib=-Wl,-soname,libdistarray.so.0");
    }
}
