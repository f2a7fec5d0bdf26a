//! Divides one direction's bytes into spans, as they arrive: messages, skipped bytes, partial messages, gaps.
//!
//! Every byte and every gap ends up in exactly one [`Span`], in order, whatever the segments are. At most one
//! incomplete message is buffered, and what is needed to find the next where the format does not mark it.
//!
//! A message that a gap cuts keeps its length if the captured bytes show it: the message and the framing continue after
//! the gap. What follows shows whether that length is right; if no message does, the message's head is skipped and the
//! search begins after it.

mod cursor;
mod cut;
mod doubt;
mod search;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

pub(crate) use self::cursor::Cursor;
use self::cut::MAX_HELD_GAPS;
use self::doubt::Doubt;
use crate::{Captured, Code, Context, Guess, Input, Measure, Memo, Missing, Protocol, Speaker, Step, Visit};

/// The type of a [`Span`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanType {
    /// A message. If bytes of it are missing, its length is still known.
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

/// Receives each span, with its bytes if it is a message or a partial one.
pub type Sink<'s> = dyn FnMut(Span, Captured<'_, '_>) + 's;

/// What the framer needs of a protocol.
pub(crate) trait Framing {
    fn can_resync(&self) -> bool;

    /// Whether an unusual length may be false: nothing shows where a message begins.
    fn doubts_lengths(&self) -> bool;

    fn terminator(&self) -> Option<&[u8]>;

    fn measure(&self, message: Captured<'_, '_>) -> Measure;

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step;

    /// The kind and the problems of a message, whose context is left aside.
    fn outline<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>);
}

impl<P: Protocol + ?Sized> Framing for P {
    fn can_resync(&self) -> bool {
        Protocol::can_resync(self)
    }

    fn doubts_lengths(&self) -> bool {
        !Protocol::can_resync(self) && Protocol::terminator(self).is_none()
    }

    fn terminator(&self) -> Option<&[u8]> {
        Protocol::terminator(self)
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        Protocol::measure(self, message)
    }

    #[inline(always)]
    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        Protocol::next(self, input, memo)
    }

    fn outline<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        Protocol::outline(self, message, false, visit);
    }
}

/// Divides one direction into spans.
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
    /// Bytes from the cursor's offset on, after `consumed` ones that are not needed any more.
    pending: Vec<u8>,
    consumed: usize,
    /// Where in the stream the segments of `pending` end.
    segment_ends: VecDeque<u64>,
    /// Gaps between the bytes of `pending`, or after them.
    gaps: VecDeque<Gap>,
    gap_bytes: u64,
    /// How many of [`WINDOWS`] were not enough to find a place to resume.
    windows_tried: usize,
    /// How the next message was found.
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

impl Framer {
    /// Starts at an offset in the stream, before which everything has been framed.
    pub fn at(offset: u64) -> Framer {
        let mut framer = Framer::default();
        framer.cursor.offset = offset;
        framer
    }

    /// The offset in the stream of the first byte that is in no span.
    pub fn offset(&self) -> u64 {
        self.cursor.run().map_or(self.cursor.offset, |(offset, ..)| offset)
    }

    /// The offset in the stream of the next byte.
    pub fn end_offset(&self) -> u64 {
        self.cursor.offset + (self.pending.len() - self.consumed) as u64 + self.gap_bytes
    }

    /// Whether nothing shows where the next message begins, so that a place is being searched for.
    pub fn is_searching(&self) -> bool {
        self.cursor.lost || self.cursor.run.is_some()
    }

    /// Says, before the first byte, that the capture began inside the stream, so that it need not begin with a message.
    pub fn begins_inside(&mut self, protocol: &dyn Protocol) {
        self.begin_inside(protocol);
    }

    /// The same for a direction of a conversation.
    pub fn begins_inside_of(&mut self, speaker: &Speaker<'_>) {
        speaker.begins_inside();
        self.begin_inside(speaker);
    }

    /// The same where the conversation [knows it](crate::Conversation::begins_inside) already.
    pub fn begins_inside_known(&mut self, speaker: &Speaker<'_>) {
        self.begin_inside(speaker);
    }

