//! The read position in one direction: steps of the protocol become spans, and skipped bytes one run.

use super::{Framing, Span, SpanType};
use crate::{Code, Input, Memo, Step};

/// The read position in one direction. The owner of the bytes passes them to each call.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// The offset in the stream of the first byte that is in no span and no run.
    pub(super) offset: u64,
    /// No step is possible before the stream reaches this offset.
    pub(super) needed_end: u64,
    /// The skipped bytes before `offset` whose search has not ended.
    pub(super) run: Option<(u64, Code)>,
    /// What was found at `offset` and ended a run.
    found: Option<(usize, SpanType, bool)>,
    memo: Memo,
    /// Where the last gap ended, if nothing was read after it.
    pub(super) behind_gap: Option<u64>,
    /// Whether nothing shows where the next message begins, so that a place has to be searched for.
    pub(super) lost: bool,
}

impl Cursor {
    /// The offset in the stream of the first unread byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether it is known that this many unread bytes are too few for a step.
    pub(crate) fn needs_more_than(&self, unread: usize) -> bool {
        self.found.is_none() && self.offset + (unread as u64) < self.needed_end
    }

    /// Whether no run is open and no span is waiting.
    #[inline]
    pub(super) fn is_between_spans(&self) -> bool {
        self.run.is_none() && self.found.is_none()
    }

    /// The memo, where nothing was read that is in no span yet.
    #[inline]
    pub(crate) fn memo_between_spans(&mut self) -> Option<&mut Memo> {
        self.is_between_spans().then_some(&mut self.memo)
    }

    /// Advances past `length` bytes that the caller has read.
    #[inline]
    pub(crate) fn skip(&mut self, length: usize) {
        self.offset += length as u64;
    }

    /// The next span of `bytes`, the unread ones. None where more are needed, or, with `last`, all are read.
    /// `first_segment` gives the number of bytes from an offset in the stream to the end of its segment.
    ///
    /// A span's bytes are the first of `bytes`, except for skipped ones: those may have been read by earlier calls.
    #[inline(always)]
    pub(crate) fn next<P: Framing + ?Sized>(
        &mut self,
        protocol: &P,
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
            let input = Input { bytes: rest, first_segment, last, offset: self.offset, context: None };
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

    /// Why bytes here are not a message: after a gap they are the rest of one.
    #[cold]
    fn reason(&self, code: Code) -> Code {
        let goes_on = code == Code::NotAFrame && self.behind_gap == Some(self.offset);
        if goes_on { Code::Continuation } else { code }
    }

    /// The open run so far, if there is one: where it began, its length and its reason.
    pub(crate) fn run(&self) -> Option<(u64, u64, Code)> {
        let (offset, code) = self.run?;
        Some((offset, self.offset - offset, code))
    }

    /// The run that ends here, if one is open.
    pub(super) fn close_run(&mut self) -> Option<Span> {
        let (offset, length, code) = self.run()?;
        self.run = None;
        Some(Span { offset, length, span_type: SpanType::Skipped(code), checked: false })
    }
}
