//! Only those columns and fields of each row that were chosen, as JSON lines or CSV. What was not asked for is not looked
//! up; where no field of messages is chosen their bytes are not read.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{
    Captured, Code, FieldReader, FieldSelection, Kind, Protocol, SpanType, Value, Visit,
};

use super::RowSelection;
use super::put::{self, Clock};
use super::rows::{Content, WriteRow, write_rows};
use crate::filter::{Column, FilterError, Subject, subject};
use crate::{Index, Row};

/// Columns and fields, by the names that a filter knows them by.
///
/// ```
/// use framescope_capture::export::{RowSelection, Fields, write_json_fields};
/// use framescope_capture::{Options, Source, read};
/// use framescope_parser::built_in;
///
/// let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
/// let fields = Fields::parse("row,kind,bare.text,latency", &built_in())?;
/// let mut out = Vec::new();
/// write_json_fields(&index, &mut RowSelection::all(), &fields, &mut out)?;
/// assert_eq!(String::from_utf8(out)?, "{\"row\":0,\"kind\":\"LOGIN\",\"bare.text\":\"ada\",\"latency\":null}\n");
///
/// let error = Fields::parse("row,knid", &built_in()).unwrap_err();
/// assert_eq!(error.text, "there is no column or field 'knid'; did you mean 'kind'?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fields(Vec<One>);

#[derive(Clone, Debug)]
struct One {
    name: String,
    what: Subject,
}

impl Fields {
    /// Understands names between commas. `protocols` are those whose fields they may be.
    ///
    /// # Errors
    /// The place of the first name that is not known, and what may have been meant; or of one that stands there twice.
    pub fn parse(names: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Fields, FilterError> {
        let mut fields: Vec<One> = Vec::new();
        let mut at = 0;
        for part in names.split(',') {
            let name = part.trim();
            let from = at + part.len() - part.trim_start().len();
            let place = from..from + name.len();
            at += part.len() + 1;
            let wrong = |text: String| FilterError::new(names, place.clone(), &text);
            if name.is_empty() {
                return Err(wrong("a column or a field is missing here, such as kind or payload".to_owned()));
            }
            if fields.iter().any(|known| known.name == name) {
                return Err(wrong(format!("'{name}' stands here twice")));
            }
            let what = subject(name, protocols).map_err(wrong)?;
            fields.push(One { name: name.to_owned(), what });
        }
        Ok(Fields(fields))
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| &*one.name)
    }
}

/// Writes the chosen fields of each chosen row as a line of JSON: an object with their names, in their order.
///
/// What a row does not have is null. Numbers, booleans and texts are what they are, other values as in [`write_json`]; a field that
/// holds others is its bytes; of several fields with one name all are told, as an array. `packet`, `ip`, `port`, `problems` and
/// `comment` are always arrays. `latency` is in nanoseconds.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
///
/// [`write_json`]: super::write_json
pub fn write_json_fields(
    index: &Index,
    chosen: &mut RowSelection<'_>,
    fields: &Fields,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_rows(index, chosen, out, &|| FieldRows::new(index, fields, Style::Json))
}

/// Writes the chosen fields of each chosen row as a line of CSV, under a line of their names.
///
/// What a row does not have is empty. Bytes are pairs of hexadecimal digits, a named number is its name or `0x2a`; several
/// values of one name have blanks between them.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_csv_fields(
    index: &Index,
    chosen: &mut RowSelection<'_>,
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
    write_rows(index, chosen, out, &|| FieldRows::new(index, fields, Style::Csv))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Json,
    Csv,
}

pub(super) struct FieldRows<'f> {
    index: &'f Index,
    style: Style,
    fields: &'f [One],
    /// What stands before each value.
    before: Vec<Vec<u8>>,
    /// Whether anything is asked that the segments of a row say, its bytes say, and its message taken apart says.
    segments: bool,
    bytes: bool,
    message: bool,
    content: Content<'f>,
    clock: Clock,
    told: Values,
    cell: Vec<u8>,
}

