//! One JSON object a line for each row.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::ops::Range;

use framescope_parser::{Code, Kind, Value, Visit};

use super::put::{self, JsonEscaper, TimeWriter};
use super::rows::{Content, StreamTexts, WriteRow, write_rows};
use super::selection::RowSelection;
use crate::{Index, Row, RowId};

/// Writes each selected row as a line of JSON.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_json(index: &Index, selection: &mut RowSelection<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_rows(index, selection, out, &|| JsonRows::new(index))
}

pub(super) struct JsonRows<'i> {
    index: &'i Index,
    content: Content<'i>,
    streams: StreamTexts,
    times: TimeWriter,
    dissection: JsonDissection,
}

/// A dissection of a message, written as JSON while it is reported.
#[derive(Default)]
pub struct JsonDissection {
    /// The summary, without its quotes.
    pub summary: Vec<u8>,
    /// The fields, with commas between them.
    pub fields: Vec<u8>,
    /// The problems, with commas between them.
    pub problems: Vec<u8>,
    /// The fields that were begun and not ended.
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
            streams: StreamTexts::new(),
            times: TimeWriter::default(),
            dissection: JsonDissection::default(),
        }
    }
}

impl WriteRow for JsonRows<'_> {
    fn write_row(&mut self, number: RowId, row: &Row, out: &mut Vec<u8>) -> io::Result<()> {
        let JsonRows { index, content, streams, times, dissection } = self;
        content.find(row);
        content.read(row)?;
        dissection.read(index, number, row, &content.bytes);

        out.extend_from_slice(b"{\"row\":");
        put::number(out, number.number());
        out.extend_from_slice(b",\"time\":");
        match index.time_ns(row) {
            Some(time_ns) => {
                out.push(b'"');
                times.write(out, time_ns);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        streams.write(index, row, out, |out, flow, direction, endpoints| {
            out.extend_from_slice(b",\"flow\":");
            put::number(out, flow.number());
            out.extend_from_slice(b",\"direction\":");
            put::string(out, direction.as_str());
            let (src, dst) = endpoints.unzip();
            for (key, address) in [(&b",\"src\":"[..], src), (b",\"dst\":", dst)] {
                out.extend_from_slice(key);
                put::string_or_null(out, address.map(|address| address.to_string()).as_deref());
            }
            if let Some(carried) = index.flow(flow).and_then(|flow| flow.carried()) {
                out.extend_from_slice(b",\"carried_in\":");
                put::string(out, carried.path());
            }
            out.extend_from_slice(b",\"offset\":");
        });
        put::number(out, row.offset);
        out.extend_from_slice(b",\"length\":");
        put::number(out, row.length);
        write_missing(index, row, out);
        out.extend_from_slice(b",\"packets\":");
        put::json_list(out, content.packets(), |out, packet| put::number(out, packet.number()));
        out.extend_from_slice(b",\"protocol\":");
        put::string_or_null(out, index.protocol(row).map(|protocol| protocol.name()));
        out.extend_from_slice(b",\"type\":");
        put::string(out, row.type_name());
        out.extend_from_slice(b",\"kind\":");
        put::string_or_null(out, index.kind(row));
        if let Some(stage) = index.stage(row) {
            out.extend_from_slice(b",\"stage\":");
            put::string(out, &stage.name);
        }
        out.extend_from_slice(b",\"summary\":\"");
        out.extend_from_slice(&dissection.summary);
        out.push(b'"');
        if index.level(row) > 0 {
            out.extend_from_slice(b",\"carried_by\":");
            put::json_list(out, index.carried_by(row), |out, row| put::number(out, row.number()));
        }
        write_relations(index, number, out);
        write_comments(index, row, out);
        out.extend_from_slice(b",\"fields\":[");
        out.extend_from_slice(&dissection.fields);
        out.extend_from_slice(b"],\"problems\":[");
        out.extend_from_slice(&dissection.problems);
        out.extend_from_slice(b"]}\n");
        Ok(())
    }
}

/// Which bytes of the row were not captured; nothing if all were.
fn write_missing(index: &Index, row: &Row, out: &mut Vec<u8>) {
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
}

/// Which other rows the row is related to.
fn write_relations(index: &Index, number: RowId, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"reply_to\":");
    let (reply_to, latency_ns) = index.reply_to(number).unzip();
    put::number_or_null(out, reply_to.map(RowId::number));
    out.extend_from_slice(b",\"latency_ns\":");
    put::number_or_null(out, latency_ns.flatten());
    out.extend_from_slice(b",\"part_of\":");
    put::number_or_null(out, index.part_of(number).map(RowId::number));
}

/// The comments on the row's packets; nothing if there are none.
fn write_comments(index: &Index, row: &Row, out: &mut Vec<u8>) {
    let comments = index.comments(row);
    if !comments.is_empty() {
        out.extend_from_slice(b",\"comments\":");
        put::json_list(out, comments, |out, (packet, text)| {
            out.extend_from_slice(b"{\"packet\":");
            put::number(out, packet.number());
            out.extend_from_slice(b",\"text\":");
            put::string(out, text);
            out.push(b'}');
        });
    }
}

impl JsonDissection {
    /// Dissects a row, with the same result as [`Index::dissect`].
    fn read(&mut self, index: &Index, number: RowId, row: &Row, bytes: &[u8]) {
        self.summary.clear();
        self.fields.clear();
        self.problems.clear();
        self.open.clear();
        index.report(number, row, bytes, self);
        self.finish();
    }

    /// Ends the dissection: a field that was not ended is dropped.
    pub(super) fn finish(&mut self) {
        if let Some(first) = self.open.first() {
            self.fields.truncate(first.start);
        }
    }

    /// Begins a field, in the one that is open. Returns where it begins.
    fn begin_field(&mut self, name: &str, range: &Range<usize>, value: &Value<'_>) -> usize {
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

    /// Ends the field that was begun.
    fn end_field(&mut self, is_group: bool, has_fields: bool) {
        match (has_fields, is_group) {
            (true, _) => self.fields.extend_from_slice(b"]}"),
            (false, true) => self.fields.extend_from_slice(b",\"fields\":[]}"),
            (false, false) => self.fields.push(b'}'),
        }
    }
}

impl<'a> Visit<'a> for JsonDissection {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.begin_field(name, &range, &value);
        self.end_field(value == Value::Group, false);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        let start = self.begin_field(name, &range, &value);
        self.open.push(Open { start, is_group: value == Value::Group, has_fields: false });
    }

    fn end(&mut self) {
        if let Some(Open { is_group, has_fields, .. }) = self.open.pop() {
            self.end_field(is_group, has_fields);
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
        let _ = JsonEscaper(out).write_fmt(text);
        out.extend_from_slice(b"\"}");
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.summary.clear();
        let _ = JsonEscaper(&mut self.summary).write_fmt(text);
    }
}
