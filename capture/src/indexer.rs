//! Runs the stages: records, packets, flows, reassembly, choice of protocol, messages; and fills the index.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use framescope_parser::missive::{Key, Missive};
use framescope_parser::{
    Captured, Code, Confidence, Framer, Protocol, Tile, TileType, Unclaimed, bare::Bare, text::Text,
};

use crate::annotations::{Annotations, mark_rows, tell};
use crate::detection::{Happened, Held};
use crate::disputes::Disputes;
use crate::endpoint::Endpoint;
use crate::fragments::{Added, Complete, Dispute, Fragment, Fragments, Piece, add_dispute, part};
use crate::index::{
    Entry, Flow, Index, Life, Mark, SegmentRange, Stream, TransportType, Unread, last_packet,
};
use crate::outline::{Labels, Outline};
use crate::packet::{Decoded, Odd, Packet, Reason, Transport, decode_payload};
use crate::packet_times::PacketTimes;
use crate::reading::{Alone, Batch, Reading, Taken};
use crate::reassembly::{DEFAULT_LIMIT, Origin, Output, Reassembler, Segment};
use crate::records::{Opened, Record, Records};
use crate::sessions::{Completed, Concluded, Sessions};
use crate::sparse::Sparse;
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
    /// By the lower endpoint, the higher one, and whether it is TCP.
    flows: HashMap<(Endpoint, Endpoint, bool), u32, RandomState>,
    /// The flow of the last packet: the next one often is of the same.
    last_flow: Option<((Endpoint, Endpoint, bool), u32)>,
    lives: Vec<Ends>,
    /// Beside the streams of the index.
    states: Sparse<StreamState>,
    rules: Vec<(DecodeAs, usize)>,
    sessions: Sessions,
    /// How messages were found where the format does not tell.
    framing: Annotations,
    /// The packet with which each row became complete, once a stream is held back: before, they are in their order.
    completed: Vec<u32>,
    /// That of the last row.
    last_completed: u32,
    /// How many rows stand before these.
    in_order: Option<usize>,
    reader: BlockReader,
    outputs: Vec<Output>,
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
    entries: Vec<Entry>,
    /// The new number of each row, at the place of the old one.
    numbers: Vec<u32>,
}

enum Input {
    Packets(Box<Reading>, Batch),
    /// The bytes of one stream, and how many were read.
    Bytes(u64),
    Done,
}

/// What is needed of a connection's beginning and end to read it on.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// The sequence number of each side's SYN.
    syns: [Option<u32>; 2],
    ended: [bool; 2],
}

#[derive(Debug)]
struct StreamState {
    reassembler: Reassembler,
    framer: Framer,
    /// The beginning, until the protocol is chosen.
    held: Option<Held>,
    certain: bool,
    /// The first segment that the rows so far do not use up, and the last packet up to there.
    laid_out: (usize, u32),
}

