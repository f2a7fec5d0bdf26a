//! The columns that every row has, whatever its protocol.

/// A column of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The row's number.
    Row,
    /// The flow's number.
    Flow,
    /// The numbers of the packets that carry it.
    Packet,
    /// Where in its stream it begins, in bytes.
    Offset,
    /// How many bytes long it is.
    Length,
    /// When its last packet was captured.
    Time,
    /// The time since the row that it replies to.
    Latency,
    /// The row that it replies to.
    ReplyTo,
    /// The row that replies to it.
    AnsweredBy,
    /// The row whose content it continues.
    PartOf,
    /// How many of its bytes were not captured.
    MissingBytes,
    /// `forward` or `backward`.
    Direction,
    /// `tcp`, `udp` or `file`.
    Transport,
    /// The channels that it is carried in.
    CarriedIn,
    /// The channels that it brings bytes of.
    Carries,
    /// How many carriers are around it.
    Level,
    /// The protocol's name.
    Protocol,
    /// `message`, `skipped`, `gap` or `partial`.
    Type,
    /// The kind of message.
    Kind,
    /// The stage of its conversation.
    Stage,
    /// Sender: an address with or without a port.
    Src,
    /// Receiver.
    Dst,
    /// Either of them.
    Address,
    /// The sender's port.
    SrcPort,
    /// The receiver's port.
    DstPort,
    /// Either port.
    Port,
    /// A summary of the message.
    Summary,
    /// The codes of its problems.
    Problems,
    /// The worst severity of its problems.
    Severity,
    /// The comments on its packets.
    Comment,
    /// All of its bytes.
    Bytes,
}

/// What a column's values are, which decides what they can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Time,
    Duration,
    Address,
    /// One of a few names.
    Name,
    /// One of a few names in rising order.
    Rank,
    Text,
    Bytes,
}

impl Column {
    /// Every column, with its name and what it holds.
    pub const ALL: &'static [(Column, &'static str, &'static str)] = &[
        (Column::Row, "row", "the row's number"),
        (Column::Flow, "flow", "the conversation's number"),
        (Column::Packet, "packet", "the numbers of the packets that carry it"),
        (
            Column::Time,
            "time",
            "when its last packet was captured: a time, or a duration since the capture's first packet",
        ),
        (Column::Direction, "direction", "forward or backward"),
        (Column::Transport, "transport", "tcp, udp or file"),
        (Column::Src, "src", "the sender: an address, with or without a port or a prefix length"),
        (Column::Dst, "dst", "the receiver"),
        (Column::Address, "ip", "either of them"),
        (Column::SrcPort, "src.port", "the sender's port"),
        (Column::DstPort, "dst.port", "the receiver's port"),
        (Column::Port, "port", "either port"),
        (Column::Offset, "offset", "where in its stream it begins, in bytes"),
        (Column::Length, "length", "how many bytes long it is"),
        (
            Column::CarriedIn,
            "carried_in",
            "the channels of carriers that it is in, such as tls; all of them: tls/http.upgrade",
        ),
        (Column::Carries, "carries", "the channels that it brings bytes of, which have rows of their own"),
        (Column::Level, "level", "how many carriers are around it: 0 for what packets bring"),
        (Column::Protocol, "protocol", "the protocol's name"),
        (Column::Type, "type", "message, skipped, gap or partial"),
        (Column::Kind, "kind", "what kind of message it is"),
        (Column::Stage, "stage", "the stage of the conversation that it is in"),
        (Column::Summary, "summary", "a summary of the message"),
        (Column::Problems, "problems", "the codes of its problems"),
        (Column::Severity, "severity", "the worst of its problems: note, warning or error"),
        (Column::ReplyTo, "reply_to", "the row that it replies to"),
        (Column::Latency, "latency", "the time since the row that it replies to"),
        (Column::AnsweredBy, "answered_by", "the row that replies to it"),
        (Column::PartOf, "part_of", "the row whose content it continues"),
        (Column::MissingBytes, "missing_bytes", "how many bytes of an incomplete message were not captured"),
        (Column::Comment, "comment", "the comments on its packets in the capture"),
        (Column::Bytes, "bytes", "all of its bytes"),
    ];

    /// The column of that name.
    pub fn from_name(name: &str) -> Option<Column> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(column, ..)| *column)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, _)| name)
    }

    /// The names that it can hold, where these are always the same few.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Column::Direction => &["forward", "backward"],
            Column::Transport => &["tcp", "udp", "file"],
            Column::Type => &["message", "skipped", "gap", "partial"],
            Column::Severity => &["note", "warning", "error"],
            _ => &[],
        }
    }

    pub(super) fn value_type(self) -> Type {
        match self {
            Column::Row
            | Column::Flow
            | Column::Packet
            | Column::Offset
            | Column::Length
            | Column::ReplyTo
            | Column::AnsweredBy
            | Column::PartOf
            | Column::MissingBytes
            | Column::Level
            | Column::SrcPort
            | Column::DstPort
            | Column::Port => Type::Number,
            Column::Time => Type::Time,
            Column::Latency => Type::Duration,
            Column::Src | Column::Dst | Column::Address => Type::Address,
            Column::Direction
            | Column::Transport
            | Column::CarriedIn
            | Column::Carries
            | Column::Protocol
            | Column::Type
            | Column::Kind
            | Column::Stage
            | Column::Problems => Type::Name,
            Column::Severity => Type::Rank,
            Column::Summary | Column::Comment => Type::Text,
            Column::Bytes => Type::Bytes,
        }
    }
}
