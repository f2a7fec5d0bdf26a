//! What is kept of a capture: flows, the segments their streams came in, and a compact row for each stretch of a
//! stream. Nothing decoded is kept; a row that is looked at is read from the file and decoded again.

#[doc(hidden)]
pub mod annotations;
#[doc(hidden)]
pub mod store;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use framescope_parser::{
    Captured, Code, CodeSet, Confidence, Direction, Dissection, Missing, Problem, Protocol, Severity,
    SpanType, Unclaimed, Visit,
};

use crate::files::metadata::{Comments, HostNames, Metadata};
use crate::index::annotations::Annotations;
use crate::index::store::{Entry, Link, Packets, Rows, Segments};
use crate::messages::outline::{Label, Labels};
use crate::packets::endpoint::Endpoint;
use crate::streams::conversations::Pair;
use crate::{BlockReader, Damage, Source};

/// What carries a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportType {
    /// A TCP connection.
    Tcp,
    /// The datagrams between two UDP ports.
    Udp,
    /// A file that is no capture, taken as the bytes of one stream.
    File,
}

impl TransportType {
    /// `tcp`, `udp` or `file`.
    pub fn as_str(self) -> &'static str {
        match self {
            TransportType::Tcp => "tcp",
            TransportType::Udp => "udp",
            TransportType::File => "file",
        }
    }
}

/// A conversation of two endpoints.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What carries it.
    pub transport: TransportType,
    /// Sender and receiver of its first packet; None for a file.
    pub(crate) endpoints: Option<[Endpoint; 2]>,
    /// Whether the receiver of the first packet sent the first SYN, so that its direction is forward.
    pub(crate) swapped: bool,
    /// Whether the sender of its first packet is the higher endpoint.
    pub(crate) first_is_high: bool,
    /// Whether a side's SYN was seen, in the order of `endpoints`.
    pub(crate) syn_seen: [bool; 2],
    /// How many packets it has.
    pub packets: u32,
    /// The interface that its first packet was captured on.
    pub(crate) interface: Option<u16>,
    pub(crate) life: Life,
}

/// The packets that opened and closed a TCP connection; 0 for none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    pub(crate) opened: u32,
    answered: u32,
    /// Each side's FIN, in the order of the flow's endpoints.
    fins: [u32; 2],
    pub(crate) reset: u32,
    /// The side that reset it.
    reset_by: u8,
}

impl Life {
    /// Takes a packet of one side.
    pub(crate) fn take(&mut self, packet: u32, side: usize, [syn, ack, fin, rst]: [bool; 4]) {
        let first = |place: &mut u32| {
            if *place == 0 {
                *place = packet;
            }
        };
        match (syn, ack) {
            (true, false) => first(&mut self.opened),
            (true, true) => first(&mut self.answered),
            _ => {}
        }
        if fin && let Some(place) = self.fins.get_mut(side) {
            first(place);
        }
        if rst && self.reset == 0 {
            (self.reset, self.reset_by) = (packet, u8::from(side == 1));
        }
    }
}

/// How far a TCP connection's life was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// A side asked to open it, and was not answered.
    HalfOpen,
    /// It was open when the capture ended, as far as is known.
    Open,
    /// One side has said that it is done.
    HalfClosed,
    /// Both sides have said that they are done.
    Closed,
    /// A side has broken it off.
    Reset,
}

impl ConnectionState {
    /// `half-open`, `open`, `half-closed`, `closed` or `reset`.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionState::HalfOpen => "half-open",
            ConnectionState::Open => "open",
            ConnectionState::HalfClosed => "half-closed",
            ConnectionState::Closed => "closed",
            ConnectionState::Reset => "reset",
        }
    }
}

/// The life of a TCP connection, as far as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// How far it came.
    pub state: ConnectionState,
    /// The packet with its first SYN, counted from 1; None if the capture begins later.
    pub opened: Option<u32>,
    /// The packet that closed it: the reset, or the last FIN.
    pub ended: Option<u32>,
    /// Who reset it, or was done first.
    pub ended_by: Option<Direction>,
}