impl<'f> FieldRows<'f> {
    fn new(index: &'f Index, Fields(fields): &'f Fields, style: Style) -> Self {
        let before = fields.iter().enumerate().map(|(at, one)| {
            let mut before = Vec::new();
            match style {
                Style::Json => {
                    before.push(if at == 0 { b'{' } else { b',' });
                    put::string(&mut before, &one.name);
                    before.push(b':');
                }
                Style::Csv if at > 0 => before.push(b','),
                Style::Csv => {}
            }
            before
        });
        let any = |which: fn(Column) -> bool| {
            fields.iter().any(|one| matches!(one.what, Subject::Column(column) if which(column)))
        };
        let message = fields.iter().any(|one| matches!(one.what, Subject::Field { .. }))
            || any(|column| column == Column::Summary);
        let bytes = message || any(|column| column == Column::Bytes);
        let segments = bytes || any(|column| column == Column::Packet);
        FieldRows {
            index,
            style,
            fields,
            before: before.collect(),
            segments,
            bytes,
            message,
            content: Content::new(index),
            clock: Clock::default(),
            told: Values::new(fields, style),
            cell: Vec::new(),
        }
    }
}

impl WriteRow for FieldRows<'_> {
    fn write_row(&mut self, number: u32, row: &Row, out: &mut Vec<u8>) -> io::Result<()> {
        let FieldRows { index, style, fields, before, content, clock, told, cell, .. } = self;
        if self.segments {
            content.find(row);
        }
        if self.bytes {
            content.read(row)?;
        }
        if self.message {
            told.tell(index, row, fields, &content.bytes);
        }
        let begin = out.len();
        for (at, (one, before)) in fields.iter().zip(before).enumerate() {
            out.extend_from_slice(before);
            match (&one.what, *style) {
                (Subject::Field { .. }, _) | (Subject::Column(Column::Summary), _) => told.put(at, out),
                (Subject::Column(column), Style::Json) => {
                    json_column(*column, index, number, row, content, clock, out)
                }
                (Subject::Column(column), Style::Csv) => {
                    cell.clear();
                    csv_column(*column, index, number, row, content, clock, cell);
                    put::cell(out, cell);
                }
            }
        }
        match style {
            Style::Json => out.push(b'}'),
            // A line of nothing would be no line.
            Style::Csv if out.len() == begin => out.extend_from_slice(b"\"\""),
            Style::Csv => {}
        }
        out.push(b'\n');
        Ok(())
    }
}

/// What a column holds of a row.
enum Held<'h> {
    Nothing,
    Number(u64),
    Signed(i64),
    Time(i64),
    Name(&'h str),
    Text(String),
    Bytes(&'h [u8]),
    Numbers(Vec<u64>),
    Texts(Vec<String>),
}

fn held<'h>(
    column: Column,
    index: &'h Index,
    number: u32,
    row: &'h Row,
    content: &'h mut Content<'_>,
) -> Held<'h> {
    let some = |value: Option<u64>| value.map_or(Held::Nothing, Held::Number);
    let name = |name: Option<&'h str>| name.map_or(Held::Nothing, Held::Name);
    let ends = || index.endpoints(row);
    let both = || ends().into_iter().flat_map(|(src, dst)| [src, dst]);
    let address = |address: Option<SocketAddr>| {
        address.map_or(Held::Nothing, |address| Held::Text(address.to_string()))
    };
    match column {
        Column::Row => Held::Number(number.into()),
        Column::Flow => Held::Number(row.flow().into()),
        Column::Packet => Held::Numbers(content.packets().iter().copied().map(u64::from).collect()),
        Column::Offset => Held::Number(row.offset),
        Column::Length => Held::Number(row.length),
        Column::Time => index.time_ns(row).map_or(Held::Nothing, Held::Time),
        Column::Latency => {
            index.reply_to(number).and_then(|(_, latency)| latency).map_or(Held::Nothing, Held::Signed)
        }
        Column::ReplyTo => some(index.reply_to(number).map(|(to, _)| to.into())),
        Column::AnsweredBy => some(index.answered_by(number).map(u64::from)),
        Column::PartOf => some(index.part_of(number).map(u64::from)),
        Column::MissingBytes => some(index.missing_bytes(row)),
        Column::Direction => Held::Name(index.direction(row).as_str()),
        Column::Transport => name(index.flows().get(row.flow() as usize).map(|flow| flow.transport.as_str())),
        Column::Protocol => name(index.protocol(row).map(|protocol| protocol.name())),
        Column::Type => Held::Name(row.type_name()),
        Column::Kind => name(index.kind(row)),
        Column::Src => address(ends().map(|(src, _)| src)),
        Column::Dst => address(ends().map(|(_, dst)| dst)),
        Column::Address => Held::Texts(both().map(|address| address.to_string()).collect()),
        Column::SrcPort => some(ends().map(|(src, _)| src.port().into())),
        Column::DstPort => some(ends().map(|(_, dst)| dst.port().into())),
        Column::Port => Held::Numbers(both().map(|address| address.port().into()).collect()),
        Column::Problems => Held::Texts(row.codes.iter().map(|code| code.as_str().to_owned()).collect()),
        Column::Severity => name(row.severity().map(|severity| severity.as_str())),
        Column::Comment => {
            Held::Texts(index.comments(row).into_iter().map(|(_, text)| text.to_owned()).collect())
        }
        Column::Bytes => Held::Bytes(&content.bytes),
        // A message tells that.
        Column::Summary => Held::Nothing,
    }
}

