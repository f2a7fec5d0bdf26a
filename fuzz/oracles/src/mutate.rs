//! Changes streams of Missive as a stream of frames, not as bytes: so that most of what a fuzzer tries gets past the checks
//! that stand before everything else, and the rest does not.
//!
//! What comes out is wire bytes, like what goes in: every find of the fuzzer is traffic, and opens as such.

use std::cell::RefCell;
use std::mem;

use framescope_parser::missive::{Flags, Header, Kind, RawFrame};

use crate::random::Random;

/// One in so many frames has a length that is false or a check that does not hold. A reader that is rarely lied to is rarely
/// tested on lies; but behind a false check nothing more of the frame is reached, so most must hold.
pub const BROKEN: usize = 8;

/// Longest that a stream is made, and that most are: what two frames do to each other takes no more, and is tried more often.
const LONGEST: usize = 64 << 10;
const SHORT: usize = 384;

/// Changes the stream in `data[..size]` and gives its new length, at most `max_size`. `bytes` is the fuzzer's own way to
/// change some bytes: it gets bytes, their length and how long they may become. The same `seed` makes the same change.
pub fn mutate_frames(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut random = Random::new(seed);
    // Now and then the bytes themselves: there may be what no frame would be changed to.
    if random.one_in(16) {
        return bytes(data, size, max_size);
    }
    let mut pieces = pieces(&data[..size]);
    heal(&mut pieces, &mut random);
    for _ in 0..=random.below(3) {
        change(&mut pieces, &mut random, bytes);
    }
    if !random.one_in(6) {
        shorten(&mut pieces, &mut random);
    }
    let mut out = Vec::with_capacity(size + 64);
    for piece in &pieces {
        piece.write(&mut random, &mut out);
    }
    out.truncate(max_size.min(data.len()).min(LONGEST));
    data[..out.len()].copy_from_slice(&out);
    out.len()
}

/// A stretch of a stream.
#[derive(Clone, Debug)]
enum Piece {
    Frame(Frame),
    /// Bytes that are no frame.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    header: Header,
    extensions: Vec<u8>,
    payload: Vec<u8>,
    tag: Vec<u8>,
    /// Whether its checksum, if it has one, was right.
    sound: bool,
}

/// The frames of a stream, by their headers alone, and what stands between them.
fn pieces(stream: &[u8]) -> Vec<Piece> {
    let (mut pieces, mut at, mut between) = (Vec::new(), 0, 0);
    while at < stream.len() {
        let Some((frame, length)) = frame_at(&stream[at..]) else {
            at += 1;
            continue;
        };
        if between < at {
            pieces.push(Piece::Bytes(stream[between..at].to_vec()));
        }
        pieces.push(Piece::Frame(frame));
        at += length;
        between = at;
    }
    if between < stream.len() {
        pieces.push(Piece::Bytes(stream[between..].to_vec()));
    }
    pieces
}

fn frame_at(bytes: &[u8]) -> Option<(Frame, usize)> {
    let raw = RawFrame::new(bytes);
    let header = raw.header().filter(|_| raw.missing() == 0)?;
    let frame = Frame {
        header,
        extensions: raw.extensions().rest().to_vec(),
        payload: raw.payload().to_vec(),
        tag: raw.tag().to_vec(),
        sound: raw.checksum() == raw.computed_checksum(),
    };
    Some((frame, raw.bytes().len()))
}

