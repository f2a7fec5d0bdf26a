//! The tool as a process: in a group of its own, so that nothing of it stays, and Ctrl-C in a terminal reaches it only through us.

use std::io::{ErrorKind, Read};
use std::process::{Child as Process, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use super::error::{CaptureError, explain};
use super::recording::Request;
use super::tool::Tool;

/// A tool that says nothing within this time is believed to capture.
const PATIENCE: Duration = Duration::from_secs(3);
/// A tool that was asked to end, or closed its output, is killed after this time.
const GRACE: Duration = Duration::from_secs(3);
/// So much of what it says first, and last, is kept.
const WORDS: usize = 4 << 10;

/// A tool that captures.
#[derive(Debug)]
pub(super) struct Child {
    tool: Tool,
    filter: String,
    state: Arc<(Mutex<State>, Condvar)>,
    words: Arc<Mutex<Words>>,
    #[cfg(unix)]
    guard: Mutex<Option<super::guard::Guard>>,
    /// Closed when it has closed its standard error.
    silence: Mutex<Option<Receiver<Said>>>,
}

#[derive(Debug)]
struct State {
    process: Process,
    was_asked: bool,
    /// Set when the process is reaped: its number may then be another's.
    status: Option<ExitStatus>,
}

/// A tool that has begun to capture, and what it writes.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) stdout: ChildStdout,
}

/// It says that it captures.
#[derive(Debug)]
struct Said;

/// What it said: the beginning, and the end.
#[derive(Debug, Default)]
struct Words {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Child {
    /// Starts a tool, and waits until it captures.
    pub(super) fn start(tool: &Tool, interface: &str, request: &Request) -> Result<Started, CaptureError> {
        let mut command = tool.capture(interface, &request.filter, request.promiscuous);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let unstarted = |cause: io::Error| match cause.kind() {
            ErrorKind::PermissionDenied => CaptureError::Denied {
                tool: tool.clone(),
                interface: interface.to_owned(),
                why: format!("you may not run {}", tool.path().display()),
            },
            _ => CaptureError::Start { tool: tool.clone(), cause },
        };
        let mut process = command.spawn().map_err(unstarted)?;
        let pipes = (process.stdout.take(), process.stderr.take());
        let (Some(stdout), Some(stderr)) = pipes else {
            return Err(unstarted(io::Error::other("it has no output")));
        };
        let (said, silence) = channel();
        #[cfg(unix)]
        let guard = super::guard::Guard::over(process.id());
        let state = State { process, was_asked: false, status: None };
        let child = Child {
            tool: tool.clone(),
            filter: request.filter.clone(),
            state: Arc::new((Mutex::new(state), Condvar::new())),
            words: Arc::default(),
            #[cfg(unix)]
            guard: Mutex::new(guard),
            silence: Mutex::new(None),
        };
        let words = Arc::clone(&child.words);
        let listener = thread::Builder::new().name("capture-says".to_owned());
        listener
            .spawn(move || listen(stderr, &words, &said))
            .map_err(unstarted)
            .inspect_err(|_| child.end())?;
        match silence.recv_timeout(PATIENCE) {
            Ok(Said) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                child.wait();
                return Err(child.failure(interface));
            }
        }
        *lock(&child.silence) = Some(silence);
        Ok(Started { child, stdout })
    }

    pub(super) fn tool(&self) -> &Tool {
        &self.tool
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state.0)
    }

    /// Asks it to end.
    pub(super) fn end(&self) {
        let mut state = self.state();
        if !state.was_asked {
            state.was_asked = true;
            state.signal(Signal::End);
        }
        self.state.1.notify_all();
    }

    /// Whether it was asked to end.
    pub(super) fn was_asked(&self) -> bool {
        self.state().was_asked
    }

    /// Ends it after a time, and kills it if it does not end.
    pub(super) fn watch(&self, time: Option<Duration>) -> io::Result<()> {
        let state = Arc::clone(&self.state);
        let end = time.and_then(|time| Instant::now().checked_add(time));
        thread::Builder::new().name("capture-ends".to_owned()).spawn(move || {
            let (state, changed) = &*state;
            let mut state = lock(state);
            while state.status.is_none() && !state.was_asked {
                let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    state.was_asked = true;
                    state.signal(Signal::End);
                    break;
                }
                // An hour is as good as any time.
                let left = left.unwrap_or(Duration::from_secs(3600));
                state = changed
                    .wait_timeout(state, left)
                    .map_or_else(|error| error.into_inner().0, |(state, _)| state);
            }
            let kill_at = Instant::now() + GRACE;
            while state.status.is_none() {
                let left = kill_at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    state.signal(Signal::Kill);
                    break;
                }
                state = changed
                    .wait_timeout(state, left)
                    .map_or_else(|error| error.into_inner().0, |(state, _)| state);
            }
        })?;
        Ok(())
    }

    /// Waits until it has ended, which it is to do: one that does not is killed. None if that can't be found out.
    pub(super) fn wait(&self) -> Option<ExitStatus> {
        let kill_at = Instant::now() + GRACE;
        let status = loop {
            let mut state = self.state();
            match state.process.try_wait() {
                Ok(None) if Instant::now() >= kill_at => state.signal(Signal::Kill),
                Ok(None) => {}
                Ok(Some(status)) => {
                    // What it has started itself.
                    state.signal(Signal::Kill);
                    state.status = Some(status);
                    break Some(status);
                }
                Err(_) => break None,
            }
            drop(state);
            thread::sleep(Duration::from_millis(5));
        };
        self.state.1.notify_all();
        #[cfg(unix)]
        if let Some(guard) = lock(&self.guard).take() {
            guard.dismiss();
        }
        // Its last words.
        if let Some(silence) = lock(&self.silence).take() {
            while silence.recv_timeout(GRACE).is_ok() {}
        }
        status
    }

    /// Why it ended, by what it said.
    pub(super) fn failure(&self, interface: &str) -> CaptureError {
        let words = lock(&self.words).text();
        match explain(&self.tool, interface, &self.filter, &words) {
            CaptureError::NoInterface { name, .. } => {
                let known = super::interfaces(Some(&self.tool)).unwrap_or_default();
                let known: Vec<String> = known.into_iter().map(|interface| interface.name).collect();
                CaptureError::NoInterface { name, known: known.join(", ") }
            }
            error => error,
        }
    }

    /// How many packets it says that the system dropped.
    pub(super) fn dropped(&self) -> Option<u64> {
        dropped(&lock(&self.words).text())
    }
}

