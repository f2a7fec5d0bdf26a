//! Lays one direction's bytes out in spans, as they arrive: messages, skipped bytes, partial messages, gaps.
//!
//! Every byte and every gap ends up in exactly one [`Span`], in order, whatever the segments are. What is held back
//! is at most one message that is not complete yet, and what is needed to find the next where the format does not tell.
//!
//! A message that a gap cuts keeps its length if what was captured tells it: it goes on behind the gap, and so does the
//! framing. Whether that length is right shows what follows; if no message does, the message's head is skipped and the search
//! begins behind it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::resync::{LOOKS, outdone, weigh};
use crate::{Captured, Code, Guess, Input, Measure, Memo, Missing, Protocol, Step};

/// What a stretch of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanType {
    /// A message. If bytes of it are missing, its length is known all the same.
    Message,
    /// A message that a gap or the end cuts off.
    Partial,
    /// Bytes that are not a message, and why.
    Skipped(Code),
    /// Bytes that are missing.
    Gap,
}

/// A stretch of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Where in the stream it begins.
    pub offset: u64,
    /// How many bytes long it is; never 0.
    pub length: u64,
    /// What it is.
    pub span_type: SpanType,
    /// Whether it is a message whose checks were computed already, and hold.
    pub checked: bool,
}

/// Is told each span, with its bytes if it is a message or a partial one.
pub type Sink<'s> = dyn FnMut(Span, Captured<'_, '_>) + 's;

/// Lays out one direction.
///
/// ```
/// use framescope_parser::{Framer, SpanType, missive::{FrameBuf, Kind, Missive}};
///
/// let missive = Missive::default();
/// let bytes = FrameBuf::new(Kind::PING).to_bytes()?;
/// let mut framer = Framer::default();
/// let mut spans = Vec::new();
/// for half in [&bytes[..7], &bytes[7..], b"noise"] {
///     framer.segment(&missive, half, &mut |span, _| spans.push((span.span_type, span.length)));
/// }
/// framer.end(&missive, &mut |span, _| spans.push((span.span_type, span.length)));
/// assert_eq!(spans[0], (SpanType::Message, 20));
/// assert_eq!(spans[1].1, 5);
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Framer {
    cursor: Cursor,
    /// Bytes from the cursor's place on, behind `consumed` ones that are not needed any more.
    pending: Vec<u8>,
    consumed: usize,
    /// Where in the stream the segments that `pending` came in end.
    segment_ends: VecDeque<u64>,
    /// Gaps between the bytes of `pending`, or behind them.
    gaps: VecDeque<Gap>,
    gap_bytes: u64,
    /// How many of [`LOOKS`] were not enough to find a place to begin again.
    looks: usize,
    /// How the message that comes next was found.
    guess: Option<Guess>,
    doubt: Doubt,
}

/// A stretch that is missing.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// Where in the stream it begins.
    at: u64,
    length: u64,
    /// How many bytes are missing in all gaps of the stream up to its end.
    total: u64,
}

impl Gap {
    fn end(&self) -> u64 {
        self.at + self.length
    }
}

/// Which messages' lengths are doubted, in a format that does not tell where messages begin.
#[derive(Debug, Default)]
struct Doubt {
    /// Whether the format is one of these; None before it was asked.
    doubts: Option<bool>,
    /// Messages up to this length are nothing unusual here.
    usual: u64,
    /// How many bytes may be looked at more closely: a part of those that were laid out.
    credit: u64,
}

/// Bytes that are looked at more closely for each that is laid out, so that the work stays linear.
const CREDIT: u64 = 16;
/// The first credit.
const FIRST_CREDIT: u64 = 128 << 10;
/// Gaps that are looked over at most while a place to begin again is looked for.
const MOST_GAPS: usize = 256;
/// Gaps that one message may have: packets cut by a snaplen make a gap each.
const MOST_HELD: usize = 1 << 14;

