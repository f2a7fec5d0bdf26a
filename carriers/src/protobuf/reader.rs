//! Reports the fields of a message: by its schema where it has one, and what that does not know by the numbers alone.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use framescope_parser::{Code, Kind as Named, Value, Visit};

use super::codes;
use super::schema::{Field as Described, Kind, Schema};
use super::wire::{self, Field, Wire};
use crate::shown::Shown;

/// How deep messages are in messages; what is deeper is shown as bytes.
const MAX_DEPTH: usize = 48;
/// How many fields are shown of a message, with those in it: what unpacks to very many must not take as much memory.
const MAX_FIELDS: usize = 1 << 17;
/// So many fields are named in a summary, each up to so many characters.
const SUMMARY: (usize, usize) = (4, 32);

/// Reads one message.
pub(crate) struct Reader<'r, 'a, 'c> {
    schema: Option<&'a Schema>,
    content: Shown<'a, 'c>,
    visit: &'r mut dyn Visit<'a>,
    summary: String,
    /// How many fields are in the summary.
    summed: usize,
    /// How many more may be shown.
    left: usize,
}

/// Reports a message, of a type of a schema if that is known. Returns its summary.
pub(crate) fn read<'a>(
    of: Option<(&'a Schema, usize)>,
    content: Shown<'a, '_>,
    visit: &mut dyn Visit<'a>,
) -> String {
    let end = content.bytes().len();
    let schema = of.map(|(schema, _)| schema);
    let mut reader = Reader { schema, content, visit, summary: String::new(), summed: 0, left: MAX_FIELDS };
    reader.message(of.map(|(_, message)| message), 0..end, 0);
    reader.summary
}

impl<'a> Reader<'_, 'a, '_> {
    fn range(&self, range: &Range<usize>) -> Range<usize> {
        self.content.place(range.clone())
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.content.bytes().get(range.clone()).unwrap_or_default()
    }

