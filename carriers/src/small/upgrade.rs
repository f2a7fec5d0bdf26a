//! What of a conversation in clear text asks for TLS, and what answers that. It knows no stream.
//!
//! ```text
//! SMTP, LMTP, IRC  STARTTLS                     220 or 670 …
//! IMAP, Sieve      [tag] STARTTLS               [tag] OK …
//! POP3             STLS                         +OK …
//! FTP              AUTH TLS or AUTH SSL         234 …
//! NNTP             STARTTLS                     382 …
//! XMPP             <starttls …/>                <proceed …/> or <failure …/>
//! PostgreSQL       00 00 00 08 04 d2 16 2f      S or N; with 04 d2 16 30 (GSSAPI) G or N
//! ```
//!
//! Sources: RFC 3207, 3501, 5804, 2595, 4217, 4642, 6120; PostgreSQL's message formats.

use framescope_parser::{Code, Dissection, Error, Input, Kind, Step, Value, Visit};

use super::fields::{Fields, big_endian};
use super::staged::{bytes_of, message, number_of};
use crate::at_least_one;

/// The longest line or tag: what is longer is shown in parts.
const LONGEST: usize = 16 << 10;

pub(super) const FIELDS: [&str; 7] = ["line", "end", "length", "code", "answer", "data", "tag"];
pub(super) const KINDS: [&str; 9] = [
    "COMMAND",
    "REPLY",
    "UPGRADE",
    "ACCEPTED",
    "REFUSED",
    "CONTINUED",
    "SSL_REQUEST",
    "GSS_REQUEST",
    "TUNNEL",
];

pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
pub(super) const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];

/// Whether TLS begins here: a record with a handshake or an alert. None if more bytes are needed.
pub(super) fn is_tls(bytes: &[u8]) -> Option<bool> {
    match *bytes {
        [] | [0x15 | 0x16] | [0x15 | 0x16, 3] => None,
        [0x15 | 0x16, 3, 0..=4, ..] => Some(true),
        _ => Some(false),
    }
}

/// What a server says to the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Refused,
    /// It is not the end of the answer.
    Continued,
}

/// Whether a line of a client asks for TLS.
pub(super) fn asks(line: &[u8]) -> bool {
    let mut words = line.trim_ascii().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (first, second, third) = (words.next().unwrap_or_default(), words.next(), words.next());
    let is = |word: &[u8], expected: &[u8]| word.eq_ignore_ascii_case(expected);
    match second {
        None => is(first, b"STARTTLS") || is(first, b"STLS"),
        Some(second) if third.is_none() => {
            // Before IMAP's command is a tag.
            is(second, b"STARTTLS") || is(first, b"AUTH") && (is(second, b"TLS") || is(second, b"SSL"))
        }
        Some(_) => false,
    }
}

/// What a line of a server says to the upgrade.
pub(super) fn answer(line: &[u8]) -> Answer {
    let mut words = line.trim_ascii().split(|byte| *byte == b' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_number = |word: &[u8]| word.len() == 3 && word.iter().all(u8::is_ascii_digit);
    if let [number @ .., b'-'] = first.get(..4).unwrap_or(first)
        && is_number(number)
    {
        return Answer::Continued;
    }
    let accepted: [&[u8]; 6] = [b"220", b"234", b"382", b"670", b"+OK", b"OK"];
    if accepted.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return Answer::Accepted;
    }
    if first.starts_with(b"*") || first.starts_with(b":") && second != b"670" {
        // What IMAP and IRC say besides.
        return Answer::Continued;
    }
    let is_ok = second.eq_ignore_ascii_case(b"OK") && !is_number(first) || second == b"670";
    if is_ok { Answer::Accepted } else { Answer::Refused }
}

/// Whether a tag of XML asks for TLS, or what it answers.
pub(super) fn of_tag(tag: &[u8]) -> Option<&'static str> {
    let begin = memchr::memrchr(b'<', tag)?;
    let name = tag
        .get(begin + 1..)?
        .split(|byte| matches!(byte, b' ' | b'/' | b'>' | b'\t' | b'\n' | b'\r'))
        .next()?;
    match name {
        b"starttls" => Some("UPGRADE"),
        b"proceed" => Some("ACCEPTED"),
        b"failure" => Some("REFUSED"),
        _ => None,
    }
}

