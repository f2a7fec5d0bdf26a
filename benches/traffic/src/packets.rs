//! A connection's packets: the side that sends them, and where in its stream each is.

use crate::random::Random;

/// Ethernet, IPv4 and TCP.
pub(crate) const HEADERS: usize = 54;
/// The most bytes of a stream in a packet.
pub(crate) const SEGMENT: usize = 1448;

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const FIN: u8 = 0x01;
pub(crate) const PUSH: u8 = 0x08;

/// Where a connection's two streams begin, the client's first.
pub(crate) fn first_numbers(seed: u64, connection: u32) -> [u32; 2] {
    let mut random = Random::at(seed ^ 0xC0, connection.into());
    [random.next() as u32, random.next() as u32]
}

/// The headers of a packet with this many bytes of the stream. Side 0 is the client's. Checksums are left to the
/// hardware, as in a capture on the sending machine.
pub(crate) fn headers(
    connection: u32,
    side: usize,
    flags: u8,
    [sequence, acknowledged]: [u32; 2],
    payload: usize,
) -> [u8; HEADERS] {
    let mut headers = *b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0\
        \x45\0..\0\0\x40\0\x40\x06\0\0ssssdddd\
        sdssqqqqaaaa\x50f\xFF\xFF\0\0\0\0";
    let client = (0x0A00_0000 | (connection >> 14), 20_000 + (connection & 0x3FFF) as u16);
    let server = (0x0A80_0001_u32, 9000_u16);
    let (from, to) = if side == 0 { (client, server) } else { (server, client) };
    headers[16..18].copy_from_slice(&(40 + payload as u16).to_be_bytes());
    headers[26..30].copy_from_slice(&from.0.to_be_bytes());
    headers[30..34].copy_from_slice(&to.0.to_be_bytes());
    headers[34..36].copy_from_slice(&from.1.to_be_bytes());
    headers[36..38].copy_from_slice(&to.1.to_be_bytes());
    headers[38..42].copy_from_slice(&sequence.to_be_bytes());
    headers[42..46].copy_from_slice(&acknowledged.to_be_bytes());
    headers[47] = flags;
    headers
}

/// A segment that is captured after the next one.
pub(crate) struct Held {
    pub(crate) headers: [u8; HEADERS],
    pub(crate) payload: Vec<u8>,
}

/// A connection, the client's side first.
pub(crate) struct Connection {
    number: u32,
    next: [u32; 2],
    /// The number of each side's next frame.
    pub(crate) sequence: [u32; 2],
    /// Messages of both sides.
    pub(crate) said: u32,
    /// What was written and does not fill a segment yet.
    pub(crate) waiting: [Vec<u8>; 2],
    pub(crate) held: [Option<Box<Held>>; 2],
}

impl Connection {
    pub(crate) fn new(number: u32, seed: u64) -> Connection {
        let (sequence, said) = ([0; 2], 0);
        let (waiting, held) = Default::default();
        Connection { number, next: first_numbers(seed, number), sequence, said, waiting, held }
    }

    /// The headers of a side's next packet; what it takes of the stream is counted.
    pub(crate) fn packet(&mut self, side: usize, flags: u8, payload: usize) -> [u8; HEADERS] {
        let acknowledged = if flags == SYN { 0 } else { self.next[1 - side] };
        let headers = headers(self.number, side, flags, [self.next[side], acknowledged], payload);
        let taken = payload as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side] = self.next[side].wrapping_add(taken);
        headers
    }
}
