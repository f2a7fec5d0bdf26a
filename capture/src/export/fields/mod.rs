//! Only the selected columns and fields of each row, as JSON lines or CSV. What is not selected is not looked up, and where no field
//! of messages is selected their bytes are not read.

mod column;
mod message;
mod selected;

use std::io::{self, Write};

pub use self::column::{ColumnValue, value as column_value};
use self::message::MessageFields;
pub use self::message::{FieldsReader, TakeFields};
use self::selected::Style;
pub use self::selected::{Fields, NamedField};
use super::put::{self, TimeWriter};
use super::rows::{Content, WriteRow, write_rows};
use super::selection::RowSelection;
use crate::filter::{Column, Subject};
use crate::{Index, Row, RowId};

/// Writes the selected fields of each selected row as a line of JSON: an object with their names, in their order.
///
/// What a row does not have is null. Numbers, booleans and texts are JSON's, other values as in [`write_json`]; a field that holds
/// others is its bytes; several fields with one name are an array. `packet`, `ip`, `port`, `problems` and
/// `comment` are always arrays. `latency` is in nanoseconds.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
///
/// [`write_json`]: super::write_json
pub fn write_json_fields(
    index: &Index,
    selection: &mut RowSelection<'_>,
    fields: &Fields,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_rows(index, selection, out, &|| FieldRows::new(index, fields, Style::Json))
}

/// Writes the selected fields of each selected row as a line of CSV, under a line of their names.
///
/// What a row does not have is empty. Bytes are pairs of hexadecimal digits, a named number is its name or `0x2a`; several
/// values of one name have blanks between them.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_csv_fields(
    index: &Index,
    selection: &mut RowSelection<'_>,
    fields: &Fields,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut header = Vec::new();
    for (at, name) in fields.names().enumerate() {
        if at > 0 {
            header.push(b',');
        }
        put::cell(&mut header, name.as_bytes());
    }
    header.push(b'\n');
    out.write_all(&header)?;
    write_rows(index, selection, out, &|| FieldRows::new(index, fields, Style::Csv))
}

pub(super) struct FieldRows<'f> {
    index: &'f Index,
    style: Style,
    fields: &'f [NamedField],
    /// What is written before each value.
    before: Vec<Vec<u8>>,
    /// Whether any field needs the segments of a row, its bytes, or a dissection.
    needs_segments: bool,
    needs_bytes: bool,
    needs_dissection: bool,
    content: Content<'f>,
    times: TimeWriter,
    message: MessageFields,
    cell: Vec<u8>,
}

impl<'f> FieldRows<'f> {
    fn new(index: &'f Index, Fields(fields): &'f Fields, style: Style) -> Self {
        let before = fields.iter().enumerate().map(|(at, field)| {
            let mut before = Vec::new();
            match style {
                Style::Json => {
                    before.push(if at == 0 { b'{' } else { b',' });
                    put::string(&mut before, &field.name);
                    before.push(b':');
                }
                Style::Csv if at > 0 => before.push(b','),
                Style::Csv => {}
            }
            before
        });
        let any = |which: fn(Column) -> bool| {
            fields.iter().any(|field| matches!(field.subject, Subject::Column(column) if which(column)))
        };
        let needs_dissection = fields.iter().any(|field| matches!(field.subject, Subject::Field { .. }))
            || any(|column| column == Column::Summary);
        let needs_bytes = needs_dissection || any(|column| column == Column::Bytes);
        let needs_segments = needs_bytes || any(|column| column == Column::Packet);
        FieldRows {
            index,
            style,
            fields,
            before: before.collect(),
            needs_segments,
            needs_bytes,
            needs_dissection,
            content: Content::new(index),
            times: TimeWriter::default(),
            message: MessageFields::new(fields, style),
            cell: Vec::new(),
        }
    }
}

impl WriteRow for FieldRows<'_> {
    fn write_row(&mut self, number: RowId, row: &Row, out: &mut Vec<u8>) -> io::Result<()> {
        let FieldRows { index, style, fields, before, content, times, message, cell, .. } = self;
        if self.needs_segments {
            content.find(row);
        }
        if self.needs_bytes {
            content.read(row)?;
        }
        if self.needs_dissection {
            message.read(index, row, fields, &content.bytes);
        }
        let begin = out.len();
        for (at, (field, before)) in fields.iter().zip(before).enumerate() {
            out.extend_from_slice(before);
            match (&field.subject, *style) {
                (Subject::Field { .. }, _) | (Subject::Column(Column::Summary), _) => message.write(at, out),
                (Subject::Column(column), Style::Json) => {
                    let value = column::value(*column, index, number, row, content);
                    column::write_json(value, times, out);
                }
                (Subject::Column(column), Style::Csv) => {
                    cell.clear();
                    let value = column::value(*column, index, number, row, content);
                    column::write_csv(value, times, cell);
                    put::cell(out, cell);
                }
            }
        }
        match style {
            Style::Json => out.push(b'}'),
            // An empty line would be no row.
            Style::Csv if out.len() == begin => out.extend_from_slice(b"\"\""),
            Style::Csv => {}
        }
        out.push(b'\n');
        Ok(())
    }
}