    fn bytes_value(&self, range: &Range<usize>) -> Value<'a> {
        match &self.content {
            Shown::AsItIs(bytes, _) => {
                Value::Bytes(Cow::Borrowed(bytes.get(range.clone()).unwrap_or_default()))
            }
            Shown::Unpacked(..) => Value::Bytes(Cow::Owned(self.bytes(range).to_vec())),
        }
    }

    fn message(&mut self, message: Option<usize>, range: Range<usize>, depth: usize) {
        let known = self.schema.zip(message).and_then(|(schema, message)| schema.messages.get(message));
        let mut required: Vec<u32> = known.map(|message| message.required.clone()).unwrap_or_default();
        let mut chosen: Vec<(usize, u32)> = Vec::new();
        let mut at = range.start;
        while at < range.end {
            if self.is_full(&(at..range.end)) {
                return;
            }
            let next = match wire::field(self.content.bytes(), at, range.end) {
                Ok(next) => next,
                Err(fault) => return self.fault(at..range.end, fault),
            };
            let described = known.and_then(|message| Some((message, message.fields.get(&next.number)?)));
            if let Some((_, field)) = described {
                required.retain(|&number| number != next.number);
                if let Some(oneof) = field.oneof {
                    self.choose(&next, field, oneof, &mut chosen);
                }
            }
            at = match next.wire {
                Wire::EndGroup => return self.fault(at..range.end, wire::Fault::StrayGroup(next.number)),
                Wire::StartGroup => {
                    let inside =
                        wire::group(self.content.bytes(), next.number, next.range.end, range.end, MAX_DEPTH);
                    match inside {
                        Ok((end, after)) => {
                            let all =
                                Field { range: next.range.start..after, value: next.range.end..end, ..next };
                            self.field(&all, described.map(|(_, field)| field), depth);
                            after
                        }
                        Err(fault) => return self.fault(at..range.end, fault),
                    }
                }
                _ => {
                    self.field(&next, described.map(|(_, field)| field), depth);
                    next.range.end
                }
            };
        }
        if let Some(message) = known
            && let Some(number) = required.first()
            && let Some(field) = message.fields.get(number)
        {
            let text = format_args!("{} is required in {}, and is not there", field.name, message.name);
            self.visit.problem(codes::REQUIRED_MISSING, self.range(&range), text);
        }
    }

    /// Counts a field, and says whether there are too many, so that the rest of its message is not read.
    fn is_full(&mut self, rest: &Range<usize>) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            let (shown, value) = (self.range(rest), self.bytes_value(rest));
            self.visit.field("rest", shown.clone(), value);
            let text = format_args!("{MAX_FIELDS} fields are shown, and there are more");
            self.visit.problem(codes::TOO_MANY_FIELDS, shown, text);
            return true;
        };
        self.left = left;
        false
    }

    /// A member of a choice: the last of them is the one that counts.
    fn choose(&mut self, next: &Field, field: &Described, oneof: usize, chosen: &mut Vec<(usize, u32)>) {
        match chosen.iter_mut().find(|(one, _)| *one == oneof) {
            Some((_, number)) if *number != next.number => {
                let before = std::mem::replace(number, next.number);
                let text = format_args!(
                    "field {before} of the same oneof came before {}: receivers keep only the last",
                    field.name
                );
                self.visit.problem(codes::ONEOF_REPEATED, self.range(&next.range), text);
            }
            Some(_) => {}
            None => chosen.push((oneof, next.number)),
        }
    }

    /// Bytes that are no field: what follows them can't be found.
    fn fault(&mut self, range: Range<usize>, fault: wire::Fault) {
        let (shown, value) = (self.range(&range), self.bytes_value(&range));
        self.visit.field("rest", shown.clone(), value);
        let text = format_args!("these bytes are no field of protobuf: {fault}");
        self.visit.problem(codes::NOT_A_FIELD, shown, text);
    }

    fn field(&mut self, field: &Field, described: Option<&'a Described>, depth: usize) {
        let Some(described) = described else {
            return self.unknown(field, depth);
        };
        let fits = match (described.kind, field.wire) {
            (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, Wire::Fixed64(_))
            | (Kind::Float | Kind::Fixed32 | Kind::Sfixed32, Wire::Fixed32(_))
            | (Kind::String | Kind::Bytes | Kind::Message(_), Wire::Length)
            | (Kind::Group(_), Wire::StartGroup) => true,
            (kind, Wire::Varint(_)) => is_varint(kind),
            _ => false,
        };
        let is_number =
            !matches!(described.kind, Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Group(_));
        if !fits && field.wire == Wire::Length && described.is_list && is_number {
            return self.packed(field, described);
        }
        if !fits {
            let text = format_args!(
                "{} is encoded as {}, which its type never is",
                described.name,
                field.wire.name()
            );
            self.visit.problem(codes::WIRE_TYPE, self.range(&field.range), text);
            return self.unknown(field, depth);
        }
        let (name, range) = (described.name.as_str(), self.range(&field.range));
        match described.kind {
            Kind::Message(message) | Kind::Group(message) => {
                self.inside(name, field, Some(message), depth);
            }
            Kind::String => {
                let value = self.content.value(field.value.clone());
                let is_text = matches!(value, Value::Text(_));
                self.show(name, range.clone(), value, depth);
                if !is_text {
                    let text = format_args!("{name} is a string, and these bytes are not UTF-8");
                    self.visit.problem(Code::InvalidUtf8, range, text);
                }
            }
            Kind::Bytes => {
                self.show(name, range, self.bytes_value(&field.value), depth);
            }
            kind => {
                let raw = match field.wire {
                    Wire::Varint(raw) | Wire::Fixed64(raw) => raw,
                    Wire::Fixed32(raw) => raw.into(),
                    _ => 0,
                };
                let value = number(self.schema, kind, raw);
                self.show(name, range, value, depth);
            }
        }
    }

    fn show(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>, depth: usize) {
        if depth == 0 {
            self.sum_up(name, &value);
        }
        self.visit.field(name, range, value);
    }

    /// Adds a field to the summary.
    fn sum_up(&mut self, name: &str, value: &Value<'_>) {
        let (most, width) = SUMMARY;
        if self.summed >= most {
            return;
        }
        self.summed += 1;
        let and = if self.summary.is_empty() { "" } else { ", " };
        let shown = match value {
            Value::Text(text) if text.chars().nth(width).is_some() => {
                let first: String = text.chars().take(width).collect();
                format!("{first:?}…")
            }
            Value::Bytes(bytes) if bytes.len() > width / 2 => format!("{} bytes", bytes.len()),
            value => value.to_string(),
        };
        let _ = write!(self.summary, "{and}{name} {shown}");
    }

    /// A field that is a message.
    fn inside(&mut self, name: &'a str, field: &Field, message: Option<usize>, depth: usize) {
        let range = self.range(&field.range);
        if depth >= MAX_DEPTH {
            let value = self.bytes_value(&field.value);
            self.visit.field(name, range.clone(), value);
            let text =
                format_args!("messages are in each other {MAX_DEPTH} times, and what is deeper is not read");
            self.visit.problem(codes::TOO_DEEP, range, text);
            return;
        }
        self.visit.begin(name, range, Value::Group);
        self.message(message, field.value.clone(), depth + 1);
        self.visit.end();
    }

    /// Numbers that follow each other without tags.
    fn packed(&mut self, field: &Field, described: &'a Described) {
        let name = described.name.as_str();
        self.visit.begin(name, self.range(&field.range), Value::Group);
        let (mut at, end) = (field.value.start, field.value.end);
        while at < end {
            if self.is_full(&(at..end)) {
                break;
            }
            let fixed = |length: usize| {
                let bytes = self.content.bytes().get(at..at + length).filter(|_| at + length <= end);
                bytes
                    .map(|bytes| (little_endian(bytes), at + length))
                    .ok_or(wire::Fault::Truncated(field.number))
            };
            let item = match described.kind {
                Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => fixed(8),
                Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => fixed(4),
                _ => wire::varint(self.content.bytes(), at, end),
            };
            match item {
                Ok((raw, after)) => {
                    let value = number(self.schema, described.kind, raw);
                    self.visit.field(name, self.range(&(at..after)), value);
                    at = after;
                }
                Err(fault) => {
                    self.fault(at..end, fault);
                    break;
                }
            }
        }
        self.visit.end();
    }

    /// A field of which only the number and the type of wire are known.
    fn unknown(&mut self, field: &Field, depth: usize) {
        let (name, range) = (numbered(field.number), self.range(&field.range));
        match field.wire {
            // Negative numbers take all ten bytes.
            Wire::Varint(raw) if raw >> 63 != 0 => {
                self.show(name, range, Value::Signed(raw.cast_signed()), depth)
            }
            Wire::Varint(raw) => self.show(name, range, Value::Unsigned(raw), depth),
            Wire::Fixed32(raw) => {
                let float = f64::from(f32::from_bits(raw));
                self.fixed(name, range, raw.into(), float, depth);
            }
            Wire::Fixed64(raw) => self.fixed(name, range, raw, f64::from_bits(raw), depth),
            Wire::StartGroup | Wire::EndGroup => self.inside(name, field, None, depth),
            Wire::Length => {
                let may_be_message =
                    || wire::is_message(self.content.bytes(), field.value.clone(), MAX_DEPTH);
                // A message that begins with its first field has a line break there, and texts hardly ever do.
                let is_text = str::from_utf8(self.bytes(&field.value))
                    .is_ok_and(|text| is_readable(text) && (!text.starts_with('\n') || !may_be_message()));
                match is_text {
                    true => self.show(name, range, self.content.value(field.value.clone()), depth),
                    false if depth < MAX_DEPTH && may_be_message() => self.inside(name, field, None, depth),
                    false => self.show(name, range, self.bytes_value(&field.value), depth),
                }
            }
        }
    }

    /// A number of fixed length, and what it is as a floating-point number where that is likely.
    fn fixed(&mut self, name: &'a str, range: Range<usize>, raw: u64, float: f64, depth: usize) {
        if depth == 0 {
            self.sum_up(name, &Value::Unsigned(raw));
        }
        if !(1e-9..1e12).contains(&float.abs()) {
            return self.visit.field(name, range, Value::Unsigned(raw));
        }
        self.visit.begin(name, range.clone(), Value::Unsigned(raw));
        self.visit.field("as_float", range, Value::Float(float));
        self.visit.end();
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn is_varint(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Bool
            | Kind::Enum(_)
    )
}

