//! Generates the traffic of a shape, connection after connection.

use std::io::{self, Write};

use framescope_parser::missive::{Flags, Frame, Kind};

use crate::packets::{ACK, Connection, FIN, Held, PUSH, SEGMENT, SYN};
use crate::random::Random;
use crate::recorder::{Container, Recorder};
use crate::shape::{Notes, Shape, Sizes};

/// What was generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Messages that were sent, whether or not they are in the capture.
    pub messages: u64,
    /// The requests among them, and the replies.
    pub requests: u64,
    pub answers: u64,
    pub connections: u32,
    /// Packets in the capture.
    pub packets: u64,
    /// Segments that were sent with something in them, and those of them that are not in the capture, or late in it.
    pub segments: u64,
    pub lost: u64,
    pub late: u64,
    /// Bytes of the streams that were sent.
    pub bytes: u64,
}

/// Writes a capture of that shape.
///
/// # Errors
/// It can't be written, or the shape is not [possible](Shape::check).
pub fn write(shape: &Shape, container: Container, out: impl Write) -> io::Result<Made> {
    shape.check().map_err(|what| io::Error::new(io::ErrorKind::InvalidInput, what))?;
    let mut talk = Talk {
        shape,
        random: Random::at(shape.seed, 0),
        text: crate::text(shape.sizes.range().1 as usize),
        message: Vec::new(),
        out: Recorder::new(container, out)?,
        made: Made::default(),
    };
    talk.all()?;
    let Talk { out, mut made, .. } = talk;
    made.packets = out.packets;
    out.finish()?;
    Ok(made)
}

struct Talk<'s, W> {
    shape: &'s Shape,
    random: Random,
    text: String,
    /// The message that is sent.
    message: Vec<u8>,
    out: Recorder<W>,
    made: Made,
}

