//! Faults as a user writes them: `cut=3`, `delay=50ms`, `drop=1%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What is done on purpose to what one side sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Into pieces of so many bytes, at random between the two, with a pause between pieces.
    Cut {
        /// The shortest piece, in bytes.
        least: u64,
        /// The longest.
        most: u64,
        /// How long to wait after each, so that the receiver has time to read it alone.
        pause: Duration,
    },
    /// Together in blocks of so many bytes.
    JoinBytes(u64),
    /// Together with what comes within this time.
    JoinTime(Duration),
    /// Later.
    Delay(Duration),
    /// Later by a random time of at most this.
    Jitter(Duration),
    /// Not at all, with this probability: a datagram, or a message of a connection.
    Drop(f64),
    /// Twice.
    Duplicate(f64),
    /// After what follows it.
    Reorder(f64),
    /// At most so many bytes a second.
    Throttle(u64),
    /// The connection is reset after so many messages.
    ResetAfterMessages(u64),
    /// The connection is reset after so many bytes.
    ResetAfterBytes(u64),
    /// With a bit changed, in each byte with this probability.
    Flip(f64),
}

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Nothing is called that.
    #[error(
        "'{0}' is not a fault; there are cut=BYTES, join=BYTES or join=TIME, delay=TIME, jitter=TIME, throttle=BYTES/s, flip=SHARE, \
         drop=SHARE, duplicate=SHARE, reorder=SHARE, reset-after=MESSAGES or reset-after=BYTES"
    )]
    Unknown(String),
    /// What follows the name is not what it takes.
    #[error("{name}={value}: {name} takes {takes}")]
    Value {
        /// The fault.
        name: String,
        /// What follows it.
        value: String,
        /// What should.
        takes: &'static str,
    },
}

/// How long a piece is alone unless the user says otherwise: longer than a waiting program takes to read it.
const PAUSE: Duration = Duration::from_millis(1);

const CUT: &str = "the length of a piece, or the least and the most: cut=3 or cut=1-10, with another pause between pieces cut=3/5ms";
const JOIN: &str = "a number of bytes or a time: join=1000 or join=20ms";
const TIME: &str = "a time: 50ms, 200us or 1s";
const SHARE: &str = "a share: 1% or 0.01";
const RATE: &str = "bytes a second: 64KiB/s";
const RESET: &str = "a number of messages, or of bytes with a unit: reset-after=3 or reset-after=1000B";

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let unknown = || FaultError::Unknown(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(unknown)?;
        let (fault, takes) = match name {
            "cut" => (cut(value), CUT),
            "join" => (join(value), JOIN),
            "delay" => (time(value).map(Fault::Delay), TIME),
            "jitter" => (time(value).map(Fault::Jitter), TIME),
            "drop" => (share(value).map(Fault::Drop), SHARE),
            "duplicate" => (share(value).map(Fault::Duplicate), SHARE),
            "reorder" => (share(value).map(Fault::Reorder), SHARE),
            "flip" => (share(value).map(Fault::Flip), SHARE),
            "throttle" => (value.strip_suffix("/s").and_then(positive).map(Fault::Throttle), RATE),
            "reset-after" => (reset_after(value), RESET),
            _ => return Err(unknown()),
        };
        fault.ok_or_else(|| FaultError::Value { name: name.to_owned(), value: value.to_owned(), takes })
    }
}

fn cut(value: &str) -> Option<Fault> {
    let (lengths, pause) = match value.split_once('/') {
        Some((lengths, pause)) => (lengths, time(pause)?),
        None => (value, PAUSE),
    };
    let (least, most) = lengths.split_once('-').unwrap_or((lengths, lengths));
    let (least, most) = (positive(least)?, positive(most)?);
    (least <= most).then_some(Fault::Cut { least, most, pause })
}

fn join(value: &str) -> Option<Fault> {
    positive(value).map(Fault::JoinBytes).or_else(|| time(value).map(Fault::JoinTime))
}

fn reset_after(value: &str) -> Option<Fault> {
    match value.parse() {
        Ok(messages) => Some(Fault::ResetAfterMessages(messages)),
        Err(_) => size(value).map(Fault::ResetAfterBytes),
    }
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let second = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * second).ok()
}

fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

fn size(text: &str) -> Option<u64> {
    text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64())
}

fn positive(text: &str) -> Option<u64> {
    size(text).filter(|size| *size > 0)
}

