//! One direction of a flow: what is counted of it, and where its bytes are.

use framescope_parser::{Code, Confidence};

use crate::ids::{PacketId, ProtocolId};
use crate::index::store::Segments;

/// One direction of a flow.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// How many messages.
    pub messages: u64,
    /// How many bytes are there, gaps left out.
    pub bytes: u64,
    /// The protocol chosen for it, as an index of [`Index::protocols`].
    pub(crate) protocol: Option<ProtocolId>,
    /// How sure that choice is; None where it was made by a rule, and where there is none.
    pub confidence: Option<Confidence>,
    /// The last packet that brought bytes of its rows.
    pub(crate) last_packet: PacketId,
    pub(crate) details: Option<Box<StreamDetails>>,
}

/// What is stored of a stream that is not just one message a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamDetails {
    /// Where those of its bytes are that are not rows by themselves, in stream order.
    pub(crate) segments: Segments,
    /// How many of these the rows use up.
    pub(crate) used: usize,
    /// What reassembly noticed about stretches whose rows are not there yet.
    pub(crate) marks: Vec<Mark>,
    pub(crate) gaps: u64,
    pub(crate) gap_bytes: u64,
    pub(crate) conflicts: u64,
    pub(crate) cut_packets: u64,
    pub(crate) late_bytes: u64,
}

impl Stream {
    /// How many gaps.
    pub fn gaps(&self) -> u64 {
        self.details.as_deref().map_or(0, |details| details.gaps)
    }

    /// How many bytes are missing in them.
    pub fn gap_bytes(&self) -> u64 {
        self.details.as_deref().map_or(0, |details| details.gap_bytes)
    }

    /// How many retransmissions brought other bytes than those captured first.
    pub fn conflicts(&self) -> u64 {
        self.details.as_deref().map_or(0, |details| details.conflicts)
    }

    /// How many of its packets the capture cut short.
    pub fn cut_packets(&self) -> u64 {
        self.details.as_deref().map_or(0, |details| details.cut_packets)
    }

    /// How many bytes turned up after their place had been given up, or before the stream's start.
    pub fn late_bytes(&self) -> u64 {
        self.details.as_deref().map_or(0, |details| details.late_bytes)
    }

    /// Where in the stream the byte after those that are there, or missing in gaps, belongs.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.bytes + self.gap_bytes()
    }

    /// Whether its protocol is a guess: nothing speaks against it, but other formats may look the same.
    pub fn is_guess(&self) -> bool {
        self.confidence.is_some_and(|confidence| confidence < Confidence::Certain)
    }

    /// Its protocol's place among [`Index::protocols`].
    #[inline]
    pub(crate) fn protocol(&self) -> Option<usize> {
        self.protocol.map(ProtocolId::index)
    }

    /// The segments that are not rows by themselves.
    pub(crate) fn segments(&self) -> &Segments {
        static NONE: Segments = Segments::NONE;
        self.details.as_deref().map_or(&NONE, |details| &details.segments)
    }

    /// Goes to the end of a row. Returns the last packet that brought bytes of the row; None where none are there.
    pub(crate) fn advance(&mut self, end: u64) -> Option<PacketId> {
        let StreamDetails { segments, used, .. } = self.details.as_deref_mut()?;
        let mut last = None;
        while let Some(segment) = segments.get(*used).filter(|segment| segment.offset < end) {
            last = last.max(Some(segment.packet));
            if segment.end() > end {
                break;
            }
            *used += 1;
        }
        self.last_packet = self.last_packet.max(last.unwrap_or_default());
        last
    }

    pub(crate) fn details(&mut self) -> &mut StreamDetails {
        self.details.get_or_insert_default()
    }
}

/// A stretch of a stream about which reassembly noticed something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) code: Code,
    pub(crate) packet: PacketId,
}

impl Mark {
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// Whether another says the same about the bytes after it.
    pub(crate) fn continues_in(&self, other: &Mark) -> bool {
        (self.code, self.packet) == (other.code, other.packet) && self.end() == other.offset
    }
}
