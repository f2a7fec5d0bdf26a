//! What the rule itself reads of a message: its length, its marks, as the language has them, and what is left without it.

use std::ops::Range;

use super::fields::{self, linear};
use super::names::Names;
use super::yaml::{Attribute, Document, Structure, list, quoted};
use crate::Message;
use crate::framing::{Enclosed, Encoding, Headers, LengthField, Lines, Rule, Values, Word};

/// Where the length field is, if that is the same in all messages.
pub(crate) fn fixed_length(rule: &Rule) -> Option<Range<usize>> {
    let Rule::Length(field) = rule else { return Some(0..0) };
    let is_fixed =
        matches!(field.encoding, Encoding::Integer { .. } | Encoding::Digits(_) | Encoding::HexDigits(_));
    is_fixed.then(|| field.offset..field.offset + field.encoding.width())
}

/// How many bytes come before what the rule reads.
pub(super) fn before(rule: &Rule) -> usize {
    match rule {
        Rule::Length(field) => field.offset,
        _ => 0,
    }
}

/// How many bytes the length field has, at least.
pub(super) fn length_width(rule: &Rule) -> usize {
    match rule {
        Rule::Length(field) => field.encoding.width(),
        _ => 0,
    }
}

/// A message without what the rule reads.
pub(super) fn without(rule: &Rule, bytes: &[u8]) -> Vec<u8> {
    match rule {
        Rule::Length(field) => {
            let width = field.width_in(bytes).unwrap_or(0);
            let (before, after) = (bytes.get(..field.offset), bytes.get(field.offset + width..));
            [before.unwrap_or(bytes), after.unwrap_or_default()].concat()
        }
        Rule::Terminator(end) => bytes.strip_suffix(end.as_slice()).unwrap_or(bytes).to_vec(),
        Rule::Magic(magic) => bytes.strip_prefix(magic.as_slice()).unwrap_or(bytes).to_vec(),
        Rule::Enclosed(Enclosed { start, end, after, .. }) => {
            let to = bytes.len().saturating_sub(end.len() + after);
            bytes.get(start.len()..to).unwrap_or_default().to_vec()
        }
        _ => bytes.to_vec(),
    }
}

pub(super) fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| !c.is_control() || c == '\t' || c == '\r' || c == '\n'))
}

