//! Where the reading of one direction is: steps of the protocol become spans, and skipped bytes one run.

use super::{Span, SpanType};
use crate::{Code, Input, Memo, Protocol, Step};

/// Where the reading of one direction stands. Who holds the bytes gives them with each call.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// Where in the stream the first byte that is in no span and no run stands.
    pub(super) offset: u64,
    /// Nothing can be said before the stream reaches here.
    pub(super) needed_end: u64,
    /// The skipped bytes before `offset` whose search has not ended.
    pub(super) run: Option<(u64, Code)>,
    /// What was found at `offset` and ended a run.
    found: Option<(usize, SpanType, bool)>,
    memo: Memo,
    /// Where the last gap ended, if nothing was read behind it.
    pub(super) behind_gap: Option<u64>,
    /// Whether nothing tells where the next message begins, so that a place has to be looked for.
    pub(super) lost: bool,
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
    pub(super) fn is_between_spans(&self) -> bool {
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
    pub(super) fn close_run(&mut self) -> Option<Span> {
        let (offset, length, code) = self.run()?;
        self.run = None;
        Some(Span { offset, length, span_type: SpanType::Skipped(code), checked: false })
    }
}
