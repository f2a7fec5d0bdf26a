//! A connection as far as it has been read: the tables of header fields, the blocks that are being continued, and the streams.
//!
//! Memory: two tables of at most 256 KiB, two blocks of at most 1 MiB, and 4 MiB of messages that have not ended; what goes
//! beyond that is handed on in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Code, Conversation, Nowhere, Passage, Role, Sentence, Settings,
};

use super::codes;
use super::dissect::unpadded;
use super::frame::{self, Header, Type};
use super::handing::tunnel;
use super::head::{Head, Upgraded};
use super::hpack::{DEFAULT_TABLE, Table};
use super::streams::{State, Stream};

/// The channel of requests and responses.
pub(super) const MESSAGES: u64 = 0;
/// The longest block of header fields, over all its frames.
const MAX_BLOCK: usize = 1 << 20;
/// A list of header fields is cut at this many bytes, and this many for each byte of the block, but for the most at the last.
const LIST: (usize, usize, usize) = (256 << 10, 64, 1 << 20);
/// Streams that are followed at a time.
const MAX_STREAMS: usize = 1024;

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// What is known of the channel that it is in.
    pub(super) given: Arc<Settings>,
    /// The request in HTTP/1.1 that it began with, until its client speaks HTTP/2.
    upgraded: Option<Arc<Upgraded>>,
    sides: [Side; 2],
    pub(super) streams: BTreeMap<u32, Stream>,
    /// How many bytes all halves of streams buffer.
    pub(super) buffered: usize,
    /// The channels of gRPC by what is asked for, and their numbers.
    pub(super) paths: BTreeMap<Arc<str>, u64>,
    /// The streams that are tunnels and have been opened.
    pub(super) tunnels: BTreeSet<u32>,
    /// The halves, each by its side and its stream, that end with the next frame of their side.
    pub(super) cut_short: BTreeSet<(usize, u32)>,
    pub(super) is_opened: bool,
    pub(super) begins_inside: bool,
}

/// What one side has sent.
#[derive(Clone, Debug)]
struct Side {
    table: Table,
    /// The largest table that it allows the other side, if all that it said is known.
    allows: Option<usize>,
    /// A block that is to be continued.
    block: Option<Block>,
}

impl Default for Side {
    fn default() -> Side {
        Side { table: Table::default(), allows: Some(DEFAULT_TABLE), block: None }
    }
}

impl Side {
    /// It sends these parameters.
    fn announce(&mut self, settings: &[u8]) {
        for setting in settings.chunks_exact(6) {
            let Some(&[i0, i1, v0, v1, v2, v3]) = setting.first_chunk() else { continue };
            let value = usize::try_from(u32::from_be_bytes([v0, v1, v2, v3])).unwrap_or(usize::MAX);
            if u16::from_be_bytes([i0, i1]) == frame::HEADER_TABLE_SIZE {
                self.allows = self.allows.map(|allows| allows.max(value));
            }
        }
    }
}

/// Header fields whose frames are not all there.
#[derive(Clone, Debug)]
struct Block {
    stream: u32,
    /// The stream that it begins, of a PUSH_PROMISE.
    promised: Option<u32>,
    ends_stream: bool,
    bytes: Arc<Vec<u8>>,
    /// Whether nothing of it is missing.
    is_whole: bool,
}

impl Connection {
    pub(crate) fn new(given: &Settings) -> Connection {
        let upgraded = Upgraded::of(given);
        let mut sides: [Side; 2] = Default::default();
        if let (Some(upgraded), [client, _]) = (&upgraded, &mut sides) {
            client.announce(&upgraded.settings);
        }
        let is_of_request = |name: &str| ["method", "path", "http2-settings"].contains(&name);
        let rest = given.iter().filter(|(name, _)| upgraded.is_none() || !is_of_request(name));
        let rest = rest.fold(Settings::NONE, |all, (name, value)| all.with(name.to_owned(), value));
        Connection {
            given: Arc::new(rest),
            upgraded: upgraded.map(Arc::new),
            sides,
            streams: BTreeMap::new(),
            buffered: 0,
            paths: BTreeMap::new(),
            tunnels: BTreeSet::new(),
            cut_short: BTreeSet::new(),
            is_opened: false,
            begins_inside: false,
        }
    }

