//! Distributed arrays shared without copying between independent MPI codes.

pub mod error;
pub mod ffi;

pub use error::{Error, ErrorKind, Result};
