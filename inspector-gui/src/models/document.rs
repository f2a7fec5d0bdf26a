//! An open capture: its index, and the background job that fills it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use framescope_capture::{Index, Indexer, Options, ReadError, Source};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::background::{Background, Job, JobError, JobStep};

/// An index that a background job fills while others read it.
pub type SharedIndex = Arc<RwLock<Index>>;

/// Packets read before others may read the index again: a fraction of a millisecond of work.
const PACKETS_A_STEP: usize = 512;

/// The pauses while a capture that grows has nothing new: short enough that a packet is shown at once.
const PAUSE: Duration = Duration::from_millis(10);
/// How often what was waited for too long is given up while a capture grows.
const BETWEEN_SETTLING: Duration = Duration::from_millis(50);

/// An open capture, which may still be being read, or grow.
#[derive(Debug)]
pub struct Document {
    index: SharedIndex,
    cancelled: Arc<AtomicBool>,
    /// Whether all that is there was read, and more is expected.
    waiting: Arc<AtomicBool>,
    /// Whether nothing more is to be read at the moment.
    paused: Arc<AtomicBool>,
    reading: Job<()>,
    name: String,
    is_sample: bool,
}

impl Document {
    /// Opens a capture and starts to read it in the background.
    ///
    /// # Errors
    /// A rule of `options` names an unknown protocol, or the source is of an unsupported format.
    pub fn open(
        source: Source,
        is_sample: bool,
        options: &Options,
        background: &Background,
    ) -> Result<Document, ReadError> {
        let name = source.name().to_owned();
        let (indexer, index) = Indexer::new(source, options)?;
        let index = Arc::new(RwLock::new(index));
        let [cancelled, waiting, paused] = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let mut reader = Reader {
            indexer,
            index: Arc::clone(&index),
            cancelled: Arc::clone(&cancelled),
            waiting: Arc::clone(&waiting),
            paused: Arc::clone(&paused),
            background: background.clone(),
            settled: background.now(),
            ended: false,
        };
        let reading = background.spawn_steps("reader", move |_| reader.step());
        Ok(Document { index, cancelled, waiting, paused, reading, name, is_sample })
    }

    /// What has been read so far. May be called while another guard of this thread is alive.
    pub fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read_recursive()
    }

    /// The same, for background jobs.
    pub fn shared(&self) -> SharedIndex {
        Arc::clone(&self.index)
    }

    /// Whether reading has ended: complete, cancelled or failed.
    pub fn is_over(&self) -> bool {
        self.reading.is_over()
    }

    /// Whether all that is there has been read, though more may be expected.
    pub fn is_caught_up(&self) -> bool {
        self.is_over() || self.waiting.load(Ordering::Acquire)
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the sample capture.
    pub fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// Reads nothing more of a capture that grows, or on from where it stopped.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.paused.store(is_paused, Ordering::Relaxed);
    }

    /// Stops reading. What was read stays.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether reading was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Why reading failed, if it did.
    pub fn error(&self) -> Option<JobError> {
        self.reading.error()
    }
}

/// Reads a capture in the background.
struct Reader {
    indexer: Indexer,
    index: SharedIndex,
    cancelled: Arc<AtomicBool>,
    waiting: Arc<AtomicBool>,
    paused: Arc<AtomicBool>,
    background: Background,
    /// When what was waited for too long was last given up.
    settled: Instant,
    ended: bool,
}

impl Reader {
    fn step(&mut self) -> JobStep<()> {
        self.ended |= self.cancelled.load(Ordering::Relaxed);
        if self.ended {
            self.waiting.store(false, Ordering::Release);
            return self.finish();
        }
        if self.paused.load(Ordering::Relaxed) {
            self.waiting.store(true, Ordering::Release);
            return JobStep::Wait(PAUSE);
        }
        // Read from disk before locking: only this job waits for it.
        self.indexer.fetch();
        let mut guard = self.index.write();
        let rows_before = guard.row_count();
        self.ended = !self.indexer.step(&mut guard, PACKETS_A_STEP);
        let (now, is_growing) = (self.background.now(), guard.source().is_growing());
        if is_growing && now.saturating_duration_since(self.settled) >= BETWEEN_SETTLING {
            self.indexer.settle(&mut guard);
            self.settled = now;
        }
        let rows = guard.row_count();
        // Fairly, or this thread would lock again before the window could.
        RwLockWriteGuard::unlock_fair(guard);
        let is_waiting = !self.ended && self.indexer.is_waiting();
        let was_waiting = self.waiting.swap(is_waiting, Ordering::AcqRel);
        // What the window waits for: the first rows, and all that comes when it has nothing else to do.
        if rows > rows_before && (rows_before == 0 || is_waiting || was_waiting) || is_waiting != was_waiting
        {
            self.background.wake();
        }
        if is_waiting { JobStep::Wait(PAUSE) } else { JobStep::Continue }
    }

    /// A step of the work that follows the last packet.
    fn finish(&mut self) -> JobStep<()> {
        self.indexer.prepare(&self.index.read());
        let mut guard = self.index.write();
        let goes_on = self.indexer.finish_step(&mut guard);
        RwLockWriteGuard::unlock_fair(guard);
        if goes_on { JobStep::Continue } else { JobStep::Done(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::missive::{FrameBuf, Kind};
    use framescope_parser::{
        Confidence, Dissection, Error, Input, Memo, Protocol, Sample, Step, Visit, missive::Missive,
    };

    /// Missive, but it panics on some messages: while framing, or only while dissecting them.
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
            assert!(self.reads || input.bytes.get(3) != Some(&Kind::PONG.0), "on purpose, while framing");
            self.inner.next(input, memo)
        }

        fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
            assert!(message.get(3) != Some(&Kind::PONG.0), "on purpose, while dissecting");
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

    fn open(reads: bool, background: &Background) -> Document {
        let frame = |kind| FrameBuf::new(kind).to_bytes().unwrap();
        let bytes = [frame(Kind::PING), frame(Kind::PONG)].concat();
        let fragile = Fragile { inner: Missive::default(), reads };
        let options = Options {
            protocols: framescope_parser::with_built_in(vec![Arc::new(fragile)]),
            ..Options::default()
        };
        let source = Source::from_bytes("bytes", bytes);
        let document = Document::open(source, false, &options, background).unwrap();
        while background.step() {}
        document
    }

    #[test]
    fn a_panic_while_framing_is_reported_and_breaks_nothing_else() {
        let document = open(false, &Background::manual());
        assert_eq!(document.error(), Some(JobError::Panicked("on purpose, while framing".to_owned())));
        assert!(document.is_over());
        assert!(!document.index().is_finished());
    }

    #[test]
    fn a_panic_while_dissecting_is_reported_and_the_next_message_is_dissected() {
        let background = Background::manual();
        let document = open(true, &background);
        assert_eq!(document.error(), None);
        let lookup = crate::models::lookup::Lookup::new(document.shared(), &background);
        assert!(lookup.details(1.into()).unwrap().fields.is_empty());
        assert_eq!(lookup.error(), Some(JobError::Panicked("on purpose, while dissecting".to_owned())));
        assert!(!lookup.details(0.into()).unwrap().fields.is_empty());
    }
}
