//! What one direction of a gzip, zlib or deflate stream unpacks to, as its bytes come. It knows no rows and no channel.
//!
//! ```text
//! gzip     1f 8b 08 flags mtime(4) xfl os [extra: u16 + bytes] [name 00] [comment 00] [crc16] deflate crc32(4) size(4); again and again
//! zlib     78 .. deflate adler32(4); again and again
//! deflate  deflate
//! ```
//!
//! Its memory is bounded by 45 kB and the longest header that is accepted.

use std::ops::ControlFlow;

use framescope_parser::{Code, Sentence};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus, mz_adler32_oxide};

use super::fields::{big_endian, little_endian};

/// The most bytes of a gzip header: its name and comment have no limit in RFC 1952.
pub(super) const LONGEST_HEADER: usize = 16 << 10;

/// What is around deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Zlib,
    /// Nothing, RFC 1951.
    Deflate,
}

/// Where a direction is.
#[derive(Clone)]
enum Phase {
    /// Inside the header, of which these bytes came.
    Header(Vec<u8>),
    Body(Box<Body>),
    /// Inside the check behind it, of which these bytes came, and what was unpacked.
    Trailer(Vec<u8>, Sum),
    /// Nothing can be unpacked up to the next header: the last bytes, in which it may begin.
    Search(Vec<u8>),
    /// Nothing can be unpacked any more, and why was said.
    Over,
}

#[derive(Clone)]
struct Body {
    state: InflateState,
    sum: Sum,
}

/// The check of what was unpacked: CRC-32 for gzip, Adler-32 for zlib; and how many bytes that was.
#[derive(Clone)]
struct Sum {
    crc: crc32fast::Hasher,
    adler: u32,
    length: u64,
}

impl Sum {
    fn update(&mut self, wrapper: Wrapper, bytes: &[u8]) {
        match wrapper {
            Wrapper::Gzip => self.crc.update(bytes),
            Wrapper::Zlib => self.adler = mz_adler32_oxide(self.adler, bytes),
            Wrapper::Deflate => {}
        }
        self.length = self.length.wrapping_add(u64::try_from(bytes.len()).unwrap_or(0));
    }
}

impl Body {
    fn new() -> Box<Body> {
        let sum = Sum { crc: crc32fast::Hasher::new(), adler: 1, length: 0 };
        Box::new(Body { state: InflateState::new(DataFormat::Raw), sum })
    }
}

/// One direction.
#[derive(Clone)]
pub(super) struct Inflating {
    wrapper: Wrapper,
    phase: Phase,
}

/// Takes what is unpacked.
pub(super) trait Unpacked {
    /// How much more is taken.
    fn room(&self) -> usize;
    fn bytes(&mut self, bytes: &[u8]);
    /// What follows is missing.
    fn lost(&mut self);
    fn problem(&mut self, code: Code, text: Sentence);
}

impl Inflating {
    pub(super) fn new(wrapper: Wrapper) -> Inflating {
        Inflating { wrapper, phase: Phase::beginning(wrapper) }
    }

