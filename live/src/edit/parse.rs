//! What is typed for a change: the condition, the field, the operator and the value.

use std::sync::Arc;

use framescope_capture::filter::{Filter, FilterError};
use framescope_parser::{Field, Protocol, Value, hex};
use thiserror::Error;

use super::{EditError, place};

/// Why a change can't be understood.
#[derive(Debug, Error)]
pub enum EditParseError {
    /// The filter before the colon is wrong.
    #[error("{0}")]
    Filter(Box<FilterError>),
    /// The field is not written as one.
    #[error("'{0}' is no field: write names joined by dots, such as payload.user or items[1].name")]
    Path(String),
    /// No protocol has the field.
    #[error("{0}")]
    UnknownField(String),
    /// There is no operator, or another one.
    #[error("after the field '{path}' comes = and a value, or += or -= and a number; this is '{found}'")]
    Operator {
        /// The field.
        path: String,
        /// What is there.
        found: String,
    },
    /// The value is not written as one.
    #[error("'{0}' is no value: write a number, a name, \"text\", x\"00ff\" for bytes, true or false")]
    Value(String),
    /// What is added is no number.
    #[error("'{0}' is no whole number, which is what is added or subtracted")]
    Number(String),
}

/// What is done with a field's value.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Set(Given),
    Add(i128),
    /// Some value that is wrong.
    Spoil,
}

/// A value as it was given.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Number(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Name(String),
}

/// A path of names, and which of several fields with it.
#[derive(Clone, Debug)]
pub(super) struct Path {
    text: String,
    steps: Vec<(String, Option<usize>)>,
}

/// The condition before the last colon that is not in a text, and the change after it.
pub(super) fn divided(text: &str) -> (Option<&str>, &str) {
    let (mut quote, mut escaped, mut last) = (None, false, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ':') => last = Some(at),
            _ => {}
        }
    }
    let divided = last.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    match divided {
        Some((condition, change)) => (Some(condition), change),
        None => (None, text),
    }
}

