//! A stream whose pieces say where they belong: they are put in order, within bounds.

use std::collections::VecDeque;

use framescope_parser::{Code, Sentence};

use super::found::Part;
use super::lane::{Out, Taken};
use super::pieces::{Pieces, Segment, Unit, cut, known_bytes, owned, size_of_piece};
use super::waiting::Waiting;
use crate::plan::{CarryRule, Ordering};
use crate::run::Run;

/// The most pieces of a stream that wait for bytes before them: then those are given up.
const MOST_AHEAD: usize = 64;
/// How far beyond what is expected the place of a piece may be.
pub(super) const FARTHEST: u64 = 1 << 40;
/// How many pieces that were handed on are remembered, to compare what is sent again.
const REMEMBERED: usize = 16;

/// A stream whose pieces say where they belong.
#[derive(Clone, Debug, Default)]
pub(super) struct Ordered {
    /// Whether its first piece was seen.
    is_begun: bool,
    /// The place up to which everything was handed on.
    next: u64,
    pieces: Pieces,
    age: Option<u64>,
    /// Where it ends.
    end: Option<u64>,
    /// How long its last piece was, in bytes.
    usual: u64,
    /// The places of what was handed on, and a check over it.
    recent: VecDeque<(u64, u64, u32)>,
}

/// What the places of a stream count.
pub(super) fn unit_of(order: Ordering) -> Unit {
    if order == Ordering::Offset { Unit::Byte } else { Unit::Number }
}

/// The place of a number, of which those of the first and of a place nearby are known: the numbers may begin again.
pub(super) fn place_of(number: u64, rule: &CarryRule, near: u64) -> Option<u64> {
    let Some(wraps) = rule.wraps else { return number.checked_sub(rule.from) };
    let number =
        number.checked_sub(rule.from).unwrap_or_else(|| (wraps - rule.from).saturating_add(number)) % wraps;
    let ahead = (number + wraps - near % wraps) % wraps;
    match ahead <= wraps / 2 {
        true => near.checked_add(ahead),
        false => near.checked_sub(wraps - ahead),
    }
}

/// A check over bytes, all of which are known.
pub(super) fn check_of(piece: &[Segment]) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    for segment in piece {
        match segment {
            Segment::Known(bytes) => hasher.update(bytes),
            Segment::Unknown(_) => return None,
        }
    }
    Some(hasher.finalize())
}

pub(super) fn check_of_parts(run: &Run<'_, '_>, parts: &[Part]) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        match part {
            Part::Known(span) => hasher.update(run.bytes(*span)),
            Part::Unknown(_) => return None,
        }
    }
    Some(hasher.finalize())
}

pub(super) const DIFFERS: &str =
    "these bytes of what is carried were sent before with other contents; the first are kept";

impl Ordered {
    pub(super) fn size(&self) -> usize {
        size_of::<Ordered>() + self.recent.len() * size_of::<(u64, u64, u32)>()
    }

    /// Whether bytes with this check are those that were handed on last.
    pub(super) fn has_just_had(&self, check: Option<u32>) -> bool {
        self.recent.back().is_some_and(|(.., known)| Some(*known) == check)
    }

    /// Nothing comes any more. Returns how many bytes still wait or are missing before them, if any wait.
    pub(super) fn end_of_all(&mut self, unit: Unit) -> Option<u64> {
        let end = self.pieces.end(unit);
        let waits = !std::mem::take(&mut self.pieces).is_empty();
        waits.then(|| self.missing_to(end, unit))
    }

    pub(super) fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    pub(super) fn take(
        &mut self,
        taken: &Taken<'_, '_, '_>,
        is_inside: bool,
        waiting: &mut Waiting,
        out: &mut Out<'_>,
    ) {
        let Taken { rule, stream, run, found, .. } = taken;
        let unit = unit_of(stream.order);
        let place = found.position.and_then(|at| match stream.order {
            Ordering::Index => place_of(at, rule, self.next),
            _ => Some(at),
        });
        let (Some(at), Some(parts)) = (place, &found.parts) else {
            if found.position.is_some() && found.parts.is_some() {
                let text = "{} is before the first number of what is carried, {}: it is left out";
                out.problem(
                    Code::SequenceJump,
                    Sentence::new(text).with([found.position.unwrap_or(0), rule.from]),
                );
            }
            return self.end_at(self.next.max(self.pieces.end(unit)), found.end, unit, waiting, out);
        };
        if !std::mem::replace(&mut self.is_begun, true) && is_inside {
            self.next = at;
        }
        let length = found.length_of_parts();
        let after = at.saturating_add(if unit == Unit::Byte { length } else { 1 });
        if at > self.next.saturating_add(FARTHEST) || self.end.is_some_and(|end| after > end) {
            let text = match self.end {
                Some(_) => "this belongs to place {} of what is carried, which ended at {}: it is left out",
                None => "this belongs to place {} of what is carried, and {} is next: it is left out",
            };
            let expected = self.end.unwrap_or(self.next);
            return out.problem(Code::SequenceJump, Sentence::new(text).with([at, expected]));
        }
        if after <= self.next && (length > 0 || unit == Unit::Number) {
            self.compare(at, after, check_of_parts(run, parts), out);
        } else if at <= self.next {
            let parts = if unit == Unit::Byte { cut(parts, self.next - at, u64::MAX) } else { parts.clone() };
            out.parts(run, &parts);
            self.usual = length.max(1);
            self.remember(at, after, check_of_parts(run, &parts).filter(|_| at == self.next));
            self.next = after;
            self.follow(unit, waiting, out);
        } else {
            let kept = self.pieces.insert(at, owned(run, parts), unit);
            if kept.differs {
                out.problem(Code::ConflictingRetransmission, Sentence::new(DIFFERS));
            }
            if kept.pieces > 0 {
                waiting.add(&mut self.age, taken.place, kept.bytes, kept.pieces);
            }
            while self.pieces.len() > MOST_AHEAD {
                self.give_up(unit, waiting, out);
            }
        }
        self.end_at(after, found.end, unit, waiting, out);
    }

