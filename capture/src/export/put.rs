//! Appends numbers, texts, bytes and times as JSON, CSV and terminals have them. Rows are written by the million, so nothing is
//! allocated for one.

use std::fmt::{self, Write};
use std::io;

use framescope_parser::{Code, Kind, Value};

pub(super) use crate::display::push_hex as hex;
use crate::display::rfc3339;

/// A number in decimal digits.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Whether a text needs no escapes in JSON. Checked in pieces that a processor compares in one step.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let (pieces, rest) = text.as_chunks::<16>();
    !pieces.iter().any(|piece| piece.iter().fold(false, |found, byte| found | is_special(byte)))
        && !rest.iter().any(is_special)
}

/// A part of a text in JSON, escaped.
#[inline]
pub(super) fn escaped(out: &mut Vec<u8>, text: &str) {
    match is_plain(text.as_bytes()) {
        true => out.extend_from_slice(text.as_bytes()),
        false => escape(out, text.as_bytes()),
    }
}

#[cold]
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                hex(out, &[byte]);
            }
            _ => out.push(byte),
        }
    }
}

/// A text in JSON.
#[inline]
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// A text in JSON, or null.
pub(super) fn string_or_null(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

/// A number, or null.
pub(super) fn number_or_null(out: &mut Vec<u8>, value: Option<impl itoa::Integer>) {
    match value {
        Some(value) => number(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// Escapes what is formatted as a part of a JSON text.
pub(super) struct JsonEscaper<'o>(pub(super) &'o mut Vec<u8>);

impl Write for JsonEscaper<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escaped(self.0, text);
        Ok(())
    }
}

/// Appends what is formatted as it is.
struct Appender<'o>(&'o mut Vec<u8>);

impl Write for Appender<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Appends what is formatted.
pub(super) fn formatted(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    match text.as_str() {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        // Writing to memory does not fail.
        None => drop(Appender(out).write_fmt(text)),
    }
}

fn kind_number(out: &mut Vec<u8>, kind: &Kind<'_>) {
    match kind.is_negative {
        true => number(out, kind.value.cast_signed()),
        false => number(out, kind.value),
    }
}

/// A value as JSON, the same as its `Serialize` writes.
pub fn json_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Unsigned(n) | Value::Hex(n) => number(out, *n),
        Value::Signed(n) => number(out, *n),
        Value::Wide(n) => number(out, n.number()),
        Value::Float(_) => {
            // The crate chooses the digits. Writing to memory does not fail.
            let _ = serde_json::to_writer(&mut *out, value);
        }
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Text(text) => string(out, text),
        Value::Bytes(bytes) => json_bytes(out, bytes),
        Value::Enum(kind) => {
            out.extend_from_slice(b"{\"enum\":");
            string_or_null(out, kind.name);
            out.extend_from_slice(b",\"value\":");
            kind_number(out, kind);
            out.push(b'}');
        }
        Value::Group | Value::Missing => out.extend_from_slice(b"null"),
    }
}

/// Bytes as JSON: `{"bytes":"00ff"}`.
pub(super) fn json_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"{\"bytes\":\"");
    hex(out, bytes);
    out.extend_from_slice(b"\"}");
}

/// A JSON array.
pub(super) fn json_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    between(out, b',', items, write);
    out.push(b']');
}

/// Several values in one cell.
pub(super) fn blanks_between<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    write: impl FnMut(&mut Vec<u8>, T),
) {
    between(out, b' ', items, write);
}

fn between<T>(
    out: &mut Vec<u8>,
    mark: u8,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(mark);
        }
        write(out, item);
    }
}

/// A value as the content of a CSV cell: a text as it is, a named number by its name.
pub(super) fn csv_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => hex(out, bytes),
        Value::Enum(kind) => formatted(out, format_args!("{kind}")),
        Value::Float(x) if !x.is_finite() => formatted(out, format_args!("{x}")),
        Value::Group | Value::Missing => {}
        value => json_value(out, value),
    }
}

/// A value for a person, the same as its `Display` writes.
pub(super) fn text_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Unsigned(n) => number(out, *n),
        Value::Text(text)
            if is_plain(text.as_bytes()) && text.bytes().all(|byte| byte.is_ascii() && byte != 0x7F) =>
        {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        Value::Bytes(bytes) => hex(out, bytes),
        Value::Enum(kind @ Kind { name: Some(name), .. }) => {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b" (");
            kind_number(out, kind);
            out.push(b')');
        }
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        value => formatted(out, format_args!("{value}")),
    }
}

