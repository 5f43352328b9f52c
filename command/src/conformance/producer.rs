//! Scripts for code that lends.
#![allow(unsafe_code)] // calls foreign code and reads what it lends

use std::hash::{DefaultHasher, Hasher};
use std::mem::{ManuallyDrop, MaybeUninit, size_of};

use distarray::distribution::{Claim, faults};
use distarray::ffi::abi::*;
use distarray::ffi::{Description, Export};

use super::Rule;
use super::reporter::{Message, fault, step, tell};

/// `distarray_conformance_producer`.
pub type Producer = unsafe extern "C" fn(i32, i32, *mut distarray_export) -> i32;

pub const RULES: [Rule; 10] = [
    ("lend-1", "returns DISTARRAY_OK and a live loan, or an error and no loan"),
    ("lend-2", "overwrites all 256 bytes of the loan"),
    ("lend-3", "the loan keeps every rule that one rank can check"),
    ("lend-4", "the loans of all ranks are parts of one array"),
    ("lend-5", "the loan may be moved"),
    ("lend-6", "release sets release = NULL, wherever the loan is"),
    ("lend-7", "release may come from another thread"),
    ("lend-8", "a rank may be lent again, before and after release"),
    ("lend-9", "memory and description stay as they are until release"),
    ("lend-10", "memory lent without READ_ONLY may be written"),
];

type Script = fn(&Lender);

const SCRIPTS: [(&str, Script); 7] = [
    ("fill", fill),
    ("fit together", fit_together),
    ("move", moved),
    ("release on another thread", other_thread),
    ("lend again", lend_again),
    ("hold", hold),
    ("write", write),
];

pub fn scripts() -> Vec<&'static str> {
    SCRIPTS.iter().map(|(name, _)| *name).collect()
}

/// Runs a script by its name.
pub fn run(name: &str, ranks: i32, function: Producer) {
    if let Some((_, script)) = SCRIPTS.iter().find(|(script, _)| *script == name) {
        script(&Lender { function, ranks });
    }
}

/// The code under test.
struct Lender {
    function: Producer,
    ranks: i32,
}

/// A live loan, where it was filled in.
struct Lent {
    rank: i32,
    loan: Box<distarray_export>,
}

/// What the loan is filled with before it is lent.
const UNTOUCHED: u8 = 0xa5;

const BUSY: i32 = 30;

impl Lender {
    /// Asks for a rank's part, and checks the answer by the rules 1 to 3.
    fn lend(&self, rank: i32) -> Option<Lent> {
        self.ask(rank, "lend-1", false)
    }

    /// The same; a refusal breaks this rule, unless it says that the rank is lent already.
    fn ask(&self, rank: i32, rule: &'static str, lent_already: bool) -> Option<Lent> {
        let mut place = Box::new(MaybeUninit::<distarray_export>::uninit());
        step("lend-1", format!("lending rank {rank} of {}", self.ranks));
        // SAFETY: 256 bytes of our own. Every pattern of bytes is a struct of this type.
        let (status, loan) = unsafe {
            place.as_mut_ptr().write_bytes(UNTOUCHED, 1);
            let status = (self.function)(rank, self.ranks, place.as_mut_ptr());
            (status, place.assume_init())
        };
        let untouched = untouched(&loan);
        let live = loan.release.is_some() && !untouched.contains(&"release");
        if status != DISTARRAY_OK {
            if loan.release.is_some() {
                fault("lend-1", format!("rank {rank}: it returned {status}, and release is not NULL"));
            }
            if !(lent_already && status == BUSY) {
                fault(rule, format!("rank {rank}: it returned {status}, and lent nothing"));
            }
            return None;
        }
        if !untouched.is_empty() {
            fault("lend-2", format!("rank {rank}: not written: {}", untouched.join(", ")));
        }
        if !live {
            fault("lend-1", format!("rank {rank}: it returned DISTARRAY_OK, but release is not set"));
            return None;
        }
        if loan.consumer_flags != 0 {
            fault("lend-2", format!("rank {rank}: consumer_flags is {:#x}", loan.consumer_flags));
        }
        Some(Lent { rank, loan })
    }

    fn all(&self) -> Vec<Lent> {
        (0..self.ranks).filter_map(|rank| self.lend(rank)).collect()
    }
}

