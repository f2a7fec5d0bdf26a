//! Where a stream's bytes stand in the file, and what came of them twice, late, or otherwise than before.

use std::io;

use framescope_parser::Code;

use super::Indexer;
use super::packets::Arrived;
use crate::index::annotations::mark_rows_now;
use crate::index::{Index, Mark, SegmentRange};
use crate::streams::reassembly::Origin;

impl Indexer {
    pub(super) fn read(&mut self, origin: Origin, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.read(origin.file_offset, usize::try_from(length).unwrap_or(0), &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn add_segment(&mut self, index: &mut Index, stream: usize, segment: SegmentRange) {
        // What lays it out goes on behind the segments before it.
        self.more(index, stream);
        if let Some(known) = index.streams.get_mut(stream) {
            known.bytes += u64::from(segment.length);
            known.rest().segments.push(segment);
            if !self.disputes.is_empty() {
                self.mark_disputes(index, stream, &segment);
            }
        }
    }

    /// Tells a payload that is a row by itself which of its bytes are disputed.
    #[inline]
    pub(super) fn disputed(&mut self, index: &mut Index, stream: usize, offset: u64, arrived: &Arrived<'_>) {
        if !self.disputes.is_empty()
            && let [piece] = arrived.pieces
        {
            let length = u32::try_from(arrived.payload.len()).unwrap_or(u32::MAX);
            let (file_offset, packet) = (piece.origin.file_offset, arrived.number);
            self.mark_disputes(index, stream, &SegmentRange { offset, file_offset, length, packet });
        }
    }

    fn mark_disputes(&mut self, index: &mut Index, stream: usize, segment: &SegmentRange) {
        let Some(known) = index.streams.get_mut(stream) else { return };
        let rest = known.rest();
        for mark in self.disputes.marks(segment) {
            match rest.marks.last_mut().filter(|last| last.goes_on_with(&mark)) {
                Some(last) => last.length += mark.length,
                None => {
                    rest.marks.push(mark);
                    rest.conflicts += 1;
                }
            }
        }
    }

    /// Bytes of a place that was given out already: the same ones, others, or late ones.
    pub(super) fn again(
        &mut self,
        index: &mut Index,
        stream: usize,
        offset: u64,
        length: u64,
        origin: Origin,
    ) -> io::Result<()> {
        let end = offset + length;
        let number = u32::try_from(stream).unwrap_or(u32::MAX);
        let there: Vec<SegmentRange> = index.stream_bytes(number, offset..end).collect();
        let mut at = offset;
        let nothing = SegmentRange { offset: end, file_offset: 0, length: 0, packet: 0 };
        for segment in there.into_iter().chain([nothing]) {
            if segment.offset > at {
                let late =
                    Mark { offset: at, length: segment.offset - at, code: Code::Late, packet: origin.packet };
                if let Some(known) = index.streams.get_mut(stream) {
                    known.rest().late_bytes += late.length;
                }
                self.mark(index, stream, late);
            }
            if segment.length > 0 {
                let first = Origin { packet: segment.packet, file_offset: segment.file_offset };
                let second = Origin { file_offset: origin.file_offset + (segment.offset - offset), ..origin };
                self.compare(index, stream, segment.offset, segment.length.into(), first, second)?;
            }
            at = segment.end();
        }
        Ok(())
    }

    pub(super) fn compare(
        &mut self,
        index: &mut Index,
        stream: usize,
        offset: u64,
        length: u64,
        first: Origin,
        second: Origin,
    ) -> io::Result<()> {
        let [mut kept, mut other] = std::mem::take(&mut self.compared);
        for (bytes, origin) in [(&mut kept, first), (&mut other, second)] {
            bytes.clear();
            self.reader.read(origin.file_offset, usize::try_from(length).unwrap_or(0), bytes)?;
        }
        let differs = |(a, b): (&u8, &u8)| a != b;
        let first_other = if kept == other { None } else { kept.iter().zip(&other).position(differs) };
        let mark = match first_other {
            None => Mark { offset, length, code: Code::Retransmitted, packet: second.packet },
            Some(from) => {
                let same_at_end =
                    kept.iter().rev().zip(other.iter().rev()).take_while(|pair| !differs(*pair)).count();
                if let Some(known) = index.streams.get_mut(stream) {
                    known.rest().conflicts += 1;
                }
                Mark {
                    offset: offset + from as u64,
                    length: (kept.len() - same_at_end - from) as u64,
                    code: Code::ConflictingRetransmission,
                    packet: second.packet,
                }
            }
        };
        self.compared = [kept, other];
        self.mark(index, stream, mark);
        Ok(())
    }

    /// Tells the rows of a stretch what was seen of it, now if they are there, else when they are.
    fn mark(&mut self, index: &mut Index, stream: usize, mark: Mark) {
        if !mark_rows_now(index, stream, &mark, &mut self.marked)
            && let Some(known) = index.streams.get_mut(stream)
        {
            known.rest().marks.push(mark);
        }
    }
}
