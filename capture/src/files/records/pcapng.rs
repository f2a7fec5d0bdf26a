//! The blocks of a pcapng file.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use byteorder_slice::{BigEndian, LittleEndian};
use pcap_file::Endianness;
use pcap_file::pcapng::{RawBlock, RawBlockParseError};

use super::record::Next;
use super::window::{MAX_RECORD, Window, WindowPacket};
use crate::files::formats::{u16_at, u32_at};
use crate::files::metadata::{HostNames, Metadata};
use crate::{Damage, Source};

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const SECRETS: u32 = 10;
/// The packet blocks: enhanced, simple, and the obsolete one.
const ENHANCED: u32 = 6;
const SIMPLE: u32 = 3;
const OBSOLETE: u32 = 2;

/// The option that is a comment, in any block.
const COMMENT: u16 = 1;

/// What is needed to read the packets of a section.
#[derive(Debug)]
pub(super) struct Section {
    endianness: Endianness,
    interfaces: Vec<Interface>,
    /// How many interfaces the sections before it have, and the files before.
    pub(super) earlier_interfaces: usize,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u32,
    snaplen: u32,
    /// The option if_tsresol: a power of ten, or with the high bit of two.
    resolution: u8,
    /// Seconds to add to each time.
    offset_s: i64,
}

/// Where in its block a packet is, and what the block says of it.
struct PacketBlock {
    start: usize,
    length: usize,
    wire_length: usize,
    time_ns: Option<i64>,
    link_type: Option<u32>,
    interface: Option<u16>,
    /// Where in the block its options begin.
    options: usize,
}

impl Section {
    /// What is known before the first section header.
    pub(super) fn new() -> Section {
        Section { endianness: Endianness::Little, interfaces: Vec::new(), earlier_interfaces: 0 }
    }

    /// How many interfaces there are so far.
    pub(super) fn count_interfaces(&self) -> usize {
        self.earlier_interfaces + self.interfaces.len()
    }

    pub(super) fn next(&mut self, window: &mut Window, metadata: &mut Vec<Metadata>) -> Result<Next, Damage> {
        if window.left_in_file() == 0 && !window.source.has_grown() {
            return Ok(Next::End);
        }
        window.claim(12, "a block")?;
        // A section header gives its own byte order, after its length.
        let rest = window.rest();
        let length = match raw_block(rest, self.endianness) {
            Ok((behind, _)) => rest.len() - behind.len(),
            // The crate counts from after the type and length fields.
            Err(RawBlockParseError::IncompleteBuffer(needed, _)) => needed.saturating_add(8),
            Err(error) => return Err(inconsistent(window, &error)),
        };
        window.claim(length as u64, "the block")?;
        let rest = window.rest();
        let (block_type, body_length) = match raw_block(rest, self.endianness) {
            Ok((_, block)) => {
                self.read_metadata(&block, rest, metadata);
                (block.type_, block.body.len())
            }
            Err(error) => return Err(inconsistent(window, &error)),
        };
        if !matches!(block_type, ENHANCED | SIMPLE | OBSOLETE) {
            window.advance(length);
            return Ok(Next::Other);
        }
        let number = window.count_packet()?;
        let body = window.rest().get(8..8 + body_length).unwrap_or_default();
        let Some(packet) = self.packet(block_type, body) else {
            let what = format!("a packet block of {body_length} bytes is too short for the packet it claims");
            window.packets -= 1;
            return Err(window.damage(Some(number), what));
        };
        if body.len() > packet.options {
            let options = self.options(body, packet.options);
            let comments = options.filter(|(code, _)| *code == COMMENT);
            metadata.extend(comments.map(|(_, text)| Metadata::Comment(Some(number), readable(text))));
        }
        window.packet = WindowPacket {
            number,
            time_ns: packet.time_ns,
            link_type: packet.link_type,
            wire_length: packet.wire_length.max(packet.length),
            offset: window.position() + 8 + packet.start as u64,
            start: window.start() + 8 + packet.start,
            length: packet.length,
            interface: packet.interface,
        };
        window.advance(length);
        Ok(Next::Packet)
    }

    /// How long the block is that begins with `head`.
    pub(super) fn record_length(&self, head: &[u8]) -> Option<u64> {
        self.u32(head, 4).map(u64::from)
    }

    /// How long the block is that `head` begins, if it can begin one after damage.
    pub(super) fn plausible(&self, head: &[u8]) -> Option<u64> {
        let (block_type, length) = (self.u32(head, 0)?, u64::from(self.u32(head, 4)?));
        let is_known = matches!(block_type, 1..=6 | 10 | 0x0BAD | 0x4000_0BAD) || is_section(head);
        let fits = length.is_multiple_of(4) && (12..=MAX_RECORD).contains(&length);
        (is_known && fits).then_some(length)
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        u16_at(bytes, at, self.endianness)
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        u32_at(bytes, at, self.endianness)
    }

