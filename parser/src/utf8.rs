//! UTF-8 text: whether bytes are, and where a cut went through a character.

use crate::{Error, Fault};

/// The text that `bytes`, the field `name` at `offset`, must be.
pub(crate) fn text<'a>(bytes: &'a [u8], offset: usize, name: &'static str) -> Result<&'a str, Error> {
    core::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let fault = Fault::InvalidUtf8 { found: bytes.get(at).copied().unwrap_or_default() };
        Error::new(offset + at, name, fault)
    })
}

/// Bytes that may be text cut out of a longer one: what is left of a character begun before, whole characters, and the
/// beginning of one that continues after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// How many bytes at the start continue a character begun before; at most 3.
    pub(crate) head: usize,
    /// Where the whole characters end.
    pub(crate) tail: usize,
    /// Whether what lies between is UTF-8.
    pub(crate) valid: bool,
}

/// Finds the cuts. `head` is 0 unless continuation bytes come first and the rest is text.
pub(crate) fn pieces(bytes: &[u8]) -> Pieces {
    let mut head = bytes.iter().take(4).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    if head > 3 {
        head = 0;
    }
    match core::str::from_utf8(bytes.get(head..).unwrap_or_default()) {
        Ok(_) => Pieces { head, tail: bytes.len(), valid: true },
        Err(error) => Pieces {
            head,
            tail: head + error.valid_up_to(),
            // Without a length the error is that the bytes end in the middle of a character.
            valid: error.error_len().is_none(),
        },
    }
}

/// Whether text has control characters that people do not write.
pub(crate) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_cut_at_each_place_is_seen_on_both_sides() {
        let text = "说\u{1F600}".as_bytes();
        for cut in 0..=text.len() {
            let (before, after) = text.split_at(cut);
            let (b, a) = (pieces(before), pieces(after));
            assert!(b.valid && a.valid, "cut at {cut}");
            let inside = core::str::from_utf8(before).is_err();
            assert_eq!(b.tail < before.len(), inside, "cut at {cut}");
            assert_eq!(a.head > 0, inside, "cut at {cut}");
        }
    }

    #[test]
    fn noise_is_not_valid() {
        assert!(!pieces(&[0xff, 0xfe]).valid);
        assert!(!pieces(&[0x80, 0x80, 0x80, 0x80]).valid);
        assert!(!pieces(b"a\xffb").valid);
    }
}
