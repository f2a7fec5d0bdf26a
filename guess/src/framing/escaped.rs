//! Escapes between the ends of messages: SLIP's and COBS's, which a carrier takes out.

use super::{Enclosed, Rule};

/// What the bytes of messages are escaped by, so that none of them is the byte that ends one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// 0xdb 0xdc and 0xdb 0xdd stand for 0xc0 and 0xdb.
    Slip,
    /// Each run begins with how many bytes later there would be a zero.
    Cobs,
}

/// So many escapes, or so many messages that lead to their end, are none by chance.
const ENOUGH: usize = 4;

impl Escapes {
    /// Those of the messages that a rule finds, if they have any.
    pub(crate) fn of(rule: &Rule, messages: &[&[u8]]) -> Option<Escapes> {
        match rule {
            Rule::Terminator(end) | Rule::Enclosed(Enclosed { end, after: 0, is_doubled: false, .. }) => {
                match end.as_slice() {
                    [0xC0] => (slip(messages)? >= ENOUGH).then_some(Escapes::Slip),
                    [0] => (cobs(messages)? >= ENOUGH).then_some(Escapes::Cobs),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The protocol that takes them out.
    pub(crate) fn carrier(self) -> &'static str {
        match self {
            Escapes::Slip => "slip",
            Escapes::Cobs => "cobs",
        }
    }
}

/// How many of SLIP's escapes messages have. None if there is another.
fn slip(messages: &[&[u8]]) -> Option<usize> {
    let mut count = 0;
    for message in messages {
        for at in memchr::memchr_iter(0xDB, message) {
            if !matches!(message.get(at + 1), Some(0xDC | 0xDD)) {
                return None;
            }
            count += 1;
        }
    }
    Some(count)
}

/// How many different messages are COBS's. None if one is not.
fn cobs(messages: &[&[u8]]) -> Option<usize> {
    let mut different = messages.to_vec();
    different.sort_unstable();
    different.dedup();
    let is_whole = |message: &&[u8]| {
        let contents = message.strip_suffix(&[0]).unwrap_or(message);
        let mut at = 0;
        while let Some(&code) = contents.get(at) {
            at += usize::from(code);
        }
        at == contents.len() && !contents.is_empty()
    };
    different.iter().all(is_whole).then_some(different.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_escapes_and_no_others_are_found() {
        let rule = Rule::Terminator(vec![0xC0]);
        let escaped: [&[u8]; 2] = [b"a\xdb\xdcb\xdb\xdd\xc0", b"\xdb\xdc\xdb\xdc\xc0"];
        assert_eq!(Escapes::of(&rule, &escaped), Some(Escapes::Slip));
        assert_eq!(Escapes::of(&rule, &escaped[1..]), None);
        assert_eq!(Escapes::of(&rule, &[escaped[0], escaped[1], b"\xdb\xc0"]), None);
        assert_eq!(Escapes::of(&Rule::Terminator(vec![0xC1]), &escaped), None);
    }

    #[test]
    fn cobs_leads_to_the_end_of_each_message() {
        let rule = Rule::Terminator(vec![0]);
        let mut escaped: Vec<&[u8]> = vec![b"\x03ab\x02c\0", b"\x01\x01\0", b"\x05abcd\0", b"\x02x\0"];
        assert_eq!(Escapes::of(&rule, &escaped), Some(Escapes::Cobs));
        assert_eq!(Escapes::of(&rule, &escaped[1..]), None);
        escaped.push(b"\x09abc\0");
        assert_eq!(Escapes::of(&rule, &escaped), None);
        let texts: [&[u8]; 5] = [b"one\0", b"two\0", b"three\0", b"four\0", b"five\0"];
        assert_eq!(Escapes::of(&rule, &texts), None);
    }
}
