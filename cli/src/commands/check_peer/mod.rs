//! `framescope check-peer`: compares another program that reads the same messages with this one, input by input: message by
//! message, or in a protocol with states conversation by conversation.

mod comparison;
mod conversations;
mod peer;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use framescope_capture::export::{self, RowSelection};
use framescope_capture::{Index, Options};
use framescope_checking::Transcript;
use framescope_ksy::Described;
use framescope_parser::missive::{Key, Missive};
use framescope_parser::{Protocol, with_built_in};

use self::comparison::{Disagreement, Input, Outcome};
use self::peer::Peer;
use crate::arguments::{ImportArgs, parse_key, parse_size};
use crate::error::Error;
use crate::loading::{load, open};
use crate::notices::notify;
use crate::output::output;
use crate::status::Status;

pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  the program agreed on every input
  2  wrong usage, or the program can't be started or does not reply
  3  it disagreed; the smallest input found is printed";

/// Longest message of a capture that inputs are made of.
const LONGEST_SEED: usize = 2048;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The program, as the system's shell runs it
    #[arg(long, value_name = "COMMAND")]
    exec: String,

    /// A capture whose messages are mutated first; without one all messages are generated
    file: Option<PathBuf>,

    /// The protocol that this .ksy file describes, instead of missive
    #[arg(long, value_name = "FILE.ksy")]
    protocol: Option<PathBuf>,

    #[command(flatten)]
    imports: ImportArgs,

    /// Verify authenticated messages with this key: hexadecimal digits, or @FILE for a file that holds them
    #[arg(long, value_name = "HEX|@KEYFILE", value_parser = parse_key)]
    key: Option<Key>,

    /// How many inputs to generate
    #[arg(long, default_value_t = 10_000)]
    count: usize,

    /// Another seed generates other inputs
    #[arg(long, default_value_t = 1)]
    seed: u32,

    /// How long the program may take to reply
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    timeout: f64,

    /// Also write the input on which they disagree to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Unpack at most this much of a compressed capture, and copy at most this much of standard input: 4GiB or 500MB
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "16GiB")]
    unpack_limit: u64,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let described = match &args.protocol {
        Some(path) => {
            let described = Described::from_file_in(path, &args.imports.folders)?;
            described.warnings().iter().for_each(notify);
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
        .map_err(|cause| Error::Timeout { seconds: args.timeout, cause })?;
    let mut peer = Peer::new(&args.exec, patience);
    let others = with_built_in(Vec::new());
    let outcome = match described.as_ref().filter(|described| !described.stages().is_empty()) {
        Some(talk) => {
            let known = args.conversations(talk)?;
            let inputs = framescope_checking::conversations(talk, known, args.seed).take(args.count);
            comparison::compare(protocol, &others, inputs.map(Input::Conversation), &mut peer)
        }
        None => {
            let known = args.messages(described.as_ref())?;
            let inputs = framescope_checking::inputs(described.as_ref(), known, args.seed).take(args.count);
            comparison::compare(protocol, &others, inputs.map(Input::Message), &mut peer)
        }
    };
    let outcome = outcome.map_err(|cause| Error::Peer { command: args.exec.clone(), cause })?;
    args.print(&outcome)
}

impl Arguments {
    /// The messages of the capture, if there is one.
    fn messages(&self, described: Option<&Described>) -> Result<Vec<Vec<u8>>, Error> {
        let Some(index) = self.index(described)? else { return Ok(Vec::new()) };
        let seeds = export::seeds(&index, &mut RowSelection::all(), LONGEST_SEED)?;
        Ok(seeds.into_iter().map(|seed| seed.bytes).collect())
    }

    /// Its conversations.
    fn conversations(&self, described: &Described) -> Result<Vec<Transcript>, Error> {
        let Some(index) = self.index(Some(described))? else { return Ok(Vec::new()) };
        let transcripts = framescope_inspect::transcripts(&index, LONGEST_SEED)?;
        Ok(transcripts.into_iter().map(|(_, said)| said).collect())
    }

    fn index(&self, described: Option<&Described>) -> Result<Option<Index>, Error> {
        let Some(file) = &self.file else { return Ok(None) };
        let usual = described.filter(|described| !described.stages().is_empty());
        let usual = usual.map_or(Vec::new(), |described| {
            let name = described.name();
            let place = |place: String| format!("{place}={name}").parse().ok();
            described.usual_places().into_iter().filter_map(place).collect()
        });
        let described = described.map(|described| Arc::new(described.clone()) as Arc<dyn Protocol>);
        let protocols = with_built_in(described.into_iter().collect());
        let options = Options { protocols, decode_as: usual, ..Options::default() };
        load(open(file, self.unpack_limit)?, &options).map(Some)
    }

    fn print(&self, outcome: &Outcome) -> Result<Status, Error> {
        let mut out = output();
        let Outcome { valid, refused, incomplete, disagreement } = outcome;
        let agreed = valid + refused + incomplete;
        let status = match disagreement {
            None => {
                let parts = format!("{valid} valid, {refused} refused, {incomplete} incomplete");
                writeln!(out, "The program agrees on all {agreed} inputs: {parts}.")?;
                Status::Done
            }
            Some(disagreement) => {
                self.print_disagreement(&mut out, agreed, disagreement)?;
                Status::Found
            }
        };
        out.flush()?;
        Ok(status)
    }

    fn print_disagreement(
        &self,
        out: &mut dyn io::Write,
        agreed: u64,
        found: &Disagreement,
    ) -> Result<(), Error> {
        let length = found.input.length();
        let from = found.found_in;
        writeln!(out, "After {agreed} inputs they disagree on {length} bytes (minimised from {from}):")?;
        match &found.input {
            _ if length == 0 => writeln!(out, "  bytes:       (none: an empty line)")?,
            Input::Message(bytes) => writeln!(out, "  bytes:       {}", export::hex(bytes))?,
            Input::Conversation(said) => writeln!(out, "  bytes:       {}", conversations::line(said))?,
        }
        writeln!(out, "  framescope:  {}", found.ours)?;
        writeln!(out, "  the program: {}", found.theirs)?;
        if let Some(path) = &self.output {
            std::fs::write(path, found.input.to_bytes()).map_err(Error::writing(path))?;
            match &found.input {
                Input::Message(_) => writeln!(out, "To inspect it: framescope {}", path.display())?,
                Input::Conversation(_) => {
                    writeln!(
                        out,
                        "{} is the conversation, as a seed for the fuzz target 'own'",
                        path.display()
                    )?;
                }
            }
        }
        Ok(())
    }
}
