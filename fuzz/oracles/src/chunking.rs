//! Segmentation does not matter: a stream cut into TCP segments in any way, which arrive in any order, some of them
//! twice and one perhaps never, with options, padding and in fragments, gives the rows that its bytes give; and each
//! row knows its packets.

use std::ops::Range;
use std::sync::LazyLock;

use framescope_capture::{Options, PacketId, Source, read};
use framescope_checking::Random;
use framescope_parser::{
    Captured, CodeSet, Direction, Dissection, Framer, Missing, Protocol, Span, SpanType,
};

use crate::decode::{MISSIVE, bytes_of, places};
use crate::traffic::{ACK, FIN, SYN, Shape, pcap};

static OPTIONS: LazyLock<Options> = LazyLock::new(|| Options {
    decode_as: vec!["tcp=missive".parse().expect("a selector and a protocol")],
    ..Options::default()
});

/// Takes `data` as a stream of Missive. Its bytes also decide how it is cut and what becomes of the segments.
pub fn chunking(data: &[u8]) {
    // A segment's IP packet ends somewhere.
    let data = &data[..data.len().min(60_000)];
    let mut random = Random::of(data);
    let sent = Sent::new(data, &mut random);
    let (capture, carriers) = sent.capture();
    let index =
        read(Source::from_bytes("fuzzed", capture), &OPTIONS, &mut |_| true).expect("it is a capture");
    let unread: Vec<_> = index.unread_packets().collect();
    assert!(unread.is_empty(), "packets are not read: {unread:?}");
    if data.is_empty() {
        return;
    }
    let (mut reader, missive) = (index.reader(), &MISSIVE[0]);
    let expected = sent.rows(missive);
    let rows: Vec<_> = index.stream_rows(0.into(), Direction::Forward).collect();
    let mut found = Vec::new();
    for &number in &rows {
        let row = index.row(number).expect("a row of a stream is a row");
        found.push((row.offset, row.length, row.span_type));
    }
    let spans: Vec<_> = places(&expected).collect();
    assert_eq!(found, spans, "rows of the capture, and spans of the bytes; {:?}", sent.segments);
    for (&number, span) in rows.iter().zip(&expected) {
        let row = index.row(number).expect("a row of a stream is a row");
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).expect("the capture is in memory");
        let place = span.offset as usize..(span.offset + span.length) as usize;
        let carriers = carriers[place].iter().copied().filter(|&packet| packet > 0);
        let mut packets: Vec<PacketId> = carriers.map(PacketId::from).collect();
        packets.sort_unstable();
        packets.dedup();
        assert_eq!(index.row_packets(&row), packets, "row {number} comes from other packets");
        if span.span_type == SpanType::Gap {
            continue;
        }
        let start = usize::try_from(span.offset).unwrap();
        let (from, to) = sent.lost.unwrap_or((data.len(), data.len()));
        let lost = from.max(start)..to.min(start + span.length as usize);
        let missing = (!lost.is_empty()).then(|| lost.start - start..lost.end - start);
        let there: Vec<u8> = (start..)
            .zip(bytes_of(span, data))
            .filter(|(at, _)| !lost.contains(at))
            .map(|(_, byte)| *byte)
            .collect();
        assert_eq!(bytes, there, "row {number} has other bytes");
        let places = |range: &Range<usize>| range.start as u64..range.end as u64;
        assert!(
            index.missing(&row).into_iter().eq(missing.iter().map(places)),
            "row {number} lacks other bytes"
        );
        if !matches!(span.span_type, SpanType::Message | SpanType::Partial) {
            continue;
        }
        let missing = Missing::list(missing);
        let mut message = Dissection::default();
        Captured::with_missing(&bytes, &missing).dissect(missive, &mut message);
        assert_eq!(index.kind(&row).map(str::to_owned), message.kind.map(|kind| kind.to_string()));
        let codes: CodeSet = message.problems.iter().map(|problem| problem.code).collect();
        for code in codes.iter() {
            assert!(row.codes.contains(code), "row {number}: {code} is not reported");
        }
    }
}