/// The field and what is done with it.
pub(super) fn change(text: &str) -> Result<(Path, Change), EditParseError> {
    let text = text.trim();
    let is_of_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '*');
    // A name may have hyphens in it, as headers do.
    let hyphened = |at: usize| {
        let rest = text.get(at + 1..).unwrap_or_default();
        rest.starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    let end = text.char_indices().find(|(at, c)| !(is_of_path(*c) || *c == '-' && hyphened(*at)));
    let (name, rest) = text.split_at_checked(end.map_or(text.len(), |(at, _)| at)).unwrap_or((text, ""));
    let (path, rest) = (Path::parse(name)?, rest.trim());
    let number = |text: &str| {
        let text = text.trim();
        whole(text).ok_or_else(|| EditParseError::Number(text.to_owned()))
    };
    let change = if rest.is_empty() {
        Change::Spoil
    } else if let Some(value) = rest.strip_prefix("+=") {
        Change::Add(number(value)?)
    } else if let Some(value) = rest.strip_prefix("-=") {
        Change::Add(number(value)?.saturating_neg())
    } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        Change::Set(Given::parse(value.trim())?)
    } else if let Some(value) = rest.strip_prefix('+') {
        Change::Add(number(value)?)
    } else if let Some(value) = rest.strip_prefix('-') {
        Change::Add(number(value)?.saturating_neg())
    } else {
        return Err(EditParseError::Operator { path: path.text, found: rest.to_owned() });
    };
    Ok((path, change))
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Path, EditParseError> {
        let wrong = || EditParseError::Path(text.to_owned());
        let step = |step: &str| {
            let Some((name, index)) = step.split_once('[') else { return Some((step.to_owned(), None)) };
            let index = index.strip_suffix(']')?.parse().ok()?;
            Some((name.to_owned(), Some(index)))
        };
        let steps: Option<Vec<(String, Option<usize>)>> = text.split('.').map(step).collect();
        let steps = steps.filter(|steps| steps.iter().all(|(name, _)| !name.is_empty()));
        Ok(Path { text: text.to_owned(), steps: steps.ok_or_else(wrong)? })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    fn names(&self) -> String {
        self.steps.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".")
    }

    /// Whether some protocol has the field, if any are known.
    pub(super) fn check(&self, protocols: &[Arc<dyn Protocol>]) -> Result<(), EditParseError> {
        let names = self.names();
        let may_have = |path: &str, protocol: &dyn Protocol| {
            let known = protocol.names();
            let last = path.rsplit('.').next().unwrap_or(path);
            known.fields.is_empty() || known.may_have(path) || known.anywhere.iter().any(|name| name == last)
        };
        let of_one = names.split_once('.').is_some_and(|(first, rest)| {
            protocols.iter().any(|protocol| protocol.name() == first && may_have(rest, &**protocol))
        });
        if protocols.is_empty() || of_one || protocols.iter().any(|protocol| may_have(&names, &**protocol)) {
            return Ok(());
        }
        // The filter knows what may have been meant.
        match Filter::parse(&names, protocols) {
            Err(error) => Err(EditParseError::UnknownField(error.text)),
            Ok(_) => Err(EditParseError::UnknownField(format!(
                "'{names}' is a column and no field of a message: `framescope columns` lists the fields"
            ))),
        }
    }

    /// The field in a message: the first whose path ends so, those with all of the path before others; or the one with the
    /// number that was given.
    pub(super) fn find_mut<'f, 'a>(&self, fields: &'f mut [Field<'a>]) -> Option<&'f mut Field<'a>> {
        let mut way = self.way(fields)?.into_iter();
        let mut at = fields.get_mut(way.next()?)?;
        for step in way {
            at = at.fields.get_mut(step)?;
        }
        Some(at)
    }

    /// The places of the field and of those around it.
    fn way(&self, fields: &[Field<'_>]) -> Option<Vec<usize>> {
        if let Some(way) = follow(&self.steps, fields) {
            return Some(way);
        }
        // The name of a protocol may come first.
        if let Some((_, steps)) = self.steps.split_first()
            && !steps.is_empty()
            && let Some(way) = follow(steps, fields)
        {
            return Some(way);
        }
        fields.iter().enumerate().find_map(|(at, field)| {
            let inner = self.way_below(&field.fields)?;
            Some([vec![at], inner].concat())
        })
    }

    fn way_below(&self, fields: &[Field<'_>]) -> Option<Vec<usize>> {
        follow(&self.steps, fields).or_else(|| {
            fields.iter().enumerate().find_map(|(at, field)| {
                let inner = self.way_below(&field.fields)?;
                Some([vec![at], inner].concat())
            })
        })
    }
}

/// The places along a path, from the first name on.
fn follow(steps: &[(String, Option<usize>)], fields: &[Field<'_>]) -> Option<Vec<usize>> {
    let ((name, index), rest) = steps.split_first()?;
    let mut named = fields.iter().enumerate().filter(|(_, field)| field.name == name);
    match index {
        Some(index) => named.nth(*index).and_then(|found| below(rest, found)),
        // Of several with one name the first that has the rest.
        None => named.find_map(|found| below(rest, found)),
    }
}

fn below(rest: &[(String, Option<usize>)], (at, field): (usize, &Field<'_>)) -> Option<Vec<usize>> {
    match rest {
        [] => Some(vec![at]),
        rest => follow(rest, &field.fields).map(|inner| [vec![at], inner].concat()),
    }
}

/// A whole number, also in hexadecimal or binary.
fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let digits = digits.replace('_', "");
    let number = match (digits.strip_prefix("0x"), digits.strip_prefix("0b")) {
        (Some(digits), _) => i128::from_str_radix(digits, 16),
        (_, Some(digits)) => i128::from_str_radix(digits, 2),
        _ if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse(),
        _ => return None,
    };
    number.ok().map(|number: i128| if negative { -number } else { number })
}

impl Given {
    fn parse(text: &str) -> Result<Given, EditParseError> {
        let wrong = || EditParseError::Value(text.to_owned());
        if let Some(number) = whole(text) {
            return Ok(Given::Number(number));
        }
        if let Some(quoted) = text.strip_prefix('x').and_then(inside) {
            let digits: String = quoted.chars().filter(|c| !matches!(c, ' ' | ':')).collect();
            return hex::decode(&digits).map(Given::Bytes).ok_or_else(wrong);
        }
        if let Some(quoted) = inside(text) {
            return unescaped(quoted).map(Given::Text).ok_or_else(wrong);
        }
        match text {
            "true" => return Ok(Given::Bool(true)),
            "false" => return Ok(Given::Bool(false)),
            _ => {}
        }
        if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return text.parse().map(Given::Float).map_err(|_| wrong());
        }
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        match !text.is_empty() && text.chars().all(is_name) {
            true => Ok(Given::Name(text.to_owned())),
            false => Err(wrong()),
        }
    }
}

/// What is between quotation marks.
fn inside(text: &str) -> Option<&str> {
    let between = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    between('"').or_else(|| between('\''))
}

fn unescaped(text: &str) -> Option<String> {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                other => other,
            },
            c => c,
        });
    }
    Some(out)
}

