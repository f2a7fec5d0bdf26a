//! Pieces of an inner stream or message that are not handed on yet, by their places. They never overlap.

use std::collections::BTreeMap;

use super::found::Part;
use crate::plan::Span;
use crate::run::Run;

/// Bytes, or how many are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Known(Box<[u8]>),
    Unknown(u64),
}

impl Segment {
    pub(super) fn length(&self) -> u64 {
        match self {
            Segment::Known(bytes) => bytes.len() as u64,
            Segment::Unknown(length) => *length,
        }
    }
}

/// What a piece is placed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Number,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    map: BTreeMap<u64, Vec<Segment>>,
}

/// What became of pieces that were to be kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bytes: usize,
    pub(super) pieces: usize,
    /// Whether there were other bytes at their place, which stay.
    pub(super) differs: bool,
}

/// The bytes that are known, in memory.
pub(super) fn known_bytes(piece: &[Segment]) -> usize {
    let bytes = |segment: &Segment| if let Segment::Known(bytes) = segment { bytes.len() } else { 0 };
    piece.iter().map(bytes).sum()
}

pub(super) fn owned(run: &Run<'_, '_>, parts: &[Part]) -> Vec<Segment> {
    let one = |part: &Part| match part {
        Part::Known(span) => Segment::Known(run.bytes(*span).into()),
        Part::Unknown(length) => Segment::Unknown(*length),
    };
    parts.iter().map(one).collect()
}

/// The parts without their first bytes, and without those after the given number.
pub(super) fn cut(parts: &[Part], mut skip: u64, mut most: u64) -> Vec<Part> {
    let mut found = Vec::new();
    for part in parts {
        let length = match part {
            Part::Known(span) => u64::from(span.len()),
            Part::Unknown(length) => *length,
        };
        let from = skip.min(length);
        skip -= from;
        let taken = (length - from).min(most);
        most -= taken;
        if taken == 0 {
            continue;
        }
        found.push(match part {
            Part::Known(span) => {
                let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                let start = span.start.saturating_add(small(from));
                Part::Known(Span { start, end: start.saturating_add(small(taken)), ..*span })
            }
            Part::Unknown(_) => Part::Unknown(taken),
        });
    }
    found
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.map.keys().next().copied()
    }

    /// The place after the last.
    pub(super) fn end(&self, unit: Unit) -> u64 {
        let Some((at, piece)) = self.map.last_key_value() else { return 0 };
        at.saturating_add(size_of_piece(piece, unit))
    }

    pub(super) fn pop_first(&mut self) -> Option<(u64, Vec<Segment>)> {
        self.map.pop_first()
    }

    pub(super) fn into_sorted(self) -> impl Iterator<Item = (u64, Vec<Segment>)> {
        self.map.into_iter()
    }

    /// Keeps a piece at a place, as far as nothing is there.
    pub(super) fn insert(&mut self, at: u64, piece: Vec<Segment>, unit: Unit) -> Kept {
        match unit {
            Unit::Number => self.insert_number(at, piece),
            Unit::Byte => {
                let (mut kept, mut place) = (Kept::default(), at);
                for segment in piece {
                    let length = segment.length();
                    // What is not known may still come.
                    if let Segment::Known(bytes) = segment {
                        self.insert_bytes(place, &bytes, &mut kept);
                    }
                    place = place.saturating_add(length);
                }
                kept
            }
        }
    }

    fn insert_number(&mut self, at: u64, piece: Vec<Segment>) -> Kept {
        if let Some(known) = self.map.get(&at) {
            return Kept { differs: *known != piece, ..Kept::default() };
        }
        let bytes = known_bytes(&piece);
        self.map.insert(at, piece);
        Kept { bytes, pieces: 1, differs: false }
    }

    fn insert_bytes(&mut self, mut at: u64, mut bytes: &[u8], kept: &mut Kept) {
        while !bytes.is_empty() {
            let before = self.map.range(..=at).next_back();
            let covering = before.and_then(|(&start, piece)| match piece.as_slice() {
                [Segment::Known(known)] => known.get(usize::try_from(at - start).ok()?..),
                _ => None,
            });
            if let Some(known) = covering.filter(|known| !known.is_empty()) {
                let both = known.len().min(bytes.len());
                kept.differs |= known.get(..both) != bytes.get(..both);
                (at, bytes) = (at.saturating_add(both as u64), bytes.get(both..).unwrap_or_default());
                continue;
            }
            let room = self.map.range(at..).next().map_or(u64::MAX, |(&start, _)| start - at);
            let taken = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (own, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            self.map.insert(at, vec![Segment::Known(own.into())]);
            kept.bytes += own.len();
            kept.pieces += 1;
            (at, bytes) = (at.saturating_add(own.len() as u64), rest);
        }
    }
}

/// How many places a piece takes.
pub(super) fn size_of_piece(piece: &[Segment], unit: Unit) -> u64 {
    match unit {
        Unit::Number => 1,
        Unit::Byte => piece.iter().map(Segment::length).fold(0, u64::saturating_add),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Pieces, Segment, Unit};

    fn known(bytes: &[u8]) -> Vec<Segment> {
        vec![Segment::Known(bytes.into())]
    }

    #[test]
    fn bytes_are_kept_where_there_are_none_and_others_are_noticed() {
        let mut pieces = Pieces::default();
        let kept = |bytes, pieces, differs| Kept { bytes, pieces, differs };
        assert_eq!(pieces.insert(4, known(b"efgh"), Unit::Byte), kept(4, 1, false));
        assert_eq!(pieces.insert(10, known(b"kl"), Unit::Byte), kept(2, 1, false));
        assert_eq!(pieces.insert(2, known(b"cdefghijklmn"), Unit::Byte), kept(6, 3, false));
        assert_eq!(pieces.insert(5, known(b"fgX"), Unit::Byte), kept(0, 0, true));
        let all: Vec<(u64, Vec<Segment>)> = pieces.into_sorted().collect();
        let expected = [
            (2, b"cd".to_vec()),
            (4, b"efgh".to_vec()),
            (8, b"ij".to_vec()),
            (10, b"kl".to_vec()),
            (12, b"mn".to_vec()),
        ];
        assert_eq!(all, expected.map(|(at, bytes)| (at, known(&bytes))));
    }

    #[test]
    fn of_two_pieces_with_a_number_the_first_stays() {
        let mut pieces = Pieces::default();
        pieces.insert(3, known(b"abc"), Unit::Number);
        assert_eq!(pieces.insert(3, known(b"abc"), Unit::Number), Kept::default());
        assert!(pieces.insert(3, known(b"abd"), Unit::Number).differs);
        assert_eq!((pieces.len(), pieces.end(Unit::Number)), (1, 4));
    }
}
