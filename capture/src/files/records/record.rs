//! What a file is read as: packets, and blocks without one.

use crate::ids::PacketId;

/// A captured packet, as the file has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Counted from 1.
    pub(crate) number: PacketId,
    /// When it was captured: nanoseconds since the Unix epoch; None where the file does not say.
    pub(crate) time_ns: Option<i64>,
    /// What kind of link it was captured on (a LINKTYPE number); None where the file does not say.
    pub(crate) link_type: Option<u32>,
    /// How long the packet was on the wire, in bytes; at least the captured length.
    pub(crate) wire_length: usize,
    /// Where in the file its bytes begin.
    pub(crate) offset: u64,
    /// The captured bytes.
    pub(crate) bytes: &'a [u8],
    /// The interface it was captured on, counted over all sections of a pcapng file.
    pub(crate) interface: Option<u16>,
}

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Next {
    /// A packet: that of [`Records::record`](super::Records::record).
    Packet,
    /// A block without a packet.
    Other,
    /// The end of what is there so far: more is expected.
    Waiting,
    End,
}
