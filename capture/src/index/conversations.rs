//! What earlier messages of a conversation have set, for a message that is looked at.
//!
//! Nothing is stored with a message. A copy of the conversation is stored every few kilobytes, and what came since is read again:
//! only messages that may set something. Reading rows in their order continues from the row before.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use framescope_parser::{
    Captured, Carried, Channel, Code, Context, Conversation, Direction, Nowhere, Passage, Role, Sentence,
    SpanType,
};
use std::collections::HashMap;

use crate::BlockReader;
use crate::ids::{FlowId, RowId, Side, StreamId};
use crate::index::order::NewOrder;
use crate::index::store::Entry;
use crate::index::{Index, Row};
use crate::messages::carried::MOST_OF_A_MESSAGE;
use crate::streams::carried::CarriedIn;

/// How far conversations were at some of their rows.
#[derive(Default)]
pub(crate) struct Conversations {
    flows: HashMap<FlowId, StoredConversation, RandomState>,
    /// What was read again last, to go on from.
    replays: Mutex<Vec<Replay>>,
}

struct StoredConversation {
    client: Side,
    /// In rising order; the first is the beginning.
    copies: Vec<StoredCopy>,
}

struct StoredCopy {
    /// The last row before it.
    after: Option<RowId>,
    /// Where in its two streams the next rows begin.
    places: [u64; 2],
    conversation: Box<dyn Conversation>,
}

/// A conversation that is read again.
struct Replay {
    flow: FlowId,
    client: Side,
    after: Option<RowId>,
    places: [u64; 2],
    conversation: Box<dyn Conversation>,
    reader: BlockReader,
    bytes: Vec<u8>,
    unpacked: Unpacked,
}

/// How many threads may go on from where they were.
const MOST_REPLAYS: usize = 16;
/// How many bytes are read at a time.
const BLOCK: usize = 64 << 10;

impl Conversations {
    /// Stores who is the client of a conversation, and how far it is after a row of it if that matters.
    pub(crate) fn store(
        &mut self,
        flow: FlowId,
        client: Side,
        after: Option<RowId>,
        places: [u64; 2],
        copy: Option<Box<dyn Conversation>>,
    ) {
        let stored =
            self.flows.entry(flow).or_insert_with(|| StoredConversation { client, copies: Vec::new() });
        stored.copies.extend(copy.map(|conversation| StoredCopy { after, places, conversation }));
    }

    /// The rows have other numbers now.
    pub(crate) fn renumber(&mut self, order: &NewOrder) {
        let copies = self.flows.values_mut().flat_map(|stored| &mut stored.copies);
        copies.for_each(|copy| copy.after = copy.after.map(|row| order.number(row)));
        self.replays.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A replay that is the shortest way to a row.
    fn replay(&self, index: &Index, flow: FlowId, row: RowId) -> Option<Replay> {
        let stored = self.flows.get(&flow)?;
        let before = stored.copies.partition_point(|copy| copy.after.is_none_or(|after| after < row));
        let copy = stored.copies.get(before.checked_sub(1)?)?;
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |replay: &Replay| {
            replay.flow == flow && replay.after >= copy.after && replay.after.is_none_or(|after| after < row)
        };
        if let Some(at) = replays.iter().position(fits) {
            return Some(replays.swap_remove(at));
        }
        let reader = match replays.len() < MOST_REPLAYS {
            true => None,
            false => replays.pop().map(|replay| replay.reader),
        };
        drop(replays);
        Some(Replay {
            flow,
            client: stored.client,
            after: copy.after,
            places: copy.places,
            conversation: copy.conversation.copy(),
            reader: reader.unwrap_or_else(|| BlockReader::new(index.source().clone(), BLOCK)),
            bytes: Vec::new(),
            unpacked: Unpacked::default(),
        })
    }
}

impl Replay {
    fn role(&self, stream: StreamId) -> Role {
        if stream.side() == self.client { Role::Client } else { Role::Server }
    }

