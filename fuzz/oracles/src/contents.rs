//! What carriers carry most often, as protocols: JSON is valid where another reader says so, and the fields of protobuf are those that a
//! plain writer wrote.

use framescope_carriers::json::{self, INVALID_JSON, Json};
use framescope_carriers::protobuf::Protobuf;
use framescope_carriers::shown::Shown;
use framescope_parser::{Dissection, Field, Transport, Usable, Value};

use crate::decode::{Check, Places, cuts_from, framed};
use crate::linear::Choices;

/// Takes `data` as JSON texts in a stream, as one text, and as choices from which one is generated.
pub fn json(data: &[u8]) {
    framed(&Json, data, &cuts_from(data), Places::Anywhere);
    check_text(data);
    let (mut text, mut leaves) = (String::new(), 0);
    value(&mut text, 0, &mut leaves, &mut Choices::of_bytes(data));
    assert!(check_text(text.as_bytes()), "{text} is valid");
    framed(&Json, text.as_bytes(), &cuts_from(data), Places::Anywhere);
}

/// Whether a text is valid, which both readers agree on.
fn check_text(text: &[u8]) -> bool {
    let is_valid = serde_json::from_slice::<&serde_json::value::RawValue>(text).is_ok();
    let checked = json::check(&Shown::AsItIs(text, 0)).is_ok();
    assert_eq!(checked, is_valid, "{:?}", String::from_utf8_lossy(text));
    let Usable::Whole(whole) = framescope_parser::Protocol::usable(&Json, Transport::Udp) else {
        panic!("a text can be a message of its own");
    };
    Check::message(whole, text, Places::Anywhere);
    let shown = Dissection::of(whole, text);
    assert_eq!(shown.has(INVALID_JSON), !is_valid, "{:?}", String::from_utf8_lossy(text));
    is_valid
}

fn value(out: &mut String, depth: usize, leaves: &mut usize, choices: &mut Choices<'_>) {
    *leaves += 1;
    match if depth > 5 || *leaves > 40 { 9 } else { choices.below(8) } {
        0 | 1 => {
            *out += "{";
            for at in 0..choices.below(4) {
                *out += if at > 0 { ", " } else { "" };
                *out += ["\"a\":", "\"b c\": ", "\"\\u00e9\":"][choices.below(3)];
                value(out, depth + 1, leaves, choices);
            }
            *out += "}";
        }
        2 => {
            *out += "[";
            for at in 0..choices.below(4) {
                *out += if at > 0 { "," } else { "" };
                value(out, depth + 1, leaves, choices);
            }
            *out += "]";
        }
        3 => *out += ["\"\"", "\"x\\n\\\"y\"", "\"\\ud83d\\ude00\"", "\"\u{fc}\""][choices.below(4)],
        4 => *out += ["0", "-1", "1.5e3", "18446744073709551615", "1e400"][choices.below(5)],
        _ => *out += ["true", "false", "null"][choices.below(3)],
    }
}

/// A field of a message.
enum Written {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Message(Vec<(u32, Written)>),
}

/// Takes `data` as messages without a schema, and as choices from which one is written.
pub fn protobuf(data: &[u8]) {
    framed(&Protobuf::delimited(), data, &cuts_from(data), Places::Anywhere);
    Check::message(&Protobuf::default(), data, Places::Anywhere);
    let mut choices = Choices::of_bytes(data);
    let fields = fields(0, &mut choices);
    let mut message = Vec::new();
    write(&fields, &mut message);
    let protobuf = Protobuf::default();
    let shown = Dissection::of(&protobuf, &message);
    assert!(shown.problems.is_empty(), "{:?}", shown.problems);
    check_fields(&shown.fields, &fields);
    let mut delimited = Vec::new();
    for _ in 0..2 {
        varint(message.len() as u64, &mut delimited);
        delimited.extend(&message);
    }
    framed(&Protobuf::delimited(), &delimited, &[], Places::Anywhere);
}

fn fields(depth: usize, choices: &mut Choices<'_>) -> Vec<(u32, Written)> {
    (0..1 + choices.below(5))
        .map(|_| {
            let number = [1, 2, 15, 16, 5000, 0x1FFF_FFFF][choices.below(6)];
            let large = [0, 1, 127, 128, 16_384, u64::MAX][choices.below(6)];
            let written = match choices.below(if depth < 3 { 4 } else { 3 }) {
                0 => Written::Varint(large),
                1 => Written::Fixed32(large as u32),
                2 => Written::Fixed64(large),
                _ => Written::Message(fields(depth + 1, choices)),
            };
            (number, written)
        })
        .collect()
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write(fields: &[(u32, Written)], out: &mut Vec<u8>) {
    for (number, written) in fields {
        let tag = |wire: u64| u64::from(*number) << 3 | wire;
        match written {
            Written::Varint(value) => {
                varint(tag(0), out);
                varint(*value, out);
            }
            Written::Fixed64(value) => {
                varint(tag(1), out);
                out.extend(value.to_le_bytes());
            }
            Written::Message(fields) => {
                let mut message = Vec::new();
                write(fields, &mut message);
                varint(tag(2), out);
                varint(message.len() as u64, out);
                out.extend(message);
            }
            Written::Fixed32(value) => {
                varint(tag(5), out);
                out.extend(value.to_le_bytes());
            }
        }
    }
}

fn check_fields(shown: &[Field<'_>], written: &[(u32, Written)]) {
    let names: Vec<String> = shown.iter().map(|field| field.name.to_owned()).collect();
    let name = |number: u32| match number {
        ..4096 => format!("field_{number}"),
        _ => "field_beyond_4095".to_owned(),
    };
    let expected: Vec<String> = written.iter().map(|(number, _)| name(*number)).collect();
    assert_eq!(names, expected);
    for (field, (_, written)) in shown.iter().zip(written) {
        match (written, &field.value) {
            (Written::Varint(value), shown) => assert!(is(shown, *value), "{field:?} is {value}"),
            // What looks like text is shown as that.
            (Written::Message(fields), Value::Group) => check_fields(&field.fields, fields),
            (Written::Fixed32(_) | Written::Fixed64(_) | Written::Message(_), _) => {}
        }
    }
}

fn is(shown: &Value<'_>, value: u64) -> bool {
    match shown {
        Value::Unsigned(number) => *number == value,
        Value::Signed(number) => number.cast_unsigned() == value,
        _ => false,
    }
}

#[test]
fn two_readers_of_json_agree() {
    crate::try_on_random_bytes(json, 500);
}

#[test]
fn the_fields_of_protobuf_are_those_that_were_written() {
    crate::try_on_random_bytes(protobuf, 500);
}