    /// How many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        match &self.phase {
            Phase::Body(_) => size_of::<Body>(),
            Phase::Header(bytes) | Phase::Trailer(bytes, ..) | Phase::Search(bytes) => bytes.capacity(),
            Phase::Over => 0,
        }
    }

    /// Bytes were lost: what is unpacked next begins with a header.
    pub(super) fn loss(&mut self) {
        self.phase = match self.wrapper {
            Wrapper::Gzip => Phase::Search(Vec::new()),
            Wrapper::Zlib | Wrapper::Deflate => Phase::Over,
        };
    }

    /// Whether bytes that come can't be unpacked.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.phase, Phase::Search(_) | Phase::Over)
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8], to: &mut dyn Unpacked) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let step = match &mut self.phase {
                Phase::Header(_) => self.header(rest, to),
                Phase::Body(_) => self.body(rest, to),
                Phase::Trailer(..) => self.trailer(rest, to),
                Phase::Search(_) => self.search(rest),
                Phase::Over => return,
            };
            match step {
                ControlFlow::Continue(taken) => rest = rest.get(taken..).unwrap_or_default(),
                ControlFlow::Break(()) => return,
            }
        }
    }

    fn fail(&mut self, code: Code, text: Sentence, to: &mut dyn Unpacked) -> ControlFlow<(), usize> {
        to.problem(code, text);
        to.lost();
        self.loss();
        ControlFlow::Break(())
    }

    fn header(&mut self, bytes: &[u8], to: &mut dyn Unpacked) -> ControlFlow<(), usize> {
        let Phase::Header(known) = &mut self.phase else { return ControlFlow::Break(()) };
        let before = known.len();
        let part = bytes.get(..LONGEST_HEADER - before.min(LONGEST_HEADER)).unwrap_or(bytes);
        known.extend_from_slice(part);
        match header_length(self.wrapper, known) {
            Header::Complete(_)
                if self.wrapper == Wrapper::Zlib && known.get(1).is_some_and(|&byte| byte & 0x20 != 0) =>
            {
                let text = "the stream needs a dictionary that both sides know, and which is not in it";
                self.fail(Code::UnpackingFailed, text.into(), to)
            }
            Header::Complete(length) => {
                self.phase = Phase::Body(Body::new());
                ControlFlow::Continue(length.saturating_sub(before))
            }
            Header::Incomplete if before + part.len() < LONGEST_HEADER => ControlFlow::Continue(part.len()),
            Header::Incomplete => {
                let text =
                    Sentence::new("the header has no end within {} bytes").with([LONGEST_HEADER as u64]);
                self.fail(Code::UnpackingFailed, text, to)
            }
            Header::Wrong(why) => self.fail(Code::UnpackingFailed, why.into(), to),
        }
    }

    fn body(&mut self, bytes: &[u8], to: &mut dyn Unpacked) -> ControlFlow<(), usize> {
        let Phase::Body(body) = &mut self.phase else { return ControlFlow::Break(()) };
        let (mut taken, mut buffer) = (0, [0; 16 << 10]);
        loop {
            let result =
                inflate(&mut body.state, bytes.get(taken..).unwrap_or_default(), &mut buffer, MZFlush::None);
            taken += result.bytes_consumed;
            let written = buffer.get(..result.bytes_written).unwrap_or_default();
            let room = to.room();
            to.bytes(written.get(..room).unwrap_or(written));
            if written.len() > room {
                let text = "the rest of what this unpacks to is left out, up to the next beginning: there is no \
                            room for it beside what was unpacked so far";
                return self.fail(Code::ExpandsTooMuch, text.into(), to);
            }
            body.sum.update(self.wrapper, written);
            match result.status {
                Ok(MZStatus::StreamEnd) => {
                    self.phase = match self.wrapper {
                        Wrapper::Gzip | Wrapper::Zlib => Phase::Trailer(Vec::new(), body.sum.clone()),
                        Wrapper::Deflate => return self.ended(bytes.len() > taken, to),
                    };
                    return ControlFlow::Continue(taken);
                }
                Ok(_) | Err(MZError::Buf) if written.is_empty() && result.bytes_consumed == 0 => {
                    // Nothing more can be unpacked from what is there.
                    return ControlFlow::Continue(bytes.len());
                }
                Ok(_) | Err(MZError::Buf) => {}
                Err(_) => {
                    let text =
                        Sentence::new("what follows the first {} bytes that were unpacked is not deflate");
                    let text = text.with([body.sum.length]);
                    return self.fail(Code::UnpackingFailed, text, to);
                }
            }
        }
    }

    /// The end of a stream that has nothing around it, so that nothing can follow.
    fn ended(&mut self, has_more: bool, to: &mut dyn Unpacked) -> ControlFlow<(), usize> {
        self.phase = Phase::Over;
        if has_more {
            to.problem(
                Code::UnpackingFailed,
                "the compressed stream ends in this row, and more follows".into(),
            );
        }
        ControlFlow::Break(())
    }

    fn trailer(&mut self, bytes: &[u8], to: &mut dyn Unpacked) -> ControlFlow<(), usize> {
        let Phase::Trailer(known, sum) = &mut self.phase else { return ControlFlow::Break(()) };
        let size = if self.wrapper == Wrapper::Gzip { 8 } else { 4 };
        let part = bytes.get(..size - known.len().min(size)).unwrap_or(bytes);
        known.extend_from_slice(part);
        if known.len() < size {
            return ControlFlow::Continue(part.len());
        }
        let (first, second) = known.split_at_checked(4).unwrap_or_default();
        let (name, stored, found) = match self.wrapper {
            Wrapper::Gzip => ("CRC-32", little_endian(first), sum.crc.clone().finalize()),
            Wrapper::Zlib | Wrapper::Deflate => ("Adler-32", big_endian(first), sum.adler),
        };
        if u64::from(found) != stored {
            let text = format!(
                "the {name} behind this is {stored:#010x}, and that of what was unpacked {found:#010x}"
            );
            to.problem(Code::ChecksumMismatch, Sentence::from(text));
        }
        // It is stored modulo 2^32.
        let length = sum.length & 0xffff_ffff;
        if self.wrapper == Wrapper::Gzip && length != little_endian(second) {
            let text = Sentence::new("the size behind this is {}, and {} bytes were unpacked");
            to.problem(Code::ChecksumMismatch, text.with([little_endian(second), length]));
        }
        self.phase = Phase::beginning(self.wrapper);
        ControlFlow::Continue(part.len())
    }

    /// Looks for the next header, which may begin in what came before.
    fn search(&mut self, bytes: &[u8]) -> ControlFlow<(), usize> {
        let Phase::Search(last) = &mut self.phase else { return ControlFlow::Break(()) };
        let kept = last.len();
        last.extend_from_slice(bytes);
        let found =
            last.windows(4).position(|four| matches!(four, [0x1f, 0x8b, 8, flags] if flags & 0xe0 == 0));
        match found {
            Some(at) => {
                let begun = last.get(at..kept).unwrap_or_default().to_vec();
                self.phase = Phase::Header(begun);
                ControlFlow::Continue(at.saturating_sub(kept))
            }
            None => {
                last.drain(..last.len().saturating_sub(3));
                ControlFlow::Continue(bytes.len())
            }
        }
    }
}

