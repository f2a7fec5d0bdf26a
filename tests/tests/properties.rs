//! Promises over the whole pipeline, from packets to rows, for generated streams and cuts.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use framescope_capture::{Options, Row, RowId};
use framescope_oracles::check_index;
use framescope_parser::missive::{Flags, FrameBuf, Kind, Tag};
use framescope_parser::{Direction, SpanType};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{Tcp, read_with, rows_of, tcp_pcap};

/// A part of a stream: a frame, a damaged frame, or garbage.
#[derive(Clone, Debug)]
enum Part {
    Frame { kind: u8, flags: u16, sequence: u32, payload: Vec<u8>, sender: Option<String> },
    Damaged { payload: Vec<u8>, at: usize, bit: u8 },
    Garbage(Vec<u8>),
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Part::Frame { kind, flags, sequence, payload, sender } => {
                let mut frame = FrameBuf::new(Kind(*kind))
                    .flags(Flags(flags & 0xD))
                    .sequence(*sequence)
                    .payload(&payload[..]);
                if let Some(sender) = sender {
                    frame = frame.extension(Tag::SENDER, false, sender.as_bytes()).unwrap();
                }
                frame.to_bytes().unwrap()
            }
            Part::Damaged { payload, at, bit } => {
                let mut bytes = FrameBuf::new(Kind::DATA)
                    .flags(Flags::CHECKSUM)
                    .payload(&payload[..])
                    .to_bytes()
                    .unwrap();
                let at = at % bytes.len();
                bytes[at] ^= 1 << (bit % 8);
                bytes
            }
            Part::Garbage(bytes) => bytes.clone(),
        }
    }
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let frame = (any::<u8>(), any::<u16>(), any::<u32>(), vec(any::<u8>(), 0..200), any::<Option<String>>())
        .prop_map(|(kind, flags, sequence, payload, sender)| Part::Frame {
            kind: if kind % 4 == 0 { kind } else { kind % 8 },
            flags,
            sequence,
            payload,
            sender: sender.map(|sender| sender.chars().take(20).collect()),
        });
    let damaged = (vec(any::<u8>(), 0..60), any::<usize>(), any::<u8>())
        .prop_map(|(payload, at, bit)| Part::Damaged { payload, at, bit });
    // Half magics and whole ones among the noise.
    let byte = prop_oneof![4 => any::<u8>(), 1 => Just(0xF5), 1 => Just(0x4D)];
    let garbage = vec(byte, 1..40).prop_map(Part::Garbage);
    vec(prop_oneof![6 => frame, 1 => damaged, 1 => garbage], 1..12)
}

/// Where to cut, what to send twice, and in which order.
#[derive(Clone, Debug)]
struct Delivery {
    first_sequence: u32,
    with_syn: bool,
    cuts: Vec<usize>,
    twice: Vec<(usize, usize)>,
    order: Vec<usize>,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let cuts = vec(1usize..120, 0..40);
    let twice = vec((any::<usize>(), 1usize..300), 0..5);
    let sequence = prop_oneof![any::<u32>(), (u32::MAX - 300)..=u32::MAX];
    (sequence, any::<bool>(), cuts, twice, vec(any::<usize>(), 0..60)).prop_map(
        |(first_sequence, with_syn, cuts, twice, order)| Delivery {
            first_sequence,
            with_syn,
            cuts,
            twice,
            order,
        },
    )
}

impl Delivery {
    /// Where the stream is cut: begin and end of each segment.
    fn ranges(&self, length: usize) -> Vec<(usize, usize)> {
        let (mut ranges, mut at) = (Vec::new(), 0);
        for cut in self.cuts.iter().copied().chain(std::iter::repeat(1000)) {
            if at >= length {
                break;
            }
            ranges.push((at, (at + cut).min(length)));
            at += cut;
        }
        ranges
    }

    fn segments(&self, stream: &[u8]) -> Vec<Tcp> {
        let mut ranges = self.ranges(stream.len());
        for &(at, length) in &self.twice {
            let at = at % stream.len();
            ranges.push((at, (at + length).min(stream.len())));
        }
        for (i, &other) in self.order.iter().enumerate() {
            let (i, other) = (i % ranges.len(), other % ranges.len());
            ranges.swap(i, other);
        }
        let data = |&(from, to): &(usize, usize)| Tcp::data(self.sequence(from), &stream[from..to]);
        let syn = self.with_syn.then(|| Tcp::syn(self.first_sequence));
        syn.into_iter().chain(ranges.iter().map(data)).collect()
    }

    /// All of it in one segment. Without a SYN its first bytes may be the rest of something.
    fn at_once(&self, stream: &[u8]) -> Vec<Tcp> {
        let syn = self.with_syn.then(|| Tcp::syn(0));
        syn.into_iter().chain([Tcp::data(1, stream)]).collect()
    }

    fn sequence(&self, offset: usize) -> u32 {
        self.first_sequence.wrapping_add(1).wrapping_add(offset as u32)
    }
}

