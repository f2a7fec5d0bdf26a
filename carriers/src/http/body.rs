//! How a body ends, and where: by its length, by chunks, or with the connection.

use std::ops::Range;

use memchr::memchr;

use super::head::{Head, head_end};
use super::start::Start;

/// A message is one row with a body of up to so many bytes; the parts of a longer one are rows of their own.
pub(super) const MAX_WHOLE: usize = 1 << 20;
/// A longer body that has no chunks is cut after each so many bytes.
pub(super) const STEP: u64 = 64 << 10;
/// A larger chunk is cut too.
const MAX_CHUNK: u64 = MAX_WHOLE as u64;
/// Who writes more chunks of less than [`SMALL`] bytes than so many probably writes them as things happen, and each is to be seen then.
const MAX_SMALL: u32 = 32;
const SMALL: u64 = 1 << 10;
/// The longest trailers.
const MAX_TRAILERS: usize = 16 << 10;
/// The longest line of a chunk's size with its extensions.
const MAX_SIZE_LINE: usize = 8 << 10;

/// What the head says of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Length(u64),
    Chunked,
    /// It ends with the connection.
    UntilEnd,
}

/// What is known of the request when a response is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answers {
    #[default]
    Any,
    /// HEAD: there is no body, whatever the head says.
    Head,
    /// CONNECT: if it succeeds, there is none.
    Connect,
}

/// How the body of a message ends, as RFC 9112 section 6.3 has it.
pub(super) fn body_of(head: &Head<'_>, answers: Answers) -> Body {
    let is_response = head.start == Start::Response;
    if is_response {
        let status = head.status().unwrap_or(0);
        let without = matches!(status, 100..200 | 204 | 304) || answers == Answers::Head;
        if without || answers == Answers::Connect && (200..300).contains(&status) {
            return Body::None;
        }
    }
    if let Some(last) = head.values("transfer-encoding").last() {
        let last = last.rsplit(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
        match last.eq_ignore_ascii_case(b"chunked") {
            true => return Body::Chunked,
            false if is_response => return Body::UntilEnd,
            // A server has to refuse it.
            false => return Body::None,
        }
    }
    match content_length(head) {
        Length::Known(length) => Body::Length(length),
        Length::None | Length::Invalid if is_response => Body::UntilEnd,
        Length::None | Length::Invalid => Body::None,
    }
}

/// What the fields `Content-Length` say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    None,
    Known(u64),
    Invalid,
}

/// The length that the head says. Of several that differ the first counts.
pub(super) fn content_length(head: &Head<'_>) -> Length {
    let Some(first) = head.values("content-length").next() else { return Length::None };
    let first = first.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
    let digits =
        std::str::from_utf8(first).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).map_or(Length::Invalid, Length::Known)
}

/// Whether a body of that type is written as things happen: its parts are to be seen then.
pub(super) fn is_stream(head: &Head<'_>) -> bool {
    const TYPES: [&str; 7] = [
        "text/event-stream",
        "multipart/x-mixed-replace",
        "application/grpc-web",
        "application/x-ndjson",
        "application/ndjson",
        "application/json-seq",
        "application/stream+json",
    ];
    let Some(media_type) = head.value("content-type") else { return false };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let is = |known: &&'static str| {
        let end = essence.get(known.len()..).unwrap_or("-");
        essence.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
            && (end.is_empty() || end.starts_with('+') || end.starts_with("-text"))
    };
    TYPES.iter().any(is)
}

/// What a body in chunks begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// A chunk: its size, where the line with it ends, and where its data end.
    Data { size: u64, line: usize, end: usize },
    /// The last one, with the trailers: where the line with its size ends, and where all ends.
    Last { line: usize, end: usize },
    /// So many more bytes are needed, of a chunk of which this much is known.
    More { needed: usize, size: Option<(u64, usize)> },
    /// The bytes are no chunk.
    Bad,
}

