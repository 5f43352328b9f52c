//! The fields of a loan by their names, to say which one it is.
#![allow(unsafe_code)] // shows a struct as its bytes

use std::mem::{offset_of, size_of};
use std::slice;

use super::abi::distarray_export;

macro_rules! fields {
    ($($name:ident)*) => {
        /// Name and first byte of every field, in order.
        const FIELDS: &[(&str, usize)] = &[$((stringify!($name), offset_of!(distarray_export, $name))),*];
    };
}

fields! {
    magic struct_size abi_major abi_minor release private_data flags_read flags_write flags_info
    consumer_flags data byte_offset alloc_base alloc_bytes device_type device_id sync_event
    dtype_code dtype_bits dtype_lanes ndim itemsize shape strides format dims process_rank
    process_count grid_ranks uid epoch meta n_meta ext reserved
}

impl distarray_export {
    /// Every field, its name and bytes.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        // SAFETY: a struct without padding, as its fields' offsets and sizes are asserted.
        let bytes = unsafe { slice::from_raw_parts((&raw const *self).cast::<u8>(), size_of::<Self>()) };
        let ends = FIELDS.iter().skip(1).map(|(_, at)| *at).chain([bytes.len()]);
        FIELDS.iter().zip(ends).map(move |((name, at), end)| (*name, &bytes[*at..end]))
    }

    /// The first field that is not the same in the other, `consumer_flags` apart.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<&'static str> {
        let mut pairs = self.fields().zip(other.fields());
        let differs = pairs.find(|((name, one), (_, two))| one != two && *name != "consumer_flags");
        differs.map(|((name, _), _)| name)
    }
}
