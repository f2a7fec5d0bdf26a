//! What can be wrong with a message, as data: a code, its severity, where, and a sentence.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

/// How much a [`Code`] matters. Ordered: a note is less than a warning, a warning less than an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing need be wrong.
    Note,
    /// Well-formed, but suspicious.
    Warning,
    /// The bytes are not what the format says.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $severity:ident;)+) => {
        /// The name of a fault. Scripts know it by its kebab-case form, [`Code::as_str`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code there is, in the order of their declaration.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as scripts write it, such as `checksum-mismatch`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// How much it matters.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)+ }
            }

            /// What it means, in a sentence for a person who meets it for the first time.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// No message begins here: the bytes were skipped up to the next header that can be believed.
    NotAFrame = "not-a-frame", Error;
    /// A magic stands here, but the check over the header fails, so none of its lengths can be trusted.
    HeaderCheckMismatch = "header-check-mismatch", Error;
    /// The header is intact but claims a payload over the limit, so only the header was skipped.
    PayloadTooLong = "payload-too-long", Error;
    /// No message begins where this one claims to end, and a checksum that fails or the messages in it say so too: its length is probably false.
    LengthSuspect = "length-suspect", Error;
    /// The checksum over the frame does not fit its bytes: they were changed on the way, or written wrongly.
    ChecksumMismatch = "checksum-mismatch", Error;
    /// The authentication tag does not fit the frame and the key: another key, or changed bytes.
    TagMismatch = "tag-mismatch", Error;
    /// An extension claims more bytes than the extensions area has left.
    ExtensionOverrun = "extension-overrun", Error;
    /// A known extension has a value of the wrong size.
    ExtensionSize = "extension-size", Error;
    /// A length inside the payload points past the payload's end.
    PayloadOverrun = "payload-overrun", Error;
    /// Text that must be UTF-8 is not.
    InvalidUtf8 = "invalid-utf8", Error;
    /// An extension marked critical is not known here; a receiver that does not know it must refuse the message.
    CriticalExtension = "critical-extension", Error;
    /// The bytes are not what must stand here, so no message begins; the format does not tell where the next one does, and no place is likely enough to be taken for one.
    CannotResync = "cannot-resync", Error;
    /// The bytes that hold this end before it does.
    EndOfStream = "end-of-stream", Error;
    /// The value is not the one that the description demands.
    ValidationNotEqual = "validation-not-equal", Error;
    /// The value is less than the description allows.
    ValidationLessThan = "validation-less-than", Error;
    /// The value is more than the description allows.
    ValidationGreaterThan = "validation-greater-than", Error;
    /// The value is none of those that the description allows.
    ValidationNotAnyOf = "validation-not-any-of", Error;
    /// The value is no member of its enumeration, and the description allows no other.
    ValidationNotInEnum = "validation-not-in-enum", Error;
    /// The value does not fulfil what the description demands of it.
    ValidationExpr = "validation-expr", Error;
    /// No case of the description says the byte order of this number.
    UndecidedEndianness = "undecided-endianness", Error;
    /// The value can't be what the description takes it for, such as a text that is no number.
    Conversion = "conversion", Error;
    /// The description names a text encoding that is not known.
    UnknownEncoding = "unknown-encoding", Error;
    /// What the description asks for is not there, such as an item behind the last of a list.
    NoMatch = "no-match", Error;
    /// The text is not valid in its encoding.
    InvalidText = "invalid-text", Error;
    /// Reading this as described would take more work or memory than the message's bytes justify.
    LimitExceeded = "limit-exceeded", Error;
    /// The version is not one this reader knows; the contents are shown as far as they are known.
    UnknownVersion = "unknown-version", Warning;
    /// The kind is in the range reserved for later versions.
    UnknownKind = "unknown-kind", Warning;
    /// Flag bits are set that must be zero.
    ReservedFlags = "reserved-flags", Warning;
    /// Bytes are left in the payload behind everything the kind defines.
    PayloadTrailing = "payload-trailing", Warning;
    /// A PING or PONG carries more than 64 bytes.
    PingTooLong = "ping-too-long", Warning;
    /// The sequence number is not the one after its predecessor's in this direction and channel.
    SequenceJump = "sequence-jump", Warning;
    /// Something other than LOGIN came before the channel's LOGIN.
    DataBeforeLogin = "data-before-login", Warning;
    /// Something came after the channel's LOGOUT.
    DataAfterLogout = "data-after-logout", Warning;
    /// A reply carries the sequence number of no request that is still open.
    ReplyToNothing = "reply-to-nothing", Warning;
    /// The same stream bytes were sent twice with different contents; the first captured ones are shown.
    ConflictingRetransmission = "conflicting-retransmission", Warning;
    /// The format does not tell where messages begin, and behind bytes that are missing or wrong this place was chosen as the likeliest.
    Guessed = "guessed", Warning;
    /// Two IP fragments of one packet reach over one another with different contents; the first captured ones are shown.
    ConflictingFragment = "conflicting-fragment", Warning;
    /// The frame carries an authentication tag, and no key was given to verify it with.
    TagUnverified = "tag-unverified", Note;
    /// An extension's tag is not known here; it may be skipped.
    UnknownExtension = "unknown-extension", Note;
    /// A request that asks for a reply got none before the capture or the connection ended.
    Unanswered = "unanswered", Note;
    /// A DATA says that its content goes on, and no further part of it came.
    Unfinished = "unfinished", Note;
    /// Two messages stand in one segment: TCP carries bytes, not messages, and may join what two sends wrote.
    Glued = "glued", Note;
    /// A message is cut: TCP carries bytes, not messages, and may part in two what one send wrote.
    Cut = "cut", Note;
    /// Some of these bytes were sent more than once, with the same contents.
    Retransmitted = "retransmitted", Note;
    /// Bytes of this gap turned up after it had been given up; they were counted, not inserted.
    Late = "late", Note;
    /// Bytes of this message were not captured. Its length is known from what was.
    Incomplete = "incomplete", Note;
    /// The end of a message whose beginning was not captured: behind a gap, or where the capture begins.
    Continuation = "continuation", Note;
    /// No protocol claims this stream.
    NoProtocol = "no-protocol", Note;
}