    /// The stream ends at a place: what is missing before it does not come any more.
    fn end_at(&mut self, at: u64, ends: bool, unit: Unit, waiting: &mut Waiting, out: &mut Out<'_>) {
        if !ends || self.end.is_some() {
            return;
        }
        while !self.pieces.is_empty() {
            self.give_up(unit, waiting, out);
        }
        self.end = Some(at.max(self.next));
        if at > self.next {
            out.lost(self.missing_to(at, unit));
            self.next = at;
        }
    }

    /// Hands on what follows without a gap.
    fn follow(&mut self, unit: Unit, waiting: &mut Waiting, out: &mut Out<'_>) {
        while self.pieces.first().is_some_and(|first| first <= self.next) {
            let Some((at, mut piece)) = self.pieces.pop_first() else { return };
            let bytes = known_bytes(&piece);
            let after = at.saturating_add(size_of_piece(&piece, unit));
            waiting.remove(&mut self.age, bytes, 1, !self.pieces.is_empty());
            if after <= self.next {
                continue;
            }
            if unit == Unit::Byte
                && let [Segment::Known(known)] = piece.as_mut_slice()
                && let Some(rest) = usize::try_from(self.next - at).ok().and_then(|skip| known.get(skip..))
            {
                *known = rest.into();
            }
            out.segments(&piece);
            self.usual = piece.iter().map(Segment::length).fold(0, u64::saturating_add).max(1);
            self.remember(at, after, check_of(&piece).filter(|_| at == self.next));
            self.next = after;
        }
    }

    /// What is missing before the first piece that waits is given up.
    pub(super) fn give_up(&mut self, unit: Unit, waiting: &mut Waiting, out: &mut Out<'_>) {
        if let Some(first) = self.pieces.first() {
            if first > self.next {
                out.lost(self.missing_to(first, unit));
                self.next = first;
            }
            self.follow(unit, waiting, out);
        }
    }

    /// How many bytes are missing up to a place, as far as is known.
    fn missing_to(&self, at: u64, unit: Unit) -> u64 {
        let places = at.saturating_sub(self.next);
        if unit == Unit::Byte { places } else { places.saturating_mul(self.usual.max(1)) }
    }

    fn remember(&mut self, at: u64, after: u64, check: Option<u32>) {
        if let Some(check) = check {
            if self.recent.len() >= REMEMBERED {
                self.recent.pop_front();
            }
            self.recent.push_back((at, after, check));
        }
    }

    fn compare(&self, at: u64, after: u64, check: Option<u32>, out: &mut Out<'_>) {
        let known = self.recent.iter().find(|(known, end, _)| (*known, *end) == (at, after));
        if let (Some((_, _, known)), Some(check)) = (known, check)
            && *known != check
        {
            out.problem(Code::ConflictingRetransmission, Sentence::new(DIFFERS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::place_of;
    use crate::plan::{CarryRule, TypeId};

    #[test]
    fn numbers_that_begin_again_are_placed_near_what_is_expected() {
        let rule = |from, wraps| CarryRule {
            ty: TypeId::ROOT,
            stream: 0,
            path: None,
            condition: None,
            channel: None,
            begin: None,
            end: None,
            order: crate::plan::Ordering::Index,
            position: None,
            from,
            wraps,
            message: None,
            first: None,
            last: None,
            count: None,
            length: None,
        };
        assert_eq!(place_of(1, &rule(1, None), 0), Some(0));
        assert_eq!(place_of(0, &rule(1, None), 0), None);
        let wrapping = rule(1, Some(16));
        let places = [(1, 0), (15, 14), (0, 15), (1, 16), (0, 16), (3, 15), (15, 15)];
        let found = places.map(|(number, near)| place_of(number, &wrapping, near));
        assert_eq!(found, [Some(0), Some(14), Some(15), Some(16), Some(15), Some(18), Some(14)]);
        assert_eq!(place_of(0, &wrapping, 0), None);
    }
}
