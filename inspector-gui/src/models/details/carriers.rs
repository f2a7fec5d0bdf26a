//! What brought a message, and what it brings: the rows of carriers around it, and the rows inside it.

use std::collections::BTreeMap;
use std::ops::Range;

use framescope_capture::{Index, PacketId, Row, RowId};
use framescope_parser::Code;

use super::super::text::grouped;

/// A message of a carrier that brought bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierRow {
    /// Its number.
    pub row: RowId,
    /// How many carriers are around it.
    pub level: u8,
    /// What it is, such as `tls application_data`.
    pub title: String,
    /// Where it is: its packets, and its bytes that matter.
    pub place: String,
    /// Its bytes that are the message's own, or those of the carrier between; None if what it carries was unpacked from it.
    pub relevant: Option<Vec<Range<usize>>>,
}

/// A row that a message of a carrier brought bytes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedRow {
    /// Its number.
    pub row: RowId,
    /// The channel, and what it is, such as `websocket.text: json object`.
    pub title: String,
}

/// The most rows of one carrier that are listed for a message.
const CARRIERS_SHOWN: usize = 8;
/// The most rows that are listed of what a message carries.
const CARRIED_SHOWN: usize = 12;

/// The stretches of a row that matter; None for all that can be unpacked from it.
type Relevant = Option<Vec<Range<u64>>>;

/// The rows of carriers that brought a row, the outermost first, and how many there are that are not listed.
pub(super) fn carriers_of(index: &Index, row: &Row) -> (Vec<CarrierRow>, usize) {
    let mut levels: Vec<Vec<CarrierRow>> = Vec::new();
    let mut left_out = 0;
    let mut current: Vec<(Row, Relevant)> = vec![(*row, None)];
    while !current.is_empty() {
        let mut outer: BTreeMap<RowId, Relevant> = BTreeMap::new();
        for (row, relevant) in &current {
            add_carriers(index, row, relevant.as_deref(), &mut outer);
        }
        left_out += outer.len().saturating_sub(CARRIERS_SHOWN);
        let known = |(number, relevant): (RowId, Relevant)| Some((number, index.row(number)?, relevant));
        let outer: Vec<_> = outer.into_iter().take(CARRIERS_SHOWN).filter_map(known).collect();
        if !outer.is_empty() {
            let line = |(number, row, relevant): &(RowId, Row, Relevant)| {
                carrier(index, *number, row, relevant.as_deref())
            };
            levels.push(outer.iter().map(line).collect());
        }
        current = outer.into_iter().map(|(_, row, relevant)| (row, relevant)).collect();
    }
    (levels.into_iter().rev().flatten().collect(), left_out)
}

/// Adds the messages of the carrier that brought a row, or the stretches of it that matter.
fn add_carriers(
    index: &Index,
    row: &Row,
    relevant: Option<&[Range<u64>]>,
    outer: &mut BTreeMap<RowId, Relevant>,
) {
    for part in index.carried_parts(row) {
        let whole = [part.range.clone()];
        for stretch in relevant.unwrap_or(&whole) {
            let (start, end) = (stretch.start.max(part.range.start), stretch.end.min(part.range.end));
            if start >= end {
                continue;
            }
            match &part.place {
                None => drop(outer.insert(part.by, None)),
                Some(place) => {
                    let at = |offset: u64| place.start + (offset - part.range.start);
                    let known = outer.entry(part.by).or_insert_with(|| Some(Vec::new()));
                    known.iter_mut().for_each(|known| known.push(at(start)..at(end)));
                }
            }
        }
    }
}

fn carrier(index: &Index, number: RowId, row: &Row, relevant: Option<&[Range<u64>]>) -> CarrierRow {
    let packets = index.row_packets(row);
    let mut place = match packets.as_slice() {
        [] => String::new(),
        [packet] => format!("packet {packet}"),
        [first, .., last] => format!("packets {first} to {last}"),
    };
    let in_message = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let relevant = relevant.map(|ranges| {
        ranges.iter().map(|range| in_message(range.start)..in_message(range.end)).collect::<Vec<_>>()
    });
    match relevant.as_deref() {
        None => place.push_str(", unpacked"),
        Some([range]) => {
            place.push_str(&format!(", its bytes {} to {}", range.start, range.end.saturating_sub(1)))
        }
        Some(ranges) => place.push_str(&format!(", {} stretches of its bytes", ranges.len())),
    }
    let place = place.trim_start_matches(", ").to_owned();
    CarrierRow { row: number, level: index.level(row), title: title(index, row), place, relevant }
}

/// The rows that a row brings bytes of, and how many there are that are not listed, as far as is known.
pub(super) fn carried_in(index: &Index, row: &Row) -> (Vec<CarriedRow>, bool) {
    let mut rows = index.carries(row, CARRIED_SHOWN + 1);
    let has_more = rows.len() > CARRIED_SHOWN;
    rows.truncate(CARRIED_SHOWN);
    let line = |number: RowId| {
        let row = index.row(number)?;
        let channel = index.flow(row.flow())?.carried()?.name();
        Some(CarriedRow { row: number, title: format!("{channel}: {}", title(index, &row)) })
    };
    (rows.into_iter().filter_map(line).collect(), has_more)
}

fn title(index: &Index, row: &Row) -> String {
    let kind = index.kind(row).unwrap_or(row.type_name());
    match index.protocol(row) {
        Some(protocol) => format!("{} {kind}", protocol.name()),
        None => format!("{kind}, {} bytes", grouped(usize::try_from(row.length).unwrap_or(usize::MAX))),
    }
}

/// How many rows of a stream are searched for the one that says that the secrets are not known: it is the first encrypted one.
const SEARCHED: usize = 256;

/// The problem that says why an encrypted record is not decrypted. Only the first of a direction has it.
pub(super) fn no_secrets(index: &Index, row: &Row) -> Option<Code> {
    let is_it = |code: &Code| code.as_str() == "no-secrets";
    if let Some(own) = row.codes.iter().find(is_it) {
        return Some(own);
    }
    if index.protocol(row)?.name() != "tls" || index.kind(row) != Some("application_data") {
        return None;
    }
    let mut rows = index.stream_rows(row.flow(), index.direction(row)).take(SEARCHED);
    rows.find_map(|row| index.row(row)?.codes.iter().find(is_it))
}

/// Which packet brought what a carried byte was unpacked from, and where that begins in the file.
pub(super) fn unpacked_from(packet: PacketId, offset: u64) -> String {
    let place = format!("unpacked from what begins at file offset {offset} (0x{offset:x})");
    match packet {
        PacketId::NONE => format!(", {place}"),
        packet => format!(", packet {packet}, {place}"),
    }
}
