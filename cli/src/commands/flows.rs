//! `framescope flows`: the conversations of a capture.

use std::io::Write;

use clap::Args;
use framescope_capture::export;

use crate::arguments::{CaptureArgs, ListFormat};
use crate::error::Error;
use crate::notices::report;
use crate::output::output;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let index = args.capture.load(&args.capture.reading.options()?)?;
    let mut out = output();
    match args.format {
        ListFormat::Text => export::write_flows_text(&index, &mut out)?,
        ListFormat::Json => export::write_flows_json(&index, &mut out)?,
    }
    out.flush()?;
    Ok(report(&index))
}
