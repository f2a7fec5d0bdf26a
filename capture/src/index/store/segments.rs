//! The segments that a stream came in, in its order.

use super::Packed;
use crate::ids::PacketId;

/// Bytes of a stream that came in one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRange {
    /// Where in the stream they belong.
    pub offset: u64,
    /// Where in the file they are.
    pub file_offset: u64,
    /// How many.
    pub length: u32,
    /// The packet; [`PacketId::NONE`] for a file that is not a capture.
    pub packet: PacketId,
}

impl SegmentRange {
    /// Where in the stream they end.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// What of them lies in a stretch of the stream that they reach into.
    pub(crate) fn cut(self, start: u64, end: u64) -> SegmentRange {
        let (offset, end) = (self.offset.max(start), self.end().min(end));
        let file_offset = self.file_offset + (offset - self.offset);
        SegmentRange {
            offset,
            file_offset,
            length: u32::try_from(end - offset).unwrap_or(self.length),
            ..self
        }
    }
}

/// How many segments are packed together.
const SEGMENTS_PER_CHUNK: usize = 128;

/// Segments in the order of a stream, without overlap.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    sealed: Vec<Chunk>,
    open: Vec<SegmentRange>,
}

#[derive(Clone, Debug)]
struct Chunk {
    offsets: Packed,
    file_offsets: Packed,
    lengths: Packed,
    packets: Packed,
}

impl Chunk {
    fn of(segments: &[SegmentRange]) -> Chunk {
        let all = segments.iter();
        Chunk {
            offsets: Packed::of(all.clone().map(|segment| segment.offset)),
            file_offsets: Packed::of(all.clone().map(|segment| segment.file_offset)),
            lengths: Packed::of(all.clone().map(|segment| segment.length.into())),
            packets: Packed::of(all.map(|segment| segment.packet.number().into())),
        }
    }

    fn get(&self, at: usize) -> Option<SegmentRange> {
        Some(SegmentRange {
            offset: self.offsets.get(at)?,
            file_offset: self.file_offsets.get(at)?,
            length: u32::try_from(self.lengths.get(at)?).ok()?,
            packet: u32::try_from(self.packets.get(at)?).ok()?.into(),
        })
    }
}

impl Segments {
    /// None at all.
    pub const NONE: Segments = Segments { sealed: Vec::new(), open: Vec::new() };

    /// Appends a segment.
    #[inline]
    pub fn push(&mut self, segment: SegmentRange) {
        if self.open.len() == SEGMENTS_PER_CHUNK {
            self.sealed.push(Chunk::of(&self.open));
            self.open.clear();
        }
        self.open.push(segment);
    }

    /// Takes back the last one, right after it was added.
    pub fn pop(&mut self) {
        self.open.pop();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sealed.len() * SEGMENTS_PER_CHUNK + self.open.len()
    }

    /// The one at a place in their order.
    #[inline]
    pub fn get(&self, at: usize) -> Option<SegmentRange> {
        match at.checked_sub(self.sealed.len() * SEGMENTS_PER_CHUNK) {
            Some(at) => self.open.get(at).copied(),
            None => self.sealed.get(at / SEGMENTS_PER_CHUNK)?.get(at % SEGMENTS_PER_CHUNK),
        }
    }

    /// The last one; not right after one was taken back.
    pub fn last(&self) -> Option<SegmentRange> {
        self.open.last().copied()
    }

    /// The first one that ends after a place of the stream; as many as there are if none does.
    pub fn first_behind(&self, place: u64) -> usize {
        let ends_before =
            |segment: Option<SegmentRange>| segment.is_some_and(|segment| segment.end() <= place);
        let chunk = self.sealed.partition_point(|chunk| ends_before(chunk.get(SEGMENTS_PER_CHUNK - 1)));
        let (mut low, most) =
            (chunk * SEGMENTS_PER_CHUNK, ((chunk + 1) * SEGMENTS_PER_CHUNK).min(self.len()));
        let mut high = most;
        while low < high {
            let middle = low.midpoint(high);
            if ends_before(self.get(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The first one whose bytes are at or behind a place of the file, where they rise; as many as there are if none are.
    pub fn first_from(&self, file_offset: u64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let is_before = self.get(middle).is_some_and(|segment| segment.file_offset < file_offset);
            if is_before { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// From one on, in their order.
    pub fn from(&self, first: usize) -> impl Iterator<Item = SegmentRange> + '_ {
        (first..self.len()).map_while(|at| self.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_back_and_are_found_by_their_places() {
        let mut segments = Segments::default();
        let mut plain: Vec<SegmentRange> = Vec::new();
        let mut offset = 0;
        for number in 0..1000_u32 {
            offset += u64::from(number % 7 == 3) * 1_000_000;
            let length = number % 50 + 1;
            let file_offset = u64::from(number.wrapping_mul(2_654_435_761));
            let segment = SegmentRange { offset, file_offset, length, packet: (number * 3).into() };
            segments.push(segment);
            if number % 11 == 5 {
                segments.pop();
                continue;
            }
            plain.push(segment);
            offset = segment.end();
        }
        assert_eq!(segments.from(0).collect::<Vec<_>>(), plain);
        assert_eq!((segments.len(), segments.last()), (plain.len(), plain.last().copied()));
        let places = plain.iter().flat_map(|segment| [segment.offset, segment.end() - 1, segment.end()]);
        for place in places.chain([0, u64::MAX]) {
            let expected = plain.partition_point(|segment| segment.end() <= place);
            assert_eq!(segments.first_behind(place), expected, "place {place}");
        }
    }
}
