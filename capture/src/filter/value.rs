//! The values in an expression, which columns and fields are compared with.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};

/// A value as it is written in an expression: its meaning depends on what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    /// Without quotes.
    Word(String),
    /// In quotes.
    Text(String),
    /// As `x"f54d"`.
    Bytes(Vec<u8>),
}

/// A value to compare fields with, and its number, which each comparison needs.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) literal: Literal,
    pub(super) number: Option<Number>,
}

impl From<Literal> for Operand {
    fn from(literal: Literal) -> Self {
        Operand { number: literal.number(), literal }
    }
}

impl Literal {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Literal::Word(text) | Literal::Text(text) => Some(text),
            Literal::Bytes(_) => None,
        }
    }

    /// The bytes that `contains` searches for.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Literal::Word(text) | Literal::Text(text) => text.as_bytes(),
            Literal::Bytes(bytes) => bytes,
        }
    }

    /// Its number, if it is one and not in quotes.
    pub(super) fn number(&self) -> Option<Number> {
        let Literal::Word(word) = self else { return None };
        let (sign, digits) = match word.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, word.as_str()),
        };
        let radix = |prefix: &str, radix| {
            let digits = digits.strip_prefix(prefix)?;
            i128::from_str_radix(&digits.replace('_', ""), radix).ok()
        };
        let plain = || digits.starts_with(|c: char| c.is_ascii_digit()).then(|| digits.replace('_', ""));
        if let Some(n) = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(|| plain()?.parse().ok()) {
            return Some(Number::Whole(sign * n));
        }
        let float: f64 = plain()?.parse().ok()?;
        Some(Number::Float(if sign < 0 { -float } else { float }))
    }

    /// A duration in nanoseconds: a number with a unit, or several of them, such as `1.5ms` or `1min30s`.
    pub(super) fn duration(&self) -> Option<i128> {
        let Literal::Word(word) = self else { return None };
        let (negative, mut rest) = match word.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, word.as_str()),
        };
        let mut total = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')?;
            let (number, behind) = rest.split_at(digits);
            let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(end);
            total += parts_of(number, unit_ns(unit)?)?;
            if total > MAX_DURATION {
                return None;
            }
            rest = behind;
        }
        (!word.is_empty()).then_some(if negative { -total } else { total })
    }

    /// A time as RFC 3339 writes it, in nanoseconds since the Unix epoch. Without an offset it is UTC.
    pub(super) fn time(&self) -> Option<i128> {
        let text = self.text()?;
        let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let midnight = || at(&format!("{text}T00:00:00Z"));
        let time = at(text).or_else(|| at(&format!("{text}Z"))).or_else(midnight)?;
        Some(time.as_nanosecond())
    }

    pub(super) fn address(&self) -> Option<Address> {
        let text = self.text()?;
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Address { address, prefix: None, port: None });
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Some(Address { address: socket.ip(), prefix: None, port: Some(socket.port()) });
        }
        let (address, prefix) = text.split_once('/')?;
        let (address, prefix): (IpAddr, u32) = (address.parse().ok()?, prefix.parse().ok()?);
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= longest).then_some(Address { address, prefix: Some(prefix), port: None })
    }
}

/// The nanoseconds of a unit of time.
fn unit_ns(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" | "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

/// Longer durations, or more of any unit, are refused: in nanoseconds these are 37,000 years.
const MAX_DURATION: i128 = 1 << 70;

/// `number` times `unit`, exactly: `number` may have a decimal point.
fn parts_of(number: &str, unit: i128) -> Option<i128> {
    let number = number.replace('_', "");
    if !number.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    if whole > MAX_DURATION || fraction.len() > 18 {
        return None;
    }
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(whole * unit + fraction * unit / scale)
}

/// A number in an expression, or a field's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    Float(f64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other).is_some_and(std::cmp::Ordering::is_eq)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        // Whole numbers beyond 2^53 equal the nearest floating-point number.
        #[expect(clippy::cast_precision_loss)]
        let float = |number: &Number| match *number {
            Number::Whole(n) => n as f64,
            Number::Float(x) => x,
        };
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => a.partial_cmp(b),
            _ => float(self).partial_cmp(&float(other)),
        }
    }
}

