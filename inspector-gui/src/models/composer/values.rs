//! A field's value as text that can be edited, and back.

use std::borrow::Cow;

use framescope_capture::export::hex;
use framescope_parser::{Kind, Value};

/// The longest text of a value that is edited in a line.
pub(crate) const LONGEST: usize = 16 << 10;

/// What kind of value a field has, and so what may be typed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A whole number that is not negative, in decimal.
    Unsigned,
    /// The same in hexadecimal.
    Hex,
    /// A whole number.
    Signed,
    /// A whole number of up to 128 bits.
    Wide,
    /// A floating-point number.
    Float,
    /// True or false.
    Bool,
    /// A text, with escapes for control characters.
    Text,
    /// Hexadecimal digits.
    Bytes,
    /// A number, or its name.
    Enum,
}

/// Why what was typed is no value of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// No number.
    #[error("'{0}' is not a whole number: type it in decimal, or in hexadecimal after 0x")]
    NotWhole(String),
    /// A number that the field's type has no room for.
    #[error("{0} is out of range for this field")]
    OutOfRange(String),
    /// No number with a point.
    #[error("'{0}' is not a number")]
    NotFloat(String),
    /// Neither true nor false.
    #[error("'{0}' is neither true nor false")]
    NotBool(String),
    /// No hexadecimal digits.
    #[error("bytes are pairs of hexadecimal digits, and {0} are not")]
    NotHex(String),
    /// No member of the enum.
    #[error("'{0}' is neither a number nor a name that this field can have")]
    NoSuchName(String),
    /// A backslash with nothing that it escapes.
    #[error("'{0}' is no escape: there are \\n, \\r, \\t, \\0, \\x7f and \\\\")]
    NotAnEscape(String),
}

impl ValueKind {
    /// The kind of a value; None of one that can't be edited.
    pub fn of(value: &Value<'_>) -> Option<ValueKind> {
        Some(match value {
            Value::Unsigned(_) => ValueKind::Unsigned,
            Value::Hex(_) => ValueKind::Hex,
            Value::Signed(_) => ValueKind::Signed,
            Value::Wide(_) => ValueKind::Wide,
            Value::Float(_) => ValueKind::Float,
            Value::Bool(_) => ValueKind::Bool,
            Value::Text(_) => ValueKind::Text,
            Value::Bytes(_) => ValueKind::Bytes,
            Value::Enum(_) => ValueKind::Enum,
            Value::Group | Value::Missing => return None,
        })
    }

    /// Reads what was typed. `names` are those of an enum.
    ///
    /// # Errors
    /// It is no value of this kind.
    pub fn parse(self, text: &str, names: &[(i128, String)]) -> Result<Value<'static>, ValueError> {
        let trimmed = text.trim();
        let out_of_range = || ValueError::OutOfRange(trimmed.to_owned());
        Ok(match self {
            ValueKind::Unsigned => {
                Value::Unsigned(u64::try_from(whole(trimmed)?).map_err(|_| out_of_range())?)
            }
            ValueKind::Hex => Value::Hex(u64::try_from(whole(trimmed)?).map_err(|_| out_of_range())?),
            ValueKind::Signed => Value::Signed(i64::try_from(whole(trimmed)?).map_err(|_| out_of_range())?),
            ValueKind::Wide => Value::Wide(whole(trimmed)?.into()),
            ValueKind::Float => {
                Value::Float(trimmed.parse().map_err(|_| ValueError::NotFloat(trimmed.to_owned()))?)
            }
            ValueKind::Bool => match trimmed {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => return Err(ValueError::NotBool(trimmed.to_owned())),
            },
            ValueKind::Text => Value::Text(Cow::Owned(unescaped(text)?)),
            ValueKind::Bytes => Value::Bytes(Cow::Owned(bytes_of_hex(trimmed)?)),
            ValueKind::Enum => {
                let named = names.iter().find(|(_, name)| name == trimmed).map(|(number, _)| *number);
                let number = match named {
                    Some(number) => number,
                    None => whole(trimmed).map_err(|_| ValueError::NoSuchName(trimmed.to_owned()))?,
                };
                enum_of(number).ok_or_else(out_of_range)?
            }
        })
    }
}

/// The value of an enum's field, by its number alone: a name would take precedence.
pub(crate) fn enum_of(number: i128) -> Option<Value<'static>> {
    let signed = || i64::try_from(number).ok().map(|number| Kind::signed(number, None));
    let kind = u64::try_from(number).ok().map(|number| Kind::new(number, None)).or_else(signed)?;
    Some(Value::Enum(kind))
}

