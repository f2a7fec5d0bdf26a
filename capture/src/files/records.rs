//! From the bytes of a capture file to its packets. The one place that knows pcap and pcapng; other formats are in
//! [`formats`](crate::files::formats).
//!
//! Walks records in blocks of a mebibyte, and never believes a length further than the file reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use byteorder_slice::{BigEndian, LittleEndian};
use pcap_file::Endianness;
use pcap_file::pcap::{PcapParser, PcapTsResolution};
use pcap_file::pcapng::{RawBlock, RawBlockParseError};

use crate::files::buffer::Buffer;
use crate::files::formats::recognise::recognise;
use crate::files::formats::{Begun, Foreign, FormatError, ModifiedPcap};
use crate::files::remarks::Names;
use crate::{Damage, Source, UnsupportedFormat};

/// A captured packet, as the file has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Counted from 1.
    pub(crate) number: u32,
    /// When it was captured: nanoseconds since the Unix epoch; None where the file does not say.
    pub(crate) time_ns: Option<i64>,
    /// What kind of link it was captured on (a LINKTYPE number); None where the file does not say.
    pub(crate) link_type: Option<u32>,
    /// How long the packet was on the wire, in bytes; at least the captured length.
    pub(crate) wire_length: usize,
    /// Where in the file its bytes begin.
    pub(crate) offset: u64,
    /// The captured bytes.
    pub(crate) bytes: &'a [u8],
    /// The interface it was captured on, counted over all sections of a pcapng file.
    pub(crate) interface: Option<u16>,
}

/// Something that a file says beside its packets.
#[derive(Debug)]
pub(crate) enum Remark {
    /// A comment on a packet, or on the capture where there is no packet.
    Comment(Option<u32>, String),
    /// An interface, with what it is called.
    Interface(Option<String>),
    /// What hosts are called: there may be very many.
    Names(Names),
}

/// What stands next in a file.
#[derive(Debug)]
pub(crate) enum Next {
    /// A packet: that of [`Records::record`].
    Packet,
    /// A block that holds no packet.
    Other,
    End,
}

/// A packet, its bytes by their place in the buffer: moving a record costs more than reading it.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    number: u32,
    time_ns: Option<i64>,
    link_type: Option<u32>,
    wire_length: usize,
    offset: u64,
    start: usize,
    length: usize,
    interface: Option<u16>,
}

/// Bytes read at once.
const BLOCK: usize = 256 << 10;
/// No link has packets longer than this: a record that claims more is damaged.
const LONGEST_RECORD: u64 = 256 << 20;

/// Walks the packets of a capture file.
#[derive(Debug)]
pub(crate) struct Records {
    source: Source,
    format: Format,
    buffer: Buffer,
    /// How much of `buffer` has been read.
    consumed: usize,
    /// Where in the file `buffer` begins.
    buffer_offset: u64,
    packets: u32,
    /// The packet that was found last.
    found: Found,
    /// The time of the last packet of a pcap file, in seconds.
    last_second: Option<u32>,
    /// What was said beside the packets since [`Records::remarks`] was asked last.
    remarks: Vec<Remark>,
    /// The file itself could not be read, so that nothing can be found behind the place.
    unreadable: bool,
    /// The file's records stand in no order, so that nothing is read ahead.
    in_no_order: bool,
}

#[derive(Debug)]
enum Format {
    Pcap(PcapParser),
    PcapNg(Section),
    Foreign(Box<Foreign>),
}

