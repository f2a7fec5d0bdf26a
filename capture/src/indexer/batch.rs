//! The packets of a stretch of the file, in little room: they are written by one thread and read by another.

use std::sync::Arc;

use framescope_parser::Protocol;

use crate::files::buffer::Buffer;
use crate::files::metadata::Metadata;
use crate::files::records::Record;
use crate::ids::PacketId;
use crate::messages::payload::{MessageOutline, PayloadOutliner};
use crate::packets::layer::SkipReason;
use crate::packets::packet::{Decoded, Packet, decode, plain};
use crate::packets::segment::Transport;
use crate::streams::endpoint_pairs::{EndpointPairs, LEFT_ASIDE, Pair};
use crate::{Damage, Selection};

/// The packets of a stretch of the file.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Buffer,
    /// Where in the file `bytes` begin, and where the file begins among those that are read as one.
    offset: u64,
    file_start: u64,
    items: Vec<Item>,
    /// What each item acknowledges, if that is of use.
    acknowledged: Vec<u32>,
    /// What is not just a packet of a conversation.
    others: Vec<Other>,
    /// The pairs of endpoints that come up here first, in the order of their numbers.
    pairs: Vec<Pair>,
    /// The outlines of payloads that come up here first, in the order of their codes.
    outlines: Vec<MessageOutline>,
    /// How many items were taken.
    taken: usize,
    /// How far in the file this goes.
    pub(crate) position: u64,
}

/// What comes next, in 32 bytes: what is written here is read by another core.
#[derive(Clone, Copy, Debug)]
struct Item {
    time_ns: i64,
    /// Where in the batch's bytes the payload begins; for anything but a plain packet its place among the others.
    at: u32,
    payload_length: u32,
    sequence: u32,
    /// The number of the pair of endpoints.
    conversation: u32,
    interface: u16,
    /// The code of the payload's outline; 0 for none.
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
    /// So many packets that are left aside, and when the first was captured.
    LeftAside(u32, Option<i64>),
    Packet(Box<OtherPacket>),
    Damage(Box<Damage>),
    Metadata(Box<Metadata>),
}

/// A decoded packet, without its bytes.
#[derive(Debug)]
struct OtherPacket {
    number: PacketId,
    offset: u64,
    length: u32,
    interface: Option<u16>,
    time_ns: Option<i64>,
    decoded: Result<Decoded, SkipReason>,
    /// The number of its pair of endpoints, and whether the higher one sent it.
    conversation: Option<(u32, bool)>,
}

/// A segment or datagram that was captured whole, with nothing unusual about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainSegment<'b> {
    pub(crate) time_ns: Option<i64>,
    pub(crate) transport: Transport,
    pub(crate) conversation: u32,
    pub(crate) from_high: bool,
    pub(crate) interface: Option<u16>,
    pub(crate) payload: &'b [u8],
    /// Where in the file the payload begins.
    pub(crate) file_offset: u64,
    /// The code of the payload's outline, in the order of [`Batch::take_outlines`] from 1 on; 0 for none.
    pub(crate) outline: u16,
}

