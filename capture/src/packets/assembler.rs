//! The assembler: from IP fragments to the segment or datagram of the packet that they make whole.
//!
//! It reads the file for what it compares and joins, and remembers which bytes different fragments disagree about.

use std::io;
use std::ops::Range;

use crate::BlockReader;
use crate::files::records::Record;
use crate::packets::disputes::Disputes;
use crate::packets::fragments::{Added, Complete, Dispute, Fragment, FragmentKey, Fragments, add_dispute};
use crate::packets::layer::SkipReason;
use crate::packets::origin::{Origin, Piece, part};
use crate::packets::packet::{Packet, decode_payload};

/// Reassembles IP packets.
#[derive(Debug)]
pub(crate) struct Assembler {
    fragments: Fragments,
    disputes: Disputes,
    reader: BlockReader,
}

/// What a fragment gave.
#[derive(Debug)]
pub(crate) struct Reassembled {
    /// Whether it reaches over others that disagree with it, or over more than are compared.
    pub(crate) overlaps: bool,
    /// The packet, if the fragment made it whole, or why it is of no use.
    pub(crate) whole: Option<Result<WholePacket, SkipReason>>,
}

/// A segment or datagram in an IP packet that came in fragments.
#[derive(Debug)]
pub(crate) struct WholePacket {
    pub(crate) packet: Packet,
    /// The payload of the IP packet.
    bytes: Vec<u8>,
    /// Where the segment's own payload is.
    pub(crate) pieces: Vec<Piece>,
}

impl WholePacket {
    /// The segment's payload.
    pub(crate) fn payload(&self) -> &[u8] {
        self.packet.payload(&self.bytes)
    }
}

impl Assembler {
    pub(crate) fn new(reader: BlockReader) -> Assembler {
        Assembler { fragments: Fragments::default(), disputes: Disputes::default(), reader }
    }

    /// Which bytes of the file are disputed.
    #[inline]
    pub(crate) fn disputes(&self) -> &Disputes {
        &self.disputes
    }