/// What the packets of a pcapng section need to be understood.
#[derive(Debug)]
struct Section {
    endianness: Endianness,
    interfaces: Vec<Interface>,
    /// How many interfaces the sections before described.
    described: usize,
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

/// What a file begins with.
pub(crate) enum Opened {
    /// A capture.
    Capture(Box<Records>),
    /// A capture of a kind that is not read: which, and what converts it.
    Unsupported(UnsupportedFormat),
    /// Something else: the bytes of one stream.
    Bytes,
}

impl Records {
    /// Looks at how the file begins. With `as_bytes` only pcap and pcapng are captures.
    pub(crate) fn open(source: &Source, as_bytes: bool) -> Result<Opened, Damage> {
        let mut records = Records {
            source: source.clone(),
            format: Format::PcapNg(Section {
                endianness: Endianness::Little,
                interfaces: Vec::new(),
                described: 0,
            }),
            buffer: Buffer::default(),
            consumed: 0,
            buffer_offset: 0,
            packets: 0,
            found: Found::default(),
            last_second: None,
            remarks: Vec::new(),
            unreadable: false,
            in_no_order: false,
        };
        if source.length() == 0 {
            return Err(records.damage(None, "the file is empty; a capture begins with a header"));
        }
        records.fill(24)?;
        let is_pcapng = records.buffer.starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]);
        let magics: [[u8; 4]; 4] = [
            [0xA1, 0xB2, 0xC3, 0xD4],
            [0xA1, 0xB2, 0x3C, 0x4D],
            [0xD4, 0xC3, 0xB2, 0xA1],
            [0x4D, 0x3C, 0xB2, 0xA1],
        ];
        let is_pcap = magics.iter().any(|magic| records.buffer.starts_with(magic));
        if !is_pcapng && !is_pcap {
            return if as_bytes { Ok(Opened::Bytes) } else { records.open_foreign() };
        }
        if is_pcap {
            match PcapParser::new(&records.buffer) {
                Ok((_, parser)) => {
                    let header = parser.header();
                    let is_micro = matches!(header.ts_resolution, PcapTsResolution::MicroSecond);
                    let relative = ModifiedPcap::in_disguise(&records.buffer, header.endianness);
                    records.format = match relative.filter(|_| is_micro) {
                        Some(relative) => Format::Foreign(Box::new(Foreign::ModifiedPcap(relative))),
                        None => Format::Pcap(parser),
                    };
                    records.consumed = 24;
                }
                Err(_) => {
                    let (format, needed, found) = ("pcap", 24, source.length());
                    let error = FormatError::ShortHeader { format, needed, found };
                    return Err(records.damage(None, error.to_string()));
                }
            }
        }
        Ok(Opened::Capture(Box::new(records)))
    }

    fn open_foreign(mut self) -> Result<Opened, Damage> {
        match Foreign::open(&self.buffer, &self.source) {
            Ok(Some(Begun { format, first_record })) => {
                self.format = Format::Foreign(Box::new(format));
                self.consumed = first_record;
                Ok(Opened::Capture(Box::new(self)))
            }
            Ok(None) => {
                let named = recognise(&self.buffer, self.source.name(), self.source.length());
                Ok(named.map_or(Opened::Bytes, Opened::Unsupported))
            }
            Err(error) => Err(self.damage(None, error.to_string())),
        }
    }

    /// What a person has to know of all packets.
    pub(crate) fn notice(&self) -> Option<String> {
        let Format::Foreign(foreign) = &self.format else { return None };
        foreign.notice().map(|notice| format!("{}: {notice}", self.source.name()))
    }

    /// Where in the file the next record begins.
    pub(crate) fn position(&self) -> u64 {
        self.buffer_offset + self.consumed as u64
    }

    /// The packet that was found last, and where in the file what was read with it begins.
    #[inline(always)]
    pub(crate) fn record(&self) -> (Record<'_>, u64) {
        let &Found { number, time_ns, link_type, wire_length, offset, start, length, interface } =
            &self.found;
        let bytes = self.buffer.get(start..start + length).unwrap_or_default();
        (Record { number, time_ns, link_type, wire_length, offset, bytes, interface }, self.buffer_offset)
    }

    /// The next packet, or what stands in its place. Compiled into its caller.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Next, Damage> {
        match self.format {
            Format::Pcap(_) => self.next_pcap(),
            Format::PcapNg(_) => self.next_pcapng(),
            Format::Foreign(_) => self.next_foreign(),
        }
    }

    /// What was said beside the packets since this was asked last.
    pub(crate) fn remarks(&mut self) -> std::vec::Drain<'_, Remark> {
        self.remarks.drain(..)
    }

    /// Whether all of the next record has been read already, so that [`Records::next`] moves nothing.
    pub(crate) fn is_at_hand(&self) -> bool {
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        let length = match &self.format {
            Format::Pcap(parser) => {
                u32_at(rest, 8, parser.header().endianness).map(|length| 16 + u64::from(length))
            }
            Format::PcapNg(section) => section.u32(rest, 4).map(u64::from),
            Format::Foreign(foreign) => {
                let ahead = foreign.peek(self.position()).and_then(|at| at.checked_sub(self.position()));
                let head = ahead.and_then(|ahead| rest.get(usize::try_from(ahead).ok()?..));
                let length = head.filter(|head| head.len() as u64 >= foreign.head());
                length.and_then(|head| foreign.length(head)).zip(ahead).map(|(length, ahead)| length + ahead)
            }
        };
        length.is_some_and(|length| length.max(12) <= rest.len() as u64)
    }

    /// Gives away the bytes that were read, with their place in the file. What of them was not taken goes to `other`,
    /// which takes their place.
    pub(crate) fn give_bytes(&mut self, mut other: Buffer) -> (Buffer, u64) {
        other.clear();
        other.append(self.buffer.get(self.consumed..).unwrap_or_default());
        let offset = self.buffer_offset;
        self.buffer_offset += self.consumed as u64;
        self.consumed = 0;
        (std::mem::replace(&mut self.buffer, other), offset)
    }

    fn damage(&self, packet: Option<u32>, what: impl Into<String>) -> Damage {
        Damage {
            file: self.source.name().to_owned(),
            offset: self.position(),
            packet,
            what: what.into(),
            packets_read: self.packets,
            resumed: None,
        }
    }

    /// Behind a damaged record: goes to the next place where a record can begin, and says where that is. A record can
    /// begin where its fields are what they may be and another such record, or the end of the file, follows it.
    pub(crate) fn resume(&mut self) -> Result<Option<u64>, Damage> {
        if self.unreadable {
            return Ok(None);
        }
        if let Format::Foreign(foreign) = &mut self.format
            && foreign.has_table()
        {
            return Ok(foreign.resume());
        }
        loop {
            self.consumed = (self.consumed + 1).min(self.buffer.len());
            if self.left_in_file() < 12 {
                return Ok(None);
            }
            self.fill(28)?;
            let head = self.buffer.get(self.consumed..).unwrap_or_default();
            let Some(length) = self.plausible(head) else { continue };
            let at = self.position();
            let end = at.saturating_add(length);
            let follows = match &self.format {
                // The length stands at both ends of a block.
                Format::PcapNg(section) => {
                    let mut last = [0; 4];
                    end <= self.source.length()
                        && self.source.read_unlooked(end - 4, &mut last).is_ok()
                        && section.u32(&last, 0).map(u64::from) == Some(length)
                }
                Format::Pcap(_) => {
                    let mut next = [0; 16];
                    let read = self.source.read_unlooked(end, &mut next).unwrap_or(0);
                    end == self.source.length() || read == 16 && self.plausible(&next).is_some()
                }
                Format::Foreign(foreign) => {
                    let mut next = vec![0; usize::try_from(foreign.head()).unwrap_or(0)];
                    let read = self.source.read_at(end, &mut next).unwrap_or(0);
                    end == self.source.length() || read == next.len() && foreign.plausible(&next).is_some()
                }
            };
            if follows {
                return Ok(Some(at));
            }
        }
    }

    /// How long the record is that `head` begins, if it can begin one.
    fn plausible(&self, head: &[u8]) -> Option<u64> {
        match &self.format {
            Format::PcapNg(section) => {
                let (block_type, length) = (section.u32(head, 0)?, u64::from(section.u32(head, 4)?));
                let known = matches!(block_type, 1..=6 | 10 | 0x0BAD | 0x4000_0BAD) || is_section(head);
                let fits = length.is_multiple_of(4) && (12..=LONGEST_RECORD).contains(&length);
                (known && fits).then_some(length)
            }
            Format::Foreign(foreign) => foreign.plausible(head),
            Format::Pcap(parser) => {
                let header = parser.header();
                let field = |at: usize| u32_at(head, at, header.endianness);
                let (second, fraction) = (field(0)?, field(4)?);
                let (captured, wire_length) = (field(8)?, field(12)?);
                let fractions = match header.ts_resolution {
                    PcapTsResolution::MicroSecond => 1_000_000,
                    PcapTsResolution::NanoSecond => 1_000_000_000,
                };
                // A packet within a day of the last, of a size that links carry.
                let near = self.last_second.is_none_or(|last| last.abs_diff(second) <= 86_400);
                let sized = (1..=wire_length).contains(&captured) && wire_length <= 1 << 20;
                (near && fraction < fractions && sized).then(|| 16 + u64::from(captured))
            }
        }
    }

    /// Makes at least `needed` unread bytes present, or as many as the file has.
    fn fill(&mut self, needed: usize) -> Result<(), Damage> {
        if self.buffer.len() - self.consumed >= needed {
            return Ok(());
        }
        self.buffer.forget(self.consumed);
        self.buffer_offset += self.consumed as u64;
        self.consumed = 0;
        let there = self.buffer.len();
        let at = self.buffer_offset + there as u64;
        let left = self.source.length().saturating_sub(at);
        let ahead = if self.in_no_order { 0 } else { BLOCK };
        let wanted = (needed - there).max(ahead) as u64;
        let count = usize::try_from(wanted.min(left)).unwrap_or(0);
        let read = self.source.read_exact_at(at, self.buffer.add(count));
        read.map_err(|error| {
            self.unreadable = true;
            self.damage(Some(self.packets.saturating_add(1)), error.to_string())
        })
    }

    fn left_in_file(&self) -> u64 {
        self.source.length().saturating_sub(self.position())
    }

    /// The record at the position claims `length` bytes: makes them present.
    #[inline]
    fn claim(&mut self, length: u64, name: &str) -> Result<(), Damage> {
        if length <= (self.buffer.len() - self.consumed) as u64 && length <= LONGEST_RECORD {
            return Ok(());
        }
        self.claim_more(length, name)
    }

    #[cold]
    fn claim_more(&mut self, length: u64, name: &str) -> Result<(), Damage> {
        let packet = Some(self.packets.saturating_add(1));
        if length > self.left_in_file() {
            // Whoever still writes it may have come further.
            self.source.has_grown();
        }
        let left = self.left_in_file();
        if length > left {
            let what = format!("the file ends inside {name}: it claims {length} bytes and {left} are left");
            return Err(self.damage(packet, what));
        }
        if length > LONGEST_RECORD {
            let what = format!("{name} claims {length} bytes; no packet is longer than {LONGEST_RECORD}");
            return Err(self.damage(packet, what));
        }
        self.fill(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn count_packet(&mut self) -> Result<u32, Damage> {
        match self.packets.checked_add(1) {
            Some(number) => {
                self.packets = number;
                Ok(number)
            }
            None => Err(self.damage(None, "more than 4,294,967,295 packets can't be numbered")),
        }
    }

    #[inline(always)]
    fn next_pcap(&mut self) -> Result<Next, Damage> {
        if self.left_in_file() == 0 && !self.source.has_grown() {
            return Ok(Next::End);
        }
        self.claim(16, "a record header")?;
        let Format::Pcap(parser) = &self.format else { return Ok(Next::End) };
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        let captured = u32_at(rest, 8, parser.header().endianness).unwrap_or(0) as usize;
        self.claim(16 + captured as u64, "the record")?;
        let number = self.count_packet()?;
        let (start, offset) = (self.consumed, self.position() + 16);
        let Format::Pcap(parser) = &self.format else { return Ok(Next::End) };
        let packet = match parser.next_raw_packet(self.buffer.get(start..).unwrap_or_default()) {
            Ok((_, packet)) => packet,
            Err(error) => {
                self.packets -= 1;
                return Err(self.damage(Some(number), error.to_string()));
            }
        };
        self.consumed = start + 16 + captured;
        let header = parser.header();
        let fraction_ns = match header.ts_resolution {
            PcapTsResolution::MicroSecond => i64::from(packet.ts_frac) * 1000,
            PcapTsResolution::NanoSecond => i64::from(packet.ts_frac),
        };
        self.last_second = Some(packet.ts_sec);
        // The upper bits of the field say how long a frame check sequence is.
        let link_type = u32::from(header.datalink) & 0x03FF_FFFF;
        self.found = Found {
            number,
            time_ns: Some(i64::from(packet.ts_sec) * 1_000_000_000 + fraction_ns),
            link_type: Some(link_type),
            wire_length: (packet.orig_len as usize).max(captured),
            offset,
            start: start + 16,
            length: captured,
            interface: None,
        };
        Ok(Next::Packet)
    }

    #[cold]
    #[inline(never)]
    fn next_foreign(&mut self) -> Result<Next, Damage> {
        if self.left_in_file() == 0 && !self.source.has_grown() && !self.goes_on_elsewhere() {
            return Ok(Next::End);
        }
        let position = self.position();
        let packet = Some(self.packets.saturating_add(1));
        let Format::Foreign(foreign) = &mut self.format else { return Ok(Next::End) };
        let head = foreign.head();
        match foreign.next_at(position) {
            Ok(Some(at)) => self.go_to(at)?,
            Ok(None) => return Ok(Next::End),
            Err(error) => return Err(self.damage(packet, error.to_string())),
        }
        self.claim(head, "a record header")?;
        let Format::Foreign(foreign) = &mut self.format else { return Ok(Next::End) };
        let length = foreign.length(self.buffer.get(self.consumed..).unwrap_or_default()).unwrap_or(head);
        let left = self.source.length().saturating_sub(self.buffer_offset + self.consumed as u64);
        if length <= left
            && let Err(error) = foreign.spend(length)
        {
            return Err(self.damage(packet, error.to_string()));
        }
        self.claim(length, "the record")?;
        let (start, end) = (self.consumed, self.consumed + usize::try_from(length).unwrap_or(usize::MAX));
        let Format::Foreign(foreign) = &mut self.format else { return Ok(Next::End) };
        let found = match foreign.read(self.buffer.get(start..end).unwrap_or_default()) {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.consumed = end;
                return Ok(Next::Other);
            }
            Err(error) => return Err(self.damage(packet, error.to_string())),
        };
        let number = self.count_packet()?;
        let offset = self.position() + found.start as u64;
        self.consumed = end;
        self.found = Found {
            number,
            time_ns: found.time_ns,
            link_type: found.link_type,
            wire_length: found.wire_length.max(found.length),
            offset,
            start: start + found.start,
            length: found.length,
            interface: None,
        };
        Ok(Next::Packet)
    }

    /// Whether a table says that records follow, though the file's end is reached.
    fn goes_on_elsewhere(&self) -> bool {
        matches!(&self.format, Format::Foreign(foreign) if foreign.has_table())
    }

    /// Goes to the record at `at`, which may stand further up in the file.
    fn go_to(&mut self, at: u64) -> Result<(), Damage> {
        let position = self.position();
        if at > self.source.length() {
            let what =
                format!("a record is said to stand at byte {at}, and the file has {}", self.source.length());
            return Err(self.damage(Some(self.packets.saturating_add(1)), what));
        }
        let ahead = at.checked_sub(position).and_then(|ahead| usize::try_from(ahead).ok());
        match ahead.filter(|&ahead| ahead <= self.buffer.len() - self.consumed) {
            Some(ahead) => self.consumed += ahead,
            None => {
                self.in_no_order |= at < position;
                self.buffer.clear();
                (self.buffer_offset, self.consumed) = (at, 0);
            }
        }
        Ok(())
    }

    fn next_pcapng(&mut self) -> Result<Next, Damage> {
        if self.left_in_file() == 0 && !self.source.has_grown() {
            return Ok(Next::End);
        }
        self.claim(12, "a block")?;
        let misfit = |records: &Records, error: &dyn std::fmt::Display| {
            let what = format!("a block whose lengths do not fit ({error})");
            records.damage(Some(records.packets.saturating_add(1)), what)
        };
        // A section header tells its byte order itself, behind its length.
        let Format::PcapNg(section) = &self.format else { return Ok(Next::End) };
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        let length = match raw_block(rest, section.endianness) {
            Ok((behind, _)) => rest.len() - behind.len(),
            // The crate counts from behind the type and length fields.
            Err(RawBlockParseError::IncompleteBuffer(needed, _)) => needed.saturating_add(8),
            Err(error) => return Err(misfit(self, &error)),
        };
        self.claim(length as u64, "the block")?;
        let start = self.consumed;
        let rest = self.buffer.get(start..).unwrap_or_default();
        let Format::PcapNg(section) = &mut self.format else { return Ok(Next::End) };
        let (block_type, body_length) = match raw_block(rest, section.endianness) {
            Ok((_, block)) => {
                section.note(&block, rest, &mut self.remarks);
                (block.type_, block.body.len())
            }
            Err(error) => return Err(misfit(self, &error)),
        };
        if !matches!(block_type, 2 | 3 | 6) {
            self.consumed = start + length;
            return Ok(Next::Other);
        }
        let number = self.count_packet()?;
        let body_offset = self.position() + 8;
        let Format::PcapNg(section) = &self.format else { return Ok(Next::End) };
        let body = self.buffer.get(start + 8..start + 8 + body_length).unwrap_or_default();
        let Some(packet) = section.packet(block_type, body) else {
            let what = format!("a packet block of {body_length} bytes is too short for the packet it claims");
            self.packets -= 1;
            return Err(self.damage(Some(number), what));
        };
        if body.len() > packet.options {
            let options = section.options(body, packet.options);
            let comments = options.filter(|(code, _)| *code == COMMENT);
            self.remarks.extend(comments.map(|(_, text)| Remark::Comment(Some(number), readable(text))));
        }
        self.consumed = start + length;
        self.found = Found {
            number,
            time_ns: packet.time_ns,
            link_type: packet.link_type,
            wire_length: packet.wire_length.max(packet.length),
            offset: body_offset + packet.start as u64,
            start: start + 8 + packet.start,
            length: packet.length,
            interface: packet.interface,
        };
        Ok(Next::Packet)
    }
}

