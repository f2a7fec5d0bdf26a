//! Bytes that are read into the same memory again and again, which is made zero only once.

use std::ops::Deref;

/// Bytes at hand. Its memory stays, so that what is read next need not be cleared before.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    filled: usize,
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.memory.get(..self.filled).unwrap_or_default()
    }
}

impl Buffer {
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Forgets the first bytes.
    pub(crate) fn forget(&mut self, count: usize) {
        let count = count.min(self.filled);
        if count > 0 {
            self.memory.copy_within(count..self.filled, 0);
            self.filled -= count;
        }
    }

    /// Adds `count` bytes behind the others, to be written by who is given them. What they are before that means nothing.
    pub(crate) fn add(&mut self, count: usize) -> &mut [u8] {
        let from = self.filled;
        self.filled += count;
        if self.memory.len() < self.filled {
            self.memory.resize(self.filled, 0);
        }
        self.memory.get_mut(from..self.filled).unwrap_or_default()
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.add(bytes.len()).copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_seen_again_only_where_it_was_added() {
        let mut buffer = Buffer::default();
        buffer.append(b"abcdef");
        buffer.forget(4);
        assert_eq!(*buffer, *b"ef");
        buffer.add(2).copy_from_slice(b"gh");
        assert_eq!(*buffer, *b"efgh");
        buffer.clear();
        assert_eq!(*buffer, *b"");
        buffer.append(b"x");
        assert_eq!(*buffer, *b"x");
        buffer.forget(9);
        assert_eq!(*buffer, *b"");
    }
}
