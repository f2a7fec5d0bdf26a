//! Places of the file for whose bytes another IP fragment brought others. A place in the file is what stays the same until the
//! bytes have their place in a stream, which may be much later.

use std::collections::BTreeMap;

use framescope_parser::Code;

use crate::SegmentRange;
use crate::index::Mark;

/// Disputed places of the file, without overlap.
#[derive(Debug, Default)]
pub(crate) struct Disputes {
    /// By where they begin: where they end, and the packet that brought the other bytes.
    places: BTreeMap<u64, (u64, u32)>,
}

impl Disputes {
    /// Whether there are none, as nearly always.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn add(&mut self, file_offset: u64, length: usize, packet: u32) {
        self.places.insert(file_offset, (file_offset + length as u64, packet));
    }

    /// What is disputed of a segment's bytes, in their order.
    pub(crate) fn marks(&self, segment: &SegmentRange) -> impl Iterator<Item = Mark> {
        let &SegmentRange { offset, file_offset, length, .. } = segment;
        let file_end = file_offset + u64::from(length);
        // Places do not overlap, so that only the last that begins before the segment can reach into it.
        let first = self.places.range(..file_offset).next_back().filter(|(_, (end, _))| *end > file_offset);
        let all = first.into_iter().chain(self.places.range(file_offset..file_end));
        all.map(move |(&start, &(end, packet))| {
            let (start, end) = (start.max(file_offset), end.min(file_end));
            let offset = offset + (start - file_offset);
            Mark { offset, length: end - start, code: Code::ConflictingFragment, packet }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_the_marks_of_the_places_that_it_reaches_into() {
        let mut disputes = Disputes::default();
        for (place, length, packet) in [(100, 10, 1), (110, 5, 2), (200, 50, 3)] {
            disputes.add(place, length, packet);
        }
        let marks = |file_offset: u64, length: u32| {
            let segment = SegmentRange { offset: 1000, file_offset, length, packet: 9 };
            let marks: Vec<(u64, u64, u32)> =
                disputes.marks(&segment).map(|mark| (mark.offset, mark.length, mark.packet)).collect();
            assert!(marks.is_sorted());
            marks
        };
        assert_eq!(marks(0, 100), []);
        assert_eq!(marks(0, 101), [(1100, 1, 1)]);
        assert_eq!(marks(105, 7), [(1000, 5, 1), (1005, 2, 2)]);
        assert_eq!(marks(115, 85), []);
        assert_eq!(marks(50, 500), [(1050, 10, 1), (1060, 5, 2), (1150, 50, 3)]);
        assert_eq!(marks(220, 10), [(1000, 10, 3)]);
    }
}
