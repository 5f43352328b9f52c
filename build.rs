//! Writes the C header when asked to.
//!
//! The SONAME is given by `make library`, not here: Cargo hands the linker
//! arguments of a cdylib on to the cdylibs of every crate that depends on it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
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
