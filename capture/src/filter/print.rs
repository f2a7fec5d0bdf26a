//! A query as text: the shortest expression with its meaning.

use std::fmt::{self, Display, Formatter, Write};

use super::column::{Column, Type};
use super::expression::{Condition, Interval, Subject, Test};
use super::lexer::{quoted, written};
use super::query::{Filter, Node, Query};
use super::value::Literal;
use crate::display::hex;

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.query.node(&self.query.root, f)
    }
}

impl Query {
    fn node(&self, node: &Node, f: &mut Formatter<'_>) -> fmt::Result {
        let (parts, between) = match node {
            Node::All(parts) => (parts, " and "),
            Node::Any(parts) => (parts, " or "),
            Node::Not(inner) => {
                f.write_str("not ")?;
                return self.inside(inner, matches!(**inner, Node::All(_) | Node::Any(_)), f);
            }
            Node::Test(number) => return self.tests.get(*number).map_or(Ok(()), |known| known.test.fmt(f)),
        };
        for (i, part) in parts.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { between })?;
            // 'and' binds tighter than 'or'.
            let in_brackets = match part {
                Node::All(_) => matches!(node, Node::All(_)),
                Node::Any(_) => true,
                Node::Not(_) | Node::Test(_) => false,
            };
            self.inside(part, in_brackets, f)?;
        }
        Ok(())
    }

    fn inside(&self, node: &Node, in_brackets: bool, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if in_brackets { "(" } else { "" })?;
        self.node(node, f)?;
        f.write_str(if in_brackets { ")" } else { "" })
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let column = match &self.subject {
            Subject::Column(column) => {
                f.write_str(column.name())?;
                Some(*column)
            }
            Subject::Field { protocol, path } => {
                if let Some(protocol) = protocol {
                    write!(f, "{protocol}.")?;
                }
                f.write_str(&path.join("."))?;
                None
            }
        };
        match &self.condition {
            Condition::Not(inner) => condition(inner, column, "!=", f),
            other => condition(other, column, "==", f),
        }
    }
}

/// A condition; `is` is the operator before a single value.
fn condition(condition: &Condition, column: Option<Column>, is: &str, f: &mut Formatter<'_>) -> fmt::Result {
    match condition {
        Condition::Exists => Ok(()),
        Condition::Number(ranges) => {
            let unit = if column.map(Column::value_type) == Some(Type::Duration) { "ns" } else { "" };
            intervals(ranges.iter().map(|interval| interval.as_ref(|n| format!("{n}{unit}"))), is, f)
        }
        Condition::Time(times) => {
            let one = |(interval, since_start): &(Interval<i128>, bool)| {
                interval.as_ref(|&ns| time(ns, *since_start))
            };
            intervals(times.iter().map(one), is, f)
        }
        Condition::Severity(ranges) => intervals(
            ranges.iter().map(|interval| interval.as_ref(|severity| severity.as_str().to_owned())),
            is,
            f,
        ),
        Condition::Name(names) => intervals(names.iter().map(|name| Interval::just(written(name))), is, f),
        Condition::Address(addresses) => {
            intervals(addresses.iter().map(|address| Interval::just(address.to_string())), is, f)
        }
        Condition::Value(ranges) => intervals(
            ranges.iter().map(|interval| interval.as_ref(|operand| operand.literal.to_string())),
            is,
            f,
        ),
        Condition::Contains(wanted) => match std::str::from_utf8(wanted.needle()) {
            Ok(text) => write!(f, " contains {}", quoted(text)),
            Err(_) => write!(f, " contains {}", Literal::Bytes(wanted.needle().to_vec())),
        },
        Condition::Matches(pattern) => write!(f, " matches {}", quoted(pattern.as_str())),
        Condition::Not(inner) => self::condition(inner, column, is, f),
    }
}

/// Nanoseconds, since the capture's first packet or since the epoch.
fn time(ns: i128, since_start: bool) -> String {
    match jiff::Timestamp::from_nanosecond(ns) {
        Ok(time) if !since_start => time.to_string(),
        _ => format!("{ns}ns"),
    }
}

fn intervals(
    mut intervals: impl ExactSizeIterator<Item = Interval<String>>,
    is: &str,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    if intervals.len() != 1 {
        f.write_str(" in {")?;
        for (i, interval) in intervals.enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            member(&interval, f)?;
        }
        return f.write_char('}');
    }
    match intervals.next() {
        Some(Interval { low: Some((low, true)), high: Some((high, true)) }) if low == high => {
            write!(f, " {is} {low}")
        }
        Some(Interval { low: Some((low, within)), high: None }) => {
            write!(f, " >{} {low}", if within { "=" } else { "" })
        }
        Some(Interval { low: None, high: Some((high, within)) }) => {
            write!(f, " <{} {high}", if within { "=" } else { "" })
        }
        Some(interval) => {
            f.write_str(" in ")?;
            member(&interval, f)
        }
        None => Ok(()),
    }
}

/// One value or range of a set.
fn member(interval: &Interval<String>, f: &mut Formatter<'_>) -> fmt::Result {
    let end = |end: &Option<(String, bool)>| end.as_ref().map_or(String::new(), |(value, _)| value.clone());
    let (low, high) = (end(&interval.low), end(&interval.high));
    if low == high && !low.is_empty() { f.write_str(&low) } else { write!(f, "{low}..{high}") }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Word(word) => f.write_str(word),
            Literal::Text(text) => f.write_str(&quoted(text)),
            Literal::Bytes(bytes) => write!(f, "x\"{}\"", hex(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_expression_is_written_as_short_as_it_may_be() {
        let protocols = framescope_parser::built_in();
        for (text, expected) in [
            ("kind = LOGIN", "kind == LOGIN"),
            ("((kind == LOGIN)) && !(row<0x10||row > 20)", "kind == LOGIN and not (row < 16 or row > 20)"),
            ("row == 1 or (row == 2 and row == 3)", "row == 1 or row == 2 and row == 3"),
            ("(row == 1 or row == 2) or row == 3", "(row == 1 or row == 2) or row == 3"),
            ("length in {20..100, 7, ..3}", "length in {20..100, 7, ..3}"),
            ("length in 5..5 and length in 5..", "length == 5 and length >= 5"),
            ("latency > 1.5ms and time < 2s", "latency > 1500000ns and time < 2000000000ns"),
            ("time >= 2026-01-02", "time >= 2026-01-02T00:00:00Z"),
            ("ip in {10.0.0.0/8, [::1]:9000, ::1}", "ip in {10.0.0.0/8, [::1]:9000, ::1}"),
            ("missive.payload.user != \"a \\\"b\"", "missive.payload.user != \"a \\\"b\""),
            ("payload contains hello", "payload contains \"hello\""),
            ("bytes contains x\"f5 4D\"", "bytes contains x\"f54d\""),
            ("summary ~ \"^a\\d\"", "summary matches \"^a\\\\d\""),
            ("severity >= warning and problems", "severity >= warning and problems"),
        ] {
            let filter = Filter::parse(text, &protocols).unwrap();
            assert_eq!(filter.to_string(), expected, "{text}");
            let again = Filter::parse(expected, &protocols).unwrap();
            assert_eq!(again.to_string(), expected);
        }
    }
}
