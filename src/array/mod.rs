//! Memory: one process's part of a distributed array, owned here or lent by others.
//!
//! | type | is |
//! |---|---|
//! | [`DType`] | an element type as a value, in DLPack's codes |
//! | [`Element`] | an element type as a Rust type |
//! | [`Buffer`] | strided memory with an owner, of any element type |
//! | [`AnyArray`] | a buffer and its `dim_data` |
//! | [`DistArray<T>`](DistArray) | the same with the element type known |
//!
//! `AnyArray` is one struct, not an enum of typed arrays: files and C callers
//! bring records and strings too, which no list of Rust types can hold.
//!
//! Nothing here communicates, and no memory is copied unless a name says so.

mod any;
mod buffer;
mod dtype;
mod element;
mod heap;
mod layout;
mod memory;
mod owner;
mod typed;

pub(crate) use any::Whole;
pub use any::{AnyArray, ArrayMut, Identity};
pub use buffer::Buffer;
pub use dtype::DType;
pub use element::{Bool, Element};
pub(crate) use layout::Strided;
pub use layout::{Layout, Order};
pub(crate) use memory::Memory;
pub use memory::{Access, RawBuffer};
pub use owner::{Owner, Written};
pub use typed::DistArray;
