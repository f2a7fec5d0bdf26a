//! The command line: what `framescope` does with its arguments, and its exit status.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use framescope_capture::export::{self, Fields, Paint, RowSelection};
use framescope_capture::filter::{Column, Filter, FilterError};
use framescope_capture::{DecodeAs, Index, Options, SelectorError, SkippedPackets, Source, read};
use framescope_ksy::{Described, Format as Description, LoadError, TEMPLATES};
use framescope_parser::missive::{Key, Missive};
use framescope_parser::{Direction, Protocol, Severity};
use serde_json::json;

use crate::check_peer::{Outcome, Peer};
use crate::own_protocols::{OwnProtocols, Reading};
use crate::progress::Progress;
use crate::sample;
use crate::window::Start;

/// See the messages in a packet capture, field by field.
///
/// Without a subcommand a window opens; without FILE it shows a sample. Where there is no display the messages are
/// printed instead.
#[derive(Debug, Parser)]
#[command(name = "framescope", version, args_conflicts_with_subcommands = true)]
#[command(after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    window: WindowArgs,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  the file is damaged; what could be read was still printed
  2  wrong usage, or the file can't be read
  3  --fail-on found such a problem
130  stopped by Ctrl-C";

#[derive(Debug, Args)]
struct WindowArgs {
    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every message with its fields and problems
    #[command(after_help = EXIT_STATUS)]
    Decode(DecodeArgs),
    /// Write messages, or the packets that carry them, to a file
    #[command(after_help = EXIT_STATUS)]
    Export(ExportArgs),
    /// Write messages, one of each shape, to a folder, a file each, for a fuzzer to begin with
    #[command(after_help = EXIT_STATUS)]
    Seeds(SeedsArgs),
    /// List the conversations, with digests of what went each way
    #[command(after_help = EXIT_STATUS)]
    Flows(ListArgs),
    /// Count what is wrong, by kind of problem, with the first rows of each
    #[command(after_help = EXIT_STATUS)]
    Problems(ProblemsArgs),
    /// Print what two sides said to each other
    #[command(after_help = EXIT_STATUS)]
    Follow(FollowArgs),
    /// List the protocols that can be named after --as SELECTOR=
    Protocols(ReadingArgs),
    /// List the columns and fields that --filter can ask about
    Columns(ReadingArgs),
    /// Print the values of expressions on one message that a .ksy file describes
    ///
    /// Prints one JSON object a line and expression. The exit status is 1 if the message can't be read as described.
    Eval(EvalArgs),
    /// Write the bytes of messages whose fields are given as `decode --format json` prints them
    ///
    /// Lengths, counts and checks are derived; what can't be is left as it is, and that is said on standard error.
    /// The exit status is 1 if a message can't be written.
    Encode(EncodeArgs),
    /// List descriptions to begin from, or print one
    Template(TemplateArgs),
    /// Tell the mistakes of a description, and how it fits a capture
    ///
    /// Without a capture only mistakes are told. With one: the share of bytes that is explained, problems by field, fields that
    /// never change, numbers without a name and names without a number, and messages that do not write back to the same bytes.
    #[command(after_help = CHECK_STATUS)]
    Check(CheckArgs),
    /// Hold another program that reads these messages against this one, with inputs that are made up
    ///
    /// The program reads a line of hexadecimal digits for each input from its standard input and answers each with a line: `valid
    /// LENGTH` if the bytes begin with a well-formed message, and behind it as many FIELD=VALUE as it likes (numbers in decimal,
    /// text and bytes in hexadecimal digits); `refused` if they do not, whatever may follow; `incomplete` if more bytes may make it
    /// one. fuzz/README.md shows one.
    #[command(after_help = PEER_STATUS)]
    CheckPeer(PeerArgs),
}

const PEER_STATUS: &str = "\
Exit status:
  0  the program said the same of every input
  2  wrong usage, or the program can't be started or does not answer
  3  it said something else; the smallest input found is printed";

#[derive(Debug, Args)]
struct PeerArgs {
    /// The program, as the system's shell takes it
    #[arg(long, value_name = "COMMAND")]
    exec: String,

    /// A capture whose messages are changed first; without one messages are made up from the first on
    file: Option<PathBuf>,

    /// The protocol that this .ksy file describes, instead of missive
    #[arg(long, value_name = "FILE.ksy")]
    protocol: Option<PathBuf>,

