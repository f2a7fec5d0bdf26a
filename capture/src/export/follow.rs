//! What the two sides of a conversation sent, in order: for a person, or byte for byte.

use std::io::{self, Write};

use framescope_parser::Direction;

use super::text::Paint;
use crate::{FlowId, Index, PacketId, SegmentRange};

/// Bytes of a flow in the order in which they were captured; a gap comes before the bytes that follow it.
fn pieces(index: &Index, flow: FlowId, only: Option<Direction>) -> Vec<(Direction, SegmentRange)> {
    let wanted = |direction| only.is_none_or(|only| only == direction);
    let segments = |direction| {
        wanted(direction).then(|| index.stream_segments(flow, direction)).into_iter().flatten().peekable()
    };
    let (mut forward, mut backward) = (segments(Direction::Forward), segments(Direction::Backward));
    let mut pieces = Vec::new();
    loop {
        // Within a direction the stream's order holds, also where a lost packet was retransmitted later.
        let forward_first = match (forward.peek(), backward.peek()) {
            (None, None) => return pieces,
            (Some(a), Some(b)) => a.packet <= b.packet,
            (a, _) => a.is_some(),
        };
        let (direction, next) = if forward_first {
            (Direction::Forward, forward.next())
        } else {
            (Direction::Backward, backward.next())
        };
        pieces.extend(next.map(|segment| (direction, segment)));
    }
}

/// Writes the bytes of one direction, or of both as they were captured, and nothing else. Returns how many bytes are missing
/// between them.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_follow_raw(
    index: &Index,
    flow: FlowId,
    only: Option<Direction>,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let mut reader = index.reader();
    let mut bytes = Vec::new();
    for (direction, segment) in pieces(index, flow, only) {
        bytes.clear();
        index.read_stream((flow, direction), segment.offset..segment.end(), &mut reader, &mut bytes)?;
        out.write_all(&bytes)?;
    }
    let directions = [Direction::Forward, Direction::Backward].into_iter();
    let followed = directions.filter(|&direction| only.is_none_or(|only| only == direction));
    Ok(followed.filter_map(|direction| index.stream(flow, direction)).map(|stream| stream.gap_bytes()).sum())
}

/// Writes what each side sent under a line with its address. What is not text is escaped.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_follow_text(
    index: &Index,
    flow: FlowId,
    only: Option<Direction>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut reader = index.reader();
    let pieces = pieces(index, flow, only);
    let mut ends = [0u64; 2];
    let mut rest = &pieces[..];
    while let Some(&(direction, first)) = rest.first() {
        let run = rest.iter().take_while(|(other, _)| *other == direction).count();
        let (sent, behind) = rest.split_at_checked(run).unwrap_or((rest, &[]));
        rest = behind;
        let (mark, sgr) = if direction == Direction::Forward { (">", "34;1") } else { ("<", "35;1") };
        let source = index.flow(flow).and_then(|known| known.source(direction));
        let source = source.map_or("file".to_owned(), |source| source.to_string());
        let packet =
            if first.packet != PacketId::NONE { format!(", packet {}", first.packet) } else { String::new() };
        writeln!(out, "{}", paint.colour(sgr, &format!("{mark} {source}{packet}")))?;
        let mut bytes = Vec::new();
        for (_, segment) in sent {
            if let Some(end) = ends.get_mut(direction.index()) {
                if segment.offset > *end {
                    write_escaped(&std::mem::take(&mut bytes), out)?;
                    let missing = segment.offset - *end;
                    writeln!(
                        out,
                        "{}",
                        paint.colour("31;1", &format!("[{missing} bytes were not captured]"))
                    )?;
                }
                *end = segment.end();
            }
            index.read_stream((flow, direction), segment.offset..segment.end(), &mut reader, &mut bytes)?;
        }
        write_escaped(&bytes, out)?;
    }
    Ok(())
}

/// Text as it is, line breaks included; other control characters and bytes that are not UTF-8 as escapes.
fn write_escaped(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' | '\t' => write!(out, "{c}")?,
                _ if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c))?,
                _ if c.is_control() => write!(out, "{}", c.escape_default())?,
                _ => write!(out, "{c}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    if bytes.last() == Some(&b'\n') { Ok(()) } else { writeln!(out) }
}
