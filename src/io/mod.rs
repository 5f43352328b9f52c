//! Files: NumPy's `.npy` (one array) and DistArray's `.dnpy` (one part of a
//! distributed array, with its `dim_data`).
//!
//! Whatever a file holds, reading it runs no code, takes no more memory than
//! the file has bytes, and ends in an array or an error.

mod atomic;
mod descr;
pub mod dnpy;
mod file;
pub mod npy;
mod pep3118;
mod source;
