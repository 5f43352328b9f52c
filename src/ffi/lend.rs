//! Lending an array: any number of loans of one array, their metadata made once.
#![allow(unsafe_code)] // the release callback takes a reference count back

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::abi::*;
use super::handle::{Mark, object};
use super::place::in_place;
use super::record::Record;
use super::watch;
use crate::array::{Access, AnyArray, Buffer, Identity, Memory, Order, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// What a loan may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loan {
    /// Memory with this access.
    Data(Access),
    /// The description alone.
    Description,
}

/// One process's part of a distributed array. Made by distarray_array_import and
/// distarray_array_read_dnpy; freed by distarray_array_free.
//
// What all its loans point to, too: the handle and each loan hold one count of an
// `Arc`, so the array lives until the last of them is gone.
#[allow(non_camel_case_types)] // the C name
pub struct distarray_array {
    mark: Mark<Self>,
    array: AnyArray,
    /// Made for the first loan; many arrays are only taken.
    record: OnceLock<Record>,
    /// Names and units, the first lender's own: alive as long as `array`.
    meta: (*const distarray_key_value, i64),
    info: AtomicU64,
    epoch: AtomicU64,
    /// Descriptions not given back; every other reference but the handle's is a
    /// loan of the memory.
    descriptions: AtomicUsize,
    /// Whether the one loan that is out shuts others out.
    exclusive: AtomicBool,
}

/// What is true of the memory, whoever lends it.
const KEPT_INFO: u64 = DISTARRAY_I_COPIED | DISTARRAY_I_HALO_VALID | DISTARRAY_I_HALO_FACES;

/// An array made of a loan, and what that says that an array has no place for.
pub(super) struct Taken {
    pub array: AnyArray,
    /// Names and units; alive as long as the loan.
    pub meta: (*const distarray_key_value, i64),
    /// `DISTARRAY_I_*`.
    pub info: u64,
}

impl From<AnyArray> for Taken {
    fn from(array: AnyArray) -> Self {
        Self { array, meta: (ptr::null(), 0), info: 0 }
    }
}

impl From<Taken> for AnyArray {
    #[inline(always)]
    fn from(taken: Taken) -> Self {
        taken.array
    }
}

impl From<Taken> for Arc<distarray_array> {
    #[inline(always)] // every import ends here
    fn from(taken: Taken) -> Self {
        let Taken { array, meta, info } = taken;
        let epoch = array.identity().epoch;
        in_place(|| distarray_array {
            mark: Mark::new(),
            array,
            record: OnceLock::new(),
            meta,
            info: AtomicU64::new(info & KEPT_INFO),
            epoch: AtomicU64::new(epoch),
            descriptions: AtomicUsize::new(0),
            exclusive: AtomicBool::new(false),
        })
    }
}

object!(distarray_array);

// SAFETY: the raw pointers of `record` and `meta` point at memory that `array`
// keeps alive and nobody writes.
unsafe impl Send for distarray_array {}
// SAFETY: as above; what changes is atomic.
unsafe impl Sync for distarray_array {}

impl distarray_array {
    pub(super) fn new(array: AnyArray) -> Arc<Self> {
        Taken::from(array).into()
    }

    pub(super) fn array(&self) -> &AnyArray {
        &self.array
    }

    /// What every loan says alike, its feature words among it.
    #[inline]
    pub(super) fn record(&self) -> &Record {
        self.record.get_or_init(|| {
            let buffer = self.array.buffer();
            let mut record = Record::new(self.array.dim_data(), buffer.format().map(|text| &**text));
            // Memory that may be written was found disjoint when it was taken.
            if buffer.access() == Access::Read {
                record.write |= DISTARRAY_W_READ_ONLY;
                record.write |= if buffer.layout().is_disjoint() { 0 } else { DISTARRAY_W_ALIASED };
            }
            record
        })
    }

    /// Agrees to a loan, which keeps the array alive until its release.
    ///
    /// # Errors
    /// Writing where only reading is possible, or an array that another loan
    /// has to itself.
    #[inline]
    pub(super) fn grant(self: &Arc<Self>, loan: Loan) -> Result<Granted> {
        match loan {
            Loan::Description => {
                self.descriptions.fetch_add(1, Ordering::AcqRel);
            }
            Loan::Data(access) => self.borrow(access)?,
        }
        Ok(Granted { lent: Arc::clone(self), loan })
    }

