//! `framescope check-peer`: holds another program that reads the same messages against this one, input by input.
//!
//! The program gets each input as a line of hexadecimal digits and answers with a line: `valid LENGTH`, with as many
//! `FIELD=VALUE` behind it as it likes, `refused` or `incomplete`. Where both disagree the input is made as small as it can be.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use framescope_capture::export::hex;
use framescope_oracles::{Verdict, minimise, verdict};
use framescope_parser::{Dissection, Protocol, Value};

/// Why an answer is not the one that is expected, if so.
pub(crate) fn disagreement(protocol: &dyn Protocol, bytes: &[u8], answer: &str) -> Option<String> {
    let ours = verdict(protocol, bytes);
    let mut words = answer.split_whitespace();
    let word = words.next().map(|word| word.trim_end_matches([':', ',']));
    let agrees = match (word, &ours) {
        (Some("valid"), Verdict::Valid(length)) => {
            let theirs = words.next().and_then(|word| word.parse::<usize>().ok());
            if theirs == Some(*length) {
                let message = bytes.get(..*length).unwrap_or(bytes);
                return fields_disagree(protocol, message, words);
            }
            false
        }
        (Some("refused"), Verdict::Refused(_) | Verdict::Incomplete(Some(_))) => true,
        // Whoever waits for the rest of what is wrong already will refuse it then.
        (Some("incomplete"), Verdict::Incomplete(_)) => true,
        (Some("valid" | "refused" | "incomplete"), _) => false,
        _ => return Some("the answer is none of: valid LENGTH, refused, incomplete".to_owned()),
    };
    (!agrees).then(|| ours.to_string())
}

/// The first field of which another value is said.
fn fields_disagree<'w>(
    protocol: &dyn Protocol,
    message: &[u8],
    said: impl Iterator<Item = &'w str>,
) -> Option<String> {
    let dissection = Dissection::of(protocol, message);
    for word in said {
        let Some((path, value)) = word.split_once('=') else {
            return Some(format!("'{word}' is not FIELD=VALUE"));
        };
        let Some(field) = dissection.field(path) else { return Some(format!("there is no field {path}")) };
        let bytes = || hex(message.get(field.range.clone()).unwrap_or_default());
        let expected = match &field.value {
            Value::Text(_) | Value::Bytes(_) | Value::Group => bytes(),
            Value::Float(number) if value.parse::<f64>().is_ok_and(|theirs| theirs == *number) => continue,
            Value::Signed(number) => number.to_string(),
            other => other.as_u64().map_or_else(|| other.to_string(), |number| number.to_string()),
        };
        if !value.eq_ignore_ascii_case(&expected) {
            return Some(format!("{path} is {expected}"));
        }
    }
    None
}

/// A program that answers lines.
pub(crate) struct Peer {
    command: String,
    patience: Duration,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<io::Result<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that hangs does not hear that its input has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// A program that `command` starts in the system's shell, and that answers each line in that time.
    pub(crate) fn new(command: &str, patience: Duration) -> Peer {
        Peer { command: command.to_owned(), patience, running: None }
    }

    fn start(&self) -> io::Result<Running> {
        // A plain command takes the shell's place: stopping one does not stop the other.
        let first = self.command.split_whitespace().next().unwrap_or_default();
        let is_plain = !first.contains('=') && !self.command.contains([';', '|', '&', '<', '>', '(', '\n']);
        let exec = if is_plain && !cfg!(windows) { "exec " } else { "" };
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut shell = Command::new(shell);
        shell.arg(flag).arg(format!("{exec}{}", self.command));
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Whoever waits for lines no longer wants them.
            BufReader::new(output).lines().try_for_each(|line| sender.send(line)).ok()
        });
        Ok(Running { child, input, lines })
    }

    /// The program's answer, or why there is none. It is started where it does not run, also after it has failed.
    ///
    /// # Errors
    /// It can't be started.
    pub(crate) fn answer(&mut self, bytes: &[u8]) -> io::Result<Result<String, String>> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let sent = running.input.write_all(format!("{}\n", hex(bytes)).as_bytes());
        let sent = sent.and_then(|()| running.input.flush());
        let answer = match running.lines.recv_timeout(self.patience) {
            Ok(Ok(line)) if sent.is_ok() => {
                self.running = Some(running);
                return Ok(Ok(line));
            }
            Err(RecvTimeoutError::Timeout) => format!("no answer in {} s", self.patience.as_secs_f32()),
            Ok(Err(error)) => format!("no line of text ({error})"),
            _ => match running.child.wait() {
                Ok(status) => format!("no answer: the program ended with {status}"),
                Err(error) => format!("no answer: {error}"),
            },
        };
        Ok(Err(answer))
    }
}