/// An address, or those with its prefix, with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    address: IpAddr,
    prefix: Option<u32>,
    port: Option<u16>,
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.prefix, self.port) {
            (Some(prefix), _) => write!(f, "{}/{prefix}", self.address),
            (None, Some(port)) => SocketAddr::new(self.address, port).fmt(f),
            (None, None) => self.address.fmt(f),
        }
    }
}

impl Address {
    pub(super) fn is(&self, endpoint: SocketAddr) -> bool {
        if self.port.is_some_and(|port| port != endpoint.port()) {
            return false;
        }
        let Some(prefix) = self.prefix else { return self.address == endpoint.ip() };
        match (self.address, endpoint.ip()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= prefix
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= prefix,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn word(text: &str) -> Literal {
        Literal::Word(text.to_owned())
    }

    #[test]
    fn durations_have_units_and_may_have_several() {
        for (text, ns) in [
            ("1ns", 1),
            ("1.5us", 1_500),
            ("2µs", 2_000),
            ("0.001ms", 1_000),
            ("1min30s", 90_000_000_000),
            ("-1s", -1_000_000_000),
            ("1d", 86_400_000_000_000),
        ] {
            assert_eq!(word(text).duration(), Some(ns), "{text}");
        }
        for text in ["", "1", "s", "1x", "1s2", ".", "--1s", "1.2.3s"] {
            assert_eq!(word(text).duration(), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_decimal_hexadecimal_binary_or_have_a_point() {
        for (text, n) in [("0", 0), ("62_797", 62_797), ("0xf54d", 62_797), ("0b101", 5), ("-7", -7)] {
            assert_eq!(word(text).number(), Some(Number::Whole(n)), "{text}");
        }
        assert_eq!(word("2.5e1").number(), Some(Number::Float(25.0)));
        assert_eq!(word("5").number(), Some(Number::Float(5.0)));
        for text in ["", "x", "0x", "inf", "nan", "-", "1.2.3.4"] {
            assert_eq!(word(text).number(), None, "{text}");
        }
    }

    #[test]
    fn times_are_rfc_3339_and_in_utc_without_an_offset() {
        let expected = Some(1_767_323_045_500_000_000);
        for text in ["2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.5", "2026-01-02T04:04:05.5+01:00"] {
            assert_eq!(word(text).time(), expected, "{text}");
        }
        assert_eq!(word("2026-01-02").time(), Some(1_767_312_000_000_000_000));
        assert_eq!(word("yesterday").time(), None);
    }

    #[test]
    fn an_address_may_have_a_port_or_a_prefix() {
        let endpoint = |text: &str| text.parse::<SocketAddr>().unwrap();
        let is = |text: &str, other: &str| word(text).address().unwrap().is(endpoint(other));
        assert!(is("10.1.2.3", "10.1.2.3:1") && !is("10.1.2.3", "10.1.2.4:1"));
        assert!(is("10.1.2.3:9", "10.1.2.3:9") && !is("10.1.2.3:9", "10.1.2.3:8"));
        assert!(is("10.0.0.0/8", "10.9.9.9:1") && !is("10.0.0.0/8", "11.0.0.0:1"));
        assert!(is("::1", "[::1]:5") && is("[::1]:5", "[::1]:5") && is("[::1]", "[::1]:5"));
        assert!(is("2001:db8::/32", "[2001:db8:1::2]:5") && !is("0.0.0.0/0", "[::1]:5"));
        for text in ["", "10.1.2", "10.0.0.0/33", "localhost", "::/129"] {
            assert_eq!(word(text).address(), None, "{text}");
        }
    }
}