/// Whatever panicked while it had the lock, the parts are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy)]
enum Signal {
    End,
    Kill,
}

impl State {
    /// Signals all of its group, unless it has ended and been reaped.
    #[cfg(unix)]
    fn signal(&mut self, signal: Signal) {
        use rustix::process::{Pid, Signal as Number, kill_process_group};

        let number = match signal {
            Signal::End => Number::TERM,
            Signal::Kill => Number::KILL,
        };
        if self.status.is_none()
            && let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw)
        {
            // It may have ended in this moment.
            let _ = kill_process_group(group, number);
        }
    }

    /// Elsewhere there is only one way to end it.
    #[cfg(not(unix))]
    fn signal(&mut self, _: Signal) {
        if self.status.is_none() {
            let _ = self.process.kill();
        }
    }
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

/// No window of its own.
#[cfg(windows)]
fn own_group(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NO_WINDOW);
}

#[cfg(not(any(unix, windows)))]
fn own_group(_: &mut Command) {}

/// Keeps what a tool says, and says when it captures.
fn listen(mut stderr: ChildStderr, words: &Mutex<Words>, said: &Sender<Said>) {
    let mut piece = vec![0; WORDS];
    let mut is_said = false;
    while let Ok(read @ 1..) = stderr.read(&mut piece) {
        let mut words = lock(words);
        words.add(piece.get(..read).unwrap_or_default());
        // Before these lines nothing is certain: dumpcap says where it captures before it tries to.
        if !is_said
            && words.text().lines().any(|line| line.starts_with("File: ") || line.contains("listening on "))
        {
            is_said = true;
            let _ = said.send(Said);
        }
    }
}

impl Words {
    fn add(&mut self, more: &[u8]) {
        let room = WORDS.saturating_sub(self.first.len()).min(more.len());
        let (first, rest) = more.split_at(room);
        self.first.extend_from_slice(first);
        self.last.extend_from_slice(rest);
        let surplus = self.last.len().saturating_sub(WORDS);
        self.last.drain(..surplus);
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.first).into_owned();
        text.push_str(&String::from_utf8_lossy(&self.last));
        text
    }
}

/// How many packets were dropped, of tcpdump's `7 packets dropped by kernel` or dumpcap's `received/dropped on interface 'lo': 10/7 (`.
fn dropped(words: &str) -> Option<u64> {
    let of_line = |line: &str| {
        if let Some((number, by)) = line.split_once(' ')
            && by.starts_with("packet")
            && by.contains("dropped by ")
        {
            return number.parse().ok();
        }
        let (_, counts) = line.strip_prefix("Packets received/dropped on interface ")?.rsplit_once("': ")?;
        counts.split_once('/')?.1.split(' ').next()?.parse().ok()
    };
    let mut counts = words.lines().filter_map(of_line).peekable();
    counts.peek()?;
    Some(counts.fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_added_up() {
        let tcpdump = "tcpdump: listening on lo, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n\
            9 packets captured\n20 packets received by filter\n2 packets dropped by kernel\n3 packets dropped by interface\n";
        assert_eq!(dropped(tcpdump), Some(5));
        assert_eq!(
            dropped("1 packet captured\n1 packet received by filter\n0 packets dropped by kernel\n"),
            Some(0)
        );
        let dumpcap = "Packets captured: 10\nPackets received/dropped on interface 'Loopback: lo': 10/7 \
            (pcap:7/dumpcap:0/flushed:0/ps_ifdrop:0) (58.8%)\n";
        assert_eq!(dropped(dumpcap), Some(7));
        assert_eq!(dropped("tcpdump: nothing of the kind\n"), None);
    }

    #[test]
    fn the_beginning_and_the_end_of_many_words_are_kept() {
        let mut words = Words::default();
        words.add(b"tcpdump: listening on lo\n");
        for number in 0..100_000 {
            words.add(format!("noise {number}\n").as_bytes());
        }
        words.add(b"3 packets dropped by kernel\n");
        let text = words.text();
        assert!(text.starts_with("tcpdump: listening on lo\n") && text.len() <= 2 * WORDS);
        assert_eq!(dropped(&text), Some(3));
    }
}
