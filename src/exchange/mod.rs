//! Movement.
mod combine;
mod copy;
mod piece;
mod plan;

pub use combine::{Accumulate, Scale};
pub use piece::{Piece, Steps};
pub use plan::{AxisPart, Message, Plan};
