//! Whether bytes begin with a message that a receiver accepts, in the three words that any receiver can say.

use std::fmt::{self, Display, Formatter};

use framescope_parser::{Captured, Code, Dissection, Input, Memo, Protocol, Severity, Step};

/// What a receiver says of the bytes that have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes begin with a well-formed message of this many bytes.
    Valid(usize),
    /// They begin with none, whatever follows; and why.
    Refused(Refusal),
    /// More bytes may complete a message. With what is wrong already, if anything is.
    Incomplete(Option<Refusal>),
}

/// Why bytes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub code: Code,
    /// Where in the message, in bytes from its beginning, and a sentence. None where the bytes are not a message at
    /// all.
    pub detail: Option<(usize, String)>,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some((offset, text)) => write!(f, "{} at {offset}: {text}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        Refusal { code, detail: None }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Valid(length) => write!(f, "valid {length}"),
            Verdict::Refused(why) => write!(f, "refused: {why}"),
            Verdict::Incomplete(None) => f.write_str("incomplete"),
            Verdict::Incomplete(Some(why)) => write!(f, "incomplete or refused: {why}"),
        }
    }
}

/// What a receiver should say of bytes, by its protocol.
///
/// ```
/// use framescope_checking::{Verdict, verdict};
/// use framescope_parser::{Code, missive::{FrameBuf, Kind, Missive}};
///
/// let (missive, bytes) = (Missive::default(), FrameBuf::new(Kind::PING).to_bytes()?);
/// assert_eq!(verdict(&missive, &bytes), Verdict::Valid(20));
/// assert_eq!(verdict(&missive, &bytes[..19]), Verdict::Incomplete(None));
/// assert_eq!(verdict(&missive, b"hello"), Verdict::Refused(Code::NotAFrame.into()));
/// # Ok::<(), framescope_parser::Error>(())
/// ```
pub fn verdict(protocol: &dyn Protocol, bytes: &[u8]) -> Verdict {
    if bytes.is_empty() {
        return Verdict::Incomplete(None);
    }
    let step = |last: bool| {
        let input = Input { bytes, first_segment: bytes.len(), last, offset: 0, context: None };
        protocol.next(input, &mut Memo::default())
    };
    let wrong = |message: &[u8]| wrong_in(protocol, Captured::whole(message));
    match step(true) {
        Step::Message(length) | Step::Checked(length) => {
            let message = bytes.get(..length.get()).unwrap_or(bytes);
            wrong(message).map_or(Verdict::Valid(message.len()), Verdict::Refused)
        }
        Step::Partial(_) | Step::NeedMore(_) => Verdict::Incomplete(wrong(bytes)),
        Step::Skipped(_, code) | Step::Searching(_, code) => match step(false) {
            // Too little to be part of a message, though it may become one. A message whose length is not trusted is
            // all there.
            Step::NeedMore(_) if code != Code::LengthSuspect => Verdict::Incomplete(wrong(bytes)),
            _ => Verdict::Refused(code.into()),
        },
        Step::Lost => Verdict::Refused(Code::CannotResync.into()),
    }
}

/// Why a receiver must refuse a message, if it must.
pub(crate) fn wrong_in(protocol: &dyn Protocol, message: Captured<'_, '_>) -> Option<Refusal> {
    let mut dissection = Dissection::default();
    message.dissect(protocol, &mut dissection);
    let problem = dissection.problems.iter().find(|problem| is_refused(problem.code))?;
    Some(Refusal { code: problem.code, detail: Some((problem.range.start, problem.text.clone())) })
}

/// Whether a receiver must refuse a message with that problem.
pub fn is_refused(code: Code) -> bool {
    code.severity() == Severity::Error || code == Code::UnknownVersion
}