impl Flow {
    /// The endpoint that a direction comes from; None for a file.
    pub fn source(&self, direction: Direction) -> Option<SocketAddr> {
        let side = self.side(direction);
        self.endpoints.and_then(|endpoints| endpoints.get(side).map(|endpoint| endpoint.socket_address()))
    }

    /// How a TCP connection was opened and closed; None for what is no connection.
    pub fn connection(&self) -> Option<Connection> {
        if self.transport != TransportType::Tcp {
            return None;
        }
        let Life { opened, answered, fins, reset, reset_by } = self.life;
        let some = |packet: u32| Some(packet).filter(|&packet| packet > 0);
        let opened = some(opened);
        let first_done = match fins {
            [0, 0] => None,
            [first, second] => Some(usize::from(second > 0 && (first == 0 || second < first))),
        };
        let by = |side: usize| Some(self.direction_of(side));
        Some(match (some(reset), first_done) {
            (Some(reset), _) => {
                let ended_by = by(usize::from(reset_by));
                Connection { state: ConnectionState::Reset, opened, ended: Some(reset), ended_by }
            }
            (None, Some(side)) => {
                let both = !fins.contains(&0);
                let state = if both { ConnectionState::Closed } else { ConnectionState::HalfClosed };
                let ended = fins.into_iter().max().filter(|_| both);
                Connection { state, opened, ended, ended_by: by(side) }
            }
            (None, None) => {
                let only_asked = opened.is_some() && answered == 0 && self.syn_seen != [true; 2];
                let state = if only_asked { ConnectionState::HalfOpen } else { ConnectionState::Open };
                Connection { state, opened, ended: None, ended_by: None }
            }
        })
    }

    /// Whether a side's stream was not captured from its beginning.
    pub(crate) fn begins_inside(&self, side: usize) -> bool {
        self.transport == TransportType::Tcp && self.syn_seen.get(side) == Some(&false)
    }

    /// Which of `endpoints` sent a packet.
    #[inline]
    pub(crate) fn side_of(&self, from_high: bool) -> usize {
        usize::from(self.first_is_high != from_high)
    }

    /// Its endpoints without their order; None for a file.
    pub(crate) fn pair(&self) -> Option<Pair> {
        let [first, second] = self.endpoints?;
        Some(Pair::of(first, second, self.transport == TransportType::Tcp).0)
    }

    fn side(&self, direction: Direction) -> usize {
        direction.index() ^ usize::from(self.swapped)
    }

    pub(crate) fn direction_of(&self, side: usize) -> Direction {
        if side == usize::from(self.swapped) { Direction::Forward } else { Direction::Backward }
    }
}

/// Bytes of a stream that came in one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRange {
    /// Where in the stream they belong.
    pub offset: u64,
    /// Where in the file they stand.
    pub file_offset: u64,
    /// How many.
    pub length: u32,
    /// The packet, counted from 1; 0 for a file that is no capture.
    pub packet: u32,
}

impl SegmentRange {
    /// Where in the stream they end.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// What of them lies in a stretch of the stream that they reach into.
    fn cut(self, start: u64, end: u64) -> SegmentRange {
        let (offset, end) = (self.offset.max(start), self.end().min(end));
        let file_offset = self.file_offset + (offset - self.offset);
        SegmentRange {
            offset,
            file_offset,
            length: u32::try_from(end - offset).unwrap_or(self.length),
            ..self
        }
    }
}

/// One direction of a flow.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// How many messages.
    pub messages: u64,
    /// How many bytes are there, gaps left out.
    pub bytes: u64,
    /// The protocol chosen for it, as an index of [`Index::protocols`].
    pub(crate) protocol: Option<u16>,
    /// How sure that choice is; None where it was made by a rule, and where there is none.
    pub confidence: Option<Confidence>,
    pub(crate) rest: Option<Box<Rest>>,
}