    /// The same elements in packed memory of our own, row-major, and marked as a copy.
    pub(super) fn packed_copy(&self) -> Result<Arc<Self>> {
        let buffer = self.array.buffer();
        let (shape, itemsize) = (buffer.shape(), buffer.layout().itemsize());
        let mut copy = match buffer.dtype().itemsize() {
            Some(_) => Buffer::zeros(buffer.dtype(), shape, Order::C)?,
            None => Buffer::opaque(shape, itemsize, Order::C, buffer.format().cloned())?,
        };
        let mut rest = copy.packed_bytes_mut()?;
        buffer.for_each_stretch(|stretch| {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(stretch.len());
            here.copy_from_slice(stretch);
            rest = after;
        });
        let array = AnyArray::new(self.array.dim_data().clone(), copy)?;
        // The original's texts are not ours to keep.
        let info = self.info.load(Ordering::Acquire) | DISTARRAY_I_COPIED;
        let array = array.with_identity(self.array.identity());
        Ok(Taken { info, ..array.into() }.into())
    }

    /// Counts a loan in.
    #[inline]
    fn borrow(self: &Arc<Self>, access: Access) -> Result<()> {
        let forbidden = match access {
            Access::Read => 0,
            _ => self.record().write & (DISTARRAY_W_READ_ONLY | DISTARRAY_W_ALIASED),
        };
        if forbidden != 0 {
            return Err(Error::new(ErrorKind::Access, "the array can be read, not written")
                .in_field("flags_write")
                .by_rule("L6"));
        }
        // The handle that is being called holds one reference. Releases on other
        // threads only lower the count, so a loan may be refused needlessly, but
        // none is given that another shuts out.
        let others = || Arc::strong_count(self) - 1 - self.descriptions.load(Ordering::Acquire);
        if self.exclusive.load(Ordering::Acquire) || access == Access::Exclusive && others() > 0 {
            let text = "another loan is out that does not allow this one";
            return Err(Error::new(ErrorKind::Busy, text).by_rule("L7"));
        }
        if access == Access::Exclusive {
            self.exclusive.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Passes on what the consumer of a loan wrote, and lets others in again.
    #[inline]
    fn give_back(&self, consumer_flags: u64) {
        if consumer_flags != 0 {
            self.note(consumer_flags);
        }
        // An exclusive loan is the only one.
        if self.exclusive.load(Ordering::Acquire) {
            self.exclusive.store(false, Ordering::Release);
        }
    }

    /// The array after its last loan, through which this was written, for `access` at most.
    #[inline(never)] // apart from the usual way
    pub(super) fn into_array(self, consumer_flags: u64, access: Access) -> AnyArray {
        self.give_back(consumer_flags);
        let Self { array, epoch, .. } = self;
        let identity = Identity { epoch: epoch.into_inner(), ..array.identity() };
        array.with_identity(identity).with_access(access)
    }

    /// Takes note of `DISTARRAY_C_*`: tells the owner, and dates the loans to come.
    #[inline]
    pub(super) fn note(&self, consumer_flags: u64) {
        let owner = self.array.buffer().owner();
        const HALO: u64 = DISTARRAY_I_HALO_VALID | DISTARRAY_I_HALO_FACES;
        if consumer_flags & (DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED) != 0 {
            self.epoch.fetch_add(1, Ordering::AcqRel);
            self.info.fetch_and(!HALO, Ordering::AcqRel);
        }
        for (flag, written) in [
            (DISTARRAY_C_MODIFIED, Written::Owned),
            (DISTARRAY_C_HALO_MODIFIED, Written::Halo),
            (DISTARRAY_C_HALO_VALID, Written::HaloCurrent),
        ] {
            if consumer_flags & flag != 0 {
                owner.note(written);
            }
        }
        if consumer_flags & DISTARRAY_C_HALO_VALID != 0 {
            self.info.fetch_and(!HALO, Ordering::AcqRel);
            self.info.fetch_or(DISTARRAY_I_HALO_VALID, Ordering::AcqRel);
        }
    }

    /// Everything but the right to use it: `release` is still to be set.
    #[inline(always)]
    pub(super) fn describe(&self) -> distarray_export {
        let buffer = self.array.buffer();
        let identity = self.array.identity();
        let (base, bytes) = buffer.allocation().unwrap_or((ptr::null_mut(), 0));
        distarray_export {
            flags_info: self.info.load(Ordering::Acquire)
                | if buffer.slack() { DISTARRAY_I_SLACK } else { 0 },
            data: buffer.data().cast::<c_void>(),
            alloc_base: base.cast(),
            alloc_bytes: bytes as u64,
            uid: identity.uid,
            epoch: self.epoch.load(Ordering::Acquire),
            meta: self.meta.0,
            n_meta: self.meta.1,
            ..self.record().export(buffer.dtype(), buffer.layout(), self.array.dim_data())
        }
    }
}

/// A loan that was agreed to and not handed out yet.
pub(super) struct Granted {
    lent: Arc<distarray_array>,
    loan: Loan,
}

impl Granted {
    /// The array, for a loan that is not exclusive and stays within the library.
    pub(super) fn into_lent(self) -> Arc<distarray_array> {
        self.lent
    }

    /// The struct for the consumer. Apart from `grant`, so that it is written
    /// once, where it is to lie.
    #[inline(always)]
    pub(super) fn into_raw(self) -> distarray_export {
        let mut raw = self.lent.describe();
        match self.loan {
            Loan::Description => {
                raw.flags_read |= DISTARRAY_R_NO_DATA;
                (raw.data, raw.alloc_base, raw.alloc_bytes) = (ptr::null_mut(), ptr::null_mut(), 0);
                raw.release = Some(release_description);
            }
            Loan::Data(access) => {
                if access == Access::Read {
                    raw.flags_write |= DISTARRAY_W_READ_ONLY;
                }
                if access == Access::Exclusive {
                    raw.flags_info |= DISTARRAY_I_EXCLUSIVE;
                }
                raw.release = Some(release_data);
            }
        }
        raw.private_data = Arc::into_raw(self.lent).cast_mut().cast();
        raw
    }
}

/// The release of every loan of memory.
unsafe extern "C" fn release_data(raw: *mut distarray_export) {
    // SAFETY: only `lend` sets this callback.
    unsafe { release(raw, |lent, flags| lent.give_back(flags)) }
}

/// Whether this library lent the memory.
#[inline]
pub(super) fn is_own(loan: &distarray_export) -> bool {
    let ours: unsafe extern "C" fn(*mut distarray_export) = release_data;
    loan.release.is_some_and(|release| ptr::fn_addr_eq(release, ours))
}

/// The array behind a loan of this library to which nothing else refers, and
/// which `taken` and `dim_data` show unchanged: lending and taking in turn then
/// builds no chain of owners. The loan has ended where this returns an array.
///
/// # Safety
/// `loan` is live, and its caller's to take.
#[inline(never)] // apart from the usual way
pub(super) unsafe fn reclaim(
    loan: &distarray_export,
    taken: &Memory<'_>,
    dim_data: &DimData,
) -> Option<distarray_array> {
    let lent = loan.private_data.cast::<distarray_array>().cast_const();
    if lent.is_null() {
        return None;
    }
    let same = |array: &AnyArray| {
        let buffer = array.buffer();
        buffer.data() == taken.data
            && buffer.dtype() == taken.dtype
            && buffer.layout().view() == taken.layout
            && array.dim_data() == dim_data
    };
    // SAFETY: `grant` made the pointer with `Arc::into_raw`, and the loan holds
    // that one count.
    if !same(unsafe { &(*lent).array }) {
        return None;
    }
    // SAFETY: as above; the count is given back where it is not the last.
    match Arc::try_unwrap(unsafe { Arc::from_raw(lent) }) {
        Ok(lent) => Some(lent),
        Err(shared) => {
            let _ = Arc::into_raw(shared);
            None
        }
    }
}

/// The release of a description, which nobody can have written through.
unsafe extern "C" fn release_description(raw: *mut distarray_export) {
    // SAFETY: only `lend` sets this callback.
    unsafe {
        release(raw, |lent, _| {
            lent.descriptions.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Ends a loan; harmless on one that has ended.
///
/// # Safety
/// `raw` is null or an export that `lend` filled, perhaps moved since.
#[inline]
unsafe fn release(raw: *mut distarray_export, last_word: impl FnOnce(&distarray_array, u64)) {
    // SAFETY: the caller's promise.
    let Some(raw) = (unsafe { raw.as_mut() }) else { return };
    if watch::on() && !watch::released(raw) {
        raw.release = None;
        return;
    }
    // The tombstone comes first, so that a second call finds nothing to do.
    let (lent, live) = (std::mem::replace(&mut raw.private_data, ptr::null_mut()), raw.release.take());
    if lent.is_null() || live.is_none() {
        return;
    }
    let flags = raw.consumer_flags;
    // Nothing here panics; a bug must still not unwind into C, nor end the job.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `lend` made the pointer with `Arc::into_raw`, and this takes
        // that one count back.
        let lent = unsafe { Arc::from_raw(lent.cast::<distarray_array>()) };
        last_word(&lent, flags);
    }));
}
