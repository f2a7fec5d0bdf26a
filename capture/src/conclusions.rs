//! What can be said of rows only when a capture is read to its end: what reassembly saw of them, and what the sequence
//! of messages shows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use framescope_parser::{Code, Event, Observation, Observer, Problem, TileType};

use crate::{Index, TransportType};

/// More problems of one kind than this are not listed for a single row.
const PROBLEMS_A_ROW: usize = 4;

/// Feeds each conversation's messages to its protocol's observer, and takes what it says.
pub(crate) fn observe(index: &mut Index) -> io::Result<()> {
    let mut observers: BTreeMap<u32, (usize, Box<dyn Observer>)> = BTreeMap::new();
    let mut found = Vec::new();
    let mut reader = index.reader();
    for number in order_of_sending(index) {
        let Some(row) = index.rows.get(number as usize).copied() else { break };
        let Some(protocol) = index.streams.get(row.stream as usize).and_then(|stream| stream.protocol) else {
            continue;
        };
        let flow = row.flow();
        let direction = index.direction(&row);
        let (observed, observer) = match observers.entry(flow) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let begun = index.protocols.get(protocol).and_then(|protocol| protocol.observer());
                let (Some(mut observer), Some(known)) = (begun, index.flows.get(flow as usize)) else {
                    continue;
                };
                for (side, &seen) in known.syn_seen.iter().enumerate() {
                    if known.transport == TransportType::Tcp && !seen {
                        observer.observe(Event::Loss { direction: known.direction_of(side) }, &mut found);
                    }
                }
                entry.insert((protocol, observer))
            }
        };
        if *observed != protocol {
            continue;
        }
        if row.tile_type == TileType::Message {
            let bytes = index.row_bytes(&row, usize::MAX, &mut reader)?;
            let time_ns = index.time_ns(&row);
            observer.observe(Event::Message { direction, row: number, time_ns, bytes: &bytes }, &mut found);
        } else {
            observer.observe(Event::Loss { direction }, &mut found);
        }
        for observation in found.drain(..) {
            annotate(index, observation);
        }
    }
    for (_, observer) in observers.values_mut() {
        observer.finish(&mut found);
    }
    for observation in found {
        annotate(index, observation);
    }
    Ok(())
}

/// The rows in the order in which their last packets were captured, and those of a stream in the stream's. A row that
/// waited for a gap to be given up became complete long after the messages that answer it.
fn order_of_sending(index: &Index) -> Vec<u32> {
    let mut order: Vec<(u32, u32)> = Vec::with_capacity(index.rows.len());
    for stream in &index.streams {
        let mut latest = 0;
        for &number in &stream.rows {
            let Some(row) = index.rows.get(number as usize) else { continue };
            latest = index.segments(row).map(|segment| segment.packet).max().unwrap_or(0).max(latest);
            order.push((latest, number));
        }
    }
    order.sort_unstable();
    order.into_iter().map(|(_, number)| number).collect()
}

fn annotate(index: &mut Index, observation: Observation) {
    match observation {
        Observation::Problem { row, code, text } => {
            let length = index.row(row).map_or(0, |row| usize::try_from(row.length).unwrap_or(usize::MAX));
            add_problem(index, row, Problem { code, range: 0..length, text });
        }
        Observation::Part { row, first, .. } => index.parts.push((row, first)),
        Observation::Reply { row, to, .. } => {
            index.replies.push((row, to));
            index.answers.push((to, row));
        }
    }
}

fn add_problem(index: &mut Index, row: u32, problem: Problem) {
    let Some(known) = index.rows.get_mut(row as usize) else { return };
    known.codes.insert(problem.code);
    let problems = index.annotations.entry(row).or_default();
    if problems.iter().filter(|known| known.code == problem.code).count() < PROBLEMS_A_ROW {
        problems.push(problem);
    }
}

/// Tells the rows what reassembly saw of their stretch of the stream.
pub(crate) fn mark_rows(index: &mut Index) {
    for stream in 0..index.streams.len() {
        let Some(known) = index.streams.get_mut(stream) else { continue };
        let marks = std::mem::take(&mut known.marks);
        let rows = std::mem::take(&mut known.rows);
        for mark in marks {
            let row_at = |number: &u32| index.rows.get(*number as usize);
            let first = rows.partition_point(|number| {
                row_at(number).is_some_and(|row| row.offset + row.length <= mark.offset)
            });
            for &number in rows.get(first..).unwrap_or_default() {
                let Some(row) = index.rows.get(number as usize) else { break };
                let start = mark.offset.max(row.offset);
                let end = (mark.offset + mark.length).min(row.offset + row.length);
                if start >= end {
                    break;
                }
                // Late bytes belong to gaps, the others to bytes that are there.
                if (row.tile_type == TileType::Gap) != (mark.code == Code::Late) {
                    continue;
                }
                let position = |offset: u64| usize::try_from(offset - row.offset).unwrap_or(usize::MAX);
                let packet = mark.packet;
                let text = match mark.code {
                    Code::ConflictingRetransmission => {
                        format!("packet {packet} brings other bytes for this place; the first captured stay")
                    }
                    Code::Late => format!("packet {packet} brought bytes of this gap after it was given up"),
                    _ => format!("packet {packet} brings these bytes again"),
                };
                let problem = Problem { code: mark.code, range: position(start)..position(end), text };
                add_problem(index, number, problem);
            }
        }
        if let Some(known) = index.streams.get_mut(stream) {
            known.rows = rows;
        }
    }
}