/// A stream as it went over the wire.
struct Sent<'d> {
    data: &'d [u8],
    first: u32,
    /// Where the segments begin and end, in the order in which they arrive.
    segments: Vec<(usize, usize)>,
    /// What never arrives.
    lost: Option<(usize, usize)>,
    shape: Shape,
}

impl<'d> Sent<'d> {
    fn new(data: &'d [u8], random: &mut Random) -> Sent<'d> {
        // Sometimes the numbers wrap in the middle of the stream.
        let first =
            if random.one_in(4) { 0u32.wrapping_sub(random.below(data.len() + 2) as u32) } else { 1000 };
        let (mut segments, mut at) = (Vec::new(), 0);
        let longest = [1, 7, 30, 200, 1460, data.len()][random.below(6)].max(data.len() / 40);
        while at < data.len() {
            let end = (at + 1 + random.below(longest)).min(data.len());
            segments.push((at, end));
            at = end;
        }
        let lost = if random.one_in(4) && segments.len() > 1 {
            Some(segments.remove(random.below(segments.len())))
        } else {
            None
        };
        for _ in 0..random.below(3) {
            let Some(&(from, to)) = segments.get(random.below(segments.len())) else { break };
            // Again, perhaps from another offset; but nothing of what was lost.
            segments.push((from + random.below(to - from), to));
        }
        let count = segments.len();
        for i in 0..if random.one_in(2) { count } else { 0 } {
            segments.swap(i, random.below(count));
        }
        let shape = Shape {
            ethernet: random.one_in(2),
            options: if random.one_in(2) { random.below(11) as u8 } else { 0 },
            fragments: random.one_in(8).then(|| 64 + 8 * random.below(40)),
        };
        Sent { data, first, segments, lost, shape }
    }

    /// The capture, and for each byte the packet that carries it first; 0 if none does.
    fn capture(&self) -> (Vec<u8>, Vec<u32>) {
        let sequence = |at: usize| self.first.wrapping_add(1).wrapping_add(at as u32);
        let mut packets = self.shape.packets(0, self.first, SYN, &[]);
        let mut carriers = vec![0; self.data.len()];
        for (i, &(from, to)) in self.segments.iter().enumerate() {
            let payload = &self.data[from..to];
            let pieces = self.shape.packets(i as u16 + 1, sequence(from), ACK, payload);
            let ends = pieces.iter().skip(1).map(|(_, start)| *start).chain([payload.len()]);
            for ((number, (_, start)), end) in (packets.len() as u32 + 1..).zip(&pieces).zip(ends) {
                let places = carriers[from + start..from + end].iter_mut();
                places.filter(|carrier| **carrier == 0).for_each(|carrier| *carrier = number);
            }
            packets.extend(pieces);
        }
        packets.extend(self.shape.packets(0xFFFF, sequence(self.data.len()), FIN | ACK, &[]));
        let packets: Vec<Vec<u8>> = packets.into_iter().map(|(packet, _)| packet).collect();
        (pcap(self.shape.link_type(), &packets, usize::MAX), carriers)
    }

    /// The spans of the bytes, in their order, with the gap that was lost.
    fn rows(&self, protocol: &dyn Protocol) -> Vec<Span> {
        let (mut framer, mut spans) = (Framer::default(), Vec::new());
        let mut sink = |span, _: Captured<'_, '_>| spans.push(span);
        let (from, to) = self.lost.unwrap_or((self.data.len(), self.data.len()));
        framer.segment(protocol, &self.data[..from], &mut sink);
        if from < to {
            framer.gap(protocol, (to - from) as u64, &mut sink);
        }
        framer.segment(protocol, &self.data[to..], &mut sink);
        framer.end(protocol, &mut sink);
        spans
    }
}
