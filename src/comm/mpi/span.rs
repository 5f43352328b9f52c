//! A length in bytes as a count of a type that MPI's int can hold.

use std::ffi::c_int;

use mpi::ffi::{self, MPI_Aint, MPI_Datatype};

use super::call::{int, max_count, mpi_call};
use crate::Result;

/// `count` elements of `datatype` are so many bytes.
pub(super) struct Span {
    pub count: c_int,
    pub datatype: MPI_Datatype,
    derived: bool,
}

/// The type of one byte.
pub(super) fn byte() -> MPI_Datatype {
    // SAFETY: a constant of MPI.
    unsafe { ffi::RSMPI_UINT8_T }
}

impl Span {
    /// Bytes themselves, or one derived type: chunks of the largest count, then the rest.
    pub fn new(bytes: usize) -> Result<Self> {
        let limit = max_count();
        if bytes <= limit {
            return Ok(Self { count: int(bytes)?, datatype: byte(), derived: false });
        }
        let (whole, rest) = (int(bytes / limit)?, int(bytes % limit)?);
        let (mut chunk, mut chunks, mut datatype) = (byte(), byte(), byte());
        mpi_call!(MPI_Type_contiguous(int(limit)?, byte(), &raw mut chunk))?;
        let made = mpi_call!(MPI_Type_contiguous(whole, chunk, &raw mut chunks));
        mpi_call!(MPI_Type_free(&raw mut chunk))?;
        made?;
        let lengths = [1, rest];
        // No address exceeds isize, and a length in memory is below it.
        let end = MPI_Aint::try_from(bytes - bytes % limit).unwrap_or(MPI_Aint::MAX);
        let offsets = [0, end];
        let parts = [chunks, byte()];
        let made = mpi_call!(MPI_Type_create_struct(
            2,
            lengths.as_ptr(),
            offsets.as_ptr(),
            parts.as_ptr(),
            &raw mut datatype,
        ));
        mpi_call!(MPI_Type_free(&raw mut chunks))?;
        made?;
        mpi_call!(MPI_Type_commit(&raw mut datatype))?;
        Ok(Self { count: 1, datatype, derived: true })
    }

    /// Frees the type, which messages under way keep, and passes the result on.
    pub fn free<T>(mut self, result: Result<T>) -> Result<T> {
        if self.derived {
            mpi_call!(MPI_Type_free(&raw mut self.datatype))?;
        }
        result
    }
}
