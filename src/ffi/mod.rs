//! The C ABI: the only door to other languages. No other room knows it.
//!
//! The contract of every exported function, which C must keep:
//!
//! - a pointer is NULL, misaligned (both are refused), or points at what its type
//!   says; a `*const` is not written during the call, a `*mut` is nobody else's;
//! - the pointers inside an export, an axis or a communicator's table are as
//!   `distarray_abi.h` and `distarray_comm.h` say;
//! - a handle came from this library and was not freed;
//! - while an array lives, its users and its lender order their accesses to the
//!   memory as `distarray_abi.h` says.
//!
//! With `DISTARRAY_CHECK=1` in the environment every hand-over is watched, and what
//! breaks the rules of `distarray_conformance.h` is refused or said on standard error.
#![allow(clippy::missing_safety_doc)] // it stands here, once

pub mod abi;
mod accommodation;
mod array;
mod axes;
mod axis;
mod description;
mod dim;
mod distribution;
mod error;
mod exchange;
mod export;
mod fields;
mod file;
mod halo;
mod handle;
mod lend;
mod library;
mod memory_map;
mod place;
mod record;
mod redistribution;
mod request;
mod text;
mod watch;

pub use accommodation::*;
pub use array::*;
pub use axes::*;
pub use axis::*;
pub use description::Description;
pub use distribution::*;
pub use error::distarray_error;
pub use exchange::distarray_moved;
pub use export::{Export, Level, distarray_export_check};
pub use file::*;
pub use halo::*;
pub use lend::distarray_array;
pub use library::*;
pub use redistribution::*;
pub use text::*;
