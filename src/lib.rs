//! Distributed arrays shared **without copying** between independent MPI codes.
//!
//! Every MPI code has its own distributed array: a PETSc `Vec`, a ScaLAPACK
//! panel, an FFTW slab, a Fortran `u(0:nx+1, 0:ny+1)`, a NumPy block per rank.
//! This crate, and the C library `libdistarray.so` built from it, give them one
//! small struct: *this rank's buffer, and how it fits into the global array*.
//! It is the language-neutral form of Python's Distributed Array Protocol.
//! Whoever fills it in needs no library; whoever receives it works in the same
//! memory.
//!
//! ```
//! use distarray::comm;
//! use distarray::distribution::{Axis, Distribution};
//!
//! # fn main() -> distarray::Result<()> {
//! // Four ranks as threads of this process; the same body runs over MPI.
//! let sums = comm::threads(4, |comm| -> distarray::Result<f64> {
//!     // 64 rows dealt out with a halo of one row, 9 columns whole.
//!     let d = Distribution::new(&comm, [Axis::block(64).halo(1), Axis::whole(9)])?;
//!     let u = d.from_fn(|g| (g[0] + g[1]) as f64)?;
//!     let mut sum = [u.owned().sum()];
//!     comm.all_reduce(&mut sum, comm::Op::Sum)?;
//!     Ok(sum[0])
//! });
//! for sum in sums {
//!     assert_eq!(sum?, 20448.0);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Crate layout
//!
//! A room uses only rooms above it in this list; a test checks it.
//!
//! | room | what is in it |
//! |---|---|
//! | [`error`] | one error type that names rank, axis, field, rule, expected and found |
//! | [`protocol`] | the specification as types: dimensions, rules, index maps, text forms; pure |
//! | [`mod@array`] | memory: element types, buffers with an owner, typed views; never communicates |
//! | [`comm`] | messages over one process, threads, MPI or a C table; knows nothing of arrays |
//! | [`distribution`] | everyone's layout: process grids, the collective check, owners |
//! | [`exchange`] | movement: plans, halo exchange, redistribution, arrays in shared memory |
//! | [`io`] | `.npy` and `.dnpy` files |
//! | [`ffi`] | the C border: the only door; nobody below knows it |
//!
//! # What to know
//!
//! - **Local and global knowledge are two types.** A [`protocol::DimData`] is
//!   what one rank knows; a [`distribution::Distribution`] is what all ranks
//!   have proved together.
//! - **Collective** functions say so in their first lines: all ranks call them,
//!   in the same order. What one rank finds wrong, all ranks return.
//! - **Nothing hides a copy.** Functions that copy elements say it in their name.
//! - **Cost.** Nothing here takes memory or time that grows with the number of
//!   ranks, but for one bound per process of an irregular axis, the manifest of a set of
//!   files on rank 0, and errors.

pub mod array;
pub mod comm;
pub mod distribution;
pub mod error;
pub mod exchange;
pub mod ffi;
pub mod io;
mod number;
pub mod protocol;

pub use error::{Error, ErrorKind, Result};

/// The README's Rust program is a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
