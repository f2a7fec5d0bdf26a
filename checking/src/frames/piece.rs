//! A stream of Missive as pieces: frames whose parts can be changed one by one, and the bytes between them.

use std::mem;

use framescope_parser::missive::{Flags, Header, Kind, RawFrame};

use super::changed;
use crate::BROKEN;
use crate::random::Random;

/// A stretch of a stream.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Frame(Frame),
    /// Bytes that are not a frame.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) header: Header,
    pub(super) extensions: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) tag: Vec<u8>,
    /// Whether its checksum, if it has one, was right.
    pub(super) sound: bool,
}

/// The frames of a stream, by their headers alone, and the bytes between them.
pub(super) fn pieces(stream: &[u8]) -> Vec<Piece> {
    let (mut pieces, mut between, mut rest) = (Vec::new(), Vec::new(), stream);
    while let Some((&byte, behind)) = rest.split_first() {
        let Some((frame, length)) = frame_at(rest) else {
            between.push(byte);
            rest = behind;
            continue;
        };
        if !between.is_empty() {
            pieces.push(Piece::Bytes(mem::take(&mut between)));
        }
        pieces.push(Piece::Frame(frame));
        rest = rest.get(length..).unwrap_or_default();
    }
    if !between.is_empty() {
        pieces.push(Piece::Bytes(between));
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

/// The way to break a frame that is a false checksum.
pub(super) const CHECKSUM: usize = 5;

impl Piece {
    /// Writes it, with lengths and checks that mostly hold.
    pub(super) fn write(&self, random: &mut Random, out: &mut Vec<u8>) {
        let broken = random.one_in(BROKEN).then(|| random.below(6));
        self.write_broken(broken, random, out);
    }

    /// Writes it, broken in one of six ways.
    pub(super) fn write_broken(&self, broken: Option<usize>, random: &mut Random, out: &mut Vec<u8>) {
        let frame = match self {
            Piece::Bytes(bytes) => return out.extend_from_slice(bytes),
            Piece::Frame(frame) => frame,
        };
        let begins = out.len();
        let mut header = frame.header;
        header.extensions_length = u16::try_from(frame.extensions.len()).unwrap_or(u16::MAX);
        header.payload_length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
        match broken {
            Some(0) => header.payload_length = header.payload_length.wrapping_add(random.small().into()),
            Some(1) => header.payload_length = random.edge(),
            Some(2) => header.extensions_length = header.extensions_length.wrapping_add(random.small()),
            Some(3) => header.extensions_length = random.edge16(),
            _ => {}
        }
        let mut bytes = header.to_bytes();
        if broken == Some(4) {
            random.flip(&mut bytes);
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
            let mut checksum = crc32fast::hash(out.get(begins..).unwrap_or_default());
            if broken == Some(CHECKSUM) {
                checksum ^= 1 << random.below(32);
            }
            out.extend(checksum.to_be_bytes());
        }
    }
}

impl Frame {
    /// A frame of any kind, with a payload of its kind.
    pub(super) fn new(random: &mut Random) -> Frame {
        let kind = Kind(random.one_of(&[1, 2, 3, 3, 4, 5, 6, 7, 0x80]));
        let flags = Flags(random.one_of(&[0, 1, 1, 4, 5, 8, 9]));
        let sequence = random.small().into();
        let channel = random.one_of(&[0, 1, 2]);
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

    /// A payload valid for the kind.
    pub(super) fn typed(&mut self, random: &mut Random) {
        let text = if random.one_in(16) { vec![b'x'; random.length()] } else { random.text() };
        self.payload = match self.header.kind {
            Kind::LOGIN => {
                let credential = random.text();
                let [of_text, of_credential] = [text.len(), credential.len()].map(|length| {
                    let length = if random.one_in(BROKEN) { length + random.below(9) } else { length };
                    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
                });
                [&of_text[..], &text, &of_credential, &credential].concat()
            }
            Kind::ERROR => [&random.edge16().to_be_bytes()[..], &text].concat(),
            _ => text,
        };
    }

    pub(super) fn change(
        &mut self,
        random: &mut Random,
        bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
    ) {
        match random.below(9) {
            0 => self.header.kind = Kind(random.one_of(&[1, 2, 3, 4, 5, 6, 7, 0x7F, 0x80, 0xFF])),
            1 => {
                self.header.flags = Flags(
                    self.header.flags.0
                        ^ 1 << if random.one_in(6) { random.below(16) } else { random.below(4) },
                )
            }
            2 => {
                self.header.sequence =
                    self.header.sequence.wrapping_add(random.small().into()).wrapping_sub(3)
            }
            3 => self.header.channel = random.one_of(&[0, 1, 2, 3]),
            4 if random.one_in(4) => self.header.version = random.byte(),
            4 | 5 => self.typed(random),
            6 => self.extension(random),
            7 => self.extensions = changed(&self.extensions, 16, bytes),
            _ => self.payload = changed(&self.payload, 64, bytes),
        }
    }

    /// One extension more, mostly a known one of the right size.
    fn extension(&mut self, random: &mut Random) {
        let tag: u8 = random.one_of(&[1, 2, 3, 4, 0x40, 0x81, 0xC1, 0x10]);
        let value = match tag & 0x7F {
            1 => random.edge().to_be_bytes().repeat(2),
            4 => vec![random.byte(); 16],
            _ => random.text(),
        };
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let length = if random.one_in(BROKEN) { random.edge16() } else { length };
        let one = [&[tag][..], &length.to_be_bytes(), &value].concat();
        // In front, so that what is there still has its place after it; or at the end.
        let rest = mem::take(&mut self.extensions);
        self.extensions = if random.one_in(2) { [one, rest].concat() } else { [rest, one].concat() };
        self.extensions.truncate(usize::from(u16::MAX));
    }
}
