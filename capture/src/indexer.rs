//! Runs the stages: records, packets, flows, reassembly, choice of protocol, messages; and fills the index.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::missive::{Key, Missive};
use framescope_parser::{
    Captured, Code, Confidence, Framer, Protocol, Tile, TileType, Unclaimed, bare::Bare, text::Text,
};

use crate::annotations::{Annotations, mark_rows, mark_rows_now, tell};
use crate::conversations::Pair;
use crate::detection::{Happened, first_look};
use crate::disputes::Disputes;
use crate::endpoint::Endpoint;
use crate::flows::{Asked, Flows, Found};
use crate::fragments::{Added, Complete, Dispute, Fragment, Fragments, Piece, add_dispute, part};
use crate::index::{Flow, Index, Life, Mark, SegmentRange, Stream, TransportType, Unread, last_packet};
use crate::outline::{Labels, Outline};
use crate::packet::{Decoded, Odd, Reason, Transport, decode_payload};
use crate::reading::{Alone, Batch, Plain, Reading, Taken};
use crate::reassembly::{DEFAULT_LIMIT, Origin, Output, Segment};
use crate::records::{Opened, Record, Records};
use crate::remarks::{Comments, Names};
use crate::sessions::{Completed, Concluded, Sessions};
use crate::store::{Entry, Packets, Rows};
use crate::streams::{More, StreamState};
use crate::{BlockReader, Damage, DecodeAs, Source};

/// How to read a capture.
#[derive(Clone)]
pub struct Options {
    /// Protocols beside those that are built in. Detection prefers them to those it is equally sure of, and a name means
    /// the first that has it.
    pub protocols: Vec<Arc<dyn Protocol>>,
    /// Which flows are which protocol, whatever they look like. The last rule that fits wins.
    pub decode_as: Vec<DecodeAs>,
    /// The key to verify authenticated frames with.
    pub key: Option<Key>,
    /// How many bytes of a TCP stream may wait for a gap before them to be filled.
    pub reassembly_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { protocols: Vec::new(), decode_as: Vec::new(), key: None, reassembly_limit: DEFAULT_LIMIT }
    }
}

impl Options {
    /// All protocols there are to read with, in the order in which detection prefers them.
    pub fn all_protocols(&self) -> Vec<Arc<dyn Protocol>> {
        self.protocols.iter().cloned().chain(protocols(self.key.clone())).collect()
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocols: Vec<&str> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        let Options { decode_as, key, reassembly_limit, .. } = self;
        let mut options = f.debug_struct("Options");
        options.field("protocols", &protocols).field("decode_as", decode_as).field("key", key);
        options.field("reassembly_limit", reassembly_limit).finish()
    }
}

/// The protocols that are built in, in the order in which detection prefers them.
pub fn protocols(key: Option<Key>) -> Vec<Arc<dyn Protocol>> {
    vec![Arc::new(Missive { key, ..Missive::default() }), Arc::new(Bare), Arc::new(Text)]
}

/// Reads a whole capture. `progress` is told the index now and then, and stops the reading by saying false.
///
/// # Errors
/// A rule of `options` names no protocol, or the file is a capture of a kind that is not read: the sentence says which,
/// and what converts it. Damage of the file is no error: it stands in the index.
pub fn read(
    source: Source,
    options: &Options,
    progress: &mut dyn FnMut(&Index) -> bool,
) -> Result<Index, String> {
    let (mut indexer, mut index) = Indexer::new(source, options)?;
    while indexer.step(&mut index, 16_384) {
        if !progress(&index) {
            break;
        }
    }
    indexer.finish(&mut index);
    Ok(index)
}

/// The state of reading: what is needed to read on, and of no use afterwards.
pub struct Indexer {
    input: Input,
    flows: Flows,
    /// Beside the streams of the index.
    states: Vec<StreamState>,
    /// What is said of payloads by themselves, by code.
    outlines: Vec<Outlined>,
    rules: Vec<(DecodeAs, usize)>,
    sessions: Sessions,
    /// How messages were found where the format does not tell.
    framing: Annotations,
    /// What reassembly saw of rows that were there already.
    marked: Annotations,
    /// The packet with which each row became complete, once a stream is held back: before, they are in their order.
    completed: Vec<u32>,
    /// That of the last row.
    last_completed: u32,
    /// How many rows stand before these.
    in_order: Option<usize>,
    reader: BlockReader,
    outputs: Vec<Output>,
    /// Bytes that came twice, one beside the other.
    compared: [Vec<u8>; 2],
    fragments: Fragments,
    disputes: Disputes,
    reassembly_limit: u64,
    ending: Ending,
}

/// How far [`Indexer::finish`] is, and what was prepared for its next step.
enum Ending {
    /// The flows before this one are done.
    Flows(u32),
    Order(Option<Order>),
    Sessions(Option<Concluded>),
    Done,
}

/// The order in which the rows shall stand.
struct Order {
    entries: Rows,
    /// The new number of each row, at the place of the old one.
    numbers: Vec<u32>,
}

enum Input {
    Packets(Box<Reading>, Batch),
    /// The bytes of one stream, and how many were read.
    Bytes(u64),
    Done,
}

/// What is said of a payload by itself, and its label once there is one.
#[derive(Clone, Copy, Debug)]
struct Outlined {
    alone: Alone,
    label: Option<u32>,
}

/// A segment or datagram that was captured.
#[derive(Clone, Copy, Debug)]
struct Arrived<'a> {
    /// The packet that brought it, or its last part.
    number: u32,
    interface: Option<u16>,
    transport: Transport,
    payload: &'a [u8],
    /// How many bytes the payload had on the wire that were not captured.
    missing: u32,
    time_ns: Option<i64>,
    /// Where in the file the payload stands.
    pieces: &'a [Piece],
    /// Bytes of the file that are at hand, and where they begin.
    at_hand: (u64, &'a [u8]),
    /// What is said of the payload by itself; 0 for nothing.
    outline: u16,
}

/// Damaged places of a file that are told one by one.
const MOST_DAMAGES: usize = 100;

/// A file that is no capture is one segment, as long as that is not more than this.
const FILE_SEGMENT: u64 = 16 << 20;

