//! Rows for a person to read in a terminal: a line for the message, one for each field, one for each problem.

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;

use framescope_parser::{Code, Kind, Severity, SpanType, Value, Visit};

use super::put::{self, TimeWriter};
use super::rows::{Content, StreamTexts, WriteRow, write_rows};
use super::selection::RowSelection;
use crate::{Index, PacketId, Row, RowId};

/// Whether to colour the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    #[default]
    Plain,
    /// With the escape sequences for colours in a terminal.
    Ansi,
}

impl Paint {
    /// `text` in the colour of an SGR number.
    pub(crate) fn colour(self, sgr: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Ansi => format!("\x1b[{sgr}m{text}\x1b[0m"),
        }
    }

    pub(super) fn severity(self, severity: Severity, text: &str) -> String {
        self.colour(Paint::of_severity(severity), text)
    }

    /// The SGR number of a severity.
    fn of_severity(severity: Severity) -> &'static str {
        match severity {
            Severity::Error => "31;1",
            Severity::Warning => "33",
            Severity::Note => "36",
        }
    }

    /// Appends what `write` writes, in the colour of an SGR number.
    fn put(self, sgr: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self == Paint::Ansi {
            put::formatted(out, format_args!("\x1b[{sgr}m"));
        }
        write(out);
        if self == Paint::Ansi {
            out.extend_from_slice(b"\x1b[0m");
        }
    }
}

/// Writes each selected row with its fields and problems.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_text(
    index: &Index,
    selection: &mut RowSelection<'_>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_rows(index, selection, &mut SkipFirstByte::new(out), &|| TextRows::new(index, paint))
}

/// Writes all but the first byte: the blank line before the first row.
pub(super) struct SkipFirstByte<'o> {
    out: &'o mut dyn Write,
    is_first: bool,
}

impl<'o> SkipFirstByte<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        SkipFirstByte { out, is_first: true }
    }
}

impl Write for SkipFirstByte<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes.split_first() {
            Some(_) if std::mem::take(&mut self.is_first) => Ok(1),
            _ => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes rows, a blank line before each.
pub(super) struct TextRows<'i> {
    index: &'i Index,
    paint: Paint,
    content: Content<'i>,
    streams: StreamTexts,
    times: TimeWriter,
    dissection: TextDissection,
}

impl<'i> TextRows<'i> {
    pub(super) fn new(index: &'i Index, paint: Paint) -> Self {
        let dissection = TextDissection { paint, ..TextDissection::default() };
        let (content, streams, times) = (Content::new(index), StreamTexts::new(), TimeWriter::default());
        TextRows { index, paint, content, streams, times, dissection }
    }
}

impl WriteRow for TextRows<'_> {
    fn write_row(&mut self, number: RowId, row: &Row, out: &mut Vec<u8>) -> io::Result<()> {
        let TextRows { index, paint, content, streams, times, dissection } = self;
        let paint = *paint;
        content.find(row);
        content.read(row)?;
        dissection.read(index, number, row, &content.bytes);

        out.extend_from_slice(b"\n#");
        put::number(out, number.number());
        out.push(b' ');
        match index.time_ns(row) {
            Some(time_ns) => times.write(out, time_ns),
            None => out.extend_from_slice(b"no time"),
        }
        streams.write(index, row, out, |out, flow, _, endpoints| {
            let from_to = match endpoints {
                Some((src, dst)) => format!("{src} > {dst}"),
                None => "file".to_owned(),
            };
            put::formatted(out, format_args!(" flow {flow} {from_to} "));
        });
        out.extend_from_slice(index.protocol(row).map_or("-", |protocol| protocol.name()).as_bytes());
        out.push(b' ');
        let sgr = match row.severity() {
            Some(severity) if severity > Severity::Note => Paint::of_severity(severity),
            _ => "1",
        };
        paint.put(sgr, out, |out| match index.kind(row) {
            Some(kind) if row.span_type == SpanType::Message => out.extend_from_slice(kind.as_bytes()),
            Some(kind) => put::formatted(out, format_args!("{} {kind}", row.type_name())),
            None => out.extend_from_slice(row.type_name().as_bytes()),
        });
        out.extend_from_slice(b": ");
        out.extend_from_slice(&dissection.summary);
        out.push(b'\n');
        paint.put("2", out, |out| {
            out.extend_from_slice(b"    ");
            put_facts(out, index, number, row, content.packets(), usize::MAX);
        });
        out.push(b'\n');
        for (packet, comment) in index.comments(row) {
            put::formatted(out, format_args!("    comment on packet {packet}: {comment}\n"));
        }
        out.extend_from_slice(&dissection.fields);
        out.extend_from_slice(&dissection.problems);
        Ok(())
    }
}

/// Where a row's bytes are in its stream, which packets carried them (at most `max_packets` are listed), and what it replies to.
pub fn row_facts(index: &Index, number: RowId, row: &Row, max_packets: usize) -> String {
    let mut facts = Vec::new();
    put_facts(&mut facts, index, number, row, &index.row_packets(row), max_packets);
    String::from_utf8(facts).unwrap_or_default()
}

