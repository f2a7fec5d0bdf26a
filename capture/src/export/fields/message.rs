//! The fields of a row's message, written while a dissection reports them.

use std::fmt::{self, Write as _};
use std::ops::Range;

use framescope_parser::{Captured, Code, FieldReader, FieldSelection, Kind, SpanType, Value, Visit};

use super::selected::{NamedField, Style};
use crate::export::put;
use crate::filter::{Column, Subject};
use crate::{Index, Row};

/// What is done with the selected fields of a message while they are reported.
pub trait TakeFields {
    /// A value of the field in place `at` of those that are selected. `raw` are its bytes, if all of them are there.
    fn field(&mut self, at: usize, value: &Value<'_>, raw: Option<&[u8]>);

    /// The summary.
    fn summary(&mut self, text: fmt::Arguments<'_>);
}

/// Reads the selected fields of messages, and no others where a protocol can do that.
pub struct FieldsReader {
    /// Whether the summary is wanted.
    summary: bool,
    /// Whether the names around a field matter.
    needs_path: bool,
    wanted: FieldSelection,
    /// By protocol, once that is needed, a reader of the wanted fields only, if the protocol has one.
    readers: Vec<Option<Option<Box<dyn FieldReader>>>>,
}

impl FieldsReader {
    /// A reader of the fields among what is selected.
    pub fn new(fields: &[NamedField]) -> Self {
        let needs_path = fields
            .iter()
            .any(|field| matches!(&field.subject, Subject::Field { path, .. } if path.len() > 1));
        let (mut wanted, mut summary) = (FieldSelection::default(), false);
        for field in fields {
            wanted = match &field.subject {
                Subject::Field { path, .. } => wanted.field(&path.join(".")),
                Subject::Column(Column::Summary) => {
                    summary = true;
                    wanted.summary()
                }
                Subject::Column(_) => wanted,
            };
        }
        FieldsReader { summary, needs_path, wanted, readers: Vec::new() }
    }

    /// Dissects a row as far as its selected fields need.
    pub fn read(
        &mut self,
        index: &Index,
        row: &Row,
        fields: &[NamedField],
        bytes: &[u8],
        take: &mut impl TakeFields,
    ) {
        let protocol = index.protocol(row).map(|protocol| protocol.name());
        let is_whole = row.span_type == SpanType::Message && !row.codes.contains(Code::Incomplete);
        // A stage of a conversation has fields of its own.
        let is_alone = is_whole && index.stage(row).is_none();
        let number = index.protocol_number(row).filter(|_| is_alone);
        let needs_path = self.needs_path;
        if let Some(reader) = number.and_then(|number| self.reader(index, number)) {
            let bytes_of = Captured::whole(bytes);
            let path = Vec::new();
            reader
                .report(bytes, &mut Collector { take, fields, protocol, bytes: bytes_of, needs_path, path });
            return;
        }
        let missing = index.missing_before(row, bytes.len());
        let captured = Captured::with_missing(bytes, &missing);
        let path = Vec::new();
        let mut collector = Collector { take, fields, protocol, bytes: captured, needs_path, path };
        index.visit(row, bytes, &mut collector);
        if self.summary {
            index.summary_of_no_message(row, &mut |text| take.summary(text));
        }
    }

    /// The reader of the wanted fields for a protocol.
    fn reader(&mut self, index: &Index, protocol: usize) -> Option<&dyn FieldReader> {
        if self.readers.len() <= protocol {
            self.readers.resize_with(protocol + 1, || None);
        }
        let place = self.readers.get_mut(protocol)?;
        let select = || index.protocols().get(protocol)?.select(&self.wanted);
        place.get_or_insert_with(select).as_deref()
    }
}

/// The selected fields of a message, written while they are reported.
pub(super) struct MessageFields {
    reader: FieldsReader,
    written: WrittenFields,
}

/// What is written of a message.
struct WrittenFields {
    style: Style,
    /// For each selected field its values, and how many there are.
    values: Vec<(Vec<u8>, usize)>,
    /// Where among these the summary is.
    summary: Option<usize>,
}

impl MessageFields {
    pub(super) fn new(fields: &[NamedField], style: Style) -> Self {
        let summary =
            fields.iter().position(|field| matches!(field.subject, Subject::Column(Column::Summary)));
        let written = WrittenFields { style, values: vec![(Vec::new(), 0); fields.len()], summary };
        MessageFields { reader: FieldsReader::new(fields), written }
    }

    /// Dissects a row as far as its selected fields need.
    pub(super) fn read(&mut self, index: &Index, row: &Row, fields: &[NamedField], bytes: &[u8]) {
        for (values, count) in &mut self.written.values {
            values.clear();
            *count = 0;
        }
        self.reader.read(index, row, fields, bytes, &mut self.written);
        let WrittenFields { summary, values, .. } = &self.written;
        // A message without a summary has an empty one.
        if summary.is_some_and(|at| values.get(at).is_some_and(|(_, count)| *count == 0)) {
            self.written.summary(format_args!(""));
        }
    }

    /// Writes the values of a field.
    pub(super) fn write(&self, at: usize, out: &mut Vec<u8>) {
        let Some((values, count)) = self.written.values.get(at) else { return };
        match (self.written.style, count) {
            (Style::Json, 0) => out.extend_from_slice(b"null"),
            (Style::Json, 1) => out.extend_from_slice(values),
            (Style::Json, _) => {
                out.push(b'[');
                out.extend_from_slice(values);
                out.push(b']');
            }
            (Style::Csv, _) => put::cell(out, values),
        }
    }
}

impl TakeFields for WrittenFields {
    fn summary(&mut self, text: fmt::Arguments<'_>) {
        let Some((out, count)) = self.summary.and_then(|at| self.values.get_mut(at)) else { return };
        out.clear();
        *count = 1;
        match self.style {
            Style::Json => {
                out.push(b'"');
                // Writing to memory does not fail.
                let _ = put::JsonEscaper(out).write_fmt(text);
                out.push(b'"');
            }
            Style::Csv => put::formatted(out, text),
        }
    }

    fn field(&mut self, at: usize, value: &Value<'_>, raw: Option<&[u8]>) {
        let Some((out, count)) = self.values.get_mut(at) else { return };
        if *count > 0 {
            out.push(if self.style == Style::Json { b',' } else { b' ' });
        }
        *count += 1;
        match (value, self.style) {
            // A field that holds others is its bytes, as for a filter.
            (Value::Group, style) => match (raw, style) {
                (Some(raw), Style::Json) => put::json_bytes(out, raw),
                (Some(raw), Style::Csv) => put::hex(out, raw),
                (None, Style::Json) => out.extend_from_slice(b"null"),
                (None, Style::Csv) => {}
            },
            (value, Style::Json) => put::json_value(out, value),
            (value, Style::Csv) => put::csv_value(out, value),
        }
    }
}

/// The visitor that collects the selected fields.
struct Collector<'a, 'v, 'm, T> {
    take: &'v mut T,
    fields: &'v [NamedField],
    protocol: Option<&'a str>,
    bytes: Captured<'a, 'm>,
    needs_path: bool,
    /// The names of the fields that are open.
    path: Vec<&'a str>,
}

impl<T: TakeFields> Collector<'_, '_, '_, T> {
    fn collect(&mut self, name: &str, range: &Range<usize>, value: &Value<'_>) {
        for (at, field) in self.fields.iter().enumerate() {
            let Subject::Field { protocol, path } = &field.subject else { continue };
            // The last name decides nearly always.
            let Some((last, before)) = path.split_last() else { continue };
            if last != name || protocol.as_deref().is_some_and(|wanted| self.protocol != Some(wanted)) {
                continue;
            }
            let fits = self.path.iter().rev().zip(before.iter().rev()).all(|(a, b)| a == b);
            if fits && self.path.len() >= before.len() {
                self.take.field(at, value, self.bytes.get(range.clone()));
            }
        }
    }
}

impl<'a, T: TakeFields> Visit<'a> for Collector<'a, '_, '_, T> {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.collect(name, &range, &value);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.collect(name, &range, &value);
        if self.needs_path {
            self.path.push(name);
        }
    }

    fn end(&mut self) {
        self.path.pop();
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.take.summary(text);
    }
}