    fn side(&mut self, role: Role) -> &mut Side {
        let [client, server] = &mut self.sides;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }

    /// Takes a frame, or the preface.
    fn frame(&mut self, role: Role, message: Captured<'_, '_>, to: &mut dyn Carried) {
        self.finish_cut_short(role, to);
        if message.beginning().starts_with(b"PRI ") {
            self.open_messages(to);
            if let Some(upgraded) = self.upgraded.take() {
                self.head(role, 1, upgraded.head(), true, to);
            }
            return;
        }
        let Some(header) = Header::parse(message.beginning()) else {
            let length = u64::try_from(message.length()).unwrap_or(u64::MAX);
            return self.lost(role, length, to);
        };
        let continued = self.side(role).block.as_ref().map(|block| block.stream);
        let continues = header.kind == Type::CONTINUATION && continued == Some(header.stream);
        if continued.is_some() && !continues {
            let text = "a frame of another kind or stream comes before the header fields of a stream are complete: end them with END_HEADERS first";
            to.problem(codes::HEADERS_INTERRUPTED, Sentence::from(text));
            let side = self.side(role);
            side.block = None;
            side.table.forget();
        }
        match header.kind {
            Type::DATA => self.data(role, &header, message, to),
            Type::HEADERS | Type::PUSH_PROMISE => self.begin_block(role, &header, message, to),
            Type::CONTINUATION => self.continue_block(role, &header, message, to),
            Type::RST_STREAM => {
                let code =
                    message.get(frame::HEADER..frame::HEADER + 4).and_then(|bytes| bytes.first_chunk());
                let code = code.map(|bytes| u32::from_be_bytes(*bytes));
                self.reset(role, header.stream, code, to);
            }
            Type::SETTINGS if !header.has(frame::ACK) => self.settings(role, message),
            _ => {}
        }
    }

    fn settings(&mut self, role: Role, message: Captured<'_, '_>) {
        let side = self.side(role);
        if !message.is_whole() {
            side.allows = None;
        }
        side.announce(message.bytes().get(frame::HEADER..).unwrap_or_default());
    }

    fn data(&mut self, role: Role, header: &Header, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let pad_length = message.get(frame::HEADER..frame::HEADER + 1).and_then(|bytes| bytes.first());
        if let Some(range) = unpadded(header, message.length(), pad_length.copied()) {
            self.body(role, header.stream, message, range, to);
        }
        if header.has(frame::END_STREAM) {
            self.end_half(role, header.stream, None, to);
        }
    }

    fn begin_block(&mut self, role: Role, header: &Header, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let pad_length = message.get(frame::HEADER..frame::HEADER + 1).and_then(|bytes| bytes.first());
        let Some(mut range) = unpadded(header, message.length(), pad_length.copied()) else {
            return self.side(role).table.forget();
        };
        let mut promised = None;
        if header.kind == Type::PUSH_PROMISE {
            let number =
                message.get(range.start..range.start.saturating_add(4)).and_then(|bytes| bytes.first_chunk());
            promised = number.map(|bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff);
            range.start = range.start.saturating_add(4);
            if promised.is_none() {
                return self.side(role).table.forget();
            }
        } else if header.has(frame::PRIORITY) {
            range.start = range.start.saturating_add(5);
        }
        let (bytes, is_whole) = there(message, range);
        let ends_stream = header.kind == Type::HEADERS && header.has(frame::END_STREAM);
        let block = Block { stream: header.stream, promised, ends_stream, bytes: Arc::default(), is_whole };
        self.block(role, block, bytes, header.has(frame::END_HEADERS), to);
    }

    fn continue_block(
        &mut self,
        role: Role,
        header: &Header,
        message: Captured<'_, '_>,
        to: &mut dyn Carried,
    ) {
        let (bytes, is_whole) = there(message, frame::HEADER..message.length());
        match self.side(role).block.take() {
            Some(mut block) => {
                let was_whole = block.is_whole;
                block.is_whole &= is_whole;
                let bytes = if was_whole { bytes } else { &[] };
                self.block(role, block, bytes, header.has(frame::END_HEADERS), to);
            }
            None => {
                let side = self.side(role);
                if side.table.is_known() {
                    let text = "no header fields of this stream are to be continued here: send HEADERS first";
                    to.problem(codes::HEADERS_INTERRUPTED, Sentence::from(text));
                }
                side.table.forget();
            }
        }
    }