    fn begin_inside<P: Framing + ?Sized>(&mut self, protocol: &P) {
        self.cursor.behind_gap = Some(self.cursor.offset);
        self.cursor.lost = !protocol.can_resync();
    }

    /// Takes the stream's next bytes, which came in one segment or datagram.
    pub fn segment(&mut self, protocol: &dyn Protocol, bytes: &[u8], sink: &mut Sink<'_>) {
        self.take_segment(protocol, bytes, sink);
    }

    /// Takes the next bytes of a direction of a conversation, each message of which is read in its stage.
    pub fn segment_of(&mut self, speaker: &Speaker<'_>, bytes: &[u8], sink: &mut Sink<'_>) {
        self.take_segment(speaker, bytes, &mut |span, bytes| speaker.deliver(span, bytes, sink));
    }

    #[inline(always)]
    fn take_segment<P: Framing + ?Sized>(&mut self, protocol: &P, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        let end = self.end_offset() + bytes.len() as u64;
        if self.doubt.doubts.is_none() {
            self.doubt.ask(protocol);
        }
        if self.consumed == self.pending.len() && self.gaps.is_empty() && !self.cursor.lost {
            // The common case: nothing is buffered, so the segment is read where it lies.
            let read = steps(&mut self.cursor, protocol, bytes, (&mut self.guess, &mut self.doubt), sink);
            self.pending.clear();
            self.consumed = 0;
            self.segment_ends.clear();
            if let Some(rest) = bytes.get(read..).filter(|rest| !rest.is_empty()) {
                self.pending.extend_from_slice(rest);
                self.segment_ends.push_back(end);
                if !self.needs_more() {
                    self.divide(protocol, false, sink);
                }
            }
        } else {
            self.pending.extend_from_slice(bytes);
            self.segment_ends.push_back(end);
            if !self.needs_more() {
                self.divide(protocol, false, sink);
            }
        }
    }

    /// Takes a segment of `length` bytes of which [`Protocol::next`] said, given it alone, that it is exactly one
    /// message. Returns the message's span; None where bytes wait before it, and then it takes nothing.
    pub fn message(&mut self, length: usize) -> Option<Span> {
        let is_idle = self.consumed == self.pending.len() && self.gaps.is_empty() && !self.cursor.lost;
        if !is_idle || !self.cursor.is_between_spans() {
            return None;
        }
        let offset = self.cursor.offset;
        self.cursor.skip(length);
        Some(Span { offset, length: length as u64, span_type: SpanType::Message, checked: true })
    }

    /// Takes a gap of `length` bytes: the message before it continues after it only if its length is known.
    pub fn gap(&mut self, protocol: &dyn Protocol, length: u64, sink: &mut Sink<'_>) {
        self.skip_gap(protocol, length, sink);
    }

    /// Takes a gap in a direction of a conversation.
    pub fn gap_of(&mut self, speaker: &Speaker<'_>, length: u64, sink: &mut Sink<'_>) {
        self.skip_gap(speaker, length, &mut |span, bytes| speaker.deliver(span, bytes, sink));
    }

    fn skip_gap<P: Framing + ?Sized>(&mut self, protocol: &P, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return self.finish(protocol, sink);
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
        if !self.needs_more() || self.gaps.len() >= MAX_HELD_GAPS {
            self.divide(protocol, false, sink);
        }
    }

    /// The stream ends here, or a datagram does: an unfinished message is cut off. More bytes may follow all the same,
    /// and then begin a message.
    pub fn end(&mut self, protocol: &dyn Protocol, sink: &mut Sink<'_>) {
        self.finish(protocol, sink);
    }

    /// A direction of a conversation ends here, or a datagram of it does.
    pub fn end_of(&mut self, speaker: &Speaker<'_>, sink: &mut Sink<'_>) {
        self.finish(speaker, &mut |span, bytes| speaker.deliver(span, bytes, sink));
    }

    fn finish<P: Framing + ?Sized>(&mut self, protocol: &P, sink: &mut Sink<'_>) {
        self.divide(protocol, true, sink);
        self.cursor.lost = false;
        (self.windows_tried, self.guess) = (0, None);
    }

