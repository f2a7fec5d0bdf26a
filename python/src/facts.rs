//! What is known of a message beside its bytes and fields, where it stands for itself: one that was pickled, or of a capture that
//! still grows, in which rows get other numbers.

use framescope_capture::{Index, Row, RowId};
use framescope_parser::{Direction, SpanType};

/// What is known of a message.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) row: Option<u32>,
    pub(crate) time_ns: Option<i64>,
    pub(crate) flow: Option<u32>,
    pub(crate) direction: Direction,
    pub(crate) src: Option<String>,
    pub(crate) dst: Option<String>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) span_type: SpanType,
    pub(crate) protocol: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) stage: Option<String>,
    pub(crate) missing: Vec<(u64, u64)>,
    pub(crate) reply_to: Option<u32>,
    pub(crate) latency_ns: Option<i64>,
    pub(crate) part_of: Option<u32>,
    pub(crate) packets: Vec<u32>,
    /// The file that the last of them is in, and its number there.
    pub(crate) file: Option<String>,
    pub(crate) packet: Option<u32>,
    pub(crate) comments: Vec<(u32, String)>,
    pub(crate) carried_in: Option<String>,
    pub(crate) carried_by: Vec<u32>,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            row: None,
            time_ns: None,
            flow: None,
            direction: Direction::Forward,
            src: None,
            dst: None,
            offset: 0,
            length: 0,
            span_type: SpanType::Message,
            protocol: None,
            kind: None,
            stage: None,
            missing: Vec::new(),
            reply_to: None,
            latency_ns: None,
            part_of: None,
            packets: Vec::new(),
            file: None,
            packet: None,
            comments: Vec::new(),
            carried_in: None,
            carried_by: Vec::new(),
        }
    }
}

impl Facts {
    /// What an index knows of a row.
    pub(crate) fn of(index: &Index, id: RowId, row: &Row) -> Facts {
        let (src, dst) = index.endpoints(row).unzip();
        let (reply_to, latency_ns) = index.reply_to(id).unzip();
        let carried = index.flow(row.flow()).and_then(|flow| flow.carried());
        let missing = index.missing(row).into_iter().map(|range| (range.start, range.end - range.start));
        let comments = index.comments(row).into_iter();
        let packets = index.row_packets(row);
        let last = packets.last().map(|packet| index.packet_in_file(*packet));
        let file = last.map_or(0, |(file, _)| file);
        Facts {
            row: Some(id.number()),
            time_ns: index.time_ns(row),
            flow: Some(row.flow().number()),
            direction: index.direction(row),
            src: src.map(|address| address.to_string()),
            dst: dst.map(|address| address.to_string()),
            offset: row.offset,
            length: row.length,
            span_type: row.span_type,
            protocol: index.protocol(row).map(|protocol| protocol.name().to_owned()),
            kind: index.kind(row).map(str::to_owned),
            stage: index.stage(row).map(|stage| stage.name.clone()),
            missing: missing.collect(),
            reply_to: reply_to.map(RowId::number),
            latency_ns: latency_ns.flatten(),
            part_of: index.part_of(id).map(RowId::number),
            packets: packets.into_iter().map(|packet| packet.number()).collect(),
            file: index.source().files().nth(file).map(|file| file.name().to_owned()),
            packet: last.map(|(_, packet)| packet.number()),
            comments: comments.map(|(packet, text)| (packet.number(), text.to_owned())).collect(),
            carried_in: carried.map(|carried| carried.path().to_owned()),
            carried_by: match index.level(row) {
                0 => Vec::new(),
                _ => index.carried_by(row).into_iter().map(RowId::number).collect(),
            },
        }
    }
}
