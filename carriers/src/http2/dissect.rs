//! The fields of a frame, as far as its own bytes show them: what earlier header blocks define is not known here.

use std::borrow::Cow;
use std::ops::Range;

use framescope_parser::{Kind, Value, Visit};

use super::codes;
use super::frame::{self, Header, Type};
use super::hpack::{Name, Representation, Representations, static_entry};
use crate::preview::Preview;

/// The number of the preface as a kind of message: its first letters.
const PREFACE_KIND: u64 = 0x50_5249;

/// Reports a preface or a frame.
pub(crate) fn report<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    if message.starts_with(b"PRI") && frame::PREFACE.starts_with(message) {
        visit.kind(Kind::new(PREFACE_KIND, Some("PREFACE")));
        visit.field("preface", 0..message.len(), Value::utf8(message));
        visit.summary(format_args!("a client speaks HTTP/2"));
        return;
    }
    let Some(header) = Header::parse(message) else { return };
    let kind = Kind::new(header.kind.0.into(), header.kind.name());
    visit.kind(kind);
    visit.field("length", 0..3, number(header.length));
    visit.field("type", 3..4, Value::Enum(kind));
    let flags = frame::flags(header.kind);
    if flags.is_empty() {
        visit.field("flags", 4..5, Value::Hex(header.flags.into()));
    } else {
        visit.begin("flags", 4..5, Value::Hex(header.flags.into()));
        for &(flag, name) in flags {
            visit.field(name, 4..5, Value::Bool(header.has(flag)));
        }
        visit.end();
    }
    visit.field("stream", 5..9, Value::Unsigned(header.stream.into()));
    wrongs(&header, visit);
    let payload = message.get(frame::HEADER..).unwrap_or_default();
    if !payload.is_empty() {
        visit.begin("payload", frame::HEADER..message.len(), Value::Group);
        Payload { message, at: frame::HEADER, end: message.len(), header, visit }.report();
        visit.end();
    }
    summary(&header, message, visit);
}

/// What is wrong with the header of a frame.
fn wrongs<'a>(header: &Header, visit: &mut dyn Visit<'a>) {
    let Some(name) = header.kind.name() else {
        let text = format_args!(
            "type {:#04x} is not known here; whoever does not know it ignores it",
            header.kind.0
        );
        return visit.problem(codes::UNKNOWN_FRAME, 3..4, text);
    };
    if !header.fits() {
        let text = format_args!("a {name} frame can't have a payload of {} bytes", header.length);
        visit.problem(codes::FRAME_SIZE, 0..3, text);
    }
    if !header.is_on_its_stream() {
        let text = match header.stream {
            0 => format_args!("a {name} frame belongs to a stream, and is on stream 0, the connection"),
            _ => format_args!("a {name} frame belongs to the connection, and is on a stream"),
        };
        visit.problem(codes::WRONG_STREAM, 5..9, text);
    }
}

fn number(n: usize) -> Value<'static> {
    Value::Unsigned(u64::try_from(n).unwrap_or(u64::MAX))
}

/// Where the data of a frame is in it, without its padding, if that is there: of the types that can be padded.
pub(crate) fn unpadded(header: &Header, length: usize, pad_length: Option<u8>) -> Option<Range<usize>> {
    if !header.has(frame::PADDED) {
        return Some(frame::HEADER..length);
    }
    let begin = frame::HEADER + 1;
    let end = length.checked_sub(usize::from(pad_length?)).filter(|&end| end >= begin)?;
    Some(begin..end)
}

/// The payload of a frame, whose fields follow each other.
struct Payload<'a, 'v> {
    message: &'a [u8],
    at: usize,
    end: usize,
    header: Header,
    visit: &'v mut dyn Visit<'a>,
}

