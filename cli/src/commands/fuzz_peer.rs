//! `framescope fuzz-peer`: plays generated conversations against a program that runs, until one breaks it.

use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use framescope_capture::Options;
use framescope_capture::filter::Filter;
use framescope_checking::Transcript;
use framescope_live::Limits;
use framescope_live::encoding::{EncodeError, Talks, encode_line};
use framescope_live::fuzzing::{Asked, Event, Finding, Fuzzer, Never, Outcome, Settings, Speech, Target};
use framescope_parser::Protocol;
use serde_json::json;

use super::send::duration;
use crate::arguments::{ListFormat, ReadingArgs, parse_size};
use crate::error::Error;
use crate::loading::{load, open};
use crate::notices::notify;
use crate::output::output;
use crate::progress::Progress;
use crate::status::Status;

pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  nothing was found
  1  the program can't be started, or does not accept connections
  2  wrong usage
  3  something was found
130  interrupted by Ctrl-C";

/// The longest conversation of a capture that others are made of.
const LONGEST_SEED: usize = 8 << 10;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where the program listens, such as 127.0.0.1:9000. Without --exec it must run already: then only what shows on the network is
    /// seen of it
    #[arg(value_name = "HOST:PORT", required_unless_present = "exec")]
    address: Option<String>,

    /// Start the program with this command, as the system's shell runs it, and again when it has ended.
    ///
    /// {port} is replaced by the port to listen on, which is in the variable PORT too. What the program says on standard error names
    /// its faults.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,

    /// A capture of valid conversations to begin with; without one all are generated
    #[arg(long, value_name = "CAPTURE")]
    seeds: Option<PathBuf>,

    /// Another seed generates other conversations
    #[arg(long, default_value_t = 1)]
    seed: u32,

    /// How long to play: 30s, 10min
    #[arg(long, value_name = "DURATION", default_value = "1min", value_parser = duration)]
    time: Duration,

    /// How many conversations to play, as long as --time allows
    #[arg(long, value_name = "COUNT")]
    runs: Option<u64>,

    /// Stop at the first finding
    #[arg(long)]
    first: bool,

    /// Write what is found to this folder: the conversation as a capture, as JSON lines, and a script that repeats it
    #[arg(long, value_name = "FOLDER", default_value = "findings")]
    findings: PathBuf,

    /// How long to make one finding smaller
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    minimise: Duration,

    /// The program hangs if it does not answer for so long
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    hang: Duration,

    /// A conversation that must always work: messages as decode prints them, those of the program with their kinds at least. Without it
    /// the shortest one that is answered at the beginning
    #[arg(long, value_name = "FILE.json")]
    probe: Option<PathBuf>,

    /// A message that this filter matches must never occur, such as 'kind == ACK and reply_to and data-after-logout'. May be repeated
    #[arg(long, value_name = "EXPR")]
    never: Vec<String>,

    /// The program may take so much more memory than after its start
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "256MiB")]
    memory: u64,

    /// Start the program again after so many conversations
    #[arg(long, value_name = "COUNT")]
    restart_every: Option<u64>,

    /// The program serves one connection after another on purpose: that one which stays open blocks it is no finding
    #[arg(long)]
    one_at_a_time: bool,

    /// Play at most so many conversations a second; 0 for any number, which is the default on this machine. On others it is 1000
    #[arg(long, value_name = "COUNT")]
    rate: Option<u32>,

    /// The program may be on another machine
    #[arg(long)]
    yes_remote: bool,

    /// How to print what is found
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,

    #[command(flatten)]
    reading: ReadingArgs,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let speech = args.speech()?;
    let options = args.options(&speech)?;
    let target = args.target()?;
    let settings = args.settings(&target, &options, &speech)?;
    let seeds = args.seeds(&options)?;
    let mut fuzzer = match Fuzzer::new(&speech, &options.protocols, target, settings) {
        Ok(fuzzer) => fuzzer,
        Err(error) => {
            notify(&error);
            return Ok(Status::Damaged);
        }
    };
    let mut watch = Watch::new(args, &options);
    let outcome = fuzzer.run(seeds, &mut |event| watch.see(event));
    if let Some(error) = watch.error {
        return Err(error);
    }
    match outcome {
        Ok(outcome) => Ok(watch.conclude(&outcome)),
        Err(error) => {
            notify(&error);
            Ok(if watch.findings > 0 { Status::Found } else { Status::Damaged })
        }
    }
}

