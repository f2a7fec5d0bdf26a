//! A conversation as a fuzzer's bytes: which side says what, in which segments, and what is lost.
//!
//! It is a sequence of pieces. Each is a byte whose bit 0 says whose it is (0 the client's, 1 the server's) and whose bits 1
//! and 2 say what it is; the other bits are 0, and not looked at. All integers are big-endian.
//!
//! | bits 1, 2 | piece | follows |
//! |---|---|---|
//! | 0 | a segment | its length, u16, and as many bytes |
//! | 1 | a gap | the number of lost bytes, u16 |
//! | 2 | the direction ends | |
//! | 3 | the capture begins inside the direction | |

use std::sync::Arc;

use framescope_parser::{Captured, Framer, Protocol, Role, Span, Speaker};

const SERVER: u8 = 1;
const SEGMENT: u8 = 0;
const GAP: u8 = 1;
const END: u8 = 2;
const INSIDE: u8 = 3;

/// What is captured of a conversation at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// A side says something.
    Segment(Role, Vec<u8>),
    /// So many bytes of a direction are lost.
    Gap(Role, u64),
    /// A direction ends.
    End(Role),
    /// The capture begins inside a direction.
    Inside(Role),
}

impl Piece {
    /// The side that says it.
    pub fn role(&self) -> Role {
        match self {
            Piece::Segment(role, _) | Piece::Gap(role, _) | Piece::End(role) | Piece::Inside(role) => *role,
        }
    }

    /// How many bytes of the direction it stands for.
    pub fn length(&self) -> u64 {
        match self {
            Piece::Segment(_, bytes) => bytes.len() as u64,
            Piece::Gap(_, length) => *length,
            Piece::End(_) | Piece::Inside(_) => 0,
        }
    }
}

/// A conversation, in the order in which it is captured.
///
/// Any bytes are one: a length beyond the end is the rest, and pieces that can't be are left out. Where a direction does
/// not say that it ends, it ends with the conversation.
///
/// ```
/// use framescope_checking::{Piece, Transcript};
/// use framescope_parser::Role::{Client, Server};
///
/// let said = Transcript::new([
///     Piece::Segment(Client, b"HELO\n".to_vec()),
///     Piece::Segment(Server, b"OK\n".to_vec()),
///     Piece::End(Client),
/// ]);
/// let bytes = b"\x00\x00\x05HELO\n\x01\x00\x03OK\n\x04";
/// assert_eq!(said.to_bytes(), bytes);
/// assert_eq!(Transcript::from_bytes(bytes), said);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transcript {
    pieces: Vec<Piece>,
}

/// What was in one direction so far.
#[derive(Default)]
struct Side {
    has_begun: bool,
    has_ended: bool,
}