impl Doubt {
    /// Whether a message of that length is looked at more closely.
    #[inline]
    fn is_about(&self, span: &Span) -> bool {
        span.length > self.usual && matches!(span.span_type, SpanType::Message | SpanType::Partial)
    }

    fn ask(&mut self, protocol: &dyn Protocol) {
        let tells = protocol.can_resync() || protocol.terminator().is_some();
        self.doubts = Some(!tells);
        (self.usual, self.credit) = if tells { (u64::MAX, 0) } else { (0, FIRST_CREDIT) };
    }

    /// A message was laid out.
    fn accept(&mut self, length: u64) {
        if self.doubts == Some(true) {
            self.usual = length.max(self.usual - self.usual / 64);
            self.credit = self.credit.saturating_add(length.saturating_mul(CREDIT)).min(FIRST_CREDIT << 4);
        }
    }
}

/// What is to be done about a message that a gap cuts.
enum Cut {
    /// More has to come.
    Wait,
    /// It is so many bytes long.
    Message(usize),
    /// It goes on behind the end.
    Partial,
    /// Its length is false: so many bytes are skipped.
    Suspect(usize),
    /// Its length is not known.
    Unknown,
}

impl Framer {
    /// Lays out a stream from an offset on, before which all is laid out and complete.
    pub fn at(offset: u64) -> Framer {
        let mut framer = Framer::default();
        framer.cursor.offset = offset;
        framer
    }

    /// Where in the stream the next byte belongs.
    pub fn end_offset(&self) -> u64 {
        self.cursor.offset + (self.pending.len() - self.consumed) as u64 + self.gap_bytes
    }

    /// Whether nothing tells where the next message begins, so that a place is looked for.
    pub fn is_searching(&self) -> bool {
        self.cursor.lost || self.cursor.run.is_some()
    }

    /// Says, before the first byte, that the stream began before it, so that it need not begin a message.
    pub fn begins_inside(&mut self, protocol: &dyn Protocol) {
        self.cursor.behind_gap = Some(self.cursor.offset);
        self.cursor.lost = !protocol.can_resync();
    }

    /// Takes the stream's next bytes, which came in one segment or datagram.
    pub fn segment(&mut self, protocol: &dyn Protocol, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        let end = self.end_offset() + bytes.len() as u64;
        if self.doubt.doubts.is_none() {
            self.doubt.ask(protocol);
        }
        if self.consumed == self.pending.len() && self.gaps.is_empty() && !self.cursor.lost {
            // The common case: nothing is held back, so the segment is read where it lies.
            let read = steps(&mut self.cursor, protocol, bytes, (&mut self.guess, &mut self.doubt), sink);
            self.pending.clear();
            self.consumed = 0;
            self.segment_ends.clear();
            if let Some(rest) = bytes.get(read..).filter(|rest| !rest.is_empty()) {
                self.pending.extend_from_slice(rest);
                self.segment_ends.push_back(end);
                if !self.needs_more() {
                    self.lay_out(protocol, false, sink);
                }
            }
        } else {
            self.pending.extend_from_slice(bytes);
            self.segment_ends.push_back(end);
            if !self.needs_more() {
                self.lay_out(protocol, false, sink);
            }
        }
    }

    /// Takes a segment of `length` bytes of which [`Protocol::next`] said, asked about it alone, that it is just one message.
    /// Gives the message's span; None where bytes wait before it, and then it takes nothing.
    pub fn message(&mut self, length: usize) -> Option<Span> {
        let is_idle = self.consumed == self.pending.len() && self.gaps.is_empty() && !self.cursor.lost;
        if !is_idle || !self.cursor.is_between_spans() {
            return None;
        }
        let offset = self.cursor.offset;
        self.cursor.skip(length);
        Some(Span { offset, length: length as u64, span_type: SpanType::Message, checked: true })
    }