impl Arguments {
    /// The protocol: the one that --as names last, else the first that is described, else Missive.
    fn speech(&self) -> Result<Speech, Error> {
        let reading = self.reading.reading()?;
        let named = self.reading.decode_as.last().map(|rule| rule.protocol().to_owned());
        let described = match &named {
            Some(name) => reading.own.iter().find(|(_, described)| described.name() == name),
            None => reading.own.iter().next().filter(|_| !self.reading.protocols.is_empty()),
        };
        if let Some((_, described)) = described {
            return Ok(Speech::described(described.clone().with_key(self.reading.key.clone())));
        }
        let name = named.as_deref().unwrap_or("missive");
        let protocols = reading.options().protocols;
        let known = protocols.iter().find(|protocol| protocol.name() == name);
        let known = known.ok_or_else(|| {
            Error::unknown("protocol", name, protocols.iter().map(|protocol| protocol.name()))
        })?;
        Ok(Speech::built_in(Arc::clone(known)))
    }

    /// What the conversations that are written are read with: nothing else is spoken in them.
    fn options(&self, speech: &Speech) -> Result<Options, Error> {
        let mut options = self.reading.options()?;
        options.decode_as.push(format!("tcp={}", speech.protocol().name()).parse()?);
        Ok(options)
    }

    fn target(&self) -> Result<Target, Error> {
        let address = self.address.as_deref().map(resolve).transpose()?;
        Ok(match (&self.exec, address) {
            (Some(command), address) => Target::Program { command: command.clone(), address },
            (None, Some(address)) => Target::Running(address),
            (None, None) => return Err(Error::Address { text: String::new(), cause: None }),
        })
    }

    fn settings(&self, target: &Target, options: &Options, speech: &Speech) -> Result<Settings, Error> {
        let mut limits = Limits { allow_remote: self.yes_remote, rate: self.rate.and_then(NonZeroU32::new) };
        if let Target::Running(address) | Target::Program { address: Some(address), .. } = target {
            limits.check(*address)?;
            let here = Limits { allow_remote: false, ..limits };
            if here.check(*address).is_err() && self.rate.is_none() {
                limits.rate = Limits::default().rate;
            }
        }
        Ok(Settings {
            seed: self.seed,
            runs: self.runs,
            time: Some(self.time),
            hang: self.hang.max(Duration::from_millis(20)),
            memory: self.memory,
            limits,
            restart_every: self.restart_every,
            one_at_a_time: self.one_at_a_time,
            stop_at_first: self.first,
            minimising: self.minimise,
            never: self.never(options)?,
            probe: self.probe(options, speech)?,
        })
    }

    fn never(&self, options: &Options) -> Result<Vec<Never>, Error> {
        let parse = |text: &String| {
            let filter = Filter::parse(text, &options.protocols).map_err(Error::Filter)?;
            Ok(Never { text: text.clone(), filter, options: options.clone() })
        };
        self.never.iter().map(parse).collect()
    }

    /// The messages of a file: those of the client as bytes, of those of the program the kinds.
    fn probe(&self, options: &Options, speech: &Speech) -> Result<Option<Asked>, Error> {
        let Some(path) = &self.probe else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(Error::reading(path))?;
        let default = options.protocols.iter().find(|one| one.name() == speech.protocol().name());
        let (mut asked, mut talks) = (Asked::default(), Talks::default());
        for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            let wrong = |cause| Error::Probe { path: path.clone(), line: line + 1, cause };
            let json: serde_json::Value =
                serde_json::from_str(row).map_err(EncodeError::NotJson).map_err(wrong)?;
            let is_answer = json.get("direction").and_then(serde_json::Value::as_str) == Some("backward");
            let mut bytes = Vec::new();
            let encoded = encode_line(
                row.as_bytes(),
                &options.protocols,
                default,
                &mut talks,
                &mut bytes,
                &mut Vec::new(),
            );
            match json.get("kind").filter(|_| is_answer) {
                // Its kind is enough.
                Some(kind) => {
                    let name = kind.get("enum").unwrap_or(kind).as_str().map(str::to_owned);
                    asked.kinds.push(name.unwrap_or_else(|| kind.to_string()));
                }
                None if is_answer => {}
                None => {
                    encoded.map_err(wrong)?;
                    asked.says.push(bytes);
                }
            }
        }
        Ok(Some(asked))
    }

    /// The conversations of a capture.
    fn seeds(&self, options: &Options) -> Result<Vec<Transcript>, Error> {
        let Some(file) = &self.seeds else { return Ok(Vec::new()) };
        let index = load(open(file, self.reading.unpack_limit)?, options)?;
        let transcripts = framescope_inspect::all_transcripts(&index, LONGEST_SEED)?;
        Ok(transcripts.into_iter().map(|(_, said)| said).collect())
    }
}

