//! Hex dumps of packets, as Wireshark's text2pcap reads them: what `tshark -x`, `tcpdump -x`, `xxd`, `od -Ax -tx1` and `hexdump -C`
//! print. A line is an offset and bytes; a packet begins at offset 0.
//!
//! As for text2pcap a packet is an Ethernet frame, unless its bytes are an IP packet by their length and the header's checksum:
//! `tcpdump -x` prints no link header.

use std::io;

use super::layout::array_at;
use super::text::{Days, Lines, TextPacket, Timestamp, Writer, date, on_day, seconds, time_of_day};
use crate::files::linktype;

/// The longest packet, as for text2pcap.
const MAX_PACKET: usize = 256 << 10;
/// The fewest bytes of the first packet: fewer could be anything.
const MIN_PACKET: usize = 20;
/// Lines by which a dump is recognised.
const CHECKED_LINES: usize = 32;
/// Lines of text that may be between two packets.
const MAX_TEXT: usize = 4;

/// A line of a dump.
#[derive(Debug, PartialEq, Eq)]
struct HexLine {
    offset: u64,
    bytes: Vec<u8>,
}

/// An offset of three hexadecimal digits or more, and the bytes after it, separated by blanks; with a colon after the
/// offset or `0x` before it, also in groups. What follows is the same bytes as text.
fn hex_line(line: &str) -> Option<HexLine> {
    let line = line.trim_start();
    let (line, marked) = line.strip_prefix("0x").map_or((line, false), |rest| (rest, true));
    let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    if !(3..=16).contains(&digits) {
        return None;
    }
    let (offset, rest) = line.split_at(digits);
    let offset = u64::from_str_radix(offset, 16).ok()?;
    let (rest, marked) = rest.strip_prefix(':').map_or((rest, marked), |rest| (rest, true));
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut rest = rest;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let blanks = rest.len() - trimmed.len();
        // Two blanks separate the bytes from their text, and the halves of a line from one another.
        let at_half = matches!(bytes.len(), 0 | 8);
        if trimmed.is_empty() || blanks == 0 || (blanks > 1 && !at_half) || blanks > 4 {
            break;
        }
        let length = trimmed.find([' ', '\t']).unwrap_or(trimmed.len());
        let (word, behind) = trimmed.split_at(length);
        let is_group = word.len() == 2 || marked && word.len().is_multiple_of(2) && word.len() <= 16;
        if !is_group || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            break;
        }
        let pairs = (0..word.len()).step_by(2).filter_map(|at| word.get(at..at + 2));
        bytes.extend(pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()));
        rest = behind;
    }
    Some(HexLine { offset, bytes })
}

/// The time in a line before a packet, also after the letter of a direction.
fn timestamp(line: &str) -> Option<Timestamp> {
    let mut words = line.split_ascii_whitespace();
    let mut word = words.next()?;
    if matches!(word, "I" | "O" | "i" | "o") {
        word = words.next()?;
    }
    if let Some(ns) = time_of_day(word) {
        return Some(Timestamp { ns, is_absolute: false });
    }
    if let Some(ns) = seconds(word).filter(|_| word.len() >= 12) {
        return Some(Timestamp { ns, is_absolute: true });
    }
    let (day, time) = word.split_once('T').unwrap_or((word, ""));
    let time = if time.is_empty() { words.next()? } else { time.trim_end_matches('Z') };
    let ns = on_day(date(day)?, time_of_day(time)?)?;
    Some(Timestamp { ns, is_absolute: true })
}

/// A line that may be between packets: a comment, a direction, a time, what tcpdump prints below it, Wireshark's heading.
fn is_between(line: &str) -> bool {
    let trimmed = line.trim();
    let is_heading = || trimmed.ends_with("bytes):") || trimmed.ends_with(" bytes)");
    trimmed.is_empty()
        || trimmed.starts_with('#')
        || matches!(trimmed, "I" | "O" | "i" | "o" | "*")
        || timestamp(trimmed).is_some()
        || line.starts_with(char::is_whitespace)
        || is_heading()
}

/// How many bytes all lines of `*` may repeat, and how many more for each byte of text, so that a few lines do not become a
/// capture of any size.
const MAX_REPEATED: usize = 1 << 20;
const REPEATED_PER_BYTE: usize = 64;

/// The packet that the lines so far describe.
#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    /// Where the last line's bytes begin in it.
    last_line: usize,
    /// The most bytes of a line so far, by the offset after it.
    width: Option<usize>,
    /// A line of `*` was read: the last line is repeated up to the next offset.
    repeats: bool,
    /// How many bytes may still be repeated.
    may_repeat: usize,
    is_long: bool,
}

