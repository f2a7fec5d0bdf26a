//! Variants of pcap whose records have more fields before the packet, or whose header is longer.
//!
//! | magic, in either byte order | whose | after the 16 bytes of a record's header |
//! |---|---|---|
//! | `A1B2CD34` | tcpdump with the patch of 1999-10-29 | 8: interface u32, protocol u16, packet type u8, padding |
//! | `A1B2CD34` | with that of 1999-09-15, as in SuSE 6.3 | 12: the same, two processors u8, 3 of padding |
//! | `A1B2C3D4` | with that of 1999-04-17, as in Red Hat 6.1 | 8, as the first |
//! | `A1B2C3D4` | Nokia's IPSO | 4 |
//! | `1C0001AC`, `1C0001AB` | Ixia; the file's header is 4 bytes longer | nothing |
//!
//! Where a magic leaves the variant open, the first records decide: those of the right one follow one another.

use pcap_file::Endianness;

use super::error::FormatError;
use super::layout::{RecordPacket, is_near, time_ns, too_short, u16_at, u32_at};

/// Records that are checked.
const CHECKED: usize = 3;

#[derive(Debug)]
pub(crate) struct ModifiedPcap {
    order: Endianness,
    link_type: u32,
    /// Bytes of a record before its packet.
    head: u32,
    nanoseconds: bool,
    last_second: Option<u32>,
}

/// What follows the 16 bytes that all record headers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extra {
    Nothing,
    Nokia,
    /// Interface, protocol and packet type, in this many bytes.
    Interface(u32),
}

impl Extra {
    fn length(self) -> u32 {
        match self {
            Extra::Nothing => 0,
            Extra::Nokia => 4,
            Extra::Interface(length) => length,
        }
    }

    /// Whether the bytes have plausible values.
    fn fits(self, extra: &[u8], order: Endianness) -> bool {
        let plausible = || {
            let (interface, protocol) = (u32_at(extra, 0, order)?, u16_at(extra, 4, order)?);
            // An EtherType, or one of the numbers that Linux has for frames without one.
            let protocol = protocol >= 0x0600 || protocol <= 0x17 || matches!(protocol, 0x60 | 0x200 | 0x400);
            Some(interface <= 10_000 && protocol && *extra.get(6)? <= 4)
        };
        match self {
            Extra::Nothing | Extra::Nokia => true,
            Extra::Interface(_) => plausible().unwrap_or(false),
        }
    }
}

impl ModifiedPcap {
    /// Recognised by its own magic: the format, and where its first record begins.
    pub(super) fn open(beginning: &[u8]) -> Result<Option<(ModifiedPcap, usize)>, FormatError> {
        let magic = beginning.first_chunk().copied().unwrap_or_default();
        let by_magic = |magic: u32, order: Endianness| {
            Some(match magic {
                0xA1B2_CD34 => (order, 24, false),
                0x1C00_01AC => (order, 28, true),
                0x1C00_01AB => (order, 28, false),
                _ => return None,
            })
        };
        let known = by_magic(u32::from_be_bytes(magic), Endianness::Big)
            .or_else(|| by_magic(u32::from_le_bytes(magic), Endianness::Little));
        let Some((order, header, nanoseconds)) = known else { return Ok(None) };
        let Some(records) = beginning.get(header..) else {
            let found = beginning.len() as u64;
            return Err(FormatError::ShortHeader { format: "pcap", needed: header, found });
        };
        let candidates: &[Extra] =
            if header == 28 { &[Extra::Nothing] } else { &[Extra::Interface(8), Extra::Interface(12)] };
        let misfits = |extra: &Extra| check(records, order, *extra).1;
        let extra = candidates.iter().copied().min_by_key(misfits).unwrap_or(Extra::Nothing);
        Ok(Some((Self::new(beginning, order, extra, nanoseconds), header)))
    }

    /// With the magic of pcap itself: only where pcap's own records do not follow one another, and a variant's do.
    pub(crate) fn in_disguise(beginning: &[u8], order: Endianness) -> Option<ModifiedPcap> {
        let version = (u16_at(beginning, 4, order)?, u16_at(beginning, 6, order)?);
        let records = beginning.get(24..)?;
        if version != (2, 4) || check(records, order, Extra::Nothing).1 == 0 {
            return None;
        }
        let extra = [Extra::Interface(8), Extra::Nokia]
            .into_iter()
            .find(|extra| matches!(check(records, order, *extra), (2.., 0)))?;
        Some(Self::new(beginning, order, extra, false))
    }

    fn new(beginning: &[u8], order: Endianness, extra: Extra, nanoseconds: bool) -> ModifiedPcap {
        // The upper bits of the field say how long a frame check sequence is.
        let link_type = u32_at(beginning, 20, order).unwrap_or(0) & 0x03FF_FFFF;
        ModifiedPcap { order, link_type, head: 16 + extra.length(), nanoseconds, last_second: None }
    }

    fn field(&self, bytes: &[u8], at: usize) -> Option<u32> {
        u32_at(bytes, at, self.order)
    }

    pub(super) fn head(&self) -> u64 {
        self.head.into()
    }

    pub(super) fn length(&self, head: &[u8]) -> Option<u64> {
        self.field(head, 8).map(|captured| u64::from(self.head) + u64::from(captured))
    }

    pub(super) fn read(&mut self, record: &[u8]) -> Result<RecordPacket, FormatError> {
        let field = |at: usize| self.field(record, at).ok_or_else(|| too_short(record));
        let (second, fraction, captured, wire_length) = (field(0)?, field(4)?, field(8)?, field(12)?);
        let length = captured as usize;
        self.last_second = Some(second);
        Ok(RecordPacket {
            time_ns: time_ns(second, i64::from(fraction) * if self.nanoseconds { 1 } else { 1000 }),
            link_type: Some(self.link_type),
            wire_length: (wire_length as usize).max(length),
            start: self.head as usize,
            length,
        })
    }

    pub(super) fn plausible(&self, head: &[u8]) -> Option<u64> {
        let (second, fraction) = (self.field(head, 0)?, self.field(head, 4)?);
        let (captured, wire_length) = (self.field(head, 8)?, self.field(head, 12)?);
        let fractions = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
        let sized = (1..=wire_length).contains(&captured) && wire_length <= 1 << 20;
        (is_near(self.last_second, second) && fraction < fractions && sized)
            .then(|| u64::from(self.head) + u64::from(captured))
    }
}

/// Reads the first records as those of a variant: how many are whole, and how many of their fields are implausible.
fn check(records: &[u8], order: Endianness, extra: Extra) -> (usize, usize) {
    let (mut at, mut whole, mut misfits) = (0, 0, 0);
    while whole < CHECKED && at < records.len() {
        let rest = records.get(at..).unwrap_or_default();
        let fields = || Some([u32_at(rest, 4, order)?, u32_at(rest, 8, order)?, u32_at(rest, 12, order)?]);
        let Some([microsecond, captured, wire_length]) = fields() else { return (whole, misfits + 1) };
        misfits += usize::from(microsecond >= 1_000_000);
        misfits += usize::from(captured > wire_length);
        misfits += usize::from(wire_length > 128 << 20);
        let head = (16 + extra.length()) as usize;
        misfits += usize::from(!extra.fits(rest.get(16..head).unwrap_or_default(), order));
        if captured > 256 << 10 {
            return (whole, misfits + 1);
        }
        at += head + captured as usize;
        if at > records.len() {
            return (whole, misfits + 1);
        }
        whole += 1;
    }
    (whole, misfits)
}
