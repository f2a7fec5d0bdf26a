//! The problems that only HTTP has.

use framescope_parser::{Code, CodeDomain, CodeInfo, Severity};

const fn info(
    name: &'static str,
    severity: Severity,
    meaning: &'static str,
    usual_cause: &'static str,
    what_to_do: &'static str,
) -> CodeInfo {
    CodeInfo { name, severity, meaning, usual_cause, what_to_do }
}

pub(super) static CODES: CodeDomain = CodeDomain::new(
    "http",
    &[
        info(
            "malformed-head",
            Severity::Warning,
            "The head is not as RFC 9112 has it; servers and browsers differ in what they make of it.",
            "The head was written by hand, or a value has a line break or another control character in it.",
            "Write heads with a library, and refuse values with control characters.",
        ),
        info(
            "obsolete-form",
            Severity::Note,
            "The head is written in a way that is no longer allowed but still accepted, such as a value over several lines.",
            "The sender is old, or simple.",
            "Nothing, unless a receiver refuses it: then write each field on one line, ending in CR LF.",
        ),
        info(
            "conflicting-length",
            Severity::Error,
            "The head says in more than one way how long the body is, and they differ: receivers may disagree where the next message begins.",
            "A proxy added a field without removing another, or somebody tries to smuggle a request past a proxy.",
            "Refuse such a message. Send either Content-Length once or Transfer-Encoding: chunked.",
        ),
        info(
            "bad-chunk",
            Severity::Error,
            "A chunk of the body does not begin with its size, or no line break follows its data.",
            "The size was counted in characters instead of bytes, or the body was changed after it was divided.",
            "Count the bytes of each chunk as they are sent, in hexadecimal.",
        ),
        info(
            "empty-line",
            Severity::Note,
            "There is only an empty line: receivers skip those before a message.",
            "The sender ends a body with a line break that its Content-Length does not count.",
            "Nothing.",
        ),
        info(
            "unknown-coding",
            Severity::Note,
            "The body has a content coding that is not known here, so that it is shown as it is.",
            "A newer or private coding.",
            "Compare Content-Encoding with what the receiver accepts.",
        ),
    ],
);

pub(super) const MALFORMED_HEAD: Code = CODES.code(0);
pub(super) const OBSOLETE_FORM: Code = CODES.code(1);
pub(super) const CONFLICTING_LENGTH: Code = CODES.code(2);
pub(super) const BAD_CHUNK: Code = CODES.code(3);
pub(super) const EMPTY_LINE: Code = CODES.code(4);
pub(super) const UNKNOWN_CODING: Code = CODES.code(5);
