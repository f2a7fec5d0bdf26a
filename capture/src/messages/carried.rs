//! What the messages of carriers carry, on its way to the flows that it becomes.
//!
//! A carrier's conversation hands it on while its messages are framed. It waits here until these are in the index, and is then taken
//! like the bytes that packets bring. Nothing of it is stored.

use std::cell::Cell;
use std::ops::Range;

use framescope_parser::{Carried, Channel, Code, Role, Sentence};

use crate::ids::{PacketId, Side, StreamId};

/// A message of a carrier, or what else is in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// Its stream, and where in that it begins.
    pub(crate) stream: StreamId,
    pub(crate) offset: u64,
    /// The packet with which it became complete.
    pub(crate) completed_by: PacketId,
}

/// What was handed on with a message of a carrier.
#[derive(Debug)]
pub(crate) struct HandedOn {
    pub(crate) unit: Unit,
    pub(crate) channel: u64,
    /// Whose bytes.
    pub(crate) side: Side,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Open(Box<Channel>),
    /// Bytes of the queue, and where in the carrier's message they are, if they are in it.
    Bytes(Range<usize>, Option<u64>),
    EndOfMessage,
    Lost(u64),
    End,
    Problem(Code, Sentence),
}

/// What waits to be taken, in its order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) items: Vec<HandedOn>,
    pub(crate) bytes: Vec<u8>,
}

/// Memory for bytes that became larger than this is not kept.
const MAX_KEPT: usize = 4 << 20;

impl Queue {
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        if self.bytes.capacity() > MAX_KEPT {
            self.bytes = Vec::new();
        }
    }
}

/// How many bytes may be unpacked: some, and so many for each byte of a carrier that is in no other. What unpacks to very much can do
/// so now and then, and what always does is cut off.
#[derive(Debug)]
pub(crate) struct Allowance(u64);

/// No more is unpacked of one message.
pub(crate) const MOST_OF_A_MESSAGE: usize = 64 << 20;
const EXPANSION: u64 = 256;
const RESERVE: u64 = 256 << 20;

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance(RESERVE)
    }
}

impl Allowance {
    /// So many bytes of a carrier came that is in no other.
    pub(crate) fn earn(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add((bytes as u64).saturating_mul(EXPANSION));
    }

    fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes as u64);
    }
}

/// Takes what is handed on with the messages of one direction of a carrier.
pub(crate) struct Receiver<'q> {
    pub(crate) queue: &'q mut Queue,
    pub(crate) allowance: &'q mut Allowance,
    pub(crate) client: Side,
    pub(crate) stream: StreamId,
    pub(crate) completed_by: PacketId,
    /// Where the present message begins: whoever receives the messages sets it.
    pub(crate) offset: &'q Cell<u64>,
    /// The message of which something was unpacked last, and how much.
    pub(crate) unpacked: (u64, usize),
}

impl Receiver<'_> {
    fn push(&mut self, channel: u64, from: Role, what: What) {
        let of_other = side_of(from, self.client) != self.stream.side();
        debug_assert!(
            !(of_other && matches!(what, What::Bytes(..))),
            "a message brings its sender's bytes only"
        );
        let unit = Unit { stream: self.stream, offset: self.offset.get(), completed_by: self.completed_by };
        let side = side_of(from, self.client);
        self.queue.items.push(HandedOn { unit, channel, side, what });
    }

    fn append(&mut self, channel: u64, from: Role, bytes: &[u8], at: Option<usize>) {
        if bytes.is_empty() {
            return;
        }
        let start = self.queue.bytes.len();
        self.queue.bytes.extend_from_slice(bytes);
        let (end, at) = (self.queue.bytes.len(), at.map(|at| at as u64));
        // What one message brings at once is one segment, however many calls it takes.
        if let Some(HandedOn { unit, channel: last, what: What::Bytes(range, last_at), .. }) =
            self.queue.items.last_mut()
            && (unit.stream, unit.offset, *last) == (self.stream, self.offset.get(), channel)
            && last_at.map(|at| at + range.len() as u64) == at
        {
            range.end = end;
            return;
        }
        self.push(channel, from, What::Bytes(start..end, at));
    }
}

/// The side that has a role.
pub(crate) fn side_of(role: Role, client: Side) -> Side {
    Side::second_if((role == Role::Server) != client.is_second())
}

impl Carried for Receiver<'_> {
    fn room(&self) -> usize {
        let (offset, unpacked) = self.unpacked;
        let of_message = if offset == self.offset.get() { unpacked } else { 0 };
        let left = usize::try_from(self.allowance.0).unwrap_or(usize::MAX);
        MOST_OF_A_MESSAGE.saturating_sub(of_message).min(left)
    }

    fn open(&mut self, channel: u64, about: Channel) {
        self.push(channel, Role::Client, What::Open(Box::new(about)));
    }

    fn verbatim(&mut self, channel: u64, from: Role, at: usize, bytes: &[u8]) {
        self.append(channel, from, bytes, Some(at));
    }

    fn bytes(&mut self, channel: u64, from: Role, bytes: &[u8]) {
        let bytes = bytes.get(..self.room()).unwrap_or(bytes);
        let offset = self.offset.get();
        let before = if self.unpacked.0 == offset { self.unpacked.1 } else { 0 };
        self.unpacked = (offset, before + bytes.len());
        self.allowance.spend(bytes.len());
        self.append(channel, from, bytes, None);
    }

    fn end_message(&mut self, channel: u64, from: Role) {
        self.push(channel, from, What::EndOfMessage);
    }

    fn lost(&mut self, channel: u64, from: Role, length: u64) {
        if length > 0 {
            self.push(channel, from, What::Lost(length));
        }
    }

    fn end(&mut self, channel: u64, from: Role) {
        self.push(channel, from, What::End);
    }

    fn problem(&mut self, code: Code, text: Sentence) {
        self.push(0, Role::Client, What::Problem(code, text));
    }
}
