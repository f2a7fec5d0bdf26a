//! `framescope replay`: plays one side of a recorded conversation with a program that runs, and shows where its answers differ.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use framescope_capture::{FlowId, Index, Options};
use framescope_live::replay::{Difference, Replayed, Replaying, conversations, replay};
use framescope_live::send::speaking;
use framescope_live::{Exchange, Listener, Recorder, Target};
use framescope_parser::{Direction, Role};
use serde_json::json;

use super::send::{duration, parse_target};
use crate::arguments::{CaptureArgs, LimitArgs, ListFormat};
use crate::error::Error;
use crate::notices::notify;
use crate::output::output;
use crate::progress::Progress;
use crate::status::Status;

/// The end of `--help`.
pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  the answers are as recorded
  1  the program refused, closed early or did not answer in time, or the capture is damaged
  2  wrong usage, or a file can't be read or written
  3  an answer differs
130  interrupted by Ctrl-C";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// Where the program listens: HOST:PORT, udp:HOST:PORT or unix:PATH; with --side server where to listen for it
    #[arg(value_name = "TARGET", value_parser = parse_target)]
    target: Target,

    /// Only this conversation. Without it, all with the server of the first are replayed, one after the other
    #[arg(long, value_name = "N")]
    flow: Option<u32>,

    /// Whose messages to send
    #[arg(long, value_enum, default_value_t = Side::Client)]
    side: Side,

    /// This field is expected to differ in answers, such as an id, a time or a counter. May be repeated
    #[arg(long, value_name = "FIELD")]
    ignore: Vec<String>,

    /// What this field of an answer is now replaces what it was in what is sent later, such as a token or a cookie.
    ///
    /// FIELD=OTHER if the field has another name in what is sent. May be repeated.
    #[arg(long, value_name = "FIELD[=OTHER]")]
    carry: Vec<String>,

    /// Whether to keep the pauses of the recording
    #[arg(long, value_enum, default_value_t = Timing::None)]
    timing: Timing,

    /// Wait for an answer at most this long: 500ms, 3s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    wait: Duration,

    /// Wait this long after the end for answers that the recording does not have
    #[arg(long, value_name = "DURATION", default_value = "300ms", value_parser = duration)]
    quiet: Duration,

    /// How to print differences
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,

    /// Write what is sent and received to this pcapng file, which is replaced
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    /// What the side that opened the conversation sent
    Client,
    /// What the other side sent, to the program that connects
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Timing {
    /// Send as soon as what came before was answered
    None,
    /// Wait as long as the recording did
    Recorded,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.capture.reading.options()?;
    if let Some(path) = &args.write
        && path.canonicalize().ok() == args.capture.file.canonicalize().ok()
        && path.exists()
    {
        return Err(Error::WouldReplaceCapture { path: path.clone() });
    }
    let index = args.capture.load(&options)?;
    let mut status = crate::notices::report(&index);
    let flows = args.flows(&index)?;
    let recording = match &args.write {
        Some(path) => Recorder::to_file(path).map_err(Error::writing(path))?,
        None => Recorder::temporary()?,
    };
    let listener = match args.side {
        Side::Client => None,
        Side::Server => {
            let listener = Listener::bind(&args.target)?;
            notify(&format!("listening at {}; start the program", listener.address()?));
            Some(listener)
        }
    };
    let settings = args.settings();
    let mut progress = Progress::quiet();
    for flow in flows {
        let mut options = options.clone();
        let spoken = index.stream_protocol(flow, Direction::Forward);
        if let Some(protocol) = spoken.or(index.stream_protocol(flow, Direction::Backward)) {
            options = speaking(protocol, &args.target, options);
        }
        let exchange = args.exchange(&options, listener.as_ref(), recording.clone(), &mut progress);
        let replayed = match exchange {
            Ok(Some(exchange)) => args.one((&index, flow), exchange, &settings, &mut progress)?,
            Ok(None) => Replayed { stopped: true, ..Replayed::default() },
            Err(Error::Exchange(error)) if Error::status_of(&error) == Status::Damaged => error.into(),
            Err(error) => return Err(error),
        };
        status = status.max(conclude(flow, &replayed));
        if replayed.failure.is_some() || replayed.stopped {
            break;
        }
    }
    recording.0.flush();
    if let Some(failure) = recording.0.failure() {
        notify(&failure);
        status = status.max(Status::Damaged);
    }
    Ok(status)
}

