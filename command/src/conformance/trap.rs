//! Says where a crash came from when it came from one stretch of memory.
#![allow(unsafe_code)] // a signal handler

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::pages::Pages;

/// The stretch; empty where nothing is to be said.
static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);

/// What is written, and to which descriptor: ready before the signal comes, because
/// nothing can be made then.
static LINE: OnceLock<Vec<u8>> = OnceLock::new();
static DESCRIPTOR: AtomicI32 = AtomicI32::new(-1);

/// Has a line written when an access to these pages crashes.
pub fn set(pages: &Pages, line: Vec<u8>, descriptor: i32) {
    LINE.get_or_init(|| line);
    DESCRIPTOR.store(descriptor, Ordering::SeqCst);
    START.store(pages.start.addr(), Ordering::SeqCst);
    END.store(pages.start.addr() + pages.len, Ordering::SeqCst);
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_crash;
    // SAFETY: zeroes are a valid, empty action; the handler only makes calls that a
    // signal handler may make.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut());
    }
}

/// Says nothing more.
pub fn clear() {
    END.store(0, Ordering::SeqCst);
}

extern "C" fn on_crash(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the system passes what SA_SIGINFO promises. Back in its place the default
    // action ends the process, by the same access.
    unsafe {
        let address = (*info).si_addr().addr();
        if let Some(line) = LINE.get()
            && (START.load(Ordering::SeqCst)..END.load(Ordering::SeqCst)).contains(&address)
        {
            libc::write(DESCRIPTOR.load(Ordering::SeqCst), line.as_ptr().cast(), line.len());
        }
        libc::signal(signal, libc::SIG_DFL);
    }
}
