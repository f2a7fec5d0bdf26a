//! The flows of a capture, with digests of what went each way.

use std::collections::BTreeMap;
use std::io::{self, Write};

use framescope_parser::{Confidence, Direction};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::put::json_line;
use super::text::latency_text;
use crate::display::{hex, rfc3339};
use crate::{BlockReader, Connection, Flow, FlowId, Index, PacketId, Stream};

#[derive(Serialize)]
struct FlowJson<'a> {
    flow: u32,
    transport: &'static str,
    a: Option<String>,
    b: Option<String>,
    packets: u32,
    forward: StreamJson<'a>,
    backward: StreamJson<'a>,
    interface: Option<&'a str>,
    a_name: Option<&'a str>,
    b_name: Option<&'a str>,
    state: Option<&'static str>,
    opened: Option<String>,
    ended: Option<String>,
    ended_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_by: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_in: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct StreamJson<'a> {
    protocol: Option<&'a str>,
    bytes: u64,
    sha256: String,
    messages: u64,
    gaps: u64,
    gap_bytes: u64,
    conflicts: u64,
    cut_packets: u64,
    late_bytes: u64,
    confidence: Option<&'static str>,
}

/// Writes each flow as a line of JSON.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_flows_json(index: &Index, out: &mut dyn Write) -> io::Result<()> {
    let mut reader = index.reader();
    for (flow, known) in index.flows() {
        let (a, b) = endpoints(known);
        let forward = stream_json(index, flow, Direction::Forward, &mut reader)?;
        let backward = stream_json(index, flow, Direction::Backward, &mut reader)?;
        let connection = known.connection();
        let time = |packet: Option<PacketId>| index.packet_time_ns(packet?).map(rfc3339);
        let line = FlowJson {
            flow: flow.number(),
            transport: known.transport.as_str(),
            a,
            b,
            packets: known.packets,
            interface: index.interface(flow),
            a_name: name(index, known, Direction::Forward),
            b_name: name(index, known, Direction::Backward),
            state: connection.map(|connection| connection.state.as_str()),
            opened: time(connection.and_then(|connection| connection.opened)),
            ended: time(connection.and_then(|connection| connection.ended)),
            ended_by: connection.and_then(|connection| connection.ended_by).map(Direction::as_str),
            carried_by: known.carried().map(|carried| carried.by().number()),
            carried_in: known.carried().map(|carried| carried.path()),
            settings: known.carried().into_iter().flat_map(|carried| carried.settings().iter()).collect(),
            forward,
            backward,
        };
        json_line(out, &line)?;
    }
    Ok(())
}

/// Writes a line for each flow and one for each of its directions.
///
/// # Errors
/// `out` can't be written.
pub fn write_flows_text(index: &Index, out: &mut dyn Write) -> io::Result<()> {
    for (flow, known) in index.flows() {
        let named = |direction, address: String| match name(index, known, direction) {
            Some(name) => format!("{address} ({name})"),
            None => address,
        };
        let endpoints = match endpoints(known) {
            (Some(a), Some(b)) => {
                format!(" {} <> {}", named(Direction::Forward, a), named(Direction::Backward, b))
            }
            _ => String::new(),
        };
        let on = index.interface(flow).map(|name| format!(" on {name}")).unwrap_or_default();
        let s = if known.packets == 1 { "" } else { "s" };
        let within = match known.carried() {
            Some(carried) => format!(", {} in flow {}", carried.path(), carried.by()),
            None => String::new(),
        };
        let transport = known.transport.as_str();
        write!(out, "flow {flow} {transport}{endpoints}{within}, {} packet{s}{on}", known.packets)?;
        writeln!(
            out,
            "{}",
            known.connection().map(|connection| connection_text(index, connection)).unwrap_or_default()
        )?;
        for direction in [Direction::Forward, Direction::Backward] {
            let Some(stream) = index.stream(flow, direction) else { continue };
            let protocol = index.stream_protocol(flow, direction).map_or("-", |protocol| protocol.name());
            write!(
                out,
                "    {direction:8} {protocol:8} {} messages, {} bytes",
                stream.messages, stream.bytes
            )?;
            if stream.is_guess() {
                write!(out, ", {protocol} is a guess (--as flow={flow}=PROTOCOL decides)")?;
            }
            for (count, what) in [
                (stream.gap_bytes(), "missing bytes"),
                (stream.conflicts(), "conflicts"),
                (stream.cut_packets(), "cut packets"),
                (stream.late_bytes(), "late bytes"),
            ] {
                if count > 0 {
                    write!(out, ", {count} {what}")?;
                }
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

/// The name that the capture has for the host of an endpoint.
fn name<'a>(index: &'a Index, flow: &Flow, direction: Direction) -> Option<&'a str> {
    index.host(flow.source(direction)?.ip())
}

/// How a connection ended, such as `, closed by forward after 1.250 s`.
fn connection_text(index: &Index, connection: Connection) -> String {
    let Connection { state, opened, ended, ended_by } = connection;
    let by = ended_by.map(|direction| format!(" by {direction}")).unwrap_or_default();
    let times =
        opened.zip(ended).map(|(opened, ended)| (index.packet_time_ns(opened), index.packet_time_ns(ended)));
    let after = match times {
        Some((Some(opened), Some(ended))) => format!(" after {}", latency_text(ended.saturating_sub(opened))),
        _ => String::new(),
    };
    let begun = if opened.is_none() { ", begun before the capture" } else { "" };
    format!(", {}{by}{after}{begun}", state.as_str())
}

fn endpoints(flow: &Flow) -> (Option<String>, Option<String>) {
    let end = |direction| flow.source(direction).map(|address| address.to_string());
    (end(Direction::Forward), end(Direction::Backward))
}

fn stream_json<'a>(
    index: &'a Index,
    flow: FlowId,
    direction: Direction,
    reader: &mut BlockReader,
) -> io::Result<StreamJson<'a>> {
    let mut digest = Sha256::new();
    let mut bytes = Vec::new();
    for segment in index.stream_segments(flow, direction) {
        bytes.clear();
        index.read_stream((flow, direction), segment.offset..segment.end(), reader, &mut bytes)?;
        digest.update(&bytes);
    }
    let none = Stream::default();
    let stream = index.stream(flow, direction).unwrap_or(&none);
    Ok(StreamJson {
        protocol: index.stream_protocol(flow, direction).map(|protocol| protocol.name()),
        confidence: stream.confidence.map(Confidence::as_str),
        bytes: stream.bytes,
        sha256: hex(&digest.finalize()),
        messages: stream.messages,
        gaps: stream.gaps(),
        gap_bytes: stream.gap_bytes(),
        conflicts: stream.conflicts(),
        cut_packets: stream.cut_packets(),
        late_bytes: stream.late_bytes(),
    })
}
