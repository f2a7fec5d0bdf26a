//! What bytes may mean: integers, floating-point numbers, times, varints, addresses and text, in both byte orders. It shows what
//! each type would make of them and never says which one it is.

mod times;
mod varints;

use std::net::{Ipv4Addr, Ipv6Addr};

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The least significant byte first.
    Little,
    /// The most significant byte first, as in most network protocols.
    Big,
}

/// What a type makes of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The value as text.
    pub text: String,
    /// Whether such a value is common: a time of these decades, for instance.
    pub is_likely: bool,
}

impl Meaning {
    fn likely(text: impl Into<String>) -> Option<Meaning> {
        Some(Meaning { text: text.into(), is_likely: true })
    }
}

/// The bytes read as one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The type.
    pub name: &'static str,
    /// How many bytes it takes; 0 if that is up to the bytes and they are not of the type.
    pub length: usize,
    /// The value; None if there are too few bytes, or they are not of the type.
    pub little: Option<Meaning>,
    /// The value in the other byte order; None also if the type has no order.
    pub big: Option<Meaning>,
    /// Whether the type has a byte order.
    pub has_order: bool,
}

impl Reading {
    /// The value in a byte order, or in the only one.
    pub fn of(&self, order: Order) -> Option<&Meaning> {
        if self.has_order && order == Order::Big { self.big.as_ref() } else { self.little.as_ref() }
    }

    fn ordered(
        name: &'static str,
        length: usize,
        bytes: &[u8],
        read: impl Fn(u64) -> Option<Meaning>,
    ) -> Self {
        let own = bytes.get(..length);
        let of = |order| own.and_then(|own| read(number(own, order)));
        Reading { name, length, little: of(Order::Little), big: of(Order::Big), has_order: true }
    }

    fn plain(name: &'static str, length: usize, text: Option<String>) -> Reading {
        let little = text.and_then(Meaning::likely);
        Reading { name, length, little, big: None, has_order: false }
    }
}

/// Readings that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they are.
    pub name: &'static str,
    /// One for each type.
    pub readings: Vec<Reading>,
}

/// The most bytes that a reading looks at, unless more are selected.
const LOOKED_AT: usize = 64;
/// The most characters of a text.
const TEXT_SHOWN: usize = 80;

/// Reads bytes as each type. `bytes` begin at the place in question, and `selected` of them are selected.
pub fn readings(bytes: &[u8], selected: usize) -> Vec<Group> {
    let text = bytes.get(..selected).filter(|_| selected > 1);
    let text = text.unwrap_or_else(|| bytes.get(..LOOKED_AT).unwrap_or(bytes));
    let group = |name, readings| Group { name, readings };
    let mut groups = vec![
        group("Integers", std::iter::once(bits(bytes)).chain(of_widths(&[8, 16, 32, 64], bytes)).collect()),
        group("Floating point", floats(bytes)),
        group("Times", times::readings(bytes)),
        group("Varints", varints::readings(bytes)),
        group("Text", texts(bytes, text)),
        group("Addresses", addresses(bytes)),
        group("Other integers", of_widths(&[24, 40, 48, 56], bytes).collect()),
    ];
    // What takes exactly the selected bytes is most likely what is looked for.
    let fits = |reading: &&Reading| {
        let is_likely = |meaning: &Option<Meaning>| meaning.as_ref().is_some_and(|meaning| meaning.is_likely);
        reading.length == selected && (is_likely(&reading.little) || is_likely(&reading.big))
    };
    let fitting: Vec<Reading> =
        groups.iter().flat_map(|group| &group.readings).filter(fits).cloned().collect();
    if selected > 1 && !fitting.is_empty() {
        groups.insert(0, group("Selected bytes", fitting));
    }
    groups
}

/// The unsigned number in at most eight bytes.
fn number(bytes: &[u8], order: Order) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    match order {
        Order::Big => bytes.iter().fold(0, add),
        Order::Little => bytes.iter().rev().fold(0, add),
    }
}

/// The same bits as a signed number.
fn signed(value: u64, bits: u32) -> i64 {
    let shift = 64 - bits;
    (value << shift).cast_signed() >> shift
}

fn of_widths(widths: &[u32], bytes: &[u8]) -> impl Iterator<Item = Reading> {
    widths.iter().flat_map(|&bits| integers(bits, bytes))
}

