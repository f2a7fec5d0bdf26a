//! Which values a field may have, by trying some of them.

use std::collections::BTreeSet;

use framescope_parser::Value;

use super::learn::Learner;
use super::node::{owned, value_like};
use super::place::Place;
use super::{Chosen, Domain};

/// Lengths of text and bytes that are tried.
const LENGTHS: [usize; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 31, 64, 100, 256, 1000];

impl Learner<'_> {
    pub(super) fn domain(&mut self, place: &Place, leaf: usize) -> Option<Domain> {
        let value = self.value(place)?;
        match &value {
            Value::Unsigned(_) | Value::Hex(_) | Value::Signed(_) | Value::Wide(_) | Value::Enum(_) => {
                self.numbers(place, leaf, &value)
            }
            Value::Bool(now) => self.may_be(place, leaf, Value::Bool(!now)).then_some(Domain::Bool),
            Value::Float(_) => self.float(place, leaf),
            Value::Text(text) => self.text(place, leaf, text),
            Value::Bytes(bytes) => self.bytes(place, leaf, bytes),
            Value::Group | Value::Missing => None,
        }
    }

    fn float(&mut self, place: &Place, leaf: usize) -> Option<Domain> {
        if self.may_be(place, leaf, Value::Float(0.1)) {
            return Some(Domain::Float(64));
        }
        self.may_be(place, leaf, Value::Float(0.1_f32.into())).then_some(Domain::Float(32))
    }

    fn numbers(&mut self, place: &Place, leaf: usize, like: &Value<'static>) -> Option<Domain> {
        let now = number_in(like)?;
        let mut may_be = |number: i128| {
            let chosen = Chosen::Number(number);
            value_like(like, &chosen).is_some_and(|value| self.may_be(place, leaf, owned(&value)))
        };
        // The widest that it is written in, above and below zero.
        let widest = if matches!(like, Value::Wide(_)) { 126 } else { 64 };
        let bits = (1..=widest).rev().find(|&bits| may_be((1 << bits) - 1));
        let last = bits.map_or(now, |bits| (1 << bits) - 1);
        let below = if may_be(-1) { (0..=widest).rev().find(|&bits| may_be(-(1 << bits))) } else { None };
        let first = below.map_or_else(|| if may_be(0) { 0 } else { now.min(last) }, |bits| -(1 << bits));
        let span = last - first;
        if span > 8 && (1..8).all(|n| may_be(first + span / 8 * n + n)) {
            return Some(Domain::Numbers(first, last));
        }
        let few = (0..=8).chain((4..16).map(|bits| 1 << bits)).chain(self.named.iter().copied());
        let few: BTreeSet<i128> = few.chain([now, first, last]).collect();
        let mut found: BTreeSet<i128> =
            few.into_iter().filter(|&number| self.may_be_number(place, leaf, like, number)).collect();
        if found.len() > 1 {
            found.extend((9..=255).filter(|&number| self.may_be_number(place, leaf, like, number)));
        }
        (found.len() > 1).then(|| Domain::OneNumber(found.into_iter().collect()))
    }

    fn may_be_number(&mut self, place: &Place, leaf: usize, like: &Value<'static>, number: i128) -> bool {
        let chosen = Chosen::Number(number);
        value_like(like, &chosen).is_some_and(|value| self.may_be(place, leaf, owned(&value)))
    }

    fn text(&mut self, place: &Place, leaf: usize, now: &str) -> Option<Domain> {
        let now = now.chars().count();
        let text = |one: char, length: usize| Value::Text(String::from_iter(vec![one; length]).into());
        let mut fills = ['a', '0', 'A', ' '].into_iter().chain('!'..='~');
        let fill = fills.find(|&one| self.may_be(place, leaf, text(one, now.max(1))))?;
        let (least, most) = self.lengths(place, leaf, now, &|length| text(fill, length));
        let mut except = Vec::new();
        let ascii: Vec<char> = ('\0'..='\x7f').collect();
        for some in ascii.chunks(16.clamp(least.max(1), most.max(1))) {
            let padded =
                some.iter().copied().chain(vec![fill; least.saturating_sub(some.len())]).collect::<String>();
            if !self.may_be(place, leaf, Value::Text(padded.into())) {
                let length = now.max(1);
                except
                    .extend(some.iter().copied().filter(|&one| !self.may_be(place, leaf, text(one, length))));
            }
        }
        let mut last = '\x7f';
        for higher in ['\u{ff}', '\u{ffff}', '\u{10ffff}'] {
            let length = if most > least { now.max(1) } else { now / higher.len_utf8() };
            let mut characters = vec![higher; length];
            characters.resize(
                characters.len() + if most > least { 0 } else { now - length * higher.len_utf8() },
                fill,
            );
            if self.may_be(place, leaf, Value::Text(String::from_iter(characters).into())) {
                last = higher;
            }
        }
        let is_free = most > least || (last > '\x7f' || except.len() < 127) && most > 0;
        if !is_free {
            return None;
        }
        Some(Domain::Text { last, except, least, most })
    }

    fn bytes(&mut self, place: &Place, leaf: usize, now: &[u8]) -> Option<Domain> {
        let now = now.len();
        let bytes = |one: u8, length: usize| Value::Bytes(vec![one; length].into());
        let fill = (0..=255).find(|&one| self.may_be(place, leaf, bytes(one, now.max(1))))?;
        let (least, most) = self.lengths(place, leaf, now, &|length| bytes(fill, length));
        let mut except = Vec::new();
        let all: Vec<u8> = (0..=255).collect();
        for some in all.chunks(16.clamp(least.max(1), most.max(1))) {
            let mut padded = some.to_vec();
            padded.resize(padded.len().max(least), fill);
            if !self.may_be(place, leaf, Value::Bytes(padded.into())) {
                let length = now.max(1);
                except.extend(
                    some.iter().copied().filter(|&one| !self.may_be(place, leaf, bytes(one, length))),
                );
            }
        }
        let is_free = most > least || except.len() < 255 && most > 0;
        is_free.then_some(Domain::Bytes { except, least, most })
    }

    /// How short and how long a value may be.
    fn lengths(
        &mut self,
        place: &Place,
        leaf: usize,
        now: usize,
        of: &dyn Fn(usize) -> Value<'static>,
    ) -> (usize, usize) {
        let up = LENGTHS.into_iter().filter(|&length| length > now);
        let most = up.take_while(|&length| self.may_be(place, leaf, of(length))).last().unwrap_or(now);
        let down = LENGTHS.into_iter().rev().filter(|&length| length < now);
        let least = down.take_while(|&length| self.may_be(place, leaf, of(length))).last().unwrap_or(now);
        (least, most)
    }
}

fn number_in(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Unsigned(n) | Value::Hex(n) => Some(i128::from(*n)),
        Value::Signed(n) => Some(i128::from(*n)),
        Value::Wide(n) => Some(n.number()),
        Value::Enum(kind) => Some(kind.number()),
        _ => None,
    }
}
