//! Writes the packets of a text as a pcapng.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::files::pcapng_writer::write_block;

/// Where the pcapng is written to.
#[derive(Debug)]
pub(crate) enum Output {
    Memory(Vec<u8>),
    File(BufWriter<File>),
}

impl Output {
    pub(crate) fn file() -> io::Result<Output> {
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

/// A packet of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextPacket<'a> {
    pub(crate) time_ns: Option<i64>,
    pub(crate) link_type: u16,
    pub(crate) wire_length: usize,
    pub(crate) bytes: &'a [u8],
}

/// Writes pcapng, little-endian, with times in nanoseconds.
#[derive(Debug)]
pub(crate) struct Writer {
    out: Output,
    /// The link type and snaplen of the current section: all of its packets have these.
    section: Option<(u16, u32)>,
    pub(crate) packets: u64,
}

impl Writer {
    pub(crate) fn new(out: Output) -> Writer {
        Writer { out, section: None, packets: 0 }
    }

    /// What was written, complete.
    pub(crate) fn finish(mut self) -> io::Result<Output> {
        if self.packets == 0 {
            // A capture without packets is still a capture.
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

    pub(crate) fn packet(&mut self, packet: TextPacket<'_>) -> io::Result<()> {
        self.packets += 1;
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (captured, on_wire) =
            (length(packet.bytes.len()), length(packet.wire_length.max(packet.bytes.len())));
        let Some(time) = packet.time_ns.and_then(|time| u64::try_from(time).ok()) else {
            // A block without a time has no captured length either: that is its interface's snaplen.
            self.section(packet.link_type, if captured < on_wire { captured } else { 0 })?;
            return self.block(3, &[&on_wire.to_le_bytes(), packet.bytes]);
        };
        self.section(packet.link_type, 0)?;
        let (captured, on_wire) = (captured.to_le_bytes(), on_wire.to_le_bytes());
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0).to_le_bytes();
        let (high, low) = (half(time >> 32), half(time));
        self.block(6, &[&[0; 4], &high, &low, &captured, &on_wire, packet.bytes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::files::records::{Next, Opened, Records};

    #[test]
    fn packets_are_read_back_as_they_were_written() {
        let mut writer = Writer::new(Output::Memory(Vec::new()));
        let packet = |time_ns, link_type, wire_length| TextPacket {
            time_ns,
            link_type,
            wire_length,
            bytes: b"bytes of a packet",
        };
        let all = [
            packet(Some(7), 1, 17),
            packet(None, 1, 17),
            packet(None, 101, 40),
            packet(Some(1 << 40), 101, 40),
        ];
        all.iter().for_each(|packet| writer.packet(*packet).unwrap());
        let Output::Memory(bytes) = writer.finish().unwrap() else { panic!("not in memory") };
        let Ok(Opened::Capture(mut records)) = Records::open(&Source::from_bytes("written", bytes), false)
        else {
            panic!("no capture")
        };
        let mut expected = all.iter();
        loop {
            match records.next().unwrap() {
                Next::Packet => {
                    let (record, packet) = (records.record().0, expected.next().unwrap());
                    assert_eq!((record.bytes, record.time_ns), (packet.bytes, packet.time_ns));
                    assert_eq!(record.link_type, Some(packet.link_type.into()));
                    assert_eq!(record.wire_length, packet.wire_length);
                }
                Next::Other => {}
                Next::End | Next::Waiting => break,
            }
        }
        assert!(expected.next().is_none());
    }
}