impl Fault {
    /// Its name, as it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Cut { .. } => "cut",
            Fault::JoinBytes(_) | Fault::JoinTime(_) => "join",
            Fault::Delay(_) => "delay",
            Fault::Jitter(_) => "jitter",
            Fault::Drop(_) => "drop",
            Fault::Duplicate(_) => "duplicate",
            Fault::Reorder(_) => "reorder",
            Fault::Throttle(_) => "throttle",
            Fault::ResetAfterMessages(_) | Fault::ResetAfterBytes(_) => "reset-after",
            Fault::Flip(_) => "flip",
        }
    }

    /// Whether its result depends on the seed.
    pub fn is_random(&self) -> bool {
        match self {
            Fault::Cut { least, most, .. } => least < most,
            Fault::Jitter(_) | Fault::Drop(_) | Fault::Duplicate(_) | Fault::Reorder(_) | Fault::Flip(_) => {
                true
            }
            _ => false,
        }
    }

    /// Whether a connection has to be read as messages for it.
    pub(crate) fn is_of_messages(&self) -> bool {
        matches!(
            self,
            Fault::Drop(_) | Fault::Duplicate(_) | Fault::Reorder(_) | Fault::ResetAfterMessages(_)
        )
    }

    /// Whether it makes sense for datagrams.
    pub(crate) fn is_of_datagrams(&self) -> bool {
        !matches!(
            self,
            Fault::Cut { .. }
                | Fault::JoinBytes(_)
                | Fault::JoinTime(_)
                | Fault::ResetAfterMessages(_)
                | Fault::ResetAfterBytes(_)
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Fault::Cut { least, most, pause } if least == most => write!(f, "{name}={least}/{pause:?}"),
            Fault::Cut { least, most, pause } => write!(f, "{name}={least}-{most}/{pause:?}"),
            Fault::JoinBytes(bytes) => write!(f, "{name}={bytes}"),
            Fault::JoinTime(time) | Fault::Delay(time) | Fault::Jitter(time) => write!(f, "{name}={time:?}"),
            Fault::Drop(share) | Fault::Duplicate(share) | Fault::Reorder(share) | Fault::Flip(share) => {
                write!(f, "{name}={share}")
            }
            Fault::Throttle(rate) => write!(f, "{name}={rate}/s"),
            Fault::ResetAfterMessages(count) => write!(f, "{name}={count}"),
            Fault::ResetAfterBytes(bytes) => write!(f, "{name}={bytes}B"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        for (text, fault) in [
            ("cut=3", Fault::Cut { least: 3, most: 3, pause: PAUSE }),
            ("cut=1-10/5ms", Fault::Cut { least: 1, most: 10, pause: Duration::from_millis(5) }),
            ("cut=2/0s", Fault::Cut { least: 2, most: 2, pause: Duration::ZERO }),
            ("join=1000", Fault::JoinBytes(1000)),
            ("join=20ms", Fault::JoinTime(Duration::from_millis(20))),
            ("delay=1.5s", Fault::Delay(Duration::from_millis(1500))),
            ("jitter=200us", Fault::Jitter(Duration::from_micros(200))),
            ("drop=1%", Fault::Drop(0.01)),
            ("duplicate=0.5", Fault::Duplicate(0.5)),
            ("reorder=100%", Fault::Reorder(1.0)),
            ("throttle=64KiB/s", Fault::Throttle(65_536)),
            ("reset-after=3", Fault::ResetAfterMessages(3)),
            ("reset-after=1000B", Fault::ResetAfterBytes(1000)),
            ("flip=0.1%", Fault::Flip(0.001)),
        ] {
            assert_eq!(text.parse::<Fault>().unwrap(), fault, "{text}");
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault, "{fault}");
        }
    }

    #[test]
    fn what_is_no_fault_says_what_there_is() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(error("lose=1%").starts_with("'lose=1%' is not a fault; there are cut=BYTES"));
        assert_eq!(error("drop=200%"), "drop=200%: drop takes a share: 1% or 0.01");
        for text in [
            "cut=0",
            "cut=5-2",
            "cut=",
            "delay=5",
            "delay=-1s",
            "delay=1e300s",
            "throttle=5",
            "flip=nan",
            "join=0",
        ] {
            assert!(error(text).contains(" takes "), "{text}");
        }
    }
}
