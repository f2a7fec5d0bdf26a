//! Bytes as times.

use framescope_capture::export::rfc3339;

use super::{Meaning, Reading};

const NS: i128 = 1_000_000_000;
/// From 1900 to 1970, in seconds.
const NTP_TO_UNIX: i128 = 2_208_988_800;
/// From 1601 to 1970, in units of 100 ns.
const FILETIME_TO_UNIX: i128 = 116_444_736_000_000_000;
/// From 1990 to 2060, in seconds since 1970: times that messages are likely to have.
const LIKELY: std::ops::Range<i128> = 631_152_000..2_840_140_800;

pub(super) fn readings(bytes: &[u8]) -> Vec<Reading> {
    let unix = |name, length, unit: i128| {
        Reading::ordered(name, length, bytes, |value| time(i128::from(value.cast_signed()) * unit))
    };
    let ordered =
        |name, length, read: &dyn Fn(u64) -> Option<Meaning>| Reading::ordered(name, length, bytes, read);
    vec![
        unix("Unix s, 32 bits", 4, NS),
        unix("Unix s, 64 bits", 8, NS),
        unix("Unix ms", 8, 1_000_000),
        unix("Unix µs", 8, 1_000),
        unix("Unix ns", 8, 1),
        ordered("Unix s, float64", 8, &|bits| of_float(f64::from_bits(bits))),
        ordered("NTP", 8, &ntp),
        ordered("FILETIME", 8, &|value| time((i128::from(value) - FILETIME_TO_UNIX) * 100)),
        ordered("DOS", 4, &dos),
    ]
}

/// A time in nanoseconds since 1970, if it is between 1678 and 2261.
fn time(ns: i128) -> Option<Meaning> {
    let written = rfc3339(i64::try_from(ns).ok()?);
    let text = match written.strip_suffix('Z').and_then(|text| text.split_once('.')) {
        Some((seconds, fraction)) => match fraction.trim_end_matches('0') {
            "" => format!("{seconds}Z"),
            fraction => format!("{seconds}.{fraction}Z"),
        },
        None => written,
    };
    Some(Meaning { text: text.replacen('T', " ", 1), is_likely: LIKELY.contains(&(ns / NS)) })
}

fn of_float(seconds: f64) -> Option<Meaning> {
    // Of others the nanoseconds do not fit.
    if !(-9e9..9e9).contains(&seconds) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation)]
    let us = (seconds * 1e6).round() as i64;
    time(i128::from(us) * 1000)
}

/// Seconds since 1900, and a fraction of 32 bits.
fn ntp(value: u64) -> Option<Meaning> {
    let (seconds, fraction) = (i128::from(value >> 32), i128::from(value & 0xffff_ffff));
    time((seconds - NTP_TO_UNIX) * NS + ((fraction * NS) >> 32))
}

/// A date in the upper sixteen bits, and a time in the lower.
fn dos(value: u64) -> Option<Meaning> {
    let part = |shift: u32, bits: u32| value >> shift & ((1 << bits) - 1);
    let (year, month, day) = (1980 + part(25, 7), part(21, 4), part(16, 5));
    let (hour, minute, second) = (part(11, 5), part(5, 6), part(0, 5) * 2);
    let is_valid = (1..=12).contains(&month) && day > 0 && hour < 24 && minute < 60 && second < 60;
    let text = format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    is_valid.then_some(Meaning { text, is_likely: (1990..2060).contains(&year) })
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::tests::text;

    #[test]
    fn a_time_is_read_from_each_way_to_count() {
        // 2021-03-04 05:06:07.5, in seconds since 1970.
        let seconds = 1_614_834_367_u64;
        let read = |name: &str, value: u64| text(&value.to_be_bytes(), name, Order::Big);
        let (whole, half) = (Some("2021-03-04 05:06:07Z"), Some("2021-03-04 05:06:07.5Z"));
        assert_eq!(
            text(&1_614_834_367_u32.to_le_bytes(), "Unix s, 32 bits", Order::Little).as_deref(),
            whole
        );
        assert_eq!(read("Unix s, 64 bits", seconds).as_deref(), whole);
        assert_eq!(read("Unix ms", seconds * 1000 + 500).as_deref(), half);
        assert_eq!(read("Unix µs", seconds * 1_000_000 + 500_000).as_deref(), half);
        assert_eq!(read("Unix ns", seconds * 1_000_000_000 + 500_000_000).as_deref(), half);
        assert_eq!(read("Unix s, float64", 1_614_834_367.5_f64.to_bits()).as_deref(), half);
        assert_eq!(read("NTP", (seconds + 2_208_988_800) << 32 | 1 << 31).as_deref(), half);
        assert_eq!(read("FILETIME", 116_444_736_000_000_000 + seconds * 10_000_000).as_deref(), whole);
        let dos = (2021 - 1980) << 25 | 3 << 21 | 4 << 16 | 5 << 11 | 6 << 5 | 3_u32;
        assert_eq!(text(&dos.to_le_bytes(), "DOS", Order::Little).as_deref(), Some("2021-03-04 05:06:06"));
    }

    #[test]
    fn what_no_clock_says_is_no_time() {
        for bytes in [[0xff; 8], [0x7f; 8], [0x80; 8]] {
            for name in ["Unix s, 64 bits", "Unix ms", "Unix s, float64"] {
                for order in [Order::Little, Order::Big] {
                    let found = text(&bytes, name, order);
                    assert!(found.is_none_or(|text| text.starts_with("19")), "{name} of {bytes:x?}");
                }
            }
        }
        assert_eq!(text(&[0; 4], "DOS", Order::Big), None, "there is no month 0");
    }
}