impl Chunk {
    /// The chunk at an offset in bytes.
    pub(super) fn read(bytes: &[u8], at: usize) -> Chunk {
        let rest = bytes.get(at..).unwrap_or_default();
        let (size, line) = match size_line(rest) {
            Some(Ok(line)) => line,
            Some(Err(())) => return Chunk::Bad,
            None => return Chunk::More { needed: 1, size: None },
        };
        if size == 0 {
            // The empty line after the trailers.
            return match head_end(rest, line - 1) {
                Some(end) if end - line <= MAX_TRAILERS => Chunk::Last { line: at + line, end: at + end },
                None if rest.len() - line <= MAX_TRAILERS => Chunk::More { needed: 1, size: Some((0, line)) },
                _ => Chunk::Bad,
            };
        }
        let known = Some((size, line));
        let Ok(data) = usize::try_from(size) else { return Chunk::More { needed: usize::MAX, size: known } };
        let Some(data_end) = line.checked_add(data) else {
            return Chunk::More { needed: usize::MAX, size: known };
        };
        match rest.get(data_end..) {
            Some([b'\r', b'\n', ..]) => Chunk::Data { size, line: at + line, end: at + data_end + 2 },
            Some([b'\n', ..]) => Chunk::Data { size, line: at + line, end: at + data_end + 1 },
            Some([] | [b'\r']) => Chunk::More { needed: 1, size: known },
            Some(_) => Chunk::Bad,
            None => {
                let needed = (data_end - rest.len()).saturating_add(1);
                Chunk::More { needed, size: known }
            }
        }
    }

    /// Whether a chunk of that size is a row of its own, rather than cut.
    pub(super) fn is_row(size: u64) -> bool {
        size <= MAX_CHUNK
    }
}

/// The size in the line that bytes begin with, and the line's length. None if it is not all there.
pub(super) fn size_line(bytes: &[u8]) -> Option<Result<(u64, usize), ()>> {
    let digits = bytes.iter().take(17).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let text = bytes.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
    let next = bytes.get(digits);
    if next.is_some() && (digits == 0 || digits > 16) {
        return Some(Err(()));
    }
    match next? {
        b';' | b' ' | b'\t' | b'\r' | b'\n' => {}
        _ => return Some(Err(())),
    }
    let line = bytes.get(..MAX_SIZE_LINE.min(bytes.len())).unwrap_or_default();
    let Some(end) = memchr(b'\n', line) else {
        return (bytes.len() >= MAX_SIZE_LINE).then_some(Err(()));
    };
    let after = line.get(digits..end).unwrap_or_default().trim_ascii();
    if !after.is_empty() && !after.starts_with(b";") {
        return Some(Err(()));
    }
    Some(u64::from_str_radix(text, 16).map(|size| (size, end + 1)).map_err(|_| ()))
}

/// Reads a body in chunks that may be part of one row with its head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WholeBody {
    /// How many bytes of it are chunks that were read.
    read: usize,
    small: u32,
}

/// What is known of such a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// It ends there, counted from its beginning.
    End(usize),
    /// So many more bytes are needed.
    More(usize),
    /// Its chunks are rows of their own: it is long, or has many small ones, or is damaged.
    InParts,
}

impl WholeBody {
    /// Reads on in the body.
    pub(super) fn advance(&mut self, body: &[u8]) -> Whole {
        loop {
            let chunk = Chunk::read(body, self.read);
            let size = match chunk {
                Chunk::Last { end, .. } if end <= MAX_WHOLE => return Whole::End(end),
                Chunk::Last { .. } | Chunk::Bad => return Whole::InParts,
                Chunk::Data { size, .. } => size,
                Chunk::More { size, needed } => {
                    let length = size.map_or(0, |(size, line)| size.saturating_add(line as u64));
                    let is_long = (self.read as u64).saturating_add(length) > MAX_WHOLE as u64;
                    let is_much = self.is_much(size.map_or(0, |(size, _)| size));
                    return if is_long || is_much { Whole::InParts } else { Whole::More(needed) };
                }
            };
            if let Chunk::Data { end, .. } = chunk {
                if end > MAX_WHOLE || self.is_much(size) {
                    return Whole::InParts;
                }
                self.small += u32::from(size < SMALL);
                self.read = end;
            }
        }
    }

    fn is_much(&self, size: u64) -> bool {
        size > 0 && size < SMALL && self.small >= MAX_SMALL
    }
}

/// The data of the chunks of a body, and what else it has.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    /// The line with the size, and the data, of each.
    pub(super) data: Vec<(Range<usize>, Range<usize>)>,
    /// The line with the size of the last one, and its trailers.
    pub(super) last: Option<(Range<usize>, Range<usize>)>,
    /// Where the chunks that are whole end.
    pub(super) end: usize,
}

