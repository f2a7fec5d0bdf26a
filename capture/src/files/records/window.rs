//! The part of a file that is in memory, and how far it has been read: shared by the readers of all formats.

use super::record::Record;
use crate::files::buffer::Buffer;
use crate::ids::PacketId;
use crate::{Damage, Source};

/// Bytes read in one call.
const BLOCK: usize = 256 << 10;
/// No link has packets longer than this: a record that claims more is damaged.
pub(super) const MAX_RECORD: u64 = 256 << 20;

/// A packet, its bytes by their place in the window: moving a record costs more than reading it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowPacket {
    pub(super) number: PacketId,
    pub(super) time_ns: Option<i64>,
    pub(super) link_type: Option<u32>,
    pub(super) wire_length: usize,
    pub(super) offset: u64,
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) interface: Option<u16>,
}

/// The bytes of a file from its position on, as far as they have been read.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) source: Source,
    buffer: Buffer,
    /// How much of `buffer` is after the position.
    consumed: usize,
    /// Where in the file `buffer` begins.
    offset: u64,
    /// The number of the last packet that was found.
    pub(super) packets: u32,
    /// How many packets the files before this one have.
    packets_before: u32,
    /// The packet that was found last.
    pub(super) packet: WindowPacket,
    /// The file can't be read, so that searching for another record is useless.
    pub(super) is_unreadable: bool,
    /// The last record that was claimed reaches beyond the end of the file.
    pub(super) is_short: bool,
    /// The file's records are in no order, so that nothing is read ahead.
    is_unordered: bool,
}

impl Window {
    pub(super) fn new(source: &Source) -> Window {
        Window {
            source: source.clone(),
            buffer: Buffer::default(),
            consumed: 0,
            offset: 0,
            packets: 0,
            packets_before: 0,
            packet: WindowPacket::default(),
            is_unreadable: false,
            is_short: false,
            is_unordered: false,
        }
    }

    /// Numbers the packets behind those of files before this one.
    pub(super) fn count_from(&mut self, packets: u32) {
        (self.packets, self.packets_before) = (packets, packets);
    }

