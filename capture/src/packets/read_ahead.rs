//! The first stages: file, records, packets. The one place where stages run side by side: a file that is long enough is
//! read and its packets are taken apart in a thread of their own, a block ahead of what is done with them.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use foldhash::fast::RandomState;
use framescope_parser::{CodeSet, Input, Memo, Protocol, Step};

use crate::Damage;
use crate::files::buffer::Buffer;
use crate::files::metadata::Metadata;
use crate::files::records::{Next, Record, Records};
use crate::messages::outline::Outline;
use crate::packets::packet::{Decoded, Packet, Reason, Transport, decode, plain};
use crate::streams::conversations::{Conversations, Pair};

/// The packets of a stretch of the file.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Buffer,
    /// Where in the file `bytes` begin.
    offset: u64,
    items: Vec<Item>,
    /// What is not just a packet of a conversation.
    others: Vec<Other>,
    /// The pairs of endpoints that come up here first, in the order of their numbers.
    pairs: Vec<Pair>,
    /// What was said here first of a payload taken by itself, in the order of the codes.
    outlines: Vec<Alone>,
    /// How many items were taken.
    taken: usize,
    /// How far in the file this goes.
    pub(crate) position: u64,
}

/// What stands next, in little room: what is written here is read by another core.
#[derive(Clone, Copy, Debug)]
struct Item {
    time_ns: i64,
    /// Where in the batch's bytes the payload begins; for what is no plain packet its place among the others.
    at: u32,
    payload_length: u32,
    sequence: u32,
    /// The number of the pair of endpoints.
    conversation: u32,
    interface: u16,
    /// What is said of the payload by itself; 0 for nothing.
    outline: u16,
    flags: u8,
    /// Whether it is one of the others.
    is_other: bool,
}

/// Marks of [`Item::flags`].
mod flag {
    pub(super) const SYN: u8 = 1;
    pub(super) const ACK: u8 = 2;
    pub(super) const FIN: u8 = 4;
    pub(super) const RST: u8 = 8;
    pub(super) const TCP: u8 = 16;
    /// The higher endpoint sent it.
    pub(super) const FROM_HIGH: u8 = 32;
}

const NO_TIME: i64 = i64::MIN;
const NO_INTERFACE: u16 = u16::MAX;

#[derive(Debug)]
enum Other {
    Packet(Box<Captured>),
    Damage(Box<Damage>),
    Metadata(Box<Metadata>),
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
    /// The number of its pair of endpoints, and whether the higher one sent it.
    conversation: Option<(u32, bool)>,
}

/// What a protocol says of a segment's payload taken by itself: that it is just one message. Where its stream is between
/// two messages, and speaks that protocol, nobody need look at the bytes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Alone {
    pub(crate) protocol: usize,
    pub(crate) kind: Option<u64>,
    pub(crate) codes: CodeSet,
}

/// A segment or datagram that was captured whole, with nothing odd about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'b> {
    pub(crate) time_ns: Option<i64>,
    pub(crate) transport: Transport,
    pub(crate) conversation: u32,
    pub(crate) from_high: bool,
    pub(crate) interface: Option<u16>,
    pub(crate) payload: &'b [u8],
    /// Where in the file the payload begins.
    pub(crate) file_offset: u64,
    /// What is said of the payload by itself, as a code of [`Batch::outlines`]; 0 for nothing.
    pub(crate) outline: u16,
}