impl Change {
    /// The change to a value that another message had.
    pub(super) fn of(value: &Value<'_>) -> Change {
        Change::Set(match value {
            Value::Text(text) => Given::Text(text.clone().into_owned()),
            Value::Bytes(bytes) => Given::Bytes(bytes.clone().into_owned()),
            Value::Bool(b) => Given::Bool(*b),
            Value::Float(x) => Given::Float(*x),
            value => match place::number(value) {
                Some(number) => Given::Number(number),
                None => return Change::Spoil,
            },
        })
    }

    /// The new value of a field.
    pub(super) fn applied(&self, old: &Value<'_>, path: &str) -> Result<Value<'static>, EditError> {
        let other = |why| EditError::OtherType { path: path.to_owned(), found: old.to_string(), why };
        match self {
            Change::Add(by) => {
                let number = place::number(old).ok_or_else(|| other("only numbers are added to"))?;
                place::with_number(old, number.saturating_add(*by))
                    .ok_or_else(|| other("the result is out of range"))
            }
            Change::Spoil => spoiled(old).ok_or_else(|| other("say with = which value it is to have")),
            Change::Set(given) => given.for_field(old).ok_or_else(|| match old {
                Value::Group => other("it is a group: name a field in it"),
                _ => other("the value is of another type"),
            }),
        }
    }
}

/// Another value of the same length.
fn spoiled(old: &Value<'_>) -> Option<Value<'static>> {
    Some(match old {
        Value::Bool(b) => Value::Bool(!b),
        Value::Float(x) => Value::Float(-x - 1.0),
        Value::Text(text) => {
            let mut chars = text.chars();
            let first = if chars.next()? == 'x' { 'y' } else { 'x' };
            Value::Text(format!("{first}{}", chars.as_str()).into())
        }
        Value::Bytes(bytes) => {
            let (first, rest) = bytes.split_first()?;
            Value::Bytes([&[first ^ 1], rest].concat().into())
        }
        // A number that is too high in all its bytes would be a different mistake: the lowest bit is enough.
        old => place::with_number(old, place::number(old)? ^ 1)?,
    })
}

impl Given {
    fn for_field(&self, old: &Value<'_>) -> Option<Value<'static>> {
        let text = |text: &str| Some(Value::Text(text.to_owned().into()));
        match (self, old) {
            (_, Value::Group | Value::Missing) => None,
            (Given::Bool(b), Value::Bool(_)) => Some(Value::Bool(*b)),
            (Given::Number(n), Value::Bool(_)) => match n {
                0 => Some(Value::Bool(false)),
                1 => Some(Value::Bool(true)),
                _ => None,
            },
            #[expect(clippy::cast_precision_loss, reason = "a fraction is as precise as its field")]
            (Given::Number(n), Value::Float(_)) => Some(Value::Float(*n as f64)),
            (Given::Float(x), Value::Float(_)) => Some(Value::Float(*x)),
            (Given::Number(n), Value::Text(_)) => text(&n.to_string()),
            (Given::Number(n), old) => place::with_number(old, *n),
            (Given::Text(given) | Given::Name(given), Value::Bytes(_)) => {
                Some(Value::Bytes(given.clone().into_bytes().into()))
            }
            (Given::Bytes(bytes), Value::Bytes(_) | Value::Text(_)) => {
                Some(match std::str::from_utf8(bytes) {
                    Ok(valid) if matches!(old, Value::Text(_)) => Value::Text(valid.to_owned().into()),
                    _ => Value::Bytes(bytes.clone().into()),
                })
            }
            (Given::Text(given), Value::Text(_)) => text(given),
            (Given::Name(given), Value::Text(_)) => text(given),
            (Given::Bool(b), Value::Text(_)) => text(if *b { "true" } else { "false" }),
            // The name of a number: which it is, the protocol knows.
            (Given::Name(given) | Given::Text(given), old) if place::number(old).is_some() => text(given),
            _ => None,
        }
    }
}
