//! The first stages: file, records, packets. The one place where stages run side by side: a file that is long enough is
//! read and its packets are taken apart in a thread of their own, a block ahead of what is done with them.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use framescope_parser::{CodeSet, Input, Memo, Protocol, Step};

use crate::Damage;
use crate::outline::Outline;
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
    alone: Option<Alone>,
}

/// What a protocol says of a segment's payload taken by itself: that it is just one message. Where its stream is between
/// two messages, and speaks that protocol, nobody need look at the bytes again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone {
    pub(crate) protocol: usize,
    pub(crate) kind: Option<u64>,
    pub(crate) codes: CodeSet,
}

/// What is taken from a [`Batch`].
pub(crate) enum Taken<'b> {
    /// A packet, and what is in it.
    Packet(Record<'b>, &'b Result<Decoded, Reason>, Option<Alone>),
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
                let &Captured { number, time_ns, offset, length, interface, ref decoded, alone } = captured;
                let wire_length = length as usize;
                let record =
                    Record { number, time_ns, link_type: None, wire_length, offset, bytes, interface };
                Taken::Packet(record, decoded, alone)
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

/// Asks the protocols about each segment by itself, while its bytes are at hand.
struct Outlook {
    protocols: Vec<Arc<dyn Protocol>>,
    /// The protocol that had an answer last: it is asked first.
    last: usize,
    /// How often in a row none had one.
    misses: u32,
    asked: u32,
}

/// After so many segments without an answer only one in as many is asked about.
const PATIENCE: u32 = 64;

impl Outlook {
    #[inline]
    fn alone(&mut self, record: &Record<'_>, decoded: &Result<Decoded, Reason>) -> Option<Alone> {
        let Ok(Decoded::Packet(packet)) = decoded else { return None };
        if packet.payload_length == 0 || packet.missing > 0 {
            return None;
        }
        self.asked = self.asked.wrapping_add(1);
        if self.misses > PATIENCE && !self.asked.is_multiple_of(PATIENCE) {
            return None;
        }
        let payload = packet.payload(record.bytes);
        let all = (self.last..self.protocols.len()).chain(0..self.last);
        for number in all {
            let found = self.protocols.get(number).and_then(|protocol| one_message(&**protocol, payload));
            if let Some((kind, codes)) = found {
                (self.last, self.misses) = (number, 0);
                return Some(Alone { protocol: number, kind, codes });
            }
        }
        self.misses = self.misses.saturating_add(1);
        None
    }
}

/// The kind and problems of a payload that is just one message, as its protocol can say without what follows.
#[inline]
fn one_message(protocol: &dyn Protocol, payload: &[u8]) -> Option<(Option<u64>, CodeSet)> {
    if protocol.ends_with_segment() {
        return None;
    }
    let input = Input { bytes: payload, first_segment: payload.len(), last: false, offset: 0 };
    match protocol.next(input, &mut Memo::default()) {
        Step::Checked(length) if length.get() == payload.len() => {
            let mut outline = Outline::default();
            protocol.outline(payload, true, &mut outline);
            Some((outline.kind.map(|kind| kind.value), outline.codes))
        }
        _ => None,
    }
}

impl std::fmt::Debug for Outlook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlook").field("protocols", &self.protocols.len()).finish_non_exhaustive()
    }
}

/// Reads a file a batch at a time.
#[derive(Debug)]
struct Reader {
    records: Records,
    outlook: Outlook,
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
                    let alone = self.outlook.alone(&record, &decoded);
                    let Record { number, time_ns, offset, bytes, interface, .. } = record;
                    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    batch.items.push(Item::Packet(Captured {
                        number,
                        offset,
                        length,
                        interface,
                        time_ns,
                        decoded,
                        alone,
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
    pub(crate) fn new(records: Records, length: u64, protocols: &[Arc<dyn Protocol>]) -> Reading {
        let outlook = Outlook { protocols: protocols.to_vec(), last: 0, misses: 0, asked: 0 };
        let reader = Reader { records, outlook, damage: None, ended: false };
        // On a single core two threads only take turns.
        let has_cores = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        let stages = if has_cores && length >= WORTH_A_THREAD {
            beside(reader)
        } else {
            Stages::Here(Box::new(reader))
        };
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
