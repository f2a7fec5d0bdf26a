use super::*;
use crate::packets::origin::{Origin, Piece};
use crate::packets::segment::Transport;
use framescope_parser::missive::{Flags, FrameBuf, Kind};

/// The spans as type, offset and length, and how often something was buffered.
#[derive(Default)]
struct Spans {
    spans: Vec<(SpanType, u64, u64)>,
    chosen: Vec<Choice>,
    buffered: usize,
}

impl SpanSink for Spans {
    fn span(&mut self, span: &FramedSpan<'_>) {
        self.spans.push((span.span_type, span.offset, span.length));
    }

    fn chosen(&mut self, _: StreamId, choice: Choice) {
        self.chosen.push(choice);
    }

    fn buffered(&mut self) {
        self.buffered += 1;
    }

    fn conversation(&mut self, _: FlowId, _: Side, _: [u64; 2], _: Option<Box<dyn Conversation>>) {}
}

struct Bench {
    framer: MessageFramer,
    flows: Flows,
    labels: Labels,
    spans: Spans,
    stream: StreamId,
}

impl Bench {
    fn new() -> Bench {
        let (mut flows, mut framer) =
            (Flows::default(), MessageFramer::new(framescope_parser::built_in(), Vec::new(), Vec::new()));
        let flow = flows.push(Flow::default());
        framer.add_flow(flow, flows.at(flow));
        let (labels, spans) = (Labels::default(), Spans::default());
        Bench { framer, flows, labels, spans, stream: flow.stream(Side::First) }
    }

    fn with<T>(
        &mut self,
        run: impl FnOnce(&mut MessageFramer, StreamId, &mut FramingOutput<'_, Spans>) -> T,
    ) -> T {
        let Bench { framer, flows, labels, spans, stream } = self;
        run(framer, *stream, &mut FramingOutput { flows, labels, spans })
    }

    fn data(&mut self, offset: u64, bytes: &[u8]) {
        self.with(|framer, stream, to| framer.data(stream, offset, bytes, PacketId::from(1).into(), to));
    }

    /// Takes a payload with an outline; says whether it was one message.
    fn payload(&mut self, offset: u64, payload: &[u8]) -> bool {
        let origin = Origin { packet: 1.into(), file_offset: 0 };
        let pieces = [Piece { offset: 0, length: payload.len(), origin }];
        let segment = CapturedSegment {
            packet: 1.into(),
            interface: None,
            transport: Transport::Udp,
            payload,
            missing: 0,
            time_ns: None,
            pieces: &pieces,
            at_hand: (0, payload),
            outline: 1,
        };
        self.with(|framer, stream, to| framer.whole_message(stream, offset, &segment, to).is_some())
    }
}

fn frame() -> Vec<u8> {
    FrameBuf { flags: Flags::CHECKSUM, ..FrameBuf::new(Kind::PING) }.to_bytes().unwrap()
}

#[test]
fn a_beginning_is_buffered_until_its_protocol_is_known_and_framed_as_if_it_had_been() {
    let (mut bench, frame) = (Bench::new(), frame());
    bench.data(0, &frame[..7]);
    assert!(bench.spans.spans.is_empty() && bench.spans.buffered == 1);
    bench.data(7, &frame[7..]);
    assert_eq!(bench.spans.spans, [(SpanType::Message, 0, 24)]);
    assert_eq!(bench.spans.chosen, [Choice::new(Some(0), Some(Confidence::Certain))]);
}

#[test]
fn a_gap_cuts_a_message_off_and_the_next_one_is_found() {
    let (mut bench, frame) = (Bench::new(), frame());
    bench.data(0, &frame);
    bench.data(24, &frame[..10]);
    bench.with(|framer, stream, to| framer.gap(stream, (34, 5), PacketId::from(1).into(), to));
    bench.data(39, &frame);
    bench.with(|framer, stream, to| framer.end(stream, PacketId::from(1).into(), to));
    let end = bench.spans.spans.iter().map(|(_, offset, length)| offset + length).max();
    assert_eq!((end, bench.spans.spans.last()), (Some(63), Some(&(SpanType::Message, 39, 24))));
}

#[test]
fn a_stream_needs_a_framer_only_until_enough_payloads_were_one_message_each() {
    let (mut bench, frame) = (Bench::new(), frame());
    let outline =
        MessageOutline { protocol: 0, kind: Some((6, false)), codes: framescope_parser::CodeSet::EMPTY };
    bench.framer.add_outlines([outline].into_iter());
    assert!(!bench.payload(0, &frame), "there is no label for it yet");
    bench.data(0, &frame);
    let first = bench.framer.is_framing(bench.stream);
    let whole = (1..=u64::from(WHOLE)).all(|number| bench.payload(number * 24, &frame));
    assert!(first && whole && !bench.framer.is_framing(bench.stream));
    assert!(bench.payload(24 * 17, &frame) && !bench.framer.is_framing(bench.stream));
    bench.data(24 * 18, &frame[..9]);
    assert!(!bench.payload(24 * 18 + 9, &frame), "bytes wait before it");
}