/// A cell of CSV, quoted where that is necessary.
pub(super) fn cell(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().fold(false, |found, byte| found | matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Adds a problem's code, each once, in the order in which they are reported.
pub(super) fn push_code(codes: &mut Vec<Code>, code: Code) {
    if !codes.contains(&code) {
        codes.push(code);
    }
}

/// Writes times as [`rfc3339`] does. The date is computed once as long as the day stays the same.
#[derive(Debug, Default)]
pub(super) struct TimeWriter {
    day: Option<(i64, String)>,
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

impl TimeWriter {
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time_ns: i64) {
        let (second, nanoseconds) = (time_ns.div_euclid(SECOND), time_ns.rem_euclid(SECOND));
        let (day, second) = (second.div_euclid(DAY), second.rem_euclid(DAY));
        let known = match &self.day {
            Some((known, date)) if *known == day => date,
            _ => {
                let mut date = rfc3339(time_ns);
                // The time of day follows the date.
                date.truncate(date.find('T').map_or(0, |at| at + 1));
                &self.day.insert((day, date)).1
            }
        };
        out.extend_from_slice(known.as_bytes());
        let mut text = *b"00:00:00.000000000Z";
        let mut place = |from: usize, to: usize, mut number: i64| {
            for digit in text.get_mut(from..to).unwrap_or_default().iter_mut().rev() {
                *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        place(0, 2, second / 3600);
        place(3, 5, second / 60 % 60);
        place(6, 8, second % 60);
        place(9, 18, nanoseconds);
        out.extend_from_slice(&text);
    }
}

/// Writes a value as a line of JSON.
pub(super) fn json_line(out: &mut dyn io::Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn values() -> impl Strategy<Value = Value<'static>> {
        let kind = |name: Option<&'static str>| any::<u64>().prop_map(move |value| Kind::new(value, name));
        prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            any::<u64>().prop_map(Value::Hex),
            any::<i64>().prop_map(Value::Signed),
            any::<f64>().prop_map(Value::Float),
            any::<bool>().prop_map(Value::Bool),
            any::<String>().prop_map(|text| Value::Text(text.into())),
            "[ -~]{0,40}".prop_map(|text| Value::Text(text.into())),
            "[\\x00-\\x7f]{0,40}".prop_map(|text| Value::Text(text.into())),
            any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
            kind(None).prop_map(Value::Enum),
            any::<i64>().prop_map(|value| Value::Enum(Kind::signed(value, None))),
            any::<i64>().prop_map(|value| Value::Enum(Kind::signed(value, Some("name")))),
            any::<i128>().prop_map(|value| Value::Wide(value.into())),
            kind(Some("a \"name\"")).prop_map(Value::Enum),
            Just(Value::Group),
            Just(Value::Missing),
        ]
    }

    proptest! {
        #[test]
        fn a_value_is_written_as_serde_and_display_write_it(value in values()) {
            prop_assert_eq!(put(|out| json_value(out, &value)), serde_json::to_string(&value).unwrap());
            prop_assert_eq!(put(|out| text_value(out, &value)), value.to_string());
        }

        #[test]
        fn a_text_in_parts_is_escaped_as_serde_escapes_it(parts in proptest::collection::vec("[\\x00-\\xff\"\\\\]{0,20}", 0..4)) {
            let written = put(|out| {
                parts.iter().for_each(|part| JsonEscaper(out).write_str(part).unwrap());
            });
            prop_assert_eq!(format!("\"{written}\""), serde_json::to_string(&parts.concat()).unwrap());
        }

        #[test]
        fn a_cell_is_quoted_as_the_csv_crate_quotes_it(cells in proptest::collection::vec("[a-c,;\"\\r\\n\t ']{0,6}", 2..5)) {
            let mut expected = csv::Writer::from_writer(Vec::new());
            expected.write_record(&cells).unwrap();
            let expected = String::from_utf8(expected.into_inner().unwrap()).unwrap();
            let written = put(|out| {
                for (at, one) in cells.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    cell(out, one.as_bytes());
                }
                out.push(b'\n');
            });
            prop_assert_eq!(written, expected);
        }

        #[test]
        fn every_time_is_written_as_the_calendar_computes_it(times in proptest::collection::vec(any::<i64>(), 1..20), step in 0..2 * DAY * SECOND) {
            let mut writer = TimeWriter::default();
            for time in times {
                // Also the same day, the next, and the one before.
                for time in [time, time.saturating_add(step), time, time.saturating_sub(step)] {
                    prop_assert_eq!(put(|out| writer.write(out, time)), rfc3339(time));
                }
            }
        }
    }

    #[test]
    fn times_at_the_edges_of_days_and_of_what_is_possible_are_right() {
        let mut writer = TimeWriter::default();
        let days = [-DAY, -1, 0, 1, DAY - 1, DAY, 951_782_400, 951_868_800].map(|second| second * SECOND);
        let near = days.into_iter().flat_map(|time| [time - 1, time, time + 1]);
        for time in near.chain([i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX]) {
            assert_eq!(put(|out| writer.write(out, time)), rfc3339(time), "{time}");
        }
    }
}