fn missive() -> Options {
    Options { decode_as: vec!["tcp=missive".parse().unwrap()], ..Options::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_segmentation_order_and_duplication_gives_the_same_rows(parts in parts(), delivery in delivery()) {
        let stream: Vec<u8> = parts.iter().flat_map(Part::bytes).collect();
        let whole = read_with(tcp_pcap(&delivery.at_once(&stream)), &missive());
        let cut = read_with(tcp_pcap(&delivery.segments(&stream)), &missive());
        check_index(&cut);
        prop_assert_eq!(rows_of(&cut, Direction::Forward), rows_of(&whole, Direction::Forward));
    }

    #[test]
    fn detection_does_not_depend_on_the_cuts(parts in parts(), delivery in delivery()) {
        let stream: Vec<u8> = parts.iter().flat_map(Part::bytes).collect();
        let frames = parts.iter().any(|part| matches!(part, Part::Frame { .. }));
        prop_assume!(frames);
        let whole = read_with(tcp_pcap(&delivery.at_once(&stream)), &Options::default());
        let cut = read_with(tcp_pcap(&delivery.segments(&stream)), &Options::default());
        prop_assert_eq!(rows_of(&cut, Direction::Forward), rows_of(&whole, Direction::Forward));
    }

    #[test]
    fn loss_costs_only_the_frames_it_touches(parts in parts(), delivery in delivery(), lost in vec(any::<usize>(), 1..4)) {
        let frames: Vec<Vec<u8>> =
            parts.iter().filter(|part| matches!(part, Part::Frame { .. })).map(Part::bytes).collect();
        prop_assume!(!frames.is_empty());
        let stream = frames.concat();
        let delivery = Delivery { with_syn: true, twice: vec![], order: vec![], ..delivery };
        let mut ranges = delivery.ranges(stream.len());
        let mut missing = Vec::new();
        for lost in lost {
            if ranges.len() > 1 {
                missing.push(ranges.remove(lost % ranges.len()));
            }
        }
        let data = |&(from, to): &(usize, usize)| Tcp::data(delivery.sequence(from), &stream[from..to]);
        let fin = Tcp::fin(delivery.sequence(stream.len()));
        let segments: Vec<Tcp> =
            [Tcp::syn(delivery.first_sequence)].into_iter().chain(ranges.iter().map(data)).chain([fin]).collect();
        let index = read_with(tcp_pcap(&segments), &missive());
        check_index(&index);
        let found: Vec<(u64, u64)> = index
            .rows()
            .filter(|(_, row)| row.span_type == SpanType::Message)
            .map(|(_, row)| (row.offset, row.length))
            .collect();
        let mut at = 0;
        for frame in &frames {
            let (from, to) = (at, at + frame.len());
            at = to;
            if !missing.iter().any(|&(low, high)| from < high && low < to) {
                prop_assert!(found.contains(&(from as u64, frame.len() as u64)), "frame at {}: {:?}", from, found);
            }
        }
        // The gaps, and what messages lack, are what is missing, and nothing else.
        let lacks = |(_, row): (RowId, Row)| match row.span_type {
            SpanType::Gap => row.length,
            _ => index.missing(&row).iter().map(|range| range.end - range.start).sum(),
        };
        let gaps: u64 = index.rows().map(lacks).sum();
        prop_assert_eq!(gaps, missing.iter().map(|(low, high)| (high - low) as u64).sum::<u64>());
    }

    /// Against a model that is obviously right: each place of the stream has the first byte that was captured for it.
    #[test]
    fn the_first_byte_captured_for_a_place_stays(
        first_sequence in prop_oneof![any::<u32>(), (u32::MAX - 300)..=u32::MAX],
        program in vec((0usize..400, vec(any::<u8>(), 1..60)), 1..30),
    ) {
        let sequence = |offset: usize| first_sequence.wrapping_add(1).wrapping_add(offset as u32);
        let mut model: Vec<Option<u8>> = Vec::new();
        for (offset, bytes) in &program {
            model.resize(model.len().max(offset + bytes.len()), None);
            for (place, byte) in model[*offset..].iter_mut().zip(bytes) {
                place.get_or_insert(*byte);
            }
        }
        let data = program.iter().map(|(offset, bytes)| Tcp::data(sequence(*offset), &bytes[..]));
        let segments: Vec<Tcp> = std::iter::once(Tcp::syn(first_sequence)).chain(data).collect();
        let index = read_with(tcp_pcap(&segments), &missive());
        check_index(&index);
        let mut found = vec![None; model.len()];
        let mut reader = index.reader();
        for segment in index.stream_segments(0.into(), Direction::Forward) {
            let mut bytes = Vec::new();
            reader.read(segment.file_offset, segment.length as usize, &mut bytes).unwrap();
            for (place, byte) in found[segment.offset as usize..].iter_mut().zip(bytes) {
                prop_assert!(place.replace(byte).is_none(), "a place was filled twice");
            }
        }
        prop_assert_eq!(found, model);
    }

    #[test]
    fn what_is_written_is_read_back(data in vec(any::<u8>(), 0..600)) {
        framescope_oracles::roundtrip(&data);
    }

    #[test]
    fn any_stream_is_laid_out_and_taken_apart(parts in parts()) {
        let stream: Vec<u8> = parts.iter().flat_map(Part::bytes).collect();
        framescope_oracles::decode(&stream);
        framescope_oracles::roundtrip(&stream);
    }

    #[test]
    fn any_file_is_read_without_panic(parts in parts(), delivery in delivery(), damage in vec((any::<usize>(), any::<u8>()), 0..6)) {
        let stream: Vec<u8> = parts.iter().flat_map(Part::bytes).collect();
        let mut file = tcp_pcap(&delivery.segments(&stream));
        for (at, value) in damage {
            let at = at % file.len();
            file[at] = value;
        }
        framescope_oracles::capture(&file);
    }
}
