//! The fields of a record, as far as they show without its keys.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use framescope_parser::{CAPTURED, Kind, Names, Value};

use super::codes::FATAL_ALERT;
use super::cursor::{Cursor, Visitor, group};
use super::joiner::header;
use super::messages::{HEAD, Summary, field_names, fields};
use super::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, HEARTBEAT};
use super::{CONTINUED, PROTECTED, names};

/// What a record holds, as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contents {
    Handshake,
    /// The rest of a handshake message.
    Rest,
    Alert,
    ChangeCipherSpec,
    Heartbeat,
    Encrypted,
}

fn contents(content_type: u8, length: usize, stage: u16) -> Contents {
    match content_type {
        HANDSHAKE if stage == CONTINUED => Contents::Rest,
        HANDSHAKE if stage != PROTECTED => Contents::Handshake,
        ALERT if length == 2 => Contents::Alert,
        CHANGE_CIPHER_SPEC if length == 1 => Contents::ChangeCipherSpec,
        HEARTBEAT if stage != PROTECTED => Contents::Heartbeat,
        _ => Contents::Encrypted,
    }
}

/// The fields of a record.
pub(crate) fn record<'a>(message: &'a [u8], stage: u16, visit: &mut Visitor<'_, 'a>) {
    let mut cursor = Cursor::new(message, 0..message.len());
    let Some(kind) = cursor.named8("content_type", names::content_type, visit) else { return };
    visit.kind(kind);
    if cursor.named16("version", names::version, visit).is_none() {
        return;
    }
    let Some(length) = cursor.unsigned("length", 2, visit) else { return };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let content_type = u8::try_from(kind.value).unwrap_or(0);
    let contents = contents(content_type, length, stage);
    let fragment = cursor.bytes();
    visit.summary(format_args!("{}", Words { contents, content_type, fragment }));
    if cursor.is_empty() {
        return;
    }
    match contents {
        Contents::Handshake => handshakes(&mut cursor, visit),
        Contents::Rest => cursor.rest("fragment", visit),
        Contents::Alert => alert(&mut cursor, visit),
        Contents::ChangeCipherSpec => drop(cursor.unsigned("change_cipher_spec", 1, visit)),
        Contents::Heartbeat => heartbeat(&mut cursor, visit),
        Contents::Encrypted => cursor.rest("encrypted", visit),
    }
}

/// The kind and the problems of a record. What is encrypted has none that show.
#[inline]
pub(crate) fn outline<'a>(message: &'a [u8], stage: u16, visit: &mut Visitor<'_, 'a>) {
    let Some(&content_type) = message.first() else { return };
    let length = message.len().saturating_sub(HEADER);
    if content_type == APPLICATION_DATA || contents(content_type, length, stage) == Contents::Encrypted {
        return visit.kind(Kind::new(content_type.into(), names::content_type(content_type)));
    }
    record(message, stage, visit);
}

/// The handshake messages in a record; the last one may go on in the next.
fn handshakes<'a>(cursor: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) {
    while !cursor.is_empty() {
        let Some((_, length)) = header(cursor.bytes()) else {
            return cursor.rest("fragment", visit);
        };
        let count = (HEAD + length).min(cursor.range().len());
        let Some(mut one) = cursor.take(count) else { return };
        if count < HEAD + length {
            visit.begin("fragment", one.range(), Value::Bytes(Cow::Borrowed(one.bytes())));
            let _ = one.named8("type", names::handshake, visit);
            let _ = one.unsigned("length", 3, visit);
            visit.end();
            return;
        }
        group("handshake", one.range(), visit, |visit| fields(&mut one, visit));
    }
}

fn alert<'a>(cursor: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) {
    let range = cursor.range();
    group("alert", range.clone(), visit, |visit| {
        let level = cursor.named8("level", names::alert_level, visit)?;
        let description = cursor.named8("description", names::alert, visit)?;
        if level.value == 2 {
            let text = format_args!("the sender gives up the connection: {description}");
            visit.problem(FATAL_ALERT, range, text);
        }
        Some(())
    });
}

fn heartbeat<'a>(cursor: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) {
    group("heartbeat", cursor.range(), visit, |visit| {
        cursor.named8("type", names::heartbeat, visit)?;
        let length = cursor.unsigned("payload_length", 2, visit)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        cursor.opaque("payload", length.min(cursor.range().len()), visit)?;
        if !cursor.is_empty() {
            cursor.rest("padding", visit);
        }
        Some(())
    });
}

/// All names that a record may show.
pub(crate) fn names() -> Names {
    static ALL: OnceLock<Names> = OnceLock::new();
    ALL.get_or_init(all_names).clone()
}

fn all_names() -> Names {
    const FIELDS: [&str; 20] = [
        "content_type",
        "version",
        "length",
        "handshake",
        "fragment",
        "fragment.type",
        "fragment.length",
        "alert",
        "alert.level",
        "alert.description",
        "change_cipher_spec",
        "heartbeat",
        "heartbeat.type",
        "heartbeat.payload_length",
        "heartbeat.payload",
        "heartbeat.padding",
        "encrypted",
        "handshake.type",
        "handshake.length",
        "handshake.data",
    ];
    let mut fields: Vec<String> = FIELDS.iter().map(|&name| name.into()).collect();
    fields.extend(field_names("handshake."));
    fields.sort_unstable();
    fields.dedup();
    let kinds = (20..=24).filter_map(names::content_type).map(Into::into).collect();
    Names { fields, anywhere: vec![CAPTURED.into()], kinds, verbatim: false }
}

/// A record in a few words.
struct Words<'a> {
    contents: Contents,
    content_type: u8,
    fragment: &'a [u8],
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.contents {
            Contents::Handshake => self.handshakes(f),
            Contents::Rest => write!(f, "{} bytes that continue a handshake message", self.fragment.len()),
            Contents::Alert => {
                let description = self.fragment.get(1).copied().unwrap_or_default();
                f.write_str(names::alert(description).unwrap_or("unknown alert"))
            }
            Contents::ChangeCipherSpec => Ok(()),
            Contents::Heartbeat => {
                let kind = self.fragment.first().copied().and_then(names::heartbeat);
                f.write_str(kind.unwrap_or("unknown"))
            }
            Contents::Encrypted if self.content_type == APPLICATION_DATA => {
                write!(f, "{} bytes encrypted", self.fragment.len())
            }
            Contents::Encrypted => f.write_str("encrypted"),
        }
    }
}

impl Words<'_> {
    fn handshakes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.fragment;
        let mut first = true;
        while let Some((kind, length)) = header(rest) {
            let end = (HEAD + length).min(rest.len());
            let contents = rest.get(HEAD..end).unwrap_or_default();
            let and = if std::mem::take(&mut first) { "" } else { "; " };
            write!(f, "{and}{}", Summary { kind, contents })?;
            rest = rest.get(end..).unwrap_or_default();
        }
        if first { write!(f, "{} bytes of a handshake message", rest.len()) } else { Ok(()) }
    }
}
