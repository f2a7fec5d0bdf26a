//! One line of CSV for each row, under a line of column names.

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;

use framescope_parser::{Code, Kind, Value, Visit};

use super::put::{self, TimeWriter};
use super::rows::{Content, StreamTexts, WriteRow, write_rows};
use super::selection::RowSelection;
use crate::{Index, Row, RowId};

const COLUMNS: &[u8] = b"row,time,flow,direction,src,dst,offset,length,protocol,type,kind,summary,problems\n";

/// Writes each selected row as a line of CSV.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_csv(index: &Index, selection: &mut RowSelection<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(COLUMNS)?;
    write_rows(index, selection, out, &|| CsvRows::new(index))
}

pub(super) struct CsvRows<'i> {
    index: &'i Index,
    content: Content<'i>,
    streams: StreamTexts,
    times: TimeWriter,
    dissection: SummaryAndCodes,
}

impl<'i> CsvRows<'i> {
    pub(super) fn new(index: &'i Index) -> Self {
        CsvRows {
            index,
            content: Content::new(index),
            streams: StreamTexts::new(),
            times: TimeWriter::default(),
            dissection: SummaryAndCodes::default(),
        }
    }
}

/// What a dissection says of a message beside its fields.
#[derive(Default)]
struct SummaryAndCodes {
    summary: Vec<u8>,
    /// The codes of its problems, each once.
    codes: Vec<Code>,
}

impl WriteRow for CsvRows<'_> {
    fn write_row(&mut self, number: RowId, row: &Row, out: &mut Vec<u8>) -> io::Result<()> {
        let CsvRows { index, content, streams, times, dissection } = self;
        content.find(row);
        content.read(row)?;
        dissection.read(index, number, row, &content.bytes);

        put::number(out, number.number());
        out.push(b',');
        if let Some(time_ns) = index.time_ns(row) {
            times.write(out, time_ns);
        }
        streams.write(index, row, out, |out, flow, direction, endpoints| {
            out.push(b',');
            put::number(out, flow.number());
            out.push(b',');
            out.extend_from_slice(direction.as_str().as_bytes());
            let (src, dst) = endpoints.unzip();
            for address in [src, dst] {
                out.push(b',');
                if let Some(address) = address {
                    put::cell(out, address.to_string().as_bytes());
                }
            }
            out.push(b',');
        });
        put::number(out, row.offset);
        out.push(b',');
        put::number(out, row.length);
        let protocol = index.protocol(row).map_or("", |protocol| protocol.name());
        let cells = [protocol, row.type_name(), index.kind(row).unwrap_or_default()];
        for text in cells.map(str::as_bytes).into_iter().chain([&dissection.summary[..]]) {
            out.push(b',');
            put::cell(out, text);
        }
        out.push(b',');
        put::blanks_between(out, &dissection.codes, |out, code| {
            out.extend_from_slice(code.as_str().as_bytes())
        });
        out.push(b'\n');
        Ok(())
    }
}

impl SummaryAndCodes {
    fn read(&mut self, index: &Index, number: RowId, row: &Row, bytes: &[u8]) {
        self.summary.clear();
        self.codes.clear();
        index.report(number, row, bytes, self);
    }
}

impl<'a> Visit<'a> for SummaryAndCodes {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn end(&mut self) {}

    fn problem(&mut self, code: Code, _: Range<usize>, _: fmt::Arguments<'_>) {
        put::push_code(&mut self.codes, code);
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.summary.clear();
        put::formatted(&mut self.summary, text);
    }
}
