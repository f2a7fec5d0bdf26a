//! In which messages a statement holds.

use std::collections::HashMap;

use super::basis::{Basis, Located};
use super::{Statement, What, value};
use crate::layout::{Clock, Encoding, Order};

/// Clocks may be wrong by so much.
const DAY_NS: f64 = 86_400e9;
/// What other numbers than floating-point ones look like is rarely between these.
const SMALLEST: f64 = 1e-9;
const LARGEST: f64 = 1e12;
/// More values are no kinds.
const KINDS: usize = 256;

/// The messages that a statement is about, each with whether it holds there.
pub(super) fn holding<'b, 's>(basis: &'b Basis<'s>, said: &Statement) -> Vec<(&'b Located<'s>, bool)> {
    let messages: Vec<&Located<'s>> =
        basis.messages.iter().filter(|one| super::basis::is_about(said, &one.message)).collect();
    let field = |one: &Located<'s>| {
        let range = said.place.range(one.message.bytes.len())?;
        one.message.bytes.get(range)
    };
    let all = |test: &dyn Fn(&Located<'s>, &[u8]) -> bool| {
        messages.iter().map(|one| (*one, field(one).is_some_and(|bytes| test(one, bytes)))).collect()
    };
    match &said.what {
        What::Number(_) | What::Flags(_) => all(&|_, bytes| bytes.len() <= 8),
        What::Bytes => all(&|_, _| true),
        What::Kind => {
            let mut values: HashMap<&[u8], usize> = HashMap::new();
            messages
                .iter()
                .filter_map(|one| field(one))
                .for_each(|bytes| *values.entry(bytes).or_default() += 1);
            all(&|_, bytes| bytes.len() == 1 && values.len() <= KINDS)
        }
        What::Float(order) => all(&|_, bytes| is_float(bytes, *order)),
        What::Length { order, beyond } => all(&|one, bytes| {
            let length = one.message.bytes.len();
            let Some(end) = said.place.range(length).map(|range| range.end) else { return false };
            let counted = i64::try_from(value(bytes, *order)).ok();
            let total = counted
                .and_then(|counted| counted.checked_add(*beyond)?.checked_add(i64::try_from(end).ok()?));
            bytes.len() <= 8 && total == i64::try_from(length).ok()
        }),
        What::Check(check) => all(&|one, _| check.holds_in(one.message.bytes)),
        What::Text(encoding) => all(&|_, bytes| is_text(bytes, *encoding)),
        What::Constant(wanted) => all(&|_, bytes| bytes == wanted.as_slice()),
        What::Time { order, clock } => all(&|one, bytes| is_time(bytes, *order, *clock, one.message.time)),
        What::Counter(order) => {
            let step = usual_step(&messages, &field, *order);
            let mut last: HashMap<(u32, u8), u64> = HashMap::new();
            messages
                .iter()
                .map(|one| {
                    let Some(bytes) = field(one).filter(|bytes| bytes.len() <= 8) else {
                        return (*one, false);
                    };
                    let now = value(bytes, *order);
                    let before = last.insert((one.message.talk, one.message.side), now);
                    let holds = before.is_none_or(|before| difference(before, now, bytes.len()) == step);
                    (*one, holds && step != 0)
                })
                .collect()
        }
    }
}

/// By how much a number of some bytes rises, which may begin again at 0.
fn difference(before: u64, now: u64, bytes: usize) -> u64 {
    let mask = if bytes >= 8 { u64::MAX } else { (1 << (bytes * 8)) - 1 };
    now.wrapping_sub(before) & mask
}

/// By how much a number rises most often from a message of a side to the next.
fn usual_step<'s>(
    messages: &[&Located<'s>],
    field: &dyn Fn(&Located<'s>) -> Option<&'s [u8]>,
    order: Order,
) -> u64 {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    let mut last: HashMap<(u32, u8), u64> = HashMap::new();
    for one in messages {
        let Some(bytes) = field(one).filter(|bytes| bytes.len() <= 8) else { continue };
        let now = value(bytes, order);
        if let Some(before) = last.insert((one.message.talk, one.message.side), now) {
            *counts.entry(difference(before, now, bytes.len())).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(step, count)| (*count, u64::MAX - step)).map_or(0, |(step, _)| step)
}

fn is_float(bytes: &[u8], order: Order) -> bool {
    let number = match bytes.len() {
        4 => u32::try_from(value(bytes, order)).map(f32::from_bits).map(f64::from).ok(),
        8 => Some(f64::from_bits(value(bytes, order))),
        _ => None,
    };
    number.is_some_and(|number| number == 0.0 || (SMALLEST..LARGEST).contains(&number.abs()))
}

fn is_text(bytes: &[u8], encoding: Encoding) -> bool {
    let is_shown = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n');
    match encoding {
        Encoding::Ascii => bytes.is_ascii() && bytes.iter().all(|byte| is_shown(char::from(*byte))),
        Encoding::Utf8 => std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_shown)),
        Encoding::Utf16(order) => {
            let units = bytes.chunks(2).map(|pair| match (pair, order) {
                ([high, low], Order::Big) | ([low, high], Order::Little) => u16::from_be_bytes([*high, *low]),
                _ => 0xd800,
            });
            char::decode_utf16(units).all(|c| c.is_ok_and(is_shown))
        }
    }
}

fn is_time(bytes: &[u8], order: Order, clock: Clock, captured: i64) -> bool {
    const SINCE_1900: f64 = 2_208_988_800.0;
    let number = value(bytes, order);
    let float = number as f64;
    let time = match (clock, bytes.len()) {
        (Clock::Unix(units), 4 | 8) => float * 1e9 / units.max(1) as f64,
        (Clock::UnixFloat, 8) => f64::from_bits(number) * 1e9,
        (Clock::Ntp, 8) => {
            ((number >> 32) as f64 - SINCE_1900) * 1e9 + (number & 0xffff_ffff) as f64 / 4.294_967_296
        }
        (Clock::NtpSeconds, 4) => (float - SINCE_1900) * 1e9,
        (Clock::FileTime, 8) => (float - 116_444_736e9) * 100.0,
        (Clock::Ticks, 8) => ((number & 0x3fff_ffff_ffff_ffff) as f64 - 621_355_968e9) * 100.0,
        (Clock::Elapsed(_), 2 | 4 | 8) => return true,
        _ => return false,
    };
    match captured {
        // From 2001 to 2036.
        0 => (0.98e18..2.09e18).contains(&time),
        captured => (time - captured as f64).abs() < DAY_NS,
    }
}
