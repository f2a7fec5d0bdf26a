//! Where in the file captured bytes come from.

use crate::ids::PacketId;

/// The place of a byte in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The packet.
    pub packet: PacketId,
    /// Where in the file the bytes begin.
    pub file_offset: u64,
}

impl Origin {
    pub(crate) fn skip(self, bytes: u64) -> Origin {
        Origin { file_offset: self.file_offset + bytes, ..self }
    }
}

/// A stretch of a payload that is in one place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: usize,
    pub(crate) length: usize,
    pub(crate) origin: Origin,
}

impl Piece {
    /// What of it is between two places of the payload.
    pub(crate) fn cut(&self, start: usize, end: usize) -> Piece {
        let from = self.offset.max(start);
        let to = (self.offset + self.length).min(end).max(from);
        let file_offset = self.origin.file_offset + (from - self.offset) as u64;
        Piece { offset: from, length: to - from, origin: Origin { file_offset, ..self.origin } }
    }
}

/// The pieces between two places of a payload, with their places in that stretch.
pub(crate) fn part(pieces: &[Piece], start: usize, end: usize) -> Vec<Piece> {
    let cut = |piece: &Piece| Piece { offset: piece.offset.saturating_sub(start), ..piece.cut(start, end) };
    pieces.iter().map(cut).filter(|piece| piece.length > 0).collect()
}
