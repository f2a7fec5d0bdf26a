//! Any bytes are a program of TCP segments: ordered like an obviously correct model does it.

use arbitrary::{Arbitrary, Unstructured};
use framescope_capture::reassembly::{Origin, Output, Reassembler, Segment};

use crate::traffic::{ACK, FIN, RAW_IP, SYN, pcap_cut, tcp_packet};

/// A segment of a direction whose first byte has the sequence number after `first`.
#[derive(Arbitrary, Debug)]
struct Sent {
    /// Where in the stream it belongs.
    offset: u16,
    length: u8,
    /// Bytes that the capture cut off its end.
    cut: u8,
    syn: bool,
    fin: bool,
}

/// Takes `data` as a program of segments, and orders them with and without a limit that they reach.
pub fn segments(data: &[u8]) {
    let Some((first, limit, program)) = program(data) else { return };
    run(first, &program, u64::MAX);
    run(first, &program, limit);
}

/// The sequence number of the SYN, the limit of what may wait, and the segments.
fn program(data: &[u8]) -> Option<(u32, u64, Vec<Sent>)> {
    let mut data = Unstructured::new(data);
    Some((data.arbitrary().ok()?, data.int_in_range(64..=4096).ok()?, data.arbitrary().ok()?))
}

/// The segments as a capture.
pub(crate) fn capture_of(data: &[u8]) -> Option<Vec<u8>> {
    let (first, _, program) = program(data)?;
    let packet = |sent: &Sent| {
        let flags = ACK | if sent.syn { SYN } else { 0 } | if sent.fin { FIN } else { 0 };
        let sequence = first.wrapping_add(u32::from(!sent.syn)).wrapping_add((sent.offset % 2048).into());
        let payload = vec![b'.'; usize::from(sent.length) + usize::from(sent.cut)];
        (tcp_packet(sequence, flags, &payload), usize::from(sent.cut))
    };
    let syn = (tcp_packet(first, SYN, &[]), 0);
    let packets: Vec<(Vec<u8>, usize)> = std::iter::once(syn).chain(program.iter().map(packet)).collect();
    Some(pcap_cut(RAW_IP, packets.iter().map(|(packet, cut)| (&packet[..], *cut))))
}

/// Bytes are told apart by their offset in the file; each segment has its own part of it.
const STRETCH: u64 = 1 << 10;

fn run(first: u32, program: &[Sent], limit: u64) {
    let mut reassembler = Reassembler::with_limit(limit);
    // The SYN comes first, so that the program's offsets are those of the stream.
    let mut out = Vec::new();
    let origin = |i: usize| Origin { packet: (i as u32 + 1).into(), file_offset: i as u64 * STRETCH };
    let syn =
        Segment { sequence: first, syn: true, fin: false, length: 0, wire_length: 0, origin: origin(0) };
    reassembler.segment(syn, &mut out);
    // For each byte of the stream, where in the file it was captured first.
    let mut model: Vec<Option<u64>> = Vec::new();
    let (mut given, mut extent) = (Given::default(), 0);
    for (i, sent) in program.iter().enumerate() {
        let origin = origin(i + 1);
        let (offset, length) = (usize::from(sent.offset % 2048), usize::from(sent.length));
        // A SYN in the middle of a stream has its number before the data.
        let before = u32::from(!sent.syn);
        let sequence = first.wrapping_add(before).wrapping_add(offset as u32);
        let wire_length = u32::from(sent.length) + u32::from(sent.cut);
        let plain = !sent.syn && !sent.fin && sent.cut == 0;
        let direct = plain.then(|| reassembler.next_in_order(sequence, length as u32)).flatten();
        if let Some(offset) = direct {
            let completed_by = origin.packet;
            given.take(
                Output::Data { offset, length: length as u64, origin, completed_by },
                &model,
                u64::MAX,
            );
        } else {
            let (syn, fin) = (sent.syn, sent.fin);
            let segment = Segment { sequence, syn, fin, length: length as u32, wire_length, origin };
            reassembler.segment(segment, &mut out);
        }
        let keep_alive = wire_length == 1 && offset as u64 + 1 == given.end_before && !sent.fin;
        // An empty segment says nothing of how far the stream reaches; one that was cut off reached as far as it was
        // sent.
        if (wire_length > 0 || sent.fin) && !keep_alive {
            extent = extent.max(offset + wire_length as usize);
        }
        if length > 0 && !keep_alive {
            model.resize(model.len().max(offset + length), None);
            for (at, place) in model[offset..offset + length].iter_mut().enumerate() {
                place.get_or_insert(origin.file_offset + at as u64);
            }
        }
        // What waits may cost this much at most: its bytes, and a price for each piece, of which n segments make fewer
        // than 2 n.
        let behind = model.iter().skip(given.places.len()).flatten().count() as u64;
        let most = behind + 2 * (i as u64 + 1) * 64;
        for output in out.drain(..) {
            let early = matches!(output, Output::Gap { .. }) && most <= limit;
            assert!(!early, "a gap is given up where {most} of {limit} wait");
            given.take(output, &model, i as u64 + 1);
        }
        given.end_before = given.places.len() as u64;
        let waiting = model.iter().skip(given.places.len()).flatten().count() as u64;
        assert!(waiting <= limit, "{waiting} bytes wait where {limit} may");
    }
    reassembler.finish((program.len() as u32 + 2).into(), &mut out);
    for output in out.drain(..) {
        given.take(output, &model, u64::MAX);
    }
    assert!(given.ended, "a stream has an end");
    if limit == u64::MAX {
        assert_eq!(
            given.places.get(..model.len()),
            Some(&model[..]),
            "not the bytes that were captured first"
        );
        assert!(given.places.iter().skip(model.len()).all(Option::is_none));
        assert_eq!(given.places.len(), extent, "the stream ends elsewhere than it was sent");
    }
}

/// The delivered bytes, by offset; None is a gap.
#[derive(Default)]
struct Given {
    places: Vec<Option<u64>>,
    end_before: u64,
    ended: bool,
}

impl Given {
    fn take(&mut self, output: Output, model: &[Option<u64>], segment: u64) {
        let end = self.places.len() as u64;
        match output {
            Output::Data { offset, length, origin, .. } => {
                assert_eq!(offset, end, "a hole or an overlap");
                assert!(length > 0);
                self.places.extend((0..length).map(|at| Some(origin.file_offset + at)));
            }
            Output::Gap { offset, length, .. } => {
                assert_eq!(offset, end, "a gap in the wrong place");
                assert!(length > 0);
                self.places.extend((0..length).map(|_| None));
            }
            Output::Duplicate { offset, length, origin } => {
                assert!(offset + length <= end, "bytes that were not delivered can't be retransmitted");
                assert!(origin.file_offset < (segment.saturating_add(1)).saturating_mul(STRETCH));
            }
            Output::Overlap { offset, length, first, second } => {
                assert!(length > 0 && first.file_offset != second.file_offset);
                for at in 0..length {
                    let place = usize::try_from(offset + at).unwrap();
                    assert_eq!(model.get(place), Some(&Some(first.file_offset + at)), "not the first");
                }
            }
            Output::BeforeStart { .. } => panic!("nothing is before a SYN that was seen"),
            Output::End { .. } => self.ended = true,
        }
    }
}