/// What is kept of a stream that is not just one message a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Where those of its bytes are that are not in rows of their own, in stream order.
    pub(crate) segments: Segments,
    /// Stretches with something to tell that reassembly saw, to be told to rows that are not there yet.
    pub(crate) marks: Vec<Mark>,
    pub(crate) gaps: u64,
    pub(crate) gap_bytes: u64,
    pub(crate) conflicts: u64,
    pub(crate) cut_packets: u64,
    pub(crate) late_bytes: u64,
}

impl Stream {
    /// How many gaps.
    pub fn gaps(&self) -> u64 {
        self.rest.as_deref().map_or(0, |rest| rest.gaps)
    }

    /// How many bytes are missing in them.
    pub fn gap_bytes(&self) -> u64 {
        self.rest.as_deref().map_or(0, |rest| rest.gap_bytes)
    }

    /// How many times captured bytes came again with other contents.
    pub fn conflicts(&self) -> u64 {
        self.rest.as_deref().map_or(0, |rest| rest.conflicts)
    }

    /// How many of its packets the capture cut short.
    pub fn cut_packets(&self) -> u64 {
        self.rest.as_deref().map_or(0, |rest| rest.cut_packets)
    }

    /// How many bytes turned up after their place had been given up, or before the stream's start.
    pub fn late_bytes(&self) -> u64 {
        self.rest.as_deref().map_or(0, |rest| rest.late_bytes)
    }

    /// Whether its protocol is a guess: nothing speaks against it, but other formats may look the same.
    pub fn is_guess(&self) -> bool {
        self.confidence.is_some_and(|confidence| confidence < Confidence::Certain)
    }

    /// Its protocol's place among [`Index::protocols`].
    #[inline]
    pub(crate) fn protocol(&self) -> Option<usize> {
        self.protocol.map(usize::from)
    }

    /// The segments that are not rows of their own.
    pub(crate) fn segments(&self) -> &Segments {
        static NONE: Segments = Segments::NONE;
        self.rest.as_deref().map_or(&NONE, |rest| &rest.segments)
    }

    pub(crate) fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }
}

/// A stretch of a stream that reassembly has something to tell of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) code: Code,
    pub(crate) packet: u32,
}

impl Mark {
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// Whether another says the same of the bytes behind it.
    pub(crate) fn goes_on_with(&self, other: &Mark) -> bool {
        (self.code, self.packet) == (other.code, other.packet) && self.offset + self.length == other.offset
    }
}

/// A stretch of a stream: a message, or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where in its stream it begins.
    pub offset: u64,
    /// How many bytes long it is.
    pub length: u64,
    /// The codes of its problems.
    pub codes: CodeSet,
    pub(crate) stream: u32,
    /// Where among the labels' kinds its kind stands.
    pub(crate) kind: u32,
    /// The last packet that brought bytes of it; 0 if none did.
    pub(crate) packet: u32,
    /// Whether it is just that packet's payload.
    pub(crate) is_payload: bool,
    /// What it is.
    pub span_type: SpanType,
}

impl Row {
    /// Where in its stream it ends.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// `message`, `skipped`, `gap` or `partial`.
    pub fn type_name(&self) -> &'static str {
        match self.span_type {
            SpanType::Message => "message",
            SpanType::Partial => "partial",
            SpanType::Skipped(_) => "skipped",
            SpanType::Gap => "gap",
        }
    }

    /// The number of its flow.
    pub fn flow(&self) -> u32 {
        self.stream / 2
    }

    /// The highest severity of its problems.
    pub fn severity(&self) -> Option<Severity> {
        self.codes.worst()
    }
}

/// Packets that gave no bytes to a stream, for one reason; or that were read though something is odd about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkippedPackets {
    /// How many.
    pub count: u64,
    /// The first of them, counted from 1.
    pub first_packet: u32,
    /// Where in the file its bytes begin.
    pub first_offset: u64,
}