fn resolve(text: &str) -> Result<SocketAddr, Error> {
    let mut found = text
        .to_socket_addrs()
        .map_err(|cause| Error::Address { text: text.to_owned(), cause: Some(cause) })?;
    found.next().ok_or_else(|| Error::Address { text: text.to_owned(), cause: None })
}

/// Shows what happens, and writes what is found.
struct Watch<'a> {
    args: &'a Arguments,
    options: &'a Options,
    progress: Progress,
    begun: Instant,
    shown: Instant,
    findings: usize,
    error: Option<Error>,
}

impl<'a> Watch<'a> {
    fn new(args: &'a Arguments, options: &'a Options) -> Watch<'a> {
        let now = Instant::now();
        let progress = Progress::quiet();
        Watch { args, options, progress, begun: now, shown: now, findings: 0, error: None }
    }

    /// False if it should stop.
    fn see(&mut self, event: Event<'_>) -> bool {
        match event {
            Event::Ready { answered: 0, tried, .. } => {
                notify(&format!(
                    "the program answered none of {tried} valid conversations: only whether it accepts connections is watched"
                ));
            }
            Event::Ready { .. } => {}
            Event::Played { conversations, kept } => self.show(conversations, kept),
            Event::Waiting => {}
            Event::Suspected(symptom) => {
                self.erase();
                notify(&format!("{}: {}", symptom.sign, symptom.title));
            }
            Event::Found(finding) => {
                self.findings += 1;
                if let Err(error) = self.print(finding) {
                    self.error = Some(error);
                }
            }
        }
        self.error.is_none() && self.progress.at(0, 1)
    }

    fn show(&mut self, conversations: u64, kept: usize) {
        if self.shown.elapsed() < Duration::from_millis(500) || !io::stderr().is_terminal() {
            return;
        }
        self.shown = Instant::now();
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = conversations as f64 / seconds.max(0.001);
        // Without a standard error there is no place to show it.
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{conversations} conversations, {rate:.0} a second, {kept} kept, {} found",
            self.findings
        );
    }

    fn erase(&self) {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn print(&self, finding: &Finding) -> Result<(), Error> {
        let how = self.args.exec.as_deref().unwrap_or("(start the peer)");
        let address = self.args.address.as_deref().map(resolve).transpose()?;
        let address = address.unwrap_or_else(|| ([127, 0, 0, 1], 9000).into());
        let files = finding.write(&self.args.findings, address, self.options, how)?;
        let mut out = output();
        let messages: usize = finding.scripts.iter().map(|script| script.says.len()).sum();
        let bytes: usize = finding.scripts.iter().map(|script| script.length()).sum();
        let (sign, title, after) = (finding.symptom.sign, &finding.symptom.title, finding.after);
        let (shown, tries) = finding.reproduced;
        let seconds = finding.time.as_secs_f64();
        match self.args.format {
            ListFormat::Json => {
                let found = json!({
                    "sign": sign.as_str(), "title": title, "seconds": seconds, "conversations": after,
                    "connections": finding.scripts.len(), "messages": messages, "bytes": bytes,
                    "messages_before": finding.from.0, "bytes_before": finding.from.1,
                    "reproduced": shown, "tries": tries, "repeats": finding.repeats,
                    "capture": files.capture, "json": files.json, "script": files.script,
                    "standard_error": finding.symptom.lines,
                });
                writeln!(out, "{found}")?;
            }
            ListFormat::Text => {
                writeln!(out, "{sign}: {title}")?;
                writeln!(out, "  after {after} conversations, {seconds:.1} s")?;
                let connections = finding.scripts.len();
                writeln!(
                    out,
                    "  {connections} connections, {messages} messages, {bytes} bytes (from {} messages, {} bytes); \
                     shows in {shown} of {tries} tries",
                    finding.from.0, finding.from.1
                )?;
                for line in finding.symptom.lines.iter().take(12) {
                    writeln!(out, "  | {line}")?;
                }
                writeln!(out, "  {}", files.capture.display())?;
                writeln!(out, "  {}", files.json.display())?;
                writeln!(out, "  {}", files.script.display())?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn conclude(&self, outcome: &Outcome) -> Status {
        self.erase();
        let Outcome { conversations, time, findings, starts, again, branches, stopped } = outcome;
        let seconds = time.as_secs_f64();
        let reached = match branches {
            Some(branches) => format!(", and {branches} of its branches were reached"),
            None => "; which of its code was reached is not known".to_owned(),
        };
        notify(&format!(
            "{conversations} conversations in {seconds:.1} s: {findings} found, which showed {again} times more; \
             the program was started {starts} times{reached}"
        ));
        match (stopped, findings) {
            (true, _) => Status::Interrupted,
            (_, 0) => Status::Done,
            _ => Status::Found,
        }
    }
}
