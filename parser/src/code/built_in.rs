//! The built-in codes: what each means, what usually causes it, and what to do about it.

use super::{CodeInfo, CustomCode, Severity};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $severity:ident,
        cause: $cause:literal, advice: $advice:literal;)+) => {
        /// The name of a fault. Scripts know it by its kebab-case form, [`Code::as_str`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
            /// One that a protocol declares, see [`CodeDomain`](crate::CodeDomain).
            Custom(CustomCode),
        }

        /// The built-in codes once more, as numbers.
        #[derive(Clone, Copy)]
        enum Number { $($name,)+ }

        impl Code {
            /// Every built-in code, in the order of their declaration.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// Its place in [`Code::ALL`], or the code that a protocol declares.
            #[inline]
            pub(super) fn place(self) -> Result<u8, CustomCode> {
                match self {
                    $(Code::$name => Ok(Number::$name as u8),)+
                    Code::Custom(code) => Err(code),
                }
            }

            /// Everything that is known of it.
            pub fn info(self) -> &'static CodeInfo {
                match self {
                    $(Code::$name => const {
                        &CodeInfo {
                            name: $text,
                            severity: Severity::$severity,
                            meaning: concat!($($doc,)+).trim_ascii(),
                            usual_cause: $cause,
                            what_to_do: $advice,
                        }
                    },)+
                    Code::Custom(code) => code.info(),
                }
            }
        }
    };
}