    /// Verify authenticated frames with this key: hexadecimal digits, or @FILE for a file that holds them
    #[arg(long, value_name = "HEX|@KEYFILE", value_parser = parse_key)]
    key: Option<Key>,

    /// How many inputs
    #[arg(long, default_value_t = 10_000)]
    count: usize,

    /// Another seed makes other inputs
    #[arg(long, default_value_t = 1)]
    seed: u32,

    /// How long the program may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    timeout: f64,

    /// Write the input on which they disagree to this file too
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Unpack no more than so much of a compressed capture, and copy no more of standard input; 4GiB or 500MB
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "16GiB")]
    unpack_limit: u64,
}

const CHECK_STATUS: &str = "\
Exit status:
  0  no mistakes; the capture is explained and written back whole, without errors or warnings
  1  the capture is damaged; what could be read was still looked at
  2  the description has mistakes, or a file can't be read
  3  the description does not fit the capture";

#[derive(Debug, Args)]
struct TemplateArgs {
    /// Which one to print; without it all are listed
    name: Option<String>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The description
    description: PathBuf,

    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

#[derive(Debug, Args)]
struct EncodeArgs {
    /// A file with a JSON object a line for each message, or - for standard input
    #[arg(default_value = "-")]
    file: PathBuf,

    /// Also know the protocol that this .ksy file describes. The first protocol named is that of messages that name none; one
    /// that is known already may be given by its name.
    #[arg(long = "protocol", value_name = "FILE.ksy|NAME")]
    protocols: Vec<PathBuf>,

    /// Compute tags with this key: hexadecimal digits, or @FILE for a file that holds them
    #[arg(long, value_name = "HEX|@KEYFILE", value_parser = parse_key)]
    key: Option<Key>,
}

#[derive(Debug, Args)]
struct EvalArgs {
    /// The description
    format: PathBuf,

    /// A file with the bytes of one message
    data: PathBuf,

    /// What to print, such as 'header.length * 2'; without any, the whole message
    #[arg(allow_hyphen_values = true)]
    expressions: Vec<String>,
}

#[derive(Debug, Args)]
struct ReadingArgs {
    /// Read some flows as a protocol, whatever they look like; the last that fits wins.
    ///
    /// SELECTOR is tcp, udp, tcp.port=N, udp.port=N, ip=ADDRESS, flow=N or file: --as tcp.port=9000=missive. With file also a capture
    /// of another kind than pcap and pcapng is taken as the bytes of one stream.
    #[arg(long = "as", value_name = "SELECTOR=PROTOCOL")]
    decode_as: Vec<DecodeAs>,

    /// Also know the protocol that this .ksy file describes; docs/own-protocol.md shows how to write one.
    ///
    /// Those in the folder .framescope here and in the folder framescope/protocols of your configuration are known anyway.
    #[arg(long = "protocol", value_name = "FILE.ksy")]
    protocols: Vec<PathBuf>,

    /// Verify authenticated frames with this key: hexadecimal digits, or @FILE for a file that holds them
    #[arg(long, value_name = "HEX|@KEYFILE", value_parser = parse_key)]
    key: Option<Key>,

    /// Unpack no more than so much of a compressed capture, and copy no more of standard input; 4GiB or 500MB.
    ///
    /// That goes to the temporary folder, which also keeps a reserve. What stands behind the limit is not read: the exit status is 1.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "16GiB")]
    unpack_limit: u64,
}

#[derive(Debug, Args)]
struct DecodeArgs {
    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: PathBuf,

    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    filter: FilterArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    fields: FieldsArgs,

    /// Exit with 3 if any message has a problem of at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
}

#[derive(Debug, Args)]
struct FilterArgs {
    /// Only the messages that this is true of, such as 'kind == DATA and payload contains "hello"'.
    ///
    /// `framescope columns` lists what can be asked about; docs/filter.md describes the language.
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
}

#[derive(Debug, Args)]
struct FieldsArgs {
    /// Only these columns and fields of each message, in this order, as JSON or CSV: time,kind,sequence,payload.content.
    ///
    /// Names are those of --filter; `framescope columns` lists them, and docs/output.md says how values are written.
    #[arg(long, value_name = "NAME,NAME...")]
    fields: Option<String>,
}

#[derive(Debug, Args)]
struct ProblemsArgs {
    #[command(flatten)]
    list: ListArgs,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: PathBuf,

