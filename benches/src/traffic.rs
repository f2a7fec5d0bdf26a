//! Makes the captures that are read for the measurements: pcap files of Missive over TCP over IPv4 over Ethernet.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use framescope_parser::missive::{Flags, Frame, Kind, Payload};

/// What is in a capture.
#[derive(Clone, Copy, Debug)]
pub enum Traffic {
    /// So many frames of about 105 bytes, one a packet, over 100 connections, both ways.
    Small(u64),
    /// The same, with one packet in fifty swapped with its connection's next.
    Reordered(u64),
    /// So many connections that are opened, log in, log out and are closed.
    Short(u64),
    /// Segments of 1448 bytes until there are so many bytes, over 10 connections, both ways, with frames of 100 to 8000
    /// bytes that are parted and joined by them.
    Full(u64),
    /// The same in one direction of one connection.
    Long(u64),
}

/// Writes a capture. Gives how many frames are in it.
///
/// # Errors
/// The file can't be written.
pub fn write(traffic: Traffic, path: &Path) -> io::Result<u64> {
    let mut out = Writer { out: BufWriter::with_capacity(1 << 20, File::create(path)?), packets: 0 };
    for field in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.out.write_all(&field.to_le_bytes())?;
    }
    let frames = match traffic {
        Traffic::Small(frames) => small(&mut out, frames, false)?,
        Traffic::Reordered(frames) => small(&mut out, frames, true)?,
        Traffic::Short(connections) => short(&mut out, connections)?,
        Traffic::Full(bytes) => full(&mut out, bytes, 10, true)?,
        Traffic::Long(bytes) => full(&mut out, bytes, 1, false)?,
    };
    out.out.flush()?;
    Ok(frames)
}

struct Writer {
    out: BufWriter<File>,
    packets: u64,
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;
const PUSH: u8 = 0x08;

/// A connection, the client's side first.
#[derive(Clone)]
struct Connection {
    number: u32,
    next: [u32; 2],
    sequence: u32,
}

impl Connection {
    fn new(number: u32) -> Connection {
        Connection {
            number,
            next: [number.wrapping_mul(2_654_435_761), number.wrapping_mul(40_503)],
            sequence: 0,
        }
    }

    /// A packet from a side, ready to be written; what it takes of the stream is counted.
    fn packet(&mut self, side: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        let client = (0x0A00_0000 | (self.number >> 14), 20_000 + (self.number & 0x3FFF) as u16);
        let server = (0x0A01_0001_u32, 9000_u16);
        let (from, to) = if side == 0 { (client, server) } else { (server, client) };
        let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let length = 40 + payload.len() as u16;
        packet.extend([0x45, 0]);
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(from.0.to_be_bytes());
        packet.extend(to.0.to_be_bytes());
        packet.extend(from.1.to_be_bytes());
        packet.extend(to.1.to_be_bytes());
        packet.extend(self.next[side].to_be_bytes());
        packet.extend(if flags == SYN { 0 } else { self.next[1 - side] }.to_be_bytes());
        packet.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        packet.extend(payload);
        let taken = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side] = self.next[side].wrapping_add(taken);
        packet
    }

    fn frame(&mut self, side: usize, payload: Payload<'_>) -> Vec<u8> {
        let reply = if side == 1 { Flags::REPLY } else { Flags::default() };
        let mut bytes = Vec::new();
        let mut scratch = Vec::new();
        let mut frame = Frame::new(Kind::DATA);
        frame.flags = Flags(Flags::CHECKSUM.0 | reply.0);
        frame.kind = match payload {
            Payload::Login { .. } => Kind::LOGIN,
            Payload::Logout { .. } => Kind::LOGOUT,
            Payload::Ack { .. } => Kind::ACK,
            _ => Kind::DATA,
        };
        match payload {
            Payload::Login { user, credential } => {
                for part in [user.as_bytes(), credential] {
                    scratch.extend((part.len() as u16).to_be_bytes());
                    scratch.extend(part);
                }
            }
            Payload::Logout { reason: text } | Payload::Ack { note: text } => scratch.extend(text.as_bytes()),
            Payload::Data { content: framescope_parser::missive::Content::Text(text) } => {
                scratch.extend(text.as_bytes());
            }
            _ => {}
        }
        frame.payload = &scratch;
        frame.sequence = self.sequence;
        if side == 1 {
            self.sequence += 1;
        }
        frame.encode(None, &mut bytes).expect("the frame can be written");
        bytes
    }
}

impl Writer {
    fn packet(&mut self, packet: &[u8]) -> io::Result<()> {
        let time = 1_767_225_600_000_000 + self.packets * 3;
        let length = packet.len() as u32;
        for field in [(time / 1_000_000) as u32, (time % 1_000_000) as u32 * 1000, length, length] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.packets += 1;
        self.out.write_all(packet)
    }