/// What the bits of a number mean. Of what is longer than its type, the lower bits count.
#[allow(clippy::cast_possible_truncation)] // As protobuf does.
fn number<'a>(schema: Option<&'a Schema>, kind: Kind, raw: u64) -> Value<'a> {
    let zigzag = |raw: u64| (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed();
    match kind {
        Kind::Double => Value::Float(f64::from_bits(raw)),
        Kind::Float => Value::Float(f32::from_bits(raw as u32).into()),
        Kind::Int32 | Kind::Sfixed32 => Value::Signed((raw as u32).cast_signed().into()),
        Kind::Int64 | Kind::Sfixed64 => Value::Signed(raw.cast_signed()),
        Kind::Sint32 => Value::Signed(zigzag(u64::from(raw as u32))),
        Kind::Sint64 => Value::Signed(zigzag(raw)),
        Kind::Uint32 | Kind::Fixed32 => Value::Unsigned((raw as u32).into()),
        Kind::Bool => Value::Bool(raw != 0),
        Kind::Enum(one) => {
            let value = (raw as u32).cast_signed();
            let name = schema.and_then(|schema| schema.enums.get(one)?.values.get(&value));
            Value::Enum(Named::signed(value.into(), name.map(String::as_str)))
        }
        _ => Value::Unsigned(raw),
    }
}

/// Whether a person would take it for text.
fn is_readable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The name of a field without a schema.
pub(crate) fn numbered(number: u32) -> &'static str {
    static NAMES: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| (0..NAMED).map(|number| format!("field_{number}")).collect());
    const NAMED: usize = 1 << 12;
    let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number));
    name.map_or("field_beyond_4095", String::as_str)
}