    /// The packets of which fragments are missing.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &FragmentKey> {
        self.fragments.waiting()
    }

    /// Takes the next fragment.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub(crate) fn take(&mut self, record: &Record<'_>, fragment: &Fragment) -> io::Result<Reassembled> {
        let origin = Origin { packet: record.number, file_offset: record.offset + fragment.start as u64 };
        let Added { before, and_more, mut whole } = self.fragments.add(fragment, origin, record.time_ns);
        let dispute = self.compare(record, fragment, &before)?;
        match (dispute, &mut whole) {
            (Some(dispute), Some(whole)) => add_dispute(&mut whole.disputes, dispute),
            (Some(dispute), None) => self.fragments.dispute(&fragment.of, dispute),
            (None, _) => {}
        }
        let whole = whole.map(|whole| self.join(record, fragment, &whole)).transpose()?;
        Ok(Reassembled { overlaps: dispute.is_some() || and_more, whole })
    }

    /// Reads a packet of which all fragments are there.
    fn join(
        &mut self,
        record: &Record<'_>,
        fragment: &Fragment,
        complete: &Complete,
    ) -> io::Result<Result<WholePacket, SkipReason>> {
        let Complete { pieces, disputes } = complete;
        let mut bytes = Vec::new();
        for piece in pieces {
            self.reader.read(piece.origin.file_offset, piece.length, &mut bytes)?;
        }
        let whole = Record { bytes: &bytes, wire_length: bytes.len(), ..*record };
        let packet = match decode_payload(&whole, &fragment.of) {
            Ok(packet) => packet,
            Err(reason) => return Ok(Err(reason)),
        };
        let start = packet.payload_start as usize;
        let payload = start..start + packet.payload(&bytes).len();
        self.note_disputes(pieces, disputes, payload.clone());
        let pieces = part(pieces, payload.start, payload.end);
        Ok(Ok(WholePacket { packet, bytes, pieces }))
    }

    /// Compares a fragment's bytes with those that its place had before.
    fn compare(
        &mut self,
        record: &Record<'_>,
        fragment: &Fragment,
        before: &[Piece],
    ) -> io::Result<Option<Dispute>> {
        let new = record.bytes.get(fragment.start..).unwrap_or_default();
        let (mut stored, mut found) = (Vec::new(), None::<Range<usize>>);
        for piece in before {
            stored.clear();
            self.reader.read(piece.origin.file_offset, piece.length, &mut stored)?;
            let new = new.get(piece.offset - fragment.offset..).unwrap_or_default();
            let mut differing = stored.iter().zip(new).enumerate().filter(|(_, (old, new))| old != new);
            if let Some((first, _)) = differing.next() {
                let last = differing.next_back().map_or(first, |(last, _)| last);
                let start = found.map_or(piece.offset + first, |found| found.start);
                found = Some(start..piece.offset + last + 1);
            }
        }
        Ok(found.map(|Range { start, end }| Dispute { start, end, packet: record.number }))
    }

    /// Notes which bytes of a packet's payload are disputed. Where it is the headers before them, all are: other headers might have
    /// put them elsewhere.
    fn note_disputes(&mut self, pieces: &[Piece], disputes: &[Dispute], payload: Range<usize>) {
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

    /// The capture has ended: gives up the fragments that wait, and returns their number and where the first one is.
    pub(crate) fn finish(&mut self) -> Option<(u64, Origin)> {
        self.fragments.finish();
        self.fragments.given_up.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::packets::endpoint::Endpoint;
    use crate::packets::segment::Transport;

    /// A UDP datagram of eight bytes, in a file that has its second half first, and that half once more with another last byte.
    const FILE: [u8; 28] = *b"efgh\0\x01\0\x02\0\x10\0\0abcdefgXefghXXXX";

    fn fragment(offset: usize, start: usize, length: usize, more: bool) -> Fragment {
        let end = |last: u8| Endpoint::v4([10, 0, 0, last]);
        let of = FragmentKey { source: end(1), destination: end(2), protocol: 17, identification: 7 };
        Fragment { of, offset, more, start, length, unusual: None }
    }

    fn take(assembler: &mut Assembler, number: u32, fragment: &Fragment) -> Reassembled {
        let record = Record {
            number: number.into(),
            time_ns: None,
            link_type: None,
            wire_length: FILE.len(),
            offset: 0,
            bytes: &FILE,
            interface: None,
        };
        assembler.take(&record, fragment).unwrap()
    }

    #[test]
    fn fragments_in_any_order_make_a_datagram_whose_pieces_lead_back_to_the_file() {
        let mut assembler = Assembler::new(BlockReader::new(Source::from_bytes("file", FILE), 64));
        let first = take(&mut assembler, 1, &fragment(12, 0, 4, false));
        assert!(first.whole.is_none() && !first.overlaps);
        let other = take(&mut assembler, 2, &fragment(12, 20, 4, false));
        assert!(other.whole.is_none() && !other.overlaps, "the same bytes");
        let whole = take(&mut assembler, 3, &fragment(0, 4, 12, true)).whole.unwrap().unwrap();
        assert_eq!(whole.payload(), b"abcdefgh");
        assert!(matches!(whole.packet.transport, Transport::Udp));
        let places: Vec<_> =
            whole.pieces.iter().map(|piece| (piece.offset, piece.origin.file_offset)).collect();
        assert_eq!(places, [(0, 12), (4, 0)]);
        assert!(assembler.disputes().is_empty() && assembler.finish().is_none());
    }

    #[test]
    fn bytes_that_another_fragment_disagrees_about_are_disputed() {
        let mut assembler = Assembler::new(BlockReader::new(Source::from_bytes("file", FILE), 64));
        take(&mut assembler, 1, &fragment(12, 0, 4, false));
        assert!(take(&mut assembler, 2, &fragment(12, 16, 4, false)).overlaps);
        assert!(take(&mut assembler, 3, &fragment(0, 4, 12, true)).whole.is_some());
        let disputed: Vec<_> = assembler.disputes().within(0, 28).collect();
        assert_eq!(disputed, [(3..4, 2.into())]);
    }

    #[test]
    fn fragments_of_a_packet_that_never_becomes_whole_are_counted_at_the_end() {
        let mut assembler = Assembler::new(BlockReader::new(Source::from_bytes("file", FILE), 64));
        take(&mut assembler, 4, &fragment(12, 0, 4, false));
        let origin = Origin { packet: 4.into(), file_offset: 0 };
        assert_eq!(assembler.finish(), Some((1, origin)));
    }
}
