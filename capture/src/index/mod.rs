//! The index stage: what is stored of a capture. That is flows, the segments their streams came in, and a compact row for each
//! stretch of a stream. Nothing decoded is stored; a row that is looked at is read from the file and decoded again.

#[doc(hidden)]
pub mod annotations;
mod carried;
pub(crate) mod conclusion;
mod conversations;
mod marks;
mod notes;
pub(crate) mod noticed;
pub(crate) mod order;
pub(crate) mod packet_table;
mod reading;
pub(crate) mod row;
pub(crate) mod row_table;
mod rows;
#[doc(hidden)]
pub mod store;
pub(crate) mod stream;
pub(crate) mod writer;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use framescope_parser::{Direction, Protocol, Reads};

use crate::ids::{FlowId, PacketId, RowId, StreamId};
use crate::index::notes::FileNotes;
use crate::index::packet_table::PacketTable;
use crate::index::row_table::RowTable;
use crate::messages::outline::Labels;
use crate::streams::flow::{Flow, Flows};
use crate::{BlockReader, Damage, Source};

pub use carried::CarriedPart;
pub use packet_table::SkippedPackets;
pub use row::Row;
pub use store::SegmentRange;
pub use stream::Stream;

/// All that is stored of a capture. Each table is filled by one stage and read by those after it.
pub struct Index {
    pub(crate) source: Source,
    pub(crate) protocols: Vec<Arc<dyn Protocol>>,
    /// By the stage that reads the file.
    pub(crate) notes: FileNotes,
    /// By the packet stage.
    pub(crate) packets: PacketTable,
    /// By the flow table.
    pub(crate) flows: Flows,
    /// The flows that each carries, by the indexer.
    pub(crate) carried: HashMap<FlowId, Vec<FlowId>, RandomState>,
    /// By the message framer.
    pub(crate) labels: Labels,
    /// By the index writer.
    pub(crate) rows: RowTable,
    finished: bool,
}

impl Index {
    /// An index of nothing.
    pub(crate) fn new(source: Source, protocols: Vec<Arc<dyn Protocol>>) -> Index {
        Index {
            source,
            protocols,
            notes: FileNotes::default(),
            packets: PacketTable::default(),
            flows: Flows::default(),
            carried: HashMap::default(),
            labels: Labels::default(),
            rows: RowTable::default(),
            finished: false,
        }
    }

    /// Where the bytes come from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The flows, in the order of their first packets.
    pub fn flows(&self) -> impl ExactSizeIterator<Item = (FlowId, &Flow)> + DoubleEndedIterator {
        let numbered = |(number, flow)| (FlowId::from(u32::try_from(number).unwrap_or(u32::MAX)), flow);
        self.flows.as_slice().iter().enumerate().map(numbered)
    }

    /// A flow of this index. None for an id of another one that has more flows; that is a fault of the caller, at which debug
    /// builds stop. [`flow_id`](Index::flow_id) checks a number.
    #[track_caller]
    pub fn flow(&self, id: FlowId) -> Option<&Flow> {
        let flow = self.flows.get(id);
        debug_assert!(flow.is_some(), "{id:?} of {} flows", self.flows.len());
        flow
    }

    /// The id of the flow with a number from outside, such as one that a person typed; None if there is no such flow.
    pub fn flow_id(&self, number: u32) -> Option<FlowId> {
        let id = FlowId::from(number);
        (id.index() < self.flows.len()).then_some(id)
    }

    /// How many packets were read.
    pub fn packets(&self) -> u32 {
        self.packets.times.len()
    }

    /// The file that a packet is in, by its number among [those of the source](Source::files) from 0 on, and the packet's number in
    /// that file, from 1 on.
    pub fn packet_in_file(&self, packet: PacketId) -> (usize, PacketId) {
        self.notes.file_of(packet)
    }

    /// How far in the file reading has come, in bytes.
    pub fn position(&self) -> u64 {
        self.notes.position
    }

    /// Whether all was read that can be.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Where the file is damaged, and what that cost. Of very many the first are listed.
    pub fn damages(&self) -> &[Damage] {
        &self.notes.damages
    }

    /// Sentences for the person about the capture as a whole.
    pub fn notices(&self) -> &[String] {
        &self.notes.notices
    }

    /// What the interface is called that a flow's first packet was captured on.
    pub fn interface(&self, flow: FlowId) -> Option<&str> {
        let interface = self.flow(flow)?.interface?;
        self.notes.interfaces.get(usize::from(interface))?.as_deref()
    }

