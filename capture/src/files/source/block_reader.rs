//! Small reads of a source, served from larger blocks.

use std::io;

use super::Source;

/// However little is read at once, it counts as this much until the next check.
const MIN_COUNTED: usize = 16 << 10;
/// Bytes that are read at least: a page.
const MIN_BLOCK: usize = 4 << 10;
/// Bytes that are read between two checks that the file is still the one that was opened.
const BETWEEN_CHECKS: usize = 1 << 20;

/// Reads small parts of a [`Source`], mostly in rising order, a block at a time.
#[derive(Debug)]
pub struct BlockReader {
    source: Source,
    block: Vec<u8>,
    block_offset: u64,
    /// How many bytes are read at most, and how many the next time.
    max_block: usize,
    next_block: usize,
    /// How many bytes of the block were requested.
    used: usize,
    /// Bytes that may still be read before the next check of the file.
    unchecked: usize,
}

impl BlockReader {
    /// A reader that reads up to `block_length` bytes at a time.
    pub fn new(source: Source, block_length: usize) -> Self {
        let next_block = MIN_BLOCK.min(block_length);
        let (block, block_offset, max_block) = (Vec::new(), 0, block_length);
        BlockReader { source, block, block_offset, max_block, next_block, used: 0, unchecked: 0 }
    }

    /// What it reads from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Appends `length` bytes from `offset` on to `out`.
    ///
    /// # Errors
    /// As [`Source::read_exact_at`].
    pub fn read(&mut self, offset: u64, length: usize, out: &mut Vec<u8>) -> io::Result<()> {
        match self.lend(offset, length)? {
            Some(bytes) => out.extend_from_slice(bytes),
            None => {
                let from = out.len();
                out.resize(from + length, 0);
                self.source.read_exact_at(offset, out.get_mut(from..).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// `length` bytes from `offset` on without a copy, if they lie within one block.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    pub(crate) fn lend(&mut self, offset: u64, length: usize) -> io::Result<Option<&[u8]>> {
        let within = |block: &[u8], block_offset: u64| {
            let from = usize::try_from(offset.checked_sub(block_offset)?).ok()?;
            Some(from..from.checked_add(length)?).filter(|range| range.end <= block.len())
        };
        if within(&self.block, self.block_offset).is_none() && length <= self.max_block {
            self.load(offset, length)?;
        }
        self.used = self.used.saturating_add(length);
        Ok(within(&self.block, self.block_offset).and_then(|range| self.block.get(range)))
    }

    /// Reads the block that begins at `offset`, and has at least `length` bytes.
    fn load(&mut self, offset: u64, length: usize) -> io::Result<()> {
        // Scattered reads use little of a block: then the next is smaller, else larger.
        let is_useful = self.used >= self.block.len() / 4;
        let next = if is_useful { self.next_block * 4 } else { self.next_block / 4 };
        self.next_block = next.clamp(MIN_BLOCK, self.max_block.max(MIN_BLOCK)).min(self.max_block);
        let block_length = self.next_block.max(length);
        self.block.resize(block_length, 0);
        self.check(block_length.max(MIN_COUNTED))?;
        let read = self.source.read_unchecked(offset, &mut self.block)?;
        self.block.truncate(read);
        (self.block_offset, self.used) = (offset, 0);
        Ok(())
    }

    /// Checks the file before the first bytes are read from it, and at intervals.
    fn check(&mut self, length: usize) -> io::Result<()> {
        if self.unchecked < length {
            self.source.check_file()?;
            self.unchecked = BETWEEN_CHECKS;
        }
        self.unchecked = self.unchecked.saturating_sub(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A source of a mebibyte whose bytes say where they are, and the count of its reads.
    fn counted() -> (Source, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&reads);
        let read_at = move |offset: u64, buffer: &mut [u8]| {
            count.fetch_add(1, Ordering::Relaxed);
            let bytes = (offset..1 << 20).map(|at| (at % 251).to_le_bytes()[0]);
            Ok(buffer.iter_mut().zip(bytes).map(|(to, byte)| *to = byte).count())
        };
        (Source::from_reads("counted", 1 << 20, read_at), reads)
    }

    #[test]
    fn reads_in_rising_order_share_blocks_that_grow() {
        let (source, reads) = counted();
        let (mut reader, mut out) = (BlockReader::new(source, 64 << 10), Vec::new());
        for offset in (0..1 << 20).step_by(512) {
            reader.read(offset, 512, &mut out).unwrap();
        }
        assert!(out.iter().enumerate().all(|(at, &byte)| usize::from(byte) == at % 251));
        assert!(reads.load(Ordering::Relaxed) < 20, "{reads:?}");
    }

    #[test]
    fn what_is_longer_than_a_block_is_read_but_not_lent() {
        let (mut reader, mut out) = (BlockReader::new(counted().0, 4096), Vec::new());
        assert!(reader.lend(0, 5000).unwrap().is_none());
        reader.read(3, 5000, &mut out).unwrap();
        assert!(out.len() == 5000 && out[0] == 3);
        assert!(reader.lend((1 << 20) - 10, 11).unwrap().is_none());
        assert_eq!(
            reader.read((1 << 20) - 10, 11, &mut out).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