impl<'a> Payload<'a, '_> {
    fn report(mut self) {
        match self.header.kind {
            Type::DATA => self.padded(|payload| payload.rest("data")),
            Type::HEADERS => self.padded(|payload| {
                if payload.header.has(frame::PRIORITY) {
                    payload.priority();
                }
                payload.block();
            }),
            Type::PUSH_PROMISE => self.padded(|payload| {
                payload.stream("promised_stream");
                payload.block();
            }),
            // Where in the block it continues is not known.
            Type::CONTINUATION => self.rest("fragment"),
            Type::PRIORITY => self.priority(),
            Type::RST_STREAM => self.error_code(),
            Type::SETTINGS => self.settings(),
            Type::PING => self.rest("opaque"),
            Type::GOAWAY => {
                self.stream("last_stream");
                self.error_code();
                self.rest("debug_data");
            }
            Type::WINDOW_UPDATE => self.window_update(),
            Type::ALTSVC => self.alternative(),
            Type::ORIGIN => self.origins(),
            Type::PRIORITY_UPDATE => {
                self.stream("prioritized_stream");
                self.text("priority");
            }
            _ => {}
        }
        self.rest("rest");
    }

    /// The next bytes, if there are so many.
    fn take<const N: usize>(&mut self) -> Option<([u8; N], Range<usize>)> {
        let range = self.at..self.at.checked_add(N).filter(|&end| end <= self.end)?;
        let bytes = *self.message.get(range.clone())?.first_chunk()?;
        self.at = range.end;
        Some((bytes, range))
    }

    /// All that is left, as bytes.
    fn rest(&mut self, name: &'a str) {
        let bytes = self.message.get(self.at..self.end).unwrap_or_default();
        if !bytes.is_empty() {
            self.visit.field(name, self.at..self.end, Value::Bytes(Cow::Borrowed(bytes)));
        }
        self.at = self.end;
    }

    fn text(&mut self, name: &'a str) {
        let bytes = self.message.get(self.at..self.end).unwrap_or_default();
        if !bytes.is_empty() {
            self.visit.field(name, self.at..self.end, Value::utf8(bytes));
        }
        self.at = self.end;
    }

    /// What is between the length of the padding and the padding.
    fn padded(&mut self, inside: impl FnOnce(&mut Self)) {
        let end = self.end;
        if self.header.has(frame::PADDED) {
            let Some(([length], range)) = self.take() else { return };
            self.visit.field("pad_length", range.clone(), Value::Unsigned(length.into()));
            match unpadded(&self.header, end, Some(length)) {
                Some(data) => self.end = data.end,
                None => {
                    let text = format_args!("{length} bytes of padding do not fit in the payload");
                    self.visit.problem(codes::PADDING_OVERRUN, range, text);
                    return;
                }
            }
        }
        inside(self);
        let padding = self.message.get(self.end..end).unwrap_or_default();
        if !padding.is_empty() {
            self.visit.field("padding", self.end..end, Value::Bytes(Cow::Borrowed(padding)));
        }
        (self.at, self.end) = (end, end);
    }

    fn stream(&mut self, name: &'a str) {
        if let Some((bytes, range)) = self.take() {
            self.visit.field(name, range, Value::Unsigned((u32::from_be_bytes(bytes) & 0x7fff_ffff).into()));
        }
    }

    fn priority(&mut self) {
        let Some((bytes, range)) = self.take() else { return };
        let word = u32::from_be_bytes(bytes);
        self.visit.field("exclusive", range.start..range.start + 1, Value::Bool(word >> 31 != 0));
        self.visit.field("depends_on", range, Value::Unsigned((word & 0x7fff_ffff).into()));
        if let Some(([weight], range)) = self.take() {
            self.visit.field("weight", range, Value::Unsigned(u64::from(weight) + 1));
        }
    }

    fn error_code(&mut self) {
        if let Some((bytes, range)) = self.take() {
            let code = u32::from_be_bytes(bytes);
            self.visit.field(
                "error_code",
                range,
                Value::Enum(Kind::new(code.into(), frame::error_code(code))),
            );
        }
    }

    fn settings(&mut self) {
        while let Some(([i0, i1, v0, v1, v2, v3], range)) = self.take() {
            let (identifier, value) = (u16::from_be_bytes([i0, i1]), u32::from_be_bytes([v0, v1, v2, v3]));
            match frame::setting(identifier) {
                Some(name) => self.visit.field(name, range.clone(), Value::Unsigned(value.into())),
                None => {
                    let value_range = range.start + 2..range.end;
                    self.visit.begin("setting", range.clone(), Value::Group);
                    self.visit.field(
                        "identifier",
                        range.start..range.start + 2,
                        Value::Hex(identifier.into()),
                    );
                    self.visit.field("value", value_range, Value::Unsigned(value.into()));
                    self.visit.end();
                }
            }
            let allowed = match identifier {
                2 | 8 | 9 => 0..=1,
                4 => 0..=0x7fff_ffff,
                5 => 1 << 14..=(1 << 24) - 1,
                _ => 0..=u32::MAX,
            };
            if !allowed.contains(&value) {
                let text = format_args!("{value} is not one of {} to {}", allowed.start(), allowed.end());
                self.visit.problem(codes::SETTING_VALUE, range, text);
            }
        }
    }

    fn window_update(&mut self) {
        let Some((bytes, range)) = self.take() else { return };
        let increment = u32::from_be_bytes(bytes) & 0x7fff_ffff;
        self.visit.field("increment", range.clone(), Value::Unsigned(increment.into()));
        if increment == 0 {
            self.visit.problem(
                codes::ZERO_INCREMENT,
                range,
                format_args!("the increment must be at least 1"),
            );
        }
    }

    /// A text after its length.
    fn counted(&mut self, length_name: &'a str, name: &'a str) -> Option<()> {
        let (bytes, range) = self.take()?;
        let length = usize::from(u16::from_be_bytes(bytes));
        self.visit.field(length_name, range, number(length));
        let range = self.at..self.at.checked_add(length).filter(|&end| end <= self.end)?;
        self.visit.field(name, range.clone(), Value::utf8(self.message.get(range.clone())?));
        self.at = range.end;
        Some(())
    }

    fn alternative(&mut self) {
        if self.counted("origin_length", "origin").is_some() {
            self.text("alternatives");
        }
    }

    fn origins(&mut self) {
        while self.counted("origin_length", "origin").is_some() {}
    }

    /// The header fields of a block, as they are encoded.
    fn block(&mut self) {
        let base = self.at;
        let block = self.message.get(base..self.end).unwrap_or_default();
        let mut fields = Representations::of(block);
        let place = |range: Range<usize>| base + range.start..base + range.end;
        self.visit.begin("headers", base..self.end, Value::Group);
        let mut fault = None;
        for one in &mut fields {
            match one.and_then(|(range, one)| Ok((range, shown(&one)?))) {
                Ok((range, shown)) => shown.report(place(range), self.visit),
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            }
        }
        self.visit.end();
        self.at = base + fields.at();
        if let Some(fault) = fault {
            let is_complete = self.header.has(frame::END_HEADERS)
                && self.message.len() == frame::HEADER + self.header.length;
            if is_complete {
                let text = format_args!("the header fields can't be read from here on: {fault}");
                self.visit.problem(codes::HEADER_BLOCK, self.at.min(self.end)..self.end, text);
            }
            self.rest("fragment");
        }
    }
}