codes! {
    /// No message begins here: the bytes were skipped up to the next header that can be trusted.
    NotAFrame = "not-a-frame", Error,
        cause: "The capture began in the middle of a message, bytes before these were lost, or the sender wrote something else between two messages.",
        advice: "Look at the row before it. If that is a gap, capture closer to the program; if not, look for a write that bypasses the framing.";
    /// The header begins with the magic, but its check fails, so none of its lengths can be trusted.
    HeaderCheckMismatch = "header-check-mismatch", Error,
        cause: "Bytes of the header were changed after its check was computed, or the check was computed over other bytes.",
        advice: "Compute the check last, over the header as it is sent, and compare both sides with a known message.";
    /// The header is intact but claims a payload over the limit, so only the header was skipped.
    PayloadTooLong = "payload-too-long", Error,
        cause: "The length is in the wrong byte order, or is a number of something other than bytes.",
        advice: "Look at the length's bytes: if they make sense reversed, the byte order is wrong.";
    /// No message begins where this one claims to end, and a failing checksum or the messages inside it agree: its length is probably wrong.
    LengthSuspect = "length-suspect", Error,
        cause: "The sender counted characters instead of bytes, or changed the payload after it wrote the length.",
        advice: "Encode the text first, then take the length of the bytes.";
    /// The checksum of the frame does not match its bytes: they were changed on the way, or written wrongly.
    ChecksumMismatch = "checksum-mismatch", Error,
        cause: "The payload was changed after the checksum was computed, or sender and receiver compute it over different bytes.",
        advice: "Compute it last, over the exact bytes that are sent. If only some messages have a wrong one, look at what they have in common.";
    /// The authentication tag does not match the frame and the key: another key, or changed bytes.
    TagMismatch = "tag-mismatch", Error,
        cause: "The two sides have different keys, or the tag was computed before the frame was complete.",
        advice: "Check the key given with --key, and that the tag covers all bytes before it.";
    /// An extension claims more bytes than are left in the extensions.
    ExtensionOverrun = "extension-overrun", Error,
        cause: "An extension's length is wrong, or the length of all extensions does not count their three-byte heads.",
        advice: "Take each length from the encoded bytes, not from the text, and check it when reading.";
    /// A known extension has a value of the wrong size.
    ExtensionSize = "extension-size", Error,
        cause: "The value was written in another width, such as 4 bytes for a number of 8.",
        advice: "Write the value in the size that the format defines.";
    /// A length inside the payload points past the payload's end.
    PayloadOverrun = "payload-overrun", Error,
        cause: "A length inside the payload counts characters instead of bytes, or was written in the wrong byte order.",
        advice: "Take each length from the encoded bytes, not from the text, and check it when reading.";
    /// Text that must be UTF-8 is not.
    InvalidUtf8 = "invalid-utf8", Error,
        cause: "The text is in another encoding such as Latin-1, or it was cut by bytes in the middle of a character.",
        advice: "Decode only whole messages, never what one recv returned, and cut text by characters.";
    /// An extension marked critical is unknown; a receiver that does not know it must refuse the message.
    CriticalExtension = "critical-extension", Error,
        cause: "The sender uses an extension of a newer version, or of an application that this reader was not told about.",
        advice: "Refuse the message as the format asks, or teach the receiver the extension.";
    /// The bytes are not what must be here, so no message begins; the format does not show where the next one does, and
    /// no place is likely enough.
    CannotResync = "cannot-resync", Error,
        cause: "Bytes were lost or changed before this place, and the format has nothing to recognise the next message by.",
        advice: "Give the format a magic or a check that a reader can search for; then a loss costs only the messages it touches.";
    /// The message, or the part of it that holds this field, ends before the field does.
    EndOfStream = "end-of-stream", Error,
        cause: "A length in the message is too large, or the description expects a field that this message does not have.",
        advice: "Look at the first field that is missing: correct the length or the condition before it.";
    /// The value is not the one that the description requires.
    ValidationNotEqual = "validation-not-equal", Error,
        cause: "The description is stricter than the program that sends, or the fields before this one are not where the description has them.",
        advice: "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong.";
    /// The value is less than the description allows.
    ValidationLessThan = "validation-less-than", Error,
        cause: "The description is stricter than the program that sends, or the fields before this one are not where the description has them.",
        advice: "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong.";
    /// The value is more than the description allows.
    ValidationGreaterThan = "validation-greater-than", Error,
        cause: "The description is stricter than the program that sends, or the fields before this one are not where the description has them.",
        advice: "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong.";
    /// The value is none of those that the description allows.
    ValidationNotAnyOf = "validation-not-any-of", Error,
        cause: "The description is stricter than the program that sends, or the fields before this one are not where the description has them.",
        advice: "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong.";
    /// The value is not a member of its enumeration, and the description allows no other.
    ValidationNotInEnum = "validation-not-in-enum", Error,
        cause: "The description is stricter than the program that sends, or the fields before this one are not where the description has them.",
        advice: "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong.";
    /// The value does not meet the condition that the description sets.
    ValidationExpr = "validation-expr", Error,
        cause: "The description is stricter than the program that sends, or the fields before this one are not where the description has them.",
        advice: "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong.";
    /// No case of the description gives the byte order of this number.
    UndecidedEndianness = "undecided-endianness", Error,
        cause: "The field that decides the byte order has a value that the description has no case for.",
        advice: "Correct the description at this field.";
    /// The value can't be converted as the description asks, such as a text that is not a number.
    Conversion = "conversion", Error,
        cause: "The text is not what the description expects, often because it is padded or in another base.",
        advice: "Correct the description at this field.";
    /// The description names a text encoding that is not known.
    UnknownEncoding = "unknown-encoding", Error,
        cause: "The encoding's name is misspelt, or is one that only another tool knows.",
        advice: "Correct the description at this field.";
    /// An index or position that the description names does not exist, such as an item past the end of a list.
    NoMatch = "no-match", Error,
        cause: "An index or a position in the description reaches past what the message holds.",
        advice: "Correct the description at this field.";
    /// The text is not valid in its encoding.
    InvalidText = "invalid-text", Error,
        cause: "The text is in another encoding than the description says, or its length cuts a character.",
        advice: "Give the right encoding in the description, or count the length in bytes.";
    /// Reading this as described would take more work or memory than the message's bytes justify.
    LimitExceeded = "limit-exceeded", Error,
        cause: "A count in the message is far larger than its bytes allow, or the description repeats something that takes no bytes.",
        advice: "Check a count against the bytes that are left before using it; a receiver that does not can be made to run out of memory.";
    /// This reader does not know the version; the contents are shown as far as they can be read.
    UnknownVersion = "unknown-version", Warning,
        cause: "One side is newer than the other, or than this reader.",
        advice: "Agree on the version when connecting, and refuse the others.";
    /// The kind is in the range reserved for later versions.
    UnknownKind = "unknown-kind", Warning,
        cause: "A new kind of message that this reader was not told about, or a kind byte that was never set.",
        advice: "Let receivers skip kinds they do not know, and add the kind where it is missing.";
    /// Flag bits are set that must be zero.
    ReservedFlags = "reserved-flags", Warning,
        cause: "A newer sender uses them, or a flag's bit was shifted to the wrong place.",
        advice: "Send reserved bits as zero, and ignore them when receiving.";
    /// Bytes are left in the payload after everything that its kind defines.
    PayloadTrailing = "payload-trailing", Warning,
        cause: "A newer sender adds fields, or a length inside the payload is too small.",
        advice: "If the fields are new, raise the version; if not, correct the length.";
    /// A PING or PONG carries more than 64 bytes.
    PingTooLong = "ping-too-long", Warning,
        cause: "Something other than a probe was put into the ping.",
        advice: "Keep pings to 64 bytes.";
    /// The sequence number does not follow the previous one in this direction and channel.
    SequenceJump = "sequence-jump", Warning,
        cause: "Messages before this one were lost on the way to the capture, or two threads of the sender share one counter.",
        advice: "See whether there is a gap before it. If there is none, guard the counter with the lock that guards the sending.";
    /// Something other than LOGIN came before the channel's LOGIN.
    DataBeforeLogin = "data-before-login", Warning,
        cause: "The sender does not wait for its login, or the login is before the beginning of the capture.",
        advice: "Wait for the reply to the login before sending.";
    /// Something came after the channel's LOGOUT.
    DataAfterLogout = "data-after-logout", Warning,
        cause: "A queue was still being sent when the logout was.",
        advice: "Empty or drop the queue before the logout is sent.";
    /// A reply carries the sequence number of no open request.
    ReplyToNothing = "reply-to-nothing", Warning,
        cause: "The request was not captured or already answered, or the reply copies the wrong sequence number.",
        advice: "Copy the sequence number of the request into the reply, and reply to each request once.";
    /// The same bytes of the stream were sent twice with different contents; the first captured ones are shown.
    ConflictingRetransmission = "conflicting-retransmission", Warning,
        cause: "A middlebox changed the bytes, the sender's buffer was changed while it was being sent, or two hosts use one address.",
        advice: "Never change a buffer that is being sent; capture on both hosts to see where the bytes change.";
    /// The format does not mark where messages begin; after bytes that are missing or wrong, this place was chosen as the most likely.
    Guessed = "guessed", Warning,
        cause: "Bytes were lost or changed before this place, or the capture began in the middle of the connection, and the format has no magic and no check.",
        advice: "Compare the message with those after it. If it does not fit, bytes of another message were taken for one.";
    /// Two IP fragments of one packet overlap with different contents; the first captured ones are shown.
    ConflictingFragment = "conflicting-fragment", Warning,
        cause: "Two packets had the same identification within a minute, as happens with fast senders, or the sender means the receiver and the observer to read different bytes.",
        advice: "Keep datagrams shorter than the packets of the path, so that nothing is fragmented. If they are, look at who sent both fragments.";
    /// Bytes that were lost or are not a message may have changed the state of the conversation.
    StateUnknown = "state-unknown", Warning,
        cause: "A message that decides how the following ones are read was not captured, or is damaged.",
        advice: "Compare the message with those after it. If they do not fit, they are of another state than the one named here.";
    /// The frame carries an authentication tag, and no key was given to verify it.
    TagUnverified = "tag-unverified", Note,
        cause: "No key was given.",
        advice: "Give the key with --key to have tags checked.";
    /// An extension's tag is unknown; it may be skipped.
    UnknownExtension = "unknown-extension", Note,
        cause: "An extension of the application, or one of a newer version.",
        advice: "Nothing: it may be skipped.";
    /// A request that asks for a reply got none before the capture or the connection ended.
    Unanswered = "unanswered", Note,
        cause: "The receiver dropped the request or crashed, or the capture ended before the reply.",
        advice: "Look at what the receiver did at this time, and give requests a timeout.";
    /// A DATA says that its content continues, and no further part of it came.
    Unfinished = "unfinished", Note,
        cause: "The sender stopped in the middle of its content, or the capture ended first.",
        advice: "See whether the connection was reset, and mark the last part of a content as the last.";
    /// Two messages are in one segment: TCP carries bytes, not messages, and may join what two sends wrote.
    Glued = "glued", Note,
        cause: "Two sends in quick succession: the system joins small writes into one segment (Nagle's algorithm), and a recv may return both.",
        advice: "Nothing is wrong on the wire. Put a length before each message, read until you have it, and keep what is left for the next.";
    /// A message is cut: TCP carries bytes, not messages, and may split what one send wrote.
    Cut = "cut", Note,
        cause: "The message is longer than a segment, or the receiver's window was nearly full: one send may arrive in several recv.",
        advice: "Nothing is wrong on the wire. Read until the whole message is there; never take what one recv returned for one message.";
    /// Some of these bytes were sent more than once, with the same contents.
    Retransmitted = "retransmitted", Note,
        cause: "A packet or its acknowledgement was lost or late, so the sender's system sent the bytes again.",
        advice: "Nothing, unless there are many: then the network loses packets.";
    /// Bytes of this gap arrived after it had been given up; they were counted, not inserted.
    Late = "late", Note,
        cause: "Packets overtook each other by more than the reader waits for.",
        advice: "Capture on the host itself, or raise the limit of reassembly.";
    /// Bytes of this message were not captured. Its length is known from those that were.
    Incomplete = "incomplete", Note,
        cause: "The capture lost packets, or was made with a snapshot length (tcpdump -s) shorter than the packets.",
        advice: "Capture whole packets (tcpdump -s 0) with a larger buffer (-B), and see whether the capture reports dropped packets.";
    /// The end of a message whose beginning was not captured: after a gap, or where the capture begins.
    Continuation = "continuation", Note,
        cause: "The capture began in the middle of a message, or the packet with its beginning was lost.",
        advice: "Nothing, if the capture just began too late. Otherwise start it before the connection is opened.";
    /// The capture begins inside the conversation, so that its state is an assumption.
    MidConversation = "mid-conversation", Note,
        cause: "The capture was started after the connection was opened.",
        advice: "Start the capture before the connection is opened, to see what the two sides agreed on.";
    /// What this message carries can't be unpacked: it is compressed or encoded in another way than it says, or damaged.
    UnpackingFailed = "unpacking-failed", Error,
        cause: "The sender compressed or encoded it in another way than it announced, or bytes of it were changed or lost.",
        advice: "Look at the bytes: their first ones show most formats. After a loss, what is compressed can often not be unpacked up to the next beginning.";
    /// What this message carries unpacks to far more than its own bytes; the rest of it was left out.
    ExpandsTooMuch = "expands-too-much", Warning,
        cause: "A compressed body of very many equal bytes, or one that was made to exhaust the memory of whoever unpacks it.",
        advice: "Make sure that the receiver has a limit too. What was unpacked up to the limit is shown.";
    /// No protocol recognises this stream.
    NoProtocol = "no-protocol", Note,
        cause: "The stream is encrypted or compressed, uses a format that is unknown here, or its beginning is missing.",
        advice: "Choose Decode as, or describe the format in a .ksy file.";
}