impl Default for Packet {
    fn default() -> Self {
        let (bytes, may_repeat) = (Vec::new(), MAX_REPEATED);
        Packet { bytes, last_line: 0, width: None, repeats: false, may_repeat, is_long: false }
    }
}

/// How a line fits to the packet before it.
enum Placement {
    /// It continues the packet.
    Continues,
    /// It begins a packet.
    Begins,
    /// Its offset is not where the last line ends.
    Misplaced,
}

impl Packet {
    fn add_line(&mut self, line: &HexLine) -> Placement {
        let offset = usize::try_from(line.offset).unwrap_or(usize::MAX);
        if offset == 0 && !line.bytes.is_empty() {
            return Placement::Begins;
        }
        if self.bytes.is_empty() {
            return Placement::Misplaced;
        }
        let missing = offset.saturating_sub(self.bytes.len());
        if self.repeats && offset <= MAX_PACKET && missing <= self.may_repeat {
            let repeated = self.bytes.get(self.last_line..).unwrap_or_default().to_vec();
            self.may_repeat -= missing;
            self.bytes.extend(repeated.into_iter().cycle().take(missing));
        }
        self.repeats = false;
        if offset > MAX_PACKET {
            self.is_long = true;
            return Placement::Continues;
        }
        // Text that was read as bytes reaches beyond the next offset.
        if offset > self.bytes.len() || offset <= self.last_line {
            return Placement::Misplaced;
        }
        self.bytes.truncate(offset);
        self.width = self.width.max(Some(offset - self.last_line));
        self.last_line = offset;
        self.add(&line.bytes);
        Placement::Continues
    }

    fn begin(&mut self, line: &HexLine) {
        self.bytes.clear();
        (self.last_line, self.repeats, self.is_long) = (0, false, false);
        self.add(&line.bytes);
    }

    fn add(&mut self, bytes: &[u8]) {
        let width = self.width.unwrap_or(usize::MAX);
        let left = MAX_PACKET.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..bytes.len().min(width).min(left)).unwrap_or_default());
    }
}

/// Whether a text begins like a dump of packets: lines whose offsets add up, and little between them.
pub(super) fn is_dump(text: &str) -> bool {
    let mut packet = Packet { may_repeat: usize::MAX, ..Packet::default() };
    let (mut first_length, mut packets, mut text_lines) = (0, 0, 0);
    for line in text.lines().take(CHECKED_LINES) {
        match hex_line(line) {
            Some(hex) => {
                match packet.add_line(&hex) {
                    Placement::Continues => {}
                    Placement::Begins => {
                        packets += 1;
                        packet.begin(&hex);
                    }
                    Placement::Misplaced => return false,
                }
                text_lines = 0;
                if packets == 1 {
                    first_length = packet.bytes.len();
                }
            }
            None if line.trim() == "*" && packets > 0 => packet.repeats = true,
            None if is_between(line) && text_lines < MAX_TEXT => {
                text_lines += usize::from(!line.trim().is_empty())
            }
            None => return false,
        }
    }
    first_length >= MIN_PACKET
}

/// Writes the packets of a dump. Returns sentences about it, each to follow the file's name.
pub(super) fn convert(lines: &mut Lines, out: &mut Writer) -> io::Result<Vec<String>> {
    let mut dump = Dump::default();
    while let Some(line) = lines.next()? {
        dump.line(&line, lines.number, out)?;
    }
    dump.packet_ends(out)?;
    let packets = out.packets;
    let mut notices = vec![format!(
        "is a hex dump: its {packets} packets are read as a pcapng made of it, to which offsets in the file refer. A \
         packet is an Ethernet frame, or an IP packet where it is a whole one; `text2pcap` makes captures of other dumps, \
         also of payloads without headers (-T 50000,9000)"
    )];
    if dump.without_a_day {
        notices.push("has times without a day: they are shown as of 1970-01-01".to_owned());
    }
    if let Some((first, count)) = dump.skipped {
        notices.push(format!(
            "has {count} lines, the first of them line {first}, that continue no packet and were skipped"
        ));
    }
    if dump.long > 0 {
        notices
            .push(format!("has {} packets of which only the first {MAX_PACKET} bytes are taken", dump.long));
    }
    Ok(notices)
}

#[derive(Debug, Default)]
struct Dump {
    packet: Packet,
    time: Option<Timestamp>,
    /// The time before the next packet.
    next_time: Option<Timestamp>,
    days: Days,
    /// What follows is not a packet but data reassembled from several.
    skips: bool,
    without_a_day: bool,
    /// The first line that continued no packet, and how many there were.
    skipped: Option<(u64, u64)>,
    long: u64,
}