/// What is taken from a [`Batch`].
pub(crate) enum Taken<'b> {
    Plain(Plain<'b>),
    /// Another packet, what is in it, and if that is a segment or datagram its conversation.
    Packet(Record<'b>, &'b Result<Decoded, Reason>, Option<(u32, bool)>),
    Damage(&'b Damage),
    /// To be left here: it is given back by the thread that made it.
    Metadata(&'b mut Metadata),
}

impl Batch {
    /// What comes next in the file.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Taken<'_>> {
        let &Item {
            time_ns,
            at,
            payload_length,
            sequence,
            conversation,
            interface,
            outline,
            flags,
            is_other,
        } = self.items.get(self.taken)?;
        self.taken += 1;
        if is_other {
            return self.other(at);
        }
        let has = |flag: u8| flags & flag != 0;
        let transport = if has(flag::TCP) {
            let (syn, ack, fin, rst) = (has(flag::SYN), has(flag::ACK), has(flag::FIN), has(flag::RST));
            Transport::Tcp { sequence, syn, ack, fin, rst }
        } else {
            Transport::Udp
        };
        let payload = self.bytes.get(at as usize..).and_then(|bytes| bytes.get(..payload_length as usize));
        Some(Taken::Plain(Plain {
            time_ns: (time_ns != NO_TIME).then_some(time_ns),
            transport,
            conversation,
            from_high: has(flag::FROM_HIGH),
            interface: (interface != NO_INTERFACE).then_some(interface),
            payload: payload.unwrap_or_default(),
            file_offset: self.offset + u64::from(at),
            outline,
        }))
    }

    fn other(&mut self, at: u32) -> Option<Taken<'_>> {
        Some(match self.others.get_mut(at as usize)? {
            Other::Packet(captured) => {
                let at = usize::try_from(captured.offset - self.offset).unwrap_or(usize::MAX);
                let bytes = self.bytes.get(at..).and_then(|bytes| bytes.get(..captured.length as usize));
                let bytes = bytes.unwrap_or_default();
                let &Captured { number, time_ns, offset, length, interface, ref decoded, conversation } =
                    &**captured;
                let wire_length = length as usize;
                let record =
                    Record { number, time_ns, link_type: None, wire_length, offset, bytes, interface };
                Taken::Packet(record, decoded, conversation)
            }
            Other::Damage(damage) => Taken::Damage(damage),
            Other::Metadata(metadata) => Taken::Metadata(metadata),
        })
    }

    /// Whether there is nothing left to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken >= self.items.len()
    }

    /// The pairs of endpoints that come up here first, in the order of their numbers.
    pub(crate) fn take_pairs(&mut self) -> std::vec::Drain<'_, Pair> {
        self.pairs.drain(..)
    }

    /// What was said here first of a payload taken by itself, in the order of the codes.
    pub(crate) fn take_outlines(&mut self) -> std::vec::Drain<'_, Alone> {
        self.outlines.drain(..)
    }

    fn push_other(&mut self, other: Other) {
        let at = u32::try_from(self.others.len()).unwrap_or(u32::MAX);
        self.others.push(other);
        self.items.push(Item {
            time_ns: NO_TIME,
            at,
            payload_length: 0,
            sequence: 0,
            conversation: 0,
            interface: NO_INTERFACE,
            outline: 0,
            flags: 0,
            is_other: true,
        });
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
    /// What was said so far, by code, the first of which is 1.
    codes: HashMap<Alone, u16, RandomState>,
    /// The last answers, by the lowest bits of their kinds.
    recent: [Option<(Alone, u16)>; 16],
}

/// After so many segments without an answer only one in as many is asked about.
const PATIENCE: u32 = 64;

impl Outlook {
    fn new(protocols: &[Arc<dyn Protocol>]) -> Outlook {
        let protocols = protocols.to_vec();
        let codes = HashMap::default();
        Outlook { protocols, last: 0, misses: 0, asked: 0, codes, recent: [None; 16] }
    }

    /// A code for what is said of a payload by itself, which `new` is told if it was not said before; 0 for nothing.
    #[inline]
    fn code(&mut self, payload: &[u8], new: &mut Vec<Alone>) -> u16 {
        if payload.is_empty() {
            return 0;
        }
        let Some(alone) = self.alone(payload) else { return 0 };
        let slot = usize::try_from(alone.kind.unwrap_or(0) % 16).unwrap_or(0);
        match self.recent.get(slot) {
            Some(Some((known, code))) if *known == alone => *code,
            _ => self.look_up(alone, slot, new),
        }
    }

    fn look_up(&mut self, alone: Alone, slot: usize, new: &mut Vec<Alone>) -> u16 {
        let code = match self.codes.get(&alone) {
            Some(code) => *code,
            None => {
                // What has no code is read like any other payload.
                let Ok(code) = u16::try_from(self.codes.len() + 1) else { return 0 };
                self.codes.insert(alone, code);
                new.push(alone);
                code
            }
        };
        if let Some(place) = self.recent.get_mut(slot) {
            *place = Some((alone, code));
        }
        code
    }

    #[inline]
    fn alone(&mut self, payload: &[u8]) -> Option<Alone> {
        self.asked = self.asked.wrapping_add(1);
        if self.misses > PATIENCE && !self.asked.is_multiple_of(PATIENCE) {
            return None;
        }
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
    conversations: Conversations,
    /// What ended the last batch.
    damage: Option<Damage>,
    ended: bool,
}

impl Reader {
    /// The next packets, in `batch`; None at the end of the file.
    fn read(&mut self, mut batch: Batch) -> Option<Batch> {
        batch.items.clear();
        batch.others.clear();
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
            batch.push_other(Other::Damage(Box::new(damage)));
            if let Some(another) = self.damage.take() {
                batch.push_other(Other::Damage(Box::new(another)));
            }
        } else {
            self.fill(&mut batch);
        }
        batch.position = self.records.position();
        (batch.bytes, batch.offset) = self.records.hand_over(std::mem::take(&mut batch.bytes));
        Some(batch)
    }

