//! Movement.
mod combine;
mod copy;
mod halo;
mod lists;
mod mover;
mod piece;
mod plan;
mod redistribution;
mod shared;
mod verdict;

pub use combine::{Accumulate, Scale};
pub use halo::{BoundHalo, Halo, Pending};
pub use mover::Moved;
pub(crate) use mover::Mover;
pub use piece::{Piece, Steps};
pub use plan::{AxisPart, Message, Plan};
pub use redistribution::Redistribution;
pub(crate) use shared::Node;
pub use shared::is_shared;
