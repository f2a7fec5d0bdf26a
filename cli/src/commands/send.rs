//! `framescope send`: writes messages to a program that listens, and prints what it replies.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;
use framescope_capture::filter::{Evaluator, Filter};
use framescope_capture::{Index, Options};
use framescope_live::send::{Lines, SendError, Sent, named_in, speaking};
use framescope_live::{
    DurationError, Edit, Exchange, Received, Recorder, Target, TargetError, Wait, Waited, parse_duration,
};
use framescope_parser::{Direction, Protocol};

use crate::arguments::{LimitArgs, ReadingArgs};
use crate::error::Error;
use crate::notices::notify;
use crate::printing::{PrintingArgs, RowPrinter};
use crate::progress::Progress;
use crate::status::Status;

/// The end of `--help`.
pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  all was sent and answered
  1  the program refused, closed early or did not reply in time, or a message can't be written
  2  wrong usage, or a file can't be read or written
  3  no reply matches --expect
130  interrupted by Ctrl-C";

/// The longest line that is read as a message.
const LONGEST_LINE: u64 = 256 << 20;
/// How long it is waited for a line before it is seen what was received.
const SLICE: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where the program listens: HOST:PORT, udp:HOST:PORT or unix:PATH
    #[arg(value_name = "TARGET", value_parser = parse_target)]
    target: Target,

    /// A file with a JSON object per line and message, as `decode --format json` prints them or with only the fields that matter;
    /// or - for standard input
    #[arg(default_value = "-")]
    file: PathBuf,

    /// Send the bytes of FILE as they are
    #[arg(long, conflicts_with = "breaks")]
    raw: bool,

    /// Make a field wrong that is derived, such as a length or a check: FIELD, FIELD=VALUE, FIELD+N or FIELD-N.
    ///
    /// May be repeated. Checks over the field are right all the same. Messages that do not have the field are not changed.
    #[arg(long = "break", value_name = "FIELD[=VALUE|+N|-N]")]
    breaks: Vec<String>,

    /// Wait for replies at most this long: 500ms, 3s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    wait: Duration,

    /// Where the protocol does not say which messages ask for a reply, wait until nothing came for this long
    #[arg(long, value_name = "DURATION", default_value = "300ms", value_parser = duration)]
    quiet: Duration,

    /// Send all messages without waiting for replies between them
    #[arg(long)]
    together: bool,

    /// Exit with status 3 unless a reply matches this filter, such as 'kind == ACK'
    #[arg(long, value_name = "EXPR")]
    expect: Option<String>,

    /// Write what was sent and received to this pcapng file, which is replaced
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    printing: PrintingArgs,

    #[command(flatten)]
    reading: ReadingArgs,
}

pub(crate) fn parse_target(text: &str) -> Result<Target, TargetError> {
    text.parse()
}

pub(crate) fn duration(text: &str) -> Result<Duration, DurationError> {
    parse_duration(text)
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.reading.options()?;
    let breaks = args.breaks.iter().map(|text| Edit::parse(text, &options).map_err(Error::Break));
    let breaks: Vec<Edit> = breaks.collect::<Result<_, _>>()?;
    if breaks.iter().any(|edit| edit.filter().is_some()) {
        return Err(Error::BreakWithFilter);
    }
    let expected = args.expect.as_ref().map(|text| Filter::parse(text, &options.protocols));
    let expected = expected.transpose().map_err(Error::Expect)?;
    let input = args.input()?;
    let mut lines = if args.raw { Input::Raw(Some(input)) } else { Input::lines(input)? };
    let spoken = args.reading.spoken(&options).or_else(|| named_in(lines.first()?, &options.protocols));
    let options = match &spoken {
        Some(protocol) => speaking(&**protocol, &args.target, options),
        None => options,
    };
    let printer = args.printing.printer(None, &options)?;
    let mut exchange = args.connect(&options)?;
    if let Some(protocol) = spoken {
        exchange.set_default(protocol);
    }
    let session = Session {
        args,
        printer,
        progress: Progress::quiet(),
        expected,
        lines: Lines::new(breaks),
        sent: 0,
        status: Status::Done,
    };
    session.run(exchange, &mut lines)
}

impl Arguments {
    fn input(&self) -> Result<Box<dyn BufRead + Send>, Error> {
        Ok(match self.file.as_os_str() == "-" {
            true => Box::new(BufReader::new(io::stdin())),
            false => {
                let file = File::open(&self.file).map_err(Error::reading(&self.file))?;
                Box::new(BufReader::with_capacity(1 << 16, file))
            }
        })
    }

    fn connect(&self, options: &Options) -> Result<Exchange, Error> {
        let recording = match &self.write {
            Some(path) => Recorder::to_file(path).map_err(Error::writing(path))?,
            None => Recorder::temporary()?,
        };
        let (limits, timeout) = (self.limits.limits(), self.wait.max(Duration::from_secs(1)));
        Ok(Exchange::connect_recorded(&self.target, options, &limits, timeout, recording)?)
    }
}