    /// The file to write. What was there before is replaced when all is written, and not before.
    output: PathBuf,

    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    filter: FilterArgs,

    /// What to write; without it the ending of OUTPUT says it: .json, .jsonl or .ndjson, .csv, .pcapng, .bin or .raw
    #[arg(long, value_enum)]
    format: Option<ExportFormat>,

    #[command(flatten)]
    fields: FieldsArgs,
}

#[derive(Debug, Args)]
struct SeedsArgs {
    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: PathBuf,

    /// The folder to write to; it is made where there is none. Names are those of the contents, so that a second run changes nothing.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    filter: FilterArgs,

    /// Leave out what is longer than so many bytes: a fuzzer changes short inputs faster
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    longest: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportFormat {
    /// One JSON object a line for each message
    Json,
    /// One line for each message, under column names
    Csv,
    /// The packets that carry the messages, as they were captured
    Pcapng,
    /// The bytes of the messages, one after another
    Raw,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: PathBuf,

    #[command(flatten)]
    reading: ReadingArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

#[derive(Debug, Args)]
struct FollowArgs {
    /// A capture, also packed with gzip or zstd, or - for standard input; docs/captures.md lists what is read. What is no capture is
    /// taken as the bytes of one stream.
    file: PathBuf,

    /// The conversation's number, as `framescope flows` prints it
    flow: u32,

    /// Only this direction
    #[arg(long, value_enum)]
    direction: Option<DirectionArg>,

    /// The bytes as they are, and nothing else
    #[arg(long)]
    raw: bool,

    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: a line for each message, field and problem
    Text,
    /// One JSON object a line for each message
    Json,
    /// One line for each message, under column names
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    /// Bytes that are not what the format says
    Error,
    /// Also what is well-formed but suspicious
    Warning,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DirectionArg {
    /// From the side that opened the connection
    Forward,
    /// To the side that opened the connection
    Backward,
}

fn parse_key(text: &str) -> Result<Key, String> {
    match text.strip_prefix('@') {
        Some(path) => {
            let hex =
                std::fs::read_to_string(path).map_err(|error| format!("{path} can't be read: {error}"))?;
            Key::from_hex(&hex).map_err(|error| format!("{path}: {error}"))
        }
        None => Key::from_hex(text),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let size: Result<bytesize::ByteSize, String> = text.parse();
    size.map(|size| size.as_u64()).map_err(|_| format!("'{text}' is no size; 4GiB, 500MB and 1000000 are"))
}

impl ReadingArgs {
    fn options(&self) -> Result<Options, Stopped> {
        Ok(self.reading()?.options())
    }

    fn open(&self, file: &Path) -> Result<Source, Stopped> {
        open(file, self.unpack_limit)
    }

    fn reading(&self) -> Result<Reading, Stopped> {
        let own = OwnProtocols::load(&self.protocols, &mut |text| complain(text)).map_err(Stopped::Usage)?;
        let unpack_limit = Some(self.unpack_limit);
        Ok(Reading { own, decode_as: self.decode_as.clone(), key: self.key.clone(), unpack_limit })
    }
}

/// Exit status of a capture that is damaged.
const DAMAGED: u8 = 1;
/// Exit status of wrong usage and of files that can't be read.
const UNUSABLE: u8 = 2;
/// Exit status where `--fail-on` found something.
const FAILED_ON: u8 = 3;

/// Exit status after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the command line and gives the exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Decode(args)) => decode(&args),
        Some(Command::Flows(args)) => flows(&args),
        Some(Command::Problems(args)) => problems(&args),
        Some(Command::Follow(args)) => follow(&args),
        Some(Command::Export(args)) => export(&args),
        Some(Command::Seeds(args)) => seeds(&args),
        Some(Command::Protocols(args)) => list_protocols(&args),
        Some(Command::Columns(args)) => list_columns(&args),
        Some(Command::Eval(args)) => eval(&args),
        Some(Command::Encode(args)) => encode(&args),
        Some(Command::Template(args)) => template(&args),
        Some(Command::Check(args)) => check(args),
        Some(Command::CheckPeer(args)) => check_peer(&args),
        None => window(cli.window),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(Stopped::Usage(text)) => {
            complain(&text);
            ExitCode::from(UNUSABLE)
        }
        // Whoever reads our output has had enough of it.
        Err(Stopped::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Stopped::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {
            complain("stopped");
            ExitCode::from(INTERRUPTED)
        }
        Err(Stopped::Io(error)) => {
            complain(&error.to_string());
            ExitCode::from(DAMAGED)
        }
    }
}

enum Stopped {
    Usage(String),
    Io(io::Error),
}

impl From<FilterError> for Stopped {
    fn from(error: FilterError) -> Self {
        Stopped::Usage(format!("--filter: {error}"))
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Io(error)
    }
}

/// A sentence for the person, beside the output.
fn complain(text: &str) {
    // Where even standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "framescope: {text}");
}

fn open(file: &Path, unpack_limit: u64) -> Result<Source, Stopped> {
    Source::open_within(file, unpack_limit).map_err(|error| Stopped::Usage(error.to_string()))
}

impl FilterArgs {
    fn parse(&self, options: &Options) -> Result<Option<Filter>, Stopped> {
        let Some(expression) = &self.filter else { return Ok(None) };
        Ok(Some(Filter::parse(expression, &options.all_protocols())?))
    }
}

impl FieldsArgs {
    /// The fields, if some were chosen. `is_table` says whether what is written can be of chosen fields.
    fn parse(&self, is_table: bool, options: &Options) -> Result<Option<Fields>, Stopped> {
        let Some(names) = &self.fields else { return Ok(None) };
        if !is_table {
            return Err(Stopped::Usage(
                "--fields chooses what is written as JSON or CSV: add --format json or --format csv"
                    .to_owned(),
            ));
        }
        let fields = Fields::parse(names, &options.all_protocols());
        fields.map(Some).map_err(|error| Stopped::Usage(format!("--fields: {error}")))
    }
}

fn load(source: Source, options: &Options) -> Result<Index, Stopped> {
    let name = source.name().to_owned();
    let mut progress = Progress::new(format!("reading {name}"));
    let mut stopped = false;
    let length = source.length();
    let mut watch = |index: &Index| {
        stopped = !progress.at(index.position(), length);
        !stopped
    };
    let index = read(source, options, &mut watch).map_err(|error| Stopped::Usage(error.to_string()))?;
    if stopped {
        return Err(Stopped::Io(io::ErrorKind::Interrupted.into()));
    }
    drop(progress);
    index.notices().iter().for_each(|notice| complain(notice));
    Ok(index)
}

/// Says what could not be read. Gives the exit status for it.
fn report(index: &Index) -> u8 {
    let file = index.source().name();
    let packets = |SkippedPackets { count, first_packet, first_offset }, [one, more]: [&str; 2]| match count {
        1 => format!("{file}: packet {first_packet} at byte {first_offset} {one}"),
        _ => format!(
            "{file}: {count} packets, the first of them packet {first_packet} at byte {first_offset}, {more}"
        ),
    };
    for (reason, unread) in index.unread_packets() {
        complain(&format!("{}: {reason}", packets(unread, ["carries no stream", "carry no stream"])));
    }
    for (what, odd) in index.odd_packets() {
        complain(&format!(
            "{}: {what}",
            packets(odd, ["was read though it is odd", "were read though they are odd"])
        ));
    }
    index.damages().iter().for_each(|damage| complain(&damage.to_string()));
    if index.damages().is_empty() { 0 } else { DAMAGED }
}

fn output() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

fn paint() -> Paint {
    let colours =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if colours { Paint::Ansi } else { Paint::Plain }
}

fn decode(args: &DecodeArgs) -> Result<u8, Stopped> {
    let options = args.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let fields = args.fields.parse(!matches!(args.format, Format::Text), &options)?;
    let index = load(args.reading.open(&args.file)?, &options)?;
    let mut progress = Progress::quiet();
    let mut watch = progress.rows(&index);
    let chosen = &mut RowSelection::by(filter).watched(&mut watch);
    let mut out = output();
    match (args.format, &fields) {
        (Format::Text, _) => export::write_text(&index, chosen, paint(), &mut out)?,
        (Format::Json, None) => export::write_json(&index, chosen, &mut out)?,
        (Format::Json, Some(fields)) => export::write_json_fields(&index, chosen, fields, &mut out)?,
        (Format::Csv, None) => export::write_csv(&index, chosen, &mut out)?,
        (Format::Csv, Some(fields)) => export::write_csv_fields(&index, chosen, fields, &mut out)?,
    }
    out.flush()?;
    let status = report(&index);
    let limit = match args.fail_on {
        None => return Ok(status),
        Some(FailOn::Error) => Severity::Error,
        Some(FailOn::Warning) => Severity::Warning,
    };
    let found = index.rows().filter(|row| row.severity() >= Some(limit)).count();
    if status == 0 && found > 0 {
        complain(&format!("--fail-on: {found} of {} rows have such a problem", index.row_count()));
        return Ok(FAILED_ON);
    }
    Ok(status)
}

fn flows(args: &ListArgs) -> Result<u8, Stopped> {
    let index = load(args.reading.open(&args.file)?, &args.reading.options()?)?;
    let mut out = output();
    match args.format {
        ListFormat::Text => export::write_flows_text(&index, &mut out)?,
        ListFormat::Json => export::write_flows_json(&index, &mut out)?,
    }
    out.flush()?;
    Ok(report(&index))
}

fn problems(args: &ProblemsArgs) -> Result<u8, Stopped> {
    let list = &args.list;
    let options = list.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let index = load(list.reading.open(&list.file)?, &options)?;
    let mut progress = Progress::quiet();
    let mut watch = progress.rows(&index);
    let chosen = &mut RowSelection::by(filter).watched(&mut watch);
    let mut out = output();
    match list.format {
        ListFormat::Text => export::write_problems_text(&index, chosen, paint(), &mut out)?,
        ListFormat::Json => export::write_problems_json(&index, chosen, &mut out)?,
    }
    out.flush()?;
    Ok(report(&index))
}

/// Writes seeds of a fuzzer. Without a filter also whole directions of conversations.
fn seeds(args: &SeedsArgs) -> Result<u8, Stopped> {
    let options = args.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let index = load(args.reading.open(&args.file)?, &options)?;
    let mut progress = Progress::new("looking for shapes".to_owned());
    let mut watch = progress.rows(&index);
    let mut chosen = RowSelection::by(filter).watched(&mut watch);
    let seeds = export::seeds(&index, &mut chosen, args.longest)?;
    let unwritable =
        |error: io::Error| Stopped::Usage(format!("{} can't be written: {error}", args.output.display()));
    std::fs::create_dir_all(&args.output).map_err(unwritable)?;
    let mut new = 0;
    for seed in &seeds {
        let path = args.output.join(&seed.name);
        if !path.exists() {
            std::fs::write(path, &seed.bytes).map_err(unwritable)?;
            new += 1;
        }
    }
    let there = seeds.len() - new;
    complain(&format!("{new} seeds written to {}, {there} were there already", args.output.display()));
    Ok(report(&index))
}

fn export(args: &ExportArgs) -> Result<u8, Stopped> {
    let output = &args.output;
    let format = args.format.or_else(|| by_ending(output)).ok_or_else(|| {
        let output = output.display();
        let endings = ".json, .jsonl, .ndjson, .csv, .pcapng, .bin or .raw";
        Stopped::Usage(format!(
            "what to write to {output} is not said: let it end in {endings}, or add --format"
        ))
    })?;
    if let (Ok(from), Ok(to)) = (args.file.canonicalize(), output.canonicalize())
        && from == to
    {
        return Err(Stopped::Usage(format!(
            "{} would take the place of the capture itself",
            output.display()
        )));
    }
    let options = args.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let is_table = matches!(format, ExportFormat::Json | ExportFormat::Csv);
    let fields = args.fields.parse(is_table, &options)?;
    let index = load(args.reading.open(&args.file)?, &options)?;
    let directory = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => Stopped::Io(error),
        _ => Stopped::Usage(format!("{} can't be written: {error}", output.display())),
    };
    // Beside the place it shall have, so that it can be renamed; until then nothing has its name.
    let mut place = tempfile::Builder::new();
    place.prefix(".framescope-");
    // A temporary file is its owner's only; what was exported is a file like any other.
    #[cfg(unix)]
    place.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = place.tempfile_in(directory).map_err(unwritable)?;
    let mut out = BufWriter::with_capacity(1 << 16, temporary);
    let mut progress = Progress::new(format!("writing {}", output.display()));
    let mut watch = progress.rows(&index);
    let chosen = &mut RowSelection::by(filter).watched(&mut watch);
    let mut missing = 0;
    match (format, &fields) {
        (ExportFormat::Json, None) => export::write_json(&index, chosen, &mut out),
        (ExportFormat::Json, Some(fields)) => export::write_json_fields(&index, chosen, fields, &mut out),
        (ExportFormat::Csv, None) => export::write_csv(&index, chosen, &mut out),
        (ExportFormat::Csv, Some(fields)) => export::write_csv_fields(&index, chosen, fields, &mut out),
        (ExportFormat::Pcapng, _) => export::write_packets(&index, chosen, &mut out).map(|_| ()),
        (ExportFormat::Raw, _) => export::write_raw(&index, chosen, &mut out).map(|lacks| missing = lacks),
    }
    .map_err(unwritable)?;
    let temporary = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
    temporary.as_file().sync_all().map_err(unwritable)?;
    temporary.persist(output).map_err(|error| unwritable(error.error))?;
    if missing > 0 {
        complain(&format!(
            "{missing} bytes of incomplete messages were not captured; what is there of these is joined: add --filter 'not incomplete' to leave them out"
        ));
    }
    Ok(report(&index))
}

fn by_ending(path: &Path) -> Option<ExportFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "json" | "jsonl" | "ndjson" => Some(ExportFormat::Json),
        "csv" => Some(ExportFormat::Csv),
        "pcapng" => Some(ExportFormat::Pcapng),
        "bin" | "raw" => Some(ExportFormat::Raw),
        _ => None,
    }
}

fn follow(args: &FollowArgs) -> Result<u8, Stopped> {
    let index = load(args.reading.open(&args.file)?, &args.reading.options()?)?;
    let flows = index.flows().len();
    if args.flow as usize >= flows {
        let status = report(&index);
        let there_are = match flows {
            0 => "there is none in it".to_owned(),
            1 => "the only one in it is 0".to_owned(),
            _ => format!("they are numbered 0 to {}", flows - 1),
        };
        complain(&format!("{} has no flow {}; {there_are}", args.file.display(), args.flow));
        return Ok(status.max(UNUSABLE));
    }
    let only = args.direction.map(|direction| match direction {
        DirectionArg::Forward => Direction::Forward,
        DirectionArg::Backward => Direction::Backward,
    });
    let mut out = output();
    if args.raw {
        let missing = export::write_follow_raw(&index, args.flow, only, &mut out)?;
        if missing > 0 {
            complain(&format!("{missing} bytes were not captured; what was printed is joined over the gaps"));
        }
    } else {
        export::write_follow_text(&index, args.flow, only, paint(), &mut out)?;
    }
    out.flush()?;
    Ok(report(&index))
}

fn list_protocols(reading: &ReadingArgs) -> Result<u8, Stopped> {
    let mut out = output();
    for protocol in reading.options()?.all_protocols() {
        writeln!(out, "{:10} {}", protocol.name(), protocol.about())?;
    }
    out.flush()?;
    Ok(0)
}

fn list_columns(reading: &ReadingArgs) -> Result<u8, Stopped> {
    let mut out = output();
    for (_, name, about) in Column::ALL {
        writeln!(out, "{name:12} {about}")?;
    }
    for protocol in reading.options()?.all_protocols() {
        writeln!(out)?;
        let names = protocol.names();
        for field in names.fields.iter().chain(&names.anywhere) {
            writeln!(out, "{}.{field}", protocol.name())?;
        }
    }
    out.flush()?;
    Ok(0)
}

fn eval(args: &EvalArgs) -> Result<u8, Stopped> {
    let format = Description::from_file(&args.format).map_err(|error| Stopped::Usage(error.to_string()))?;
    format.warnings().iter().for_each(|warning| complain(&warning.to_string()));
    let data = std::fs::read(&args.data)
        .map_err(|error| Stopped::Usage(format!("{} can't be read: {error}", args.data.display())))?;
    let mut message = format.read(&data);
    let mut out = output();
    if let Some(error) = message.error() {
        let code = error.code.as_str();
        writeln!(
            out,
            "{}",
            json!({"parse_error": {"code": code, "text": error.text, "offset": error.offset}})
        )?;
    }
    let whole = ["_root".to_owned()];
    let expressions = if args.expressions.is_empty() { &whole[..] } else { &args.expressions };
    for expression in expressions {
        match message.eval(expression) {
            Ok(value) => writeln!(out, "{}", json!({"expr": expression, "value": value}))?,
            Err(error) => {
                let code = error.code.as_str();
                writeln!(
                    out,
                    "{}",
                    json!({"expr": expression, "error": {"code": code, "text": error.text}})
                )?;
            }
        }
    }
    out.flush()?;
    Ok(if message.error().is_some() { DAMAGED } else { 0 })
}

fn encode(args: &EncodeArgs) -> Result<u8, Stopped> {
    // What is no file and looks like none is a name.
    let is_name =
        |path: &&PathBuf| path.components().count() == 1 && path.extension().is_none() && !path.exists();
    let (names, files): (Vec<&PathBuf>, Vec<&PathBuf>) = args.protocols.iter().partition(is_name);
    let files: Vec<PathBuf> = files.into_iter().cloned().collect();
    let own = OwnProtocols::load(&files, &mut |text| complain(text)).map_err(Stopped::Usage)?;
    let reading = Reading { own, key: args.key.clone(), ..Reading::default() };
    let protocols = reading.options().all_protocols();
    for name in &names {
        if !protocols.iter().any(|protocol| Path::new(protocol.name()) == name.as_path()) {
            let known: Vec<&str> = protocols.iter().map(|protocol| protocol.name()).collect();
            let name = name.display();
            return Err(Stopped::Usage(format!(
                "no protocol is called {name}; there is {}",
                known.join(", ")
            )));
        }
    }
    let usual = match args.protocols.first() {
        None => None,
        Some(first) if is_name(&first) => {
            protocols.iter().find(|protocol| Path::new(protocol.name()) == first.as_path())
        }
        // Those that are named come first.
        Some(_) => protocols.first(),
    };
    let mut input: Box<dyn io::BufRead> = match args.file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => {
            let file = std::fs::File::open(&args.file)
                .map_err(|error| Stopped::Usage(format!("{} can't be read: {error}", args.file.display())))?;
            Box::new(io::BufReader::with_capacity(1 << 16, file))
        }
    };
    let mut out = output();
    let encoded = crate::encode::encode(&mut input, &protocols, usual, &mut out, &mut |text| complain(text))?;
    out.flush()?;
    Ok(if encoded.refused > 0 { DAMAGED } else { 0 })
}

