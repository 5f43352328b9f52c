//! The C ABI: the only door to other languages. No other room knows it.

pub mod abi;
mod array;
mod axis;
mod description;
mod dim;
mod distribution;
mod error;
mod export;
mod file;
mod lend;
mod library;
mod request;

pub use array::*;
pub use axis::*;
pub use distribution::*;
pub use error::distarray_error;
pub use export::{Export, Level, distarray_export_check};
pub use file::*;
pub use library::*;
