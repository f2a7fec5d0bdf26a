//! Where a check may be, and which bytes it may cover.

use std::ops::Range;

/// A place in each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// So many bytes after its beginning.
    Start(usize),
    /// So many bytes before its end.
    End(usize),
}

impl Place {
    /// Where that is in a message of a length.
    pub fn at(self, length: usize) -> Option<usize> {
        match self {
            Place::Start(at) => (at <= length).then_some(at),
            Place::End(back) => length.checked_sub(back),
        }
    }
}

/// What becomes of a check's own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Own {
    /// They are not between those that it covers.
    Apart,
    /// They count as zero.
    Zero,
    /// The bytes after them follow directly on those before them.
    LeftOut,
}

/// A field, and what a check in it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) place: Place,
    /// Bytes of the field.
    pub(super) size: usize,
    pub(super) from: usize,
    pub(super) to: Place,
    pub(super) own: Own,
}

/// Up to two ranges of a message that are covered, and the place of the second one's first byte among all that is covered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Covered {
    pub(super) field: Range<usize>,
    pub(super) first: Range<usize>,
    pub(super) second: Range<usize>,
    pub(super) second_at: usize,
    /// How many bytes count, with those that count as zero.
    pub(super) length: usize,
}

impl Span {
    /// The ranges in a message of a length. None if it has no such field, or none that covers a byte.
    pub(super) fn of(&self, length: usize) -> Option<Covered> {
        let start = self.place.at(length)?;
        let field = start..start.checked_add(self.size)?;
        let (from, to) = (self.from, self.to.at(length)?);
        if field.end > length || from >= to {
            return None;
        }
        let whole = to - from;
        match self.own {
            Own::Apart => (field.start >= to || field.end <= from).then_some(Covered {
                field,
                first: from..to,
                second: to..to,
                second_at: whole,
                length: whole,
            }),
            _ if field.start < from || field.end > to || whole == self.size => None,
            own => {
                let second_at = if own == Own::Zero { field.end } else { field.start } - from;
                let (first, second) = (from..field.start, field.end..to);
                let length = second_at + second.len();
                Some(Covered { field, first, second, second_at, length })
            }
        }
    }

    /// The bytes that are covered.
    pub(super) fn bytes(&self, message: &[u8]) -> Option<Vec<u8>> {
        let covered = self.of(message.len())?;
        let mut bytes = message.get(covered.first)?.to_vec();
        bytes.resize(covered.second_at, 0);
        bytes.extend_from_slice(message.get(covered.second)?);
        Some(bytes)
    }
}

/// The farthest place from the beginning, and the most bytes after a field at the end.
const FARTHEST: usize = 24;
const BEHIND: usize = 4;
/// The most bytes between what is covered and a field at the end: a tag and a length of its own.
const BETWEEN: usize = 4;
/// How many of the first bytes may not be covered, and how many of the last ones.
const BEFORE: usize = 16;
/// How far a header of a fixed size extends.
const HEADER: usize = 40;

/// All spans for fields of a size, and how many bits it takes to say each.
pub(super) fn spans(size: usize, length_field: Option<&Range<usize>>) -> Vec<(Span, f64)> {
    let known = length_field.map(|field| field.end);
    let of_from = |from: usize| match from {
        0 => 1.0,
        1 => 2.0,
        _ if Some(from) == known => 2.0,
        2 => 4.0,
        _ => 6.0,
    };
    let mut found = Vec::new();
    for behind in 0..=BEHIND {
        let place = Place::End(behind + size);
        let of_place = if behind == 0 { 1.5 } else { 4.0 };
        for between in 0..=BETWEEN {
            let to = Place::End(behind + size + between);
            let of_to = if between == 0 { 1.0 } else { 4.5 };
            for from in 0..=BEFORE {
                found.push((
                    Span { place, size, from, to, own: Own::Apart },
                    of_place + of_to + of_from(from),
                ));
            }
        }
    }
    for at in 0..=FARTHEST {
        from_the_start(at, size, known, &of_from, &mut found);
    }
    found
}

/// Those for fields at a place from the start.
fn from_the_start(
    at: usize,
    size: usize,
    known: Option<usize>,
    of_from: &dyn Fn(usize) -> f64,
    found: &mut Vec<(Span, f64)>,
) {
    let (place, end) = (Place::Start(at), at + size);
    let owns = [Own::Zero, Own::LeftOut];
    for from in 0..at.min(BEFORE) {
        found.push((Span { place, size, from, to: Place::Start(at), own: Own::Apart }, 9.0 + of_from(from)));
    }
    for behind in 0..=BEHIND {
        let (to, of_to) = (Place::End(behind), if behind == 0 { 1.0 } else { 5.0 });
        for skipped in 0..=BEHIND {
            let of_skipped = if skipped == 0 { 0.5 } else { 4.5 };
            found.push((
                Span { place, size, from: end + skipped, to, own: Own::Apart },
                8.0 + of_to + of_skipped,
            ));
        }
        for from in 0..=at.min(BEFORE) {
            for own in owns {
                // Without bytes before it, it covers what follows.
                if own == Own::Zero || from < at {
                    found.push((Span { place, size, from, to, own }, 9.0 + of_to + of_from(from)));
                }
            }
        }
    }
    for to in end + 1..=HEADER {
        let to = Place::Start(to);
        found.push((Span { place, size, from: end, to, own: Own::Apart }, 16.0));
        for from in 0..=at {
            if from < 3 || Some(from) == known {
                for own in owns {
                    if own == Own::Zero || from < at {
                        found.push((Span { place, size, from, to, own }, 14.0 + of_from(from)));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checks_own_bytes_count_as_zero_or_not_at_all() {
        let span = Span { place: Place::Start(2), size: 2, from: 1, to: Place::End(1), own: Own::Zero };
        assert_eq!(span.bytes(b"abcdefg").unwrap(), b"b\0\0ef");
        assert_eq!(Span { own: Own::LeftOut, ..span }.bytes(b"abcdefg").unwrap(), b"bef");
        assert_eq!(Span { own: Own::Apart, ..span }.bytes(b"abcdefg"), None);
        assert_eq!(span.bytes(b"abc"), None);
    }

    #[test]
    fn every_span_is_there_once() {
        let all = spans(2, Some(&(1..3)));
        let distinct: std::collections::HashSet<Span> = all.iter().map(|(span, _)| *span).collect();
        assert_eq!(distinct.len(), all.len());
        // The chance that any of them fits is at most the sum of these.
        assert!(all.iter().map(|(_, bits)| (-bits).exp2()).sum::<f64>() < 1.0);
    }
}
