//! A capture of which any part can be generated without what comes before it, so that it can have any length.

use framescope_parser::missive::{Flags, Frame, Kind};

use crate::packets::{ACK, HEADERS, PUSH, SEGMENT, SYN, first_numbers, headers};
use crate::random::Random;
use crate::recorder::{PCAP_HEADER, RECORD_HEADER, pcap_header, record_header};

/// A pcap file of packets that all have the same length: first those that open the connections, with padding after
/// them; then a frame each, of clients and a server in turn, each request with a reply.
#[derive(Clone, Debug)]
pub struct Endless {
    packets: u64,
    connections: u32,
    seed: u64,
    size: usize,
    text: String,
}

/// A frame's header and checksum.
const AROUND: usize = 24;
/// A LOGIN's two lengths, and a name.
const SHORTEST: usize = 5;

impl Endless {
    /// This many packets over this many connections, with this many bytes of text in each frame: 5 to 1424.
    pub fn new(packets: u64, connections: u32, size: usize, seed: u64) -> Endless {
        let size = size.clamp(SHORTEST, SEGMENT - AROUND);
        Endless { packets, connections: connections.max(1), seed, size, text: crate::text(size) }
    }

    /// As many packets as fit into this many bytes.
    pub fn of_bytes(bytes: u64, connections: u32, size: usize, seed: u64) -> Endless {
        let one = Endless::new(1, connections, size, seed);
        Endless { packets: bytes.saturating_sub(PCAP_HEADER as u64) / one.record() as u64, ..one }
    }

    /// How many packets there are.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// How many of them carry a message.
    pub fn messages(&self) -> u64 {
        self.packets.saturating_sub(self.opening())
    }

    fn opening(&self) -> u64 {
        3 * u64::from(self.connections)
    }

    /// How many bytes the file has.
    pub fn length(&self) -> u64 {
        PCAP_HEADER as u64 + self.packets * self.record() as u64
    }

    /// Generates the bytes from `offset` on, up to the end of `buffer` or of the file. Returns how many.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let left = usize::try_from(self.length().saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        let (mut at, mut rest) = (offset, &mut buffer[..count]);
        let mut whole = Vec::new();
        while !rest.is_empty() {
            let behind = at.checked_sub(PCAP_HEADER as u64);
            let packet = behind.map(|behind| behind / self.record() as u64);
            let within = behind.map_or(at, |behind| behind % self.record() as u64) as usize;
            let made = match packet {
                Some(packet) if within == 0 && rest.len() >= self.record() => {
                    self.write(packet, &mut rest[..self.record()]);
                    self.record()
                }
                part => {
                    whole.clear();
                    match part {
                        None => whole.extend(pcap_header()),
                        Some(packet) => {
                            whole.resize(self.record(), 0);
                            self.write(packet, &mut whole);
                        }
                    }
                    let made = rest.len().min(whole.len() - within);
                    rest[..made].copy_from_slice(&whole[within..within + made]);
                    made
                }
            };
            at += made as u64;
            rest = &mut rest[made..];
        }
        count
    }

    fn record(&self) -> usize {
        RECORD_HEADER + HEADERS + AROUND + self.size
    }

    fn write(&self, packet: u64, out: &mut [u8]) {
        let payload = AROUND + self.size;
        let (record, rest) = out.split_at_mut(RECORD_HEADER);
        record.copy_from_slice(&record_header(packet, HEADERS + payload));
        let (before, frame) = rest.split_at_mut(HEADERS);
        let Some(message) = packet.checked_sub(self.opening()) else {
            let (connection, number) = ((packet / 3) as u32, packet % 3);
            let (side, flags) = [(0, SYN), (1, SYN | ACK), (0, ACK)][number as usize];
            let begun = first_numbers(self.seed, connection);
            let sequence = begun[side].wrapping_add(u32::from(number == 2));
            let acknowledged = if number == 0 { 0 } else { begun[1 - side].wrapping_add(1) };
            before.copy_from_slice(&headers(connection, side, flags, [sequence, acknowledged], 0));
            frame.fill(0);
            return;
        };
        let side = (message % 2) as usize;
        let connection = (message / 2 % u64::from(self.connections)) as u32;
        let round = message / 2 / u64::from(self.connections);
        let sent = |side: usize, frames: u64| {
            let before = 1 + frames * payload as u64;
            first_numbers(self.seed, connection)[side].wrapping_add(before as u32)
        };
        let numbers = [sent(side, round), sent(1 - side, round + side as u64)];
        before.copy_from_slice(&headers(connection, side, ACK | PUSH, numbers, payload));
        let from = Random::at(self.seed, packet).below(crate::WORDS.len() as u32) as usize;
        let text = &self.text.as_bytes()[from..from + self.size];
        let (kind, flags) = match (side, round) {
            (1, _) => (Kind::ACK, Flags(Flags::CHECKSUM.0 | Flags::REPLY.0)),
            (_, 0) => (Kind::LOGIN, Flags::CHECKSUM),
            _ => (Kind::DATA, Flags::CHECKSUM),
        };
        let login;
        let said = match kind {
            Kind::LOGIN => {
                let name = &text[..self.size - 4];
                login = [&(name.len() as u16).to_be_bytes(), name, &[0; 2]].concat();
                &login[..]
            }
            _ => text,
        };
        let built = Frame { flags, sequence: round as u32, payload: said, ..Frame::new(kind) };
        built.encode_to_slice(None, frame).expect("a frame is as long as its packet says");
    }
}
