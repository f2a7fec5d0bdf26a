//! `framescope serve`: a peer for tests, which answers by rules or as recorded.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use framescope_capture::Options;
use framescope_live::replay::conversations;
use framescope_live::send::speaking;
use framescope_live::serve::{Answers, Recording, Script, Server, Watch};
use framescope_live::{Recorder, Target};
use framescope_parser::Protocol;

use super::send::parse_target;
use crate::arguments::ReadingArgs;
use crate::error::Error;
use crate::loading::{load, open};
use crate::notices::notify;
use crate::printing::PrintingArgs;
use crate::progress::Progress;
use crate::status::Status;

/// The end of `--help`.
pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  done, also by Ctrl-C
  1  what passed could not be recorded
  2  wrong usage, a mistake in the script, or the address is used";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to listen: HOST:PORT or udp:HOST:PORT; with port 0 at a free one, which is printed
    #[arg(value_name = "LISTEN", value_parser = parse_target)]
    listen: Target,

    /// Answer by the rules in this file; docs/live.md describes them
    #[arg(long, value_name = "FILE.toml", required_unless_present = "from")]
    script: Option<PathBuf>,

    /// Answer as the server in this capture did: to the request that equals the one that was received, after the rules of --script
    #[arg(long, value_name = "CAPTURE")]
    from: Option<PathBuf>,

    /// With --from: this field of a request may differ from the recorded one, such as an id or a time. May be repeated
    #[arg(long, value_name = "FIELD", requires = "from")]
    ignore: Vec<String>,

    /// With --from: what this field of the request is now replaces what it was in the answer.
    ///
    /// FIELD=OTHER if the field has another name in the answer. May be repeated.
    #[arg(long, value_name = "FIELD[=OTHER]", requires = "from")]
    carry: Vec<String>,

    /// End after the first connection
    #[arg(long, conflicts_with = "connections")]
    once: bool,

    /// End after so many connections
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    connections: Option<u64>,

    /// Write what is received and sent to this pcapng file, which is replaced
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,

    #[command(flatten)]
    printing: PrintingArgs,

    #[command(flatten)]
    reading: ReadingArgs,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let mut options = args.reading.options()?;
    let mut script = args.script(&options)?;
    let recording = args.recording(&options)?;
    let named = |name: &str| options.protocols.iter().find(|one| one.name() == name).cloned();
    let spoken: Option<Arc<dyn Protocol>> = match &script.protocol {
        Some(name) => named(name),
        None => args.reading.spoken(&options),
    };
    if let Some(protocol) = &spoken {
        script.protocol = Some(protocol.name().to_owned());
        options = speaking(&**protocol, &args.listen, options);
    }
    let mut printer = args.printing.printer(None, &options)?;
    let files = match &args.write {
        Some(path) => Recorder::to_file(path).map_err(Error::writing(path))?,
        None => Recorder::temporary()?,
    };
    let recorder = files.0.clone();
    let connections = args.connections.or(args.once.then_some(1));
    let server = Server::start(&args.listen, &options, Answers { script, recording, connections }, files)?;
    notify(&format!("listening at {}; Ctrl-C ends it", server.address()));
    let mut progress = Progress::quiet();
    let mut watch = Watch {
        rows: &mut |index, rows| printer.print(index, rows),
        notice: &mut |text| notify(text),
        goes_on: &mut || progress.at(0, 0),
    };
    let (served, _) = server.run(&mut watch)?;
    let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (connections, messages) =
        (counted(served.connections, "connection"), counted(served.messages, "message"));
    notify(&format!("{connections}, {messages}, {} of them answered", served.matched));
    if let Some(failure) = recorder.failure() {
        notify(&failure);
        return Ok(Status::Damaged);
    }
    Ok(Status::Done)
}

impl Arguments {
    fn script(&self, options: &Options) -> Result<Script, Error> {
        let Some(path) = &self.script else { return Ok(Script::default()) };
        let script = Script::from_file(path, &options.protocols).map_err(Error::reading(path))?;
        Ok(script?)
    }

    fn recording(&self, options: &Options) -> Result<Option<Recording>, Error> {
        let Some(path) = &self.from else { return Ok(None) };
        let index = load(open(path, self.reading.unpack_limit)?, options)?;
        let flows = conversations(&index, self.listen.is_udp());
        if flows.is_empty() {
            let transport = if self.listen.is_udp() { "UDP" } else { "TCP" };
            return Err(Error::NothingToReplay { path: path.clone(), transport });
        }
        let carry = |text: &String| match text.split_once('=') {
            Some((from, to)) => (from.to_owned(), to.to_owned()),
            None => (text.clone(), text.clone()),
        };
        let carry = self.carry.iter().map(carry).collect();
        let recording = Recording::new(Arc::new(index), &flows, self.ignore.clone(), carry);
        notify(&format!(
            "{} has {} to answer",
            path.display(),
            match recording.requests() {
                1 => "1 request".to_owned(),
                count => format!("{count} requests"),
            }
        ));
        Ok(Some(recording))
    }
}
