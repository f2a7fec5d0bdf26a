//! Whole pcapng blocks out of the bytes of a pcap or a pcapng, however these are cut.
//!
//! A pcap's packets become blocks, so that whatever comes after has one format. A block is passed on when all of it is there.

use crate::recorder::blocks::{block, option};

/// A block is at most this long; no packet that a tool captures is nearly as long.
const LONGEST: u32 = 16 << 20;

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
/// Simple, obsolete and enhanced packet blocks.
const PACKETS: [u32; 3] = [2, 3, 6];
const NANOSECONDS: [u8; 4] = 0xA1B2_3C4D_u32.to_be_bytes();
const MICROSECONDS: [u8; 4] = 0xA1B2_C3D4_u32.to_be_bytes();

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockType {
    /// The beginning of a section.
    Section,
    /// An interface, which the packets of its section refer to.
    Interface,
    Packet,
    Other,
}

/// Bytes that are not a capture: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct NotACapture {
    what: &'static str,
    offset: u64,
}

/// Takes a capture's bytes, and gives its blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    format: Format,
    /// What an interface is called whose name the capture does not say.
    interface: String,
    /// What is not a whole block yet.
    rest: Vec<u8>,
    /// How many bytes were passed on.
    taken: u64,
    /// The block that is made from a pcap's record. Kept for its memory.
    made: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    /// The first bytes will say it.
    Unknown,
    Pcapng(Order),
    Pcap {
        order: Order,
        is_nanoseconds: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// The number at an offset, if the bytes are there.
    fn u32(self, bytes: &[u8], offset: usize) -> Option<u32> {
        let number = *bytes.get(offset..)?.first_chunk::<4>()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(number),
            Order::Big => u32::from_be_bytes(number),
        })
    }
}

impl Blocks {
    pub(super) fn new(interface: impl Into<String>) -> Blocks {
        let interface = interface.into();
        Blocks { format: Format::Unknown, interface, rest: Vec::new(), taken: 0, made: Vec::new() }
    }

