//! The texts of the table's cells, and the filter tests that they offer.

use framescope_capture::export::rfc3339;
use framescope_capture::filter::{Column, written};
use framescope_capture::{PacketId, Row, RowId};
use framescope_parser::SpanType;

use super::ViewContext;
use super::lookup::RowText;
use super::settings::TimeFormat;
use super::text::{clock, duration, seconds};

/// The heading of a column.
pub(crate) fn title(column: Column, time: TimeFormat) -> &'static str {
    match column {
        Column::Row => "Row",
        Column::Flow => "Flow",
        Column::Packet => "Packet",
        Column::Time => match time {
            TimeFormat::Absolute => "Time (UTC)",
            TimeFormat::Relative => "Time (s)",
            TimeFormat::Delta => "Time delta (s)",
        },
        Column::Direction => "Direction",
        Column::Transport => "Transport",
        Column::CarriedIn => "Carried in",
        Column::Carries => "Carries",
        Column::Level => "Level",
        Column::Src => "Source",
        Column::Dst => "Destination",
        Column::Address => "Address",
        Column::SrcPort => "Source port",
        Column::DstPort => "Destination port",
        Column::Port => "Port",
        Column::Offset => "Offset",
        Column::Length => "Bytes",
        Column::Protocol => "Protocol",
        Column::Type => "Type",
        Column::Kind => "Kind",
        Column::Stage => "Stage",
        Column::Summary => "Summary",
        Column::Problems => "Problems",
        Column::Severity => "Severity",
        Column::ReplyTo => "Reply to",
        Column::Latency => "Latency",
        Column::AnsweredBy => "Reply",
        Column::PartOf => "Part of",
        Column::MissingBytes => "Missing",
        Column::Comment => "Comment",
        Column::Bytes => "Contents",
    }
}

/// A row of the table.
pub(crate) struct TableRow<'r> {
    /// Its position in the table.
    pub(crate) position: usize,
    pub(crate) number: RowId,
    pub(crate) row: &'r Row,
    /// The texts that need decoding; None while it is being read.
    pub(crate) text: Option<&'r RowText>,
    /// The reply to the selected row, or the request that it replies to.
    pub(crate) partner: Option<RowId>,
}

/// The text of a cell.
pub(crate) fn cell_text(context: ViewContext<'_>, table_row: &TableRow<'_>, column: Column) -> String {
    let &TableRow { position, number, row, text: row_text, .. } = table_row;
    let index = context.index;
    let text = |text: &str| text.to_owned();
    match column {
        Column::Row => number.to_string(),
        Column::Flow => row.flow().to_string(),
        Column::Packet => {
            let packets: Vec<String> =
                index.row_packets(row).iter().take(4).map(PacketId::to_string).collect();
            packets.join(" ")
        }
        Column::Time => time_text(context, position, row),
        Column::Direction => text(index.direction(row).as_str()),
        Column::Transport => {
            index.flow(row.flow()).map_or_else(String::new, |flow| text(flow.transport.as_str()))
        }
        Column::CarriedIn => {
            let carried = index.carried_in(row);
            carried.map_or_else(String::new, |carried| text(carried.path()))
        }
        Column::Carries => {
            let carried = index.channels_of(row).filter_map(|flow| index.flow(flow)?.carried());
            carried.map(|carried| carried.name()).collect::<Vec<_>>().join(" ")
        }
        Column::Level => index.level(row).to_string(),
        Column::Src => index.endpoints(row).map_or_else(String::new, |(src, _)| src.to_string()),
        Column::Dst => index.endpoints(row).map_or_else(String::new, |(_, dst)| dst.to_string()),
        Column::SrcPort => index.endpoints(row).map_or_else(String::new, |(src, _)| src.port().to_string()),
        Column::DstPort => index.endpoints(row).map_or_else(String::new, |(_, dst)| dst.port().to_string()),
        Column::Offset => row.offset.to_string(),
        Column::Length => row.length.to_string(),
        Column::Protocol => index.protocol(row).map_or_else(String::new, |protocol| text(protocol.name())),
        Column::Type => text(row.type_name()),
        Column::Stage => index.stage(row).map_or_else(String::new, |stage| text(&stage.name)),
        Column::Kind => match (row.span_type, index.kind(row)) {
            (SpanType::Message, Some(kind)) => text(kind),
            (_, _) => text(row.type_name()),
        },
        Column::Severity => row.severity().map_or_else(String::new, |severity| severity.to_string()),
        Column::Problems => match (row.severity(), row_text) {
            (Some(severity), Some(row_text)) => format!("{severity}: {}", row_text.problems),
            (Some(severity), None) => severity.to_string(),
            (None, _) => String::new(),
        },
        Column::ReplyTo => match index.reply_to(number) {
            Some((to, latency)) => match latency {
                Some(latency) => format!("#{to} after {}", duration(latency)),
                None => format!("#{to}"),
            },
            None => String::new(),
        },
        Column::Latency => {
            index.reply_to(number).and_then(|(_, latency)| latency).map_or_else(String::new, duration)
        }
        Column::AnsweredBy => index.answered_by(number).map_or_else(String::new, |by| format!("#{by}")),
        Column::PartOf => index.part_of(number).map_or_else(String::new, |first| format!("#{first}")),
        Column::MissingBytes => index.missing_bytes(row).map_or_else(String::new, |bytes| bytes.to_string()),
        Column::Comment => index.comments(row).first().map_or_else(String::new, |(_, comment)| text(comment)),
        Column::Summary => row_text.map_or_else(|| text("..."), |row_text| text(&row_text.summary)),
        Column::Bytes | Column::Address | Column::Port => String::new(),
    }
}

