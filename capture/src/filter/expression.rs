//! The tree of an expression whose names and values have been checked.

use framescope_parser::Severity;
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::column::Column;
use super::value::{Address, Operand};

#[derive(Debug)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

/// A column or field, and the condition that its value is to meet.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) subject: Subject,
    pub(super) condition: Condition,
}

/// What a name refers to.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A column of all rows.
    Column(Column),
    /// Fields by their path: those of the named protocol, or of any.
    Field {
        /// The name of the protocol.
        protocol: Option<String>,
        /// The names from the outermost field on, of which the first may be left out.
        path: Vec<String>,
    },
}

/// A condition on a value. A missing value meets none.
#[derive(Debug)]
pub(super) enum Condition {
    /// It exists, and is not false.
    Exists,
    /// It is a number, or nanoseconds, in one of these ranges.
    Number(Vec<Interval<i128>>),
    /// It is a time in one of these ranges: since the epoch, or with `true` since the capture's first packet.
    Time(Vec<(Interval<i128>, bool)>),
    Severity(Vec<Interval<Severity>>),
    Name(Vec<String>),
    Address(Vec<Address>),
    /// It is a field's value, or a text, in one of these ranges.
    Value(Vec<Interval<Operand>>),
    Contains(Box<Finder<'static>>),
    Matches(Regex),
    /// It exists, and does not meet the condition.
    Not(Box<Condition>),
}

/// A range of values. An end with `true` belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Interval<T> {
    pub(super) low: Option<(T, bool)>,
    pub(super) high: Option<(T, bool)>,
}

impl<T: PartialOrd> Interval<T> {
    pub(super) fn contains(&self, value: &T) -> bool {
        let above = |(low, within): &(T, bool)| value > low || *within && value == low;
        let below = |(high, within): &(T, bool)| value < high || *within && value == high;
        self.low.as_ref().is_none_or(above) && self.high.as_ref().is_none_or(below)
    }

    /// Whether it contains all of the values from `least` to `greatest`, or none of them; None where it contains some.
    pub(super) fn contains_all(&self, least: &T, greatest: &T) -> Option<bool> {
        let is_above = self.low.as_ref().is_some_and(|(low, _)| low > greatest);
        let is_below = self.high.as_ref().is_some_and(|(high, _)| high < least);
        match (self.contains(least), self.contains(greatest)) {
            (true, true) => Some(true),
            (false, false) if is_above || is_below => Some(false),
            _ => None,
        }
    }
}

impl<T> Interval<T> {
    /// The range of a single value.
    pub(super) fn just(value: T) -> Interval<T>
    where
        T: Clone,
    {
        Interval { low: Some((value.clone(), true)), high: Some((value, true)) }
    }

    /// The range between what `to` makes of the ends.
    pub(super) fn as_ref<U>(&self, to: impl Fn(&T) -> U) -> Interval<U> {
        let end = |end: &Option<(T, bool)>| end.as_ref().map(|(value, within)| (to(value), *within));
        Interval { low: end(&self.low), high: end(&self.high) }
    }

    /// The same, or None if `to` makes nothing of one of the ends.
    pub(super) fn map<U>(self, to: impl Fn(T) -> Option<U>) -> Option<Interval<U>> {
        let end = |end: Option<(T, bool)>| match end {
            None => Some(None),
            Some((value, within)) => Some(Some((to(value)?, within))),
        };
        Some(Interval { low: end(self.low)?, high: end(self.high)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_contains_its_ends_only_where_they_belong_to_it() {
        let half_open = Interval { low: Some((2, true)), high: Some((5, false)) };
        let found: Vec<i32> = (0..8).filter(|value| half_open.contains(value)).collect();
        assert_eq!(found, [2, 3, 4]);
        let open = Interval { low: None, high: Some((5, true)) };
        assert!(open.contains(&i32::MIN) && open.contains(&5) && !open.contains(&6));
    }

    #[test]
    fn of_a_range_of_values_an_interval_contains_all_some_or_none() {
        let interval = Interval { low: Some((2, true)), high: Some((5, false)) };
        assert_eq!(interval.contains_all(&2, &4), Some(true));
        assert_eq!(interval.contains_all(&2, &5), None);
        assert_eq!(interval.contains_all(&0, &9), None);
        assert_eq!(interval.contains_all(&6, &9), Some(false));
        assert_eq!(interval.contains_all(&-9, &1), Some(false));
        // Values up to an end that does not belong to it are not decided by the end alone.
        assert_eq!(interval.contains_all(&5, &9), None);
    }
}
