//! How bytes and times are written, and how much of a row is shown: what the filter and the export agree on.

use framescope_parser::SpanType;

use crate::Row;

/// Bytes of a skipped row that are read to describe it.
pub(crate) const SKIPPED_BYTES: usize = 4096;

/// How many bytes of a row are needed to show it: all of a message, the first 4,096 of a skipped row.
pub fn display_limit(row: &Row) -> usize {
    match row.span_type {
        SpanType::Skipped(_) => SKIPPED_BYTES,
        _ => usize::MAX,
    }
}

/// A time as RFC 3339 writes it in UTC, with nanoseconds.
pub fn rfc3339(time_ns: i64) -> String {
    // Every 64-bit number of nanoseconds is a time between the years 1677 and 2262.
    jiff::Timestamp::from_nanosecond(time_ns.into())
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string())
        .unwrap_or_default()
}

/// Two hexadecimal digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    push_hex(&mut out, bytes);
    String::from_utf8(out).unwrap_or_default()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two hexadecimal digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::indexing_slicing, reason = "both are in range, or this does not compile")]
        {
            pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        }
        byte += 1;
    }
    pairs
};

/// Appends two hexadecimal digits for each byte.
pub(crate) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() * 2);
    out.extend(bytes.iter().flat_map(|&byte| PAIRS.get(usize::from(byte)).copied().unwrap_or_default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_two_lower_case_digits() {
        let all: Vec<u8> = (0..=255).collect();
        let expected: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&all), expected);
    }

    #[test]
    fn times_have_nanoseconds_and_are_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(i64::MAX), "2262-04-11T23:47:16.854775807Z");
    }
}