    /// Reads what may have set something, up to a row.
    fn advance(&mut self, index: &Index, to: RowId) -> io::Result<()> {
        let [first, second] = Side::BOTH.map(|side| {
            let (stream, place) = (self.flow.stream(side), *side.of(&self.places));
            index.rows.entries.of_stream_from(stream, place)
        });
        let after = self.after;
        let is_due = move |(id, _): &(RowId, Entry)| after.is_none_or(|after| *id > after);
        let (mut first, mut second) = (first.filter(is_due).peekable(), second.filter(is_due).peekable());
        loop {
            let next = match (first.peek(), second.peek()) {
                (Some((one, _)), Some((other, _))) if other < one => second.next(),
                (Some(_), _) => first.next(),
                (None, _) => second.next(),
            };
            let Some((id, entry)) = next.filter(|(id, _)| *id < to) else { return Ok(()) };
            let row = index.resolved(entry);
            self.take(index, id, &row)?;
            self.after = Some(id);
            *row.stream.side().of_mut(&mut self.places) = row.offset + row.length;
        }
    }

    fn take(&mut self, index: &Index, id: RowId, row: &Row) -> io::Result<()> {
        let role = self.role(row.stream);
        let carries = index.protocols.get(index.protocol_number(row).unwrap_or(usize::MAX));
        let carries = carries.is_some_and(|protocol| protocol.is_carrier());
        if row.span_type != SpanType::Message {
            self.conversation.continue_in(role, row.stage);
            match carries {
                true => self.conversation.carry(role, Passage::Lost(row.length), &mut Nowhere),
                false => self.conversation.loss(role),
            }
            return Ok(());
        }
        let stage = index.stage(row);
        let stage_carries = stage.is_some_and(|stage| stage.carries);
        if !stage_carries && !stage.is_some_and(|stage| stage.sets_variables) {
            return Ok(());
        }
        self.bytes.clear();
        index.append_row_bytes(row, usize::MAX, &mut self.reader, &mut self.bytes)?;
        let missing = index.missing_before(row, self.bytes.len());
        self.conversation.continue_in(role, row.stage);
        let message = Captured::with_missing(&self.bytes, &missing);
        if carries {
            self.unpacked.begin(id);
            self.conversation.carry(role, Passage::Message(message), &mut self.unpacked);
        } else {
            self.conversation.message(role, message);
        }
        Ok(())
    }
}

/// What was unpacked of the carrier's messages that were read again last.
#[derive(Default)]
struct Unpacked {
    pieces: VecDeque<Piece>,
    /// How many bytes they are.
    length: usize,
    /// The present message, and how much was unpacked of it.
    message: RowId,
    of_message: usize,
}

/// What one message brought for a channel.
struct Piece {
    message: RowId,
    channel: u64,
    bytes: Vec<u8>,
}

/// So much of what was unpacked stays at hand.
const MOST_PIECES: usize = 64;
const MOST_UNPACKED: usize = 1 << 20;

impl Unpacked {
    fn begin(&mut self, message: RowId) {
        (self.message, self.of_message) = (message, 0);
        while self.pieces.len() > MOST_PIECES || self.length > MOST_UNPACKED {
            let Some(oldest) = self.pieces.pop_front() else { return };
            self.length -= oldest.bytes.len();
        }
    }

    fn get(&self, message: RowId, channel: u64) -> Option<&[u8]> {
        let is_it = |piece: &&Piece| (piece.message, piece.channel) == (message, channel);
        self.pieces.iter().rev().find(is_it).map(|piece| &piece.bytes[..])
    }
}

impl Carried for Unpacked {
    fn room(&self) -> usize {
        MOST_OF_A_MESSAGE.saturating_sub(self.of_message)
    }

    fn bytes(&mut self, channel: u64, _: Role, bytes: &[u8]) {
        let bytes = bytes.get(..self.room()).unwrap_or(bytes);
        self.length += bytes.len();
        self.of_message += bytes.len();
        let message = self.message;
        match self.pieces.iter_mut().rev().find(|piece| (piece.message, piece.channel) == (message, channel))
        {
            Some(piece) => piece.bytes.extend_from_slice(bytes),
            None => self.pieces.push_back(Piece { message, channel, bytes: bytes.to_vec() }),
        }
    }

