//! A row: a stretch of a stream, as it is shown.

use framescope_parser::{CodeSet, Severity, SpanType};

use crate::ids::{FlowId, PacketId, StreamId};

/// A stretch of a stream: a message, or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where in its stream it begins.
    pub offset: u64,
    /// How many bytes long it is.
    pub length: u64,
    /// The codes of its problems.
    pub codes: CodeSet,
    pub(crate) stream: StreamId,
    /// The number of its stage among those of its protocol.
    pub(crate) stage: u16,
    /// Its kind's place among the labels' kinds.
    pub(crate) kind: u32,
    /// The last packet that brought bytes of it; [`PacketId::NONE`] if none did.
    pub(crate) packet: PacketId,
    /// Whether it is just that packet's payload.
    pub(crate) is_payload: bool,
    /// What it is.
    pub span_type: SpanType,
}

impl Row {
    /// `message`, `skipped`, `gap` or `partial`.
    pub fn type_name(&self) -> &'static str {
        match self.span_type {
            SpanType::Message => "message",
            SpanType::Partial => "partial",
            SpanType::Skipped(_) => "skipped",
            SpanType::Gap => "gap",
        }
    }

    /// The number of its stage among those of its protocol.
    #[doc(hidden)]
    pub fn stage_number(&self) -> usize {
        self.stage.into()
    }

    /// The number of its kind among [`Index::kind_names`](crate::Index::kind_names), if it has one.
    #[doc(hidden)]
    pub fn kind_number(&self) -> usize {
        self.kind as usize
    }

    /// Its flow.
    pub fn flow(&self) -> FlowId {
        self.stream.flow()
    }

    /// The highest severity of its problems.
    pub fn severity(&self) -> Option<Severity> {
        self.codes.worst()
    }
}
