//! Scripts for code that takes: one for each kind of loan.
#![allow(unsafe_code)] // calls foreign code, and is called back by it

use std::mem::ManuallyDrop;
use std::sync::{Mutex, MutexGuard, PoisonError};

use distarray::ffi::Export;
use distarray::ffi::abi::*;
use distarray::protocol::Dim;

use super::Rule;
use super::loans::{Case, Made, cases};
use super::pages::Allow;
use super::reporter::{self, Message, fault, step, tell};
use super::trap;

/// `distarray_conformance_consumer`.
pub type Consumer = unsafe extern "C" fn(*mut distarray_export) -> i32;

pub const RULES: [Rule; 10] = [
    ("take-1", "takes and releases the loan, or refuses it and leaves it as it was"),
    ("take-2", "releases once"),
    ("take-3", "refuses what it cannot understand, and follows no pointer of it"),
    ("take-4", "refuses what is no loan"),
    ("take-5", "writes no memory that was lent for reading"),
    ("take-6", "touches no bytes but elements"),
    ("take-7", "says what it wrote"),
    ("take-8", "touches no memory after release"),
    ("take-9", "changes nothing of the loan but consumer_flags"),
    ("take-10", "takes at least one valid loan"),
];

/// One script for each loan.
pub fn scripts() -> Vec<&'static str> {
    cases().iter().map(|case| case.name).collect()
}

/// How many of them are valid.
pub fn valid() -> usize {
    cases().iter().filter(|case| case.refused_by.is_none()).count()
}

/// Runs a script by its name.
pub fn run(name: &str, take: Consumer) {
    if let Some(case) = cases().into_iter().find(|case| case.name == name) {
        offer(&case, take);
    }
}

/// What the release of the one loan that is out needs to know, and tells.
struct Watch {
    made: Made,
    /// What the memory held when it was lent.
    before: Vec<u8>,
    /// What may be done with it while it is lent.
    allow: Allow,
    releases: usize,
    /// What it held at the first release, and what was said to have been written.
    after: Option<(Vec<u8>, u64)>,
}

// SAFETY: the pointers in the struct are addresses to it.
unsafe impl Send for Watch {}

/// The loan that is out; release gets no pointer that it could trust.
static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

fn watch() -> MutexGuard<'static, Option<Watch>> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose bytes these are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Between elements.
    Nobody,
    /// Padding and ghosts.
    Neighbour,
    Here,
}

/// Offers one loan, and looks at what became of it.
fn offer(case: &Case, take: Consumer) {
    let made = case.make(give_back);
    let owners = owners(&made, case);
    let before = made.memory.read();
    let original = made.loan;
    made.description.allow(case.allow_description);
    made.memory.allow(case.allow);
    if case.allow_description == Allow::Reading {
        reporter::step_on_crash(&made.description, "take-9", "it wrote to what the loan points to");
    }
    *watch() = Some(Watch { made, before: before.clone(), allow: case.allow, releases: 0, after: None });

    let rule = match (case.refused_by, case.allow) {
        (Some(rule), _) => rule,
        (None, Allow::Reading) => "take-5",
        (None, _) => "take-6",
    };
    let kind = if case.refused_by.is_some() { "loan that must be refused" } else { "valid loan" };
    step(rule, format!("offering a {kind}, {}", case.name));
    let mut loan = original;
    // SAFETY: the function has this type, says the header; that it keeps to the rules is
    // what is put to the test.
    let status = unsafe { take(&raw mut loan) };
    step("take-1", "looking at what became of the loan");

    let Some(Watch { made, releases, after, .. }) = watch().take() else { return };
    made.memory.allow(Allow::Reading);
    let (now, flags) = after.unwrap_or_else(|| (made.memory.read(), loan.consumer_flags));
    if releases > 1 {
        fault("take-2", format!("released {releases} times"));
    }
    if status == DISTARRAY_OK {
        if let Some(rule) = case.refused_by {
            fault(rule, "it was taken, with DISTARRAY_OK");
        } else {
            tell(&Message::Taken);
        }
        if releases == 0 && original.release.is_some() {
            fault("take-1", "it returned DISTARRAY_OK, and has not released the loan");
        }
        if releases > 0 && loan.release.is_some() {
            fault(
                "take-1",
                "it released a copy of the loan and left the original alive: set release = NULL when moving",
            );
        }
    } else {
        if releases > 0 {
            fault("take-1", format!("it refused the loan, with {status}, and released it"));
        } else if let Some(field) = loan.first_difference(&original) {
            fault("take-1", format!("it refused the loan, with {status}, and changed {field}"));
        }
        if now != before {
            fault("take-1", format!("it refused the loan, with {status}, and wrote to the memory"));
        }
    }
    written(&before, &now, &owners, flags);
}