    /// Takes more bytes, and gives each block that is whole now. `each` stops it by returning false; what follows is dropped.
    ///
    /// # Errors
    /// They are not those of a capture.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(BlockType, &[u8]) -> bool,
    ) -> Result<(), NotACapture> {
        let mut all = std::mem::take(&mut self.rest);
        // The usual piece ends with a packet, and is not copied.
        let mut unread = if all.is_empty() {
            bytes
        } else {
            all.extend_from_slice(bytes);
            &all
        };
        while let Some(length) = self.next(unread, each)? {
            let Some(after) = unread.get(length.taken..) else { break };
            unread = after;
            self.taken += length.taken as u64;
            if !length.goes_on {
                unread = &[];
                break;
            }
        }
        self.rest = unread.to_vec();
        Ok(())
    }

    /// Whether bytes are the first ones of a pcap or a pcapng.
    pub(super) fn begins(bytes: &[u8]) -> bool {
        let Some(magic) = bytes.first_chunk::<4>() else { return false };
        let mut reversed = *magic;
        reversed.reverse();
        *magic == SECTION.to_be_bytes()
            || [MICROSECONDS, NANOSECONDS].iter().any(|known| known == magic || *known == reversed)
    }

    /// How many bytes wait for the rest of their block.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.rest.len()
    }

    fn wrong(&self, what: &'static str) -> NotACapture {
        NotACapture { what, offset: self.taken }
    }

    /// The first block. None if it is not whole yet.
    fn next(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(BlockType, &[u8]) -> bool,
    ) -> Result<Option<Taken>, NotACapture> {
        match self.format {
            Format::Unknown => self.begin(bytes, each),
            Format::Pcapng(order) => self.block(order, bytes, each),
            Format::Pcap { order, is_nanoseconds } => self.record(order, is_nanoseconds, bytes, each),
        }
    }

    fn begin(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(BlockType, &[u8]) -> bool,
    ) -> Result<Option<Taken>, NotACapture> {
        let Some(magic) = bytes.first_chunk::<4>() else { return Ok(None) };
        if *magic == SECTION.to_be_bytes() {
            // Its order is read with the block.
            self.format = Format::Pcapng(Order::Little);
            return self.next(bytes, each);
        }
        let mut reversed = *magic;
        reversed.reverse();
        let (order, magic) = match [MICROSECONDS, NANOSECONDS].contains(magic) {
            true => (Order::Big, *magic),
            false => (Order::Little, reversed),
        };
        if ![MICROSECONDS, NANOSECONDS].contains(&magic) {
            return Err(self.wrong("no magic of pcap or pcapng"));
        }
        let (Some(snaplen), Some(link)) = (order.u32(bytes, 16), order.u32(bytes, 20)) else {
            return Ok(None);
        };
        self.format = Format::Pcap { order, is_nanoseconds: magic == NANOSECONDS };
        let section = [&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat();
        let goes_on = each(BlockType::Section, self.make(SECTION, &section));
        // The upper half of a pcap's link type is about checksums.
        let link = link & 0xFFFF;
        let mut interface = [link.to_le_bytes(), snaplen.to_le_bytes()].concat();
        option(&mut interface, 2, self.interface.as_bytes());
        option(&mut interface, 9, &[9]);
        option(&mut interface, 0, &[]);
        let goes_on = goes_on && each(BlockType::Interface, self.make(INTERFACE, &interface));
        Ok(Some(Taken { taken: 24, goes_on }))
    }

    fn block(
        &mut self,
        mut order: Order,
        bytes: &[u8],
        each: &mut dyn FnMut(BlockType, &[u8]) -> bool,
    ) -> Result<Option<Taken>, NotACapture> {
        let Some(code) = order.u32(bytes, 0) else { return Ok(None) };
        if code == SECTION {
            let Some(magic) = Order::Little.u32(bytes, 8) else { return Ok(None) };
            order = match magic {
                0x1A2B_3C4D => Order::Little,
                0x4D3C_2B1A => Order::Big,
                _ => return Err(self.wrong("a section without its byte order")),
            };
            self.format = Format::Pcapng(order);
        }
        let Some(length) = order.u32(bytes, 4) else { return Ok(None) };
        if !(12..=LONGEST).contains(&length) || !length.is_multiple_of(4) {
            return Err(self.wrong("a block of an impossible length"));
        }
        let taken = length as usize;
        let Some(block) = bytes.get(..taken) else { return Ok(None) };
        if order.u32(block, taken - 4) != Some(length) {
            return Err(self.wrong("a block that does not end with its length"));
        }
        let block_type = match code {
            SECTION => BlockType::Section,
            INTERFACE => BlockType::Interface,
            code if PACKETS.contains(&code) => BlockType::Packet,
            _ => BlockType::Other,
        };
        Ok(Some(Taken { taken, goes_on: each(block_type, block) }))
    }

    fn record(
        &mut self,
        order: Order,
        is_nanoseconds: bool,
        bytes: &[u8],
        each: &mut dyn FnMut(BlockType, &[u8]) -> bool,
    ) -> Result<Option<Taken>, NotACapture> {
        let number = |index: usize| order.u32(bytes, index * 4);
        let (Some(seconds), Some(fraction), Some(captured), Some(original)) =
            (number(0), number(1), number(2), number(3))
        else {
            return Ok(None);
        };
        if captured > LONGEST - 64 {
            return Err(self.wrong("a packet of an impossible length"));
        }
        let taken = 16 + captured as usize;
        let Some(packet) = bytes.get(16..taken) else { return Ok(None) };
        let fraction = u64::from(fraction) * if is_nanoseconds { 1 } else { 1000 };
        let time = u64::from(seconds) * 1_000_000_000 + fraction;
        let [high, low] = halves(time);
        let head = [0, high, low, captured, original].map(u32::to_le_bytes);
        let mut body = std::mem::take(&mut self.made);
        body.clear();
        block(&mut body, 6, &[head.as_flattened(), packet]);
        let goes_on = each(BlockType::Packet, &body);
        self.made = body;
        Ok(Some(Taken { taken, goes_on }))
    }

    fn make(&mut self, code: u32, body: &[u8]) -> &[u8] {
        self.made.clear();
        block(&mut self.made, code, &[body]);
        &self.made
    }
}

/// The upper and the lower half.
fn halves(time: u64) -> [u32; 2] {
    [time >> 32, time & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or(0))
}