    /// The bytes that were read, from the position on.
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        self.buffer.get(self.consumed..).unwrap_or_default()
    }

    /// Where in the buffer the position is, for a [`WindowPacket`].
    #[inline]
    pub(super) fn start(&self) -> usize {
        self.consumed
    }

    /// Where in the file the position is.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.offset + self.consumed as u64
    }

    /// Moves the position on, within what was read.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        self.consumed += count;
    }

    /// Moves the position a byte on, up to the end of what was read.
    pub(super) fn skip_byte(&mut self) {
        self.consumed = (self.consumed + 1).min(self.buffer.len());
    }

    pub(super) fn left_in_file(&self) -> u64 {
        self.source.length().saturating_sub(self.position())
    }

    /// The packet that was found last, and where in the file the window begins.
    #[inline(always)]
    pub(super) fn record(&self) -> (Record<'_>, u64) {
        let &WindowPacket { number, time_ns, link_type, wire_length, offset, start, length, interface } =
            &self.packet;
        let bytes = self.buffer.get(start..start + length).unwrap_or_default();
        (Record { number, time_ns, link_type, wire_length, offset, bytes, interface }, self.offset)
    }

    /// Hands over the bytes that were read, with their place in the file. Those after the position go to `other`, which takes
    /// their place.
    pub(super) fn hand_over(&mut self, mut other: Buffer) -> (Buffer, u64) {
        other.clear();
        other.append(self.rest());
        let offset = self.offset;
        self.offset += self.consumed as u64;
        self.consumed = 0;
        (std::mem::replace(&mut self.buffer, other), offset)
    }

    /// Its packet is counted in this file, as all of it is.
    pub(super) fn damage(&self, packet: Option<PacketId>, what: impl Into<String>) -> Damage {
        Damage {
            file: self.source.name().to_owned(),
            offset: self.position(),
            packet: packet.map(|packet| packet.number().saturating_sub(self.packets_before).into()),
            what: what.into(),
            packets_read: self.packets.saturating_sub(self.packets_before),
            resumed: None,
        }
    }

    /// Damage of the packet after the last that was found.
    pub(super) fn damage_of_next(&self, what: impl Into<String>) -> Damage {
        self.damage(Some(self.packets.saturating_add(1).into()), what)
    }

    /// Reads until at least `needed` bytes are there from the position on, or as many as the file has.
    pub(super) fn fill(&mut self, needed: usize) -> Result<(), Damage> {
        if self.buffer.len() - self.consumed >= needed {
            return Ok(());
        }
        self.buffer.remove_front(self.consumed);
        self.offset += self.consumed as u64;
        self.consumed = 0;
        let present = self.buffer.len();
        let at = self.offset + present as u64;
        let left = self.source.length().saturating_sub(at);
        let ahead = if self.is_unordered { 0 } else { BLOCK };
        let wanted = (needed - present).max(ahead) as u64;
        let count = usize::try_from(wanted.min(left)).unwrap_or(0);
        let read = self.source.read_exact_at(at, self.buffer.add(count));
        read.map_err(|error| {
            self.is_unreadable = true;
            self.damage_of_next(error.to_string())
        })
    }

    /// Reads all of the record at the position, which claims `length` bytes. `name` is what errors call it.
    #[inline]
    pub(super) fn claim(&mut self, length: u64, name: &str) -> Result<(), Damage> {
        if length <= (self.buffer.len() - self.consumed) as u64 && length <= MAX_RECORD {
            return Ok(());
        }
        self.claim_more(length, name)
    }

    #[cold]
    fn claim_more(&mut self, length: u64, name: &str) -> Result<(), Damage> {
        if length > self.left_in_file() {
            // A file that is still being written may have grown.
            self.source.has_grown();
        }
        let left = self.left_in_file();
        self.is_short = length > left;
        if self.is_short {
            let what = format!("the file ends inside {name}: it claims {length} bytes and {left} are left");
            return Err(self.damage_of_next(what));
        }
        if length > MAX_RECORD {
            let what = format!("{name} claims {length} bytes; no packet is longer than {MAX_RECORD}");
            return Err(self.damage_of_next(what));
        }
        self.fill(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// The number of a packet that was found.
    #[inline]
    pub(super) fn count_packet(&mut self) -> Result<PacketId, Damage> {
        match self.packets.checked_add(1) {
            Some(number) => {
                self.packets = number;
                Ok(PacketId::from(number))
            }
            None => Err(self.damage(None, "more than 4,294,967,295 packets can't be numbered")),
        }
    }

    /// Moves the position to the record at `at`, which may be further up in the file.
    pub(super) fn go_to(&mut self, at: u64) -> Result<(), Damage> {
        let position = self.position();
        if at > self.source.length() {
            let length = self.source.length();
            let what = format!("the next record should be at byte {at}, but the file has only {length}");
            return Err(self.damage_of_next(what));
        }
        let ahead = at.checked_sub(position).and_then(|ahead| usize::try_from(ahead).ok());
        match ahead.filter(|&ahead| ahead <= self.buffer.len() - self.consumed) {
            Some(ahead) => self.consumed += ahead,
            None => {
                self.is_unordered |= at < position;
                self.buffer.clear();
                (self.offset, self.consumed) = (at, 0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(length: usize) -> Window {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect();
        Window::new(&Source::from_bytes("test", bytes))
    }

    #[test]
    fn bytes_from_the_position_on_are_present_once_they_are_claimed() {
        let mut window = window(1 << 20);
        for length in [1, 300_000, 24, 500_000] {
            window.claim(length, "a record").unwrap();
            let at = usize::try_from(window.position()).unwrap();
            let length = usize::try_from(length).unwrap();
            let rest = &window.rest()[..length];
            assert!(rest.iter().enumerate().all(|(i, &byte)| usize::from(byte) == (at + i) % 251));
            window.advance(length);
        }
        assert_eq!(window.left_in_file(), (1 << 20) - 800_025);
    }

    #[test]
    fn a_claim_beyond_the_file_or_the_longest_packet_is_damage() {
        let mut window = window(10);
        let damage = window.claim(11, "the record").unwrap_err();
        let what = "the file ends inside the record: it claims 11 bytes and 10 are left";
        assert_eq!((damage.what.as_str(), damage.packet, damage.offset), (what, Some(1.into()), 0));
        let source = Source::from_reads("endless", u64::MAX, |_: u64, buffer: &mut [u8]| Ok(buffer.len()));
        let damage = Window::new(&source).claim(MAX_RECORD + 1, "the record").unwrap_err();
        assert!(damage.what.starts_with("the record claims 268435457 bytes; no packet is longer than"));
    }

    #[test]
    fn bytes_that_are_handed_over_leave_the_rest_behind() {
        let mut window = window(100);
        window.fill(100).unwrap();
        window.advance(60);
        let (bytes, offset) = window.hand_over(Buffer::default());
        assert_eq!((bytes.len(), offset, window.position(), window.rest().len()), (100, 0, 60, 40));
        assert_eq!(window.rest()[0], 60);
    }

    #[test]
    fn the_position_can_move_in_both_directions_within_the_file() {
        let mut window = window(1000);
        window.fill(10).unwrap();
        for at in [900, 5, 1000] {
            window.go_to(at).unwrap();
            window.fill(1).unwrap();
            assert_eq!(
                (window.position(), window.rest().first().copied()),
                (at, (at < 1000).then(|| (at % 251).to_le_bytes()[0]))
            );
        }
        let damage = window.go_to(1001).unwrap_err();
        assert_eq!(damage.what, "the next record should be at byte 1001, but the file has only 1000");
    }
}
