//! The first stages: file, records, packets. The one place where stages run side by side: a file that is long enough is
//! read and its packets are taken apart in a thread of their own, a block ahead of what is done with them.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::Damage;
use crate::packet::{Decoded, Reason, decode};
use crate::records::{Next, Record, Records, Remark};

/// The packets of a stretch of the file.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where in the file `bytes` begin.
    offset: u64,
    items: Vec<Item>,
    /// How many of them were taken.
    taken: usize,
    /// How far in the file this goes.
    pub(crate) position: u64,
}

#[derive(Debug)]
enum Item {
    Packet(Captured),
    Damage(Box<Damage>),
    Remark(Box<Remark>),
}

/// A packet taken apart, without its bytes.
#[derive(Debug)]
struct Captured {
    number: u32,
    offset: u64,
    length: u32,
    interface: Option<u16>,
    time_ns: Option<i64>,
    decoded: Result<Decoded, Reason>,
}

/// What is taken from a [`Batch`].
pub(crate) enum Taken<'b> {
    /// A packet, and what is in it.
    Packet(Record<'b>, &'b Result<Decoded, Reason>),
    Damage(&'b Damage),
    Remark(&'b Remark),
}

impl Batch {
    /// What comes next in the file.
    pub(crate) fn take(&mut self) -> Option<Taken<'_>> {
        let item = self.items.get(self.taken)?;
        self.taken += 1;
        Some(match item {
            Item::Packet(captured) => {
                let at = usize::try_from(captured.offset - self.offset).unwrap_or(usize::MAX);
                let bytes = self.bytes.get(at..).and_then(|bytes| bytes.get(..captured.length as usize));
                let bytes = bytes.unwrap_or_default();
                let &Captured { number, time_ns, offset, length, interface, ref decoded } = captured;
                let wire_length = length as usize;
                let record =
                    Record { number, time_ns, link_type: None, wire_length, offset, bytes, interface };
                Taken::Packet(record, decoded)
            }
            Item::Damage(damage) => Taken::Damage(damage),
            Item::Remark(remark) => Taken::Remark(remark),
        })
    }

    /// Whether there is nothing left to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken >= self.items.len()
    }
}

/// Reads a file a batch at a time.
#[derive(Debug)]
struct Reader {
    records: Records,
    /// What ended the last batch.
    damage: Option<Damage>,
    ended: bool,
}

impl Reader {
    /// The next packets, in `batch`; None at the end of the file.
    fn read(&mut self, mut batch: Batch) -> Option<Batch> {
        batch.items.clear();
        batch.taken = 0;
        if self.ended {
            return None;
        }
        if let Some(mut damage) = self.damage.take() {
            match self.records.resume() {
                Ok(resumed) => damage.resumed = resumed,
                Err(another) => self.damage = Some(another),
            }
            self.ended = damage.resumed.is_none();
            batch.items.push(Item::Damage(Box::new(damage)));
            batch.items.extend(self.damage.take().map(|damage| Item::Damage(Box::new(damage))));
        } else {
            self.fill(&mut batch);
        }
        batch.position = self.records.position();
        (batch.bytes, batch.offset) = self.records.give_bytes(std::mem::take(&mut batch.bytes));
        Some(batch)
    }

    fn fill(&mut self, batch: &mut Batch) {
        loop {
            match self.records.next() {
                Ok(Next::Packet(record)) => {
                    let decoded = decode(&record);
                    let Record { number, time_ns, offset, bytes, interface, .. } = record;
                    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    batch.items.push(Item::Packet(Captured {
                        number,
                        offset,
                        length,
                        interface,
                        time_ns,
                        decoded,
                    }));
                }
                Ok(Next::Other) => {}
                Ok(Next::End) => {
                    self.ended = true;
                    return;
                }
                Err(damage) => {
                    self.damage = Some(damage);
                    return;
                }
            }
            batch.items.extend(self.records.remarks().map(|remark| Item::Remark(Box::new(remark))));
            if !self.records.is_at_hand() {
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
    stages: Stages,
    /// A batch that was used up, whose memory can be used again.
    spent: Option<Batch>,
}

#[derive(Debug)]
enum Stages {
    /// Read when asked.
    Here(Box<Reader>),
    /// Read ahead by a thread.
    Beside { batches: Receiver<Batch>, spent: Sender<Batch>, thread: Option<JoinHandle<()>> },
}

impl Reading {
    /// Begins to read.
    pub(crate) fn new(records: Records, length: u64) -> Reading {
        let reader = Reader { records, damage: None, ended: false };
        let stages = if length < WORTH_A_THREAD { Stages::Here(Box::new(reader)) } else { beside(reader) };
        Reading { stages, spent: None }
    }

    /// The next batch; None at the end of the file.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        match &mut self.stages {
            Stages::Here(reader) => reader.read(self.spent.take().unwrap_or_default()),
            Stages::Beside { batches, thread, .. } => {
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

    /// Takes back a batch that was used up.
    pub(crate) fn give_back(&mut self, batch: Batch) {
        match &self.stages {
            Stages::Here(_) => self.spent = Some(batch),
            // A thread that is done needs no more memory.
            Stages::Beside { spent, .. } => drop(spent.send(batch)),
        }
    }
}

fn beside(reader: Reader) -> Stages {
    let (to_here, batches): (SyncSender<Batch>, _) = sync_channel(AHEAD);
    let (spent, from_here) = channel();
    let (hand_over, handed_over) = channel::<Reader>();
    let read = move || {
        let Ok(mut reader) = handed_over.recv() else { return };
        while let Some(batch) = reader.read(from_here.try_recv().unwrap_or_default()) {
            // Nobody wants to know the rest.
            if to_here.send(batch).is_err() {
                return;
            }
        }
    };
    match std::thread::Builder::new().name("packets".to_owned()).spawn(read) {
        Ok(thread) => match hand_over.send(reader) {
            Ok(()) => Stages::Beside { batches, spent, thread: Some(thread) },
            Err(unsent) => Stages::Here(Box::new(unsent.0)),
        },
        // Where no thread can be had.
        Err(_) => Stages::Here(Box::new(reader)),
    }
}
