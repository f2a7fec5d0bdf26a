//! A stream of messages of which stretches were not captured, compared with a model that knows all of it: each message
//! whose head is there is listed with its length, lacks what the capture lacks, has of the rest what was sent, and
//! nothing else is a message. Where a format has nothing to recognise a message by, that holds up to the first head
//! that is lost.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use framescope_checking::Random;
use framescope_ksy::Described;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{
    CAPTURED, Captured, Code, CodeSet, Dissection, Field, Framer, Missing, Protocol, Severity, Span,
    SpanType, Value,
};

use crate::decode::MISSIVE;

/// How messages are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// A magic and checks.
    Missive,
    /// A magic, parts of their own sizes, a check.
    Magic,
    /// A kind and a length, both of any value.
    Bare,
    /// Counted items, each with its own length.
    Items,
    /// Lines of text.
    Lines,
}

const FRAMINGS: [Framing; 5] =
    [Framing::Missive, Framing::Magic, Framing::Bare, Framing::Items, Framing::Lines];

static MAGIC: LazyLock<Described> = LazyLock::new(|| {
    described(
        "
meta: {id: magic, endian: be}
seq:
  - {id: magic, contents: [0xaa, 0x55, 0x0f, 0xf0]}
  - {id: length, type: u2}
  - {id: body, size: length, type: body}
  - {id: check, type: u4, -check: crc-32}
types:
  body:
    seq:
      - {id: number, type: u4}
      - {id: flags, type: b3}
      - {id: rest, type: b5}
      - {id: text, type: strz, encoding: UTF-8}
      - {id: tail, size-eos: true}
",
    )
});

static BARE: LazyLock<Described> = LazyLock::new(|| {
    described(
        "{meta: {id: plain, endian: le}, seq: [{id: kind, type: u1}, {id: length, type: u2}, {id: body, size: length}]}",
    )
});

static ITEMS: LazyLock<Described> = LazyLock::new(|| {
    described(
        "
meta: {id: items, endian: be}
seq:
  - {id: count, type: u1}
  - {id: item, type: item, repeat: expr, repeat-expr: count}
types:
  item:
    seq:
      - {id: length, type: u1}
      - {id: value, size: length}
",
    )
});

static LINES: LazyLock<Described> = LazyLock::new(|| {
    described("{meta: {id: line}, seq: [{id: line, type: str, terminator: 10, encoding: UTF-8}]}")
});

fn described(text: &str) -> Described {
    Described::from_ksy(text).expect("it is sound")
}

fn one(range: Range<usize>) -> Vec<Range<usize>> {
    std::iter::once(range).collect()
}

impl Framing {
    fn protocol(self) -> &'static dyn Protocol {
        match self {
            Framing::Missive => &MISSIVE[0],
            Framing::Magic => &*MAGIC,
            Framing::Bare => &*BARE,
            Framing::Items => &*ITEMS,
            Framing::Lines => &*LINES,
        }
    }

    /// A message, and the bytes of it that show its length.
    fn message(self, length: usize, random: &mut Random) -> (Vec<u8>, Vec<Range<usize>>) {
        // Nothing in it looks like a message's beginning or end.
        let text: Vec<u8> = (0..length).map(|_| b'a' + random.below(26) as u8).collect();
        match self {
            Framing::Missive => {
                let flags = if random.one_in(2) { Flags::CHECKSUM } else { Flags::default() };
                let frame = FrameBuf::new([Kind::DATA, Kind::LOGOUT, Kind(0x99)][random.below(3)]);
                let frame = frame.flags(flags).sequence(length as u32).payload(text);
                (frame.to_bytes().expect("it is short"), one(0..20))
            }
            Framing::Magic => {
                let body = [&[1, 2, 3, 4, 0xC1][..], &text, &[0], &text].concat();
                let mut message = vec![0xAA, 0x55, 0x0F, 0xF0];
                message.extend((body.len() as u16).to_be_bytes());
                message.extend(body);
                message.extend(crc32fast::hash(&message).to_be_bytes());
                (message, one(0..6))
            }
            Framing::Bare => {
                let [low, high] = (length as u16).to_le_bytes();
                ([&[random.byte(), low, high], &text[..]].concat(), one(0..3))
            }
            Framing::Items => {
                let (mut message, mut head) = (vec![random.below(5) as u8], one(0..1));
                for _ in 0..message[0] {
                    let value = &text[..random.below(text.len().min(255) + 1)];
                    head.push(message.len()..message.len() + 1);
                    message.push(value.len() as u8);
                    message.extend(value);
                }
                (message, head)
            }
            Framing::Lines => ([&text[..], b"\n"].concat(), one(0..length + 1)),
        }
    }
}

