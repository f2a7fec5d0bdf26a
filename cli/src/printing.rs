//! Prints rows, as `decode` and the commands for programs that run do.

use std::io::{self, Write};
use std::ops::Range;

use clap::{Args, ValueEnum};
use framescope_capture::export::{self, Fields, RowSelection};
use framescope_capture::filter::Filter;
use framescope_capture::{Index, Options};

use crate::arguments::FieldsArgs;
use crate::error::Error;
use crate::output::{output, paint};

/// How rows are printed.
#[derive(Debug, Args)]
pub(crate) struct PrintingArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    fields: FieldsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a line for each message, field and problem
    Text,
    /// One JSON object per line and message
    Json,
    /// One line per message, under column names
    Csv,
}

impl PrintingArgs {
    /// Whether it is for people.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// What prints the rows that a filter matches.
    pub(crate) fn printer(&self, filter: Option<Filter>, options: &Options) -> Result<RowPrinter, Error> {
        let fields = self.fields.parse(self.format != Format::Text, options)?;
        Ok(RowPrinter { filter, format: self.format, fields, has_printed: false })
    }
}

/// Prints rows on standard output, some at a time.
#[derive(Debug)]
pub(crate) struct RowPrinter {
    filter: Option<Filter>,
    format: Format,
    fields: Option<Fields>,
    has_printed: bool,
}

impl RowPrinter {
    /// Prints the next rows.
    pub(crate) fn print(&mut self, index: &Index, rows: Range<usize>) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let selection = RowSelection::by(self.filter.clone()).within(rows);
        // The beginning of what is written differs where something was printed before, also if nothing was selected then.
        let mut piece = Vec::new();
        self.write(index, selection, &mut piece)?;
        let mut out = output();
        match self.format {
            Format::Text if self.has_printed && !piece.is_empty() => {
                out.write_all(b"\n")?;
                out.write_all(&piece)?;
            }
            Format::Csv if self.has_printed => {
                let names = piece.iter().position(|byte| *byte == b'\n').map_or(piece.len(), |end| end + 1);
                out.write_all(piece.get(names..).unwrap_or_default())?;
            }
            _ => out.write_all(&piece)?,
        }
        self.has_printed |= !piece.is_empty();
        out.flush()
    }

    /// Prints all rows, and reports the progress.
    pub(crate) fn print_watched(
        &mut self,
        index: &Index,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> io::Result<()> {
        let mut out = output();
        self.write(index, RowSelection::by(self.filter.clone()).watched(progress), &mut out)?;
        out.flush()
    }

    fn write(&self, index: &Index, mut selection: RowSelection<'_>, out: &mut dyn Write) -> io::Result<()> {
        match (self.format, &self.fields) {
            (Format::Text, _) => export::write_text(index, &mut selection, paint(), out),
            (Format::Json, None) => export::write_json(index, &mut selection, out),
            (Format::Json, Some(fields)) => export::write_json_fields(index, &mut selection, fields, out),
            (Format::Csv, None) => export::write_csv(index, &mut selection, out),
            (Format::Csv, Some(fields)) => export::write_csv_fields(index, &mut selection, fields, out),
        }
    }
}
