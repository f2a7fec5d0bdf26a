//! Where the checks of messages are, as their description has them.

use std::ops::Range;

use super::yaml::Attribute;
use crate::checks::{Check, Form, Own, Place};

/// How a check in digits is said.
pub(super) fn digits(form: Form) -> Option<&'static str> {
    match form {
        Form::Hexadecimal => Some("hexadecimal"),
        Form::Decimal => Some("decimal"),
        Form::Big | Form::Little => None,
    }
}

/// A check with a field of its own.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    check: Check,
    /// Where its bytes begin among those without the length field; None at the end of the message.
    pub(super) at: Option<usize>,
    /// Where what it covers begins among those; 0 for the beginning of the message.
    pub(super) from: usize,
    /// Whether what it covers begins with the length field.
    pub(super) is_from_length: bool,
    /// How many bytes are between what it covers and it.
    pub(super) between: usize,
}

impl Checked {
    /// None if a description can't say it. `length` is where the length field is, if it has always as many bytes.
    pub(super) fn of(check: &Check, length: Option<&Range<usize>>) -> Option<Checked> {
        if check.form == Form::Little && check.size == 3 {
            return None;
        }
        let between = match (check.place, check.to) {
            (Place::End(back), Place::End(to)) => to.saturating_sub(back),
            _ => 0,
        };
        let is_behind = check.to == check.place || between > 0;
        let is_before = check.own == Own::Apart && is_behind;
        let is_all = check.own == Own::Zero && check.to == Place::End(0);
        if !is_before && !is_all {
            return None;
        }
        let without_length = |at: usize| match length {
            Some(length) if at >= length.end => Some(at - length.len()),
            Some(length) if at > length.start => None,
            Some(_) => Some(at),
            None => (at == 0).then_some(0),
        };
        let at = match check.place {
            Place::Start(at) => Some(without_length(at)?),
            Place::End(_) => None,
        };
        let is_from_length = check.from > 0 && length.is_some_and(|length| check.from == length.start);
        let from = if is_from_length { check.from } else { without_length(check.from)? };
        Some(Checked { check: check.clone(), at, from, is_from_length, between })
    }

    pub(super) fn size(&self) -> usize {
        self.check.size
    }

    /// How many bytes of the message come from its first byte on, if it is at the end.
    pub(super) fn back(&self) -> usize {
        match self.check.place {
            Place::End(back) => back,
            Place::Start(_) => 0,
        }
    }

    /// How many bytes of the message come behind what it covers, if it is at the end.
    pub(super) fn tail(&self) -> usize {
        self.back() + self.between
    }

    /// Where the byte is that says the kind, if that decides about a byte that it covers.
    pub(super) fn kind(&self) -> Option<usize> {
        self.check.then.as_ref().map(|then| then.kind)
    }

    /// Its field. `from` is the field that begins where what it covers begins, `last` is the last field of the message.
    pub(super) fn attribute(&self, from: Option<&str>, last: &str) -> Attribute {
        let little = if self.check.form == Form::Little && self.check.size > 1 { "le" } else { "" };
        let mut said = self.check.algorithm.to_string();
        let mut more = Vec::new();
        if let Some(from) = from.filter(|_| self.from > 0) {
            more.push(format!("from: {from}"));
        } else if self.check.own == Own::Zero {
            more.push("from: _root".to_owned());
        }
        if self.check.own == Own::Zero || self.between > 0 {
            more.push(format!("to: {last}"));
        }
        if let Some(digits) = digits(self.check.form) {
            more.push(format!("digits: {digits}"));
        }
        if let Some(then) = &self.check.then {
            let byte = |(kind, byte): (&u8, &u8)| format!("kind.to_i == {kind} ? {byte} : ");
            more.push(format!("then: '{}-1'", then.bytes.iter().map(byte).collect::<String>()));
        }
        let has_parameters = said.starts_with("algorithm:");
        if !more.is_empty() && !has_parameters {
            said = format!("algorithm: {said}");
        }
        if has_parameters || !more.is_empty() {
            more.insert(0, said);
            said = format!("{{{}}}", more.join(", "));
        }
        let attribute = Attribute::new("check");
        let attribute = match (digits(self.check.form), self.check.size) {
            (Some(_), size) => {
                attribute.with("type", "str").with("encoding", "ASCII").with("size", size.to_string())
            }
            (None, 3) => attribute.with("type", "b24").with("-hex", "true"),
            (None, size) => attribute.with("type", format!("u{size}{little}")).with("-hex", "true"),
        };
        attribute.with("-check", said).doc(self.check.to_string())
    }
}