impl Dump {
    fn line(&mut self, line: &str, number: u64, out: &mut Writer) -> io::Result<()> {
        self.packet.may_repeat =
            self.packet.may_repeat.saturating_add(line.len().saturating_mul(REPEATED_PER_BYTE));
        match hex_line(line) {
            _ if self.skips && !line.trim().is_empty() && !line.trim_end().ends_with("bytes):") => {}
            Some(hex) => match self.packet.add_line(&hex) {
                Placement::Continues => {}
                Placement::Begins => {
                    self.packet_ends(out)?;
                    self.time = self.next_time.take();
                    self.packet.begin(&hex);
                }
                Placement::Misplaced => {
                    let (_, count) = self.skipped.get_or_insert((number, 0));
                    *count += 1;
                }
            },
            None if line.trim() == "*" => self.packet.repeats = true,
            None => {
                let trimmed = line.trim();
                // Wireshark shows what it reassembled from several packets after the packet that completed it.
                let is_heading = trimmed.ends_with("bytes):");
                self.skips = is_heading && !trimmed.starts_with("Frame") && !trimmed.starts_with("Packet");
                if let Some(time) = timestamp(line) {
                    self.packet_ends(out)?;
                    self.next_time = Some(time);
                }
            }
        }
        Ok(())
    }

    fn packet_ends(&mut self, out: &mut Writer) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.packet.bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        self.without_a_day |= self.time.is_some_and(|time| !time.is_absolute);
        self.long += u64::from(self.packet.is_long);
        let link_type = if is_ip(&bytes) { linktype::RAW } else { linktype::ETHERNET };
        let time_ns = self.time.map(|time| self.days.at(time));
        let link_type = u16::try_from(link_type).unwrap_or(0);
        out.packet(TextPacket { time_ns, link_type, wire_length: bytes.len(), bytes: &bytes })
    }
}

/// Whether the bytes are an IP packet as a whole: by its length, and for IPv4 by its header's checksum.
fn is_ip(bytes: &[u8]) -> bool {
    let word = |at: usize| array_at(bytes, at).map(u16::from_be_bytes);
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => {
            let header = usize::from(bytes.first().copied().unwrap_or(0) & 0x0F) * 4;
            let Some(words) = bytes.get(..header).filter(|_| header >= 20) else { return false };
            let sum = words.chunks(2).map(|pair| match *pair {
                [high, low] => u32::from(u16::from_be_bytes([high, low])),
                _ => 0,
            });
            let sum = sum.sum::<u32>();
            let sum = (sum & 0xFFFF) + (sum >> 16);
            let checked = (sum & 0xFFFF) + (sum >> 16) == 0xFFFF;
            let length = word(2).map_or(0, usize::from);
            // A checksum that is left to the hardware is 0.
            length >= header && (checked || word(10) == Some(0) && length == bytes.len())
        }
        Some(6) => word(4).is_some_and(|length| usize::from(length) + 40 == bytes.len()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_of_all_printers_are_read() {
        let bytes: Vec<u8> = (0..16).collect();
        for line in [
            "0010  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f   ................",
            "0010  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f   ........ ........",
            "000010 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
            "00000010: 0001 0203 0405 0607 0809 0a0b 0c0d 0e0f  ab cd ef",
            "00000010  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |abcd ef|",
            "\t0x0010:  0001 0203 0405 0607 0809 0a0b 0c0d 0e0f",
        ] {
            assert_eq!(hex_line(line), Some(HexLine { offset: 16, bytes: bytes.clone() }), "{line}");
        }
        for bad in ["10 00 01", "hello", "0010:00", "", "000x 00"] {
            assert_eq!(hex_line(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_adds_up_is_a_dump() {
        let line = |offset: &str| format!("{offset} 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n");
        assert!(is_dump(&(line("000000") + &line("000010") + "000020\n")));
        assert!(is_dump(&("# a remark\nI 01:02:03.5\n".to_owned() + &line("000000") + &line("000010"))));
        // A gap, a start elsewhere, too little, text within.
        assert!(!is_dump(&(line("000000") + &line("000020"))));
        assert!(!is_dump(&(line("000010") + &line("000020"))));
        assert!(!is_dump(&line("000000")));
        assert!(!is_dump(&(line("000000") + "and\n" + &line("000010"))));
        assert!(!is_dump("login ada\n000 face\n"));
        assert!(!is_dump(""));
    }

    #[test]
    fn an_ip_packet_is_recognised_by_its_length_and_checksum() {
        let mut packet = vec![0x45, 0, 0, 20, 0, 1, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        assert!(is_ip(&packet));
        packet[10..12].copy_from_slice(&[0x7C, 0xE1]);
        assert!(is_ip(&packet));
        packet[10] ^= 1;
        assert!(!is_ip(&packet));
        assert!(!is_ip(&[0x45]) && !is_ip(&[]) && !is_ip(&[0x60; 40]));
    }
}
