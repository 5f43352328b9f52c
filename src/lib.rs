//! Distributed arrays shared without copying between independent MPI codes.

pub mod comm;
pub mod error;

pub use error::{Error, ErrorKind, Result};
