//! Memory that bytes are read into repeatedly, and which is cleared only once.

use std::ops::Deref;

/// Bytes that were read. The memory stays, so that it need not be cleared before the next read.
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

    /// Removes the first bytes.
    pub(crate) fn remove_front(&mut self, count: usize) {
        let count = count.min(self.filled);
        if count > 0 {
            self.memory.copy_within(count..self.filled, 0);
            self.filled -= count;
        }
    }

    /// Adds `count` bytes after the others for the caller to write. Until then they are unspecified.
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
    fn bytes_are_in_the_buffer_only_once_they_are_added() {
        let mut buffer = Buffer::default();
        buffer.append(b"abcdef");
        buffer.remove_front(4);
        assert_eq!(*buffer, *b"ef");
        buffer.add(2).copy_from_slice(b"gh");
        assert_eq!(*buffer, *b"efgh");
        buffer.clear();
        assert_eq!(*buffer, *b"");
        buffer.append(b"x");
        assert_eq!(*buffer, *b"x");
        buffer.remove_front(9);
        assert_eq!(*buffer, *b"");
    }
}
