//! The problems that only HTTP/2 has.

use framescope_parser::{Code, CodeDomain, CodeInfo, Severity};

/// The problems that only `http2` reports.
pub static CODES: CodeDomain = CodeDomain::new(
    "http2",
    &[
        CodeInfo {
            name: "frame-size",
            severity: Severity::Error,
            meaning: "The payload has a length that its type of frame can't have.",
            usual_cause: "The sender wrote the length of something else, or added bytes that the type does not have.",
            what_to_do: "Compare the length with the section of RFC 9113 on that type; the receiver answers FRAME_SIZE_ERROR.",
        },
        CodeInfo {
            name: "wrong-stream",
            severity: Severity::Error,
            meaning: "The frame is on stream 0 and belongs to a stream, or on a stream and belongs to the connection.",
            usual_cause: "The sender used the number of another frame.",
            what_to_do: "Send SETTINGS, PING and GOAWAY on stream 0, and DATA and HEADERS on a stream.",
        },
        CodeInfo {
            name: "unknown-frame",
            severity: Severity::Note,
            meaning: "The type of the frame is not known here; receivers ignore such frames.",
            usual_cause: "An extension, or a client that sends unknown types so that servers keep ignoring them.",
            what_to_do: "Nothing, unless you meant another type.",
        },
        CodeInfo {
            name: "padding-overrun",
            severity: Severity::Error,
            meaning: "The padding is as long as the payload or longer.",
            usual_cause: "The length of the padding was counted twice, or the length of the payload without it.",
            what_to_do: "Count the padding and the byte that holds its length in the length of the frame.",
        },
        CodeInfo {
            name: "setting-value",
            severity: Severity::Error,
            meaning: "A parameter of SETTINGS has a value that it can't have.",
            usual_cause: "The parameters are in another order than the sender thinks, or a number is in another unit.",
            what_to_do: "Compare it with RFC 9113 section 6.5.2.",
        },
        CodeInfo {
            name: "zero-increment",
            severity: Severity::Error,
            meaning: "A WINDOW_UPDATE that allows no more bytes than before.",
            usual_cause: "The sender does not check whether anything was consumed.",
            what_to_do: "Send it only when there is something to add; the receiver answers PROTOCOL_ERROR.",
        },
        CodeInfo {
            name: "header-block",
            severity: Severity::Error,
            meaning: "The header fields can't be read: their compression is wrong.",
            usual_cause: "The sender's table of header fields differs from the receiver's, or bytes were changed.",
            what_to_do: "Look at the size of the table in SETTINGS, and at the blocks before this one; the connection can't continue after it.",
        },
        CodeInfo {
            name: "header-lost",
            severity: Severity::Note,
            meaning: "Header fields refer to earlier ones that were not captured; they are shown as (lost).",
            usual_cause: "The capture began after the connection was opened, or lost bytes of it.",
            what_to_do: "Start the capture before the connection is opened.",
        },
        CodeInfo {
            name: "headers-interrupted",
            severity: Severity::Error,
            meaning: "Another frame came before the header fields were complete, or they are continued where none began.",
            usual_cause: "Two threads of the sender write to one connection, or END_HEADERS was forgotten.",
            what_to_do: "Send HEADERS and all its CONTINUATION frames without another frame between them.",
        },
        CodeInfo {
            name: "header-characters",
            severity: Severity::Error,
            meaning: "A header field contains a line break or a zero byte.",
            usual_cause: "A value was not checked before it was sent; it can become two header fields behind a proxy.",
            what_to_do: "Refuse such values. They are shown with spaces instead.",
        },
        CodeInfo {
            name: "body-lost",
            severity: Severity::Note,
            meaning: "Bytes of the body were not captured, or may not have been.",
            usual_cause: "The capture lost packets while the body was sent.",
            what_to_do: "Compare the length with content-length, and capture with a larger buffer.",
        },
        CodeInfo {
            name: "too-many-streams",
            severity: Severity::Warning,
            meaning: "More streams are open than are followed here; their messages are shown in parts.",
            usual_cause: "The sender opens streams without ending or resetting them, or their ends were not captured.",
            what_to_do: "Look at MAX_CONCURRENT_STREAMS of the receiver.",
        },
        CodeInfo {
            name: "message-cut",
            severity: Severity::Warning,
            meaning: "A message of gRPC is longer than what is joined; only its first bytes are shown.",
            usual_cause: "The sender raised its limit of 4 MiB, or the length is wrong.",
            what_to_do: "Look at the DATA frames of the stream.",
        },
    ],
);

pub(crate) const FRAME_SIZE: Code = CODES.code(0);
pub(crate) const WRONG_STREAM: Code = CODES.code(1);
pub(crate) const UNKNOWN_FRAME: Code = CODES.code(2);
pub(crate) const PADDING_OVERRUN: Code = CODES.code(3);
pub(crate) const SETTING_VALUE: Code = CODES.code(4);
pub(crate) const ZERO_INCREMENT: Code = CODES.code(5);
pub(crate) const HEADER_BLOCK: Code = CODES.code(6);
pub(crate) const HEADER_LOST: Code = CODES.code(7);
pub(crate) const HEADERS_INTERRUPTED: Code = CODES.code(8);
pub(crate) const HEADER_CHARACTERS: Code = CODES.code(9);
pub(crate) const BODY_LOST: Code = CODES.code(10);
pub(crate) const TOO_MANY_STREAMS: Code = CODES.code(11);
pub(crate) const MESSAGE_CUT: Code = CODES.code(12);
