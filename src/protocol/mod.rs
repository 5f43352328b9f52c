//! The Distributed Array Protocol as types: what one process knows about its part.
//!
//! Everything here is pure: no memory but its own, no messages, no unsafe.
//!
//! | word | meaning |
//! |---|---|
//! | *held* | every element of the local buffer, padding included |
//! | *owned* | held, less communication padding and ghosts: each global element once |
//! | *boundary padding* | padding at the outer side of the first and last process; owned and counted in `size` |
//! | *communication padding* | every other padding: copies of elements that a neighbour owns |
//! | *coordinate* | `proc_grid_rank`: the position of a process along one axis of the grid |
//!
//! Two versions are spoken. **0.10.0** is the protocol as published; every
//! `dim_data` it can say is read, and written back in it. **1.0.0** adds what
//! real arrays need and 0.10.0 cannot say: the order of the process grid and
//! replicas ([`ProcGrid`]), a first process other than 0 and a first block cut
//! short (cyclic axes), halos outside the global range (`edge_outside`), ghosts
//! (`num_owned`), and component axes. A [`DimData`] knows which of the two it needs.

mod axis_map;
mod deal;
mod dim;
mod dim_data;
mod dist;
mod grid;
mod indices;
mod json;
pub(crate) mod literal;
mod regular;
mod run;
mod text;
mod validate;
mod value;

pub(crate) use axis_map::AxisRule;
pub use axis_map::{AxisMap, Stretch};
pub use dim::Dim;
pub use dim_data::{DimData, Version};
pub use dist::Dist;
pub use grid::{GridOrder, ProcGrid};
pub use indices::Indices;
pub(crate) use regular::{Blocks, Regular};
pub use run::{Run, Runs};
pub use text::{Reading, Repair};
pub use value::Value;