/// A header field as its own bytes show it.
enum Shown<'a> {
    /// Known, and the name and the value.
    Field(Cow<'a, str>, Cow<'a, [u8]>),
    /// An entry of the table, and the value if that is not from there.
    Entry(usize, Option<Cow<'a, [u8]>>),
    TableSize(usize),
}

fn shown<'a>(one: &Representation<'a>) -> Result<Shown<'a>, super::hpack::Fault> {
    Ok(match *one {
        Representation::TableSize(size) => Shown::TableSize(size),
        Representation::Indexed(index) => match static_entry(index) {
            Some((name, value)) => Shown::Field(Cow::Borrowed(name), Cow::Borrowed(value.as_bytes())),
            None => Shown::Entry(index, None),
        },
        Representation::Literal { name, value, .. } => {
            let value = value.decoded()?;
            match name {
                Name::Literal(text) => {
                    let name = text.decoded()?;
                    Shown::Field(String::from_utf8_lossy(&name).into_owned().into(), value)
                }
                Name::Index(index) => match static_entry(index) {
                    Some((name, _)) => Shown::Field(Cow::Borrowed(name), value),
                    None => Shown::Entry(index, Some(value)),
                },
            }
        }
    })
}

impl<'a> Shown<'a> {
    fn report(self, range: Range<usize>, visit: &mut dyn Visit<'a>) {
        let value_of = |value: Cow<'a, [u8]>| match value {
            Cow::Borrowed(bytes) => Value::utf8(bytes),
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Value::Text(Cow::Owned(text)),
                Err(error) => Value::Bytes(Cow::Owned(error.into_bytes())),
            },
        };
        match self {
            Shown::TableSize(size) => visit.field("table_size", range, number(size)),
            Shown::Field(name, value) => {
                visit.begin("header", range.clone(), Value::Group);
                visit.field("name", range.clone(), Value::Text(name));
                visit.field("value", range, value_of(value));
                visit.end();
            }
            Shown::Entry(index, value) => {
                visit.begin("header", range.clone(), Value::Group);
                visit.field("entry", range.clone(), number(index));
                if let Some(value) = value {
                    visit.field("value", range, value_of(value));
                }
                visit.end();
            }
        }
    }
}

