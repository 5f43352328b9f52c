//! The specification as types.

mod json;
pub mod literal;
pub mod value;

pub use value::Value;
