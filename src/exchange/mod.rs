//! Movement.
mod combine;
mod copy;
mod halo;
mod lists;
mod mover;
mod piece;
mod plan;
mod redistribution;
mod verdict;

pub use combine::{Accumulate, Scale};
pub use halo::{Halo, Pending};
pub use mover::Moved;
pub use piece::{Piece, Steps};
pub use plan::{AxisPart, Message, Plan};
pub use redistribution::Redistribution;
