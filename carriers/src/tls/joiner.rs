//! Joins the handshake messages of one direction over its records, as far as they decide how the connection goes on.

/// A handshake message longer than this is none; those that are read here are far shorter.
pub(crate) const MAX_HANDSHAKE: usize = 1 << 18;
/// Of a message that is read, no more is stored.
const MAX_READ: usize = 1 << 16;

/// The kinds of handshake messages that are looked at.
pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const END_OF_EARLY_DATA: u8 = 5;
pub(crate) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(crate) const FINISHED: u8 = 20;
pub(crate) const KEY_UPDATE: u8 = 24;

/// The message that is being joined.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joiner {
    head: Vec<u8>,
    /// How many bytes of its contents are still to come.
    remaining: usize,
    /// Its contents, if they are looked at.
    contents: Vec<u8>,
    /// No message began where one should: what follows is left aside up to a record that begins with one.
    is_lost: bool,
}

/// The kind and the length that a handshake message begins with, if these bytes may be its beginning.
pub(crate) fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let &[kind, a, b, c, ..] = bytes else { return None };
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    (super::names::handshake(kind).is_some() && length <= MAX_HANDSHAKE).then_some((kind, length))
}

impl Joiner {
    /// Whether the next bytes are inside a message.
    pub(crate) fn is_within(&self) -> bool {
        !self.is_lost && self.has_begun()
    }

    /// Whether a message had begun when bytes were lost, or has.
    pub(crate) fn has_begun(&self) -> bool {
        !self.head.is_empty() || self.remaining > 0
    }

    /// Bytes are about to be lost: nothing continues what is known.
    pub(crate) fn cut(&mut self) {
        self.is_lost = true;
    }

    /// Bytes were lost.
    pub(crate) fn lose(&mut self) {
        *self = Joiner { is_lost: true, ..Joiner::default() };
    }

    /// Whether what is in a record continues what is known, or begins anew.
    pub(crate) fn may_take(&mut self, record: &[u8]) -> bool {
        if self.is_lost && header(record).is_some() {
            *self = Joiner::default();
        }
        !self.is_lost
    }

    /// Takes bytes up to the end of a message, and returns its kind, and its contents if they are looked at. None when all bytes
    /// are taken.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Option<(u8, Vec<u8>)> {
        if self.is_lost {
            return None;
        }
        while self.head.len() < 4 {
            let (&byte, rest) = bytes.split_first()?;
            *bytes = rest;
            self.head.push(byte);
            if self.head.len() == 4 {
                let Some((_, length)) = header(&self.head) else {
                    self.lose();
                    return None;
                };
                self.remaining = length;
            }
        }
        let kind = *self.head.first()?;
        let count = self.remaining.min(bytes.len());
        let (taken, rest) = bytes.split_at_checked(count)?;
        *bytes = rest;
        self.remaining -= count;
        let is_read = matches!(kind, CLIENT_HELLO | SERVER_HELLO | ENCRYPTED_EXTENSIONS);
        if is_read && self.contents.len() + self.remaining + count <= MAX_READ {
            self.contents.extend_from_slice(taken);
        }
        if self.remaining > 0 {
            return None;
        }
        self.head.clear();
        Some((kind, std::mem::take(&mut self.contents)))
    }

    /// How many bytes it stores.
    pub(crate) fn size(&self) -> usize {
        self.head.capacity() + self.contents.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_however_their_bytes_are_divided() {
        let mut bytes = vec![1, 0, 0, 3, 9, 9, 9, 20, 0, 0, 2, 5, 5, 5, 0, 0, 0, 2, 0, 1, 0];
        bytes.extend_from_slice(&[7; 256]);
        let expected = [(1, vec![9; 3]), (20, vec![]), (5, vec![]), (2, vec![7; 256])];
        for size in [1, 2, 3, 4, 5, 7, 100, 1000] {
            let (mut joiner, mut found) = (Joiner::default(), Vec::new());
            for mut part in bytes.chunks(size) {
                assert!(joiner.may_take(part));
                while let Some(message) = joiner.next(&mut part) {
                    found.push(message);
                }
            }
            assert_eq!(found, expected, "{size}");
            assert!(!joiner.is_within());
        }
    }

    #[test]
    fn after_a_loss_a_record_that_begins_with_a_message_is_waited_for() {
        let mut joiner = Joiner::default();
        let mut bytes: &[u8] = &[1, 0, 0, 9, 1];
        assert_eq!(joiner.next(&mut bytes), None);
        assert!(joiner.is_within());
        joiner.lose();
        assert!(!joiner.may_take(&[9, 9, 9, 9, 9]) && !joiner.is_within());
        assert!(joiner.may_take(&[14, 0, 0, 0]));
        assert_eq!(joiner.next(&mut &[14, 0, 0, 0][..]), Some((14, vec![])));
        // A length that no message has.
        assert_eq!(joiner.next(&mut &[1, 255, 0, 0, 1][..]), None);
        assert!(!joiner.is_within());
    }
}
