//! Messages of which some bytes were not captured: as lines of a hex view with one line for each hole, and as pieces to be
//! copied or written one after another.

use std::ops::Range;

use framescope_parser::{Captured, Missing};

use crate::models::text::grouped;

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'b> {
    /// Captured bytes, and their offset in the message.
    Bytes(usize, &'b [u8]),
    /// Offsets of bytes that were not captured.
    Hole(Range<usize>),
}

/// The pieces of a range of a message, in order.
pub fn pieces<'b>(message: &Captured<'b, '_>, range: Range<usize>) -> Vec<Piece<'b>> {
    let range = range.start..range.end.min(message.length());
    let (mut pieces, mut at) = (Vec::new(), range.start);
    for (place, part) in message.parts(range.clone()) {
        if at < place {
            pieces.push(Piece::Hole(at..place));
        }
        pieces.push(Piece::Bytes(place, part));
        at = place + part.len();
    }
    if at < range.end {
        pieces.push(Piece::Hole(at..range.end));
    }
    pieces
}

/// Describes a hole.
pub fn hole_text(hole: &Range<usize>) -> String {
    match hole.len() {
        1 => format!("1 byte not captured ({})", hole.start),
        length => {
            let last = hole.end.saturating_sub(1);
            format!("{} bytes not captured ({} to {last})", grouped(length), hole.start)
        }
    }
}

/// One line of the hex view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HexLine {
    /// These bytes, in the columns of their offsets, so a line may begin or end with empty columns.
    Bytes(Range<usize>),
    /// These bytes were not captured, however many they are.
    Hole(Range<usize>),
}

/// Splits a message into the lines of the hex view without storing any line.
#[derive(Debug)]
pub struct HexLines {
    width: usize,
    /// The captured and missing ranges of the message, each with the number of its first line.
    ranges: Vec<(usize, HexLine)>,
    count: usize,
}

impl HexLines {
    /// A line has at most `width` bytes.
    pub fn new(length: usize, missing: &[Missing], width: usize) -> HexLines {
        let mut lines = HexLines { width, ranges: Vec::new(), count: 0 };
        let mut at = 0;
        for gap in missing {
            lines.add(HexLine::Bytes(at..gap.start));
            lines.add(HexLine::Hole(gap.start..gap.end));
            at = gap.end;
        }
        lines.add(HexLine::Bytes(at..length));
        lines
    }

    fn add(&mut self, range: HexLine) {
        let height = match &range {
            HexLine::Bytes(bytes) if bytes.is_empty() => return,
            HexLine::Bytes(bytes) => bytes.end.div_ceil(self.width) - bytes.start / self.width,
            HexLine::Hole(_) => 1,
        };
        self.ranges.push((self.count, range));
        self.count += height;
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The offset of a line's first column.
    pub fn first_column(&self, bytes: &Range<usize>) -> usize {
        bytes.start / self.width * self.width
    }

    /// The content of a line.
    pub fn line(&self, number: usize) -> Option<HexLine> {
        if number >= self.count {
            return None;
        }
        let behind = self.ranges.partition_point(|(first, _)| *first <= number);
        let (first, content) = self.ranges.get(behind.checked_sub(1)?)?;
        Some(match content {
            HexLine::Hole(hole) => HexLine::Hole(hole.clone()),
            HexLine::Bytes(range) => {
                let start = (range.start / self.width + number - first) * self.width;
                HexLine::Bytes(start.max(range.start)..start.saturating_add(self.width).min(range.end))
            }
        })
    }

    /// The line of a byte, or of the hole that it is in.
    pub fn line_of(&self, at: usize) -> Option<usize> {
        let start = |content: &HexLine| match content {
            HexLine::Bytes(range) | HexLine::Hole(range) => range.start,
        };
        let behind = self.ranges.partition_point(|(_, content)| start(content) <= at);
        let (first, content) = self.ranges.get(behind.checked_sub(1)?)?;
        Some(match content {
            HexLine::Hole(_) => *first,
            HexLine::Bytes(range) => {
                let last = range.end.saturating_sub(1).min(at);
                first + last / self.width - range.start / self.width
            }
        })
    }
}

#[cfg(test)]
// A slice of one range is meant.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn every_captured_byte_is_on_one_line_and_each_hole_is_one_line() {
        let masks: [&[Range<usize>]; 7] =
            [&[], &[0..1], &[3..5, 6..40], &[16..32], &[99..100], &[0..100], &[15..17, 31..33, 60..90]];
        for ranges in masks {
            let missing = Missing::list(ranges.iter().cloned());
            for width in [8, 16] {
                let lines = HexLines::new(100, &missing, width);
                let (mut at, mut holes) = (0, Vec::new());
                for number in 0..lines.count() {
                    let range = match lines.line(number).unwrap() {
                        HexLine::Hole(hole) => {
                            holes.push(hole.clone());
                            hole
                        }
                        HexLine::Bytes(range) => {
                            let first = lines.first_column(&range);
                            assert!(first.is_multiple_of(width) && range.end <= first + width, "{range:?}");
                            range
                        }
                    };
                    assert!(range.start == at && range.end > at, "{ranges:?} {number}: {range:?}");
                    assert!(range.clone().all(|at| lines.line_of(at) == Some(number)), "{ranges:?} {number}");
                    at = range.end;
                }
                assert_eq!((at, holes.as_slice()), (100, ranges));
                assert_eq!(lines.line(lines.count()), None);
            }
        }
    }

    #[test]
    fn a_hole_of_any_length_is_one_line() {
        let missing = Missing::list([3..usize::MAX - 15]);
        let lines = HexLines::new(usize::MAX - 5, &missing, 16);
        assert_eq!(lines.count(), 3);
        assert_eq!(lines.line_of(1 << 40), Some(1));
        assert_eq!(lines.line_of(usize::MAX - 12), Some(2));
        assert_eq!(lines.line(2), Some(HexLine::Bytes(usize::MAX - 15..usize::MAX - 5)));
        assert_eq!(HexLines::new(0, &[], 16).count(), 0);
    }

    #[test]
    fn a_range_consists_of_captured_and_missing_pieces() {
        let missing = Missing::list([2..4, 6..8]);
        let message = Captured::with_missing(b"abef", &missing);
        let (bytes, hole) = (Piece::Bytes, Piece::Hole);
        assert_eq!(pieces(&message, 1..7), [bytes(1, b"b"), hole(2..4), bytes(4, b"ef"), hole(6..7)]);
        assert_eq!(pieces(&message, 2..4), [hole(2..4)]);
        assert_eq!(pieces(&message, 5..99), [bytes(5, b"f"), hole(6..8)]);
        assert_eq!(pieces(&message, 4..6), [bytes(4, b"ef")]);
    }

    #[test]
    fn a_hole_is_described_by_its_length_and_offsets() {
        assert_eq!(hole_text(&(42..1490)), "1,448 bytes not captured (42 to 1489)");
        assert_eq!(hole_text(&(7..8)), "1 byte not captured (7)");
    }
}
