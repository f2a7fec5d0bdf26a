//! Unusually long messages in a format that does not show where messages begin: their length may be false.

use super::{Framing, Span, SpanType};

/// Which messages' lengths are doubted, in a format that does not show where messages begin.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Whether the format is such a one; None before it was asked.
    pub(super) doubts: Option<bool>,
    /// Messages up to this length are not unusual here.
    usual: u64,
    /// How many bytes may be examined more closely: a share of those that were framed.
    pub(super) credit: u64,
}

/// Bytes that are examined more closely for each framed byte, so that the work stays linear.
const CREDIT: u64 = 16;
/// The first credit.
const FIRST_CREDIT: u64 = 128 << 10;
impl Doubt {
    /// Whether a message of that length is examined more closely.
    #[inline]
    pub(super) fn is_about(&self, span: &Span) -> bool {
        span.length > self.usual && matches!(span.span_type, SpanType::Message | SpanType::Partial)
    }

    pub(super) fn ask<P: Framing + ?Sized>(&mut self, protocol: &P) {
        let doubts = protocol.doubts_lengths();
        self.doubts = Some(doubts);
        (self.usual, self.credit) = if doubts { (0, FIRST_CREDIT) } else { (u64::MAX, 0) };
    }

    /// Records a framed message.
    pub(super) fn accept(&mut self, length: u64) {
        if self.doubts == Some(true) {
            self.usual = length.max(self.usual - self.usual / 64);
            self.credit = self.credit.saturating_add(length.saturating_mul(CREDIT)).min(FIRST_CREDIT << 4);
        }
    }
}
