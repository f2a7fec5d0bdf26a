//! An opened capture: its index, and the thread that fills it. Knows nothing of the window but how to wake it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use framescope_capture::{Index, Indexer, Options, Source};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::jobs::{Seldom, Wake, panic_text};

/// An index that one thread fills and others look at.
pub type SharedIndex = Arc<RwLock<Index>>;

/// Packets read before others may look at the index again: a fraction of a millisecond of work.
const PACKETS_A_STEP: usize = 512;

/// A capture that is open, and may still be read.
#[derive(Debug)]
pub struct Document {
    index: SharedIndex,
    cancelled: Arc<AtomicBool>,
    /// What made the reading thread panic.
    broken: Arc<RwLock<Option<String>>>,
    reading: Option<JoinHandle<()>>,
    name: String,
    is_sample: bool,
}

impl Document {
    /// Opens a capture and begins to read it in the background. `wake` is called when there is something new.
    ///
    /// # Errors
    /// A rule of `options` names no protocol, or no thread can be had.
    pub fn open(source: Source, is_sample: bool, options: &Options, wake: Wake) -> Result<Document, String> {
        let name = source.name().to_owned();
        let (mut indexer, index) = Indexer::new(source, options)?;
        let index = Arc::new(RwLock::new(index));
        let cancelled = Arc::new(AtomicBool::new(false));
        let broken = Arc::new(RwLock::new(None));
        let shared = (Arc::clone(&index), Arc::clone(&cancelled), Arc::clone(&broken));
        let read = move || {
            let (index, cancelled, broken) = shared;
            let done = catch_unwind(AssertUnwindSafe(|| {
                let (mut more, mut waking) = (true, Seldom::new(Arc::clone(&wake)));
                while more && !cancelled.load(Ordering::Relaxed) {
                    // Nobody waits for the disk but this thread.
                    indexer.fetch();
                    let mut guard = index.write();
                    let was_empty = guard.row_count() == 0;
                    more = indexer.step(&mut guard, PACKETS_A_STEP);
                    let is_first = was_empty && guard.row_count() > 0;
                    // Fairly: else the window would wait for this thread, which locks again at once.
                    RwLockWriteGuard::unlock_fair(guard);
                    if is_first { wake() } else { waking.wake() }
                }
                loop {
                    indexer.prepare(&index.read());
                    let mut guard = index.write();
                    let goes_on = indexer.finish_step(&mut guard);
                    RwLockWriteGuard::unlock_fair(guard);
                    if !goes_on {
                        break;
                    }
                }
            }));
            if let Err(panic) = done {
                *broken.write() = Some(panic_text(&*panic));
            }
            wake();
        };
        let reading = std::thread::Builder::new().name("reader".to_owned()).spawn(read);
        let reading = reading.map_err(|error| format!("no thread to read with: {error}"))?;
        Ok(Document { index, cancelled, broken, reading: Some(reading), name, is_sample })
    }

    /// What has been read so far. Whoever looks at it already may look again, also while the reading thread waits.
    pub fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read_recursive()
    }

    /// The same, for other threads.
    pub fn shared(&self) -> SharedIndex {
        Arc::clone(&self.index)
    }

    /// Whether nothing more will be read: all was, or it broke down.
    pub fn is_over(&self) -> bool {
        self.index().is_finished() || self.broken.read().is_some()
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the sample capture.
    pub fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// Reads no further; what was read stays.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the person stopped the reading.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// What made the reading break down, if it did.
    pub fn broken(&self) -> Option<String> {
        self.broken.read().clone()
    }

    /// Waits until all is read.
    pub fn wait(&mut self) {
        if let Some(reading) = self.reading.take() {
            // A panic was caught inside and is told by `broken`.
            let _ = reading.join();
        }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::missive::{FrameBuf, Kind};
    use framescope_parser::{
        Confidence, Dissection, Error, Input, Memo, Protocol, Sample, Step, Visit, missive::Missive,
    };

    /// Missive, but for some messages that it panics on: in reading, or only when they are taken apart.
    struct Fragile {
        inner: Missive,
        reads: bool,
    }

    impl Protocol for Fragile {
        fn name(&self) -> &str {
            "fragile"
        }

        fn about(&self) -> &str {
            "panics on a PONG"
        }

        fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
            assert!(self.reads || input.bytes.get(3) != Some(&Kind::PONG.0), "on purpose, in reading");
            self.inner.next(input, memo)
        }

        fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
            assert!(message.get(3) != Some(&Kind::PONG.0), "on purpose, in taking apart");
            self.inner.dissect(message, visit);
        }

        fn outline<'a>(&'a self, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
            self.inner.outline(message, checked, visit);
        }

        fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
            self.inner.encode(message, out)
        }

        fn detect(&self, _: Sample<'_>) -> Confidence {
            Confidence::Certain
        }
    }

    fn open(reads: bool) -> Document {
        let frame = |kind| FrameBuf::new(kind).to_bytes().unwrap();
        let bytes = [frame(Kind::PING), frame(Kind::PONG)].concat();
        let fragile = Fragile { inner: Missive::default(), reads };
        let options = Options { protocols: vec![Arc::new(fragile)], ..Options::default() };
        let mut document =
            Document::open(Source::from_bytes("bytes", bytes), false, &options, Arc::new(|| {})).unwrap();
        document.wait();
        document
    }

    #[test]
    fn a_panic_in_reading_is_told_and_nothing_else_breaks() {
        let document = open(false);
        assert_eq!(document.broken().as_deref(), Some("on purpose, in reading"));
        assert!(document.is_over());
        assert!(!document.index().is_finished());
    }

    #[test]
    fn a_panic_in_taking_apart_is_told_and_the_next_message_is_taken_apart() {
        let document = open(true);
        assert_eq!(document.broken(), None);
        let lookup = crate::lookup::Lookup::new(document.shared(), Arc::new(|| {}));
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let details = |row: u32| loop {
            if let Some(details) = lookup.details(row) {
                return details;
            }
            assert!(std::time::Instant::now() < patience);
        };
        assert!(details(1).fields.is_empty());
        assert_eq!(lookup.broken().as_deref(), Some("on purpose, in taking apart"));
        assert!(!details(0).fields.is_empty());
    }
}
