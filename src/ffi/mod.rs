//! The C ABI: the only door to other languages. No other room knows it.

pub mod abi;
