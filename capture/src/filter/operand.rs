//! What the values in an expression mean, by what they are compared with: each is checked, and becomes a condition.

use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{Protocol, Severity};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::codes;
use super::column::{Column, Type};
use super::error::{Fault, suggestion};
use super::expression::{Condition, Interval, Subject};
use super::value::{Literal, Number, Operand};

/// A member of a set, and its bytes in the expression.
pub(super) type Member = (Interval<Literal>, Range<usize>);

/// Refuses an operator such as `<`, which is at `operator`, for a subject whose values have no order.
pub(super) fn check_order(subject: &Subject, operator: Range<usize>) -> Result<(), Fault> {
    match subject {
        Subject::Column(column)
            if matches!(column.value_type(), Type::Name | Type::Address | Type::Bytes) =>
        {
            let name = column.name();
            let what = format!("'{name}' has no order; use ==, !=, in, contains or matches");
            Err(Fault::new(operator, what))
        }
        _ => Ok(()),
    }
}

/// The condition that the subject is in one of the ranges.
pub(super) fn is_among(
    subject: &Subject,
    members: Vec<Member>,
    protocols: &[Arc<dyn Protocol>],
) -> Result<Condition, Fault> {
    let Subject::Column(column) = subject else {
        return Ok(Condition::Value(operands(members)));
    };
    let name = column.name();
    Ok(match column.value_type() {
        Type::Number => {
            let wanted = format!("'{name}' is compared with a whole number, such as 7 or 0x2a");
            Condition::Number(typed(members, whole, &wanted)?)
        }
        Type::Duration => {
            let wanted = format!("'{name}' is compared with a duration, such as 1.5ms, 2s or 1min30s");
            Condition::Number(typed(members, |literal| literal.duration(), &wanted)?)
        }
        Type::Time => Condition::Time(times(members, name)?),
        Type::Rank => {
            let severities = [Severity::Note, Severity::Warning, Severity::Error];
            let to = |literal: Literal| {
                severities.into_iter().find(|severity| literal.text() == Some(severity.as_str()))
            };
            Condition::Severity(typed(members, to, "a severity is note, warning or error")?)
        }
        Type::Address => {
            let wanted =
                "this is not an address; write 10.0.0.1, 10.0.0.0/8, 10.0.0.1:9000, ::1 or [::1]:9000";
            let addresses = typed(members, |literal| literal.address(), wanted)?;
            Condition::Address(addresses.into_iter().filter_map(|one| one.low.map(|low| low.0)).collect())
        }
        Type::Name => Condition::Name(names(*column, members, protocols)?),
        Type::Text | Type::Bytes => Condition::Value(operands(members)),
    })
}

/// The condition that the subject contains the literal, which is at `range`.
pub(super) fn contains(
    subject: &Subject,
    literal: Literal,
    range: Range<usize>,
    protocols: &[Arc<dyn Protocol>],
) -> Result<Condition, Fault> {
    if let Subject::Column(column) = subject {
        match column.value_type() {
            Type::Number | Type::Time | Type::Duration | Type::Rank => {
                let name = column.name();
                return Err(Fault::new(range, format!("'{name}' contains nothing; use ==, <, > or in")));
            }
            // A row has several problems: it contains those that it has.
            Type::Name if *column == Column::Problems => {
                return is_among(subject, vec![(Interval::just(literal), range)], protocols);
            }
            _ => {}
        }
    }
    Ok(Condition::Contains(Box::new(Finder::new(literal.bytes()).into_owned())))
}

/// The condition that the subject matches the regular expression at `range`.
pub(super) fn matches(subject: &Subject, literal: &Literal, range: Range<usize>) -> Result<Condition, Fault> {
    if let Subject::Column(column) = subject
        && matches!(column.value_type(), Type::Number | Type::Time | Type::Duration | Type::Rank)
    {
        let name = column.name();
        return Err(Fault::new(range, format!("'{name}' is not text; use ==, <, > or in")));
    }
    let Some(pattern) = literal.text() else {
        return Err(Fault::new(range, "write a regular expression in quotes, such as \"^a+\""));
    };
    Regex::new(pattern).map(Condition::Matches).map_err(|error| {
        // The crate's text has the pattern and its own mark in it; the last line says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Fault::new(range, format!("this is not a regular expression: {last}"))
    })
}

/// Each range as one of what the column holds, or `wanted` as the fault of the first that is not.
fn typed<T>(
    members: Vec<Member>,
    to: impl Fn(Literal) -> Option<T>,
    wanted: &str,
) -> Result<Vec<Interval<T>>, Fault> {
    let one = |(interval, range): Member| interval.map(&to).ok_or_else(|| Fault::new(range, wanted));
    members.into_iter().map(one).collect()
}

fn whole(literal: Literal) -> Option<i128> {
    match literal.number()? {
        Number::Whole(n) => Some(n),
        Number::Float(_) => None,
    }
}