/// The first stream that `fits` of those that are simpler than this one: without one of its frames, or with less in one. Lengths and
/// checks are as they should be, but for checksums that were not.
pub(crate) fn simpler_frames(stream: &[u8], fits: &mut dyn FnMut(&[u8]) -> bool) -> Option<Vec<u8>> {
    let pieces = pieces(stream);
    let found = RefCell::new(None);
    let mut written = |pieces: &[Piece]| {
        let mut out = Vec::new();
        for piece in pieces {
            let is_sound = matches!(piece, Piece::Frame(frame) if frame.sound);
            piece.write_broken((!is_sound).then_some(CHECKSUM), &mut Random::new(0), &mut out);
        }
        if fits(&out) {
            found.replace(Some(out));
        }
    };
    let is_open = || found.borrow().is_none();
    for at in (0..pieces.len()).take_while(|_| is_open()) {
        written(&[&pieces[..at], &pieces[at + 1..]].concat());
    }
    for (at, piece) in pieces.iter().enumerate().take_while(|_| is_open()) {
        let Piece::Frame(frame) = piece else { continue };
        let mut with = |change: &dyn Fn(&mut Frame)| {
            let mut changed = frame.clone();
            change(&mut changed);
            if changed != *frame && is_open() {
                let mut pieces = pieces.clone();
                pieces[at] = Piece::Frame(changed);
                written(&pieces);
            }
        };
        with(&|frame| frame.extensions.clear());
        with(&|frame| frame.payload.clear());
        let half = frame.payload.len() / 2;
        with(&|frame| frame.payload.truncate(half));
        with(&|frame| drop(frame.payload.drain(..half)));
        let last = frame.payload.len().saturating_sub(1);
        with(&|frame| frame.payload.truncate(last));
        for bit in 0..16 {
            with(&|frame| frame.header.flags.0 &= !(1 << bit));
        }
        with(&|frame| frame.header.sequence = 0);
        with(&|frame| frame.header.channel = 0);
        with(&|frame| frame.header.version = 1);
        with(&|frame| (frame.header.kind, frame.payload) = (Kind::DATA, Vec::new()));
        with(&|frame| (frame.header.kind, frame.payload) = (Kind::LOGIN, vec![0; 4]));
    }
    found.into_inner()
}

/// The way to break a frame that is a false checksum.
const CHECKSUM: usize = 5;

impl Piece {
    /// Writes it, with lengths and checks that mostly are what they should.
    fn write(&self, random: &mut Random, out: &mut Vec<u8>) {
        let broken = random.one_in(BROKEN).then(|| random.below(6));
        self.write_broken(broken, random, out);
    }

    /// Writes it, broken in one of six ways.
    fn write_broken(&self, broken: Option<usize>, random: &mut Random, out: &mut Vec<u8>) {
        let frame = match self {
            Piece::Bytes(bytes) => return out.extend_from_slice(bytes),
            Piece::Frame(frame) => frame,
        };
        let begins = out.len();
        let mut header = frame.header;
        header.extensions_length = u16::try_from(frame.extensions.len()).unwrap_or(u16::MAX);
        header.payload_length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
        match broken {
            Some(0) => header.payload_length = header.payload_length.wrapping_add(random.small()),
            Some(1) => header.payload_length = random.edge(),
            Some(2) => {
                header.extensions_length = header.extensions_length.wrapping_add(random.small() as u16)
            }
            Some(3) => header.extensions_length = random.edge() as u16,
            _ => {}
        }
        let mut bytes = header.to_bytes();
        if broken == Some(4) {
            bytes[random.below(Header::LENGTH)] ^= 1 << random.below(8);
        }
        out.extend(bytes);
        out.extend_from_slice(&frame.extensions);
        out.extend_from_slice(&frame.payload);
        if header.flags.contains(Flags::AUTH) {
            let mut tag = frame.tag.clone();
            tag.resize(16, 0xA5);
            out.extend(tag);
        }
        if header.flags.contains(Flags::CHECKSUM) {
            let mut checksum = crc32fast::hash(&out[begins..]);
            if broken == Some(CHECKSUM) {
                checksum ^= 1 << random.below(32);
            }
            out.extend(checksum.to_be_bytes());
        }
    }
}

/// Damage does not heap up: what is kept because of one fault is changed on the way to another one.
fn heal(pieces: &mut Vec<Piece>, random: &mut Random) {
    pieces.retain(|piece| matches!(piece, Piece::Frame(_)) || !random.one_in(2));
    for piece in pieces.iter_mut() {
        let Piece::Frame(frame) = piece else { continue };
        if random.one_in(2) {
            frame.header.version = 1;
            frame.header.flags.0 &= 0x000F;
            frame.header.kind.0 = if random.one_in(3) { 3 } else { frame.header.kind.0 };
        }
        if random.one_in(4) {
            frame.extensions.clear();
        }
        if random.one_in(4) {
            frame.typed(random);
        }
    }
    // Two frames at least, mostly: what one does to the next is what is looked for.
    let frames = pieces.iter().filter(|piece| matches!(piece, Piece::Frame(_))).count();
    for _ in frames..if random.one_in(4) { 1 } else { 2 } {
        pieces.push(Piece::Frame(Frame::new(random)));
    }
}

/// Drops pieces until the stream is short, or is one piece.
fn shorten(pieces: &mut Vec<Piece>, random: &mut Random) {
    let length = |piece: &Piece| match piece {
        Piece::Bytes(bytes) => bytes.len(),
        Piece::Frame(frame) => Header::LENGTH + frame.extensions.len() + frame.payload.len(),
    };
    let mut all: usize = pieces.iter().map(length).sum();
    while all > SHORT && pieces.len() > 1 {
        all -= length(&pieces.remove(random.below(pieces.len())));
    }
}