fn summary<'a>(header: &Header, message: &'a [u8], visit: &mut dyn Visit<'a>) {
    let is_ack = matches!(header.kind, Type::SETTINGS | Type::PING) && header.has(frame::ACK);
    let ends = matches!(header.kind, Type::DATA | Type::HEADERS) && header.has(frame::END_STREAM);
    let end = if is_ack {
        ", acknowledged"
    } else if ends {
        ", the last of its stream"
    } else {
        ""
    };
    let word = |at: usize| {
        message
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map(|bytes| u32::from_be_bytes(*bytes))
            .unwrap_or(0)
    };
    let stream = header.stream;
    match header.kind {
        Type::RST_STREAM => {
            visit.summary(format_args!("stream {stream}: {}", ErrorCode(word(frame::HEADER))))
        }
        Type::GOAWAY => {
            let last = word(frame::HEADER) & 0x7fff_ffff;
            visit.summary(format_args!("after stream {last}: {}", ErrorCode(word(frame::HEADER + 4))));
        }
        Type::WINDOW_UPDATE => {
            visit.summary(format_args!("stream {stream}: {} bytes more", word(frame::HEADER) & 0x7fff_ffff));
        }
        Type::SETTINGS => {
            let count = header.length / 6;
            let plural = if count == 1 { "" } else { "s" };
            visit.summary(format_args!("{count} parameter{plural}{end}"));
        }
        Type::PRIORITY => {
            let weight = message.get(frame::HEADER + 4).copied().map_or(0, |weight| u32::from(weight) + 1);
            let parent = word(frame::HEADER) & 0x7fff_ffff;
            visit.summary(format_args!("stream {stream}: depends on {parent}, weight {weight}"));
        }
        Type::HEADERS | Type::PUSH_PROMISE => match first_line(header, message) {
            Some(line) => visit.summary(format_args!("stream {stream}: {line}{end}")),
            None => visit.summary(format_args!("stream {stream}: {} bytes{end}", header.length)),
        },
        _ if stream == 0 => visit.summary(format_args!("{} bytes{end}", header.length)),
        _ => visit.summary(format_args!("stream {stream}: {} bytes{end}", header.length)),
    }
}

/// What a block says in a few words, as far as its own bytes show: `GET /path`, or a status.
fn first_line(header: &Header, message: &[u8]) -> Option<String> {
    let pad_length = message.get(frame::HEADER).copied();
    let range = unpadded(header, message.len(), pad_length)?;
    let skipped = match header.kind {
        Type::PUSH_PROMISE => 4,
        _ if header.has(frame::PRIORITY) => 5,
        _ => 0,
    };
    let block = message.get(range.start.checked_add(skipped)?..range.end)?;
    let (mut method, mut rest) = (None, None);
    for one in Representations::of(block) {
        let Ok((_, one)) = one else { break };
        let Ok(Shown::Field(name, value)) = shown(&one) else { continue };
        match &*name {
            ":method" => method = Some(value),
            ":path" | ":status" => rest = Some(value),
            _ => {}
        }
    }
    let text = |value: Option<Cow<'_, [u8]>>| value.map(|value| Preview(&value).to_string());
    match (text(method), text(rest)) {
        (Some(method), Some(rest)) => Some(format!("{method} {rest}")),
        (None, Some(one)) | (Some(one), None) => Some(one),
        (None, None) => None,
    }
}

/// An error code in words.
struct ErrorCode(u32);

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match frame::error_code(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "error {:#x}", self.0),
        }
    }
}
