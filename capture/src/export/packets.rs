//! The packets that carry rows, as a separate capture.

use std::collections::HashMap;
use std::io::{self, Write};

use super::selection::RowSelection;
use crate::files::metadata::Metadata;
use crate::files::pcapng_writer::write_block;
use crate::files::records::{Counts, Next, Opened, Record, Records};
use crate::{Index, Source, TransportType};

/// Writes a pcapng file with the packets that carry the selected rows, as they were captured, in the order of the file.
/// Returns how many there are.
///
/// # Errors
/// The capture can't be read any more, holds no packets (it was the bytes of one stream), or `out` can't be written.
pub fn write_packets(
    index: &Index,
    selection: &mut RowSelection<'_>,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let mut wanted = vec![false; index.packets() as usize + 1];
    selection.for_each(index, &mut |_, row| {
        for packet in index.row_packets(row) {
            wanted.get_mut(packet.number() as usize).into_iter().for_each(|wanted| *wanted = true);
        }
        Ok(())
    })?;
    let mut writer = Writer { index, out, interfaces: HashMap::new(), packets: 0 };
    writer.section()?;
    // A file that was read as bytes is read as bytes again, whatever it looks like.
    let as_bytes = index.flows().any(|(_, flow)| flow.transport == TransportType::File);
    each_record(index.source(), as_bytes, &mut |one| match one {
        One::Packet(record) => {
            let is_wanted = wanted.get(record.number.number() as usize).copied().unwrap_or(false);
            if is_wanted { writer.packet(record) } else { Ok(()) }
        }
        One::Secrets(kind, secrets) => writer.secrets(kind, secrets),
    })?;
    Ok(writer.packets)
}

/// What is copied of a capture.
enum One<'r> {
    Packet(&'r Record<'r>),
    Secrets(u32, &'r [u8]),
}

fn each_record(
    source: &Source,
    as_bytes: bool,
    each: &mut dyn FnMut(One<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let are_joined = source.files().nth(1).is_some();
    let mut counts = Counts::default();
    for file in source.files() {
        match opened(file, as_bytes) {
            Ok(mut records) => {
                records.count_from(counts);
                each_record_of(&mut records, each)?;
                counts = records.counts();
            }
            // It was reported when the capture was read, as damage of that file.
            Err(_) if are_joined && !as_bytes => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn opened(file: &Source, as_bytes: bool) -> io::Result<Box<Records>> {
    let other = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    match Records::open(file, as_bytes).map_err(|damage| other(damage.to_string()))? {
        Opened::Capture(records) => Ok(records),
        Opened::Unsupported(format) => Err(other(format.to_string())),
        Opened::Bytes => Err(other(format!("{} is not a capture: it has no packets", file.name()))),
    }
}

fn each_record_of(records: &mut Records, each: &mut dyn FnMut(One<'_>) -> io::Result<()>) -> io::Result<()> {
    loop {
        match records.next() {
            Ok(Next::Packet) => each(One::Packet(&records.record().0))?,
            Ok(Next::Other) => {}
            Ok(Next::End | Next::Waiting) => return Ok(()),
            // Damage was reported when the capture was read; reading resumes after it as it did then.
            Err(_) => match records.resume() {
                Ok(Some(_)) => {}
                _ => return Ok(()),
            },
        }
        for metadata in records.metadata() {
            if let Metadata::Secrets(kind, secrets) = metadata {
                each(One::Secrets(kind, &secrets))?;
            }
        }
    }
}

/// Writes pcapng, little-endian, with times in nanoseconds.
struct Writer<'o> {
    index: &'o Index,
    out: &'o mut dyn Write,
    /// The numbers of the interfaces written so far, by their number in the capture and their link type.
    interfaces: HashMap<(Option<u16>, Option<u32>), usize>,
    packets: u64,
}

impl Writer<'_> {
    fn block(&mut self, block_type: u32, body: &[&[u8]]) -> io::Result<()> {
        write_block(&mut self.out, block_type, body)
    }

    fn section(&mut self) -> io::Result<()> {
        const VERSION_1_0: [u8; 4] = [1, 0, 0, 0];
        const UNKNOWN_LENGTH: [u8; 8] = [0xFF; 8];
        let application = option(4, concat!("framescope ", env!("CARGO_PKG_VERSION")).as_bytes());
        let magic = 0x1A2B_3C4D_u32.to_le_bytes();
        self.block(0x0A0D_0D0A, &[&magic, &VERSION_1_0, &UNKNOWN_LENGTH, &application, &END_OF_OPTIONS])
    }

    /// A Decryption Secrets Block: without it what is exported could not be decrypted.
    fn secrets(&mut self, kind: u32, secrets: &[u8]) -> io::Result<()> {
        let length = u32::try_from(secrets.len()).unwrap_or(u32::MAX);
        self.block(10, &[&kind.to_le_bytes(), &length.to_le_bytes(), secrets, padding(secrets)])
    }

    fn packet(&mut self, record: &Record<'_>) -> io::Result<()> {
        let described = (record.interface, record.link_type);
        let interface = match self.interfaces.get(&described) {
            Some(&known) => known,
            None => {
                let number = self.interfaces.len();
                self.interfaces.insert(described, number);
                // A packet without an interface has no link type either; 147 is the first for private use.
                let link_type = u16::try_from(record.link_type.unwrap_or(147)).unwrap_or(147);
                let nanoseconds = option(9, &[9]);
                let fixed = [link_type.to_le_bytes(), [0; 2]].concat();
                let names =
                    record.interface.and_then(|number| self.index.notes.interfaces.get(usize::from(number)));
                let name = names.and_then(Option::as_deref).map(|name| option(2, name.as_bytes()));
                let name = name.unwrap_or_default();
                self.block(1, &[&fixed, &[0; 4], &name, &nanoseconds, &END_OF_OPTIONS])?;
                number
            }
        };
        // A packet without a time, or with one before 1970, gets the time 0.
        let time = u64::try_from(record.time_ns.unwrap_or(0)).unwrap_or(0);
        let half = |bits: u64| u32::try_from(bits).unwrap_or(u32::MAX).to_le_bytes();
        let (high, low) = (half(time >> 32), half(time & u64::from(u32::MAX)));
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let interface = length(interface);
        let (captured, on_wire) = (length(record.bytes.len()), length(record.wire_length));
        self.packets += 1;
        let mut options = Vec::new();
        for comment in self.index.notes.comments.of(record.number) {
            options.extend(option(1, comment.as_bytes()));
        }
        if !options.is_empty() {
            options.extend(END_OF_OPTIONS);
        }
        self.block(
            6,
            &[&interface, &high, &low, &captured, &on_wire, record.bytes, padding(record.bytes), &options],
        )
    }
}

const END_OF_OPTIONS: [u8; 4] = [0; 4];

/// What makes the length of bytes a multiple of four.
fn padding(bytes: &[u8]) -> &'static [u8] {
    let missing = bytes.len().next_multiple_of(4) - bytes.len();
    [0; 3].get(..missing).unwrap_or_default()
}

/// An option as pcapng writes it.
fn option(code: u16, value: &[u8]) -> Vec<u8> {
    // The length of an option has 16 bits.
    let value = value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
    let mut out = Vec::new();
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}
