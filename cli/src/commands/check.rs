//! `framescope check`: what is wrong with a description, and how well it fits a capture.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use framescope_capture::DecodeAs;
use framescope_inspect::health::health;
use framescope_ksy::Described;
use framescope_parser::{Protocol, Transport, Usable};
use serde_json::json;

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
  2  the description has mistakes or can't be used on any transport, or a file can't be read
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
        let usable = Usability::of(&described);
        match format {
            ListFormat::Text => {
                writeln!(out, "{}: {} has no mistakes", description.display(), described.name())?;
                writeln!(out, "{usable}")?;
                write_carrying(&described, &mut out)?;
            }
            ListFormat::Json => {
                let why = |(transport, why): &(&str, &str)| json!({"transport": transport, "why": why});
                let limits: Vec<_> = usable.limits.iter().map(why).collect();
                let mut line = json!({"protocol": described.name(), "usable": usable.on, "limits": limits});
                let lists = [
                    ("carries", described.channels().map(str::to_owned).collect()),
                    ("carried_by", described.carried_by().to_vec()),
                ];
                let lists = lists.into_iter().filter(|(_, names): &(_, Vec<String>)| !names.is_empty());
                let lists = lists.map(|(key, names)| (key.to_owned(), names.into()));
                if let Some(line) = line.as_object_mut() {
                    line.extend(lists);
                }
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        return Ok(if usable.on.is_empty() { Status::Unusable } else { Status::Done });
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
        ListFormat::Text => {
            writeln!(out, "{}", Usability::of(&described))?;
            health.write_text(&mut out)?;
        }
        ListFormat::Json => writeln!(out, "{}", serde_json::to_string(&health).map_err(io::Error::other)?)?,
    }
    out.flush()?;
    let status = report(&index);
    Ok(if status == Status::Done && !health.fits() { Status::Found } else { status })
}

/// Writes what its messages carry, and in which channels it is spoken.
fn write_carrying(described: &Described, out: &mut impl Write) -> io::Result<()> {
    let carries: Vec<&str> = described.channels().collect();
    if !carries.is_empty() {
        writeln!(out, "carries: {}", carries.join(", "))?;
    }
    if !described.carried_by().is_empty() {
        writeln!(out, "carried by: {}", described.carried_by().join(", "))?;
    }
    Ok(())
}

/// On which transports a description can be used, and why not on the others. If it names some, the others do not matter.
struct Usability<'d> {
    on: Vec<&'static str>,
    limits: Vec<(&'static str, &'d str)>,
}

impl Usability<'_> {
    fn of(described: &Described) -> Usability<'_> {
        let mut found = Usability { on: Vec::new(), limits: Vec::new() };
        let named = described.transports();
        let is_named =
            |transport: &Transport| named.is_empty() || named.iter().any(|name| name == transport.as_str());
        for transport in Transport::ALL.into_iter().filter(is_named) {
            match described.usable(transport) {
                Usable::No(why) => found.limits.push((transport.as_str(), why)),
                Usable::AsItIs | Usable::Whole(_) => found.on.push(transport.as_str()),
            }
        }
        found
    }
}

impl fmt::Display for Usability<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = if self.on.is_empty() { "nowhere".to_owned() } else { self.on.join(", ") };
        write!(f, "usable: {on}")?;
        match self.limits.first() {
            // Where it is usable nowhere there is one reason.
            Some((_, why)) if self.on.is_empty() => write!(f, "\n  {why}"),
            _ => {
                self.limits.iter().try_for_each(|(transport, why)| write!(f, "\n  not on {transport}: {why}"))
            }
        }
    }
}