fn change(
    pieces: &mut Vec<Piece>,
    random: &mut Random,
    bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) {
    if pieces.is_empty() || random.one_in(12) {
        let at = random.below(pieces.len() + 1);
        pieces.insert(at, Piece::Frame(Frame::new(random)));
        return;
    }
    let at = random.below(pieces.len());
    match random.below(12) {
        way @ ..3 if rearrange(pieces, at, way, random) => {}
        3 => {
            let length = random.below(24);
            let garbage = (0..length).map(|_| random.byte()).collect();
            pieces.insert(at, Piece::Bytes(garbage));
        }
        4 => splice(pieces, at, random),
        _ => match &mut pieces[at] {
            Piece::Frame(frame) => frame.change(random, bytes),
            Piece::Bytes(garbage) => *garbage = changed(garbage, 64, bytes),
        },
    }
}

/// Doubles, swaps or drops a piece. False if it can't be done: something is left.
pub(crate) fn rearrange<T: Clone>(pieces: &mut Vec<T>, at: usize, way: usize, random: &mut Random) -> bool {
    match way {
        0 => {
            let again = pieces[at].clone();
            pieces.insert(random.below(pieces.len() + 1), again);
        }
        1 => {
            let other = random.below(pieces.len());
            pieces.swap(at, other);
        }
        _ if pieces.len() > 1 => drop(pieces.remove(at)),
        _ => return false,
    }
    true
}

/// The beginning of a frame and the end of another become one; or a frame stands in the payload of another.
fn splice(pieces: &mut [Piece], at: usize, random: &mut Random) {
    let other = random.below(pieces.len());
    let Piece::Frame(theirs) = pieces[other].clone() else { return };
    let Piece::Frame(frame) = &mut pieces[at] else { return };
    if random.one_in(3) {
        let mut inner = Vec::new();
        Piece::Frame(theirs).write(random, &mut inner);
        let at = random.below(frame.payload.len() + 1);
        frame.payload.splice(at..at, inner);
    } else {
        frame.payload.truncate(random.below(frame.payload.len() + 1));
        frame.payload.extend_from_slice(&theirs.payload[random.below(theirs.payload.len() + 1)..]);
        if random.one_in(2) {
            frame.extensions = theirs.extensions;
        }
    }
}

/// Bytes as the fuzzer would change them.
fn changed(old: &[u8], room: usize, bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize) -> Vec<u8> {
    let most = old.len() + room;
    let mut new = old.to_vec();
    new.resize(most, 0);
    let length = bytes(&mut new, old.len(), most).min(most);
    new.truncate(length);
    new
}

impl Frame {
    /// A frame of any kind, with a payload of its kind.
    fn new(random: &mut Random) -> Frame {
        let kinds = [1, 2, 3, 3, 4, 5, 6, 7, 0x80];
        let kind = Kind(kinds[random.below(kinds.len())]);
        let flags = Flags([0, 1, 1, 4, 5, 8, 9][random.below(7)]);
        let (sequence, channel) = (random.small(), random.below(3) as u16);
        let header = Header {
            version: 1,
            kind,
            flags,
            extensions_length: 0,
            payload_length: 0,
            sequence,
            channel,
            header_check: 0,
        };
        let mut frame =
            Frame { header, extensions: Vec::new(), payload: Vec::new(), tag: Vec::new(), sound: true };
        frame.typed(random);
        frame
    }

    /// A payload as the kind has it.
    fn typed(&mut self, random: &mut Random) {
        let text = if random.one_in(16) { vec![b'x'; random.length()] } else { random.text() };
        self.payload = match self.header.kind {
            Kind::LOGIN => {
                let credential = random.text();
                let lengths = [text.len(), credential.len()].map(|length| {
                    let length = if random.one_in(BROKEN) { length + random.below(9) } else { length };
                    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
                });
                [&lengths[0][..], &text, &lengths[1], &credential].concat()
            }
            Kind::ERROR => [&(random.edge() as u16).to_be_bytes()[..], &text].concat(),
            _ => text,
        };
    }

