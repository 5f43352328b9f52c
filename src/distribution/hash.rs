//! Hashes that ranks add up: equal everywhere, of words alone, never random.

/// One round of SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hash of a sequence; `seed` says what it is a hash of.
pub(super) fn words(seed: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)), |hash, word| {
        mix(hash.rotate_left(23) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    })
}
