//! `framescope proxy`: sits between two programs, forwards what they send, and shows it.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use framescope_capture::{Options, Source};
use framescope_inspect::Reading;
use framescope_live::proxy::{
    Address, AddressError, Authority, AuthorityError, Fault, FaultError, Faults, Proxy, Settings, Target,
    Trust,
};
use framescope_live::{Edit, Following, Limits, Recorder};
use tempfile::NamedTempFile;

use super::window;
use crate::arguments::{FilterArgs, ReadingArgs};
use crate::error::Error;
use crate::following::read_to_end;
use crate::notices::notify;
use crate::printing::{PrintingArgs, RowPrinter};
use crate::progress::Progress;
use crate::status::Status;

/// The end of `--help`.
pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  ended by Ctrl-C, or by closing the window
  1  the recording could not be written to its end
  2  wrong usage, or it can't listen";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where clients connect to: a port, or ADDRESS:PORT; with port 0 a free one, which is printed.
    ///
    /// A port alone is reached from this machine only; 0.0.0.0:9000 is reached from others.
    #[arg(value_name = "LISTEN", value_parser = parse_address)]
    listen: Address,

    /// Where what clients send goes to: a port of this machine, or HOST:PORT; or socks5, http-connect or auto for where each client asks
    /// to be connected to in that way.
    ///
    /// With auto a program needs only an environment variable: ALL_PROXY=socks5h://127.0.0.1:9000 or https_proxy=http://127.0.0.1:9000.
    #[arg(value_name = "TARGET", value_parser = parse_target)]
    target: Target,

    /// Forward UDP datagrams and not TCP connections
    #[arg(long)]
    udp: bool,

    /// Write what passes to this pcapng file, which is replaced; any tool opens it
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,

    /// Targets may be other machines
    #[arg(long)]
    yes_remote: bool,

    /// Show the messages in a window instead; closing it ends the proxy
    #[arg(long)]
    window: bool,

    #[command(flatten)]
    tls: TlsArgs,

    #[command(flatten)]
    faults: FaultArgs,

    /// Print no messages
    #[arg(long)]
    quiet: bool,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    printing: PrintingArgs,

    #[command(flatten)]
    reading: ReadingArgs,
}

/// Where TLS is spoken.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
struct TlsArgs {
    /// Clients speak TLS; what they say inside is shown, recorded and forwarded as plain text.
    ///
    /// They are shown a certificate for the name that they ask for, from your authority, which is made once. Its certificate, which
    /// clients have to trust, is printed. Through a tunnel the target is spoken to in TLS too, if the client begins with it.
    #[arg(long)]
    tls_listen: bool,

    /// Keep the authority in this folder, and not in the folder framescope/authority of your data
    #[arg(long, value_name = "FOLDER", requires = "tls_listen")]
    authority: Option<PathBuf>,

    /// The target is spoken to in TLS
    #[arg(long)]
    tls_target: bool,

    /// Trust targets that the authorities in this file have certified, and not the system's
    #[arg(long, value_name = "FILE.pem", conflicts_with = "tls_insecure")]
    tls_ca: Option<PathBuf>,

    /// Trust any target, whatever its certificate
    #[arg(long)]
    tls_insecure: bool,
}

impl TlsArgs {
    fn authority(&self) -> Result<Option<Arc<Authority>>, Error> {
        if !self.tls_listen {
            return Ok(None);
        }
        let folder = self.authority.clone().or_else(Authority::default_folder);
        let authority = Authority::open(&folder.ok_or(AuthorityError::NoFolder)?)?;
        notify(&format!("clients have to trust {}", authority.certificate().display()));
        Ok(Some(Arc::new(authority)))
    }

    fn trust(&self) -> Trust {
        match &self.tls_ca {
            Some(path) => Trust::File(path.clone()),
            None if self.tls_insecure => Trust::Anything,
            None => Trust::System,
        }
    }
}

/// What is done to what passes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults on purpose")]
struct FaultArgs {
    /// Do this to what both sides send: cut=3, cut=1-10, join=1000, join=20ms, delay=50ms, jitter=20ms, throttle=64KiB/s, flip=0.1%,
    /// drop=1%, duplicate=1%, reorder=5%, reset-after=3 (messages) or reset-after=1000B.
    ///
    /// May be repeated. cut waits a millisecond after each piece, so that the receiver reads it alone; cut=3/0s does not. drop,
    /// duplicate and reorder are of datagrams, or of whole messages of a connection; flip changes a bit in that share of the bytes.
    #[arg(long = "fault", value_name = "FAULT", value_parser = parse_fault)]
    both: Vec<Fault>,

    /// Do this to what clients send
    #[arg(long, value_name = "FAULT", value_parser = parse_fault)]
    to_target: Vec<Fault>,

    /// Do this to what the target sends
    #[arg(long, value_name = "FAULT", value_parser = parse_fault)]
    to_client: Vec<Fault>,

    /// Change a field of the messages that match a filter: --set 'kind == DATA: payload_length += 1'.
    ///
    /// FIELD = VALUE, FIELD += N or FIELD -= N, after a filter and a colon. The checks over the field are computed again, lengths are
    /// not. May be repeated.
    #[arg(long = "set", value_name = "[FILTER:] CHANGE")]
    edits: Vec<String>,

    /// Repeat the random faults of the run that printed this number: the same ones at the same places of each connection, counted
    /// in the order in which they were made
    #[arg(long)]
    seed: Option<u64>,
}

fn parse_fault(text: &str) -> Result<Fault, FaultError> {
    text.parse()
}

