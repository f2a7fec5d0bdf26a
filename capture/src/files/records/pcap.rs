//! The records of a pcap file.

use pcap_file::pcap::{PcapParser, PcapTsResolution};

use super::record::Next;
use super::window::{Window, WindowPacket};
use crate::Damage;
use crate::files::formats::u32_at;

/// The longest packet in a record that is searched for after damage.
const MAX_PLAUSIBLE: u32 = 1 << 20;
/// A packet after damage was captured within a day of the last before it.
const DAY: u32 = 86_400;

#[derive(Debug)]
pub(super) struct Pcap {
    parser: PcapParser,
    /// The time of the last packet, in seconds.
    last_second: Option<u32>,
}

impl Pcap {
    pub(super) const HEADER: usize = 24;

    /// Whether a file begins with a pcap magic, in either byte order and resolution.
    pub(super) fn is_one(beginning: &[u8]) -> bool {
        let magics: [[u8; 4]; 4] = [
            [0xA1, 0xB2, 0xC3, 0xD4],
            [0xA1, 0xB2, 0x3C, 0x4D],
            [0xD4, 0xC3, 0xB2, 0xA1],
            [0x4D, 0x3C, 0xB2, 0xA1],
        ];
        magics.iter().any(|magic| beginning.starts_with(magic))
    }

    pub(super) fn new(parser: PcapParser) -> Pcap {
        Pcap { parser, last_second: None }
    }

    #[inline(always)]
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Next, Damage> {
        if window.left_in_file() == 0 && !window.source.has_grown() {
            return Ok(Next::End);
        }
        window.claim(16, "a record header")?;
        let captured = self.field(window.rest(), 8).unwrap_or(0) as usize;
        window.claim(16 + captured as u64, "the record")?;
        let number = window.count_packet()?;
        let packet = match self.parser.next_raw_packet(window.rest()) {
            Ok((_, packet)) => packet,
            Err(error) => {
                window.packets -= 1;
                return Err(window.damage(Some(number), error.to_string()));
            }
        };
        let header = self.parser.header();
        let fraction_ns = match header.ts_resolution {
            PcapTsResolution::MicroSecond => i64::from(packet.ts_frac) * 1000,
            PcapTsResolution::NanoSecond => i64::from(packet.ts_frac),
        };
        let (second, wire_length) = (packet.ts_sec, packet.orig_len as usize);
        self.last_second = Some(second);
        window.packet = WindowPacket {
            number,
            time_ns: Some(i64::from(second) * 1_000_000_000 + fraction_ns),
            // The upper bits of the field say how long a frame check sequence is.
            link_type: Some(u32::from(header.datalink) & 0x03FF_FFFF),
            wire_length: wire_length.max(captured),
            offset: window.position() + 16,
            start: window.start() + 16,
            length: captured,
            interface: None,
        };
        window.advance(16 + captured);
        Ok(Next::Packet)
    }

    fn field(&self, head: &[u8], at: usize) -> Option<u32> {
        u32_at(head, at, self.parser.header().endianness)
    }

    /// How long the record is that begins with `head`.
    pub(super) fn record_length(&self, head: &[u8]) -> Option<u64> {
        self.field(head, 8).map(|captured| 16 + u64::from(captured))
    }

    /// How long the record is that `head` begins, if it can begin one after damage.
    pub(super) fn plausible(&self, head: &[u8]) -> Option<u64> {
        let (second, fraction) = (self.field(head, 0)?, self.field(head, 4)?);
        let (captured, wire_length) = (self.field(head, 8)?, self.field(head, 12)?);
        let fractions = match self.parser.header().ts_resolution {
            PcapTsResolution::MicroSecond => 1_000_000,
            PcapTsResolution::NanoSecond => 1_000_000_000,
        };
        let is_near = self.last_second.is_none_or(|last| last.abs_diff(second) <= DAY);
        let is_sized = (1..=wire_length).contains(&captured) && wire_length <= MAX_PLAUSIBLE;
        (is_near && fraction < fractions && is_sized).then(|| 16 + u64::from(captured))
    }
}