/// All that is kept of a capture.
pub struct Index {
    pub(crate) source: Source,
    pub(crate) protocols: Vec<Arc<dyn Protocol>>,
    pub(crate) flows: Vec<Flow>,
    /// Two for each flow: that of the first packet's sender, and that of its receiver.
    pub(crate) streams: Vec<Stream>,
    pub(crate) entries: Rows,
    pub(crate) labels: Labels,
    /// Those that carry bytes of a stream, or begin or end one.
    pub(crate) kept: Packets,
    /// Problems of rows that the sequence or reassembly shows, not the row's own bytes.
    pub(crate) annotations: Annotations,
    pub(crate) unread: BTreeMap<Cow<'static, str>, SkippedPackets>,
    pub(crate) odd: BTreeMap<&'static str, SkippedPackets>,
    pub(crate) notices: Vec<String>,
    /// What was written about a packet, by its number.
    pub(crate) comments: Comments,
    /// What the interfaces are called.
    pub(crate) interfaces: Vec<Option<String>>,
    pub(crate) hosts: HostNames,
    pub(crate) damages: Vec<Damage>,
    pub(crate) position: u64,
    pub(crate) finished: bool,
}

impl Index {
    /// Where the bytes come from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The rows. While the capture is read their order may still change; once it is [finished](Index::is_finished)
    /// they stand in the order in which they became complete.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row> + DoubleEndedIterator + '_ {
        self.rows_from(0)
    }

    /// The rows from a number on.
    pub fn rows_from(&self, first: usize) -> impl ExactSizeIterator<Item = Row> + DoubleEndedIterator + '_ {
        // A range of 32-bit numbers does not tell its length on every machine.
        (first..self.entries.len()).map(|number| {
            let entry = u32::try_from(number).ok().and_then(|number| self.entries.get(number));
            self.resolved(entry.unwrap_or_default())
        })
    }

    pub(crate) fn resolved(&self, entry: Entry) -> Row {
        let Entry { offset, length, stream, label, packet, is_payload } = entry;
        let Label { span_type, kind, codes } = self.labels.get(label);
        Row { offset, length, codes, stream, kind, packet, is_payload, span_type }
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.entries.len()
    }

    /// The flows, in the order of their first packets.
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// How many packets were read.
    pub fn packets(&self) -> u32 {
        self.kept.len()
    }

    /// How far in the file reading has come, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether all was read that can be.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Where the file is damaged, and what that cost. Of very many the first are kept.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Sentences for the person about the capture as a whole.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Keeps what the file says beside its packets.
    pub(crate) fn add_metadata(&mut self, metadata: &mut Metadata) {
        match metadata {
            Metadata::Comment(Some(packet), text) => self.comments.add(*packet, text),
            Metadata::Comment(None, text) => self.notices.push(format!("The capture's comment: {text}")),
            Metadata::Interface(name) => self.interfaces.push(name.clone()),
            Metadata::HostNames(names) => self.hosts.append(std::mem::take(names)),
        }
    }

    /// What was written about the packets that carry a row, in their order, with their numbers.
    pub fn comments(&self, row: &Row) -> Vec<(u32, &str)> {
        if self.comments.is_empty() {
            return Vec::new();
        }
        let of = |packet: u32| self.comments.of(packet).map(move |text| (packet, text));
        self.row_packets(row).into_iter().flat_map(of).collect()
    }

    /// What the interface is called that a flow's first packet was captured on.
    pub fn interface(&self, flow: u32) -> Option<&str> {
        let interface = self.flows.get(flow as usize)?.interface?;
        self.interfaces.get(usize::from(interface))?.as_deref()
    }

    /// What the capture says that a host is called.
    pub fn host(&self, address: IpAddr) -> Option<&str> {
        self.hosts.of(address)
    }

    /// Packets that gave no bytes to a stream: why, how many, and which was the first.
    pub fn unread_packets(&self) -> impl Iterator<Item = (&str, SkippedPackets)> {
        self.unread.iter().map(|(reason, unread)| (&**reason, *unread))
    }

    /// Packets that were read though something is odd about what they are wrapped in: what, how many, and which was the first.
    pub fn odd_packets(&self) -> impl Iterator<Item = (&str, SkippedPackets)> {
        self.odd.iter().map(|(&what, packets)| (what, *packets))
    }

    /// One direction of a flow.
    pub fn stream(&self, flow: u32, direction: Direction) -> Option<&Stream> {
        self.streams.get(self.stream_number(flow, direction)? as usize)
    }

    fn stream_number(&self, flow: u32, direction: Direction) -> Option<u32> {
        let side = self.flows.get(flow as usize)?.side(direction);
        Some(flow.saturating_mul(2) | u32::from(side == 1))
    }

    /// The numbers of the rows of one direction, in stream order.
    pub fn stream_rows(&self, flow: u32, direction: Direction) -> impl Iterator<Item = u32> + '_ {
        self.stream_number(flow, direction).into_iter().flat_map(|stream| self.entries.of_stream(stream))
    }

    /// The row of one direction that holds a place of the stream; the first one behind it if none does.
    pub fn row_at(&self, flow: u32, direction: Direction, place: u64) -> Option<u32> {
        let stream = self.stream_number(flow, direction)?;
        self.entries.of_stream_from(stream, place).next().map(|(number, _)| number)
    }

    /// The segments of one direction, in stream order.
    pub fn stream_segments(
        &self,
        flow: u32,
        direction: Direction,
    ) -> impl Iterator<Item = SegmentRange> + '_ {
        let stream = self.stream_number(flow, direction);
        stream.into_iter().flat_map(|stream| self.stream_bytes(stream, 0..u64::MAX))
    }

    /// The protocol of one direction; None where none claims it.
    pub fn stream_protocol(&self, flow: u32, direction: Direction) -> Option<&dyn Protocol> {
        let protocol = self.stream(flow, direction)?.protocol()?;
        self.protocols.get(protocol).map(|protocol| &**protocol)
    }

    /// A row by its number.
    pub fn row(&self, number: u32) -> Option<Row> {
        self.entries.get(number).map(|entry| self.resolved(entry))
    }

    /// How many bytes long a row is.
    #[inline]
    pub(crate) fn length_of(&self, number: u32) -> Option<u64> {
        self.entries.length(number)
    }

    /// The same as [`time_ns`](Index::time_ns) of that row.
    #[inline]
    pub(crate) fn time_of(&self, number: u32) -> Option<i64> {
        match self.entries.packet(number)? {
            // A gap has the time of what is behind it.
            0 => self.time_ns(&self.row(number)?),
            packet => self.packet_time_ns(packet),
        }
    }

    /// The row that a row answers.
    #[inline]
    pub(crate) fn answers(&self, number: u32) -> Option<u32> {
        self.link(number, Link::Answers)
    }

    /// How long after what it answers a row came.
    #[inline]
    pub(crate) fn latency_of(&self, number: u32) -> Option<i64> {
        let request = self.time_of(self.answers(number)?)?;
        Some(self.time_of(number)?.saturating_sub(request))
    }

    /// The number that all rows of a row's type, kind and problems have in common.
    pub(crate) fn label_of(&self, number: u32) -> Option<u32> {
        self.entries.label(number)
    }

    /// The number of a row's stream.
    pub(crate) fn stream_of(&self, number: u32) -> Option<u32> {
        self.entries.stream(number)
    }

    /// Where in the file all of a row's bytes stand one after another, if they came in one packet.
    #[inline]
    pub(crate) fn place_of(&self, row: &Row) -> Option<u64> {
        match row.is_payload {
            true => self.kept.payload(row.packet),
            false => {
                let segment = self.segments(row).next()?;
                (u64::from(segment.length) == row.length).then_some(segment.file_offset)
            }
        }
    }

    /// Which way a row's bytes went.
    pub fn direction(&self, row: &Row) -> Direction {
        let side = (row.stream % 2) as usize;
        self.flows.get(row.flow() as usize).map_or(Direction::Forward, |flow| flow.direction_of(side))
    }

    /// The endpoints that a row's bytes went from and to; None for a file.
    pub fn endpoints(&self, row: &Row) -> Option<(SocketAddr, SocketAddr)> {
        let flow = self.flows.get(row.flow() as usize)?;
        let direction = self.direction(row);
        Some((flow.source(direction)?, flow.source(direction.reverse())?))
    }

    /// The protocol of a row; None where no protocol claims its stream.
    pub fn protocol(&self, row: &Row) -> Option<&dyn Protocol> {
        self.protocols.get(self.protocol_number(row)?).map(|protocol| &**protocol)
    }

    /// Where among [`protocols`](Index::protocols) a row's stands: several may have one name.
    pub(crate) fn protocol_number(&self, row: &Row) -> Option<usize> {
        self.streams.get(row.stream as usize)?.protocol()
    }

    /// What kind of message a row is, such as `DATA` or `0x2a`.
    pub fn kind(&self, row: &Row) -> Option<&str> {
        self.labels.kinds().get(row.kind as usize).map(String::as_str)
    }

    /// The names of the kinds of messages that there are so far, in their order, each once.
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.labels.kinds().iter().map(String::as_str).collect();
        kinds.sort_unstable();
        // Different protocols may share some.
        kinds.dedup();
        kinds
    }

    /// The protocols that it was read with, in the order in which detection prefers them.
    pub fn protocols(&self) -> &[Arc<dyn Protocol>] {
        &self.protocols
    }

    /// The protocols that some stream speaks.
    pub fn spoken_protocols(&self) -> Vec<Arc<dyn Protocol>> {
        let mut spoken = vec![false; self.protocols.len()];
        for protocol in self.streams.iter().filter_map(Stream::protocol) {
            if let Some(known) = spoken.get_mut(protocol) {
                *known = true;
            }
        }
        self.protocols
            .iter()
            .zip(spoken)
            .filter(|(_, spoken)| *spoken)
            .map(|(protocol, _)| protocol.clone())
            .collect()
    }

    /// The segments that a row's bytes came in, cut to the row.
    pub fn segments(&self, row: &Row) -> impl Iterator<Item = SegmentRange> + '_ {
        // A row that is a packet's payload needs no list.
        let range = match row.span_type {
            SpanType::Gap => 0..0,
            _ if row.is_payload => 0..0,
            _ => row.offset..row.offset + row.length,
        };
        self.payload_of(row).into_iter().chain(self.listed(row.stream, range))
    }

    /// The segment that a row is, if it is a packet's payload.
    #[inline]
    pub(crate) fn payload_of(&self, row: &Row) -> Option<SegmentRange> {
        let &Row { offset, length, packet, is_payload, .. } = row;
        if !is_payload {
            return None;
        }
        let file_offset = self.kept.payload(packet)?;
        Some(SegmentRange { offset, file_offset, length: u32::try_from(length).ok()?, packet })
    }

    /// The segments of a stretch of a stream that are not rows of their own, cut to it.
    fn listed(&self, stream: u32, range: Range<u64>) -> impl Iterator<Item = SegmentRange> + '_ {
        static NONE: Segments = Segments::NONE;
        let segments = self.streams.get(stream as usize).map_or(&NONE, Stream::segments);
        let first = if range.is_empty() { segments.len() } else { segments.first_behind(range.start) };
        let segments = segments.from(first).take_while(move |segment| segment.offset < range.end);
        segments.map(move |segment| segment.cut(range.start, range.end))
    }

    /// All segments of a stretch of a stream, cut to it.
    pub(crate) fn stream_bytes(
        &self,
        stream: u32,
        range: Range<u64>,
    ) -> impl Iterator<Item = SegmentRange> + '_ {
        let end = range.end;
        let rows = self.entries.of_stream_from(stream, range.start).map(|(_, entry)| self.resolved(entry));
        let payloads = rows.take_while(move |row| row.offset < end).filter_map(|row| self.payload_of(&row));
        let start = range.start;
        let mut payloads = payloads.map(move |segment| segment.cut(start, end)).peekable();
        let mut listed = self.listed(stream, range).peekable();
        std::iter::from_fn(move || match (payloads.peek(), listed.peek()) {
            (Some(payload), Some(other)) if payload.offset < other.offset => payloads.next(),
            (Some(_), None) => payloads.next(),
            _ => listed.next(),
        })
    }

    /// What a row lacks of its bytes, as ranges in it: stretches of a message that were not captured.
    pub fn missing(&self, row: &Row) -> Vec<Range<u64>> {
        if !row.codes.contains(Code::Incomplete) {
            return Vec::new();
        }
        let (mut missing, mut at) = (Vec::new(), row.offset);
        let end = row.offset + row.length;
        let segments = self.segments(row).map(|segment| (segment.offset, segment.end()));
        for (start, behind) in segments.chain([(end, end)]) {
            if at < start {
                missing.push(at - row.offset..start - row.offset);
            }
            at = behind;
        }
        missing
    }

    /// How many bytes of an incomplete message were not captured; None of a row that lacks none.
    pub fn missing_bytes(&self, row: &Row) -> Option<u64> {
        let missing = self.missing(row);
        (!missing.is_empty()).then(|| missing.iter().map(|range| range.end - range.start).sum())
    }

    /// What the first `count` bytes that are there of a row lack: gaps between them, or behind them too if they are all. With
    /// the bytes of [`row_bytes`](Index::row_bytes) it makes a [`Captured`].
    pub fn missing_before(&self, row: &Row, count: usize) -> Vec<Missing> {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let ranges = self.missing(row).into_iter().map(|range| place(range.start)..place(range.end));
        let mut missing = Missing::list(ranges);
        let lacks = missing.last().map_or(0, |last| last.end - last.captured_before());
        if count as u64 + lacks as u64 != row.length {
            missing.retain(|gap| gap.captured_before() < count);
        }
        missing
    }

    /// The packets that carry a row's bytes, in rising order.
    pub fn row_packets(&self, row: &Row) -> Vec<u32> {
        let mut packets: Vec<u32> =
            self.segments(row).map(|segment| segment.packet).filter(|&packet| packet > 0).collect();
        packets.sort_unstable();
        packets.dedup();
        packets
    }

    /// When a packet was captured that carries bytes of a stream, or begins or ends a connection: nanoseconds since the Unix
    /// epoch. None for the other packets, whose times are not kept, and where the file has none.
    pub fn packet_time_ns(&self, packet: u32) -> Option<i64> {
        self.kept.time_ns(packet)
    }

    /// When the first packet that has a time was captured.
    pub fn first_time_ns(&self) -> Option<i64> {
        self.kept.first_ns()
    }

    /// When the last packet of a row was captured; for a gap, that of the byte behind it.
    pub fn time_ns(&self, row: &Row) -> Option<i64> {
        let packet = match row.span_type {
            SpanType::Gap => {
                let behind = row.offset + row.length;
                self.stream_bytes(row.stream, behind..behind + 1).next()?.packet
            }
            _ => row.packet,
        };
        self.packet_time_ns(packet)
    }

    /// The row that a row answers, and how long it took.
    pub fn reply_to(&self, number: u32) -> Option<(u32, Option<i64>)> {
        Some((self.answers(number)?, self.latency_of(number)))
    }

    /// The row that began the content that a row goes on with.
    pub fn part_of(&self, number: u32) -> Option<u32> {
        self.link(number, Link::GoesOnWith)
    }

    /// The row that a row answers, or else the one that answers it.
    pub fn counterpart(&self, number: u32) -> Option<u32> {
        self.answers(number).or_else(|| self.answered_by(number))
    }

    /// The row that answers a row.
    pub fn answered_by(&self, number: u32) -> Option<u32> {
        self.link(number, Link::AnsweredBy)
    }

    /// What a row goes with is said once all is read: before, a message that waits for a gap may change it.
    #[inline]
    fn link(&self, number: u32, link: Link) -> Option<u32> {
        self.entries.linked(number, link).filter(|_| self.finished)
    }

    /// A reader for [`row_bytes`](Index::row_bytes) that suits reading rows in their order.
    pub fn reader(&self) -> BlockReader {
        BlockReader::new(self.source.clone(), 1 << 20)
    }

    /// The bytes of a row, and no more than the first `limit` of them. A gap has none.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub fn row_bytes(&self, row: &Row, limit: usize, reader: &mut BlockReader) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append_row_bytes(row, limit, reader, &mut bytes)?;
        Ok(bytes)
    }

    /// The same, behind what is in `bytes`.
    pub(crate) fn append_row_bytes(
        &self,
        row: &Row,
        limit: usize,
        reader: &mut BlockReader,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut left = limit;
        for segment in self.segments(row) {
            let length = (segment.length as usize).min(left);
            reader.read(segment.file_offset, length, bytes)?;
            left -= length;
        }
        Ok(())
    }

    /// Gives all bytes of a row, however long it is, in pieces of no more than a mebibyte, until `each` has enough.
    pub(crate) fn for_each_piece(
        &self,
        row: &Row,
        reader: &mut BlockReader,
        each: &mut dyn FnMut(&[u8]) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<ControlFlow<()>> {
        const PIECE: usize = 1 << 20;
        let mut bytes = Vec::new();
        for segment in self.segments(row) {
            let mut at = 0;
            while at < segment.length as usize {
                let length = (segment.length as usize - at).min(PIECE);
                bytes.clear();
                reader.read(segment.file_offset + at as u64, length, &mut bytes)?;
                if each(&bytes)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                at += length;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Tells the fields and problems that a row's own bytes show. `bytes` are those of
    /// [`row_bytes`](Index::row_bytes), or the first of them.
    pub fn visit<'a>(&'a self, row: &Row, bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
        let length = usize::try_from(row.length).unwrap_or(usize::MAX);
        let protocol = self.protocol(row).unwrap_or(&Unclaimed);
        match row.span_type {
            SpanType::Message | SpanType::Partial => {
                let missing = self.missing_before(row, bytes.len());
                Captured::with_missing(bytes, &missing).dissect(protocol, visit);
            }
            SpanType::Skipped(code) => protocol.dissect_skipped(code, bytes, length, visit),
            SpanType::Gap => {}
        }
    }

    /// Tells what stands in the place of a summary on a row that is no message.
    pub(crate) fn summary_of_no_message(&self, row: &Row, tell: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let length = row.length;
        let s = if length == 1 { "" } else { "s" };
        match row.span_type {
            SpanType::Message => {}
            SpanType::Gap => tell(format_args!("{length} byte{s} not captured")),
            SpanType::Partial => tell(format_args!("{length} byte{s} of a message that is cut off")),
            SpanType::Skipped(_) => tell(format_args!("{length} byte{s} skipped")),
        }
    }

    /// Takes a row apart. `bytes` are those of [`row_bytes`](Index::row_bytes).
    pub fn dissect<'a>(&'a self, number: u32, bytes: &'a [u8]) -> Dissection<'a> {
        let Some(row) = self.row(number) else { return Dissection::default() };
        let mut dissection = Dissection::default();
        self.tell(number, &row, bytes, &mut dissection);
        dissection
    }

    /// Tells all of a row: what its own bytes show, what stands for a summary if it is no message, and the problems that the
    /// sequence or reassembly shows.
    pub(crate) fn tell<'a>(&'a self, number: u32, row: &Row, bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.visit(row, bytes, visit);
        self.summary_of_no_message(row, &mut |text| visit.summary(text));
        for Problem { code, range, text } in self.annotations.of(number, row.length) {
            visit.problem(code, range, format_args!("{text}"));
        }
    }
}

/// The last packet that brought bytes between the last row's end and `end`; None where none are there.
///
/// `laid_out` is the first segment that the rows before do not use up, and the last packet up to there; it is brought
/// up to `end`.
pub(crate) fn last_packet(segments: &Segments, laid_out: &mut (usize, u32), end: u64) -> Option<u32> {
    let mut last = None;
    while let Some(segment) = segments.get(laid_out.0).filter(|segment| segment.offset < end) {
        last = last.max(Some(segment.packet));
        if segment.end() > end {
            break;
        }
        laid_out.0 += 1;
    }
    laid_out.1 = laid_out.1.max(last.unwrap_or(0));
    last
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("rows", &self.entries.len()).finish_non_exhaustive()
    }
}
