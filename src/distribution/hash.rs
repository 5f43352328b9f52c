//! Hashes that ranks add up: equal everywhere, of words alone, never random.
#![allow(clippy::cast_possible_truncation)] // halves of a product

use crate::comm::Comm;

/// One round of SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hash of a sequence; `seed` says what it is a hash of.
///
/// One folded multiplication per word, as in wyhash, and a finaliser.
pub(super) fn words(seed: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(ODD);
        // The two halves of the product.
        let (low, high) = (product as u64, (product >> 64) as u64);
        (low ^ high).wrapping_add(hash.rotate_left(29))
    };
    mix(words.into_iter().fold(seed.wrapping_add(1).wrapping_mul(ODD), fold))
}

/// A term that vanishes in the sum over all ranks when all bring the same words:
/// it telescopes around the ring of ranks.
pub(crate) fn ring_term(comm: &Comm, same: impl Iterator<Item = u64>) -> u64 {
    let (rank, ranks) = (comm.rank() as u64, comm.size() as u64);
    let alike = words(22, same);
    let term = |rank| words(23, [rank, alike]);
    term(rank).wrapping_sub(term((rank + ranks - 1) % ranks))
}

/// Hash of words that ranks compare.
pub(crate) fn hash_words(these: impl IntoIterator<Item = u64>) -> u64 {
    words(24, these)
}
