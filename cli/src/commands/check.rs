//! `framescope check`: what is wrong with a description, and how well it fits a capture.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use framescope_capture::DecodeAs;
use framescope_inspect::health::health;
use framescope_ksy::Described;
use framescope_parser::Protocol;

use crate::arguments::{CAPTURE_HELP, ListFormat, ReadingArgs};
use crate::error::Error;
use crate::loading::load;
use crate::notices::{notify, report};
use crate::output::output;
use crate::progress::Progress;
use crate::status::Status;

pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  no mistakes; the capture is explained and encodes to the same bytes, without errors or warnings
  1  the capture is damaged; what could be read was checked
  2  the description has mistakes, or a file can't be read
  3  the description does not fit the capture";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The description
    description: PathBuf,

    #[arg(help = CAPTURE_HELP)]
    file: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

pub(crate) fn run(args: Arguments) -> Result<Status, Error> {
    let Arguments { description, file, mut reading, format } = args;
    let described = Described::from_file_in(&description, &reading.imports.folders)?;
    let Some(file) = file else {
        described.warnings().iter().for_each(notify);
        let mut out = output();
        writeln!(out, "{}: {} has no mistakes", description.display(), described.name())?;
        out.flush()?;
        return Ok(Status::Done);
    };
    // Before all others, which may have its name.
    reading.protocols.insert(0, description);
    let mut options = reading.options()?;
    // A file that is not a capture is a stream of it.
    let all: DecodeAs = format!("file={}", described.name()).parse()?;
    options.decode_as.insert(0, all.as_default());
    let index = load(reading.open(&file)?, &options)?;
    let mut progress = Progress::quiet();
    let mut watch = progress.rows(&index);
    let described = described.with_key(reading.key.clone());
    let health = health(&index, &described, &mut watch)?;
    let mut out = output();
    match format {
        ListFormat::Text => health.write_text(&mut out)?,
        ListFormat::Json => writeln!(out, "{}", serde_json::to_string(&health).map_err(io::Error::other)?)?,
    }
    out.flush()?;
    let status = report(&index);
    Ok(if status == Status::Done && !health.fits() { Status::Found } else { status })
}
