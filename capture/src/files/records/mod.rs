//! From the bytes of a capture file to its packets.
//!
//! Walks records in blocks of 256 KiB, and never trusts a length beyond the end of the file. This is the one place that knows
//! pcap and pcapng; other formats are in [`formats`](crate::files::formats).

mod foreign;
mod pcap;
mod pcapng;
mod record;
mod recovery;
mod window;

use pcap_file::pcap::{PcapParser, PcapTsResolution};

use self::pcap::Pcap;
use self::pcapng::Section;
pub(crate) use self::record::{Next, Record};
use self::window::Window;
use crate::files::buffer::Buffer;
use crate::files::formats::recognise::recognise;
use crate::files::formats::{Foreign, FormatError, ModifiedPcap, Opened as OpenedForeign};
use crate::files::metadata::Metadata;
use crate::{Damage, Source, UnsupportedFormat};

/// Walks the packets of a capture file.
#[derive(Debug)]
pub(crate) struct Records {
    format: Format,
    window: Window,
    /// What the file said beside its packets since [`Records::metadata`] was last called.
    metadata: Vec<Metadata>,
    /// How many interfaces the files before this one have.
    interfaces_before: usize,
}

/// How many packets and interfaces were numbered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) packets: u32,
    pub(crate) interfaces: usize,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    PcapNg(Section),
    Foreign(Box<Foreign>),
}

/// What a file turned out to be.
pub(crate) enum Opened {
    /// A capture.
    Capture(Box<Records>),
    /// A capture in a format that is not read.
    Unsupported(UnsupportedFormat),
    /// Anything else: the bytes of one stream.
    Bytes,
}