/// Fields that are as they were before the call.
fn untouched(loan: &distarray_export) -> Vec<&'static str> {
    let fields = loan.fields().filter(|(_, bytes)| bytes.iter().all(|&byte| byte == UNTOUCHED));
    fields.map(|(name, _)| name).collect()
}

impl Lent {
    /// What the loan says, by every rule that one rank can check.
    fn describe(&self) -> Option<Description> {
        step("lend-3", format!("reading what is lent as rank {}", self.rank));
        // SAFETY: a live loan; that its pointers are right is what is put to the test.
        let found = unsafe { ManuallyDrop::new(Export::from_raw(*self.loan)).describe() };
        found.map_err(|error| fault("lend-3", format!("rank {}: {error}", self.rank))).ok()
    }

    /// A hash of all elements, padding included; `None` where no data is lent.
    fn read(&self, rule: &str, what: &Description) -> Option<u64> {
        if self.loan.flags_read & DISTARRAY_R_NO_DATA != 0 {
            return None;
        }
        step(rule, format!("reading the elements of rank {}", self.rank));
        let mut hash = DefaultHasher::new();
        what.layout.for_each_stretch(|offset, length| {
            // SAFETY: elements of a live loan, as it describes them.
            hash.write(unsafe {
                std::slice::from_raw_parts(self.loan.data.cast::<u8>().offset(offset), length)
            });
        });
        Some(hash.finish())
    }

    fn release(self, rule: &'static str) {
        self.release_marked(rule, 0);
    }

    /// Gives the loan back, saying what was written.
    fn release_marked(mut self, rule: &'static str, consumer_flags: u64) {
        self.loan.consumer_flags = consumer_flags;
        step(rule, format!("releasing the loan of rank {}", self.rank));
        if let Some(release) = self.loan.release {
            // SAFETY: a live loan, released once.
            unsafe { release(&raw mut *self.loan) };
        }
        if self.loan.release.is_some() {
            fault("lend-6", format!("rank {}: release left release as it was, not NULL", self.rank));
        }
    }
}

fn fill(lender: &Lender) {
    for lent in lender.all() {
        if let Some(what) = lent.describe() {
            let _ = lent.read("lend-3", &what);
        }
        lent.release("lend-6");
    }
}

fn claim(what: &Description) -> Claim<'_> {
    let Description { dtype, layout, dim_data, identity } = what;
    Claim::of(dim_data).with_element(*dtype, layout.itemsize()).with_uid(identity.uid)
}

fn fit_together(lender: &Lender) {
    let lent = lender.all();
    let described: Vec<Description> = lent.iter().filter_map(Lent::describe).collect();
    if described.len() == usize::try_from(lender.ranks).unwrap_or(0) {
        let claims: Vec<Claim<'_>> = described.iter().map(claim).collect();
        faults(&claims).iter().for_each(|error| fault("lend-4", error.to_string()));
    }
    lent.into_iter().rev().for_each(|lent| lent.release("lend-6"));
}

fn moved(lender: &Lender) {
    for mut lent in lender.all() {
        let before = lent.describe();
        let old = (&raw const *lent.loan).addr();
        let mut inside = pointers(&lent.loan);
        inside.retain(|(_, to)| (old..old + size_of::<distarray_export>()).contains(to));
        for (field, _) in inside {
            fault("lend-5", format!("rank {}: {field} points into the struct itself", lent.rank));
        }
        let new = Box::new(*lent.loan);
        let mut old = std::mem::replace(&mut lent.loan, new);
        // The old place stays ours, and says something else from now on.
        // SAFETY: our own memory; every pattern of bytes is a struct of this type.
        unsafe { (&raw mut *old).write_bytes(0x5a, 1) };
        let after = lent.describe();
        if before.is_some() && after != before {
            fault("lend-5", format!("rank {}: the loan says something else after it was moved", lent.rank));
        }
        if let Some(what) = after {
            let _ = lent.read("lend-5", &what);
        }
        lent.release("lend-6");
        drop(old);
    }
}

/// Where the pointers of a loan lead.
fn pointers(loan: &distarray_export) -> Vec<(&'static str, usize)> {
    vec![
        ("private_data", loan.private_data.addr()),
        ("data", loan.data.addr()),
        ("alloc_base", loan.alloc_base.addr()),
        ("shape", loan.shape.addr()),
        ("strides", loan.strides.addr()),
        ("format", loan.format.addr()),
        ("dims", loan.dims.addr()),
        ("grid_ranks", loan.grid_ranks.addr()),
        ("meta", loan.meta.addr()),
        ("ext", loan.ext.addr()),
    ]
}

