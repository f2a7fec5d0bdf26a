//! A message that a gap cuts: how long it is, and what of it was captured.

use alloc::vec::Vec;

use super::{Framer, Framing, Sink, Span, SpanType, deliver, pass};
use crate::{Captured, Code, Measure, Missing};

/// Gaps that one message may have: packets cut by a snaplen make a gap each.
pub(super) const MAX_HELD_GAPS: usize = 1 << 14;

/// What to do about a message that a gap cuts.
enum Cut {
    /// More bytes are needed.
    Wait,
    /// It is this many bytes long.
    Message(usize),
    /// It continues after the end.
    Partial,
    /// Its length is false: this many bytes are skipped.
    Suspect(usize),
    /// Its length is unknown.
    Unknown,
}

impl Framer {
    /// Handles a message that a gap cuts: `part` is its beginning, `span` what it is if its length is unknown. False
    /// where more bytes are needed.
    pub(super) fn cut<P: Framing + ?Sized>(
        &mut self,
        protocol: &P,
        pending: &[u8],
        part: &[u8],
        span: Span,
        ended: bool,
        sink: &mut Sink<'_>,
    ) -> bool {
        let (length, span_type) = match self.measured(protocol, pending, part, ended) {
            Cut::Wait => return false,
            Cut::Message(length) => (length, SpanType::Message),
            Cut::Partial => (self.waiting_length(pending), SpanType::Partial),
            Cut::Suspect(length) => {
                let length = length.clamp(1, part.len());
                let span_type = SpanType::Skipped(Code::LengthSuspect);
                self.consumed += length;
                self.cursor.skip(length);
                sink(Span { length: length as u64, span_type, ..span }, Captured::default());
                self.cursor.lost |= !protocol.can_resync();
                return true;
            }
            Cut::Unknown => {
                self.consumed += part.len();
                self.cursor.skip(part.len());
                deliver(span, part, &mut self.guess, sink);
                return true;
            }
        };
        let behind = self.cursor.offset + length as u64;
        let own = self.gaps.partition_point(|gap| gap.at < behind);
        let mut missing = Vec::new();
        self.waiting(pending, own, &mut missing);
        if let Some(last) = missing.last_mut() {
            last.end = last.end.min(length);
        }
        let lacks = missing.last().map_or(0, Missing::up_to_its_end);
        let unread = pending.get(self.consumed..).unwrap_or_default();
        let bytes = unread.get(..length.saturating_sub(lacks).min(unread.len())).unwrap_or_default();
        let span = Span { length: length as u64, span_type, ..span };
        pass(span, Captured::with_missing(bytes, &missing), &mut self.guess, sink);
        self.consumed += bytes.len();
        self.cursor.skip(length);
        while let Some(gap) = self.gaps.front_mut().filter(|gap| gap.at < behind) {
            let inside = gap.length.min(behind - gap.at);
            (gap.at, gap.length) = (gap.at + inside, gap.length - inside);
            self.gap_bytes -= inside;
            if gap.length == 0 {
                self.gaps.pop_front();
            }
        }
        true
    }

    /// How long the message is that begins at the cursor's place and that a gap cuts. `part` is its beginning.
    fn measured<P: Framing + ?Sized>(
        &mut self,
        protocol: &P,
        pending: &[u8],
        part: &[u8],
        ended: bool,
    ) -> Cut {
        let end = self.waiting_length(pending);
        let unread = pending.len() - self.consumed;
        let is_held = !ended && self.gaps.len() < MAX_HELD_GAPS;
        // Mostly its beginning is enough, and what is missing need not be considered.
        let measure = match protocol.measure(Captured::whole(part)) {
            Measure::NeedMore => {
                let mut missing = Vec::new();
                protocol.measure(self.waiting(pending, MAX_HELD_GAPS, &mut missing))
            }
            known => known,
        };
        let mut wait_for = |more: usize| {
            self.cursor.needed_end = self.cursor.offset.saturating_add(end.saturating_add(more) as u64);
            Cut::Wait
        };
        let (length, head) = match measure {
            Measure::Message { length, head, .. } => (length.get(), head.get()),
            // Asking again only when there is markedly more keeps the work linear.
            Measure::NeedMore if is_held => return wait_for((unread / 8).max(1)),
            _ => return Cut::Unknown,
        };
        if length > end {
            return match ended {
                true => Cut::Partial,
                false if is_held => wait_for(length - end),
                false => Cut::Unknown,
            };
        }
        if length == end {
            return if ended { Cut::Message(length) } else { wait_for(1) };
        }
        // What follows it shows whether its length is right; where a gap does, nothing speaks against it.
        let place = self.cursor.offset + length as u64;
        let next = self.gaps.partition_point(|gap| gap.at <= place);
        let last = next.checked_sub(1).and_then(|last| self.gaps.get(last));
        if last.is_some_and(|gap| place < gap.end()) {
            return Cut::Message(length);
        }
        let from = usize::try_from(self.captured_up_to(place)).unwrap_or(usize::MAX);
        let until = self.gaps.get(next).map_or(u64::MAX, |gap| gap.at - place);
        let behind = pending.get(self.consumed.saturating_add(from)..).unwrap_or_default();
        let behind = behind.get(..usize::try_from(until).unwrap_or(usize::MAX)).unwrap_or(behind);
        match protocol.measure(Captured::whole(behind)) {
            Measure::Nothing => Cut::Suspect(head),
            Measure::NeedMore if length.saturating_add(behind.len()) == end && !ended => {
                self.cursor.needed_end = self.cursor.offset.saturating_add(end as u64 + 1);
                Cut::Wait
            }
            _ => Cut::Message(length),
        }
    }
}