/// Takes `data` as a program: a framing, how long the messages' contents are, and then how many bytes are captured and how many
/// are not, in turns.
pub fn holes(data: &[u8]) {
    let [framing, data @ ..] = data else { return };
    let mut random = Random::of(data);
    let framing = FRAMINGS[usize::from(*framing) % FRAMINGS.len()];
    let (messages, stretches) = data.split_at(data.len() / 2);
    let (mut stream, mut sent) = (Vec::new(), Vec::new());
    for &length in messages.iter().take(64) {
        let (message, head) = framing.message(length.into(), &mut random);
        sent.push((stream.len()..stream.len() + message.len(), head));
        stream.extend(message);
    }
    let mut there = Vec::with_capacity(stream.len());
    for (i, &count) in stretches.iter().enumerate() {
        there.extend(std::iter::repeat_n(i % 2 == 0, count.into()));
    }
    there.resize(stream.len(), true);
    let stream = Stream { protocol: framing.protocol(), bytes: &stream, there: &there };
    let rows = stream.rows(&mut Random::new(0), true);
    let again = stream.rows(&mut random, false);
    let places = |rows: &[Row]| -> Vec<_> {
        rows.iter()
            .map(|row| (row.span.offset, row.span.length, row.span.span_type, row.missing.clone()))
            .collect()
    };
    assert_eq!(places(&rows), places(&again), "other segments, other rows");
    stream.tiled(&rows);
    stream.listed(framing, &sent, &rows);
    for row in rows.iter().filter(|row| row.span.span_type == SpanType::Message) {
        stream.check_row(row);
    }
}

struct Stream<'s> {
    protocol: &'static dyn Protocol,
    bytes: &'s [u8],
    there: &'s [bool],
}

struct Row {
    span: Span,
    bytes: Vec<u8>,
    missing: Vec<Range<usize>>,
}

