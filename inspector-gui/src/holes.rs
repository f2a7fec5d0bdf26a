//! Messages of which some bytes were not captured, as a person sees them: lines of bytes with a line for each hole, and
//! stretches to be written one after another.

use std::ops::Range;

use framescope_parser::{Captured, Missing};

use crate::panels::grouped;

/// A stretch of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stretch<'b> {
    /// Bytes, and where in the message they stand.
    There(usize, &'b [u8]),
    /// Bytes that were not captured.
    Hole(Range<usize>),
}

/// What a range of a message is made of, in order.
pub fn stretches<'b>(message: &Captured<'b, '_>, range: Range<usize>) -> Vec<Stretch<'b>> {
    let range = range.start..range.end.min(message.length());
    let (mut stretches, mut at) = (Vec::new(), range.start);
    for (place, part) in message.parts(range.clone()) {
        if at < place {
            stretches.push(Stretch::Hole(at..place));
        }
        stretches.push(Stretch::There(place, part));
        at = place + part.len();
    }
    if at < range.end {
        stretches.push(Stretch::Hole(at..range.end));
    }
    stretches
}

/// A hole in words.
pub fn hole_text(hole: &Range<usize>) -> String {
    match hole.len() {
        1 => format!("1 byte not captured ({})", hole.start),
        length => {
            let last = hole.end.saturating_sub(1);
            format!("{} bytes not captured ({} to {last})", grouped(length), hole.start)
        }
    }
}

/// One line of a message's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HexLine {
    /// These bytes. Their columns are those of their offsets, so a line may begin or end with empty places.
    Bytes(Range<usize>),
    /// These were not captured, however many they are.
    Hole(Range<usize>),
}

/// The lines that a message's bytes are shown on. Nothing is kept of a line.
#[derive(Debug)]
pub struct HexLines {
    width: usize,
    /// The stretches of the message, with the number of the first line of each.
    stretches: Vec<(usize, HexLine)>,
    count: usize,
}

impl HexLines {
    /// `width` bytes stand on a line at most.
    pub fn new(length: usize, missing: &[Missing], width: usize) -> HexLines {
        let mut lines = HexLines { width, stretches: Vec::new(), count: 0 };
        let mut at = 0;
        for gap in missing {
            lines.add(HexLine::Bytes(at..gap.start));
            lines.add(HexLine::Hole(gap.start..gap.end));
            at = gap.end;
        }
        lines.add(HexLine::Bytes(at..length));
        lines
    }

    fn add(&mut self, stretch: HexLine) {
        let height = match &stretch {
            HexLine::Bytes(range) if range.is_empty() => return,
            HexLine::Bytes(range) => range.end.div_ceil(self.width) - range.start / self.width,
            HexLine::Hole(_) => 1,
        };
        self.stretches.push((self.count, stretch));
        self.count += height;
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The offset that a line's first column stands for.
    pub fn first_column(&self, bytes: &Range<usize>) -> usize {
        bytes.start / self.width * self.width
    }

    /// What stands on a line.
    pub fn line(&self, number: usize) -> Option<HexLine> {
        if number >= self.count {
            return None;
        }
        let behind = self.stretches.partition_point(|(first, _)| *first <= number);
        let (first, stretch) = self.stretches.get(behind.checked_sub(1)?)?;
        Some(match stretch {
            HexLine::Hole(hole) => HexLine::Hole(hole.clone()),
            HexLine::Bytes(range) => {
                let start = (range.start / self.width + number - first) * self.width;
                HexLine::Bytes(start.max(range.start)..start.saturating_add(self.width).min(range.end))
            }
        })
    }

    /// The line that a byte stands on, or the hole that it is in.
    pub fn line_of(&self, at: usize) -> Option<usize> {
        let begins = |stretch: &HexLine| match stretch {
            HexLine::Bytes(range) | HexLine::Hole(range) => range.start,
        };
        let behind = self.stretches.partition_point(|(_, stretch)| begins(stretch) <= at);
        let (first, stretch) = self.stretches.get(behind.checked_sub(1)?)?;
        Some(match stretch {
            HexLine::Hole(_) => *first,
            HexLine::Bytes(range) => {
                let last = range.end.saturating_sub(1).min(at);
                first + last / self.width - range.start / self.width
            }
        })
    }
}

#[cfg(test)]
// A list of one range is meant as that.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_there_is_on_one_line_and_each_hole_is_one() {
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
    fn a_range_is_made_of_what_is_there_and_what_is_not() {
        let missing = Missing::list([2..4, 6..8]);
        let message = Captured::with_missing(b"abef", &missing);
        let (there, hole) = (Stretch::There, Stretch::Hole);
        assert_eq!(stretches(&message, 1..7), [there(1, b"b"), hole(2..4), there(4, b"ef"), hole(6..7)]);
        assert_eq!(stretches(&message, 2..4), [hole(2..4)]);
        assert_eq!(stretches(&message, 5..99), [there(5, b"f"), hole(6..8)]);
        assert_eq!(stretches(&message, 4..6), [there(4, b"ef")]);
    }

    #[test]
    fn a_hole_is_told_in_words() {
        assert_eq!(hole_text(&(42..1490)), "1,448 bytes not captured (42 to 1489)");
        assert_eq!(hole_text(&(7..8)), "1 byte not captured (7)");
    }
}