    fn open(&mut self, _: u64, _: Channel) {}
    fn verbatim(&mut self, _: u64, _: Role, _: usize, _: &[u8]) {}
    fn end_message(&mut self, _: u64, _: Role) {}
    fn lost(&mut self, _: u64, _: Role, _: u64) {}
    fn end(&mut self, _: u64, _: Role) {}
    fn problem(&mut self, _: Code, _: Sentence) {}
}

impl Index {
    /// Appends a part of what a message of a carrier brought for one of its channels. The message begins there, in a side's stream.
    pub(crate) fn append_unpacked(
        &self,
        carried: &CarriedIn,
        (side, offset): (Side, u64),
        range: Range<usize>,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let differs = || {
            io::Error::other("what carries these bytes does not unpack as it did when the capture was read")
        };
        let message = self.rows.entries.of_stream_from(carried.by.stream(side), offset).next();
        let (message, _) = message.ok_or_else(differs)?;
        let conversations = &self.rows.conversations;
        let at_hand = {
            let mut replays = conversations.replays.lock().unwrap_or_else(PoisonError::into_inner);
            let has = |replay: &Replay| {
                replay.flow == carried.by && replay.unpacked.get(message, carried.channel).is_some()
            };
            replays.iter().position(has).map(|at| replays.swap_remove(at))
        };
        let replay = match at_hand {
            Some(replay) => replay,
            None => {
                let mut replay = conversations.replay(self, carried.by, message).ok_or_else(differs)?;
                replay.advance(self, RowId::from(message.number().saturating_add(1)))?;
                replay
            }
        };
        let piece = replay.unpacked.get(message, carried.channel).and_then(|piece| piece.get(range));
        let found = piece.map(|piece| bytes.extend_from_slice(piece)).ok_or_else(differs);
        self.keep(replay);
        found
    }

    /// Stores how far a conversation was read again, to go on from there.
    fn keep(&self, replay: Replay) {
        let mut replays = self.rows.conversations.replays.lock().unwrap_or_else(PoisonError::into_inner);
        if replays.len() >= MOST_REPLAYS {
            replays.remove(0);
        }
        replays.push(replay);
    }

    /// The direction in which the client sends, in a flow whose protocol has conversations; None in others, and where nothing was said.
    pub fn client(&self, id: FlowId) -> Option<Direction> {
        let stored = self.rows.conversations.flows.get(&id)?;
        Some(self.flow(id)?.direction_of(stored.client))
    }

    /// Whether the capture begins inside a direction of a flow.
    pub fn begins_inside(&self, flow: FlowId, direction: Direction) -> bool {
        self.flow(flow).is_some_and(|flow| flow.begins_inside(flow.side(direction)))
    }

    /// Whether what a row's bytes mean does not depend on messages before it.
    pub(crate) fn is_read_alone(&self, row: &Row) -> bool {
        self.stage(row).is_none_or(|stage| !stage.needs_variables)
    }

    /// A copy of a row's conversation as it was before the row, and which side sent the row: to write other messages in its place.
    /// None where what a row's bytes mean does not depend on messages before it, and where the file can't be read any more.
    pub fn conversation_before(&self, row: &Row) -> Option<(Role, Box<dyn Conversation>)> {
        if self.is_read_alone(row) {
            return None;
        }
        let replay = self.replay_before(row)?;
        let found = (replay.role(row.stream), replay.conversation.copy());
        self.keep(replay);
        Some(found)
    }

    fn replay_before(&self, row: &Row) -> Option<Replay> {
        let (id, _) = self.rows.entries.of_stream_from(row.stream, row.offset).next()?;
        let mut replay = self.rows.conversations.replay(self, row.stream.flow(), id)?;
        replay.advance(self, id).ok()?;
        Some(replay)
    }

    /// Calls `run` with what is known around a row in its conversation; with nothing in a protocol without stages, and where the
    /// file can't be read any more.
    pub fn with_context<T>(&self, row: &Row, run: impl FnOnce(Option<&Context<'_>>) -> T) -> T {
        if self.stage(row).is_none() {
            return run(None);
        }
        let context = Context { stage: row.stage, ..Context::default() };
        if self.is_read_alone(row) {
            return run(Some(&context));
        }
        let Some(replay) = self.replay_before(row) else { return run(Some(&context)) };
        let role = Some(replay.role(row.stream));
        let result = run(Some(&Context { role, variables: replay.conversation.variables(), ..context }));
        self.keep(replay);
        result
    }
}

impl std::fmt::Debug for Conversations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversations").field("flows", &self.flows.len()).finish_non_exhaustive()
    }
}
