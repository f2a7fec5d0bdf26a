//! Amounts as they are written on the command line: when a capture stops, and how large the files of a ring are.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use framescope_live::capturing::{Ring, RingSize, Until};

use crate::arguments::parse_size;

/// What stops a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StopAfter {
    Bytes(u64),
    Time(Duration),
    Packets(u64),
    /// A row that matches this filter.
    Filter(String),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum AmountError {
    #[error("'{0}' lacks a unit: {0}packets, {0}s or {0}MB")]
    NoUnit(String),
    #[error("'{0}' is not COUNT:SIZE, such as 10:100MB or 24:1h")]
    NotARing(String),
    #[error("'{0}' is not an amount: write it as 100MB, 60s or 1000packets")]
    NotAnAmount(String),
}

impl FromStr for StopAfter {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<StopAfter, AmountError> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number(text) {
            return Err(AmountError::NoUnit(text.to_owned()));
        }
        let amount = |text: &str| text.parse().map_err(|_| AmountError::NotAnAmount(text.to_owned()));
        for unit in ["packets", "packet"] {
            if let Some(number) =
                text.strip_suffix(unit).map(str::trim_end).filter(|number| is_number(number))
            {
                return amount(number).map(StopAfter::Packets);
            }
        }
        if let Some(time) = time(text) {
            return Ok(StopAfter::Time(time));
        }
        Ok(size(text).map_or_else(|| StopAfter::Filter(text.to_owned()), StopAfter::Bytes))
    }
}

/// `60s`, `1.5h`. None if it is no time.
fn time(text: &str) -> Option<Duration> {
    let units = [("ms", 0.001), ("min", 60.0), ("s", 1.0), ("h", 3600.0)];
    let (number, seconds) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    let number = number.trim_end();
    let is_number = number.starts_with(|first: char| first.is_ascii_digit());
    let time = number.parse::<f64>().ok().filter(|_| is_number)? * seconds;
    Duration::try_from_secs_f64(time).ok()
}

/// `100MB`. None if it is no size.
fn size(text: &str) -> Option<u64> {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    // The unit must be one of bytes: m alone is a minute elsewhere.
    parse_size(text).ok().filter(|_| is_number && text.ends_with(['B', 'b']))
}

/// `10:100MB`.
pub(super) fn parse_ring(text: &str) -> Result<Ring, AmountError> {
    let not_a_ring = || AmountError::NotARing(text.to_owned());
    let (count, each) = text.split_once(':').ok_or_else(not_a_ring)?;
    let count: NonZeroU32 = count.trim().parse().map_err(|_| not_a_ring())?;
    let each = each.trim();
    let size = time(each).map(RingSize::Time).or_else(|| size(each).map(RingSize::Bytes));
    let size = size.filter(|size| !matches!(size, RingSize::Bytes(0) | RingSize::Time(Duration::ZERO)));
    Ok(Ring { count, size: size.ok_or_else(not_a_ring)? })
}

/// All amounts together.
pub(super) fn until(stops: &[StopAfter]) -> Until {
    fn least<T: Ord>(known: &mut Option<T>, new: T) {
        if known.as_ref().is_none_or(|known| new < *known) {
            *known = Some(new);
        }
    }
    let mut until = Until::default();
    for stop in stops {
        match stop {
            StopAfter::Bytes(bytes) => least(&mut until.bytes, *bytes),
            StopAfter::Time(time) => least(&mut until.time, *time),
            StopAfter::Packets(packets) => least(&mut until.packets, *packets),
            StopAfter::Filter(_) => {}
        }
    }
    until
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(text: &str) -> StopAfter {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_have_units_and_all_else_is_a_filter() {
        assert_eq!(stop("100MB"), StopAfter::Bytes(100_000_000));
        assert_eq!(stop("1 KiB"), StopAfter::Bytes(1024));
        assert_eq!(stop("1000packets"), StopAfter::Packets(1000));
        assert_eq!(stop("1 packet"), StopAfter::Packets(1));
        assert_eq!(stop("60s"), StopAfter::Time(Duration::from_secs(60)));
        assert_eq!(stop("1.5h"), StopAfter::Time(Duration::from_secs(5400)));
        assert_eq!(stop("500ms"), StopAfter::Time(Duration::from_millis(500)));
        assert_eq!(stop("5min"), StopAfter::Time(Duration::from_secs(300)));
        for filter in ["kind == ERROR", "errors", "5m", "nans", "infh", "payload contains \"MB\""] {
            assert_eq!(stop(filter), StopAfter::Filter(filter.to_owned()));
        }
        let error = "100".parse::<StopAfter>().unwrap_err();
        assert_eq!(error.to_string(), "'100' lacks a unit: 100packets, 100s or 100MB");
        assert!("99999999999999999999packets".parse::<StopAfter>().is_err());
    }

    #[test]
    fn a_ring_has_a_count_and_a_size_or_a_time() {
        let count = NonZeroU32::new(10).unwrap();
        assert_eq!(parse_ring("10:1MB").unwrap(), Ring { count, size: RingSize::Bytes(1_000_000) });
        assert_eq!(
            parse_ring("10:60s").unwrap(),
            Ring { count, size: RingSize::Time(Duration::from_secs(60)) }
        );
        for wrong in ["10", "0:1MB", "10:", "10:1", "a:1MB", "10:0s", "10:0B", "-1:1MB"] {
            assert!(parse_ring(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_reached_first_counts() {
        let stops = ["2s", "5packets", "1s", "9packets", "kind == ERROR"].map(stop);
        let wanted = Until { packets: Some(5), bytes: None, time: Some(Duration::from_secs(1)) };
        assert_eq!(until(&stops), wanted);
    }
}