impl Transcript {
    /// A conversation of these pieces. What can't be is left out: empty segments and gaps, what follows the end of its
    /// direction, and a beginning inside a direction that has begun.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Transcript {
        let (mut client, mut server) = (Side::default(), Side::default());
        let mut can_be = |piece: &Piece| {
            let side = if piece.role() == Role::Client { &mut client } else { &mut server };
            let can_be = !side.has_ended
                && match piece {
                    Piece::Segment(..) | Piece::Gap(..) => piece.length() > 0,
                    Piece::Inside(_) => !side.has_begun,
                    Piece::End(_) => true,
                };
            side.has_begun |= can_be;
            side.has_ended |= matches!(piece, Piece::End(_));
            can_be
        };
        Transcript { pieces: pieces.into_iter().filter(|piece| can_be(piece)).collect() }
    }

    /// The conversation that these bytes are.
    pub fn from_bytes(mut bytes: &[u8]) -> Transcript {
        let mut pieces = Vec::new();
        while let Some((&head, rest)) = bytes.split_first() {
            bytes = rest;
            let role = if head & SERVER == 0 { Role::Client } else { Role::Server };
            pieces.push(match head >> 1 & 3 {
                END => Piece::End(role),
                INSIDE => Piece::Inside(role),
                what => {
                    let Some((length, rest)) = bytes.split_first_chunk() else { break };
                    bytes = rest;
                    let length = u16::from_be_bytes(*length);
                    if what == GAP {
                        Piece::Gap(role, length.into())
                    } else {
                        let (said, rest) = bytes.split_at(usize::from(length).min(bytes.len()));
                        bytes = rest;
                        Piece::Segment(role, said.to_vec())
                    }
                }
            });
        }
        Transcript::new(pieces)
    }

    /// Its bytes. A segment or a gap that is too long for one piece is several.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            let head = |what: u8| what << 1 | if piece.role() == Role::Server { SERVER } else { 0 };
            match piece {
                Piece::Segment(_, said) => {
                    for said in said.chunks(u16::MAX.into()) {
                        out.push(head(SEGMENT));
                        out.extend(u16::try_from(said.len()).unwrap_or(u16::MAX).to_be_bytes());
                        out.extend(said);
                    }
                }
                Piece::Gap(_, length) => {
                    let mut left = *length;
                    while left > 0 {
                        let length = u16::try_from(left).unwrap_or(u16::MAX);
                        left -= u64::from(length);
                        out.push(head(GAP));
                        out.extend(length.to_be_bytes());
                    }
                }
                Piece::End(_) => out.push(head(END)),
                Piece::Inside(_) => out.push(head(INSIDE)),
            }
        }
        out
    }

    /// Its pieces.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many bytes both sides say.
    pub fn length(&self) -> usize {
        let said = |piece: &Piece| if let Piece::Segment(_, bytes) = piece { bytes.len() } else { 0 };
        self.pieces.iter().map(said).sum()
    }

    /// What one side says, without what was lost of it.
    pub fn said_by(&self, role: Role) -> Vec<u8> {
        let mut all = Vec::new();
        for piece in &self.pieces {
            if let Piece::Segment(of, bytes) = piece
                && *of == role
            {
                all.extend_from_slice(bytes);
            }
        }
        all
    }

    /// Frames both directions as a conversation of `protocol`, and passes each span on with its bytes and its context. Protocols
    /// that it hands over to are among `others`. A protocol without conversations has none: nothing is passed on.
    pub fn read(
        &self,
        protocol: &dyn Protocol,
        others: &[Arc<dyn Protocol>],
        sink: &mut dyn FnMut(Role, Span, Captured<'_, '_>),
    ) {
        let Some(mut conversation) = protocol.conversation() else { return };
        let (mut client, mut server) = (Framer::default(), Framer::default());
        let ends = Role::BOTH.map(Piece::End);
        for piece in self.pieces.iter().chain(&ends) {
            let role = piece.role();
            let framer = if role == Role::Client { &mut client } else { &mut server };
            let speaker = Speaker::new(&mut *conversation, role, protocol, others);
            let sink = &mut |span: Span, bytes: Captured<'_, '_>| sink(role, span, bytes);
            match piece {
                Piece::Segment(_, bytes) => framer.segment_of(&speaker, bytes, sink),
                Piece::Gap(_, length) => framer.gap_of(&speaker, *length, sink),
                Piece::End(_) => framer.end_of(&speaker, sink),
                Piece::Inside(_) => framer.begins_inside_of(&speaker),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn any_bytes_are_a_conversation_and_what_is_written_is_read() {
        for seed in 0..2000 {
            let mut random = Random::new(seed);
            let bytes: Vec<u8> = (0..random.below(60))
                .map(|_| if random.one_in(2) { random.byte() % 8 } else { random.byte() % 3 })
                .collect();
            let said = Transcript::from_bytes(&bytes);
            assert_eq!(Transcript::from_bytes(&said.to_bytes()), said, "{bytes:?}");
        }
        assert_eq!(Transcript::from_bytes(b""), Transcript::default());
        assert_eq!(
            Transcript::from_bytes(b"\0\xff\xffab").pieces(),
            [Piece::Segment(Role::Client, b"ab".to_vec())]
        );
    }

    #[test]
    fn what_is_too_long_for_a_piece_is_several_and_what_can_not_be_is_left_out() {
        let long = Transcript::new([
            Piece::Segment(Role::Server, vec![7; 70_000]),
            Piece::Gap(Role::Server, 200_000),
        ]);
        let read = Transcript::from_bytes(&long.to_bytes());
        assert_eq!((read.pieces().len(), read.said_by(Role::Server)), (6, vec![7; 70_000]));
        assert_eq!(read.pieces().iter().map(Piece::length).sum::<u64>(), 270_000);
        let (inside, end, gap) =
            (Piece::Inside(Role::Client), Piece::End(Role::Client), Piece::Gap(Role::Client, 1));
        let all = [
            inside.clone(),
            inside.clone(),
            gap.clone(),
            inside.clone(),
            end.clone(),
            end.clone(),
            gap.clone(),
        ];
        assert_eq!(Transcript::new(all).pieces(), [inside, gap, end]);
        assert_eq!(Transcript::new([Piece::Segment(Role::Client, Vec::new())]), Transcript::default());
    }
}