impl<W: Write> Talk<'_, W> {
    fn all(&mut self) -> io::Result<()> {
        let mut connections = Vec::new();
        for _ in 0..self.shape.connections {
            connections.push(self.open()?);
        }
        'all: loop {
            for connection in &mut connections {
                if self.is_over() {
                    break 'all;
                }
                self.exchange(connection)?;
                if self.shape.short > 0 && connection.said >= self.shape.short {
                    self.close(connection)?;
                    if !self.is_over() {
                        *connection = self.open()?;
                    }
                }
            }
        }
        connections.iter_mut().try_for_each(|connection| self.say_the_rest(connection))
    }

    fn is_over(&self) -> bool {
        self.made.messages >= self.shape.messages
            || self.shape.bytes > 0 && self.made.bytes >= self.shape.bytes
    }

    fn open(&mut self) -> io::Result<Connection> {
        let mut connection = Connection::new(self.made.connections, self.shape.seed);
        self.made.connections += 1;
        for (side, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            let packet = connection.packet(side, flags, 0);
            if !self.shape.begun {
                self.out.packet(&packet, &[])?;
            }
        }
        Ok(connection)
    }

    fn close(&mut self, connection: &mut Connection) -> io::Result<()> {
        self.say_the_rest(connection)?;
        for (side, flags) in [(0, FIN | ACK), (1, FIN | ACK), (0, ACK)] {
            self.out.packet(&connection.packet(side, flags, 0), &[])?;
        }
        Ok(())
    }

    /// A message of the client's, and one of the server's: the reply, or another request.
    fn exchange(&mut self, connection: &mut Connection) -> io::Result<()> {
        let Shape { answered, one_way, bare, short, .. } = *self.shape;
        // Of two messages that are not an exchange both are requests.
        let is_answered = !one_way && !bare && self.random.chance(2.0 * answered / (1.0 + answered));
        let is_last = short > 0 && connection.said + 2 >= short;
        let number = connection.sequence[0];
        let kind = match (connection.said, is_last && is_answered) {
            (0, _) => Kind::LOGIN,
            // A side that has logged out gets no more messages.
            (_, true) => Kind::LOGOUT,
            _ => Kind::DATA,
        };
        self.say(connection, 0, kind, None)?;
        if one_way || self.is_over() {
            return Ok(());
        }
        match is_answered {
            true => self.say(connection, 1, Kind::ACK, Some(number)),
            false => self.say(connection, 1, Kind::DATA, None),
        }
    }

    fn say(
        &mut self,
        connection: &mut Connection,
        side: usize,
        kind: Kind,
        answers: Option<u32>,
    ) -> io::Result<()> {
        self.made.messages += 1;
        connection.said += 1;
        let size = self.size();
        let from = self.random.below(crate::WORDS.len() as u32) as usize;
        let said = match kind {
            Kind::LOGIN if self.shape.bare => &b"ada"[..],
            Kind::LOGIN => b"\0\x03ada\0\0",
            Kind::LOGOUT => b"done",
            _ => &self.text.as_bytes()[from..from + size],
        };
        self.message.clear();
        if self.shape.bare {
            self.message.push(kind.0);
            self.message.extend(said);
            if self.shape.notes == Notes::Glued {
                self.message.push(Kind::DATA.0);
                self.message.extend(&self.text.as_bytes()[from..from + size]);
            }
        } else {
            let mut frame = Frame { payload: said, flags: Flags::CHECKSUM, ..Frame::new(kind) };
            match answers {
                Some(request) => {
                    self.made.answers += 1;
                    frame.flags.0 |= Flags::REPLY.0;
                    frame.sequence = request;
                }
                None => {
                    self.made.requests += 1;
                    frame.sequence = connection.sequence[side];
                    let step = if self.shape.notes == Notes::SequenceJump { 2 } else { 1 };
                    connection.sequence[side] = frame.sequence.wrapping_add(step);
                }
            }
            frame.encode(None, &mut self.message).map_err(io::Error::other)?;
            if let (Notes::ChecksumMismatch, Some(last)) = (self.shape.notes, self.message.last_mut()) {
                *last ^= 1;
            }
        }
        self.made.bytes += self.message.len() as u64;
        self.send_message(connection, side)
    }

    fn size(&mut self) -> usize {
        let size = match self.shape.sizes {
            Sizes::Fixed(size) => size,
            Sizes::Uniform(first, last) => self.random.within(first, last),
            Sizes::Mixture => match self.random.below(100) {
                0 => self.random.within(4097, 32_768),
                1..=9 => self.random.within(513, 4096),
                10..=39 => self.random.within(65, 512),
                _ => self.random.within(8, 64),
            },
        };
        size as usize
    }

    fn send_message(&mut self, connection: &mut Connection, side: usize) -> io::Result<()> {
        let mut message = std::mem::take(&mut self.message);
        if self.shape.full_segments {
            let mut waiting = std::mem::take(&mut connection.waiting[side]);
            waiting.append(&mut message);
            let full = waiting.len() - waiting.len() % SEGMENT;
            for segment in waiting[..full].chunks_exact(SEGMENT) {
                self.send(connection, side, ACK, segment)?;
            }
            waiting.drain(..full);
            connection.waiting[side] = waiting;
        } else {
            let segments = message.len().div_ceil(SEGMENT);
            for (segment, number) in message.chunks(SEGMENT).zip(1..) {
                self.send(connection, side, if number == segments { ACK | PUSH } else { ACK }, segment)?;
            }
        }
        self.message = message;
        Ok(())
    }

    /// Flushes what does not fill a segment, and what is late.
    fn say_the_rest(&mut self, connection: &mut Connection) -> io::Result<()> {
        for side in [0, 1] {
            let rest = std::mem::take(&mut connection.waiting[side]);
            if !rest.is_empty() {
                self.send(connection, side, ACK | PUSH, &rest)?;
            }
            self.send_late(connection, side)?;
        }
        Ok(())
    }

    fn send(
        &mut self,
        connection: &mut Connection,
        side: usize,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let headers = connection.packet(side, flags, payload.len());
        self.made.segments += 1;
        if self.random.chance(self.shape.loss) {
            self.made.lost += 1;
            return Ok(());
        }
        // One that is overtaken already does not count as late itself.
        let share = self.shape.reorder / (1.0 - self.shape.reorder);
        if connection.held[side].is_none() && self.random.chance(share) {
            self.made.late += 1;
            connection.held[side] = Some(Box::new(Held { headers, payload: payload.to_vec() }));
            return Ok(());
        }
        self.record(&headers, payload)?;
        self.send_late(connection, side)
    }

    fn send_late(&mut self, connection: &mut Connection, side: usize) -> io::Result<()> {
        match connection.held[side].take() {
            Some(held) => self.record(&held.headers, &held.payload),
            None => Ok(()),
        }
    }

    fn record(&mut self, headers: &[u8; crate::packets::HEADERS], payload: &[u8]) -> io::Result<()> {
        self.out.packet(headers, payload)?;
        if self.shape.notes == Notes::Retransmitted {
            self.out.packet(headers, payload)?;
        }
        Ok(())
    }
}
