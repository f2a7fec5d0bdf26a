//! What usually lies behind a problem, and what to do about it: for who meets it for the first time.

use crate::Code;

impl Code {
    /// What usually causes it, in a sentence.
    pub fn usual_cause(self) -> &'static str {
        match self {
            Code::NotAFrame => {
                "The capture began in the middle of a message, bytes before these were lost, or the sender wrote something else between two messages."
            }
            Code::HeaderCheckMismatch => {
                "Bytes of the header were changed after its check was computed, or the check was computed over other bytes."
            }
            Code::PayloadTooLong => {
                "The length is in the wrong byte order, or is a number of something other than bytes."
            }
            Code::LengthSuspect => {
                "The sender counted characters instead of bytes, or changed the payload after it wrote the length."
            }
            Code::ChecksumMismatch => {
                "The payload was changed after the checksum was computed, or sender and receiver compute it over different bytes."
            }
            Code::TagMismatch => {
                "The two sides have different keys, or the tag was computed before the frame was complete."
            }
            Code::ExtensionOverrun => {
                "An extension's length is wrong, or the length of all extensions does not count their three-byte heads."
            }
            Code::ExtensionSize => {
                "The value was written in another width, such as 4 bytes for a number of 8."
            }
            Code::PayloadOverrun => {
                "A length inside the payload counts characters instead of bytes, or was written in the wrong byte order."
            }
            Code::InvalidUtf8 => {
                "The text is in another encoding such as Latin-1, or it was cut by bytes in the middle of a character."
            }
            Code::CriticalExtension => {
                "The sender uses an extension of a newer version, or an application's own one that this reader was not told of."
            }
            Code::CannotResync => {
                "Bytes were lost or changed before this place, and the format has nothing to recognise the next message by."
            }
            Code::Guessed => {
                "Bytes were lost or changed before this place, or the capture began in the middle of the connection, and the format has no magic and no check."
            }
            Code::Incomplete => {
                "The capture lost packets, or was made with a snapshot length (tcpdump -s) shorter than the packets."
            }
            Code::Continuation => {
                "The capture began in the middle of a message, or the packet with its beginning was lost."
            }
            Code::EndOfStream => {
                "A length in the message is too great, or the description expects a field that this message does not have."
            }
            Code::ValidationNotEqual
            | Code::ValidationLessThan
            | Code::ValidationGreaterThan
            | Code::ValidationNotAnyOf
            | Code::ValidationNotInEnum
            | Code::ValidationExpr => {
                "The description is stricter than the program that sends, or the fields before this one are not where the description has them."
            }
            Code::UndecidedEndianness => {
                "The field that decides the byte order has a value that the description has no case for."
            }
            Code::Conversion => {
                "The text is not what the description takes it for, often because it is padded or is in another base."
            }
            Code::UnknownEncoding => {
                "The encoding's name is misspelt, or is one that only another tool knows."
            }
            Code::NoMatch => "An index or a position in the description reaches past what the message holds.",
            Code::InvalidText => {
                "The text is in another encoding than the description says, or its length cuts a character."
            }
            Code::LimitExceeded => {
                "A count in the message is far greater than its bytes, or the description repeats something that takes no bytes."
            }
            Code::UnknownVersion => "One side is newer than the other, or than this reader.",
            Code::UnknownKind => {
                "A new kind of message that this reader was not told of, or a kind byte that was never set."
            }
            Code::ReservedFlags => {
                "A newer sender uses them, or a flag's bit was shifted to the wrong place."
            }
            Code::PayloadTrailing => {
                "A newer sender adds fields, or a length inside the payload is too small."
            }
            Code::PingTooLong => "Something else than a probe was put into the ping.",
            Code::SequenceJump => {
                "Messages before this one were lost on the way to the capture, or two threads of the sender share one counter."
            }
            Code::DataBeforeLogin => {
                "The sender does not wait for its login, or the login is before the capture's beginning."
            }
            Code::DataAfterLogout => "A queue was still being sent when the logout was.",
            Code::ReplyToNothing => {
                "The request was not captured, was already answered, or the reply copies the wrong sequence number."
            }
            Code::ConflictingRetransmission => {
                "A middlebox changed the bytes, the sender's buffer was changed while it was being sent, or two hosts use one address."
            }
            Code::ConflictingFragment => {
                "Two packets had the same identification within a minute, as fast senders do, or somebody means to be read differently by the receiver and by who watches."
            }
            Code::TagUnverified => "No key was given.",
            Code::UnknownExtension => "An application's own extension, or one of a newer version.",
            Code::Unanswered => {
                "The receiver dropped the request or crashed, or the capture ended before the reply."
            }
            Code::Unfinished => {
                "The sender stopped in the middle of its content, or the capture ended first."
            }
            Code::Glued => {
                "Two sends in quick succession: the system joins small writes into one segment (Nagle's algorithm), and a recv may return both."
            }
            Code::Cut => {
                "The message is longer than a segment, or the receiver's window was nearly full: one send may arrive in several recv."
            }
            Code::Retransmitted => {
                "A packet or its acknowledgement was lost or late, so the sender's system sent the bytes again."
            }
            Code::Late => "Packets overtook each other by more than the reader waits for.",
            Code::NoProtocol => {
                "The stream is encrypted or compressed, speaks a format that is not known here, or its beginning is missing."
            }
        }
    }

    /// What to do about it, in a sentence.
    pub fn what_to_do(self) -> &'static str {
        match self {
            Code::NotAFrame => {
                "Look at the row before it: if that is a gap, capture closer to the program; if not, look for a write that bypasses the framing."
            }
            Code::HeaderCheckMismatch => {
                "Compute the check last, over the header as it is sent, and compare both sides with a known message."
            }
            Code::PayloadTooLong => {
                "Look at the length's bytes: if they make sense reversed, the byte order is wrong."
            }
            Code::LengthSuspect => "Encode the text first, then take the length of the bytes.",
            Code::ChecksumMismatch => {
                "Compute it last, over the exact bytes that are sent; where only some messages have it, look at what they have in common."
            }
            Code::TagMismatch => "Check the key with --key, and that the tag covers all bytes before it.",
            Code::ExtensionOverrun | Code::PayloadOverrun => {
                "Take each length from the encoded bytes, not from the text, and check it when reading."
            }
            Code::ExtensionSize => "Write the value in the size that the format gives it.",
            Code::InvalidUtf8 => {
                "Decode only whole messages, never what one recv returned, and cut text by characters."
            }
            Code::CriticalExtension => {
                "Refuse the message as the format asks, or teach the receiver the extension."
            }
            Code::Guessed => {
                "Compare the message with those behind it; where it does not fit, bytes of another message were taken for one."
            }
            Code::Incomplete => {
                "Capture whole packets (tcpdump -s 0) with a larger buffer (-B), and see whether the capture says that packets were dropped."
            }
            Code::Continuation => {
                "Nothing, if the capture just began too late; else start it before the connection is opened."
            }
            Code::CannotResync => {
                "Give the format a magic or a check that a reader can search for; then a loss costs only the messages it touches."
            }
            Code::EndOfStream => {
                "Look at the first field that is missing: the length or the condition before it is the one to correct."
            }
            Code::ValidationNotEqual
            | Code::ValidationLessThan
            | Code::ValidationGreaterThan
            | Code::ValidationNotAnyOf
            | Code::ValidationNotInEnum
            | Code::ValidationExpr => {
                "Compare the field's bytes with what the sender meant; then correct whichever of program and description is wrong."
            }
            Code::UndecidedEndianness | Code::Conversion | Code::UnknownEncoding | Code::NoMatch => {
                "Correct the description at this field."
            }
            Code::InvalidText => "Say the right encoding in the description, or take the length in bytes.",
            Code::LimitExceeded => {
                "Check the count against the bytes that are left before believing it; a receiver that does not can be made to run out of memory."
            }
            Code::UnknownVersion => "Agree on the version when connecting, and refuse the others.",
            Code::UnknownKind => {
                "Let receivers skip kinds they do not know, and add the kind where it is missing."
            }
            Code::ReservedFlags => "Send reserved bits as zero, and ignore them when receiving.",
            Code::PayloadTrailing => "If the fields are new, raise the version; if not, correct the length.",
            Code::PingTooLong => "Keep pings to 64 bytes.",
            Code::SequenceJump => {
                "See whether a gap stands before it; if none does, guard the counter with the lock that guards the sending."
            }
            Code::DataBeforeLogin => "Wait for the reply to the login before sending.",
            Code::DataAfterLogout => "Empty or drop the queue before the logout is sent.",
            Code::ReplyToNothing => {
                "Copy the request's sequence number into the reply, and answer each request once."
            }
            Code::ConflictingRetransmission => {
                "Never change a buffer that is being sent; capture on both hosts to see where the bytes change."
            }
            Code::ConflictingFragment => {
                "Keep datagrams shorter than the path's packets, so that nothing is fragmented; if they are, look at who sent both fragments."
            }
            Code::TagUnverified => "Give it with --key to have tags checked.",
            Code::UnknownExtension => "Nothing: it may be skipped.",
            Code::Unanswered => "Look at what the receiver did at this time, and give requests a timeout.",
            Code::Unfinished => "See whether the connection was reset, and mark the last part of a content.",
            Code::Glued => {
                "Nothing is wrong on the wire: put a length before each message and read until you have it, then keep what is left for the next."
            }
            Code::Cut => {
                "Nothing is wrong on the wire: read on until the whole message is there, never take one recv for one message."
            }
            Code::Retransmitted => "Nothing, unless there are many: then the network loses packets.",
            Code::Late => "Capture on the host itself, or raise the limit of reassembly.",
            Code::NoProtocol => "Choose Decode as, or describe the format in a .ksy file.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_sentences() {
        for code in Code::ALL {
            for text in [code.meaning(), code.usual_cause(), code.what_to_do()] {
                assert!(text.len() > 10 && text.ends_with('.'), "{code}: {text}");
                assert!(text.starts_with(char::is_uppercase), "{code}: {text}");
            }
        }
    }
}
