//! Messages of one direction of a channel: whole ones, and parts that are joined.

use std::collections::{BTreeMap, VecDeque};

use framescope_parser::{Code, Sentence};

use super::found::{Found, Part};
use super::lane::{Out, Taken};
use super::ordered::{DIFFERS, FARTHEST, check_of, place_of, unit_of};
use super::pieces::{Pieces, Segment, Unit, cut, known_bytes, owned, size_of_piece};
use super::waiting::Waiting;
use crate::conversation::values::Key;
use crate::plan::{CarryRule, Ordering};
use crate::run::Run;

/// How many parts of complete messages are remembered, as they may be sent again.
const REMEMBERED: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Joined {
    /// A message whose parts are handed on at once.
    progress: Option<Progress>,
    /// Messages whose parts are kept until all are there.
    open: BTreeMap<Option<Key>, Assembly>,
    recent: VecDeque<(Option<Key>, u64, u32)>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    parts: u64,
    bytes: u64,
    count: Option<u64>,
    length: Option<u64>,
}

/// The parts of a message that are there.
#[derive(Clone, Debug, Default)]
struct Assembly {
    pieces: Pieces,
    age: Option<u64>,
    /// The place after the last.
    end: Option<u64>,
    /// How long the message is, in bytes.
    length: Option<u64>,
    /// How many bytes of it are there, known or not.
    bytes: u64,
    /// By what the parts are placed.
    is_by_byte: bool,
}

impl Assembly {
    fn unit(&self) -> Unit {
        if self.is_by_byte { Unit::Byte } else { Unit::Number }
    }

    fn is_complete(&self) -> bool {
        let there = if self.is_by_byte { self.bytes } else { self.pieces.len() as u64 };
        let has_all = self.end.is_some_and(|end| there >= end);
        let is_long_enough = self.length.is_some_and(|length| self.bytes >= length);
        // Numbers without a gap.
        let is_dense = self.is_by_byte || self.pieces.end(Unit::Number) == there;
        has_all || is_long_enough && is_dense
    }

    /// Hands on all that is there, and ends the message.
    fn hand_on(self, out: &mut Out<'_>) {
        let unit = self.unit();
        let (mut at, mut left) = (0, self.length.unwrap_or(u64::MAX));
        let end = self.end;
        for (place, piece) in self.pieces.into_sorted() {
            if place > at {
                let usual = piece.iter().map(Segment::length).fold(0, u64::saturating_add).max(1);
                out.lost(if unit == Unit::Byte { place - at } else { (place - at).saturating_mul(usual) });
                left = if unit == Unit::Byte { left.saturating_sub(place - at) } else { left };
            }
            at = place.saturating_add(size_of_piece(&piece, unit));
            for segment in &piece {
                let taken = segment.length().min(left);
                left -= taken;
                match segment {
                    Segment::Known(bytes) => {
                        let taken = usize::try_from(taken).unwrap_or(usize::MAX);
                        out.bytes(bytes.get(..taken).unwrap_or(bytes));
                    }
                    Segment::Unknown(_) if taken > 0 => out.lost(taken),
                    Segment::Unknown(_) => {}
                }
            }
        }
        let is_cut = match (end, self.length) {
            (_, Some(_)) => left > 0,
            (Some(end), None) => at < end,
            (None, None) => true,
        };
        if is_cut {
            out.lost(if self.length.is_some() { left } else { end.unwrap_or(0).saturating_sub(at) });
        }
        out.end_message();
    }
}

impl Joined {
    pub(super) fn size(&self) -> usize {
        size_of::<Joined>()
            + self.open.len() * size_of::<Assembly>()
            + self.recent.len() * size_of::<(Option<Key>, u64, u32)>()
    }

    pub(super) fn take(&mut self, taken: &Taken<'_, '_, '_>, waiting: &mut Waiting, out: &mut Out<'_>) {
        let Taken { rule, run, found, .. } = taken;
        let Some(parts) = found.parts.as_deref() else { return };
        let order = rule.order;
        if order == Ordering::Sent && rule.message.is_none() {
            if !rule.is_part() {
                self.give_up_progress(out);
                out.parts(run, parts);
                return out.end_message();
            }
            return self.join(found, run, parts, taken.lost, out);
        }
        self.keep(taken, order, parts, waiting, out);
    }

    /// Parts in the order in which they are sent are handed on at once.
    fn join(
        &mut self,
        found: &Found,
        run: &Run<'_, '_>,
        parts: &[Part],
        lost: Option<u64>,
        out: &mut Out<'_>,
    ) {
        match (&self.progress, found.first) {
            (Some(_), Some(true)) => self.give_up_progress(out),
            (Some(_), _) => lost.into_iter().for_each(|lost| out.lost(lost)),
            (None, Some(false)) => out.lost(lost.unwrap_or(1)),
            (None, _) => {}
        }
        let progress = self.progress.get_or_insert_default();
        progress.count = progress.count.or(found.count);
        progress.length = progress.length.or(found.length);
        let left = progress.length.map_or(u64::MAX, |length| length.saturating_sub(progress.bytes));
        out.parts(run, &cut(parts, 0, left));
        progress.parts += 1;
        progress.bytes = progress.bytes.saturating_add(found.length_of_parts());
        let has_all = progress.count.is_some_and(|count| progress.parts >= count);
        let is_long_enough = progress.length.is_some_and(|length| progress.bytes >= length);
        if found.last == Some(true) || has_all || is_long_enough {
            self.progress = None;
            out.end_message();
        }
    }

