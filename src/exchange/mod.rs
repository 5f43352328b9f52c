//! Movement: halo exchange and redistribution, by one mover.
//!
//! A halo update *is* a redistribution from what ranks own to what they hold, and
//! accumulating a halo is the same the other way round. So there is one [`Plan`],
//! made from two layouts without a message, and one mover that runs it.
//!
//! | word | meaning |
//! |---|---|
//! | *piece* | elements that two ranks share along one axis, as positions in both memories |
//! | *message* | one coordinate for each axis: the product of the pieces shared with it |
//! | *core*, *rim* | pieces that the receiver owns, and pieces that lie in its halo |
//! | *route* | the way of a message, chosen on both ranks by what both know |
//! | *round* | one run of a plan: pack, send, copy what stays, unpack as it arrives |
//! | *lane* | how two ranks of one node pass elements on, part by part, in memory that both map |
//!
//! How elements travel, from the fastest way that is open to the slowest:
//! 1. within a rank, by one strided copy;
//! 2. within a node, from an array in [shared memory](crate::distribution::Distribution::shared_zeros),
//!    by one copy. Halos of a few bytes from each line, such as columns, go through a lane
//!    all the same, unless their lines exceed a cache and pass quickly between the cores of
//!    the two ranks, which these measure once;
//! 3. within a node, from any other memory, through a lane: two copies, the first of them
//!    past the caches of the sender unless the two ranks are near. The environment
//!    variable `DISTARRAY_SHARED_MEMORY=off` turns both off;
//! 4. by a message of the communicator, packed unless it is one stretch of memory; or,
//!    where most ranks exchange a little with most others, through relays in two steps:
//!    about `2 sqrt(ranks)` messages instead of one for each pair. The cost model that
//!    chooses is in `two_steps.rs`; `DISTARRAY_TWO_STEPS=always` or `never` overrules it.
//!
//! [`Halo`] and [`Redistribution`] agree on each call before they move anything: what
//! one rank finds wrong, all ranks return, and no target is touched. A
//! [bound](Halo::bind) halo agreed once. Where the message layer fails in the middle of
//! it the communicator is of no more use, and every later call says so.
//!
//! A consumer that does not take every array says what it accepts ([`Requirements`]); an
//! [`Accommodation`] hands it the array itself where that fits and moves the least
//! where it does not.
//!
//! What is not here: axes with more than 2^32 processes, and exchanges of one
//! communicator by several threads of a rank at once: each takes a
//! [duplicate](crate::comm::Comm::duplicate) of it.

mod accommodation;
mod bound;
mod combine;
mod copies;
mod copy;
mod deal;
mod edges;
mod halo;
mod lists;
mod make;
mod memory;
mod message;
mod misfits;
mod moved;
mod mover;
mod passage;
mod pending;
mod piece;
mod plan;
mod redistribution;
mod relabel;
mod required_axis;
mod requirements;
mod reshape;
mod rounds;
mod routes;
mod shared;
mod side;
mod staging;
mod storage;
mod two_steps;
mod verdict;

pub use accommodation::Accommodation;
pub(crate) use bound::Binding;
pub use bound::BoundHalo;
pub use combine::{Accumulate, Scale};
pub use edges::Edge;
pub use halo::Halo;
pub use message::{AxisPart, Message};
pub use misfits::Reason;
pub use moved::Moved;
pub use pending::Pending;
pub use piece::{Piece, Steps};
pub use plan::Plan;
pub use redistribution::Redistribution;
pub(crate) use relabel::best_ranks;
pub use required_axis::{Padding, RequiredAxis};
pub use requirements::{Components, Requirements};
pub use shared::is_shared;
pub use storage::Storage;
pub(crate) use verdict::agree;
