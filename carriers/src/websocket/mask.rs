//! The mask of a client's payload: the same four bytes over and over, combined by exclusive or.

/// Combines the bytes with the key. `at` is where in the payload they begin.
pub(super) fn apply(key: [u8; 4], at: usize, bytes: &mut [u8]) {
    let [a, b, c, d] = rotated(key, at);
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Some(eight) = chunk.first_chunk_mut::<8>() {
            *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip([a, b, c, d].into_iter().cycle()) {
        *byte ^= key;
    }
}

/// The key as it is at a place in the payload.
fn rotated(mut key: [u8; 4], at: usize) -> [u8; 4] {
    key.rotate_left(at % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn each_byte_is_combined_with_its_byte_of_the_key() {
        let key = [1, 2, 4, 8];
        for length in 0..40 {
            for at in 0..9 {
                let plain: Vec<u8> = (0..length).collect();
                let mut masked = plain.clone();
                apply(key, at, &mut masked);
                let expected: Vec<u8> =
                    plain.iter().enumerate().map(|(i, byte)| byte ^ key[(at + i) % 4]).collect();
                assert_eq!(masked, expected);
            }
        }
    }
}