impl Code {
    /// The code written as `text`, if there is one.
    ///
    /// ```
    /// use framescope_parser::{Code, Severity};
    ///
    /// let code = Code::from_name("checksum-mismatch").unwrap();
    /// assert_eq!((code.severity(), code.as_str()), (Severity::Error, "checksum-mismatch"));
    /// assert!(code.meaning().starts_with("The checksum over the frame does not fit"));
    /// ```
    pub fn from_name(text: &str) -> Option<Code> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong, and where.
///
/// ```
/// use framescope_parser::{Code, Dissection, missive::{FrameBuf, Kind, Missive}};
///
/// let bytes = FrameBuf::new(Kind::DATA).payload(b"a\xff".as_slice()).to_bytes()?;
/// let missive = Missive::default();
/// let problem = Dissection::of(&missive, &bytes).problems.remove(0);
/// assert_eq!((problem.code, problem.range), (Code::InvalidUtf8, 21..22));
/// assert_eq!(problem.text, "content is not UTF-8: byte 0xff begins no character");
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which fault it is.
    pub code: Code,
    /// The bytes at fault, as offsets in the message. May be empty; never reaches past the message.
    pub range: Range<usize>,
    /// A sentence with what was expected and what was found.
    pub text: String,
}

/// A set of [`Code`]s in eight bytes, as the index keeps it for each message.
///
/// ```
/// use framescope_parser::{Code, CodeSet, Severity};
///
/// let mut codes = CodeSet::EMPTY;
/// codes.insert(Code::Cut);
/// codes.insert(Code::SequenceJump);
/// assert!(codes.contains(Code::Cut) && codes.iter().count() == 2);
/// assert_eq!(codes.worst(), Some(Severity::Warning));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeSet(u64);

// A set has one bit for each code; a 65th code needs a wider set.
const _: () = assert!(Code::ALL.len() <= 64);

impl CodeSet {
    /// The set without a code.
    pub const EMPTY: CodeSet = CodeSet(0);

    /// Puts `code` in.
    pub fn insert(&mut self, code: Code) {
        self.0 |= 1 << code as u8;
    }

    /// Puts all of `other`'s codes in.
    pub fn extend(&mut self, other: CodeSet) {
        self.0 |= other.0;
    }

    /// Whether `code` is in.
    pub fn contains(self, code: Code) -> bool {
        self.0 & (1 << code as u8) != 0
    }

    /// Whether no code is in.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The codes in the set, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Code> {
        Code::ALL.iter().copied().filter(move |code| self.contains(*code))
    }

    /// The highest severity in the set.
    pub fn worst(self) -> Option<Severity> {
        self.iter().map(Code::severity).max()
    }
}

impl FromIterator<Code> for CodeSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        let mut set = CodeSet::EMPTY;
        for code in codes {
            set.insert(code);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_code_is_found_by_its_name_and_has_a_sentence() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(code));
            assert!(code.meaning().ends_with('.'), "{code}: {:?}", code.meaning());
            assert!(!code.meaning().starts_with(' '));
        }
    }

    #[test]
    fn a_set_gives_back_what_was_put_in() {
        let set: CodeSet = [Code::Late, Code::NotAFrame, Code::SequenceJump].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Code::NotAFrame, Code::SequenceJump, Code::Late]);
        assert_eq!(set.worst(), Some(Severity::Error));
        assert_eq!(CodeSet::EMPTY.worst(), None);
    }
}
