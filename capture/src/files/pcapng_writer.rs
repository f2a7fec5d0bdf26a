//! Blocks of a pcapng file as they are written: for packets that are exported, and for texts that become captures.

use std::io::{self, Write};

/// Writes a block of a pcapng file, little-endian: its type, its parts one after another, padded, its length at both ends.
pub(crate) fn write_block(out: &mut dyn Write, block_type: u32, body: &[&[u8]]) -> io::Result<()> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let padding = length.next_multiple_of(4) - length;
    let total = u32::try_from(12 + length + padding).map_err(io::Error::other)?.to_le_bytes();
    out.write_all(&block_type.to_le_bytes())?;
    out.write_all(&total)?;
    body.iter().try_for_each(|part| out.write_all(part))?;
    out.write_all([0; 3].get(..padding).unwrap_or_default())?;
    out.write_all(&total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_padded_and_has_its_length_at_both_ends() {
        for (body, length) in [(&b""[..], 12), (b"a", 16), (b"abcd", 16), (b"abcde", 20)] {
            let mut out = Vec::new();
            write_block(&mut out, 6, &[body]).unwrap();
            assert_eq!(out.len(), length as usize);
            assert_eq!(out[4..8], u32::to_le_bytes(length));
            assert_eq!(out[out.len() - 4..], u32::to_le_bytes(length));
            assert!(out[8..].starts_with(body));
        }
    }
}
