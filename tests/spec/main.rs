//! The specification and the library say the same: every vector of `protocol-spec/`
//! has the verdict that it states, every rule has vectors, and the second checker,
//! written from the text, agrees on random cases.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // small numbers of the vectors

#[path = "../common/dealing.rs"]
mod dealing;
mod files;
mod forms;
mod loans;
mod random;
mod reference;
mod text;
mod vectors;
mod verdicts;
