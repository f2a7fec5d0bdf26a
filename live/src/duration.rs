//! Durations as they are typed.

use std::time::Duration;

use thiserror::Error;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{0}' is no duration: write 250ms, 1.5s, 2min or a number of seconds")]
pub struct DurationError(String);

/// A duration: a number of seconds, or with one of the units `us`, `ms`, `s`, `min` and `h`.
///
/// ```
/// use std::time::Duration;
/// use framescope_live::parse_duration;
///
/// assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
/// assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1500)));
/// assert!(parse_duration("soon").is_err() && parse_duration("-1s").is_err());
/// ```
///
/// # Errors
/// It is another text, negative, or longer than a year.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    const LONGEST: f64 = 366.0 * 86_400.0;
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let unit = match unit.trim() {
        "us" | "µs" => Some(1e-6),
        "ms" => Some(1e-3),
        "" | "s" => Some(1.0),
        "min" | "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let seconds = number.parse::<f64>().ok().zip(unit).map(|(number, unit)| number * unit);
    let duration = seconds.filter(|seconds| *seconds <= LONGEST);
    let duration = duration.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| DurationError(text.to_owned()))
}
