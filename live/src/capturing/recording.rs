//! A capture that runs: the tool, the threads that read what it writes, and its end.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use framescope_capture::Source;

use super::blocks::{BlockType, Blocks};
use super::child::{Child, Started};
use super::error::CaptureError;
use super::interfaces::interfaces;
use super::output::Output;
use super::ring::Ring;
use super::tool::Tool;

/// What to capture, and where to.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What captures; the first that may if none is named.
    pub tool: Option<Tool>,
    /// Where: what the tool accepts as `-i`. The loopback interface if none is named.
    pub interface: Option<String>,
    /// Which packets, in libpcap's language; all if empty.
    pub filter: String,
    /// Whether to capture what is for other machines as well.
    pub promiscuous: bool,
    /// The file to write; otherwise a temporary one.
    pub file: Option<PathBuf>,
    /// A ring of files in place of the one.
    pub ring: Option<Ring>,
    /// Whether what is captured is read meanwhile. A ring is then copied to a temporary file, which keeps all of it.
    pub is_read: bool,
    /// When to stop.
    pub until: Until,
}

/// When a capture stops by itself: at whatever is reached first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Until {
    /// After so many packets.
    pub packets: Option<u64>,
    /// Before the file has more bytes than these.
    pub bytes: Option<u64>,
    /// After so long.
    pub time: Option<Duration>,
}

/// How a capture ended.
#[derive(Debug)]
pub struct Ended {
    /// What captured.
    pub tool: Tool,
    /// Where.
    pub interface: String,
    /// How many packets were captured.
    pub packets: u64,
    /// How many the system dropped because they came faster than they were read; None if the tool does not say.
    pub dropped: Option<u64>,
    /// How many bytes of blocks there are.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// The files of the ring that there are, the oldest first.
    pub files: Vec<PathBuf>,
    /// Why it ended early, if it did.
    pub error: Option<CaptureError>,
}

/// A capture that runs. When it is dropped the tool is asked to end.
pub struct Recording {
    child: Arc<Child>,
    shared: Arc<Shared>,
    source: Option<Source>,
    interface: String,
    file: Option<PathBuf>,
    reader: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    packets: AtomicU64,
    bytes: AtomicU64,
    ended: OnceLock<Ended>,
}

impl Recording {
    /// Starts a tool, and returns when it captures. `wake` is called when there is more to read, and at the end.
    ///
    /// # Errors
    /// There is no tool, or none that may capture; the interface or the filter is wrong; or the file can't be written.
    pub fn start(request: &Request, wake: impl Fn() + Send + 'static) -> Result<Recording, CaptureError> {
        let tools = request.tool.as_ref().map_or_else(Tool::all, |tool| vec![tool.clone()]);
        let interface = match &request.interface {
            Some(interface) => interface.clone(),
            None => usual(request.tool.as_ref())?,
        };
        let mut failed = CaptureError::NoTool;
        for tool in tools {
            match Child::start(&tool, &interface, request) {
                Ok(started) => return Recording::read(started, &interface, request, wake),
                // Another one may have the permissions.
                Err(error @ (CaptureError::Denied { .. } | CaptureError::Start { .. })) => failed = error,
                Err(error) => return Err(error),
            }
        }
        Err(failed)
    }

