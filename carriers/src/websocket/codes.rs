//! The problems that only WebSocket has.

use framescope_parser::{Code, CodeDomain, CodeInfo, Severity};

const fn error(
    name: &'static str,
    meaning: &'static str,
    usual_cause: &'static str,
    what_to_do: &'static str,
) -> CodeInfo {
    CodeInfo { name, severity: Severity::Error, meaning, usual_cause, what_to_do }
}

const fn warning(
    name: &'static str,
    meaning: &'static str,
    usual_cause: &'static str,
    what_to_do: &'static str,
) -> CodeInfo {
    CodeInfo { name, severity: Severity::Warning, meaning, usual_cause, what_to_do }
}

/// The codes, in the order of the constants below.
pub static CODES: CodeDomain = CodeDomain::new(
    "websocket",
    &[
        error(
            "control-frame-too-long",
            "A CLOSE, PING or PONG frame has more than the 125 bytes that it may have.",
            "The sender puts a text of any length into the reason or the ping.",
            "Cut what you send there to 125 bytes; of a CLOSE frame the code takes two of them.",
        ),
        error(
            "control-frame-fragmented",
            "A CLOSE, PING or PONG frame says that it continues in another frame, which it must not.",
            "The sender sets FIN only for data frames.",
            "Set FIN in each control frame.",
        ),
        error(
            "reserved-opcode",
            "The frame has an opcode that no specification defines.",
            "The bytes do not begin a frame, or the two sides agreed on an extension of their own.",
            "See whether the frames before it are sound; if so, look at what the sender writes into the first byte.",
        ),
        error(
            "reserved-bits",
            "A reserved bit of the frame is set, and no known extension allows that here.",
            "The two sides agreed on an extension that is unknown here, or compress without having agreed on it.",
            "Compare Sec-WebSocket-Extensions of the response with what the sender does.",
        ),
        error(
            "mask-missing",
            "A frame from the client is not masked; the server must close the connection.",
            "The client was written without masks, as a server is.",
            "Mask each frame of a client with a key of four random bytes (RFC 6455, section 5.3).",
        ),
        error(
            "mask-unexpected",
            "A frame from the server is masked; the client must close the connection.",
            "The server sends with the code of a client.",
            "Send frames of a server without mask.",
        ),
        error(
            "continuation-without-start",
            "A CONTINUATION frame comes where no message has begun.",
            "The first frame of the message was sent with FIN, or with the opcode of a continuation.",
            "Give the first frame the opcode TEXT or BINARY without FIN, and those after it CONTINUATION.",
        ),
        error(
            "message-interrupted",
            "A new TEXT or BINARY frame comes before the message that began earlier has ended.",
            "Two threads send at the same time, or the later frames of a message have its opcode instead of CONTINUATION.",
            "Send one message at a time, its later frames with the opcode 0.",
        ),
        warning(
            "bad-close",
            "The CLOSE frame has a code that must not be sent, or one byte where a code has two.",
            "The sender passes on a code that is for its own use only, such as 1006, or writes the code as text.",
            "Send 1000 to 1003, 1007 to 1014, or a custom code from 3000 to 4999, as two bytes, the higher one first.",
        ),
        warning(
            "after-close",
            "Data comes after the CLOSE frame of the same side; the receiver leaves it aside.",
            "A part of the program goes on sending while another closes the connection.",
            "Send nothing after CLOSE.",
        ),
        warning(
            "length-not-minimal",
            "The length is written in more bytes than it needs, which is not allowed.",
            "The sender always writes a length of two or eight bytes.",
            "Write lengths up to 125 in seven bits, up to 65535 in two bytes, and only greater ones in eight.",
        ),
        CodeInfo {
            name: "extensions-unknown",
            severity: Severity::Note,
            meaning: "The first reserved bit is taken to mean permessage-deflate, as what the two sides agreed on is not known.",
            usual_cause: "The capture has no HTTP response with Sec-WebSocket-Extensions, or the stream was chosen by a rule.",
            what_to_do: "Start the capture before the connection is opened, so that it has the response.",
        },
    ],
);

pub(super) const CONTROL_FRAME_TOO_LONG: Code = CODES.code(0);
pub(super) const CONTROL_FRAME_FRAGMENTED: Code = CODES.code(1);
pub(super) const RESERVED_OPCODE: Code = CODES.code(2);
pub(super) const RESERVED_BITS: Code = CODES.code(3);
pub(super) const MASK_MISSING: Code = CODES.code(4);
pub(super) const MASK_UNEXPECTED: Code = CODES.code(5);
pub(super) const CONTINUATION_WITHOUT_START: Code = CODES.code(6);
pub(super) const MESSAGE_INTERRUPTED: Code = CODES.code(7);
pub(super) const BAD_CLOSE: Code = CODES.code(8);
pub(super) const AFTER_CLOSE: Code = CODES.code(9);
pub(super) const LENGTH_NOT_MINIMAL: Code = CODES.code(10);
pub(super) const EXTENSIONS_UNKNOWN: Code = CODES.code(11);