fn put_facts(
    out: &mut Vec<u8>,
    index: &Index,
    number: RowId,
    row: &Row,
    packets: &[PacketId],
    max_packets: usize,
) {
    put::number(out, row.length);
    out.extend_from_slice(b" bytes at offset ");
    put::number(out, row.offset);
    out.extend_from_slice(b", ");
    out.extend_from_slice(index.direction(row).as_str().as_bytes());
    if let Some(stage) = index.stage(row) {
        out.extend_from_slice(b", stage ");
        out.extend_from_slice(stage.name.as_bytes());
    }
    match packets.len() {
        0 => {}
        1 => out.extend_from_slice(b", packet "),
        _ => out.extend_from_slice(b", packets "),
    }
    for (at, &packet) in packets.iter().take(max_packets).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        put::number(out, packet.number());
    }
    if packets.len() > max_packets.max(1) {
        out.extend_from_slice(" …".as_bytes());
    }
    if let Some((to, latency)) = index.reply_to(number) {
        out.extend_from_slice(b", replies to #");
        put::number(out, to.number());
        if let Some(latency) = latency {
            out.extend_from_slice(b" after ");
            put_latency(out, latency);
        }
    }
    if let Some(first) = index.part_of(number) {
        out.extend_from_slice(b", continues #");
        put::number(out, first.number());
    }
}

/// A dissection of a message, written in lines while it is reported.
#[derive(Default)]
pub(super) struct TextDissection {
    paint: Paint,
    pub(super) summary: Vec<u8>,
    pub(super) fields: Vec<u8>,
    pub(super) problems: Vec<u8>,
    /// The fields that were begun and not ended.
    open: Vec<Open>,
    /// A blank and a name for each flag in them that is set.
    set: Vec<u8>,
}

struct Open {
    /// Where in `fields` its line begins, and where that ends.
    start: usize,
    line_end: usize,
    /// Where in `set` the names of its flags begin.
    set: usize,
    /// Whether it has no value, and what is in it.
    is_group: bool,
    has_flags: bool,
    has_others: bool,
}

impl TextDissection {
    /// Dissects a row, with the same result as [`Index::dissect`].
    fn read(&mut self, index: &Index, number: RowId, row: &Row, bytes: &[u8]) {
        self.summary.clear();
        self.fields.clear();
        self.problems.clear();
        self.open.clear();
        self.set.clear();
        index.report(number, row, bytes, self);
        self.finish();
    }

    /// Ends the dissection: a field that was not ended is dropped.
    pub(super) fn finish(&mut self) {
        if let Some(first) = self.open.first() {
            self.fields.truncate(first.start);
        }
    }

    /// Writes a field's line. Returns where it begins.
    fn line(&mut self, name: &str, value: &Value<'_>) -> usize {
        if let Some(open) = self.open.last_mut() {
            match value {
                Value::Bool(is_set) => {
                    open.has_flags = true;
                    if *is_set {
                        self.set.push(b' ');
                        self.set.extend_from_slice(name.as_bytes());
                    }
                }
                _ => open.has_others = true,
            }
        }
        let start = self.fields.len();
        let out = &mut self.fields;
        out.extend((0..=self.open.len()).flat_map(|_| *b"    "));
        out.extend_from_slice(name.as_bytes());
        if *value != Value::Group {
            out.extend_from_slice(b" = ");
            put::text_value(out, value);
        }
        out.push(b'\n');
        start
    }
}

impl<'a> Visit<'a> for TextDissection {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, name: &'a str, _: Range<usize>, value: Value<'a>) {
        self.line(name, &value);
    }

    fn begin(&mut self, name: &'a str, _: Range<usize>, value: Value<'a>) {
        let start = self.line(name, &value);
        self.open.push(Open {
            start,
            line_end: self.fields.len(),
            set: self.set.len(),
            is_group: value == Value::Group,
            has_flags: false,
            has_others: false,
        });
    }

    fn end(&mut self) {
        let Some(Open { line_end, set, is_group, has_flags, has_others, .. }) = self.open.pop() else {
            return;
        };
        if has_flags && !has_others && !is_group {
            // Flags that are set follow on the same line.
            self.fields.truncate(line_end.saturating_sub(1));
            self.fields.extend_from_slice(self.set.get(set..).unwrap_or_default());
            self.fields.push(b'\n');
        }
        self.set.truncate(set);
    }

    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>) {
        let (out, severity) = (&mut self.problems, code.severity());
        out.extend_from_slice(b"    ! ");
        self.paint.put(Paint::of_severity(severity), out, |out| {
            put::formatted(out, format_args!("{severity} {code}"));
        });
        put::formatted(out, format_args!(" at {}..{}: {text}\n", range.start, range.end));
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.summary.clear();
        put::formatted(&mut self.summary, text);
    }
}

/// A duration in a suitable unit.
pub(super) fn latency_text(ns: i64) -> String {
    let mut text = Vec::new();
    put_latency(&mut text, ns);
    String::from_utf8(text).unwrap_or_default()
}

fn put_latency(out: &mut Vec<u8>, ns: i64) {
    let (divisor, unit) = match ns.unsigned_abs() {
        0..1_000 => return put::formatted(out, format_args!("{ns} ns")),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let thousandths = (ns % divisor).unsigned_abs() * 1000 / divisor.unsigned_abs();
    put::formatted(out, format_args!("{}.{thousandths:03} {unit}", ns / divisor));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_a_suitable_unit() {
        let texts = [999, 1_500, 2_000_001, 61_234_000_000].map(latency_text);
        assert_eq!(texts, ["999 ns", "1.500 µs", "2.000 ms", "61.234 s"]);
    }
}
