//! `framescope export`: messages, or the packets that carry them, in a file.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use framescope_capture::Index;
use framescope_capture::export::{self, Fields, RowSelection};
use tempfile::NamedTempFile;

use crate::arguments::{CaptureArgs, FieldsArgs, FilterArgs};
use crate::error::Error;
use crate::notices::{notify, report};
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// The file to write. One that exists is replaced once everything is written, and not before.
    output: PathBuf,

    #[command(flatten)]
    filter: FilterArgs,

    /// What to write; by default the ending of OUTPUT decides: .json, .jsonl or .ndjson, .csv, .pcapng, .bin or .raw
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    fields: FieldsArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One JSON object per line and message
    Json,
    /// One line per message, under column names
    Csv,
    /// The packets that carry the messages, as they were captured
    Pcapng,
    /// The bytes of the messages, one after another
    Raw,
}

const ENDINGS: &str = ".json, .jsonl, .ndjson, .csv, .pcapng, .bin or .raw";

impl Format {
    fn by_ending(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            "pcapng" => Some(Format::Pcapng),
            "bin" | "raw" => Some(Format::Raw),
            _ => None,
        }
    }
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let output = &args.output;
    let format = args
        .format
        .or_else(|| Format::by_ending(output))
        .ok_or_else(|| Error::UnknownEnding { path: output.clone(), endings: ENDINGS })?;
    if let (Ok(from), Ok(to)) = (args.capture.file.canonicalize(), output.canonicalize())
        && from == to
    {
        return Err(Error::WouldReplaceCapture { path: output.clone() });
    }
    let options = args.capture.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let fields = args.fields.parse(matches!(format, Format::Json | Format::Csv), &options)?;
    let index = args.capture.load(&options)?;
    let unwritable = Error::writing(output);
    let mut out = BufWriter::with_capacity(1 << 16, unnamed_beside(output).map_err(&unwritable)?);
    let mut progress = Progress::new(format!("writing {}", output.display()));
    let mut watch = progress.rows(&index);
    let selection = &mut RowSelection::by(filter).watched(&mut watch);
    let missing = write(&index, selection, format, fields.as_ref(), &mut out).map_err(&unwritable)?;
    let written = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
    written.as_file().sync_all().map_err(&unwritable)?;
    written.persist(output).map_err(|error| unwritable(error.error))?;
    if missing > 0 {
        notify(&format!(
            "{missing} bytes of incomplete messages were not captured, and the rest of these messages was joined; \
             add --filter 'not incomplete' to leave them out"
        ));
    }
    Ok(report(&index))
}

/// A file in the same folder, so that it can be renamed; until then nothing has the name.
fn unnamed_beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".framescope-");
    // A temporary file is only its owner's; an exported one is a file like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// Returns how many bytes of the messages were not captured, where their bytes are written.
fn write(
    index: &Index,
    selection: &mut RowSelection<'_>,
    format: Format,
    fields: Option<&Fields>,
    out: &mut BufWriter<NamedTempFile>,
) -> io::Result<u64> {
    match (format, fields) {
        (Format::Raw, _) => return export::write_raw(index, selection, out),
        (Format::Json, None) => export::write_json(index, selection, out)?,
        (Format::Json, Some(fields)) => export::write_json_fields(index, selection, fields, out)?,
        (Format::Csv, None) => export::write_csv(index, selection, out)?,
        (Format::Csv, Some(fields)) => export::write_csv_fields(index, selection, fields, out)?,
        (Format::Pcapng, _) => drop(export::write_packets(index, selection, out)?),
    }
    Ok(0)
}
