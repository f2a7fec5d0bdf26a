//! What the packet stage delivers: a TCP segment or UDP datagram as captured.

use crate::ids::PacketId;
use crate::packets::origin::Piece;

/// What a packet's transport header says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp {
        sequence: u32,
        /// The sequence number that it acknowledges, if `ack` is set and it is of use.
        acknowledged: u32,
        syn: bool,
        ack: bool,
        fin: bool,
        rst: bool,
    },
    Udp,
}

impl Transport {
    /// Whether it opens a connection or closes it.
    #[inline]
    pub(crate) fn opens_or_closes(&self) -> bool {
        match *self {
            Transport::Tcp { syn, fin, rst, .. } => syn || fin || rst,
            Transport::Udp => false,
        }
    }
}

/// A segment or datagram that was captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapturedSegment<'a> {
    /// The packet that brought it, or its last fragment.
    pub(crate) packet: PacketId,
    pub(crate) interface: Option<u16>,
    pub(crate) transport: Transport,
    pub(crate) payload: &'a [u8],
    /// How many bytes the payload had on the wire that were not captured.
    pub(crate) missing: u32,
    pub(crate) time_ns: Option<i64>,
    /// Where in the file the payload is: one piece, unless it was reassembled from fragments.
    pub(crate) pieces: &'a [Piece],
    /// Bytes of the file that are in memory, and where they begin.
    pub(crate) at_hand: (u64, &'a [u8]),
    /// The code of the payload's outline as a message by itself; 0 for none.
    pub(crate) outline: u16,
}

impl<'a> CapturedSegment<'a> {
    /// Where its bytes are, if they are in one piece and all of them were captured.
    #[inline]
    pub(crate) fn whole_piece(&self) -> Option<Piece> {
        match *self.pieces {
            [piece] if self.missing == 0 => Some(piece),
            _ => None,
        }
    }

    /// The bytes of a place of the file, if they are in memory.
    pub(crate) fn bytes_at(&self, file_offset: u64, length: u64) -> Option<&'a [u8]> {
        let (begin, bytes) = self.at_hand;
        let from = usize::try_from(file_offset.checked_sub(begin)?).ok()?;
        bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
    }
}