    /// Adds bytes to a block, and takes it if it is complete.
    fn block(&mut self, role: Role, mut block: Block, bytes: &[u8], is_end: bool, to: &mut dyn Carried) {
        let (room, is_empty) = (MAX_BLOCK.saturating_sub(block.bytes.len()), block.bytes.is_empty());
        let bytes = match bytes.get(..room) {
            Some(first) if bytes.len() > room => {
                block.is_whole = false;
                let text = Sentence::new("the header fields are longer than {} bytes, and were cut there");
                to.problem(Code::ExpandsTooMuch, text.with([u64::try_from(MAX_BLOCK).unwrap_or(u64::MAX)]));
                first
            }
            _ => bytes,
        };
        if !is_end {
            Arc::make_mut(&mut block.bytes).extend_from_slice(bytes);
            self.side(role).block = Some(block);
        } else if is_empty {
            self.header_fields(role, &block, bytes, to);
        } else {
            let mut all = std::mem::take(&mut block.bytes);
            Arc::make_mut(&mut all).extend_from_slice(bytes);
            self.header_fields(role, &block, &all, to);
        }
    }

    fn header_fields(&mut self, role: Role, block: &Block, bytes: &[u8], to: &mut dyn Carried) {
        let allowed = self.side(role.reverse()).allows;
        let (least, each, most) = LIST;
        let limit = bytes.len().saturating_mul(each).saturating_add(least).min(most);
        let mut head = Head::default();
        let table = &mut self.side(role).table;
        let outcome = table.decode(bytes, allowed, limit, &mut |name, value| head.push(name, value));
        match outcome {
            Ok(outcome) => {
                if outcome.lost > 0 {
                    let text = "{} header fields refer to earlier ones that were not captured, and are shown as (lost)";
                    to.problem(codes::HEADER_LOST, Sentence::new(text).with([outcome.lost]));
                }
                if outcome.is_cut {
                    let text = "the header fields expand to more than {} bytes, and were cut there";
                    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
                    to.problem(Code::ExpandsTooMuch, Sentence::new(text).with([limit]));
                }
            }
            // Where it was cut is known already.
            Err(_) if !block.is_whole => {}
            Err(fault) => {
                let text = format!(
                    "the header fields can't be read to their end: {fault}; compare what both sides have in their table"
                );
                to.problem(codes::HEADER_BLOCK, Sentence::from(text));
            }
        }
        if !block.is_whole {
            self.side(role).table.forget();
        }
        match block.promised {
            Some(promised) => self.promise(role, block.stream, promised, head, to),
            None => self.head(role, block.stream, head, block.ends_stream, to),
        }
    }

    /// Bytes of a direction are missing, and what was in them is not known. It may be said more than once of the same bytes.
    fn forget(&mut self, role: Role) {
        let side = self.side(role);
        side.table.forget();
        (side.block, side.allows) = (None, None);
        for stream in self.streams.values_mut() {
            let Some(half) = stream.halves.get_mut(role.index()) else { continue };
            half.may_lack = true;
            if let State::Grpc(joined) = &mut half.state {
                self.buffered = self.buffered.saturating_sub(joined.begun.len());
                (joined.begun, joined.left_out, joined.is_lost) = (Arc::default(), 0, true);
            }
        }
    }

    /// The same, once, which the channels that may have lost some of them are told: each of them not before it has brought more.
    fn lost(&mut self, role: Role, length: u64, to: &mut dyn Carried) {
        self.forget(role);
        if self.is_opened {
            to.lost(MESSAGES, role, length.max(1));
        }
        let mut channels = BTreeSet::new();
        for (&number, stream) in &mut self.streams {
            let Some(half) = stream.halves.get_mut(role.index()) else { continue };
            let channel = match &half.state {
                State::Grpc(joined) => joined.channel,
                State::Tunnel if self.tunnels.contains(&number) => tunnel(number),
                _ => continue,
            };
            if !std::mem::replace(&mut half.knows_loss, true) {
                channels.insert(channel);
            }
        }
        for channel in channels {
            to.lost(channel, role, length.max(1));
        }
    }

