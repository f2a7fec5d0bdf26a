//! Numbers for what has an identity, the same in every capture and on every machine.

/// A number of 64 bits of several, in their order.
pub(crate) fn key(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(0, |key, word| mixed(key ^ word))
}

/// Spreads what differs over all bits: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014). Keys are stored and compared
/// between machines, so this never changes.
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_splitmix64_and_order_matters() {
        assert_eq!(mixed(0), 0xE220_A839_7B1D_CDAF);
        assert_ne!(key([1, 2]), key([2, 1]));
    }
}
