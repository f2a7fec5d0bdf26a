//! An opened capture: its index, and the work that fills it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use framescope_capture::{Index, Indexer, Options, Source};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::background::{Background, Job, Then};

/// An index that is filled beside those who look at it.
pub type SharedIndex = Arc<RwLock<Index>>;

/// Packets read before others may look at the index again: a fraction of a millisecond of work.
const PACKETS_A_STEP: usize = 512;

/// A capture that is open, and may still be read.
#[derive(Debug)]
pub struct Document {
    index: SharedIndex,
    cancelled: Arc<AtomicBool>,
    reading: Job<()>,
    name: String,
    is_sample: bool,
}

impl Document {
    /// Opens a capture and begins to read it.
    ///
    /// # Errors
    /// A rule of `options` names no protocol.
    pub fn open(
        source: Source,
        is_sample: bool,
        options: &Options,
        background: &Background,
    ) -> Result<Document, String> {
        let name = source.name().to_owned();
        let (mut indexer, index) = Indexer::new(source, options).map_err(|error| error.to_string())?;
        let index = Arc::new(RwLock::new(index));
        let cancelled = Arc::new(AtomicBool::new(false));
        let (theirs, ends) = (Arc::clone(&index), Arc::clone(&cancelled));
        let (mut more, woken) = (true, background.clone());
        let reading = background.begin_steps("reader", move |_| {
            more &= !ends.load(Ordering::Relaxed);
            if !more {
                return finish(&mut indexer, &theirs);
            }
            // Nobody waits for the disk but this work.
            indexer.fetch();
            let mut guard = theirs.write();
            let was_empty = guard.row_count() == 0;
            more = indexer.step(&mut guard, PACKETS_A_STEP);
            let is_first = was_empty && guard.row_count() > 0;
            // Fairly: else the window would wait for this thread, which locks again at once.
            RwLockWriteGuard::unlock_fair(guard);
            if is_first {
                woken.wake();
            }
            Then::Again
        });
        Ok(Document { index, cancelled, reading, name, is_sample })
    }

    /// What has been read so far. Whoever looks at it already may look again, also while the reading thread waits.
    pub fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read_recursive()
    }

    /// The same, for work beside the window.
    pub fn shared(&self) -> SharedIndex {
        Arc::clone(&self.index)
    }

    /// Whether nothing more will be read: all was, or it broke down.
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
        self.reading.broken()
    }
}

/// A step of what is done when nothing more is read.
fn finish(indexer: &mut Indexer, index: &RwLock<Index>) -> Then<()> {
    indexer.prepare(&index.read());
    let mut guard = index.write();
    let goes_on = indexer.finish_step(&mut guard);
    RwLockWriteGuard::unlock_fair(guard);
    if goes_on { Then::Again } else { Then::Done(()) }
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

    fn open(reads: bool, background: &Background) -> Document {
        let frame = |kind| FrameBuf::new(kind).to_bytes().unwrap();
        let bytes = [frame(Kind::PING), frame(Kind::PONG)].concat();
        let fragile = Fragile { inner: Missive::default(), reads };
        let options = Options { protocols: vec![Arc::new(fragile)], ..Options::default() };
        let source = Source::from_bytes("bytes", bytes);
        let document = Document::open(source, false, &options, background).unwrap();
        while background.step() {}
        document
    }

    #[test]
    fn a_panic_in_reading_is_told_and_nothing_else_breaks() {
        let document = open(false, &Background::by_hand());
        assert_eq!(document.broken().as_deref(), Some("on purpose, in reading"));
        assert!(document.is_over());
        assert!(!document.index().is_finished());
    }

    #[test]
    fn a_panic_in_taking_apart_is_told_and_the_next_message_is_taken_apart() {
        let background = Background::by_hand();
        let document = open(true, &background);
        assert_eq!(document.broken(), None);
        let lookup = crate::lookup::Lookup::new(document.shared(), &background);
        assert!(lookup.details(1).unwrap().fields.is_empty());
        assert_eq!(lookup.broken().as_deref(), Some("on purpose, in taking apart"));
        assert!(!lookup.details(0).unwrap().fields.is_empty());
    }
}
