//! The bytes of some messages of a set, evenly spread over it, from which its columns are counted.

use std::sync::Arc;

use framescope_capture::{BlockReader, RowId};
use framescope_parser::{Captured, Missing};

use super::super::background::{Background, Job, JobStep};
use super::super::document::SharedIndex;
use super::super::lookup::{PREVIEW_BYTES, Preview};

/// The most messages that are read.
pub(crate) const SAMPLED: usize = 8192;
/// The messages that are read one after another, so that each can be compared with the one before it.
const NEIGHBOURS: usize = 16;
/// The messages that are read in one step, which takes some milliseconds.
const AT_ONCE: usize = 64;

/// A message of a sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// Its first captured bytes, one after another.
    bytes: Vec<u8>,
    missing: Vec<Missing>,
    /// How long it is.
    pub(crate) length: u64,
    /// Whether the one before it in the sample is the one before it in the set.
    pub(crate) follows: bool,
}

impl Message {
    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Message {
        Message { bytes: bytes.to_vec(), length: bytes.len() as u64, follows: true, ..Message::default() }
    }

    /// The bytes that are known.
    pub(crate) fn bytes(&self) -> Bytes<'_> {
        Bytes { bytes: &self.bytes, missing: &self.missing, length: self.length }
    }
}

/// The first bytes of a message, with their offsets in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'b> {
    bytes: &'b [u8],
    missing: &'b [Missing],
    /// How long the message is.
    pub(crate) length: u64,
}

impl<'b> Bytes<'b> {
    /// Those of a message that is shown.
    pub(crate) fn of(preview: &'b Preview, length: u64) -> Bytes<'b> {
        Bytes { bytes: &preview.bytes, missing: &preview.missing, length }
    }

    /// A byte; None if it was not captured, or is further from the beginning than is read.
    pub(crate) fn at(&self, at: usize) -> Option<u8> {
        match self.missing {
            [] => self.bytes.get(at).copied(),
            missing => Captured::with_missing(self.bytes, missing).get(at..at + 1)?.first().copied(),
        }
    }

    /// Where these bytes occur first, in what is known up to the first hole.
    pub(crate) fn find(&self, wanted: &[u8]) -> Option<usize> {
        let end = self.missing.first().map_or(self.bytes.len(), |hole| hole.start.min(self.bytes.len()));
        let known = self.bytes.get(..end)?;
        known.windows(wanted.len().max(1)).position(|window| window == wanted)
    }
}

/// Messages of a set.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) messages: Vec<Message>,
    /// How many the set had.
    pub(crate) of: usize,
    /// Why the others could not be read.
    pub(crate) error: Option<String>,
}

impl Sample {
    /// Starts to read messages of a set of this size, whose rows `row` returns by their positions.
    pub(crate) fn read(
        index: SharedIndex,
        of: usize,
        row: impl Fn(usize) -> Option<RowId>,
        background: &Background,
    ) -> Job<Arc<Sample>> {
        let mut last = None;
        let rows: Vec<(RowId, bool)> = positions(of)
            .filter_map(|at| {
                let follows = last.is_some_and(|last| last + 1 == at);
                last = Some(at);
                Some((row(at)?, follows))
            })
            .collect();
        let mut sample = Sample { of, ..Sample::default() };
        let mut reader = None;
        background.spawn_steps("sample", move |control| {
            let done = sample.messages.len();
            let next = rows.get(done..rows.len().min(done + AT_ONCE)).unwrap_or_default();
            let is_read = sample.read_rows(next, &index, &mut reader);
            control.report(sample.messages.len() as u64, rows.len() as u64);
            if is_read && sample.messages.len() < rows.len() {
                return JobStep::Continue;
            }
            JobStep::Done(Arc::new(std::mem::take(&mut sample)))
        })
    }

    /// Reads the next rows. False if they can't be read.
    fn read_rows(
        &mut self,
        rows: &[(RowId, bool)],
        index: &SharedIndex,
        reader: &mut Option<BlockReader>,
    ) -> bool {
        let index = index.read();
        let reader = reader.get_or_insert_with(|| index.reader());
        for &(number, follows) in rows {
            // A capture that is read again may have fewer rows.
            let Some(row) = index.row(number) else {
                self.messages.push(Message::default());
                continue;
            };
            match index.row_bytes(&row, PREVIEW_BYTES, reader) {
                Ok(bytes) => {
                    let missing = index.missing_before(&row, bytes.len());
                    self.messages.push(Message { bytes, missing, length: row.length, follows });
                }
                Err(error) => {
                    self.error = Some(error.to_string());
                    return false;
                }
            }
        }
        true
    }
}

/// Positions in a set of which blocks of neighbours are read, evenly spread.
fn positions(of: usize) -> impl Iterator<Item = usize> {
    let blocks = if of <= SAMPLED { of.div_ceil(NEIGHBOURS) } else { SAMPLED / NEIGHBOURS };
    (0..blocks).flat_map(move |block| {
        let first = if of <= SAMPLED {
            block * NEIGHBOURS
        } else {
            // No set has so many messages that this could overflow.
            block.saturating_mul(of - NEIGHBOURS) / (blocks - 1).max(1)
        };
        first..of.min(first + NEIGHBOURS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};
    use parking_lot::RwLock;

    #[test]
    fn a_sample_is_all_of_a_small_set_and_spread_over_a_large_one() {
        for of in [0, 1, 15, 16, 17, 1000, SAMPLED] {
            assert!(positions(of).eq(0..of), "{of}");
        }
        for of in [SAMPLED + 1, 1_000_000] {
            let all: Vec<usize> = positions(of).collect();
            assert_eq!((all.len(), all.first(), all.last()), (SAMPLED, Some(&0), Some(&(of - 1))));
            let neighbours = all.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
            assert!(neighbours >= SAMPLED / 2, "{neighbours}");
        }
    }

    #[test]
    fn messages_are_read_with_their_holes() {
        let source = framescope_capture::Source::from_bytes(
            "holes",
            *include_bytes!("../../../../corpus/captures/holes/capture.pcapng"),
        );
        let index = read(source, &Options::default(), &mut |_| true).unwrap();
        let rows: Vec<RowId> = index.row_ids().collect();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let background = Background::manual();
        let row = |at: usize| rows.get(at).copied();
        let job = Sample::read(Arc::clone(&index), rows.len(), row, &background);
        while background.step() {}
        let sample = job.poll().unwrap().unwrap();
        assert_eq!((sample.messages.len(), &sample.error), (rows.len(), &None));
        let index = index.read();
        let mut reader = index.reader();
        let mut holes = 0;
        for (message, &number) in sample.messages.iter().zip(&rows) {
            let row = index.row(number).unwrap();
            let bytes = index.row_bytes(&row, PREVIEW_BYTES, &mut reader).unwrap();
            let missing = index.missing_before(&row, bytes.len());
            let captured = Captured::with_missing(&bytes, &missing);
            for at in 0..captured.length() {
                let expected = captured.get(at..at + 1).map(|byte| byte[0]);
                assert_eq!(message.bytes().at(at), expected, "byte {at} of row {number}");
                holes += usize::from(expected.is_none());
            }
        }
        assert!(holes > 0);
    }

    #[test]
    fn bytes_are_found_where_they_occur_first() {
        let message = Message::of(b"ab=1;b=2");
        let find = |wanted: &[u8]| message.bytes().find(wanted);
        assert_eq!([find(b"b="), find(b";"), find(b"x"), find(b"")], [Some(1), Some(4), None, None]);
    }
}