    fn change(&mut self, random: &mut Random, bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize) {
        match random.below(9) {
            0 => self.header.kind = Kind([1, 2, 3, 4, 5, 6, 7, 0x7F, 0x80, 0xFF][random.below(10)]),
            1 => {
                self.header.flags = Flags(
                    self.header.flags.0
                        ^ 1 << if random.one_in(6) { random.below(16) } else { random.below(4) },
                )
            }
            2 => self.header.sequence = self.header.sequence.wrapping_add(random.small().wrapping_sub(3)),
            3 => self.header.channel = random.below(4) as u16,
            4 if random.one_in(4) => self.header.version = random.byte(),
            4 | 5 => self.typed(random),
            6 => self.extension(random),
            7 => self.extensions = changed(&self.extensions, 16, bytes),
            _ => self.payload = changed(&self.payload, 64, bytes),
        }
    }

    /// One extension more, mostly one that is known and has the size that it should.
    fn extension(&mut self, random: &mut Random) {
        let tag: u8 = [1, 2, 3, 4, 0x40, 0x81, 0xC1, 0x10][random.below(8)];
        let value = match tag & 0x7F {
            1 => random.edge().to_be_bytes().repeat(2),
            4 => vec![random.byte(); 16],
            _ => random.text(),
        };
        let length = if random.one_in(BROKEN) { random.edge() as u16 } else { value.len() as u16 };
        let one = [&[tag][..], &length.to_be_bytes(), &value].concat();
        // In front, so that what is there still has its place behind it; or behind.
        let rest = mem::take(&mut self.extensions);
        self.extensions = if random.one_in(2) { [one, rest].concat() } else { [rest, one].concat() };
        self.extensions.truncate(usize::from(u16::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::bytes_of;
    use crate::inputs::havoc;
    use crate::spans;
    use framescope_parser::missive::Missive;
    use framescope_parser::{Dissection, SpanType};

    /// Runs of a fuzzer that keeps what it made, as one does that finds each of these new.
    fn runs(count: u32, mut each: impl FnMut(&[u8])) {
        let mut kept = vec![b"\xF5M\x01\x01".to_vec()];
        for seed in 0..count {
            let mut data = kept[seed as usize % kept.len()].clone();
            let size = data.len();
            data.resize(2048, 0);
            let length = mutate_frames(&mut data, size, 2048, seed, &mut havoc(seed));
            data.truncate(length);
            each(&data);
            if kept.len() < 200 {
                kept.push(data);
            } else {
                kept[seed as usize % 200] = data;
            }
        }
    }

    #[test]
    fn most_of_what_is_made_reaches_a_typed_payload_and_some_breaks_every_check() {
        let missive = Missive::default();
        let (mut reached, mut all, mut codes) = (0, 0, framescope_parser::CodeSet::EMPTY);
        runs(4000, |data| {
            all += 1;
            for span in spans(&missive, data, &[]) {
                let bytes = bytes_of(&span, data);
                match span.span_type {
                    SpanType::Message => {
                        let dissection = Dissection::of(&missive, bytes);
                        dissection.problems.iter().for_each(|problem| codes.insert(problem.code));
                    }
                    SpanType::Skipped(code) => codes.insert(code),
                    _ => {}
                }
            }
            reached += usize::from(crate::reaches_payload(data));
        });
        let percent = reached * 100 / all;
        assert!(percent > 80, "{percent} % reach a typed payload");
        for name in [
            "not-a-frame",
            "header-check-mismatch",
            "payload-too-long",
            "length-suspect",
            "checksum-mismatch",
            "extension-overrun",
            "extension-size",
            "payload-overrun",
            "invalid-utf8",
            "critical-extension",
            "unknown-version",
            "unknown-kind",
            "reserved-flags",
            "payload-trailing",
            "ping-too-long",
            "tag-unverified",
            "unknown-extension",
        ] {
            let code = framescope_parser::Code::from_name(name).unwrap();
            assert!(codes.contains(code), "{name} was never made");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_change_within_its_room() {
        let seed = b"\xF5M\x01\x03 no frame".to_vec();
        for number in 0..500 {
            let run = |most: usize| {
                let mut data = seed.clone();
                data.resize(most.max(seed.len()), 0);
                let length = mutate_frames(&mut data, seed.len(), most, number, &mut havoc(number));
                data.truncate(length);
                data
            };
            for most in [0, 1, 10, 64, 4096] {
                let made = run(most);
                assert!(made.len() <= most);
                assert_eq!(made, run(most));
            }
        }
    }

    #[test]
    fn what_is_made_keeps_all_promises() {
        runs(300, |data| {
            for oracle in crate::ORACLES.iter().filter(|oracle| oracle.seeds == "frames") {
                (oracle.check)(data);
            }
        });
    }
}