fn u32_at(bytes: &[u8], at: usize, endianness: Endianness) -> Option<u32> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if endianness.is_big() { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

fn raw_block(bytes: &[u8], endianness: Endianness) -> Result<(&[u8], RawBlock<'_>), RawBlockParseError> {
    match endianness {
        Endianness::Big => RawBlock::from_slice::<BigEndian>(bytes),
        Endianness::Little => RawBlock::from_slice::<LittleEndian>(bytes),
    }
}

/// A host's address and its first name, in a record of a block of names.
fn named(code: u16, value: &[u8]) -> Option<(IpAddr, &[u8])> {
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

/// Where in its block a packet stands, and what the block says of it.
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

/// The option that is a comment, in any block.
const COMMENT: u16 = 1;

/// Text as a file has it, for a person: what is not UTF-8 is marked.
fn readable(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
}

impl Section {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.endianness.is_big() { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
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

    /// Takes in a block that says how to read those behind it, or something to a person.
    fn note(&mut self, block: &RawBlock<'_>, bytes: &[u8], remarks: &mut Vec<Remark>) {
        let body = &block.body[..];
        match block.type_ {
            0x0A0D_0D0A => {
                let big = bytes.get(8..12) == Some(&[0x1A, 0x2B, 0x3C, 0x4D]);
                self.endianness = if big { Endianness::Big } else { Endianness::Little };
                self.described += self.interfaces.len();
                self.interfaces.clear();
                remarks.extend(self.comments(body, 16));
            }
            1 => {
                let (link_type, snaplen) = (self.u16(body, 0).unwrap_or(0), self.u32(body, 4).unwrap_or(0));
                let mut interface =
                    Interface { link_type: link_type.into(), snaplen, resolution: 6, offset_s: 0 };
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
                remarks.push(Remark::Interface(name));
                remarks.extend(self.comments(body, 8));
                self.interfaces.push(interface);
            }
            // Name resolution: records of an address and names, each ended by a zero.
            4 => {
                let mut all = Names::default();
                for (code, value) in self.options(body, 0) {
                    if let Some((address, name)) = named(code, value) {
                        all.add(address, &readable(name));
                    }
                }
                remarks.push(Remark::Names(all));
            }
            _ => {}
        }
    }

    /// The comments on the capture in a block whose options begin at `at`.
    fn comments(&self, body: &[u8], at: usize) -> Vec<Remark> {
        let comments = self.options(body, at).filter(|(code, _)| *code == COMMENT);
        comments.map(|(_, text)| Remark::Comment(None, readable(text))).collect()
    }

    /// Reads an enhanced (6), simple (3) or obsolete (2) packet block. None if it is too short for its packet.
    fn packet(&self, block_type: u32, body: &[u8]) -> Option<PacketBlock> {
        let interface = |id: u32| self.interfaces.get(usize::try_from(id).ok()?).copied();
        if block_type == 3 {
            let wire_length = self.u32(body, 0)? as usize;
            let interface = interface(0);
            let snaplen = interface.map_or(0, |interface| interface.snaplen) as usize;
            let limit = if snaplen == 0 { usize::MAX } else { snaplen };
            let length = wire_length.min(limit).min(body.len() - 4);
            let link_type = interface.map(|interface| interface.link_type);
            let (interface, options) = (u16::try_from(self.described).ok(), body.len());
            return Some(PacketBlock {
                start: 4,
                length,
                wire_length,
                time_ns: None,
                link_type,
                interface,
                options,
            });
        }
        let id = if block_type == 6 { self.u32(body, 0)? } else { self.u16(body, 0)?.into() };
        let interface = interface(id);
        let ticks = u64::from(self.u32(body, 4)?) << 32 | u64::from(self.u32(body, 8)?);
        let (length, wire_length) = (self.u32(body, 12)? as usize, self.u32(body, 16)? as usize);
        body.get(20..)?.get(..length)?;
        let time_ns = interface.map(|interface| interface.time_ns(ticks));
        let link_type = interface.map(|interface| interface.link_type);
        let interface = usize::try_from(id).ok().and_then(|id| u16::try_from(self.described + id).ok());
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
