//! `DISTARRAY_CHECK=1`: every loan that passes the border is watched.
//!
//! Nothing of this runs without it but one load of an atomic in each function that
//! lends, takes or gives back. The rules are those of `distarray_conformance.h`.
//!
//! - What the library lends is checked as a foreign loan would be. A loan is known
//!   until its release: a second one is refused, a changed field named.
//! - What the library takes is checked in what is passed over for speed: names and
//!   extensions, that the memory is there, that truth values are 0 or 1. At release
//!   the lender must still describe the same, and set release to NULL.
//! - An array is freed once.
//!
//! What can be returned as an error is; the rest is said on standard error, and
//! nothing is touched that has ended.
#![allow(unsafe_code)] // follows the pointers of foreign structs

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::mem::size_of;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::abi::*;
use super::description::{Description, describe_strictly, open};
use super::memory_map;
use crate::array::{Access, DType};
use crate::error::{Error, ErrorKind, Result};

/// Whether loans are watched: the environment as it was at the first question.
#[inline(always)]
pub(super) fn on() -> bool {
    match STATE.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => ask(),
    }
}

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

#[cold]
fn ask() -> bool {
    let on = std::env::var_os("DISTARRAY_CHECK").is_some_and(|value| !value.is_empty() && value != "0");
    STATE.store(if on { ON } else { OFF }, Ordering::Relaxed);
    on
}

/// What is out, by address.
#[derive(Default)]
struct Known {
    /// Loans of each array of ours, as they were lent.
    lent: HashMap<usize, Vec<distarray_export>>,
    /// What foreign loans described when they were taken, by their keeper.
    taken: HashMap<usize, Description>,
    handles: HashSet<usize>,
}

// SAFETY: the pointers in the structs are addresses to it.
unsafe impl Send for Known {}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Never held while foreign code runs.
fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say(rule: &str, what: &str) {
    tell(&format!("{what} [rule {rule}]"));
}

fn tell(what: &str) {
    // Where nobody listens, nothing is to be done.
    let _ = writeln!(io::stderr(), "distarray: DISTARRAY_CHECK: {what}");
}

/// A loan was made by this library.
#[cold]
pub(super) fn lent(loan: &distarray_export) {
    // SAFETY: a loan of our own.
    if let Err(error) = unsafe { open(loan).and_then(|loan| describe_strictly(loan)) } {
        say("lend-3", &format!("the library lends what it would not take, please report it: {error}"));
    }
    known().lent.entry(loan.private_data.addr()).or_default().push(*loan);
}

/// A loan of this library is being released; whether it was out.
#[cold]
pub(super) fn released(loan: &distarray_export) -> bool {
    if loan.release.is_none() {
        say("take-2", "release was called on a loan that has ended: its release is NULL");
        return false;
    }
    let key = loan.private_data.addr();
    let mut known = known();
    let Some(out) = known.lent.get_mut(&key) else {
        drop(known);
        say("take-2", "a loan was released twice: set release = NULL in the source when moving it");
        return false;
    };
    let at = out.iter().position(|lent| loan.first_difference(lent).is_none());
    let lent = out.swap_remove(at.unwrap_or(0));
    if out.is_empty() {
        known.lent.remove(&key);
    }
    drop(known);
    if let Some(field) = loan.first_difference(&lent) {
        say("take-9", &format!("{field} of a loan was changed between lending and release"));
    }
    true
}

/// A loan of this library came back without a release.
#[cold]
pub(super) fn returned(loan: &distarray_export) {
    released(loan);
}

/// A foreign loan is about to be taken.
///
/// # Errors
/// What the usual checks pass over.
///
/// # Safety
/// As for `describe_strictly`, which the loan has passed with data.
#[cold]
pub(super) unsafe fn offered(loan: &distarray_export, access: Access) -> Result<()> {
    let place = (&raw const *loan).addr();
    let inside = |pointer: usize| (place..place + size_of::<distarray_export>()).contains(&pointer);
    for (field, pointer) in [
        ("data", loan.data.addr()),
        ("shape", loan.shape.addr()),
        ("strides", loan.strides.addr()),
        ("format", loan.format.addr()),
        ("dims", loan.dims.addr()),
        ("grid_ranks", loan.grid_ranks.addr()),
        ("meta", loan.meta.addr()),
        ("ext", loan.ext.addr()),
        ("private_data", loan.private_data.addr()),
    ] {
        if inside(pointer) {
            let why = "no field may point into the struct itself, which is moved";
            return Err(Error::new(ErrorKind::Bounds, why).in_field(field).by_rule("lend-5"));
        }
    }
    // SAFETY: the caller's promise, for all three.
    unsafe {
        names(loan)?;
        extensions(loan)?;
        elements(loan, access)
    }
}