/// Each range as one of times, and whether it counts from the capture's first packet.
fn times(members: Vec<Member>, name: &str) -> Result<Vec<(Interval<i128>, bool)>, Fault> {
    let one = |(interval, range): Member| {
        let relative = interval.clone().map(|literal| literal.duration()).map(|interval| (interval, true));
        let time = relative.or_else(|| Some((interval.map(|literal| literal.time())?, false)));
        time.ok_or_else(|| {
            let what = format!(
                "'{name}' is compared with a time, such as 2026-01-02T03:04:05Z, or a duration since the capture's first \
                 packet, such as 1.5s"
            );
            Fault::new(range, what)
        })
    };
    members.into_iter().map(one).collect()
}

/// Each member as a name that the column may hold.
fn names(
    column: Column,
    members: Vec<Member>,
    protocols: &[Arc<dyn Protocol>],
) -> Result<Vec<String>, Fault> {
    let name = column.name();
    let known = known_names(column, protocols);
    let one = |(interval, range): Member| {
        let literal = interval.low.map(|low| low.0);
        let Some(text) = literal.as_ref().and_then(Literal::text) else {
            return Err(Fault::new(range, format!("'{name}' is compared with names")));
        };
        let is_hex = column == Column::Kind && text.starts_with("0x");
        if !known.is_empty() && !is_hex && !known.iter().any(|known| known == text) {
            let what = if column == Column::Problems { "problem" } else { name };
            let help = suggestion(text, known.iter().map(String::as_str));
            return Err(Fault::new(range, format!("no {what} is called '{text}'{help}")));
        }
        Ok(text.to_owned())
    };
    members.into_iter().map(one).collect()
}

/// The names that a column may hold; none if any may be.
fn known_names(column: Column, protocols: &[Arc<dyn Protocol>]) -> Vec<String> {
    match column {
        Column::Protocol => protocols.iter().map(|protocol| protocol.name().to_owned()).collect(),
        Column::Problems => codes::all(protocols).flat_map(codes::names).collect(),
        Column::Stage => stages(protocols),
        Column::Kind => {
            let names = protocols.iter().map(|protocol| protocol.names());
            // A protocol without named fields may have any kinds.
            if names.clone().any(|names| names.fields.is_empty()) {
                return Vec::new();
            }
            let mut kinds: Vec<String> = names.flat_map(|names| names.kinds).collect();
            kinds.sort();
            kinds.dedup();
            kinds
        }
        column => column.names().iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The names of the stages of all conversations, each once.
pub(super) fn stages(protocols: &[Arc<dyn Protocol>]) -> Vec<String> {
    let all = protocols.iter().flat_map(|protocol| protocol.stages());
    let mut names: Vec<String> = all.map(|stage| stage.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Ranges of values, ready to be compared with others.
fn operands(members: Vec<Member>) -> Vec<Interval<Operand>> {
    members.into_iter().map(|(interval, _)| interval.as_ref(|literal| literal.clone().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equals(column: Column, word: &str) -> Result<Condition, String> {
        let member = (Interval::just(Literal::Word(word.to_owned())), 0..word.len());
        let condition = is_among(&Subject::Column(column), vec![member], &framescope_parser::built_in());
        condition.map_err(|fault| fault.text)
    }

    #[test]
    fn a_value_is_what_its_column_holds_or_a_fault() {
        for (column, good, bad, says) in [
            (Column::Row, "0x10", "1.5", "'row' is compared with a whole number, such as 7 or 0x2a"),
            (
                Column::Latency,
                "2ms",
                "2",
                "'latency' is compared with a duration, such as 1.5ms, 2s or 1min30s",
            ),
            (Column::Severity, "note", "notes", "a severity is note, warning or error"),
            (Column::Src, "10.0.0.0/8", "here", "this is not an address; write 10.0.0.1, "),
            (Column::Type, "gap", "gaps", "no type is called 'gaps'; did you mean 'gap'?"),
            (Column::Kind, "0x2a", "LOGINN", "no kind is called 'LOGINN'; did you mean 'LOGIN'?"),
            (Column::Problems, "glued", "glue", "no problem is called 'glue'; did you mean 'glued'?"),
            (
                Column::Time,
                "1.5s",
                "noon",
                "'time' is compared with a time, such as 2026-01-02T03:04:05Z, or ",
            ),
        ] {
            assert!(equals(column, good).is_ok(), "{good}");
            let text = equals(column, bad).unwrap_err();
            assert!(text.starts_with(says), "{text}");
        }
    }

    #[test]
    fn numbers_contain_and_match_nothing() {
        let (row, literal) = (Subject::Column(Column::Row), Literal::Text("1".to_owned()));
        let fault = contains(&row, literal.clone(), 0..3, &[]).unwrap_err();
        assert_eq!(fault.text, "'row' contains nothing; use ==, <, > or in");
        assert_eq!(matches(&row, &literal, 0..3).unwrap_err().text, "'row' is not text; use ==, <, > or in");
    }

    #[test]
    fn a_bad_regular_expression_is_refused_with_the_reason() {
        let bad = matches(&Subject::Column(Column::Summary), &Literal::Text("(".to_owned()), 0..3);
        assert_eq!(bad.unwrap_err().text, "this is not a regular expression: unclosed group");
    }
}
