//! What this program says of an input, beside what the other replies. Where they disagree the input is minimised.
//!
//! A reply is `valid LENGTH`, with any number of `FIELD=VALUE` after it, `refused` or `incomplete`.

use std::io;
use std::sync::Arc;

use framescope_capture::export::hex;
use framescope_checking::{Transcript, Verdict, minimise, minimise_conversation, verdict};
use framescope_parser::{Dissection, Protocol, Value};

use super::conversations;
use super::peer::{Peer, Reply};

/// What the reply should have been, if it is not that.
fn disagreement(protocol: &dyn Protocol, bytes: &[u8], reply: &str) -> Option<String> {
    let ours = verdict(protocol, bytes);
    let fields = |length: usize| {
        let message = bytes.get(..length).unwrap_or(bytes);
        (Dissection::of(protocol, message), message)
    };
    match agreement(&ours, reply, fields) {
        Ok(_) => None,
        Err(Difference::Verdict) => Some(ours.to_string()),
        Err(Difference::Other(text)) => Some(text),
    }
}

/// How a verdict and a reply differ.
pub(super) enum Difference {
    Verdict,
    /// Something else, in words.
    Other(String),
}

/// Whether a reply agrees with a verdict, with the fields that it gives, and whether it refuses the message. `fields` reads a
/// valid message of a length.
pub(super) fn agreement<'m>(
    ours: &Verdict,
    reply: &str,
    fields: impl FnOnce(usize) -> (Dissection<'m>, &'m [u8]),
) -> Result<bool, Difference> {
    let mut words = reply.split_whitespace();
    let word = words.next().map(|word| word.trim_end_matches([':', ',']));
    match (word, ours) {
        (Some("valid"), Verdict::Valid(length)) => {
            let theirs = words.next().and_then(|word| word.parse::<usize>().ok());
            if theirs != Some(*length) {
                return Err(Difference::Verdict);
            }
            let (dissection, message) = fields(*length);
            match fields_disagree(&dissection, message, words) {
                None => Ok(false),
                Some(text) => Err(Difference::Other(text)),
            }
        }
        (Some("refused"), Verdict::Refused(_) | Verdict::Incomplete(Some(_))) => Ok(true),
        // A peer that waits for the rest of what is wrong already will refuse it then.
        (Some("incomplete"), Verdict::Incomplete(_)) => Ok(false),
        (Some("valid" | "refused" | "incomplete"), _) => Err(Difference::Verdict),
        _ => Err(Difference::Other("the reply is none of: valid LENGTH, refused, incomplete".to_owned())),
    }
}

/// The first field for which the reply has another value.
fn fields_disagree<'w>(
    dissection: &Dissection<'_>,
    message: &[u8],
    reply: impl Iterator<Item = &'w str>,
) -> Option<String> {
    for word in reply {
        let Some((path, value)) = word.split_once('=') else {
            return Some(format!("'{word}' is not FIELD=VALUE"));
        };
        let Some(field) = dissection.field(path) else { return Some(format!("there is no field {path}")) };
        let bytes = || hex(message.get(field.range.clone()).unwrap_or_default());
        let expected = match &field.value {
            Value::Text(_) | Value::Bytes(_) | Value::Group => bytes(),
            Value::Float(number) if value.parse::<f64>().is_ok_and(|theirs| theirs == *number) => continue,
            Value::Signed(number) => number.to_string(),
            Value::Enum(kind) => kind.number().to_string(),
            other => other.as_u64().map_or_else(|| other.to_string(), |number| number.to_string()),
        };
        if !value.eq_ignore_ascii_case(&expected) {
            return Some(format!("{path} is {expected}"));
        }
    }
    None
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) valid: u64,
    pub(super) refused: u64,
    pub(super) incomplete: u64,
    pub(super) disagreement: Option<Disagreement>,
}

/// What the program is given.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// A message, or what is none.
    Message(Vec<u8>),
    /// A whole conversation, of a protocol with states.
    Conversation(Transcript),
}

impl Input {
    /// How many bytes are said in it.
    pub(super) fn length(&self) -> usize {
        match self {
            Input::Message(bytes) => bytes.len(),
            Input::Conversation(said) => said.length(),
        }
    }

    /// As a fuzzer takes it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Input::Message(bytes) => bytes.clone(),
            Input::Conversation(said) => said.to_bytes(),
        }
    }

    fn minimised(&self, differs: &mut dyn FnMut(Input) -> bool, tries: usize) -> Input {
        match self {
            Input::Message(bytes) => {
                Input::Message(minimise(bytes, &mut |bytes| differs(Input::Message(bytes.to_vec())), tries))
            }
            Input::Conversation(said) => {
                let mut differs = |said: &Transcript| differs(Input::Conversation(said.clone()));
                Input::Conversation(minimise_conversation(said, &mut differs, tries))
            }
        }
    }
}

/// An input on which they disagree.
#[derive(Debug)]
pub(super) struct Disagreement {
    pub(super) input: Input,
    /// How many bytes it had before it was minimised.
    pub(super) found_in: usize,
    pub(super) ours: String,
    pub(super) theirs: String,
}

