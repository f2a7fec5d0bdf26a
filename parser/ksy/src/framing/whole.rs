//! Messages that end where the stream does, or the datagram that holds them: nothing in them shows where they end.

use framescope_parser::{Code, Confidence, Input, Step};

use crate::framing::head::Probe;
use crate::framing::some;
use crate::plan::Meta;

/// All bytes up to the end are one message, unless they do not begin like one. What no field explains is a problem of the message.
pub(super) fn next(meta: &Meta, input: Input<'_>) -> Step {
    let bytes = input.bytes;
    let limit = meta.whole_limit as usize;
    if bytes.len() > limit {
        // A longer message is searched for nowhere: what is left up to the end is skipped without being buffered.
        return Step::Lost;
    }
    if !input.last {
        return Step::NeedMore(some(limit.saturating_add(1).saturating_sub(bytes.len())));
    }
    let head = &meta.head;
    let all = some(bytes.len());
    match head.probe(bytes) {
        Probe::Believed => match head.refuse.iter().find(|(test, _)| !test.holds(bytes)) {
            Some((_, code)) => Step::Skipped(all, *code),
            None => Step::Message(all),
        },
        Probe::Short => Step::Partial(all),
        Probe::Nothing => Step::Skipped(all, Code::NotAFrame),
    }
}

/// By the evidence of the head, which is only there once.
pub(crate) fn detect(meta: &Meta, bytes: &[u8]) -> Confidence {
    match meta.head.probe(bytes) {
        Probe::Believed if meta.head.bits >= 32 => Confidence::Certain,
        Probe::Believed if meta.head.bits >= 16 => Confidence::Likely,
        _ => Confidence::No,
    }
}
