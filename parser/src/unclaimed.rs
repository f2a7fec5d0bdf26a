//! The protocol of a stream that no other claims.

use alloc::vec::Vec;
use core::num::NonZeroUsize;

use crate::{Code, Confidence, Dissection, Error, Input, Memo, Protocol, Sample, Step, Visit};

/// No protocol: all bytes up to a gap or the end are one skipped run with the reason `no-protocol`.
///
/// ```
/// use framescope_parser::{Code, Framer, SpanType, Unclaimed};
///
/// let (mut framer, mut spans) = (Framer::default(), Vec::new());
/// framer.segment(&Unclaimed, b"no sense", &mut |span, _| spans.push(span.span_type));
/// framer.end(&Unclaimed, &mut |span, _| spans.push(span.span_type));
/// assert_eq!(spans, [SpanType::Skipped(Code::NoProtocol)]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Unclaimed;

impl Protocol for Unclaimed {
    fn name(&self) -> &str {
        "none"
    }

    fn about(&self) -> &str {
        "no protocol: the bytes are accounted for but not decoded"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let all = NonZeroUsize::new(input.bytes.len()).unwrap_or(NonZeroUsize::MIN);
        Step::Searching(all, Code::NoProtocol)
    }

    fn dissect<'a>(&'a self, _: &'a [u8], _: &mut dyn Visit<'a>) {}

    fn dissect_skipped<'a>(&'a self, code: Code, _: &'a [u8], length: usize, visit: &mut dyn Visit<'a>) {
        visit.problem(
            code,
            0..length,
            format_args!("no protocol recognises this stream; name one with --as SELECTOR=PROTOCOL"),
        );
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}
