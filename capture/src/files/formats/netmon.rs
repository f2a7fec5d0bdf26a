//! The captures of Microsoft Network Monitor, versions 1 and 2, all little-endian. A table lists where the frames are; without
//! it, in a file that was cut, they are read one after another.
//!
//! | offset | size | the file's header |
//! |---|---|---|
//! | 0 | 4 | `RTSS` (version 1), `GMBU` (version 2) |
//! | 4 | 1, 1 | minor and major version |
//! | 6 | 2 | the kind of link |
//! | 8 | 16 | when it began, in the machine's local time: year, month, weekday, day, hour, minute, second, millisecond |
//! | 24 | 4, 4 | where the table of frames is, and its length in bytes: an offset of 4 bytes for each |
//!
//! A frame begins with the time since then (u32 milliseconds, or u64 microseconds in version 2), its length on the wire
//! and its captured length (u16, or u32). After its bytes follow from version 2.1 on its kind of link, from 2.2 on
//! the number of a process, and from 2.3 on the time in UTC.

use std::io;

use pcap_file::Endianness;

use super::error::FormatError;
use super::layout::{RecordPacket, array_at, too_short, u16_at, u32_at};
use crate::Source;
use crate::files::linktype;

pub(super) const HEADER: usize = 128;

/// Bytes of the table that are read in one call.
const TABLE_CHUNK: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Netmon {
    version: (u8, u8),
    link_type: Option<u32>,
    started_ns: Option<i64>,
    frames: Frames,
    /// How many bytes frames may still have: those of an undamaged file do not overlap.
    left: u64,
}

#[derive(Debug)]
enum Frames {
    /// By a table, which is read in chunks.
    Table { source: Source, at: u64, end: u64, chunk: Vec<u8>, used: usize },
    /// One after another up to the place of the table, which is missing.
    Sequential { table: u64, end: u64 },
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    u16_at(bytes, at, Endianness::Little)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    u32_at(bytes, at, Endianness::Little)
}

impl Netmon {
    pub(super) fn open(beginning: &[u8], source: &Source) -> Result<Option<Netmon>, FormatError> {
        let version = match beginning {
            [b'R', b'T', b'S', b'S', minor, 1, ..] => (1, *minor),
            [b'G', b'M', b'B', b'U', minor, 2, ..] => (2, *minor),
            _ => return Ok(None),
        };
        let found = beginning.len() as u64;
        let short = FormatError::ShortHeader { format: "NetMon", needed: HEADER, found };
        let header = beginning.get(..HEADER).ok_or(short)?;
        let (table, length) = word(header, 24).zip(word(header, 28)).unwrap_or_default();
        let (table, length) = (u64::from(table), u64::from(length));
        if table < HEADER as u64 {
            return Err(FormatError::TableInHeader(table));
        }
        let end = source.length();
        let frames = if table + length <= end {
            let end = table + length / 4 * 4;
            Frames::Table { source: source.clone(), at: table, end, chunk: Vec::new(), used: 0 }
        } else {
            Frames::Sequential { table, end: end.min(table) }
        };
        let kind = half(header, 6).unwrap_or(0);
        let (link_type, started_ns) = (link_type(kind), started_ns(header));
        Ok(Some(Netmon { version, link_type, started_ns, frames, left: end }))
    }