fn check_peer(args: &PeerArgs) -> Result<u8, Stopped> {
    let described = match &args.protocol {
        Some(path) => {
            let described = Described::from_file(path).map_err(|error| Stopped::Usage(error.to_string()))?;
            described.warnings().iter().for_each(|warning| complain(&warning.to_string()));
            Some(described.with_key(args.key.clone()))
        }
        None => None,
    };
    let missive = Missive { key: args.key.clone(), ..Missive::default() };
    let protocol: &dyn Protocol = match &described {
        Some(described) => described,
        None => &missive,
    };
    let patience = Duration::try_from_secs_f64(args.timeout)
        .map_err(|error| Stopped::Usage(format!("--timeout {}: {error}", args.timeout)))?;
    let mut known = Vec::new();
    if let Some(file) = &args.file {
        let options = Options { key: args.key.clone(), ..Options::default() };
        let own = described.iter().map(|described| Arc::new(described.clone()) as Arc<dyn Protocol>);
        let options = Options { protocols: own.collect(), ..options };
        let index = load(open(file, args.unpack_limit)?, &options)?;
        known = export::seeds(&index, &mut RowSelection::all(), 2048)?
            .into_iter()
            .map(|seed| seed.bytes)
            .collect();
    }
    let inputs = framescope_oracles::inputs(described.as_ref(), known, args.seed).take(args.count);
    let mut peer = Peer::new(&args.exec, patience);
    let outcome = crate::check_peer::check(protocol, inputs, &mut peer)
        .map_err(|error| Stopped::Usage(format!("'{}' can't be asked: {error}", args.exec)))?;
    let mut out = output();
    let Outcome { valid, refused, incomplete, disagreement } = outcome;
    let agreed = valid + refused + incomplete;
    let Some(found) = disagreement else {
        let parts = format!("{valid} valid, {refused} refused, {incomplete} incomplete");
        writeln!(out, "The program says the same of all {agreed} inputs: {parts}.")?;
        out.flush()?;
        return Ok(0);
    };
    let length = found.bytes.len();
    writeln!(out, "After {agreed} inputs they disagree on {length} bytes (found in {}):", found.found_in)?;
    let bytes = if length == 0 { "(none: an empty line)".to_owned() } else { export::hex(&found.bytes) };
    writeln!(out, "  bytes:       {bytes}")?;
    writeln!(out, "  framescope:  {}", found.ours)?;
    writeln!(out, "  the program: {}", found.theirs)?;
    if let Some(path) = &args.output {
        let unwritable =
            |error: io::Error| Stopped::Usage(format!("{} can't be written: {error}", path.display()));
        std::fs::write(path, &found.bytes).map_err(unwritable)?;
        writeln!(out, "To look at it: framescope {}", path.display())?;
    }
    out.flush()?;
    Ok(FAILED_ON)
}

