//! `framescope proxy`: sits between two programs, forwards what they send, and shows it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use framescope_live::proxy::{Address, AddressError, Proxy, Settings};
use framescope_live::{Limits, Recorder};

use crate::arguments::{FilterArgs, ListFormat, ReadingArgs};
use crate::error::Error;
use crate::notices::notify;
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where clients connect to: a port, or ADDRESS:PORT; with port 0 a free one, which is printed.
    ///
    /// A port alone is reached from this machine only; 0.0.0.0:9000 is reached from others.
    #[arg(value_name = "LISTEN", value_parser = parse_address)]
    listen: Address,

    /// Where what clients send goes to: a port of this machine, or HOST:PORT
    #[arg(value_name = "TARGET", value_parser = parse_address)]
    target: Address,

    /// Forward UDP datagrams and not TCP connections
    #[arg(long)]
    udp: bool,

    /// Write what passes to this pcapng file, which is replaced; any tool opens it
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,

    /// The target may be another machine
    #[arg(long)]
    yes_remote: bool,

    #[command(flatten)]
    filter: FilterArgs,

    /// How to print messages
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,

    /// Print no messages
    #[arg(long)]
    quiet: bool,

    #[command(flatten)]
    reading: ReadingArgs,
}

fn parse_address(text: &str) -> Result<Address, AddressError> {
    text.parse()
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.reading.options()?;
    let _filter = args.filter.parse(&options)?;
    let (recorder, _source) = match &args.write {
        Some(path) => Recorder::to_file(path).map_err(Error::writing(path))?,
        None => Recorder::temporary()?,
    };
    let limits = Limits { allow_remote: args.yes_remote, ..Limits::default() };
    let settings =
        Settings { listen: args.listen.clone(), target: args.target.clone(), udp: args.udp, limits };
    let mut proxy = Proxy::start(&settings, recorder.clone(), |text: &str| notify(text))?;
    notify(&format!("{} is forwarded to {}; Ctrl-C ends it", proxy.address(), args.target));
    let stop = proxy.stopper();
    let mut progress = Progress::quiet();
    while progress.at(0, 0) {
        std::thread::sleep(Duration::from_millis(50));
    }
    stop.stop();
    proxy.wait();
    recorder.flush();
    let failure = recorder.failure();
    drop(recorder);
    notify(&proxy.summary());
    match failure {
        Some(failure) => {
            notify(&failure);
            Ok(Status::Damaged)
        }
        None => Ok(Status::Done),
    }
}
