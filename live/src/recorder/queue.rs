//! What is recorded waits in a bounded buffer, and a thread writes it to the file soon after.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::{Leg, blocks};

/// Once this much waits, whoever records writes it.
const FULL_BYTES: usize = 256 << 10;
/// How long what was recorded may wait before it is written.
const SOON: Duration = Duration::from_millis(20);

/// A file that whole blocks are appended to.
pub(super) trait Appends: Send {
    /// Appends all bytes, or cuts off what was written of them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Blocks on their way to the file, in the order in which they were added. The last owner writes what is left.
pub(super) struct Queue {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something waits, or there will be no more.
    changed: Condvar,
    /// Locked before `waiting`, so that blocks are written in the order in which they were taken.
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    interfaces: Vec<Leg>,
    last_ns: u64,
    is_idle: bool,
    is_closed: bool,
    has_failed: bool,
}

struct Writer {
    file: Box<dyn Appends>,
    taken: Vec<u8>,
    failure: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    pub(super) fn new(file: Box<dyn Appends>) -> io::Result<Queue> {
        let waiting = Waiting { bytes: blocks::section(), ..Waiting::default() };
        let writer = Writer { file, taken: Vec::new(), failure: None };
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting),
            changed: Condvar::new(),
            writer: Mutex::new(writer),
        });
        shared.write();
        let behind = Arc::clone(&shared);
        let work = move || behind.write_from_time_to_time();
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(work)?;
        Ok(Queue { shared, thread: Some(thread) })
    }

    /// Adds packets, which `encode` writes by calling what it is given with headers and payload. They are all of this moment.
    pub(super) fn add(&self, leg: Leg, encode: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]))) {
        let mut waiting = lock(&self.shared.waiting);
        if waiting.has_failed {
            return;
        }
        let interface = waiting.interface(leg);
        let time_ns = waiting.now_ns();
        let bytes = &mut waiting.bytes;
        encode(&mut |headers, payload| blocks::packet(bytes, interface, time_ns, headers, payload));
        let is_full = waiting.bytes.len() >= FULL_BYTES;
        let wake = std::mem::take(&mut waiting.is_idle);
        drop(waiting);
        if wake {
            self.shared.changed.notify_all();
        }
        if is_full {
            self.shared.write_if(FULL_BYTES);
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.shared.write();
    }

    /// Why nothing is written any more, if that is so.
    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.shared.writer).failure.clone()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        lock(&self.shared.waiting).is_closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing to say here; what it left is written now.
            let _ = thread.join();
        }
        self.shared.write();
    }
}

impl Waiting {
    /// The number of a leg's interface, which is described where it is first used.
    fn interface(&mut self, leg: Leg) -> u32 {
        let known = self.interfaces.iter().position(|known| *known == leg);
        let number = known.unwrap_or_else(|| {
            blocks::interface(&mut self.bytes, &leg.name());
            self.interfaces.push(leg);
            self.interfaces.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// The time, which never goes back: a packet after another is not earlier.
    fn now_ns(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last_ns = self.last_ns.max(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
        self.last_ns
    }
}

impl Shared {
    fn write(&self) {
        self.write_if(1);
    }

    /// Writes what waits if it is at least so much.
    fn write_if(&self, least: usize) {
        let mut writer = lock(&self.writer);
        let writer = &mut *writer;
        writer.taken.clear();
        let mut waiting = lock(&self.waiting);
        if waiting.bytes.len() < least {
            return;
        }
        std::mem::swap(&mut waiting.bytes, &mut writer.taken);
        drop(waiting);
        if writer.failure.is_some() {
            return;
        }
        if let Err(error) = writer.file.append(&writer.taken) {
            writer.failure =
                Some(format!("the recording can't be written further, and ends before this: {error}"));
            lock(&self.waiting).has_failed = true;
        }
    }

    fn write_from_time_to_time(&self) {
        loop {
            let mut waiting = lock(&self.waiting);
            while waiting.bytes.is_empty() && !waiting.is_closed {
                waiting.is_idle = true;
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            waiting.is_idle = false;
            if waiting.is_closed {
                return;
            }
            drop(self.changed.wait_timeout_while(waiting, SOON, |waiting| !waiting.is_closed));
            self.write();
        }
    }
}
