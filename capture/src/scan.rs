//! A quick look at which conversations a capture has, and when, without reading what they say: to divide captures among readers.
//!
//! It reads packets' headers only, so it takes a fraction of the time of reading messages, and little memory for each conversation.

use std::collections::HashSet;
use std::io;

use foldhash::fast::RandomState;

use crate::files::metadata::Metadata;
use crate::files::records::{Counts, Next, Opened, Record, Records};
use crate::packets::assembler::Assembler;
use crate::packets::fragments::Fragment;
use crate::packets::packet::{Decoded, Packet, decode, plain};
use crate::packets::segment::Transport;
use crate::streams::endpoint_pairs::{EndpointPairs, Pair};
use crate::{BlockReader, Damage, ReadError, Source, TakeSecrets};

/// A conversation of a capture: of connections that follow each other between the same ports, all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its [key](crate::Flow::conversation).
    pub key: u64,
    /// How many packets it has, without those that are fragments.
    pub packets: u32,
    /// How many bytes their payloads have.
    pub bytes: u64,
    /// When its first packet was captured that has a time, and its last, in nanoseconds since the Unix epoch.
    pub times_ns: Option<(i64, i64)>,
}

/// What a quick look at a capture found.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The conversations, in the order of their first packets.
    pub conversations: Vec<Conversation>,
    /// How many packets there are.
    pub packets: u32,
    /// The earliest and the latest time of a packet, in nanoseconds since the Unix epoch.
    pub times_ns: Option<(i64, i64)>,
    /// The IP packets of which there are fragments, as numbers that are the same in every capture.
    pub fragmented: HashSet<u64, RandomState>,
    /// Those of which fragments are missing at the end, so that another capture may have them.
    pub incomplete: HashSet<u64, RandomState>,
    /// Whether it holds secrets that what follows may be decrypted with.
    pub has_secrets: bool,
    /// Where it is damaged.
    pub damages: Vec<Damage>,
}

/// Looks at which conversations a capture has. Secrets that it holds are given to `secrets`. `goes_on` is given the bytes that were read
/// at intervals, and stops it by returning false.
///
/// # Errors
/// It is not a capture, or can't be read at all. Damage is not an error: what can be read is looked at.
pub fn scan(
    source: &Source,
    secrets: Option<&dyn TakeSecrets>,
    goes_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Scan, ReadError> {
    let converted = source
        .converted()
        .map_err(|error| ReadError::Conversion { name: source.name().to_owned(), error })?;
    let source = converted.as_ref().map_or(source, |converted| &converted.source);
    let mut scanner = Scanner {
        assembler: Assembler::new(BlockReader::new(source.clone(), 64 << 10)),
        pairs: EndpointPairs::default(),
        found: Scan::default(),
        secrets,
        counts: Counts::default(),
    };
    let mut start = 0;
    for file in source.files() {
        match Records::open(file, false) {
            Ok(Opened::Capture(records)) => {
                if !scanner.file(*records, start, goes_on) {
                    break;
                }
            }
            Ok(Opened::Unsupported(format)) => return Err(format.into()),
            Ok(Opened::Bytes) => return Err(ReadError::NoCapture { name: file.name().to_owned() }),
            Err(damage) => scanner.found.damages.push(damage),
        }
        start += file.length();
    }
    Ok(scanner.finish())
}

struct Scanner<'s> {
    assembler: Assembler,
    pairs: EndpointPairs,
    found: Scan,
    secrets: Option<&'s dyn TakeSecrets>,
    counts: Counts,
}

/// How many records are read between two questions whether to go on.
const BETWEEN_QUESTIONS: u32 = 16_384;

impl Scanner<'_> {
    /// Looks at a file that begins at that place among all. False if it was stopped.
    fn file(&mut self, mut records: Records, start: u64, goes_on: &mut dyn FnMut(u64) -> bool) -> bool {
        records.count_from(self.counts);
        let mut read = 0_u32;
        loop {
            match records.next() {
                Ok(Next::Packet) => {
                    let (record, _) = records.record();
                    if let Err(error) = self.packet(&record, start) {
                        self.found.damages.push(records.unreadable(error.to_string()));
                        break;
                    }
                }
                Ok(Next::Other) => {}
                Ok(Next::End | Next::Waiting) => break,
                Err(damage) => {
                    let resumed = records.resume().unwrap_or_default();
                    self.found.damages.push(Damage { resumed, ..damage });
                    if resumed.is_none() {
                        break;
                    }
                }
            }
            for metadata in records.metadata() {
                if let Metadata::Secrets(kind, secrets) = metadata {
                    self.found.has_secrets = true;
                    if let Some(to) = self.secrets {
                        to.take(kind, &secrets);
                    }
                }
            }
            read += 1;
            if read.is_multiple_of(BETWEEN_QUESTIONS) && !goes_on(start + records.position()) {
                return false;
            }
        }
        self.counts = records.counts();
        true
    }

    #[inline]
    fn packet(&mut self, record: &Record<'_>, start: u64) -> io::Result<()> {
        widen(&mut self.found.times_ns, record.time_ns);
        if let Some(packet) = plain(record) {
            self.count(record, &packet);
            return Ok(());
        }
        match decode(record) {
            Ok(Decoded::Packet(packet)) => self.count(record, &packet),
            Ok(Decoded::Fragment(fragment)) => return self.fragment(record, start, &fragment),
            Err(_) => {}
        }
        Ok(())
    }

    fn fragment(&mut self, record: &Record<'_>, start: u64, fragment: &Fragment) -> io::Result<()> {
        self.found.fragmented.insert(fragment.of.key());
        let record = Record { offset: start + record.offset, ..*record };
        if let Some(Ok(whole)) = self.assembler.take(&record, fragment)?.whole {
            self.count(&record, &whole.packet);
        }
        Ok(())
    }

    #[inline]
    fn count(&mut self, record: &Record<'_>, packet: &Packet) {
        let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
        let (pair, _) = Pair::of(packet.src, packet.dst, is_tcp);
        let (number, is_new) = self.pairs.number(&pair);
        let conversations = &mut self.found.conversations;
        if is_new {
            conversations.push(Conversation { key: pair.key(), packets: 0, bytes: 0, times_ns: None });
        }
        if let Some(conversation) = conversations.get_mut(number as usize) {
            conversation.packets = conversation.packets.saturating_add(1);
            conversation.bytes += u64::from(packet.payload_length);
            widen(&mut conversation.times_ns, record.time_ns);
        }
    }

    fn finish(self) -> Scan {
        let incomplete = self.assembler.waiting().map(|of| of.key()).collect();
        Scan { packets: self.counts.packets, incomplete, ..self.found }
    }
}

#[inline]
fn widen(times: &mut Option<(i64, i64)>, time_ns: Option<i64>) {
    if let Some(time) = time_ns {
        let (first, last) = times.unwrap_or((time, time));
        *times = Some((first.min(time), last.max(time)));
    }
}
