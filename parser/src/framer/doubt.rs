//! Unusually long messages in a format that does not tell where messages begin: their length may be false.

use super::{Span, SpanType};
use crate::Protocol;

/// Which messages' lengths are doubted, in a format that does not tell where messages begin.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Whether the format is one of these; None before it was asked.
    pub(super) doubts: Option<bool>,
    /// Messages up to this length are nothing unusual here.
    usual: u64,
    /// How many bytes may be looked at more closely: a part of those that were laid out.
    pub(super) credit: u64,
}

/// Bytes that are looked at more closely for each that is laid out, so that the work stays linear.
const CREDIT: u64 = 16;
/// The first credit.
const FIRST_CREDIT: u64 = 128 << 10;
impl Doubt {
    /// Whether a message of that length is looked at more closely.
    #[inline]
    pub(super) fn is_about(&self, span: &Span) -> bool {
        span.length > self.usual && matches!(span.span_type, SpanType::Message | SpanType::Partial)
    }

    pub(super) fn ask(&mut self, protocol: &dyn Protocol) {
        let tells = protocol.can_resync() || protocol.terminator().is_some();
        self.doubts = Some(!tells);
        (self.usual, self.credit) = if tells { (u64::MAX, 0) } else { (0, FIRST_CREDIT) };
    }

    /// A message was laid out.
    pub(super) fn accept(&mut self, length: u64) {
        if self.doubts == Some(true) {
            self.usual = length.max(self.usual - self.usual / 64);
            self.credit = self.credit.saturating_add(length.saturating_mul(CREDIT)).min(FIRST_CREDIT << 4);
        }
    }
}
