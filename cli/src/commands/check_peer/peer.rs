//! The other program: started, given inputs, and waited for.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use thiserror::Error;

/// What comes back for an input.
#[derive(Debug)]
pub(super) enum Reply {
    Line(String),
    None(NoReply),
}

/// Why the program did not reply.
#[derive(Debug, Error)]
pub(super) enum NoReply {
    #[error("no reply within {} s", .0.as_secs_f32())]
    TooLate(Duration),
    #[error("the reply is not a line of text ({0})")]
    NotText(io::Error),
    #[error("no reply: the program ended with {0}")]
    Ended(ExitStatus),
    #[error("no reply: {0}")]
    Lost(io::Error),
}

/// The other program.
pub(super) struct Peer {
    command: String,
    patience: Duration,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<io::Result<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that hangs does not notice that its input has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// A program that `command` starts in the system's shell, and that should reply to each line within that time.
    pub(super) fn new(command: &str, patience: Duration) -> Peer {
        Peer { command: command.to_owned(), patience, running: None }
    }

    fn start(&self) -> io::Result<Running> {
        // A plain command takes the shell's place: stopping one does not stop the other.
        let first = self.command.split_whitespace().next().unwrap_or_default();
        let is_plain = !first.contains('=') && !self.command.contains([';', '|', '&', '<', '>', '(', '\n']);
        let exec = if is_plain && !cfg!(windows) { "exec " } else { "" };
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut shell = Command::new(shell);
        shell.arg(flag).arg(format!("{exec}{}", self.command));
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // The send fails once the receiver of lines is gone.
            BufReader::new(output).lines().try_for_each(|line| sender.send(line)).ok()
        });
        Ok(Running { child, input, lines })
    }

    /// The program's reply to a line. It is started if it does not run, also after it has failed.
    ///
    /// # Errors
    /// It can't be started.
    pub(super) fn ask(&mut self, line: &str) -> io::Result<Reply> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let sent = running.input.write_all(format!("{line}\n").as_bytes());
        let sent = sent.and_then(|()| running.input.flush());
        Ok(self.reply(running, sent.is_ok()))
    }

    /// The next line of the program's reply.
    pub(super) fn next_line(&mut self) -> Reply {
        match self.running.take() {
            Some(running) => self.reply(running, true),
            None => Reply::None(NoReply::Lost(io::Error::other("it does not run"))),
        }
    }

    fn reply(&mut self, mut running: Running, is_asked: bool) -> Reply {
        let silence = match running.lines.recv_timeout(self.patience) {
            Ok(Ok(line)) if is_asked => {
                self.running = Some(running);
                return Reply::Line(line);
            }
            Err(RecvTimeoutError::Timeout) => NoReply::TooLate(self.patience),
            Ok(Err(error)) => NoReply::NotText(error),
            _ => running.child.wait().map_or_else(NoReply::Lost, NoReply::Ended),
        };
        Reply::None(silence)
    }
}