    fn give_up_progress(&mut self, out: &mut Out<'_>) {
        if self.progress.take().is_some() {
            out.lost(1);
            out.end_message();
        }
    }

    /// Other parts are kept until their message is complete.
    fn keep(
        &mut self,
        taken: &Taken<'_, '_, '_>,
        order: Ordering,
        parts: &[Part],
        waiting: &mut Waiting,
        out: &mut Out<'_>,
    ) {
        let Taken { rule, run, found, .. } = taken;
        let piece = owned(run, parts);
        let key = &found.message;
        let Some(at) = self.place(rule, order, found) else {
            let text = "{} is before the first number of a message, {}: it is left out";
            return out.problem(
                Code::SequenceJump,
                Sentence::new(text).with([found.position.unwrap_or(0), rule.from]),
            );
        };
        let check = check_of(&piece);
        let is_known =
            |(known, place, sum): &(Option<Key>, u64, u32)| (known, *place, Some(*sum)) == (key, at, check);
        if rule.message.is_some() && order != Ordering::Sent && self.recent.iter().any(is_known) {
            return;
        }
        let unit = unit_of(order);
        let assembly = self.open.entry(key.clone()).or_default();
        assembly.is_by_byte = unit == Unit::Byte;
        let size = size_of_piece(&piece, unit);
        let length = found.length_of_parts();
        let kept = assembly.pieces.insert(at, piece.clone(), unit);
        if kept.differs && rule.message.is_none() {
            // Without a name of the message, other bytes at the same place are of the next one.
            self.give_up(waiting, None, out);
            return self.keep(taken, order, parts, waiting, out);
        }
        if kept.differs {
            out.problem(Code::ConflictingRetransmission, Sentence::new(DIFFERS));
        }
        assembly.bytes = assembly.bytes.saturating_add(match unit {
            Unit::Byte => kept.bytes as u64,
            Unit::Number if kept.pieces > 0 => length,
            Unit::Number => 0,
        });
        if kept.pieces > 0 || assembly.age.is_none() {
            waiting.add(&mut assembly.age, taken.place, kept.bytes, kept.pieces.max(1));
        }
        if found.last == Some(true) {
            assembly.end = Some(at.saturating_add(size));
        }
        if unit == Unit::Number && found.count.is_some() {
            assembly.end = found.count;
        }
        assembly.length = assembly.length.or(found.length);
        if let Some(check) = check.filter(|_| rule.message.is_some()) {
            if self.recent.len() >= REMEMBERED {
                self.recent.pop_front();
            }
            self.recent.push_back((key.clone(), at, check));
        }
        if assembly.is_complete() {
            self.give_up(waiting, key.as_ref(), out);
        }
    }

    /// The place of a part within its message.
    fn place(&self, rule: &CarryRule, order: Ordering, found: &Found) -> Option<u64> {
        let known = self.open.get(&found.message);
        match order {
            Ordering::Sent => Some(known.map_or(0, |known| known.pieces.end(Unit::Number))),
            Ordering::Offset => found.position.filter(|at| *at <= FARTHEST),
            Ordering::Index => {
                let near = known.map_or(0, |known| known.pieces.end(Unit::Number));
                place_of(found.position?, rule, near).filter(|at| *at <= FARTHEST)
            }
        }
    }

    /// Hands on what is there of a message.
    pub(super) fn give_up(&mut self, waiting: &mut Waiting, message: Option<&Key>, out: &mut Out<'_>) {
        if let Some(mut assembly) = self.open.remove(&message.cloned()) {
            waiting.remove(&mut assembly.age, 0, 0, false);
            assembly.hand_on(out);
        }
    }

    pub(super) fn give_up_all(&mut self, waiting: &mut Waiting, out: &mut Out<'_>) {
        self.give_up_progress(out);
        let open: Vec<Option<Key>> = self.open.keys().cloned().collect();
        open.iter().for_each(|key| self.give_up(waiting, key.as_ref(), out));
    }

    /// Nothing comes any more: what is kept has no message to be handed on with.
    pub(super) fn end_of_all(&mut self, out: &mut Out<'_>) {
        self.give_up_progress(out);
        for (_, assembly) in std::mem::take(&mut self.open) {
            let known: usize = assembly.pieces.into_sorted().map(|(_, piece)| known_bytes(&piece)).sum();
            out.lost(known as u64);
            out.end_message();
        }
    }
}
