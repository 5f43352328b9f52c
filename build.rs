//! Names the C library after its version, and writes its header when asked to.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // A program keeps to the library it was linked with. Not `rustc-link-arg-cdylib`:
        // Cargo hands that on to the cdylib of every crate that depends on this one.
        let major = env!("CARGO_PKG_VERSION_MAJOR");
        println!("cargo::rustc-link-arg=-Wl,-soname,libdistarray.so.{major}");
        // A communicator that outlives `dlclose` calls it when it is freed.
        println!("cargo::rustc-link-arg=-Wl,-z,nodelete");
    }
    #[cfg(feature = "header")]
    header();
}

/// Writes include/distarray.h; under CI=1 a stale one fails the build.
#[cfg(feature = "header")]
fn header() {
    println!("cargo::rerun-if-changed=src/ffi");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-env-changed=CI");
    let root = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let changed = cbindgen::generate(&root).unwrap().write_to_file(root.join("include/distarray.h"));
    assert!(
        !changed || std::env::var_os("CI").is_none(),
        "include/distarray.h was stale: commit the new one"
    );
}
