//! The peer: a program that is started again when it has ended, or one that runs already at an address.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::program::Program;
use super::symptom::{Sign, Symptom};
use super::{report, vitals};

/// How long a program may take until it accepts connections, and one that is not started here.
const START: Duration = Duration::from_secs(20);
const RETURN: Duration = Duration::from_secs(3);

/// What is fuzzed.
#[derive(Clone, Debug)]
pub enum Target {
    /// A program that runs already. Only what shows on the network is seen of it.
    Running(SocketAddr),
    /// A program that is started, and started again when it has ended.
    Program {
        /// What a shell runs. `{port}` is replaced by the port to listen on, which is in the variable PORT too.
        command: String,
        /// Where it will listen; without it, on a free port of this machine.
        address: Option<SocketAddr>,
    },
}

/// Why a peer can't be fuzzed.
#[derive(Debug, Error)]
pub enum PeerError {
    /// The program can't be started.
    #[error("'{command}' can't be started: {cause}")]
    Start {
        /// The command.
        command: String,
        /// Why.
        cause: io::Error,
    },
    /// The program ended before it accepted a connection.
    #[error("'{command}' {how} before it accepted a connection{said}")]
    Ended {
        /// The command.
        command: String,
        /// How it ended.
        how: String,
        /// What it said last.
        said: String,
    },
    /// Nothing accepts connections.
    #[error("nothing accepts connections at {address}: {cause}{advice}")]
    NoConnection {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The conversation that it must always answer is not answered at the beginning.
    #[error("the probe is answered with {found} at the beginning; it should be {wanted}")]
    Probe {
        /// The kinds of the answers.
        found: String,
        /// Those that it wants.
        wanted: String,
    },
    /// No port is free.
    #[error("no port is free on this machine: {0}")]
    NoPort(io::Error),
}

/// The peer.
#[derive(Debug)]
pub(super) struct Peer {
    target: Target,
    address: SocketAddr,
    program: Option<Program>,
    variables: Vec<(String, String)>,
    /// The reports that it had begun when it was last looked at.
    alarms: u64,
    /// How often it was started.
    pub(super) starts: u64,
}

impl Peer {
    /// The peer, which runs and accepts connections. A program has `variables` in its environment.
    pub(super) fn start(target: Target, variables: Vec<(String, String)>) -> Result<Peer, PeerError> {
        let address = match &target {
            Target::Running(address) => *address,
            Target::Program { address, .. } => address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into()),
        };
        let mut peer = Peer { target, address, program: None, variables, alarms: 0, starts: 0 };
        peer.restart()?;
        Ok(peer)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it is a program that is started here.
    pub(super) fn is_program(&self) -> bool {
        matches!(self.target, Target::Program { .. })
    }

    /// The number of its process.
    pub(super) fn id(&self) -> Option<u32> {
        self.program.as_ref().map(Program::id)
    }

    /// Ends the program and starts it again. One that is not started here is only waited for.
    pub(super) fn restart(&mut self) -> Result<(), PeerError> {
        self.program = None;
        if let Target::Program { command, address } = &self.target {
            if address.is_none() {
                let port = free_port().map_err(PeerError::NoPort)?;
                self.address = (Ipv4Addr::LOCALHOST, port).into();
            }
            let program = Program::start(command, self.address.port(), &self.variables)
                .map_err(|cause| PeerError::Start { command: command.clone(), cause })?;
            self.program = Some(program);
            self.starts += 1;
        }
        self.alarms = 0;
        self.wait()
    }

    /// Waits until it accepts a connection.
    fn wait(&mut self) -> Result<(), PeerError> {
        let begun = Instant::now();
        loop {
            let cause = match TcpStream::connect_timeout(&self.address, START) {
                Ok(_) => return Ok(()),
                Err(cause) => cause,
            };
            if let (Some(program), Target::Program { command, .. }) = (&mut self.program, &self.target)
                && let Some(status) = program.ended()
            {
                let said = program.last_words();
                let said = said.iter().rev().find(|line| !line.is_empty());
                let said = said.map_or_else(String::new, |line| format!(": {line}"));
                return Err(PeerError::Ended { command: command.clone(), how: report::ending(status), said });
            }
            if begun.elapsed() > if self.is_program() { START } else { RETURN } {
                let advice = match self.target {
                    Target::Program { address: None, .. } => {
                        "; it must listen on the port that is in the variable PORT, or for {port} in the command"
                    }
                    _ => "",
                };
                return Err(PeerError::NoConnection { address: self.address, cause, advice });
            }
            std::thread::sleep(Duration::from_millis(if begun.elapsed().as_millis() < 200 { 2 } else { 20 }));
        }
    }

    /// Whether the program has ended, or reported a fault, since it was last asked.
    pub(super) fn symptom(&mut self) -> Option<Symptom> {
        let program = self.program.as_mut()?;
        if let Some(status) = program.ended() {
            let lines = program.last_words();
            let how = report::ending(status);
            let title = report::title(&lines).unwrap_or_else(|| {
                let last = lines.iter().rev().find(|line| !line.trim().is_empty());
                last.map_or_else(|| how.clone(), |line| format!("{how}: {}", line.trim()))
            });
            return Some(Symptom { sign: Sign::Crash, title, lines });
        }
        if program.alarms() > self.alarms {
            let lines = program.last_words();
            self.alarms = program.alarms();
            let title = report::title(&lines).unwrap_or_default();
            // It may end after its report.
            let sign = if program.ended().is_some() { Sign::Crash } else { Sign::Report };
            return Some(Symptom { sign, title, lines });
        }
        None
    }

    /// The memory that it has in use.
    pub(super) fn memory(&self) -> Option<u64> {
        vitals::memory(self.id()?)
    }

    /// The processor time that it has used.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        vitals::processor_time(self.id()?)
    }
}

/// A port that is free now.
fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}