impl Stream<'_> {
    /// The rows of the stream as it was captured, in segments.
    fn rows(&self, random: &mut Random, at_once: bool) -> Vec<Row> {
        let (mut framer, mut rows, mut at) = (Framer::default(), Vec::new(), 0);
        let mut sink = |span: Span, bytes: Captured<'_, '_>| {
            let missing = bytes.missing().iter().map(|gap| gap.start..gap.end).collect();
            rows.push(Row { span: Span { checked: false, ..span }, bytes: bytes.bytes().to_vec(), missing });
        };
        while at < self.bytes.len() {
            let run = self.there[at..].iter().take_while(|there| **there == self.there[at]).count();
            let length = if at_once { run } else { run.min(1 + random.below(40)) };
            match self.there[at] {
                true => framer.segment(self.protocol, &self.bytes[at..at + length], &mut sink),
                false => framer.gap(self.protocol, length as u64, &mut sink),
            }
            at += length;
        }
        framer.end(self.protocol, &mut sink);
        assert_eq!(framer.end_offset(), self.bytes.len() as u64);
        // A gap that comes in parts is one gap.
        let mut joined: Vec<Row> = Vec::new();
        for row in rows {
            match joined.last_mut() {
                Some(last) if last.span.span_type == SpanType::Gap && row.span.span_type == SpanType::Gap => {
                    last.span.length += row.span.length;
                }
                _ => joined.push(row),
            }
        }
        joined
    }

    /// Every byte and every hole is in one row, as it was captured.
    fn tiled(&self, rows: &[Row]) {
        let mut end = 0;
        for row in rows {
            assert_eq!(row.span.offset, end, "a hole or an overlap");
            assert!(row.span.length > 0, "an empty row");
            end += row.span.length;
            let range = row.span.offset as usize..end as usize;
            match row.span.span_type {
                SpanType::Gap => assert!(range.clone().all(|at| !self.there[at]), "a gap of what is there"),
                SpanType::Skipped(_) => {
                    assert!(range.clone().all(|at| self.there[at]), "skipped what is missing")
                }
                SpanType::Message | SpanType::Partial => {
                    let captured: Vec<u8> =
                        range.clone().filter(|at| self.there[*at]).map(|at| self.bytes[at]).collect();
                    assert_eq!(row.bytes, captured, "other bytes");
                    let lacks = |at: usize| row.missing.iter().any(|gap| gap.contains(&(at - range.start)));
                    assert!(range.clone().all(|at| lacks(at) != self.there[at]), "lacks other bytes");
                }
            }
        }
        assert_eq!(end, self.bytes.len() as u64, "not all of the stream");
    }

    /// The messages are those whose heads are there.
    fn listed(&self, framing: Framing, sent: &[(Range<usize>, Vec<Range<usize>>)], rows: &[Row]) {
        let messages = rows.iter().filter(|row| row.span.span_type == SpanType::Message);
        let found: HashMap<usize, usize> =
            messages.map(|row| (row.span.offset as usize, row.span.length as usize)).collect();
        let (mut expected, mut is_known) = (0, true);
        for (range, head) in sent {
            let has_head = head.iter().all(|part| part.clone().all(|at| self.there[range.start + at]));
            let begins_at_once = range.start == 0 || self.there[range.start - 1];
            is_known = match framing {
                Framing::Missive | Framing::Magic => has_head,
                Framing::Bare | Framing::Items => is_known && has_head,
                // Behind a terminator that is there.
                Framing::Lines => has_head && begins_at_once,
            };
            // A message whose end lies after the last byte that arrived continues past the end only if none of it is
            // missing.
            if is_known {
                expected += 1;
                assert_eq!(
                    found.get(&range.start),
                    Some(&range.len()),
                    "the message at {range:?} of {framing:?}"
                );
            }
        }
        if !matches!(framing, Framing::Bare | Framing::Items) {
            assert_eq!(found.len(), expected, "messages that were not sent: {found:?}");
        }
    }

    /// What is reported of a message is what was sent, as far as it was captured.
    fn check_row(&self, row: &Row) {
        let missing = Missing::list(row.missing.iter().cloned());
        let mut dissection = Dissection::default();
        let message = Captured::with_missing(&row.bytes, &missing);
        message.dissect(self.protocol, &mut dissection);
        assert_eq!(dissection.has(Code::Incomplete), !missing.is_empty());
        let start = row.span.offset as usize;
        let whole = &self.bytes[start..start + row.span.length as usize];
        let all = Dissection::of(self.protocol, whole);
        let codes: CodeSet = all.problems.iter().map(|problem| problem.code).collect();
        for problem in &dissection.problems {
            let is_error = problem.code.severity() == Severity::Error;
            assert!(!is_error || codes.contains(problem.code), "{problem:?}");
            assert!(problem.range.end <= whole.len());
        }
        for field in &dissection.fields {
            check(field, &all.fields, message, &(0..whole.len()), whole);
        }
    }
}

/// A field has the bytes of its range, and nothing of what was not captured.
fn check(
    field: &Field<'_>,
    all: &[Field<'_>],
    message: Captured<'_, '_>,
    around: &Range<usize>,
    whole: &[u8],
) {
    let range = field.range.clone();
    assert!(
        around.start <= range.start && range.end <= around.end,
        "{} at {range:?} of {around:?}",
        field.name
    );
    match &field.value {
        Value::Missing => assert!(message.lacks(range.clone()), "{} is there", field.name),
        Value::Group => {}
        value => {
            assert!(!message.lacks(range.clone()), "{} is not there", field.name);
            if let Some(said) = value.as_bytes() {
                // A terminator is part of the field and not of its text.
                assert!(whole[range.clone()].starts_with(said), "{} has other bytes", field.name);
            }
            let same = all.iter().find(|other| other.name == field.name && other.range == range);
            let is_other = same.is_some_and(|same| same.value != *value);
            assert!(field.name == CAPTURED || !is_other, "{} is {value:?}, not {same:?}", field.name);
        }
    }
    let same = all.iter().find(|other| other.name == field.name && other.range.start == range.start);
    for inner in &field.fields {
        check(inner, same.map_or(&[], |same| &same.fields), message, &range, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_streams_are_framed_as_the_full_model_frames_them() {
        let mut random = Random::new(11);
        for _ in 0..300 {
            let data: Vec<u8> = (0..random.below(300)).map(|_| random.byte()).collect();
            holes(&data);
        }
    }
}
