//! `framescope export`: messages, or the packets that carry them, in a file.

#[cfg(feature = "tables")]
mod tables;

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

    /// What to write; by default the ending of OUTPUT decides: .json, .jsonl or .ndjson, .csv, .parquet, .arrow or .feather, .pcapng,
    /// .bin or .raw
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    fields: FieldsArgs,

    /// Write a table for each kind of message, with the fields that its messages have: OUTPUT is a folder then
    #[cfg(feature = "tables")]
    #[arg(long, conflicts_with = "fields")]
    by_kind: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One JSON object per line and message
    Json,
    /// One line per message, under column names
    Csv,
    /// A table for pandas, Polars, DuckDB or Spark: typed columns, a row for each message
    #[cfg(feature = "tables")]
    Parquet,
    /// The same in Arrow's own format, also called Feather, which programs map into memory
    #[cfg(feature = "tables")]
    Arrow,
    /// The packets that carry the messages, as they were captured
    Pcapng,
    /// The bytes of the messages, one after another
    Raw,
}

const ENDINGS: &str = match cfg!(feature = "tables") {
    true => ".json, .jsonl, .ndjson, .csv, .parquet, .arrow, .feather, .pcapng, .bin or .raw",
    false => ".json, .jsonl, .ndjson, .csv, .pcapng, .bin or .raw",
};

impl Format {
    fn from_extension(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            #[cfg(feature = "tables")]
            "parquet" => Some(Format::Parquet),
            #[cfg(feature = "tables")]
            "arrow" | "feather" => Some(Format::Arrow),
            "pcapng" => Some(Format::Pcapng),
            "bin" | "raw" => Some(Format::Raw),
            _ => None,
        }
    }
}

impl Arguments {
    /// A folder of tables says nothing by its name.
    fn default_format(&self) -> Option<Format> {
        #[cfg(feature = "tables")]
        return self.by_kind.then_some(Format::Parquet);
        #[cfg(not(feature = "tables"))]
        None
    }
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let output = &args.output;
    let format = args
        .format
        .or_else(|| Format::from_extension(output))
        .or(args.default_format())
        .ok_or_else(|| Error::UnknownEnding { path: output.clone(), endings: ENDINGS })?;
    if let (Ok(from), Ok(to)) = (args.capture.file.canonicalize(), output.canonicalize())
        && from == to
    {
        return Err(Error::WouldReplaceCapture { path: output.clone() });
    }
    #[cfg(feature = "tables")]
    if args.by_kind && !matches!(format, Format::Parquet | Format::Arrow) {
        return Err(Error::ByKindOfNoTable);
    }
    let reading = args.capture.reading.reading()?;
    let options = reading.options();
    let filter = args.filter.parse(&options)?;
    let fields = args.fields.parse(!matches!(format, Format::Pcapng | Format::Raw), &options)?;
    let index = args.capture.load(&options)?;
    #[cfg(feature = "tables")]
    if matches!(format, Format::Parquet | Format::Arrow) {
        let named = tables::named(&reading);
        return tables::run(args, format, (named, filter, fields), index);
    }
    let unwritable = Error::writing(output);
    let mut out = new_file_beside(output).map_err(&unwritable)?;
    let mut progress = Progress::new(format!("writing {}", output.display()));
    let mut watch = progress.rows(&index);
    let selection = &mut RowSelection::by(filter).watched(&mut watch);
    let missing = write(&index, selection, format, fields.as_ref(), &mut out).map_err(&unwritable)?;
    finish(out, output).map_err(&unwritable)?;
    if missing > 0 {
        notify(&format!(
            "{missing} bytes of incomplete messages were not captured, and the rest of these messages was joined; \
             add --filter 'not incomplete' to leave them out"
        ));
    }
    Ok(report(&index))
}

/// Gives a file that was written its name, once all of it is on the disk.
fn finish(out: BufWriter<NamedTempFile>, path: &Path) -> io::Result<()> {
    let written = out.into_inner().map_err(|error| error.into_error())?;
    written.as_file().sync_all()?;
    written.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A file in the same folder, so that it can be renamed; until then nothing has the name.
fn new_file_beside(path: &Path) -> io::Result<BufWriter<NamedTempFile>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".framescope-");
    // A temporary file is only its owner's; an exported one is a file like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(BufWriter::with_capacity(1 << 16, builder.tempfile_in(directory)?))
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
        // Tables are written elsewhere.
        #[cfg(feature = "tables")]
        (Format::Parquet | Format::Arrow, _) => {}
    }
    Ok(0)
}