/// What is sent.
enum Input {
    Raw(Option<Box<dyn BufRead + Send>>),
    /// Lines with their numbers, which a thread reads, and the one that was looked at.
    Lines(Receiver<io::Result<(u64, Vec<u8>)>>, Option<(u64, Vec<u8>)>),
}

/// What comes next.
enum Next {
    Line(u64, Vec<u8>),
    NotYet,
    End,
}

impl Input {
    /// Lines, of which the first is there.
    fn lines(mut input: Box<dyn BufRead + Send>) -> Result<Input, Error> {
        let (to, lines) = sync_channel(16);
        let work = move || {
            for number in 1u64.. {
                let mut line = Vec::new();
                let read = Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut line);
                let sent = match read {
                    Ok(0) => break,
                    Ok(_) if line.iter().all(u8::is_ascii_whitespace) => Ok(()),
                    Ok(_) => to.send(Ok((number, line))),
                    Err(error) => {
                        to.send(Err(error)).and(Err(std::sync::mpsc::SendError(Ok((0, Vec::new())))))
                    }
                };
                if sent.is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("input".to_owned()).spawn(work)?;
        Ok(Input::Lines(lines, None))
    }

    /// The first line, once it is there.
    fn first(&mut self) -> Option<&[u8]> {
        let Input::Lines(lines, first) = self else { return None };
        *first = lines.recv().ok()?.ok();
        first.as_ref().map(|(_, line)| line.as_slice())
    }

    fn next(&mut self) -> io::Result<Next> {
        match self {
            Input::Raw(input) => {
                let Some(mut input) = input.take() else { return Ok(Next::End) };
                let mut bytes = Vec::new();
                input.read_to_end(&mut bytes)?;
                Ok(Next::Line(1, bytes))
            }
            Input::Lines(lines, first) => {
                if let Some((number, line)) = first.take() {
                    return Ok(Next::Line(number, line));
                }
                match lines.recv_timeout(SLICE) {
                    Ok(line) => line.map(|(number, line)| Next::Line(number, line)),
                    Err(RecvTimeoutError::Timeout) => Ok(Next::NotYet),
                    Err(RecvTimeoutError::Disconnected) => Ok(Next::End),
                }
            }
        }
    }
}

struct Session<'a> {
    args: &'a Arguments,
    printer: RowPrinter,
    progress: Progress,
    expected: Option<Filter>,
    lines: Lines,
    sent: u64,
    status: Status,
}

