//! Where the C library is that C programs are measured with.

use std::path::PathBuf;

/// The folder of `libdistarray.so`, in which programs find it by its SONAME too.
pub fn library() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    // Beside this program; where `cargo build` puts it may be one of an earlier build.
    let folder = executable.parent().unwrap().to_path_buf();
    let soname = folder.join(concat!("libdistarray.so.", env!("CARGO_PKG_VERSION_MAJOR")));
    if !soname.exists() {
        std::os::unix::fs::symlink("libdistarray.so", &soname).unwrap();
    }
    folder
}
