//! Carriers whose messages end with a delimiter: COBS, SLIP, lines of base64 and of hexadecimal digits.
//!
//! Each message carries one of another protocol. After a loss the next message is the one behind the next delimiter, so that only the messages that were
//! touched are lost. Nothing is known from one message to the next.

use std::borrow::Cow;

use framescope_parser::{
    Captured, Carried, Code, Confidence, Conversation, Dissection, Error, Input, Kind, Memo, Nowhere,
    Passage, Protocol, Role, Sample, Settings, Step, Value, Visit,
};

use super::channel::Only;
use super::encodings::Encoding;
use super::staged::{Staged, bytes_of, message, names, plural, stage};
use crate::at_least_one;

/// More bytes than this without a delimiter are no message.
const LONGEST: usize = 16 << 20;

/// The carrier of an encoding. It is never detected: a rule names it, or a protocol that is carried by it.
pub fn delimited(encoding: Encoding) -> Staged {
    let frames = Frames { encoding, delimiter: [encoding.delimiter()] };
    let start = move |settings: &Settings| {
        let mut channel = Only::named(encoding.name(), settings);
        channel.about_mut().is_delimited = true;
        Box::new(Delimited { encoding, channel }) as Box<dyn Conversation>
    };
    Staged {
        name: encoding.name(),
        about: encoding.about(),
        stages: vec![stage("frames", frames)],
        names: names(&["leading", "frame", "data", "delimiter"], &["FRAME", "EMPTY"], false),
        codes: None,
        detect: |_| Confidence::No,
        start: Box::new(start),
        not_on_datagrams: None,
    }
}

/// The messages, with their delimiters.
struct Frames {
    encoding: Encoding,
    delimiter: [u8; 1],
}

/// How far the bytes from an offset on were searched for a delimiter.
#[derive(Default)]
struct Searched {
    offset: u64,
    bytes: usize,
}

/// What is in a message: where what is encoded begins and ends.
fn encoded(encoding: Encoding, message: &[u8]) -> (usize, usize) {
    let delimiter = encoding.delimiter();
    let is_delimiter = |byte: &&u8| **byte == delimiter;
    let leading = match encoding.joins_delimiters() {
        true => message.iter().take_while(is_delimiter).count(),
        false => 0,
    };
    let rest = message.get(leading..).unwrap_or_default();
    let end = memchr::memchr(delimiter, rest).unwrap_or(rest.len());
    let frame = rest.get(..end).unwrap_or_default();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let blank = match encoding.is_lines() {
        true => frame.iter().rev().take_while(|byte| is_blank(byte)).count(),
        false => 0,
    };
    (leading, leading + frame.len() - blank)
}

impl Protocol for Frames {
    fn name(&self) -> &str {
        self.encoding.name()
    }

    fn about(&self) -> &str {
        self.encoding.about()
    }

    fn can_resync(&self) -> bool {
        false
    }

    fn terminator(&self) -> Option<&[u8]> {
        Some(&self.delimiter)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        let searched = memo.get_or_default::<Searched>();
        if searched.offset != input.offset {
            *searched = Searched { offset: input.offset, bytes: 0 };
        }
        let bytes = input.bytes.get(..LONGEST).unwrap_or(input.bytes);
        let from = searched.bytes.min(bytes.len());
        let rest = bytes.get(from..).unwrap_or_default();
        // As long as the last byte that was searched is a delimiter, all of them are.
        let is_begun = from > 0 && bytes.get(from - 1).is_some_and(|&byte| byte != self.encoding.delimiter());
        let leading = match self.encoding.joins_delimiters() && !is_begun {
            true => rest.iter().take_while(|&&byte| byte == self.encoding.delimiter()).count(),
            false => 0,
        };
        let found = memchr::memchr(self.encoding.delimiter(), rest.get(leading..).unwrap_or_default());
        match found {
            Some(at) => return message(from + leading + at + 1),
            None if bytes.len() >= LONGEST => {
                return Step::Skipped(at_least_one(bytes.len()), Code::PayloadTooLong);
            }
            None => {}
        }
        searched.bytes = bytes.len();
        let is_empty = from + leading == bytes.len() && !is_begun;
        match input.last {
            true if is_empty => message(bytes.len()),
            true => Step::Partial(at_least_one(bytes.len())),
            false => Step::NeedMore(at_least_one(1)),
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let (start, end) = encoded(self.encoding, message);
        let bytes = |from: usize, to: usize| message.get(from..to).unwrap_or_default();
        let is_empty = start == end;
        visit.kind(Kind::new(u64::from(is_empty), Some(if is_empty { "EMPTY" } else { "FRAME" })));
        if start > 0 {
            visit.field("leading", 0..start, Value::Bytes(bytes(0, start).into()));
        }
        if !is_empty {
            let frame = bytes(start, end);
            let is_whole = end < message.len();
            let shown = match self.encoding.is_lines() {
                true => Value::utf8(frame),
                false => Value::Bytes(frame.into()),
            };
            visit.field("frame", start..end, shown);
            match self.encoding.decode(frame) {
                Ok(data) if is_whole => {
                    let (count, taken) = (data.len(), frame.len());
                    visit.field("data", start..end, Value::Bytes(Cow::Owned(data)));
                    visit.summary(format_args!("{count} byte{} in {taken}", plural(count)));
                }
                Err(wrong) if is_whole => {
                    let at = start + wrong.at().min(frame.len().saturating_sub(1));
                    visit.problem(Code::UnpackingFailed, at..at + 1, format_args!("{wrong}"));
                    visit.summary(format_args!("{} bytes, damaged", frame.len()));
                }
                // The rest of it may be what is missing.
                _ => {}
            }
        }
        if end < message.len() {
            visit.field("delimiter", end..message.len(), Value::Bytes(bytes(end, message.len()).into()));
        }
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let given = |name| message.field(name).and_then(|field| field.value.as_bytes());
        if message.field("frame").is_none()
            && message.field("data").is_none()
            && message.field("leading").is_none()
        {
            bytes_of(message, "delimiter")?;
        }
        out.extend_from_slice(given("leading").unwrap_or_default());
        match (given("frame"), given("data")) {
            (Some(frame), _) => out.extend_from_slice(frame),
            (None, Some(data)) => self.encoding.encode(data, out),
            (None, None) => {}
        }
        match given("delimiter") {
            Some(delimiter) => out.extend_from_slice(delimiter),
            None if message.field("leading").is_some() && given("frame").is_none() => {}
            None => out.push(self.encoding.delimiter()),
        }
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// Only a channel: messages do not depend on each other.
#[derive(Clone)]
struct Delimited {
    encoding: Encoding,
    channel: Only,
}

impl Conversation for Delimited {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn stage(&self, _: Role) -> u16 {
        0
    }

    fn continue_in(&mut self, _: Role, _: u16) {}

    fn begins_inside(&mut self, _: Role) {
        self.channel.about_mut().begins_inside = true;
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => {
                let bytes = message.bytes();
                let (start, end) = encoded(self.encoding, bytes);
                if start == end {
                    return;
                }
                // The row says what is wrong.
                match self.encoding.decode(bytes.get(start..end).unwrap_or_default()) {
                    Ok(data) if message.is_whole() => {
                        self.channel.bytes(role, &data, to);
                        self.channel.end_message(role, to);
                    }
                    _ => self.channel.lost(role, u64::try_from(end - start).unwrap_or(1), to),
                }
            }
            Passage::Lost(length) => self.channel.lost(role, length, to),
            Passage::End => self.channel.end(role, to),
        }
    }
}