fn integers(bits: u32, bytes: &[u8]) -> [Reading; 2] {
    let (unsigned_name, signed_name) = match bits {
        8 => ("uint8", "int8"),
        16 => ("uint16", "int16"),
        24 => ("uint24", "int24"),
        32 => ("uint32", "int32"),
        40 => ("uint40", "int40"),
        48 => ("uint48", "int48"),
        56 => ("uint56", "int56"),
        _ => ("uint64", "int64"),
    };
    let length = bits.div_ceil(8) as usize;
    let read = |name, text: &dyn Fn(u64) -> String| {
        let reading = Reading::ordered(name, length, bytes, |value| Meaning::likely(text(value)));
        // One byte has no order.
        if bits == 8 { Reading { big: None, has_order: false, ..reading } } else { reading }
    };
    [
        read(unsigned_name, &|value| value.to_string()),
        read(signed_name, &|value| signed(value, bits).to_string()),
    ]
}

fn bits(bytes: &[u8]) -> Reading {
    let text = bytes.first().map(|byte| format!("{:04b} {:04b}", byte >> 4, byte & 0xf));
    Reading::plain("binary", 1, text)
}

fn floats(bytes: &[u8]) -> Vec<Reading> {
    let read = |name, length, value: &dyn Fn(u64) -> f64| {
        Reading::ordered(name, length, bytes, |bits| {
            let value = value(bits);
            // Others are mostly what is no floating-point number.
            let is_likely = value == 0.0 || (1e-9..1e12).contains(&value.abs());
            Some(Meaning { text: float_text(value, length), is_likely })
        })
    };
    let single = |bits: u64| f64::from(f32::from_bits(u32::try_from(bits).unwrap_or_default()));
    vec![
        read("float16", 2, &|bits| half(u16::try_from(bits).unwrap_or_default())),
        read("float32", 4, &single),
        read("float64", 8, &f64::from_bits),
    ]
}

/// The shortest text that is read as the same number of that size.
fn float_text(value: f64, length: usize) -> String {
    match length {
        // No bits are lost.
        #[allow(clippy::cast_possible_truncation)]
        2 | 4 if value.is_finite() => format!("{:?}", value as f32),
        _ => format!("{value:?}"),
    }
}

/// IEEE 754 binary16: a sign, five bits of an exponent, ten of a fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if bits & 0x3ff == 0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

fn texts(bytes: &[u8], text: &[u8]) -> Vec<Reading> {
    let first = bytes.first().map(|&byte| match byte {
        0x20..=0x7e => format!("'{}'", char::from(byte)),
        _ => format!("'{}'", byte.escape_ascii()),
    });
    let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let utf8 = shown(valid).map(|text| Meaning { text, is_likely: is_readable(valid) });
    let utf16 = |order| {
        let units = text.chunks_exact(2).map(|unit| u16::try_from(number(unit, order)).unwrap_or_default());
        let valid: String = char::decode_utf16(units).map_while(Result::ok).collect();
        // Any two bytes are some character.
        let is_likely = is_readable(&valid) && valid.chars().filter(char::is_ascii).count() * 4 >= text.len();
        Some(Meaning { text: shown(&valid)?, is_likely })
    };
    vec![
        Reading::plain("ASCII", 1, first),
        Reading { name: "UTF-8", length: valid.len(), little: utf8, big: None, has_order: false },
        Reading {
            name: "UTF-16",
            length: text.len(),
            little: utf16(Order::Little),
            big: utf16(Order::Big),
            has_order: true,
        },
    ]
}

/// Whether a text has only what people write.
fn is_readable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\0'))
}

/// A text up to a NUL, in quotes; None if that leaves nothing.
fn shown(text: &str) -> Option<String> {
    let text = text.split('\0').next().filter(|text| !text.is_empty())?;
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(TEXT_SHOWN).flat_map(char::escape_debug).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    Some(format!("\"{shown}\"{more}"))
}

