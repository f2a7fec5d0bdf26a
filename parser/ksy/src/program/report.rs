//! Reports what a program recorded of a message: kind, fields, summary, and notes.

use std::borrow::Cow;
use std::fmt;

use framescope_parser::{Captured, Kind as MessageKind, Value, Visit};

use crate::display::{self, short_bytes, short_text};
use crate::dissect::summary::summary_of;
use crate::plan::{Attr, EnumId, Meta, Node, NodeId, Plan, Shape, Style, TypeId};
use crate::program::Program;
use crate::program::records::{Notes, Record, Records};
use crate::program::step::Kind;
use crate::strings::Charset;

/// A field that is reported.
#[derive(Clone, Debug)]
pub(super) struct ReportedField {
    pub(super) name: Box<str>,
    /// The structure that it belongs to, and its slot there.
    pub(super) ty: TypeId,
    pub(super) slot: u16,
    pub(super) how: How,
}

/// How a value is reported.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    Unsigned,
    Hex,
    /// A number that is unsigned unless it is negative.
    Whole,
    Signed,
    /// The same in hexadecimal.
    SignedHex,
    Bool,
    Enum(EnumId),
    /// A member of an enumeration that is never negative.
    Member(EnumId),
    Float,
    Text,
    /// Text of the message that is tested when everything is read.
    Utf8,
    /// Text in another encoding than UTF-8.
    Decoded(Charset),
    Bytes,
    /// A structure of this type.
    Group(TypeId),
    /// Bytes that no field explains.
    Unread,
}

impl How {
    /// How a number is reported. `may_be_negative` says whether it is signed or computed.
    pub(super) fn number(attr: &Attr, kind: Kind, may_be_negative: bool) -> How {
        match (attr.enumeration, kind) {
            (Some(of), Kind::Int | Kind::Bool) | (_, Kind::Enum(of)) => match may_be_negative {
                true => How::Enum(of),
                false => How::Member(of),
            },
            (None, Kind::Bool) => How::Bool,
            _ if attr.hex && !may_be_negative => How::Hex,
            _ if attr.hex => How::SignedHex,
            _ if !may_be_negative => How::Unsigned,
            _ if matches!(attr.shape, Shape::Int { signed: true, .. }) && attr.value.is_none() => How::Signed,
            _ => How::Whole,
        }
    }
}

/// What was recorded of a message, with what is needed to report it.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'r, 'a> {
    pub(super) records: &'r Records,
    pub(super) program: &'a Program,
    pub(super) plan: &'a Plan,
    pub(super) bytes: &'a [u8],
}

impl Program {
    /// Reports the kind of a message.
    pub(super) fn report_kind_of<'a>(&self, plan: &'a Plan, notes: &Notes, visit: &mut dyn Visit<'a>) {
        let n = notes.kind;
        let name = match self.kind {
            Some((_, Kind::Int)) => None,
            Some((_, Kind::Bool)) => Some(if n == 0 { "false" } else { "true" }),
            Some((_, Kind::Enum(of))) => plan.member(of, n.into()).map(|member| member.shown.as_str()),
            _ => return,
        };
        visit.kind(MessageKind::signed(n, name));
    }
}

/// The first texts of a message, which need not be tested twice.
#[derive(Default)]
pub(super) struct Texts<'a> {
    first: [&'a str; 8],
}