    /// What the capture says that a host is called.
    pub fn host(&self, address: IpAddr) -> Option<&str> {
        self.notes.hosts.of(address)
    }

    /// Packets that gave no bytes to a stream: why, how many, and which was the first.
    pub fn unread_packets(&self) -> impl Iterator<Item = (&str, SkippedPackets)> {
        self.packets.skipped.iter().map(|(reason, unread)| (&**reason, *unread))
    }

    /// Packets that were read though what they are wrapped in is unusual: in what, how many, and which was the first.
    pub fn odd_packets(&self) -> impl Iterator<Item = (&str, SkippedPackets)> {
        self.packets.unusual.iter().map(|(&what, packets)| (what, *packets))
    }

    /// The protocols that it was read with, in the order in which detection prefers them.
    pub fn protocols(&self) -> &[Arc<dyn Protocol>] {
        &self.protocols
    }

    /// The protocols that some stream speaks.
    pub fn spoken_protocols(&self) -> Vec<Arc<dyn Protocol>> {
        let mut spoken = vec![false; self.protocols.len()];
        for protocol in self.rows.streams.as_slice().iter().filter_map(Stream::protocol) {
            if let Some(known) = spoken.get_mut(protocol) {
                *known = true;
            }
        }
        // What a conversation is handed over to.
        let others = self.protocols.iter().zip(spoken.clone()).filter(|(_, spoken)| *spoken);
        for stage in others.flat_map(|(protocol, _)| protocol.stages()) {
            if let Reads::Other(name) = &stage.reads
                && let Some(other) = self.protocols.iter().position(|protocol| protocol.name() == name)
                && let Some(known) = spoken.get_mut(other)
            {
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

    /// When the first packet that has a time was captured.
    pub fn first_time_ns(&self) -> Option<i64> {
        self.packets.times.first_ns()
    }

    /// When a packet was captured that carries bytes of a stream, or begins or ends a connection: nanoseconds since the Unix
    /// epoch. None for the other packets, whose times are not stored, and where the file has none.
    pub fn packet_time_ns(&self, packet: PacketId) -> Option<i64> {
        self.packets.times.time_ns(packet)
    }

    /// One direction of a flow.
    pub fn stream(&self, flow: FlowId, direction: Direction) -> Option<&Stream> {
        self.rows.streams.get(self.stream_id(flow, direction)?)
    }

    fn stream_id(&self, flow: FlowId, direction: Direction) -> Option<StreamId> {
        self.flow(flow).map(|known| flow.stream(known.side(direction)))
    }

    /// The rows of one direction, in stream order.
    pub fn stream_rows(&self, flow: FlowId, direction: Direction) -> impl Iterator<Item = RowId> + '_ {
        let stream = self.stream_id(flow, direction);
        stream.into_iter().flat_map(|stream| self.rows.entries.of_stream(stream))
    }

    /// The row of one direction that a place of the stream is in; the first one after it if there is none.
    pub fn row_at(&self, flow: FlowId, direction: Direction, place: u64) -> Option<RowId> {
        let stream = self.stream_id(flow, direction)?;
        self.rows.entries.of_stream_from(stream, place).next().map(|(row, _)| row)
    }

    /// The segments of one direction, in stream order. Of a carried one they lead to where in the file it is, or what it was unpacked
    /// from begins: its bytes are read by [`read_stream`](Index::read_stream).
    pub fn stream_segments(
        &self,
        flow: FlowId,
        direction: Direction,
    ) -> impl Iterator<Item = SegmentRange> + '_ {
        let stream = self.stream_id(flow, direction);
        stream.into_iter().flat_map(|stream| self.stream_bytes(stream, 0..u64::MAX))
    }

    /// Appends the bytes of a stretch of one direction, gaps left out.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub fn read_stream(
        &self,
        (flow, direction): (FlowId, Direction),
        range: Range<u64>,
        reader: &mut BlockReader,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let Some(stream) = self.stream_id(flow, direction) else { return Ok(()) };
        self.append_stream(stream, range, reader, bytes)
    }

    /// The protocol of one direction; None where none claims it.
    pub fn stream_protocol(&self, flow: FlowId, direction: Direction) -> Option<&dyn Protocol> {
        let protocol = self.stream(flow, direction)?.protocol()?;
        self.protocols.get(protocol).map(|protocol| &**protocol)
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("rows", &self.row_count()).finish_non_exhaustive()
    }
}
