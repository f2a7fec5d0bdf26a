//! The files, their records and the packets in them, read ahead: a long capture is read and its packets are decoded in a thread of
//! their own, some batches ahead of the other stages.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::files::records::{Counts, Next, Records};
use crate::indexer::batch::{Batch, Interner};
use crate::indexer::files::Files;
use crate::{Damage, Options, Source};

/// Reads a capture a batch at a time.
#[derive(Debug)]
struct Reader {
    /// The file that is read; None before the first of several.
    records: Option<Box<Records>>,
    /// Those that follow it.
    files: Files,
    numbers: Interner,
    /// What ended the last batch.
    damage: Option<Damage>,
    /// All that is there was read, and more is expected.
    waiting: bool,
    /// The file has ended.
    ended: bool,
}

impl Reader {
    /// The next packets, in `batch`; None at the end of the capture.
    fn read(&mut self, mut batch: Batch) -> Option<Batch> {
        batch.clear();
        if self.ended {
            let counts = self.records.as_ref().map_or_else(Counts::default, |records| records.counts());
            let next = self.files.next(counts, &mut batch);
            self.ended = next.is_none();
            match next {
                Some(records) => self.records = Some(records),
                None if batch.is_empty() => return None,
                None => return Some(batch),
            }
        }
        batch.begin_file(self.files.start);
        let records = self.records.as_mut()?;
        self.waiting = false;
        if let Some(mut damage) = self.damage.take() {
            match records.resume() {
                // Where it goes on may be in what is still to come.
                Ok(None) if records.is_growing() => {
                    self.damage = Some(damage);
                    self.waiting = true;
                    batch.position = self.files.start + records.position();
                    return Some(batch);
                }
                Ok(resumed) => damage.resumed = resumed,
                Err(another) => self.damage = Some(another),
            }
            self.ended = damage.resumed.is_none();
            let cut = self.files.end_of(records).filter(|_| self.ended);
            batch.push_damage(cut.unwrap_or(damage));
            if let Some(another) = self.damage.take() {
                batch.push_damage(another);
            }
        } else {
            self.fill(&mut batch);
        }
        let records = self.records.as_mut()?;
        batch.position = self.files.start + records.position();
        batch.exchange_bytes(|bytes| records.hand_over(bytes));
        Some(batch)
    }

    fn fill(&mut self, batch: &mut Batch) {
        let Reader { records, files, numbers, damage, waiting, ended } = self;
        let Some(records) = records else { return };
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
                    if let Some(cut) = files.end_of(records) {
                        batch.push_damage(cut);
                    }
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

/// Captures shorter than this are read before a thread would have begun to.
const WORTH_A_THREAD: u64 = 1 << 20;
/// How many batches may wait to be taken.
const AHEAD: usize = 4;

/// Gives the packets of a capture, a batch at a time.
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
    /// Begins to read a file.
    pub(crate) fn file(records: Box<Records>, source: &Source, options: &Options) -> Reading {
        Reading::new(Some(records), Files::default(), source, options)
    }

    /// Begins to read the files that a source joins.
    pub(crate) fn files(source: &Source, options: &Options) -> Reading {
        Reading::new(None, Files::of(source), source, options)
    }

    fn new(records: Option<Box<Records>>, files: Files, source: &Source, options: &Options) -> Reading {
        let ended = records.is_none();
        let numbers = Interner::new(&options.protocols, options.selection.clone());
        let reader = Reader { records, files, numbers, damage: None, waiting: false, ended };
        // On a single core two threads only take turns.
        let has_cores = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        let is_worth_it = source.length() >= WORTH_A_THREAD && options.reads_ahead;
        // What grows is read when there is more, by whoever waits for it.
        let mode = if has_cores && is_worth_it && !source.is_live() {
            threaded(reader)
        } else {
            Mode::Inline(Box::new(reader))
        };
        Reading { mode, spent: None }
    }

    /// The next batch; None at the end of the capture.
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
