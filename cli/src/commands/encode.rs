//! `framescope encode`: from the JSON that `framescope decode --format json` prints back to the bytes of messages.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use framescope_inspect::{CustomProtocols, Reading};
use framescope_live::encoding::{Talks, encode_line};
use framescope_parser::Protocol;
use framescope_parser::missive::Key;

use crate::arguments::{ImportArgs, parse_key};
use crate::error::Error;
use crate::notices::notify;
use crate::output::output;
use crate::status::Status;

/// Longest line that is read as a message.
const LONGEST_LINE: u64 = 256 << 20;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file with a JSON object per line and message, or - for standard input
    #[arg(default_value = "-")]
    file: PathBuf,

    /// Add the protocol that this .ksy file describes. The first protocol given is that of messages that name none; a known one may
    /// be given by its name.
    #[arg(long = "protocol", value_name = "FILE.ksy|NAME")]
    protocols: Vec<PathBuf>,

    #[command(flatten)]
    imports: ImportArgs,

    /// Compute tags with this key: hexadecimal digits, or @FILE for a file that holds them
    #[arg(long, value_name = "HEX|@KEYFILE", value_parser = parse_key)]
    key: Option<Key>,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let (names, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        args.protocols.iter().partition(|path| is_name(path));
    let files: Vec<PathBuf> = files.into_iter().cloned().collect();
    let own = CustomProtocols::load(&files, &args.imports.folders, &mut |notice| notify(&notice))?;
    let reading = Reading { own, key: args.key.clone(), ..Reading::default() };
    let protocols = reading.options().protocols;
    let named = |name: &Path| protocols.iter().find(|protocol| Path::new(protocol.name()) == name);
    for name in names {
        if named(name).is_none() {
            let known = protocols.iter().map(|protocol| protocol.name());
            return Err(Error::unknown("protocol", name.display().to_string(), known));
        }
    }
    let default = match args.protocols.first() {
        None => None,
        Some(first) if is_name(first) => named(first),
        // Those of files come first.
        Some(_) => protocols.first(),
    };
    let mut input: Box<dyn BufRead> = match args.file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => {
            let file = File::open(&args.file).map_err(Error::reading(&args.file))?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        }
    };
    let mut out = output();
    let refused = encode(&mut *input, &protocols, default, &mut out)?;
    out.flush()?;
    Ok(if refused > 0 { Status::Damaged } else { Status::Done })
}

/// What is not a file and does not look like one is a name.
fn is_name(path: &Path) -> bool {
    path.components().count() == 1 && path.extension().is_none() && !path.exists()
}

/// Writes the bytes of each message that `input` describes, a JSON object per line, one after another. One that can't be
/// written is reported and left out. Returns how many those are.
fn encode(
    input: &mut dyn BufRead,
    protocols: &[Arc<dyn Protocol>],
    default: Option<&Arc<dyn Protocol>>,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let (mut refused, mut line, mut number) = (0, Vec::new(), 0u64);
    let (mut bytes, mut notes, mut talks) = (Vec::new(), Vec::new(), Talks::default());
    loop {
        line.clear();
        number += 1;
        if io::Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(refused);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        bytes.clear();
        notes.clear();
        match encode_line(&line, protocols, default, &mut talks, &mut bytes, &mut notes) {
            Ok(()) => out.write_all(&bytes)?,
            Err(error) => {
                refused += 1;
                notify(&format!("line {number}: {error}"));
            }
        }
        notes.iter().for_each(|note| notify(&format!("line {number}: {note}")));
    }
}