fn json_column(
    column: Column,
    index: &Index,
    number: u32,
    row: &Row,
    content: &mut Content<'_>,
    clock: &mut Clock,
    out: &mut Vec<u8>,
) {
    match held(column, index, number, row, content) {
        Held::Nothing => out.extend_from_slice(b"null"),
        Held::Number(number) => put::number(out, number),
        Held::Signed(number) => put::number(out, number),
        Held::Time(time_ns) => {
            out.push(b'"');
            clock.put(out, time_ns);
            out.push(b'"');
        }
        Held::Name(text) => put::string(out, text),
        Held::Text(text) => put::string(out, &text),
        Held::Bytes(bytes) => put::json_bytes(out, bytes),
        Held::Numbers(numbers) => put::json_list(out, numbers, put::number),
        Held::Texts(texts) => put::json_list(out, texts, |out, text| put::string(out, &text)),
    }
}

fn csv_column(
    column: Column,
    index: &Index,
    number: u32,
    row: &Row,
    content: &mut Content<'_>,
    clock: &mut Clock,
    out: &mut Vec<u8>,
) {
    match held(column, index, number, row, content) {
        Held::Nothing => {}
        Held::Number(number) => put::number(out, number),
        Held::Signed(number) => put::number(out, number),
        Held::Time(time_ns) => clock.put(out, time_ns),
        Held::Name(text) => out.extend_from_slice(text.as_bytes()),
        Held::Text(text) => out.extend_from_slice(text.as_bytes()),
        Held::Bytes(bytes) => put::hex(out, bytes),
        Held::Numbers(numbers) => put::blanks_between(out, numbers, put::number),
        Held::Texts(texts) => {
            put::blanks_between(out, texts, |out, text| out.extend_from_slice(text.as_bytes()));
        }
    }
}

/// What messages tell of the chosen fields, written as it is told.
struct Values {
    style: Style,
    /// For each chosen field what was told of it, and how often.
    told: Vec<(Vec<u8>, usize)>,
    /// Where among these the summary is.
    summary: Option<usize>,
    /// Whether the names around a field matter.
    around: bool,
    wanted: FieldSelection,
    /// By protocol, once one was asked for it, a reader of just what is wanted, if the protocol has one.
    readers: Vec<Option<Option<Box<dyn FieldReader>>>>,
}

impl Values {
    fn new(fields: &[One], style: Style) -> Self {
        let summary = fields.iter().position(|one| matches!(one.what, Subject::Column(Column::Summary)));
        let around =
            fields.iter().any(|one| matches!(&one.what, Subject::Field { path, .. } if path.len() > 1));
        let mut wanted = FieldSelection::default();
        for one in fields {
            wanted = match &one.what {
                Subject::Field { path, .. } => wanted.field(&path.join(".")),
                Subject::Column(Column::Summary) => wanted.summary(),
                Subject::Column(_) => wanted,
            };
        }
        Values {
            style,
            told: vec![(Vec::new(), 0); fields.len()],
            summary,
            around,
            wanted,
            readers: Vec::new(),
        }
    }