/// What came of holding the two against each other.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) valid: u64,
    pub(crate) refused: u64,
    pub(crate) incomplete: u64,
    pub(crate) disagreement: Option<Disagreement>,
}

/// An input of which they say different things.
#[derive(Debug)]
pub(crate) struct Disagreement {
    pub(crate) bytes: Vec<u8>,
    /// How many bytes it had before it was made smaller.
    pub(crate) found_in: usize,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

/// Inputs that are tried to make one smaller.
const TRIES: usize = 2000;
/// And where the program does not answer, which may take long.
const TRIES_IN_SILENCE: usize = 10;

/// Asks the program of each input, until both disagree.
///
/// # Errors
/// The program can't be started, or does not answer the first input.
pub(crate) fn check(
    protocol: &dyn Protocol,
    inputs: impl Iterator<Item = Vec<u8>>,
    peer: &mut Peer,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    for bytes in inputs {
        let Some(found) = different(protocol, &bytes, peer)? else {
            *match verdict(protocol, &bytes) {
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
        let mut differs = |bytes: &[u8]| matches!(different(protocol, bytes, peer), Ok(Some(_)));
        let small = minimise(&bytes, &mut differs, tries);
        // A program that does not say the same each time may have changed its mind.
        let found = different(protocol, &small, peer)?.unwrap_or(found);
        outcome.disagreement = Some(Disagreement {
            bytes: small,
            found_in: bytes.len(),
            ours: found.ours,
            theirs: found.theirs,
        });
        break;
    }
    Ok(outcome)
}

/// What the two say.
struct Difference {
    ours: String,
    theirs: String,
    /// Whether the program gave no answer.
    is_silent: bool,
}

/// What the two say of an input, if it is not the same.
fn different(protocol: &dyn Protocol, bytes: &[u8], peer: &mut Peer) -> io::Result<Option<Difference>> {
    let (ours, theirs, is_silent) = match peer.answer(bytes)? {
        Ok(answer) => (disagreement(protocol, bytes, &answer), answer, false),
        Err(failure) => (Some(verdict(protocol, bytes).to_string()), failure, true),
    };
    Ok(ours.map(|ours| Difference { ours, theirs, is_silent }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use framescope_parser::missive::{Flags, FrameBuf, Kind, Missive};

    #[test]
    fn what_is_said_of_a_message_is_compared_as_far_as_it_is_said() {
        let missive = Missive::default();
        let bytes =
            FrameBuf::new(Kind::DATA).sequence(7).flags(Flags::CHECKSUM).payload("hi").to_bytes().unwrap();
        let says = |bytes: &[u8], answer| disagreement(&missive, bytes, answer);
        for answer in
            ["valid 26", "valid 26 sequence=7 kind=3", "valid 26 payload=6869 payload.content=6869 flags=1"]
        {
            assert_eq!(says(&bytes, answer), None, "{answer}");
        }
        for (answer, expected) in [
            ("valid 25", "valid 26"),
            ("valid", "valid 26"),
            ("refused", "valid 26"),
            ("valid 26 sequence=8", "sequence is 7"),
            ("valid 26 payload.content=", "payload.content is 6869"),
            ("valid 26 nothing=1", "there is no field nothing"),
            ("valid 26 sequence", "'sequence' is not FIELD=VALUE"),
            ("yes", "the answer is none of: valid LENGTH, refused, incomplete"),
        ] {
            assert_eq!(says(&bytes, answer).as_deref(), Some(expected), "{answer}");
        }
        // What is cut off is incomplete, and what is wrong already may be refused at once.
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
