//! `framescope decode`: every message with its fields and problems.

use std::io::Write;

use clap::{Args, ValueEnum};
use framescope_capture::Index;
use framescope_capture::export::{self, RowSelection};
use framescope_parser::Severity;

use crate::arguments::{CaptureArgs, FieldsArgs, FilterArgs};
use crate::error::Error;
use crate::notices::{notify, report};
use crate::output::{output, paint};
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    #[command(flatten)]
    filter: FilterArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    fields: FieldsArgs,

    /// Exit with status 3 if any message has a problem of at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: a line for each message, field and problem
    Text,
    /// One JSON object per line and message
    Json,
    /// One line per message, under column names
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    /// Bytes that violate the format
    Error,
    /// Also what is well-formed but suspicious
    Warning,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.capture.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let fields = args.fields.parse(!matches!(args.format, Format::Text), &options)?;
    let index = args.capture.load(&options)?;
    let mut progress = Progress::quiet();
    let mut watch = progress.rows(&index);
    let selection = &mut RowSelection::by(filter).watched(&mut watch);
    let mut out = output();
    match (args.format, &fields) {
        (Format::Text, _) => export::write_text(&index, selection, paint(), &mut out)?,
        (Format::Json, None) => export::write_json(&index, selection, &mut out)?,
        (Format::Json, Some(fields)) => export::write_json_fields(&index, selection, fields, &mut out)?,
        (Format::Csv, None) => export::write_csv(&index, selection, &mut out)?,
        (Format::Csv, Some(fields)) => export::write_csv_fields(&index, selection, fields, &mut out)?,
    }
    out.flush()?;
    let status = report(&index);
    let Some(fail_on) = args.fail_on else { return Ok(status) };
    let found = fail_on.count(&index);
    if status == Status::Done && found > 0 {
        let problem = fail_on.problem();
        notify(&format!("--fail-on: {found} of {} rows have {problem}", index.row_count()));
        return Ok(Status::Found);
    }
    Ok(status)
}

impl FailOn {
    fn count(self, index: &Index) -> usize {
        let limit = match self {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
        };
        index.rows().filter(|(_, row)| row.severity() >= Some(limit)).count()
    }

    fn problem(self) -> &'static str {
        match self {
            FailOn::Error => "an error",
            FailOn::Warning => "an error or a warning",
        }
    }
}
