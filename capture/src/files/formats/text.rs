//! Captures that are text: read line by line when they are opened, and written as a pcapng that is read in their place.
//!
//! An offset in the file then is one of that pcapng. The index says so.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use super::{hexdump, strace};
use crate::Source;
use crate::files::pcapng::write_block;

/// What a text became.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) source: Source,
    /// Sentences for the person: what it was, and what of it could not be used.
    pub(crate) notices: Vec<String>,
}

/// What is looked at to know what a file is.
const LOOKED_AT: usize = 64 << 10;
/// No line is kept longer than this.
const LONGEST_LINE: u64 = 16 << 20;

/// A text of a known kind, as a capture; None for all else.
///
/// # Errors
/// It can't be read, or no temporary file can be had.
pub(crate) fn convert(source: &Source) -> io::Result<Option<Converted>> {
    let mut beginning = vec![0; LOOKED_AT];
    let read = source.read_at(0, &mut beginning)?;
    beginning.truncate(read);
    // What is no text is told at once.
    if beginning.is_empty() || beginning.contains(&0) {
        return Ok(None);
    }
    let whole = read as u64 == source.length();
    // A line that is cut is no line.
    if !whole {
        let end = beginning.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
        beginning.truncate(end);
    }
    let text = String::from_utf8_lossy(&beginning);
    let mut out =
        Writer::new(if source.is_in_memory() { Output::Memory(Vec::new()) } else { Output::file()? });
    let notices = if hexdump::is_one(&text) {
        hexdump::convert(&mut Lines::of(source), &mut out)?
    } else if strace::is_one(&text) {
        strace::convert(&mut Lines::of(source), &mut out)?
    } else {
        return Ok(None);
    };
    let name = source.name();
    let notices = notices.into_iter().map(|notice| format!("{name} {notice}")).collect();
    let source = match out.finish()? {
        Output::Memory(bytes) => Source::from_bytes(name, bytes),
        Output::File(file) => {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            Source::from_file(name.to_owned(), file)?
        }
    };
    Ok(Some(Converted { source, notices }))
}

/// The lines of a source.
pub(super) struct Lines {
    input: BufReader<At>,
    line: Vec<u8>,
    /// The number of the last line, counted from 1.
    pub(super) number: u64,
}

struct At {
    source: Source,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Lines {
    fn of(source: &Source) -> Lines {
        let at = At { source: source.clone(), at: 0 };
        Lines { input: BufReader::with_capacity(256 << 10, at), line: Vec::new(), number: 0 }
    }

    /// The next line without its end; one that is very long only as far as [`LONGEST_LINE`], and then its rest.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        self.line.clear();
        if (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = String::from_utf8_lossy(&self.line);
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

#[derive(Debug)]
enum Output {
    Memory(Vec<u8>),
    File(BufWriter<File>),
}

impl Output {
    fn file() -> io::Result<Output> {
        Ok(Output::File(BufWriter::with_capacity(256 << 10, tempfile::tempfile()?)))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Memory(out) => out.write(bytes),
            Output::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Memory(out) => out.flush(),
            Output::File(out) => out.flush(),
        }
    }
}

/// A packet that was told of in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) time_ns: Option<i64>,
    pub(super) link_type: u16,
    pub(super) wire_length: usize,
    pub(super) bytes: &'a [u8],
}

/// Writes pcapng, little-endian, with times in nanoseconds.
#[derive(Debug)]
pub(super) struct Writer {
    out: Output,
    /// The link type and snaplen of the section that is being written: one section has packets of one.
    section: Option<(u16, u32)>,
    pub(super) packets: u64,
}

impl Writer {
    fn new(out: Output) -> Writer {
        Writer { out, section: None, packets: 0 }
    }

    fn finish(mut self) -> io::Result<Output> {
        if self.packets == 0 {
            // A capture without packets is one all the same.
            self.section(1, 0)?;
        }
        Ok(self.out)
    }

    fn block(&mut self, block_type: u32, body: &[&[u8]]) -> io::Result<()> {
        write_block(&mut self.out, block_type, body)
    }

