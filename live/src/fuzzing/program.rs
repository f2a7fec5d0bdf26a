//! A program that is started to be fuzzed: what it says on standard error, how it ends, and that nothing of it stays.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::report;

/// How many lines of standard error are kept, and how much of each: the last ones, where a report begins.
const LINES: usize = 400;
const LINE_BYTES: u64 = 2000;
/// How long the rest of a report is waited for.
const REST_OF_REPORT: Duration = Duration::from_millis(1000);
/// And of what looks complete.
const PAUSE: Duration = Duration::from_millis(40);
/// How long a report may take at all.
const REPORT: Duration = Duration::from_secs(5);

/// A program that runs. Ended, with all processes that it started, when it is dropped.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    /// Kept open: some programs end when their standard input does.
    _input: Option<ChildStdin>,
    said: Arc<Mutex<Said>>,
    reader: Option<JoinHandle<()>>,
    /// How many lines were dealt with.
    dealt_with: u64,
}

/// What it said on standard error.
#[derive(Debug, Default)]
struct Said {
    lines: VecDeque<String>,
    /// How many lines there were.
    count: u64,
    /// How many of them begin a report.
    alarms: u64,
}

impl Program {
    /// Starts what a shell makes of `command`, with a port in the variable PORT and in the place of `{port}`.
    pub(super) fn start(command: &str, port: u16, variables: &[(String, String)]) -> io::Result<Program> {
        let command = command.replace("{port}", &port.to_string());
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut shell = Command::new(shell);
        shell.arg(flag).arg(format!("{}{command}", in_shells_place(&command))).env("PORT", port.to_string());
        shell.envs(variables.iter().map(|(name, value)| (name, value)));
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut child = shell.spawn()?;
        let said = Arc::new(Mutex::new(Said::default()));
        let reader = child.stderr.take().map(|errors| {
            let said = Arc::clone(&said);
            thread::spawn(move || listen(errors, &said))
        });
        Ok(Program { _input: child.stdin.take(), child, said, reader, dealt_with: 0 })
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How many reports of a fault it has begun to write.
    pub(super) fn alarms(&self) -> u64 {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).alarms
    }

    /// The last lines that it said and that are new, when it has ended or has said nothing for a moment.
    pub(super) fn last_words(&mut self) -> Vec<String> {
        let begun = Instant::now();
        let mut quiet_since = (Instant::now(), self.count());
        while begun.elapsed() < REPORT {
            let has_all = self.reader.as_ref().is_none_or(JoinHandle::is_finished);
            let count = self.count();
            if count != quiet_since.1 {
                quiet_since = (Instant::now(), count);
            }
            let is_awaited = self.ended().is_some() || self.is_in_report();
            let pause = if is_awaited { REST_OF_REPORT } else { PAUSE };
            if has_all || quiet_since.0.elapsed() > pause {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let new = usize::try_from(said.count - self.dealt_with).unwrap_or(usize::MAX);
        self.dealt_with = said.count;
        said.lines.iter().skip(said.lines.len().saturating_sub(new)).cloned().collect()
    }

    /// Whether a report is not at its end, as far as its lines show: names of places may take a while to be found.
    fn is_in_report(&self) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let last = said.lines.iter().rposition(|line| report::begins(line));
        last.is_some_and(|last| report::is_unfinished(said.lines.range(last..)))
    }

    fn count(&self) -> u64 {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Ends it and whatever it has started.
    fn stop(&mut self) {
        #[cfg(unix)]
        if let Ok(id) = i32::try_from(self.child.id())
            && let Some(group) = rustix::process::Pid::from_raw(id)
        {
            // A group that has ended already is none.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(windows)]
        let _ = Command::new("taskkill")
            .args(["/T", "/F", "/PID", &self.child.id().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `exec` where a plain command can take the shell's place: then the shell's number is the program's.
fn in_shells_place(command: &str) -> &'static str {
    let first = command.split_whitespace().next().unwrap_or_default();
    let is_plain = !first.contains('=') && !command.contains([';', '|', '&', '<', '>', '(', '\n']);
    if is_plain && !cfg!(windows) { "exec " } else { "" }
}

fn listen(errors: impl Read, said: &Mutex<Said>) {
    let mut errors = BufReader::new(errors);
    loop {
        let mut line = Vec::new();
        match errors.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.count += 1;
        said.alarms += u64::from(report::begins(&line));
        if said.lines.len() == LINES {
            said.lines.pop_front();
        }
        said.lines.push_back(line);
    }
}
