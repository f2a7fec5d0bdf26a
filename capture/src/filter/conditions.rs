//! Whether single values meet a condition: those that the index has of a row, of all rows of a label or stream, and those of
//! fields.

use std::cmp::Ordering;
use std::io;
use std::ops::ControlFlow;

use framescope_parser::{SpanType, Value};

use super::codes;
use super::column::Column;
use super::expression::{Condition, Interval, Subject, Test};
use super::value::{Number, Operand};
use crate::{BlockReader, Index, Row, RowId};

/// Whether a row meets a test of what all rows of its label, or of its stream, have in common.
pub(super) fn test_group(test: &Test, index: &Index, row: &Row) -> bool {
    let Subject::Column(column) = test.subject else { return false };
    let endpoints = index.endpoints(row);
    let condition = &test.condition;
    let name = |name: Option<&str>| test_names(condition, name.as_slice());
    let address = |all: &[std::net::SocketAddr]| test_addresses(condition, all);
    let port = |all: &[std::net::SocketAddr]| {
        let ports: Vec<i128> = all.iter().map(|endpoint| endpoint.port().into()).collect();
        test_numbers(condition, &ports)
    };
    let (src, dst) = endpoints.unzip();
    let both: Vec<_> = src.into_iter().chain(dst).collect();
    match column {
        Column::Type => name(Some(row.type_name())),
        Column::Kind => name(index.kind(row)),
        Column::Problems => {
            let names: Vec<String> = row.codes.iter().flat_map(codes::names).collect();
            test_names(condition, &names.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Column::Severity => test_severity(condition, row.severity()),
        Column::Flow => test_numbers(condition, &[row.flow().number().into()]),
        Column::Direction => name(Some(index.direction(row).as_str())),
        Column::Transport => name(index.flow(row.flow()).map(|flow| flow.transport.as_str())),
        Column::CarriedIn => {
            let carried = index.carried_in(row);
            test_names(condition, &carried.map(|carried| carried.names()).unwrap_or_default())
        }
        Column::Level => test_numbers(condition, &[index.level(row).into()]),
        Column::Protocol => name(index.protocol(row).map(|protocol| protocol.name())),
        Column::Src => address(src.as_slice()),
        Column::Dst => address(dst.as_slice()),
        Column::Address => address(&both),
        Column::SrcPort => port(src.as_slice()),
        Column::DstPort => port(dst.as_slice()),
        Column::Port => port(&both),
        _ => of_another_tier(column),
    }
}

/// Whether a row meets a test of what the index has of each row.
pub(super) fn test_index(test: &Test, index: &Index, number: RowId) -> bool {
    let Subject::Column(column) = test.subject else { return false };
    let condition = &test.condition;
    let number_of = |value: Option<i128>| test_numbers(condition, value.as_slice());
    // A column of the index needs no row.
    match column {
        Column::Row => return number_of(Some(number.number().into())),
        Column::Length => return number_of(index.length_of(number).map(i128::from)),
        Column::Time => {
            let time = index.time_of(number);
            return time
                .is_some_and(|time| test_time(condition, time, || index.first_time_ns().unwrap_or(0)));
        }
        Column::Latency => return number_of(index.latency_of(number).map(i128::from)),
        Column::ReplyTo => return number_of(index.answers(number).map(|row| row.number().into())),
        Column::AnsweredBy => return number_of(index.answered_by(number).map(|row| row.number().into())),
        Column::PartOf => return number_of(index.part_of(number).map(|row| row.number().into())),
        _ => {}
    }
    let Some(row) = &index.row(number) else { return false };
    match column {
        Column::Offset => number_of(Some(row.offset.into())),
        Column::Packet => {
            let packets: Vec<i128> =
                index.row_packets(row).into_iter().map(|packet| packet.number().into()).collect();
            test_numbers(condition, &packets)
        }
        Column::Carries => {
            let channels = index.channels_of(row);
            let carried = channels.filter_map(|flow| index.flow(flow)?.carried());
            test_names(condition, &carried.map(|carried| carried.name()).collect::<Vec<_>>())
        }
        Column::MissingBytes => number_of(index.missing_bytes(row).map(i128::from)),
        Column::Protocol => {
            test_names(condition, index.protocol(row).map(|protocol| protocol.name()).as_slice())
        }
        Column::Stage => test_names(condition, index.stage(row).map(|stage| &*stage.name).as_slice()),
        Column::Comment => index.comments(row).iter().any(|(_, text)| test_bytes(condition, text.as_bytes())),
        _ => of_another_tier(column),
    }
}

/// A column that is not answered where its [`Tier`](super::query::Tier) says that it is.
fn of_another_tier(column: Column) -> bool {
    debug_assert!(false, "the column {} is not tested in its tier", column.name());
    false
}

/// Whether all rows of a block meet a test, or none does, by the bounds of its column; None where these do not
/// decide. The block is as long as those of [`bitmap`](super::bitmap), and as those that the index packs.
pub(super) fn test_block(test: &Test, index: &Index, block: usize) -> Option<bool> {
    let Subject::Column(column) = test.subject else { return None };
    match column {
        Column::Length => {
            let (least, greatest) = index.rows.entries.length_bounds(block)?;
            let (least, greatest) = (i128::from(least), i128::from(greatest));
            test_all(&test.condition, &|condition| match condition {
                Condition::Number(intervals) => {
                    any_of(intervals.iter().map(|interval| interval.contains_all(&least, &greatest)))
                }
                _ => None,
            })
        }
        Column::Time => {
            let (first, last) = index.rows.entries.packet_bounds(block)?;
            let (least, greatest) = index.packets.times.time_bounds(first, last)?;
            let begin = index.first_time_ns().unwrap_or(0);
            test_all(&test.condition, &|condition| match condition {
                Condition::Time(intervals) => any_of(intervals.iter().map(|(interval, relative)| {
                    let since = i128::from(if *relative { begin } else { 0 });
                    interval.contains_all(&(i128::from(least) - since), &(i128::from(greatest) - since))
                })),
                _ => None,
            })
        }
        _ => None,
    }
}

/// Whether values that all exist meet a condition.
fn test_all(condition: &Condition, of: &dyn Fn(&Condition) -> Option<bool>) -> Option<bool> {
    match condition {
        Condition::Exists => Some(true),
        Condition::Not(inner) => test_all(inner, of).map(|all| !all),
        condition => of(condition),
    }
}

/// Whether one of some intervals contains all values, or none of them contains any.
fn any_of(mut intervals: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    intervals
        .try_fold(false, |_, all| match all {
            Some(true) => Err(Some(true)),
            Some(false) => Ok(false),
            None => Err(None),
        })
        .map_or_else(|early| early, Some)
}

fn test_numbers(condition: &Condition, values: &[i128]) -> bool {
    match condition {
        Condition::Exists => !values.is_empty(),
        Condition::Number(intervals) => {
            values.iter().any(|value| intervals.iter().any(|interval| interval.contains(value)))
        }
        Condition::Not(inner) => !values.is_empty() && !test_numbers(inner, values),
        _ => false,
    }
}

fn test_time(condition: &Condition, time: i64, mut first: impl FnMut() -> i64) -> bool {
    match condition {
        Condition::Exists => true,
        Condition::Time(intervals) => intervals.iter().any(|(interval, relative)| {
            let since = if *relative { first() } else { 0 };
            interval.contains(&(i128::from(time) - i128::from(since)))
        }),
        Condition::Not(inner) => !test_time(inner, time, first),
        _ => false,
    }
}

fn test_severity(condition: &Condition, severity: Option<framescope_parser::Severity>) -> bool {
    match (condition, severity) {
        (_, None) => false,
        (Condition::Exists, Some(_)) => true,
        (Condition::Severity(intervals), Some(severity)) => {
            intervals.iter().any(|interval| interval.contains(&severity))
        }
        (Condition::Not(inner), some) => !test_severity(inner, some),
        _ => false,
    }
}

fn test_names(condition: &Condition, names: &[&str]) -> bool {
    match condition {
        Condition::Exists => !names.is_empty(),
        Condition::Name(wanted) => names.iter().any(|name| wanted.iter().any(|wanted| wanted == name)),
        Condition::Not(inner) => !names.is_empty() && !test_names(inner, names),
        text => names.iter().any(|name| test_bytes(text, name.as_bytes())),
    }
}

fn test_addresses(condition: &Condition, endpoints: &[std::net::SocketAddr]) -> bool {
    match condition {
        Condition::Exists => !endpoints.is_empty(),
        Condition::Address(wanted) => {
            endpoints.iter().any(|endpoint| wanted.iter().any(|wanted| wanted.is(*endpoint)))
        }
        Condition::Not(inner) => !endpoints.is_empty() && !test_addresses(inner, endpoints),
        text => endpoints.iter().any(|endpoint| test_bytes(text, endpoint.to_string().as_bytes())),
    }
}

pub(super) fn test_bytes(condition: &Condition, bytes: &[u8]) -> bool {
    test_value(condition, &Value::Bytes(bytes.into()), bytes) == Some(true)
}

/// Whether a value meets a condition; None where the condition is about other kinds of values. `raw` are the bytes of its field.
pub(super) fn test_value(condition: &Condition, value: &Value<'_>, raw: &[u8]) -> Option<bool> {
    // Of what was not captured only its existence is known.
    if *value == Value::Missing {
        return matches!(condition, Condition::Exists).then_some(true);
    }
    let bytes = value.as_bytes();
    Some(match condition {
        Condition::Exists => *value != Value::Bool(false),
        Condition::Value(intervals) => intervals.iter().any(|interval| is_within(interval, value, raw)),
        Condition::Contains(wanted) => match (bytes, value) {
            (Some(bytes), _) => wanted.find(bytes).is_some(),
            (None, Value::Group) => wanted.find(raw).is_some(),
            (None, _) => false,
        },
        Condition::Matches(pattern) => match (bytes, value) {
            (Some(bytes), _) => pattern.is_match(bytes),
            (None, Value::Group) => pattern.is_match(raw),
            (None, Value::Enum(kind)) => pattern.is_match(kind.to_string().as_bytes()),
            (None, value) => pattern.is_match(value.to_string().as_bytes()),
        },
        Condition::Not(inner) => !test_value(inner, value, raw)?,
        _ => return None,
    })
}

fn is_within(interval: &Interval<Operand>, value: &Value<'_>, raw: &[u8]) -> bool {
    let end = |end: &Option<(Operand, bool)>, far: Ordering| match end {
        None => true,
        Some((operand, within)) => match compare(value, raw, operand) {
            Some(Ordering::Equal) => *within,
            Some(order) => order == far,
            None => false,
        },
    };
    end(&interval.low, Ordering::Greater) && end(&interval.high, Ordering::Less)
}

/// How a field's value compares with one in the expression; None where the two can't be compared.
fn compare(value: &Value<'_>, raw: &[u8], operand: &Operand) -> Option<Ordering> {
    let literal = &operand.literal;
    let number = match *value {
        Value::Unsigned(n) | Value::Hex(n) => Some(Number::Whole(n.into())),
        Value::Signed(n) => Some(Number::Whole(n.into())),
        Value::Wide(n) => Some(Number::Whole(n.number())),
        Value::Float(x) => Some(Number::Float(x)),
        Value::Enum(kind) => {
            if let Some(name) = kind.name
                && literal.text() == Some(name)
            {
                return Some(Ordering::Equal);
            }
            Some(Number::Whole(kind.number()))
        }
        Value::Bool(b) => match literal.text() {
            Some("true") => return Some(b.cmp(&true)),
            Some("false") => return Some(b.cmp(&false)),
            _ => Some(Number::Whole(b.into())),
        },
        Value::Text(_) | Value::Bytes(_) | Value::Group => None,
        Value::Missing => return None,
    };
    match number {
        Some(number) => number.partial_cmp(&operand.number?),
        None => Some(value.as_bytes().unwrap_or(raw).cmp(literal.bytes())),
    }
}

/// Whether all of a row's bytes, of which `first` have been read, meet a condition. Of a row that is longer than a message can
/// be, a regular expression sees the first 16 MiB.
pub(super) fn test_all_bytes(
    condition: &Condition,
    index: &Index,
    row: &Row,
    first: &[u8],
    reader: &mut BlockReader,
) -> io::Result<bool> {
    if first.len() as u64 >= row.length || row.span_type == SpanType::Gap {
        return Ok(test_bytes(condition, first));
    }
    Ok(match condition {
        Condition::Exists => true,
        Condition::Not(inner) => !test_all_bytes(inner, index, row, first, reader)?,
        Condition::Contains(wanted) => {
            let mut bytes = Vec::new();
            let found = index.for_each_piece(row, reader, &mut |piece| {
                bytes.extend_from_slice(piece);
                if wanted.find(&bytes).is_some() {
                    return Ok(ControlFlow::Break(()));
                }
                // What crosses the border of two pieces is found too: the end of the last one stays.
                bytes.drain(..bytes.len().saturating_sub(wanted.needle().len().saturating_sub(1)));
                Ok(ControlFlow::Continue(()))
            })?;
            found.is_break()
        }
        _ => test_bytes(condition, &index.row_bytes(row, 16 << 20, reader)?),
    })
}