/// A value as it is edited; None if it is too long for a line.
pub fn edited_text(value: &Value<'_>) -> Option<String> {
    let text = match value {
        Value::Text(text) if text.len() <= LONGEST => escaped(text),
        Value::Bytes(bytes) if bytes.len() <= LONGEST / 2 => spaced_hex(bytes),
        Value::Text(_) | Value::Bytes(_) => return None,
        Value::Enum(kind) => match kind.name {
            Some(name) => name.to_owned(),
            None => kind.to_string(),
        },
        value => value.to_string(),
    };
    Some(text)
}

/// The whole number that a value is.
pub(crate) fn number_of(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Unsigned(n) | Value::Hex(n) => Some(i128::from(*n)),
        Value::Signed(n) => Some(i128::from(*n)),
        Value::Wide(n) => Some(n.number()),
        Value::Enum(kind) => Some(kind.number()),
        Value::Bool(b) => Some(i128::from(*b)),
        _ => None,
    }
}

/// Bytes in hexadecimal, with blanks between them.
pub fn spaced_hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

/// Bytes from hexadecimal digits, between which there may be blanks.
///
/// # Errors
/// What is not a digit, or a digit without its pair.
pub fn bytes_of_hex(text: &str) -> Result<Vec<u8>, ValueError> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    framescope_parser::hex::decode(&digits)
        .ok_or_else(|| ValueError::NotHex(format!("'{}'", digits.chars().take(24).collect::<String>())))
}

fn whole(text: &str) -> Result<i128, ValueError> {
    let error = || ValueError::NotWhole(text.to_owned());
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i128::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.map(|number| sign * number).map_err(|_| error())
}

/// Escapes control characters and the backslash.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c if u32::from(c) < 0x80 && c.is_control() => {
                out.push_str("\\x");
                out.push_str(&hex(&[u8::try_from(u32::from(c)).unwrap_or_default()]));
            }
            c => out.push(c),
        }
    }
    out
}

fn unescaped(text: &str) -> Result<String, ValueError> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match rest.next() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some('\\') => '\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                match u8::from_str_radix(&digits, 16) {
                    Ok(byte) if byte < 0x80 && digits.len() == 2 => char::from(byte),
                    _ => return Err(ValueError::NotAnEscape(format!("\\x{digits}"))),
                }
            }
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(ValueError::NotAnEscape(format!("\\{other}")));
            }
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_shown_is_read_back_as_the_same_value() {
        let values = [
            Value::Unsigned(u64::MAX),
            Value::Hex(0xF54D),
            Value::Signed(-7),
            Value::Wide(i128::MAX.into()),
            Value::Float(-1.5),
            Value::Bool(true),
            Value::Text("GET /\r\n\t\\ \u{1b}\u{4f60}".into()),
            Value::Text("".into()),
            Value::Bytes(vec![0, 0xff].into()),
            Value::Enum(Kind::new(3, None)),
            Value::Enum(Kind::signed(-1, None)),
        ];
        for value in values {
            let text = edited_text(&value).unwrap();
            let read = ValueKind::of(&value).unwrap().parse(&text, &[]).unwrap();
            assert_eq!(read, value, "{text}");
        }
        assert_eq!(edited_text(&Value::Text("x".repeat(LONGEST + 1).into())), None);
        assert_eq!(ValueKind::of(&Value::Group), None);
    }

    #[test]
    fn a_number_is_typed_in_decimal_or_hexadecimal_and_an_enum_by_name() {
        let names = [(1, "LOGIN".to_owned()), (3, "DATA".to_owned())];
        let parse = |kind: ValueKind, text: &str| kind.parse(text, &names);
        assert_eq!(parse(ValueKind::Unsigned, " 0x1F ").unwrap(), Value::Unsigned(31));
        assert_eq!(parse(ValueKind::Hex, "31").unwrap(), Value::Hex(31));
        assert_eq!(parse(ValueKind::Enum, "DATA").unwrap(), Value::Enum(Kind::new(3, None)));
        assert_eq!(parse(ValueKind::Enum, "0x2a").unwrap(), Value::Enum(Kind::new(42, None)));
        for (kind, text) in [
            (ValueKind::Unsigned, "-1"),
            (ValueKind::Unsigned, "18446744073709551616"),
            (ValueKind::Unsigned, ""),
            (ValueKind::Hex, "f54d"),
            (ValueKind::Bool, "yes"),
            (ValueKind::Bytes, "f"),
            (ValueKind::Bytes, "fg"),
            (ValueKind::Enum, "DATUM"),
            (ValueKind::Text, "\\q"),
            (ValueKind::Text, "\\x9"),
            (ValueKind::Text, "\\xff"),
        ] {
            let error = parse(kind, text).unwrap_err().to_string();
            assert!(error.len() > 15, "{text}: {error}");
        }
    }
}
