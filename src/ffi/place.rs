//! Values written once, where they are to lie.
#![allow(unsafe_code)] // writes into room that is not initialised

use std::sync::Arc;

/// `Arc::new`, but with the room taken first: what `make` returns goes straight
/// there, where `Arc::new` would copy it once or twice on the way.
#[inline(always)]
pub(super) fn in_place<T>(make: impl FnOnce() -> T) -> Arc<T> {
    let room = room::<T>();
    // SAFETY: the room is that of an `Arc<T>`, nobody else knows it, and it is
    // initialised before it becomes one. Where `make` panics, it leaks.
    unsafe {
        room.write(make());
        Arc::from_raw(room)
    }
}

/// The room of a new `Arc`, as `Arc::into_raw` gives it. Without memory the process
/// ends, as it does by default: this never unwinds, so what the caller holds may
/// stay in registers.
extern "C" fn room<T>() -> *mut T {
    Arc::into_raw(Arc::<T>::new_uninit()).cast::<T>().cast_mut()
}
