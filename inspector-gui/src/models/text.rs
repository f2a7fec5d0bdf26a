//! Numbers, sizes, durations and times as a person reads them.

use framescope_capture::export::rfc3339;

/// A number with its thousands separated.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in a suitable unit.
pub(crate) fn size(bytes: u64) -> String {
    let in_unit = |unit: u32| {
        let tenths = (bytes >> (unit - 10)) * 10 / 1024;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", in_unit(10)),
        1_048_576..1_073_741_824 => format!("{} MiB", in_unit(20)),
        _ => format!("{} GiB", in_unit(30)),
    }
}

/// A duration with three significant digits.
pub(crate) fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let (unit, name) = match ns {
        0..1_000 => return format!("{sign}{ns} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        1_000_000_000..120_000_000_000 => (1_000_000_000, "s"),
        120_000_000_000..7_200_000_000_000 => (60_000_000_000, "min"),
        _ => (3_600_000_000_000, "h"),
    };
    let (whole, rest) = (ns / unit, ns % unit);
    match whole {
        0..10 => format!("{sign}{whole}.{:02} {name}", rest * 100 / unit),
        10..100 => format!("{sign}{whole}.{} {name}", rest * 10 / unit),
        _ => format!("{sign}{whole} {name}"),
    }
}

/// Seconds with six decimal places.
pub(crate) fn seconds(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    format!("{sign}{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000)
}

/// The time of day, in UTC.
pub(crate) fn clock(time_ns: i64) -> String {
    let time = rfc3339(time_ns);
    time.get(11..26).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sizes_and_durations_have_units_and_separators() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1024, 1_600_000, 5 << 30].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 GiB"]
        );
        assert_eq!(
            [0, -999, 1_234, 56_789_000, 5_000_000_000, 3_600_000_000_000, i64::MAX].map(duration),
            ["0 ns", "-999 ns", "1.23 µs", "56.7 ms", "5.00 s", "60.0 min", "2562047 h"]
        );
    }

    #[test]
    fn seconds_have_a_sign() {
        assert_eq!([0, 1_500_000_000, -1_000].map(seconds), ["0.000000", "1.500000", "-0.000001"]);
    }
}
