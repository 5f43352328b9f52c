//! What exchanges cost, counted from their plans.

use super::plan::Plan;
use crate::comm::Relays;

/// What one round of an exchange does on one rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Messages sent to other ranks.
    pub messages: usize,
    /// Bytes sent to other ranks.
    pub sent: usize,
    /// Bytes copied from this rank to itself.
    pub copied: usize,
}

impl Moved {
    /// What a plan moves of elements of this size, and what relays pass on.
    pub(super) fn of(plan: &Plan, itemsize: usize, relays: Option<&Relays>) -> Self {
        let (messages, elements) = relays.map_or((0, 0), Relays::sent);
        let mut moved = Self { messages, sent: elements * itemsize, copied: 0 };
        for message in plan.sends() {
            let bytes = usize::try_from(message.elements()).unwrap_or(0) * itemsize;
            if message.rank == plan.rank() {
                moved.copied += bytes;
            } else if !relays.is_some_and(|relays| relays.serves(message.rank)) {
                moved.messages += 1;
                moved.sent += bytes;
            }
        }
        moved
    }
}
