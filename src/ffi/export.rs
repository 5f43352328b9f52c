//! The loan as a Rust value: released once, whatever happens.
#![allow(unsafe_code)] // calls the release callback of foreign structs

use std::sync::atomic::{AtomicU64, Ordering};

use super::abi::*;
use super::description::{Description, attach, describe, describe_strictly, identity, open};
use super::error::{distarray_error, guard};
use super::lend::{Granted, Loan, Taken, distarray_array, is_own, reclaim};
use super::place::in_place;
use super::watch;
use crate::array::{Access, AnyArray, Buffer, DistArray, Element, Owner, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// How thoroughly a struct is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rules that hold for each field, in time proportional to the axes
    /// (and to index lists).
    Structural,
    /// All rules that one process can check, against the buffer's shape and the
    /// stated allocation.
    Strict,
}

/// A `distarray_export` that gives its loan back when dropped.
///
/// ```
/// use distarray::array::{Access, DistArray};
/// use distarray::ffi::Export;
/// use distarray::protocol::{Dim, DimData};
///
/// let dim_data = DimData::new([Dim::whole(3)?])?;
/// let array = DistArray::new(dim_data, vec![1.0, 2.0, 3.0])?;
/// let address = array.as_any().buffer().data();
///
/// let mut loan = Export::from(array);
/// // SAFETY: the loan was made by this library.
/// let back: DistArray<f64> = unsafe { loan.import(Access::Exclusive) }?.downcast()?;
/// assert_eq!(back.as_any().buffer().data(), address);
/// assert!(!loan.is_live());
/// # Ok::<(), distarray::Error>(())
/// ```
#[derive(Debug)]
pub struct Export(distarray_export);

// SAFETY: release may be called from any thread (the ABI's rule), and nothing
// else of the struct changes.
unsafe impl Send for Export {}

impl Export {
    /// Nothing lent: to be filled by a producer through [`as_mut_ptr`](Self::as_mut_ptr).
    #[must_use]
    pub fn empty() -> Self {
        Self(distarray_export::INIT)
    }

    /// Takes a struct that C filled over.
    ///
    /// # Safety
    /// The struct is as the ABI says, and nobody else releases it.
    #[must_use]
    pub unsafe fn from_raw(raw: distarray_export) -> Self {
        Self(raw)
    }

    /// Hands the struct to C, which must release it.
    #[must_use]
    pub fn into_raw(mut self) -> distarray_export {
        std::mem::replace(&mut self.0, distarray_export::INIT)
    }

    /// The struct, to be filled or read by C; it must stay valid.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut distarray_export {
        &raw mut self.0
    }

    /// Whether there is something to give back.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.magic == DISTARRAY_MAGIC && self.0.release.is_some()
    }

    /// Checks the rules that one process can check. Local.
    ///
    /// # Errors
    /// The first rule that is broken.
    ///
    /// # Safety
    /// The struct's pointers, where neither null nor misaligned, point at what
    /// the ABI says.
    pub unsafe fn check(&self, level: Level) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { check_export(&raw const self.0, level) }
    }

    /// What the loan says, all rules that one process can check kept. Local.
    ///
    /// # Errors
    /// The first rule that is broken.
    ///
    /// # Safety
    /// As for [`check`](Self::check).
    pub unsafe fn describe(&self) -> Result<Description> {
        // SAFETY: the caller's promise.
        unsafe { describe_strictly(open(&raw const self.0)?) }
    }

    /// Takes the loan over: checks every rule that one process can check, then
    /// moves. Local.
    ///
    /// The memory is given back when the array is dropped, and its owner is told
    /// then what was written.
    ///
    /// # Errors
    /// The first rule that is broken, an access that was not lent, memory that
    /// the host cannot reach. The loan is untouched then.
    ///
    /// # Safety
    /// As for [`check`](Self::check); and while the array lives, nobody else
    /// writes the memory during a view of it, nor touches it at all during a
    /// mutable view.
    pub unsafe fn import(&mut self, access: Access) -> Result<AnyArray> {
        // SAFETY: the caller's promise.
        unsafe { import_export(&raw mut self.0, access) }
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if self.is_live() {
            // SAFETY: live, so its release was not called yet.
            unsafe { release(&mut self.0) }
        }
    }
}

impl From<AnyArray> for Export {
    /// Lends the array for any use; it lives until the loan is given back.
    fn from(array: AnyArray) -> Self {
        let access = array.buffer().access();
        // The first loan of a new array at its own access is never refused.
        let granted = distarray_array::new(array).grant(Loan::Data(access));
        let export = Self(granted.map_or(distarray_export::INIT, Granted::into_raw));
        if watch::on() {
            watch::lent(&export.0);
        }
        export
    }
}

impl<T: Element> From<DistArray<T>> for Export {
    fn from(array: DistArray<T>) -> Self {
        array.into_any().into()
    }
}

/// Checks a struct in place.
///
/// # Safety
/// As for [`Export::check`], of a pointer that may also be null or misaligned.
pub(super) unsafe fn check_export(loan: *const distarray_export, level: Level) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        match level {
            Level::Structural => describe(open(loan)?).map(drop),
            Level::Strict => describe_strictly(open(loan)?).map(drop),
        }
    }
}

