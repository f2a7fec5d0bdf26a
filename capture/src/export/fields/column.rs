//! The columns of a row, each as a value that is written as JSON or CSV.

use std::net::SocketAddr;

use crate::export::put::{self, TimeWriter};
use crate::export::rows::Content;
use crate::filter::Column;
use crate::{Index, Row, RowId};

/// The value of a column.
pub enum ColumnValue<'h> {
    /// The row has none.
    Missing,
    /// A number.
    Number(u64),
    /// A number that may be negative.
    Signed(i64),
    /// Nanoseconds since the Unix epoch.
    Time(i64),
    /// A name of few.
    Name(&'h str),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(&'h [u8]),
    /// Several numbers.
    Numbers(Vec<u64>),
    /// Several texts.
    Texts(Vec<String>),
}

/// The value of a column of a row. Its segments and bytes must have been looked up where the column needs them.
pub fn value<'h>(
    column: Column,
    index: &'h Index,
    number: RowId,
    row: &'h Row,
    content: &'h mut Content<'_>,
) -> ColumnValue<'h> {
    let some = |value: Option<u64>| value.map_or(ColumnValue::Missing, ColumnValue::Number);
    let name = |name: Option<&'h str>| name.map_or(ColumnValue::Missing, ColumnValue::Name);
    let endpoints = || index.endpoints(row);
    let both = || endpoints().into_iter().flat_map(|(src, dst)| [src, dst]);
    let address = |address: Option<SocketAddr>| {
        address.map_or(ColumnValue::Missing, |address| ColumnValue::Text(address.to_string()))
    };
    match column {
        Column::Row => ColumnValue::Number(number.number().into()),
        Column::Flow => ColumnValue::Number(row.flow().number().into()),
        Column::Packet => {
            ColumnValue::Numbers(content.packets().iter().map(|packet| packet.number().into()).collect())
        }
        Column::Offset => ColumnValue::Number(row.offset),
        Column::Length => ColumnValue::Number(row.length),
        Column::Time => index.time_ns(row).map_or(ColumnValue::Missing, ColumnValue::Time),
        Column::Latency => index
            .reply_to(number)
            .and_then(|(_, latency)| latency)
            .map_or(ColumnValue::Missing, ColumnValue::Signed),
        Column::ReplyTo => some(index.reply_to(number).map(|(to, _)| u64::from(to.number()))),
        Column::AnsweredBy => some(index.answered_by(number).map(|row| row.number().into())),
        Column::PartOf => some(index.part_of(number).map(|row| row.number().into())),
        Column::MissingBytes => some(index.missing_bytes(row)),
        Column::Direction => ColumnValue::Name(index.direction(row).as_str()),
        Column::Transport => name(index.flow(row.flow()).map(|flow| flow.transport.as_str())),
        Column::CarriedIn => name(index.carried_in(row).map(|carried| carried.path())),
        Column::Carries => {
            let carried = index.channels_of(row).filter_map(|flow| index.flow(flow)?.carried());
            ColumnValue::Texts(carried.map(|carried| carried.name().to_owned()).collect())
        }
        Column::Level => ColumnValue::Number(index.level(row).into()),
        Column::Protocol => name(index.protocol(row).map(|protocol| protocol.name())),
        Column::Type => ColumnValue::Name(row.type_name()),
        Column::Kind => name(index.kind(row)),
        Column::Stage => name(index.stage(row).map(|stage| &*stage.name)),
        Column::Src => address(endpoints().map(|(src, _)| src)),
        Column::Dst => address(endpoints().map(|(_, dst)| dst)),
        Column::Address => ColumnValue::Texts(both().map(|address| address.to_string()).collect()),
        Column::SrcPort => some(endpoints().map(|(src, _)| src.port().into())),
        Column::DstPort => some(endpoints().map(|(_, dst)| dst.port().into())),
        Column::Port => ColumnValue::Numbers(both().map(|address| address.port().into()).collect()),
        Column::Problems => {
            ColumnValue::Texts(row.codes.iter().map(|code| code.as_str().to_owned()).collect())
        }
        Column::Severity => name(row.severity().map(|severity| severity.as_str())),
        Column::Comment => {
            ColumnValue::Texts(index.comments(row).into_iter().map(|(_, text)| text.to_owned()).collect())
        }
        Column::Bytes => ColumnValue::Bytes(&content.bytes),
        // A dissection has that.
        Column::Summary => ColumnValue::Missing,
    }
}

/// Writes a column's value as JSON.
pub(super) fn write_json(value: ColumnValue<'_>, times: &mut TimeWriter, out: &mut Vec<u8>) {
    match value {
        ColumnValue::Missing => out.extend_from_slice(b"null"),
        ColumnValue::Number(number) => put::number(out, number),
        ColumnValue::Signed(number) => put::number(out, number),
        ColumnValue::Time(time_ns) => {
            out.push(b'"');
            times.write(out, time_ns);
            out.push(b'"');
        }
        ColumnValue::Name(text) => put::string(out, text),
        ColumnValue::Text(text) => put::string(out, &text),
        ColumnValue::Bytes(bytes) => put::json_bytes(out, bytes),
        ColumnValue::Numbers(numbers) => put::json_list(out, numbers, put::number),
        ColumnValue::Texts(texts) => put::json_list(out, texts, |out, text| put::string(out, &text)),
    }
}

/// Writes a column's value as the content of a CSV cell.
pub(super) fn write_csv(value: ColumnValue<'_>, times: &mut TimeWriter, out: &mut Vec<u8>) {
    match value {
        ColumnValue::Missing => {}
        ColumnValue::Number(number) => put::number(out, number),
        ColumnValue::Signed(number) => put::number(out, number),
        ColumnValue::Time(time_ns) => times.write(out, time_ns),
        ColumnValue::Name(text) => out.extend_from_slice(text.as_bytes()),
        ColumnValue::Text(text) => out.extend_from_slice(text.as_bytes()),
        ColumnValue::Bytes(bytes) => put::hex(out, bytes),
        ColumnValue::Numbers(numbers) => put::blanks_between(out, numbers, put::number),
        ColumnValue::Texts(texts) => {
            put::blanks_between(out, texts, |out, text| out.extend_from_slice(text.as_bytes()));
        }
    }
}
