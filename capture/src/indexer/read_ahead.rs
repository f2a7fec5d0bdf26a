//! The file, its records and the packets in them, read ahead: a long file is read and its packets are decoded in a thread of
//! their own, some batches ahead of the other stages.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use framescope_parser::Protocol;

use crate::files::records::{Next, Records};
use crate::indexer::batch::{Batch, Interner};
use crate::{Damage, Source};

/// Reads a file a batch at a time.
#[derive(Debug)]
struct Reader {
    records: Records,
    numbers: Interner,
    /// What ended the last batch.
    damage: Option<Damage>,
    /// All that is there was read, and more is expected.
    waiting: bool,
    ended: bool,
}

impl Reader {
    /// The next packets, in `batch`; None at the end of the file.
    fn read(&mut self, mut batch: Batch) -> Option<Batch> {
        batch.clear();
        if self.ended {
            return None;
        }
        self.waiting = false;
        if let Some(mut damage) = self.damage.take() {
            match self.records.resume() {
                // Where it goes on may be in what is still to come.
                Ok(None) if self.records.is_growing() => {
                    self.damage = Some(damage);
                    self.waiting = true;
                    batch.position = self.records.position();
                    return Some(batch);
                }
                Ok(resumed) => damage.resumed = resumed,
                Err(another) => self.damage = Some(another),
            }
            self.ended = damage.resumed.is_none();
            batch.push_damage(damage);
            if let Some(another) = self.damage.take() {
                batch.push_damage(another);
            }
        } else {
            self.fill(&mut batch);
        }
        batch.position = self.records.position();
        batch.exchange_bytes(|bytes| self.records.hand_over(bytes));
        Some(batch)
    }

    fn fill(&mut self, batch: &mut Batch) {
        let Reader { records, numbers, damage, waiting, ended } = self;
        loop {
            match records.next() {
                Ok(Next::Packet) => {
                    let (record, buffer_offset) = records.record();
                    batch.push_packet(&record, buffer_offset, numbers);
                }
                Ok(Next::Other) => {}
                Ok(Next::Waiting) => {
                    *waiting = true;
                    return;
                }
                Ok(Next::End) => {
                    *ended = true;
                    return;
                }
                Err(found) => {
                    *damage = Some(found);
                    return;
                }
            }
            for metadata in records.metadata() {
                batch.push_metadata(metadata);
            }
            if !records.is_next_read() {
                return;
            }
        }
    }
}

/// Files shorter than this are read before a thread would have begun to.
const WORTH_A_THREAD: u64 = 1 << 20;
/// How many batches may wait to be taken.
const AHEAD: usize = 4;

/// Gives the packets of a file, a batch at a time.
#[derive(Debug)]
pub(crate) struct Reading {
    mode: Mode,
    /// A batch that was used up, whose memory can be used again.
    spent: Option<Batch>,
}

#[derive(Debug)]
enum Mode {
    /// Read when the next batch is taken.
    Inline(Box<Reader>),
    /// Read ahead by a thread.
    Threaded { batches: Receiver<Batch>, spent: Sender<Batch>, thread: Option<JoinHandle<()>> },
}

impl Reading {
    /// Begins to read.
    pub(crate) fn new(records: Records, source: &Source, protocols: &[Arc<dyn Protocol>]) -> Reading {
        let reader =
            Reader { records, numbers: Interner::new(protocols), damage: None, waiting: false, ended: false };
        // On a single core two threads only take turns.
        let has_cores = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        // What grows is read when there is more, by whoever waits for it.
        let mode = if has_cores && source.length() >= WORTH_A_THREAD && !source.is_live() {
            threaded(reader)
        } else {
            Mode::Inline(Box::new(reader))
        };
        Reading { mode, spent: None }
    }

    /// The next batch; None at the end of the file.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        match &mut self.mode {
            Mode::Inline(reader) => reader.read(self.spent.take().unwrap_or_default()),
            Mode::Threaded { batches, thread, .. } => {
                let next = batches.recv().ok();
                if next.is_none()
                    && let Some(Err(panic)) = thread.take().map(JoinHandle::join)
                {
                    resume_unwind(panic);
                }
                next
            }
        }
    }

    /// Whether all that is there was read, and more is expected.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(&self.mode, Mode::Inline(reader) if reader.waiting)
    }

    /// Takes back a batch that was used up.
    pub(crate) fn give_back(&mut self, batch: Batch) {
        match &self.mode {
            Mode::Inline(_) => self.spent = Some(batch),
            // A thread that is done needs no more memory.
            Mode::Threaded { spent, .. } => drop(spent.send(batch)),
        }
    }
}

fn threaded(reader: Reader) -> Mode {
    let (to_here, batches): (SyncSender<Batch>, _) = sync_channel(AHEAD);
    let (spent, from_here) = channel();
    let (hand_over, handed_over) = channel::<Reader>();
    let read = move || {
        let Ok(mut reader) = handed_over.recv() else { return };
        while let Some(batch) = reader.read(from_here.try_recv().unwrap_or_default()) {
            // Nothing takes the rest.
            if to_here.send(batch).is_err() {
                return;
            }
        }
    };
    match std::thread::Builder::new().name("packets".to_owned()).spawn(read) {
        Ok(thread) => match hand_over.send(reader) {
            Ok(()) => Mode::Threaded { batches, spent, thread: Some(thread) },
            Err(unsent) => Mode::Inline(Box::new(unsent.0)),
        },
        // Where no thread can be had.
        Err(_) => Mode::Inline(Box::new(reader)),
    }
}
