//! What is read is written back byte for byte; and where it was damaged, what is written is valid and stays the same.

use framescope_parser::{Code, Dissection, Protocol, SpanType, bare::Bare, text::Text};

use crate::decode::{MISSIVE, messages};
use crate::spans;

/// Takes `data` as a stream of each protocol that is built in.
pub fn roundtrip(data: &[u8]) {
    for protocol in [&MISSIVE[0] as &dyn Protocol, &Bare, &Text] {
        for message in messages(protocol, data) {
            written_back(protocol, message);
        }
    }
}

fn written_back(protocol: &dyn Protocol, message: &[u8]) {
    let dissection = Dissection::of(protocol, message);
    let mut encoded = b"before".to_vec();
    let done = protocol.encode(&dissection, &mut encoded);
    assert_eq!(&encoded[..6], b"before", "what stood in the buffer stays");
    let encoded = &encoded[6..];
    let repairs = dissection.problems.iter().any(|problem| is_mended(problem.code));
    match done {
        Err(error) => {
            assert!(repairs, "{} can't be written: {error}", protocol.name());
            assert!(encoded.is_empty(), "an error leaves nothing behind");
        }
        Ok(()) if repairs => canonical(protocol, encoded),
        Ok(()) => assert_eq!(encoded, message, "{} is written otherwise than it was read", protocol.name()),
    }
}

/// Lengths and checks are derived, so false ones are not kept: what is written is one message, whose checks hold, and
/// is written the same ever after. Where a payload ends before its fields do, it still does.
pub(crate) fn canonical(protocol: &dyn Protocol, written: &[u8]) {
    let found = spans(protocol, written, &[]);
    assert!(matches!(found[..], [span] if span.span_type == SpanType::Message), "{found:?}");
    let dissection = Dissection::of(protocol, written);
    assert!(!dissection.has(Code::ChecksumMismatch), "{:?}", dissection.problems);
    let mut again = Vec::new();
    protocol.encode(&dissection, &mut again).expect("what was written can be written");
    assert_eq!(again, written, "{} is written otherwise the second time", protocol.name());
}

/// Faults that encoding repairs.
fn is_mended(code: Code) -> bool {
    matches!(code, Code::ChecksumMismatch | Code::PayloadOverrun | Code::TagMismatch)
}