fn other_thread(lender: &Lender) {
    for lent in lender.all() {
        // A raw struct crosses threads as an `Export`, which may.
        let Lent { rank, loan } = lent;
        // SAFETY: a live loan, released once.
        let export = unsafe { Export::from_raw(*loan) };
        let thread = std::thread::spawn(move || {
            let loan = Box::new(export.into_raw());
            Lent { rank, loan }.release("lend-7");
        });
        let _ = thread.join();
    }
}

/// What a loan shows: its description, and a hash of its elements.
struct Seen {
    what: Description,
    elements: Option<u64>,
}

impl Lent {
    fn look(&self) -> Option<Seen> {
        let what = self.describe()?;
        let elements = self.read("lend-9", &what);
        Some(Seen { what, elements })
    }

    /// Compares what the loan shows with what was seen before.
    fn compare(&self, seen: &Seen, when: &str) {
        let Some(now) = self.look() else { return };
        if now.what != seen.what {
            fault("lend-9", format!("rank {}: described otherwise {when}", self.rank));
        } else if now.elements != seen.elements {
            fault("lend-9", format!("rank {}: the elements have changed {when}", self.rank));
        }
    }
}

fn lend_again(lender: &Lender) {
    for rank in 0..lender.ranks {
        let mut rule = "lend-1";
        for first_goes_first in [true, false] {
            let Some(first) = lender.ask(rank, rule, false) else { break };
            rule = "lend-8";
            let Some(seen) = first.look() else {
                first.release("lend-6");
                break;
            };
            let second = lender.ask(rank, rule, true);
            if second.is_none() {
                tell(&Message::Note("a rank is lent once at a time: the second loan was refused".into()));
            }
            let mut loans: Vec<Lent> = std::iter::once(first).chain(second).collect();
            loans.iter().skip(1).for_each(|lent| lent.compare(&seen, "when it was lent again"));
            if !first_goes_first {
                loans.reverse();
            }
            while !loans.is_empty() {
                loans.remove(0).release(rule);
                loans.iter().for_each(|lent| lent.compare(&seen, "when another loan of it was released"));
            }
            if let Some(third) = lender.ask(rank, rule, false) {
                third.compare(&seen, "when it was lent after a release");
                third.release(rule);
            }
        }
    }
}

fn hold(lender: &Lender) {
    let look = |lent: Lent| {
        let seen = lent.look();
        (lent, seen)
    };
    let held: Vec<(Lent, Option<Seen>)> = lender.all().into_iter().map(look).collect();
    for _ in 0..3 {
        for (held, _) in &held {
            if let Some(lent) = lender.ask(held.rank, "lend-8", true) {
                lent.release("lend-8");
            }
        }
    }
    for (lent, seen) in held {
        if let Some(seen) = seen {
            lent.compare(&seen, "before it was released");
        }
        lent.release("lend-6");
    }
}

fn write(lender: &Lender) {
    const FORBIDDEN: u32 = DISTARRAY_W_READ_ONLY | DISTARRAY_W_ALIASED;
    let mut read_only = false;
    for lent in lender.all() {
        let what = lent.describe();
        read_only |= lent.loan.flags_write & FORBIDDEN != 0;
        let writable =
            lent.loan.flags_write & FORBIDDEN == 0 && lent.loan.flags_read & DISTARRAY_R_NO_DATA == 0;
        let Some(what) = what.filter(|_| writable) else {
            lent.release("lend-6");
            continue;
        };
        step("lend-10", format!("writing the elements of rank {}, as they are", lent.rank));
        what.layout.for_each_stretch(|offset, length| {
            for at in 0..length {
                // SAFETY: elements of a live loan that may be written, as it describes them.
                unsafe {
                    let byte = lent.loan.data.cast::<u8>().offset(offset).add(at);
                    byte.write_volatile(byte.read_volatile());
                }
            }
        });
        lent.release_marked("lend-6", DISTARRAY_C_MODIFIED);
    }
    if read_only {
        tell(&Message::Note("memory is lent for reading only, at least of one rank".into()));
    }
}