    pub(super) fn notice(&self) -> Option<&'static str> {
        let local = self.version < (2, 3);
        local.then_some(
            "its times are in the local time of the machine that captured it: the file has no time zone",
        )
    }

    /// Reads the next chunk of the table if the last is used up.
    fn load(&mut self) -> io::Result<()> {
        if let Frames::Table { source, at, end, chunk, used } = &mut self.frames
            && *used >= chunk.len()
            && at < end
        {
            let count = (*end - *at).min(TABLE_CHUNK);
            chunk.clear();
            chunk.resize(usize::try_from(count).unwrap_or(0), 0);
            source.read_exact_at(*at, chunk)?;
            *at += count;
            *used = 0;
        }
        Ok(())
    }

    /// Where the next frame is, as far as the table was read.
    pub(super) fn peek(&self, position: u64) -> Option<u64> {
        match &self.frames {
            Frames::Table { chunk, used, .. } => word(chunk, *used).map(u64::from),
            Frames::Sequential { end, .. } => Some(position).filter(|position| position < end),
        }
    }

    pub(super) fn next_at(&mut self, position: u64) -> Result<Option<u64>, FormatError> {
        self.load()?;
        let next = self.peek(position);
        match &mut self.frames {
            Frames::Table { used, .. } => {
                *used += 4;
                Ok(next)
            }
            Frames::Sequential { end, .. } if position < *end => Ok(Some(position)),
            Frames::Sequential { table, .. } => Err(FormatError::MissingTable(*table)),
        }
    }

    /// Accounts for a frame of `length` bytes.
    pub(super) fn spend(&mut self, length: u64) -> Result<(), FormatError> {
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                if let Frames::Table { at, end, chunk, .. } = &mut self.frames {
                    (*at, *chunk) = (*end, Vec::new());
                }
                Err(FormatError::OverlappingFrames)
            }
        }
    }

    /// Where the next frame of the table is.
    pub(super) fn resume(&mut self) -> Option<u64> {
        self.load().ok()?;
        match &self.frames {
            Frames::Table { .. } => self.peek(0),
            Frames::Sequential { .. } => None,
        }
    }

    pub(super) fn head(&self) -> u64 {
        if self.version.0 == 1 { 8 } else { 16 }
    }

    fn lengths(&self, head: &[u8]) -> Option<[u32; 2]> {
        Some(if self.version.0 == 1 {
            [half(head, 4)?.into(), half(head, 6)?.into()]
        } else {
            [word(head, 8)?, word(head, 12)?]
        })
    }

    fn trailer(&self) -> u64 {
        match self.version {
            (1, _) | (_, 0) => 0,
            (_, 1) => 2,
            (_, 2) => 6,
            _ => 15,
        }
    }

    pub(super) fn length(&self, head: &[u8]) -> Option<u64> {
        let [_, captured] = self.lengths(head)?;
        Some(self.head() + u64::from(captured) + self.trailer())
    }

    pub(super) fn read(&self, record: &[u8]) -> Result<Option<RecordPacket>, FormatError> {
        let [wire_length, captured] = self.lengths(record).ok_or_else(|| too_short(record))?;
        let (start, length) = (usize::try_from(self.head()).unwrap_or(16), captured as usize);
        let trailer = record.get(start + length..).ok_or_else(|| too_short(record))?;
        let (link_type, time_ns) = match self.trailer() {
            0 => (self.link_type, self.local_time_ns(record)),
            bytes => match half(trailer, 0).ok_or_else(|| too_short(record))? {
                // Headers of reassembled frames, adapters, names of hosts: the program's own notes.
                0xFFFC..=0xFFFE => return Ok(None),
                kind if bytes < 15 => (link_type(kind), self.local_time_ns(record)),
                kind => (link_type(kind), array_at(trailer, 6).and_then(utc_ns)),
            },
        };
        let wire_length = (wire_length as usize).max(length);
        Ok(Some(RecordPacket { time_ns, link_type, wire_length, start, length }))
    }

    fn local_time_ns(&self, record: &[u8]) -> Option<i64> {
        let since = if self.version.0 == 1 {
            i64::from(word(record, 0)?) * 1_000_000
        } else {
            // Frames before the beginning wrap around once they are counted in tenths of a microsecond.
            u64::from_le_bytes(array_at(record, 0)?).wrapping_mul(10).cast_signed().checked_mul(100)?
        };
        self.started_ns?.checked_add(since)
    }
}

fn started_ns(header: &[u8]) -> Option<i64> {
    let field = |at: usize| i16::try_from(half(header, at)?).ok();
    let small = |at: usize| i8::try_from(half(header, at)?).ok();
    let date = jiff::civil::Date::new(field(8)?, small(10)?, small(14)?).ok()?;
    let nanosecond = i32::from(field(22)?).checked_mul(1_000_000)?;
    let time = jiff::civil::Time::new(small(16)?, small(18)?, small(20)?, nanosecond).ok()?;
    let moment = date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    i64::try_from(moment.timestamp().as_nanosecond()).ok()
}

/// From tenths of a microsecond since 1601.
fn utc_ns(filetime: [u8; 8]) -> Option<i64> {
    const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
    i64::try_from((i128::from(u64::from_le_bytes(filetime)) - UNIX_EPOCH) * 100).ok()
}

fn link_type(kind: u16) -> Option<u32> {
    Some(match kind {
        0 | 1 => linktype::ETHERNET,
        2 => linktype::TOKEN_RING,
        3 => linktype::FDDI,
        7..=9 => linktype::RAW,
        0xE080 => linktype::IEEE_802_11,
        0xE081..=0xE08A => return None,
        // Converted from a pcap.
        0xE000..=0xEFFF => (kind & 0x0FFF).into(),
        _ => return None,
    })
}