/// Moves a struct into an array, or into what is made of that.
///
/// # Safety
/// As for [`Export::import`], of a pointer that may also be null or misaligned.
#[inline(always)]
pub(super) unsafe fn import_export<T: From<Taken>>(loan: *mut distarray_export, access: Access) -> Result<T> {
    // SAFETY: the caller's promise.
    let lent = unsafe { open(loan) }?;
    let mut dim_data = DimData::empty();
    // SAFETY: the caller's promise.
    let memory = unsafe { attach(lent, access, &mut dim_data) }?;
    if watch::on() {
        // SAFETY: the caller's promise; the loan was just found to keep the rules.
        unsafe { watch::offered(lent, access) }?;
    }
    let (meta, info) = ((lent.meta, lent.n_meta), lent.flags_info);
    let identity = identity(lent);
    if is_own(lent) {
        // SAFETY: the loan is live, and the caller's to give.
        if let Some(own) = unsafe { reclaim(lent, &memory, &dim_data) } {
            if watch::on() {
                watch::returned(lent);
            }
            let written = lent.consumer_flags;
            // SAFETY: as below; the loan has ended.
            unsafe { bury(loan) };
            return Ok(Taken { array: own.into_array(written, access), meta, info }.into());
        }
    }
    let owner = in_place(|| Borrowed { loan: *lent, written: AtomicU64::new(0) });
    if watch::on() {
        // SAFETY: as above.
        unsafe { watch::taken(&*owner, lent) };
    }
    // The husk comes at once, so that whatever happens below, nobody releases twice.
    // SAFETY: the struct is whole, and its shared borrow has ended: `memory` refers
    // to what it points to.
    unsafe { bury(loan) };
    // SAFETY: the memory was checked, and the owner holds the loan.
    let buffer = unsafe { Buffer::of_checked(memory, owner) }.with_slack(info & DISTARRAY_I_SLACK != 0);
    let array = AnyArray::of_checked(dim_data, buffer, identity);
    Ok(Taken { array, meta, info }.into())
}

/// Leaves a husk, which nobody can release.
///
/// # Safety
/// The struct is whole and may be written; whoever it was copied to releases it.
#[inline]
unsafe fn bury(loan: *mut distarray_export) {
    // SAFETY: the caller's promise.
    unsafe {
        (*loan).release = None;
        (*loan).private_data = std::ptr::null_mut();
    }
}

/// Keeps a foreign loan, and gives it back at the end with word of what was written.
struct Borrowed {
    loan: distarray_export,
    written: AtomicU64,
}

// SAFETY: as for `Export`; a shared `Borrowed` gives nothing of the loan out.
unsafe impl Send for Borrowed {}
// SAFETY: as above.
unsafe impl Sync for Borrowed {}

impl Owner for Borrowed {
    fn note(&self, written: Written) {
        // Relaxed: whoever drops the owner has seen all that came before.
        match written {
            Written::Owned => {
                self.written.fetch_and(!DISTARRAY_C_HALO_VALID, Ordering::Relaxed);
                self.written.fetch_or(DISTARRAY_C_MODIFIED, Ordering::Relaxed);
            }
            Written::Halo => {
                self.written.fetch_or(DISTARRAY_C_HALO_MODIFIED, Ordering::Relaxed);
            }
            Written::HaloCurrent => {
                self.written.fetch_or(DISTARRAY_C_HALO_VALID, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.loan.consumer_flags |= *self.written.get_mut();
        if watch::on() {
            // SAFETY: the loan is live.
            unsafe { watch::before_release(self, &self.loan) };
        }
        // SAFETY: this owner alone holds the loan, and is dropped once.
        unsafe { release(&mut self.loan) };
        if watch::on() {
            watch::after_release(&self.loan);
        }
    }
}

/// Calls the release callback; reads it once.
///
/// # Safety
/// The loan is live, or its release is `None`.
unsafe fn release(loan: &mut distarray_export) {
    if let Some(callback) = loan.release {
        // SAFETY: the ABI lets every live loan be released once, from any thread.
        unsafe { callback(loan) }
    }
}

/// The access that a C number asks for.
#[inline]
pub(super) fn access(number: u32) -> Result<Access> {
    match number {
        DISTARRAY_ACCESS_READ => Ok(Access::Read),
        DISTARRAY_ACCESS_READ_WRITE => Ok(Access::Write),
        DISTARRAY_ACCESS_EXCLUSIVE => Ok(Access::Exclusive),
        other => Err(Error::new(ErrorKind::Range, "access must be read, read-write or exclusive")
            .in_field("access")
            .expected_found(DISTARRAY_ACCESS_EXCLUSIVE.into(), other.into())),
    }
}

/// The level that a C number asks for.
pub(super) fn level_of(number: i32) -> Result<Level> {
    match number {
        0 => Ok(Level::Structural),
        1 => Ok(Level::Strict),
        other => Err(Error::new(ErrorKind::Range, "level must be 0, structural, or 1, strict")
            .in_field("level")
            .expected_found(1, other.into())),
    }
}

/// Checks a loan without taking it: level 0, the rules for each field; 1, all
/// rules that one process can check, the stated allocation included. Local.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn distarray_export_check(
    loan: *const distarray_export,
    level: i32,
    error: *mut distarray_error,
) -> i32 {
    guard(error, || {
        let level = level_of(level)?;
        // SAFETY: the struct is as the ABI says; that is the C caller's promise.
        unsafe { check_export(loan, level) }
    })
}