impl Session<'_> {
    fn run(mut self, mut exchange: Exchange, input: &mut Input) -> Result<Status, Error> {
        let ended = self.send_all(&mut exchange, input)?;
        let waited = match ended {
            Some(ended) => ended,
            None => self.wait(&mut exchange, true)?,
        };
        let unanswered = exchange.unanswered();
        let failure = exchange.failure();
        let mut printed = Ok(());
        let index = exchange.finish_with(&mut |index, rows| {
            if printed.is_ok() {
                printed = self.printer.print(index, rows);
            }
        });
        printed?;
        if let Some(failure) = failure {
            self.fail(&failure);
        }
        self.conclude(&index, waited, unanswered)
    }

    /// Sends all that is to be sent. Returns how the conversation has ended, if it did before.
    fn send_all(&mut self, exchange: &mut Exchange, input: &mut Input) -> Result<Option<Waited>, Error> {
        loop {
            if !self.progress.at(0, 0) {
                return Ok(Some(Waited::Stopped));
            }
            let (number, line) = match input.next()? {
                Next::Line(number, line) => (number, line),
                Next::End => return Ok(None),
                Next::NotYet => {
                    if let Some(ended) = self.receive(exchange)? {
                        return Ok(Some(ended));
                    }
                    continue;
                }
            };
            // An answer that is there may change what is written next.
            if let Some(ended) = self.receive(exchange)? {
                return Ok(Some(ended));
            }
            let sent = match self.args.raw {
                true => exchange.send(&line).map(|()| Sent::Message).map_err(SendError::Exchange),
                false => self.lines.send(&line, exchange),
            };
            exchange.take_notes().iter().for_each(|note| notify(&format!("line {number}: {note}")));
            match sent {
                Ok(Sent::Message) => self.sent += 1,
                Ok(Sent::LeftOut) => continue,
                Err(SendError::Encode(error)) => {
                    self.fail(&format!("line {number}: {error}"));
                    continue;
                }
                Err(SendError::Exchange(error)) => {
                    self.fail(&error.to_string());
                    return Ok(Some(self.receive(exchange)?.unwrap_or(Waited::Reset)));
                }
            }
            if !self.args.together && !self.args.raw {
                let waited = self.wait(exchange, false)?;
                if !matches!(waited, Waited::Answered | Waited::TimedOut) {
                    return Ok(Some(waited));
                }
            }
        }
    }

    /// Prints what is there already. Returns how the conversation has ended, if it has.
    fn receive(&mut self, exchange: &mut Exchange) -> Result<Option<Waited>, Error> {
        loop {
            match exchange.receive(Instant::now()) {
                Received::Rows(rows) => self.printer.print(exchange.index(), rows)?,
                Received::TimedOut => return Ok(None),
                Received::Closed => return Ok(Some(Waited::Closed)),
                Received::Reset => return Ok(Some(Waited::Reset)),
                Received::Flooded => return Ok(Some(Waited::Flooded)),
            }
        }
    }

    /// Waits for replies: to one message, or after the last.
    fn wait(&mut self, exchange: &mut Exchange, is_last: bool) -> Result<Waited, Error> {
        let wait = Wait {
            limit: self.args.wait,
            quiet: self.args.quiet,
            for_some: is_last || exchange.has_states(),
        };
        let Session { printer, progress, expected, .. } = self;
        let mut seen = 0;
        let mut is_found = false;
        let waited =
            exchange.wait(&wait, &mut |index, rows| printer.print(index, rows), &mut |exchange| {
                let index = exchange.index();
                if let Some(expected) = expected.as_ref().filter(|_| is_last) {
                    is_found |= matches(expected, index, seen).unwrap_or(false);
                    seen = index.row_count();
                }
                progress.at(0, 0) && !is_found
            })?;
        Ok(if is_found { Waited::Answered } else { waited })
    }

    fn fail(&mut self, why: &str) {
        notify(why);
        self.status = self.status.max(Status::Damaged);
    }

    /// The exit status, and a sentence for what went wrong.
    fn conclude(mut self, index: &Index, waited: Waited, unanswered: usize) -> Result<Status, Error> {
        if waited == Waited::Stopped {
            notify(&format!(
                "interrupted: {} sent, {} rows",
                counted(self.sent, "message"),
                index.row_count()
            ));
            return Ok(Status::Interrupted);
        }
        for path in self.lines.not_made() {
            notify(&format!("--break {path}: no message has this field"));
        }
        if self.lines.others() > 0 {
            let others = counted(self.lines.others(), "row");
            notify(&format!("{others} of the other side (\"direction\":\"backward\") left out"));
        }
        if let Some(expected) = &self.expected
            && self.status == Status::Done
        {
            return match matches(expected, index, 0)? {
                true => Ok(Status::Done),
                false => {
                    notify(&format!("--expect: no reply matches {expected}"));
                    Ok(Status::Found)
                }
            };
        }
        let target = &self.args.target;
        let has_received = index.rows().any(|(_, row)| index.direction(&row) == Direction::Backward);
        let is_waited_for = !self.args.wait.is_zero();
        let seconds = self.args.wait.as_secs_f64();
        let why = match waited {
            Waited::Reset => Some(format!("{target} broke the connection off")),
            Waited::Flooded => Some(format!("{target} sends without an end: no more is read")),
            Waited::Closed if unanswered > 0 => Some(format!(
                "{target} closed the connection before {} had a reply",
                counted(unanswered as u64, "message")
            )),
            Waited::Closed if !has_received => {
                Some(format!("{target} closed the connection without a reply"))
            }
            Waited::TimedOut if unanswered > 0 && is_waited_for => Some(format!(
                "{} had no reply within {seconds} s; --wait changes how long it is waited",
                counted(unanswered as u64, "message")
            )),
            Waited::TimedOut if !has_received && is_waited_for => {
                Some(format!("{target} sent nothing within {seconds} s; --wait 0 does not wait"))
            }
            _ => None,
        };
        if let Some(why) = why {
            self.fail(&why);
        }
        Ok(self.status)
    }
}

/// Whether a row of the peer matches, from one on.
fn matches(expected: &Filter, index: &Index, from: usize) -> io::Result<bool> {
    let mut rows: Vec<_> = index.row_ids_in(from..index.row_count()).collect();
    rows.retain(|id| index.row(*id).is_some_and(|row| index.direction(&row) == Direction::Backward));
    Evaluator::new(expected, index).retain(&mut rows)?;
    Ok(!rows.is_empty())
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl ReadingArgs {
    /// The protocol that is meant: that of the last rule, or the first that is described.
    pub(crate) fn spoken(&self, options: &Options) -> Option<Arc<dyn Protocol>> {
        let named = |name: &str| options.protocols.iter().find(|one| one.name() == name);
        let by_rule = self.decode_as.iter().rev().find_map(|rule| named(rule.protocol()));
        // Those of files come first.
        let described = options.protocols.first().filter(|_| !self.protocols.is_empty());
        by_rule.or(described).cloned()
    }
}