    fn read(
        started: Started,
        interface: &str,
        request: &Request,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Recording, CaptureError> {
        let Started { child, stdout } = started;
        let child = Arc::new(child);
        let name = request
            .file
            .as_ref()
            .map_or_else(|| format!("recording on {interface}"), |file| file.display().to_string());
        let (output, source) = Output::open(request, &name).inspect_err(|_| child.end())?;
        let shared = Arc::new(Shared::default());
        let pump = Pump {
            output,
            shared: Arc::clone(&shared),
            child: Arc::clone(&child),
            until: request.until,
            packets: 0,
            is_reached: false,
        };
        let begun = Instant::now();
        let (on, interface) = (interface.to_owned(), interface.to_owned());
        let work = move || {
            let mut pump = pump;
            let error = pump.run(stdout, &on, &wake).err();
            pump.end(on, begun, error);
            wake();
        };
        let unstarted = |cause| CaptureError::Start { tool: child.tool().clone(), cause };
        let reader = thread::Builder::new().name("capture".to_owned()).spawn(work).map_err(unstarted)?;
        child.watch(request.until.time).map_err(unstarted)?;
        Ok(Recording { child, shared, source, interface, file: request.file.clone(), reader: Some(reader) })
    }

    /// What is captured, as it grows. None if it is only written.
    pub fn source(&self) -> Option<Source> {
        self.source.clone()
    }

    /// Where it captures.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The file that it writes, if it is not a temporary one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What captures.
    pub fn tool(&self) -> &Tool {
        self.child.tool()
    }

    /// How many packets were captured so far.
    pub fn packets(&self) -> u64 {
        self.shared.packets.load(Ordering::Relaxed)
    }

    /// How many bytes of blocks there are so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Asks the tool to end, and returns immediately. Whatever was captured is still read.
    pub fn stop(&self) {
        self.child.end();
    }

    /// How it ended, when it has.
    pub fn ended(&self) -> Option<&Ended> {
        self.shared.ended.get()
    }

    /// Stops it, and waits until it has ended: a few seconds at most, after which the tool is killed.
    pub fn finish(&mut self) -> Option<&Ended> {
        self.stop();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.ended()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("tool", self.tool())
            .field("packets", &self.packets())
            .finish_non_exhaustive()
    }
}

/// The interface of programs on one machine.
fn usual(tool: Option<&Tool>) -> Result<String, CaptureError> {
    let all = interfaces(tool)?;
    let first = all.into_iter().next().ok_or(CaptureError::NoTool)?;
    Ok(first.name)
}

/// The bytes that are read at a time.
const PIECE: usize = 64 << 10;
/// Where the tool writes packet by packet, reads are as far apart as this, so that a thousand packets need not a thousand reads.
const BETWEEN: Duration = Duration::from_millis(1);

/// Passes on what the tool writes.
struct Pump {
    output: Output,
    shared: Arc<Shared>,
    child: Arc<Child>,
    until: Until,
    packets: u64,
    is_reached: bool,
}

impl Pump {
    fn run(&mut self, mut stdout: ChildStdout, interface: &str, wake: &dyn Fn()) -> Result<(), CaptureError> {
        let mut blocks = Blocks::new(interface);
        let mut piece = vec![0; PIECE];
        let mut last = Instant::now();
        loop {
            let read = match stdout.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(cause) => return Err(CaptureError::Start { tool: self.child.tool().clone(), cause }),
            };
            if self.is_reached {
                // Only the end is awaited.
                continue;
            }
            let mut failed = None;
            let pushed = blocks.push(piece.get(..read).unwrap_or_default(), &mut |block_type, block| {
                self.take(block_type, block).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
            });
            self.output.flush()?;
            self.shared.packets.store(self.packets, Ordering::Relaxed);
            self.shared.bytes.store(self.output.bytes, Ordering::Relaxed);
            wake();
            if let Some(error) = failed {
                return Err(error);
            }
            pushed.map_err(|cause| CaptureError::Garbage { tool: self.child.tool().clone(), cause })?;
            if read < PIECE / 4 && last.elapsed() < BETWEEN {
                thread::sleep(BETWEEN);
            }
            last = Instant::now();
        }
    }

    /// Takes a block, unless enough was captured. False if no more is wanted.
    fn take(&mut self, block_type: BlockType, block: &[u8]) -> Result<bool, CaptureError> {
        let is_packet = block_type == BlockType::Packet;
        let is_too_long = |bytes| self.output.bytes + block.len() as u64 > bytes;
        if is_packet && self.until.bytes.is_some_and(is_too_long) {
            self.reach();
            return Ok(false);
        }
        self.output.take(block_type, block)?;
        self.packets += u64::from(is_packet);
        if self.until.packets.is_some_and(|packets| self.packets >= packets) {
            self.reach();
        }
        Ok(!self.is_reached)
    }

    fn reach(&mut self) {
        self.is_reached = true;
        self.child.end();
    }

    /// The tool has closed its output, or what it writes is of no use.
    fn end(self, interface: String, begun: Instant, error: Option<CaptureError>) {
        let Pump { output, shared, child, packets, .. } = self;
        let was_asked = child.was_asked();
        if error.is_some() {
            child.end();
        }
        let status = child.wait();
        let error = error.or_else(|| match status {
            Some(status) if !was_asked && !status.success() => Some(child.failure(&interface)),
            _ => None,
        });
        let ended = Ended {
            tool: child.tool().clone(),
            interface,
            packets,
            dropped: child.dropped(),
            bytes: output.bytes,
            took: begun.elapsed(),
            files: output.files(),
            error,
        };
        let _ = shared.ended.set(ended);
        // Readers see the end of the source after it.
        drop(output);
    }
}