    fn tell(&mut self, index: &Index, row: &Row, fields: &[One], bytes: &[u8]) {
        for (values, count) in &mut self.told {
            values.clear();
            *count = 0;
        }
        let protocol = index.protocol(row).map(|protocol| protocol.name());
        let is_whole = row.span_type == SpanType::Message && !row.codes.contains(Code::Incomplete);
        let number = index.protocol_number(row).filter(|_| is_whole);
        match number.and_then(|number| Some((number, self.take_reader(index, number)?))) {
            Some((number, reader)) => {
                let message = Captured::whole(bytes);
                reader.tell(bytes, &mut Asked { values: self, fields, protocol, message, path: Vec::new() });
                if let Some(place) = self.readers.get_mut(number) {
                    *place = Some(Some(reader));
                }
                return self.say_something();
            }
            None => {
                let missing = index.missing_before(row, bytes.len());
                let message = Captured::with_missing(bytes, &missing);
                let mut asked = Asked { values: self, fields, protocol, message, path: Vec::new() };
                index.visit(row, bytes, &mut asked);
            }
        }
        if self.summary.is_some() {
            index.summary_of_no_message(row, &mut |text| self.summary(text));
        }
        self.say_something();
    }

    /// A message may have nothing to say.
    fn say_something(&mut self) {
        if self.summary.is_some_and(|at| self.told.get(at).is_some_and(|told| told.1 == 0)) {
            self.summary(format_args!(""));
        }
    }

    /// The reader of what is wanted for a protocol, to be put back.
    fn take_reader(&mut self, index: &Index, protocol: usize) -> Option<Box<dyn FieldReader>> {
        if self.readers.len() <= protocol {
            self.readers.resize_with(protocol + 1, || None);
        }
        let place = self.readers.get_mut(protocol)?;
        let select = || index.protocols().get(protocol)?.select(&self.wanted);
        place.get_or_insert_with(select).take()
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        let Some((out, count)) = self.summary.and_then(|at| self.told.get_mut(at)) else { return };
        out.clear();
        *count = 1;
        match self.style {
            Style::Json => {
                out.push(b'"');
                // Writing to memory does not fail.
                let _ = put::Escaped(out).write_fmt(text);
                out.push(b'"');
            }
            Style::Csv => put::formatted(out, text),
        }
    }

    /// Takes a field that was asked for.
    fn take(&mut self, at: usize, value: &Value<'_>, raw: Option<&[u8]>) {
        let Some((out, count)) = self.told.get_mut(at) else { return };
        if *count > 0 {
            out.push(if self.style == Style::Json { b',' } else { b' ' });
        }
        *count += 1;
        match (value, self.style) {
            // What is the sum of others is told as its bytes, as a filter looks at it.
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

    /// Writes what was told of a field.
    fn put(&self, at: usize, out: &mut Vec<u8>) {
        let Some((values, count)) = self.told.get(at) else { return };
        match (self.style, count) {
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

/// The visitor that keeps the fields that were asked for.
struct Asked<'a, 'v, 'm> {
    values: &'v mut Values,
    fields: &'v [One],
    protocol: Option<&'a str>,
    message: Captured<'a, 'm>,
    /// The names of the fields that are open.
    path: Vec<&'a str>,
}

impl Asked<'_, '_, '_> {
    fn ask(&mut self, name: &str, range: &Range<usize>, value: &Value<'_>) {
        for (at, one) in self.fields.iter().enumerate() {
            let Subject::Field { protocol, path } = &one.what else { continue };
            // The last name decides nearly always.
            let Some((last, before)) = path.split_last() else { continue };
            if last != name || protocol.as_deref().is_some_and(|wanted| self.protocol != Some(wanted)) {
                continue;
            }
            let fits = self.path.iter().rev().zip(before.iter().rev()).all(|(a, b)| a == b);
            if fits && self.path.len() >= before.len() {
                self.values.take(at, value, self.message.get(range.clone()));
            }
        }
    }
}

impl<'a> Visit<'a> for Asked<'a, '_, '_> {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.ask(name, &range, &value);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.ask(name, &range, &value);
        if self.values.around {
            self.path.push(name);
        }
    }

    fn end(&mut self) {
        self.path.pop();
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.values.summary(text);
    }
}
