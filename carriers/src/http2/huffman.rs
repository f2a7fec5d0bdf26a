//! The Huffman code of HPACK, RFC 7541 appendix B.
//!
//! The code is canonical: shorter codes come first, and those of one length follow the order of their symbols, so that the
//! lengths describe all of it.

/// The length of each byte's code, in bits.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
    10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
    15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
    6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
    23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
    23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
    26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

const LONGEST: usize = 30;

/// The codes of one length, which are numbers that follow each other.
#[derive(Clone, Copy)]
struct Group {
    /// The first code that is longer, as if it were of this length.
    end: u32,
    /// The number of the first code.
    first: u32,
    /// Where the symbol of the first code is in [`Code::symbols`].
    at: usize,
}

struct Code {
    groups: [Group; LONGEST + 1],
    symbols: [u8; 256],
}

static CODE: Code = code();

#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)] // Of constants, when this is compiled.
const fn code() -> Code {
    let mut groups = [Group { end: 0, first: 0, at: 0 }; LONGEST + 1];
    let mut symbols = [0; 256];
    let (mut next, mut at, mut length) = (0u32, 0usize, 1usize);
    while length <= LONGEST {
        let (first, begin) = (next, at);
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                symbols[at] = symbol as u8;
                at += 1;
                next += 1;
            }
            symbol += 1;
        }
        groups[length] = Group { end: next, first, at: begin };
        next <<= 1;
        length += 1;
    }
    Code { groups, symbols }
}

/// What was encoded; None if that is none of the codes, or what follows the last one is not the padding that belongs there.
pub(crate) fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len().saturating_mul(8) / 5);
    let (mut bits, mut count) = (0u64, 0usize);
    let mut bytes = encoded.iter();
    loop {
        while count <= 56 {
            let Some(&byte) = bytes.next() else { break };
            bits = bits << 8 | u64::from(byte);
            count += 8;
        }
        let mut length = 5;
        let found = loop {
            if length > count || length > LONGEST {
                break None;
            }
            let group = CODE.groups.get(length)?;
            let code = u32::try_from(bits >> (count - length) & ((1 << length) - 1)).ok()?;
            if code < group.end {
                break Some(*CODE.symbols.get(group.at + usize::try_from(code - group.first).ok()?)?);
            }
            length += 1;
        };
        match found {
            Some(symbol) => {
                decoded.push(symbol);
                count -= length;
            }
            // What is left are the first bits of the longest code, which are ones, and fewer than a byte.
            None => {
                let rest = bits & ((1u64 << count.min(63)) - 1);
                return (count < 8 && rest == (1 << count) - 1).then_some(decoded);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let text = |hex: &[u8]| decode(hex).map(|bytes| String::from_utf8(bytes).unwrap());
        let www = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(text(&www).as_deref(), Some("www.example.com"));
        assert_eq!(text(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).as_deref(), Some("no-cache"));
        assert_eq!(text(&[]).as_deref(), Some(""));
    }

    #[test]
    fn padding_is_ones_and_shorter_than_a_byte() {
        // "a" is 00011.
        assert_eq!(decode(&[0b0001_1111]), Some(b"a".to_vec()));
        assert_eq!(decode(&[0b0001_1000]), None);
        assert_eq!(decode(&[0b0001_1111, 0xff]), None);
        assert_eq!(decode(&[0xff; 4]), None, "the end of the string is no symbol");
    }

    proptest! {
        #[test]
        fn what_another_library_encodes_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut encoded = Vec::new();
            httlib_huffman::encode(&bytes, &mut encoded).unwrap();
            prop_assert_eq!(decode(&encoded), Some(bytes));
        }

        /// It takes zeros as padding too, which the RFC forbids.
        #[test]
        fn what_is_read_is_what_another_library_reads(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Some(decoded) = decode(&bytes) {
                let mut other = Vec::new();
                httlib_huffman::decode(&bytes, &mut other, httlib_huffman::DecoderSpeed::OneBit).unwrap();
                prop_assert_eq!(decoded, other);
            }
        }
    }
}
