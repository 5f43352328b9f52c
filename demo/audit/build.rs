//! Keeps the C functions of the distarray crate out of our own library: the
//! program has them from libdistarray.so.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-cdylib=-Wl,--exclude-libs,ALL");
    println!("cargo::rustc-link-arg-cdylib=-Wl,-soname,libheat_audit.so");
}