impl Indexer {
    /// Opens a capture and gives what reads it and the index to fill, still empty.
    ///
    /// # Errors
    /// A rule of `options` names no protocol, or the file is a capture of a kind that is not read, unless a rule for
    /// `file` says that it is the bytes of one stream.
    pub fn new(source: Source, options: &Options) -> Result<(Indexer, Index), String> {
        let protocols = options.all_protocols();
        let rules = options.decode_as.iter().map(|rule| {
            let known = protocols.iter().position(|protocol| protocol.name() == rule.protocol());
            known.map(|protocol| (rule.clone(), protocol)).ok_or_else(|| {
                let names: Vec<&str> = protocols.iter().map(|protocol| protocol.name()).collect();
                format!("no protocol is called '{}'; there are {}", rule.protocol(), names.join(", "))
            })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        let as_bytes = options.decode_as.iter().any(DecodeAs::makes_bytes);
        let converted = match as_bytes {
            true => None,
            false => source
                .converted()
                .map_err(|error| format!("{} can't be converted: {error}", source.name()))?,
        };
        let (source, notices) = match &converted {
            Some(converted) => (converted.source.clone(), converted.notices.clone()),
            None => (source, Vec::new()),
        };
        let mut index = Index {
            source: source.clone(),
            protocols,
            flows: Vec::new(),
            streams: Vec::new(),
            entries: Rows::default(),
            labels: Labels::default(),
            kept: Packets::default(),
            annotations: Annotations::default(),
            unread: BTreeMap::new(),
            odd: BTreeMap::new(),
            notices,
            comments: Comments::default(),
            interfaces: Vec::new(),
            hosts: Names::default(),
            damages: Vec::new(),
            position: 0,
            finished: false,
        };
        let mut indexer = Indexer {
            input: Input::Done,
            flows: Flows::default(),
            states: Vec::new(),
            outlines: Vec::new(),
            rules,
            sessions: Sessions::default(),
            framing: Annotations::default(),
            marked: Annotations::default(),
            completed: Vec::new(),
            last_completed: 0,
            in_order: None,
            reader: BlockReader::new(source.clone(), 64 << 10),
            outputs: Vec::new(),
            compared: Default::default(),
            fragments: Fragments::default(),
            disputes: Disputes::default(),
            reassembly_limit: options.reassembly_limit,
            ending: Ending::Flows(0),
        };
        match Records::open(&source, as_bytes) {
            Ok(Opened::Named(sentence)) => return Err(sentence),
            Ok(Opened::Capture(records)) => {
                index.notices.extend(records.notice());
                let reading = Reading::new(*records, source.length(), &index.protocols);
                indexer.input = Input::Packets(Box::new(reading), Batch::default());
            }
            Ok(Opened::Bytes) => {
                index.notices.push(format!(
                    "{} begins with no capture's magic: its {} bytes are taken as those of one stream",
                    source.name(),
                    source.length()
                ));
                indexer.add_flow(&mut index, TransportType::File, None, false);
                indexer.input = Input::Bytes(0);
            }
            Err(damage) => index.damages.push(damage),
        }
        Ok((indexer, index))
    }

    /// Waits until there is something for [`step`](Indexer::step) to take, so that who lends the index to others need not
    /// keep it from them meanwhile.
    pub fn fetch(&mut self) {
        if let Input::Packets(reading, batch) = &mut self.input
            && batch.is_empty()
        {
            reading.give_back(std::mem::take(batch));
            match reading.next() {
                Some(mut next) => {
                    self.flows.expect(next.take_pairs());
                    self.outlines.extend(next.take_outlines().map(|alone| Outlined { alone, label: None }));
                    *batch = next;
                }
                None => self.input = Input::Done,
            }
        }
    }

    /// Reads on, at most `packets` packets and no more than are at hand. False when there is no more to read.
    pub fn step(&mut self, index: &mut Index, packets: usize) -> bool {
        self.fetch();
        let more = match std::mem::replace(&mut self.input, Input::Done) {
            Input::Packets(reading, mut batch) => {
                let more = self.step_packets(&mut batch, index, packets);
                if more {
                    self.input = Input::Packets(reading, batch);
                }
                more
            }
            Input::Bytes(read) => self.step_bytes(read, index),
            Input::Done => false,
        };
        if !more {
            self.input = Input::Done;
        }
        more
    }

    fn step_packets(&mut self, batch: &mut Batch, index: &mut Index, packets: usize) -> bool {
        index.position = batch.position;
        for _ in 0..packets {
            match batch.take() {
                Some(Taken::Plain(plain)) => {
                    if let Err(error) = self.plain(index, &plain) {
                        self.broken_off(index, &error);
                        return false;
                    }
                }
                Some(Taken::Packet(record, decoded, conversation)) => {
                    index.kept.push(record.time_ns, told_payload(&record, decoded));
                    debug_assert_eq!(record.number, index.kept.len(), "each packet has a number");
                    if let Err(error) = self.packet(index, &record, decoded, conversation) {
                        self.broken_off(index, &error);
                        return false;
                    }
                }
                Some(Taken::Damage(damage))
                    if index.damages.len() < MOST_DAMAGES || damage.resumed.is_none() =>
                {
                    index.damages.push(damage.clone());
                }
                Some(Taken::Remark(remark)) => index.remark(remark),
                Some(Taken::Damage(_)) => {}
                None => break,
            }
        }
        true
    }

    fn step_bytes(&mut self, read: u64, index: &mut Index) -> bool {
        let left = index.source.length() - read;
        let count = left.min(FILE_SEGMENT);
        let mut bytes = Vec::new();
        let length = usize::try_from(count).unwrap_or(0);
        if let Err(error) = self.reader.read(read, length, &mut bytes) {
            self.broken_off(index, &error);
            return false;
        }
        let length = u32::try_from(count).unwrap_or(u32::MAX);
        self.add_segment(index, 0, SegmentRange { offset: read, file_offset: read, length, packet: 0 });
        self.data(index, 0, &bytes, 0);
        index.position = read + count;
        self.input = Input::Bytes(index.position);
        index.position < index.source.length()
    }

    /// The file could not be read on, though it was when it was opened.
    fn broken_off(&mut self, index: &mut Index, error: &io::Error) {
        index.damages.push(Damage {
            file: index.source.name().to_owned(),
            offset: index.position,
            packet: None,
            what: error.to_string(),
            packets_read: index.packets(),
            resumed: None,
        });
    }

    fn add_flow(
        &mut self,
        index: &mut Index,
        transport: TransportType,
        endpoints: Option<[Endpoint; 2]>,
        first_is_high: bool,
    ) -> u32 {
        let number = u32::try_from(index.flows.len()).unwrap_or(u32::MAX);
        let rule = self.rules.iter().rev().find(|(rule, _)| rule.fits(number, transport, endpoints));
        let protocol = rule.and_then(|&(_, protocol)| u16::try_from(protocol).ok());
        index.flows.push(Flow {
            transport,
            endpoints,
            first_is_high,
            swapped: false,
            syn_seen: [false; 2],
            packets: 0,
            interface: None,
            life: Life::default(),
        });
        self.sessions.add_flow();
        for _ in 0..2 {
            index.streams.push(Stream { protocol, ..Stream::default() });
            self.states.push(StreamState { is_certain: protocol.is_some(), ..StreamState::default() });
        }
        number
    }

    /// Takes a segment or datagram with nothing odd about it.
    #[inline]
    fn plain(&mut self, index: &mut Index, plain: &Plain<'_>) -> io::Result<()> {
        let &Plain { time_ns, transport, conversation, from_high, interface, payload, file_offset, outline } =
            plain;
        let is_told = !payload.is_empty() || transport.opens_or_closes();
        index.kept.push(time_ns, is_told.then_some(file_offset));
        let number = index.kept.len();
        let origin = Origin { packet: number, file_offset };
        let all = [Piece { offset: 0, length: payload.len(), origin }];
        let arrived = Arrived {
            number,
            interface,
            transport,
            payload,
            missing: 0,
            time_ns,
            pieces: &all,
            at_hand: (file_offset, payload),
            outline,
        };
        self.segment(index, &arrived, Asked::Number(conversation), from_high)
    }

    /// Takes another packet.
    fn packet(
        &mut self,
        index: &mut Index,
        record: &Record<'_>,
        decoded: &Result<Decoded, Reason>,
        conversation: Option<(u32, bool)>,
    ) -> io::Result<()> {
        if let Ok(decoded) = decoded {
            count_odd(index, decoded.odd(), record);
        }
        match decoded {
            Ok(Decoded::Packet(packet)) => {
                let Some((conversation, from_high)) = conversation else { return Ok(()) };
                let origin = origin_in(record, packet.payload_start as usize);
                let all = [Piece { offset: 0, length: packet.payload_length as usize, origin }];
                if matches!(packet.transport, Transport::Tcp { rst: true, .. }) && packet.payload_length > 0 {
                    count_unread(
                        index,
                        "TCP reset with a text, which is no part of the stream".into(),
                        record,
                    );
                }
                let arrived = Arrived {
                    number: record.number,
                    interface: record.interface,
                    transport: packet.transport,
                    payload: packet.payload(record.bytes),
                    missing: packet.missing,
                    time_ns: record.time_ns,
                    pieces: &all,
                    at_hand: (record.offset, record.bytes),
                    outline: 0,
                };
                self.segment(index, &arrived, Asked::Number(conversation), from_high)
            }
            Ok(Decoded::Fragment(fragment)) => self.fragment(index, record, fragment),
            Err(reason) => {
                count_unread(index, reason.clone(), record);
                Ok(())
            }
        }
    }

    /// Takes a part of an IP packet, and the packet if that makes it whole.
    fn fragment(&mut self, index: &mut Index, record: &Record<'_>, fragment: &Fragment) -> io::Result<()> {
        let origin = origin_in(record, fragment.start);
        let Added { before, and_more, mut whole } = self.fragments.add(fragment, origin, record.time_ns);
        let dispute = self.dispute(record, fragment, &before)?;
        if dispute.is_some() || and_more {
            let overlap = "IP fragment that reaches over others; what was captured first stays";
            count_unread(index, overlap.into(), record);
        }
        match (dispute, &mut whole) {
            (Some(dispute), Some(whole)) => add_dispute(&mut whole.disputes, dispute),
            (Some(dispute), None) => self.fragments.dispute(&fragment.of, dispute),
            (None, _) => {}
        }
        let Some(Complete { pieces, disputes }) = whole else { return Ok(()) };
        let mut bytes = Vec::new();
        for piece in &pieces {
            self.reader.read(piece.origin.file_offset, piece.length, &mut bytes)?;
        }
        let whole = Record { bytes: &bytes, wire_length: bytes.len(), ..*record };
        match decode_payload(&whole, &fragment.of) {
            Ok(packet) => {
                count_odd(index, packet.odd, record);
                let payload = packet.payload(&bytes);
                let start = packet.payload_start as usize;
                self.keep_disputes(&pieces, &disputes, start..start + payload.len());
                if matches!(packet.transport, Transport::Tcp { rst: true, .. }) && !payload.is_empty() {
                    count_unread(
                        index,
                        "TCP reset with a text, which is no part of the stream".into(),
                        record,
                    );
                }
                let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
                let (pair, from_high) = Pair::of(packet.src, packet.dst, is_tcp);
                let arrived = Arrived {
                    number: record.number,
                    interface: record.interface,
                    transport: packet.transport,
                    payload,
                    missing: packet.missing,
                    time_ns: record.time_ns,
                    pieces: &part(&pieces, start, start + payload.len()),
                    at_hand: (record.offset, record.bytes),
                    outline: 0,
                };
                self.segment(index, &arrived, Asked::Pair(pair), from_high)
            }
            Err(reason) => {
                count_unread(index, reason, record);
                Ok(())
            }
        }
    }

    /// Holds a fragment's bytes against those that its place had before.
    fn dispute(
        &mut self,
        record: &Record<'_>,
        fragment: &Fragment,
        before: &[Piece],
    ) -> io::Result<Option<Dispute>> {
        let new = record.bytes.get(fragment.start..).unwrap_or_default();
        let (mut kept, mut found) = (Vec::new(), None::<Range<usize>>);
        for piece in before {
            kept.clear();
            self.reader.read(piece.origin.file_offset, piece.length, &mut kept)?;
            let new = new.get(piece.offset - fragment.offset..).unwrap_or_default();
            let mut differing = kept.iter().zip(new).enumerate().filter(|(_, (kept, new))| kept != new);
            if let Some((first, _)) = differing.next() {
                let last = differing.next_back().map_or(first, |(last, _)| last);
                let start = found.map_or(piece.offset + first, |found| found.start);
                found = Some(start..piece.offset + last + 1);
            }
        }
        Ok(found.map(|Range { start, end }| Dispute { start, end, packet: record.number }))
    }

    /// Keeps in mind which bytes of a packet's payload are disputed. Where it is the headers before them, all are: others
    /// might have put them elsewhere.
    fn keep_disputes(&mut self, pieces: &[Piece], disputes: &[Dispute], payload: Range<usize>) {
        let mut within = Vec::new();
        for &Dispute { start, end, packet } in disputes {
            let (start, end) = match start < payload.start {
                true => (payload.start, payload.end),
                false => (start, end.min(payload.end)),
            };
            if start < end {
                add_dispute(&mut within, Dispute { start, end, packet });
            }
        }
        for Dispute { start, end, packet } in within {
            for piece in part(pieces, start, end) {
                self.disputes.add(piece.origin.file_offset, piece.length, packet);
            }
        }
    }

    /// Takes a segment or datagram.
    #[inline]
    fn segment(
        &mut self,
        index: &mut Index,
        arrived: &Arrived<'_>,
        asked: Asked,
        from_high: bool,
    ) -> io::Result<()> {
        let Some(found) = self.flows.find(asked, &index.flows) else { return Ok(()) };
        let flow = match found {
            Found::New(pair) => self.new_flow(index, pair, asked, from_high),
            Found::Flow(flow) => match arrived.transport {
                Transport::Tcp { sequence, syn: true, ack, .. }
                    if self.begins_anew(index, flow, from_high, sequence, ack) =>
                {
                    self.finish_flow(index, flow, arrived.number)?;
                    let pair = index.flows.get(flow as usize).and_then(Flow::pair);
                    pair.map_or(flow, |pair| self.new_flow(index, pair, asked, from_high))
                }
                _ => flow,
            },
        };
        let Some(known) = index.flows.get_mut(flow as usize) else { return Ok(()) };
        known.packets = known.packets.saturating_add(1);
        if known.packets == 1 {
            known.interface = arrived.interface;
        }
        let side = known.side_of(from_high);
        let stream = flow as usize * 2 + side;
        if arrived.missing > 0
            && let Some(stream) = index.streams.get_mut(stream)
        {
            stream.rest().cut_packets += 1;
        }
        match arrived.transport {
            Transport::Tcp { .. } => self.tcp(index, arrived, flow, side),
            Transport::Udp => {
                self.udp(index, arrived, stream);
                Ok(())
            }
        }
    }

    fn new_flow(&mut self, index: &mut Index, pair: Pair, asked: Asked, from_high: bool) -> u32 {
        let transport = if pair.is_tcp { TransportType::Tcp } else { TransportType::Udp };
        let endpoints = if from_high { [pair.high, pair.low] } else { [pair.low, pair.high] };
        let flow = self.add_flow(index, transport, Some(endpoints), from_high);
        self.flows.set(asked, flow);
        flow
    }

    /// Whether a SYN opens another connection than the one its ports have.
    fn begins_anew(&self, index: &Index, flow: u32, from_high: bool, sequence: u32, ack: bool) -> bool {
        let Some(known) = index.flows.get(flow as usize) else { return false };
        let contradicts =
            |stream: usize| self.states.get(stream).is_some_and(|state| state.contradicts(sequence));
        let ended = |stream: &usize| self.states.get(*stream).is_some_and(|state| state.has_ended);
        let over = known.life.reset > 0 || streams_of(index, flow).iter().all(ended);
        contradicts(flow as usize * 2 + known.side_of(from_high)) || (over && !ack)
    }

    #[inline]
    fn tcp(&mut self, index: &mut Index, arrived: &Arrived<'_>, flow: u32, side: usize) -> io::Result<()> {
        let Transport::Tcp { sequence, syn, fin, rst, .. } = arrived.transport else { return Ok(()) };
        let stream = flow as usize * 2 + side;
        if syn || fin || rst {
            self.opens_or_closes(index, flow, side, arrived);
        }
        if rst {
            return self.finish_flow(index, flow, arrived.number);
        }
        // What carries nothing leaves nothing behind but a SYN's number: half-open connections may be very many.
        let Some(state) = self.states.get_mut(stream) else { return Ok(()) };
        let is_waited_for = syn && state.more.is_some();
        if arrived.payload.is_empty() && arrived.missing == 0 && !fin && !is_waited_for {
            return Ok(());
        }
        let is_one_piece = arrived.missing == 0 && arrived.pieces.len() <= 1;
        if is_one_piece && !syn && state.is_next(sequence) {
            let is_known = index.streams.get(stream).is_some_and(|stream| stream.protocol.is_some());
            if arrived.payload.is_empty() && is_known {
                // Nothing waits, so that the end tells the rows nothing.
                state.has_ended = true;
                self.close_if_over(index, flow);
                return Ok(());
            }
            if arrived.outline != 0 && self.one_message(index, stream, arrived) {
                if fin && let Some(state) = self.states.get_mut(stream) {
                    state.has_ended = true;
                    self.close_if_over(index, flow);
                }
                return Ok(());
            }
        }
        self.tcp_in_full(index, arrived, flow, stream)
    }

    /// Keeps in mind what a packet says of its connection.
    fn opens_or_closes(&mut self, index: &mut Index, flow: u32, side: usize, arrived: &Arrived<'_>) {
        let Transport::Tcp { sequence, syn, ack, fin, rst } = arrived.transport else { return };
        let Some(known) = index.flows.get_mut(flow as usize) else { return };
        if syn && let Some(seen) = known.syn_seen.get_mut(side) {
            if !std::mem::replace(seen, true) {
                self.sessions.doubt(flow);
            }
            if let Some(state) = self.states.get_mut(flow as usize * 2 + side) {
                state.begin(sequence);
            }
        }
        if syn && !ack && known.life.opened == 0 {
            known.swapped = side == 1;
            self.sessions.doubt(flow);
        }
        known.life.take(arrived.number, side, [syn, ack, fin, rst]);
    }

    /// Takes a segment of a stream in which nothing waits, and of which it is known already that it is one message, if that
    /// holds where it stands.
    #[inline]
    fn one_message(&mut self, index: &mut Index, stream: usize, arrived: &Arrived<'_>) -> bool {
        let Some(known) = index.streams.get(stream) else { return false };
        if known.protocol.is_none() && !self.choose_at_first_sight(index, stream, arrived.payload) {
            return false;
        }
        let Some((label, protocol)) = self.label_alone(index, stream, arrived.outline) else { return false };
        let Some(state) = self.states.get_mut(stream) else { return false };
        let (offset, length) = (state.next, arrived.payload.len() as u64);
        state.advance(length, arrived.number);
        let sent = state.last_packet;
        let Some(known) = index.streams.get_mut(stream) else { return false };
        known.messages += 1;
        known.bytes += length;
        self.disputed(index, stream, offset, arrived);
        let Index { flows, protocols, entries, .. } = index;
        let (Some(flow), Some(spoken)) = (flows.get(stream / 2), protocols.get(protocol)) else {
            return true;
        };
        let number = u32::try_from(stream).unwrap_or(u32::MAX);
        let entry = Entry { offset, length, stream: number, label, packet: arrived.number, is_payload: true };
        let row = entries.push(entry);
        let now = arrived.number;
        if self.in_order.is_some() {
            self.completed.push(now);
        }
        self.last_completed = now;
        let row = Completed {
            row,
            direction: flow.direction_of(stream % 2),
            tile_type: TileType::Message,
            time_ns: arrived.time_ns,
            bytes: Captured::whole(arrived.payload),
            sent,
            completed: now,
        };
        self.sessions.row(number / 2, flow, (protocol, &**spoken), &row, entries);
        true
    }

    /// Chooses a stream's protocol by its first segment, if that is enough to be certain.
    fn choose_at_first_sight(&mut self, index: &mut Index, stream: usize, payload: &[u8]) -> bool {
        let Some(protocol) = first_look(payload, &index.protocols) else { return false };
        let (Some(known), Some(state)) = (index.streams.get_mut(stream), self.states.get_mut(stream)) else {
            return false;
        };
        known.protocol = u16::try_from(protocol).ok();
        known.confidence = Some(Confidence::Certain);
        state.is_certain = true;
        known.protocol.is_some()
    }

    /// The label of a payload that is one message by itself, if its stream speaks that protocol.
    #[inline]
    fn label_alone(&mut self, index: &Index, stream: usize, outline: u16) -> Option<(u32, usize)> {
        let outlined = self.outlines.get_mut(usize::from(outline).checked_sub(1)?)?;
        let Alone { protocol, kind, codes } = outlined.alone;
        if index.streams.get(stream)?.protocol() != Some(protocol) {
            return None;
        }
        if outlined.label.is_none() {
            outlined.label = index.labels.known(protocol, kind, codes);
        }
        Some((outlined.label?, protocol))
    }

    /// Both sides are done: what was held back will not become clearer.
    fn close_if_over(&mut self, index: &mut Index, flow: u32) {
        let ended = |stream: &usize| self.states.get(*stream).is_some_and(|state| state.has_ended);
        if streams_of(index, flow).iter().all(ended) {
            self.choose_for_flow(index, flow);
            self.sessions.end(flow, &mut index.entries);
        }
    }

    /// Takes a segment that is not simply the next message.
    fn tcp_in_full(
        &mut self,
        index: &mut Index,
        arrived: &Arrived<'_>,
        flow: u32,
        stream: usize,
    ) -> io::Result<()> {
        let &Arrived { number, payload, pieces, outline, .. } = arrived;
        let Transport::Tcp { sequence, syn, fin, .. } = arrived.transport else { return Ok(()) };
        let captured = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let Some(more) = self.more(index, stream) else { return Ok(()) };
        if let [piece] = pieces
            && arrived.missing == 0
            && !syn
            && !fin
            && let Some(offset) = more.reassembler.next_in_order(sequence, captured)
        {
            let file_offset = piece.origin.file_offset;
            if outline != 0 && self.message_alone(index, stream, offset, arrived) {
                return Ok(());
            }
            if let Some(more) = self.more(index, stream) {
                more.plain = 0;
            }
            let segment = SegmentRange { offset, file_offset, length: captured, packet: number };
            self.add_segment(index, stream, segment);
            self.data(index, stream, payload, number);
            return Ok(());
        }
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // What the capture cut is missing behind the last piece.
        let missing = arrived.missing as usize;
        let none =
            Piece { offset: 0, length: 0, origin: Origin { packet: number, file_offset: arrived.at_hand.0 } };
        let pieces = if pieces.is_empty() { &[none][..] } else { pieces };
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut begins = false;
        if let Some(more) = self.more(index, stream) {
            begins = !more.reassembler.started();
            more.plain = 0;
            for (i, piece) in pieces.iter().enumerate() {
                let (first, last) = (i == 0, i + 1 == pieces.len());
                // A SYN takes the first sequence number.
                let before = length(piece.offset).wrapping_add(u32::from(syn && !first));
                let segment = Segment {
                    sequence: sequence.wrapping_add(before),
                    syn: syn && first,
                    fin: fin && last,
                    length: length(piece.length),
                    wire_length: length(if last { piece.length + missing } else { piece.length }),
                    origin: piece.origin,
                };
                more.reassembler.segment(segment, &mut outputs);
            }
            if !more.reassembler.started() {
                begins = false;
                self.in_order.get_or_insert(index.entries.len());
            }
        }
        let other = if begins { self.begin_other(stream) } else { Vec::new() };
        let done = match other.is_empty() {
            true => self.take(index, stream, &mut outputs, Some(arrived.at_hand)),
            false => {
                let outputs = outputs.drain(..).map(|output| (stream, output));
                self.take_both(index, outputs, other, Some(arrived.at_hand))
            }
        };
        outputs.clear();
        self.outputs = outputs;
        self.close_if_over(index, flow);
        done
    }

    /// One direction of a connection that was open before has begun: the other waits no longer either, so that what was said and
    /// what was answered come in their order.
    fn begin_other(&mut self, stream: usize) -> Vec<(usize, Output)> {
        let mut outputs = Vec::new();
        let other = stream ^ 1;
        if let Some(more) = self.states.get_mut(other).and_then(|state| state.more.as_deref_mut()) {
            more.reassembler.start_now(&mut outputs);
        }
        outputs.into_iter().map(|output| (other, output)).collect()
    }

    /// Brings what reassembly gave of both directions to their streams, in the order of the packets.
    fn take_both(
        &mut self,
        index: &mut Index,
        one: impl Iterator<Item = (usize, Output)>,
        other: Vec<(usize, Output)>,
        at_hand: Option<(u64, &[u8])>,
    ) -> io::Result<()> {
        let packet = |output: &Output| match output {
            Output::Data { origin, .. } => origin.packet,
            // It goes with what comes before it.
            _ => 0,
        };
        let (mut one, mut other) = (one.peekable(), other.into_iter().peekable());
        loop {
            let is_first = match (one.peek(), other.peek()) {
                (Some((_, one)), Some((_, other))) => packet(one) <= packet(other),
                (one, _) => one.is_some(),
            };
            let next = if is_first { one.next() } else { other.next() };
            let Some((stream, output)) = next else { return Ok(()) };
            self.take_one(index, stream, output, at_hand)?;
        }
    }

    /// What a stream needs that is not just one message a packet, in order.
    fn more(&mut self, index: &Index, stream: usize) -> Option<&mut More> {
        let known = index.streams.get(stream)?;
        let (is_chosen, listed) = (known.protocol.is_some(), known.segments().len());
        Some(self.states.get_mut(stream)?.more(self.reassembly_limit, is_chosen, listed))
    }

    /// What was held back of a flow will not become clearer.
    fn choose_for_flow(&mut self, index: &mut Index, flow: u32) {
        for stream in streams_of(index, flow) {
            let more = self.states.get(stream).and_then(|state| state.more.as_deref());
            if more.is_some_and(|more| more.held.is_some()) {
                self.choose_best(index, stream);
            }
        }
    }

    /// Brings what reassembly gave to the stream. `at_hand` are bytes of the file that need not be read, and where they begin.
    fn take(
        &mut self,
        index: &mut Index,
        stream: usize,
        outputs: &mut Vec<Output>,
        at_hand: Option<(u64, &[u8])>,
    ) -> io::Result<()> {
        for output in outputs.drain(..) {
            self.take_one(index, stream, output, at_hand)?;
        }
        Ok(())
    }

    fn take_one(
        &mut self,
        index: &mut Index,
        stream: usize,
        output: Output,
        at_hand: Option<(u64, &[u8])>,
    ) -> io::Result<()> {
        match output {
            Output::Data { offset, length, origin, now } => {
                let segment = SegmentRange {
                    offset,
                    file_offset: origin.file_offset,
                    length: u32::try_from(length).unwrap_or(u32::MAX),
                    packet: origin.packet,
                };
                self.add_segment(index, stream, segment);
                let at_hand = at_hand.and_then(|(begin, bytes)| {
                    let from = usize::try_from(origin.file_offset.checked_sub(begin)?).ok()?;
                    bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
                });
                match at_hand {
                    Some(bytes) => self.data(index, stream, bytes, now),
                    None => {
                        let bytes = self.read(origin, length)?;
                        self.data(index, stream, &bytes, now);
                    }
                }
            }
            Output::Gap { length, now, .. } => self.event(index, stream, Happened::Gap(length), now),
            Output::End { now } => {
                if let Some(state) = self.states.get_mut(stream) {
                    state.has_ended = true;
                }
                self.event(index, stream, Happened::End, now);
            }
            Output::Early { length } => {
                if let Some(stream) = index.streams.get_mut(stream) {
                    stream.rest().late_bytes += length;
                }
            }
            Output::Twice { offset, length, first, second } => {
                self.compare(index, stream, offset, length, first, second)?;
            }
            Output::Again { offset, length, origin } => self.again(index, stream, offset, length, origin)?,
        }
        Ok(())
    }

    fn read(&mut self, origin: Origin, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.read(origin.file_offset, usize::try_from(length).unwrap_or(0), &mut bytes)?;
        Ok(bytes)
    }

    fn add_segment(&mut self, index: &mut Index, stream: usize, segment: SegmentRange) {
        // What lays it out goes on behind the segments before it.
        self.more(index, stream);
        if let Some(known) = index.streams.get_mut(stream) {
            known.bytes += u64::from(segment.length);
            known.rest().segments.push(segment);
            if !self.disputes.is_empty() {
                self.mark_disputes(index, stream, &segment);
            }
        }
    }

    /// Tells a payload that is a row by itself which of its bytes are disputed.
    #[inline]
    fn disputed(&mut self, index: &mut Index, stream: usize, offset: u64, arrived: &Arrived<'_>) {
        if !self.disputes.is_empty()
            && let [piece] = arrived.pieces
        {
            let length = u32::try_from(arrived.payload.len()).unwrap_or(u32::MAX);
            let (file_offset, packet) = (piece.origin.file_offset, arrived.number);
            self.mark_disputes(index, stream, &SegmentRange { offset, file_offset, length, packet });
        }
    }

    fn mark_disputes(&mut self, index: &mut Index, stream: usize, segment: &SegmentRange) {
        let Some(known) = index.streams.get_mut(stream) else { return };
        let rest = known.rest();
        for mark in self.disputes.marks(segment) {
            match rest.marks.last_mut().filter(|last| last.goes_on_with(&mark)) {
                Some(last) => last.length += mark.length,
                None => {
                    rest.marks.push(mark);
                    rest.conflicts += 1;
                }
            }
        }
    }

    /// Bytes of a place that was given out already: the same ones, others, or late ones.
    fn again(
        &mut self,
        index: &mut Index,
        stream: usize,
        offset: u64,
        length: u64,
        origin: Origin,
    ) -> io::Result<()> {
        let end = offset + length;
        let number = u32::try_from(stream).unwrap_or(u32::MAX);
        let there: Vec<SegmentRange> = index.stream_bytes(number, offset..end).collect();
        let mut at = offset;
        let nothing = SegmentRange { offset: end, file_offset: 0, length: 0, packet: 0 };
        for segment in there.into_iter().chain([nothing]) {
            if segment.offset > at {
                let late =
                    Mark { offset: at, length: segment.offset - at, code: Code::Late, packet: origin.packet };
                if let Some(known) = index.streams.get_mut(stream) {
                    known.rest().late_bytes += late.length;
                }
                self.mark(index, stream, late);
            }
            if segment.length > 0 {
                let first = Origin { packet: segment.packet, file_offset: segment.file_offset };
                let second = Origin { file_offset: origin.file_offset + (segment.offset - offset), ..origin };
                self.compare(index, stream, segment.offset, segment.length.into(), first, second)?;
            }
            at = segment.end();
        }
        Ok(())
    }

    fn compare(
        &mut self,
        index: &mut Index,
        stream: usize,
        offset: u64,
        length: u64,
        first: Origin,
        second: Origin,
    ) -> io::Result<()> {
        let [mut kept, mut other] = std::mem::take(&mut self.compared);
        for (bytes, origin) in [(&mut kept, first), (&mut other, second)] {
            bytes.clear();
            self.reader.read(origin.file_offset, usize::try_from(length).unwrap_or(0), bytes)?;
        }
        let differs = |(a, b): (&u8, &u8)| a != b;
        let first_other = if kept == other { None } else { kept.iter().zip(&other).position(differs) };
        let mark = match first_other {
            None => Mark { offset, length, code: Code::Retransmitted, packet: second.packet },
            Some(from) => {
                let same_at_end =
                    kept.iter().rev().zip(other.iter().rev()).take_while(|pair| !differs(*pair)).count();
                if let Some(known) = index.streams.get_mut(stream) {
                    known.rest().conflicts += 1;
                }
                Mark {
                    offset: offset + from as u64,
                    length: (kept.len() - same_at_end - from) as u64,
                    code: Code::ConflictingRetransmission,
                    packet: second.packet,
                }
            }
        };
        self.compared = [kept, other];
        self.mark(index, stream, mark);
        Ok(())
    }

    /// Tells the rows of a stretch what was seen of it, now if they are there, else when they are.
    fn mark(&mut self, index: &mut Index, stream: usize, mark: Mark) {
        if !mark_rows_now(index, stream, &mark, &mut self.marked)
            && let Some(known) = index.streams.get_mut(stream)
        {
            known.rest().marks.push(mark);
        }
    }

    fn udp(&mut self, index: &mut Index, arrived: &Arrived<'_>, stream: usize) {
        let &Arrived { number: now, payload, missing, pieces, outline, .. } = arrived;
        let Some(state) = self.states.get_mut(stream) else { return };
        if state.more.is_none() && missing == 0 && outline != 0 && self.one_message(index, stream, arrived) {
            return;
        }
        // A datagram's place is behind all that came before it.
        let start = index.streams.get(stream).map_or(0, |stream| stream.bytes + stream.gap_bytes());
        if !payload.is_empty() {
            for piece in pieces {
                let length = u32::try_from(piece.length).unwrap_or(u32::MAX);
                let (offset, origin) = (start + piece.offset as u64, piece.origin);
                let (file_offset, packet) = (origin.file_offset, origin.packet);
                self.add_segment(index, stream, SegmentRange { offset, file_offset, length, packet });
            }
            self.data(index, stream, payload, now);
        }
        if missing > 0 {
            self.event(index, stream, Happened::Gap(missing.into()), now);
        }
        self.event(index, stream, Happened::End, now);
    }

    /// Takes the next bytes of a stream.
    fn data(&mut self, index: &mut Index, stream: usize, bytes: &[u8], now: u32) {
        let Some(more) = self.more(index, stream) else { return };
        let Some(held) = &mut more.held else {
            self.lay_out(index, stream, Happened::Data(bytes.len()), bytes, now);
            return;
        };
        // Nearly every stream shows with its first bytes what it is.
        if held.is_empty()
            && let Some(protocol) = first_look(bytes, &index.protocols)
        {
            self.choose(index, stream, Some((protocol, Confidence::Certain)));
            self.lay_out(index, stream, Happened::Data(bytes.len()), bytes, now);
            return;
        }
        held.data(bytes, now);
        let look = held.wants_look().then(|| (held.best(&index.protocols), held.is_full()));
        self.in_order.get_or_insert(index.entries.len());
        match look {
            Some((Some((protocol, Confidence::Certain)), _)) => {
                self.choose(index, stream, Some((protocol, Confidence::Certain)));
            }
            Some((_, true)) => self.choose_best(index, stream),
            _ => {}
        }
    }

    fn event(&mut self, index: &mut Index, stream: usize, happened: Happened, now: u32) {
        if let (Happened::Gap(length), Some(stream)) = (happened, index.streams.get_mut(stream)) {
            let rest = stream.rest();
            rest.gaps += 1;
            rest.gap_bytes += length;
        }
        let Some(more) = self.more(index, stream) else { return };
        match &mut more.held {
            Some(held) => {
                held.event(happened, now);
                self.in_order.get_or_insert(index.entries.len());
            }
            None => self.lay_out(index, stream, happened, &[], now),
        }
    }

    /// Chooses with what there is. A direction that is not certain follows the other one if that is.
    fn choose_best(&mut self, index: &mut Index, stream: usize) {
        let best =
            |stream: usize| self.states.get(stream)?.more.as_deref()?.held.as_ref()?.best(&index.protocols);
        let own = best(stream);
        let other = stream ^ 1;
        let other_is_certain = self.states.get(other).is_some_and(|state| state.is_certain);
        let others = match index.streams.get(other).and_then(Stream::protocol) {
            Some(protocol) if other_is_certain => Some(protocol),
            _ => best(other)
                .filter(|(_, confidence)| *confidence == Confidence::Certain)
                .map(|(protocol, _)| protocol),
        };
        match (own, others) {
            (Some((_, Confidence::Certain)), _) => self.choose(index, stream, own),
            (_, Some(protocol)) => self.choose(index, stream, Some((protocol, Confidence::Likely))),
            (own, None) => self.choose(index, stream, own),
        }
    }

    fn choose(&mut self, index: &mut Index, stream: usize, choice: Option<(usize, Confidence)>) {
        let Some(state) = self.states.get_mut(stream) else { return };
        let (protocol, confidence) = choice.unzip();
        state.is_certain = confidence == Some(Confidence::Certain);
        let Some(held) = state.more.as_deref_mut().and_then(|more| more.held.take()) else { return };
        if let Some(stream) = index.streams.get_mut(stream) {
            stream.protocol = protocol.and_then(|protocol| u16::try_from(protocol).ok());
            stream.confidence = confidence;
        }
        let (events, bytes) = held.into_events();
        let mut rest = &bytes[..];
        for (happened, now) in events {
            let length = if let Happened::Data(length) = happened { length } else { 0 };
            let (bytes, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = behind;
            self.lay_out(index, stream, happened, bytes, now);
        }
    }

    /// Lays bytes out in rows.
    fn lay_out(&mut self, index: &mut Index, stream: usize, happened: Happened, bytes: &[u8], now: u32) {
        let Some((framer, mut rows)) = self.rows(index, stream, now) else { return };
        let protocol = rows.protocol.1;
        // Without its SYN a stream need not begin with a message.
        if framer.end_offset() == 0 && rows.flow.begins_inside(stream % 2) {
            framer.begins_inside(protocol);
        }
        let mut sink = |tile: Tile, bytes: Captured<'_, '_>| rows.tile(tile, bytes);
        match happened {
            Happened::Data(_) => framer.segment(protocol, bytes, &mut sink),
            Happened::Gap(length) => framer.gap(protocol, length, &mut sink),
            Happened::End => framer.end(protocol, &mut sink),
        }
    }

    /// Takes a segment of which it is known already that it is one message, if that holds where it stands.
    fn message_alone(
        &mut self,
        index: &mut Index,
        stream: usize,
        offset: u64,
        arrived: &Arrived<'_>,
    ) -> bool {
        let Some((label, protocol)) = self.label_alone(index, stream, arrived.outline) else { return false };
        let is_held = |more: &More| more.held.is_some();
        let more = self.states.get_mut(stream).and_then(|state| state.more.as_deref_mut());
        let Some(more) = more.filter(|more| !is_held(more)) else { return false };
        let Some(tile) = more.framer.message(arrived.payload.len()) else { return false };
        more.laid_out.1 = more.laid_out.1.max(arrived.number);
        if let Some(known) = index.streams.get_mut(stream) {
            known.messages += 1;
            known.bytes += tile.length;
        }
        self.disputed(index, stream, offset, arrived);
        if let Some((_, mut rows)) = self.rows(index, stream, arrived.number) {
            rows.row(tile, label, Some(arrived.number), true, Captured::whole(arrived.payload));
        }
        if index.protocols.get(protocol).is_some_and(|protocol| protocol.can_resync())
            && let Some(state) = self.states.get_mut(stream)
        {
            state.calm_down();
        }
        true
    }

    /// What lays a stream out, and what takes its rows.
    #[inline]
    fn rows<'r>(
        &'r mut self,
        index: &'r mut Index,
        stream: usize,
        now: u32,
    ) -> Option<(&'r mut Framer, RowSink<'r>)> {
        let More { framer, laid_out, .. } = self.states.get_mut(stream)?.more.as_deref_mut()?;
        let Index { streams, flows, protocols, entries, labels, kept, .. } = index;
        let known = streams.get_mut(stream)?;
        let chosen = known.protocol().and_then(|protocol| protocols.get(protocol));
        let protocol: &dyn Protocol = chosen.map_or(&Unclaimed, |protocol| &**protocol);
        let rows = RowSink {
            stream: u32::try_from(stream).unwrap_or(u32::MAX),
            protocol: (known.protocol().unwrap_or(usize::MAX), protocol),
            now,
            known,
            flow: flows.get(stream / 2)?,
            entries,
            labels,
            kept,
            laid_out,
            completed: self.in_order.is_some().then_some(&mut self.completed),
            last_completed: &mut self.last_completed,
            sessions: &mut self.sessions,
            framing: &mut self.framing,
        };
        Some((framer, rows))
    }

    /// The connection has ended, or the capture has.
    fn finish_flow(&mut self, index: &mut Index, flow: u32, now: u32) -> io::Result<()> {
        let is_tcp = index.flows.get(flow as usize).is_some_and(|flow| flow.transport == TransportType::Tcp);
        let mut outputs = std::mem::take(&mut self.outputs);
        for stream in streams_of(index, flow) {
            // A stream in which nothing waits has nothing to give up.
            let Some(more) = self.states.get_mut(stream).and_then(|state| state.more.as_deref_mut()) else {
                continue;
            };
            if is_tcp {
                more.reassembler.finish(now, &mut outputs);
                self.take(index, stream, &mut outputs, None)?;
            } else {
                self.event(index, stream, Happened::End, now);
            }
        }
        self.outputs = outputs;
        self.choose_for_flow(index, flow);
        self.sessions.end(flow, &mut index.entries);
        Ok(())
    }

    /// Reads no further: gives up what waits, puts the rows in order and says what the sequence of messages shows.
    pub fn finish(&mut self, index: &mut Index) {
        loop {
            self.prepare(index);
            if !self.finish_step(index) {
                return;
            }
        }
    }

    /// Does what the next [`finish_step`](Indexer::finish_step) need not do: that one is short, this may be long.
    pub fn prepare(&mut self, index: &Index) {
        match &self.ending {
            Ending::Order(None) => self.ending = Ending::Order(self.order(index)),
            Ending::Sessions(None) => {
                let concluded = std::mem::take(&mut self.sessions).conclude(index);
                self.ending = Ending::Sessions(Some(concluded));
            }
            _ => {}
        }
    }

    /// Does some of [`finish`](Indexer::finish), after [`prepare`](Indexer::prepare). False when all is done.
    pub fn finish_step(&mut self, index: &mut Index) -> bool {
        const FLOWS_A_STEP: u32 = 4096;
        match std::mem::replace(&mut self.ending, Ending::Done) {
            Ending::Flows(first) => {
                if first == 0 {
                    self.end_of_file(index);
                }
                let flows = u32::try_from(index.flows.len()).unwrap_or(u32::MAX);
                let end = flows.min(first.saturating_add(FLOWS_A_STEP));
                let now = index.packets().saturating_add(1);
                for flow in first..end {
                    if let Err(error) = self.finish_flow(index, flow, now) {
                        self.broken_off(index, &error);
                    }
                }
                self.ending = if end < flows { Ending::Flows(end) } else { Ending::Order(None) };
                true
            }
            Ending::Order(order) => {
                if let Some(order) = order {
                    self.put_in_order(index, order);
                }
                mark_rows(index);
                index.annotations.append(std::mem::take(&mut self.marked));
                index.annotations.append(std::mem::take(&mut self.framing));
                self.ending = Ending::Sessions(None);
                true
            }
            Ending::Sessions(concluded) => {
                if let Some(Err(error)) = concluded.map(|concluded| concluded.tell(index)) {
                    self.broken_off(index, &error);
                }
                tell(index);
                index.finished = true;
                false
            }
            Ending::Done => false,
        }
    }

    fn end_of_file(&mut self, index: &mut Index) {
        self.input = Input::Done;
        // Where unpacking ended, a record ends in its middle, most likely; that is the reason.
        if let Some(cut) = index.source.cut() {
            let (offset, what) = (index.source.length(), cut.to_owned());
            let (file, packets_read) = (index.source.name().to_owned(), index.packets());
            index.damages.retain(|damage| damage.resumed.is_some());
            index.damages.push(Damage { file, offset, packet: None, what, packets_read, resumed: None });
        }
        self.fragments.finish();
        if let Some((count, Origin { packet, file_offset })) = self.fragments.given_up.take() {
            let unread = Unread { count, first_packet: packet, first_offset: file_offset };
            index.unread.insert("IP fragment of a packet that never became whole".into(), unread);
        }
    }

    /// Where the rows belong of streams whose beginnings were held back; None where all stand in the order in which they
    /// became complete.
    fn order(&mut self, index: &Index) -> Option<Order> {
        let completed = std::mem::take(&mut self.completed);
        if completed.is_sorted() {
            return None;
        }
        let first = u32::try_from(self.in_order.unwrap_or(0)).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..u32::try_from(completed.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by_key(|&row| completed.get(row as usize).copied());
        let mut numbers: Vec<u32> = (0..u32::try_from(index.entries.len()).unwrap_or(u32::MAX)).collect();
        for (new, &old) in (first..).zip(&order) {
            if let Some(number) = numbers.get_mut((first + old) as usize) {
                *number = new;
            }
        }
        let old = (0..first).chain(order.iter().map(|row| first + row));
        let new = |row: u32| numbers.get(row as usize).copied().unwrap_or(row);
        Some(Order { entries: index.entries.reordered(old, new), numbers })
    }

    fn put_in_order(&mut self, index: &mut Index, order: Order) {
        let Order { entries, numbers } = order;
        index.entries = entries;
        let new = |row: u32| numbers.get(row as usize).copied().unwrap_or(row);
        self.sessions.renumber(&numbers);
        self.framing.renumber(new);
        self.marked.renumber(new);
    }
}

/// Takes the rows of one stream.
struct RowSink<'r> {
    stream: u32,
    protocol: (usize, &'r dyn Protocol),
    /// The packet with which they become complete.
    now: u32,
    known: &'r mut Stream,
    flow: &'r Flow,
    entries: &'r mut Rows,
    labels: &'r mut Labels,
    kept: &'r Packets,
    laid_out: &'r mut (usize, u32),
    completed: Option<&'r mut Vec<u32>>,
    last_completed: &'r mut u32,
    sessions: &'r mut Sessions,
    framing: &'r mut Annotations,
}

impl RowSink<'_> {
    fn tile(&mut self, tile: Tile, bytes: Captured<'_, '_>) {
        let (number, protocol) = self.protocol;
        let mut outline = Outline::default();
        match tile.tile_type {
            TileType::Message => {
                self.known.messages += 1;
                match bytes.is_whole() {
                    true => protocol.outline(bytes.bytes(), tile.checked, &mut outline),
                    false => bytes.dissect(protocol, &mut outline),
                }
            }
            TileType::Partial => bytes.dissect(protocol, &mut outline),
            TileType::Skipped(code) => outline.codes.insert(code),
            TileType::Gap => {}
        }
        if let Some(guess) = bytes.guess() {
            let row = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            self.framing.add(row, Code::Guessed, &guess.sentence());
        }
        let label = self.labels.outlined(number, tile.tile_type, &outline);
        let last = last_packet(self.known.segments(), self.laid_out, tile.offset + tile.length);
        let is_payload = self.is_last_payload(&tile);
        self.row(tile, label, last, is_payload, bytes);
        if is_payload {
            // The row says where its bytes are.
            let segments = &mut self.known.rest().segments;
            segments.pop();
            self.laid_out.0 = segments.len();
        }
    }

    /// Whether a tile is just what came last: the whole payload of a packet.
    fn is_last_payload(&self, tile: &Tile) -> bool {
        let Some(segment) = self.known.segments().last() else { return false };
        tile.tile_type != TileType::Gap
            && (segment.offset, u64::from(segment.length)) == (tile.offset, tile.length)
            && self.kept.payload(segment.packet) == Some(segment.file_offset)
    }

    /// `last` is the last packet that brought bytes of it.
    #[inline]
    fn row(&mut self, tile: Tile, label: u32, last: Option<u32>, is_payload: bool, bytes: Captured<'_, '_>) {
        let Tile { offset, length, tile_type, .. } = tile;
        let (stream, packet) = (self.stream, last.unwrap_or(0));
        let row = self.entries.push(Entry { offset, length, stream, label, packet, is_payload });
        match &mut self.completed {
            Some(completed) => completed.push(self.now),
            None => debug_assert!(self.now >= *self.last_completed, "a stream was held back unnoticed"),
        }
        *self.last_completed = self.now;
        if self.known.protocol.is_none() {
            return;
        }
        let time_ns = last.and_then(|packet| self.kept.time_ns(packet));
        let direction = self.flow.direction_of((self.stream % 2) as usize);
        let (sent, completed) = (self.laid_out.1, self.now);
        let row = Completed { row, direction, tile_type, time_ns, bytes, sent, completed };
        self.sessions.row(self.stream / 2, self.flow, self.protocol, &row, self.entries);
    }
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("streams", &self.states.len()).finish_non_exhaustive()
    }
}

/// The streams of a flow, forward first.
fn streams_of(index: &Index, flow: u32) -> [usize; 2] {
    let swapped = index.flows.get(flow as usize).is_some_and(|flow| flow.swapped);
    let forward = flow as usize * 2 + usize::from(swapped);
    [forward, forward ^ 1]
}

/// Where a packet's payload begins that tells a conversation something.
fn told_payload(record: &Record<'_>, decoded: &Result<Decoded, Reason>) -> Option<u64> {
    match decoded {
        Ok(told) if !told.is_told_of() => None,
        Ok(Decoded::Packet(packet)) => Some(record.offset + u64::from(packet.payload_start)),
        // Not in one piece: no segment is all of it.
        Ok(Decoded::Fragment(_)) => Some(record.offset),
        Err(_) => None,
    }
}

/// The place of a packet's byte.
fn origin_in(record: &Record<'_>, at: usize) -> Origin {
    Origin { packet: record.number, file_offset: record.offset + at as u64 }
}

fn count_odd(index: &mut Index, odd: Option<Odd>, record: &Record<'_>) {
    if let Some(odd) = odd {
        let first = Unread { count: 0, first_packet: record.number, first_offset: record.offset };
        index.odd.entry(odd.as_str()).or_insert(first).count += 1;
    }
}

fn count_unread(index: &mut Index, reason: Reason, record: &Record<'_>) {
    let first = Unread { count: 0, first_packet: record.number, first_offset: record.offset };
    index.unread.entry(reason).or_insert(first).count += 1;
}