impl Phase {
    fn beginning(wrapper: Wrapper) -> Phase {
        match wrapper {
            Wrapper::Gzip | Wrapper::Zlib => Phase::Header(Vec::new()),
            Wrapper::Deflate => Phase::Body(Body::new()),
        }
    }
}

/// How long a header is that begins with these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Complete(usize),
    Incomplete,
    Wrong(&'static str),
}

/// How long the header is.
pub(super) fn header_length(wrapper: Wrapper, bytes: &[u8]) -> Header {
    match wrapper {
        Wrapper::Gzip => gzip_header(bytes),
        Wrapper::Zlib => match *bytes {
            [] => Header::Incomplete,
            [first, ..] if first & 15 != 8 || first >> 4 > 7 => {
                Header::Wrong("the first byte is that of no zlib stream: it names another method or window")
            }
            [_] => Header::Incomplete,
            [first, second, ..] if (u16::from(first) << 8 | u16::from(second)) % 31 != 0 => {
                Header::Wrong("the first two bytes are those of no zlib stream: their check does not hold")
            }
            _ => Header::Complete(2),
        },
        Wrapper::Deflate => Header::Complete(0),
    }
}

fn gzip_header(bytes: &[u8]) -> Header {
    let magic = [0x1f, 0x8b, 8];
    if bytes.iter().zip(magic).any(|(&byte, expected)| byte != expected) {
        return Header::Wrong("the bytes do not begin with 1f 8b 08, as each member of gzip does");
    }
    let Some(&flags) = bytes.get(3) else { return Header::Incomplete };
    if flags & 0xe0 != 0 {
        return Header::Wrong(
            "reserved flags are set in the header, so that it may have parts that are unknown here",
        );
    }
    let mut at = 10;
    if flags & 4 != 0 {
        let Some(length) = bytes.get(at..at + 2) else { return Header::Incomplete };
        at += 2 + usize::try_from(little_endian(length)).unwrap_or(0);
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = bytes.get(at..).and_then(|text| memchr::memchr(0, text));
            let Some(end) = end else { return Header::Incomplete };
            at += end + 1;
        }
    }
    at += if flags & 2 != 0 { 2 } else { 0 };
    if at <= bytes.len() { Header::Complete(at) } else { Header::Incomplete }
}