/// A segment or datagram that was captured.
struct Arrived<'a> {
    record: &'a Record<'a>,
    packet: &'a Packet,
    payload: &'a [u8],
    /// Where in the file the payload stands.
    pieces: &'a [Piece],
    alone: Option<Alone>,
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
            streams: Sparse::default(),
            entries: Vec::new(),
            labels: Labels::default(),
            times: PacketTimes::default(),
            annotations: Annotations::default(),
            replies: Vec::new(),
            answers: Vec::new(),
            parts: Vec::new(),
            unread: BTreeMap::new(),
            odd: BTreeMap::new(),
            notices,
            comments: BTreeMap::new(),
            interfaces: Vec::new(),
            hosts: BTreeMap::new(),
            damages: Vec::new(),
            packets: 0,
            position: 0,
            finished: false,
        };
        let mut indexer = Indexer {
            input: Input::Done,
            flows: HashMap::default(),
            last_flow: None,
            lives: Vec::new(),
            states: Sparse::default(),
            rules,
            sessions: Sessions::default(),
            framing: Annotations::default(),
            completed: Vec::new(),
            last_completed: 0,
            in_order: None,
            reader: BlockReader::new(source.clone(), 64 << 10),
            outputs: Vec::new(),
            fragments: Fragments::default(),
            disputes: Disputes::default(),
            reassembly_limit: options.reassembly_limit,
            ending: Ending::Flows(0),
        };
        match Records::open(&source, as_bytes) {
            Ok(Opened::Named(sentence)) => return Err(sentence),
            Ok(Opened::Capture(records)) => {
                index.notices.extend(records.notice());
                let reading = Reading::new(records, source.length(), &index.protocols);
                indexer.input = Input::Packets(Box::new(reading), Batch::default());
            }
            Ok(Opened::Bytes) => {
                index.notices.push(format!(
                    "{} begins with no capture's magic: its {} bytes are taken as those of one stream",
                    source.name(),
                    source.length()
                ));
                indexer.add_flow(&mut index, TransportType::File, None);
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
                Some(next) => *batch = next,
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
                Some(Taken::Packet(record, decoded, alone)) => {
                    index.packets = record.number;
                    let keep = decoded.as_ref().is_ok_and(Decoded::is_told_of);
                    index.times.push(record.time_ns, keep);
                    debug_assert_eq!(index.times.packets(), index.packets, "each packet has a number");
                    if let Err(error) = self.packet(index, &record, decoded, alone) {
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
            packets_read: index.packets,
            resumed: None,
        });
    }

    fn add_flow(
        &mut self,
        index: &mut Index,
        transport: TransportType,
        endpoints: Option<[Endpoint; 2]>,
    ) -> u32 {
        let number = u32::try_from(index.flows.len()).unwrap_or(u32::MAX);
        let rule = self.rules.iter().rev().find(|(rule, _)| rule.fits(number, transport, endpoints));
        let protocol = rule.map(|&(_, protocol)| protocol);
        index.flows.push(Flow {
            transport,
            endpoints,
            swapped: false,
            syn_seen: [false; 2],
            packets: 0,
            interface: None,
            life: Life::default(),
        });
        self.lives.push(Ends::default());
        self.sessions.add_flow();
        for _ in 0..2 {
            let stream = index.streams.len();
            index.streams.add();
            self.states.add();
            if let Some(protocol) = protocol {
                let known = index.streams.get_or_default(stream);
                known.into_iter().for_each(|known| known.protocol = Some(protocol));
                if let Some(state) = self.state(stream) {
                    (state.held, state.certain) = (None, true);
                }
            }
        }
        number
    }

    fn packet(
        &mut self,
        index: &mut Index,
        record: &Record<'_>,
        decoded: &Result<Decoded, Reason>,
        alone: Option<Alone>,
    ) -> io::Result<()> {
        if let Ok(decoded) = decoded {
            count_odd(index, decoded.odd(), record);
        }
        match decoded {
            Ok(Decoded::Packet(packet)) => {
                let origin = origin_in(record, packet.payload_start as usize);
                let all = Piece { offset: 0, length: packet.payload_length as usize, origin };
                let payload = packet.payload(record.bytes);
                self.segment(index, &Arrived { record, packet, payload, pieces: &[all], alone })
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
                let pieces = &part(&pieces, start, start + payload.len());
                self.segment(index, &Arrived { record, packet: &packet, payload, pieces, alone: None })
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
    fn segment(&mut self, index: &mut Index, arrived: &Arrived<'_>) -> io::Result<()> {
        let &Arrived { record, packet, .. } = arrived;
        let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
        let (low, high) =
            if packet.src <= packet.dst { (packet.src, packet.dst) } else { (packet.dst, packet.src) };
        let key = (low, high, is_tcp);
        let transport = if is_tcp { TransportType::Tcp } else { TransportType::Udp };
        let endpoints = Some([packet.src, packet.dst]);
        let before = match self.last_flow {
            Some((last, flow)) if last == key => Some(flow),
            _ => self.flows.get(&key).copied(),
        };
        let mut flow = before.unwrap_or_else(|| self.add_flow(index, transport, endpoints));
        if let Transport::Tcp { sequence, syn: true, ack, .. } = packet.transport
            && self.begins_anew(index, flow, packet, sequence, ack)
        {
            self.finish_flow(index, flow, record.number)?;
            flow = self.add_flow(index, transport, endpoints);
        }
        if before != Some(flow) {
            self.flows.insert(key, flow);
        }
        self.last_flow = Some((key, flow));
        let Some(known) = index.flows.get_mut(flow as usize) else { return Ok(()) };
        known.packets = known.packets.saturating_add(1);
        if known.packets == 1 {
            known.interface = record.interface;
        }
        let side = known.side_of(packet.src);
        if packet.missing > 0
            && let Some(stream) = index.streams.get_or_default(flow as usize * 2 + side)
        {
            stream.cut_packets += 1;
        }
        match packet.transport {
            Transport::Tcp { .. } => self.tcp(index, arrived, flow, side),
            Transport::Udp => {
                self.udp(index, arrived, flow as usize * 2 + side);
                Ok(())
            }
        }
    }

    /// What is needed to read a stream on, made when it carries something for the first time.
    fn state(&mut self, stream: usize) -> Option<&mut StreamState> {
        let (limit, life) = (self.reassembly_limit, self.lives.get(stream / 2));
        let syn = life.and_then(|life| life.syns.get(stream % 2).copied().flatten());
        self.states.get_or(stream, || {
            let mut reassembler = Reassembler::with_limit(limit);
            reassembler.start(syn);
            let framer = Framer::default();
            StreamState { reassembler, framer, held: Some(Held::default()), certain: false, laid_out: (0, 0) }
        })
    }

    /// Whether a SYN opens another connection than the one its ports have.
    fn begins_anew(&self, index: &Index, flow: u32, packet: &Packet, sequence: u32, ack: bool) -> bool {
        let Some(known) = index.flows.get(flow as usize) else { return false };
        let side = known.side_of(packet.src);
        let life = self.lives.get(flow as usize).copied().unwrap_or_default();
        let over = known.life.reset > 0 || life.ended == [true; 2];
        let contradicts = match self.states.get(flow as usize * 2 + side) {
            Some(state) => state.reassembler.contradicts(sequence),
            None => life.syns.get(side).copied().flatten().is_some_and(|syn| syn != sequence),
        };
        contradicts || (over && !ack)
    }

    fn tcp(&mut self, index: &mut Index, arrived: &Arrived<'_>, flow: u32, side: usize) -> io::Result<()> {
        let &Arrived { record, packet, payload, pieces, alone } = arrived;
        let Transport::Tcp { sequence, syn, ack, fin, rst } = packet.transport else { return Ok(()) };
        let stream = flow as usize * 2 + side;
        if let (Some(life), Some(known)) =
            (self.lives.get_mut(flow as usize), index.flows.get_mut(flow as usize))
        {
            if syn && let Some(seen) = known.syn_seen.get_mut(side) {
                if !std::mem::replace(seen, true) {
                    self.sessions.doubt(flow);
                }
                life.syns.get_mut(side).into_iter().for_each(|known| *known = Some(sequence));
            }
            if syn && !ack && known.life.opened == 0 {
                known.swapped = side == 1;
                self.sessions.doubt(flow);
            }
            known.life.take(record.number, side, [syn, ack, fin, rst]);
        }
        if rst {
            if packet.payload_length > 0 {
                count_unread(index, "TCP reset with a text, which is no part of the stream".into(), record);
            }
            return self.finish_flow(index, flow, record.number);
        }
        if let [piece] = pieces
            && packet.missing == 0
            && !syn
            && !fin
            && let Some(state) = self.states.get_mut(stream)
            && let Some(offset) = state.reassembler.next_in_order(sequence, packet.payload_length)
        {
            let (file_offset, length) = (piece.origin.file_offset, packet.payload_length);
            let segment = SegmentRange { offset, file_offset, length, packet: record.number };
            self.add_segment(index, stream, segment);
            if !alone.is_some_and(|alone| self.message_alone(index, stream, payload, record.number, alone)) {
                self.data(index, stream, payload, record.number);
            }
            return Ok(());
        }
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // What the capture cut is missing behind the last piece.
        let missing = packet.missing as usize;
        let none = Piece { offset: 0, length: 0, origin: origin_in(record, 0) };
        let pieces = if pieces.is_empty() { &[none][..] } else { pieces };
        // What carries nothing leaves nothing behind but a SYN's number: half-open connections may be very many.
        if pieces.iter().all(|piece| piece.length == 0)
            && missing == 0
            && !fin
            && self.states.get(stream).is_none()
        {
            return Ok(());
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        if let Some(state) = self.state(stream) {
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
                state.reassembler.segment(segment, &mut outputs);
            }
            if !state.reassembler.started() {
                self.in_order.get_or_insert(index.entries.len());
            }
        }
        let done = self.take(index, stream, &mut outputs, Some(record));
        self.outputs = outputs;
        if self.lives.get(flow as usize).is_some_and(|life| life.ended == [true; 2]) {
            self.choose_for_flow(index, flow);
            self.sessions.end(flow);
        }
        done
    }

    /// What was held back of a flow will not become clearer.
    fn choose_for_flow(&mut self, index: &mut Index, flow: u32) {
        for stream in streams_of(index, flow) {
            if self.states.get(stream).is_some_and(|state| state.held.is_some()) {
                self.choose_best(index, stream);
            }
        }
    }

    /// Brings what reassembly gave to the stream.
    fn take(
        &mut self,
        index: &mut Index,
        stream: usize,
        outputs: &mut Vec<Output>,
        record: Option<&Record<'_>>,
    ) -> io::Result<()> {
        for output in outputs.drain(..) {
            match output {
                Output::Data { offset, length, origin, now } => {
                    let segment = SegmentRange {
                        offset,
                        file_offset: origin.file_offset,
                        length: u32::try_from(length).unwrap_or(u32::MAX),
                        packet: origin.packet,
                    };
                    self.add_segment(index, stream, segment);
                    let at_hand = record.and_then(|record| {
                        let from = usize::try_from(origin.file_offset.checked_sub(record.offset)?).ok()?;
                        record.bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
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
                    if let Some(ended) =
                        self.lives.get_mut(stream / 2).and_then(|life| life.ended.get_mut(stream % 2))
                    {
                        *ended = true;
                    }
                    self.event(index, stream, Happened::End, now);
                }
                Output::Early { length } => {
                    if let Some(stream) = index.streams.get_or_default(stream) {
                        stream.late_bytes += length;
                    }
                }
                Output::Twice { offset, length, first, second } => {
                    self.compare(index, stream, offset, length, first, second)?;
                }
                Output::Again { offset, length, origin } => {
                    self.again(index, stream, offset, length, origin)?
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, origin: Origin, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.read(origin.file_offset, usize::try_from(length).unwrap_or(0), &mut bytes)?;
        Ok(bytes)
    }

    fn add_segment(&mut self, index: &mut Index, stream: usize, segment: SegmentRange) {
        if let Some(stream) = index.streams.get_or_default(stream) {
            stream.bytes += u64::from(segment.length);
            stream.segments.push(segment);
            if !self.disputes.is_empty() {
                for mark in self.disputes.marks(&segment) {
                    match stream.marks.last_mut().filter(|last| last.goes_on_with(&mark)) {
                        Some(last) => last.length += mark.length,
                        None => {
                            stream.marks.push(mark);
                            stream.conflicts += 1;
                        }
                    }
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
        let mut at = offset;
        while at < end {
            let Some(known) = index.streams.get_or_default(stream) else { return Ok(()) };
            let next = known.segments.partition_point(|segment| segment.end() <= at);
            let segment = known.segments.get(next).copied();
            let covered_from = segment.map_or(end, |segment| segment.offset.max(at)).min(end);
            if covered_from > at {
                let late =
                    Mark { offset: at, length: covered_from - at, code: Code::Late, packet: origin.packet };
                known.late_bytes += late.length;
                known.marks.push(late);
            }
            let Some(segment) = segment.filter(|segment| segment.offset < end) else { break };
            let until = segment.end().min(end);
            let first = Origin {
                packet: segment.packet,
                file_offset: segment.file_offset + (covered_from - segment.offset),
            };
            let second = Origin { file_offset: origin.file_offset + (covered_from - offset), ..origin };
            self.compare(index, stream, covered_from, until - covered_from, first, second)?;
            at = until;
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
        let (kept, other) = (self.read(first, length)?, self.read(second, length)?);
        let Some(stream) = index.streams.get_or_default(stream) else { return Ok(()) };
        let differs = |(a, b): (&u8, &u8)| a != b;
        let mark = match kept.iter().zip(&other).position(differs) {
            None => Mark { offset, length, code: Code::Retransmitted, packet: second.packet },
            Some(from) => {
                let same_at_end =
                    kept.iter().rev().zip(other.iter().rev()).take_while(|pair| !differs(*pair)).count();
                stream.conflicts += 1;
                Mark {
                    offset: offset + from as u64,
                    length: (kept.len() - same_at_end - from) as u64,
                    code: Code::ConflictingRetransmission,
                    packet: second.packet,
                }
            }
        };
        stream.marks.push(mark);
        Ok(())
    }

    fn udp(&mut self, index: &mut Index, arrived: &Arrived<'_>, stream: usize) {
        let &Arrived { record, packet, payload, pieces, .. } = arrived;
        let now = record.number;
        // A datagram's place is behind all that came before it.
        let start = index.streams.get(stream).map_or(0, |stream| stream.bytes + stream.gap_bytes);
        if packet.payload_length > 0 {
            for piece in pieces {
                let length = u32::try_from(piece.length).unwrap_or(u32::MAX);
                let (offset, origin) = (start + piece.offset as u64, piece.origin);
                let (file_offset, packet) = (origin.file_offset, origin.packet);
                self.add_segment(index, stream, SegmentRange { offset, file_offset, length, packet });
            }
            self.data(index, stream, payload, now);
        }
        if packet.missing > 0 {
            self.event(index, stream, Happened::Gap(packet.missing.into()), now);
        }
        self.event(index, stream, Happened::End, now);
    }

    /// Takes the next bytes of a stream.
    fn data(&mut self, index: &mut Index, stream: usize, bytes: &[u8], now: u32) {
        let Some(state) = self.state(stream) else { return };
        let Some(held) = &mut state.held else {
            self.lay_out(index, stream, Happened::Data(bytes.len()), bytes, now);
            return;
        };
        // Nearly every stream shows with its first bytes what it is.
        if let Some((protocol, Confidence::Certain)) = held.first_look(bytes, &index.protocols) {
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
        if let (Happened::Gap(length), Some(stream)) = (happened, index.streams.get_or_default(stream)) {
            stream.gaps += 1;
            stream.gap_bytes += length;
        }
        let Some(state) = self.state(stream) else { return };
        match &mut state.held {
            Some(held) => {
                held.event(happened, now);
                self.in_order.get_or_insert(index.entries.len());
            }
            None => self.lay_out(index, stream, happened, &[], now),
        }
    }

    /// Chooses with what there is. A direction that is not certain follows the other one if that is.
    fn choose_best(&mut self, index: &mut Index, stream: usize) {
        let best = |states: &Sparse<StreamState>, stream: usize| {
            states.get(stream)?.held.as_ref()?.best(&index.protocols)
        };
        let own = best(&self.states, stream);
        let other = stream ^ 1;
        let other_is_certain = self.states.get(other).is_some_and(|state| state.certain);
        let others = match index.streams.get(other).and_then(|stream| stream.protocol) {
            Some(protocol) if other_is_certain => Some(protocol),
            _ => best(&self.states, other)
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
        state.certain = confidence == Some(Confidence::Certain);
        let Some(held) = state.held.take() else { return };
        if let Some(stream) = index.streams.get_or_default(stream) {
            (stream.protocol, stream.confidence) = (protocol, confidence);
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
        bytes: &[u8],
        now: u32,
        alone: Alone,
    ) -> bool {
        let Alone { protocol, kind, codes } = alone;
        let Some(label) = index.labels.known(protocol, kind, codes) else { return false };
        let Some((framer, mut rows)) = self.rows(index, stream, now) else { return false };
        if rows.is_held || rows.protocol.0 != protocol {
            return false;
        }
        let Some(tile) = framer.message(bytes.len()) else { return false };
        rows.known.messages += 1;
        // All of it, and nothing else, came in the segment that was added last.
        *rows.laid_out = (rows.known.segments.len(), rows.laid_out.1.max(now));
        rows.row(tile, label, Some(now), Captured::whole(bytes));
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
        let StreamState { framer, held, laid_out, .. } = self.states.get_mut(stream)?;
        let Index { streams, flows, protocols, entries, labels, times, .. } = index;
        let known = streams.get_or_default(stream)?;
        let chosen = known.protocol.and_then(|protocol| protocols.get(protocol));
        let protocol: &dyn Protocol = chosen.map_or(&Unclaimed, |protocol| &**protocol);
        let rows = RowSink {
            stream: u32::try_from(stream).unwrap_or(u32::MAX),
            protocol: (known.protocol.unwrap_or(usize::MAX), protocol),
            is_held: held.is_some(),
            now,
            known,
            flow: flows.get(stream / 2)?,
            entries,
            labels,
            times,
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
            if is_tcp && let Some(state) = self.states.get_mut(stream) {
                state.reassembler.finish(now, &mut outputs);
            }
            self.take(index, stream, &mut outputs, None)?;
            if !is_tcp && self.states.get(stream).is_some() {
                self.event(index, stream, Happened::End, now);
            }
        }
        self.outputs = outputs;
        self.choose_for_flow(index, flow);
        self.sessions.end(flow);
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
                let now = index.packets.saturating_add(1);
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
            let (file, packets_read) = (index.source.name().to_owned(), index.packets);
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
        let entry = |&old: &u32| index.entries.get((first + old) as usize).copied();
        let before = index.entries.iter().take(first as usize).copied();
        Some(Order { entries: before.chain(order.iter().filter_map(entry)).collect(), numbers })
    }

    fn put_in_order(&mut self, index: &mut Index, order: Order) {
        let Order { entries, numbers } = order;
        index.entries = entries;
        self.sessions.renumber(&numbers);
        self.framing.renumber(|row| numbers.get(row as usize).copied().unwrap_or(row));
        for stream in index.streams.iter_mut() {
            for row in &mut stream.rows {
                *row = numbers.get(*row as usize).copied().unwrap_or(*row);
            }
        }
    }
}

/// Takes the rows of one stream.
struct RowSink<'r> {
    stream: u32,
    protocol: (usize, &'r dyn Protocol),
    is_held: bool,
    /// The packet with which they become complete.
    now: u32,
    known: &'r mut Stream,
    flow: &'r Flow,
    entries: &'r mut Vec<Entry>,
    labels: &'r mut Labels,
    times: &'r PacketTimes,
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
        let last = last_packet(&self.known.segments, self.laid_out, tile.offset + tile.length);
        self.row(tile, label, last, bytes);
    }

    /// `last` is the last packet that brought bytes of it.
    #[inline]
    fn row(&mut self, tile: Tile, label: u32, last: Option<u32>, bytes: Captured<'_, '_>) {
        let Tile { offset, length, tile_type, .. } = tile;
        let row = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { offset, length, stream: self.stream, label });
        match &mut self.completed {
            Some(completed) => completed.push(self.now),
            None => debug_assert!(self.now >= *self.last_completed, "a stream was held back unnoticed"),
        }
        *self.last_completed = self.now;
        self.known.rows.push(row);
        if self.known.protocol.is_none() {
            return;
        }
        let time_ns = last.and_then(|packet| self.times.of(packet));
        let direction = self.flow.direction_of((self.stream % 2) as usize);
        let (sent, completed) = (self.laid_out.1, self.now);
        let row = Completed { row, direction, tile_type, time_ns, bytes, sent, completed };
        self.sessions.row(self.stream / 2, self.flow, self.protocol, &row);
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