    /// Nothing comes after this in a direction. What is buffered can't be handed on with that.
    fn end(&mut self, role: Role, to: &mut dyn Carried) {
        let mut unfinished = 0usize;
        for stream in self.streams.values_mut() {
            let Some(half) = stream.halves.get_mut(role.index()) else { continue };
            unfinished += half.buffered();
            half.state = State::Ended;
        }
        self.buffered = self.buffered.saturating_sub(unfinished);
        if self.is_opened {
            if unfinished > 0 {
                to.lost(MESSAGES, role, u64::try_from(unfinished).unwrap_or(u64::MAX));
            }
            to.end(MESSAGES, role);
        }
        for channel in self.others() {
            to.end(channel, role);
        }
    }

    /// The channels that have been opened, but for that of requests and responses.
    fn others(&self) -> impl Iterator<Item = u64> {
        let tunnels = self.tunnels.iter().map(|&stream| tunnel(stream));
        self.paths.values().copied().chain(tunnels)
    }

    /// The stream of that number, for a frame of a side. The oldest is left aside where there are too many.
    pub(super) fn stream(&mut self, role: Role, number: u32, to: &mut dyn Carried) -> &mut Stream {
        if self.streams.len() >= MAX_STREAMS
            && !self.streams.contains_key(&number)
            && let Some(&oldest) = self.streams.keys().next()
        {
            self.leave(role, oldest, to);
        }
        self.streams.entry(number).or_default()
    }

    /// Does not follow a stream any more.
    fn leave(&mut self, role: Role, number: u32, to: &mut dyn Carried) {
        let Some(stream) = self.streams.get(&number) else { return };
        if stream.halves.iter().any(|half| half.buffered() > 0) {
            let most = u64::try_from(MAX_STREAMS).unwrap_or(u64::MAX);
            let text = Sentence::new("more than {} streams are open: stream {} is not followed any more");
            to.problem(codes::TOO_MANY_STREAMS, text.with([most, number.into()]));
        }
        self.finish(role, number, Some("too many streams are open"), to);
        let Some(stream) = self.streams.remove(&number) else { return };
        self.tunnels.remove(&number);
        let left = stream.halves.iter().map(|half| half.buffered()).sum::<usize>();
        self.buffered = self.buffered.saturating_sub(left);
        if left > 0 && self.is_opened {
            to.lost(MESSAGES, role.reverse(), u64::try_from(left).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn open_messages(&mut self, to: &mut dyn Carried) {
        if self.is_opened {
            return;
        }
        self.is_opened = true;
        let about = Channel {
            name: "http2".into(),
            protocol: Some("http".into()),
            settings: (*self.given).clone(),
            is_delimited: true,
            begins_inside: self.begins_inside,
            ..Channel::default()
        };
        to.open(MESSAGES, about);
    }
}

/// The bytes of a range that are before the first missing one, and whether those are all.
fn there<'a>(message: Captured<'a, '_>, range: Range<usize>) -> (&'a [u8], bool) {
    match message.get(range.clone()) {
        Some(bytes) => (bytes, true),
        None => (message.beginning().get(range.start..).unwrap_or_default(), false),
    }
}

impl Conversation for Connection {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        let sides = self
            .sides
            .iter()
            .map(|side| side.table.memory() + side.block.as_ref().map_or(0, |block| block.bytes.len()));
        let requests = self.streams.values().filter_map(|stream| stream.request.as_ref());
        let streams = self.streams.len() * size_of::<Stream>()
            + requests.map(|request| request.memory()).sum::<usize>();
        let paths = self.paths.keys().map(|path| path.len() + 64).sum::<usize>();
        size_of::<Connection>()
            + sides.sum::<usize>()
            + streams
            + paths
            + self.tunnels.len() * 16
            + self.buffered
    }

    fn stage(&self, _: Role) -> u16 {
        0
    }

    fn continue_in(&mut self, _: Role, _: u16) {}

    fn begins_inside(&mut self, role: Role) {
        self.begins_inside = true;
        let side = self.side(role);
        side.table.forget();
        side.allows = None;
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn loss(&mut self, role: Role) {
        self.forget(role);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => self.frame(role, message, to),
            Passage::Lost(length) => self.lost(role, length, to),
            Passage::End => self.end(role, to),
        }
    }
}