/// How many inputs are tried to minimise one.
const TRIES: usize = 2000;
/// And where the program does not reply, which may take long.
const TRIES_IN_SILENCE: usize = 10;

/// Gives the program each input, until both disagree. Protocols that conversations are handed over to are among `others`.
///
/// # Errors
/// The program can't be started, or does not reply to the first input.
pub(super) fn compare(
    protocol: &dyn Protocol,
    others: &[Arc<dyn Protocol>],
    inputs: impl Iterator<Item = Input>,
    peer: &mut Peer,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    for input in inputs {
        let Some(found) = different(protocol, others, &input, peer)? else {
            let ours = match &input {
                Input::Message(bytes) => verdict(protocol, bytes),
                Input::Conversation(said) => conversations::verdict(protocol, others, said),
            };
            *match ours {
                Verdict::Valid(_) => &mut outcome.valid,
                Verdict::Refused(_) => &mut outcome.refused,
                Verdict::Incomplete(_) => &mut outcome.incomplete,
            } += 1;
            continue;
        };
        let is_first = outcome.valid + outcome.refused + outcome.incomplete == 0;
        if is_first && found.is_silent {
            // It never was a peer.
            return Err(io::Error::other(found.theirs));
        }
        let tries = if found.is_silent { TRIES_IN_SILENCE } else { TRIES };
        let mut differs = |input: Input| matches!(different(protocol, others, &input, peer), Ok(Some(_)));
        let small = input.minimised(&mut differs, tries);
        // A program that is not deterministic may agree now.
        let found = different(protocol, others, &small, peer)?.unwrap_or(found);
        outcome.disagreement = Some(Disagreement {
            input: small,
            found_in: input.length(),
            ours: found.ours,
            theirs: found.theirs,
        });
        break;
    }
    Ok(outcome)
}

/// What the two say of an input.
pub(super) struct Different {
    pub(super) ours: String,
    pub(super) theirs: String,
    /// Whether the program did not reply.
    pub(super) is_silent: bool,
}

/// What the two say of an input, if they disagree.
fn different(
    protocol: &dyn Protocol,
    others: &[Arc<dyn Protocol>],
    input: &Input,
    peer: &mut Peer,
) -> io::Result<Option<Different>> {
    let bytes = match input {
        Input::Message(bytes) => bytes,
        Input::Conversation(said) => return conversations::different(protocol, others, said, peer),
    };
    let (ours, theirs, is_silent) = match peer.ask(&hex(bytes))? {
        Reply::Line(line) => (disagreement(protocol, bytes, &line), line, false),
        Reply::None(silence) => (Some(verdict(protocol, bytes).to_string()), silence.to_string(), true),
    };
    Ok(ours.map(|ours| Different { ours, theirs, is_silent }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use framescope_parser::missive::{Flags, FrameBuf, Kind, Missive};

    #[test]
    fn a_reply_is_compared_with_every_field_that_it_gives() {
        let missive = Missive::default();
        let bytes =
            FrameBuf::new(Kind::DATA).sequence(7).flags(Flags::CHECKSUM).payload("hi").to_bytes().unwrap();
        let says = |bytes: &[u8], reply| disagreement(&missive, bytes, reply);
        for reply in
            ["valid 26", "valid 26 sequence=7 kind=3", "valid 26 payload=6869 payload.content=6869 flags=1"]
        {
            assert_eq!(says(&bytes, reply), None, "{reply}");
        }
        for (reply, expected) in [
            ("valid 25", "valid 26"),
            ("valid", "valid 26"),
            ("refused", "valid 26"),
            ("valid 26 sequence=8", "sequence is 7"),
            ("valid 26 payload.content=", "payload.content is 6869"),
            ("valid 26 nothing=1", "there is no field nothing"),
            ("valid 26 sequence", "'sequence' is not FIELD=VALUE"),
            ("yes", "the reply is none of: valid LENGTH, refused, incomplete"),
        ] {
            assert_eq!(says(&bytes, reply).as_deref(), Some(expected), "{reply}");
        }
        // A message that is cut off is incomplete, and one that is wrong already may be refused immediately.
        let cut = &bytes[..22];
        assert_eq!((says(cut, "incomplete"), says(cut, "refused").as_deref()), (None, Some("incomplete")));
        assert_eq!((says(b"", "incomplete"), says(b"\xF5", "incomplete")), (None, None));
        let mut other = FrameBuf::new(Kind::PING);
        other.version = 9;
        let other = other.payload("more").to_bytes().unwrap();
        assert_eq!((says(&other[..21], "incomplete"), says(&other[..21], "refused")), (None, None));
        assert!(says(&other, "incomplete").unwrap().starts_with("refused: unknown-version at 2"));
        assert_eq!(says(&other, "refused for its version"), None);
        assert_eq!(says(b"hello", "valid 5").as_deref(), Some("refused: not-a-frame"));
    }
}