impl Records {
    /// Detects the format by the beginning of the file. With `as_bytes` it is not a capture, whatever it begins with.
    pub(crate) fn open(source: &Source, as_bytes: bool) -> Result<Opened, Damage> {
        let mut window = Window::new(source);
        if source.length() == 0 {
            return Err(window.damage(None, "the file is empty; a capture begins with a header"));
        }
        if as_bytes {
            return Ok(Opened::Bytes);
        }
        window.fill(Pcap::HEADER)?;
        let (format, header) = if window.rest().starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]) {
            (Format::PcapNg(Section::new()), 0)
        } else if Pcap::is_one(window.rest()) {
            (Format::pcap(&window)?, Pcap::HEADER)
        } else {
            match Foreign::open(window.rest(), source) {
                Ok(Some(OpenedForeign { format, first_record })) => {
                    (Format::Foreign(Box::new(format)), first_record)
                }
                Ok(None) => {
                    let unsupported = recognise(window.rest(), source.name(), source.length());
                    return Ok(unsupported.map_or(Opened::Bytes, Opened::Unsupported));
                }
                Err(error) => return Err(window.damage(None, error.to_string())),
            }
        };
        window.advance(header);
        let records = Records { format, window, metadata: Vec::new(), interfaces_before: 0 };
        Ok(Opened::Capture(Box::new(records)))
    }

    /// A sentence about all of its packets, for a person.
    pub(crate) fn notice(&self) -> Option<String> {
        let Format::Foreign(foreign) = &self.format else { return None };
        foreign.notice().map(|notice| format!("{}: {notice}", self.window.source.name()))
    }

    /// Numbers packets and interfaces behind those of the files before this one.
    pub(crate) fn count_from(&mut self, counts: Counts) {
        self.window.count_from(counts.packets);
        self.interfaces_before = counts.interfaces;
        if let Format::PcapNg(section) = &mut self.format {
            section.earlier_interfaces = counts.interfaces;
        }
    }

    /// How many packets and interfaces there are so far, with those of the files before this one.
    pub(crate) fn counts(&self) -> Counts {
        let interfaces = match &self.format {
            Format::PcapNg(section) => section.count_interfaces(),
            _ => self.interfaces_before,
        };
        Counts { packets: self.window.packets, interfaces }
    }

    /// Damage of the packet after the last that was found, for a reason from outside.
    pub(crate) fn unreadable(&self, what: String) -> Damage {
        self.window.damage_of_next(what)
    }

    /// Damage where the copy of the file in the temporary folder was cut, if it was.
    pub(crate) fn cut(&self) -> Option<Damage> {
        let source = &self.window.source;
        let cut = source.cut()?;
        Some(Damage { offset: source.length(), ..self.window.damage(None, cut) })
    }

    /// Whether more is expected behind what is there.
    pub(crate) fn is_growing(&self) -> bool {
        self.window.source.is_growing() && !self.window.is_unreadable
    }

    /// Where in the file the next record begins.
    pub(crate) fn position(&self) -> u64 {
        self.window.position()
    }

    /// The packet that was found last, and where in the file the bytes begin that were read with it.
    #[inline(always)]
    pub(crate) fn record(&self) -> (Record<'_>, u64) {
        self.window.record()
    }

    /// Reads the next record. Inlined into its caller.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Next, Damage> {
        match self.next_there() {
            found @ Ok(Next::Packet | Next::Other) => found,
            end => self.end_or_wait(end),
        }
    }

    #[inline(always)]
    fn next_there(&mut self) -> Result<Next, Damage> {
        let Records { format, window, metadata, .. } = self;
        match format {
            Format::Pcap(pcap) => pcap.next(window),
            Format::PcapNg(section) => section.next(window, metadata),
            Format::Foreign(format) => foreign::next(format, window),
        }
    }

    /// Where a growing file ends, also in the middle of a record, more is expected.
    #[cold]
    fn end_or_wait(&mut self, end: Result<Next, Damage>) -> Result<Next, Damage> {
        let is_end = match &end {
            Ok(next) => matches!(next, Next::End),
            Err(_) => std::mem::take(&mut self.window.is_short),
        };
        match &self.window.source {
            source if !is_end || !source.is_live() => end,
            source if source.is_growing() => Ok(Next::Waiting),
            // It grows no more, but may have grown after its end was seen.
            _ => self.next_there(),
        }
    }

    /// What the file said beside its packets since this was last called.
    pub(crate) fn metadata(&mut self) -> std::vec::Drain<'_, Metadata> {
        self.metadata.drain(..)
    }

    /// Whether all of the next record has been read, so that [`Records::next`] moves nothing.
    pub(crate) fn is_next_read(&self) -> bool {
        let rest = self.window.rest();
        let length = match &self.format {
            Format::Pcap(pcap) => pcap.record_length(rest),
            Format::PcapNg(section) => section.record_length(rest),
            Format::Foreign(format) => foreign::record_length(format, rest, self.position()),
        };
        length.is_some_and(|length| length.max(12) <= rest.len() as u64)
    }

    /// Hands over the bytes that were read, with their place in the file. Those of the next record go to `other`, which takes
    /// their place.
    pub(crate) fn hand_over(&mut self, other: Buffer) -> (Buffer, u64) {
        self.window.hand_over(other)
    }
}

impl Format {
    /// The format of a file with pcap's magic.
    fn pcap(window: &Window) -> Result<Format, Damage> {
        let Ok((_, parser)) = PcapParser::new(window.rest()) else {
            let (needed, found) = (Pcap::HEADER, window.source.length());
            let error = FormatError::ShortHeader { format: "pcap", needed, found };
            return Err(window.damage(None, error.to_string()));
        };
        let header = parser.header();
        let is_micro = matches!(header.ts_resolution, PcapTsResolution::MicroSecond);
        let modified =
            ModifiedPcap::with_standard_magic(window.rest(), header.endianness).filter(|_| is_micro);
        Ok(match modified {
            Some(modified) => Format::Foreign(Box::new(Foreign::ModifiedPcap(modified))),
            None => Format::Pcap(Pcap::new(parser)),
        })
    }
}