/// What is taken from a [`Batch`].
pub(crate) enum ReadItem<'b> {
    Segment(PlainSegment<'b>),
    /// Another packet, what is in it, and if that is a segment or datagram its conversation.
    Packet(Record<'b>, &'b Result<Decoded, SkipReason>, Option<(u32, bool)>),
    /// So many packets that are left aside, and when the first was captured.
    LeftAside(u32, Option<i64>),
    Damage(&'b Damage),
    /// To be left here: it is given back by the thread that made it.
    Metadata(&'b mut Metadata),
}

/// Assigns numbers to what recurs: pairs of endpoints, and outlines of payloads.
#[derive(Debug)]
pub(super) struct Interner {
    outliner: PayloadOutliner,
    conversations: EndpointPairs,
    /// Whether messages may depend on what the other direction said before.
    have_stages: bool,
}

impl Interner {
    pub(super) fn new(protocols: &[Arc<dyn Protocol>], selection: Option<Selection>) -> Interner {
        let have_stages = protocols.iter().any(|protocol| !protocol.stages().is_empty());
        Interner {
            outliner: PayloadOutliner::new(protocols),
            conversations: EndpointPairs::of(selection),
            have_stages,
        }
    }
}

impl Batch {
    /// What comes next in the file.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<ReadItem<'_>> {
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
        let acknowledged = self.acknowledged.get(self.taken).copied().unwrap_or(0);
        self.taken += 1;
        if is_other {
            return self.other(at);
        }
        let has = |flag: u8| flags & flag != 0;
        let transport = if has(flag::TCP) {
            let (syn, ack, fin, rst) = (has(flag::SYN), has(flag::ACK), has(flag::FIN), has(flag::RST));
            Transport::Tcp { sequence, acknowledged, syn, ack, fin, rst }
        } else {
            Transport::Udp
        };
        let payload = self.bytes.get(at as usize..).and_then(|bytes| bytes.get(..payload_length as usize));
        Some(ReadItem::Segment(PlainSegment {
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

    fn other(&mut self, at: u32) -> Option<ReadItem<'_>> {
        Some(match self.others.get_mut(at as usize)? {
            Other::Packet(captured) => {
                let at = usize::try_from(captured.offset - self.offset).unwrap_or(usize::MAX);
                let bytes = self.bytes.get(at..).and_then(|bytes| bytes.get(..captured.length as usize));
                let bytes = bytes.unwrap_or_default();
                let &OtherPacket { number, time_ns, offset, length, interface, ref decoded, conversation } =
                    &**captured;
                let wire_length = length as usize;
                let record =
                    Record { number, time_ns, link_type: None, wire_length, offset, bytes, interface };
                ReadItem::Packet(record, decoded, conversation)
            }
            Other::LeftAside(count, first_ns) => ReadItem::LeftAside(*count, *first_ns),
            Other::Damage(damage) => ReadItem::Damage(damage),
            Other::Metadata(metadata) => ReadItem::Metadata(metadata),
        })
    }

    /// Drops what was taken, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.acknowledged.clear();
        self.others.clear();
        self.taken = 0;
    }

    /// Is filled from a file that begins at that place among those that are read as one.
    pub(super) fn begin_file(&mut self, start: u64) {
        self.file_start = start;
    }

    /// Gives back the bytes of before, and takes those of its packets with their place in the file.
    pub(super) fn exchange_bytes(&mut self, exchange: impl FnOnce(Buffer) -> (Buffer, u64)) {
        let (bytes, offset) = exchange(std::mem::take(&mut self.bytes));
        (self.bytes, self.offset) = (bytes, self.file_start + offset);
    }

    pub(super) fn push_damage(&mut self, damage: Damage) {
        self.push_other(Other::Damage(Box::new(damage)));
    }

    pub(super) fn push_metadata(&mut self, metadata: Metadata) {
        self.push_other(Other::Metadata(Box::new(metadata)));
    }

    /// Decodes a packet and adds what is in it. `buffer_offset` is where in the file the batch's bytes begin.
    #[inline(always)]
    pub(super) fn push_packet(&mut self, record: &Record<'_>, buffer_offset: u64, numbers: &mut Interner) {
        // What nearly every packet is, is not moved about.
        if let Some(packet) = plain(record) {
            if let Err(conversation) = self.push_segment(record, buffer_offset, &packet, numbers) {
                self.push_unusual(record, Ok(Decoded::Packet(packet)), Some(conversation));
            }
            return;
        }
        let decoded = decode(record);
        let conversation = match &decoded {
            Ok(Decoded::Packet(packet)) => match self.push_segment(record, buffer_offset, packet, numbers) {
                Ok(()) => return,
                Err(conversation) => Some(conversation),
            },
            _ => None,
        };
        self.push_unusual(record, decoded, conversation);
    }

    /// Adds a segment or datagram. Where something about it is unusual it does not fit in an item: then it returns the number of its
    /// pair of endpoints, and whether the higher one sent it.
    #[inline(always)]
    fn push_segment(
        &mut self,
        record: &Record<'_>,
        buffer_offset: u64,
        packet: &Packet,
        numbers: &mut Interner,
    ) -> Result<(), (u32, bool)> {
        let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
        let (pair, from_high) = Pair::of(packet.src, packet.dst, is_tcp);
        let (conversation, is_new) = numbers.conversations.number(&pair);
        if is_new {
            self.pairs.push(pair);
        }
        if conversation == LEFT_ASIDE {
            self.leave_aside(record.time_ns);
            return Ok(());
        }
        let (sequence, acknowledged, flags) = match packet.transport {
            Transport::Udp => (0, 0, 0),
            Transport::Tcp { sequence, acknowledged, syn, ack, fin, rst } => {
                let set = |is_set: bool, flag: u8| u8::from(is_set) * flag;
                let open = set(syn, flag::SYN) | set(ack, flag::ACK);
                (sequence, acknowledged, flag::TCP | open | set(fin, flag::FIN) | set(rst, flag::RST))
            }
        };
        let at = (record.offset - buffer_offset).saturating_add(packet.payload_start.into());
        let Ok(at) = u32::try_from(at) else { return Err((conversation, from_high)) };
        let is_reset_with_text = flags & flag::RST != 0 && packet.payload_length > 0;
        if packet.missing > 0
            || packet.unusual.is_some()
            || is_reset_with_text
            || record.interface == Some(NO_INTERFACE)
            || record.time_ns == Some(NO_TIME)
        {
            return Err((conversation, from_high));
        }
        if numbers.have_stages {
            self.acknowledged.resize(self.items.len(), 0);
            self.acknowledged.push(acknowledged);
        }
        self.items.push(Item {
            time_ns: record.time_ns.unwrap_or(NO_TIME),
            at,
            payload_length: packet.payload_length,
            sequence,
            conversation,
            interface: record.interface.unwrap_or(NO_INTERFACE),
            outline: numbers.outliner.code(packet.payload(record.bytes), &mut self.outlines),
            flags: flags | (u8::from(from_high) * flag::FROM_HIGH),
            is_other: false,
        });
        Ok(())
    }

    /// Counts a packet whose bytes are of no use.
    fn leave_aside(&mut self, time_ns: Option<i64>) {
        if let (Some(Item { is_other: true, .. }), Some(Other::LeftAside(count, first_ns))) =
            (self.items.last(), self.others.last_mut())
        {
            *count += 1;
            *first_ns = first_ns.or(time_ns);
            return;
        }
        self.push_other(Other::LeftAside(1, time_ns));
    }

    #[cold]
    fn push_unusual(
        &mut self,
        record: &Record<'_>,
        decoded: Result<Decoded, SkipReason>,
        conversation: Option<(u32, bool)>,
    ) {
        let &Record { number, time_ns, bytes, interface, .. } = record;
        let offset = self.file_start + record.offset;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let packet = OtherPacket { number, offset, length, interface, time_ns, decoded, conversation };
        self.push_other(Other::Packet(Box::new(packet)));
    }

    /// Whether there is nothing left to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken >= self.items.len()
    }

    /// The pairs of endpoints that come up here first, in the order of their numbers.
    pub(crate) fn take_pairs(&mut self) -> std::vec::Drain<'_, Pair> {
        self.pairs.drain(..)
    }

    /// The outlines of payloads that come up here first, in the order of their codes.
    pub(crate) fn take_outlines(&mut self) -> std::vec::Drain<'_, MessageOutline> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_takes_32_bytes_on_its_way_between_the_threads() {
        assert_eq!(size_of::<Item>(), 32);
    }
}
