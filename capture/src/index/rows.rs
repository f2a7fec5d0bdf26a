//! Rows by their numbers: what each is, when it came, which way it went, and which others it goes with.

use std::net::SocketAddr;
use std::ops::Range;

use framescope_parser::{Direction, Protocol, SpanType, Stage};

use crate::ids::{PacketId, RowId};
use crate::index::store::{Entry, Link, SegmentRange};
use crate::index::{Index, Row};
use crate::messages::outline::Label;

impl Index {
    /// The rows. While the capture is read their order may still change; once it is [finished](Index::is_finished)
    /// they are in the order in which they became complete.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (RowId, Row)> + DoubleEndedIterator + '_ {
        self.rows_from(RowId::from(0))
    }

    /// The rows from one on.
    pub fn rows_from(
        &self,
        first: RowId,
    ) -> impl ExactSizeIterator<Item = (RowId, Row)> + DoubleEndedIterator + '_ {
        // A range of 32-bit numbers has no exact length on every machine.
        (first.index()..self.rows.entries.len()).map(|number| {
            let id = RowId::from(u32::try_from(number).unwrap_or(u32::MAX));
            (id, self.resolved(self.rows.entries.get(id).unwrap_or_default()))
        })
    }

    /// The ids of the rows, in rising order.
    pub fn row_ids(&self) -> impl DoubleEndedIterator<Item = RowId> + use<> {
        self.row_ids_in(0..self.row_count())
    }

    /// The ids of the rows in a range of numbers, as far as there are such rows.
    pub fn row_ids_in(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = RowId> + use<> {
        let narrow = |number: usize| u32::try_from(number.min(self.row_count())).unwrap_or(u32::MAX);
        (narrow(range.start)..narrow(range.end)).map(RowId::from)
    }

    /// The id of the row with a number from outside, such as one that a person typed; None if there is no such row.
    pub fn row_id(&self, number: u32) -> Option<RowId> {
        let id = RowId::from(number);
        (id.index() < self.row_count()).then_some(id)
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.rows.entries.len()
    }

    /// A row of this index. None for an id of another one that has more rows; that is a fault of the caller, at which debug
    /// builds stop. [`row_id`](Index::row_id) checks a number.
    #[track_caller]
    pub fn row(&self, id: RowId) -> Option<Row> {
        let entry = self.rows.entries.get(id);
        debug_assert!(entry.is_some(), "{id:?} of {} rows", self.row_count());
        Some(self.resolved(entry?))
    }

    pub(crate) fn resolved(&self, entry: Entry) -> Row {
        let Entry { offset, length, stream, label, packet, is_payload } = entry;
        let Label { span_type, stage, kind, codes } = self.labels.get(label);
        Row { offset, length, codes, stream, stage, kind, packet, is_payload, span_type }
    }

    /// How many bytes long a row is.
    #[inline]
    pub(crate) fn length_of(&self, number: RowId) -> Option<u64> {
        self.rows.entries.length(number)
    }

    /// The same as [`time_ns`](Index::time_ns) of that row.
    #[inline]
    pub(crate) fn time_of(&self, number: RowId) -> Option<i64> {
        match self.rows.entries.packet(number)? {
            // A gap has the time of what is after it.
            PacketId::NONE => self.time_ns(&self.row(number)?),
            packet => self.packet_time_ns(packet),
        }
    }

    /// The row that a row answers.
    #[inline]
    pub(crate) fn answers(&self, number: RowId) -> Option<RowId> {
        self.link(number, Link::Answers)
    }

    /// How long after what it answers a row came.
    #[inline]
    pub(crate) fn latency_of(&self, number: RowId) -> Option<i64> {
        let request = self.time_of(self.answers(number)?)?;
        Some(self.time_of(number)?.saturating_sub(request))
    }

    /// The row that a row answers, and how long it took.
    pub fn reply_to(&self, number: RowId) -> Option<(RowId, Option<i64>)> {
        Some((self.answers(number)?, self.latency_of(number)))
    }

    /// The row that began the content that a row continues.
    pub fn part_of(&self, number: RowId) -> Option<RowId> {
        self.link(number, Link::GoesOnWith)
    }

    /// The row that a row answers, or else the one that answers it.
    pub fn counterpart(&self, number: RowId) -> Option<RowId> {
        self.answers(number).or_else(|| self.answered_by(number))
    }

    /// The row that answers a row.
    pub fn answered_by(&self, number: RowId) -> Option<RowId> {
        self.link(number, Link::AnsweredBy)
    }

    /// Links are shown once all is read: before, a message that waits for a gap may change them. Of a capture that grows they are shown
    /// as they are known.
    #[inline]
    fn link(&self, number: RowId, link: Link) -> Option<RowId> {
        self.rows.entries.linked(number, link).filter(|_| self.finished || self.source.is_live())
    }

    /// The number that all rows of a row's type, kind and problems have in common.
    pub(crate) fn label_of(&self, number: RowId) -> Option<u32> {
        self.rows.entries.label(number)
    }

    /// The number of a row's stream.
    pub(crate) fn stream_of(&self, number: RowId) -> Option<u32> {
        self.rows.entries.stream(number).map(|stream| stream.number())
    }

    /// Which way a row's bytes went.
    pub fn direction(&self, row: &Row) -> Direction {
        let side = row.stream.side();
        self.flows.get(row.stream.flow()).map_or(Direction::Forward, |flow| flow.direction_of(side))
    }

    /// The endpoints that a row's bytes went from and to; None for a file.
    pub fn endpoints(&self, row: &Row) -> Option<(SocketAddr, SocketAddr)> {
        let flow = self.flows.get(row.stream.flow())?;
        let direction = self.direction(row);
        Some((flow.source(direction)?, flow.source(direction.reverse())?))
    }

    /// The protocol of a row, in a conversation that of its stage; None where no protocol claims its stream.
    pub fn protocol(&self, row: &Row) -> Option<&dyn Protocol> {
        let protocol = self.protocols.get(self.protocol_number(row)?)?;
        match protocol.stages().get(usize::from(row.stage)) {
            Some(stage) => stage.protocol(&self.protocols),
            None => Some(&**protocol),
        }
    }

    /// The stage of its conversation that a row is in; None in a protocol without stages.
    pub fn stage(&self, row: &Row) -> Option<&Stage> {
        self.protocols.get(self.protocol_number(row)?)?.stages().get(usize::from(row.stage))
    }

    /// Where among [`protocols`](Index::protocols) that of a row's stream is: several may have one name.
    #[doc(hidden)]
    pub fn protocol_number(&self, row: &Row) -> Option<usize> {
        self.rows.streams.get(row.stream)?.protocol()
    }

    /// What kind of message a row is, such as `DATA` or `0x2a`.
    pub fn kind(&self, row: &Row) -> Option<&str> {
        self.labels.kinds().get(row.kind as usize).map(String::as_str)
    }

    /// The names of the kinds by their numbers in [`Row::kind_number`]. Different protocols may share some.
    #[doc(hidden)]
    pub fn kind_names(&self) -> &[String] {
        self.labels.kinds()
    }

    /// The names of the kinds of messages that there are so far, in their order, each once.
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.labels.kinds().iter().map(String::as_str).collect();
        kinds.sort_unstable();
        // Different protocols may share some.
        kinds.dedup();
        kinds
    }

    /// When the last packet of a row was captured; for a gap, that of the byte after it.
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

    /// The packets that carry a row's bytes, in rising order.
    pub fn row_packets(&self, row: &Row) -> Vec<PacketId> {
        let mut packets: Vec<PacketId> = self
            .row_origins(row)
            .into_iter()
            .map(|segment| segment.packet)
            .filter(|&packet| packet != PacketId::NONE)
            .collect();
        packets.sort_unstable();
        packets.dedup();
        packets
    }

    /// The last packet that brought bytes of a row; of a gap, the one behind it. None if no packet did.
    pub fn last_packet(&self, row: &Row) -> Option<PacketId> {
        (1..=self.packets()).contains(&row.packet.number()).then_some(row.packet)
    }

    /// The segments that packets brought a row's bytes in: of a carried one, those of what it is carried in.
    pub(crate) fn row_origins(&self, row: &Row) -> Vec<SegmentRange> {
        if self.read_from(row).is_some() {
            return self.origins(row.stream, row.offset..row.offset + row.length);
        }
        self.segments(row).collect()
    }

    /// What was written about the packets that carry a row, in their order, with their numbers.
    pub fn comments(&self, row: &Row) -> Vec<(PacketId, &str)> {
        if self.notes.comments.is_empty() {
            return Vec::new();
        }
        let of = |packet: PacketId| self.notes.comments.of(packet).map(move |text| (packet, text));
        self.row_packets(row).into_iter().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FlowId;
    use crate::{Options, Source, read};

    /// An index of one flow.
    fn index() -> Index {
        let source = Source::from_bytes("text", *b"\x01ada\n\x01bob\n");
        let options = Options { decode_as: vec!["file=bare".parse().unwrap()], ..Options::default() };
        read(source, &options, &mut |_| true).unwrap()
    }

    #[test]
    fn a_number_from_outside_is_an_id_only_if_the_index_has_it() {
        let index = index();
        let last = u32::try_from(index.row_count()).unwrap() - 1;
        assert_eq!(index.row_id(last).map(RowId::number), Some(last));
        assert_eq!((index.row_id(last + 1), index.row_id(u32::MAX)), (None, None));
        assert_eq!((index.flow_id(0).map(FlowId::number), index.flow_id(1)), (Some(0), None));
    }

    #[test]
    fn ids_of_a_range_are_those_of_the_rows_in_it() {
        let index = index();
        assert!(index.row_ids().eq(index.rows().map(|(id, _)| id)));
        assert!(index.row_ids_in(0..usize::MAX).eq(index.row_ids()));
        assert_eq!(index.row_ids_in(index.row_count()..usize::MAX).next(), None);
        assert!(index.rows_from(0.into()).all(|(id, row)| index.row(id).unwrap().offset == row.offset));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "RowId(99)")]
    fn a_row_of_another_index_stops_a_debug_build() {
        index().row(99.into());
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "FlowId(99)")]
    fn a_flow_of_another_index_stops_a_debug_build() {
        index().flow(99.into());
    }
}