    fn fill(&mut self, batch: &mut Batch) {
        let Reader { records, outlook, conversations, damage, ended } = self;
        loop {
            match records.next() {
                Ok(Next::Packet) => {
                    let (record, buffer_offset) = records.record();
                    packet(&record, buffer_offset, outlook, conversations, batch);
                }
                Ok(Next::Other) => {}
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
                batch.push_other(Other::Metadata(Box::new(metadata)));
            }
            if !records.is_next_read() {
                return;
            }
        }
    }
}

/// Takes a packet apart. `buffer_offset` is where in the file the batch's bytes begin.
#[inline(always)]
fn packet(
    record: &Record<'_>,
    buffer_offset: u64,
    outlook: &mut Outlook,
    conversations: &mut Conversations,
    batch: &mut Batch,
) {
    // What nearly every packet is, is not moved about.
    if let Some(packet) = plain(record) {
        if let Err(conversation) = segment(record, buffer_offset, &packet, outlook, conversations, batch) {
            other(record, Ok(Decoded::Packet(packet)), Some(conversation), batch);
        }
        return;
    }
    let decoded = decode(record);
    let conversation = match &decoded {
        Ok(Decoded::Packet(packet)) => {
            match segment(record, buffer_offset, packet, outlook, conversations, batch) {
                Ok(()) => return,
                Err(conversation) => Some(conversation),
            }
        }
        _ => None,
    };
    other(record, decoded, conversation, batch);
}

/// Takes a segment or datagram. What is odd about it does not fit in an item: then it gives the number of its pair of
/// endpoints, and whether the higher one sent it.
#[inline(always)]
fn segment(
    record: &Record<'_>,
    buffer_offset: u64,
    packet: &Packet,
    outlook: &mut Outlook,
    conversations: &mut Conversations,
    batch: &mut Batch,
) -> Result<(), (u32, bool)> {
    let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
    let (pair, from_high) = Pair::of(packet.src, packet.dst, is_tcp);
    let (conversation, is_new) = conversations.number(&pair);
    if is_new {
        batch.pairs.push(pair);
    }
    let (sequence, flags) = match packet.transport {
        Transport::Udp => (0, 0),
        Transport::Tcp { sequence, syn, ack, fin, rst } => {
            let set = |is_set: bool, flag: u8| u8::from(is_set) * flag;
            let open = set(syn, flag::SYN) | set(ack, flag::ACK);
            (sequence, flag::TCP | open | set(fin, flag::FIN) | set(rst, flag::RST))
        }
    };
    let at = (record.offset - buffer_offset).saturating_add(packet.payload_start.into());
    let Ok(at) = u32::try_from(at) else { return Err((conversation, from_high)) };
    let is_reset_with_text = flags & flag::RST != 0 && packet.payload_length > 0;
    if packet.missing > 0
        || packet.odd.is_some()
        || is_reset_with_text
        || record.interface == Some(NO_INTERFACE)
        || record.time_ns == Some(NO_TIME)
    {
        return Err((conversation, from_high));
    }
    batch.items.push(Item {
        time_ns: record.time_ns.unwrap_or(NO_TIME),
        at,
        payload_length: packet.payload_length,
        sequence,
        conversation,
        interface: record.interface.unwrap_or(NO_INTERFACE),
        outline: outlook.code(packet.payload(record.bytes), &mut batch.outlines),
        flags: flags | (u8::from(from_high) * flag::FROM_HIGH),
        is_other: false,
    });
    Ok(())
}

#[cold]
fn other(
    record: &Record<'_>,
    decoded: Result<Decoded, Reason>,
    conversation: Option<(u32, bool)>,
    batch: &mut Batch,
) {
    let &Record { number, time_ns, offset, bytes, interface, .. } = record;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let captured = Captured { number, offset, length, interface, time_ns, decoded, conversation };
    batch.push_other(Other::Packet(Box::new(captured)));
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
        let (outlook, conversations) = (Outlook::new(protocols), Conversations::default());
        let reader = Reader { records, outlook, conversations, damage: None, ended: false };
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