/// # Safety
/// As for [`offered`].
unsafe fn names(loan: &distarray_export) -> Result<()> {
    let wrong = |what| Err(Error::new(ErrorKind::Null, what).in_field("meta").by_rule("lend-3"));
    if loan.n_meta < 0 || loan.n_meta > 0 && loan.meta.is_null() {
        return wrong("meta needs n_meta entries");
    }
    for at in 0..usize::try_from(loan.n_meta).unwrap_or(0) {
        // SAFETY: `n_meta` entries are there.
        let entry = unsafe { &*loan.meta.add(at) };
        if entry.key.is_null() || entry.value.is_null() {
            return wrong("key and value must not be NULL");
        }
    }
    Ok(())
}

/// # Safety
/// As for [`offered`].
unsafe fn extensions(loan: &distarray_export) -> Result<()> {
    let wrong = |what| Err(Error::new(ErrorKind::Flag, what).in_field("ext").by_rule("lend-3"));
    /// More than anybody would chain.
    const MOST: usize = 1 << 12;
    let mut next = loan.ext;
    for _ in 0..MOST {
        if next.is_null() {
            return Ok(());
        }
        // SAFETY: a record is there.
        let record = unsafe { &*next };
        if (record.byte_size as usize) < size_of::<distarray_ext>() {
            return wrong("a record is smaller than its own header");
        }
        if record.critical != 0 && loan.flags_read & DISTARRAY_R_EXT == 0 {
            return wrong("a critical record needs the bit DISTARRAY_R_EXT");
        }
        next = record.next;
    }
    wrong("the chain does not end")
}

/// # Safety
/// As for [`offered`].
unsafe fn elements(loan: &distarray_export, access: Access) -> Result<()> {
    // SAFETY: the caller's promise.
    let Description { dtype, layout, .. } = unsafe { describe_strictly(loan) }?;
    if layout.is_empty() {
        return Ok(());
    }
    let (low, high) = layout.reach();
    let start = loan.data.addr();
    let range = start.wrapping_add_signed(low)..start.wrapping_add_signed(high);
    if let Some(why) = memory_map::refusal(range, access != Access::Read) {
        let rule = if access == Access::Read { "lend-9" } else { "lend-10" };
        return Err(Error::new(ErrorKind::Bounds, why).in_field("data").by_rule(rule));
    }
    let mut wrong = false;
    if dtype == DType::BOOL {
        layout.for_each_stretch(|offset, length| {
            // SAFETY: elements of a live loan, in memory that was found to be readable.
            let bytes = unsafe { std::slice::from_raw_parts(loan.data.cast::<u8>().offset(offset), length) };
            wrong |= bytes.iter().any(|&byte| byte > 1);
        });
    }
    if wrong {
        let why = "a truth value is 0 or 1, and another byte stands here";
        return Err(Error::new(ErrorKind::Range, why).in_field("data").by_rule("lend-3"));
    }
    Ok(())
}

/// A foreign loan was taken, and has this keeper.
///
/// # Safety
/// The loan is live, and has passed [`offered`].
#[cold]
pub(super) unsafe fn taken<T>(keeper: &T, loan: &distarray_export) {
    // SAFETY: the caller's promise.
    if let Ok(description) = unsafe { describe_strictly(loan) } {
        known().taken.insert((&raw const *keeper).addr(), description);
    }
}

/// A foreign loan is about to be released.
///
/// # Safety
/// The loan is live.
#[cold]
pub(super) unsafe fn before_release<T>(keeper: &T, loan: &distarray_export) {
    let Some(before) = known().taken.remove(&(&raw const *keeper).addr()) else { return };
    // SAFETY: the caller's promise: what it points to stays until release.
    match unsafe { describe_strictly(loan) } {
        Ok(now) if now == before => {}
        Ok(_) => say("lend-9", "the lender has changed the description of a loan before its release"),
        Err(error) => {
            say(
                "lend-9",
                &format!("the lender has changed the description of a loan before its release: {error}"),
            );
        }
    }
}

/// A foreign loan was released.
#[cold]
pub(super) fn after_release(loan: &distarray_export) {
    if loan.release.is_some() {
        say("lend-6", "the lender's release has not set release = NULL");
    }
}

/// A handle was given to C.
#[cold]
pub(super) fn handle_made<T>(handle: *const T) {
    known().handles.insert(handle.addr());
}

/// A handle is being freed; whether it is one.
#[cold]
pub(super) fn handle_freed<T>(handle: *const T) -> bool {
    let known_one = known().handles.remove(&handle.addr());
    if !known_one {
        freed_in_vain("distarray_array");
    }
    known_one
}

/// What was to be freed is no object of this name, or was freed.
#[cold]
pub(super) fn freed_in_vain(name: &str) {
    tell(&format!("{name}_free was called twice, or with what is no {name}"));
}
