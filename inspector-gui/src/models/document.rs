//! An open capture: its index, and the background job that fills it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use framescope_capture::{Index, Indexer, Options, ReadError, Source};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::background::{Background, Job, JobError, JobStep};

/// An index that a background job fills while others read it.
pub type SharedIndex = Arc<RwLock<Index>>;

/// Packets read before others may read the index again: a fraction of a millisecond of work.
const PACKETS_A_STEP: usize = 512;

/// An open capture, which may still be being read.
#[derive(Debug)]
pub struct Document {
    index: SharedIndex,
    cancelled: Arc<AtomicBool>,
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
        let (mut indexer, index) = Indexer::new(source, options)?;
        let index = Arc::new(RwLock::new(index));
        let cancelled = Arc::new(AtomicBool::new(false));
        let (theirs, ends) = (Arc::clone(&index), Arc::clone(&cancelled));
        let (mut more, woken) = (true, background.clone());
        let reading = background.spawn_steps("reader", move |_| {
            more &= !ends.load(Ordering::Relaxed);
            if !more {
                return finish(&mut indexer, &theirs);
            }
            // Read from disk before locking: only this job waits for it.
            indexer.fetch();
            let mut guard = theirs.write();
            let was_empty = guard.row_count() == 0;
            more = indexer.step(&mut guard, PACKETS_A_STEP);
            let is_first = was_empty && guard.row_count() > 0;
            // Fairly, or this thread would lock again before the window could.
            RwLockWriteGuard::unlock_fair(guard);
            if is_first {
                woken.wake();
            }
            JobStep::Continue
        });
        Ok(Document { index, cancelled, reading, name, is_sample })
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

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the sample capture.
    pub fn is_sample(&self) -> bool {
        self.is_sample
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

/// A step of the work that follows the last packet.
fn finish(indexer: &mut Indexer, index: &RwLock<Index>) -> JobStep<()> {
    indexer.prepare(&index.read());
    let mut guard = index.write();
    let goes_on = indexer.finish_step(&mut guard);
    RwLockWriteGuard::unlock_fair(guard);
    if goes_on { JobStep::Continue } else { JobStep::Done(()) }
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