    fn open(&mut self, connection: &mut Connection) -> io::Result<()> {
        for (side, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            let packet = connection.packet(side, flags, &[]);
            self.packet(&packet)?;
        }
        Ok(())
    }

    fn close(&mut self, connection: &mut Connection) -> io::Result<()> {
        for (side, flags) in [(0, FIN | ACK), (1, FIN | ACK), (0, ACK)] {
            let packet = connection.packet(side, flags, &[]);
            self.packet(&packet)?;
        }
        Ok(())
    }
}

/// So much text, other for each number.
fn text(number: u64, length: usize) -> String {
    let words = "the quick brown fox jumps over the lazy dog and on ";
    let from = number as usize % words.len();
    words[from..].chars().chain(words.chars().cycle()).take(length).collect()
}

fn data(text: &str) -> Payload<'_> {
    Payload::Data { content: framescope_parser::missive::Content::Text(text) }
}

fn small(out: &mut Writer, frames: u64, reordered: bool) -> io::Result<u64> {
    let mut connections: Vec<Connection> = (0..100).map(Connection::new).collect();
    for connection in &mut connections {
        out.open(connection)?;
        let login = connection.frame(0, Payload::Login { user: "ada", credential: b"" });
        let ack = connection.frame(1, Payload::Ack { note: "" });
        for (side, frame) in [(0, login), (1, ack)] {
            let packet = connection.packet(side, ACK | PUSH, &frame);
            out.packet(&packet)?;
        }
    }
    let mut late: Vec<Option<Vec<u8>>> = vec![None; 100];
    for number in 0..frames {
        let which = (number / 2 % 100) as usize;
        let connection = &mut connections[which];
        let side = (number % 2) as usize;
        let said = text(number, 81);
        let frame =
            connection.frame(side, if side == 0 { data(&said) } else { Payload::Ack { note: &said } });
        let packet = connection.packet(side, ACK | PUSH, &frame);
        if reordered && side == 0 && number / 2 % 25 == 7 && late[which].is_none() {
            late[which] = Some(packet);
            continue;
        }
        out.packet(&packet)?;
        if side == 0
            && let Some(packet) = late[which].take()
        {
            out.packet(&packet)?;
        }
    }
    for packet in late.iter_mut().filter_map(Option::take) {
        out.packet(&packet)?;
    }
    Ok(frames + 200)
}

fn short(out: &mut Writer, connections: u64) -> io::Result<u64> {
    for number in 0..connections {
        let connection = &mut Connection::new(number as u32);
        out.open(connection)?;
        for side in [0, 1, 0, 1] {
            let frame = match (connection.sequence, side) {
                (0, 0) => connection.frame(0, Payload::Login { user: "ada", credential: b"secret" }),
                (_, 0) => connection.frame(0, Payload::Logout { reason: "done" }),
                _ => connection.frame(1, Payload::Ack { note: "" }),
            };
            let packet = connection.packet(side, ACK | PUSH, &frame);
            out.packet(&packet)?;
        }
        out.close(connection)?;
    }
    Ok(connections * 4)
}

fn full(out: &mut Writer, bytes: u64, connections: u32, both: bool) -> io::Result<u64> {
    const SEGMENT: usize = 1448;
    let mut connections: Vec<Connection> = (0..connections).map(Connection::new).collect();
    for connection in &mut connections {
        out.open(connection)?;
    }
    let said = text(0, 8000);
    // For each connection and side what was written and not sent yet, and the number of the next frame.
    let mut sides: Vec<[(Vec<u8>, u32); 2]> = vec![Default::default(); connections.len()];
    let (mut written, mut frames) = (0, 0);
    let mut random = 1_u64;
    while written < bytes {
        for (connection, sides) in connections.iter_mut().zip(&mut sides) {
            for (side, (waiting, sequence)) in sides.iter_mut().enumerate().take(if both { 2 } else { 1 }) {
                while waiting.len() < SEGMENT {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let length = 100 + (random >> 33) as usize % 7900;
                    let mut frame = Frame::new(if *sequence == 0 { Kind::LOGIN } else { Kind::DATA });
                    frame.flags = Flags::CHECKSUM;
                    frame.sequence = *sequence;
                    frame.channel = side as u16;
                    frame.payload = match *sequence {
                        0 => b"\x00\x03ada\x00\x00",
                        _ => &said.as_bytes()[..length],
                    };
                    frame.encode(None, waiting).expect("the frame can be written");
                    *sequence += 1;
                    frames += 1;
                }
                let packet = connection.packet(side, ACK, &waiting[..SEGMENT]);
                waiting.drain(..SEGMENT);
                out.packet(&packet)?;
                written += SEGMENT as u64;
            }
        }
    }
    for (connection, sides) in connections.iter_mut().zip(&sides) {
        for (side, (rest, _)) in sides.iter().enumerate() {
            for part in rest.chunks(SEGMENT) {
                let packet = connection.packet(side, ACK | PUSH, part);
                out.packet(&packet)?;
            }
        }
    }
    Ok(frames)
}
