//! `framescope capture`: the messages that pass an interface, as they pass.

mod amounts;
mod showing;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use clap::Args;
use framescope_capture::filter::Filter;
use framescope_capture::{Options, Source};
use framescope_live::Following;
use framescope_live::capturing::{Interface, Recording, Request, Ring, Tool, interfaces};

use self::amounts::{StopAfter, parse_ring, until};
use self::showing::summary;
use super::window;
use crate::arguments::{FilterArgs, ReadingArgs};
use crate::error::Error;
use crate::following::read_to_end;
use crate::notices::{notify, report};
use crate::output::output;
use crate::printing::{PrintingArgs, RowPrinter};
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which packets, in the language of tcpdump: tcp port 9000
    bpf: Vec<String>,

    /// Where to capture; the loopback interface if none is named, where programs on one machine talk to each other
    #[arg(short, long)]
    interface: Option<String>,

    /// List the interfaces with their addresses
    #[arg(short = 'D', long)]
    list: bool,

    /// Write the packets to this file; otherwise to a temporary one
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,

    /// Write a ring of files instead, of which the newest are kept: 10:100MB, or 24:1h for a file each hour.
    ///
    /// They are called FILE_00001_20261129070500.pcapng, as dumpcap's are; the time is UTC. What is printed is read from a temporary copy,
    /// which keeps everything: add --quiet for captures that last days.
    #[arg(long, value_name = "COUNT:SIZE", value_parser = parse_ring, requires = "write")]
    ring: Option<Ring>,

    /// Stop after this: 100MB, 60s, 5min, 1000packets, or the first row that matches a filter, such as 'kind == ERROR'.
    ///
    /// May be repeated; whatever is reached first stops it.
    #[arg(long, value_name = "AMOUNT|FILTER")]
    stop_after: Vec<StopAfter>,

    #[command(flatten)]
    printing: PrintingArgs,

    /// Print no messages
    #[arg(short, long)]
    quiet: bool,

    /// Show the messages in a window instead
    #[arg(long, conflicts_with_all = ["quiet", "ring"])]
    window: bool,

    /// Capture what is for other machines as well
    #[arg(long)]
    promiscuous: bool,

    /// Capture with this: tcpdump, dumpcap, or the path of one.
    ///
    /// Without it the first that may capture is used. tcpdump passes packets on immediately; dumpcap does after up to a quarter of a
    /// second, and drops less when packets are very many.
    #[arg(long, value_name = "TOOL")]
    tool: Option<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    reading: ReadingArgs,
}

/// How long it waits for packets before it looks whether Ctrl-C was pressed.
const PATIENCE: Duration = Duration::from_millis(25);

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let tool = args.tool.as_deref().map(Tool::named).transpose()?;
    if args.list {
        return list(&interfaces(tool.as_ref())?, &args.printing);
    }
    let reading = args.reading.reading()?;
    let options = reading.options();
    let stops = args.filters_that_stop(&options)?;
    let request = Request {
        tool,
        interface: args.interface.clone(),
        filter: args.bpf.join(" "),
        promiscuous: args.promiscuous,
        file: args.write.clone(),
        ring: args.ring,
        is_read: !args.quiet || !stops.is_empty(),
        until: until(&args.stop_after),
    };
    if args.window {
        match window::record(request.clone(), &reading) {
            Ok(()) => return Ok(Status::Done),
            Err(why) => notify(&format!("can't open a window ({why}), so the messages are printed instead")),
        }
    }
    let printer = args.printing.printer(args.filter.parse(&options)?, &options)?;
    capture(&request, &options, (!args.quiet).then_some(printer), &stops)
}

impl Arguments {
    fn filters_that_stop(&self, options: &Options) -> Result<Vec<Filter>, Error> {
        let filter = |stop: &StopAfter| match stop {
            StopAfter::Filter(text) => Some(Filter::parse(text, &options.protocols)),
            _ => None,
        };
        self.stop_after.iter().filter_map(filter).collect::<Result<_, _>>().map_err(Error::StopAfter)
    }
}

fn capture(
    request: &Request,
    options: &Options,
    printer: Option<RowPrinter>,
    stops: &[Filter],
) -> Result<Status, Error> {
    let mut progress = Progress::quiet();
    let (wake, woken) = channel();
    let mut recording = Recording::start(request, move || {
        // Only when all is over it is of no use.
        let _ = wake.send(());
    })?;
    notify(&showing::beginning(request, &recording));
    let mut reading = Reading { following: None, source: recording.source(), printer, stops };
    while recording.ended().is_none() {
        if reading.is_caught_up() {
            wait(&woken);
        }
        let goes_on = reading.read_on(options, &recording);
        if !goes_on.as_ref().is_ok_and(|goes_on| *goes_on) || !progress.at(0, 1) {
            recording.finish();
            goes_on?;
        }
    }
    recording.finish();
    let status = reading.finish(options)?;
    let Some(ended) = recording.ended() else { return Ok(status) };
    notify(&summary(ended, request));
    match &ended.error {
        None => Ok(status),
        Some(error) => {
            notify(error);
            Ok(status.max(Status::Damaged))
        }
    }
}

/// Waits for packets, for a short time.
fn wait(woken: &Receiver<()>) {
    if let Err(RecvTimeoutError::Disconnected) = woken.recv_timeout(PATIENCE) {
        std::thread::sleep(PATIENCE);
    }
    while woken.try_recv().is_ok() {}
}

/// What is captured, as it is read.
struct Reading<'r> {
    following: Option<Following>,
    source: Option<Source>,
    printer: Option<RowPrinter>,
    stops: &'r [Filter],
}

impl Reading<'_> {
    fn is_caught_up(&self) -> bool {
        self.following.as_ref().is_none_or(Following::is_caught_up)
    }

    /// Reads and prints what there is. False if a row is there that was waited for.
    fn read_on(&mut self, options: &Options, recording: &Recording) -> Result<bool, Error> {
        let Some(source) = &self.source else { return Ok(true) };
        let is_enough = source.is_recognisable() || recording.ended().is_some();
        if self.following.is_none() && is_enough && source.length() > 0 {
            self.following = Some(Following::new(source.clone(), options)?);
        }
        let Some(following) = &mut self.following else { return Ok(true) };
        let new = following.read_some();
        if new.is_empty() {
            return Ok(true);
        }
        let index = following.index();
        if let Some(printer) = &mut self.printer {
            printer.print(index, new.clone())?;
        }
        let mut goes_on = true;
        for stop in self.stops {
            goes_on &= !showing::any_matches(stop, index, new.clone())?;
        }
        Ok(goes_on)
    }

    /// Reads and prints the rest, and reports what can't be read.
    fn finish(mut self, options: &Options) -> Result<Status, Error> {
        if self.following.is_none()
            && let Some(source) = self.source.filter(|source| source.length() > 0)
        {
            self.following = Some(Following::new(source, options)?);
        }
        let Some(following) = self.following else { return Ok(Status::Done) };
        let index = read_to_end(following, &mut |index, new| match &mut self.printer {
            Some(printer) => printer.print(index, new),
            None => Ok(()),
        })?;
        Ok(report(&index))
    }
}

fn list(interfaces: &[Interface], printing: &PrintingArgs) -> Result<Status, Error> {
    let mut out = output();
    showing::write_interfaces(interfaces, printing.is_text(), &mut out)?;
    out.flush()?;
    Ok(Status::Done)
}
