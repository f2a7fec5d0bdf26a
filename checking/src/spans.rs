//! The spans of a whole stream, and the bytes of each.

use framescope_parser::{Framer, Protocol, Span, SpanType};

/// A span and its bytes.
pub(crate) type Piece<'d> = (Span, &'d [u8]);

/// The spans of a stream that arrives in one segment.
pub(crate) fn spans<'d>(protocol: &dyn Protocol, stream: &'d [u8]) -> Vec<Piece<'d>> {
    let (mut framer, mut spans, mut rest) = (Framer::default(), Vec::new(), stream);
    let mut sink = |span: Span, _: framescope_parser::Captured<'_, '_>| {
        // Spans follow each other without a gap.
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        let (bytes, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        spans.push((span, bytes));
    };
    framer.segment(protocol, stream, &mut sink);
    framer.end(protocol, &mut sink);
    spans
}

/// Whether a stream holds a message.
pub(crate) fn holds_message(protocol: &dyn Protocol, stream: &[u8]) -> bool {
    spans(protocol, stream).iter().any(|(span, _)| span.span_type == SpanType::Message)
}
