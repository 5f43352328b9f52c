//! The C ABI: the only door to other languages. No other room knows it.

pub mod abi;
mod array;
mod description;
mod dim;
mod error;
mod export;
mod lend;
mod request;

pub use array::*;
pub use error::distarray_error;
pub use export::{Export, Level};
