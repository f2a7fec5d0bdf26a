//! Reads a capture that grows, as it grows.

use std::ops::Range;
use std::time::{Duration, Instant};

use framescope_capture::{Index, Indexer, Options, ReadError, Source};

/// How often what was waited for too long is given up.
const BETWEEN_SETTLING: Duration = Duration::from_millis(50);
/// Bytes read at a time where more may be there than can be read.
const BYTES: u64 = 4 << 20;
/// Packets read at a time.
const PACKETS: usize = 16_384;

/// The index of a capture that grows, and what reads it on.
#[derive(Debug)]
pub struct Following {
    indexer: Indexer,
    index: Index,
    /// How many rows were handed out.
    rows: usize,
    settled: Instant,
    has_ended: bool,
}

impl Following {
    /// Begins to read a source, of which as much must be there as shows that it is a capture.
    ///
    /// # Errors
    /// A rule of `options` names no protocol, or the source is a capture of a kind that is not read.
    pub fn new(source: Source, options: &Options) -> Result<Following, ReadError> {
        let (indexer, index) = Indexer::new(source, options)?;
        Ok(Following { indexer, index, rows: 0, settled: Instant::now(), has_ended: false })
    }

    /// Reads all that is there now, and returns the new rows. There may be more, if the source [has not ended](Following::has_ended).
    pub fn read_on(&mut self) -> Range<usize> {
        self.read_to(self.index.source().length())
    }

    /// The same, but not for long: where more comes than is read, the caller is to notice what it waits for.
    pub fn read_some(&mut self) -> Range<usize> {
        self.read_to(self.index.position().saturating_add(BYTES).min(self.index.source().length()))
    }

    /// Reads on up to a position of the source.
    fn read_to(&mut self, end: u64) -> Range<usize> {
        while !self.has_ended {
            self.has_ended = !self.indexer.step(&mut self.index, PACKETS);
            self.settle();
            let (source, position) = (self.index.source(), self.index.position());
            // At the end of one that grows no longer there is a step yet.
            let is_more_expected = source.is_growing() || position < source.length();
            if self.indexer.is_waiting() || position >= end && is_more_expected {
                break;
            }
        }
        self.new_rows()
    }

    /// Whether all that is there was read.
    pub fn is_caught_up(&self) -> bool {
        self.has_ended || self.indexer.is_waiting()
    }

    /// Gives up what was waited for too long.
    fn settle(&mut self) {
        if self.settled.elapsed() >= BETWEEN_SETTLING {
            self.indexer.settle(&mut self.index);
            self.settled = Instant::now();
        }
    }

    fn new_rows(&mut self) -> Range<usize> {
        let before = std::mem::replace(&mut self.rows, self.index.row_count());
        before..self.rows
    }

    /// Whether the source has ended, and all of it was read.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What was read so far. Its rows are in the order in which they became complete.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Reads no further: what waits becomes rows, which are handed to `last`, then all rows are put in order and get what only the
    /// whole shows.
    pub fn finish(mut self, last: &mut dyn FnMut(&Index, Range<usize>)) -> Index {
        loop {
            self.indexer.prepare(&self.index);
            let goes_on = self.indexer.finish_step(&mut self.index);
            // Steps that put the rows in order bring none.
            let rows = self.new_rows();
            if !rows.is_empty() {
                last(&self.index, rows);
            }
            if !goes_on {
                return self.index;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Leg, Recorder};

    #[test]
    fn where_much_is_there_it_is_read_in_parts_that_are_all_of_it() {
        let (recorder, source) = Recorder::temporary().unwrap();
        let (from, to) = ("127.0.0.1:50000".parse().unwrap(), "127.0.0.1:9000".parse().unwrap());
        let datagram = vec![b'x'; 50_000];
        for _ in 0..200 {
            recorder.datagram(Leg::ONLY, from, to, &datagram);
        }
        recorder.flush();
        let mut following = Following::new(source, &Options::default()).unwrap();
        following.read_some();
        assert!(!following.is_caught_up() && following.index().packets() > 10);
        following.read_on();
        following.read_some();
        assert!(following.is_caught_up() && !following.has_ended());
        drop(recorder);
        while !following.has_ended() {
            following.read_some();
        }
        assert_eq!(following.finish(&mut |_, _| {}).row_count(), 200);
    }
}