impl<'a> Recorded<'_, 'a> {
    /// Tests whether all texts are UTF-8.
    #[inline]
    pub(super) fn test_texts(&self, texts: &mut Texts<'a>) -> Option<()> {
        for (at, &record) in self.records.texts.iter().enumerate() {
            let place = self.records.all.get(record)?.content();
            let text = std::str::from_utf8(self.bytes.get(place)?).ok()?;
            if let Some(first) = texts.first.get_mut(at) {
                *first = text;
            }
        }
        Some(())
    }

    /// Reports everything that was recorded.
    pub(super) fn report_fields(&self, texts: &Texts<'a>, visit: &mut dyn Visit<'a>) {
        let mut texts = texts.first.iter();
        for record in &self.records.all {
            let Some(field) = self.program.fields.get(usize::from(record.field)) else {
                visit.end();
                continue;
            };
            let (n, place) = (record.value, record.start..record.end);
            let value = match field.how {
                How::Unsigned => Value::Unsigned(n),
                How::Hex => Value::Hex(n),
                How::Bool => Value::Bool(n != 0),
                How::Member(of) => self.member(of, n),
                How::Utf8 => match texts.next() {
                    Some(&text) => Value::Text(text.into()),
                    None => self.text(record),
                },
                How::Text => self.text(record),
                How::Bytes | How::Unread => Value::Bytes(self.found(record)),
                How::Group(_) => {
                    visit.begin(&field.name, place, Value::Group);
                    continue;
                }
                other => self.other(other, record),
            };
            visit.field(&field.name, place, value);
        }
    }

    #[inline]
    fn member(&self, of: EnumId, value: u64) -> Value<'a> {
        let name = self.plan.member(of, value.into()).map(|member| member.shown.as_str());
        Value::Enum(MessageKind::new(value, name))
    }

    fn other(&self, how: How, record: &Record) -> Value<'a> {
        let n = record.value.cast_signed();
        match (how, u64::try_from(n)) {
            (How::SignedHex, Ok(n)) => Value::Hex(n),
            (How::Enum(of), Ok(n)) => self.member(of, n),
            (How::Enum(of), Err(_)) => {
                let name = self.plan.member(of, n.into()).map(|member| member.shown.as_str());
                Value::Enum(MessageKind::signed(n, name))
            }
            (How::Whole, Ok(n)) => Value::Unsigned(n),
            (How::Float, _) => Value::Float(f64::from_bits(record.value)),
            (How::Decoded(charset), _) => {
                let text = charset.decode(self.found(record).as_ref()).0.into_owned();
                Value::Text(text.into())
            }
            _ => Value::Signed(n),
        }
    }

    fn text(&self, record: &Record) -> Value<'a> {
        match self.found(record) {
            Cow::Borrowed(bytes) => Value::utf8(bytes),
            Cow::Owned(bytes) => Value::Text(String::from_utf8(bytes).unwrap_or_default().into()),
        }
    }

    /// The bytes of a text or of bytes. Only those of the message may outlive the reading.
    #[inline]
    fn found(&self, record: &Record) -> Cow<'a, [u8]> {
        let place = record.content();
        match record.buffer {
            0 => Cow::Borrowed(self.bytes.get(place).unwrap_or_default()),
            1 => Cow::Borrowed(self.program.constants.get(place).unwrap_or_default()),
            derived => {
                let derived = self.records.derived.get(usize::from(derived - 2));
                Cow::Owned(derived.and_then(|bytes| bytes.get(place)).unwrap_or_default().to_vec())
            }
        }
    }

    /// Reports the summary. A visitor that ignores it does not pay for it.
    pub(super) fn report_summary(&self, meta: &Meta, visit: &mut dyn Visit<'a>) {
        visit.summary(format_args!("{}", Summary { recorded: self, meta }));
    }

    /// The summary of a structure whose fields begin at a record.
    fn summary(&self, ty: TypeId, from: usize) -> String {
        display::summary(self.plan, ty, |node, style| self.summed_up(ty, from, node, style))
    }

    /// A field as it appears in a summary; empty if it is not present.
    fn summed_up(&self, ty: TypeId, from: usize, node: NodeId, style: &Style) -> String {
        let Node::Slot(slot) = self.plan.expressions.node(node) else {
            return String::new();
        };
        let mut depth = 0usize;
        for (at, record) in self.records.all.iter().enumerate().skip(from) {
            let Some(field) = self.program.fields.get(usize::from(record.field)) else {
                // The structure itself has ended.
                if depth == 0 {
                    break;
                }
                depth -= 1;
                continue;
            };
            if depth == 0 && field.ty == ty && field.slot == *slot {
                return self.written(at, record, field.how, style);
            }
            depth += usize::from(matches!(field.how, How::Group(_)));
        }
        String::new()
    }

    fn written(&self, at: usize, record: &Record, how: How, style: &Style) -> String {
        let n = record.value;
        match (how, style) {
            (How::Group(inner), _) => self.summary(inner, at + 1),
            (How::Text | How::Utf8, _) => {
                std::str::from_utf8(self.found(record).as_ref()).map(short_text).unwrap_or_default()
            }
            (How::Decoded(charset), _) => short_text(&charset.decode(self.found(record).as_ref()).0),
            (How::Bytes, Style::Str) => String::from_utf8_lossy(self.found(record).as_ref()).into_owned(),
            (How::Bytes | How::Unread, _) => short_bytes(self.found(record).as_ref()),
            (How::Unsigned | How::Hex, Style::Hex) => format!("{n:#x}"),
            (How::Unsigned | How::Hex, _) => n.to_string(),
            (How::Bool, _) => (n != 0).to_string(),
            (How::Float, _) => f64::from_bits(n).to_string(),
            (How::Member(of), _) => {
                let member = self.plan.member(of, n.into());
                member.map_or_else(|| n.to_string(), |member| member.shown.clone())
            }
            (How::Enum(of), _) => {
                let member = self.plan.member(of, n.cast_signed().into());
                member.map_or_else(|| n.cast_signed().to_string(), |member| member.shown.clone())
            }
            (How::Whole | How::Signed | How::SignedHex, Style::Hex) => {
                format!("{:#x}", i128::from(n.cast_signed()))
            }
            (How::Whole | How::Signed | How::SignedHex, _) => n.cast_signed().to_string(),
        }
    }
}

/// A summary that is made when it is formatted.
struct Summary<'s, 'r, 'a> {
    recorded: &'s Recorded<'r, 'a>,
    meta: &'s Meta,
}

impl fmt::Display for Summary<'_, '_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recorded { program, plan, bytes, .. } = *self.recorded;
        match program.sums_up {
            true => f.write_str(&self.recorded.summary(program.root, 0)),
            // What is computed for it alone.
            false => f.write_str(&summary_of(plan, self.meta, Captured::whole(bytes))),
        }
    }
}
