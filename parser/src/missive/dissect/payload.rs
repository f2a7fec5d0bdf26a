//! The fields of a payload, by the kind of its frame.

use super::FrameBytes;
use crate::field::Bytes;
use crate::missive::frame::Frame;
use crate::missive::header::{Header, Kind};
use crate::missive::payload::Payload;
use crate::missive::raw::Part;
use crate::preview::Preview;
use crate::{Code, Value, Visit};

impl<'a> FrameBytes<'a> {
    pub(crate) fn payload(&self, content_type: Option<&'a [u8]>, visit: &mut dyn Visit<'a>) {
        if !self.raw.extensions_part().complete {
            return;
        }
        let part = self.raw.payload_part();
        let range = part.range();
        let text_field = |name: &'a str, visit: &mut dyn Visit<'a>| {
            visit.begin("payload", range.clone(), Value::Group);
            let valid = utf8_field(name, part.bytes, part.start, part.complete, visit);
            visit.end();
            valid
        };
        let bytes = part.bytes;
        match self.header.kind {
            _ if self.header.version != Header::VERSION => {
                visit.field("payload", range, Value::Bytes(bytes.into()));
                visit.summary(format_args!("version {}, {}", self.header.version, Bytes(bytes.len())));
            }
            Kind::LOGIN => self.login(part, visit),
            Kind::LOGOUT => summary_of_text(text_field("reason", visit), bytes, visit),
            Kind::ACK => {
                let sequence = self.header.sequence;
                match text_field("note", visit) {
                    Some(note) if !note.is_empty() => {
                        visit.summary(format_args!("to {sequence}: {}", Preview(note)));
                    }
                    _ => visit.summary(format_args!("to {sequence}")),
                }
            }
            Kind::ERROR => self.error(part, visit),
            Kind::DATA if Frame::has_text(content_type) => {
                summary_of_text(text_field("content", visit), bytes, visit)
            }
            Kind::DATA => {
                visit.begin("payload", range.clone(), Value::Group);
                visit.field("content", range, Value::Bytes(bytes.into()));
                visit.end();
                let media_type =
                    core::str::from_utf8(content_type.unwrap_or_default()).unwrap_or("unknown type");
                visit.summary(format_args!("{}, {}", Preview(media_type), Bytes(bytes.len())));
            }
            kind => {
                visit.field("payload", range.clone(), Value::Bytes(bytes.into()));
                visit.summary(format_args!("{}", Bytes(bytes.len())));
                const LIMIT: usize = Payload::PING_LIMIT;
                if matches!(kind, Kind::PING | Kind::PONG) && bytes.len() > LIMIT {
                    let (name, length) = (kind.name().unwrap_or_default(), bytes.len());
                    visit.problem(
                        Code::PingTooLong,
                        range,
                        format_args!("a {name} carries at most {LIMIT} bytes; this one has {length}"),
                    );
                }
            }
        }
    }

    fn login(&self, part: Part<'a>, visit: &mut dyn Visit<'a>) {
        visit.begin("payload", part.range(), Value::Group);
        let mut rest = part.bytes;
        let mut user = None;
        for (length_name, name) in [("user_length", "user"), ("credential_length", "credential")] {
            let start = part.range().end - rest.len();
            let Some(length) = rest.first_chunk().copied().map(u16::from_be_bytes) else {
                if part.complete {
                    overrun(part, rest, length_name, visit);
                }
                rest = &[];
                break;
            };
            visit.field(length_name, start..start + 2, Value::Unsigned(length.into()));
            let behind = rest.get(2..).unwrap_or_default();
            let (value, overruns) = match behind.split_at_checked(length.into()) {
                Some((value, behind)) => {
                    rest = behind;
                    (value, false)
                }
                None => {
                    rest = &[];
                    (behind, true)
                }
            };
            let begin = start + 2;
            if name == "user" {
                user = utf8_field(name, value, begin, !overruns, visit);
            } else {
                visit.field(name, begin..begin + value.len(), Value::Bytes(value.into()));
            }
            if overruns {
                if part.complete {
                    let left = value.len();
                    visit.problem(
                        Code::PayloadOverrun,
                        start..start + 2,
                        format_args!("{length_name} is {length}, and {left} bytes are left in the payload"),
                    );
                }
                break;
            }
        }
        trailing(part, rest, visit);
        visit.end();
        visit.summary(format_args!("user {}", Preview(user.unwrap_or("?"))));
    }

    fn error(&self, part: Part<'a>, visit: &mut dyn Visit<'a>) {
        visit.begin("payload", part.range(), Value::Group);
        match part.bytes.split_first_chunk().map(|(code, text)| (u16::from_be_bytes(*code), text)) {
            Some((code, text)) => {
                visit.field("code", part.start..part.start + 2, Value::Unsigned(code.into()));
                let text = utf8_field("text", text, part.start + 2, part.complete, visit);
                visit.summary(format_args!("{code} {}", Preview(text.unwrap_or_default())));
            }
            None if part.complete => overrun(part, part.bytes, "code", visit),
            None => {}
        }
        visit.end();
    }
}

/// Reports the last bytes of a payload that are too few for a number of two.
fn overrun<'a>(part: Part<'a>, rest: &'a [u8], name: &str, visit: &mut dyn Visit<'a>) {
    let range = part.range().end - rest.len()..part.range().end;
    if !rest.is_empty() {
        visit.field("overrun", range.clone(), Value::Bytes(rest.into()));
    }
    visit.problem(
        Code::PayloadOverrun,
        range,
        format_args!("{name} needs 2 bytes, and {} are left in the payload", rest.len()),
    );
}

fn trailing<'a>(part: Part<'a>, rest: &'a [u8], visit: &mut dyn Visit<'a>) {
    if !rest.is_empty() {
        let range = part.range().end - rest.len()..part.range().end;
        visit.field("trailing", range.clone(), Value::Bytes(rest.into()));
        visit.problem(
            Code::PayloadTrailing,
            range,
            format_args!("{} after the credential have no meaning", Bytes(rest.len())),
        );
    }
}

/// Reports a field that must be UTF-8. Returns its text if it is.
pub(super) fn utf8_field<'a>(
    name: &'a str,
    bytes: &'a [u8],
    start: usize,
    complete: bool,
    visit: &mut dyn Visit<'a>,
) -> Option<&'a str> {
    match core::str::from_utf8(bytes) {
        Ok(text) => {
            visit.field(name, start..start + bytes.len(), Value::Text(text.into()));
            Some(text)
        }
        Err(error) => {
            visit.field(name, start..start + bytes.len(), Value::Bytes(bytes.into()));
            // Text whose end is missing may stop inside a character.
            if complete || error.error_len().is_some() {
                let bad = start + error.valid_up_to();
                let end = bad + error.error_len().unwrap_or(bytes.len() - error.valid_up_to());
                let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
                let what = if error.error_len().is_some() {
                    "begins no character"
                } else {
                    "begins one that is cut off"
                };
                visit.problem(
                    Code::InvalidUtf8,
                    bad..end,
                    format_args!("{name} is not UTF-8: byte {byte:#04x} {what}"),
                );
            }
            None
        }
    }
}

fn summary_of_text<'a>(text: Option<&'a str>, bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    match text {
        Some(text) => visit.summary(format_args!("{}", Preview(text))),
        None => visit.summary(format_args!("{} that are not UTF-8", Bytes(bytes.len()))),
    }
}
