//! Times as tools write them before a packet or call.

/// A time before a packet or call: nanoseconds, and whether they count from the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    pub(crate) ns: i64,
    pub(crate) is_absolute: bool,
}

/// Reads `2026-01-02`.
pub(crate) fn date(text: &str) -> Option<jiff::civil::Date> {
    let is_shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_shaped.then(|| text.parse().ok()).flatten()
}

/// Reads `03:04:05` and `03:04:05.678901`: nanoseconds since midnight.
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let mut part = |most: i64| {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        whole_number(part).filter(|&part| part <= most)
    };
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    if parts.next().is_some() {
        return None;
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction_ns(fraction)?)
}

/// Reads `1436509052.249713`: nanoseconds.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let whole = whole_number(whole).filter(|&whole| whole < 1 << 33)?;
    Some(whole * 1_000_000_000 + fraction_ns(fraction)?)
}

fn whole_number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn fraction_ns(text: &str) -> Option<i64> {
    match text.len() {
        0 => Some(0),
        1..=9 => whole_number(&format!("{text:0<9}")),
        _ => None,
    }
}

/// The nanoseconds of that time on that day.
pub(crate) fn on_day(date: jiff::civil::Date, time_of_day: i64) -> Option<i64> {
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond();
    i64::try_from(midnight).ok()?.checked_add(time_of_day)
}

/// Times of day that pass midnight.
#[derive(Debug, Default)]
pub(crate) struct Days {
    last: Option<i64>,
    days: i64,
}

impl Days {
    const DAY: i64 = 86_400_000_000_000;

    /// A time in nanoseconds since the epoch. A time of day is one of 1970-01-01, or of the next day whenever it goes back by
    /// more than half a day.
    pub(crate) fn at(&mut self, time: Timestamp) -> i64 {
        if time.is_absolute {
            return time.ns;
        }
        if self.last.is_some_and(|last| last - time.ns > Self::DAY / 2) {
            self.days += 1;
        }
        self.last = Some(time.ns);
        time.ns.saturating_add(self.days.saturating_mul(Self::DAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(time_of_day("01:02:03.5"), Some(3_723_500_000_000));
        assert_eq!(time_of_day("23:59:59"), Some(86_399_000_000_000));
        assert_eq!(seconds("1436509052.249713"), Some(1_436_509_052_249_713_000));
        assert_eq!(on_day(date("1970-01-02").unwrap(), 1), Some(86_400_000_000_001));
        for bad in ["24:00:00", "1:2", "1:2:3:4", "a:b:c", "+1:02:03", "01:02:03.x", ""] {
            assert_eq!(time_of_day(bad), None, "{bad}");
        }
        assert_eq!((date("2026-13-01"), seconds("12"), seconds("1.2.3")), (None, None, None));
    }

    #[test]
    fn a_time_of_day_passes_midnight() {
        let mut days = Days::default();
        let of_day = |ns| Timestamp { ns, is_absolute: false };
        let evening = 23 * 3_600_000_000_000;
        assert_eq!(days.at(of_day(evening)), evening);
        assert_eq!(days.at(of_day(5)), Days::DAY + 5);
        assert_eq!(days.at(Timestamp { ns: 7, is_absolute: true }), 7);
    }
}