fn template(args: &TemplateArgs) -> Result<u8, Stopped> {
    let mut out = output();
    match &args.name {
        None => {
            for template in TEMPLATES {
                writeln!(out, "{:16} {}", template.name, template.about)?;
            }
        }
        Some(name) => {
            let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else {
                let known: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
                return Err(Stopped::Usage(format!(
                    "no template is called {name}; there is {}",
                    known.join(", ")
                )));
            };
            out.write_all(template.text.as_bytes())?;
        }
    }
    out.flush()?;
    Ok(0)
}

fn check(args: CheckArgs) -> Result<u8, Stopped> {
    let CheckArgs { description, file, mut reading, format } = args;
    let whole = |error: LoadError| Stopped::Usage(error.to_string());
    let described = Described::from_file(&description).map_err(whole)?;
    let Some(file) = file else {
        described.warnings().iter().for_each(|warning| complain(&warning.to_string()));
        let mut out = output();
        writeln!(out, "{}: {} has no mistakes", description.display(), described.name())?;
        out.flush()?;
        return Ok(0);
    };
    // Before all others, which may have its name.
    reading.protocols.insert(0, description);
    let mut options = reading.options()?;
    // What is no capture is a stream of it.
    let all = format!("file={}", described.name());
    let all: DecodeAs = all.parse().map_err(|error: SelectorError| Stopped::Usage(error.to_string()))?;
    options.decode_as.insert(0, all.as_default());
    let index = load(reading.open(&file)?, &options)?;
    let mut progress = Progress::quiet();
    let mut watch = progress.rows(&index);
    let described = described.with_key(reading.key.clone());
    let health = crate::health::health(&index, &described, &mut watch)?;
    let mut out = output();
    match format {
        ListFormat::Text => health.write_text(&mut out)?,
        ListFormat::Json => writeln!(out, "{}", serde_json::to_string(&health).map_err(io::Error::other)?)?,
    }
    out.flush()?;
    let status = report(&index);
    Ok(if status == 0 && !health.fits() { FAILED_ON } else { status })
}