    /// Takes a gap of `length` bytes: what stands before it goes on behind it only if its length is known.
    pub fn gap(&mut self, protocol: &dyn Protocol, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return self.end(protocol, sink);
        }
        let at = self.end_offset();
        match self.gaps.back_mut() {
            Some(last) if last.end() == at => {
                last.length += length;
                last.total += length;
            }
            last => {
                let total = last.map_or(0, |last| last.total) + length;
                self.gaps.push_back(Gap { at, length, total });
            }
        }
        self.gap_bytes += length;
        if !self.needs_more() || self.gaps.len() >= MOST_HELD {
            self.lay_out(protocol, false, sink);
        }
    }

    /// The stream ends here, or a datagram does: what stands before can't go on. More may follow all the same, and then begins
    /// a message.
    pub fn end(&mut self, protocol: &dyn Protocol, sink: &mut Sink<'_>) {
        self.lay_out(protocol, true, sink);
        self.cursor.lost = false;
        (self.looks, self.guess) = (0, None);
    }

    /// Whether it is known that nothing can be said of what waits.
    fn needs_more(&self) -> bool {
        let unread = usize::try_from(self.end_offset() - self.cursor.offset).unwrap_or(usize::MAX);
        self.cursor.needs_more_than(unread)
    }

    /// Lays out what waits, as far as that is possible. `ended` says that nothing follows.
    fn lay_out(&mut self, protocol: &dyn Protocol, ended: bool, sink: &mut Sink<'_>) {
        let pending = core::mem::take(&mut self.pending);
        loop {
            if self.cursor.lost {
                if self.search(protocol, &pending, ended, sink) {
                    continue;
                }
                if !ended {
                    break;
                }
            }
            let begin = self.cursor.offset;
            let part = self.part(&pending);
            let gap = self.gaps.front().copied();
            let mut segment_ends = self.segment_ends.iter().copied();
            let mut segment_end = segment_ends.next();
            let first_segment = &mut |offset: u64| {
                while segment_end.is_some_and(|segment_end| segment_end <= offset) {
                    segment_end = segment_ends.next();
                }
                segment_end.map_or(usize::MAX, |end| usize::try_from(end - offset).unwrap_or(usize::MAX))
            };
            let span = self.cursor.next(protocol, part, first_segment, ended || gap.is_some());
            let done = usize::try_from(self.cursor.offset - begin).unwrap_or(0);
            match span {
                Some(span) if span.span_type == SpanType::Partial && gap.is_some() && done == part.len() => {
                    self.cursor.offset = span.offset;
                    if !self.cut(protocol, &pending, part, span, ended, sink) {
                        break;
                    }
                }
                Some(span) if self.doubt.is_about(&span) && self.guess.is_none() => {
                    self.cursor.offset = span.offset;
                    self.doubted(protocol, &pending, &span, sink);
                }
                Some(span) => {
                    self.consumed += done;
                    self.pass_segments();
                    self.doubt.accept(if span.span_type == SpanType::Message { span.length } else { 0 });
                    give(span, part.get(..done).unwrap_or_default(), &mut self.guess, sink);
                }
                None => {
                    self.consumed += done;
                    match gap {
                        _ if self.cursor.lost && done > 0 => {}
                        Some(gap) if gap.at == self.cursor.offset => {
                            self.take_gap(protocol, sink);
                        }
                        _ => break,
                    }
                }
            }
        }
        self.pending = pending;
        self.pass_segments();
        // Moving what is left to the front only when that is the smaller part keeps the work linear.
        if self.consumed * 2 >= self.pending.len() {
            self.pending.drain(..self.consumed.min(self.pending.len()));
            self.consumed = 0;
        }
    }

    /// Forgets the segments before the cursor's place.
    fn pass_segments(&mut self) {
        while self.segment_ends.front().is_some_and(|&end| end <= self.cursor.offset) {
            self.segment_ends.pop_front();
        }
    }

    /// The unread bytes up to the next gap.
    fn part<'p>(&self, pending: &'p [u8]) -> &'p [u8] {
        let unread = pending.get(self.consumed..).unwrap_or_default();
        let length = self.gaps.front().map_or(u64::MAX, |gap| gap.at - self.cursor.offset);
        unread.get(..usize::try_from(length).unwrap_or(usize::MAX).min(unread.len())).unwrap_or_default()
    }

    /// What waits, with what is missing of it, as a message that begins at the cursor's place: up to the gap of that number.
    fn waiting<'p>(&self, pending: &'p [u8], gaps: usize, missing: &'p mut Vec<Missing>) -> Captured<'p, 'p> {
        let place = |at: u64| usize::try_from(at - self.cursor.offset).unwrap_or(usize::MAX);
        *missing = Missing::list(self.gaps.iter().take(gaps).map(|gap| place(gap.at)..place(gap.end())));
        let unread = pending.get(self.consumed..).unwrap_or_default();
        let until = self.gaps.get(gaps).map_or(u64::MAX, |gap| gap.at);
        let there = usize::try_from(self.captured_up_to(until)).unwrap_or(usize::MAX).min(unread.len());
        Captured::with_missing(unread.get(..there).unwrap_or_default(), missing)
    }

    /// How long all is that waits, the gaps included.
    fn waiting_length(&self, pending: &[u8]) -> usize {
        let gaps = usize::try_from(self.gap_bytes).unwrap_or(usize::MAX);
        (pending.len() - self.consumed).saturating_add(gaps)
    }

    /// How many bytes are there from the cursor's place up to another, which is in no gap.
    fn captured_up_to(&self, place: u64) -> u64 {
        let before = self.gaps.partition_point(|gap| gap.at < place);
        let last = before.checked_sub(1).and_then(|last| self.gaps.get(last));
        let missing = match (self.gaps.front(), last) {
            (Some(first), Some(last)) => last.total - (first.total - first.length),
            _ => 0,
        };
        place.saturating_sub(self.cursor.offset).saturating_sub(missing)
    }

    /// Gives the gap at the cursor's place. False if there is none.
    fn take_gap(&mut self, protocol: &dyn Protocol, sink: &mut Sink<'_>) -> bool {
        let Some(Gap { at: offset, length, .. }) = self.gaps.pop_front() else { return false };
        self.gap_bytes -= length;
        sink(Span { offset, length, span_type: SpanType::Gap, checked: false }, Captured::default());
        self.cursor.offset = offset + length;
        self.cursor.behind_gap = Some(self.cursor.offset);
        self.cursor.lost |= !protocol.can_resync();
        true
    }

    /// A message that a gap cuts: `part` is its beginning, `span` what it is if its length is not known. False where more has
    /// to come.
    fn cut(
        &mut self,
        protocol: &dyn Protocol,
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
                give(span, part, &mut self.guess, sink);
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
        let guess = self.guess.take();
        sink(span, Captured::with_missing(bytes, &missing).guessed(guess.as_ref()));
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

    /// An unusually long message in a format that does not tell where messages begin: gives it, or skips what is none. What is in
    /// it decides, so that nobody waits for what follows.
    fn doubted(&mut self, protocol: &dyn Protocol, pending: &[u8], span: &Span, sink: &mut Sink<'_>) {
        let part = self.part(pending);
        let length = usize::try_from(span.length).unwrap_or(part.len()).min(part.len());
        let bytes = part.get(..length).unwrap_or_default();
        if let Some(credit) = self.doubt.credit.checked_sub(span.length) {
            self.doubt.credit = credit;
            // Where a message that is cut off would end is not known.
            let is_whole = span.span_type == SpanType::Message;
            if let Some((at, guess)) = outdone(protocol, bytes, if is_whole { length } else { usize::MAX }) {
                self.skip_to(self.cursor.offset + at as u64, Code::LengthSuspect, protocol, pending, sink);
                self.found(Some(guess));
                return;
            }
        }
        self.doubt.accept(span.length);
        self.consumed += length;
        self.cursor.skip(length);
        give(*span, bytes, &mut self.guess, sink);
    }

    /// How long the message is that begins at the cursor's place and that a gap cuts. `part` is its beginning.
    fn measured(&mut self, protocol: &dyn Protocol, pending: &[u8], part: &[u8], ended: bool) -> Cut {
        let end = self.waiting_length(pending);
        let unread = pending.len() - self.consumed;
        let is_held = !ended && self.gaps.len() < MOST_HELD;
        // Mostly its beginning tells, and what is missing need not be looked at.
        let measure = match protocol.measure(Captured::whole(part)) {
            Measure::NeedMore => {
                let mut missing = Vec::new();
                protocol.measure(self.waiting(pending, MOST_HELD, &mut missing))
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
        // What follows it says whether its length is right; where a gap does, nothing speaks against it.
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

    /// Looks for a place to begin again, and goes there. False where more has to come, or nothing is left.
    fn search(&mut self, protocol: &dyn Protocol, pending: &[u8], ended: bool, sink: &mut Sink<'_>) -> bool {
        let part = self.part(pending);
        if part.is_empty() {
            let at_gap = !self.gaps.is_empty();
            if at_gap {
                self.skip_to(self.cursor.offset + 1, Code::Continuation, protocol, pending, sink);
            }
            return at_gap;
        }
        let behind_gap = self.cursor.behind_gap == Some(self.cursor.offset);
        let code = if behind_gap { Code::Continuation } else { Code::NotAFrame };
        if let Some(terminator) = protocol.terminator() {
            // Whether a capture begins with a whole message nothing tells; mostly it does.
            if behind_gap && self.cursor.offset == 0 {
                return self.found(Some(Guess { messages: 0, second: 0, bytes: 0 }));
            }
            if let Some(at) = memchr::memmem::find(part, terminator) {
                let to = self.cursor.offset + (at + terminator.len()) as u64;
                self.skip_to(to, code, protocol, pending, sink);
                return self.found(None);
            }
            // Its first bytes may stand last.
            let is_cut = ended || !self.gaps.is_empty();
            let rest = if is_cut { 0 } else { (terminator.len() - 1).min(part.len()) };
            self.skip_to(self.cursor.offset + (part.len() - rest) as u64, code, protocol, pending, sink);
            return is_cut;
        }
        let mut missing = Vec::new();
        let waiting = self.waiting(pending, MOST_GAPS, &mut missing);
        let there = waiting.bytes().len();
        while let Some(&look) = LOOKS.get(self.looks) {
            if there < look && !ended && self.gaps.len() < MOST_GAPS {
                let more = waiting.length().saturating_add(look - there) as u64;
                self.cursor.needed_end = self.cursor.offset.saturating_add(more);
                return false;
            }
            let window = waiting.first(look.min(there));
            let is_all = ended && there <= look;
            if let Some((at, guess)) = weigh(protocol, window, is_all) {
                self.skip_to(self.cursor.offset + at as u64, code, protocol, pending, sink);
                return self.found(guess);
            }
            self.looks += 1;
            if is_all || self.looks == LOOKS.len() {
                self.looks = 0;
                let to = self.cursor.offset + window.length() as u64;
                self.skip_to(to, Code::CannotResync, protocol, pending, sink);
                return true;
            }
        }
        false
    }

    /// A message begins at the cursor's place.
    fn found(&mut self, guess: Option<Guess>) -> bool {
        self.cursor.lost = false;
        (self.looks, self.guess) = (0, guess);
        true
    }

    /// Skips bytes that are no message, up to a place in the stream, with the gaps on the way.
    fn skip_to(&mut self, to: u64, code: Code, protocol: &dyn Protocol, pending: &[u8], sink: &mut Sink<'_>) {
        while self.cursor.offset < to {
            let part = self.part(pending).len();
            if part == 0 {
                if let Some(run) = self.cursor.close_run() {
                    sink(run, Captured::default());
                }
                if !self.take_gap(protocol, sink) {
                    return;
                }
                continue;
            }
            let length = usize::try_from(to - self.cursor.offset).unwrap_or(part).min(part);
            let run = self.cursor.run.get_or_insert((self.cursor.offset, code));
            if code == Code::CannotResync {
                run.1 = code;
            }
            self.cursor.skip(length);
            self.consumed += length;
        }
    }
}

/// Gives a span whose bytes lie in one piece.
fn give(span: Span, bytes: &[u8], guess: &mut Option<Guess>, sink: &mut Sink<'_>) {
    match span.span_type {
        SpanType::Message | SpanType::Partial => {
            let guess = guess.take();
            sink(span, Captured::whole(bytes).guessed(guess.as_ref()));
        }
        SpanType::Skipped(_) | SpanType::Gap => sink(span, Captured::default()),
    }
}

/// Lays out `bytes`, one segment's, which begin at the cursor's place. Gives how many of them are done.
fn steps(
    cursor: &mut Cursor,
    protocol: &dyn Protocol,
    bytes: &[u8],
    (guess, doubt): (&mut Option<Guess>, &mut Doubt),
    sink: &mut Sink<'_>,
) -> usize {
    let begin = cursor.offset;
    let within = |offset: u64| usize::try_from(offset.saturating_sub(begin)).unwrap_or(bytes.len());
    loop {
        let rest = bytes.get(within(cursor.offset)..).unwrap_or_default();
        let Some(span) = cursor.next(protocol, rest, &mut |_| usize::MAX, false) else {
            return within(cursor.offset);
        };
        if doubt.is_about(&span) && guess.is_none() {
            cursor.offset = span.offset;
            cursor.needed_end = 0;
            return within(span.offset);
        }
        doubt.accept(span.length);
        give(span, rest.get(..within(begin + span.length)).unwrap_or_default(), guess, sink);
    }
}

/// Where the reading of one direction stands. Who holds the bytes gives them with each call.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// Where in the stream the first byte that is in no span and no run stands.
    offset: u64,
    /// Nothing can be said before the stream reaches here.
    needed_end: u64,
    /// The skipped bytes before `offset` whose search has not ended.
    run: Option<(u64, Code)>,
    /// What was found at `offset` and ended a run.
    found: Option<(usize, SpanType, bool)>,
    memo: Memo,
    /// Where the last gap ended, if nothing was read behind it.
    behind_gap: Option<u64>,
    /// Whether nothing tells where the next message begins, so that a place has to be looked for.
    lost: bool,
}

impl Cursor {
    /// Where in the stream the first byte that is not read stands.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether it is known that nothing can be said of only so many unread bytes.
    pub(crate) fn needs_more_than(&self, unread: usize) -> bool {
        self.found.is_none() && self.offset + (unread as u64) < self.needed_end
    }

    /// Whether neither a run is open nor a span was found already.
    #[inline]
    fn is_between_spans(&self) -> bool {
        self.run.is_none() && self.found.is_none()
    }

    /// The memo, where nothing was read that is in no span yet.
    #[inline]
    pub(crate) fn memo_between_spans(&mut self) -> Option<&mut Memo> {
        self.is_between_spans().then_some(&mut self.memo)
    }

    /// Goes behind `length` bytes that the caller has read.
    #[inline]
    pub(crate) fn skip(&mut self, length: usize) {
        self.offset += length as u64;
    }

    /// The next span of `bytes`, the unread ones. None where more are needed, or, with `last`, all are read.
    /// `first_segment` tells how many bytes there are from an offset in the stream to the end of its segment.
    ///
    /// A span's bytes are the first of `bytes`, but for skipped ones: those may have been read by earlier calls.
    #[inline(always)]
    pub(crate) fn next(
        &mut self,
        protocol: &dyn Protocol,
        bytes: &[u8],
        first_segment: &mut dyn FnMut(u64) -> usize,
        last: bool,
    ) -> Option<Span> {
        let mut rest = bytes;
        let (length, span_type, checked) = loop {
            if let Some(found) = self.found.take() {
                break found;
            }
            if rest.is_empty() {
                return if last { self.close_run() } else { None };
            }
            let first_segment = first_segment(self.offset).min(rest.len());
            let input = Input { bytes: rest, first_segment, last, offset: self.offset };
            break match protocol.next(input, &mut self.memo) {
                Step::Message(length) => (length.get(), SpanType::Message, false),
                Step::Checked(length) => (length.get(), SpanType::Message, true),
                Step::Partial(length) => (length.get(), SpanType::Partial, false),
                Step::Skipped(length, code) => (length.get(), SpanType::Skipped(code), false),
                Step::Lost => {
                    self.run.get_or_insert((self.offset, Code::NotAFrame));
                    self.skip(1);
                    self.lost = true;
                    return None;
                }
                Step::Searching(length, code) => {
                    let code = self.reason(code);
                    self.run.get_or_insert((self.offset, code));
                    let length = length.get().min(rest.len());
                    self.skip(length);
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                Step::NeedMore(_) if last => (rest.len(), SpanType::Partial, false),
                Step::NeedMore(more) => {
                    self.needed_end = self.offset.saturating_add((rest.len() + more.get()) as u64);
                    return None;
                }
            };
        };
        if let Some(run) = self.close_run() {
            self.found = Some((length, span_type, checked));
            return Some(run);
        }
        let length = length.min(rest.len());
        let span = Span { offset: self.offset, length: length as u64, span_type, checked };
        self.skip(length);
        Some(span)
    }

    /// Why bytes at the place are no message: behind a gap they are the rest of one.
    #[cold]
    fn reason(&self, code: Code) -> Code {
        let goes_on = code == Code::NotAFrame && self.behind_gap == Some(self.offset);
        if goes_on { Code::Continuation } else { code }
    }

    /// The run as far as it goes, if one is open: where it began, its length and its reason.
    pub(crate) fn run(&self) -> Option<(u64, u64, Code)> {
        let (offset, code) = self.run?;
        Some((offset, self.offset - offset, code))
    }

    /// The run that ends here, if one is open.
    fn close_run(&mut self) -> Option<Span> {
        let (offset, length, code) = self.run()?;
        self.run = None;
        Some(Span { offset, length, span_type: SpanType::Skipped(code), checked: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Confidence, Dissection, Error, Sample, Visit};
    use alloc::vec;
    use core::num::NonZeroUsize;
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// A protocol of which only one question is asked.
    struct Test<F>(F);

    impl<F: Fn(Input<'_>) -> Step + Send + Sync> Protocol for Test<F> {
        fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
            (self.0)(input)
        }
        #[rustfmt::skip]
        fn name(&self) -> &str { "test" }
        #[rustfmt::skip]
        fn about(&self) -> &str { "for a test" }
        #[rustfmt::skip]
        fn dissect<'a>(&'a self, _: &'a [u8], _: &mut dyn Visit<'a>) {}
        #[rustfmt::skip]
        fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> { Ok(()) }
        #[rustfmt::skip]
        fn detect(&self, _: Sample<'_>) -> Confidence { Confidence::No }
    }

    #[test]
    fn segments_are_told_apart_also_when_several_wait() {
        // Waits until six bytes are there; then each segment is a message.
        let patient = Test(|input: Input<'_>| {
            assert!(input.first_segment >= 1 && input.first_segment <= input.bytes.len());
            match NonZeroUsize::new(6usize.saturating_sub(input.bytes.len())) {
                Some(missing) if !input.last => Step::NeedMore(missing),
                _ => Step::Message(NonZeroUsize::new(input.first_segment).unwrap()),
            }
        });
        let (mut framer, mut found) = (Framer::default(), vec![]);
        let mut offsets = vec![];
        for segment in [&b"ab"[..], b"", b"cde", b"fghi", b"j", b"klmnopq"] {
            framer.segment(&patient, segment, &mut |span, bytes| {
                assert_eq!(span.length, bytes.length() as u64);
                found.push((span.offset, bytes.bytes().to_vec()));
            });
            offsets.push(framer.end_offset());
        }
        framer.end(&patient, &mut |span, bytes| found.push((span.offset, bytes.bytes().to_vec())));
        let expected: [(u64, &[u8]); 5] =
            [(0, b"ab"), (2, b"cde"), (5, b"fghi"), (9, b"j"), (10, b"klmnopq")];
        assert_eq!(found, expected.map(|(offset, bytes)| (offset, bytes.to_vec())));
        assert_eq!(offsets, [2, 2, 5, 9, 10, 17]);
        assert_eq!(framer.pending.len(), 0, "nothing is kept of what was read");
    }

    #[test]
    fn nothing_is_asked_before_enough_is_there() {
        let asked = AtomicUsize::new(0);
        let once = Test(|input: Input<'_>| {
            asked.fetch_add(1, Relaxed);
            match NonZeroUsize::new(100usize.saturating_sub(input.bytes.len())) {
                Some(missing) => Step::NeedMore(missing),
                None => Step::Message(NonZeroUsize::new(100).unwrap()),
            }
        });
        let (mut framer, mut lengths) = (Framer::default(), vec![]);
        for _ in 0..1000 {
            framer.segment(&once, b"x", &mut |span, _| lengths.push(span.length));
        }
        assert_eq!(lengths, [100; 10]);
        // Once when a message begins and once when it is all there.
        assert_eq!(asked.load(Relaxed), 20);
        // Who wants more though nothing follows gets none.
        framer.segment(&once, b"rest", &mut |span, _| lengths.push(span.length));
        framer.end(&once, &mut |span, _| lengths.push(span.length));
        assert_eq!(lengths.last(), Some(&4));
    }

    #[test]
    fn what_was_read_is_dropped_and_what_waits_is_not_asked_about() {
        // A message of 24 bytes, then one of 1000; each begins with its own letter.
        let asked = AtomicUsize::new(0);
        let two = Test(|input: Input<'_>| {
            asked.fetch_add(1, Relaxed);
            let length: usize = if input.bytes.starts_with(b"a") { 24 } else { 1000 };
            match NonZeroUsize::new(length.saturating_sub(input.bytes.len())) {
                Some(missing) => Step::NeedMore(missing),
                None => Step::Message(NonZeroUsize::new(length).unwrap()),
            }
        });
        let stream = [vec![b'a'; 24], vec![b'b'; 1000]].concat().repeat(20);
        let (mut framer, mut spans) = (Framer::default(), vec![]);
        let mut fed = 0;
        // The first message is completed by a segment that brings the beginning of the second.
        for (i, segment) in stream.chunks(10).enumerate() {
            framer.segment(&two, segment, &mut |span, _| spans.push(span.length));
            fed += segment.len();
            assert_eq!(framer.end_offset(), fed as u64, "after segment {i}");
            let waiting = framer.pending.len() - framer.consumed;
            assert!(
                framer.pending.len() <= 2 * waiting.max(10) + 10,
                "{} of {waiting}",
                framer.pending.len()
            );
            assert!(framer.segment_ends.len() <= waiting / 10 + 2);
        }
        assert_eq!(spans, [24, 1000].repeat(20));
        // Twice for each message, and once more where one ends with its segment.
        let asked = asked.load(Relaxed);
        assert!(asked <= 2 * spans.len(), "asked {asked} times for {} messages", spans.len());
        // A segment may bring much behind the end of what waited.
        let mut framer = Framer::default();
        framer.segment(&two, b"aaaa", &mut |_, _| {});
        framer.segment(&two, &[&[b'a'; 20][..], &[b'b'; 200]].concat(), &mut |_, _| {});
        assert_eq!((framer.end_offset(), framer.consumed), (224, 24), "moving them would cost more");
    }
}