impl Chunks {
    /// The chunks from an offset in a message on.
    pub(super) fn read(bytes: &[u8], at: usize) -> Chunks {
        let mut chunks = Chunks { end: at, ..Chunks::default() };
        loop {
            match Chunk::read(bytes, chunks.end) {
                Chunk::Data { size, line, end } => {
                    let data = line..line.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
                    chunks.data.push((chunks.end..line, data));
                    chunks.end = end;
                }
                Chunk::Last { line, end } => {
                    chunks.last = Some((chunks.end..line, line..end));
                    chunks.end = end;
                    return chunks;
                }
                Chunk::More { .. } | Chunk::Bad => return chunks,
            }
        }
    }

    /// The data of all, one after another.
    pub(super) fn joined(&self, bytes: &[u8]) -> Vec<u8> {
        self.data.iter().flat_map(|(_, data)| bytes.get(data.clone()).unwrap_or_default()).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::Read;
    use super::super::start::Versions;
    use super::*;

    fn body(text: &str, answers: Answers) -> Body {
        match Head::read(text.as_bytes(), Versions::One) {
            Read::Whole(head) => body_of(&head, answers),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_head_says_how_the_body_ends() {
        let any = |text: &str| body(text, Answers::Any);
        assert_eq!(any("GET / HTTP/1.1\r\n\r\n"), Body::None);
        assert_eq!(any("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), Body::Length(5));
        assert_eq!(any("POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n"), Body::Length(5));
        assert_eq!(any("POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"), Body::None);
        assert_eq!(
            any("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 5\r\n\r\n"),
            Body::Chunked
        );
        assert_eq!(any("HTTP/1.1 200 OK\r\n\r\n"), Body::UntilEnd);
        assert_eq!(any("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), Body::UntilEnd);
        for status in [100, 101, 204, 304] {
            assert_eq!(any(&format!("HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n")), Body::None);
        }
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(body(long, Answers::Head), Body::None);
        assert_eq!(body(long, Answers::Connect), Body::None);
        assert_eq!(body(&long.replace("200", "403"), Answers::Connect), Body::Length(5));
    }

    #[test]
    fn chunks_are_read_with_extensions_and_trailers() {
        let bytes = b"3;a=\"b\"\r\nabc\r\n0A \n0123456789\n0\r\nX: y\r\n\r\nnext";
        assert_eq!(Chunk::read(bytes, 0), Chunk::Data { size: 3, line: 9, end: 14 });
        assert_eq!(Chunk::read(bytes, 14), Chunk::Data { size: 10, line: 18, end: 29 });
        assert_eq!(Chunk::read(bytes, 29), Chunk::Last { line: 32, end: 40 });
        let chunks = Chunks::read(bytes, 0);
        assert_eq!((chunks.joined(bytes), chunks.end), (b"abc0123456789".to_vec(), 40));
        assert_eq!(chunks.last, Some((29..32, 32..40)));
        for bad in ["\r\n", "x\r\n", "1 1\r\n", "11111111111111111\r\n", "1\r\nab", "-1\r\n"] {
            assert_eq!(Chunk::read(bad.as_bytes(), 0), Chunk::Bad, "{bad}");
        }
        for cut in 0..14 {
            assert!(matches!(Chunk::read(&bytes[..cut], 0), Chunk::More { .. }), "{cut}");
        }
    }

    #[test]
    fn a_body_in_chunks_is_whole_within_limits() {
        let read = |text: &[u8]| WholeBody::default().advance(text);
        let chunks = |size: usize, count: usize| {
            let one = [format!("{size:x}\r\n").as_bytes(), &vec![b'x'; size], b"\r\n"].concat();
            one.repeat(count)
        };
        let ended = |body: &[u8]| [body, b"0\r\n\r\n"].concat();
        assert_eq!(read(&ended(&chunks(5, 32))), Whole::End(32 * 10 + 5));
        assert_eq!(read(&ended(&chunks(5, 33))), Whole::InParts);
        assert_eq!(read(&chunks(5, 33)[..329 - 2]), Whole::InParts, "as soon as its size is known");
        assert!(matches!(read(&ended(&chunks(2000, 500))), Whole::End(_)));
        assert_eq!(read(&ended(&chunks(20_000, 60))), Whole::InParts);
        assert_eq!(read(b"fffff9\r\n"), Whole::InParts, "without waiting for it");
        assert_eq!(read(b"5\r\nabcdeX"), Whole::InParts);
        assert_eq!(read(b"5\r\nab"), Whole::More(4));
    }
}
