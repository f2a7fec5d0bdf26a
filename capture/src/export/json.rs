//! One JSON object a line for each row.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::ops::Range;

use framescope_parser::{Code, Kind, Value, Visit};

use super::RowSelection;
use super::put::{self, Clock, Escaped};
use super::rows::{Content, OfStream, WriteRow, write_rows};
use crate::{Index, Row};

/// Writes each chosen row as a line of JSON.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_json(index: &Index, chosen: &mut RowSelection<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_rows(index, chosen, out, &|| JsonRows::new(index))
}

pub(super) struct JsonRows<'i> {
    index: &'i Index,
    content: Content<'i>,
    streams: OfStream,
    clock: Clock,
    told: Told,
}

/// What a protocol tells of a message, as JSON.
#[derive(Default)]
pub(super) struct Told {
    pub(super) summary: Vec<u8>,
    pub(super) fields: Vec<u8>,
    pub(super) problems: Vec<u8>,
    /// The fields that have begun and not ended.
    open: Vec<Open>,
}

struct Open {
    /// Where in `fields` it begins, with the comma before it.
    start: usize,
    is_group: bool,
    has_fields: bool,
}

impl<'i> JsonRows<'i> {
    pub(super) fn new(index: &'i Index) -> Self {
        JsonRows {
            index,
            content: Content::new(index),
            streams: OfStream::new(),
            clock: Clock::default(),
            told: Told::default(),
        }
    }
}

impl WriteRow for JsonRows<'_> {
    fn write_row(&mut self, number: u32, row: &Row, out: &mut Vec<u8>) -> io::Result<()> {
        let JsonRows { index, content, streams, clock, told } = self;
        content.find(row);
        content.read(row)?;
        told.tell(index, number, row, &content.bytes);

        out.extend_from_slice(b"{\"row\":");
        put::number(out, number);
        out.extend_from_slice(b",\"time\":");
        match index.time_ns(row) {
            Some(time_ns) => {
                out.push(b'"');
                clock.put(out, time_ns);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        streams.put(index, row, out, |out, flow, direction, ends| {
            out.extend_from_slice(b",\"flow\":");
            put::number(out, flow);
            out.extend_from_slice(b",\"direction\":");
            put::string(out, direction.as_str());
            let (src, dst) = ends.unzip();
            for (key, address) in [(&b",\"src\":"[..], src), (b",\"dst\":", dst)] {
                out.extend_from_slice(key);
                put::string_or_null(out, address.map(|address| address.to_string()).as_deref());
            }
            out.extend_from_slice(b",\"offset\":");
        });
        put::number(out, row.offset);
        out.extend_from_slice(b",\"length\":");
        put::number(out, row.length);
        let missing = index.missing(row);
        if !missing.is_empty() {
            out.extend_from_slice(b",\"missing\":");
            put::json_list(out, missing, |out, range| {
                out.push(b'[');
                put::number(out, range.start);
                out.push(b',');
                put::number(out, range.end - range.start);
                out.push(b']');
            });
        }
        out.extend_from_slice(b",\"packets\":");
        put::json_list(out, content.packets(), |out, packet| put::number(out, *packet));
        out.extend_from_slice(b",\"protocol\":");
        put::string_or_null(out, index.protocol(row).map(|protocol| protocol.name()));
        out.extend_from_slice(b",\"type\":");
        put::string(out, row.type_name());
        out.extend_from_slice(b",\"kind\":");
        put::string_or_null(out, index.kind(row));
        out.extend_from_slice(b",\"summary\":\"");
        out.extend_from_slice(&told.summary);
        out.extend_from_slice(b"\",\"reply_to\":");
        let (reply_to, latency_ns) = index.reply_to(number).unzip();
        put::number_or_null(out, reply_to);
        out.extend_from_slice(b",\"latency_ns\":");
        put::number_or_null(out, latency_ns.flatten());
        out.extend_from_slice(b",\"part_of\":");
        put::number_or_null(out, index.part_of(number));
        let comments = index.comments(row);
        if !comments.is_empty() {
            out.extend_from_slice(b",\"comments\":");
            put::json_list(out, comments, |out, (packet, text)| {
                out.extend_from_slice(b"{\"packet\":");
                put::number(out, packet);
                out.extend_from_slice(b",\"text\":");
                put::string(out, text);
                out.push(b'}');
            });
        }
        out.extend_from_slice(b",\"fields\":[");
        out.extend_from_slice(&told.fields);
        out.extend_from_slice(b"],\"problems\":[");
        out.extend_from_slice(&told.problems);
        out.extend_from_slice(b"]}\n");
        Ok(())
    }
}

impl Told {
    /// Takes a row apart. It says the same as [`Index::dissect`].
    fn tell(&mut self, index: &Index, number: u32, row: &Row, bytes: &[u8]) {
        self.summary.clear();
        self.fields.clear();
        self.problems.clear();
        self.open.clear();
        index.tell(number, row, bytes, self);
        self.finish();
    }

    /// All was told: a field that never ended is none.
    pub(super) fn finish(&mut self) {
        if let Some(first) = self.open.first() {
            self.fields.truncate(first.start);
        }
    }

    /// Begins a field, in the one that is open. Gives where that is.
    fn head(&mut self, name: &str, range: &Range<usize>, value: &Value<'_>) -> usize {
        let out = &mut self.fields;
        let start = out.len();
        match self.open.last_mut() {
            Some(Open { has_fields: false, .. }) => out.extend_from_slice(b",\"fields\":["),
            None if out.is_empty() => {}
            _ => out.push(b','),
        }
        if let Some(open) = self.open.last_mut() {
            open.has_fields = true;
        }
        out.extend_from_slice(b"{\"name\":");
        put::string(out, name);
        out.extend_from_slice(b",\"offset\":");
        put::number(out, range.start);
        out.extend_from_slice(b",\"length\":");
        put::number(out, range.len());
        if *value != Value::Group {
            out.extend_from_slice(b",\"value\":");
            put::json_value(out, value);
        }
        start
    }

    /// Ends a field that has been begun.
    fn foot(&mut self, is_group: bool, has_fields: bool) {
        match (has_fields, is_group) {
            (true, _) => self.fields.extend_from_slice(b"]}"),
            (false, true) => self.fields.extend_from_slice(b",\"fields\":[]}"),
            (false, false) => self.fields.push(b'}'),
        }
    }
}

impl<'a> Visit<'a> for Told {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.head(name, &range, &value);
        self.foot(value == Value::Group, false);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        let start = self.head(name, &range, &value);
        self.open.push(Open { start, is_group: value == Value::Group, has_fields: false });
    }

    fn end(&mut self) {
        if let Some(Open { is_group, has_fields, .. }) = self.open.pop() {
            self.foot(is_group, has_fields);
        }
    }

    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>) {
        let out = &mut self.problems;
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"code\":");
        put::string(out, code.as_str());
        out.extend_from_slice(b",\"severity\":");
        put::string(out, code.severity().as_str());
        out.extend_from_slice(b",\"offset\":");
        put::number(out, range.start);
        out.extend_from_slice(b",\"length\":");
        put::number(out, range.len());
        out.extend_from_slice(b",\"text\":\"");
        // Writing to memory does not fail.
        let _ = Escaped(out).write_fmt(text);
        out.extend_from_slice(b"\"}");
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.summary.clear();
        let _ = Escaped(&mut self.summary).write_fmt(text);
    }
}
