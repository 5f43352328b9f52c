//! Distributed arrays shared without copying between independent MPI codes.

pub mod array;
pub mod comm;
pub mod distribution;
pub mod error;
pub mod ffi;
pub mod protocol;

pub use error::{Error, ErrorKind, Result};