fn window(args: WindowArgs) -> Result<u8, Stopped> {
    let start = match &args.file {
        None => Start::Sample,
        Some(file) if file == Path::new("-") => Start::StandardInput,
        Some(file) => {
            // What can't be opened needs no window.
            if file.is_dir() || std::fs::File::open(file).is_err() {
                args.reading.open(file)?;
            }
            Start::File(file.clone())
        }
    };
    let reading = args.reading.reading()?;
    match crate::window::run(start, reading.clone()) {
        Ok(()) => Ok(0),
        Err(why) => {
            let (source, is_sample) = match &args.file {
                Some(file) => (args.reading.open(file)?, false),
                None => (sample::source(), true),
            };
            print_instead(source, is_sample, &reading.options(), &why)
        }
    }
}

/// Prints the messages where no window can be shown.
fn print_instead(source: Source, is_sample: bool, options: &Options, why: &str) -> Result<u8, Stopped> {
    complain(&format!("no window can be shown ({why}), so the messages are printed instead"));
    if is_sample {
        complain("no FILE was named: this is the sample capture");
    }
    let index = load(source, options)?;
    let mut out = output();
    export::write_text(&index, &mut RowSelection::all(), paint(), &mut out)?;
    out.flush()?;
    Ok(report(&index))
}
