//! The conversations of a capture as fuzzers take them.

use std::io;

use framescope_capture::{FlowId, Index, PacketId, SegmentRange};
use framescope_checking::{Piece, Transcript};
use framescope_parser::{Direction, Role};

/// Each conversation whose protocol has states: what both sides say, in the order of the capture. Of one that is longer than
/// `longest` bytes it is the beginning, up to a whole segment.
///
/// # Errors
/// The capture can't be read any more.
pub fn transcripts(index: &Index, longest: usize) -> io::Result<Vec<(FlowId, Transcript)>> {
    collect(index, longest, &|flow| index.client(flow))
}

/// The same of all conversations: where a protocol has no states, the client is the side that opened the connection.
///
/// # Errors
/// The capture can't be read any more.
pub fn all_transcripts(index: &Index, longest: usize) -> io::Result<Vec<(FlowId, Transcript)>> {
    collect(index, longest, &|flow| Some(index.client(flow).unwrap_or(Direction::Forward)))
}

fn collect(
    index: &Index,
    longest: usize,
    client_of: &dyn Fn(FlowId) -> Option<Direction>,
) -> io::Result<Vec<(FlowId, Transcript)>> {
    let mut reader = index.reader();
    let mut found = Vec::new();
    for (flow, _) in index.flows() {
        let Some(client) = client_of(flow) else { continue };
        let (mut pieces, mut length) = (Vec::new(), 0);
        for (role, direction) in Role::BOTH.into_iter().zip([client, client.reverse()]) {
            if index.begins_inside(flow, direction) {
                pieces.push(Piece::Inside(role));
            }
        }
        let direction_of = |role| if role == Role::Client { client } else { client.reverse() };
        for (_, role, piece) in in_order(index, flow, client) {
            let Some(segment) = piece.segment else {
                pieces.push(Piece::Gap(role, piece.gap));
                continue;
            };
            length += segment.length as usize;
            if length > longest {
                break;
            }
            let mut bytes = Vec::new();
            let range = segment.offset..segment.end();
            index.read_stream((flow, direction_of(role)), range, &mut reader, &mut bytes)?;
            pieces.push(Piece::Segment(role, bytes));
        }
        let transcript = Transcript::new(pieces);
        if transcript.length() > 0 {
            found.push((flow, transcript));
        }
    }
    Ok(found)
}

/// A segment, or a gap.
#[derive(Clone, Copy)]
struct Part {
    gap: u64,
    segment: Option<SegmentRange>,
}

/// What both sides say, by the packets with which it was complete.
fn in_order(index: &Index, flow: FlowId, client: Direction) -> Vec<(PacketId, Role, Part)> {
    let mut all = Vec::new();
    for (role, direction) in Role::BOTH.into_iter().zip([client, client.reverse()]) {
        let (mut latest, mut end) = (PacketId::NONE, 0);
        for segment in index.stream_segments(flow, direction) {
            latest = latest.max(segment.packet);
            if segment.offset > end {
                all.push((latest, role, Part { gap: segment.offset - end, segment: None }));
            }
            end = segment.end();
            all.push((latest, role, Part { gap: 0, segment: Some(segment) }));
        }
    }
    all.sort_by_key(|(packet, ..)| *packet);
    all
}
