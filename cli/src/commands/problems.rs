//! `framescope problems`: the problems of a capture, counted by kind.

use std::io::Write;

use clap::Args;
use framescope_capture::export::{self, RowSelection};

use crate::arguments::{CaptureArgs, FilterArgs, ListFormat};
use crate::error::Error;
use crate::notices::report;
use crate::output::{output, paint};
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.capture.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let index = args.capture.load(&options)?;
    let mut progress = Progress::quiet();
    let mut watch = progress.rows(&index);
    let selection = &mut RowSelection::by(filter).watched(&mut watch);
    let mut out = output();
    match args.format {
        ListFormat::Text => export::write_problems_text(&index, selection, paint(), &mut out)?,
        ListFormat::Json => export::write_problems_json(&index, selection, &mut out)?,
    }
    out.flush()?;
    Ok(report(&index))
}
