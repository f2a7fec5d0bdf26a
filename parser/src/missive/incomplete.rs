//! Frames of which some bytes are missing: how long they are, and what is known of them.

use core::num::NonZeroUsize;
use core::ops::Range;

use super::header::{Header, may_begin};
use super::{Missive, dissect};
use crate::{Captured, Measure, Value, Visit};

const HEADER: NonZeroUsize = NonZeroUsize::new(Header::LENGTH).unwrap();

/// Bits of magic and header check.
const BITS: u32 = 32;

/// The length of a frame as its header gives it, if all of that is there.
pub(crate) fn measure(frame: Captured<'_, '_>) -> Measure {
    let Some(bytes) = frame.get(0..Header::LENGTH) else {
        let beginning = frame.beginning();
        return match frame.length() < Header::LENGTH {
            _ if !beginning.is_empty() && !may_begin(beginning) => Measure::Nothing,
            true if frame.is_whole() => Measure::NeedMore,
            _ => Measure::Unknown,
        };
    };
    let end = Header::believed(bytes).and_then(|header| usize::try_from(header.layout().end).ok());
    match end.and_then(NonZeroUsize::new) {
        Some(length) => Measure::Message { length, head: HEADER, bits: BITS },
        None => Measure::Nothing,
    }
}

/// Reports a frame that lacks bytes: what is before the first gap as it is, and after it the parts of the frame with
/// what of them is there.
pub(crate) fn dissect<'a>(missive: &'a Missive, frame: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
    let beginning = frame.beginning();
    let Some((parts, content_type)) = dissect::before_payload(missive, beginning, visit) else { return };
    let Some(layout) = Header::read_unchecked(beginning).map(|header| header.layout()) else { return };
    // Of a payload without a captured byte nothing is known, not even that it is empty.
    if beginning.len() as u64 > layout.extensions_end || layout.payload_end == layout.extensions_end {
        parts.payload(content_type, visit);
    }
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(frame.length());
    let [extensions, payload, tag, end] =
        [layout.extensions_end, layout.payload_end, layout.tag_end, layout.end].map(place);
    // What is before the gap was reported.
    let behind = |at: usize| at.max(beginning.len());
    part(frame, "extensions", behind(Header::LENGTH)..extensions, visit);
    part(frame, "payload", behind(extensions)..payload, visit);
    part(frame, "tag", payload..tag, visit);
    match frame.get(tag..end).and_then(|bytes| bytes.first_chunk()) {
        Some(checksum) => {
            visit.field("checksum", tag..end, Value::Hex(u32::from_be_bytes(*checksum).into()));
        }
        None => part(frame, "checksum", tag..end, visit),
    }
}

/// Reports a part of the frame, if it has any bytes.
fn part<'a>(frame: Captured<'a, '_>, name: &'a str, range: Range<usize>, visit: &mut dyn Visit<'a>) {
    if range.is_empty() {
        return;
    }
    match frame.get(range.clone()) {
        Some(bytes) => visit.field(name, range, Value::Bytes(bytes.into())),
        None => frame.report_missing(name, range, visit),
    }
}