fn addresses(bytes: &[u8]) -> Vec<Reading> {
    let hex = |bytes: &[u8], between| {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
    };
    let v6 = bytes.first_chunk::<16>();
    let uuid = v6.map(|all| {
        let digits = hex(all, "");
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    });
    vec![
        Reading::plain("IPv4", 4, bytes.first_chunk::<4>().map(|all| Ipv4Addr::from(*all).to_string())),
        Reading::plain("IPv6", 16, v6.map(|all| Ipv6Addr::from(*all).to_string())),
        Reading::plain("MAC", 6, bytes.first_chunk::<6>().map(|all| hex(all, ":"))),
        Reading::plain("UUID", 16, uuid),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn text(bytes: &[u8], name: &str, order: Order) -> Option<String> {
        let groups = readings(bytes, 1);
        let reading = groups.iter().flat_map(|group| &group.readings).find(|reading| reading.name == name);
        reading.unwrap().of(order).map(|meaning| meaning.text.clone())
    }

    fn both(bytes: &[u8], name: &str) -> [String; 2] {
        [Order::Little, Order::Big].map(|order| text(bytes, name, order).unwrap_or_default())
    }

    #[test]
    fn integers_are_read_in_both_orders_with_and_without_a_sign() {
        let bytes = [0xfe, 0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x85];
        assert_eq!(both(&bytes, "uint8"), ["254", "254"]);
        assert_eq!(both(&bytes, "int8"), ["-2", "-2"]);
        assert_eq!(both(&bytes, "uint16"), ["65534", "65279"]);
        assert_eq!(both(&bytes, "int16"), ["-2", "-257"]);
        assert_eq!(both(&bytes, "uint24"), ["65534", "16711424"]);
        assert_eq!(both(&bytes, "int24"), ["65534", "-65792"]);
        assert_eq!(both(&bytes, "int32"), ["16842750", "-16842751"]);
        assert_eq!(both(&bytes, "uint64")[0], u64::from_le_bytes(bytes).to_string());
        assert_eq!(
            both(&bytes, "int64"),
            [i64::from_le_bytes(bytes), i64::from_be_bytes(bytes)].map(|v| v.to_string())
        );
    }

    #[test]
    fn what_needs_more_bytes_than_there_are_has_no_value() {
        let groups = readings(&[1, 2, 3], 1);
        for reading in groups.iter().flat_map(|group| &group.readings) {
            let is_there = reading.little.is_some() || reading.big.is_some();
            assert!(
                is_there || reading.length > 3 || reading.length == 0 || reading.name == "UTF-16",
                "{reading:?}"
            );
        }
        for reading in readings(&[], 0).iter().flat_map(|group| &group.readings) {
            assert!(reading.little.is_none() && reading.big.is_none(), "{reading:?}");
        }
    }

    #[test]
    fn floating_point_numbers_are_written_as_short_as_they_are_exact() {
        assert_eq!(both(&0.1f32.to_le_bytes(), "float32")[0], "0.1");
        assert_eq!(both(&(-1234.5678f64).to_be_bytes(), "float64")[1], "-1234.5678");
        assert_eq!([half(0x3c00), half(0xc000), half(0x0001)], [1.0, -2.0, 2f64.powi(-24)]);
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
        assert_eq!(both(&[0x2e, 0x66], "float16")[1], "0.099975586");
    }

    #[test]
    fn text_ends_at_a_nul_or_where_it_is_no_longer_valid() {
        let utf8 = |bytes: &[u8]| text(bytes, "UTF-8", Order::Big);
        assert_eq!(utf8(b"caf\xc3\xa9\0rest").as_deref(), Some("\"café\""));
        assert_eq!(utf8(b"ab\xff").as_deref(), Some("\"ab\""));
        assert_eq!(utf8(b"\xff"), None);
        assert_eq!(both(b"h\0i\0\0\0", "UTF-16")[0], "\"hi\"");
        assert_eq!(text(b"\n", "ASCII", Order::Big).as_deref(), Some("'\\n'"));
        let groups = readings(b"abcdef", 3);
        let found = groups.iter().flat_map(|group| &group.readings).find(|reading| reading.name == "UTF-8");
        assert_eq!(found.unwrap().little.as_ref().unwrap().text, "\"abc\"", "what is selected");
    }

    #[test]
    fn what_takes_exactly_the_selected_bytes_comes_first() {
        let micros = 1_614_834_367_500_000_u64.to_be_bytes();
        let groups = readings(&[&micros[..], b"more"].concat(), 8);
        let names: Vec<&str> = groups[0].readings.iter().map(|reading| reading.name).collect();
        assert_eq!(groups[0].name, "Selected bytes");
        assert!(
            names.starts_with(&["uint64", "int64", "Unix µs"]) && !names.contains(&"UTF-16"),
            "{names:?}"
        );
        let groups = readings(b"lost", 4);
        let names: Vec<&str> = groups[0].readings.iter().map(|reading| reading.name).collect();
        assert!(names.contains(&"UTF-8") && !names.contains(&"uint16"), "{names:?}");
        assert_eq!(readings(&micros, 1)[0].name, "Integers");
    }

    #[test]
    fn addresses_are_written_as_usual() {
        let bytes: Vec<u8> = (0xc0..0xd0).collect();
        assert_eq!(text(&bytes, "IPv4", Order::Big).as_deref(), Some("192.193.194.195"));
        assert_eq!(text(&bytes, "MAC", Order::Big).as_deref(), Some("c0:c1:c2:c3:c4:c5"));
        assert_eq!(text(&bytes, "UUID", Order::Big).as_deref(), Some("c0c1c2c3-c4c5-c6c7-c8c9-cacbcccdcecf"));
    }
}