    fn section(&mut self, link_type: u16, snaplen: u32) -> io::Result<()> {
        if self.section.replace((link_type, snaplen)) == Some((link_type, snaplen)) {
            return Ok(());
        }
        self.block(0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes(), &[1, 0, 0, 0], &[0xFF; 8]])?;
        // The option if_tsresol says nanoseconds.
        let (link_type, snaplen) = (link_type.to_le_bytes(), snaplen.to_le_bytes());
        self.block(1, &[&link_type, &[0; 2], &snaplen, &[9, 0, 1, 0, 9, 0, 0, 0], &[0; 4]])
    }

    pub(super) fn packet(&mut self, told: Told<'_>) -> io::Result<()> {
        self.packets += 1;
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (captured, on_wire) = (length(told.bytes.len()), length(told.wire_length.max(told.bytes.len())));
        let Some(time) = told.time_ns.and_then(|time| u64::try_from(time).ok()) else {
            // A block without a time has no captured length either: its interface says it.
            self.section(told.link_type, if captured < on_wire { captured } else { 0 })?;
            return self.block(3, &[&on_wire.to_le_bytes(), told.bytes]);
        };
        self.section(told.link_type, 0)?;
        let (captured, on_wire) = (captured.to_le_bytes(), on_wire.to_le_bytes());
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0).to_le_bytes();
        let (high, low) = (half(time >> 32), half(time));
        self.block(6, &[&[0; 4], &high, &low, &captured, &on_wire, told.bytes])
    }
}

/// A time in front of a packet or call: nanoseconds, and whether they count from the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) ns: i64,
    pub(super) is_absolute: bool,
}

/// Reads `2026-01-02`.
pub(super) fn date(text: &str) -> Option<jiff::civil::Date> {
    let is_shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_shaped.then(|| text.parse().ok()).flatten()
}

/// Reads `03:04:05` and `03:04:05.678901`: nanoseconds since midnight.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let mut part = |most: i64| {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        whole_number(part).filter(|&part| part <= most)
    };
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    if parts.next().is_some() {
        return None;
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction_ns(fraction)?)
}

/// Reads `1436509052.249713`: nanoseconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let whole = whole_number(whole).filter(|&whole| whole < 1 << 33)?;
    Some(whole * 1_000_000_000 + fraction_ns(fraction)?)
}

fn whole_number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn fraction_ns(text: &str) -> Option<i64> {
    match text.len() {
        0 => Some(0),
        1..=9 => whole_number(&format!("{text:0<9}")),
        _ => None,
    }
}

/// The nanoseconds of that time on that day.
pub(super) fn on_day(date: jiff::civil::Date, time_of_day: i64) -> Option<i64> {
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond();
    i64::try_from(midnight).ok()?.checked_add(time_of_day)
}

/// Times of day that go on over midnight.
#[derive(Debug, Default)]
pub(super) struct Days {
    last: Option<i64>,
    days: i64,
}

impl Days {
    const DAY: i64 = 86_400_000_000_000;

    /// The time as nanoseconds since the epoch. A time without a day is one of 1970-01-01, or a day later where it went
    /// back by half a day.
    pub(super) fn at(&mut self, clock: Clock) -> i64 {
        if clock.is_absolute {
            return clock.ns;
        }
        if self.last.is_some_and(|last| last - clock.ns > Self::DAY / 2) {
            self.days += 1;
        }
        self.last = Some(clock.ns);
        clock.ns.saturating_add(self.days.saturating_mul(Self::DAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(time_of_day("01:02:03.5"), Some(3_723_500_000_000));
        assert_eq!(time_of_day("23:59:59"), Some(86_399_000_000_000));
        assert_eq!(seconds("1436509052.249713"), Some(1_436_509_052_249_713_000));
        assert_eq!(on_day(date("1970-01-02").unwrap(), 1), Some(86_400_000_000_001));
        for bad in ["24:00:00", "1:2", "1:2:3:4", "a:b:c", "+1:02:03", "01:02:03.x", ""] {
            assert_eq!(time_of_day(bad), None, "{bad}");
        }
        assert_eq!((date("2026-13-01"), seconds("12"), seconds("1.2.3")), (None, None, None));
    }

    #[test]
    fn a_time_of_day_goes_on_over_midnight() {
        let mut days = Days::default();
        let clock = |ns| Clock { ns, is_absolute: false };
        let evening = 23 * 3_600_000_000_000;
        assert_eq!(days.at(clock(evening)), evening);
        assert_eq!(days.at(clock(5)), Days::DAY + 5);
        assert_eq!(days.at(Clock { ns: 7, is_absolute: true }), 7);
    }
}