impl Arguments {
    /// The conversations to replay.
    fn flows(&self, index: &Index) -> Result<Vec<FlowId>, Error> {
        let all = conversations(index, self.target.is_udp());
        let path = || self.capture.file.clone();
        match self.flow {
            Some(number) => {
                let there_are = format!("there are {}", index.flows().len());
                let flow = index.flow_id(number);
                let flow = flow.ok_or_else(|| Error::NoFlow { path: path(), flow: number, there_are })?;
                Ok(vec![flow])
            }
            None if all.is_empty() => Err(Error::NothingToReplay {
                path: path(),
                transport: if self.target.is_udp() { "UDP" } else { "TCP" },
            }),
            None => Ok(all),
        }
    }

    fn settings(&self) -> Replaying {
        let carry = |text: &String| match text.split_once('=') {
            Some((from, to)) => (from.to_owned(), to.to_owned()),
            None => (text.clone(), text.clone()),
        };
        Replaying {
            side: if matches!(self.side, Side::Client) { Role::Client } else { Role::Server },
            ignore: self.ignore.clone(),
            carry: self.carry.iter().map(carry).collect(),
            recorded_timing: self.timing == Timing::Recorded,
            wait: self.wait,
            quiet: self.quiet,
        }
    }

    fn exchange(
        &self,
        options: &Options,
        listener: Option<&Listener>,
        recording: (Recorder, framescope_capture::Source),
        progress: &mut Progress,
    ) -> Result<Option<Exchange>, Error> {
        let (limits, timeout) = (self.limits.limits(), self.wait.max(Duration::from_secs(1)));
        Ok(match listener {
            Some(listener) => {
                listener.accept(options, &limits, timeout, recording, &mut || progress.at(0, 0))?
            }
            None => Some(Exchange::connect_recorded(&self.target, options, &limits, timeout, recording)?),
        })
    }

    fn one(
        &self,
        (index, flow): (&Index, FlowId),
        mut exchange: Exchange,
        settings: &Replaying,
        progress: &mut Progress,
    ) -> Result<Replayed, Error> {
        let mut print = |difference: &Difference| self.print(flow, difference);
        let replayed = replay((index, flow), &mut exchange, settings, &mut print, &mut || progress.at(0, 0))?;
        exchange.finish();
        Ok(replayed)
    }

    fn print(&self, flow: FlowId, difference: &Difference) -> io::Result<()> {
        let mut out = output();
        match self.format {
            ListFormat::Text => writeln!(out, "flow {}, {difference}", flow.number())?,
            ListFormat::Json => {
                let Difference { recorded_row, row, kind, field, was, is } = difference;
                let line = json!({"flow": flow.number(), "recorded_row": recorded_row, "row": row, "kind": kind,
                    "field": field, "was": was, "is": is});
                writeln!(out, "{line}")?;
            }
        }
        out.flush()
    }
}

/// Says how a conversation went.
fn conclude(flow: FlowId, replayed: &Replayed) -> Status {
    let Replayed { sent, answers, different, failure, stopped } = replayed;
    let flow = flow.number();
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (sent, all) = (counted(*sent, "message"), counted(*answers, "answer"));
    let differ = match different {
        0 if failure.is_some() || *stopped => String::new(),
        0 => ", as recorded".to_owned(),
        1 => ", 1 differs".to_owned(),
        count => format!(", {count} differ"),
    };
    let interrupted = if *stopped { ", interrupted" } else { "" };
    notify(&format!("flow {flow}: {sent} sent, {all}{differ}{interrupted}"));
    if let Some(failure) = failure {
        notify(&format!("flow {flow}: {failure}"));
    }
    match (stopped, failure, different) {
        (true, ..) => Status::Interrupted,
        // A program that fails is no difference.
        (_, Some(_), 0) => Status::Damaged,
        (_, _, 1..) => Status::Found,
        _ => Status::Done,
    }
}
