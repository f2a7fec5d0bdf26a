//! Where the framing resumes, in a format that does not show where messages begin.

use alloc::vec::Vec;

use super::{Framer, Framing, Sink, Span, SpanType, deliver};
use crate::resync::{WINDOWS, stronger_chain, weigh};
use crate::{Captured, Code, Guess};

/// The most gaps that are skipped in the search for a place to resume.
const MAX_SEARCHED_GAPS: usize = 256;
impl Framer {
    /// Searches for a place to resume, and goes there. False where more bytes are needed, or nothing is left.
    pub(super) fn search<P: Framing + ?Sized>(
        &mut self,
        protocol: &P,
        pending: &[u8],
        ended: bool,
        sink: &mut Sink<'_>,
    ) -> bool {
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
            // Nothing shows whether a capture begins with a whole message; mostly it does.
            if behind_gap && self.cursor.offset == 0 {
                return self.found(Some(Guess { messages: 0, second: 0, bytes: 0 }));
            }
            if let Some(at) = memchr::memmem::find(part, terminator) {
                let to = self.cursor.offset + (at + terminator.len()) as u64;
                self.skip_to(to, code, protocol, pending, sink);
                return self.found(None);
            }
            // Its first bytes may be the last here.
            let is_cut = ended || !self.gaps.is_empty();
            let rest = if is_cut { 0 } else { (terminator.len() - 1).min(part.len()) };
            self.skip_to(self.cursor.offset + (part.len() - rest) as u64, code, protocol, pending, sink);
            return is_cut;
        }
        let mut missing = Vec::new();
        let waiting = self.waiting(pending, MAX_SEARCHED_GAPS, &mut missing);
        let there = waiting.bytes().len();
        while let Some(&size) = WINDOWS.get(self.windows_tried) {
            if there < size && !ended && self.gaps.len() < MAX_SEARCHED_GAPS {
                let more = waiting.length().saturating_add(size - there) as u64;
                self.cursor.needed_end = self.cursor.offset.saturating_add(more);
                return false;
            }
            let window = waiting.first(size.min(there));
            let is_all = ended && there <= size;
            if let Some((at, guess)) = weigh(protocol, window, is_all) {
                self.skip_to(self.cursor.offset + at as u64, code, protocol, pending, sink);
                return self.found(guess);
            }
            self.windows_tried += 1;
            if is_all || self.windows_tried == WINDOWS.len() {
                self.windows_tried = 0;
                let to = self.cursor.offset + window.length() as u64;
                self.skip_to(to, Code::CannotResync, protocol, pending, sink);
                return true;
            }
        }
        false
    }

    /// A message begins at the cursor's offset.
    fn found(&mut self, guess: Option<Guess>) -> bool {
        self.cursor.lost = false;
        (self.windows_tried, self.guess) = (0, guess);
        true
    }

    /// Skips bytes that are not a message, up to an offset in the stream, with the gaps on the way.
    fn skip_to<P: Framing + ?Sized>(
        &mut self,
        to: u64,
        code: Code,
        protocol: &P,
        pending: &[u8],
        sink: &mut Sink<'_>,
    ) {
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

    /// An unusually long message in a format that does not show where messages begin: delivers it, or skips what is not
    /// one. Its contents decide, so that delivery does not wait for what follows.
    pub(super) fn doubted<P: Framing + ?Sized>(
        &mut self,
        protocol: &P,
        pending: &[u8],
        span: &Span,
        sink: &mut Sink<'_>,
    ) {
        let part = self.part(pending);
        let length = usize::try_from(span.length).unwrap_or(part.len()).min(part.len());
        let bytes = part.get(..length).unwrap_or_default();
        if let Some(credit) = self.doubt.credit.checked_sub(span.length) {
            self.doubt.credit = credit;
            // Where a message that is cut off would end is not known.
            let is_whole = span.span_type == SpanType::Message;
            if let Some((at, guess)) =
                stronger_chain(protocol, bytes, if is_whole { length } else { usize::MAX })
            {
                self.skip_to(self.cursor.offset + at as u64, Code::LengthSuspect, protocol, pending, sink);
                self.found(Some(guess));
                return;
            }
        }
        self.doubt.accept(span.length);
        self.consumed += length;
        self.cursor.skip(length);
        deliver(*span, bytes, &mut self.guess, sink);
    }
}
