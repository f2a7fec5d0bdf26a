//! Times: numbers that are the time at which the message was captured, in one of the usual units.

use super::claim::Claim;
use super::field::{Clock, Meaning, Order};
use super::table::{Table, distinct};

/// Clocks may be wrong by so much.
const DAY_NS: f64 = 86_400e9;

/// How a time is read: its width in bytes, and the nanoseconds since the Unix epoch of a value.
struct Reading {
    clock: Clock,
    width: usize,
    nanoseconds: fn(u64) -> f64,
}

const SINCE_1900: f64 = 2_208_988_800.0;

const READINGS: [Reading; 8] = [
    Reading { clock: Clock::Unix(1), width: 4, nanoseconds: |value| value as f64 * 1e9 },
    Reading { clock: Clock::Unix(1), width: 8, nanoseconds: |value| value as f64 * 1e9 },
    Reading { clock: Clock::Unix(1_000), width: 8, nanoseconds: |value| value as f64 * 1e6 },
    Reading { clock: Clock::Unix(1_000_000), width: 8, nanoseconds: |value| value as f64 * 1e3 },
    Reading { clock: Clock::Unix(1_000_000_000), width: 8, nanoseconds: |value| value as f64 },
    Reading { clock: Clock::UnixFloat, width: 8, nanoseconds: |value| f64::from_bits(value) * 1e9 },
    Reading {
        clock: Clock::Ntp,
        width: 8,
        nanoseconds: |value| {
            ((value >> 32) as f64 - SINCE_1900) * 1e9 + (value & 0xffff_ffff) as f64 / 4.294_967_296
        },
    },
    Reading { clock: Clock::FileTime, width: 8, nanoseconds: |value| (value as f64 - 116_444_736e9) * 100.0 },
];
const MORE: [Reading; 2] = [
    Reading { clock: Clock::NtpSeconds, width: 4, nanoseconds: |value| (value as f64 - SINCE_1900) * 1e9 },
    Reading {
        clock: Clock::Ticks,
        width: 8,
        nanoseconds: |value| ((value & 0x3fff_ffff_ffff_ffff) as f64 - 621_355_968e9) * 100.0,
    },
];

/// Proposes times.
pub(super) fn find(table: &Table<'_>, claims: &mut Vec<Claim>) {
    for from in 0..table.width {
        for reading in READINGS.iter().chain(&MORE) {
            for order in [Order::Big, Order::Little] {
                claims.extend(absolute(table, from, reading, order));
            }
        }
        for width in [4, 8] {
            for order in [Order::Big, Order::Little] {
                claims.extend(elapsed(table, from, width, order));
            }
        }
    }
}

fn absolute(table: &Table<'_>, from: usize, reading: &Reading, order: Order) -> Option<Claim> {
    let columns = table.digits(from, reading.width, order);
    // The highest bytes of today's times vary little, and none of them is zero in four bytes of seconds.
    if columns.is_empty() || columns.first().is_some_and(|column| column.distinct > 3) {
        return None;
    }
    let values = table.numbers(from, reading.width, order);
    let mut wrong = 0;
    let mut offsets = Vec::new();
    for (value, row) in values.iter().zip(&table.rows) {
        let time = (reading.nanoseconds)(*value);
        let is_right = match row.message.time {
            // From 2001 to 2036.
            0 => time > 0.98e18 && time < 2.09e18,
            captured => (time - captured as f64).abs() < DAY_NS,
        };
        if is_right && row.message.time != 0 {
            offsets.push(((time - row.message.time as f64) / 1e6).round());
        }
        wrong += usize::from(!is_right);
        if wrong * 20 > table.len() {
            return None;
        }
    }
    let all = table.len();
    let holds = all - wrong;
    let different = distinct(&values);
    let is_tied = !offsets.is_empty();
    if !is_tied && (different < 3 || reading.width == 4 && !rises(table, &values)) {
        return None;
    }
    offsets.sort_by(f64::total_cmp);
    let median = offsets.get(offsets.len() / 2).copied().unwrap_or(0.0) / 1e3;
    let near = offsets.iter().filter(|offset| (**offset / 1e3 - median).abs() < 2.0).count();
    let evidence = if is_tied {
        format!(
            "within a day of the time of capture in {holds} of {all} messages, {median:+.1} s at the median"
        )
    } else {
        format!(
            "a time from 2001 to 2036 in {holds} of {all} messages, which have {different} different ones"
        )
    };
    let (bits, confidence) = match (is_tied, reading.width) {
        (true, 8)
            if columns.first().is_some_and(|column| column.is_zero()) && reading.clock == Clock::Unix(1) =>
        {
            (30.0, 0.85)
        }
        (true, 8) => (40.0, 0.98),
        (true, _) if near * 10 > all * 9 && (median.abs() < 5.0 || different > 9) => {
            (25.0, if different > 2 { 0.97 } else { 0.92 })
        }
        (true, _) if different > 2 => (4.0, 0.6),
        (true, _) => return None,
        (false, 8) => (10.0, 0.8),
        (false, _) => (6.0, 0.6),
    };
    // Of the readings of 8 bytes, wrong ones are off by far more than a day.
    let gain = bits + bits * different as f64;
    let meaning = Meaning::Time { order, clock: reading.clock };
    Some(Claim { from, width: reading.width, meaning, gain, confidence, holds: (holds, all), evidence })
}