impl FaultArgs {
    fn faults(&self) -> Faults {
        let all = |own: &[Fault]| self.both.iter().chain(own).copied().collect();
        let (to_target, to_client) = (all(&self.to_target), all(&self.to_client));
        Faults { to_target, to_client, seed: self.seed.unwrap_or_else(random_seed) }
    }

    fn edits(&self, options: &Options) -> Result<Vec<Edit>, Error> {
        let parse = |text: &String| Edit::parse(text, options);
        self.edits.iter().map(parse).collect::<Result<_, _>>().map_err(Error::Set)
    }
}

/// A seed that is short enough to be typed again.
fn random_seed() -> u64 {
    RandomState::new().hash_one(0) % 1_000_000_000
}

fn parse_target(text: &str) -> Result<Target, AddressError> {
    text.parse()
}

fn parse_address(text: &str) -> Result<Address, AddressError> {
    text.parse()
}

/// How often Ctrl-C is looked for.
const BETWEEN: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let reading = args.reading.reading()?;
    let options = reading.options();
    let mut printer = args.printing.printer(args.filter.parse(&options)?, &options)?;
    let settings = args.settings(&options)?;
    let place = Place::new(args)?;
    let (recorder, source) = match &place.path {
        Some(path) => Recorder::to_file(path).map_err(Error::writing(path))?,
        None => Recorder::temporary()?,
    };
    let proxy = Proxy::start(&settings, recorder.clone(), (&source, &options), |text: &str| notify(text))?;
    notify(&format!("{} is forwarded to {}; Ctrl-C ends it", proxy.address(), args.target));
    if settings.faults.are_random() {
        notify(&format!("faults are those of --seed {}", settings.faults.seed));
    }
    let (is_done, in_window) = (AtomicBool::new(false), AtomicBool::new(args.window));
    let running = Running { proxy, recorder };
    let (shown, ended) = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let status = running.until(&is_done);
            if in_window.load(Ordering::Relaxed) && !is_done.load(Ordering::Relaxed) {
                // Ctrl-C: a window does not wait for it.
                place.remove();
                std::process::exit(status as i32);
            }
            status
        });
        let was_closed =
            args.window && place.path.as_ref().is_some_and(|file| show_in_window(file, &reading));
        in_window.store(was_closed, Ordering::Relaxed);
        let shown = if was_closed || args.quiet { Ok(()) } else { show(source, &options, &mut printer) };
        // Where nothing can be printed any more, as after `| head`, nothing is to be forwarded.
        is_done.store(was_closed || shown.is_err(), Ordering::Relaxed);
        (shown, running.join())
    });
    shown?;
    // A panic was printed where it happened.
    Ok(ended.unwrap_or(Status::Damaged))
}

/// The file that is recorded to, if it has a name.
struct Place {
    path: Option<PathBuf>,
    temporary: Mutex<Option<NamedTempFile>>,
}

impl Place {
    fn new(args: &Arguments) -> Result<Place, Error> {
        // The window follows a file by its name.
        let temporary = match args.window && args.write.is_none() {
            true => Some(tempfile::Builder::new().prefix("proxy-").suffix(".pcapng").tempfile()?),
            false => None,
        };
        let path = args.write.clone().or(temporary.as_ref().map(|file| file.path().to_owned()));
        Ok(Place { path, temporary: Mutex::new(temporary) })
    }

    /// Removes it unless the user named it.
    fn remove(&self) {
        drop(self.temporary.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Arguments {
    fn settings(&self, options: &Options) -> Result<Settings, Error> {
        Ok(Settings {
            udp: self.udp,
            limits: Limits { allow_remote: self.yes_remote, ..Limits::default() },
            faults: self.faults.faults(),
            edits: self.faults.edits(options)?,
            tls_listen: self.tls.authority()?,
            tls_target: self.tls.tls_target,
            trust: self.tls.trust(),
            ..Settings::new(self.listen.clone(), self.target.clone())
        })
    }
}

/// Shows a file in a window until that is closed. False where there can be none.
fn show_in_window(file: &Path, reading: &Reading) -> bool {
    match window::file(file, reading) {
        Ok(()) => true,
        Err(why) => {
            notify(&format!("can't open a window ({why}), so the messages are printed instead"));
            false
        }
    }
}

/// A proxy, and what it records to.
struct Running {
    proxy: Proxy,
    recorder: Recorder,
}

impl Running {
    /// Waits for Ctrl-C, closes everything, and says what passed.
    fn until(mut self, is_done: &AtomicBool) -> Status {
        let mut progress = Progress::quiet();
        let mut has_failed = false;
        while progress.at(0, 0) && !is_done.load(Ordering::Relaxed) {
            std::thread::sleep(BETWEEN);
            if !has_failed && let Some(reason) = self.recorder.failure() {
                notify(&format!("{reason}; what passes is forwarded all the same"));
                has_failed = true;
            }
        }
        self.proxy.stop();
        self.recorder.flush();
        notify(&self.proxy.summary());
        match self.recorder.failure() {
            Some(reason) if !has_failed => {
                notify(&reason);
                Status::Damaged
            }
            Some(_) => Status::Damaged,
            None => Status::Done,
        }
    }
}

/// Prints what is recorded until the recording ends.
fn show(source: Source, options: &Options, printer: &mut RowPrinter) -> Result<(), Error> {
    let following = Following::new(source, options)?;
    read_to_end(following, &mut |index, rows| printer.print(index, rows))?;
    Ok(())
}