struct Taken {
    taken: usize,
    goes_on: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blocks of a capture that arrives in pieces of a size.
    fn blocks(capture: &[u8], piece: usize) -> (Vec<BlockType>, Vec<u8>, Result<(), NotACapture>, usize) {
        let mut blocks = Blocks::new("lo");
        let (mut types, mut out) = (Vec::new(), Vec::new());
        let mut each = |block_type, bytes: &[u8]| {
            types.push(block_type);
            out.extend_from_slice(bytes);
            true
        };
        let result = capture.chunks(piece).try_for_each(|piece| blocks.push(piece, &mut each));
        (types, out, result, blocks.waiting())
    }

    /// A pcap of two packets.
    fn pcap(magic: u32, fraction: u32) -> Vec<u8> {
        let mut bytes = magic.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
        for packet in [&b"abc"[..], b"defg"] {
            let length = u32::try_from(packet.len()).unwrap();
            bytes.extend([1_800_000_000, fraction, length, length].map(u32::to_le_bytes).as_flattened());
            bytes.extend(packet);
        }
        bytes
    }

    #[test]
    fn a_pcap_becomes_a_pcapng_however_it_is_cut() {
        use BlockType::{Interface, Packet, Section};
        let capture = pcap(0xA1B2_3C4D, 7);
        let whole = blocks(&capture, capture.len());
        assert_eq!(whole.0, [Section, Interface, Packet, Packet]);
        assert_eq!((&whole.2, whole.3), (&Ok(()), 0));
        for piece in 1..capture.len() {
            assert_eq!(blocks(&capture, piece), whole);
        }
        // The same again is the same.
        for piece in 1..whole.1.len() {
            assert_eq!(blocks(&whole.1, piece), (whole.0.clone(), whole.1.clone(), Ok(()), 0));
        }
        let packet = whole.1.len() - 36 - 36;
        let time = halves(1_800_000_000_000_000_007).map(u32::to_le_bytes);
        assert_eq!(whole.1[packet + 12..packet + 20], *time.as_flattened());
        assert_eq!(blocks(&pcap(0xA1B2_C3D4, 7), 5).1.len(), whole.1.len());
    }

    #[test]
    fn a_capture_of_the_other_byte_order_is_read() {
        let mut big = 0xA1B2_C3D4_u32.to_be_bytes().to_vec();
        big.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 101]);
        big.extend([1, 2, 1, 1].map(u32::to_be_bytes).as_flattened());
        big.push(b'x');
        let (types, out, result, waiting) = blocks(&big, 3);
        assert_eq!((types.len(), result, waiting), (3, Ok(()), 0));
        assert_eq!(out[out.len() - 8], b'x');
    }

    #[test]
    fn bytes_that_are_not_a_capture_are_refused_with_its_place() {
        let wrong = |bytes: &[u8]| blocks(bytes, 7).2.unwrap_err().to_string();
        assert_eq!(wrong(b"hello, this is not a pcap"), "no magic of pcap or pcapng at byte 0");
        let mut capture = pcap(0xA1B2_C3D4, 0);
        capture.extend([0xFF; 32]);
        assert_eq!(wrong(&capture), "a packet of an impossible length at byte 63");
        let mut capture = blocks(&pcap(0xA1B2_C3D4, 0), 9).1;
        let end = capture.len();
        capture.extend([6, 0, 0, 0, 13, 0, 0, 0]);
        assert_eq!(wrong(&capture), format!("a block of an impossible length at byte {end}"));
        capture[end - 4] ^= 1;
        assert!(wrong(&capture).starts_with("a block that does not end with its length at byte "));
    }

    #[test]
    fn what_is_cut_waits_and_what_is_stopped_is_dropped() {
        let capture = pcap(0xA1B2_C3D4, 0);
        let (types, _, _, waiting) = blocks(&capture[..capture.len() - 1], 1000);
        assert_eq!((types.len(), waiting), (3, 19));
        let mut count = 0;
        let mut each = |_, _: &[u8]| {
            count += 1;
            count < 3
        };
        let mut stopped = Blocks::new("lo");
        stopped.push(&capture, &mut each).unwrap();
        assert_eq!((count, stopped.waiting()), (3, 0));
    }
}
