//! Tests of single values: what the index says of a row, what is known of all rows of a label or stream, and what a field
//! says.

use std::cmp::Ordering;
use std::io;
use std::ops::ControlFlow;

use framescope_parser::{SpanType, Value};

use super::column::Column;
use super::parse::{Condition, Span, Subject, Test, code_names};
use super::value::{Compared, Number};
use crate::{BlockReader, Index, Row};

/// A test on what all rows of a label, or of a stream, have in common.
pub(super) fn by_group(test: &Test, index: &Index, row: &Row) -> bool {
    let Subject::Column(column) = test.subject else { return false };
    let endpoints = index.endpoints(row);
    let condition = &test.condition;
    let name = |name: Option<&str>| of_names(condition, name.as_slice());
    let address = |all: &[std::net::SocketAddr]| of_addresses(condition, all);
    let port = |all: &[std::net::SocketAddr]| {
        let ports: Vec<i128> = all.iter().map(|endpoint| endpoint.port().into()).collect();
        of_numbers(condition, &ports)
    };
    let (src, dst) = endpoints.unzip();
    let both: Vec<_> = src.into_iter().chain(dst).collect();
    match column {
        Column::Type => name(Some(row.type_name())),
        Column::Kind => name(index.kind(row)),
        Column::Problems => {
            let names: Vec<String> = row.codes.iter().flat_map(code_names).collect();
            of_names(condition, &names.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Column::Severity => of_severity(condition, row.severity()),
        Column::Flow => of_numbers(condition, &[row.flow().into()]),
        Column::Direction => name(Some(index.direction(row).as_str())),
        Column::Transport => name(index.flows().get(row.flow() as usize).map(|flow| flow.transport.as_str())),
        Column::Protocol => name(index.protocol(row).map(|protocol| protocol.name())),
        Column::Src => address(src.as_slice()),
        Column::Dst => address(dst.as_slice()),
        Column::Address => address(&both),
        Column::SrcPort => port(src.as_slice()),
        Column::DstPort => port(dst.as_slice()),
        Column::Port => port(&both),
        _ => false,
    }
}

/// A test on what stands in the index for each row.
pub(super) fn in_index(test: &Test, index: &Index, number: u32) -> bool {
    let Subject::Column(column) = test.subject else { return false };
    let condition = &test.condition;
    let number_of = |value: Option<i128>| of_numbers(condition, value.as_slice());
    // What stands in a column by itself needs no row.
    match column {
        Column::Row => return number_of(Some(number.into())),
        Column::Length => return number_of(index.length_of(number).map(i128::from)),
        Column::Time => {
            let time = index.time_of(number);
            return time.is_some_and(|time| of_time(condition, time, || index.first_time_ns().unwrap_or(0)));
        }
        Column::Latency => return number_of(index.latency_of(number).map(i128::from)),
        Column::ReplyTo => return number_of(index.answers(number).map(i128::from)),
        Column::AnsweredBy => return number_of(index.answered_by(number).map(i128::from)),
        Column::PartOf => return number_of(index.part_of(number).map(i128::from)),
        _ => {}
    }
    let Some(row) = &index.row(number) else { return false };
    match column {
        Column::Offset => number_of(Some(row.offset.into())),
        Column::Packet => {
            let packets: Vec<i128> = index.row_packets(row).into_iter().map(i128::from).collect();
            of_numbers(condition, &packets)
        }
        Column::MissingBytes => number_of(index.missing_bytes(row).map(i128::from)),
        Column::Comment => index.comments(row).iter().any(|(_, text)| of_bytes(condition, text.as_bytes())),
        _ => false,
    }
}

/// What a test says of all rows of a block whose column lies within bounds; None where these do not tell. The block is as long
/// as those of [`block`](super::block), and as those that the index packs.
pub(super) fn of_block(test: &Test, index: &Index, block: usize) -> Option<bool> {
    let Subject::Column(column) = test.subject else { return None };
    match column {
        Column::Length => {
            let (least, greatest) = index.entries.length_bounds(block)?;
            let (least, greatest) = (i128::from(least), i128::from(greatest));
            all_of(&test.condition, &|condition| match condition {
                Condition::Number(spans) => {
                    any_of(spans.iter().map(|span| span.holds_all(&least, &greatest)))
                }
                _ => None,
            })
        }
        Column::Time => {
            let (first, last) = index.entries.packet_bounds(block)?;
            let (least, greatest) = index.kept.time_bounds(first, last)?;
            let begin = index.first_time_ns().unwrap_or(0);
            all_of(&test.condition, &|condition| match condition {
                Condition::Time(spans) => any_of(spans.iter().map(|(span, relative)| {
                    let since = i128::from(if *relative { begin } else { 0 });
                    span.holds_all(&(i128::from(least) - since), &(i128::from(greatest) - since))
                })),
                _ => None,
            })
        }
        _ => None,
    }
}

/// What a condition says of values that are all there.
fn all_of(condition: &Condition, of: &dyn Fn(&Condition) -> Option<bool>) -> Option<bool> {
    match condition {
        Condition::There => Some(true),
        Condition::Other(inner) => all_of(inner, of).map(|all| !all),
        condition => of(condition),
    }
}

/// Whether one of some spans holds all values, or each of them none.
fn any_of(mut spans: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    spans
        .try_fold(false, |_, all| match all {
            Some(true) => Err(Some(true)),
            Some(false) => Ok(false),
            None => Err(None),
        })
        .map_or_else(|early| early, Some)
}

fn of_numbers(condition: &Condition, values: &[i128]) -> bool {
    match condition {
        Condition::There => !values.is_empty(),
        Condition::Number(spans) => values.iter().any(|value| spans.iter().any(|span| span.holds(value))),
        Condition::Other(inner) => !values.is_empty() && !of_numbers(inner, values),
        _ => false,
    }
}

fn of_time(condition: &Condition, time: i64, mut first: impl FnMut() -> i64) -> bool {
    match condition {
        Condition::There => true,
        Condition::Time(spans) => spans.iter().any(|(span, relative)| {
            let since = if *relative { first() } else { 0 };
            span.holds(&(i128::from(time) - i128::from(since)))
        }),
        Condition::Other(inner) => !of_time(inner, time, first),
        _ => false,
    }
}

fn of_severity(condition: &Condition, severity: Option<framescope_parser::Severity>) -> bool {
    match (condition, severity) {
        (_, None) => false,
        (Condition::There, Some(_)) => true,
        (Condition::Severity(spans), Some(severity)) => spans.iter().any(|span| span.holds(&severity)),
        (Condition::Other(inner), some) => !of_severity(inner, some),
        _ => false,
    }
}

fn of_names(condition: &Condition, names: &[&str]) -> bool {
    match condition {
        Condition::There => !names.is_empty(),
        Condition::Name(wanted) => names.iter().any(|name| wanted.iter().any(|wanted| wanted == name)),
        Condition::Other(inner) => !names.is_empty() && !of_names(inner, names),
        text => names.iter().any(|name| of_bytes(text, name.as_bytes())),
    }
}

fn of_addresses(condition: &Condition, endpoints: &[std::net::SocketAddr]) -> bool {
    match condition {
        Condition::There => !endpoints.is_empty(),
        Condition::Address(wanted) => {
            endpoints.iter().any(|endpoint| wanted.iter().any(|wanted| wanted.is(*endpoint)))
        }
        Condition::Other(inner) => !endpoints.is_empty() && !of_addresses(inner, endpoints),
        text => endpoints.iter().any(|endpoint| of_bytes(text, endpoint.to_string().as_bytes())),
    }
}

pub(super) fn of_bytes(condition: &Condition, bytes: &[u8]) -> bool {
    of_value(condition, &Value::Bytes(bytes.into()), bytes) == Some(true)
}

/// Whether a value fulfils a condition; None where it has none. `raw` are the bytes of its field.
pub(super) fn of_value(condition: &Condition, value: &Value<'_>, raw: &[u8]) -> Option<bool> {
    // Of what was not captured nothing is known but that it is there.
    if *value == Value::Missing {
        return matches!(condition, Condition::There).then_some(true);
    }
    let bytes = value.as_bytes();
    Some(match condition {
        Condition::There => *value != Value::Bool(false),
        Condition::Value(spans) => spans.iter().any(|span| holds(span, value, raw)),
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
        Condition::Other(inner) => !of_value(inner, value, raw)?,
        _ => return None,
    })
}

fn holds(span: &Span<Compared>, value: &Value<'_>, raw: &[u8]) -> bool {
    let end = |end: &Option<(Compared, bool)>, far: Ordering| match end {
        None => true,
        Some((compared, within)) => match compare(value, raw, compared) {
            Some(Ordering::Equal) => *within,
            Some(order) => order == far,
            None => false,
        },
    };
    end(&span.low, Ordering::Greater) && end(&span.high, Ordering::Less)
}

/// How a field's value stands to one in the expression; None where they can't be compared.
fn compare(value: &Value<'_>, raw: &[u8], compared: &Compared) -> Option<Ordering> {
    let literal = &compared.literal;
    let number = match *value {
        Value::Unsigned(n) | Value::Hex(n) => Some(Number::Whole(n.into())),
        Value::Signed(n) => Some(Number::Whole(n.into())),
        Value::Float(x) => Some(Number::Float(x)),
        Value::Enum(kind) => {
            if let Some(name) = kind.name
                && literal.text() == Some(name)
            {
                return Some(Ordering::Equal);
            }
            Some(Number::Whole(kind.value.into()))
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
        Some(number) => number.partial_cmp(&compared.number?),
        None => Some(value.as_bytes().unwrap_or(raw).cmp(literal.bytes())),
    }
}

/// A test on all of a row's bytes, of which `first` are at hand. Of a row that is longer than a message can be, a regular
/// expression sees the first 16 MiB.
pub(super) fn of_all_bytes(
    condition: &Condition,
    index: &Index,
    row: &Row,
    first: &[u8],
    reader: &mut BlockReader,
) -> io::Result<bool> {
    if first.len() as u64 >= row.length || row.span_type == SpanType::Gap {
        return Ok(of_bytes(condition, first));
    }
    Ok(match condition {
        Condition::There => true,
        Condition::Other(inner) => !of_all_bytes(inner, index, row, first, reader)?,
        Condition::Contains(wanted) => {
            let mut bytes = Vec::new();
            let found = index.for_each_piece(row, reader, &mut |piece| {
                bytes.extend_from_slice(piece);
                if wanted.find(&bytes).is_some() {
                    return Ok(ControlFlow::Break(()));
                }
                // What stands over the border of two pieces is found too: the end of the last one stays.
                bytes.drain(..bytes.len().saturating_sub(wanted.needle().len().saturating_sub(1)));
                Ok(ControlFlow::Continue(()))
            })?;
            found.is_break()
        }
        _ => of_bytes(condition, &index.row_bytes(row, 16 << 20, reader)?),
    })
}