/// Compares what was written with what was said.
fn written(before: &[u8], now: &[u8], owners: &[Owner], flags: u64) {
    let changed = |whose: Owner| {
        let bytes = before.iter().zip(now).zip(owners);
        bytes.enumerate().find(|(_, ((was, is), owner))| was != is && **owner == whose).map(|(at, _)| at)
    };
    if let Some(at) = changed(Owner::Nobody) {
        fault("take-6", format!("byte {at} of the memory was written, which belongs to no element"));
    }
    let unsaid = |flag: u64| flags & flag == 0;
    if let Some(at) = changed(Owner::Here).filter(|_| unsaid(DISTARRAY_C_MODIFIED)) {
        fault("take-7", format!("byte {at}, of an owned element, was written without DISTARRAY_C_MODIFIED"));
    }
    let halo = DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID;
    if let Some(at) = changed(Owner::Neighbour).filter(|_| unsaid(halo)) {
        fault("take-7", format!("byte {at}, of padding, was written without DISTARRAY_C_HALO_MODIFIED"));
    }
}

/// Whose each byte of the memory is.
fn owners(made: &Made, case: &Case) -> Vec<Owner> {
    let mut owners = vec![Owner::Nobody; made.memory.len];
    if case.refused_by.is_some() {
        return owners;
    }
    // SAFETY: a loan of our own.
    let found = unsafe { ManuallyDrop::new(Export::from_raw(made.loan)).describe() };
    let what = match found {
        Ok(what) => what,
        Err(error) => panic!("{}: the loan is not valid: {error}", case.name),
    };
    let first = made.loan.data.addr().wrapping_sub(made.memory.start.addr());
    let mut mark = |offset: isize, length: usize, owner: Owner| {
        let at = first.wrapping_add_signed(offset);
        owners[at..at + length].fill(owner);
    };
    what.layout.for_each_stretch(|offset, length| mark(offset, length, Owner::Neighbour));
    let (owned, start) = what.layout.part(what.dim_data.dims().iter().map(Dim::owned_local));
    owned.for_each_stretch(|offset, length| mark(start + offset, length, Owner::Here));
    owners
}

/// The release of every loan here.
unsafe extern "C" fn give_back(loan: *mut distarray_export) {
    // SAFETY: the ABI passes the export that holds this callback.
    let Some(loan) = (unsafe { loan.as_mut() }) else {
        fault("take-2", "release was called with NULL");
        return;
    };
    let mut watch = watch();
    let Some(watch) = watch.as_mut() else {
        fault("take-2", "released after the call that took the loan had returned");
        return;
    };
    watch.releases += 1;
    if watch.releases == 1 {
        if let Some(field) = loan.first_difference(&watch.made.loan) {
            fault("take-9", format!("{field} was changed before release"));
        }
        let now = match watch.allow {
            Allow::Nothing => watch.before.clone(),
            _ => watch.made.memory.read(),
        };
        watch.after = Some((now, loan.consumer_flags));
        trap::clear();
        watch.made.memory.allow(Allow::Nothing);
        watch.made.description.allow(Allow::Nothing);
        step("take-8", "after the loan was released");
    }
    loan.release = None;
}