    /// Whether it is known that the buffered bytes are too few for a step.
    fn needs_more(&self) -> bool {
        let unread = usize::try_from(self.end_offset() - self.cursor.offset).unwrap_or(usize::MAX);
        self.cursor.needs_more_than(unread)
    }

    /// Frames the buffered bytes as far as possible. `ended` says that nothing follows.
    fn divide<P: Framing + ?Sized>(&mut self, protocol: &P, ended: bool, sink: &mut Sink<'_>) {
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
                    deliver(span, part.get(..done).unwrap_or_default(), &mut self.guess, sink);
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

    /// Forgets the segments before the cursor's offset.
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

    /// The buffered bytes, with what is missing of them, as a message that begins at the cursor's offset: up to the gap
    /// of that number.
    fn waiting<'p>(&self, pending: &'p [u8], gaps: usize, missing: &'p mut Vec<Missing>) -> Captured<'p, 'p> {
        let place = |at: u64| usize::try_from(at - self.cursor.offset).unwrap_or(usize::MAX);
        *missing = Missing::list(self.gaps.iter().take(gaps).map(|gap| place(gap.at)..place(gap.end())));
        let unread = pending.get(self.consumed..).unwrap_or_default();
        let until = self.gaps.get(gaps).map_or(u64::MAX, |gap| gap.at);
        let there = usize::try_from(self.captured_up_to(until)).unwrap_or(usize::MAX).min(unread.len());
        Captured::with_missing(unread.get(..there).unwrap_or_default(), missing)
    }

    /// The length of everything buffered, gaps included.
    fn waiting_length(&self, pending: &[u8]) -> usize {
        let gaps = usize::try_from(self.gap_bytes).unwrap_or(usize::MAX);
        (pending.len() - self.consumed).saturating_add(gaps)
    }

    /// How many bytes are there from the cursor's offset up to another, which is in no gap.
    fn captured_up_to(&self, place: u64) -> u64 {
        let before = self.gaps.partition_point(|gap| gap.at < place);
        let last = before.checked_sub(1).and_then(|last| self.gaps.get(last));
        let missing = match (self.gaps.front(), last) {
            (Some(first), Some(last)) => last.total - (first.total - first.length),
            _ => 0,
        };
        place.saturating_sub(self.cursor.offset).saturating_sub(missing)
    }

    /// Delivers the gap at the cursor's offset. False if there is none.
    fn take_gap<P: Framing + ?Sized>(&mut self, protocol: &P, sink: &mut Sink<'_>) -> bool {
        let Some(Gap { at: offset, length, .. }) = self.gaps.pop_front() else { return false };
        self.gap_bytes -= length;
        sink(Span { offset, length, span_type: SpanType::Gap, checked: false }, Captured::default());
        self.cursor.offset = offset + length;
        self.cursor.behind_gap = Some(self.cursor.offset);
        self.cursor.lost |= !protocol.can_resync();
        true
    }
}

/// Delivers a span whose bytes lie in one piece.
fn deliver(span: Span, bytes: &[u8], guess: &mut Option<Guess>, sink: &mut Sink<'_>) {
    match span.span_type {
        SpanType::Message | SpanType::Partial => {
            pass(span, Captured::whole(bytes), guess, sink);
        }
        SpanType::Skipped(_) | SpanType::Gap => sink(span, Captured::default()),
    }
}

/// Delivers a message, with why it is taken to begin where it does if that was guessed.
#[inline]
fn pass(span: Span, bytes: Captured<'_, '_>, guess: &mut Option<Guess>, sink: &mut Sink<'_>) {
    match guess.take() {
        None => sink(span, bytes),
        guess => sink(span, bytes.in_context(Some(&Context { guess, ..Context::default() }))),
    }
}

/// Frames `bytes`, one segment's, which begin at the cursor's offset. Returns how many of them are done.
fn steps<P: Framing + ?Sized>(
    cursor: &mut Cursor,
    protocol: &P,
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
        deliver(span, rest.get(..within(begin + span.length)).unwrap_or_default(), guess, sink);
    }
}