    /// The options of a block from `at` on, each a code and its value.
    fn options<'b>(&self, body: &'b [u8], at: usize) -> impl Iterator<Item = (u16, &'b [u8])> + use<'_, 'b> {
        let mut at = at;
        std::iter::from_fn(move || {
            let (code, length) = (self.u16(body, at)?, usize::from(self.u16(body, at + 2)?));
            let value = body.get(at + 4..at + 4 + length).filter(|_| code != 0)?;
            at += 4 + length.next_multiple_of(4);
            Some((code, value))
        })
    }

    /// Reads a block that describes those after it, or is for a person.
    fn read_metadata(&mut self, block: &RawBlock<'_>, bytes: &[u8], metadata: &mut Vec<Metadata>) {
        let body = &block.body[..];
        match block.type_ {
            SECTION => {
                let big = bytes.get(8..12) == Some(&[0x1A, 0x2B, 0x3C, 0x4D]);
                self.endianness = if big { Endianness::Big } else { Endianness::Little };
                self.earlier_interfaces += self.interfaces.len();
                self.interfaces.clear();
                metadata.extend(self.comments(body, 16));
            }
            INTERFACE => {
                metadata.push(Metadata::Interface(self.add_interface(body)));
                metadata.extend(self.comments(body, 8));
            }
            // Records of an address and names, each ended by a zero.
            NAME_RESOLUTION => {
                let mut names = HostNames::default();
                for (code, value) in self.options(body, 0) {
                    if let Some((address, name)) = host_name(code, value) {
                        names.add(address, &readable(name));
                    }
                }
                metadata.push(Metadata::HostNames(names));
            }
            // What kind of secrets, how many bytes, and these.
            SECRETS => {
                let length = self.u32(body, 4).and_then(|length| usize::try_from(length).ok());
                let secrets = body.get(8..).zip(length).and_then(|(all, length)| all.get(..length));
                if let Some((kind, secrets)) = self.u32(body, 0).zip(secrets) {
                    metadata.push(Metadata::Secrets(kind, secrets.to_vec()));
                }
            }
            _ => {}
        }
    }

    /// Adds the interface that a block describes, and returns its name.
    fn add_interface(&mut self, body: &[u8]) -> Option<String> {
        let (link_type, snaplen) = (self.u16(body, 0).unwrap_or(0), self.u32(body, 4).unwrap_or(0));
        let mut interface = Interface { link_type: link_type.into(), snaplen, resolution: 6, offset_s: 0 };
        let mut name = None;
        for (code, value) in self.options(body, 8) {
            match (code, value) {
                (2, value) => name = Some(readable(value)),
                // Its description, where it has no name.
                (3, value) => name = name.or_else(|| Some(readable(value))),
                (9, [resolution]) => interface.resolution = *resolution,
                (14, value) if value.len() == 8 => {
                    let bytes = value.first_chunk().copied().unwrap_or_default();
                    interface.offset_s = if self.endianness.is_big() {
                        i64::from_be_bytes(bytes)
                    } else {
                        i64::from_le_bytes(bytes)
                    };
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        name
    }

    /// The comments on the capture in a block whose options begin at `at`.
    fn comments(&self, body: &[u8], at: usize) -> Vec<Metadata> {
        let comments = self.options(body, at).filter(|(code, _)| *code == COMMENT);
        comments.map(|(_, text)| Metadata::Comment(None, readable(text))).collect()
    }

    /// Reads an enhanced (6), simple (3) or obsolete (2) packet block. None if it is too short for its packet.
    fn packet(&self, block_type: u32, body: &[u8]) -> Option<PacketBlock> {
        let interface = |id: u32| self.interfaces.get(usize::try_from(id).ok()?).copied();
        if block_type == SIMPLE {
            let wire_length = self.u32(body, 0)? as usize;
            let interface = interface(0);
            let snaplen = interface.map_or(0, |interface| interface.snaplen) as usize;
            let limit = if snaplen == 0 { usize::MAX } else { snaplen };
            let length = wire_length.min(limit).min(body.len() - 4);
            let link_type = interface.map(|interface| interface.link_type);
            let (interface, options) = (u16::try_from(self.earlier_interfaces).ok(), body.len());
            let (start, time_ns) = (4, None);
            return Some(PacketBlock { start, length, wire_length, time_ns, link_type, interface, options });
        }
        let id = if block_type == ENHANCED { self.u32(body, 0)? } else { self.u16(body, 0)?.into() };
        let interface = interface(id);
        let ticks = u64::from(self.u32(body, 4)?) << 32 | u64::from(self.u32(body, 8)?);
        let (length, wire_length) = (self.u32(body, 12)? as usize, self.u32(body, 16)? as usize);
        body.get(20..)?.get(..length)?;
        let time_ns = interface.map(|interface| interface.time_ns(ticks));
        let link_type = interface.map(|interface| interface.link_type);
        let interface =
            usize::try_from(id).ok().and_then(|id| u16::try_from(self.earlier_interfaces + id).ok());
        let options = 20 + length.next_multiple_of(4);
        Some(PacketBlock { start: 20, length, wire_length, time_ns, link_type, interface, options })
    }
}

impl Interface {
    fn time_ns(&self, ticks: u64) -> i64 {
        let ticks = i128::from(ticks);
        let exponent = u32::from(self.resolution & 0x7F);
        let ns = if self.resolution & 0x80 != 0 {
            // 64-bit ticks times a billion fit in 94 bits; a finer resolution than 2^-127 does not exist.
            (ticks * 1_000_000_000) >> exponent
        } else if exponent <= 9 {
            ticks * 10_i128.pow(9 - exponent)
        } else {
            10_i128.checked_pow(exponent - 9).map_or(0, |divisor| ticks / divisor)
        };
        let ns = ns.saturating_add(i128::from(self.offset_s) * 1_000_000_000);
        i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
    }
}

fn inconsistent(window: &Window, error: &dyn Display) -> Damage {
    window.damage_of_next(format!("the lengths of a block contradict each other ({error})"))
}

fn raw_block(bytes: &[u8], endianness: Endianness) -> Result<(&[u8], RawBlock<'_>), RawBlockParseError> {
    match endianness {
        Endianness::Big => RawBlock::from_slice::<BigEndian>(bytes),
        Endianness::Little => RawBlock::from_slice::<LittleEndian>(bytes),
    }
}

/// A host's address and its first name, in a record of a block of names.
fn host_name(code: u16, value: &[u8]) -> Option<(IpAddr, &[u8])> {
    let (address, names): (IpAddr, _) = match code {
        1 => (Ipv4Addr::from(*value.first_chunk::<4>()?).into(), value.get(4..)?),
        2 => (Ipv6Addr::from(*value.first_chunk::<16>()?).into(), value.get(16..)?),
        _ => return None,
    };
    let name = names.split(|&byte| byte == 0).next().filter(|name| !name.is_empty())?;
    Some((address, name))
}

/// Whether a section of a pcapng file begins here.
fn is_section(head: &[u8]) -> bool {
    let magic = head.get(8..12).unwrap_or_default();
    head.starts_with(&[0x0A, 0x0D, 0x0D, 0x0A])
        && (magic == [0x1A, 0x2B, 0x3C, 0x4D] || magic == [0x4D, 0x3C, 0x2B, 0x1A])
}

/// Whether a block of `length` bytes that ends at `end` has its length at its end too.
pub(super) fn ends_with_length(section: &Section, source: &Source, length: u64, end: u64) -> bool {
    let mut last = [0; 4];
    end <= source.length()
        && source.read_unchecked(end - 4, &mut last).is_ok()
        && section.u32(&last, 0).map(u64::from) == Some(length)
}

/// Text for a person: what is not UTF-8 is replaced.
fn readable(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(resolution: u8, offset_s: i64) -> Interface {
        Interface { link_type: 1, snaplen: 0, resolution, offset_s }
    }

    #[test]
    fn times_have_the_resolution_and_offset_of_their_interface() {
        assert_eq!(interface(6, 0).time_ns(1_500_000), 1_500_000_000);
        assert_eq!(interface(9, -1).time_ns(1_500_000_000), 500_000_000);
        assert_eq!(interface(12, 0).time_ns(1_500_000_000_000), 1_500_000_000);
        assert_eq!(interface(0x80 | 1, 0).time_ns(3), 1_500_000_000);
        assert_eq!(interface(0, i64::MAX).time_ns(u64::MAX), i64::MAX);
        assert_eq!(interface(127, 0).time_ns(u64::MAX), 0);
    }

    #[test]
    fn a_packet_block_that_is_too_short_for_its_packet_is_none() {
        let section = Section { interfaces: vec![interface(6, 0)], ..Section::new() };
        let mut body = [0; 24];
        body[12] = 4;
        assert!(section.packet(ENHANCED, &body).is_some());
        body[12] = 5;
        assert!(section.packet(ENHANCED, &body).is_none());
        assert!(section.packet(SIMPLE, &body[..3]).is_none());
    }

    #[test]
    fn a_host_has_the_first_of_its_names() {
        let record = b"\x0A\0\0\x01one\0two\0";
        assert_eq!(host_name(1, record), Some(("10.0.0.1".parse().unwrap(), &b"one"[..])));
        assert_eq!(host_name(1, b"\x0A\0\0\x01\0"), None);
        assert_eq!(host_name(2, record), None);
    }
}
