//! Writes packets into a capture file.

use std::io::{self, Write};

use crate::packets::HEADERS;

/// What kind of file a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// pcap, with times in nanoseconds.
    Pcap,
    /// pcapng.
    PcapNg {
        /// How many interfaces there are, each with a name; packets belong to them in turn. At least 1.
        interfaces: u32,
        /// Whether each packet has a comment.
        comments: bool,
        /// How many host names there are, mostly of hosts without packets.
        names: u32,
    },
}

/// Bytes that are written in one call.
const BLOCK: usize = 1 << 20;
/// When the first packet was captured: the beginning of the year 2026, in microseconds.
const BEGUN: u64 = 1_767_225_600_000_000;
/// Microseconds between packets.
const BETWEEN: u64 = 3;

/// A pcap file's header and that of the packet of a number, counted from 0.
pub(crate) const PCAP_HEADER: usize = 24;
pub(crate) const RECORD_HEADER: usize = 16;

pub(crate) fn pcap_header() -> [u8; PCAP_HEADER] {
    joined([0xA1B2_3C4D, 0x0004_0002, 0, 0, 262_144, 1])
}

pub(crate) fn record_header(packet: u64, length: usize) -> [u8; RECORD_HEADER] {
    let time = BEGUN + packet * BETWEEN;
    let length = length as u32;
    joined([(time / 1_000_000) as u32, (time % 1_000_000) as u32 * 1000, length, length])
}

fn joined<const N: usize, const BYTES: usize>(fields: [u32; N]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (to, field) in bytes.chunks_exact_mut(4).zip(fields) {
        to.copy_from_slice(&field.to_le_bytes());
    }
    bytes
}

pub(crate) struct Recorder<W> {
    out: W,
    container: Container,
    buffer: Vec<u8>,
    pub(crate) packets: u64,
}

impl<W: Write> Recorder<W> {
    pub(crate) fn new(container: Container, out: W) -> io::Result<Recorder<W>> {
        let mut recorder =
            Recorder { out, container, buffer: Vec::with_capacity(BLOCK + (64 << 10)), packets: 0 };
        match container {
            Container::Pcap => recorder.buffer.extend(pcap_header()),
            Container::PcapNg { interfaces, names, .. } => recorder.describe(interfaces, names)?,
        }
        Ok(recorder)
    }

    fn describe(&mut self, interfaces: u32, names: u32) -> io::Result<()> {
        self.block(0x0A0D_0D0A, |body| {
            // Byte order, version 1.0, an unspecified length.
            body.extend(0x1A2B_3C4D_u32.to_le_bytes());
            body.extend([1, 0, 0, 0]);
            body.extend([0xFF; 8]);
        })?;
        for number in 0..interfaces.max(1) {
            self.block(1, |body| {
                // Ethernet, no limit.
                body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
                option(body, 2, format!("eth{number}").as_bytes());
                // Times in nanoseconds.
                option(body, 9, &[9]);
                option(body, 0, &[]);
            })?;
        }
        for first in (0..names).step_by(1000) {
            self.block(4, |body| {
                for number in first..names.min(first + 1000) {
                    let mut record = (0x0A00_0000 | number).to_be_bytes().to_vec();
                    record.extend(format!("host-{number}.example\0").bytes());
                    option(body, 1, &record);
                }
                option(body, 0, &[]);
            })?;
        }
        Ok(())
    }

    pub(crate) fn packet(&mut self, headers: &[u8; HEADERS], payload: &[u8]) -> io::Result<()> {
        let (number, length) = (self.packets, HEADERS + payload.len());
        self.packets += 1;
        let Container::PcapNg { interfaces, comments, .. } = self.container else {
            self.buffer.extend(record_header(number, length));
            self.buffer.extend(headers);
            self.buffer.extend(payload);
            return self.make_room();
        };
        self.block(6, |body| {
            let time = (BEGUN + number * BETWEEN) * 1000;
            let interface = (number % u64::from(interfaces.max(1))) as u32;
            let length = length as u32;
            for field in [interface, (time >> 32) as u32, time as u32, length, length] {
                body.extend(field.to_le_bytes());
            }
            body.extend(headers);
            body.extend(payload);
            pad(body);
            if comments {
                option(body, 1, format!("packet {}, as it was sent", number + 1).as_bytes());
                option(body, 0, &[]);
            }
        })
    }

    /// A block of pcapng, between its type and lengths.
    fn block(&mut self, block_type: u32, body: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let from = self.buffer.len();
        self.buffer.extend(block_type.to_le_bytes());
        self.buffer.extend([0; 4]);
        body(&mut self.buffer);
        let length = ((self.buffer.len() - from + 4) as u32).to_le_bytes();
        self.buffer[from + 4..from + 8].copy_from_slice(&length);
        self.buffer.extend(length);
        self.make_room()
    }

    fn make_room(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BLOCK {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }
}

/// An option of a pcapng block, or a name record, which is written alike.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Up to a multiple of four: blocks have such lengths, and the buffer holds nothing else.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