fn until(input: Input<'_>, end: u8) -> Step {
    let bytes = input.bytes.get(..LONGEST).unwrap_or(input.bytes);
    match memchr::memchr(end, bytes) {
        Some(at) => message(at + 1),
        None if bytes.len() == LONGEST => message(LONGEST),
        None if input.last => Step::Partial(at_least_one(bytes.len())),
        None => Step::NeedMore(at_least_one(1)),
    }
}

pub(super) fn next_line(input: Input<'_>) -> Step {
    until(input, b'\n')
}

pub(super) fn next_tag(input: Input<'_>) -> Step {
    until(input, b'>')
}

fn line<'a>(name: &'static str, bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    let number = KINDS.iter().position(|kind| *kind == name).and_then(|number| u64::try_from(number).ok());
    visit.kind(Kind::new(number.unwrap_or_default(), Some(name)));
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    visit.field("line", 0..text.len(), Value::utf8(text));
    if text.len() < bytes.len() {
        let end = bytes.get(text.len()..).unwrap_or_default();
        visit.field("end", text.len()..bytes.len(), Value::utf8(end));
    }
    let shown: String = String::from_utf8_lossy(text)
        .chars()
        .take(80)
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    visit.summary(format_args!("{shown}"));
}

pub(super) fn dissect_command<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    line(if asks(bytes) { "UPGRADE" } else { "COMMAND" }, bytes, visit);
}

pub(super) fn dissect_reply<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    line("REPLY", bytes, visit);
}

/// A line that answers the upgrade.
pub(super) fn dissect_answer<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    let name = match answer(bytes) {
        Answer::Accepted => "ACCEPTED",
        Answer::Refused => "REFUSED",
        Answer::Continued => "CONTINUED",
    };
    line(name, bytes, visit);
}

pub(super) fn dissect_client_tag<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    line(of_tag(bytes).filter(|name| *name == "UPGRADE").unwrap_or("COMMAND"), bytes, visit);
}

pub(super) fn dissect_server_tag<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    line(of_tag(bytes).filter(|name| *name != "UPGRADE").unwrap_or("REPLY"), bytes, visit);
}

pub(super) fn encode_line(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(bytes_of(message, "line")?);
    out.extend_from_slice(bytes_of(message, "end").unwrap_or_default());
    Ok(())
}

pub(super) fn dissect_request<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    let is_gss = bytes == GSS_REQUEST;
    let name = if is_gss { "GSS_REQUEST" } else { "SSL_REQUEST" };
    visit.kind(Kind::new(if is_gss { 7 } else { 6 }, Some(name)));
    let mut fields = Fields::of(bytes, visit);
    fields.number("length", 4);
    fields.number("code", 4);
    visit.summary(format_args!("may {} be used?", if is_gss { "GSSAPI" } else { "TLS" }));
}

pub(super) fn encode_request(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let code = number_of(message, "code")?;
    let is_gss = code == big_endian(GSS_REQUEST.get(4..).unwrap_or_default());
    out.extend_from_slice(if is_gss { &GSS_REQUEST } else { &SSL_REQUEST });
    Ok(())
}

pub(super) fn dissect_letter<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    let is_accepted = matches!(bytes.first(), Some(b'S' | b'G'));
    visit.kind(Kind::new(
        if is_accepted { 3 } else { 4 },
        Some(if is_accepted { "ACCEPTED" } else { "REFUSED" }),
    ));
    Fields::of(bytes, visit).text("answer", 1);
    visit.summary(format_args!("{}", if is_accepted { "yes" } else { "no" }));
    if !matches!(bytes.first(), Some(b'S' | b'G' | b'N')) && !bytes.is_empty() {
        visit.problem(Code::UnknownKind, 0..1, format_args!("the answer is neither S nor G nor N"));
    }
}

pub(super) fn encode_letter(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(bytes_of(message, "answer")?);
    Ok(())
}
