//! A struct taken through C, lent on as asked for, and given back in any order.

use std::ptr::{null, null_mut};

use distarray::ffi::abi::*;
use distarray::ffi::*;

use crate::input::Input;
use crate::lender::Lender;
use crate::{WROTE, image};

pub fn through_c(lender: &Lender, access: u32, input: &mut Input) {
    let (mut loan, mut array) = (lender.loan(), null_mut());
    let live = loan.magic == DISTARRAY_MAGIC && loan.release.is_some();
    let before = image(&loan);
    let status = unsafe { distarray_array_import(&raw mut loan, access, &raw mut array, null_mut()) };
    if status != DISTARRAY_OK {
        assert!(array.is_null() && image(&loan) == before && lender.releases() == 0);
        // As the header's distarray_export_release does.
        if live && let Some(release) = loan.release {
            unsafe { release(&raw mut loan) };
        }
        assert_eq!(lender.releases(), u32::from(live));
        return;
    }
    assert!(loan.release.is_none() && loan.private_data.is_null() && lender.releases() == 0);
    let readable = lender.offsets().is_some_and(|offsets| lender.inside_real(&offsets));
    let mut told = 0;
    let mut loans: Vec<distarray_export> = Vec::new();
    let mut view = distarray_export::INIT;
    let status = unsafe { distarray_array_view(array.as_ref(), &raw mut view, null_mut()) };
    assert_eq!((status, view.release.is_some()), (DISTARRAY_OK, true));
    assert_eq!(unsafe { distarray_export_check(&raw const view, 1, null_mut()) }, DISTARRAY_OK);
    for _ in 0..input.below(5) {
        let word = input.below(8) as u64;
        let status = unsafe { distarray_array_mark_modified(array.as_ref(), word, null_mut()) };
        told |= if status == DISTARRAY_OK { word } else { 0 };
        let request = request(input, readable);
        let asked = if input.below(8) == 7 { null() } else { &raw const request };
        let mut lent = distarray_export::INIT;
        if unsafe { distarray_array_export(array, asked, &raw mut lent, null_mut()) } == DISTARRAY_OK {
            assert_eq!(unsafe { distarray_export_check(&raw const lent, 1, null_mut()) }, DISTARRAY_OK);
            loans.push(lent);
        } else {
            assert!(lent.release.is_none());
        }
        if input.below(2) == 1 && !loans.is_empty() {
            let mut back = loans.swap_remove(input.below(loans.len() as i64) as usize);
            give_back(&mut back, &mut told, input);
        }
    }
    let freed_first = input.below(2) == 1;
    if freed_first {
        unsafe { distarray_array_free(array) };
    }
    let copied = loans.iter().filter(|loan| loan.flags_info & DISTARRAY_I_COPIED != 0).count();
    // A copy does not need its original, unless that was said to be a copy too.
    if copied < loans.len() && lender.loan().flags_info & DISTARRAY_I_COPIED == 0 {
        assert_eq!(lender.releases(), 0);
    }
    for mut back in loans {
        give_back(&mut back, &mut told, input);
    }
    if !freed_first {
        assert_eq!(lender.releases(), 0);
        unsafe { distarray_array_free(array) };
    }
    assert_eq!(lender.releases(), 1);
    // The lender hears of every write, and of no other.
    assert_eq!(lender.told() & WROTE, (lender.loan().consumer_flags | told) & WROTE);
}

/// Releases a loan with a word on what was written, twice: the second does no harm.
fn give_back(loan: &mut distarray_export, told: &mut u64, input: &mut Input) {
    let Some(release) = loan.release else { panic!("a loan that is not live") };
    if loan.flags_write & DISTARRAY_W_READ_ONLY == 0 && loan.flags_read & DISTARRAY_R_NO_DATA == 0 {
        loan.consumer_flags = input.below(8) as u64;
        *told |= loan.consumer_flags;
    }
    unsafe { release(loan) };
    assert!(loan.release.is_none());
    unsafe { release(loan) };
}

/// Any request; a copy is asked for only of memory that is really there.
fn request(input: &mut Input, readable: bool) -> distarray_request {
    const NEVER: u32 = 1;
    distarray_request {
        struct_size: 128 * (input.below(16) != 15) as u32,
        max_abi_major: 1,
        max_abi_minor: input.any() as u32,
        access: input.below(5) as u32,
        known_flags_read: if input.below(2) == 1 { DISTARRAY_R_KNOWN_1_0 } else { input.any() as u32 },
        known_flags_write: if input.below(2) == 1 { DISTARRAY_W_KNOWN_1_0 } else { input.any() as u32 },
        layouts: input.below(9) as u32,
        dist_types: if input.below(2) == 1 { 0 } else { input.below(9) as u32 },
        copy: if readable { input.below(4) as u32 } else { NEVER },
        device_type: (input.below(16) - 13).max(0) as i32,
        device_id: input.any() as i32,
        min_alignment: if input.below(2) == 1 { 0 } else { input.any() as u32 },
        stream: null_mut(),
        reserved: [0; 9],
    }
}