/// Adds what the rule reads.
pub(super) fn length(
    rule: &Rule,
    messages: &[Message<'_>],
    into: &mut Structure,
    names: &mut Names,
    document: &mut Document,
) {
    match rule {
        Rule::Magic(magic) => {
            into.fields.push(Attribute::new(names.unique("magic")).with("contents", list(magic)))
        }
        Rule::Enclosed(Enclosed { start, .. }) if !start.is_empty() => {
            into.fields.push(Attribute::new(names.unique("start")).with("contents", list(start)))
        }
        Rule::Length(field) => length_field(field, messages, into, document),
        _ => {}
    }
}

/// A message of which nothing is known but where its length is, and its first bytes. If those are of the length, it is read again.
pub(super) fn counted_message(field: &LengthField, known: usize, document: &mut Document) -> Structure {
    let mut structure = Structure::default();
    if known > field.offset {
        let Encoding::Integer { width, is_little, .. } = field.encoding else { return structure };
        let suffix = if is_little && width > 1 { "le" } else { "" };
        structure.peeks.push(("length", "0", format!("u{width}{suffix}")));
        let body =
            linear("length", field.unit, field.beyond + i64::from(width) - i64::try_from(known).unwrap_or(0));
        structure.fields.push(Attribute::new("body").with("size", quoted(&body)));
        return structure;
    }
    if field.offset > known {
        structure.fields.push(Attribute::new("head").with("size", (field.offset - known).to_string()));
    }
    length_field(field, &[], &mut structure, document);
    structure.fields.push(Attribute::new("body").with("size", quoted(&counted(field, 0))));
    structure
}

fn length_field(
    field: &LengthField,
    messages: &[Message<'_>],
    into: &mut Structure,
    document: &mut Document,
) {
    let length = || Attribute::new("length");
    let doc = field.to_string();
    match field.encoding {
        Encoding::Integer { width, is_little, bits } => {
            let suffix = if is_little && width > 1 { "le" } else { "" };
            let of_type = match width {
                1 | 2 | 4 | 8 => format!("u{width}{suffix}"),
                width => format!("b{}{suffix}", u32::from(width) * 8),
            };
            into.fields.push(length().with("type", of_type).doc(doc));
            let value = match bits < width * 8 {
                true => format!("length & 0x{:x}", (1u64 << bits) - 1),
                false => return,
            };
            into.instances.push(("counted".to_owned(), value));
        }
        Encoding::Leb128 | Encoding::Vlq => {
            let name = document.varint(field.encoding == Encoding::Leb128);
            into.fields.push(length().with("type", name).doc(doc));
            into.instances.push(("counted".to_owned(), "length.value".to_owned()));
        }
        Encoding::Ber => {
            into.fields.push(length().with("type", "u1").doc(doc));
            let cases = "{switch-on: length, cases: {0x81: u1, 0x82: u2, 0x83: b24, 0x84: u4}}";
            into.fields.push(Attribute::new("long_length").with("type", cases).with("if", "length >= 0x80"));
            into.instances.push(("counted".to_owned(), "length < 0x80 ? length : long_length".to_owned()));
        }
        Encoding::WebSocket => {
            into.fields.push(Attribute::new("is_masked").with("type", "b1"));
            into.fields.push(length().with("type", "b7").doc(doc));
            let cases = "{switch-on: length, cases: {126: u2, 127: u8}}";
            into.fields.push(Attribute::new("long_length").with("type", cases).with("if", "length >= 126"));
            into.fields.push(Attribute::new("mask").with("size", "4").with("if", "is_masked"));
            into.instances.push(("counted".to_owned(), "length < 126 ? length : long_length".to_owned()));
        }
        Encoding::Flagged { flag, wide } => {
            let before = match into.fields.last() {
                Some(field) if field.id == "kind" => "kind.to_i",
                _ => "flags",
            };
            let of_type = format!(
                "{{switch-on: '({before} & 0x{flag:02x}) != 0', cases: {{true: u{wide}, false: u1}}}}"
            );
            into.fields.push(length().with("type", of_type).doc(doc));
        }
        Encoding::Decimal | Encoding::Hexadecimal => {
            let end = fields::terminator(&delimiter(field, messages));
            let text = length().with("type", "str").with("encoding", "ASCII").with("terminator", end);
            into.fields.push(text.doc(doc));
            let base = if field.encoding == Encoding::Decimal { 10 } else { 16 };
            into.instances.push(("counted".to_owned(), format!("length.to_i({base})")));
        }
        Encoding::Digits(count) | Encoding::HexDigits(count) => {
            let text = length().with("type", "str").with("encoding", "ASCII").with("size", count.to_string());
            into.fields.push(text.doc(doc));
            let base = if matches!(field.encoding, Encoding::Digits(_)) { 10 } else { 16 };
            into.instances.push(("counted".to_owned(), format!("length.to_i({base})")));
        }
    }
}

/// What follows the digits of a length.
fn delimiter(field: &LengthField, messages: &[Message<'_>]) -> Vec<u8> {
    let of = |message: &Message<'_>| {
        let width = field.width_in(message.bytes)?;
        let digits = message.bytes.get(field.offset..field.offset + width)?;
        let end = digits.iter().position(|byte| !byte.is_ascii_hexdigit())?;
        digits.get(end..).map(<[u8]>::to_vec)
    };
    messages.iter().find_map(of).unwrap_or_else(|| vec![b' '])
}

/// The expression for how many bytes follow, `after` bytes after the length field.
pub(super) fn counted(field: &LengthField, after: usize) -> String {
    let value = match field.encoding {
        Encoding::Integer { width, bits, .. } if bits == width * 8 => "length",
        Encoding::Flagged { .. } => "length",
        _ => "counted",
    };
    let counted = linear(value, field.unit, field.beyond - i64::try_from(after).unwrap_or(i64::MAX));
    if field.is_alone_at_zero() { format!("{value} == 0 ? 0 : {counted}") } else { counted }
}

pub(crate) fn evidence(rule: &Rule) -> String {
    match rule {
        Rule::Segment => "each segment or datagram is one message".to_owned(),
        Rule::Fixed(size) => format!("each message has {size} bytes"),
        Rule::Length(field) => field.to_string(),
        Rule::Terminator(end) => format!("each message ends with {}", list(end)),
        Rule::Enclosed(Enclosed { start, end, is_doubled, after }) => {
            let start =
                if start.is_empty() { String::new() } else { format!("begins with {} and ", list(start)) };
            let doubled = if *is_doubled { ", of whose bytes the first is doubled in between" } else { "" };
            let after = if *after > 0 { format!("; {after} bytes more follow") } else { String::new() };
            format!("each message {start}ends with {}{doubled}{after}", list(end))
        }
        Rule::Lines(lines) => of_lines(lines),
        Rule::Headers(Headers { length, close, .. }) => {
            let length = length.as_ref().map(|name| {
                format!(" and as many bytes as the header {} says", String::from_utf8_lossy(name))
            });
            let close = close.map(|close| format!(", then 0x{close:02x}")).unwrap_or_default();
            format!("each message has headers, an empty line{}{close}", length.unwrap_or_default())
        }
        Rule::Value(values) => format!(
            "each message is a value of {}",
            match values {
                Values::Resp => "RESP, as Redis speaks it",
                Values::MessagePack => "MessagePack",
                Values::Cbor => "CBOR",
            }
        ),
        Rule::Magic(magic) => {
            format!("each message begins with {}, and ends where the next begins", list(magic))
        }
        Rule::Kind { at, .. } => format!("byte {at} says how long the message is, by a table"),
    }
}

fn of_lines(lines: &Lines) -> String {
    let mut said = format!("each message is a line that ends with {}", list(&lines.end));
    if let Some(mark) = lines.mark {
        let byte = char::from(mark.byte);
        said.push_str(&format!("; \"{byte}\" after {} bytes says that the next line belongs to it", mark.at));
    }
    for (word, follow) in &lines.words {
        let word = String::from_utf8_lossy(word);
        let line = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
        match follow.counted {
            Some(Word::At(at)) => {
                said.push_str(&format!("; after {word}, its word {at} counts bytes that follow"))
            }
            Some(Word::Last) => {
                said.push_str(&format!("; after {word}, its last word counts bytes that follow"))
            }
            None => {}
        }
        if let Some(last) = &follow.through {
            said.push_str(&format!("; after {word}, lines follow up to \"{}\"", line(last)));
        }
        if let Some(last) = &follow.apart {
            said.push_str(&format!("; the message after {word} ends with the line \"{}\"", line(last)));
        }
    }
    said
}