fn rises(table: &Table<'_>, values: &[u64]) -> bool {
    let (mut up, mut all) = (0, 0);
    for group in &table.sides {
        for pair in group.windows(2) {
            let value = |at: usize| pair.get(at).and_then(|row| values.get(*row)).copied();
            up += usize::from(value(0) <= value(1));
            all += 1;
        }
    }
    all > 3 && up * 20 >= all * 19
}

/// A clock that began at an event that is not known: it advances as the time of capture does.
fn elapsed(table: &Table<'_>, from: usize, width: usize, order: Order) -> Option<Claim> {
    let lowest = *table.digits(from, width, order).last()?;
    if lowest.distinct < 6
        || table.digits(from, width, order).first().is_none_or(|highest| highest.distinct > 4)
    {
        return None;
    }
    let values = table.numbers(from, width, order);
    let mask = u64::MAX >> (64 - 8 * width);
    let (mut steps, mut passed): (Vec<f64>, Vec<f64>) = Default::default();
    for group in &table.sides {
        let row = |at: &usize| table.rows.get(*at).map(|row| row.message.time).zip(values.get(*at).copied());
        let Some((begin, first)) = group.first().and_then(row) else { continue };
        for (time, value) in group.iter().skip(1).filter_map(row).filter(|(time, _)| *time != 0 && begin != 0)
        {
            steps.push((value.wrapping_sub(first) & mask) as f64);
            passed.push((time - begin) as f64 / 1e9);
        }
    }
    let longest = passed.iter().copied().fold(0.0, f64::max);
    if steps.len() < 8 || distinct(&values) < 8 {
        return None;
    }
    [1.0, 10.0, 100.0, 1e3, 1e6, 1e9, 90e3].into_iter().find_map(|unit: f64| {
        // The range must be long beside how exact it is: a unit, and how late a message may be captured.
        let slack = (1.5 / unit).max(0.02 * longest);
        if longest < 20.0 / unit || longest < 0.05 {
            return None;
        }
        let near = steps.iter().zip(&passed).filter(|(step, time)| (**step / unit - **time).abs() <= slack).count();
        if near * 20 < steps.len() * 19 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one of the units above")]
        let clock = Clock::Elapsed(unit as u64);
        let evidence = format!(
            "advances by {unit} a second as the time of capture does, in {near} of {} cases over {longest:.1} s",
            steps.len()
        );
        Some(Claim {
            from,
            width,
            meaning: Meaning::Time { order, clock },
            gain: near.min(9) as f64 * 10.0 + super::claim::fit(table, from, width, order),
            confidence: 0.9,
            holds: (near, steps.len()),
            evidence,
        })
    })
}
