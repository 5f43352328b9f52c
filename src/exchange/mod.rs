//! Movement.
mod combine;
mod copy;
mod edges;
mod halo;
mod lists;
mod mover;
mod piece;
mod plan;
mod redistribution;
mod shared;
mod side;
mod verdict;

pub use combine::{Accumulate, Scale};
pub use edges::Edge;
pub(crate) use halo::Binding;
pub use halo::{BoundHalo, Halo, Pending};
pub use mover::Moved;
pub use piece::{Piece, Steps};
pub use plan::{AxisPart, Message, Plan};
pub use redistribution::Redistribution;
pub use shared::is_shared;