fn time_text(context: ViewContext<'_>, position: usize, row: &Row) -> String {
    let Some(time) = context.index.time_ns(row) else { return String::new() };
    match context.settings.time {
        TimeFormat::Absolute => clock(time),
        TimeFormat::Relative => match context.view.survey().times {
            Some((first, _)) => seconds(time.saturating_sub(context.index.first_time_ns().unwrap_or(first))),
            None => String::new(),
        },
        TimeFormat::Delta => {
            let before = position.checked_sub(1).and_then(|position| context.view.row_at(position));
            let before = before.and_then(|row| context.index.time_ns(&context.index.row(row)?));
            before.map_or_else(String::new, |before| seconds(time.saturating_sub(before)))
        }
    }
}

/// The filter test for the value of a cell, if there is one.
pub(crate) fn test_of(context: ViewContext<'_>, number: RowId, row: &Row, column: Column) -> Option<String> {
    let index = context.index;
    let name = column.name();
    let is = |value: String| Some(format!("{name} == {value}"));
    match column {
        Column::Row => is(number.to_string()),
        Column::Flow => is(row.flow().to_string()),
        Column::Packet => is(index.row_packets(row).first()?.to_string()),
        Column::Time => is(format!("\"{}\"", rfc3339(index.time_ns(row)?))),
        Column::Direction => is(index.direction(row).as_str().to_owned()),
        Column::Transport => is(index.flow(row.flow())?.transport.as_str().to_owned()),
        Column::CarriedIn => is(written(index.carried_in(row)?.path())),
        Column::Carries => {
            let first = index.channels_of(row).next()?;
            is(written(index.flow(first)?.carried()?.name()))
        }
        Column::Level => is(index.level(row).to_string()),
        Column::Src => is(written(&index.endpoints(row)?.0.to_string())),
        Column::Dst => is(written(&index.endpoints(row)?.1.to_string())),
        Column::SrcPort => is(index.endpoints(row)?.0.port().to_string()),
        Column::DstPort => is(index.endpoints(row)?.1.port().to_string()),
        Column::Offset => is(row.offset.to_string()),
        Column::Length => is(row.length.to_string()),
        Column::Protocol => is(written(index.protocol(row)?.name())),
        Column::Type => is(row.type_name().to_owned()),
        Column::Stage => is(written(&index.stage(row)?.name)),
        Column::Kind => match index.kind(row) {
            Some(kind) => is(written(kind)),
            None => Some(format!("type == {}", row.type_name())),
        },
        Column::Problems => is(row.codes.iter().max_by_key(|code| code.severity())?.as_str().to_owned()),
        Column::Severity => is(row.severity()?.to_string()),
        Column::ReplyTo => is(index.reply_to(number)?.0.to_string()),
        Column::Latency => Some(format!("latency >= {}ns", index.reply_to(number)?.1?)),
        Column::AnsweredBy => is(index.answered_by(number)?.to_string()),
        Column::PartOf => is(index.part_of(number)?.to_string()),
        Column::MissingBytes => is(index.missing_bytes(row)?.to_string()),
        Column::Comment => Some("comment".to_owned()),
        Column::Summary => {
            let row_text = context.view.lookup().row_text(number)?;
            // A long summary is recognised by its beginning.
            let beginning: String = row_text.summary.chars().take(60).collect();
            Some(format!("summary contains {}", written(&beginning)))
        }
        Column::Bytes | Column::Address | Column::Port => None,
    }
}
