//! Reads a capture that grows, as it grows.

use std::ops::Range;
use std::time::{Duration, Instant};

use framescope_capture::{Index, Indexer, Options, ReadError, Source};

/// How often what was waited for too long is given up.
const BETWEEN_SETTLING: Duration = Duration::from_millis(50);
/// How long is brief.
const BRIEFLY: Duration = Duration::from_millis(100);
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

    /// Reads all that is there, and returns the new rows. There may be more, if the source [has not ended](Following::has_ended).
    pub fn read_on(&mut self) -> Range<usize> {
        self.read_while(|| true)
    }

    /// The same, but no longer than a tenth of a second: rows are to be shown also where more arrives than can be read.
    pub fn read_briefly(&mut self) -> Range<usize> {
        let begun = Instant::now();
        self.read_while(|| begun.elapsed() < BRIEFLY)
    }

    fn read_while(&mut self, goes_on: impl Fn() -> bool) -> Range<usize> {
        while !self.has_ended {
            self.has_ended = !self.indexer.step(&mut self.index, PACKETS);
            self.settle();
            if self.indexer.is_waiting() || !goes_on() {
                break;
            }
        }
        self.new_rows()
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
