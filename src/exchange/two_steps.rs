//! Whether messages go straight to their receivers or through relays, in two steps.
//!
//! The time of a round is that of the busiest rank, by Hockney's model: starting a message
//! takes [`START`] seconds, and each byte that is sent takes [`BYTE`]. In two steps a rank
//! starts about `2 sqrt(ranks)` messages at most, whatever the number of its peers, but
//! every byte is sent twice and copied once more on the way. So relays pay for patterns in
//! which nearly all ranks exchange a little with nearly all others: blocks that become
//! cyclic, or a transposition, on many ranks.
//!
//! | ranks that all exchange | two steps for messages shorter than |
//! |---|---|
//! | 64 | 3.7 KB |
//! | 1,024 | 4.7 KB |
//! | 1,048,576 | 5.0 KB |

use std::sync::Arc;

use super::message::Message;
use super::plan::Plan;
use crate::comm::{Bundle, Comm, Op, Relays};
use crate::error::Result;

/// Seconds to start a message: what present networks and MPIs need, half of it the sender's.
const START: f64 = 1e-6;

/// Seconds to send a byte, at 10 GB/s, and to copy one.
const BYTE: f64 = 1e-10;

/// Bytes of the elements that a choice is made for, before their type is known.
const ITEMSIZE: f64 = 8.0;

/// Ranks below which two steps never start fewer messages than one.
const FEWEST: usize = 8;

/// The environment variable that makes the choice: `always` or `never`, alike on all ranks.
const SWITCH: &str = "DISTARRAY_TWO_STEPS";

/// Seconds that a rank needs for messages that go straight to their receivers.
fn straight(messages: f64, bytes: f64) -> f64 {
    messages * START + bytes * BYTE
}

/// Seconds for the same through relays, on a square of so many ranks.
fn through_relays(ranks: f64, bytes: f64) -> f64 {
    2.0 * ranks.sqrt() * START + (2.0 + 1.0) * bytes * BYTE
}

/// The relays of a plan's messages between nodes, where two steps are faster. Collective.
///
/// # Errors
/// `Comm` when the message layer fails.
pub(super) fn relays(comm: &Comm, plan: &Plan) -> Result<Option<Arc<Relays>>> {
    let near = comm.near()?;
    let number = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
    // In the order of ranks, of which each has one message.
    let far = |messages: &mut dyn Iterator<Item = Message<'_>>| {
        let bundle = |message: Message<'_>| {
            let (rank, elements) = (number(message.rank), number(message.elements()));
            let served = rank == comm.rank() || near.binary_search(&rank).is_ok();
            (!served).then_some(Bundle { rank, elements })
        };
        let mut bundles: Vec<Bundle> = messages.filter_map(bundle).collect();
        bundles.sort_by_key(|bundle| bundle.rank);
        bundles
    };
    let sends = far(&mut plan.sends());
    let elements: usize = sends.iter().map(|bundle| bundle.elements).sum();
    let wish = match std::env::var(SWITCH).as_deref() {
        Ok("always") => 2,
        Ok("never") => 1,
        _ => 0,
    };
    // What the busiest rank has to do, and what any rank was told.
    let mut most = [sends.len() as u64, elements as u64, wish];
    comm.all_reduce(&mut most, Op::Max)?;
    let [messages, bytes] = [most[0] as f64, most[1] as f64 * ITEMSIZE];
    let pays = match most[2] {
        0 => comm.size() >= FEWEST && through_relays(comm.size() as f64, bytes) < straight(messages, bytes),
        wish => wish == 2,
    };
    if !pays {
        return Ok(None);
    }
    let receives = far(&mut plan.receives());
    Relays::new(comm, near, &sends, &receives).map(|relays| Some(Arc::new(relays)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_the_model_says() {
        for (ranks, kilobytes) in [(64.0, 3.7), (1024.0, 4.7), (1_048_576.0, 5.0)] {
            let messages = ranks - 1.0;
            let pays = |length: f64| {
                through_relays(ranks, messages * length) < straight(messages, messages * length)
            };
            assert!(pays(1000.0 * (kilobytes - 0.05)) && !pays(1000.0 * (kilobytes + 0.05)), "{ranks}");
        }
        // Halos have few neighbours: straight, however small.
        assert!(straight(26.0, 0.0) < through_relays(1e6, 0.0));
    }
}
